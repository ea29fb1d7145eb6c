//! Whole answers.

use super::parts::Side;
use super::{items, parts, usage, wire};
use crate::fields::Fields;
use crate::render::{ExtrasWriter, Object};
use crate::{DecodeError, Encoded, Json, carried, logprobs};
use serde_json::{Map, Value, json};
use switchtower_domain::{
    Answer, AnswerHead, Choice, CitationKind, DialectId, Extras, LogProbs, Part, PartKind, Reasoning, Stop, StopReason,
    TokenLogProb, ToolCall, ToolCallKind,
};

/// What an answer restates of its request, and what its typed values say too.
const RESTATED: &[&str] = &[
    "output",
    "output_text",
    "status",
    "background",
    "completed_at",
    "conversation",
    "frequency_penalty",
    "incomplete_details",
    "instructions",
    "max_output_tokens",
    "max_tool_calls",
    "metadata",
    "parallel_tool_calls",
    "presence_penalty",
    "previous_response_id",
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
    "reasoning",
    "safety_identifier",
    "store",
    "temperature",
    "text",
    "tool_choice",
    "tools",
    "top_logprobs",
    "top_p",
    "truncation",
    "user",
];

/// What a part of an answer restates: ids and states of items, which are of use to this dialect only.
const PART_RESTATED: &[&str] = &["type", "summary", "content", "id", "status", "phase", "annotations", "logprobs"];

pub(super) fn decode(body: Json<'_>) -> Result<Answer, DecodeError> {
    let mut fields = Fields::tolerant(body, "")?;
    if !fields.peek("output").is_some_and(Json::is_array) {
        return Err(DecodeError::Missing { path: "output".to_owned() });
    }
    fields.constant("object", wire::OBJECT);
    let head = head(&mut fields)?;
    let usage = usage::decode(&mut fields)?;
    let mut said = Vec::new();
    let mut tokens = Vec::new();
    let mut shells = Vec::new();
    for (index, mut item) in fields.list("output")?.unwrap_or_default().into_iter().enumerate() {
        if items::is_message(item.get("type")) {
            take_logprobs(&mut item, &mut tokens);
        }
        let at = switchtower_domain::Locus::const_default().element("output", index);
        let (parts, shell) = part_of(fields.beneath(item, at.path())?, at)?;
        said.extend(parts);
        shells.push(shell);
    }
    if !shells.is_empty() {
        fields.put_back("output", Value::Array(shells));
    }
    let stop = stop(&mut fields, said.iter().any(is_call))?;
    let logprobs = (!tokens.is_empty()).then(|| LogProbs { content: Some(tokens), ..LogProbs::default() });
    let choice =
        Choice { index: 0, parts: said, plain: false, stop, logprobs, filters: Vec::new(), extras: Extras::none() };
    Ok(Answer {
        origin: DialectId::OpenaiResponses,
        head,
        choices: vec![choice],
        usage,
        prompt_filters: Vec::new(),
        extras: fields.rest().restating(RESTATED),
    })
}

/// The parts of one item, and its shell: what of a message is not its parts, with a place for each of them.
fn part_of(fields: Fields, at: switchtower_domain::Locus) -> Result<(Vec<Part>, Value), DecodeError> {
    let message = items::is_message(fields.peek("type"));
    let role = fields.peek("role").cloned();
    let turn = items::item(fields, at)?;
    let mut shell: Map<String, Value> = Map::new();
    if message {
        shell.extend(turn.extras.fields().map(|(key, value)| (key.to_owned(), value.clone())));
        shell.extend(role.map(|role| ("role".to_owned(), role.into_value())));
        if turn.plain {
            shell.insert("content".to_owned(), Value::from(""));
        } else if !turn.parts.is_empty() {
            shell.insert("content".to_owned(), vec![Value::Object(Map::new()); turn.parts.len()].into());
        }
    }
    let parts = turn.parts.into_iter().map(|part| Part { extras: part.extras.restating(PART_RESTATED), ..part });
    Ok((parts.collect(), Value::Object(shell)))
}

const fn is_call(part: &Part) -> bool {
    matches!(part.kind, PartKind::ToolCall(_))
}

