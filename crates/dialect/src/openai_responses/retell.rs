//! Another dialect's stream, told to a client of Responses: each item begins, grows, is told whole and ends, and the
//! answer is told whole at its end.

use super::{parts, response, usage};
use crate::in_turn::InTurn;
use crate::render::{ExtrasWriter, Object};
use crate::{WireEvent, logprobs, openai_error};
use serde_json::Value;
use switchtower_domain::{
    AnswerHead, Delta, DialectId, Event, Failure, Frame, LogProbs, OutOfPlace, Part, PartKind, Reasoning, Stop,
    StopReason, ToolCall, ToolCallKind, Usage,
};

/// What was told so far.
#[derive(Default)]
pub(super) struct Retelling {
    sequence: u64,
    /// Whose stream it is.
    origin: Option<DialectId>,
    head: AnswerHead,
    started: bool,
    /// Each part by its number, with what of it came, and the item that tells it.
    parts: Vec<(Part, Option<usize>)>,
    items: Vec<Item>,
    usage: Option<Usage>,
    stop: Option<Stop>,
    turns: InTurn,
}

/// One item of the answer.
struct Item {
    id: String,
    body: Body,
    /// The item as it was told at its end.
    whole: Option<Value>,
}

enum Body {
    Message(Vec<Content>),
    Reasoning { reasoning: Reasoning, words: String },
    Call { call: ToolCall, call_id: String },
}

/// One text of a message.
struct Content {
    part: Part,
    logprobs: LogProbs,
    open: bool,
}

impl Retelling {
    pub(super) fn tell(&mut self, frame: &Frame) -> Result<Vec<WireEvent>, OutOfPlace> {
        let mut out = Vec::new();
        self.origin = Some(frame.origin);
        for event in &self.turns.take(&frame.events)? {
            match event {
                Event::Started(head) => {
                    self.head.update(head);
                    self.start(&mut out);
                }
                Event::PartStarted { choice: 0, part, content } => {
                    if self.parts.len() != *part as usize {
                        return Err(OutOfPlace { choice: 0, part: *part });
                    }
                    self.parts.push((content.clone(), None));
                    self.begin(*part as usize, content, &mut out);
                }
                Event::PartGrew { choice: 0, part, delta } => self.grow(*part, delta, &mut out)?,
                Event::PartEnded { choice: 0, part } => {
                    let item = self.parts.get(*part as usize).ok_or(OutOfPlace { choice: 0, part: *part })?.1;
                    // Texts stay open: what follows may belong to the same message.
                    if let Some(item) = item
                        && self.items.get(item).is_some_and(|item| !matches!(item.body, Body::Message(_)))
                    {
                        self.end_item(item, &mut out);
                    }
                }
                Event::LogProbs { choice: 0, logprobs } => self.logprobs(logprobs),
                Event::Stopped { choice: 0, stop } => self.stop = Some(stop.clone()),
                Event::Usage(report) => self.usage.get_or_insert_default().update(report),
                Event::Failed(failure) => out.push(self.failed(failure)),
                Event::Ended => self.end(&mut out),
                // A client of this dialect knows one choice only.
                Event::PartStarted { .. }
                | Event::PartGrew { .. }
                | Event::PartEnded { .. }
                | Event::LogProbs { .. }
                | Event::Stopped { .. }
                | Event::Filtered { .. }
                | Event::PromptFiltered(_)
                | Event::KeepAlive
                | Event::Native { .. } => {}
            }
        }
        Ok(out)
    }

    /// The error that ends a stream, in the form that the vendor's SDKs look for and in the one that it documents.
    pub(super) fn error(&mut self, error: &Value) -> WireEvent {
        let told = error.get("error").cloned().unwrap_or_default();
        let mut object = Object::typed("error").with("sequence_number", self.next());
        for key in ["code", "message", "param"] {
            object.set(key, told.get(key).cloned().unwrap_or_default());
        }
        object.set("error", told);
        WireEvent { name: Some("error".to_owned()), data: object.into_text() }
    }

    pub(super) fn failed(&mut self, failure: &Failure) -> WireEvent {
        self.error(&openai_error::encode_failure(failure, false))
    }

    fn next(&mut self) -> u64 {
        let number = self.sequence;
        self.sequence += 1;
        number
    }

    fn say(&mut self, kind: &str, fields: Object, out: &mut Vec<WireEvent>) {
        let mut object = Object::typed(kind).with("sequence_number", self.next());
        object.map_mut().extend(fields.into_map());
        out.push(WireEvent { name: Some(kind.to_owned()), data: object.into_text() });
    }

    /// The answer begins, once.
    fn start(&mut self, out: &mut Vec<WireEvent>) {
        if std::mem::replace(&mut self.started, true) {
            return;
        }
        for kind in ["response.created", "response.in_progress"] {
            let envelope = response::envelope(&self.head, Vec::new());
            self.say(kind, Object::new().with("response", envelope), out);
        }
    }

