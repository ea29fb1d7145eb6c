//! Whole answers.

use super::{filters, parts, usage, wire};
use crate::fields::Fields;
use crate::logprobs;
use crate::render::{ExtrasWriter, Object};
use crate::{DecodeError, Encoded, Json, Variant, call_id, content, function_calls};
use serde_json::Value;
use switchtower_domain::{
    Answer, AnswerHead, Choice, CitationKind, DialectId, Extras, Part, PartKind, ReasoningField, Stop,
};

pub(super) fn decode(body: Json<'_>, variant: &Variant) -> Result<Answer, DecodeError> {
    let mut fields = Fields::tolerant(body, "")?;
    if fields.peek("choices").and_then(Json::as_array).is_none_or(Vec::is_empty) {
        return Err(DecodeError::Missing { path: "choices[0]".to_owned() });
    }
    fields.constant("object", wire::OBJECT);
    let head = head(&mut fields)?;
    let usage = usage::decode(&mut fields, variant)?;
    let prompt_filters = filters::prompts(&mut fields)?;
    let items = fields.list("choices")?.unwrap_or_default();
    let choices = items
        .into_iter()
        .enumerate()
        .map(|(index, item)| choice(fields.beneath(item, &format!("choices[{index}]"))?, variant))
        .collect::<Result<_, _>>()?;
    Ok(Answer { origin: DialectId::OpenaiChat, head, choices, usage, prompt_filters, extras: fields.rest() })
}

pub(super) fn head(fields: &mut Fields) -> Result<AnswerHead, DecodeError> {
    Ok(AnswerHead {
        id: fields.string("id")?,
        model: fields.string("model")?,
        created: fields.u64("created")?,
        service_tier: fields.string("service_tier")?,
        fingerprint: fields.string("system_fingerprint")?,
    })
}

pub(super) fn stop(fields: &mut Fields, variant: &Variant) -> Result<Option<Stop>, DecodeError> {
    Ok(fields.string("finish_reason")?.map(|word| match variant.finish_reasons.get(&word) {
        Some(means) => Stop::in_own_word(word, means.clone()),
        None => Stop::new(wire::stop_reason(&word)),
    }))
}

fn choice(mut fields: Fields, variant: &Variant) -> Result<Choice, DecodeError> {
    let index = fields.u64("index")?.and_then(|index| u32::try_from(index).ok());
    if index.is_none() {
        fields.lack("index");
    }
    let stop = stop(&mut fields, variant)?;
    let logprobs = fields.nested("logprobs", logprobs::decode)?;
    let filters = filters::verdicts(&mut fields)?;
    if !fields.peek("message").is_some_and(Json::is_object) {
        fields.lack("message");
    }
    let (parts, plain) = fields.nested("message", |message| {
        message.constant("role", "assistant");
        let mut said = parts::reasoning(message)?;
        let (mut content, plain) = content::read(message, "content", parts::part)?;
        if let Some(PartKind::Text { citations, .. }) = content.first_mut().map(|part| &mut part.kind) {
            *citations = parts::citations(message)?;
        }
        said.append(&mut content);
        if let Some(text) = message.text("refusal")? {
            said.push(Part::new(PartKind::Refusal { text }));
        }
        said.extend(function_calls::read(message)?);
        Ok((said, plain))
    })?;
    Ok(Choice { index: index.unwrap_or_default(), parts, plain, stop, logprobs, filters, extras: fields.rest() })
}

pub(super) fn encode(answer: &Answer) -> Encoded {
    let same = answer.origin == DialectId::OpenaiChat;
    let mut out = ExtrasWriter { from: answer.origin, same, hints: &[], notices: Vec::new() };
    let mut body = Object::new();
    write_head(&mut body, &answer.head, wire::OBJECT, &answer.extras);
    if !same {
        complete_head(&mut body);
    }
    let choices: Vec<Value> =
        answer.choices.iter().map(|choice| encode_choice(choice, &answer.head, &mut out)).collect();
    if !choices.is_empty() || !same {
        body.set("choices", choices);
    }
    if let Some(usage) = &answer.usage {
        body.set("usage", usage::encode(usage, same));
    }
    filters::write_prompts(&mut body, &answer.prompt_filters);
    out.write(&answer.extras, "", &mut body);
    Encoded { body: body.into(), notices: out.notices }
}

pub(super) fn write_head(body: &mut Object, head: &AnswerHead, object: &str, extras: &Extras) {
    body.maybe("id", head.id.clone());
    body.constant("object", object, extras);
    body.maybe("created", head.created);
    body.maybe("model", head.model.clone());
    body.maybe("service_tier", head.service_tier.clone());
    body.maybe("system_fingerprint", head.fingerprint.clone());
}

/// Clients rely on the three; another dialect may not have told them.
pub(super) fn complete_head(body: &mut Object) {
    for (key, value) in [("id", Value::from("")), ("created", Value::from(0)), ("model", Value::from(""))] {
        if !body.contains(key) {
            body.set(key, value);
        }
    }
}

