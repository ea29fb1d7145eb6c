//! Streams: encoding.

use super::stream::{CALL_TYPE, CHOICE_INDEX};
use super::{filters, parts, response, usage, wire};
use crate::render::Object;
use crate::{StreamEncoder, WireEvent};
use crate::{call_id, logprobs};
use serde_json::{Map, Value};
use std::borrow::Cow;
use switchtower_domain::{
    AnswerHead, Delta, DialectId, Event, Extras, Failure, FailureForm, FilterVerdict, Frame, LogProbs, OutOfPlace,
    Part, PartKind, ReasoningField, Refusal, Stop, ToolCall, ToolCallKind, Usage,
};

/// Writes chunks. A frame of this dialect becomes the one chunk that it was; frames of another become the chunks
/// that a client of Chat Completions expects.
pub(super) struct Encoder {
    report_usage: bool,
    head: AnswerHead,
    parts: Vec<Known>,
    spoken: Vec<u32>,
    usage: Option<Usage>,
}

/// A part that began.
struct Known {
    choice: u32,
    part: u32,
    kind: Kind,
    /// Whether it is a call of whose arguments nothing was told yet.
    bare: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Refusal,
    Reasoning(Option<ReasoningField>),
    /// A call and its number on the wire.
    Call(u64, ToolCallKind),
    Silent,
}

impl Encoder {
    pub(super) fn new(report_usage: bool) -> Self {
        Self { report_usage, head: AnswerHead::default(), parts: Vec::new(), spoken: Vec::new(), usage: None }
    }

    fn kind(&self, choice: u32, part: u32) -> Result<Kind, OutOfPlace> {
        self.parts
            .iter()
            .rev()
            .find(|known| (known.choice, known.part) == (choice, part))
            .map(|known| known.kind)
            .ok_or(OutOfPlace { choice, part })
    }

    fn begin(&mut self, choice: u32, part: u32, content: &Part) -> Result<Kind, OutOfPlace> {
        let of_choice = self.parts.iter().filter(|known| known.choice == choice);
        if of_choice.clone().count() != part as usize {
            return Err(OutOfPlace { choice, part });
        }
        let kind = match &content.kind {
            PartKind::Text { .. } => Kind::Text,
            PartKind::Refusal { .. } => Kind::Refusal,
            PartKind::Reasoning(reasoning) => Kind::Reasoning(reasoning.field),
            PartKind::ToolCall(call) => {
                let number = of_choice.filter(|known| matches!(known.kind, Kind::Call(..))).count();
                Kind::Call(number as u64, call.kind)
            }
            _ => Kind::Silent,
        };
        let bare = matches!(&content.kind, PartKind::ToolCall(call) if call.arguments.is_empty());
        self.parts.push(Known { choice, part, kind, bare });
        Ok(kind)
    }

    fn chunk(&self, choices: Vec<Value>, extras: &Extras) -> Object {
        let mut body = Object::new();
        response::write_head(&mut body, &self.head, wire::CHUNK, extras);
        if !choices.is_empty() {
            body.set("choices", choices);
        }
        body
    }

    fn same(&mut self, frame: &Frame) -> Result<Object, OutOfPlace> {
        let mut choices = Choices::after(&frame.extras);
        let mut usage = None;
        let mut failure = None;
        let mut prompts = None;
        for event in &frame.events {
            match event {
                Event::Started(head) => self.head = head.clone(),
                Event::PartStarted { choice, part, content } => {
                    let kind = self.begin(*choice, *part, content)?;
                    choices.of(*choice).start(*part, content, kind);
                }
                Event::PartGrew { choice, part, delta } => {
                    let kind = self.kind(*choice, *part)?;
                    if !choices.of(*choice).grow(*part, delta, kind, true) {
                        return Err(OutOfPlace { choice: *choice, part: *part });
                    }
                }
                Event::LogProbs { choice, logprobs } => choices.of(*choice).logprobs = Some(logprobs.clone()),
                Event::Stopped { choice, stop } => choices.of(*choice).stop = Some(stop.clone()),
                Event::Usage(report) => usage = Some(report),
                Event::Filtered { choice, verdicts } => choices.of(*choice).filters = verdicts.clone(),
                Event::PromptFiltered(told) => prompts = Some(told),
                Event::PartEnded { choice, part } => {
                    self.kind(*choice, *part)?;
                }
                Event::Failed(told) => failure = Some(told),
                Event::KeepAlive | Event::Ended | Event::Native { .. } => {}
            }
        }
        let lacks_type = frame.extras.lacks(CALL_TYPE);
        let lacks_index = frame.extras.lacks(CHOICE_INDEX);
        let written = choices.list.into_iter().map(|choice| choice.finish_same(lacks_type, lacks_index)).collect();
        let mut body = self.chunk(written, &frame.extras);
        if let Some(usage) = usage {
            body.set("usage", usage::encode(usage, true));
        }
        filters::write_prompts(&mut body, prompts.map(Vec::as_slice).unwrap_or_default());
        if let Some(Value::Object(told)) = failure.map(|failure| crate::openai_error::encode_failure(failure, true)) {
            body.map_mut().extend(told);
        }
        frame.extras.overlay(body.map_mut());
        Ok(body)
    }

