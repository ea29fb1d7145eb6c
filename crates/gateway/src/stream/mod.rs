//! Streamed answers: events in, events out, as they come.
//!
//! Nothing runs on its own. The client's connection asks for the next bytes, and only then is the provider read, so a
//! slow client slows the provider, and dropping the stream ends the exchange. Only whole events leave, so a failure
//! can be told between any two of them. A stream ends in one of three ways, and never hangs:
//!
//! - with the provider's own end, after the sign of an end that its dialect wants;
//! - with the provider's own error, which is passed on;
//! - with an error of ours, in the client's dialect: the provider broke off, was silent for too long, or sent what
//!   cannot be read.

mod forward;
mod incoming;
mod outgoing;
mod patience;
mod translate;

use crate::Settings;
use crate::failure::{class_of, masked, masked_id, refusal};
use crate::recording::{End, Outcome, Recording, Unclosed};
use crate::request_id::RequestId;
use bytes::Bytes;
use forward::Forward;
pub(crate) use forward::Rewriting;
use incoming::{Arrived, Incoming};
pub(crate) use outgoing::Framing;
use outgoing::Outgoing;
use patience::{Patience, Wake};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use switchtower_dialect::event_stream::{EventStreamError, is_exception};
use switchtower_dialect::sse::{EventTooLarge, Parsed};
use switchtower_dialect::{WireEvent, dialect};
use switchtower_domain::{
    Account, DialectId, Event, Extras, Failure, FailureClass, FailureForm, Frame, Refusal, ResponseBody, TransportError,
};
use switchtower_ledger::Receipt;
use switchtower_ledger::record::Text;
use switchtower_providers::{Deployment, Interface};
use tokio::time::Instant;
pub(crate) use translate::Leaving;
use translate::Translate;

/// A streamed answer on its way to the client.
pub(crate) struct EventStream {
    /// What is still to come; `None` once the stream is over.
    events: Option<ResponseBody>,
    reader: Incoming,
    /// How many bytes of an unfinished event the reader holds.
    held: usize,
    carrier: Carrier,
    framing: Framing,
    patience: Patience,
    ends: Ends,
    /// What is on record of it, until its end is.
    recording: Option<Box<Recording>>,
    /// The end, which waits for its record to be written.
    closing: Option<Closing>,
    /// The last bytes, in dialects in which nothing but the end of the body says that they are.
    held_back: Bytes,
}

/// The end of a stream on its way to the client.
struct Closing {
    written: Pin<Box<dyn Future<Output = Result<Receipt, Unclosed>> + Send>>,
    bytes: Bytes,
}

/// Who is spoken for at the end of a stream.
#[derive(Debug)]
pub(crate) struct Ends {
    pub(crate) client: DialectId,
    pub(crate) deployment: Arc<Deployment>,
    /// What records call it.
    pub(crate) name: Text,
    pub(crate) request_id: RequestId,
    pub(crate) framing: Framing,
}

impl Ends {
    /// What is spoken with the provider.
    fn interface(&self) -> &Interface {
        self.deployment.provider.interface(self.client)
    }
}

enum Carrier {
    Forward(Forward),
    Translate(Translate),
}

/// What one event meant for the stream.
enum Step {
    /// It goes on.
    On,
    /// The provider said that it failed, and the client has been told.
    Failed,
}

/// Why a stream cannot go on.
#[derive(Debug)]
struct Broken {
    class: FailureClass,
    /// For the log.
    what: String,
}

impl Broken {
    fn malformed(what: impl Into<String>) -> Self {
        Self { class: FailureClass::Malformed, what: what.into() }
    }
}

impl From<EventTooLarge> for Broken {
    fn from(error: EventTooLarge) -> Self {
        Self::malformed(error.to_string())
    }
}

impl From<EventStreamError> for Broken {
    fn from(error: EventStreamError) -> Self {
        Self::malformed(error.to_string())
    }
}

impl EventStream {
    /// Events that leave as they came.
    pub(crate) fn forwarded(
        settings: &Settings,
        events: ResponseBody,
        ends: Ends,
        ends_at: Instant,
        rewriting: Rewriting,
        recording: Box<Recording>,
    ) -> Self {
        let forward = Forward::new(&ends.deployment, ends.client, ends.framing.watch(), rewriting);
        Self::new(settings, events, Carrier::Forward(forward), ends, ends_at, recording)
    }

