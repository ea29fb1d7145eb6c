//! Streams: decoding. Encoding is in `stream_out.rs`.

use super::{filters, parts, response, usage, wire};
use crate::arguments::Progress;
use crate::fields::Fields;
use crate::json::parse_event;
use crate::logprobs;
use crate::{DecodeError, Json, StreamDecoder, StreamEnding, StreamWatch, Variant, WireEvent};
use memchr::memmem::Finder;
use serde_json::Value;
use std::sync::{Arc, LazyLock};
use switchtower_domain::{
    AnswerHead, Delta, DialectId, Event, FailureForm, Frame, Part, PartKind, Reasoning, ReasoningField, ToolCall,
    ToolCallKind,
};

/// Reads chunks.
///
/// Chat Completions never says that a part begins: the first delta of a kind begins it. What a chunk restates (role,
/// id of a call) and what only the vendor knows stays in the frame's extras.
pub(super) struct Decoder {
    variant: Arc<Variant>,
    head: Option<AnswerHead>,
    choices: Vec<Open>,
    ended: bool,
    failed: bool,
}

/// What is open in one choice.
#[derive(Default)]
struct Open {
    index: u32,
    parts: u32,
    text: Option<u32>,
    refusal: Option<u32>,
    /// A part of type `thinking` inside `content`, until text follows.
    thinking: Option<u32>,
    reasoning_content: Option<u32>,
    reasoning: Option<u32>,
    /// Entries of `reasoning_details` by their number and type.
    details: Vec<(u64, &'static str, u32)>,
    /// Tool calls by their number on the wire.
    calls: Vec<Call>,
    stopped: bool,
}

struct Call {
    number: u64,
    id: String,
    name: String,
    part: u32,
    /// Whether arguments came, and whether they are whole.
    argued: bool,
    progress: Progress,
}

impl Decoder {
    pub(super) fn new(variant: &Variant) -> Self {
        Self { variant: Arc::new(variant.clone()), head: None, choices: Vec::new(), ended: false, failed: false }
    }

    fn head(&mut self, fields: &mut Fields, events: &mut Vec<Event>) -> Result<(), DecodeError> {
        let head = response::head(fields)?;
        if self.head.as_ref() != Some(&head) {
            events.push(Event::Started(head.clone()));
            self.head = Some(head);
        }
        Ok(())
    }

    /// Whether every choice that began has said why it stopped.
    fn stopped(&self) -> bool {
        !self.choices.is_empty() && self.choices.iter().all(|open| open.stopped)
    }

