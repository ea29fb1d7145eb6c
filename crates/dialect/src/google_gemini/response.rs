//! Whole answers.

use super::{grounding, parts, usage, wire};
use crate::fields::Fields;
use crate::render::{ExtrasWriter, Object};
use crate::{DecodeError, Encoded, Json, carried, seal};
use serde_json::{Map, Value};
use switchtower_domain::{
    Answer, AnswerHead, Choice, DialectId, Extras, FilterVerdict, LogProbs, MediaKind, Part, PartKind, Reasoning,
    Source, Stop, StopReason, TokenLogProb,
};

/// What restates what is told elsewhere, or is about the server.
const RESTATED: [&str; 5] = ["groundingMetadata", "avgLogprobs", "citationMetadata", "content", "tokenCount"];
/// Marks the choice that stands for a prompt that was refused.
const NO_CANDIDATE: &str = "candidate";

pub(super) fn decode(body: Json<'_>) -> Result<Answer, DecodeError> {
    let mut fields = Fields::tolerant(body, "")?;
    let head = head(&mut fields)?;
    let usage = usage::decode(&mut fields)?;
    let candidates = fields.list("candidates")?;
    let blocked = fields.peek("promptFeedback").is_some_and(|feedback| feedback.get("blockReason").is_some());
    let choices = match candidates {
        Some(items) => {
            let read = items
                .into_iter()
                .enumerate()
                .map(|(place, item)| choice(fields.beneath(item, &format!("candidates[{place}]"))?, place));
            read.collect::<Result<_, _>>()?
        }
        None if blocked => vec![refused()],
        None if usage.is_some() => Vec::new(),
        None => return Err(DecodeError::Missing { path: "candidates".to_owned() }),
    };
    let extras = fields.rest().restating(&["createTime"]);
    Ok(Answer { origin: DialectId::GoogleGemini, head, choices, usage, prompt_filters: Vec::new(), extras })
}

pub(super) fn head(fields: &mut Fields) -> Result<AnswerHead, DecodeError> {
    Ok(AnswerHead { id: fields.string("responseId")?, model: fields.string("modelVersion")?, ..AnswerHead::default() })
}

/// A prompt that a filter refused has no candidate.
fn refused() -> Choice {
    Choice {
        index: 0,
        parts: Vec::new(),
        plain: false,
        stop: Some(Stop::new(StopReason::ContentFilter)),
        logprobs: None,
        filters: Vec::new(),
        extras: Extras::new(Map::new(), vec![NO_CANDIDATE.to_owned()]),
    }
}

fn choice(mut fields: Fields, place: usize) -> Result<Choice, DecodeError> {
    let index = match fields.u64("index")?.and_then(|index| u32::try_from(index).ok()) {
        Some(index) => index,
        None => {
            fields.lack("index");
            u32::try_from(place).unwrap_or(u32::MAX)
        }
    };
    let mut parts = content(&mut fields, false)?;
    if let Some(metadata) = fields.peek("groundingMetadata") {
        grounding::attach(&metadata.clone().into_value(), &mut parts);
    }
    let stop = stop(&mut fields, has_calls(&parts));
    let filters = filters(&mut fields)?;
    let logprobs = logprobs(&mut fields)?;
    let extras = fields.rest().restating(&RESTATED);
    Ok(Choice { index, parts, plain: false, stop, logprobs, filters, extras })
}

fn has_calls(parts: &[Part]) -> bool {
    parts.iter().any(|part| matches!(part.kind, PartKind::ToolCall(_)))
}

/// Whether parts are there for form's sake, as the last piece of a stream has them.
pub(super) fn say_nothing(parts: &[Json<'_>]) -> bool {
    let empty = |part: &Json<'_>| {
        let Json::Object(fields) = part else { return false };
        matches!(fields.as_slice(), [(name, text)] if name == "text" && *text == "")
    };
    parts.iter().all(empty)
}

/// Reads what a candidate says. Its role is always the same; another value stays, and absence is noted. In a `piece`,
/// parts that say nothing stay.
pub(super) fn content(candidate: &mut Fields, piece: bool) -> Result<Vec<Part>, DecodeError> {
    if candidate.peek("content").and_then(|content| content.get("role")).is_none_or(|role| role != "model") {
        candidate.lack("role");
    }
    candidate.nested("content", |content| {
        if content.peek_str("role") == Some("model") {
            content.any("role");
        }
        let mut read = Vec::new();
        if piece && content.peek("parts").and_then(Json::as_array).is_some_and(|parts| say_nothing(parts)) {
            return Ok(read);
        }
        let items = content.list("parts")?.unwrap_or_default();
        let list = content.at().child("parts");
        for (place, item) in items.into_iter().enumerate() {
            read.extend(parts::read(content.beneath_at(item, list.item(place))?, None)?);
        }
        Ok(read)
    })
}

