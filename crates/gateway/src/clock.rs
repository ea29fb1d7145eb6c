//! The time of day, read in one place.

use std::time::SystemTime;

/// Seconds since 1970, as answers state when they began.
pub(crate) fn seconds_since_1970() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs()
}
