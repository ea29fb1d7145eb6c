//! The journal: records in the order in which one writer wrote them.
//!
//! ```text
//! append ─► queue ─► writer   a group of records: one write, one sync where each group is synced, then all who wait are told
//!                      └─► keeper   syncs at an interval
//! ```
//!
//! Who appends never waits for a lock, only for the writer. A record is acknowledged when the system has it
//! (`fsync = "interval"`: it outlives this process, and after a crash of the machine at most the records of one interval
//! are missing) or when the disk has it (`fsync = "always"`).

pub mod disk;
pub mod frame;
mod recover;
pub mod segment;
mod writer;

pub use recover::{LeftOpen, OpenError, Recovery};

use crate::merkle::Frontier;
use crate::record::{Body, Entry, RequestId};
use disk::{Appended, Disk};
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
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

/// Who is told what became of a record.
enum Told {
    /// A task, which waits for it.
    Task(oneshot::Sender<Result<u64, AppendError>>),
    /// A thread, which waits for it; it may be one that runs tasks.
    Thread(std::sync::mpsc::Sender<Result<u64, AppendError>>),
    /// Nobody.
    Nobody,
}

impl Told {
    /// Tells; false where nobody waits for it, or not any more.
    fn tell(self, outcome: Result<u64, AppendError>) -> bool {
        match self {
            Self::Task(task) => task.send(outcome).is_ok(),
            Self::Thread(thread) => thread.send(outcome).is_ok(),
            Self::Nobody => false,
        }
    }
}

/// What is done with the number of a record as soon as it is written, before anybody is told of it.
pub(crate) type Then = Box<dyn FnOnce(u64) + Send>;

/// A record on its way to the writer.
pub(crate) struct Bringing {
    pub(crate) record: Vec<u8>,
    pub(crate) mark: Mark,
    pub(crate) then: Option<Then>,
}

impl fmt::Debug for Bringing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bringing").field("mark", &self.mark).finish_non_exhaustive()
    }
}

impl Bringing {
    const fn new(record: Vec<u8>, mark: Mark) -> Self {
        Self { record, mark, then: None }
    }
}

/// What the writer is asked.
enum Asked {
    Record {
        brought: Bringing,
        told: Told,
    },
    Tree(oneshot::Sender<Frontier>),
    File(oneshot::Sender<(Arc<dyn Appended>, u64)>),
    /// A sync failed.
    Uncertain(String),
    /// Nothing comes any more.
    End,
}

/// What is known of the writer from outside.
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
}

/// A journal that is open. Clones share it.
#[derive(Debug, Clone)]
pub struct Journal {
    to: To,
    wait_max: Duration,
    gauges: Arc<Gauges>,
    orphans: Arc<Orphans>,
}

/// Records that nobody waits for, and that could not be queued or written yet. They are locked only where something is
/// full.
#[derive(Debug, Default)]
struct Orphans(Mutex<Vec<Bringing>>);

impl Orphans {
    /// Keeps one; it is lost, and counted, where there are too many by now.
    fn take_in(&self, orphan: Bringing, gauges: &Gauges) {
        let mut orphans = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if orphans.len() < ORPHANS_MAX {
            orphans.push(orphan);
        } else {
            gauges.refused.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn leave(&self) -> Vec<Bringing> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// As many calls as can be open.
const ORPHANS_MAX: usize = 1_000_000;

/// Where records go.
#[derive(Debug, Clone)]
enum To {
    /// To the thread that writes.
    Thread(mpsc::Sender<Asked>),
    /// Straight to the disk, by whoever appends.
    Place(Arc<Mutex<Writer>>),
}

/// A record on its way to the disk.
#[derive(Debug)]
pub(crate) struct Queued(oneshot::Receiver<Result<u64, AppendError>>);

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
        let (asked, receiver) = mpsc::channel(settings.queue_max.max(1));
        let gauges = Arc::new(Gauges::default());
        let size = tail.tree.size();
        gauges.records.store(size, Ordering::Relaxed);
        gauges.synced.store(size, Ordering::Relaxed);
        let orphans = Arc::<Orphans>::default();
        let writer = Writer::new(disk, settings.clone(), tail, (Arc::clone(&gauges), Arc::clone(&orphans)));
        let thread = std::thread::Builder::new().name("ledger".to_owned()).spawn(move || writer.run(receiver))?;
        Ok((Self { to: To::Thread(asked), wait_max: settings.wait_max, gauges, orphans }, Writing(thread), recovery))
    }

    /// Opens a journal without a thread: whoever appends writes, and waits for the disk. It is for disks in memory, where
    /// everything must happen in one order, again and again.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_in_place(disk: Arc<dyn Disk>, settings: &JournalSettings) -> Result<(Self, Recovery), OpenError> {
        let (tail, recovery) = recover::open(&disk, settings, None)?;
        let gauges = Arc::new(Gauges::default());
        let orphans = Arc::<Orphans>::default();
        let writer = Writer::new(disk, settings.clone(), tail, (Arc::clone(&gauges), Arc::clone(&orphans)));
        let to = To::Place(Arc::new(Mutex::new(writer)));
        Ok((Self { to, wait_max: settings.wait_max, gauges, orphans }, recovery))
    }

