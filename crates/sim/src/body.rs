//! The body of an answer: events at their pace, and the faults that act on them.
//!
//! Nothing runs on its own: the next event is made when it is polled for. Dropping the body is the end of all work.

use crate::fault::{Fault, Faults};
use crate::random::Random;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::{Instant, Sleep};

/// One event of a stream, or a part of a whole answer.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    pub(crate) bytes: Bytes,
    /// How many tokens it carries; what the pace is counted in.
    pub(crate) tokens: u64,
}

impl Event {
    pub(crate) fn new(bytes: impl Into<Bytes>, tokens: u64) -> Self {
        Self { bytes: bytes.into(), tokens }
    }
}

/// What one poll of a body gives.
type Polled = Poll<Option<Result<Frame<Bytes>, SimBodyError>>>;

/// Events made one by one as they are needed.
pub(crate) type Events = Box<dyn Iterator<Item = Event> + Send>;

/// How fast an answer comes.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pace {
    pub(crate) latency: Duration,
    /// `None` is as fast as possible.
    pub(crate) tokens_per_second: Option<f64>,
    pub(crate) jitter: f64,
    pub(crate) seed: u64,
}

impl Pace {
    /// How long a whole answer of so many tokens takes.
    pub(crate) fn whole(&self, tokens: u64) -> Duration {
        let mut random = Random::for_purpose(self.seed, "pace");
        self.stray(self.latency + self.gap(tokens), &mut random)
    }

    fn gap(&self, tokens: u64) -> Duration {
        let seconds = self.tokens_per_second.filter(|pace| *pace > 0.0).map_or(0.0, |pace| tokens as f64 / pace);
        Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
    }

    fn stray(&self, wait: Duration, random: &mut Random) -> Duration {
        if self.jitter <= 0.0 || wait.is_zero() {
            return wait;
        }
        let share = 1.0 + self.jitter.min(1.0) * (2.0 * random.fraction() - 1.0);
        Duration::try_from_secs_f64(wait.as_secs_f64() * share).unwrap_or(wait)
    }
}

/// Why a body ended early. Only faults that were asked for end it so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SimBodyError {
    /// The connection was cut in the middle of the body.
    #[error("the simulated connection was cut before the end of the body")]
    Cut,
    /// The connection was reset.
    #[error("the simulated connection was reset")]
    Reset,
}

/// The body of a simulated answer.
pub struct SimBody {
    events: Events,
    /// The next event, when it waits for its time or for a fault before it.
    held: Option<Event>,
    faults: VecDeque<BodyFault>,
    /// Chunks given out so far, faults not counted.
    sent: u64,
    clock: Option<StreamClock>,
    /// Exact length, when the answer is whole and nothing changes it.
    length: Option<u64>,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    /// The next poll gives this error; the poll between let the server flush what came before.
    Failing(SimBodyError),
    Ended,
}

/// A fault with the number of chunks that go before it.
#[derive(Debug, Clone)]
struct BodyFault {
    after: u64,
    act: Act,
}

#[derive(Debug, Clone)]
enum Act {
    Fail(SimBodyError),
    EndCleanly,
    Stall,
    Insert(Bytes),
    /// Insert, then end.
    Close(Bytes),
    HalveNext(fn(&Bytes) -> Bytes),
}

/// When the next event is due. Waits add up from the start, so that rounding of timers does not slow the whole down.
struct StreamClock {
    pace: Pace,
    random: Random,
    due: Instant,
    sleep: Option<Pin<Box<Sleep>>>,
    started: bool,
}

impl StreamClock {
    fn poll(&mut self, tokens: u64, cx: &mut Context<'_>) -> Poll<()> {
        if self.sleep.is_none() {
            let first = if self.started { Duration::ZERO } else { self.pace.latency };
            // The first token is what the latency waits for; the pace counts from the second on.
            let paced = if self.started { self.pace.gap(tokens) } else { Duration::ZERO };
            self.started = true;
            let wait = self.pace.stray(first + paced, &mut self.random);
            if wait.is_zero() {
                return Poll::Ready(());
            }
            self.due = self.due.checked_add(wait).unwrap_or(self.due);
            self.sleep = Some(Box::pin(tokio::time::sleep_until(self.due)));
        }
        if let Some(sleep) = &mut self.sleep {
            ready!(sleep.as_mut().poll(cx));
        }
        self.sleep = None;
        Poll::Ready(())
    }
}

/// What the dialect supplies for the faults that speak its language.
pub(crate) struct FaultWords {
    pub(crate) stream_error: Bytes,
    pub(crate) padding: fn(usize) -> Bytes,
    /// An event whose data stops half way, with its end in place.
    pub(crate) halved: fn(&Bytes) -> Bytes,
}

