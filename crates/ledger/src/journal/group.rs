//! Records that go to the writer together, and those who wait for them.

use super::orphans::Orphan;
use super::{AppendError, Mark, Shared, frame};
use std::fmt;
use std::ops::Range;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering, fence};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;

/// What is done with the number of a record as soon as it is written, before anybody is told of it.
pub(crate) type Then = Box<dyn FnOnce(u64) + Send>;

/// Records with their frames, one after the other, as they come to the disk.
#[derive(Default)]
pub(super) struct Records {
    pub(super) frames: Vec<u8>,
    pub(super) each: Vec<Record>,
}

/// One of them.
pub(super) struct Record {
    /// Where it stands, without its frame.
    range: Range<usize>,
    pub(super) mark: Mark,
    pub(super) then: Option<Then>,
}

impl Records {
    /// Takes a record, as it is written at the end of what is there.
    fn take_in(&mut self, mark: Mark, write: impl FnOnce(&mut Vec<u8>) -> Option<Then>) -> Result<(), AppendError> {
        // What a defect left half made must not stand before what comes.
        self.frames.truncate(self.each.last().map_or(0, |record| record.range.end));
        let mut then = None;
        let range = frame::write_with(&mut self.frames, |out| then = write(out))
            .map_err(|bytes| AppendError::TooLarge { bytes })?;
        self.each.push(Record { range, mark, then });
        Ok(())
    }

    /// The bytes of one of them.
    pub(super) fn bytes(&self, record: &Record) -> &[u8] {
        self.frames.get(record.range.clone()).unwrap_or_default()
    }
}

/// Records that are written together.
pub(super) struct Group {
    /// Who tells those who wait, where that is not the writer.
    clerk: Option<Arc<Notify>>,
    /// The clerk has gone.
    is_alone: AtomicBool,
    shared: Arc<Shared>,
    seats: Mutex<Seats>,
    /// The number of the first record, once all of them are written.
    outcome: OnceLock<Result<u64, AppendError>>,
}

#[derive(Default)]
struct Seats {
    /// The records, but for the time in which the writer has them.
    records: Records,
    each: Vec<Seat>,
}

/// Who waits for one record.
struct Seat {
    since: Instant,
    waker: Option<Waker>,
    /// Nobody waits for it, or not any more.
    is_left: bool,
    /// How long was waited for it, where that was too long.
    waited: Option<Duration>,
}

impl Group {
    pub(super) fn new(clerk: Option<Arc<Notify>>, shared: Arc<Shared>) -> Self {
        let (seats, outcome) = (Mutex::default(), OnceLock::new());
        Self { clerk, is_alone: AtomicBool::new(false), shared, seats, outcome }
    }

    /// Takes a record in, and gives its place.
    ///
    /// # Errors
    /// [`AppendError::TooLarge`].
    pub(super) fn take_in(
        &self,
        mark: Mark,
        write: impl FnOnce(&mut Vec<u8>) -> Option<Then>,
    ) -> Result<usize, AppendError> {
        let mut seats = self.seats();
        if let Err(error) = seats.records.take_in(mark, write) {
            // Its place is free again.
            self.shared.places.add_permits(1);
            return Err(error);
        }
        seats.each.push(Seat { since: Instant::now(), waker: None, is_left: false, waited: None });
        Ok(seats.each.len() - 1)
    }

    fn seats(&self) -> MutexGuard<'_, Seats> {
        self.seats.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The records, for the writer.
    pub(super) fn records(&self) -> Records {
        std::mem::take(&mut self.seats().records)
    }

    /// All of them are written, from a number on.
    pub(super) fn written(&self, first: u64) {
        // It is told once.
        let _ = self.outcome.set(Ok(first));
        self.tell();
    }

    /// None of them is written. The ends of calls that nobody waits for are brought again: they must not be lost.
    pub(super) fn failed(&self, records: Records, error: AppendError) {
        let mut seats = self.seats();
        seats.records = records;
        let _ = self.outcome.set(Err(error));
        for place in 0..seats.each.len() {
            if seats.each.get(place).is_some_and(|seat| seat.is_left) {
                self.orphan(&mut seats, place);
            }
        }
        drop(seats);
        self.tell();
    }

    fn orphan(&self, seats: &mut Seats, place: usize) {
        let Some(mut record) = seats.take(place) else { return };
        if record.mark.is_of_call() {
            let bytes = seats.records.bytes(&record).to_vec();
            self.shared.orphaned(Orphan { record: bytes, mark: record.mark, then: record.then.take() });
        }
    }

    /// What became of it is known.
    pub(super) fn is_done(&self) -> bool {
        self.outcome.get().is_some()
    }

    /// Tells those who have waited for too long, and gives the moment at which the next one will have; nothing where nobody
    /// is left who waits.
    pub(super) fn tell_late(&self, now: Instant, wait_max: Duration) -> Option<Instant> {
        let mut seats = self.seats();
        let mut late = Vec::new();
        // They stand in the order in which they came.
        let next = seats.each.iter_mut().find_map(|seat| {
            let until = seat.since + wait_max;
            if until > now {
                return Some(until);
            }
            seat.waited.get_or_insert(wait_max);
            late.extend(seat.waker.take());
            None
        });
        drop(seats);
        late.into_iter().for_each(Waker::wake);
        next
    }

