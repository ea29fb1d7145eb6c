//! How long a silent provider is waited for.

use std::future::Future as _;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Instant, Sleep};

/// Once everything has been said, the provider may take this long to end its body, so that its connection can be used
/// again.
const AFTER_END: Duration = Duration::from_secs(5);

/// The limits on waiting within one stream. One timer serves them all, and it is moved when it rings, not with every
/// piece that comes.
#[derive(Debug)]
pub(super) struct Patience {
    idle: Duration,
    keep_alive: Duration,
    ends_at: Instant,
    /// Since when nothing has come, while the client waits.
    silent_since: Option<Instant>,
    /// When the client last got anything in this silence.
    spoke_at: Instant,
    timer: Option<Pin<Box<Sleep>>>,
}

/// Why the waiting stopped.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wake {
    /// The client should hear that somebody is there.
    KeepAlive,
    /// A limit was reached.
    Impatient(&'static str),
}

impl Patience {
    pub(super) const fn new(idle: Duration, keep_alive: Duration, ends_at: Instant) -> Self {
        Self { idle, keep_alive, ends_at, silent_since: None, spoke_at: ends_at, timer: None }
    }

    /// Something came.
    pub(super) const fn heard(&mut self) {
        self.silent_since = None;
    }

    /// Called when nothing is there. Time in which the client did not ask does not count as silence.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>, complete: bool) -> Poll<Wake> {
        let since = match self.silent_since {
            Some(since) => since,
            None => {
                let now = Instant::now();
                self.silent_since = Some(now);
                self.spoke_at = now;
                now
            }
        };
        loop {
            let idle = if complete { self.idle.min(AFTER_END) } else { self.idle };
            let (idle_at, speak_at) = (since + idle, self.spoke_at + self.keep_alive);
            let next = self.ends_at.min(idle_at).min(speak_at);
            let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(next)));
            if timer.deadline() > next || timer.is_elapsed() {
                timer.as_mut().reset(next);
            }
            if timer.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            let now = Instant::now();
            if now >= self.ends_at {
                return Poll::Ready(Wake::Impatient("the total time for an answer is over"));
            }
            if now >= idle_at {
                return Poll::Ready(Wake::Impatient("the provider was silent for too long"));
            }
            if now >= speak_at {
                self.spoke_at = now;
                return Poll::Ready(Wake::KeepAlive);
            }
        }
    }
}
