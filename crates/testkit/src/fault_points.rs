//! Steps that can be made to fail: the first, the second, the third, until all of it passes.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counts steps, and fails one of them. Clones count together.
#[derive(Debug, Clone)]
pub struct FaultPoints {
    at: u64,
    steps: Arc<AtomicU64>,
    /// Whether everything after it fails too.
    lasting: bool,
}

/// Fails the `n`-th step, from 1, and no other. With 0 nothing fails.
pub fn fail_at(n: u64) -> FaultPoints {
    FaultPoints { at: n, steps: Arc::default(), lasting: false }
}

impl FaultPoints {
    /// The same, but everything after it fails too.
    #[must_use]
    pub fn lasting(self) -> Self {
        Self { lasting: true, ..self }
    }

    /// One step.
    ///
    /// # Errors
    /// Where this is the step that fails.
    pub fn step(&self) -> io::Result<()> {
        let number = self.steps.fetch_add(1, Ordering::SeqCst) + 1;
        let fails = self.at > 0 && (number == self.at || self.lasting && number > self.at);
        if fails { Err(io::Error::other(format!("step {number} was made to fail"))) } else { Ok(()) }
    }

    /// Whether the step that fails was reached.
    pub fn reached(&self) -> bool {
        self.at > 0 && self.steps.load(Ordering::SeqCst) >= self.at
    }
}
