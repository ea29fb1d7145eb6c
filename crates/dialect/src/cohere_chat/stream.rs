//! Streams: decoding. Encoding is in `stream_out.rs`.

use super::{citations, failure, logprobs, parts, response, usage, wire};
use crate::fields::Fields;
use crate::json::parse_event;
use crate::{DecodeError, Json, StreamDecoder, StreamWatch, WireEvent};
use serde_json::Value;
use switchtower_domain::{
    AnswerHead, Delta, DialectId, Event, Extras, Frame, Part, PartKind, Reasoning, ToolCall, ToolCallKind,
};

/// Reads events. Cohere says of each part where it begins and where it ends, but for the plan for calls, which ends
/// where something else begins. The type of an event stays with what is left of it.
#[derive(Default)]
pub(super) struct Decoder {
    parts: u32,
    /// The parts of the content and the calls, in the order in which they came.
    contents: Vec<Known>,
    calls: Vec<Known>,
    plan: Option<u32>,
    stopped: bool,
    ended: bool,
}

/// A part, and the number that events name it by.
#[derive(Clone, Copy)]
struct Known {
    number: Option<u64>,
    part: u32,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Thought,
    Call,
}

/// Marks an event without the number of its part.
pub(super) const NO_INDEX: &str = "index";
/// Marks a beginning without the role of its speaker.
pub(super) const NO_ROLE: &str = "role";

impl StreamDecoder for Decoder {
    fn decode(&mut self, event: &WireEvent) -> Result<Frame, DecodeError> {
        let frame = |events, extras| Frame { origin: DialectId::CohereChat, name: event.name.clone(), events, extras };
        if self.ended {
            return Err(DecodeError::Sequence { what: "something after the end" });
        }
        if event.data.trim() == wire::DONE {
            if !self.stopped {
                return Err(DecodeError::Sequence { what: "an end without a reason for stopping" });
            }
            self.ended = true;
            return Ok(frame(vec![Event::Ended], Extras::none()));
        }
        if self.stopped {
            return Err(DecodeError::Sequence { what: "something after the reason for stopping" });
        }
        let body = parse_event(&event.data)?;
        if let Some(words) = error_in(&body) {
            self.stopped = true;
            let words = words.map(str::to_owned);
            let mut events = told_until(body.clone())?;
            events.push(Event::Failed(failure::of_stream(body.into_value(), words)));
            return Ok(frame(events, Extras::none()));
        }
        let mut fields = Fields::tolerant(body, "")?;
        let kind = fields.peek_str("type").unwrap_or_default().to_owned();
        let mut events = Vec::new();
        let known = self.event(&kind, &mut fields, &mut events)?;
        if known {
            return Ok(frame(events, fields.rest()));
        }
        let native = Event::Native { name: kind, value: Value::Object(fields.rest_map()) };
        Ok(frame(vec![native], Extras::none()))
    }

    fn complete(&self) -> bool {
        self.stopped
    }
}

/// An event that says that the answer broke off, and its words.
fn error_in<'a>(body: &'a Json<'_>) -> Option<Option<&'a str>> {
    let word = |value: Option<&'a Json<'_>>| value.and_then(Json::as_str);
    match word(body.get("type")) {
        None => word(body.get("message")).map(Some),
        Some("message-end") => {
            let delta = body.get("delta")?;
            let failed = word(delta.get("finish_reason")) == Some(wire::ERROR);
            let words = word(delta.get("error"));
            (failed || words.is_some()).then_some(words)
        }
        Some(_) => None,
    }
}

/// What the last event of an answer that broke off says besides.
fn told_until(body: Json<'_>) -> Result<Vec<Event>, DecodeError> {
    let mut fields = Fields::tolerant(body, "")?;
    let stop = fields.nested("delta", response::stop)?.filter(|stop| wire::stop_word(&stop.reason) != wire::ERROR);
    let usage = fields.nested("delta", usage::decode)?;
    let stopped = stop.map(|stop| Event::Stopped { choice: 0, stop });
    Ok(stopped.into_iter().chain(usage.map(Event::Usage)).collect())
}

/// What stands at a path of objects.
fn at<'b, 'a>(fields: &'b Fields<'a>, path: &[&str]) -> Option<&'b Json<'a>> {
    let (first, rest) = path.split_first()?;
    rest.iter().try_fold(fields.peek(first)?, |value, key| value.get(key))
}

/// Reads what stands beneath `delta.message`.
fn message<T: Default>(
    fields: &mut Fields,
    read: impl FnOnce(&mut Fields) -> Result<T, DecodeError>,
) -> Result<T, DecodeError> {
    fields.nested("delta", |delta| delta.nested("message", read))
}