    /// A chunk of one choice, with the role where the choice speaks for the first time.
    fn speak(&mut self, choice: ChoiceOut, out: &mut Vec<WireEvent>) {
        let index = choice.index;
        let mut choice = choice.finish(false, false);
        if !self.spoken.contains(&index) {
            self.spoken.push(index);
            if let Some(delta) = choice.get_mut("delta").and_then(Value::as_object_mut) {
                delta.insert("role".to_owned(), Value::from("assistant"));
            }
        }
        let mut body = self.chunk(vec![choice], &Extras::none());
        response::complete_head(&mut body);
        out.push(data(body));
    }

    fn other(&mut self, frame: &Frame, out: &mut Vec<WireEvent>) -> Result<(), OutOfPlace> {
        for event in &frame.events {
            match event {
                Event::Started(head) => {
                    let first = self.head == AnswerHead::default();
                    self.head.update(head);
                    if first {
                        self.speak(ChoiceOut::new(0).opening(), out);
                    }
                }
                Event::PartStarted { choice, part, content } => {
                    let kind = self.begin(*choice, *part, content)?;
                    let mut piece = ChoiceOut::new(*choice);
                    piece.start(*part, &self.named(content, kind), kind);
                    piece.complete_calls();
                    if !piece.is_silent() {
                        self.speak(piece, out);
                    }
                }
                Event::PartGrew { choice, part, delta } => {
                    let kind = self.kind(*choice, *part)?;
                    let mut piece = ChoiceOut::new(*choice);
                    if matches!(delta, Delta::Arguments(text) if !text.is_empty()) {
                        self.told_arguments(*choice, *part);
                    }
                    if piece.grow(*part, delta, kind, false) && !piece.is_silent() {
                        self.speak(piece, out);
                    }
                }
                Event::LogProbs { choice, logprobs } => {
                    let piece = ChoiceOut { logprobs: Some(logprobs.clone()), ..ChoiceOut::new(*choice) };
                    self.speak(piece, out);
                }
                Event::Stopped { choice, stop } => {
                    self.speak(ChoiceOut { stop: Some(stop.clone()), ..ChoiceOut::new(*choice) }, out);
                }
                Event::Usage(usage) => self.usage.get_or_insert_default().update(usage),
                Event::Ended => self.end(out),
                Event::Failed(failure) => out.push(error_event(failure, false)),
                Event::PartEnded { choice, part } => {
                    let kind = self.kind(*choice, *part)?;
                    let bare = self.told_arguments(*choice, *part);
                    if bare && matches!(kind, Kind::Call(_, ToolCallKind::Function)) {
                        // No arguments are an empty object, as in a whole answer.
                        let mut piece = ChoiceOut::new(*choice);
                        piece.grow(*part, &Delta::Arguments("{}".to_owned()), kind, false);
                        self.speak(piece, out);
                    }
                }
                Event::KeepAlive | Event::Filtered { .. } | Event::PromptFiltered(_) | Event::Native { .. } => {}
            }
        }
        Ok(())
    }

