//! Whole answers.

use super::parts_out::{Writer, citing};
use super::{parts, usage, wire};
use crate::arguments::{input_of, input_value};
use crate::fields::Fields;
use crate::render::{ExtrasWriter, Object};
use crate::{DecodeError, Encoded, Json, call_id, carried, seal};
use serde_json::Value;
use switchtower_domain::{
    Answer, AnswerHead, Choice, DialectId, Extras, Part, PartKind, Reasoning, Source, Stop, StopReason, ToolCallKind,
};

/// What is about the server, or told for the provider's own records.
const ABOUT: [&str; 2] = ["metrics", "performanceConfig"];

pub(super) fn decode(body: Json<'_>) -> Result<Answer, DecodeError> {
    let mut fields = Fields::tolerant(body, "")?;
    if !fields.peek("output").and_then(|output| output.get("message")).is_some_and(Json::is_object) {
        return Err(DecodeError::Missing { path: "output.message".to_owned() });
    }
    let parts = fields.nested("output", |output| {
        output.nested("message", |message| {
            message.constant("role", "assistant");
            parts::list(message, "content")
        })
    })?;
    let stop = fields.string("stopReason")?.map(|word| wire::stop(&word));
    let usage = usage::decode(&mut fields)?;
    let head = AnswerHead { service_tier: tier(&mut fields)?, ..AnswerHead::default() };
    let choice =
        Choice { index: 0, parts, plain: false, stop, logprobs: None, filters: Vec::new(), extras: Extras::none() };
    Ok(Answer {
        origin: DialectId::BedrockConverse,
        head,
        choices: vec![choice],
        usage,
        prompt_filters: Vec::new(),
        extras: fields.rest().restating(&ABOUT),
    })
}

/// The class of service that served the answer.
pub(super) fn tier(fields: &mut Fields) -> Result<Option<String>, DecodeError> {
    fields.nested("serviceTier", |tier| tier.string("type"))
}

pub(super) fn encode(answer: &Answer) -> Encoded {
    let same = answer.origin == DialectId::BedrockConverse;
    let mut out = ExtrasWriter { from: answer.origin, same, hints: &[], notices: Vec::new() };
    let mut body = Object::new();
    let mut message = Object::new();
    let other_role = answer.extras.get("output").is_some_and(|output| output.pointer("/message/role").is_some());
    if !(same && (other_role || answer.extras.lacks("role"))) {
        message.set("role", "assistant");
    }
    let [choice, others @ ..] = answer.choices.as_slice() else {
        body.set("output", Object::new().with("message", message.with("content", Vec::<Value>::new())));
        out.write(&answer.extras, "", &mut body);
        return Encoded { body: body.into(), notices: out.notices };
    };
    for other in others {
        out.meaning(format!("choices[{}]", other.index), "an answer has one choice in the client's dialect");
    }
    let content = if same {
        Writer { out: &mut out, documents: &mut 0 }.list(choice.parts.iter())
    } else {
        let (name, mut calls) = (answer.head.id.as_deref().unwrap_or_default(), 0);
        let mut told = Vec::new();
        for part in &choice.parts {
            told.extend(said(part, answer.origin, (name, calls), &mut out).map(Value::from));
            calls += usize::from(matches!(part.kind, PartKind::ToolCall(_)));
        }
        if choice.logprobs.is_some() {
            out.hint(format!("choices[{}].logprobs", choice.index), "has no place in the client's dialect");
        }
        if !choice.filters.is_empty() || !answer.prompt_filters.is_empty() {
            out.hint("content_filter_results", "verdicts of a content filter have no place in the client's dialect");
        }
        out.name(&choice.extras, format!("choices[{}]", choice.index));
        told
    };
    if !content.is_empty() || !same {
        message.set("content", content);
    }
    body.set("output", Object::new().with("message", message));
    if same {
        body.maybe("stopReason", choice.stop.as_ref().map(|stop| wire::stop_word(stop, true)));
        body.maybe("usage", answer.usage.as_ref().map(|report| usage::encode(report, true)));
        body.maybe("serviceTier", answer.head.service_tier.as_deref().map(Object::typed));
    } else {
        body.set("stopReason", reason(choice.stop.as_ref(), &choice.parts));
        if answer.usage.as_ref().is_none_or(|usage| usage.input.is_none() || usage.output.is_none()) {
            out.hint("usage", "was not reported; the zeros stand for what is not known");
        }
        if answer.usage.as_ref().is_some_and(|usage| usage.reasoning.is_some()) {
            out.hint("usage", "tokens of reasoning are counted with the output and not apart");
        }
        body.set("usage", usage::or_nothing(answer.usage.as_ref()));
        // Clients read the field without asking whether it is there.
        body.set("metrics", Object::new().with("latencyMs", 0));
        out.hint("metrics", "was not measured; the zero stands for what is not known");
    }
    out.write(&answer.extras, "", &mut body);
    Encoded { body: body.into(), notices: out.notices }
}