    /// Appends a record, and gives its number once it is acknowledged. Where the future is dropped before, the record is
    /// written all the same if it had a place in the queue.
    ///
    /// # Errors
    /// [`AppendError`]; after [`AppendError::Slow`] the record may still come to be written.
    pub async fn append(&self, record: Vec<u8>, mark: Mark) -> Result<u64, AppendError> {
        let queued = self.queue(Bringing::new(record, mark)).await?;
        self.written(queued).await
    }

    /// Gives a record its place in the queue.
    pub(crate) async fn queue(&self, brought: Bringing) -> Result<Queued, AppendError> {
        let (told, outcome) = oneshot::channel();
        let asked = Asked::Record { brought, told: Told::Task(told) };
        let asked_of = match &self.to {
            To::Place(writer) => {
                in_place(writer, asked);
                return Ok(Queued(outcome));
            }
            To::Thread(asked_of) => asked_of,
        };
        // The usual case needs no timer.
        match asked_of.try_send(asked) {
            Ok(()) => {}
            Err(mpsc::error::TrySendError::Closed(_)) => return Err(self.refused(AppendError::Closed)),
            Err(mpsc::error::TrySendError::Full(asked)) => {
                let sent = tokio::time::timeout(self.wait_max, asked_of.send(asked)).await;
                let sent = sent.map_err(|_| self.slow()).and_then(|sent| sent.map_err(|_| AppendError::Closed));
                sent.map_err(|error| self.refused(error))?;
            }
        }
        Ok(Queued(outcome))
    }

    /// Waits for a record that has its place.
    pub(crate) async fn written(&self, queued: Queued) -> Result<u64, AppendError> {
        let outcome = match &self.to {
            To::Place(_) => queued.0.await,
            To::Thread(_) => match tokio::time::timeout(self.wait_max, queued.0).await {
                Ok(outcome) => outcome,
                Err(_) => return Err(self.refused(self.slow())),
            },
        };
        outcome.unwrap_or(Err(AppendError::Closed)).map_err(|error| self.refused(error))
    }

    fn slow(&self) -> AppendError {
        AppendError::Slow { waited_ms: u64::try_from(self.wait_max.as_millis()).unwrap_or(u64::MAX) }
    }

    /// The same for a thread that may wait.
    ///
    /// # Errors
    /// As [`Self::append`], but for [`AppendError::Slow`].
    pub fn append_now(&self, record: Vec<u8>, mark: Mark) -> Result<u64, AppendError> {
        self.bring_now(Bringing::new(record, mark))
    }

    pub(crate) fn bring_now(&self, brought: Bringing) -> Result<u64, AppendError> {
        let (told, outcome) = std::sync::mpsc::channel();
        self.ask(Asked::Record { brought, told: Told::Thread(told) })?;
        outcome.recv().unwrap_or(Err(AppendError::Closed)).map_err(|error| self.refused(error))
    }