    fn choice(&mut self, index: u32) -> &mut Open {
        let place = self.choices.iter().position(|open| open.index == index).unwrap_or_else(|| {
            self.choices.push(Open { index, ..Open::default() });
            self.choices.len() - 1
        });
        #[expect(clippy::indexing_slicing, reason = "the place was found or made above")]
        &mut self.choices[place]
    }
}

impl StreamDecoder for Decoder {
    fn decode(&mut self, event: &WireEvent) -> Result<Frame, DecodeError> {
        let frame = |events, extras| Frame { origin: DialectId::OpenaiChat, name: event.name.clone(), events, extras };
        if self.ended {
            return Err(DecodeError::Sequence { what: "something after the end" });
        }
        if event.data.trim_end() == wire::DONE {
            // Some servers end without saying why a choice stopped, but none without having said anything.
            if self.choices.is_empty() && !self.failed {
                return Err(DecodeError::Sequence { what: "an end before anything was said" });
            }
            self.ended = true;
            return Ok(frame(vec![Event::Ended], switchtower_domain::Extras::none()));
        }
        let body = parse_event(&event.data)?;
        let mut fields = Fields::tolerant(body, "")?;
        let fails =
            event.name.as_deref() == Some("error") || fields.peek("error").is_some_and(|error| !error.is_null());
        // Vendors add an error to a chunk like any other, and go on; the error stands beside what the chunk says.
        if fails && fields.peek("choices").is_none() {
            self.failed = true;
            let failure = crate::openai_error::of_stream(fields.rest_map());
            return Ok(frame(vec![Event::Failed(failure)], switchtower_domain::Extras::none()));
        }
        let mut events = Vec::new();
        self.head(&mut fields, &mut events)?;
        fields.constant("object", wire::CHUNK);
        let prompts = filters::prompts(&mut fields)?;
        if !prompts.is_empty() {
            events.push(Event::PromptFiltered(prompts));
        }
        let items = fields.list("choices")?.unwrap_or_default();
        let mut rests = Vec::new();
        for (place, item) in items.into_iter().enumerate() {
            let mut choice = fields.beneath(item, &format!("choices[{place}]"))?;
            let index = choice.u64("index")?.and_then(|index| u32::try_from(index).ok());
            let numbered = index.is_some();
            if !numbered {
                fields.lack(CHOICE_INDEX);
            }
            let index = index.unwrap_or_default();
            let variant = Arc::clone(&self.variant);
            self.choice(index).delta(&mut choice, &variant, &mut events)?;
            if numbered {
                choice.put_back("index", Value::from(index));
            }
            let (rest, lacks) = choice.rest_parts();
            for lack in lacks {
                fields.lack(&lack);
            }
            rests.push(rest);
        }
        if !rests.is_empty() {
            fields.put_back("choices", Json::Array(rests));
        }
        if let Some(usage) = usage::decode(&mut fields, &self.variant)? {
            events.push(Event::Usage(usage));
        }
        if fails {
            self.failed = true;
            let told = fields.any("error").unwrap_or_default();
            let mut failure = crate::openai_error::of_stream([("error".to_owned(), told)].into_iter().collect());
            failure.form = FailureForm::Beside;
            events.push(Event::Failed(failure));
        }
        Ok(frame(events, fields.rest()))
    }

    fn complete(&self) -> bool {
        self.ended || self.failed || (self.stopped() && self.variant.stream_ending == StreamEnding::StopReason)
    }
}

impl Open {
    fn delta(&mut self, choice: &mut Fields, variant: &Variant, events: &mut Vec<Event>) -> Result<(), DecodeError> {
        let stop = response::stop(choice, variant)?;
        choice.nested("delta", |delta| {
            self.reasoning(delta, events)?;
            self.details(delta, events)?;
            self.content(delta, events)?;
            if let Some(text) = delta.text("refusal")? {
                let part = begin(&mut self.refusal, &mut self.parts);
                self.grow(part, PartKind::Refusal { text: String::new() }, Delta::Refusal(text), events);
            }
            self.annotations(delta, events)?;
            self.calls(delta, events)
        })?;
        if let Some(logprobs) = choice.nested("logprobs", logprobs::decode)? {
            events.push(Event::LogProbs { choice: self.index, logprobs });
        }
        let verdicts = filters::verdicts(choice)?;
        if !verdicts.is_empty() {
            events.push(Event::Filtered { choice: self.index, verdicts });
        }
        if let Some(stop) = stop {
            self.stopped = true;
            events.push(Event::Stopped { choice: self.index, stop });
        }
        Ok(())
    }

    /// Grows a part, and begins it first where this is its first piece.
    fn grow(&self, (part, new): (u32, bool), kind: PartKind, delta: Delta, events: &mut Vec<Event>) {
        let choice = self.index;
        if new {
            events.push(Event::PartStarted { choice, part, content: Part::new(kind) });
        }
        events.push(Event::PartGrew { choice, part, delta });
    }

    fn reasoning(&mut self, delta: &mut Fields, events: &mut Vec<Event>) -> Result<(), DecodeError> {
        let detailed = delta.peek("reasoning_details").and_then(Json::as_array).is_some_and(|list| {
            list.iter().any(|entry| entry.get("text").is_some_and(Json::is_string) || entry.get("summary").is_some())
        });
        for (key, field) in
            [("reasoning_content", ReasoningField::ReasoningContent), ("reasoning", ReasoningField::Reasoning)]
        {
            let Some(text) = delta.text(key)? else {
                continue;
            };
            let other = self.reasoning_content.is_some() && field == ReasoningField::Reasoning;
            let slot =
                if field == ReasoningField::Reasoning { &mut self.reasoning } else { &mut self.reasoning_content };
            let part = begin(slot, &mut self.parts);
            let restated = detailed || other;
            let kind = PartKind::Reasoning(Reasoning { field: Some(field), restated, ..Reasoning::default() });
            self.grow(part, kind, Delta::Reasoning(text), events);
        }
        Ok(())
    }

