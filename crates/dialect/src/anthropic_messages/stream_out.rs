//! Streams: encoding.

use super::stream::TRAILER;
use super::{blocks, response, usage, wire};
use crate::arguments::{Input, input_of};
use crate::in_turn::{InTurn, brought};
use crate::render::{ExtrasWriter, Object};
use crate::{StreamEncoder, WireEvent, call_id, carried};
use serde_json::Value;
use switchtower_domain::{
    AnswerHead, Delta, DialectId, Event, Failure, Frame, OutOfPlace, Part, PartKind, Reasoning, Refusal, Stop,
    StopReason, ToolCallKind, Usage,
};

/// Writes events. A frame of this dialect becomes the one event that it was; frames of another become the sequence
/// that a client of Messages expects: every part begins and ends, and the reason for stopping comes with the usage.
#[derive(Default)]
pub(super) struct Encoder {
    started: bool,
    head: AnswerHead,
    /// Whose stream it is.
    origin: Option<DialectId>,
    usage: Option<Usage>,
    stop: Option<Stop>,
    parts: Vec<Known>,
    turns: InTurn,
    /// Blocks that were begun.
    blocks: u32,
    /// How many parts came before the present message of the same dialect.
    before: u32,
}

/// A part of the answer, and the block that tells it.
struct Known {
    part: u32,
    content: Part,
    block: Option<u32>,
    ended: bool,
    input: Input,
}

/// What stands around the input of a custom tool, which is bare text elsewhere and an object here.
const AROUND_BARE: (&str, &str) = ("{\"input\":\"", "\"}");

impl Known {
    const fn new(part: u32, content: Part) -> Self {
        Self { part, content, block: None, ended: false, input: Input::Unknown }
    }
}

impl Encoder {
    fn known(&mut self, part: u32) -> Result<&mut Known, OutOfPlace> {
        self.parts.iter_mut().find(|known| known.part == part).ok_or(OutOfPlace { choice: 0, part })
    }

    fn same(&mut self, frame: &Frame) -> Result<Option<WireEvent>, OutOfPlace> {
        let mut object = Object::new();
        let mut kind = "message_delta";
        for event in &frame.events {
            match event {
                Event::Started(head) => {
                    kind = "message_start";
                    self.before = u32::try_from(self.parts.len()).unwrap_or(u32::MAX);
                    object.set("message", self.message(head, frame));
                }
                Event::PartStarted { choice, part, content } => {
                    kind = "content_block_start";
                    if *choice != 0 || self.parts.iter().any(|known| known.part == *part) {
                        return Err(OutOfPlace { choice: *choice, part: *part });
                    }
                    self.parts.push(Known::new(*part, content.clone()));
                    object.set("index", part.saturating_sub(self.before));
                    object.maybe("content_block", start_block(content, true));
                }
                Event::PartGrew { choice, part, delta } => {
                    kind = "content_block_delta";
                    let fits = *choice == 0 && self.known(*part)?.content.clone().grow(delta);
                    let written = delta_object(delta, true).filter(|_| fits);
                    object.set("index", part.saturating_sub(self.before));
                    object.set("delta", written.ok_or(OutOfPlace { choice: *choice, part: *part })?);
                }
                Event::PartEnded { choice, part } => {
                    kind = "content_block_stop";
                    self.known(*part)?;
                    if *choice != 0 {
                        return Err(OutOfPlace { choice: *choice, part: *part });
                    }
                    object.set("index", part.saturating_sub(self.before));
                }
                Event::Stopped { choice, stop } => {
                    if *choice != 0 {
                        return Err(OutOfPlace { choice: *choice, part: 0 });
                    }
                    let mut delta = Object::new().with("stop_reason", wire::stop_word(&stop.reason, true));
                    delta.maybe("stop_sequence", stop.sequence.clone());
                    object.set("delta", delta);
                }
                Event::Usage(_) if kind == "message_start" => {}
                Event::Usage(report) => object.set("usage", usage::encode(report, true)),
                Event::KeepAlive => kind = "ping",
                Event::Ended => kind = "message_stop",
                Event::Failed(failure) => return Ok(Some(error_event(failure, true))),
                Event::Native { name, .. } if name == TRAILER => {
                    return Ok(Some(WireEvent { name: frame.name.clone(), data: TRAILER.to_owned() }));
                }
                Event::Native { name, value } => {
                    return Ok(Some(WireEvent { name: Some(name.clone()), data: value.to_string() }));
                }
                Event::LogProbs { choice, .. } | Event::Filtered { choice, .. } => {
                    return Err(OutOfPlace { choice: *choice, part: 0 });
                }
                Event::PromptFiltered(_) => return Err(OutOfPlace { choice: 0, part: 0 }),
            }
        }
        if frame.events.is_empty() {
            return Ok(None);
        }
        let mut typed = Object::typed(kind);
        typed.map_mut().extend(object.into_map());
        frame.extras.overlay(typed.map_mut());
        Ok(Some(event(kind, typed)))
    }

