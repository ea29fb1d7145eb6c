//! What no record says: how the gateway itself is doing, as the roof knows it at the moment of a look.

use std::sync::atomic::{AtomicU64, Ordering};

/// How the gateway is doing.
#[derive(Debug, Clone, Default)]
pub struct House {
    /// The version that runs.
    pub version: &'static str,
    /// When it started, in microseconds since 1970.
    pub started_us: u64,
    /// Requests that are open.
    pub open_requests: u64,
    /// Records in the ledger.
    pub records: u64,
    /// Those that the disk is known to have.
    pub synced: u64,
    /// Those that wait for the writer.
    pub waiting: u64,
    /// Groups that were written.
    pub commits: u64,
    /// How long that took, together, in microseconds.
    pub commit_us: u64,
    /// The longest of them, in microseconds.
    pub commit_us_max: u64,
    /// Bytes that were written.
    pub written_bytes: u64,
    /// Records that could not be written.
    pub refused_records: u64,
    /// Whether the last group could not be written.
    pub ledger_failing: bool,
    /// Folders of witnesses with a checkpoint of this ledger that it does not continue.
    pub witness_conflicts: u64,
    /// Checkpoints of other ledgers that did not continue what was seen of them.
    pub others_contradicted: u64,
    /// Room on the disk of the ledger, in bytes, where the system says it.
    pub disk_free_bytes: Option<u64>,
    /// How far the tables of the ledger are, where there are any.
    pub projection: Option<Projected>,
    /// Configurations that were put in force.
    pub reloads: u64,
    /// Those that could not be.
    pub reloads_failed: u64,
    /// Whether the last one was.
    pub reload_ok: bool,
    /// What being ready depends on.
    pub checks: Vec<Check>,
}

/// How far the tables of a ledger are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Projected {
    /// Records that are not there yet.
    pub behind: u64,
    /// How long ago the oldest of them was written, in microseconds.
    pub lag_us: u64,
    /// Whether the store takes none now.
    pub failing: bool,
    /// How often it did not.
    pub failures: u64,
}

/// Something that being ready depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Check {
    /// Its name.
    pub name: &'static str,
    /// Whether it holds.
    pub holds: bool,
}

/// What became of what was to be exported.
#[derive(Debug, Default)]
pub struct ExportCount {
    pub(crate) exported: AtomicU64,
    pub(crate) queue_full: AtomicU64,
    pub(crate) failed: AtomicU64,
    pub(crate) rejected: AtomicU64,
    pub(crate) stopped: AtomicU64,
    /// How many calls and refusals are being sent, or are waiting to be sent again.
    pub(crate) sending: AtomicU64,
}

impl ExportCount {
    /// The counts, each with its word.
    pub fn outcomes(&self) -> [(&'static str, u64); 5] {
        [
            ("exported", &self.exported),
            ("queue_full", &self.queue_full),
            ("failed", &self.failed),
            ("rejected", &self.rejected),
            ("stopped", &self.stopped),
        ]
        .map(|(word, count)| (word, count.load(Ordering::Relaxed)))
    }

    pub(crate) fn add(count: &AtomicU64, more: u64) {
        count.fetch_add(more, Ordering::Relaxed);
    }
}
