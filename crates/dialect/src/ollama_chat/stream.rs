//! Streams: decoding. Encoding is in `stream_out.rs`.

use super::{failure, response};
use crate::fields::Fields;
use crate::json::parse_event;
use crate::{DecodeError, StreamDecoder, StreamWatch, WireEvent};
use switchtower_domain::{AnswerHead, Delta, DialectId, Event, Extras, Frame, Part, PartKind, Reasoning};

/// Reads pieces of an answer. Each is an answer of its own that says what is new; none says that a part begins, and the
/// last one says that it is done.
#[derive(Default)]
pub(super) struct Decoder {
    head: Option<AnswerHead>,
    parts: u32,
    /// The part that further text of the same kind belongs to.
    growing: Option<(u32, Kind)>,
    called: bool,
    ended: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Thought,
}

impl StreamDecoder for Decoder {
    fn decode(&mut self, event: &WireEvent) -> Result<Frame, DecodeError> {
        let frame = |events, extras| Frame { origin: DialectId::OllamaChat, name: event.name.clone(), events, extras };
        if self.ended {
            return Err(DecodeError::Sequence { what: "something after the end" });
        }
        let body = parse_event(&event.data)?;
        if body.get("error").is_some_and(|error| !error.is_null()) {
            self.ended = true;
            // What an answer that breaks off says besides.
            let mut said = Fields::tolerant(body.clone(), "")?;
            let stop = response::stop(&mut said, self.called)?.map(|stop| Event::Stopped { choice: 0, stop });
            let usage = response::usage(&mut said)?.map(Event::Usage);
            let mut events: Vec<Event> = stop.into_iter().chain(usage).collect();
            let failure = failure::of_value(body.into_value());
            // What was told apart goes back with the whole.
            events.push(Event::Failed(failure));
            return Ok(frame(events, Extras::none()));
        }
        let mut fields = Fields::tolerant(body, "")?;
        let mut events = Vec::new();
        let head = response::head(&mut fields)?;
        if self.head.as_ref() != Some(&head) {
            events.push(Event::Started(head.clone()));
            self.head = Some(head);
        }
        for part in response::message(&mut fields)? {
            self.part(part, &mut events);
        }
        let logprobs = response::probable(&mut fields)?;
        events.extend(logprobs.map(|logprobs| Event::LogProbs { choice: 0, logprobs }));
        let stop = response::stop(&mut fields, self.called)?;
        let usage = response::usage(&mut fields)?;
        self.ended = response::done(&mut fields);
        if self.ended {
            self.end_growing(&mut events);
        }
        events.extend(stop.map(|stop| Event::Stopped { choice: 0, stop }));
        events.extend(usage.map(Event::Usage));
        events.extend(self.ended.then_some(Event::Ended));
        Ok(frame(events, response::rest(fields)))
    }

    fn complete(&self) -> bool {
        self.ended
    }
}

impl Decoder {
    fn part(&mut self, part: Part, events: &mut Vec<Event>) {
        let (kind, delta) = match &part.kind {
            PartKind::Text { text, .. } => (Some(Kind::Text), Some(Delta::Text(text.clone()))),
            PartKind::Reasoning(Reasoning { text: Some(text), .. }) => {
                (Some(Kind::Thought), Some(Delta::Reasoning(text.clone())))
            }
            PartKind::ToolCall(_) => {
                self.called = true;
                (None, None)
            }
            _ => (None, None),
        };
        if let (Some((part, of)), Some(kind), Some(delta)) = (self.growing, kind, delta)
            && of == kind
        {
            return events.push(Event::PartGrew { choice: 0, part, delta });
        }
        self.end_growing(events);
        let number = self.parts;
        self.parts = number.saturating_add(1);
        events.push(Event::PartStarted { choice: 0, part: number, content: part });
        match kind {
            Some(kind) => self.growing = Some((number, kind)),
            None => events.push(Event::PartEnded { choice: 0, part: number }),
        }
    }

    fn end_growing(&mut self, events: &mut Vec<Event>) {
        events.extend(self.growing.take().map(|(part, _)| Event::PartEnded { choice: 0, part }));
    }
}

/// Looks at forwarded pieces: each must be JSON, and one must say that the answer is done.
#[derive(Default)]
pub(super) struct Watch {
    ended: bool,
}

impl StreamWatch for Watch {
    fn look(&mut self, _: Option<&[u8]>, data: &[u8]) -> Result<(), DecodeError> {
        for field in crate::scan::fields_of(data.trim_ascii())? {
            self.ended |= match field.key {
                b"error" => field.value.trim_ascii() != b"null",
                b"done" => field.value.trim_ascii() == b"true",
                _ => false,
            };
        }
        Ok(())
    }

    fn complete(&self) -> bool {
        self.ended
    }
}