    /// Events that leave in another dialect.
    pub(crate) fn translated(
        settings: &Settings,
        events: ResponseBody,
        ends: Ends,
        ends_at: Instant,
        leaving: Leaving,
        recording: Box<Recording>,
    ) -> Self {
        let translate = Translate::new(&ends.deployment, ends.client, leaving);
        Self::new(settings, events, Carrier::Translate(translate), ends, ends_at, recording)
    }

    fn new(
        settings: &Settings,
        events: ResponseBody,
        carrier: Carrier,
        ends: Ends,
        ends_at: Instant,
        recording: Box<Recording>,
    ) -> Self {
        let patience = Patience::new(ends.deployment.provider.timeouts.idle, settings.keep_alive, ends_at);
        let reader = Incoming::new(ends.interface().framing(), settings.limits.event_bytes_max);
        let framing = ends.framing;
        let (recording, closing, held_back) = (Some(recording), None, Bytes::new());
        Self { events: Some(events), reader, held: 0, carrier, framing, patience, ends, recording, closing, held_back }
    }

    pub(crate) const fn is_over(&self) -> bool {
        self.events.is_none() && self.closing.is_none()
    }

    /// The next bytes for the client.
    pub(crate) fn poll_bytes(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        loop {
            if let Some(closing) = &mut self.closing {
                let written = ready!(closing.written.as_mut().poll(cx));
                let bytes = std::mem::take(&mut closing.bytes);
                self.closing = None;
                let bytes = self.released(written, bytes);
                if !bytes.is_empty() {
                    return Poll::Ready(Some(bytes));
                }
            }
            let Some(events) = &mut self.events else { return Poll::Ready(None) };
            let bytes = match events.as_mut().poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => {
                    self.patience.heard();
                    let Ok(data) = frame.into_data() else { continue };
                    if let Some(recording) = &mut self.recording {
                        recording.meter.received(data.len());
                    }
                    self.take(data)
                }
                Poll::Ready(Some(Err(error))) => self.cut(&error),
                Poll::Ready(None) => self.end(),
                Poll::Pending => match self.patience.poll(cx, self.carrier.complete()) {
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(Wake::KeepAlive) => self.keep_alive(),
                    Poll::Ready(Wake::Impatient(waited)) => self.give_up(waited),
                },
            };
            let bytes = self.gated(bytes);
            if !bytes.is_empty() {
                return Poll::Ready(Some(bytes));
            }
        }
    }

    /// Holds the end of a stream until it is on record.
    fn gated(&mut self, bytes: Bytes) -> Bytes {
        let Some(recording) = &mut self.recording else { return bytes };
        recording.sent(&bytes);
        let (over, may_be_last) = (self.events.is_none() || self.carrier.over(), self.carrier.may_have_ended());
        let before = std::mem::take(&mut self.held_back);
        let bytes = if before.is_empty() { bytes } else { [before, bytes].concat().into() };
        if !over && may_be_last {
            self.held_back = bytes;
            return Bytes::new();
        }
        if !over {
            return bytes;
        }
        let Some(recording) = self.recording.take() else { return bytes };
        let broken = self.carrier.broken().cloned();
        let (account, said) = self.carrier.account();
        let end = match &broken {
            Some(refusal) => {
                End { outcome: Outcome::BrokeOff, status: 200, code: Some(refusal.code), account, said: Some(said) }
            }
            None => End { said: Some(said), ..End::answered(account) },
        };
        let written = Box::pin(async move { recording.close(end, broken.as_ref()).await });
        self.closing = Some(Closing { written, bytes });
        Bytes::new()
    }

    /// The end, or, where it could not be recorded, an error in its place.
    fn released(&mut self, written: Result<Receipt, Unclosed>, bytes: Bytes) -> Bytes {
        let Err(Unclosed { refusal, .. }) = written else { return bytes };
        let mut out = Outgoing::of_our_own(self.framing);
        for event in self.carrier.fail(&refusal, &self.ends) {
            out.write(&event);
        }
        self.events = None;
        out.close();
        self.leave(out)
    }

    /// Takes bytes of the provider and gives those that the client gets for them.
    fn take(&mut self, data: Bytes) -> Bytes {
        if self.carrier.over() {
            return self.take_late(&data);
        }
        let fresh = self.held == 0;
        self.reader.push(&data);
        self.held += data.len();
        let alike = self.framing.is_that_of(self.ends.interface().framing());
        let mut out = Outgoing::of_piece(fresh, data, self.framing, alike);
        let outcome = self.events_of_reader(&mut out);
        self.settle(out, outcome)
    }

    fn events_of_reader(&mut self, out: &mut Outgoing) -> Result<Step, Broken> {
        while let Some(event) = self.reader.next()? {
            self.held = self.held.saturating_sub(event.bytes().len());
            let complete = self.carrier.complete();
            match self.carrier.event(&event, &self.ends, out) {
                Ok(Step::On) => {}
                // What is said after the end is no part of the answer, and cannot make a failure of it.
                Err(_) if complete => return self.carrier.conclude(out).map(|()| Step::Failed),
                outcome => return outcome,
            }
            if self.carrier.over() {
                return Ok(if matches!(self.reader.rest(), Ok(None)) { Step::On } else { Step::Failed });
            }
        }
        Ok(Step::On)
    }

    /// Bytes after the end marker never leave. The connection is kept for the end of the body, as long as nothing is
    /// said any more.
    fn take_late(&mut self, data: &Bytes) -> Bytes {
        if !data.iter().all(u8::is_ascii_whitespace) {
            return self.settle(Outgoing::of_our_own(self.framing), Ok(Step::Failed));
        }
        Bytes::new()
    }

    fn keep_alive(&self) -> Bytes {
        let mut out = Outgoing::of_our_own(self.framing);
        out.keep_alive();
        out.finish().0
    }

    /// The end of the provider's body.
    fn end(&mut self) -> Bytes {
        let mut out = Outgoing::of_our_own(self.framing);
        let outcome = match self.reader.rest() {
            Ok(None) => Ok(Step::On),
            Ok(Some(event)) => self.carrier.event(&event, &self.ends, &mut out),
            Err(broken) => Err(broken),
        };
        let outcome = match outcome {
            Ok(Step::On) if !self.carrier.complete() => {
                Err(Broken { class: FailureClass::Unreachable, what: "the stream ended without its end".to_owned() })
            }
            Ok(Step::On) => self.carrier.conclude(&mut out).map(|()| Step::Failed),
            Ok(Step::Failed) => Ok(Step::Failed),
            // Half an event after the end says nothing that anybody waits for.
            Err(_) if self.carrier.complete() => Ok(Step::Failed),
            Err(broken) => Err(broken),
        };
        self.settle(out, outcome)
    }

    fn cut(&mut self, error: &TransportError) -> Bytes {
        self.stop(Broken { class: class_of(error), what: error.to_string() })
    }

    fn give_up(&mut self, what: &'static str) -> Bytes {
        self.stop(Broken { class: FailureClass::TimedOut, what: what.to_owned() })
    }

    /// Trouble after the end is no trouble.
    fn stop(&mut self, broken: Broken) -> Bytes {
        let mut out = Outgoing::of_our_own(self.framing);
        let complete = self.carrier.complete();
        let outcome = if complete { self.carrier.conclude(&mut out).map(|()| Step::Failed) } else { Err(broken) };
        self.settle(out, outcome)
    }

    /// What leaves after a step; where it was the last one, the exchange with the provider is over.
    fn settle(&mut self, mut out: Outgoing, outcome: Result<Step, Broken>) -> Bytes {
        match outcome {
            Ok(Step::On) => return self.leave(out),
            Ok(Step::Failed) => {}
            Err(broken) => {
                let mut refusal = refusal(&Failure::new(broken.class), &self.ends.deployment);
                refusal.detail = Some(broken.what);
                tracing::warn!(
                    request = self.ends.request_id.as_str(),
                    trace = self.ends.request_id.trace().map(tracing::field::display),
                    code = refusal.code.as_str(),
                    deployment = &*self.ends.name,
                    detail = refusal.detail.as_deref().unwrap_or_default(),
                    "a stream broke"
                );
                for event in self.carrier.fail(&refusal, &self.ends) {
                    out.write(&event);
                }
                self.carrier.note_broken(refusal);
            }
        }
        self.events = None;
        out.close();
        self.leave(out)
    }

    fn leave(&mut self, out: Outgoing) -> Bytes {
        let (bytes, framing) = out.finish();
        self.framing = framing;
        bytes
    }
}