    fn begin(&mut self, part: usize, content: &Part, out: &mut Vec<WireEvent>) {
        match &content.kind {
            PartKind::ToolCall(call) => {
                let name = response::id(&self.head);
                let call_id = response::call_id(call, &name, self.items.len());
                let body = Body::Call { call: ToolCall { arguments: String::new(), ..call.clone() }, call_id };
                let item = self.begin_item(part, "fc", body, out);
                if !call.arguments.is_empty() {
                    self.arguments(item, &call.arguments, out);
                }
            }
            PartKind::Text { text, .. } | PartKind::Refusal { text } if !text.is_empty() => {
                let (text, refusal) = (text.clone(), matches!(content.kind, PartKind::Refusal { .. }));
                self.text(part, &text, refusal, out);
            }
            PartKind::Reasoning(reasoning) if !reasoning.restated => {
                let words = reasoning.text.clone().or_else(|| reasoning.summary.clone()).unwrap_or_default();
                if !words.is_empty() || reasoning.sealed.is_some() || reasoning.signature.is_some() {
                    self.thought(part, &words, out);
                }
            }
            _ => {}
        }
    }

    fn grow(&mut self, part: u32, delta: &Delta, out: &mut Vec<WireEvent>) -> Result<(), OutOfPlace> {
        let place = part as usize;
        let known = self.parts.get_mut(place).map(|(content, _)| content).ok_or(OutOfPlace { choice: 0, part })?;
        let restated = matches!(&known.kind, PartKind::Reasoning(Reasoning { restated: true, .. }));
        if !known.grow(delta) {
            return Err(OutOfPlace { choice: 0, part });
        }
        if restated || matches!(known.kind, PartKind::ProviderItem(_)) {
            return Ok(());
        }
        match delta {
            Delta::Text(text) => self.text(place, text, false, out),
            Delta::Refusal(text) => self.text(place, text, true, out),
            Delta::Reasoning(words) | Delta::Summary(words) => self.thought(place, words, out),
            Delta::Signature(_) | Delta::Sealed(_) => self.thought(place, "", out),
            Delta::Arguments(text) => {
                if let Some(item) = self.item_of(place) {
                    self.arguments(item, text, out);
                } else if !text.trim().is_empty() {
                    return Err(OutOfPlace { choice: 0, part });
                }
            }
            // The item has begun under the name that it had.
            Delta::CallName(_) => return Err(OutOfPlace { choice: 0, part }),
            Delta::CallId(_) => {}
            Delta::Citation(citation) => {
                let told = parts::annotation(citation, false);
                if let Some(annotation) = told {
                    self.annotation(place, annotation, out);
                }
            }
        }
        Ok(())
    }

    /// The item that tells a part, if it is still open.
    fn item_of(&self, part: usize) -> Option<usize> {
        let item = self.parts.get(part)?.1?;
        self.items.get(item).filter(|item| item.whole.is_none()).map(|_| item)
    }

    /// Begins an item, and ends the one before it: the vendor's own streams have one item open at a time.
    fn begin_item(&mut self, part: usize, prefix: &str, body: Body, out: &mut Vec<WireEvent>) -> usize {
        self.start(out);
        let name = response::id(&self.head);
        let place = self.items.len();
        if let Some(before) = place.checked_sub(1) {
            self.end_item(before, out);
        }
        let id = response::item_id(prefix, &name, place);
        let begun = match &body {
            Body::Message(_) => response::message_item(&id, Vec::new(), "in_progress"),
            Body::Reasoning { .. } => {
                Object::typed("reasoning").with("id", id.as_str()).with("summary", Vec::<Value>::new())
            }
            Body::Call { call, call_id } => response::call_item(call, call_id, &id, "in_progress"),
        };
        self.items.push(Item { id, body, whole: None });
        if let Some((_, item)) = self.parts.get_mut(part) {
            *item = Some(place);
        }
        self.say("response.output_item.added", Object::new().with("output_index", place).with("item", begun), out);
        place
    }

    /// Where events of an item stand.
    fn at(&self, item: usize) -> Object {
        let id = self.items.get(item).map(|item| item.id.as_str()).unwrap_or_default();
        Object::new().with("item_id", id).with("output_index", item)
    }

    fn text(&mut self, part: usize, text: &str, refusal: bool, out: &mut Vec<WireEvent>) {
        let (item, content) = self.open_text(part, refusal, out);
        let kind = if refusal { "response.refusal.delta" } else { "response.output_text.delta" };
        let mut told = self.at(item).with("content_index", content).with("delta", text);
        if !refusal {
            told.set("logprobs", Vec::<Value>::new());
        }
        self.say(kind, told, out);
        if let Some(open) = self.content(item, content) {
            let delta = if refusal { Delta::Refusal(text.to_owned()) } else { Delta::Text(text.to_owned()) };
            open.part.grow(&delta);
        }
    }