impl SimBody {
    /// A body known as a whole. Faults that act in the middle cut it into eighths.
    pub(crate) fn whole(bytes: Bytes, faults: &Faults) -> Self {
        let words = FaultWords {
            stream_error: Bytes::new(),
            padding: |wanted| vec![b' '; wanted].into(),
            halved: Bytes::clone,
        };
        let faults = body_faults(faults, &words, false);
        if faults.is_empty() {
            let length = Some(bytes.len() as u64);
            let held = (!bytes.is_empty()).then(|| Event::new(bytes, 0));
            return Self { held, length, ..Self::of(Box::new(std::iter::empty()), faults, None) };
        }
        Self::of(Box::new(eighths(bytes)), faults, None)
    }

    /// A body of events at a pace.
    pub(crate) fn stream(events: Events, pace: &Pace, faults: &Faults, words: &FaultWords) -> Self {
        let paced = !pace.latency.is_zero() || pace.tokens_per_second.is_some_and(|pace| pace > 0.0);
        let clock = paced.then(|| StreamClock {
            random: Random::for_purpose(pace.seed, "pace"),
            pace: pace.clone(),
            due: Instant::now(),
            sleep: None,
            started: false,
        });
        Self::of(events, body_faults(faults, words, true), clock)
    }

    fn of(events: Events, faults: VecDeque<BodyFault>, clock: Option<StreamClock>) -> Self {
        Self { events, held: None, faults, sent: 0, clock, length: None, state: State::Open }
    }

    /// True if the connection is to be reset before even the head of the answer is sent. A server then closes the
    /// socket; a caller in process sees the same as [`SimBodyError::Reset`] from the first poll.
    pub fn resets_before_head(&self) -> bool {
        self.sent == 0
            && matches!(self.faults.front(), Some(BodyFault { after: 0, act: Act::Fail(SimBodyError::Reset) }))
    }