/// Reads the reason for stopping, if it can be read.
pub(super) fn stop(fields: &mut Fields, calls: bool) -> Option<Stop> {
    let stop = fields.peek("finishReason").and_then(wire::stop)?;
    fields.any("finishReason");
    Some(if calls { wire::for_calls(stop) } else { stop })
}

/// Reads what the filter says, if all of it can be read.
pub(super) fn filters(fields: &mut Fields) -> Result<Vec<FilterVerdict>, DecodeError> {
    let readable = |rating: &Json<'_>| rating.get("category").is_some_and(Json::is_string);
    if !fields.peek("safetyRatings").and_then(Json::as_array).is_some_and(|list| list.iter().all(readable)) {
        return Ok(Vec::new());
    }
    let items = fields.list("safetyRatings")?.unwrap_or_default();
    let read = items.into_iter().map(|item| {
        let mut rating = fields.beneath(item, "safetyRatings")?;
        Ok(FilterVerdict {
            category: rating.required_string("category")?,
            filtered: rating.bool("blocked")?,
            severity: rating.string("probability")?,
            detected: None,
            extras: rating.rest(),
        })
    });
    read.collect()
}

pub(super) fn write_filters(filters: &[FilterVerdict]) -> Vec<Value> {
    let write = |verdict: &FilterVerdict| {
        let mut rating = Object::new().with("category", verdict.category.as_str());
        rating.maybe("probability", verdict.severity.clone());
        rating.maybe("blocked", verdict.filtered);
        verdict.extras.overlay(rating.map_mut());
        Value::from(rating)
    };
    filters.iter().map(write).collect()
}

/// Reads `logprobsResult`: the tokens that were chosen, and the likeliest at each place.
pub(super) fn logprobs(fields: &mut Fields) -> Result<Option<LogProbs>, DecodeError> {
    let tokens_are = |list: &Json<'_>| -> Option<usize> {
        let tokens = list.as_array()?;
        let token = |item: &Json<'_>| item.get("logProbability").is_some_and(Json::is_number);
        tokens.iter().all(token).then_some(tokens.len())
    };
    let readable = |result: &Json<'_>| {
        let chosen = result.get("chosenCandidates").and_then(tokens_are).filter(|chosen| *chosen > 0)?;
        let place = |top: &Json<'_>| {
            let lone = top.as_object().is_some_and(|top| top.len() == 1);
            top.get("candidates").and_then(tokens_are).filter(|_| lone).is_some()
        };
        match result.get("topCandidates") {
            None => Some(()),
            Some(tops) => tops.as_array().filter(|tops| tops.len() <= chosen && tops.iter().all(place)).map(|_| ()),
        }
    };
    if fields.peek("logprobsResult").and_then(readable).is_none() {
        return Ok(None);
    }
    fields.nested("logprobsResult", |result| {
        let mut content = tokens(result.list("chosenCandidates")?.unwrap_or_default(), result)?;
        let tops = result.list("topCandidates")?.unwrap_or_default();
        for (token, top) in content.iter_mut().zip(tops) {
            let mut top = result.beneath(top, "topCandidates")?;
            token.top = Some(tokens(top.list("candidates")?.unwrap_or_default(), &top)?);
        }
        Ok(Some(LogProbs { content: Some(content), ..LogProbs::default() }))
    })
}

fn tokens<'a>(items: Vec<Json<'a>>, around: &Fields<'a>) -> Result<Vec<TokenLogProb>, DecodeError> {
    let read = items.into_iter().map(|item| {
        let mut token = around.beneath_at(item, around.at().clone())?;
        Ok(TokenLogProb {
            token: token.expected_string("token")?,
            logprob: token.number("logProbability")?.unwrap_or_else(|| 0.into()),
            bytes: None,
            top: None,
            extras: token.rest().restating(&["tokenId"]),
        })
    });
    read.collect()
}

pub(super) fn write_logprobs(logprobs: &LogProbs, same: bool) -> Option<Object> {
    let content = logprobs.content.as_ref()?;
    let token = |token: &TokenLogProb| {
        let mut object = Object::new();
        if !(same && token.extras.lacks("token")) {
            object.set("token", token.token.as_str());
        }
        object.set("logProbability", Value::Number(token.logprob.clone()));
        if same {
            token.extras.overlay(object.map_mut());
        }
        Value::from(object)
    };
    let mut result = Object::new().with("chosenCandidates", content.iter().map(token).collect::<Vec<_>>());
    if content.iter().any(|token| token.top.is_some()) {
        let tops = content.iter().filter_map(|chosen| chosen.top.as_ref());
        let write = |top: &Vec<TokenLogProb>| {
            Value::from(Object::new().with("candidates", top.iter().map(token).collect::<Vec<_>>()))
        };
        result.set("topCandidates", tops.map(write).collect::<Vec<_>>());
    }
    Some(result)
}

