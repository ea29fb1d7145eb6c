//! The one who writes.

use super::disk::{Appended, Disk};
use super::group::Sent;
use super::segment::{self, Head};
use super::{AppendError, Asked, Fsync, JournalSettings, Mark, Shared, frame};
use crate::clock::now_us;
use crate::merkle::{Frontier, HASH_BYTES, Hash};
use crate::record::{Carried, CarriedCall, Entry, RequestId};
use std::collections::BTreeMap;
use std::io;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// The most records of one group.
const GROUP_MAX: usize = 4096;
/// Buffers that were larger once are given back.
const BUFFER_BYTES_KEPT: usize = 4 << 20;

/// Where a journal goes on.
#[derive(Debug)]
pub(super) struct Tail {
    pub(super) file: Arc<dyn Appended>,
    /// The number of the segment's first record.
    pub(super) first: u64,
    /// How many bytes of the file are whole frames.
    pub(super) length: u64,
    /// The hashes of the segment's records.
    pub(super) hashes: Vec<Hash>,
    pub(super) tree: Frontier,
    /// The calls that are open, by the number of the record that opened them.
    pub(super) open: BTreeMap<u64, RequestId>,
}

impl Tail {
    /// A new segment after a tree: its head, and the calls that are open. It is there whole, or not at all.
    pub(super) fn begin(
        disk: &dyn Disk,
        origin: &str,
        tree: Frontier,
        open: BTreeMap<u64, RequestId>,
    ) -> io::Result<Self> {
        let first = tree.size();
        let mut bytes = Head::new(origin, &tree).written();
        let calls: Vec<_> =
            open.iter().map(|(opened, request)| CarriedCall { opened: *opened, request: *request }).collect();
        let carried = (!calls.is_empty()).then(|| Entry { at_us: now_us(), body: Carried { calls }.into() }.to_bytes());
        if let Some(carried) = &carried
            && !frame::write(carried, &mut bytes)
        {
            return Err(io::Error::other("more calls are open than a record can name"));
        }
        disk.replace(&segment::name(first), &bytes)?;
        let file = disk.append(&segment::name(first))?;
        let mut tail = Self { file, first, length: bytes.len() as u64, hashes: Vec::new(), tree, open };
        if let Some(carried) = carried {
            tail.add(&carried, Mark::None);
        }
        Ok(tail)
    }

    /// Counts in a record that is written.
    pub(super) fn add(&mut self, record: &[u8], mark: Mark) -> u64 {
        let number = self.tree.size();
        let hash = Hash::of_leaf(record);
        self.tree.push(hash);
        self.hashes.push(hash);
        match mark {
            Mark::None => {}
            Mark::Opens(request) => drop(self.open.insert(number, request)),
            Mark::Closes(opened) => drop(self.open.remove(&opened)),
        }
        number
    }
}

#[derive(Debug)]
pub(super) struct Writer {
    disk: Arc<dyn Disk>,
    settings: JournalSettings,
    tail: Tail,
    shared: Arc<Shared>,
    /// Why nothing can be written any more.
    uncertain: Option<String>,
    /// Whether nothing comes any more.
    ended: bool,
    buffer: Vec<u8>,
}

impl Writer {
    pub(super) fn new(disk: Arc<dyn Disk>, settings: JournalSettings, tail: Tail, shared: Arc<Shared>) -> Self {
        Self { disk, settings, tail, shared, uncertain: None, ended: false, buffer: Vec::new() }
    }

    /// Writes until nobody can append any more.
    pub(super) fn run(mut self, mut asked: mpsc::UnboundedReceiver<Asked>) {
        let mut group = Vec::new();
        while asked.blocking_recv_many(&mut group, GROUP_MAX) > 0 {
            self.gather(&mut asked, &mut group);
            self.take(&mut group);
            if self.ended {
                break;
            }
        }
        self.shared.places.close();
        // What was on its way is told that it comes too late.
        asked.close();
        while asked.blocking_recv_many(&mut group, GROUP_MAX) > 0 {
            group.clear();
        }
        if let Err(error) = self.sync() {
            tracing_of(&error);
        }
    }

    /// Waits a little for more, where that is wanted.
    fn gather(&self, asked: &mut mpsc::UnboundedReceiver<Asked>, group: &mut Vec<Asked>) {
        if self.settings.commit_wait > Duration::ZERO && group.len() < GROUP_MAX {
            std::thread::sleep(self.settings.commit_wait);
            while group.len() < GROUP_MAX
                && let Ok(more) = asked.try_recv()
            {
                group.push(more);
            }
        }
    }

    pub(super) fn take(&mut self, group: &mut Vec<Asked>) {
        let mut groups = Vec::with_capacity(group.len());
        let (mut trees, mut files) = (Vec::new(), Vec::new());
        for asked in group.drain(..) {
            match asked {
                Asked::Records(sent) => groups.push(sent),
                Asked::Tree(told) => trees.push(told),
                Asked::File(told) => files.push(told),
                Asked::End => self.ended = true,
                Asked::Uncertain(reason) => self.doubt(reason),
            }
        }
        if !groups.is_empty() {
            let began = Instant::now();
            self.commit(&groups);
            let took = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
            let gauges = &self.shared.gauges;
            gauges.commits.fetch_add(1, Ordering::Relaxed);
            gauges.commit_us.fetch_add(took, Ordering::Relaxed);
            gauges.commit_us_max.fetch_max(took, Ordering::Relaxed);
        }
        let size = self.tail.tree.size();
        if self.uncertain.is_some() {
            files.clear();
        }
        files.into_iter().for_each(|told| drop(told.send((Arc::clone(&self.tail.file), size))));
        trees.into_iter().for_each(|told| drop(told.send(self.tail.tree.clone())));
    }

