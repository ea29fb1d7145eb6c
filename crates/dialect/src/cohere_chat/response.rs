//! Whole answers.

use super::{citations, logprobs, parts, usage, wire};
use crate::fields::Fields;
use crate::render::{ExtrasWriter, Object};
use crate::{DecodeError, Encoded, Json, call_id, content, function_calls};
use serde_json::Value;
use switchtower_domain::{
    Answer, AnswerHead, Choice, DialectId, Extras, Part, PartKind, Reasoning, Stop, StopReason, ToolCall,
};

pub(super) fn decode(body: Json<'_>) -> Result<Answer, DecodeError> {
    let mut fields = Fields::tolerant(body, "")?;
    if !fields.peek("message").is_some_and(Json::is_object) {
        return Err(DecodeError::Missing { path: "message".to_owned() });
    }
    let head = AnswerHead { id: fields.string("id")?, ..AnswerHead::default() };
    let stop = stop(&mut fields)?;
    let usage = usage::decode(&mut fields)?;
    let logprobs = logprobs::decode(&mut fields)?;
    let (parts, plain) = fields.nested("message", message)?;
    let choice = Choice { index: 0, parts, plain, stop, logprobs, filters: Vec::new(), extras: Extras::none() };
    let extras = fields.rest();
    Ok(Answer { origin: DialectId::CohereChat, head, choices: vec![choice], usage, prompt_filters: Vec::new(), extras })
}

fn message(message: &mut Fields) -> Result<(Vec<Part>, bool), DecodeError> {
    message.constant("role", "assistant");
    let mut said: Vec<Part> = parts::plan(message)?.into_iter().collect();
    let (mut content, plain) = content::read(message, "content", parts::part)?;
    citations::attach(message, &mut content)?;
    said.append(&mut content);
    said.extend(function_calls::read(message)?);
    Ok((said, plain))
}

pub(super) fn stop(fields: &mut Fields) -> Result<Option<Stop>, DecodeError> {
    Ok(fields.string("finish_reason")?.map(|word| Stop::new(wire::stop_reason(&word))))
}

pub(super) fn encode(answer: &Answer) -> Encoded {
    let same = answer.origin == DialectId::CohereChat;
    let mut out = ExtrasWriter { from: answer.origin, same, hints: &[], notices: Vec::new() };
    let mut body = Object::new();
    match &answer.head.id {
        None if !same => body.set("id", ""),
        id => body.maybe("id", id.clone()),
    }
    let (choice, others) = answer.choices.split_first().map_or((None, &[][..]), |(first, rest)| (Some(first), rest));
    for other in others {
        out.meaning(format!("choices[{}]", other.index), "an answer has one choice in the client's dialect");
    }
    let mut message = Object::new();
    let left = answer.extras.get("message");
    if !same || !answer.extras.lacks("role") && left.is_none_or(|message| message.get("role").is_none()) {
        message.set("role", "assistant");
    }
    let mut told = Message::new(&mut out, answer.head.id.as_deref().unwrap_or_default());
    choice.iter().flat_map(|choice| &choice.parts).for_each(|part| told.part(part));
    told.finish(&mut message, choice.is_some_and(|choice| choice.plain));
    body.set("message", message);
    if let Some(choice) = choice {
        if !same && (!choice.filters.is_empty() || !answer.prompt_filters.is_empty()) {
            out.hint("content_filter_results", "verdicts of a content filter have no place in the client's dialect");
        }
        out.name(&choice.extras, format!("choices[{}]", choice.index));
        match &choice.stop {
            Some(stop) => body.set("finish_reason", wire::stop_word(&reason(stop, &choice.parts, same))),
            None if same => {}
            None => body.set("finish_reason", wire::stop_word(&unsaid(&choice.parts))),
        }
        body.maybe("logprobs", choice.logprobs.as_ref().and_then(|told| logprobs::encode(told, same)));
    }
    body.maybe("usage", answer.usage.as_ref().map(|report| usage::encode(report, same)));
    out.write(&answer.extras, "", &mut body);
    Encoded { body: body.into(), notices: out.notices }
}

/// A refusal in words is a refusal, whatever reason another dialect gave for stopping.
pub(super) fn reason(stop: &Stop, parts: &[Part], same: bool) -> StopReason {
    let refused = !same && parts.iter().any(|part| matches!(part.kind, PartKind::Refusal { .. }));
    if refused { StopReason::Refusal } else { stop.reason.clone() }
}

