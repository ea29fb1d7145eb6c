//! The journal: records in the order in which one writer wrote them.
//!
//! ```text
//! append ─► desk ─► writer   a group of records: one write, one sync where each group is synced, then all who wait are told
//!                     └─► keeper   syncs at an interval
//! ```
//!
//! Who appends never waits for a lock, only for the writer; the tasks of one thread wait together. A record is acknowledged when the system has it
//! (`fsync = "interval"`: it outlives this process, and after a crash of the machine at most the records of one interval
//! are missing) or when the disk has it (`fsync = "always"`).

mod desk;
pub mod disk;
pub mod frame;
mod group;
mod orphans;
mod recover;
pub mod segment;
mod writer;

pub use desk::Clerk;
pub(crate) use group::{Then, Waiting};
pub use recover::{LeftOpen, OpenError, Recovery};

use crate::merkle::Frontier;
use crate::record::{Body, Entry, RequestId};
use desk::Desk;
use disk::{Appended, Disk};
use group::{Group, Sent};
use orphans::{Orphan, Orphans};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::{Notify, Semaphore, SemaphorePermit, TryAcquireError, mpsc, oneshot};
use writer::Writer;

/// When the disk is made to have what was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fsync {
    /// Before anybody is told that a record is written.
    Always,
    /// At this interval. After a crash of the machine, not of the process, at most the records of one are missing.
    Interval(Duration),
}

/// How a journal is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalSettings {
    /// The name of the log, in heads and checkpoints.
    pub origin: String,
    /// When the disk is made to have what was written.
    pub fsync: Fsync,
    /// How long the writer waits for more records once it has one.
    pub commit_wait: Duration,
    /// The most records that wait for the writer; who brings more waits for a place.
    pub queue_max: usize,
    /// How long one record may wait, for its place and to be written.
    pub wait_max: Duration,
    /// The size at which a segment is full, in bytes.
    pub segment_bytes: u64,
}

impl JournalSettings {
    /// The usual settings of a log.
    pub fn new(origin: impl Into<String>) -> Self {
        Self {
            origin: origin.into(),
            fsync: Fsync::Interval(Duration::from_secs(1)),
            commit_wait: Duration::ZERO,
            queue_max: 10_000,
            wait_max: Duration::from_secs(5),
            segment_bytes: 64 << 20,
        }
    }
}

/// Why a record was not written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// The disk has no room.
    #[error("the disk of the ledger is full")]
    Full,
    /// The disk is too slow.
    #[error("the disk of the ledger did not take a record within {waited_ms} ms")]
    Slow {
        /// How long was waited.
        waited_ms: u64,
    },
    /// The disk did not take it.
    #[error("the disk of the ledger failed: {reason}")]
    Disk {
        /// What the system said.
        reason: String,
    },
    /// What is on the disk is not certain any more; the gateway must be started again, and reads it then.
    #[error("the ledger writes no more, since its disk failed in a way that leaves open what was written: {reason}")]
    Uncertain {
        /// What the system said.
        reason: String,
    },
    /// The journal has ended.
    #[error("the ledger is closed")]
    Closed,
    /// The record is larger than any may be.
    #[error("the record has {bytes} bytes, and no record may have more than {max}", max = frame::RECORD_BYTES_MAX)]
    TooLarge {
        /// Its length.
        bytes: usize,
    },
}

impl AppendError {
    fn slow(waited: Duration) -> Self {
        Self::Slow { waited_ms: u64::try_from(waited.as_millis()).unwrap_or(u64::MAX) }
    }
}

/// What a record means for the calls that are open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// Nothing.
    None,
    /// A call begins.
    Opens(RequestId),
    /// The call that this record opened has ended.
    Closes(u64),
}

impl Mark {
    /// Whether it is the end of a call.
    const fn is_of_call(self) -> bool {
        matches!(self, Self::Closes(_))
    }

    /// What an entry means for the calls that are open.
    pub const fn of(entry: &Entry) -> Self {
        match &entry.body {
            Body::Opened(opened) => Self::Opens(opened.request),
            Body::Closed(closed) => Self::Closes(closed.opened),
            _ => Self::None,
        }
    }
}

/// What the writer is asked.
enum Asked {
    Records(Sent),
    Tree(oneshot::Sender<Frontier>),
    File(oneshot::Sender<(Arc<dyn Appended>, u64)>),
    /// A sync failed.
    Uncertain(String),
    /// Nothing comes any more.
    End,
}

