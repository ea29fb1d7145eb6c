//! The time of day, read in one place.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use std::time::SystemTime;

/// Seconds since 1970, as answers state when they began.
pub(crate) fn seconds_since_1970() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// The day of now, in UTC.
pub(crate) fn today() -> Date {
    jiff::Timestamp::now().to_zoned(TimeZone::UTC).date()
}

/// The day of a moment in microseconds since 1970, in UTC.
pub(crate) fn day_of(at_us: u64) -> Date {
    let moment = i64::try_from(at_us).ok().and_then(|at| jiff::Timestamp::from_microsecond(at).ok());
    moment.unwrap_or_else(jiff::Timestamp::now).to_zoned(TimeZone::UTC).date()
}

/// A time in microseconds, as records have it.
pub(crate) fn micros(time: std::time::Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