impl Drop for EventStream {
    /// A client that went away leaves a record all the same.
    fn drop(&mut self) {
        if let Some(recording) = self.recording.take() {
            let (account, said) = self.carrier.account();
            let said = Some(said);
            recording.leave(End { outcome: Outcome::Abandoned, status: 200, code: None, account, said });
        }
    }
}

impl fmt::Debug for EventStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventStream").field("ends", &self.ends).field("over", &self.is_over()).finish_non_exhaustive()
    }
}

impl Carrier {
    fn event(&mut self, event: &Arrived, ends: &Ends, out: &mut Outgoing) -> Result<Step, Broken> {
        match self {
            Self::Forward(forward) => forward.event(event, ends, out),
            Self::Translate(translate) => translate.event(event, ends, out),
        }
    }

    fn conclude(&mut self, out: &mut Outgoing) -> Result<(), Broken> {
        match self {
            // What is forwarded ends as its provider ends it.
            Self::Forward(_) => Ok(()),
            Self::Translate(translate) => translate.conclude(out),
        }
    }

    /// Whether the end marker has been seen, so that nothing may follow.
    fn over(&self) -> bool {
        match self {
            Self::Forward(forward) => forward.over(),
            Self::Translate(translate) => translate.over(),
        }
    }

    fn complete(&self) -> bool {
        match self {
            Self::Forward(forward) => forward.complete(),
            Self::Translate(translate) => translate.complete(),
        }
    }