/// What is known of the writer from outside, and of who shows its checkpoints.
#[derive(Debug, Default)]
pub struct Gauges {
    /// How many records there are.
    pub records: AtomicU64,
    /// How many of them the disk is known to have.
    pub synced: AtomicU64,
    /// How many groups were written.
    pub commits: AtomicU64,
    /// How long the writing of groups took, together, in microseconds.
    pub commit_us: AtomicU64,
    /// The longest of them.
    pub commit_us_max: AtomicU64,
    /// How many bytes were written.
    pub bytes: AtomicU64,
    /// How many records were not written.
    pub refused: AtomicU64,
    /// Whether the last group could not be written.
    pub failing: AtomicBool,
    /// In how many folders of witnesses a checkpoint of this log lies that it does not continue.
    pub witnesses_in_conflict: AtomicU64,
    /// How many checkpoints of other logs did not continue what was seen of them before.
    pub others_contradicted: AtomicU64,
}

/// A journal that is open. Clones share it.
#[derive(Debug, Clone)]
pub struct Journal {
    open: Arc<Open>,
    /// Where records are handed in, by who has a desk.
    desk: Option<Arc<Desk>>,
}

#[derive(Debug)]
struct Open {
    to: To,
    wait_max: Duration,
    queue_max: usize,
    shared: Arc<Shared>,
}

/// Where records go.
#[derive(Debug)]
enum To {
    /// To the thread that writes.
    Thread(mpsc::UnboundedSender<Asked>),
    /// Straight to the disk, by whoever appends.
    Place(Box<Mutex<Writer>>),
}

/// What the writer shares with those who append.
#[derive(Debug)]
struct Shared {
    gauges: Gauges,
    orphans: Orphans,
    /// For how many more records there is room before the writer.
    places: Semaphore,
}

impl Shared {
    fn new(settings: &JournalSettings, size: u64) -> Self {
        let gauges = Gauges::default();
        gauges.records.store(size, Ordering::Relaxed);
        gauges.synced.store(size, Ordering::Relaxed);
        let places = Semaphore::new(settings.queue_max.clamp(1, Semaphore::MAX_PERMITS));
        Self { gauges, orphans: Orphans::default(), places }
    }
}

/// What ends with the journal: the writer, which has written everything that was appended once it is joined.
#[derive(Debug)]
pub struct Writing(JoinHandle<()>);

impl Writing {
    /// Waits for the end of the writer, which comes when nobody can append any more, or after [`Journal::end`].
    pub fn join(self) {
        drop(self.0.join());
    }
}

impl Journal {
    /// Opens a journal, mends what a crash left, and starts its writer.
    ///
    /// # Errors
    /// [`OpenError`] where it cannot be read or is damaged in a way that no crash leaves behind. `known_size` is the size
    /// that is known to have been reached; a journal that has lost records beneath it does not open.
    pub fn open(
        disk: Arc<dyn Disk>,
        settings: &JournalSettings,
        known_size: Option<u64>,
    ) -> Result<(Self, Writing, Recovery), OpenError> {
        let (tail, recovery) = recover::open(&disk, settings, known_size)?;
        let shared = Arc::new(Shared::new(settings, tail.tree.size()));
        let (asked, receiver) = mpsc::unbounded_channel();
        let writer = Writer::new(disk, settings.clone(), tail, Arc::clone(&shared));
        let thread = std::thread::Builder::new().name("ledger".to_owned()).spawn(move || writer.run(receiver))?;
        Ok((Self::to(To::Thread(asked), settings, shared), Writing(thread), recovery))
    }

