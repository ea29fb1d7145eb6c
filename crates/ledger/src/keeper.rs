//! The one who looks after a ledger while others write: syncs, signs checkpoints, and shows them to witnesses.

use crate::checkpoint::{Checkpoint, KeyChain, SigningKey, VerifyingKey};
use crate::clock::now_us;
use crate::files;
use crate::journal::disk::{Disk, Folder};
use crate::journal::{Fsync, Journal, Mark};
use crate::merkle::Hash;
use crate::others::{Other, Others, Unbelieved};
use crate::record::{Digest, Entry, Seen, TurnedAway};
use crate::shelf::{Left, Shelf};
use std::collections::HashMap;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How often there is nothing to do but to look.
const LOOK_INTERVAL: Duration = Duration::from_millis(500);

#[derive(Debug, Clone)]
pub(crate) struct KeeperSettings {
    pub(crate) fsync: Fsync,
    pub(crate) checkpoint_interval: Duration,
    pub(crate) witnesses: Vec<PathBuf>,
    /// The folder of keys.
    pub(crate) keys: Folder,
    /// The key that signs, with those before it.
    pub(crate) chain: KeyChain,
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
        let others = Others::of(settings.keys.clone());
        let shelves = settings.witnesses.iter().cloned().map(Shelf::new).collect();
        let mut round =
            Round { journal, disk, key, settings, shelves, signed: None, others, unbelieved: HashMap::new() };
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
    /// The folders of witnesses.
    shelves: Vec<Shelf>,
    /// The size of the last checkpoint.
    signed: Option<u64>,
    /// What is known of other logs.
    others: Others,
    /// The checkpoints that were not believed and are told already, by their files.
    unbelieved: HashMap<PathBuf, (u64, Hash)>,
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
        for shelf in &mut self.shelves {
            shelf.show(&*self.disk, &checkpoint, &note, &self.settings.chain);
        }
        let unshown = self.shelves.iter().filter(|shelf| shelf.is_in_conflict()).count() as u64;
        self.journal.gauges().witnesses_in_conflict.store(unshown, Ordering::Relaxed);
    }

    /// Registers the checkpoints of other logs.
    fn look_around(&mut self) {
        let own = self.key.name();
        for left in self.shelves.iter().flat_map(|shelf| shelf.others(own)).collect::<Vec<_>>() {
            let believed = match left.is_in_place {
                true => self.others.key(&left.checkpoint, &left.note, left.keys.as_ref()),
                false => Err(Unbelieved::Misplaced),
            };
            let found = (left.checkpoint.size, left.checkpoint.root);
            match believed {
                Ok(key) => {
                    self.unbelieved.remove(&left.file);
                    self.register(left, key);
                }
                Err(why) => {
                    let (file, origin) = (left.file.display(), &left.checkpoint.origin);
                    if self.unbelieved.get(&left.file) != Some(&found) {
                        tracing::error!(%file, "a checkpoint of log '{origin}' is not registered: {why}");
                    }
                    self.unbelieved.insert(left.file, found);
                }
            }
        }
    }

    /// Registers a checkpoint of another log, if it is news; where it does not continue what was seen before, that is
    /// said as well, and from there on it is followed as it is.
    fn register(&mut self, left: Left, key: VerifyingKey) {
        let Left { file, checkpoint: Checkpoint { origin, size, root }, note, .. } = left;
        let known = self.others.get(&origin);
        let now = Other { key, size, root };
        if known == Some(&now) {
            return;
        }
        let before = known.filter(|known| (known.size, known.root) != (size, root)).map(|known| known.size);
        let known_size = before.filter(|known| size <= *known);
        let seen = Seen {
            origin: origin.clone().into(),
            size,
            root: Digest(root.0),
            note: note.to_string().into(),
            known_size,
            key: Some(now.key.to_string().into()),
        };
        let entry = Entry { at_us: now_us(), body: seen.into() };
        if let Err(error) = self.journal.append_now(entry.to_bytes(), Mark::None) {
            // It is tried again at the next look.
            return tracing::error!(%error, "a checkpoint of another log could not be registered");
        }
        if let Some(known) = known_size {
            self.journal.gauges().others_contradicted.fetch_add(1, Ordering::Relaxed);
            tracing::error!(
                file = %file.display(),
                "log '{origin}' shows a checkpoint over {size} records, and one over {known} was seen before that it does \
                 not continue: it was rolled back, or tells two stories. Both are on record here (`seen`); verify that \
                 ledger against them"
            );
        }
        if let Err(error) = self.others.remember(now) {
            tracing::warn!(%error, "what was seen of log '{origin}' is remembered until the gateway stops, and no longer");
        }
    }

    fn last(mut self) {
        self.sign();
    }
}