fn encode_choice(choice: &Choice, head: &AnswerHead, out: &mut ExtrasWriter<'_>) -> Value {
    let mut object = Object::new();
    object.constant("index", choice.index, &choice.extras);
    let mut message = Message::new(out.same, head.id.as_deref().unwrap_or_default());
    for part in &choice.parts {
        message.part(part, out);
    }
    if !(out.same && choice.extras.lacks("message")) {
        object.set("message", message.finish(choice, out));
    }
    if let Some(stop) = &choice.stop {
        object.set("finish_reason", parts::stop_value(stop, out.same));
    } else if !out.same {
        object.set("finish_reason", Value::Null);
    }
    if let Some(logprobs) = &choice.logprobs {
        object.set("logprobs", logprobs::encode(logprobs));
    } else if !out.same {
        object.set("logprobs", Value::Null);
    }
    filters::write(&mut object, &choice.filters);
    out.write(&choice.extras, format!("choices[{}]", choice.index), &mut object);
    object.into()
}

/// A message in the making.
struct Message<'a> {
    /// The answer's id.
    answer: &'a str,
    object: Object,
    content: Vec<Value>,
    text: String,
    annotations: Vec<Value>,
    details: Vec<Value>,
    calls: Vec<Value>,
    same: bool,
}

impl<'a> Message<'a> {
    fn new(same: bool, answer: &'a str) -> Self {
        Self {
            answer,
            object: Object::new(),
            content: Vec::new(),
            text: String::new(),
            annotations: Vec::new(),
            details: Vec::new(),
            calls: Vec::new(),
            same,
        }
    }

    fn part(&mut self, part: &Part, out: &mut ExtrasWriter<'_>) {
        match &part.kind {
            PartKind::Text { text, citations } => {
                let start = self.text.chars().count() as u64;
                let end = start + text.chars().count() as u64;
                self.text.push_str(text);
                for citation in citations {
                    let mut citation = citation.clone();
                    if let (CitationKind::Url { start: from @ None, end: to @ None, .. }, false) =
                        (&mut citation.kind, self.same)
                    {
                        // A citation of a block covers the block.
                        (*from, *to) = (Some(start), Some(end));
                    }
                    match parts::annotation(&citation, self.same) {
                        Some(annotation) => self.annotations.push(annotation.into()),
                        None => {
                            out.hint(part.at.beneath(out.terms().citations), "a citation of this kind has no place")
                        }
                    }
                }
                if self.same {
                    self.content.extend(parts::content_part(part, out, true).map(Value::from));
                }
            }
            PartKind::Reasoning(reasoning) => {
                let key = if self.same { reasoning.field } else { Some(ReasoningField::ReasoningContent) };
                match key.and_then(parts::reasoning_key) {
                    Some(key) => {
                        self.reasoning(key, reasoning.text.as_deref().or(reasoning.summary.as_deref()), part, out)
                    }
                    None if reasoning.field == Some(ReasoningField::ThinkingParts) => {
                        self.content.extend(parts::content_part(part, out, true).map(Value::from));
                    }
                    None => self.details.push(parts::reasoning_detail_object(reasoning, part).into()),
                }
            }
            PartKind::ToolCall(call) => {
                let mut object = function_calls::written(call, part);
                if !self.same {
                    object.set("id", call_id::told(call, self.answer, self.calls.len()));
                }
                if !self.same && call.arguments.is_empty() {
                    object.set("function", Object::new().with("name", call.name.as_str()).with("arguments", "{}"));
                }
                out.write(&part.extras, &part.at, &mut object);
                self.calls.push(object.into());
            }
            PartKind::Refusal { text } => self.object.set("refusal", text.as_str()),
            PartKind::ProviderItem(item) => out.hint(
                format!("content ({})", item.kind),
                "what a provider's own tool did has no place in the client's dialect",
            ),
            PartKind::Media(_) | PartKind::Document(_) | PartKind::ToolResult(_) | PartKind::Native { .. } => {
                if self.same {
                    self.content.extend(parts::content_part(part, out, true).map(Value::from));
                } else {
                    out.meaning("content", "a part of the answer has no place in the client's dialect");
                }
            }
        }
    }

    fn reasoning(&mut self, key: &str, text: Option<&str>, part: &Part, out: &mut ExtrasWriter<'_>) {
        let Some(text) = text else {
            out.hint(part.at.path(), "sealed reasoning has no place in the client's dialect");
            return;
        };
        let before = match (self.same, self.object.map_mut().get(key)) {
            (false, Some(Value::String(before))) => before.clone(),
            _ => String::new(),
        };
        self.object.set(key, before + text);
    }

    fn finish(mut self, choice: &Choice, out: &mut ExtrasWriter<'_>) -> Object {
        let mut message = Object::new();
        if !choice.extras.lacks("role") && choice.extras.get("message").is_none_or(|m| m.get("role").is_none()) {
            message.set("role", "assistant");
        }
        if out.same {
            if choice.plain {
                message.set("content", self.text.as_str());
            } else if !self.content.is_empty() {
                message.set("content", std::mem::take(&mut self.content));
            }
        } else {
            let silent = self.text.is_empty() && (!self.calls.is_empty() || self.object.contains("refusal"));
            message.set("content", if silent { Value::Null } else { Value::from(self.text.as_str()) });
            if !self.object.contains("refusal") {
                message.set("refusal", Value::Null);
            }
        }
        message.map_mut().extend(self.object.into_map());
        if !self.annotations.is_empty() {
            message.set("annotations", self.annotations);
        }
        if !self.details.is_empty() {
            message.set("reasoning_details", self.details);
        }
        if !self.calls.is_empty() {
            message.set("tool_calls", self.calls);
        }
        message
    }
}