    /// Opens a journal without a thread: whoever appends writes, and waits for the disk. It is for disks in memory, where
    /// everything must happen in one order, again and again.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_in_place(disk: Arc<dyn Disk>, settings: &JournalSettings) -> Result<(Self, Recovery), OpenError> {
        let (tail, recovery) = recover::open(&disk, settings, None)?;
        let shared = Arc::new(Shared::new(settings, tail.tree.size()));
        let writer = Writer::new(disk, settings.clone(), tail, Arc::clone(&shared));
        Ok((Self::to(To::Place(Box::new(Mutex::new(writer))), settings, shared), recovery))
    }

    fn to(to: To, settings: &JournalSettings, shared: Arc<Shared>) -> Self {
        let (wait_max, queue_max) = (settings.wait_max, settings.queue_max.max(1));
        Self { open: Arc::new(Open { to, wait_max, queue_max, shared }), desk: None }
    }

    /// The same for the tasks of one thread, with who hands over to the writer what they append, a group at a time. The
    /// clerk has to run on that thread.
    #[must_use]
    pub fn at_desk(&self) -> (Self, Clerk) {
        let (desk, clerk) = Clerk::new(Self { open: Arc::clone(&self.open), desk: None });
        // Without a thread that writes there is nobody to hand over to.
        let desk = matches!(self.open.to, To::Thread(_)).then_some(desk);
        (Self { open: Arc::clone(&self.open), desk }, clerk)
    }

    /// Appends a record, and gives its number once it is acknowledged. Where the future is dropped before, the record is
    /// written all the same if it had a place in the queue.
    ///
    /// # Errors
    /// [`AppendError`]; after [`AppendError::Slow`] the record may still come to be written.
    pub async fn append(&self, record: Vec<u8>, mark: Mark) -> Result<u64, AppendError> {
        self.place().await?;
        let waiting = self.bring(mark, bytes(record))?;
        self.written(waiting).await.0
    }

    /// Waits for a place in the queue, which [`Self::bring`] takes.
    pub(crate) async fn place(&self) -> Result<(), AppendError> {
        if matches!(self.open.to, To::Place(_)) {
            return Ok(());
        }
        let places = &self.open.shared.places;
        // The usual case needs no timer.
        let place = match places.try_acquire() {
            Err(TryAcquireError::NoPermits) => match tokio::time::timeout(self.open.wait_max, places.acquire()).await {
                Ok(place) => place.map_err(|_| AppendError::Closed),
                Err(_) => Err(self.slow()),
            },
            place => place.map_err(|_| AppendError::Closed),
        };
        place.map(SemaphorePermit::forget).map_err(|error| self.refused(error))
    }

    /// Hands in a record that has its place. It is written from here on, whoever waits for it or not.
    pub(crate) fn bring(
        &self,
        mark: Mark,
        write: impl FnOnce(&mut Vec<u8>) -> Option<Then>,
    ) -> Result<Waiting, AppendError> {
        let waiting = match &self.desk {
            Some(desk) => desk.hand_in(self, mark, write),
            None => self.hand_over(mark, write),
        };
        waiting.map_err(|error| self.refused(error))
    }

    /// Waits for a record that was brought, and gives it back.
    pub(crate) async fn written(&self, mut waiting: Waiting) -> (Result<u64, AppendError>, Waiting) {
        let outcome = if waiting.is_attended() || matches!(self.open.to, To::Place(_)) {
            (&mut waiting).await
        } else {
            tokio::time::timeout(self.open.wait_max, &mut waiting).await.unwrap_or_else(|_| Err(self.slow()))
        };
        (outcome.map_err(|error| self.refused(error)), waiting)
    }

    fn slow(&self) -> AppendError {
        AppendError::slow(self.open.wait_max)
    }

    /// Hands a record, which has its place, straight to the writer.
    fn hand_over(&self, mark: Mark, write: impl FnOnce(&mut Vec<u8>) -> Option<Then>) -> Result<Waiting, AppendError> {
        let group = Arc::new(self.group(None));
        let place = group.take_in(mark, write)?;
        self.ask(Asked::Records(Sent::new(Arc::clone(&group))));
        Ok(Waiting::new(group, place))
    }

    fn group(&self, clerk: Option<Arc<Notify>>) -> Group {
        Group::new(clerk, Arc::clone(&self.open.shared))
    }

    /// The same for a thread that may wait.
    ///
    /// # Errors
    /// As [`Self::append`], but for [`AppendError::Slow`].
    pub fn append_now(&self, record: Vec<u8>, mark: Mark) -> Result<u64, AppendError> {
        self.bring_now(mark, bytes(record))
    }

    pub(crate) fn bring_now(
        &self,
        mark: Mark,
        write: impl FnOnce(&mut Vec<u8>) -> Option<Then>,
    ) -> Result<u64, AppendError> {
        self.place_now()?;
        let outcome = self.hand_over(mark, write).and_then(Waiting::block);
        outcome.map_err(|error| self.refused(error))
    }

    /// Waits for a place without letting the thread do anything else.
    fn place_now(&self) -> Result<(), AppendError> {
        /// How long a thread sleeps that finds no place.
        const PLACE_INTERVAL: Duration = Duration::from_millis(1);
        loop {
            match self.try_place() {
                Err(TryAcquireError::NoPermits) => std::thread::sleep(PLACE_INTERVAL),
                Err(TryAcquireError::Closed) => return Err(AppendError::Closed),
                Ok(()) => return Ok(()),
            }
        }
    }

    fn try_place(&self) -> Result<(), TryAcquireError> {
        match &self.open.to {
            To::Thread(_) => self.open.shared.places.try_acquire().map(SemaphorePermit::forget),
            To::Place(_) => Ok(()),
        }
    }

    /// Whether a record can be written, where the last ones could not be. It counts as none that was refused.
    pub(crate) fn try_again(&self, record: Vec<u8>) {
        if self.place_now().is_ok() {
            // The gauges say what came of it.
            drop(self.hand_over(Mark::None, bytes(record)).and_then(Waiting::block));
        }
    }

    /// Appends a record that nobody waits for. Where there is no place for it, it is kept for [`Self::bring_orphans`].
    pub fn leave(&self, record: Vec<u8>, mark: Mark) {
        self.leave_brought(mark, bytes(record));
    }

    pub(crate) fn leave_brought(&self, mark: Mark, write: impl FnOnce(&mut Vec<u8>) -> Option<Then>) {
        match self.try_place() {
            // What became of it is told to nobody.
            Ok(()) => drop(self.bring(mark, write)),
            Err(TryAcquireError::NoPermits) => {
                let mut record = Vec::new();
                let then = write(&mut record);
                self.open.shared.orphaned(Orphan { record, mark, then });
            }
            Err(TryAcquireError::Closed) => {}
        }
    }

    /// Brings what could not be queued or written before. What still cannot is kept for the next time.
    pub fn bring_orphans(&self) {
        for Orphan { record, mark, then } in self.open.shared.orphans.leave() {
            let write = |out: &mut Vec<u8>| {
                out.extend_from_slice(&record);
                then
            };
            // A journal that has ended takes nothing.
            if self.place_now().is_ok() {
                drop(self.hand_over(mark, write));
            }
        }
    }

    fn ask(&self, asked: Asked) {
        match &self.open.to {
            // What is not taken any more tells so itself.
            To::Thread(asked_of) => drop(asked_of.send(asked)),
            To::Place(writer) => writer.lock().unwrap_or_else(PoisonError::into_inner).take(&mut vec![asked]),
        }
    }

    /// The tree over all records that are written by now.
    ///
    /// # Errors
    /// [`AppendError::Closed`].
    pub fn tree(&self) -> Result<Frontier, AppendError> {
        let (told, tree) = oneshot::channel();
        self.ask(Asked::Tree(told));
        tree.blocking_recv().map_err(|_| AppendError::Closed)
    }

    /// Makes the disk have all that is written by now. It takes its time, in which the writer goes on.
    ///
    /// # Errors
    /// [`AppendError`] where it does not; nothing is written any more then.
    pub fn sync(&self) -> Result<(), AppendError> {
        let (told, file) = oneshot::channel();
        self.ask(Asked::File(told));
        // Nothing is handed out where it is not known what the disk has.
        let (file, size) = file.blocking_recv().map_err(|_| AppendError::Closed)?;
        if let Err(error) = file.sync() {
            // The system may have forgotten what it could not write, and says so only once.
            let reason = error.to_string();
            self.ask(Asked::Uncertain(reason.clone()));
            return Err(AppendError::Uncertain { reason });
        }
        self.gauges().synced.fetch_max(size, Ordering::Relaxed);
        Ok(())
    }

    /// Ends the journal once everything is written that was appended before; what still is at a desk is there once its clerk
    /// has gone. Who appends after that is told so.
    pub fn end(&self) {
        self.ask(Asked::End);
    }

    /// What is known of the writer.
    pub fn gauges(&self) -> &Gauges {
        &self.open.shared.gauges
    }

    /// How many records wait for the writer.
    pub fn waiting(&self) -> usize {
        match &self.open.to {
            To::Thread(_) => self.open.queue_max.saturating_sub(self.open.shared.places.available_permits()),
            To::Place(_) => 0,
        }
    }

    fn refused(&self, error: AppendError) -> AppendError {
        self.gauges().refused.fetch_add(1, Ordering::Relaxed);
        error
    }
}

/// A record that is there already, and of which nobody wants to know the number.
fn bytes(record: Vec<u8>) -> impl FnOnce(&mut Vec<u8>) -> Option<Then> {
    move |out| {
        out.extend_from_slice(&record);
        None
    }
}

#[cfg(test)]
mod tests;