    fn message(&self, head: &AnswerHead, frame: &Frame) -> Object {
        let nested = frame.extras.get("message");
        let own = |key: &str| !frame.extras.lacks(key) && nested.is_none_or(|message| message.get(key).is_none());
        let mut message = Object::new();
        message.maybe("id", head.id.clone());
        for (key, value) in [("type", "message"), ("role", "assistant")] {
            if own(key) {
                message.set(key, value);
            }
        }
        message.maybe("model", head.model.clone());
        for event in &frame.events {
            if let Event::Usage(report) = event {
                message.set("usage", usage::encode(report, true));
            }
        }
        message
    }

    fn other(&mut self, frame: &Frame, out: &mut Vec<WireEvent>) -> Result<(), OutOfPlace> {
        self.origin = Some(frame.origin);
        for event in &self.turns.take(&frame.events)? {
            match event {
                Event::Started(head) => self.head.update(head),
                Event::Usage(report) => self.usage.get_or_insert_default().update(report),
                Event::PartStarted { choice: 0, part, content } => {
                    if self.parts.len() != *part as usize {
                        return Err(OutOfPlace { choice: 0, part: *part });
                    }
                    let mut content = content.clone();
                    let is_call = response::is_call(&content);
                    if let PartKind::ToolCall(call) = &mut content.kind {
                        let name = self.head.id.as_deref().unwrap_or_default();
                        let calls = self.parts.iter().filter(|known| response::is_call(&known.content)).count();
                        call.id = call_id::told(call, name, calls);
                    }
                    let brought = brought(&mut content);
                    self.parts.push(Known::new(*part, content));
                    if is_call {
                        self.start(out);
                        self.open(*part, out)?;
                    }
                    for delta in &brought {
                        self.grow(*part, delta, out)?;
                    }
                }
                Event::PartGrew { choice: 0, part, delta } => self.grow(*part, delta, out)?,
                Event::PartEnded { choice: 0, part } => self.close(*part, out)?,
                Event::Stopped { choice: 0, stop } => self.stop = Some(stop.clone()),
                Event::KeepAlive => out.push(event_of("ping")),
                Event::Failed(failure) => out.push(error_event(failure, false)),
                Event::Ended => self.end(out)?,
                // A client of this dialect knows one choice only.
                Event::PartStarted { .. }
                | Event::PartGrew { .. }
                | Event::PartEnded { .. }
                | Event::Stopped { .. }
                | Event::LogProbs { .. }
                | Event::Filtered { .. }
                | Event::PromptFiltered(_)
                | Event::Native { .. } => {}
            }
            if matches!(event, Event::Started(_)) {
                self.start(out);
            }
        }
        Ok(())
    }

    /// The answer begins, once.
    fn start(&mut self, out: &mut Vec<WireEvent>) {
        if std::mem::replace(&mut self.started, true) {
            return;
        }
        let message = Object::new()
            .with("id", self.head.id.as_deref().unwrap_or_default())
            .with("type", "message")
            .with("role", "assistant")
            .with("model", self.head.model.as_deref().unwrap_or_default())
            .with("content", Vec::<Value>::new())
            .with("stop_reason", Value::Null)
            .with("stop_sequence", Value::Null)
            .with("usage", usage::or_nothing(self.usage.as_ref()));
        out.push(event("message_start", Object::typed("message_start").with("message", message)));
    }

    /// Begins the block of a part, and ends the one before it: of this dialect's blocks, one is open at a time.
    fn open(&mut self, part: u32, out: &mut Vec<WireEvent>) -> Result<u32, OutOfPlace> {
        let before: Vec<u32> = self
            .parts
            .iter()
            .filter(|known| known.part != part && known.block.is_some() && !known.ended)
            .map(|known| known.part)
            .collect();
        for earlier in before {
            self.close(earlier, out)?;
        }
        let block = self.blocks;
        self.blocks += 1;
        let known = self.known(part)?;
        known.block = Some(block);
        known.ended = false;
        let bare = is_bare(&known.content);
        let content = start_block(&known.content, false);
        let mut start = Object::typed("content_block_start").with("index", block);
        start.maybe("content_block", content);
        out.push(event("content_block_start", start));
        if bare {
            out.push(input_event(block, AROUND_BARE.0));
        }
        Ok(block)
    }

