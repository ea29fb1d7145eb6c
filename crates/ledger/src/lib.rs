//! A provable record of every request: what was sent where, by whom, why, and what became of it.
//!
//! It never has a prompt or an answer: only what is about them, and digests under a key. It knows no request's way and
//! no price; it is told, and remembers so that nobody can change it unnoticed.
//!
//! ```text
//! record/      what is written, field by field
//! journal/     files of framed records; one writer, groups, syncs, what a crash leaves behind
//! merkle/      the tree over all records, and proofs
//! checkpoint/  size and root of the tree, signed
//! upkeep/      another key, fewer old records, a copy and back from it
//! witness      who is asked over the network to sign that it has seen a checkpoint
//! Ledger       entries in, receipts out     Entries, verify, prove: for who reads
//! ```

pub mod checkpoint;
mod clock;
mod files;
pub mod home;
pub mod journal;
mod keeper;
mod ledger;
pub mod merkle;
mod others;
mod own_key;
mod prove;
mod pseudonym;
mod read;
pub mod record;
mod shelf;
pub mod upkeep;
pub mod verify;
mod watcher;
pub mod witness;

pub use ledger::{Found, Keeping, Ledger, LedgerError, LedgerSettings, OpenCall, Receipt, Reckon};
pub use prove::{Proof, ProveError, prove};
pub use pseudonym::{Digesting, Digests, Pseudonyms};
pub use read::{Entries, ReadError};
pub use watcher::Watcher;
