//! The one who looks after a ledger while others write: syncs, signs checkpoints, and shows them to witnesses.

use crate::checkpoint::{Checkpoint, Note, SigningKey};
use crate::clock::now_us;
use crate::files;
use crate::journal::disk::{Disk, Folder};
use crate::journal::{Fsync, Journal, Mark};
use crate::record::{Digest, Entry, Seen, TurnedAway};
use std::collections::HashMap;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// What checkpoints in a witness's folder are called.
const SUFFIX: &str = ".checkpoint";
/// The largest file that is taken for a checkpoint of another log.
const CHECKPOINT_BYTES_MAX: u64 = 64 << 10;
/// How often there is nothing to do but to look.
const LOOK_INTERVAL: Duration = Duration::from_millis(500);

#[derive(Debug, Clone)]
pub(crate) struct KeeperSettings {
    pub(crate) fsync: Fsync,
    pub(crate) checkpoint_interval: Duration,
    pub(crate) witnesses: Vec<PathBuf>,
}

#[derive(Debug)]
pub(crate) struct Keeper {
    stop: Sender<()>,
    thread: JoinHandle<()>,
}

impl Keeper {
    pub(crate) fn start(
        journal: Journal,
        disk: Arc<dyn Disk>,
        key: Arc<SigningKey>,
        settings: KeeperSettings,
    ) -> io::Result<Self> {
        let (stop, stopped) = channel();
        let mut round = Round { journal, disk, key, settings, signed: None, seen: HashMap::new() };
        let run = move || {
            let (mut synced_at, mut signed_at) = (Instant::now(), Instant::now());
            loop {
                let sync_interval = match round.settings.fsync {
                    Fsync::Interval(interval) => Some(interval),
                    Fsync::Always => None,
                };
                let wait = sync_interval.unwrap_or(LOOK_INTERVAL).min(LOOK_INTERVAL);
                match stopped.recv_timeout(wait) {
                    Ok(()) | Err(RecvTimeoutError::Disconnected) => return round.last(),
                    Err(RecvTimeoutError::Timeout) => {}
                }
                round.journal.bring_orphans();
                round.try_again();
                if sync_interval.is_some_and(|interval| synced_at.elapsed() >= interval) {
                    round.sync();
                    synced_at = Instant::now();
                }
                if signed_at.elapsed() >= round.settings.checkpoint_interval {
                    round.look_around();
                    round.sign();
                    signed_at = Instant::now();
                }
            }
        };
        let thread = std::thread::Builder::new().name("ledger-keeper".to_owned()).spawn(run)?;
        Ok(Self { stop, thread })
    }

    /// Signs a last checkpoint and ends.
    pub(crate) fn stop(self) {
        // A keeper that ended already hears nothing, and need not.
        let _ = self.stop.send(());
        let _ = self.thread.join();
    }
}

struct Round {
    journal: Journal,
    disk: Arc<dyn Disk>,
    key: Arc<SigningKey>,
    settings: KeeperSettings,
    /// The size of the last checkpoint.
    signed: Option<u64>,
    /// The sizes of other logs that were seen.
    seen: HashMap<String, u64>,
}

impl Round {
    /// While nothing can be written, requests may stay away, and nobody would find out that there is room again. An empty
    /// count of who was turned away says nothing, and does.
    fn try_again(&self) {
        if self.journal.gauges().failing.load(Ordering::Relaxed) {
            let at_us = now_us();
            let nothing = TurnedAway { from_us: at_us, until_us: at_us, counts: Vec::new() };
            self.journal.try_again(Entry { at_us, body: nothing.into() }.to_bytes());
        }
    }

    fn sync(&self) {
        let gauges = self.journal.gauges();
        if gauges.records.load(Ordering::Relaxed) == gauges.synced.load(Ordering::Relaxed) {
            return;
        }
        if let Err(error) = self.journal.sync() {
            tracing::error!(%error, "the ledger could not be synced");
        }
    }

    /// A checkpoint is over what the disk has: it must not say more than a crash of the machine leaves.
    fn sign(&mut self) {
        let Ok(tree) = self.journal.tree() else { return };
        let checkpoint = Checkpoint::of(self.key.name(), &tree);
        if self.signed == Some(checkpoint.size) || checkpoint.size == 0 {
            return;
        }
        if let Err(error) = self.journal.sync() {
            return tracing::error!(%error, "no checkpoint is signed, since the ledger could not be synced");
        }
        let note = checkpoint.signed(&[&*self.key]);
        if let Err(error) = files::keep(&*self.disk, &note) {
            return tracing::error!(%error, "a checkpoint could not be kept");
        }
        self.signed = Some(checkpoint.size);
        for witness in &self.settings.witnesses {
            if let Err(error) = show(witness, &checkpoint, &note) {
                tracing::warn!(witness = %witness.display(), %error, "a checkpoint could not be shown to a witness");
            }
        }
    }

    /// Registers the checkpoints of other logs.
    fn look_around(&mut self) {
        for witness in &self.settings.witnesses {
            for (checkpoint, note) in checkpoints_of_others(witness, self.key.name()) {
                let known = self.seen.entry(checkpoint.origin.clone()).or_default();
                if checkpoint.size <= *known {
                    continue;
                }
                *known = checkpoint.size;
                let Checkpoint { origin, size, root } = checkpoint;
                let seen = Seen { origin: origin.into(), size, root: Digest(root.0), note: note.to_string().into() };
                let entry = Entry { at_us: now_us(), body: seen.into() };
                if let Err(error) = self.journal.append_now(entry.to_bytes(), Mark::None) {
                    tracing::error!(%error, "a checkpoint of another log could not be registered");
                }
            }
        }
    }

    fn last(mut self) {
        self.sign();
    }
}

/// The file of a log's newest checkpoint in a witness's folder.
fn file_of(origin: &str) -> String {
    let letter = |letter: char| if letter.is_ascii_alphanumeric() || ".-".contains(letter) { letter } else { '_' };
    format!("{}{SUFFIX}", origin.chars().map(letter).collect::<String>())
}

fn show(witness: &Path, checkpoint: &Checkpoint, note: &Note) -> io::Result<()> {
    Folder::new(witness)?.replace(&file_of(&checkpoint.origin), note.to_string().as_bytes())
}

fn checkpoints_of_others(witness: &Path, own: &str) -> Vec<(Checkpoint, Note)> {
    let folder = Folder::existing(witness);
    let names = folder.names().unwrap_or_default();
    let read = |name: &String| {
        let mut text = String::new();
        folder.read(name, 0).ok()??.take(CHECKPOINT_BYTES_MAX).read_to_string(&mut text).ok()?;
        let note = Note::parse(&text).ok()?;
        let checkpoint = Checkpoint::read(&note).ok()?;
        (checkpoint.origin != own).then_some((checkpoint, note))
    };
    names.iter().filter(|name| name.ends_with(SUFFIX) && !name.starts_with('.')).filter_map(read).collect()
}
