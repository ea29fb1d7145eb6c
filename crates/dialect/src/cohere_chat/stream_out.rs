//! Streams: encoding.

use super::stream::{NO_INDEX, NO_ROLE};
use super::{citations, failure, logprobs, parts, response, usage, wire};
use crate::in_turn::InTurn;
use crate::render::Object;
use crate::{StreamEncoder, WireEvent, call_id};
use serde_json::{Value, json};
use switchtower_domain::{
    AnswerHead, Delta, DialectId, Event, Extras, Failure, Frame, LogProbs, OutOfPlace, Part, PartKind, Reasoning,
    Refusal, Stop, ToolCallKind, Usage, limits,
};

/// Writes events. A frame of this dialect becomes the one event that it was; frames of another become the sequence
/// that a client of Cohere expects: every part begins and ends, and the reason for stopping comes with the usage.
#[derive(Default)]
pub(super) struct Encoder {
    started: bool,
    head: AnswerHead,
    usage: Option<Usage>,
    stop: Option<Stop>,
    parts: Vec<Known>,
    turns: InTurn,
    contents: u64,
    calls: u64,
    citations: u64,
    /// What was kept until now, in bytes.
    kept: usize,
    ended: bool,
}

/// A part of the answer, and the number that events tell it under.
struct Known {
    part: u32,
    content: Part,
    number: Option<u64>,
    ended: bool,
    /// Whether anything of a call's arguments was told.
    told: bool,
}

/// What stands around the arguments of a custom tool, which are bare text elsewhere and an object here.
const AROUND_BARE: (&str, &str) = ("{\"input\":\"", "\"}");

impl Encoder {
    fn known(&mut self, part: u32) -> Result<&mut Known, OutOfPlace> {
        self.parts.iter_mut().find(|known| known.part == part).ok_or(OutOfPlace { choice: 0, part })
    }

    fn next(&mut self, content: &Part) -> u64 {
        let count = if is_call(content) { &mut self.calls } else { &mut self.contents };
        *count += 1;
        *count - 1
    }

    fn same(&mut self, frame: &Frame) -> Result<Vec<WireEvent>, OutOfPlace> {
        let extras = &frame.extras;
        let (mut body, mut delta, mut message) = (Object::new(), Object::new(), Object::new());
        let mut number = None;
        for event in &frame.events {
            match event {
                Event::Started(head) => {
                    body.maybe("id", head.id.clone());
                    if !extras.lacks(NO_ROLE) {
                        message.set("role", "assistant");
                    }
                }
                Event::PartStarted { choice: 0, part, content } => {
                    if self.parts.iter().any(|known| known.part == *part) {
                        return Err(OutOfPlace { choice: 0, part: *part });
                    }
                    let place = (!parts::is_plan(content)).then(|| self.next(content));
                    number = place;
                    self.parts.push(Known { number: place, ..Known::new(*part, content.clone()) });
                    let begins = extras.get("type").is_some_and(|kind| kind == "content-start");
                    begun(content, begins, extras, &mut message).ok_or(OutOfPlace { choice: 0, part: *part })?;
                }
                Event::PartGrew { choice: 0, part, delta } => {
                    let known = self.known(*part)?;
                    let fits = known.content.clone().grow(delta);
                    if !matches!(delta, Delta::Citation(_)) {
                        number = known.number;
                    }
                    let grown = grown(delta, parts::is_plan(&known.content), &mut message).filter(|()| fits);
                    grown.ok_or(OutOfPlace { choice: 0, part: *part })?;
                }
                // A plan ends where something else begins.
                Event::PartEnded { choice: 0, part } => number = self.known(*part)?.number.or(number),
                Event::LogProbs { choice: 0, logprobs } => {
                    let token = logprobs.content.iter().flatten().next();
                    body.maybe("logprobs", token.map(|token| logprobs::entry(token, true)));
                }
                Event::Stopped { choice: 0, stop } => delta.set("finish_reason", wire::stop_word(&stop.reason)),
                Event::Usage(report) => delta.set("usage", usage::encode(report, true)),
                Event::Failed(failure) => return Ok(vec![failed(failure, frame.name.clone())]),
                Event::Ended => {
                    return Ok(vec![WireEvent { name: frame.name.clone(), data: wire::DONE.to_owned() }]);
                }
                Event::Native { name, value } => {
                    let mut value = value.clone();
                    if let Some(kind) = value.get_mut("type").filter(|kind| kind.is_string()) {
                        *kind = Value::from(name.as_str());
                    }
                    return Ok(vec![WireEvent { name: frame.name.clone(), data: value.to_string() }]);
                }
                Event::KeepAlive => return Ok(Vec::new()),
                Event::PartStarted { choice, part, .. }
                | Event::PartGrew { choice, part, .. }
                | Event::PartEnded { choice, part } => return Err(OutOfPlace { choice: *choice, part: *part }),
                Event::LogProbs { choice, .. } | Event::Filtered { choice, .. } | Event::Stopped { choice, .. } => {
                    return Err(OutOfPlace { choice: *choice, part: 0 });
                }
                Event::PromptFiltered(_) => return Err(OutOfPlace { choice: 0, part: 0 }),
            }
        }
        if !extras.lacks(NO_INDEX) && extras.get("index").is_none() {
            body.maybe("index", number);
        }
        delta.nested("message", message);
        body.nested("delta", delta);
        extras.overlay(body.map_mut());
        Ok(vec![WireEvent { name: frame.name.clone(), data: body.into_text() }])
    }

