//! Streams: encoding.

use super::stream::INDEX;
use super::{citations, failure, response, usage, wire};
use crate::arguments::{Input, input_of};
use crate::in_turn::{InTurn, brought, weight};
use crate::render::Object;
use crate::{StreamEncoder, WireEvent, call_id, seal};
use serde_json::Value;
use switchtower_domain::{
    AnswerHead, Delta, DialectId, Event, Failure, Frame, OutOfPlace, Part, PartKind, Reasoning, Refusal, Stop,
    ToolCallKind, Usage, limits,
};

/// Writes events. A frame of this dialect becomes the one event that it was; frames of another become the sequence that
/// a client of Converse expects: one block at a time, the reason for stopping, and then the usage.
#[derive(Default)]
pub(super) struct Encoder {
    started: bool,
    head: AnswerHead,
    origin: Option<DialectId>,
    usage: Option<Usage>,
    stop: Option<Stop>,
    parts: Vec<Known>,
    turns: InTurn,
    /// Blocks that were begun.
    blocks: u32,
    /// What was kept of seals and signatures, in bytes.
    kept: usize,
}

/// A part of the answer, and the block that tells it.
struct Known {
    part: u32,
    content: Part,
    block: Option<u32>,
    ended: bool,
    input: Input,
    /// Whether any of the input was told.
    argued: bool,
}

/// What stands around the input of a custom tool, which is bare text elsewhere and an object here.
const AROUND_BARE: (&str, &str) = ("{\"input\":\"", "\"}");

impl Encoder {
    fn known(&mut self, part: u32) -> Result<&mut Known, OutOfPlace> {
        self.parts.iter_mut().find(|known| known.part == part).ok_or(OutOfPlace { choice: 0, part })
    }

    fn begin(&mut self, choice: u32, part: u32, content: Part) -> Result<(), OutOfPlace> {
        if choice != 0 || self.parts.len() != part as usize {
            return Err(OutOfPlace { choice, part });
        }
        self.parts.push(Known { part, content, block: None, ended: false, input: Input::Unknown, argued: false });
        Ok(())
    }

    fn same(&mut self, frame: &Frame) -> Result<Option<WireEvent>, OutOfPlace> {
        let mut object = Object::new();
        let mut name = None;
        let mut place = None;
        for event in &frame.events {
            match event {
                Event::Started(head) if name == Some("metadata") => {
                    object.maybe("serviceTier", head.service_tier.as_deref().map(Object::typed));
                }
                Event::Started(_) => {
                    name = Some("messageStart");
                    object.constant("role", "assistant", &frame.extras);
                }
                Event::PartStarted { choice, part, content } => {
                    self.begin(*choice, *part, content.clone())?;
                    place = Some(*part);
                    match begun(content) {
                        Some(start) => {
                            name = Some("contentBlockStart");
                            object.set("start", start);
                        }
                        None => {
                            name = Some("contentBlockDelta");
                            let first = first_piece(content).ok_or(OutOfPlace { choice: *choice, part: *part })?;
                            object.set("delta", first);
                        }
                    }
                }
                Event::PartGrew { choice, part, delta } => {
                    let out_of_place = OutOfPlace { choice: *choice, part: *part };
                    name = Some("contentBlockDelta");
                    place = Some(*part);
                    let fits = *choice == 0 && self.known(*part)?.content.clone().grow(delta);
                    object.set("delta", piece(delta, true).filter(|_| fits).ok_or(out_of_place)?);
                }
                Event::PartEnded { choice, part } => {
                    self.known(*part)?;
                    if *choice != 0 {
                        return Err(OutOfPlace { choice: *choice, part: *part });
                    }
                    name = Some("contentBlockStop");
                    place = Some(*part);
                }
                Event::Stopped { choice, stop } => {
                    if *choice != 0 {
                        return Err(OutOfPlace { choice: *choice, part: 0 });
                    }
                    name = Some("messageStop");
                    object.set("stopReason", wire::stop_word(stop, true));
                }
                Event::Usage(report) => {
                    name = Some("metadata");
                    object.set("usage", usage::encode(report, true));
                }
                Event::Failed(failure) => return Ok(Some(failed(failure, true, frame.name.clone()))),
                Event::Native { name, value } => {
                    return Ok(Some(WireEvent { name: Some(name.clone()), data: value.to_string() }));
                }
                Event::LogProbs { choice, .. } | Event::Filtered { choice, .. } => {
                    return Err(OutOfPlace { choice: *choice, part: 0 });
                }
                Event::PromptFiltered(_) => return Err(OutOfPlace { choice: 0, part: 0 }),
                // The end is no event of the wire.
                Event::Ended | Event::KeepAlive => {}
            }
        }
        let Some(name) = name else { return Ok(None) };
        if let Some(part) = place.filter(|_| frame.extras.get(INDEX).is_none()) {
            object.set(INDEX, part);
        }
        frame.extras.overlay(object.map_mut());
        Ok(Some(event(name, object)))
    }

