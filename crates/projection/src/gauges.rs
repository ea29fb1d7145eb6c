//! How far a projection is, for metrics and readiness.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// What is known of a projection. It is read by anybody and never waited for.
#[derive(Debug, Default)]
pub struct Gauges {
    next: AtomicU64,
    failures: AtomicU64,
    failing: AtomicBool,
    behind_since_us: AtomicU64,
    trouble: Mutex<Option<String>>,
}

/// How a projection stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The number of the next record that is not in the store yet.
    pub next: u64,
    /// How often the store failed since the start.
    pub failures: u64,
    /// What is wrong now, if something is.
    pub trouble: Option<String>,
    /// When the oldest record was written that is not in the store yet, in microseconds since 1970; 0 where none is known.
    pub behind_since_us: u64,
}

impl Gauges {
    /// How it stands.
    pub fn standing(&self) -> Standing {
        let trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Standing {
            next: self.next.load(Ordering::Relaxed),
            failures: self.failures.load(Ordering::Relaxed),
            trouble: trouble.filter(|_| self.failing.load(Ordering::Relaxed)),
            behind_since_us: self.behind_since_us.load(Ordering::Relaxed),
        }
    }

    pub(crate) fn reached(&self, next: u64) {
        self.next.store(next, Ordering::Relaxed);
        self.failing.store(false, Ordering::Relaxed);
    }

    pub(crate) fn behind_since(&self, at_us: u64) {
        self.behind_since_us.store(at_us, Ordering::Relaxed);
    }

    pub(crate) fn failed(&self, trouble: String) {
        self.failures.fetch_add(1, Ordering::Relaxed);
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = Some(trouble);
        self.failing.store(true, Ordering::Relaxed);
    }
}
