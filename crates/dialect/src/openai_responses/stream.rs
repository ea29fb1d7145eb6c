//! Streams: decoding. Encoding is in `stream_out.rs`.

use super::{items, parts, response, usage};
use crate::fields::Fields;
use crate::json::parse_event;
use crate::{DecodeError, Json, StreamDecoder, StreamWatch, WireEvent, logprobs, openai_error};
use serde_json::{Map, Value};
use switchtower_domain::{
    Delta, DialectId, Event, Extras, Frame, Locus, LogProbs, Part, PartKind, Reasoning, ToolCall, ToolCallKind,
};

/// What gateways that speak several dialects send after the end.
pub(super) const TRAILER: &str = "[DONE]";

/// Reads events.
///
/// Responses tells most things several times: in pieces, at the end of a piece, of an item, and of the answer. What
/// comes first is typed; what restates it stays with its own dialect.
#[derive(Default)]
pub(super) struct Decoder {
    parts: u32,
    open: Vec<Open>,
    calls: bool,
    ended: bool,
    failed: bool,
    /// Whether the present event brought what only a restating one should know.
    caught_up: bool,
}

/// A part that began.
struct Open {
    /// The number of its item.
    output: u64,
    /// Its number within a message; `None` where the part is the item.
    content: Option<u64>,
    part: u32,
    /// How many bytes of it came.
    came: usize,
    /// How many citations of it came.
    cited: usize,
    /// The number of the summary that is being told.
    summary: u64,
}

impl StreamDecoder for Decoder {
    fn decode(&mut self, event: &WireEvent) -> Result<Frame, DecodeError> {
        let frame =
            |events, extras| Frame { origin: DialectId::OpenaiResponses, name: event.name.clone(), events, extras };
        if (self.ended || self.failed) && event.data.trim() == TRAILER {
            let trailer = Event::Native { name: TRAILER.to_owned(), value: Value::Null };
            return Ok(frame(vec![trailer], Extras::none()));
        }
        if self.ended {
            return Err(DecodeError::Sequence { what: "something after the end" });
        }
        let body = parse_event(&event.data)?;
        let mut fields = Fields::tolerant(body, "")?;
        let kind = match fields.peek_str("type") {
            Some(kind) => kind.to_owned(),
            None if fields.peek("error").is_some_and(Json::is_object) => "error".to_owned(),
            None => return Err(DecodeError::Missing { path: "type".to_owned() }),
        };
        if kind == "error" {
            self.failed = true;
            let failure = openai_error::of_stream(fields.rest_map());
            return Ok(frame(vec![Event::Failed(failure)], Extras::none()));
        }
        let mut events = Vec::new();
        self.caught_up = false;
        self.step(&kind, &mut fields, &mut events)?;
        if events.is_empty() || restates(&kind) || self.caught_up {
            events.push(Event::Native { name: kind, value: Value::Object(fields.rest_map()) });
            return Ok(frame(events, Extras::none()));
        }
        Ok(frame(events, fields.rest()))
    }

    fn complete(&self) -> bool {
        self.ended || self.failed
    }
}

/// Events that only restate: what was missing before comes with them, and they stay whole.
fn restates(kind: &str) -> bool {
    matches!(
        kind,
        "response.output_text.done"
            | "response.refusal.done"
            | "response.function_call_arguments.done"
            | "response.custom_tool_call_input.done"
            | "response.reasoning_summary_part.added"
    )
}

