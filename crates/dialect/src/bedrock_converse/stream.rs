//! Streams: decoding. Encoding is in `stream_out.rs`.

use super::{citations, failure, response, usage, wire};
use crate::event_stream::{ERROR, is_exception};
use crate::fields::Fields;
use crate::json::parse_event;
use crate::{DecodeError, Json, StreamDecoder, StreamWatch, WireEvent, seal};
use serde_json::Value;
use switchtower_domain::{
    AnswerHead, Delta, DialectId, Event, Extras, Frame, Part, PartKind, ProviderItem, Reasoning, ToolCall, ToolCallKind,
};

/// Reads events. Only calls say that they begin; everything else begins with its first piece.
#[derive(Default)]
pub(super) struct Decoder {
    /// The blocks that began, by the place of their part.
    blocks: Vec<Block>,
    stopped: bool,
    ended: bool,
    failed: bool,
}

struct Block {
    index: u64,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Thought,
    Call,
    /// What only this dialect knows.
    Own,
}

/// The number of a block.
pub(super) const INDEX: &str = "contentBlockIndex";

impl StreamDecoder for Decoder {
    fn decode(&mut self, event: &WireEvent) -> Result<Frame, DecodeError> {
        if self.ended {
            return Err(DecodeError::Sequence { what: "something after the end" });
        }
        let name = event.name.as_deref().unwrap_or_default();
        let body = parse_event(&event.data)?;
        if is_exception(name) || name == ERROR {
            self.failed = true;
            let failed = Event::Failed(failure::of_stream(name, body.into_value()));
            return Ok(frame(event.name.clone(), vec![failed], Extras::none()));
        }
        if self.stopped && (name == "messageStart" || name == "messageStop" || name.starts_with("contentBlock")) {
            return Err(DecodeError::Sequence { what: "something after the reason for stopping" });
        }
        let mut fields = Fields::tolerant(body, "")?;
        let events = match name {
            "messageStart" => {
                fields.constant("role", "assistant");
                Some(vec![Event::Started(AnswerHead::default())])
            }
            "contentBlockStart" => self.start(&mut fields)?,
            "contentBlockDelta" => self.delta(&mut fields)?,
            "contentBlockStop" => self.place(&mut fields).map(|part| vec![Event::PartEnded { choice: 0, part }]),
            "messageStop" => {
                let word = fields.required_string("stopReason")?;
                self.stopped = true;
                Some(vec![Event::Stopped { choice: 0, stop: wire::stop(&word) }])
            }
            "metadata" => {
                let mut events: Vec<Event> = usage::decode(&mut fields)?.map(Event::Usage).into_iter().collect();
                if let Some(tier) = response::tier(&mut fields)? {
                    events.push(Event::Started(AnswerHead { service_tier: Some(tier), ..AnswerHead::default() }));
                }
                if self.stopped {
                    self.ended = true;
                    events.push(Event::Ended);
                }
                (!events.is_empty()).then_some(events)
            }
            _ => None,
        };
        let events = match events {
            Some(events) => events,
            None => {
                let value = Value::Object(fields.rest_map());
                return Ok(frame(None, vec![Event::Native { name: name.to_owned(), value }], Extras::none()));
            }
        };
        Ok(frame(None, events, fields.rest()))
    }

    fn complete(&self) -> bool {
        self.stopped || self.failed
    }
}

fn frame(name: Option<String>, events: Vec<Event>, extras: Extras) -> Frame {
    Frame { origin: DialectId::BedrockConverse, name, events, extras }
}

impl Decoder {
    /// The part of a block that began, if the number of the block is that of one.
    fn place(&self, fields: &mut Fields) -> Option<u32> {
        let index = fields.peek(INDEX).and_then(Json::as_u64)?;
        let place = self.blocks.iter().position(|block| block.index == index)?;
        let part = u32::try_from(place).ok()?;
        if index == u64::from(part) {
            fields.take(INDEX);
        }
        Some(part)
    }

    /// Begins the part of a block.
    fn begin(&mut self, fields: &mut Fields, kind: Kind) -> Option<u32> {
        let index = fields.peek(INDEX).and_then(Json::as_u64)?;
        if self.blocks.iter().any(|block| block.index == index) {
            return None;
        }
        self.blocks.push(Block { index, kind });
        self.place(fields)
    }

