//! Streams: decoding. Encoding is in `stream_out.rs`.

use super::{blocks, response, usage};
use crate::fields::Fields;
use crate::json::parse_event;
use crate::{DecodeError, StreamDecoder, StreamWatch, WireEvent};
use serde_json::Value;
use switchtower_domain::{Delta, DialectId, Event, Extras, Frame, Part, PartKind};

/// Reads events. Messages says of each part where it begins and where it ends, so there is little to remember.
#[derive(Default)]
pub(super) struct Decoder {
    stopped: bool,
    ended: bool,
    failed: bool,
    /// How many parts came before the present message: some gateways begin a message anew within a stream.
    before: u32,
    parts: u32,
}

impl StreamDecoder for Decoder {
    fn decode(&mut self, event: &WireEvent) -> Result<Frame, DecodeError> {
        if (self.ended || self.failed) && event.data.trim() == TRAILER {
            let trailer = Event::Native { name: TRAILER.to_owned(), value: Value::Null };
            return Ok(Frame {
                origin: DialectId::AnthropicMessages,
                name: event.name.clone(),
                events: vec![trailer],
                extras: Extras::none(),
            });
        }
        if self.ended {
            return Err(DecodeError::Sequence { what: "something after the end" });
        }
        let body = parse_event(&event.data)?;
        let mut fields = Fields::tolerant(body, "")?;
        let kind = fields.required_string("type")?;
        let (events, extras) = match kind.as_str() {
            "message_start" => {
                self.before = self.parts;
                message_start(&mut fields).map(|events| (events, fields.rest()))?
            }
            "content_block_start" => {
                let part = self.part(&mut fields)?;
                self.parts = self.parts.max(part.saturating_add(1));
                let value = fields.take("content_block").ok_or_else(|| missing("content_block"))?;
                let content = begun(blocks::block(fields.beneath(value, "content_block")?)?);
                (vec![Event::PartStarted { choice: 0, part, content }], fields.rest())
            }
            "content_block_delta" => {
                let part = self.part(&mut fields)?;
                match fields.nested("delta", delta)? {
                    Some(delta) => (vec![Event::PartGrew { choice: 0, part, delta }], fields.rest()),
                    None => {
                        fields.put_back("index", Value::from(part.saturating_sub(self.before)));
                        native(kind, fields)
                    }
                }
            }
            "content_block_stop" => {
                let part = self.part(&mut fields)?;
                (vec![Event::PartEnded { choice: 0, part }], fields.rest())
            }
            "message_delta" => {
                let stop = fields.nested("delta", response::stop)?;
                self.stopped |= stop.is_some();
                let mut events: Vec<Event> = stop.map(|stop| Event::Stopped { choice: 0, stop }).into_iter().collect();
                events.extend(usage::decode(&mut fields)?.map(Event::Usage));
                if events.is_empty() { native(kind, fields) } else { (events, fields.rest()) }
            }
            "message_stop" => {
                if !self.stopped {
                    return Err(DecodeError::Sequence { what: "an end without a reason for stopping" });
                }
                self.ended = true;
                (vec![Event::Ended], fields.rest())
            }
            "ping" => (vec![Event::KeepAlive], fields.rest()),
            "error" => {
                self.failed = true;
                (vec![Event::Failed(super::failure::of_stream(fields.rest_map()))], Extras::none())
            }
            _ => native(kind, fields),
        };
        Ok(Frame { origin: DialectId::AnthropicMessages, name: None, events, extras })
    }

    fn complete(&self) -> bool {
        self.ended || self.failed
    }
}

impl Decoder {
    /// The part that a block's number stands for.
    fn part(&self, fields: &mut Fields) -> Result<u32, DecodeError> {
        Ok(self.before.saturating_add(index(fields)?))
    }
}

/// What gateways that speak several dialects send after the end.
pub(super) const TRAILER: &str = "[DONE]";

/// The arguments of a call begin as an empty object and come in pieces.
fn begun(mut part: Part) -> Part {
    match &mut part.kind {
        PartKind::ToolCall(call) if call.arguments == "{}" => call.arguments.clear(),
        PartKind::ProviderItem(item) if item.input.as_deref() == Some("{}") => item.input = Some(String::new()),
        _ => {}
    }
    part
}

fn native(kind: String, fields: Fields) -> (Vec<Event>, Extras) {
    let mut map = fields.rest_map();
    map.insert("type".to_owned(), Value::String(kind.clone()));
    (vec![Event::Native { name: kind, value: Value::Object(map) }], Extras::none())
}

fn missing(path: &str) -> DecodeError {
    DecodeError::Missing { path: path.to_owned() }
}

fn index(fields: &mut Fields) -> Result<u32, DecodeError> {
    fields.u64("index")?.and_then(|index| u32::try_from(index).ok()).ok_or_else(|| missing("index"))
}

fn message_start(fields: &mut Fields) -> Result<Vec<Event>, DecodeError> {
    fields.nested("message", |message| {
        message.constant("type", "message");
        message.constant("role", "assistant");
        let mut events = vec![Event::Started(response::head(message)?)];
        events.extend(usage::decode(message)?.map(Event::Usage));
        Ok(events)
    })
}

fn delta(delta: &mut Fields) -> Result<Option<Delta>, DecodeError> {
    let typed = match delta.peek_str("type") {
        Some("text_delta") => delta.string("text")?.map(Delta::Text),
        Some("thinking_delta") => delta.string("thinking")?.map(Delta::Reasoning),
        Some("signature_delta") => delta.string("signature")?.map(Delta::Signature),
        Some("input_json_delta") => delta.string("partial_json")?.map(Delta::Arguments),
        Some("citations_delta") => match delta.take("citation") {
            Some(value) => Some(Delta::Citation(blocks::citation(delta.beneath(value, "citation")?)?)),
            None => None,
        },
        _ => None,
    };
    if typed.is_some() {
        delta.take("type");
    }
    Ok(typed)
}

/// Looks at forwarded events: each must be JSON, and the stream must say that it ends.
#[derive(Default)]
pub(super) struct Watch {
    stopped: bool,
    ended: bool,
}

impl StreamWatch for Watch {
    fn look(&mut self, name: Option<&[u8]>, data: &[u8]) -> Result<(), DecodeError> {
        if self.ended && data.trim_ascii() == TRAILER.as_bytes() {
            return Ok(());
        }
        let fields = crate::scan::fields_of(data.trim_ascii())?;
        // Vendors leave the event's name out; its data has it too.
        let kind = fields.iter().find(|field| field.key == b"type").map(|field| field.value.trim_ascii());
        let is = |word: &str| {
            name == Some(word.as_bytes())
                || kind.and_then(|kind| kind.strip_prefix(b"\"")?.strip_suffix(b"\"")) == Some(word.as_bytes())
        };
        self.stopped |= is("message_delta");
        if is("message_stop") && !self.stopped {
            return Err(DecodeError::Sequence { what: "an end without a reason for stopping" });
        }
        self.ended |= is("message_stop") || is("error");
        Ok(())
    }

    fn complete(&self) -> bool {
        self.ended
    }
}