/// Takes the log-probabilities out of the texts of a message. What is left of each token stays in its place.
fn take_logprobs(item: &mut Json<'_>, tokens: &mut Vec<TokenLogProb>) {
    let Some(Json::Array(parts)) = item.get_mut("content") else { return };
    for part in parts {
        let is_text =
            part.get("type").is_some_and(|kind| kind == "output_text") && part.get("text").is_some_and(Json::is_string);
        let Some(list) = part.get_mut("logprobs").filter(|_| is_text) else { continue };
        let count = list.as_array().map_or(0, Vec::len);
        if count == 0 {
            continue;
        }
        let told = Fields::tolerant(Json::Object(vec![("logprobs".into(), list.clone())]), "");
        if let Some(found) = told.and_then(|mut told| logprobs::tokens(&mut told, "logprobs")).ok().flatten() {
            tokens.extend(found);
            *list = Json::Array(vec![Json::Object(Vec::new()); count]);
        }
    }
}

pub(super) fn head(fields: &mut Fields) -> Result<AnswerHead, DecodeError> {
    Ok(AnswerHead {
        id: fields.string("id")?,
        model: fields.string("model")?,
        created: fields.u64("created_at")?,
        service_tier: fields.string("service_tier")?,
        fingerprint: None,
    })
}

/// Why an answer ended. It says only that it is complete: one that calls tools has stopped for them.
pub(super) fn stop(fields: &mut Fields, calls: bool) -> Result<Option<Stop>, DecodeError> {
    let reason = match fields.peek_str("status") {
        Some("completed") if calls => StopReason::ToolUse,
        Some("completed") => StopReason::EndTurn,
        Some("incomplete") => match fields.nested("incomplete_details", |details| details.string("reason"))? {
            Some(word) => wire::stop_reason(&word),
            None => return Ok(None),
        },
        _ => return Ok(None),
    };
    fields.take("status");
    Ok(Some(Stop::new(reason)))
}

pub(super) fn encode(answer: &Answer) -> Encoded {
    let same = answer.origin == DialectId::OpenaiResponses;
    let mut out = ExtrasWriter {
        from: answer.origin,
        same,
        hints: &["billing", "moderation", "tool_usage"],
        notices: Vec::new(),
    };
    let body = if same { encode_same(answer, &mut out) } else { encode_other(answer, &mut out) };
    Encoded { body: body.into(), notices: out.notices }
}

fn encode_same(answer: &Answer, out: &mut ExtrasWriter<'_>) -> Object {
    let mut body = Object::new();
    write_head(&mut body, &answer.head, &answer.extras);
    let choice = answer.choices.iter().find(|choice| choice.index == 0);
    if let Some(stop) = choice.and_then(|choice| choice.stop.as_ref()) {
        write_stop(&mut body, stop);
    }
    let mut parts = choice.map(|choice| choice.parts.iter()).unwrap_or_default().peekable();
    let mut tokens = choice.and_then(|choice| choice.logprobs.as_ref()?.content.as_deref()).unwrap_or_default().iter();
    let mut output: Vec<Value> = Vec::new();
    let shells = answer.extras.get("output").and_then(Value::as_array);
    for shell in shells.into_iter().flatten() {
        let item = match shell.get("content") {
            Some(Value::String(_)) => {
                let text = parts.next().and_then(|part| items::plain_text(part));
                Object::new().with("content", text.unwrap_or_default())
            }
            Some(Value::Array(places)) => {
                let content: Vec<Value> = parts
                    .by_ref()
                    .take(places.len())
                    .filter_map(|part| said(part, &mut tokens, out))
                    .map(Value::from)
                    .collect();
                let mut message = Object::new();
                if !content.is_empty() {
                    message.set("content", content);
                }
                message
            }
            _ if shell.get("role").is_some() => Object::new(),
            _ => parts.next().and_then(|part| items::same_item(part, out)).unwrap_or_default(),
        };
        output.push(item.into());
    }
    // Parts that no shell has a place for are messages of their own.
    for part in parts {
        let own = items::same_item(part, out)
            .or_else(|| Some(Object::new().with("content", vec![Value::from(said(part, &mut tokens, out)?)])));
        output.extend(own.map(Value::from));
    }
    if !output.is_empty() {
        body.set("output", output);
    }
    body.maybe("usage", answer.usage.as_ref().map(|report| usage::encode(report, true)));
    answer.extras.overlay(body.map_mut());
    body
}