    fn grow(&mut self, part: u32, delta: &Delta, out: &mut Vec<WireEvent>) -> Result<(), OutOfPlace> {
        let known = self.known(part)?;
        if !known.content.clone().grow(delta) {
            return Err(OutOfPlace { choice: 0, part });
        }
        if matches!(&known.content.kind, PartKind::Reasoning(Reasoning { restated: true, .. }))
            || matches!(known.content.kind, PartKind::ProviderItem(_) | PartKind::Native { .. })
        {
            return Ok(());
        }
        let open = known.block.filter(|_| !known.ended);
        if let (PartKind::ToolCall(call), Delta::Arguments(text)) = (&known.content.kind, delta) {
            if known.ended {
                return if text.trim().is_empty() { Ok(()) } else { Err(OutOfPlace { choice: 0, part }) };
            }
            if call.kind == ToolCallKind::Function {
                let piece = known.input.take(text).ok_or(OutOfPlace { choice: 0, part })?;
                if let (Some(block), false) = (known.block, piece.is_empty()) {
                    out.push(input_event(block, &piece));
                }
                return Ok(());
            }
        }
        if let Delta::Signature(signature) = delta
            && self.origin.is_some_and(|origin| crate::dialect(origin).carries_reasoning())
        {
            let signature = Some(signature.clone());
            self.sealed(part, Reasoning { signature, ..Reasoning::default() }, open, out);
            return Ok(());
        }
        let known = self.known(part)?;
        let written = match delta {
            // The block has begun under the name that it had.
            Delta::CallName(_) => return Err(OutOfPlace { choice: 0, part }),
            Delta::Arguments(text) if is_bare(&known.content) => {
                let quoted = Value::from(text.as_str()).to_string();
                let inner = quoted.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or_default();
                delta_object(&Delta::Arguments(inner.to_owned()), false)
            }
            delta => delta_object(delta, false),
        };
        let Some(written) = written else {
            if let Delta::Sealed(data) = delta {
                self.sealed(part, Reasoning { sealed: Some(data.clone()), ..Reasoning::default() }, open, out);
            }
            return Ok(());
        };
        self.start(out);
        let block = match open {
            Some(block) => block,
            None => self.open(part, out)?,
        };
        out.push(delta_event(block, written));
        Ok(())
    }

    /// The seal of a thought is its signature; a thought that is sealed and nothing else is told whole, in a block of
    /// its own.
    fn sealed(&mut self, part: u32, seal: Reasoning, open: Option<u32>, out: &mut Vec<WireEvent>) {
        self.start(out);
        let data = self.seal(part, seal);
        if let Some(block) = open {
            out.push(delta_event(block, Object::typed("signature_delta").with("signature", data)));
            return;
        }
        let block = self.blocks;
        self.blocks += 1;
        let content = Object::typed("redacted_thinking").with("data", data);
        out.push(event(
            "content_block_start",
            Object::typed("content_block_start").with("index", block).with("content_block", content),
        ));
        out.push(stop_block(block));
    }

    /// A seal with what its dialect needs to take it back.
    fn seal(&mut self, part: u32, seal: Reasoning) -> String {
        let id = match self.known(part).map(|known| &known.content.kind) {
            Ok(PartKind::Reasoning(reasoning)) => reasoning.id.clone(),
            _ => None,
        };
        let reasoning = Reasoning { id, ..seal };
        let origin = self.origin.filter(|origin| crate::dialect(*origin).carries_reasoning());
        let wrapped = origin.and_then(|origin| carried::wrap(&reasoning, origin));
        wrapped.or(reasoning.sealed).unwrap_or_default()
    }

    fn close(&mut self, part: u32, out: &mut Vec<WireEvent>) -> Result<(), OutOfPlace> {
        let known = self.known(part)?;
        let Some(block) = known.block.filter(|_| !known.ended) else {
            return Ok(());
        };
        known.ended = true;
        if is_bare(&known.content) {
            out.push(input_event(block, AROUND_BARE.1));
        }
        if let Input::Held(text) = &known.input {
            out.push(input_event(block, &input_of(text).to_string()));
        }
        out.push(stop_block(block));
        Ok(())
    }

