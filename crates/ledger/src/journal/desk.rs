//! A desk: where the tasks of one thread hand in records, and are told of them.
//!
//! ```text
//! task ─┐                      ┌─► task
//! task ─┼► desk ─► writer ─► clerk ─► task      a group at a time: two hand-overs for all who wait,
//! task ─┘                      └─► task         not for each of them
//! ```
//!
//! What is handed in while a group is with the writer goes with the next one, so that groups grow with the load and
//! nobody waits for a clock.

use super::group::{Group, Sent, Then, Waiting};
use super::{AppendError, Asked, Journal, Mark};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;

/// Where the tasks of one thread hand in records.
#[derive(Debug)]
pub(super) struct Desk {
    tray: Mutex<Tray>,
    clerk: Arc<Notify>,
}

#[derive(Debug, Default)]
struct Tray {
    /// What is handed in and not with the writer yet.
    group: Option<Arc<Group>>,
    /// There is no clerk any more.
    is_closed: bool,
}

impl Desk {
    /// Hands a record in, which has its place already.
    ///
    /// # Errors
    /// [`AppendError::TooLarge`].
    pub(super) fn hand_in(
        &self,
        journal: &Journal,
        mark: Mark,
        write: impl FnOnce(&mut Vec<u8>) -> Option<Then>,
    ) -> Result<Waiting, AppendError> {
        let mut tray = self.tray.lock().unwrap_or_else(PoisonError::into_inner);
        if tray.is_closed {
            drop(tray);
            return journal.hand_over(mark, write);
        }
        let clerk = &self.clerk;
        let group = tray.group.get_or_insert_with(|| {
            clerk.notify_one();
            Arc::new(journal.group(Some(Arc::clone(clerk))))
        });
        let place = group.take_in(mark, write)?;
        Ok(Waiting::new(Arc::clone(group), place))
    }
}

/// Takes what is handed in at a desk to the writer, and tells those who wait. It has to run where they do.
#[derive(Debug)]
pub struct Clerk {
    journal: Journal,
    desk: Arc<Desk>,
    /// What the writer has.
    with_writer: Option<Arc<Group>>,
    /// When somebody will have waited for it for too long.
    until: Instant,
}

impl Clerk {
    pub(super) fn new(journal: Journal) -> (Arc<Desk>, Self) {
        let desk = Arc::new(Desk { tray: Mutex::default(), clerk: Arc::new(Notify::new()) });
        (Arc::clone(&desk), Self { journal, desk, with_writer: None, until: Instant::now() })
    }

    /// Works until it is dropped.
    pub async fn run(mut self) {
        /// Longer than anything waits.
        const IDLE: Duration = Duration::from_secs(3600);
        let called = Arc::clone(&self.desk.clerk);
        // A timer costs more than all else here; it is set again only once it has rung.
        let mut alarm = std::pin::pin!(tokio::time::sleep(IDLE));
        let mut is_set = false;
        loop {
            tokio::select! {
                biased;
                () = called.notified() => {}
                () = alarm.as_mut(), if is_set => is_set = false,
            }
            self.tell();
            self.take_over();
            if self.with_writer.is_some() && !is_set {
                alarm.as_mut().reset(self.until);
                is_set = true;
            }
        }
    }

    /// Tells those whose records are written, or were not written in time.
    fn tell(&mut self) {
        let Some(group) = &self.with_writer else { return };
        let now = Instant::now();
        if group.is_done() {
            group.wake();
        } else if now < self.until {
            return;
        } else if let Some(until) = group.tell_late(now, self.journal.open.wait_max) {
            self.until = until;
            return;
        }
        self.with_writer = None;
    }

    /// Takes to the writer what is there, unless it still has the last group.
    fn take_over(&mut self) {
        if self.with_writer.is_some() {
            return;
        }
        let handed_in = self.desk.tray.lock().unwrap_or_else(PoisonError::into_inner).group.take();
        if let Some(group) = handed_in {
            let now = Instant::now();
            // Those who came first came after all whom the writer had before, and are not late before them.
            self.until = group.tell_late(now, self.journal.open.wait_max).unwrap_or(now);
            self.with_writer = Some(Arc::clone(&group));
            self.journal.ask(Asked::Records(Sent::new(group)));
        }
    }
}

impl Drop for Clerk {
    fn drop(&mut self) {
        let mut tray = self.desk.tray.lock().unwrap_or_else(PoisonError::into_inner);
        tray.is_closed = true;
        let handed_in = tray.group.take();
        drop(tray);
        if let Some(group) = &self.with_writer {
            group.leave_alone();
        }
        if let Some(group) = handed_in {
            group.leave_alone();
            self.journal.ask(Asked::Records(Sent::new(group)));
        }
    }
}