/// One text of a message with as many log-probabilities as it had.
fn said<'a>(
    part: &Part,
    tokens: &mut impl Iterator<Item = &'a TokenLogProb>,
    out: &mut ExtrasWriter<'_>,
) -> Option<Object> {
    let count = part.extras.get("logprobs").and_then(Value::as_array).map_or(0, Vec::len);
    let own: Vec<TokenLogProb> = tokens.by_ref().take(count).cloned().collect();
    let mut object = parts::part_object(part, Side::Output, out)?;
    if !own.is_empty() {
        object.set("logprobs", logprobs::encode_tokens(&own));
    }
    Some(object)
}

pub(super) fn write_head(body: &mut Object, head: &AnswerHead, extras: &Extras) {
    body.maybe("id", head.id.clone());
    body.constant("object", wire::OBJECT, extras);
    body.maybe("created_at", head.created);
    body.maybe("model", head.model.clone());
    body.maybe("service_tier", head.service_tier.clone());
}

pub(super) fn write_stop(body: &mut Object, stop: &Stop) {
    match wire::incomplete_word(&stop.reason) {
        Some(word) => {
            body.set("status", "incomplete");
            body.set("incomplete_details", Object::new().with("reason", word));
        }
        None => body.set("status", "completed"),
    }
}

fn encode_other(answer: &Answer, out: &mut ExtrasWriter<'_>) -> Object {
    let choice = answer.choices.first();
    for other in answer.choices.iter().skip(1) {
        out.meaning(format!("choices[{}]", other.index), "an answer has one choice in the client's dialect");
    }
    let name = id(&answer.head);
    let mut output: Vec<Value> = Vec::new();
    let mut message: Vec<Value> = Vec::new();
    let mut tokens = choice.and_then(|choice| choice.logprobs.as_ref()?.content.as_deref());
    for part in choice.iter().flat_map(|choice| &choice.parts) {
        let step = match &part.kind {
            PartKind::Reasoning(reasoning) => {
                reasoning_item(reasoning, answer.origin, &item_id("rs", &name, output.len()))
            }
            PartKind::ToolCall(call) => {
                out.name(&part.extras, &part.at);
                let place = output.len() + usize::from(!message.is_empty());
                Some(call_item(call, &call_id(call, &name, place), &item_id("fc", &name, place), "completed"))
            }
            PartKind::Text { text, .. } if text.is_empty() => continue,
            PartKind::Text { .. } | PartKind::Refusal { .. } => {
                let logprobs = if matches!(part.kind, PartKind::Text { .. }) { tokens.take() } else { None };
                message.extend(content(part, logprobs, out).map(Value::from));
                continue;
            }
            PartKind::ProviderItem(item) => {
                let path = format!("content ({})", item.kind);
                out.hint(path, "what a provider's own tool did has no place in the client's dialect");
                continue;
            }
            PartKind::Media(_) | PartKind::Document(_) | PartKind::ToolResult(_) | PartKind::Native { .. } => {
                out.meaning("content", "a part of the answer has no place in the client's dialect");
                continue;
            }
        };
        if let Some(step) = step {
            close(&mut message, &name, &mut output);
            output.push(step.into());
        }
    }
    close(&mut message, &name, &mut output);
    if let Some(choice) = choice {
        if !choice.filters.is_empty() || !answer.prompt_filters.is_empty() {
            out.hint("content_filter_results", "verdicts of a content filter have no place in the client's dialect");
        }
        out.name(&choice.extras, format!("choices[{}]", choice.index));
    }
    out.name(&answer.extras, "");
    if answer.usage.as_ref().is_none_or(|usage| usage.input.is_none() || usage.output.is_none()) {
        out.hint("usage", "was not reported");
    }
    let mut body = envelope(&answer.head, output);
    let ended = Stop::new(StopReason::EndTurn);
    write_stop(&mut body, choice.and_then(|choice| choice.stop.as_ref()).unwrap_or(&ended));
    if let Some(report) = &answer.usage {
        body.set("usage", usage::encode(report, false));
    }
    body
}

/// Ends a message that is under way.
fn close(message: &mut Vec<Value>, name: &str, output: &mut Vec<Value>) {
    if !message.is_empty() {
        let id = item_id("msg", name, output.len());
        output.push(message_item(&id, std::mem::take(message), "completed").into());
    }
}