    fn start(&mut self, fields: &mut Fields) -> Result<Option<Vec<Event>>, DecodeError> {
        let begun = |start: &Fields, key: &str| {
            start.peek(key).and_then(|block| block.get("toolUseId")).is_some_and(Json::is_string)
        };
        let content = fields.nested("start", |start| {
            if begun(start, "toolUse") {
                return start.nested("toolUse", call);
            }
            if begun(start, "toolResult") {
                return start.nested("toolResult", |result| {
                    let id = result.string("toolUseId")?;
                    let kind = "toolResult".to_owned();
                    Ok(Some(PartKind::ProviderItem(ProviderItem { kind, id, name: None, input: None, content: None })))
                });
            }
            Ok(None)
        })?;
        let Some(content) = content else { return Ok(None) };
        let kind = if matches!(content, PartKind::ToolCall(_)) { Kind::Call } else { Kind::Own };
        let part = self.begin(fields, kind);
        let part = part.ok_or(DecodeError::Sequence { what: "a block that began already, or has no number" })?;
        Ok(Some(vec![Event::PartStarted { choice: 0, part, content: Part::new(content) }]))
    }

    fn delta(&mut self, fields: &mut Fields) -> Result<Option<Vec<Event>>, DecodeError> {
        let index = fields.peek(INDEX).and_then(Json::as_u64);
        let block = self.blocks.iter().find(|block| Some(block.index) == index);
        let open = block.map(|block| block.kind);
        let fits = |kind: Kind| open.is_none_or(|open| open == kind);
        let Some(delta) = fields.nested("delta", |delta| piece(delta, open, fits))? else { return Ok(None) };
        if let Some(part) = self.place(fields) {
            return Ok(Some(vec![Event::PartGrew { choice: 0, part, delta }]));
        }
        let (kind, content) = match delta {
            Delta::Text(text) => (Kind::Text, Part::text(text)),
            Delta::Citation(citation) => {
                (Kind::Text, Part::new(PartKind::Text { text: String::new(), citations: vec![citation] }))
            }
            thought => {
                let mut content = Part::new(PartKind::Reasoning(Reasoning::default()));
                content.grow(&thought);
                (Kind::Thought, content)
            }
        };
        let part = self.begin(fields, kind).ok_or_else(|| DecodeError::Missing { path: INDEX.to_owned() })?;
        Ok(Some(vec![Event::PartStarted { choice: 0, part, content }]))
    }
}

fn call(call: &mut Fields) -> Result<Option<PartKind>, DecodeError> {
    let id = call.string("toolUseId")?.unwrap_or_default();
    let name = call.expected_string("name")?;
    if call.peek_str("type") == Some(super::parts::SERVER_TOOL) {
        call.take("type");
        let (id, name, input) = (Some(id), Some(name), Some(String::new()));
        return Ok(Some(PartKind::ProviderItem(ProviderItem {
            kind: "toolUse".to_owned(),
            id,
            name,
            input,
            content: None,
        })));
    }
    Ok(Some(PartKind::ToolCall(ToolCall { id, name, arguments: String::new(), kind: ToolCallKind::Function })))
}

/// By what a block grows, if that fits what it is.
fn piece(delta: &mut Fields, open: Option<Kind>, fits: impl Fn(Kind) -> bool) -> Result<Option<Delta>, DecodeError> {
    if fits(Kind::Text) && delta.peek("text").is_some_and(Json::is_string) {
        return Ok(delta.string("text")?.map(Delta::Text));
    }
    if fits(Kind::Text) && delta.peek("citation").is_some_and(Json::is_object) {
        let Some(value) = delta.take("citation") else { return Ok(None) };
        return citations::citation(delta.beneath(value, "citation")?).map(Delta::Citation).map(Some);
    }
    let input = delta.peek("toolUse").and_then(|call| call.get("input")).is_some_and(Json::is_string);
    if matches!(open, Some(Kind::Call | Kind::Own)) && input {
        return delta.nested("toolUse", |call| Ok(call.string("input")?.map(Delta::Arguments)));
    }
    if !fits(Kind::Thought) {
        return Ok(None);
    }
    delta.nested("reasoningContent", |thought| {
        if let Some(text) = thought.string("text")? {
            return Ok(Some(Delta::Reasoning(text)));
        }
        if let Some(signature) = thought.string("signature")? {
            return Ok(Some(Delta::Signature(signature)));
        }
        Ok(thought.string("redactedContent")?.map(|sealed| Delta::Sealed(seal::read(sealed))))
    })
}

/// Looks at forwarded events: each must be JSON, and one must say why the answer stopped.
#[derive(Default)]
pub(super) struct Watch {
    ended: bool,
}

impl StreamWatch for Watch {
    fn look(&mut self, name: Option<&[u8]>, data: &[u8]) -> Result<(), DecodeError> {
        crate::scan::fields_of(data.trim_ascii())?;
        let name = name.and_then(|name| std::str::from_utf8(name).ok()).unwrap_or_default();
        self.ended |= name == "messageStop" || is_exception(name) || name == ERROR;
        Ok(())
    }

    fn complete(&self) -> bool {
        self.ended
    }
}
