//! Requests that are turned away before it is known whose they are: counted, so that a flood of them cannot fill a disk.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;
use switchtower_domain::RefusalCode;
use switchtower_ledger::record::{TurnedAway, TurnedAwayCount};

/// How many there were since they were last told.
#[derive(Debug)]
pub(crate) struct Counter {
    /// In the order of the codes.
    counts: Vec<AtomicU64>,
    since_us: AtomicU64,
}

impl Counter {
    pub(crate) fn new() -> Self {
        let counts = RefusalCode::ALL.iter().map(|_| AtomicU64::new(0)).collect();
        Self { counts, since_us: AtomicU64::new(now_us()) }
    }

    pub(crate) fn count(&self, code: RefusalCode) {
        let place = RefusalCode::ALL.iter().position(|other| *other == code);
        if let Some(count) = place.and_then(|place| self.counts.get(place)) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Those since the last time, if there were any.
    pub(crate) fn take(&self) -> Option<TurnedAway> {
        let until_us = now_us();
        let from_us = self.since_us.swap(until_us, Ordering::Relaxed);
        let taken = self.counts.iter().zip(RefusalCode::ALL).map(|(count, code)| TurnedAwayCount {
            code: code.as_str().into(),
            count: count.swap(0, Ordering::Relaxed),
        });
        let counts: Vec<_> = taken.filter(|counted| counted.count > 0).collect();
        (!counts.is_empty()).then_some(TurnedAway { from_us, until_us, counts })
    }
}

fn now_us() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_told_once() {
        let counter = Counter::new();
        assert_eq!(counter.take(), None);
        counter.count(RefusalCode::Unauthenticated);
        counter.count(RefusalCode::Unauthenticated);
        counter.count(RefusalCode::UnknownPath);
        let told = counter.take().unwrap();
        let counts: Vec<_> = told.counts.iter().map(|count| (count.code.as_ref(), count.count)).collect();
        assert_eq!(counts, [("unauthenticated", 2), ("unknown_path", 1)]);
        assert!(told.from_us <= told.until_us && counter.take().is_none());
    }
}
