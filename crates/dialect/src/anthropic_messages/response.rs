//! Whole answers.

use super::{blocks, usage, wire};
use crate::fields::Fields;
use crate::render::{ExtrasWriter, Object};
use crate::{DecodeError, Encoded, Json, call_id, carried, content};
use serde_json::Value;
use switchtower_domain::{Answer, AnswerHead, Choice, DialectId, Extras, Part, PartKind, Reasoning, Stop, StopReason};

pub(super) fn decode(body: Json<'_>) -> Result<Answer, DecodeError> {
    let mut fields = Fields::tolerant(body, "")?;
    if !fields.peek("content").is_some_and(Json::is_array) {
        return Err(DecodeError::Missing { path: "content".to_owned() });
    }
    fields.constant("type", "message");
    fields.constant("role", "assistant");
    let head = head(&mut fields)?;
    let (parts, plain) = content::read(&mut fields, "content", blocks::block)?;
    let stop = stop(&mut fields)?;
    let usage = usage::decode(&mut fields)?;
    let choice = Choice { index: 0, parts, plain, stop, logprobs: None, filters: Vec::new(), extras: Extras::none() };
    Ok(Answer {
        origin: DialectId::AnthropicMessages,
        head,
        choices: vec![choice],
        usage,
        prompt_filters: Vec::new(),
        extras: fields.rest(),
    })
}

pub(super) fn head(fields: &mut Fields) -> Result<AnswerHead, DecodeError> {
    Ok(AnswerHead { id: fields.string("id")?, model: fields.string("model")?, ..AnswerHead::default() })
}

pub(super) fn stop(fields: &mut Fields) -> Result<Option<Stop>, DecodeError> {
    let Some(word) = fields.string("stop_reason")? else {
        return Ok(None);
    };
    Ok(Some(Stop { sequence: fields.string("stop_sequence")?, ..Stop::new(wire::stop_reason(&word)) }))
}

pub(super) fn encode(answer: &Answer) -> Encoded {
    let same = answer.origin == DialectId::AnthropicMessages;
    let mut out = ExtrasWriter { from: answer.origin, same, hints: &[], notices: Vec::new() };
    let mut body = Object::new();
    body.maybe("id", answer.head.id.clone());
    body.constant("type", "message", &answer.extras);
    body.constant("role", "assistant", &answer.extras);
    body.maybe("model", answer.head.model.clone());
    let [choice, others @ ..] = answer.choices.as_slice() else {
        body.set("content", Vec::<Value>::new());
        out.write(&answer.extras, "", &mut body);
        return Encoded { body: body.into(), notices: out.notices };
    };
    for other in others {
        out.meaning(format!("choices[{}]", other.index), "an answer has one choice in the client's dialect");
    }
    if same {
        blocks::set_content(&mut body, choice.parts.iter(), choice.plain, &mut out);
    } else {
        let name = answer.head.id.as_deref().unwrap_or_default();
        let mut calls = 0;
        let mut told = |part: &Part| {
            let place = calls;
            calls += usize::from(is_call(part));
            said(part, answer.origin, (name, place), &mut out)
        };
        let content: Vec<Value> = choice.parts.iter().filter_map(&mut told).collect();
        body.set("content", content);
        if choice.logprobs.is_some() {
            out.hint(format!("choices[{}].logprobs", choice.index), "has no place in the client's dialect");
        }
        if !choice.filters.is_empty() || !answer.prompt_filters.is_empty() {
            out.hint("content_filter_results", "verdicts of a content filter have no place in the client's dialect");
        }
        out.name(&choice.extras, format!("choices[{}]", choice.index));
    }
    match &choice.stop {
        Some(stop) => {
            body.set("stop_reason", wire::stop_word(&reason(stop, &choice.parts, same), same));
            body.maybe("stop_sequence", stop.sequence.clone());
        }
        None if same => {}
        None => body.set("stop_reason", "end_turn"),
    }
    if same {
        body.maybe("usage", answer.usage.as_ref().map(|report| usage::encode(report, true)));
    } else {
        if !body.contains("stop_sequence") {
            body.set("stop_sequence", Value::Null);
        }
        if answer.usage.as_ref().is_none_or(|usage| usage.input.is_none() || usage.output.is_none()) {
            out.hint("usage", "was not reported; the zeros stand for what is not known");
        }
        body.set("usage", usage::or_nothing(answer.usage.as_ref()));
    }
    out.write(&answer.extras, "", &mut body);
    Encoded { body: body.into(), notices: out.notices }
}

/// A refusal in words is a refusal, whatever reason another dialect gave for stopping.
pub(super) fn reason(stop: &Stop, parts: &[Part], same: bool) -> StopReason {
    let refused = !same && parts.iter().any(|part| matches!(part.kind, PartKind::Refusal { .. }));
    if refused { StopReason::Refusal } else { stop.reason.clone() }
}

/// One part of another dialect's answer as a block.
fn said(part: &Part, origin: DialectId, place: (&str, usize), out: &mut ExtrasWriter<'_>) -> Option<Value> {
    match &part.kind {
        PartKind::Text { text, .. } if text.is_empty() => None,
        PartKind::Refusal { text } => Some(Object::typed("text").with("text", text.as_str()).into()),
        PartKind::Reasoning(reasoning) => thinking(reasoning, origin).map(Value::from),
        // The id goes back to the provider with the result: it stays as the provider gave it.
        PartKind::ToolCall(call) => {
            Some(blocks::tool_use_of(call, call_id::told(call, place.0, place.1), part, out).into())
        }
        _ => blocks::block_object(part, out).map(Value::from),
    }
}

pub(super) const fn is_call(part: &Part) -> bool {
    matches!(part.kind, PartKind::ToolCall(_))
}

/// Reasoning of another provider, as a client of this dialect expects it: with a signature, which is empty where
/// there is none.
pub(super) fn thinking(reasoning: &Reasoning, origin: DialectId) -> Option<Object> {
    if reasoning.restated {
        return None;
    }
    let text = reasoning.text.as_deref().or(reasoning.summary.as_deref());
    if crate::dialect(origin).carries_reasoning() {
        let seal = carried::wrap(reasoning, origin);
        return match (text, seal) {
            (None, None) => None,
            (None, Some(seal)) => Some(Object::typed("redacted_thinking").with("data", seal)),
            (Some(text), seal) => {
                Some(Object::typed("thinking").with("thinking", text).with("signature", seal.unwrap_or_default()))
            }
        };
    }
    if let Some(data) = &reasoning.sealed {
        return Some(Object::typed("redacted_thinking").with("data", data.as_str()));
    }
    let signature = reasoning.signature.as_deref().unwrap_or_default();
    Some(Object::typed("thinking").with("thinking", text?).with("signature", signature))
}