impl Decoder {
    fn step(&mut self, kind: &str, fields: &mut Fields, events: &mut Vec<Event>) -> Result<(), DecodeError> {
        match kind {
            "response.created" => {
                events.push(Event::Started(fields.nested("response", |response| {
                    response.constant("object", super::wire::OBJECT);
                    response::head(response)
                })?));
            }
            "response.output_item.added" => self.item_added(fields, events)?,
            "response.content_part.added" => self.content_added(fields, events)?,
            "response.output_text.delta" => {
                self.delta(fields, "content_index", empty_text(), Delta::Text, events)?;
                self.logprobs(fields, events)?;
            }
            "response.refusal.delta" => {
                let empty = PartKind::Refusal { text: String::new() };
                self.delta(fields, "content_index", empty, Delta::Refusal, events)?;
            }
            "response.reasoning_summary_text.delta" => self.thought(fields, Delta::Summary, events)?,
            "response.reasoning_text.delta" => self.thought(fields, Delta::Reasoning, events)?,
            "response.reasoning_summary_part.added" => self.another_summary(fields, events),
            "response.function_call_arguments.delta" | "response.custom_tool_call_input.delta" => {
                let known = self.find(number(fields, "output_index"), None);
                if let Some(place) = known
                    && let Some(text) = fields.string("delta")?
                {
                    self.grow(place, &text, Delta::Arguments, events);
                }
            }
            "response.output_text.annotation.added" => self.annotation(fields, events)?,
            "response.output_text.done" => self.rest_of(fields, "text", Delta::Text, events),
            "response.refusal.done" => self.rest_of(fields, "refusal", Delta::Refusal, events),
            "response.function_call_arguments.done" => self.rest_of(fields, "arguments", Delta::Arguments, events),
            "response.custom_tool_call_input.done" => self.rest_of(fields, "input", Delta::Arguments, events),
            "response.content_part.done" => {
                let (output, content) = (number(fields, "output_index"), content_number(fields));
                if let (Some(place), Some(part)) = (self.find(output, content), fields.peek("part").cloned()) {
                    self.rest_of_part(place, &part, events)?;
                    events.extend(self.ended(place));
                }
            }
            "response.output_item.done" => self.item_done(fields, events)?,
            "response.completed" | "response.incomplete" => {
                self.ended = true;
                let whole = fields.peek("response").filter(|_| self.parts == 0).cloned();
                for (output, item) in (0..).zip(whole.iter().flat_map(items_of)) {
                    self.item_whole(output, item.clone(), events)?;
                }
                let calls = self.calls;
                let (usage, stop) = fields
                    .nested("response", |response| Ok((usage::decode(response)?, response::stop(response, calls)?)))?;
                events.extend(usage.map(Event::Usage));
                events.extend(stop.map(|stop| Event::Stopped { choice: 0, stop }));
                events.push(Event::Ended);
                if let Some(whole) = whole.filter(|_| self.parts > 0) {
                    self.caught_up = true;
                    fields.put_back("response", whole);
                }
            }
            "response.failed" | "response.cancelled" => {
                self.failed = true;
                let told = fields.peek("response").and_then(|response| response.get("error")).cloned();
                let told = told.filter(Json::is_object).map_or_else(|| Map::new().into(), Json::into_value);
                let mut failure = openai_error::of_stream([("error".to_owned(), told)].into_iter().collect());
                failure.extras = Extras::none();
                events.push(Event::Failed(failure));
            }
            _ => {}
        }
        Ok(())
    }

    fn find(&self, output: u64, content: Option<u64>) -> Option<usize> {
        self.open.iter().position(|open| (open.output, open.content) == (output, content))
    }

    fn begin(&mut self, output: u64, content: Option<u64>, part: Part, events: &mut Vec<Event>) -> usize {
        let came = match &part.kind {
            PartKind::Text { text, .. } | PartKind::Refusal { text } => text.len(),
            PartKind::ToolCall(call) => call.arguments.len(),
            _ => 0,
        };
        self.calls |= matches!(part.kind, PartKind::ToolCall(_));
        let number = self.parts;
        self.parts += 1;
        let cited = if let PartKind::Text { citations, .. } = &part.kind { citations.len() } else { 0 };
        self.open.push(Open { output, content, part: number, came, cited, summary: 0 });
        events.push(Event::PartStarted { choice: 0, part: number, content: part });
        self.open.len() - 1
    }

    fn grow(&mut self, place: usize, text: &str, delta: fn(String) -> Delta, events: &mut Vec<Event>) {
        if let Some(open) = self.open.get_mut(place) {
            open.came += text.len();
            events.push(Event::PartGrew { choice: 0, part: open.part, delta: delta(text.to_owned()) });
        }
    }

    fn ended(&self, place: usize) -> Option<Event> {
        self.open.get(place).map(|open| Event::PartEnded { choice: 0, part: open.part })
    }