impl Decoder {
    /// Reads an event; `false` where it stays as it is.
    fn event(&mut self, kind: &str, fields: &mut Fields, events: &mut Vec<Event>) -> Result<bool, DecodeError> {
        match kind {
            "message-start" => {
                let head = AnswerHead { id: fields.string("id")?, ..AnswerHead::default() };
                if at(fields, &["delta", "message", "role"]).is_some_and(|role| *role == "assistant") {
                    message(fields, |message| {
                        message.take("role");
                        Ok(())
                    })?;
                } else {
                    fields.lack(NO_ROLE);
                }
                events.push(Event::Started(head));
            }
            "content-start" => return self.begin(fields, events),
            "content-delta" => return self.grow(fields, events),
            "content-end" => return Ok(end(&self.contents, fields, events)),
            "tool-plan-delta" => {
                const PLAN: [&str; 3] = ["delta", "message", "tool_plan"];
                if !at(fields, &PLAN).is_some_and(Json::is_string) {
                    return Ok(false);
                }
                let text = message(fields, |message| message.string("tool_plan"))?.unwrap_or_default();
                events.push(match self.plan {
                    Some(part) => Event::PartGrew { choice: 0, part, delta: Delta::Reasoning(text) },
                    None => {
                        let part = self.next();
                        self.plan = Some(part);
                        Event::PartStarted { choice: 0, part, content: parts::planned(text) }
                    }
                });
            }
            "tool-call-start" => return self.call(fields, events),
            "tool-call-delta" => {
                const ARGUMENTS: [&str; 5] = ["delta", "message", "tool_calls", "function", "arguments"];
                let known = named(&self.calls, fields);
                let (Some((place, part)), true) = (known, at(fields, &ARGUMENTS).is_some_and(Json::is_string)) else {
                    return Ok(false);
                };
                number(fields, place);
                let function = |call: &mut Fields| call.nested("function", |function| function.string("arguments"));
                let text = message(fields, |message| message.nested("tool_calls", function))?.unwrap_or_default();
                events.push(Event::PartGrew { choice: 0, part: part.part, delta: Delta::Arguments(text) });
            }
            "tool-call-end" => return Ok(end(&self.calls, fields, events)),
            "citation-start" => return self.cite(fields, events),
            "message-end" => {
                self.stopped = true;
                self.end_plan(events);
                let stop = fields.nested("delta", response::stop)?;
                events.extend(stop.map(|stop| Event::Stopped { choice: 0, stop }));
                events.extend(fields.nested("delta", usage::decode)?.map(Event::Usage));
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    const fn next(&mut self) -> u32 {
        let part = self.parts;
        self.parts = part.saturating_add(1);
        part
    }

    fn end_plan(&mut self, events: &mut Vec<Event>) {
        events.extend(self.plan.take().map(|part| Event::PartEnded { choice: 0, part }));
    }

    fn begin(&mut self, fields: &mut Fields, events: &mut Vec<Event>) -> Result<bool, DecodeError> {
        const CONTENT: [&str; 3] = ["delta", "message", "content"];
        let content = at(fields, &CONTENT);
        let says = |key: &str| content.and_then(|content| content.get(key)).is_some_and(Json::is_string);
        let kind = match content.and_then(|content| content.get("type")).and_then(Json::as_str) {
            Some("text") if says("text") => Kind::Text,
            Some("thinking") if says("thinking") => Kind::Thought,
            _ => return Ok(false),
        };
        let number = fields.peek("index").and_then(Json::as_u64);
        let text = message(fields, |message| {
            message.nested("content", |content| {
                content.take("type");
                content.string(key(kind))
            })
        })?;
        self.begun(number, kind, text.unwrap_or_default(), fields, events);
        Ok(true)
    }

    fn begun(&mut self, at: Option<u64>, kind: Kind, text: String, fields: &mut Fields, events: &mut Vec<Event>) {
        self.end_plan(events);
        let part = self.next();
        number(fields, self.contents.len());
        self.contents.push(Known { number: at, part, kind });
        let content = match kind {
            Kind::Thought => Part::new(PartKind::Reasoning(Reasoning { text: Some(text), ..Reasoning::default() })),
            Kind::Text | Kind::Call => Part::text(text),
        };
        events.push(Event::PartStarted { choice: 0, part, content });
    }

    fn grow(&mut self, fields: &mut Fields, events: &mut Vec<Event>) -> Result<bool, DecodeError> {
        const CONTENT: [&str; 3] = ["delta", "message", "content"];
        let says = |kind| at(fields, &CONTENT).and_then(|content| content.get(key(kind))).is_some_and(Json::is_string);
        let kind = match (says(Kind::Text), says(Kind::Thought)) {
            (true, false) => Kind::Text,
            (false, true) => Kind::Thought,
            _ => return Ok(false),
        };
        let known = named(&self.contents, fields);
        if known.is_some_and(|(_, known)| known.kind != kind) {
            return Ok(false);
        }
        let text = message(fields, |message| message.nested("content", |content| content.string(key(kind))))?;
        let text = text.unwrap_or_default();
        match known {
            Some((place, known)) => {
                number(fields, place);
                let delta = if kind == Kind::Text { Delta::Text(text) } else { Delta::Reasoning(text) };
                events.push(Event::PartGrew { choice: 0, part: known.part, delta });
            }
            None => {
                let number = fields.peek("index").and_then(Json::as_u64);
                self.begun(number, kind, text, fields, events);
            }
        }
        events.extend(logprobs::decode_one(fields)?.map(|logprobs| Event::LogProbs { choice: 0, logprobs }));
        Ok(true)
    }

    fn call(&mut self, fields: &mut Fields, events: &mut Vec<Event>) -> Result<bool, DecodeError> {
        const FUNCTION: [&str; 4] = ["delta", "message", "tool_calls", "function"];
        if !at(fields, &FUNCTION).is_some_and(Json::is_object) {
            return Ok(false);
        }
        self.end_plan(events);
        let at = fields.peek("index").and_then(Json::as_u64);
        let part = self.next();
        number(fields, self.calls.len());
        self.calls.push(Known { number: at, part, kind: Kind::Call });
        let read = |call: &mut Fields| {
            let id = call.expected_string("id")?;
            call.constant("type", "function");
            let (name, arguments) = call.nested("function", |function| {
                Ok((function.expected_string("name")?, function.expected_string("arguments")?))
            })?;
            Ok(Some(ToolCall { id, name, arguments, kind: ToolCallKind::Function }))
        };
        let call = message(fields, |message| message.nested("tool_calls", read))?;
        let content = call.map(|call| Part::new(PartKind::ToolCall(call)));
        events.extend(content.map(|content| Event::PartStarted { choice: 0, part, content }));
        Ok(true)
    }

    fn cite(&self, fields: &mut Fields, events: &mut Vec<Event>) -> Result<bool, DecodeError> {
        let citation =
            at(fields, &["delta", "message", "citations"]).filter(|citation| citations::is_of_text(citation));
        let texts = || self.contents.iter().filter(|known| known.kind == Kind::Text);
        // Without a number the last text is meant: a thought before it has one.
        let meant = citation.and_then(|citation| match citation.get("content_index").and_then(Json::as_u64) {
            Some(index) => texts().find(|known| known.number == Some(index)),
            None => texts().next_back(),
        });
        let Some(part) = meant.map(|known| known.part) else { return Ok(false) };
        let read = message(fields, |message| {
            let Some(value) = message.take("citations") else { return Ok(None) };
            citations::read(message.beneath(value, "citations")?).map(Some)
        })?;
        let delta = read.map(Delta::Citation);
        events.extend(delta.map(|delta| Event::PartGrew { choice: 0, part, delta }));
        Ok(true)
    }
}

const fn key(kind: Kind) -> &'static str {
    match kind {
        Kind::Thought => "thinking",
        Kind::Text | Kind::Call => "text",
    }
}

/// The part that an event names, and its place among those of its sort.
fn named(known: &[Known], fields: &Fields) -> Option<(usize, Known)> {
    let number = fields.peek("index").and_then(Json::as_u64);
    known.iter().copied().enumerate().rfind(|(_, known)| known.number == number)
}

fn end(known: &[Known], fields: &mut Fields, events: &mut Vec<Event>) -> bool {
    let Some((place, known)) = named(known, fields) else { return false };
    number(fields, place);
    events.push(Event::PartEnded { choice: 0, part: known.part });
    true
}

/// Takes the number of a part where it is its place; another stays, and absence is noted.
fn number(fields: &mut Fields, place: usize) {
    match fields.peek("index") {
        Some(index) if index.as_u64() == Some(place as u64) => {
            fields.take("index");
        }
        Some(_) => {}
        None => fields.lack(NO_INDEX),
    }
}

/// Looks at forwarded events: each must be JSON, and one must say that the answer ends.
#[derive(Default)]
pub(super) struct Watch {
    ended: bool,
}

impl StreamWatch for Watch {
    fn look(&mut self, name: Option<&[u8]>, data: &[u8]) -> Result<(), DecodeError> {
        if data.trim_ascii() == wire::DONE.as_bytes() {
            return if self.ended {
                Ok(())
            } else {
                Err(DecodeError::Sequence { what: "an end without a reason for stopping" })
            };
        }
        let fields = crate::scan::fields_of(data.trim_ascii())?;
        let kind = fields.iter().find(|field| field.key == b"type").map(|field| field.value.trim_ascii());
        // An error that comes instead of an event has no type.
        let failed = kind.is_none() && fields.iter().any(|field| field.key == b"message");
        self.ended |= failed || name == Some(b"message-end") || kind == Some(b"\"message-end\"");
        Ok(())
    }

    fn complete(&self) -> bool {
        self.ended
    }
}