    /// A part as a client needs it: a call with an id.
    fn named<'p>(&self, content: &'p Part, kind: Kind) -> Cow<'p, Part> {
        match (&content.kind, kind) {
            (PartKind::ToolCall(call), Kind::Call(number, _)) if call.id.is_empty() => {
                let answer = self.head.id.as_deref().unwrap_or_default();
                let id = call_id::told(call, answer, usize::try_from(number).unwrap_or_default());
                let call = ToolCall { id, ..call.clone() };
                Cow::Owned(Part { kind: PartKind::ToolCall(call), ..content.clone() })
            }
            _ => Cow::Borrowed(content),
        }
    }

    /// Notes that arguments of a call were told; says whether none were before.
    fn told_arguments(&mut self, choice: u32, part: u32) -> bool {
        let known = self.parts.iter_mut().rev().find(|known| (known.choice, known.part) == (choice, part));
        known.is_some_and(|known| std::mem::replace(&mut known.bare, false))
    }

    fn end(&self, out: &mut Vec<WireEvent>) {
        if self.report_usage
            && let Some(report) = &self.usage
        {
            let mut body = self.chunk(Vec::new(), &Extras::none());
            response::complete_head(&mut body);
            body.set("choices", Vec::<Value>::new());
            body.set("usage", usage::encode(report, false));
            out.push(data(body));
        }
        out.push(WireEvent { name: None, data: wire::DONE.to_owned() });
    }
}

impl StreamEncoder for Encoder {
    fn encode(&mut self, frame: &Frame) -> Result<Vec<WireEvent>, OutOfPlace> {
        let mut out = Vec::new();
        if frame.origin != DialectId::OpenaiChat {
            self.other(frame, &mut out)?;
            return Ok(out);
        }
        match frame.events.as_slice() {
            [Event::Ended] => out.push(WireEvent { name: None, data: wire::DONE.to_owned() }),
            [Event::Failed(failure)] if failure.form != FailureForm::Beside => out.push(error_event(failure, true)),
            _ => out.push(data(self.same(frame)?)),
        }
        for event in &mut out {
            event.name.clone_from(&frame.name);
        }
        Ok(out)
    }

    fn fail(&mut self, refusal: &Refusal, request_id: &str) -> Vec<WireEvent> {
        let body = crate::openai_error::encode(refusal, request_id);
        vec![WireEvent { name: None, data: body.to_string() }]
    }
}

fn data(body: Object) -> WireEvent {
    WireEvent { name: None, data: body.into_text() }
}

fn error_event(failure: &Failure, same: bool) -> WireEvent {
    WireEvent { name: None, data: crate::openai_error::encode_failure(failure, same).to_string() }
}

/// The choices of one chunk, in the order in which the original had them.
struct Choices {
    list: Vec<ChoiceOut>,
}

impl Choices {
    fn after(extras: &Extras) -> Self {
        let indexes = extras.get("choices").and_then(Value::as_array).into_iter().flatten();
        let list = indexes
            .map(|choice| {
                let index = choice.get("index").and_then(Value::as_u64).and_then(|index| u32::try_from(index).ok());
                let in_parts = choice.get("delta").and_then(|delta| delta.get("content")).is_some_and(Value::is_array);
                ChoiceOut { in_parts, ..ChoiceOut::new(index.unwrap_or_default()) }
            })
            .collect();
        Self { list }
    }

    fn of(&mut self, index: u32) -> &mut ChoiceOut {
        let place = self.list.iter().position(|choice| choice.index == index).unwrap_or_else(|| {
            self.list.push(ChoiceOut::new(index));
            self.list.len() - 1
        });
        #[expect(clippy::indexing_slicing, reason = "the place was found or made above")]
        &mut self.list[place]
    }
}

/// One choice of one chunk.
struct ChoiceOut {
    index: u32,
    /// Whether the original wrote `content` as a list of parts.
    in_parts: bool,
    delta: Object,
    content: Vec<Value>,
    annotations: Vec<Value>,
    details: Vec<(u32, Map<String, Value>)>,
    calls: Vec<(u32, Map<String, Value>)>,
    logprobs: Option<LogProbs>,
    filters: Vec<FilterVerdict>,
    stop: Option<Stop>,
}

impl ChoiceOut {
    fn new(index: u32) -> Self {
        Self {
            index,
            in_parts: false,
            delta: Object::new(),
            content: Vec::new(),
            annotations: Vec::new(),
            details: Vec::new(),
            calls: Vec::new(),
            logprobs: None,
            filters: Vec::new(),
            stop: None,
        }
    }

    fn opening(mut self) -> Self {
        self.delta.set("content", "");
        self
    }

    fn is_silent(&self) -> bool {
        self.delta.is_empty()
            && self.content.is_empty()
            && self.annotations.is_empty()
            && self.details.is_empty()
            && self.calls.is_empty()
    }