    /// Carries out the fault that is due, if one is.
    fn fault_due(&mut self, cx: &mut Context<'_>) -> Option<Polled> {
        if self.faults.front().is_none_or(|fault| fault.after > self.sent) {
            return None;
        }
        if let Some(BodyFault { act: Act::Stall, .. }) = self.faults.front() {
            // No waker is kept on purpose: nothing will ever come.
            return Some(Poll::Pending);
        }
        let fault = self.faults.pop_front()?;
        Some(match fault.act {
            Act::Fail(error) => {
                // A server drops what it has not yet written when a body fails, so it is given one turn to write.
                self.state = State::Failing(error);
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            Act::EndCleanly | Act::Stall => {
                self.state = State::Ended;
                Poll::Ready(None)
            }
            Act::Insert(bytes) => Poll::Ready(Some(Ok(Frame::data(bytes)))),
            Act::Close(bytes) => {
                self.state = State::Ended;
                Poll::Ready(Some(Ok(Frame::data(bytes))))
            }
            Act::HalveNext(halved) => {
                if let Some(event) = self.held.take().or_else(|| self.events.next()) {
                    self.held = Some(Event { bytes: halved(&event.bytes), ..event });
                }
                return self.fault_due(cx);
            }
        })
    }
}

impl Body for SimBody {
    type Data = Bytes;
    type Error = SimBodyError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Polled {
        let this = self.get_mut();
        match this.state {
            State::Open => {}
            State::Failing(error) => {
                this.state = State::Ended;
                return Poll::Ready(Some(Err(error)));
            }
            State::Ended => return Poll::Ready(None),
        }
        if let Some(outcome) = this.fault_due(cx) {
            return outcome;
        }
        let Some(event) = this.held.take().or_else(|| this.events.next()) else {
            this.state = State::Ended;
            return Poll::Ready(None);
        };
        if let Some(clock) = &mut this.clock
            && clock.poll(event.tokens, cx).is_pending()
        {
            this.held = Some(event);
            return Poll::Pending;
        }
        this.sent += 1;
        if this.length.is_some() {
            this.state = State::Ended;
        }
        Poll::Ready(Some(Ok(Frame::data(event.bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.state == State::Ended || self.length == Some(0)
    }

    fn size_hint(&self) -> SizeHint {
        match (self.length, self.state) {
            (Some(_), State::Ended) => SizeHint::with_exact(0),
            (Some(length), _) => SizeHint::with_exact(length),
            (None, _) => SizeHint::default(),
        }
    }
}

impl fmt::Debug for SimBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimBody")
            .field("sent", &self.sent)
            .field("faults", &self.faults)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

/// The faults that act on a body, in the order in which they happen.
fn body_faults(faults: &Faults, words: &FaultWords, streaming: bool) -> VecDeque<BodyFault> {
    const GARBAGE: &[u8] = b"\x00\xff\xfe<<not an event>>\r\ndata: {\"half\": \xf0\x9f\n\n";
    let mut list: Vec<BodyFault> = Vec::new();
    for fault in faults.iter() {
        let (after, act) = match *fault {
            Fault::Cut { after } => (after, Act::Fail(SimBodyError::Cut)),
            Fault::Reset { after } => (after, Act::Fail(SimBodyError::Reset)),
            Fault::CleanCut { after } => (after, Act::EndCleanly),
            Fault::Stall { after } => (after, Act::Stall),
            Fault::Garbage { after } => (after, Act::Insert(Bytes::from_static(GARBAGE))),
            Fault::Oversized { bytes, after } => {
                (after, Act::Insert((words.padding)(usize::try_from(bytes).unwrap_or(usize::MAX))))
            }
            Fault::StreamError { after } if streaming => (after, Act::Close(words.stream_error.clone())),
            Fault::BadJson if streaming => (1, Act::HalveNext(words.halved)),
            Fault::BadJson => (4, Act::EndCleanly),
            _ => continue,
        };
        list.push(BodyFault { after, act });
    }
    list.sort_by_key(|fault| fault.after);
    list.into()
}

fn eighths(bytes: Bytes) -> impl Iterator<Item = Event> + Send {
    let step = bytes.len().div_ceil(8).max(1);
    let mut left = bytes;
    std::iter::from_fn(move || (!left.is_empty()).then(|| Event::new(left.split_to(step.min(left.len())), 0)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt as _;

    fn words() -> FaultWords {
        FaultWords {
            stream_error: Bytes::from_static(b"E"),
            padding: |size| vec![b'p'; size].into(),
            halved: Bytes::clone,
        }
    }

    fn five() -> Events {
        Box::new((0..5_u8).map(|n| Event::new(vec![b'0' + n], 1)))
    }

    /// The text until the end, and the error if there was one.
    async fn read(mut body: SimBody) -> (String, Option<SimBodyError>) {
        let mut text = String::new();
        while let Some(frame) = body.frame().await {
            match frame {
                Ok(frame) => text.push_str(&String::from_utf8_lossy(frame.data_ref().unwrap())),
                Err(error) => return (text, Some(error)),
            }
        }
        (text, None)
    }

    async fn streamed(faults: &str) -> (String, Option<SimBodyError>) {
        read(SimBody::stream(five(), &Pace::default(), &faults.parse().unwrap(), &words())).await
    }

    #[tokio::test]
    async fn faults_act_where_they_should() {
        assert_eq!(streamed("").await, ("01234".into(), None));
        assert_eq!(streamed("cut:after=3").await, ("012".into(), Some(SimBodyError::Cut)));
        assert_eq!(streamed("clean_cut:after=2").await, ("01".into(), None));
        assert_eq!(streamed("reset:after=1").await, ("0".into(), Some(SimBodyError::Reset)));
        assert_eq!(streamed("stream_error:after=2").await, ("01E".into(), None));
        assert_eq!(streamed("oversized:bytes=3:after=4").await, ("0123ppp4".into(), None));
        assert!(streamed("garbage:after=1").await.0.starts_with("0\0"));
        assert_eq!(streamed("oversized:bytes=1:after=1,cut:after=2").await, ("0p1".into(), Some(SimBodyError::Cut)));
        assert_eq!(streamed("cut:after=99").await, ("01234".into(), None));
    }

    #[tokio::test(start_paused = true)]
    async fn a_stall_lasts() {
        let wait = tokio::time::timeout(Duration::from_secs(86_400), streamed("stall:after=2"));
        assert!(wait.await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn the_pace_is_kept() {
        let pace = Pace { latency: Duration::from_millis(500), tokens_per_second: Some(10.0), ..Pace::default() };
        let start = Instant::now();
        read(SimBody::stream(five(), &pace, &Faults::none(), &words())).await;
        assert_eq!(start.elapsed(), Duration::from_millis(900));
        assert_eq!(pace.whole(4), Duration::from_millis(900));
    }

    #[tokio::test]
    async fn a_whole_body_knows_its_length() {
        let body = SimBody::whole(Bytes::from_static(b"0123456789abcdef"), &Faults::none());
        assert_eq!(body.size_hint().exact(), Some(16));
        assert_eq!(read(body).await.0, "0123456789abcdef");
        let cut = SimBody::whole(Bytes::from_static(b"0123456789abcdef"), &"cut:after=2".parse().unwrap());
        assert_eq!(read(cut).await, ("0123".into(), Some(SimBodyError::Cut)));
        let half = SimBody::whole(Bytes::from_static(b"0123456789abcdef"), &Faults::from_iter([Fault::BadJson]));
        assert_eq!(read(half).await, ("01234567".into(), None));
    }
}