    fn end(&mut self, out: &mut Vec<WireEvent>) -> Result<(), OutOfPlace> {
        self.start(out);
        let open: Vec<u32> = self.parts.iter().map(|known| known.part).collect();
        for part in open {
            self.close(part, out)?;
        }
        // A server that does not say why it stopped has stopped for its calls, if there are any.
        let calls = self.parts.iter().any(|known| response::is_call(&known.content));
        let unsaid = if calls { StopReason::ToolUse } else { StopReason::EndTurn };
        let stop = self.stop.clone().unwrap_or_else(|| Stop::new(unsaid));
        let parts: Vec<Part> = self.parts.iter().map(|known| known.content.clone()).collect();
        let delta = Object::new()
            .with("stop_reason", wire::stop_word(&response::reason(&stop, &parts, false), false))
            .with("stop_sequence", stop.sequence.clone());
        let told =
            Object::typed("message_delta").with("delta", delta).with("usage", usage::or_nothing(self.usage.as_ref()));
        out.push(event("message_delta", told));
        out.push(event_of("message_stop"));
        Ok(())
    }
}

impl StreamEncoder for Encoder {
    fn encode(&mut self, frame: &Frame) -> Result<Vec<WireEvent>, OutOfPlace> {
        if frame.origin == DialectId::AnthropicMessages {
            return Ok(self.same(frame)?.into_iter().collect());
        }
        let mut out = Vec::new();
        self.other(frame, &mut out)?;
        Ok(out)
    }

    fn fail(&mut self, refusal: &Refusal, request_id: &str) -> Vec<WireEvent> {
        let body = super::failure::encode(refusal, request_id);
        vec![WireEvent { name: Some("error".to_owned()), data: body.to_string() }]
    }
}

fn event(name: &str, body: Object) -> WireEvent {
    WireEvent { name: Some(name.to_owned()), data: body.into_text() }
}

fn event_of(name: &str) -> WireEvent {
    event(name, Object::typed(name))
}

fn error_event(failure: &Failure, same: bool) -> WireEvent {
    WireEvent { name: Some("error".to_owned()), data: super::failure::encode_failure(failure, same).to_string() }
}

fn delta_event(block: u32, delta: Object) -> WireEvent {
    event("content_block_delta", Object::typed("content_block_delta").with("index", block).with("delta", delta))
}

fn input_event(block: u32, piece: &str) -> WireEvent {
    delta_event(block, Object::typed("input_json_delta").with("partial_json", piece))
}

fn is_bare(content: &Part) -> bool {
    matches!(&content.kind, PartKind::ToolCall(call) if call.kind == ToolCallKind::Custom)
}

fn stop_block(block: u32) -> WireEvent {
    event("content_block_stop", Object::typed("content_block_stop").with("index", block))
}

/// The beginning of a block.
fn start_block(content: &Part, same: bool) -> Option<Object> {
    if !same {
        return match &content.kind {
            PartKind::Refusal { text } => Some(Object::typed("text").with("text", text.as_str())),
            PartKind::Reasoning(_) => Some(Object::typed("thinking").with("thinking", "").with("signature", "")),
            PartKind::Text { .. } => Some(Object::typed("text").with("text", "")),
            PartKind::ToolCall(call) => Some(
                Object::typed("tool_use")
                    .with("id", call.id.as_str())
                    .with("name", call.name.as_str())
                    .with("input", Value::Object(serde_json::Map::new())),
            ),
            _ => None,
        };
    }
    let mut out = ExtrasWriter { from: DialectId::AnthropicMessages, same, hints: &[], notices: Vec::new() };
    blocks::block_object(content, &mut out)
}

/// One piece of growth, if a client of Messages can be told of it.
fn delta_object(delta: &Delta, same: bool) -> Option<Object> {
    Some(match delta {
        Delta::Text(text) => Object::typed("text_delta").with("text", text.as_str()),
        Delta::Refusal(text) if !same => Object::typed("text_delta").with("text", text.as_str()),
        Delta::Reasoning(text) => Object::typed("thinking_delta").with("thinking", text.as_str()),
        Delta::Summary(text) if !same => Object::typed("thinking_delta").with("thinking", text.as_str()),
        Delta::Signature(text) => Object::typed("signature_delta").with("signature", text.as_str()),
        Delta::Arguments(text) => Object::typed("input_json_delta").with("partial_json", text.as_str()),
        Delta::Citation(citation) => {
            Object::typed("citations_delta").with("citation", blocks::citation_object(citation, same)?)
        }
        Delta::Refusal(_) | Delta::Summary(_) | Delta::Sealed(_) | Delta::CallId(_) | Delta::CallName(_) => {
            return None;
        }
    })
}
