//! Records that nobody waits for, and that could not be written yet.

use super::group::Then;
use super::{Mark, Shared};
use std::fmt;
use std::sync::atomic::Ordering;
use std::sync::{Mutex, PoisonError};

/// As many calls as can be open.
const ORPHANS_MAX: usize = 1_000_000;

/// A record that nobody waits for.
pub(super) struct Orphan {
    pub(super) record: Vec<u8>,
    pub(super) mark: Mark,
    pub(super) then: Option<Then>,
}

impl fmt::Debug for Orphan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Orphan").field("mark", &self.mark).finish_non_exhaustive()
    }
}

/// All of them. They are locked only where something is full or fails.
#[derive(Debug, Default)]
pub(super) struct Orphans(Mutex<Vec<Orphan>>);

impl Orphans {
    /// Gives all of them away.
    pub(super) fn leave(&self) -> Vec<Orphan> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Shared {
    /// Keeps a record that nobody waits for; it is lost, and counted, where there are too many by now.
    pub(super) fn orphaned(&self, orphan: Orphan) {
        let mut orphans = self.orphans.0.lock().unwrap_or_else(PoisonError::into_inner);
        if orphans.len() < ORPHANS_MAX {
            orphans.push(orphan);
        } else {
            self.gauges.refused.fetch_add(1, Ordering::Relaxed);
        }
    }
}