    fn other(&mut self, frame: &Frame, out: &mut Vec<WireEvent>) -> Result<(), OutOfPlace> {
        self.origin = Some(frame.origin);
        for event in &self.turns.take(&frame.events)? {
            match event {
                Event::Started(head) => {
                    self.head.update(head);
                    self.start(out);
                }
                Event::Usage(report) => self.usage.get_or_insert_default().update(report),
                Event::PartStarted { choice: 0, part, content } => {
                    let mut content = content.clone();
                    let is_call = matches!(content.kind, PartKind::ToolCall(_));
                    if let PartKind::ToolCall(call) = &mut content.kind {
                        let name = self.head.id.as_deref().unwrap_or_default();
                        let calls = self.parts.iter().filter(|known| begun(&known.content).is_some()).count();
                        call.id = call_id::told(call, name, calls);
                    }
                    let brought = brought(&mut content);
                    self.begin(0, *part, content)?;
                    if is_call {
                        self.open(*part, out)?;
                    }
                    for delta in &brought {
                        self.grow(*part, delta, out)?;
                    }
                }
                Event::PartGrew { choice: 0, part, delta } => self.grow(*part, delta, out)?,
                Event::PartEnded { choice: 0, part } => self.close(*part, out)?,
                Event::Stopped { choice: 0, stop } => self.stop = Some(stop.clone()),
                Event::Failed(failure) => out.push(failed(failure, false, None)),
                Event::Ended => self.end(out)?,
                // A client of this dialect knows one choice only.
                Event::PartStarted { .. }
                | Event::PartGrew { .. }
                | Event::PartEnded { .. }
                | Event::Stopped { .. }
                | Event::KeepAlive
                | Event::LogProbs { .. }
                | Event::Filtered { .. }
                | Event::PromptFiltered(_)
                | Event::Native { .. } => {}
            }
        }
        Ok(())
    }

    /// The answer begins, once.
    fn start(&mut self, out: &mut Vec<WireEvent>) {
        if !std::mem::replace(&mut self.started, true) {
            out.push(event("messageStart", Object::new().with("role", "assistant")));
        }
    }

    /// Begins the block of a part, and ends the one before it.
    fn open(&mut self, part: u32, out: &mut Vec<WireEvent>) -> Result<u32, OutOfPlace> {
        let known = self.known(part)?;
        if let Some(block) = known.block.filter(|_| !known.ended) {
            return Ok(block);
        }
        self.start(out);
        let open = self.parts.iter().filter(|known| known.part != part && known.block.is_some() && !known.ended);
        let before: Vec<u32> = open.map(|known| known.part).collect();
        for earlier in before {
            self.close(earlier, out)?;
        }
        let block = self.blocks;
        self.blocks += 1;
        let known = self.known(part)?;
        known.block = Some(block);
        known.ended = false;
        if let Some(start) = begun(&known.content) {
            let bare = is_bare(&known.content);
            out.push(event("contentBlockStart", Object::new().with("start", start).with(INDEX, block)));
            if bare {
                out.push(input(block, AROUND_BARE.0));
            }
        }
        Ok(block)
    }