    fn other(&mut self, frame: &Frame, out: &mut Vec<WireEvent>) -> Result<(), OutOfPlace> {
        for event in &self.turns.take(&frame.events)? {
            match event {
                Event::Started(head) => {
                    self.head.update(head);
                    self.start(out);
                }
                Event::Usage(report) => self.usage.get_or_insert_default().update(report),
                Event::PartStarted { choice: 0, part, content } => {
                    if self.parts.len() != *part as usize {
                        return Err(OutOfPlace { choice: 0, part: *part });
                    }
                    let mut content = content.clone();
                    if let PartKind::ToolCall(call) = &mut content.kind {
                        let name = self.head.id.as_deref().unwrap_or_default();
                        let calls = self.parts.iter().filter(|known| is_call(&known.content)).count();
                        call.id = call_id::told(call, name, calls);
                    }
                    let call = is_call(&content);
                    let brought = brought(&mut content);
                    self.parts.push(Known::new(*part, content));
                    if call {
                        self.open(*part, out)?;
                    }
                    for delta in &brought {
                        self.grow(*part, delta, out)?;
                    }
                }
                Event::PartGrew { choice: 0, part, delta } => self.grow(*part, delta, out)?,
                Event::PartEnded { choice: 0, part } => self.close(*part, out)?,
                Event::LogProbs { choice: 0, logprobs } => probable(logprobs, out),
                Event::Stopped { choice: 0, stop } => self.stop = Some(stop.clone()),
                Event::Failed(failure) => {
                    if !std::mem::replace(&mut self.ended, true) {
                        out.push(self.broken(failure));
                    }
                }
                Event::Ended => self.end(out)?,
                // A client of this dialect knows one choice only.
                Event::PartStarted { .. }
                | Event::PartGrew { .. }
                | Event::PartEnded { .. }
                | Event::Stopped { .. }
                | Event::LogProbs { .. }
                | Event::Filtered { .. }
                | Event::PromptFiltered(_)
                | Event::KeepAlive
                | Event::Native { .. } => {}
            }
        }
        Ok(())
    }

    /// The answer begins, once.
    fn start(&mut self, out: &mut Vec<WireEvent>) {
        if std::mem::replace(&mut self.started, true) {
            return;
        }
        let id = self.head.id.as_deref().unwrap_or_default();
        let message = json!({"role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": []});
        out.push(event("message-start", Object::new().with("id", id), Some(message), None));
    }