    fn details(&mut self, delta: &mut Fields, events: &mut Vec<Event>) -> Result<(), DecodeError> {
        if !delta
            .peek("reasoning_details")
            .is_some_and(|list| list.as_array().is_some_and(|l| l.iter().all(Json::is_object)))
        {
            return Ok(());
        }
        let mut rests = Vec::new();
        for item in delta.list("reasoning_details")?.unwrap_or_default() {
            let mut entry = delta.beneath(item, "reasoning_details")?;
            self.detail(&mut entry, events)?;
            rests.push(entry.rest_json());
        }
        if rests.iter().any(|rest| rest.as_object().is_some_and(|rest| !rest.is_empty())) {
            delta.put_back("reasoning_details", Json::Array(rests));
        }
        Ok(())
    }

    /// One entry of `reasoning_details`: what its part says already stays beside it.
    fn detail(&mut self, entry: &mut Fields, events: &mut Vec<Event>) -> Result<(), DecodeError> {
        let kind = match entry.peek_str("type") {
            Some("reasoning.summary") => "reasoning.summary",
            Some("reasoning.encrypted") => "reasoning.encrypted",
            _ => "reasoning.text",
        };
        let number = entry.peek("index").and_then(Json::as_u64).unwrap_or_default();
        let known = self.details.iter().find(|(n, k, _)| (*n, *k) == (number, kind)).map(|(_, _, part)| *part);
        let part = known.unwrap_or(self.parts);
        let deltas = [
            entry.string("text")?.map(Delta::Reasoning),
            entry.string("summary")?.map(Delta::Summary),
            entry.string("data")?.map(Delta::Sealed),
            entry.string("signature")?.map(Delta::Signature),
        ];
        if known.is_none() {
            self.parts += 1;
            self.details.push((number, kind, part));
            let reasoning = Reasoning {
                field: Some(ReasoningField::ReasoningDetails),
                id: entry.string("id")?,
                format: entry.string("format")?,
                ..Reasoning::default()
            };
            let content = Part::new(PartKind::Reasoning(reasoning));
            events.push(Event::PartStarted { choice: self.index, part, content });
        }
        for delta in deltas.into_iter().flatten() {
            events.push(Event::PartGrew { choice: self.index, part, delta });
        }
        Ok(())
    }