    /// It is not known any more what the disk has: nothing is written from here on.
    fn doubt(&mut self, reason: String) {
        self.shared.gauges.failing.store(true, Ordering::Relaxed);
        self.uncertain = Some(reason);
    }

    /// What came together: all of it is written, or nothing is.
    fn commit(&mut self, groups: &[Sent]) {
        let brought: Vec<_> = groups.iter().map(|sent| (sent.group(), sent.group().records())).collect();
        let outcome = match &*brought {
            [(_, alone)] => self.write(&alone.frames),
            several => {
                let mut buffer = std::mem::take(&mut self.buffer);
                buffer.clear();
                several.iter().for_each(|(_, records)| buffer.extend_from_slice(&records.frames));
                let outcome = self.write(&buffer);
                self.buffer = if buffer.capacity() > BUFFER_BYTES_KEPT { Vec::new() } else { buffer };
                outcome
            }
        };
        self.shared.gauges.failing.store(outcome.is_err(), Ordering::Relaxed);
        for (group, mut records) in brought {
            // Before anybody is told, so that who is told may count on it.
            self.shared.places.add_permits(records.each.len());
            match &outcome {
                Ok(()) => {
                    let first = self.tail.tree.size();
                    let each = std::mem::take(&mut records.each);
                    for record in each {
                        let number = self.tail.add(records.bytes(&record), record.mark);
                        if let Some(then) = record.then {
                            // A defect of who watches must not end the ledger.
                            drop(std::panic::catch_unwind(AssertUnwindSafe(|| then(number))));
                        }
                    }
                    group.written(first);
                }
                Err(error) => group.failed(records, error.clone()),
            }
        }
        let gauges = &self.shared.gauges;
        // Who reads files up to there finds every frame whole.
        gauges.records.store(self.tail.tree.size(), Ordering::Release);
        if matches!(self.settings.fsync, Fsync::Always) && outcome.is_ok() {
            gauges.synced.store(self.tail.tree.size(), Ordering::Relaxed);
        }
        if outcome.is_ok() && self.tail.length >= self.settings.segment_bytes {
            self.turn();
        }
    }

    fn write(&mut self, frames: &[u8]) -> Result<(), AppendError> {
        if let Some(reason) = &self.uncertain {
            return Err(AppendError::Uncertain { reason: reason.clone() });
        }
        if let Err(error) = self.tail.file.write(frames) {
            // A part may be there; what comes next must not stand after it.
            if let Err(uncut) = self.tail.file.cut(self.tail.length) {
                self.doubt(uncut.to_string());
            }
            return Err(AppendError::of(&error));
        }
        if self.settings.fsync == Fsync::Always
            && let Err(error) = self.tail.file.sync()
        {
            // The system may have forgotten what it could not write, and says so only once.
            self.doubt(error.to_string());
            return Err(AppendError::of(&error));
        }
        self.tail.length += frames.len() as u64;
        self.shared.gauges.bytes.fetch_add(frames.len() as u64, Ordering::Relaxed);
        Ok(())
    }

    fn sync(&mut self) -> Result<(), AppendError> {
        if let Some(reason) = &self.uncertain {
            return Err(AppendError::Uncertain { reason: reason.clone() });
        }
        if let Err(error) = self.tail.file.sync() {
            self.doubt(error.to_string());
            return Err(AppendError::of(&error));
        }
        self.shared.gauges.synced.store(self.tail.tree.size(), Ordering::Relaxed);
        Ok(())
    }

    /// Goes on in another segment. Where that fails, the old one grows, and it is tried again with the next group.
    fn turn(&mut self) {
        let outcome = self.sync().map_err(io::Error::other).and_then(|()| {
            let hashes: Vec<u8> = self.tail.hashes.iter().flat_map(|hash| hash.0).collect();
            debug_assert_eq!(hashes.len() % HASH_BYTES, 0);
            self.disk.replace(&segment::name_of_hashes(self.tail.first), &hashes)?;
            Tail::begin(&*self.disk, &self.settings.origin, self.tail.tree.clone(), self.tail.open.clone())
        });
        match outcome {
            Ok(tail) => {
                self.tail = tail;
                self.shared.gauges.records.store(self.tail.tree.size(), Ordering::Release);
            }
            Err(error) => {
                tracing_of(&AppendError::of(&error));
                // Where a new segment may be there, the old one must not grow beyond its beginning.
                let name = segment::name(self.tail.tree.size());
                let gone = match self.disk.remove(&name) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
                    _ => self.disk.sync_names(),
                };
                if let Err(error) = gone {
                    self.doubt(error.to_string());
                }
            }
        }
    }
}

/// Also where it ends by a defect, nobody waits for a place any more.
impl Drop for Writer {
    fn drop(&mut self) {
        self.shared.places.close();
    }
}

impl AppendError {
    fn of(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => Self::Full,
            _ => Self::Disk { reason: error.to_string() },
        }
    }
}

fn tracing_of(error: &AppendError) {
    tracing::error!(%error, "the journal");
}