    /// Whether what was passed on may be the end, though more may follow it.
    fn may_have_ended(&self) -> bool {
        match self {
            Self::Forward(forward) => forward.complete(),
            // What ends it for the client is written when the provider has ended.
            Self::Translate(_) => false,
        }
    }

    /// What is on record of the answer, and what was said of it as far as nobody counted it.
    fn account(&mut self) -> (Account, String) {
        match self {
            Self::Forward(forward) => forward.account(),
            Self::Translate(translate) => translate.account(),
        }
    }

    /// Why the stream broke off, if it did.
    fn broken(&self) -> Option<&Refusal> {
        match self {
            Self::Forward(forward) => forward.broken.as_ref(),
            Self::Translate(translate) => translate.broken.as_ref(),
        }
    }

    fn note_broken(&mut self, refusal: Refusal) {
        match self {
            Self::Forward(forward) => forward.broken = Some(refusal),
            Self::Translate(translate) => translate.broken = Some(refusal),
        }
    }

    fn fail(&mut self, refusal: &Refusal, ends: &Ends) -> Vec<WireEvent> {
        match self {
            Self::Forward(_) => {
                let mut encoder = dialect(ends.client).stream_encoder(false);
                encoder.fail(refusal, ends.request_id.as_str())
            }
            Self::Translate(translate) => translate.fail(refusal, ends.request_id.as_str()),
        }
    }
}

/// The failure that an event tells of, where its dialect's decoder does not see one: by the event's name, or by an
/// error in its data. The data is parsed, because a key can be written with escapes.
fn failure_beside(parsed: &Parsed<'_>, ends: &Ends) -> Option<Failure> {
    let error_in = |data: &[u8]| {
        let value: serde_json::Value = serde_json::from_slice(data).ok()?;
        value.get("error").filter(|error| !error.is_null()).map(|_| ())
    };
    if !is_named_error(parsed) {
        error_in(parsed.data())?;
    }
    let mut failure = dialect(ends.interface().dialect).decode_failure(500, parsed.data());
    failure.status = None;
    Some(failure)
}

fn is_named_error(parsed: &Parsed<'_>) -> bool {
    let name = parsed.name.and_then(|name| std::str::from_utf8(name).ok());
    name.is_some_and(|name| name == "error" || is_exception(name))
}

/// The failure as all that a frame says, with every secret masked. What of it nobody has typed is left out, since
/// anything may stand there.
fn frame_of(failure: Failure, ends: &Ends) -> Frame {
    let text = |text: Option<String>| text.map(|text| masked(&text, &ends.deployment));
    let failure = Failure {
        message: text(failure.message).or_else(|| Some("the provider failed without saying why".to_owned())),
        kind: text(failure.kind).or_else(|| Some("api_error".to_owned())),
        code: text(failure.code),
        param: text(failure.param),
        request_id: failure.request_id.and_then(|id| masked_id(&id, &ends.deployment)),
        form: FailureForm::Usual,
        extras: Extras::none(),
        ..failure
    };
    let origin = ends.interface().dialect;
    Frame { origin, name: None, events: vec![Event::Failed(failure)], extras: Extras::none() }
}

/// The failure in a frame as the refusal that it would be before a stream.
fn refusal_of(frame: Frame, ends: &Ends) -> Option<Refusal> {
    failure_in(frame).map(|failure| refusal(&failure, &ends.deployment))
}

/// The failure in a frame, if it tells of one.
fn failure_in(frame: Frame) -> Option<Failure> {
    frame.events.into_iter().find_map(|event| match event {
        Event::Failed(failure) => Some(failure),
        _ => None,
    })
}