    fn content(&mut self, item: usize, content: usize) -> Option<&mut Content> {
        match self.items.get_mut(item).map(|item| &mut item.body) {
            Some(Body::Message(contents)) => contents.get_mut(content),
            _ => None,
        }
    }

    /// The place of a text within the message that is open, which is begun where there is none.
    fn open_text(&mut self, part: usize, refusal: bool, out: &mut Vec<WireEvent>) -> (usize, usize) {
        if let Some(item) = self.item_of(part)
            && let Some(Body::Message(contents)) = self.items.get(item).map(|item| &item.body)
            && let Some(place) =
                contents.iter().position(|content| content.open && content.part.at.path() == part.to_string())
        {
            return (item, place);
        }
        let last = self.items.len().checked_sub(1);
        let open = last.filter(|last| {
            self.items.get(*last).is_some_and(|item| item.whole.is_none() && matches!(item.body, Body::Message(_)))
        });
        let item = match open {
            Some(item) => {
                self.end_contents(item, out);
                item
            }
            None => self.begin_item(part, "msg", Body::Message(Vec::new()), out),
        };
        if let Some((_, of)) = self.parts.get_mut(part) {
            *of = Some(item);
        }
        let kind = if refusal {
            PartKind::Refusal { text: String::new() }
        } else {
            PartKind::Text { text: String::new(), citations: Vec::new() }
        };
        let begun = Part { at: switchtower_domain::Locus::at(part.to_string()), ..Part::new(kind) };
        let place = match self.items.get_mut(item).map(|item| &mut item.body) {
            Some(Body::Message(contents)) => {
                contents.push(Content { part: begun.clone(), logprobs: LogProbs::default(), open: true });
                contents.len() - 1
            }
            _ => 0,
        };
        let told =
            self.at(item).with("content_index", place).with("part", content_object(&begun, &LogProbs::default()));
        self.say("response.content_part.added", told, out);
        (item, place)
    }

    fn annotation(&mut self, part: usize, annotation: Object, out: &mut Vec<WireEvent>) {
        let (item, content) = self.open_text(part, false, out);
        let citation = match self.parts.get(part).map(|(content, _)| &content.kind) {
            Some(PartKind::Text { citations, .. }) => citations.last().cloned(),
            _ => None,
        };
        let mut count = 0;
        if let (Some(open), Some(citation)) = (self.content(item, content), citation)
            && let PartKind::Text { citations, .. } = &mut open.part.kind
        {
            count = citations.len();
            citations.push(citation);
        }
        let told =
            self.at(item).with("content_index", content).with("annotation_index", count).with("annotation", annotation);
        self.say("response.output_text.annotation.added", told, out);
    }

    fn logprobs(&mut self, logprobs: &LogProbs) {
        if let Some(Item { body: Body::Message(contents), .. }) = self.items.last_mut()
            && let Some(content) = contents.last_mut()
        {
            content.logprobs.append(logprobs);
        }
    }

    /// More words of a thought, which may be none: then it is only sealed.
    fn thought(&mut self, part: usize, words: &str, out: &mut Vec<WireEvent>) {
        let item = match self.item_of(part) {
            Some(item) => item,
            None => {
                let body = Body::Reasoning { reasoning: Reasoning::default(), words: String::new() };
                self.begin_item(part, "rs", body, out)
            }
        };
        let whole = self.parts.get(part).and_then(|(content, _)| match &content.kind {
            PartKind::Reasoning(reasoning) => Some(reasoning.clone()),
            _ => None,
        });
        let mut first = false;
        if let (Some(Item { body: Body::Reasoning { reasoning, words: so_far }, .. }), Some(whole)) =
            (self.items.get_mut(item), whole)
        {
            *reasoning = whole;
            first = so_far.is_empty();
            so_far.push_str(words);
        }
        if words.is_empty() {
            return;
        }
        if first {
            let empty = Object::typed("summary_text").with("text", "");
            let told = self.at(item).with("summary_index", 0).with("part", empty);
            self.say("response.reasoning_summary_part.added", told, out);
        }
        let told = self.at(item).with("summary_index", 0).with("delta", words);
        self.say("response.reasoning_summary_text.delta", told, out);
    }

    fn arguments(&mut self, item: usize, text: &str, out: &mut Vec<WireEvent>) {
        let mut custom = false;
        if let Some(Item { body: Body::Call { call, .. }, .. }) = self.items.get_mut(item) {
            custom = call.kind == ToolCallKind::Custom;
            call.arguments.push_str(text);
        }
        let kind =
            if custom { "response.custom_tool_call_input.delta" } else { "response.function_call_arguments.delta" };
        let told = self.at(item).with("delta", text);
        self.say(kind, told, out);
    }