    fn grow(&mut self, part: u32, delta: &Delta, out: &mut Vec<WireEvent>) -> Result<(), OutOfPlace> {
        let weight = weight(&Event::PartGrew { choice: 0, part, delta: delta.clone() });
        let known = self.known(part)?;
        let out_of_place = OutOfPlace { choice: 0, part };
        if !known.content.clone().grow(delta) {
            return Err(out_of_place);
        }
        match &known.content.kind {
            PartKind::Reasoning(Reasoning { restated: true, .. })
            | PartKind::ProviderItem(_)
            | PartKind::Native { .. } => return Ok(()),
            _ => {}
        }
        if known.ended
            && let Delta::Arguments(text) = delta
        {
            return if text.trim().is_empty() { Ok(()) } else { Err(out_of_place) };
        }
        match delta {
            // The block has begun under the name that it had.
            Delta::CallName(_) => return Err(out_of_place),
            Delta::CallId(_) => return Ok(()),
            // Both are told whole, once the thought is.
            Delta::Signature(_) | Delta::Sealed(_) => {
                known.content.grow(delta);
                self.kept += weight;
                return if self.kept > limits::ANSWER_BYTES_MAX { Err(out_of_place) } else { Ok(()) };
            }
            _ => {}
        }
        if let (PartKind::ToolCall(call), Delta::Arguments(text)) = (&known.content.kind, delta)
            && call.kind == ToolCallKind::Function
        {
            let piece = known.input.take(text).ok_or(out_of_place)?;
            known.argued |= !piece.is_empty();
            if let (Some(block), false) = (known.block, piece.is_empty()) {
                out.push(input(block, &piece));
            }
            return Ok(());
        }
        let delta = match delta {
            Delta::Arguments(text) if is_bare(&known.content) => {
                let quoted = Value::from(text.as_str()).to_string();
                let inner = quoted.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or_default();
                piece(&Delta::Arguments(inner.to_owned()), false)
            }
            delta => piece(delta, false),
        };
        if let Some(delta) = delta {
            let block = self.open(part, out)?;
            out.push(delta_event(block, delta));
        }
        Ok(())
    }

    fn close(&mut self, part: u32, out: &mut Vec<WireEvent>) -> Result<(), OutOfPlace> {
        let origin = self.origin.unwrap_or(DialectId::BedrockConverse);
        let known = self.known(part)?;
        let bare = is_bare(&known.content);
        let seal = match &mut known.content.kind {
            PartKind::Reasoning(reasoning) if !reasoning.restated => {
                let seal = response::seal_of(reasoning, origin);
                (reasoning.signature, reasoning.sealed) = (None, None);
                seal
            }
            _ => None,
        };
        if let Some(seal) = seal {
            // A thought without words is told as one that is sealed.
            let thought = match self.known(part)?.block {
                Some(_) => Object::new().with("signature", seal),
                None => response::redacted(seal),
            };
            let block = self.open(part, out)?;
            out.push(delta_event(block, Object::new().with("reasoningContent", thought)));
        }
        let known = self.known(part)?;
        let Some(block) = known.block.filter(|_| !known.ended) else { return Ok(()) };
        known.ended = true;
        match &known.input {
            _ if bare => out.push(input(block, AROUND_BARE.1)),
            Input::Held(text) => out.push(input(block, &input_of(text).to_string())),
            // Clients parse what came, also where nothing did.
            _ if !known.argued && matches!(known.content.kind, PartKind::ToolCall(_)) => out.push(input(block, "{}")),
            _ => {}
        }
        out.push(event("contentBlockStop", Object::new().with(INDEX, block)));
        Ok(())
    }

    fn end(&mut self, out: &mut Vec<WireEvent>) -> Result<(), OutOfPlace> {
        self.start(out);
        let open: Vec<u32> = self.parts.iter().map(|known| known.part).collect();
        for part in open {
            self.close(part, out)?;
        }
        let parts: Vec<Part> = self.parts.iter().map(|known| known.content.clone()).collect();
        let reason = response::reason(self.stop.as_ref(), &parts);
        out.push(event("messageStop", Object::new().with("stopReason", reason)));
        let mut told = Object::new().with("usage", usage::or_nothing(self.usage.as_ref()));
        // Clients read the field without asking whether it is there.
        told.set("metrics", Object::new().with("latencyMs", 0));
        out.push(event("metadata", told));
        Ok(())
    }
}