    fn content(&mut self, delta: &mut Fields, events: &mut Vec<Event>) -> Result<(), DecodeError> {
        match delta.peek("content") {
            Some(Json::String(text)) if !text.is_empty() => {
                self.thinking = None;
                if let Some(text) = delta.text("content")? {
                    self.text(text, events);
                }
            }
            // Mistral streams reasoning as parts inside `content`.
            Some(Json::Array(items)) if items.iter().all(|item| thinking_delta(item).is_some()) => {
                let items = delta.list("content")?.unwrap_or_default();
                let mut rests = Vec::new();
                for item in items {
                    match thinking_delta(&item) {
                        Some((true, text)) => {
                            let part = begin(&mut self.thinking, &mut self.parts);
                            let field = Some(ReasoningField::ThinkingParts);
                            let kind = PartKind::Reasoning(Reasoning { field, ..Reasoning::default() });
                            self.grow(part, kind, Delta::Reasoning(text), events);
                        }
                        Some((false, text)) => {
                            self.thinking = None;
                            self.text(text, events);
                        }
                        None => {}
                    }
                    rests.push(thinking_rest(item));
                }
                if !rests.is_empty() {
                    delta.put_back("content", Json::Array(rests));
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn text(&mut self, text: String, events: &mut Vec<Event>) {
        let part = begin(&mut self.text, &mut self.parts);
        let kind = PartKind::Text { text: String::new(), citations: Vec::new() };
        self.grow(part, kind, Delta::Text(text), events);
    }

    fn annotations(&mut self, delta: &mut Fields, events: &mut Vec<Event>) -> Result<(), DecodeError> {
        for citation in parts::citations(delta)? {
            let part = begin(&mut self.text, &mut self.parts);
            let kind = PartKind::Text { text: String::new(), citations: Vec::new() };
            self.grow(part, kind, Delta::Citation(citation), events);
        }
        Ok(())
    }

    fn calls(&mut self, delta: &mut Fields, events: &mut Vec<Event>) -> Result<(), DecodeError> {
        let mut rests = Vec::new();
        for item in delta.list("tool_calls")?.unwrap_or_default() {
            let mut call = delta.beneath(item, "tool_calls")?;
            if !self.call(&mut call, events)? {
                delta.lack(CALL_TYPE);
            }
            rests.push(call.rest_json());
        }
        if rests.iter().any(|rest| rest.as_object().is_some_and(|rest| !rest.is_empty())) {
            delta.put_back("tool_calls", Json::Array(rests));
        }
        Ok(())
    }

    /// A call begins where its number is new, or where a server that does not number its calls, or numbers them all
    /// alike, gives a new id or begins anew. Says whether its first entry names its type.
    fn call(&mut self, fields: &mut Fields, events: &mut Vec<Event>) -> Result<bool, DecodeError> {
        let number = fields.peek("index").and_then(Json::as_u64);
        let id = fields.peek_str("id").unwrap_or_default().to_owned();
        let (inner, key) =
            if fields.peek("custom").is_some() { ("custom", "input") } else { ("function", "arguments") };
        let said =
            |key: &str| fields.peek(inner).and_then(|inner| inner.get(key)).and_then(Json::as_str).unwrap_or_default();
        let known = match number {
            Some(number) => self
                .calls
                .iter()
                .rposition(|call| call.number == number && (id.is_empty() || call.id.is_empty() || call.id == id)),
            None => self.calls.iter().rposition(|call| id.is_empty() || call.id == id),
        };
        let known = known.filter(|place| {
            self.calls.get(*place).is_some_and(|call| !call.is_over(&id, said("name"), !said(key).trim().is_empty()))
        });
        let (place, typed) = match known {
            Some(place) => {
                self.name_call(place, &id, inner, fields, events)?;
                (place, true)
            }
            None => self.begin_call(fields, number, id, events)?,
        };
        if let Some(text) = fields.nested(inner, |function| function.string(key))?
            && let Some(call) = self.calls.get_mut(place)
        {
            call.argued |= !text.is_empty();
            call.progress.feed(&text);
            events.push(Event::PartGrew { choice: self.index, part: call.part, delta: Delta::Arguments(text) });
        }
        Ok(typed)
    }

    /// What names a call may come after its beginning. What says it again stays with its own dialect.
    fn name_call(
        &mut self,
        place: usize,
        id: &str,
        inner: &'static str,
        fields: &mut Fields,
        events: &mut Vec<Event>,
    ) -> Result<(), DecodeError> {
        let Some(call) = self.calls.get_mut(place) else { return Ok(()) };
        let (choice, part) = (self.index, call.part);
        if call.id.is_empty() && !id.is_empty() {
            fields.take("id");
            id.clone_into(&mut call.id);
            events.push(Event::PartGrew { choice, part, delta: Delta::CallId(id.to_owned()) });
        }
        let more = fields.peek(inner).and_then(|inner| inner.get("name")).and_then(Json::as_str).unwrap_or_default();
        if more.is_empty() || more == call.name {
            return Ok(());
        }
        if let Some(more) = fields.nested(inner, |function| function.text("name"))? {
            call.name.push_str(&more);
            events.push(Event::PartGrew { choice, part, delta: Delta::CallName(more) });
        }
        Ok(())
    }

    fn begin_call(
        &mut self,
        fields: &mut Fields,
        number: Option<u64>,
        id: String,
        events: &mut Vec<Event>,
    ) -> Result<(usize, bool), DecodeError> {
        let custom = fields.peek_str("type") == Some("custom");
        if !id.is_empty() {
            fields.take("id");
        }
        let word = if custom { "custom" } else { "function" };
        let typed = fields.peek_str("type") == Some(word);
        if typed {
            fields.take("type");
        }
        let name = fields.nested(word, |function| function.text("name"))?.unwrap_or_default();
        let kind = if custom { ToolCallKind::Custom } else { ToolCallKind::Function };
        let part = self.parts;
        self.parts += 1;
        let number = number.unwrap_or(self.calls.len() as u64);
        let (argued, progress) = (false, Progress::default());
        self.calls.push(Call { number, id: id.clone(), name: name.clone(), part, argued, progress });
        let call = ToolCall { id, name, arguments: String::new(), kind };
        let content = Part::new(PartKind::ToolCall(call));
        events.push(Event::PartStarted { choice: self.index, part, content });
        Ok((self.calls.len() - 1, typed))
    }
}

impl Call {
    /// Whether an entry under its number begins another call: servers that give no ids show it by a name where
    /// arguments have come already. Some say the same name again with each piece of one call.
    fn is_over(&self, id: &str, name: &str, arguments: bool) -> bool {
        let same = !id.is_empty() && id == self.id;
        let named = !self.name.is_empty() && !name.is_empty();
        !same && self.argued && named && (name != self.name || (arguments && self.progress.whole()))
    }
}

/// What a frame lacks whose calls begin without naming their type.
pub(super) const CALL_TYPE: &str = "type of a call";
/// What a frame lacks whose choices have no number.
pub(super) const CHOICE_INDEX: &str = "index of a choice";

/// The open part of a slot, or a new one; says which.
fn begin(slot: &mut Option<u32>, parts: &mut u32) -> (u32, bool) {
    match slot {
        Some(part) => (*part, false),
        None => {
            let part = *parts;
            *slot = Some(part);
            *parts += 1;
            (part, true)
        }
    }
}

/// What one part of a streamed `content` list says: whether it thinks, and the words.
fn thinking_delta(item: &Json<'_>) -> Option<(bool, String)> {
    match item.get("type").and_then(Json::as_str)? {
        "text" => Some((false, item.get("text").and_then(Json::as_str)?.to_owned())),
        "thinking" => match item.get("thinking")? {
            Json::Array(list) if list.is_empty() => Some((true, String::new())),
            list => Some((true, parts::thinking_text(list)?)),
        },
        _ => None,
    }
}

fn thinking_rest(mut item: Json<'_>) -> Json<'_> {
    if let Json::Object(members) = &mut item {
        let empty = |list: &Json<'_>| list.as_array().is_some_and(Vec::is_empty);
        members.retain(|(key, value)| key != "text" && (key != "thinking" || empty(value)));
    }
    item
}

/// Looks at forwarded chunks: each must be JSON, and the stream must say that it ends.
pub(super) struct Watch {
    ending: StreamEnding,
    begun: bool,
    stopped: bool,
    ended: bool,
}

impl Watch {
    pub(super) const fn new(variant: &Variant) -> Self {
        Self { ending: variant.stream_ending, begun: false, stopped: false, ended: false }
    }
}

static FINISH: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("\"finish_reason\""));

impl StreamWatch for Watch {
    fn look(&mut self, name: Option<&[u8]>, data: &[u8]) -> Result<(), DecodeError> {
        let data = data.trim_ascii();
        if data == wire::DONE.as_bytes() {
            if !self.begun && !self.ended {
                return Err(DecodeError::Sequence { what: "an end before anything was said" });
            }
            self.ended = true;
            return Ok(());
        }
        self.ended |= name == Some(b"error");
        let scanned = crate::scan::fields_of(data)?;
        for field in scanned {
            match field.key {
                b"error" if field.value != b"null" => self.ended = true,
                b"choices" if !self.begun || (!self.stopped && self.ending == StreamEnding::StopReason) => {
                    self.begun |= field.value.contains(&b'{');
                    self.stopped |= FINISH.find_iter(field.value).any(|at| {
                        let behind = at + FINISH.needle().len();
                        let rest = field.value.get(behind..).unwrap_or_default().trim_ascii_start();
                        rest.strip_prefix(b":").is_some_and(|rest| rest.trim_ascii_start().starts_with(b"\""))
                    });
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn complete(&self) -> bool {
        self.ended || (self.stopped && self.ending == StreamEnding::StopReason)
    }
}
