//! Streams: decoding. Encoding is in `stream_out.rs`.

use super::{grounding, response, usage};
use crate::fields::Fields;
use crate::json::parse_event;
use crate::{DecodeError, Json, StreamDecoder, StreamWatch, WireEvent};
use serde_json::{Map, Value};
use switchtower_domain::{
    AnswerHead, Delta, DialectId, Event, Extras, Frame, Part, PartKind, Reasoning, Stop, StopReason,
};

/// Reads pieces of an answer. Each is an answer of its own that says what is new; none says that a part begins, and
/// none is an end marker: an answer ends with its reasons for stopping.
#[derive(Default)]
pub(super) struct Decoder {
    head: Option<AnswerHead>,
    candidates: Vec<Open>,
    blocked: bool,
    failed: bool,
}

/// What is open in one candidate.
#[derive(Default)]
struct Open {
    index: u32,
    parts: u32,
    /// The part that further text of the same kind belongs to.
    growing: Option<(u32, Kind)>,
    /// The text so far, which places of citations count in, and its part.
    text: Option<(u32, String)>,
    /// Whether there is another text, so that places cannot be told.
    several: bool,
    called: bool,
    stopped: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Thought,
}

/// Marks a candidate without a number.
pub(super) const NO_INDEX: &str = "candidates[].index";

impl Decoder {
    fn stopped(&self) -> bool {
        !self.candidates.is_empty() && self.candidates.iter().all(|open| open.stopped)
    }

    fn candidate(&mut self, index: u32) -> &mut Open {
        let place = self.candidates.iter().position(|open| open.index == index).unwrap_or_else(|| {
            self.candidates.push(Open { index, ..Open::default() });
            self.candidates.len() - 1
        });
        #[expect(clippy::indexing_slicing, reason = "the place was found or made above")]
        &mut self.candidates[place]
    }
}

impl StreamDecoder for Decoder {
    fn decode(&mut self, event: &WireEvent) -> Result<Frame, DecodeError> {
        let frame =
            |events, extras| Frame { origin: DialectId::GoogleGemini, name: event.name.clone(), events, extras };
        let body = parse_event(&event.data)?;
        if body.get("error").is_some_and(Json::is_object) {
            self.failed = true;
            return Ok(frame(vec![Event::Failed(super::failure::of_stream(body.into_value()))], Extras::none()));
        }
        let mut fields = Fields::tolerant(body, "")?;
        let mut events = Vec::new();
        let head = response::head(&mut fields)?;
        if self.head.as_ref() != Some(&head) {
            events.push(Event::Started(head.clone()));
            self.head = Some(head);
        }
        let mut rests = Vec::new();
        for (place, item) in fields.list("candidates")?.unwrap_or_default().into_iter().enumerate() {
            if is_silent(&item) {
                rests.push(item);
                continue;
            }
            let mut candidate = fields.beneath(item, &format!("candidates[{place}]"))?;
            let index = candidate.u64("index")?.and_then(|index| u32::try_from(index).ok());
            if index.is_none() {
                fields.lack(NO_INDEX);
            }
            self.candidate(index.unwrap_or_default()).piece(&mut candidate, &mut events)?;
            let (rest, lacks) = candidate.rest_parts();
            lacks.iter().for_each(|lack| fields.lack(lack));
            rests.push(rest);
        }
        if rests.iter().any(|rest| rest.as_object().is_some_and(|rest| !rest.is_empty())) {
            fields.put_back("candidates", Json::Array(rests));
        }
        let blocked = fields.peek("promptFeedback").is_some_and(|feedback| feedback.get("blockReason").is_some());
        if blocked && !self.stopped() {
            self.blocked = true;
            events.push(Event::Stopped { choice: 0, stop: Stop::new(StopReason::ContentFilter) });
            fields.lack(REFUSED);
        }
        if let Some(report) = usage::decode(&mut fields)? {
            // Some clients are told of it as the answer begins.
            events.insert(0, Event::Usage(report));
        }
        Ok(frame(events, fields.rest().restating(&["createTime"])))
    }

    fn complete(&self) -> bool {
        self.failed || self.blocked || self.stopped()
    }
}

/// Whether nothing in a candidate has a typed value, so that all of it stays as it is.
fn is_silent(candidate: &Json<'_>) -> bool {
    let says = |key| candidate.get(key).is_some_and(|said| !said.is_null());
    let parts = candidate.get("content").and_then(|content| content.get("parts")).and_then(Json::as_array);
    parts.is_none_or(|parts| response::say_nothing(parts))
        && !["finishReason", "safetyRatings", "logprobsResult"].into_iter().any(says)
}

