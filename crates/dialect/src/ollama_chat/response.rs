//! Whole answers.

use super::{parts, time, wire};
use crate::fields::Fields;
use crate::render::{ExtrasWriter, Object};
use crate::{DecodeError, Encoded, Json, call_id, logprobs};
use serde_json::{Value, json};
use switchtower_domain::{
    Answer, AnswerHead, Choice, DialectId, Extras, LogProbs, Part, PartKind, Reasoning, Stop, Usage,
};

/// What is about the server, or restates what is told elsewhere.
const RESTATED: [&str; 6] =
    ["created_at", "total_duration", "load_duration", "prompt_eval_duration", "eval_duration", "message"];

pub(super) fn decode(body: Json<'_>) -> Result<Answer, DecodeError> {
    let mut fields = Fields::tolerant(body, "")?;
    if !fields.peek("message").is_some_and(Json::is_object) {
        return Err(DecodeError::Missing { path: "message".to_owned() });
    }
    let head = head(&mut fields)?;
    let parts = message(&mut fields)?;
    let stop = stop(&mut fields, has_calls(&parts))?;
    let usage = usage(&mut fields)?;
    let logprobs = probable(&mut fields)?;
    done(&mut fields);
    let choice = Choice { index: 0, parts, plain: true, stop, logprobs, filters: Vec::new(), extras: Extras::none() };
    Ok(Answer {
        origin: DialectId::OllamaChat,
        head,
        choices: vec![choice],
        usage,
        prompt_filters: Vec::new(),
        extras: rest(fields),
    })
}

/// What is left; a message that is left empty says nothing.
pub(super) fn rest(fields: Fields) -> Extras {
    let empty = |message: &Json<'_>| {
        message.as_object().is_some_and(|members| members.iter().all(|(_, value)| value.is_null() || *value == ""))
    };
    let silent = fields.peek("message").is_none_or(empty);
    let (restated, _) = RESTATED.split_at(if silent { RESTATED.len() } else { RESTATED.len() - 1 });
    fields.rest().restating(restated)
}

pub(super) fn head(fields: &mut Fields) -> Result<AnswerHead, DecodeError> {
    Ok(AnswerHead { model: fields.string("model")?, ..AnswerHead::default() })
}

pub(super) fn message(fields: &mut Fields) -> Result<Vec<Part>, DecodeError> {
    let named = fields.peek("message").and_then(|message| message.get("role")).is_some_and(|role| *role == "assistant");
    if !named {
        fields.lack("role");
    }
    fields.nested("message", |message| {
        if named {
            message.take("role");
        }
        parts::said(message)
    })
}

pub(super) fn has_calls(parts: &[Part]) -> bool {
    parts.iter().any(|part| matches!(part.kind, PartKind::ToolCall(_)))
}

pub(super) fn stop(fields: &mut Fields, calls: bool) -> Result<Option<Stop>, DecodeError> {
    Ok(fields.string("done_reason")?.map(|word| wire::stop(word, calls)))
}

pub(super) fn usage(fields: &mut Fields) -> Result<Option<Usage>, DecodeError> {
    let usage =
        Usage { input: fields.u64("prompt_eval_count")?, output: fields.u64("eval_count")?, ..Usage::default() };
    Ok(if usage.input.is_none() && usage.output.is_none() { None } else { Some(usage) })
}

pub(super) fn probable(fields: &mut Fields) -> Result<Option<LogProbs>, DecodeError> {
    let content = logprobs::tokens(fields, "logprobs")?;
    Ok(content.map(|content| LogProbs { content: Some(content), ..LogProbs::default() }))
}

/// Takes what says whether the answer is whole.
pub(super) fn done(fields: &mut Fields) -> bool {
    let done = fields.bool("done").ok().flatten();
    if done.is_none() {
        fields.lack("done");
    }
    done == Some(true)
}

pub(super) fn encode(answer: &Answer) -> Encoded {
    let same = answer.origin == DialectId::OllamaChat;
    let mut out = ExtrasWriter { from: answer.origin, same, hints: &[], notices: Vec::new() };
    let mut body = begun(&answer.head, same);
    let (choice, others) = answer.choices.split_first().map_or((None, &[][..]), |(first, rest)| (Some(first), rest));
    for other in others {
        out.meaning(format!("choices[{}]", other.index), "an answer has one choice in the client's dialect");
    }
    let id = answer.head.id.as_deref().unwrap_or_default();
    let parts = choice.map_or(&[][..], |choice| choice.parts.as_slice());
    let mut message = if same { own(parts.iter()) } else { foreign(parts, id, &mut out) };
    if !same || !answer.extras.lacks("role") && lies_bare(&answer.extras) {
        message.set("role", "assistant");
    }
    body.set("message", message);
    if !(same && answer.extras.lacks("done")) {
        body.set("done", true);
    }
    if let Some(choice) = choice {
        let reason = choice.stop.as_ref().map(|stop| word(stop, parts, same));
        body.maybe("done_reason", reason.or_else(|| (!same).then(|| "stop".to_owned())));
        let told = choice.logprobs.as_ref().and_then(|told| told.content.as_ref());
        body.maybe("logprobs", told.map(|content| logprobs::encode_tokens(content)));
        if !same && (!choice.filters.is_empty() || !answer.prompt_filters.is_empty()) {
            out.hint("content_filter_results", "verdicts of a content filter have no place in the client's dialect");
        }
        out.name(&choice.extras, format!("choices[{}]", choice.index));
    }
    let apart = |usage: &Usage| usage.cache_read.is_some() || usage.reasoning.is_some();
    if !same && answer.usage.as_ref().is_some_and(apart) {
        out.hint("usage", "tokens that were cached or thought are not counted apart in the client's dialect");
    }
    write_usage(&mut body, answer.usage.as_ref());
    out.write(&answer.extras, "", &mut body);
    Encoded { body: body.into(), notices: out.notices }
}