    /// A piece of a text within a message. Servers that do not say where it begins begin it so.
    fn delta(
        &mut self,
        fields: &mut Fields,
        index: &str,
        empty: PartKind,
        delta: fn(String) -> Delta,
        events: &mut Vec<Event>,
    ) -> Result<(), DecodeError> {
        let (output, content) = (number(fields, "output_index"), Some(number(fields, index)));
        let Some(text) = fields.string("delta")? else { return Ok(()) };
        let place = match self.find(output, content) {
            Some(place) => place,
            None => self.begin(output, content, Part::new(empty), events),
        };
        self.grow(place, &text, delta, events);
        Ok(())
    }

    fn thought(
        &mut self,
        fields: &mut Fields,
        delta: fn(String) -> Delta,
        events: &mut Vec<Event>,
    ) -> Result<(), DecodeError> {
        let (output, summary) = (number(fields, "output_index"), number(fields, "summary_index"));
        let Some(text) = fields.string("delta")? else { return Ok(()) };
        let place = match self.find(output, None) {
            Some(place) => place,
            None => self.begin(output, None, Part::new(PartKind::Reasoning(Reasoning::default())), events),
        };
        self.next_summary(place, summary, events);
        self.grow(place, &text, delta, events);
        Ok(())
    }

    /// A further piece of a summary stands apart from the one before it. Servers that do not say where it begins show
    /// it by its number.
    fn another_summary(&mut self, fields: &Fields, events: &mut Vec<Event>) {
        if let Some(place) = self.find(number(fields, "output_index"), None) {
            self.next_summary(place, number(fields, "summary_index"), events);
        }
    }

    fn next_summary(&mut self, place: usize, summary: u64, events: &mut Vec<Event>) {
        let Some(open) = self.open.get_mut(place).filter(|open| open.summary != summary) else { return };
        open.summary = summary;
        if open.came > 0 {
            self.grow(place, items::BETWEEN, Delta::Summary, events);
        }
    }

    fn logprobs(&self, fields: &mut Fields, events: &mut Vec<Event>) -> Result<(), DecodeError> {
        let count = fields.peek("logprobs").and_then(Json::as_array).map_or(0, Vec::len);
        if count > 0
            && let Some(content) = logprobs::tokens(fields, "logprobs")?
        {
            fields.put_back("logprobs", Json::Array(vec![Json::Object(Vec::new()); count]));
            let logprobs = LogProbs { content: Some(content), ..LogProbs::default() };
            events.push(Event::LogProbs { choice: 0, logprobs });
        }
        Ok(())
    }

    fn annotation(&mut self, fields: &mut Fields, events: &mut Vec<Event>) -> Result<(), DecodeError> {
        let typed = fields.peek("annotation").is_some_and(|told| told.get("type").is_some_and(Json::is_string));
        let known = self.find(number(fields, "output_index"), content_number(fields));
        if let (true, Some(place)) = (typed, known)
            && let (Some(told), Some(open)) = (fields.take("annotation"), self.open.get_mut(place))
        {
            open.cited += 1;
            let citation = parts::citation(fields.beneath(told, "annotation")?)?;
            events.push(Event::PartGrew { choice: 0, part: open.part, delta: Delta::Citation(citation) });
        }
        Ok(())
    }

    /// What the pieces left out of a text that is told whole.
    fn rest_of(&mut self, fields: &Fields, key: &str, delta: fn(String) -> Delta, events: &mut Vec<Event>) {
        let content = if matches!(key, "text" | "refusal") { content_number(fields) } else { None };
        let Some(place) = self.find(number(fields, "output_index"), content) else { return };
        let came = self.open.get(place).map_or(0, |open| open.came);
        if let Some(rest) = fields.peek_str(key).and_then(|text| text.get(came..)).filter(|rest| !rest.is_empty()) {
            let rest = rest.to_owned();
            self.grow(place, &rest, delta, events);
        }
    }

    /// What neither pieces nor citations told of a text within a message that is told whole.
    fn rest_of_part(&mut self, place: usize, part: &Json<'_>, events: &mut Vec<Event>) -> Result<(), DecodeError> {
        let before = events.len();
        let (came, cited, number) = self.open.get(place).map_or((0, 0, 0), |open| (open.came, open.cited, open.part));
        let mut grow = |key: &str, delta: fn(String) -> Delta| {
            let whole = part.get(key).and_then(Json::as_str);
            if let Some(rest) = whole.and_then(|text| text.get(came..)).filter(|rest| !rest.is_empty()) {
                self.grow(place, rest, delta, events);
            }
        };
        grow("text", Delta::Text);
        grow("refusal", Delta::Refusal);
        let told = part.get("annotations").and_then(Json::as_array).map(Vec::as_slice).unwrap_or_default();
        for annotation in told.iter().skip(cited).filter(|told| told.get("type").is_some_and(Json::is_string)) {
            let citation = parts::citation(Fields::tolerant(annotation.clone(), "annotation")?)?;
            events.push(Event::PartGrew { choice: 0, part: number, delta: Delta::Citation(citation) });
        }
        if let Some(open) = self.open.get_mut(place) {
            open.cited = cited.max(told.len());
        }
        self.caught_up |= events.len() > before;
        Ok(())
    }

