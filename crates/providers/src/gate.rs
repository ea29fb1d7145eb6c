//! How many requests a deployment may have open at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Counts the open requests of a deployment; nothing is locked.
#[derive(Debug, Clone)]
pub struct Gate {
    max: usize,
    open: Arc<AtomicUsize>,
}

impl Gate {
    /// A gate that lets so many in.
    pub fn new(max: usize) -> Self {
        Self { max, open: Arc::default() }
    }

    /// How many may be open.
    pub const fn max(&self) -> usize {
        self.max
    }

    /// Goes on counting where another gate does, so that a changed configuration forgets no open request.
    #[must_use]
    pub fn continuing(self, other: &Self) -> Self {
        Self { max: self.max, open: Arc::clone(&other.open) }
    }

    /// One more, unless there are as many as may be.
    pub fn enter(&self) -> Option<Entered> {
        let entered = Entered(Arc::clone(&self.open));
        (self.open.fetch_add(1, Ordering::Relaxed) < self.max).then_some(entered)
    }
}

/// One open request; it is counted until this is dropped.
#[derive(Debug)]
pub struct Entered(Arc<AtomicUsize>);

impl Drop for Entered {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_enter_as_may() {
        let gate = Gate::new(2);
        let (one, two) = (gate.enter().unwrap(), gate.enter().unwrap());
        assert!(gate.enter().is_none());
        let narrower = Gate::new(1).continuing(&gate);
        drop(one);
        assert!(narrower.enter().is_none(), "the other is still open");
        drop(two);
        assert!(narrower.enter().is_some());
    }
}