    /// Whether a clerk looks after those who wait.
    fn is_attended(&self) -> bool {
        self.clerk.is_some() && !self.is_alone.load(Ordering::SeqCst)
    }

    fn tell(&self) {
        // Either the clerk sees the outcome when it goes, or it is seen here that it has gone.
        fence(Ordering::SeqCst);
        match &self.clerk {
            Some(clerk) if !self.is_alone.load(Ordering::SeqCst) => clerk.notify_one(),
            _ => self.wake(),
        }
    }

    /// Its clerk goes.
    pub(super) fn leave_alone(&self) {
        self.is_alone.store(true, Ordering::SeqCst);
        fence(Ordering::SeqCst);
        // The writer may have told the clerk just now.
        if self.is_done() {
            self.wake();
        }
    }

    /// Wakes all who wait.
    pub(super) fn wake(&self) {
        let wakers: Vec<Waker> = self.seats().each.iter_mut().filter_map(|seat| seat.waker.take()).collect();
        wakers.into_iter().for_each(Waker::wake);
    }

    /// What became of the record at a place, as far as it is known.
    fn outcome(&self, place: usize) -> Option<Result<u64, AppendError>> {
        let outcome = self.outcome.get()?;
        Some(outcome.clone().map(|first| first + place as u64))
    }
}

impl Seats {
    /// The record of a place, once.
    fn take(&mut self, place: usize) -> Option<Record> {
        let record = self.records.each.get_mut(place)?;
        let mark = std::mem::replace(&mut record.mark, Mark::None);
        Some(Record { range: record.range.clone(), mark, then: record.then.take() })
    }
}

impl fmt::Debug for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Group").field("outcome", &self.outcome).finish_non_exhaustive()
    }
}

/// A group on its way to the writer. Where it does not arrive, the journal is closed.
#[derive(Debug)]
pub(super) struct Sent(Arc<Group>);

impl Sent {
    pub(super) const fn new(group: Arc<Group>) -> Self {
        Self(group)
    }

    pub(super) fn group(&self) -> &Group {
        &self.0
    }
}

impl Drop for Sent {
    fn drop(&mut self) {
        if !self.0.is_done() {
            let records = self.0.records();
            self.0.failed(records, AppendError::Closed);
        }
    }
}

/// Waits for one record. Where it is dropped before, the record is written all the same.
#[derive(Debug)]
pub(crate) struct Waiting {
    group: Arc<Group>,
    place: usize,
    is_told: bool,
}

impl Waiting {
    pub(super) const fn new(group: Arc<Group>, place: usize) -> Self {
        Self { group, place, is_told: false }
    }

    /// Whether a clerk looks after the time.
    pub(super) fn is_attended(&self) -> bool {
        self.group.is_attended()
    }

    /// The record, where it was not written, and while nobody else has taken it.
    pub(crate) fn take_back(&self) -> Option<Vec<u8>> {
        let mut seats = self.group.seats();
        let record = seats.take(self.place)?;
        Some(seats.records.bytes(&record).to_vec())
    }

    /// What became of it, for a thread that may wait.
    pub(super) fn block(mut self) -> Result<u64, AppendError> {
        /// Wakes a thread.
        struct Unpark(std::thread::Thread);
        impl std::task::Wake for Unpark {
            fn wake(self: Arc<Self>) {
                self.0.unpark();
            }
        }
        let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
        let mut context = Context::from_waker(&waker);
        loop {
            match Pin::new(&mut self).poll(&mut context) {
                Poll::Ready(outcome) => return outcome,
                Poll::Pending => std::thread::park(),
            }
        }
    }
}

impl Future for Waiting {
    type Output = Result<u64, AppendError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if self.group.outcome.get().is_none() {
            let mut seats = self.group.seats();
            if let Some(seat) = seats.each.get_mut(self.place) {
                // What is late may still come to be written, and nobody waits for it then.
                if let Some(waited) = seat.waited {
                    return Poll::Ready(Err(AppendError::slow(waited)));
                }
                match &mut seat.waker {
                    Some(waker) => waker.clone_from(context.waker()),
                    none => *none = Some(context.waker().clone()),
                }
            }
        }
        // Whoever tells has either seen the waker, or has told before this.
        let Some(outcome) = self.group.outcome(self.place) else { return Poll::Pending };
        self.is_told = true;
        Poll::Ready(outcome)
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if self.is_told {
            return;
        }
        let mut seats = self.group.seats();
        match self.group.outcome.get() {
            None => {
                if let Some(seat) = seats.each.get_mut(self.place) {
                    (seat.waker, seat.is_left) = (None, true);
                }
            }
            Some(Ok(_)) => {}
            Some(Err(_)) => self.group.orphan(&mut seats, self.place),
        }
    }
}