/// A text of another dialect's answer.
pub(super) fn content(part: &Part, tokens: Option<&[TokenLogProb]>, out: &mut ExtrasWriter<'_>) -> Option<Object> {
    let mut part = part.clone();
    if let PartKind::Text { text, citations } = &mut part.kind {
        for citation in citations {
            if let CitationKind::Url { start: from @ None, end: to @ None, .. } = &mut citation.kind {
                // A citation of a block covers the block.
                (*from, *to) = (Some(0), Some(text.chars().count() as u64));
            }
        }
    }
    let mut object = parts::part_object(&part, Side::Output, out)?;
    if matches!(part.kind, PartKind::Text { .. }) {
        object.set("logprobs", logprobs::encode_tokens(tokens.unwrap_or_default()));
    }
    Some(object)
}

pub(super) fn message_item(id: &str, content: Vec<Value>, status: &str) -> Object {
    Object::typed(items::MESSAGE)
        .with("id", id)
        .with("status", status)
        .with("role", "assistant")
        .with("content", content)
}

/// A call of another dialect. Servers leave its id out now and then; a client needs one to name it again with the
/// result.
pub(super) fn call_item(call: &ToolCall, call_id: &str, id: &str, status: &str) -> Object {
    let (word, key) = match call.kind {
        ToolCallKind::Function => ("function_call", "arguments"),
        ToolCallKind::Custom => ("custom_tool_call", "input"),
    };
    let none = call.arguments.is_empty() && call.kind == ToolCallKind::Function && status == "completed";
    let arguments = if none { "{}" } else { call.arguments.as_str() };
    Object::typed(word)
        .with("id", id)
        .with("status", status)
        .with("call_id", call_id)
        .with("name", call.name.as_str())
        .with(key, arguments)
}

pub(super) fn call_id(call: &ToolCall, name: &str, place: usize) -> String {
    if call.id.is_empty() { item_id("call", name, place) } else { call.id.clone() }
}

/// Reasoning of another dialect, with what that dialect needs to take it back.
pub(super) fn reasoning_item(reasoning: &Reasoning, origin: DialectId, id: &str) -> Option<Object> {
    let words = reasoning.text.as_deref().or(reasoning.summary.as_deref()).filter(|words| !words.is_empty());
    let seal = crate::dialect(origin).carries_reasoning().then(|| carried::wrap(reasoning, origin)).flatten();
    if reasoning.restated || (words.is_none() && seal.is_none()) {
        return None;
    }
    let summary: Vec<Value> =
        words.into_iter().map(|words| Object::typed("summary_text").with("text", words).into()).collect();
    let mut item = Object::typed("reasoning").with("id", id).with("summary", summary);
    item.maybe("encrypted_content", seal);
    Some(item)
}

/// The id of an item that another dialect has no id for.
pub(super) fn item_id(prefix: &str, answer: &str, place: usize) -> String {
    format!("{prefix}_{}_{place}", answer.strip_prefix("resp_").unwrap_or(answer))
}

/// The id of another dialect's answer in the form that clients know.
pub(super) fn id(head: &AnswerHead) -> String {
    let id = head.id.as_deref().unwrap_or_default();
    if id.starts_with("resp_") { id.to_owned() } else { format!("resp_{id}") }
}

/// Everything about another dialect's answer that clients rely on, with what is usual where nothing is known.
pub(super) fn envelope(head: &AnswerHead, output: Vec<Value>) -> Object {
    Object::new()
        .with("id", id(head))
        .with("object", wire::OBJECT)
        .with("created_at", head.created.unwrap_or_default())
        .with("status", "in_progress")
        .with("background", false)
        .with("error", Value::Null)
        .with("incomplete_details", Value::Null)
        .with("instructions", Value::Null)
        .with("max_output_tokens", Value::Null)
        .with("metadata", Value::Object(Map::new()))
        .with("model", head.model.as_deref().unwrap_or_default())
        .with("output", output)
        .with("parallel_tool_calls", true)
        .with("previous_response_id", Value::Null)
        .with("reasoning", json!({"effort": null, "summary": null}))
        .with("service_tier", head.service_tier.clone())
        .with("store", false)
        .with("temperature", Value::Null)
        .with("text", json!({"format": {"type": "text"}}))
        .with("tool_choice", "auto")
        .with("tools", Vec::<Value>::new())
        .with("top_p", Value::Null)
        .with("truncation", "disabled")
        .with("usage", Value::Null)
        .with("user", Value::Null)
}