pub(super) fn encode(answer: &Answer) -> Encoded {
    let same = answer.origin == DialectId::GoogleGemini;
    let mut out = ExtrasWriter { from: answer.origin, same, hints: &[], notices: Vec::new() };
    let mut body = Object::new();
    let candidates: Vec<Value> = answer
        .choices
        .iter()
        .filter(|choice| !(same && choice.extras.lacks(NO_CANDIDATE)))
        .map(|choice| candidate(choice, answer.origin, &mut out))
        .collect();
    if !candidates.is_empty() || !same {
        body.set("candidates", candidates);
    }
    body.maybe("usageMetadata", answer.usage.as_ref().map(|report| usage::encode(report, same)));
    body.maybe("modelVersion", answer.head.model.clone());
    body.maybe("responseId", answer.head.id.clone());
    if !same && !answer.prompt_filters.is_empty() {
        out.hint("prompt_filter_results", "verdicts on the prompt have no place in the client's dialect");
    }
    out.write(&answer.extras, "", &mut body);
    Encoded { body: body.into(), notices: out.notices }
}

fn candidate(choice: &Choice, origin: DialectId, out: &mut ExtrasWriter<'_>) -> Value {
    let mut candidate = Object::new();
    let mut content = Object::new();
    let parts = if out.same {
        parts::Writer { out, called: &[] }.write(choice.parts.iter())
    } else {
        choice.parts.iter().flat_map(|part| said(part, origin, out)).collect()
    };
    if !parts.is_empty() || !out.same {
        content.set("parts", parts);
    }
    if !(out.same && choice.extras.lacks("role")) {
        content.set("role", "model");
    }
    candidate.nested("content", content);
    let stop = choice.stop.as_ref();
    candidate.maybe(
        "finishReason",
        stop.map(|stop| if out.same { wire::stop_word(stop, true) } else { reason(stop, &choice.parts) }),
    );
    if !(out.same && choice.extras.lacks("index")) {
        candidate.set("index", choice.index);
    }
    if !choice.filters.is_empty() {
        if out.same {
            candidate.set("safetyRatings", write_filters(&choice.filters));
        } else {
            out.hint("content_filter_results", "verdicts of a content filter have no place in the client's dialect");
        }
    }
    candidate.maybe("logprobsResult", choice.logprobs.as_ref().and_then(|told| write_logprobs(told, out.same)));
    if out.same {
        choice.extras.overlay(candidate.map_mut());
        return candidate.into();
    }
    if choice.stop.is_none() {
        candidate.set("finishReason", "STOP");
    }
    candidate.maybe("groundingMetadata", grounding::metadata(&choice.parts));
    out.name(&choice.extras, format!("choices[{}]", choice.index));
    candidate.into()
}

/// The reason for stopping of another dialect's answer, which its parts may tell more closely.
pub(super) fn reason(stop: &Stop, parts: &[Part]) -> Value {
    if parts.iter().any(|part| matches!(part.kind, PartKind::Refusal { .. })) {
        return Value::from(wire::REFUSED);
    }
    let unbounded = !matches!(stop.reason, StopReason::MaxTokens | StopReason::ContextWindow);
    if unbounded && parts.iter().any(parts::is_malformed) {
        return Value::from(wire::MALFORMED);
    }
    wire::stop_word(stop, false)
}

/// One part of another dialect's answer, as a client of this dialect expects it.
pub(super) fn said(part: &Part, origin: DialectId, out: &mut ExtrasWriter<'_>) -> Vec<Value> {
    let object = match &part.kind {
        PartKind::Text { text, .. } if text.is_empty() => return Vec::new(),
        PartKind::Text { text, .. } | PartKind::Refusal { text } => Object::new().with("text", text.as_str()),
        PartKind::ToolCall(_) if parts::is_malformed(part) => {
            // Whoever gets a call acts on it.
            out.meaning(part.at.path(), "arguments that are no JSON object cannot be carried");
            return Vec::new();
        }
        PartKind::Reasoning(reasoning) => return thought(reasoning, origin).map(Value::from).into_iter().collect(),
        PartKind::Media(media) => match &media.source {
            Source::Base64 { media_type, data } => {
                let media_type = match media.kind {
                    MediaKind::Audio if !media_type.contains('/') => format!("audio/{media_type}"),
                    _ => media_type.clone(),
                };
                Object::new().with("inlineData", Object::new().with("mimeType", media_type).with("data", data.as_str()))
            }
            _ => return Vec::new(),
        },
        _ => return parts::Writer { out, called: &[] }.write(std::iter::once(part)),
    };
    vec![object.into()]
}

/// Reasoning of another provider, with what its dialect needs to take it back.
pub(super) fn thought(reasoning: &Reasoning, origin: DialectId) -> Option<Object> {
    if reasoning.restated {
        return None;
    }
    let text = reasoning.text.as_deref().or(reasoning.summary.as_deref());
    let signature = carried::wrap(reasoning, origin).map(seal::written);
    if text.is_none() && signature.is_none() {
        return None;
    }
    let mut object = Object::new();
    object.set("text", text.unwrap_or_default());
    object.set("thought", true);
    object.maybe("thoughtSignature", signature);
    Some(object)
}