/// The word for why another dialect's answer ended, which its parts may tell more closely.
pub(super) fn reason(stop: Option<&Stop>, parts: &[Part]) -> Value {
    let calls = parts.iter().any(|part| matches!(part.kind, PartKind::ToolCall(_)));
    if parts.iter().any(|part| matches!(part.kind, PartKind::Refusal { .. })) {
        return Value::from("content_filtered");
    }
    // A server that does not say why it stopped has stopped for its calls, if there are any.
    let unsaid = Stop::new(if calls { StopReason::ToolUse } else { StopReason::EndTurn });
    let stop = stop.unwrap_or(&unsaid);
    Value::from(wire::stop_word(stop, false))
}

/// One part of another dialect's answer, as a client of this dialect expects it.
fn said(part: &Part, origin: DialectId, place: (&str, usize), out: &mut ExtrasWriter<'_>) -> Option<Object> {
    match &part.kind {
        PartKind::Text { text, .. } if text.is_empty() => None,
        PartKind::Text { text, citations } if !citations.is_empty() => Some(citing(text, citations, false, false)),
        PartKind::Text { text, .. } | PartKind::Refusal { text } => Some(Object::new().with("text", text.as_str())),
        PartKind::Reasoning(reasoning) => thought(reasoning, origin),
        // The id goes back to the provider with the result: it stays as the provider gave it.
        PartKind::ToolCall(call) => {
            let mut tool_use = Object::new().with("toolUseId", call_id::told(call, place.0, place.1));
            tool_use.set("name", call.name.as_str());
            let input: Value = match call.kind {
                ToolCallKind::Custom => Object::new().with("input", call.arguments.as_str()).into(),
                ToolCallKind::Function => {
                    if !input_value(&call.arguments).is_some_and(|input| input.is_object()) {
                        out.meaning(part.at.path(), "arguments that are no JSON object are carried as text within one");
                    }
                    input_of(&call.arguments)
                }
            };
            tool_use.set("input", input);
            Some(Object::new().with("toolUse", tool_use))
        }
        PartKind::Media(media) if matches!(media.source, Source::File(_) | Source::Url(_)) => {
            out.meaning(part.at.path(), "what stands elsewhere has no place in the client's dialect");
            None
        }
        _ => Writer { out, documents: &mut 0 }.block(part),
    }
}

/// What a client gives back with a thought: what its dialect needs to take it back, or the seal as it is.
pub(super) fn seal_of(reasoning: &Reasoning, origin: DialectId) -> Option<String> {
    if crate::dialect(origin).carries_reasoning() {
        return carried::wrap(reasoning, origin);
    }
    reasoning.signature.clone().or_else(|| reasoning.sealed.clone()).filter(|seal| !seal.is_empty())
}

/// A thought that is sealed and nothing else. Clients decode it as base64.
pub(super) fn redacted(seal: String) -> Object {
    use base64::Engine as _;
    let bytes = base64::engine::general_purpose::STANDARD;
    let seal = if carried::is_carried(&seal) { seal::written(seal) } else { bytes.encode(seal) };
    Object::new().with("redactedContent", seal)
}

fn thought(reasoning: &Reasoning, origin: DialectId) -> Option<Object> {
    if reasoning.restated {
        return None;
    }
    let text = reasoning.text.as_deref().or(reasoning.summary.as_deref());
    let seal = seal_of(reasoning, origin);
    let content = match (text, seal) {
        (None, None) => return None,
        (None, Some(seal)) => redacted(seal),
        (Some(text), seal) => {
            let mut spoken = Object::new().with("text", text);
            spoken.maybe("signature", seal);
            Object::new().with("reasoningText", spoken)
        }
    };
    Some(Object::new().with("reasoningContent", content))
}