    /// Whether a record can be written, where the last ones could not be. It counts as none that was refused.
    pub(crate) fn try_again(&self, record: Vec<u8>) {
        let (told, outcome) = std::sync::mpsc::channel();
        let brought = Bringing::new(record, Mark::None);
        if self.ask(Asked::Record { brought, told: Told::Thread(told) }).is_ok() {
            // The gauges say what came of it.
            drop(outcome.recv());
        }
    }

    /// Appends a record that nobody waits for. Where there is no place for it, it is kept for [`Self::bring_orphans`].
    pub fn leave(&self, record: Vec<u8>, mark: Mark) {
        self.leave_brought(Bringing::new(record, mark));
    }

    pub(crate) fn leave_brought(&self, brought: Bringing) {
        let asked = Asked::Record { brought, told: Told::Nobody };
        match &self.to {
            To::Place(writer) => in_place(writer, asked),
            To::Thread(asked_of) => {
                if let Err(mpsc::error::TrySendError::Full(Asked::Record { brought, .. })) = asked_of.try_send(asked) {
                    self.orphans.take_in(brought, &self.gauges);
                }
            }
        }
    }

    /// Brings what could not be queued or written before. What still cannot is kept for the next time.
    pub fn bring_orphans(&self) {
        for brought in self.orphans.leave() {
            // A journal that has ended takes nothing.
            let _ = self.ask(Asked::Record { brought, told: Told::Nobody });
        }
    }

    fn ask(&self, mut asked: Asked) -> Result<(), AppendError> {
        /// How long a thread sleeps that finds no place.
        const PLACE_INTERVAL: Duration = Duration::from_millis(1);
        match &self.to {
            To::Thread(asked_of) => loop {
                match asked_of.try_send(asked) {
                    Ok(()) => return Ok(()),
                    Err(mpsc::error::TrySendError::Closed(_)) => return Err(AppendError::Closed),
                    Err(mpsc::error::TrySendError::Full(again)) => asked = again,
                }
                std::thread::sleep(PLACE_INTERVAL);
            },
            To::Place(writer) => {
                in_place(writer, asked);
                Ok(())
            }
        }
    }

    /// The tree over all records that are written by now.
    ///
    /// # Errors
    /// [`AppendError::Closed`].
    pub fn tree(&self) -> Result<Frontier, AppendError> {
        let (told, tree) = oneshot::channel();
        self.ask(Asked::Tree(told))?;
        tree.blocking_recv().map_err(|_| AppendError::Closed)
    }

    /// Makes the disk have all that is written by now. It takes its time, in which the writer goes on.
    ///
    /// # Errors
    /// [`AppendError`] where it does not; nothing is written any more then.
    pub fn sync(&self) -> Result<(), AppendError> {
        let (told, file) = oneshot::channel();
        self.ask(Asked::File(told))?;
        // Nothing is handed out where it is not known what the disk has.
        let (file, size) = file.blocking_recv().map_err(|_| AppendError::Closed)?;
        if let Err(error) = file.sync() {
            // The system may have forgotten what it could not write, and says so only once.
            let reason = error.to_string();
            drop(self.ask(Asked::Uncertain(reason.clone())));
            return Err(AppendError::Uncertain { reason });
        }
        self.gauges.synced.fetch_max(size, Ordering::Relaxed);
        Ok(())
    }

    /// Ends the journal once everything is written that was appended before. Who appends after that is told so.
    pub fn end(&self) {
        // One that has ended already needs no other end.
        let _ = self.ask(Asked::End);
    }

    /// What is known of the writer.
    pub fn gauges(&self) -> &Gauges {
        &self.gauges
    }

    /// How many records wait for the writer.
    pub fn waiting(&self) -> usize {
        match &self.to {
            To::Thread(asked) => asked.max_capacity() - asked.capacity(),
            To::Place(_) => 0,
        }
    }

    fn refused(&self, error: AppendError) -> AppendError {
        self.gauges.refused.fetch_add(1, Ordering::Relaxed);
        error
    }
}

fn in_place(writer: &Mutex<Writer>, asked: Asked) {
    writer.lock().unwrap_or_else(PoisonError::into_inner).take(&mut vec![asked]);
}

#[cfg(test)]
mod tests;