/// A server that does not say why it stopped has stopped for its calls, if there are any.
pub(super) fn unsaid(parts: &[Part]) -> StopReason {
    let calls = parts.iter().any(|part| matches!(part.kind, PartKind::ToolCall(_)));
    if calls { StopReason::ToolUse } else { StopReason::EndTurn }
}

/// A message in the making.
struct Message<'a, 'e> {
    out: &'a mut ExtrasWriter<'e>,
    /// The answer's id.
    answer: &'a str,
    plan: Option<String>,
    text: Option<String>,
    content: Vec<Value>,
    citations: Vec<Value>,
    calls: Vec<Value>,
}

impl<'a, 'e> Message<'a, 'e> {
    const fn new(out: &'a mut ExtrasWriter<'e>, answer: &'a str) -> Self {
        Self { out, answer, plan: None, text: None, content: Vec::new(), citations: Vec::new(), calls: Vec::new() }
    }

    fn part(&mut self, part: &Part) {
        if self.out.same {
            return self.own(part);
        }
        match &part.kind {
            PartKind::Text { text, .. } | PartKind::Refusal { text } if text.is_empty() => {}
            PartKind::Text { text, citations } => {
                let place = self.content.len() as u64;
                for citation in citations {
                    match citations::foreign(citation, text, place) {
                        Some(citation) => self.citations.push(citation.into()),
                        None => {
                            let path = part.at.beneath(self.out.terms().citations);
                            self.out.hint(path, "a citation of this kind has no place");
                        }
                    }
                }
                self.content.push(Object::typed("text").with("text", text.as_str()).into());
            }
            PartKind::Refusal { text } => self.content.push(Object::typed("text").with("text", text.as_str()).into()),
            PartKind::Reasoning(reasoning) => {
                let words = words(reasoning);
                if words.is_none() && !reasoning.restated {
                    self.out.hint(part.at.path(), "sealed reasoning has no place in the client's dialect");
                }
                let thought = |words| Object::typed("thinking").with("thinking", words);
                self.content.extend(words.map(thought).map(Value::from));
            }
            PartKind::ToolCall(call) => {
                let call = called(call, self.answer, self.calls.len());
                self.calls.push(call.into());
                self.out.name(&part.extras, &part.at);
            }
            PartKind::ProviderItem(item) => self.out.hint(
                format!("content ({})", item.kind),
                "what a provider's own tool did has no place in the client's dialect",
            ),
            PartKind::Media(_) | PartKind::Document(_) | PartKind::ToolResult(_) | PartKind::Native { .. } => {
                self.out.meaning("content", "a part of the answer has no place in the client's dialect");
            }
        }
    }

    fn own(&mut self, part: &Part) {
        match &part.kind {
            PartKind::ToolCall(call) => {
                let mut object = function_calls::written(call, part);
                self.out.write(&part.extras, &part.at, &mut object);
                self.calls.push(object.into());
            }
            PartKind::Reasoning(reasoning) if parts::is_plan(part) => self.plan.clone_from(&reasoning.text),
            kind => {
                if let PartKind::Text { text, citations } = kind {
                    self.text = Some(text.clone());
                    self.citations.extend(citations.iter().map(|citation| Value::from(citations::own(citation))));
                }
                self.content.extend(parts::content_part(part, self.out).map(Value::from));
            }
        }
    }

    fn finish(self, message: &mut Object, plain: bool) {
        message.maybe("tool_plan", self.plan);
        match self.text {
            Some(text) if plain && self.out.same => message.set("content", text),
            _ if !self.content.is_empty() || !self.out.same && self.calls.is_empty() => {
                message.set("content", self.content);
            }
            _ => {}
        }
        for (key, list) in [("tool_calls", self.calls), ("citations", self.citations)] {
            if !list.is_empty() {
                message.set(key, list);
            }
        }
    }
}

/// What another provider's model thought, in words.
pub(super) fn words(reasoning: &Reasoning) -> Option<&str> {
    reasoning.text.as_deref().or(reasoning.summary.as_deref()).filter(|_| !reasoning.restated)
}

/// Another dialect's call.
pub(super) fn called(call: &ToolCall, answer: &str, number: usize) -> Object {
    let function = Object::new().with("name", call.name.as_str()).with("arguments", parts::arguments(call));
    Object::new().with("id", call_id::told(call, answer, number)).with("type", "function").with("function", function)
}