/// Marks a reason for stopping that is told by what the filter says of the prompt.
pub(super) const REFUSED: &str = "finishReason";

impl Open {
    fn piece(&mut self, candidate: &mut Fields, events: &mut Vec<Event>) -> Result<(), DecodeError> {
        for part in response::content(candidate, true)? {
            self.part(part, events);
        }
        if let (Some(metadata), Some((part, text)), false) =
            (candidate.peek("groundingMetadata"), &self.text, self.several)
        {
            for citation in grounding::citations(&metadata.clone().into_value(), text) {
                events.push(Event::PartGrew { choice: self.index, part: *part, delta: Delta::Citation(citation) });
            }
        }
        if let Some(stop) = response::stop(candidate, self.called) {
            self.end_growing(events);
            self.stopped = true;
            events.push(Event::Stopped { choice: self.index, stop });
        }
        let verdicts = response::filters(candidate)?;
        if !verdicts.is_empty() {
            events.push(Event::Filtered { choice: self.index, verdicts });
        }
        if let Some(logprobs) = response::logprobs(candidate)? {
            events.push(Event::LogProbs { choice: self.index, logprobs });
        }
        Ok(())
    }

    fn part(&mut self, part: Part, events: &mut Vec<Event>) {
        let choice = self.index;
        let (kind, deltas) = match &part.kind {
            PartKind::Text { text, .. } => (Some(Kind::Text), vec![Delta::Text(text.clone())]),
            PartKind::Reasoning(Reasoning { text: Some(text), signature, .. }) => {
                let signature = signature.clone().map(Delta::Signature);
                let words = std::iter::once(Delta::Reasoning(text.clone()));
                (Some(Kind::Thought), words.chain(signature).collect())
            }
            PartKind::ToolCall(_) => {
                self.called = true;
                (None, Vec::new())
            }
            _ => (None, Vec::new()),
        };
        if let (Some((growing, of)), Some(kind)) = (self.growing, kind)
            && of == kind
            && part.extras.is_empty()
        {
            match (&mut self.text, &part.kind) {
                (Some((of, text)), PartKind::Text { text: more, .. }) if *of == growing => text.push_str(more),
                (Some(_), PartKind::Text { text: more, .. }) => self.several |= !more.is_empty(),
                _ => {}
            }
            events.extend(deltas.into_iter().map(|delta| Event::PartGrew { choice, part: growing, delta }));
            return;
        }
        self.end_growing(events);
        let number = self.parts;
        self.parts += 1;
        if let PartKind::Text { text, .. } = &part.kind {
            match &self.text {
                Some((_, before)) if !before.is_empty() => self.several |= !text.is_empty(),
                _ => self.text = Some((number, text.clone())),
            }
        }
        events.push(Event::PartStarted { choice, part: number, content: part });
        match kind {
            Some(kind) => self.growing = Some((number, kind)),
            None => events.push(Event::PartEnded { choice, part: number }),
        }
    }

    fn end_growing(&mut self, events: &mut Vec<Event>) {
        if let Some((part, _)) = self.growing.take() {
            events.push(Event::PartEnded { choice: self.index, part });
        }
    }
}

/// Looks at forwarded pieces: each must be JSON, and one must say why the answer stopped.
#[derive(Default)]
pub(super) struct Watch {
    ended: bool,
}

impl StreamWatch for Watch {
    fn look(&mut self, _: Option<&[u8]>, data: &[u8]) -> Result<(), DecodeError> {
        let fields = crate::scan::fields_of(data.trim_ascii())?;
        for field in fields {
            match field.key {
                b"error" => self.ended = true,
                b"promptFeedback" => self.ended |= memchr::memmem::find(field.value, b"\"blockReason\"").is_some(),
                b"candidates" => self.ended |= stops(field.value),
                _ => {}
            }
        }
        Ok(())
    }

    fn complete(&self) -> bool {
        self.ended
    }
}

/// Whether a candidate says why it stopped. The word stands within texts only between escaped quotes.
fn stops(candidates: &[u8]) -> bool {
    if memchr::memmem::find(candidates, b"\"finishReason\"").is_none() {
        return false;
    }
    let read: Vec<Map<String, Value>> = serde_json::from_slice(candidates).unwrap_or_default();
    read.iter().any(|candidate| candidate.get("finishReason").is_some_and(|reason| !reason.is_null()))
}