    /// Begins a part, and ends the one before it: one is open at a time.
    fn open(&mut self, part: u32, out: &mut Vec<WireEvent>) -> Result<u64, OutOfPlace> {
        self.start(out);
        let open = |known: &&Known| known.part != part && known.number.is_some() && !known.ended;
        let before: Vec<u32> = self.parts.iter().filter(open).map(|known| known.part).collect();
        for earlier in before {
            self.close(earlier, out)?;
        }
        let content = self.known(part)?.content.clone();
        let number = self.next(&content);
        let known = self.known(part)?;
        known.number = Some(number);
        known.ended = false;
        match &content.kind {
            PartKind::ToolCall(call) => {
                let function = json!({"name": call.name, "arguments": ""});
                let call = json!({"id": call.id, "type": "function", "function": function});
                out.push(numbered("tool-call-start", number, Some(json!({"tool_calls": call}))));
                if is_bare(&content) {
                    out.push(arguments(number, AROUND_BARE.0));
                }
            }
            kind => {
                let key = if matches!(kind, PartKind::Reasoning(_)) { "thinking" } else { "text" };
                let content = json!({"type": key, key: ""});
                out.push(numbered("content-start", number, Some(json!({"content": content}))));
            }
        }
        Ok(number)
    }

    fn grow(&mut self, part: u32, delta: &Delta, out: &mut Vec<WireEvent>) -> Result<(), OutOfPlace> {
        let wrong = OutOfPlace { choice: 0, part };
        let known = self.known(part)?;
        if !known.content.clone().grow(delta) {
            return Err(wrong);
        }
        let (open, ended) = (known.number.filter(|_| !known.ended), known.ended);
        if let Delta::Arguments(text) = delta
            && is_call(&known.content)
        {
            let Some(number) = open else {
                return if text.trim().is_empty() { Ok(()) } else { Err(wrong) };
            };
            if text.is_empty() {
                return Ok(());
            }
            known.told = true;
            let quoted = Value::from(text.as_str()).to_string();
            let inner = quoted.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or_default();
            out.push(arguments(number, if is_bare(&known.content) { inner } else { text }));
            return Ok(());
        }
        let (key, text) = match delta {
            Delta::Text(text) | Delta::Refusal(text) => ("text", text),
            Delta::Reasoning(text) | Delta::Summary(text) => {
                if matches!(&known.content.kind, PartKind::Reasoning(Reasoning { restated: true, .. })) {
                    return Ok(());
                }
                ("thinking", text)
            }
            Delta::Citation(citation) => {
                let PartKind::Text { text, .. } = &known.content.kind else { return Ok(()) };
                let told = known.number.and_then(|number| citations::foreign(citation, text, number));
                if let Some(told) = told {
                    self.cite(told, out);
                }
                return Ok(());
            }
            // The call has begun under the name that it had.
            Delta::CallName(_) | Delta::CallId(_) => return Err(wrong),
            Delta::Signature(_) | Delta::Sealed(_) | Delta::Arguments(_) => return Ok(()),
        };
        if text.is_empty() {
            return Ok(());
        }
        if let PartKind::Text { .. } = &known.content.kind {
            // Citations name places of the text.
            known.content.grow(delta);
            self.kept += size_of::<Event>() + text.len();
            if self.kept > limits::ANSWER_BYTES_MAX {
                return Err(wrong);
            }
        }
        debug_assert!(open.is_none() || !ended, "an open part has not ended");
        let number = match open {
            Some(number) => number,
            None => self.open(part, out)?,
        };
        out.push(numbered("content-delta", number, Some(json!({"content": {key: text}}))));
        Ok(())
    }

    fn cite(&mut self, citation: Object, out: &mut Vec<WireEvent>) {
        let number = self.citations;
        self.citations += 1;
        out.push(numbered("citation-start", number, Some(json!({"citations": Value::from(citation)}))));
        out.push(numbered("citation-end", number, None));
    }