    fn content_added(&mut self, fields: &mut Fields, events: &mut Vec<Event>) -> Result<(), DecodeError> {
        let (output, content) = (number(fields, "output_index"), content_number(fields));
        let kind = fields.nested("part", |part| {
            Ok(match part.peek_str("type") {
                Some("output_text") => part.string("text")?.map(|text| PartKind::Text { text, citations: Vec::new() }),
                Some("refusal") => part.string("refusal")?.map(|text| PartKind::Refusal { text }),
                _ => None,
            })
        })?;
        if let Some(kind) = kind {
            self.begin(output, content, Part::new(kind), events);
        }
        Ok(())
    }

    fn item_added(&mut self, fields: &mut Fields, events: &mut Vec<Event>) -> Result<(), DecodeError> {
        let output = number(fields, "output_index");
        let kind = fields.nested("item", |item| {
            let (key, kind) = match item.peek_str("type") {
                Some("function_call") => ("arguments", ToolCallKind::Function),
                Some("custom_tool_call") => ("input", ToolCallKind::Custom),
                Some("reasoning") => {
                    let reasoning = Reasoning { id: item.string("id")?, ..Reasoning::default() };
                    return Ok(Some(PartKind::Reasoning(reasoning)));
                }
                _ => return Ok(None),
            };
            let (Some(id), Some(name)) = (item.string("call_id")?, item.string("name")?) else { return Ok(None) };
            let arguments = item.text(key)?.unwrap_or_default();
            Ok(Some(PartKind::ToolCall(ToolCall { id, name, arguments, kind })))
        })?;
        if let Some(kind) = kind {
            self.begin(output, None, Part::new(kind), events);
        }
        Ok(())
    }

    /// An item is whole: what of it did not come before comes with it.
    fn item_done(&mut self, fields: &mut Fields, events: &mut Vec<Event>) -> Result<(), DecodeError> {
        let output = number(fields, "output_index");
        let Some(item) = fields.peek("item").filter(|item| item.get("type").is_some_and(Json::is_string)).cloned()
        else {
            return Ok(());
        };
        let kind = item.get("type").and_then(Json::as_str).unwrap_or_default();
        match (kind, self.find(output, None)) {
            (items::MESSAGE, _) => self.message_done(output, &item, events)?,
            ("reasoning", Some(place)) => {
                let (came, part) = self.open.get(place).map_or((0, 0), |open| (open.came, open.part));
                let whole = items::item(fields.beneath(item, "item")?, Locus::at("item"))?;
                if let Some(PartKind::Reasoning(reasoning)) = whole.parts.first().map(|part| &part.kind) {
                    let words = [
                        reasoning.summary.clone().filter(|_| came == 0).map(Delta::Summary),
                        reasoning.text.clone().filter(|_| came == 0).map(Delta::Reasoning),
                    ];
                    let told = words.into_iter().flatten();
                    events.extend(told.map(|delta| Event::PartGrew { choice: 0, part, delta }));
                }
                if let Some(sealed) = fields.nested("item", |item| item.text("encrypted_content"))? {
                    events.push(Event::PartGrew { choice: 0, part, delta: Delta::Sealed(sealed) });
                }
                events.extend(self.ended(place));
            }
            ("function_call", Some(place)) => {
                self.rest_of_call(place, item.get("arguments"), events);
                events.extend(self.ended(place));
            }
            ("custom_tool_call", Some(place)) => {
                self.rest_of_call(place, item.get("input"), events);
                events.extend(self.ended(place));
            }
            (_, Some(place)) => events.extend(self.ended(place)),
            (_, None) => {
                let Some(item) = fields.take("item") else { return Ok(()) };
                self.item_at_once(output, fields.beneath(item, "item")?, events)?;
            }
        }
        Ok(())
    }