/// Whether no role of another kind was left.
pub(super) fn lies_bare(extras: &Extras) -> bool {
    extras.get("message").is_none_or(|message| message.get("role").is_none())
}

/// The beginning of an answer or of a piece of one.
pub(super) fn begun(head: &AnswerHead, same: bool) -> Object {
    let mut body = Object::new();
    body.maybe("model", head.model.clone().or_else(|| (!same).then(String::new)));
    if !same {
        body.set("created_at", time::written(head.created.unwrap_or_default()));
    }
    body
}

pub(super) fn write_usage(body: &mut Object, usage: Option<&Usage>) {
    body.maybe("prompt_eval_count", usage.and_then(|usage| usage.input));
    body.maybe("eval_count", usage.and_then(|usage| usage.output));
}

/// The word for why an answer ended. A refusal in words is a refusal, whatever reason another dialect gave.
pub(super) fn word(stop: &Stop, parts: &[Part], same: bool) -> String {
    let refused = !same && parts.iter().any(|part| matches!(part.kind, PartKind::Refusal { .. }));
    if refused { wire::FILTERED.to_owned() } else { wire::stop_word(stop, same).to_owned() }
}

/// A message of this dialect.
pub(super) fn own<'p>(parts: impl Iterator<Item = &'p Part>) -> Object {
    let mut message = Object::new();
    let (mut images, mut calls): (Vec<Value>, Vec<Value>) = (Vec::new(), Vec::new());
    for part in parts {
        match &part.kind {
            PartKind::Text { text, .. } => message.set("content", text.as_str()),
            PartKind::Reasoning(reasoning) => message.maybe("thinking", reasoning.text.clone()),
            PartKind::ToolCall(call) => calls.push(parts::own_call(call, part).into()),
            PartKind::Media(media) => {
                if let switchtower_domain::Source::Base64 { data, .. } = &media.source {
                    images.push(Value::from(data.as_str()));
                }
            }
            _ => {}
        }
    }
    for (key, list) in [("images", images), ("tool_calls", calls)] {
        if !list.is_empty() {
            message.set(key, list);
        }
    }
    message
}

/// Another dialect's message.
fn foreign(parts: &[Part], answer: &str, out: &mut ExtrasWriter<'_>) -> Object {
    let (mut text, mut thinking, mut calls) = (String::new(), String::new(), Vec::new());
    for part in parts {
        match &part.kind {
            PartKind::Text { text: more, citations } => {
                text.push_str(more);
                if !citations.is_empty() {
                    out.hint(part.at.beneath(out.terms().citations), "citations have no place in the client's dialect");
                }
            }
            PartKind::Refusal { text: more } => text.push_str(more),
            PartKind::Reasoning(reasoning) => match words(reasoning) {
                Some(words) => thinking.push_str(words),
                None => out.hint(part.at.path(), "sealed reasoning has no place in the client's dialect"),
            },
            PartKind::ToolCall(call) => match parts::foreign_call(call, &call_id::told(call, answer, calls.len())) {
                Some(call) => calls.push(Value::from(call)),
                None => out.meaning(part.at.path(), "arguments that are no JSON object cannot be carried"),
            },
            PartKind::ProviderItem(item) => out.hint(
                format!("content ({})", item.kind),
                "what a provider's own tool did has no place in the client's dialect",
            ),
            PartKind::Media(_) | PartKind::Document(_) | PartKind::ToolResult(_) | PartKind::Native { .. } => {
                out.meaning("content", "a part of the answer has no place in the client's dialect");
            }
        }
    }
    let mut message = Object::new().with("role", "assistant").with("content", text);
    if !thinking.is_empty() {
        message.set("thinking", thinking);
    }
    if !calls.is_empty() {
        message.set("tool_calls", json!(calls));
    }
    message
}

/// What another provider's model thought, in words.
pub(super) fn words(reasoning: &Reasoning) -> Option<&str> {
    reasoning.text.as_deref().or(reasoning.summary.as_deref()).filter(|_| !reasoning.restated)
}