    /// Begins a part; what it holds already is said at once.
    fn start(&mut self, part: u32, content: &Part, kind: Kind) {
        match (&content.kind, kind) {
            (PartKind::ToolCall(call), Kind::Call(number, _)) => self.start_call(part, call, number, content),
            (PartKind::Text { text, citations }, _) => {
                if self.in_parts && !text.is_empty() {
                    self.content.push(Object::typed("text").with("text", text.as_str()).into());
                } else if !text.is_empty() {
                    self.append("content", text);
                }
                for citation in citations {
                    self.annotations.extend(parts::annotation(citation, true).map(Value::from));
                }
            }
            (PartKind::Refusal { text }, _) if !text.is_empty() => self.append("refusal", text),
            (PartKind::Reasoning(reasoning), Kind::Reasoning(Some(ReasoningField::ReasoningDetails))) => {
                let mut object = Object::new();
                object.maybe("id", reasoning.id.clone());
                object.maybe("format", reasoning.format.clone());
                self.details.push((part, object.into_map()));
            }
            (PartKind::Reasoning(reasoning), Kind::Reasoning(field)) => {
                let text = reasoning.text.as_deref().or(reasoning.summary.as_deref()).unwrap_or_default();
                if !text.is_empty() {
                    self.append(field.and_then(parts::reasoning_key).unwrap_or("reasoning_content"), text);
                }
            }
            _ => {}
        }
    }

    fn start_call(&mut self, part: u32, call: &ToolCall, number: u64, content: &Part) {
        let mut object = Object::new().with("number", number);
        if !call.id.is_empty() {
            object.set("id", call.id.as_str());
        }
        let (word, key) = call_words(call.kind);
        object.set("type", word);
        let mut inner = Object::new();
        if !call.name.is_empty() {
            inner.set("name", call.name.as_str());
        }
        if !call.arguments.is_empty() {
            inner.set(key, call.arguments.as_str());
        }
        object.nested(word, inner);
        content.extras.overlay(object.map_mut());
        self.calls.push((part, object.into_map()));
    }

    /// The vendor's own calls begin with arguments that are empty, and some clients read them without asking whether
    /// they are there. Source: <https://platform.openai.com/docs/guides/function-calling#streaming>
    fn complete_calls(&mut self) {
        for (_, call) in &mut self.calls {
            let (word, key) = call_words(ToolCallKind::Function);
            if let Some(Value::Object(function)) = call.get_mut(word) {
                function.entry(key).or_insert_with(|| Value::from(""));
            }
        }
    }

    /// Grows a part; `false` where a part of its kind cannot grow so.
    fn grow(&mut self, part: u32, delta: &Delta, kind: Kind, same: bool) -> bool {
        match (kind, delta) {
            (Kind::Text, Delta::Text(text)) if self.in_parts => {
                self.content.push(Object::new().with("text", text.as_str()).into());
            }
            (Kind::Text, Delta::Text(text)) => self.append("content", text),
            (Kind::Text, Delta::Citation(citation)) => {
                self.annotations.extend(parts::annotation(citation, same).map(Value::from));
            }
            (Kind::Refusal, Delta::Refusal(text)) => self.append("refusal", text),
            (Kind::Call(number, kind), Delta::Arguments(text)) => {
                let (word, key) = call_words(kind);
                let entry = entry(&mut self.calls, part);
                entry.entry("number").or_insert_with(|| number.into());
                let inner = entry.entry(word).or_insert_with(|| Value::Object(Map::new()));
                append_to(inner, key, text);
            }
            (Kind::Call(number, kind), Delta::CallName(name)) => {
                let (word, _) = call_words(kind);
                let entry = entry(&mut self.calls, part);
                entry.entry("number").or_insert_with(|| number.into());
                append_to(entry.entry(word).or_insert_with(|| Value::Object(Map::new())), "name", name);
            }
            (Kind::Call(number, _), Delta::CallId(id)) => {
                let entry = entry(&mut self.calls, part);
                entry.entry("number").or_insert_with(|| number.into());
                entry.insert("id".to_owned(), Value::from(id.as_str()));
            }
            (Kind::Reasoning(Some(ReasoningField::ReasoningDetails)), _) if same => {
                let (key, text) = match delta {
                    Delta::Reasoning(text) => ("text", text),
                    Delta::Summary(text) => ("summary", text),
                    Delta::Sealed(text) => ("data", text),
                    Delta::Signature(text) => ("signature", text),
                    Delta::Text(_)
                    | Delta::Citation(_)
                    | Delta::CallId(_)
                    | Delta::CallName(_)
                    | Delta::Arguments(_)
                    | Delta::Refusal(_) => return false,
                };
                let found = entry(&mut self.details, part);
                found.insert(key.to_owned(), Value::from(text.as_str()));
            }
            (Kind::Reasoning(Some(ReasoningField::ThinkingParts)), Delta::Reasoning(text)) if same => {
                let mut item = Object::new();
                if !text.is_empty() {
                    let inner = Object::typed("text").with("text", text.as_str());
                    item.set("thinking", vec![Value::from(inner)]);
                }
                self.content.push(item.into());
            }
            (Kind::Reasoning(field), Delta::Reasoning(text) | Delta::Summary(text)) => {
                let key = field.filter(|_| same).and_then(parts::reasoning_key).unwrap_or("reasoning_content");
                self.append(key, text);
            }
            // Signatures and seals are of use to their own provider only.
            (Kind::Reasoning(_), Delta::Signature(_) | Delta::Sealed(_)) => return !same,
            (Kind::Silent, _) => return !same,
            _ => return false,
        }
        true
    }

