//! That something is on record: what the encoding of every answer asks for.

use switchtower_domain::{Refusal, RefusalCode};
use switchtower_ledger::Receipt;
use switchtower_ledger::journal::AppendError;

/// That a request is on record, without which nothing is encoded.
#[derive(Debug)]
pub(crate) struct Recorded(#[expect(dead_code, reason = "that it is there is what it says")] Kind);

#[derive(Debug)]
enum Kind {
    /// Its last entry is written.
    Written(#[expect(dead_code, reason = "that it is there is what it says")] Receipt),
    /// It was turned away before it was known whose it is, and counts in an entry to come.
    Counted,
    /// Nothing can be written, which is what the client is told.
    Impossible,
}

impl Recorded {
    /// For what was counted.
    pub(crate) const fn counted() -> Self {
        Self(Kind::Counted)
    }

    /// For the answer that nothing can be recorded.
    pub(crate) const fn impossible() -> Self {
        Self(Kind::Impossible)
    }
}

impl From<Receipt> for Recorded {
    fn from(receipt: Receipt) -> Self {
        Self(Kind::Written(receipt))
    }
}

/// The refusal where nothing can be written.
pub(crate) fn unavailable(error: &AppendError) -> Refusal {
    let message = match error {
        AppendError::Full => {
            "the gateway cannot record requests, since the disk of its ledger is full; its operator has to make room"
        }
        AppendError::Slow { .. } => "the gateway cannot record requests fast enough now; try again shortly",
        AppendError::Disk { .. }
        | AppendError::Uncertain { .. }
        | AppendError::Closed
        | AppendError::TooLarge { .. } => {
            "the gateway cannot record requests now, and answers none that it cannot record"
        }
    };
    Refusal::new(RefusalCode::LedgerUnavailable, message).detail(error.to_string())
}