    /// The end of an answer that broke off. What is known until then is told as well.
    fn broken(&self, failure: &Failure) -> WireEvent {
        let mut body = failure::event(failure, false);
        if let Some(Value::Object(delta)) = body.get_mut("delta") {
            let stop = self.stop.as_ref().map(|stop| Value::from(wire::stop_word(&stop.reason)));
            let usage = self.usage.as_ref().map(|report| usage::encode(report, false));
            delta.extend(
                [("finish_reason", stop), ("usage", usage)]
                    .into_iter()
                    .filter_map(|(key, told)| told.map(|told| (key.to_owned(), told))),
            );
        }
        WireEvent { name: Some("message-end".to_owned()), data: body.to_string() }
    }

    fn close(&mut self, part: u32, out: &mut Vec<WireEvent>) -> Result<(), OutOfPlace> {
        let known = self.known(part)?;
        let Some(number) = known.number.filter(|_| !known.ended) else { return Ok(()) };
        known.ended = true;
        if !is_call(&known.content) {
            out.push(numbered("content-end", number, None));
            return Ok(());
        }
        if is_bare(&known.content) {
            out.push(arguments(number, AROUND_BARE.1));
        } else if !known.told {
            out.push(arguments(number, "{}"));
        }
        out.push(numbered("tool-call-end", number, None));
        Ok(())
    }

    fn end(&mut self, out: &mut Vec<WireEvent>) -> Result<(), OutOfPlace> {
        if std::mem::replace(&mut self.ended, true) {
            return Ok(());
        }
        self.start(out);
        let open: Vec<u32> = self.parts.iter().map(|known| known.part).collect();
        for part in open {
            self.close(part, out)?;
        }
        let parts: Vec<Part> = self.parts.iter().map(|known| known.content.clone()).collect();
        let reason = match &self.stop {
            Some(stop) => response::reason(stop, &parts, false),
            None => response::unsaid(&parts),
        };
        let mut delta = Object::new().with("finish_reason", wire::stop_word(&reason));
        delta.maybe("usage", self.usage.as_ref().map(|report| usage::encode(report, false)));
        out.push(event("message-end", Object::new(), None, Some(delta)));
        out.push(WireEvent { name: None, data: wire::DONE.to_owned() });
        Ok(())
    }
}

impl Known {
    const fn new(part: u32, content: Part) -> Self {
        Self { part, content, number: None, ended: false, told: false }
    }
}

impl StreamEncoder for Encoder {
    fn encode(&mut self, frame: &Frame) -> Result<Vec<WireEvent>, OutOfPlace> {
        if frame.origin == DialectId::CohereChat {
            return self.same(frame);
        }
        let mut out = Vec::new();
        self.other(frame, &mut out)?;
        Ok(out)
    }

    fn fail(&mut self, refusal: &Refusal, request_id: &str) -> Vec<WireEvent> {
        let body = failure::ended(&refusal.message, Some(request_id));
        vec![WireEvent { name: Some("message-end".to_owned()), data: body.to_string() }]
    }
}

const fn is_call(content: &Part) -> bool {
    matches!(content.kind, PartKind::ToolCall(_))
}

fn is_bare(content: &Part) -> bool {
    matches!(&content.kind, PartKind::ToolCall(call) if call.kind == ToolCallKind::Custom)
}

fn event(kind: &str, mut body: Object, message: Option<Value>, delta: Option<Object>) -> WireEvent {
    let mut typed = Object::typed(kind);
    typed.map_mut().append(body.map_mut());
    let mut delta = delta.unwrap_or_default();
    delta.maybe("message", message);
    typed.nested("delta", delta);
    WireEvent { name: Some(kind.to_owned()), data: typed.into_text() }
}

fn numbered(kind: &str, number: u64, message: Option<Value>) -> WireEvent {
    event(kind, Object::new().with("index", number), message, None)
}

fn arguments(number: u64, text: &str) -> WireEvent {
    numbered("tool-call-delta", number, Some(json!({"tool_calls": {"function": {"arguments": text}}})))
}