    fn append(&mut self, key: &str, text: &str) {
        if let Some(Value::String(before)) = self.delta.map_mut().get_mut(key) {
            before.push_str(text);
        } else {
            self.delta.set(key, text);
        }
    }

    fn finish_same(self, lacks_type: bool, lacks_index: bool) -> Value {
        let mut choice = self.finish(true, lacks_type);
        if lacks_index && let Some(choice) = choice.as_object_mut() {
            choice.shift_remove("index");
        }
        choice
    }

    fn finish(mut self, same: bool, lacks_type: bool) -> Value {
        let mut delta = self.delta;
        if !self.content.is_empty() {
            delta.set("content", self.content);
        }
        if !self.annotations.is_empty() {
            delta.set("annotations", self.annotations);
        }
        if !self.details.is_empty() {
            let details: Vec<Value> = self.details.into_iter().map(|(_, entry)| Value::Object(entry)).collect();
            delta.set("reasoning_details", details);
        }
        for (_, call) in &mut self.calls {
            // The number on the wire is among the extras of the original; only a new stream counts by itself.
            if let Some(number) = call.shift_remove("number")
                && !same
            {
                call.insert("index".to_owned(), number);
            }
            if lacks_type {
                call.shift_remove("type");
            }
        }
        if !self.calls.is_empty() {
            let calls: Vec<Value> = self.calls.into_iter().map(|(_, call)| Value::Object(call)).collect();
            delta.set("tool_calls", calls);
        }
        let mut choice = Object::new().with("index", self.index);
        if !same {
            choice.set("delta", delta);
            choice.set("logprobs", self.logprobs.as_ref().map_or(Value::Null, |found| logprobs::encode(found).into()));
            choice.set("finish_reason", self.stop.as_ref().map_or(Value::Null, |stop| parts::stop_value(stop, false)));
            return choice.into();
        }
        choice.nested("delta", delta);
        filters::write(&mut choice, &self.filters);
        choice.maybe("logprobs", self.logprobs.as_ref().map(logprobs::encode));
        choice.maybe("finish_reason", self.stop.as_ref().map(|stop| parts::stop_value(stop, true)));
        choice.into()
    }
}

const fn call_words(kind: ToolCallKind) -> (&'static str, &'static str) {
    match kind {
        ToolCallKind::Function => ("function", "arguments"),
        ToolCallKind::Custom => ("custom", "input"),
    }
}

/// The entry of a part among the entries of one chunk.
fn entry(entries: &mut Vec<(u32, Map<String, Value>)>, part: u32) -> &mut Map<String, Value> {
    let place = entries.iter().position(|(of, _)| *of == part).unwrap_or_else(|| {
        entries.push((part, Map::new()));
        entries.len() - 1
    });
    #[expect(clippy::indexing_slicing, reason = "the place was found or made above")]
    &mut entries[place].1
}

fn append_to(object: &mut Value, key: &str, text: &str) {
    let Value::Object(map) = object else { return };
    match map.get_mut(key) {
        Some(Value::String(before)) => before.push_str(text),
        _ => {
            map.insert(key.to_owned(), Value::from(text));
        }
    }
}
