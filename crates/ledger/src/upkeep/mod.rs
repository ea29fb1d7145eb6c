//! What an operator does with a ledger now and then: another key, fewer old records, a copy elsewhere, and back from it.
//! Each leaves its own entry.

mod backup;
mod copy;
mod prune;

pub use backup::{Backup, BackupError, backup, restore};
pub use prune::{PruneError, Pruning, prune};
