//! What has ended and waits to be exported.

use switchtower_ledger::record::{Closed, Opened, Refused, Told};
use tokio::sync::mpsc;

/// A request that ended, as its records say.
#[derive(Debug)]
pub enum Ended {
    /// A call.
    Call {
        /// When it ended, in microseconds since 1970.
        at_us: u64,
        /// How it began.
        opened: Box<Opened>,
        /// How it ended.
        closed: Box<Closed>,
    },
    /// A refusal.
    Refused {
        /// When, in microseconds since 1970.
        at_us: u64,
        /// What was refused.
        refused: Box<Refused>,
    },
    /// What the gateway answered by itself.
    Told {
        /// When, in microseconds since 1970.
        at_us: u64,
        /// What was told.
        told: Box<Told>,
    },
}

impl Ended {
    /// How many spans it comes to.
    pub(crate) fn spans(&self) -> u64 {
        match self {
            Self::Call { closed, .. } => 1 + closed.attempts.len() as u64,
            Self::Refused { .. } | Self::Told { .. } => 1,
        }
    }
}

/// Where ended requests go.
#[derive(Debug, Clone)]
pub struct SpanQueue(mpsc::Sender<Ended>);

/// Where they wait.
#[derive(Debug)]
pub struct Waiting(pub(crate) mpsc::Receiver<Ended>);

impl SpanQueue {
    /// A queue in which so many may wait.
    pub fn new(max: usize) -> (Self, Waiting) {
        let (sender, receiver) = mpsc::channel(max.max(1));
        (Self(sender), Waiting(receiver))
    }

    /// Gives something its place; says how many spans are lost where there is none.
    pub(crate) fn push(&self, ended: Ended) -> Result<(), u64> {
        self.0.try_send(ended).map_err(|error| error.into_inner().spans())
    }

    /// How many wait.
    pub fn waiting(&self) -> usize {
        self.0.max_capacity() - self.0.capacity()
    }
}
