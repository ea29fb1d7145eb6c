//! How the ledger is kept.

use super::checked::{choice, whole};
use super::problem::Findings;
use super::sources::Sources;
use super::written::{self, At};
use std::path::PathBuf;
use std::time::Duration;
use switchtower_ledger::LedgerSettings;
use switchtower_ledger::journal::{Fsync, JournalSettings};
use switchtower_ledger::witness::WitnessAddress;

/// The section with values that are valid in themselves.
#[derive(Debug)]
pub(super) struct Checked {
    data: Option<At<String>>,
    origin: Option<String>,
    journal: JournalSettings,
    checkpoint_interval: Duration,
    witnesses: Vec<At<String>>,
    asked: Vec<WitnessAddress>,
    keep: Option<Duration>,
}

/// Where state is kept where neither the command line nor the configuration says it.
pub(super) fn check(written: Option<&written::Ledger>, findings: &mut Findings) -> Checked {
    let written = written.cloned().unwrap_or_default();
    let usual = JournalSettings::new("");
    let millis = |at: Option<&At<u64>>, range, usual: u64, findings: &mut Findings| {
        Duration::from_millis(whole(at, range, findings).unwrap_or(usual))
    };
    let interval = millis(written.fsync_interval_ms.as_ref(), 1..=60_000, 1000, findings);
    let words = [("always", true), ("interval", false)];
    let always = choice(written.fsync.as_ref(), &words, findings).unwrap_or(false);
    let origin = written.origin.as_ref().filter(|at| {
        let named = !at.value.is_empty() && !at.value.contains(['+']) && !at.value.contains(char::is_whitespace);
        if !named {
            let message = "'ledger.origin' must be a name without white space and '+', such as example.com/switchtower";
            findings.add(&at.place, message.to_owned());
        }
        named
    });
    let (asked, witnesses): (Vec<_>, Vec<_>) =
        written.witnesses.into_iter().flat_map(|at| at.value).partition(|at| WitnessAddress::is_meant(&at.value));
    let mut addresses = Vec::new();
    for at in &asked {
        match WitnessAddress::parse(&at.value) {
            Ok(address) => addresses.push(address),
            Err(error) => findings.add(&at.place, format!("'ledger.witnesses': {error}")),
        }
    }
    let queue_max = whole(written.queue_max.as_ref(), 1..=1_000_000, findings);
    Checked {
        origin: origin.map(|at| at.value.clone()),
        journal: JournalSettings {
            fsync: if always { Fsync::Always } else { Fsync::Interval(interval) },
            commit_wait: millis(written.commit_wait_ms.as_ref(), 0..=1000, 0, findings),
            queue_max: queue_max.and_then(|max| usize::try_from(max).ok()).unwrap_or(usual.queue_max),
            wait_max: millis(written.wait_ms_max.as_ref(), 1..=600_000, 5000, findings),
            segment_bytes: whole(written.segment_bytes.as_ref(), 65_536..=(4 << 30), findings)
                .unwrap_or(usual.segment_bytes),
            ..usual
        },
        checkpoint_interval: millis(written.checkpoint_interval_ms.as_ref(), 100..=86_400_000, 60_000, findings),
        keep: whole(written.keep_days.as_ref(), 1..=36_500, findings).map(|days| Duration::from_hours(days * 24)),
        witnesses,
        asked: addresses,
        data: written.data,
    }
}

impl Checked {
    /// How long records are kept; for ever where nobody says.
    pub(super) const fn keep(&self) -> Option<Duration> {
        self.keep
    }

    /// The settings, with paths that begin in the folder of the file that names them.
    pub(super) fn resolve(&self, sources: &Sources) -> (Option<PathBuf>, LedgerSettings) {
        let path = |at: &At<String>| sources.folder(&at.place).join(&at.value);
        let settings = LedgerSettings {
            data: PathBuf::new(),
            origin: self.origin.clone(),
            journal: self.journal.clone(),
            checkpoint_interval: self.checkpoint_interval,
            witnesses: self.witnesses.iter().map(path).collect(),
            asked: self.asked.clone(),
            keep: self.keep,
            watcher: None,
        };
        (self.data.as_ref().map(path), settings)
    }
}
