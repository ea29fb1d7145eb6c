//! A ledger from outside: what is written is there, what is changed is found, and proofs hold.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

mod keys;
mod life;
mod tampering;
mod upkeep;
mod witnessed;

use std::path::Path;
use std::time::Duration;
use switchtower_ledger::journal::{Fsync, JournalSettings};
use switchtower_ledger::record::{Closed, Costs, Counts, Opened, RequestId};
use switchtower_ledger::{Keeping, Ledger, LedgerSettings};

fn settings(data: &Path) -> LedgerSettings {
    LedgerSettings {
        origin: Some("test.example/log".to_owned()),
        journal: JournalSettings { segment_bytes: 2000, fsync: Fsync::Always, ..JournalSettings::new("") },
        checkpoint_interval: Duration::from_hours(1),
        ..LedgerSettings::new(data)
    }
}

/// Nothing is known of what a crash left open.
fn unreckoned(_: &Opened, _: u64) -> (Counts, Option<Costs>) {
    Default::default()
}

fn open(data: &Path) -> (Ledger, Keeping) {
    let (ledger, keeping, _) = Ledger::open(&settings(data), &unreckoned).unwrap();
    (ledger, keeping)
}

async fn call(ledger: &Ledger, number: u8) {
    let opened = Opened { request: RequestId([number; 16]), deployment: "sim/sim-1".into(), ..Opened::default() };
    let open = ledger.begin(opened).await.unwrap();
    drop(open.close(Closed { outcome: "answered".into(), status: 200, ..Closed::default() }).await.unwrap());
}

/// A ledger with so many calls and a checkpoint after each twenty.
async fn filled(data: &Path, calls: u8) {
    for begun in (0..calls).step_by(20) {
        let (ledger, keeping) = open(data);
        for number in begun..(begun + 20).min(calls) {
            call(&ledger, number).await;
        }
        stop(ledger, keeping).await;
    }
}

async fn stop(ledger: Ledger, keeping: Keeping) {
    tokio::task::spawn_blocking(move || keeping.stop(&ledger, 0)).await.unwrap().unwrap();
}