impl StreamEncoder for Encoder {
    fn encode(&mut self, frame: &Frame) -> Result<Vec<WireEvent>, OutOfPlace> {
        if frame.origin == DialectId::BedrockConverse {
            return Ok(self.same(frame)?.into_iter().collect());
        }
        let mut out = Vec::new();
        self.other(frame, &mut out)?;
        Ok(out)
    }

    fn fail(&mut self, refusal: &Refusal, _: &str) -> Vec<WireEvent> {
        let name = failure::stream_kind(refusal).to_owned();
        vec![WireEvent { name: Some(name), data: failure::encode(refusal).to_string() }]
    }
}

fn event(name: &str, body: Object) -> WireEvent {
    WireEvent { name: Some(name.to_owned()), data: body.into_text() }
}

fn delta_event(block: u32, delta: Object) -> WireEvent {
    event("contentBlockDelta", Object::new().with("delta", delta).with(INDEX, block))
}

fn input(block: u32, text: &str) -> WireEvent {
    delta_event(block, Object::new().with("toolUse", Object::new().with("input", text)))
}

fn failed(failure: &Failure, same: bool, name: Option<String>) -> WireEvent {
    let name = name.unwrap_or_else(|| failure::stream_word(failure.class).to_owned());
    WireEvent { name: Some(name), data: failure::encode_failure(failure, same).to_string() }
}

fn is_bare(content: &Part) -> bool {
    matches!(&content.kind, PartKind::ToolCall(call) if call.kind == ToolCallKind::Custom)
}

/// How a block begins that says so.
fn begun(content: &Part) -> Option<Object> {
    match &content.kind {
        PartKind::ToolCall(call) => {
            let mut start = Object::new().with("toolUseId", call.id.as_str());
            if !content.extras.lacks("name") {
                start.set("name", call.name.as_str());
            }
            Some(Object::new().with("toolUse", start))
        }
        PartKind::ProviderItem(item) => {
            let mut start = Object::new();
            start.maybe("toolUseId", item.id.clone());
            start.maybe("name", item.name.clone());
            start.maybe("type", item.input.as_ref().map(|_| super::parts::SERVER_TOOL));
            Some(Object::new().with(&item.kind, start))
        }
        _ => None,
    }
}

/// The first piece of a block that does not say that it begins.
fn first_piece(content: &Part) -> Option<Object> {
    let mut content = content.clone();
    match &content.kind {
        PartKind::Text { text, citations } if citations.is_empty() => {
            return piece(&Delta::Text(text.clone()), true);
        }
        PartKind::Reasoning(Reasoning { text: Some(text), .. }) => {
            return piece(&Delta::Reasoning(text.clone()), true);
        }
        PartKind::Reasoning(Reasoning { signature: Some(signature), .. }) => {
            return piece(&Delta::Signature(signature.clone()), true);
        }
        PartKind::Reasoning(Reasoning { sealed: Some(sealed), .. }) => {
            return piece(&Delta::Sealed(sealed.clone()), true);
        }
        _ => {}
    }
    brought(&mut content).iter().find_map(|delta| piece(delta, true))
}

/// One piece of growth, if a client of Converse can be told of it.
fn piece(delta: &Delta, same: bool) -> Option<Object> {
    let thought = |key: &str, text: &str| Object::new().with("reasoningContent", Object::new().with(key, text));
    Some(match delta {
        Delta::Text(text) => Object::new().with("text", text.as_str()),
        Delta::Refusal(text) if !same => Object::new().with("text", text.as_str()),
        Delta::Reasoning(text) => thought("text", text),
        Delta::Summary(text) if !same => thought("text", text),
        Delta::Signature(text) => thought("signature", text),
        Delta::Sealed(data) => thought("redactedContent", &seal::written(data.clone())),
        Delta::Arguments(text) => Object::new().with("toolUse", Object::new().with("input", text.as_str())),
        Delta::Citation(citation) => Object::new().with("citation", citations::object(citation, same)?),
        Delta::Refusal(_) | Delta::Summary(_) | Delta::CallId(_) | Delta::CallName(_) => return None,
    })
}