    fn end_contents(&mut self, item: usize, out: &mut Vec<WireEvent>) {
        let Some(Body::Message(contents)) = self.items.get_mut(item).map(|item| &mut item.body) else { return };
        let mut ended = Vec::new();
        for (place, content) in contents.iter_mut().enumerate().filter(|(_, content)| content.open) {
            content.open = false;
            ended.push((place, content.part.clone(), content.logprobs.clone()));
        }
        for (place, part, logprobs) in ended {
            let whole = content_object(&part, &logprobs);
            let mut told = self.at(item).with("content_index", place);
            let (kind, key) = match &part.kind {
                PartKind::Refusal { text } => {
                    told.set("refusal", text.as_str());
                    ("response.refusal.done", "refusal")
                }
                PartKind::Text { text, .. } => {
                    told.set("text", text.as_str());
                    ("response.output_text.done", "text")
                }
                _ => continue,
            };
            if key == "text" {
                told.set("logprobs", Vec::<Value>::new());
            }
            self.say(kind, told, out);
            let told = self.at(item).with("content_index", place).with("part", whole);
            self.say("response.content_part.done", told, out);
        }
    }

    /// Ends an item, once.
    fn end_item(&mut self, item: usize, out: &mut Vec<WireEvent>) {
        if self.items.get(item).is_none_or(|item| item.whole.is_some()) {
            return;
        }
        self.end_contents(item, out);
        let Some(Item { id, body, .. }) = self.items.get(item) else { return };
        let (whole, before) = match body {
            Body::Message(contents) => {
                let told =
                    contents.iter().map(|content| content_object(&content.part, &content.logprobs).into()).collect();
                (response::message_item(id, told, "completed"), Vec::new())
            }
            Body::Reasoning { reasoning, words } => {
                let mut before = Vec::new();
                if !words.is_empty() {
                    let text = Object::typed("summary_text").with("text", words.as_str());
                    before.push((
                        "response.reasoning_summary_text.done",
                        self.at(item).with("summary_index", 0).with("text", words.as_str()),
                    ));
                    before.push((
                        "response.reasoning_summary_part.done",
                        self.at(item).with("summary_index", 0).with("part", text),
                    ));
                }
                let nothing =
                    || Object::typed("reasoning").with("id", id.as_str()).with("summary", Vec::<Value>::new());
                let told = self.origin.and_then(|origin| response::reasoning_item(reasoning, origin, id));
                (told.unwrap_or_else(nothing), before)
            }
            Body::Call { call, call_id } => {
                let whole = response::call_item(call, call_id, id, "completed");
                let custom = call.kind == ToolCallKind::Custom;
                let (kind, key) = if custom {
                    ("response.custom_tool_call_input.done", "input")
                } else {
                    ("response.function_call_arguments.done", "arguments")
                };
                let none = call.arguments.is_empty() && !custom;
                let arguments = if none { "{}" } else { call.arguments.as_str() };
                let mut told = self.at(item);
                if !custom {
                    told.set("name", call.name.as_str());
                }
                (whole, vec![(kind, told.with(key, arguments))])
            }
        };
        for (kind, told) in before {
            self.say(kind, told, out);
        }
        let whole = Value::from(whole);
        if let Some(item) = self.items.get_mut(item) {
            item.whole = Some(whole.clone());
        }
        self.say("response.output_item.done", Object::new().with("output_index", item).with("item", whole), out);
    }

    fn end(&mut self, out: &mut Vec<WireEvent>) {
        self.start(out);
        for item in 0..self.items.len() {
            self.end_item(item, out);
        }
        let stop = self.stop.clone().unwrap_or_else(|| Stop::new(StopReason::EndTurn));
        let output = self.items.iter().filter_map(|item| item.whole.clone()).collect();
        let mut envelope = response::envelope(&self.head, output);
        response::write_stop(&mut envelope, &stop);
        if let Some(report) = &self.usage {
            envelope.set("usage", usage::encode(report, false));
        }
        let incomplete = super::wire::incomplete_word(&stop.reason).is_some();
        let kind = if incomplete { "response.incomplete" } else { "response.completed" };
        self.say(kind, Object::new().with("response", envelope), out);
    }
}

fn content_object(part: &Part, logprobs: &LogProbs) -> Object {
    let mut out = ExtrasWriter { from: DialectId::OpenaiResponses, same: false, hints: &[], notices: Vec::new() };
    let mut object = response::content(part, None, &mut out).unwrap_or_default();
    if let Some(tokens) = &logprobs.content {
        object.set("logprobs", logprobs::encode_tokens(tokens));
    }
    object
}