    /// An item of an answer of which nothing was told in pieces.
    fn item_whole(&mut self, output: u64, item: Json<'_>, events: &mut Vec<Event>) -> Result<(), DecodeError> {
        match item.get("type").and_then(Json::as_str) {
            Some(items::MESSAGE) => self.message_done(output, &item, events),
            Some(_) => self.item_at_once(output, Fields::tolerant(item, "item")?, events),
            None => Ok(()),
        }
    }

    fn item_at_once(&mut self, output: u64, item: Fields, events: &mut Vec<Event>) -> Result<(), DecodeError> {
        for part in items::item(item, Locus::at("item"))?.parts {
            let place = self.begin(output, None, part, events);
            events.extend(self.ended(place));
        }
        Ok(())
    }

    fn rest_of_call(&mut self, place: usize, whole: Option<&Json<'_>>, events: &mut Vec<Event>) {
        let came = self.open.get(place).map_or(0, |open| open.came);
        if let Some(rest) =
            whole.and_then(Json::as_str).and_then(|text| text.get(came..)).filter(|rest| !rest.is_empty())
        {
            self.grow(place, rest, Delta::Arguments, events);
        }
    }

    /// Texts of which no piece came, and the rest of those of which some did.
    fn message_done(&mut self, output: u64, item: &Json<'_>, events: &mut Vec<Event>) -> Result<(), DecodeError> {
        for (index, part) in (0..).zip(item.get("content").and_then(Json::as_array).into_iter().flatten()) {
            let content = Some(index);
            let word = part.get("type").and_then(Json::as_str).unwrap_or_default();
            if let Some(place) = self.find(output, content) {
                self.rest_of_part(place, part, events)?;
                continue;
            }
            let text = |key: &str| part.get(key).and_then(Json::as_str).filter(|text| !text.is_empty());
            let kind = match (word, text("text"), text("refusal")) {
                ("output_text", Some(text), _) => PartKind::Text { text: text.to_owned(), citations: Vec::new() },
                ("refusal", _, Some(text)) => PartKind::Refusal { text: text.to_owned() },
                _ => continue,
            };
            let place = self.begin(output, content, Part::new(kind), events);
            if part.get("annotations").and_then(Json::as_array).is_some_and(|told| !told.is_empty()) {
                self.rest_of_part(place, part, events)?;
            }
            events.extend(self.ended(place));
        }
        Ok(())
    }
}

/// The items of a whole answer.
fn items_of<'a, 'b>(response: &'b Json<'a>) -> std::slice::Iter<'b, Json<'a>> {
    response.get("output").and_then(Json::as_array).map(Vec::as_slice).unwrap_or_default().iter()
}

const fn empty_text() -> PartKind {
    PartKind::Text { text: String::new(), citations: Vec::new() }
}

/// A number of the event; servers leave out those that are 0.
fn number(fields: &Fields, key: &str) -> u64 {
    fields.peek(key).and_then(Json::as_u64).unwrap_or_default()
}

fn content_number(fields: &Fields) -> Option<u64> {
    Some(number(fields, "content_index"))
}

/// Looks at forwarded events: each must be JSON, and the stream must say that it ends.
#[derive(Default)]
pub(super) struct Watch {
    ended: bool,
}

impl StreamWatch for Watch {
    fn look(&mut self, name: Option<&[u8]>, data: &[u8]) -> Result<(), DecodeError> {
        if self.ended && data.trim_ascii() == TRAILER.as_bytes() {
            return Ok(());
        }
        let fields = crate::scan::fields_of(data.trim_ascii())?;
        let kind = fields.iter().find(|field| field.key == b"type").map(|field| field.value.trim_ascii());
        // Vendors leave the event's name out; its data has it too.
        let kind = kind.and_then(|kind| kind.strip_prefix(b"\"")?.strip_suffix(b"\"")).or(name).unwrap_or_default();
        self.ended |= ENDS.contains(&kind) || name == Some(b"error");
        Ok(())
    }

    fn complete(&self) -> bool {
        self.ended
    }
}

/// The events after which nothing comes.
const ENDS: [&[u8]; 5] =
    [b"response.completed", b"response.incomplete", b"response.failed", b"response.cancelled", b"error"];