fn failed(failure: &Failure, name: Option<String>) -> WireEvent {
    let name = name.or_else(|| Some("message-end".to_owned()));
    WireEvent { name, data: failure::event(failure, true).to_string() }
}

/// Tells the probabilities of tokens that came, one in each piece.
fn probable(logprobs: &LogProbs, out: &mut Vec<WireEvent>) {
    let Some(last) = out.last().filter(|event| event.name.as_deref() == Some("content-delta")) else { return };
    let Ok(Value::Object(last)) = serde_json::from_str::<Value>(&last.data) else { return };
    if last.get("delta").and_then(|delta| delta.pointer("/message/content/text")).is_none() {
        return;
    }
    for token in logprobs.content.iter().flatten() {
        let mut body = Object::new();
        body.maybe("index", last.get("index").cloned());
        body.set("logprobs", logprobs::entry(token, false));
        out.push(event("content-delta", body, Some(json!({"content": {"text": ""}})), None));
    }
}

/// What a part of another dialect holds already when it begins. Clients look for it in the pieces that follow.
fn brought(content: &mut Part) -> Vec<Delta> {
    match &mut content.kind {
        PartKind::Text { text, citations } => {
            let text = Delta::Text(std::mem::take(text));
            std::iter::once(text).chain(std::mem::take(citations).into_iter().map(Delta::Citation)).collect()
        }
        PartKind::Refusal { text } => vec![Delta::Refusal(std::mem::take(text))],
        PartKind::ToolCall(call) => vec![Delta::Arguments(std::mem::take(&mut call.arguments))],
        PartKind::Reasoning(reasoning) => {
            let words = reasoning.text.take().or_else(|| reasoning.summary.take());
            words.map(Delta::Reasoning).into_iter().collect()
        }
        _ => Vec::new(),
    }
}

/// Writes what a part of this dialect begins with. Only where it says that it `begins` is its kind said.
fn begun(content: &Part, begins: bool, extras: &Extras, message: &mut Object) -> Option<()> {
    let typed = |kind: &str| if begins { Object::typed(kind) } else { Object::new() };
    match &content.kind {
        PartKind::Text { text, .. } => message.set("content", typed("text").with("text", text.as_str())),
        PartKind::Reasoning(Reasoning { text: Some(text), .. }) if parts::is_plan(content) => {
            message.set("tool_plan", text.as_str());
        }
        PartKind::Reasoning(Reasoning { text: Some(text), .. }) => {
            message.set("content", typed("thinking").with("thinking", text.as_str()));
        }
        PartKind::ToolCall(call) => {
            let left = extras.get("delta").and_then(|delta| delta.pointer("/message/tool_calls"));
            let mut object = Object::new();
            if !(call.id.is_empty() && extras.lacks("id")) {
                object.set("id", call.id.as_str());
            }
            if !extras.lacks("type") && left.is_none_or(|call| call.get("type").is_none()) {
                object.set("type", if call.kind == ToolCallKind::Custom { "custom" } else { "function" });
            }
            let mut function = Object::new();
            for (key, text) in [("name", &call.name), ("arguments", &call.arguments)] {
                if !(text.is_empty() && extras.lacks(key)) {
                    function.set(key, text.as_str());
                }
            }
            object.nested("function", function);
            message.set("tool_calls", object);
        }
        _ => return None,
    }
    Some(())
}

/// Writes what a part of this dialect grew by.
fn grown(delta: &Delta, plan: bool, message: &mut Object) -> Option<()> {
    match delta {
        Delta::Text(text) => message.set("content", Object::new().with("text", text.as_str())),
        Delta::Reasoning(text) if plan => message.set("tool_plan", text.as_str()),
        Delta::Reasoning(text) => message.set("content", Object::new().with("thinking", text.as_str())),
        Delta::Arguments(text) => {
            let function = Object::new().with("arguments", text.as_str());
            message.set("tool_calls", Object::new().with("function", function));
        }
        Delta::Citation(citation) => message.set("citations", citations::own(citation)),
        _ => return None,
    }
    Some(())
}
