//! Streams: encoding. What another dialect's stream becomes is in `retell.rs`.

use super::retell::Retelling;
use super::stream::TRAILER;
use super::{items, parts, response, usage};
use crate::render::{ExtrasWriter, Object};
use crate::{StreamEncoder, WireEvent, logprobs, openai_error};
use serde_json::Value;
use switchtower_domain::{
    Delta, DialectId, Event, Failure, FailureForm, Frame, OutOfPlace, Part, PartKind, Refusal, ToolCallKind,
};

/// Writes events. A frame of this dialect becomes the one event that it was; frames of another become the events that
/// a client of Responses expects.
#[derive(Default)]
pub(super) struct Encoder {
    known: Vec<Known>,
    retelling: Retelling,
}

/// A part of this dialect's own stream, and the numbers by which its events name it.
struct Known {
    content: Part,
    output: Option<u64>,
}

impl StreamEncoder for Encoder {
    fn encode(&mut self, frame: &Frame) -> Result<Vec<WireEvent>, OutOfPlace> {
        if frame.origin != DialectId::OpenaiResponses {
            return self.retelling.tell(frame);
        }
        if let [Event::Failed(failure)] = frame.events.as_slice()
            && frame.name.is_none()
            && failure.form == FailureForm::Usual
            && failure.extras.is_empty()
        {
            // A failure that was found out, and is no event yet.
            return Ok(vec![self.retelling.failed(failure)]);
        }
        let data = self.same(frame)?;
        Ok(vec![WireEvent { name: frame.name.clone(), data }])
    }

    fn fail(&mut self, refusal: &Refusal, request_id: &str) -> Vec<WireEvent> {
        let error = openai_error::encode(refusal, request_id);
        vec![self.retelling.error(&error)]
    }
}

impl Encoder {
    fn same(&mut self, frame: &Frame) -> Result<String, OutOfPlace> {
        let told = |key: &str| frame.extras.get(key).and_then(Value::as_u64);
        let kind = frame.extras.get("type").and_then(Value::as_str).unwrap_or_default();
        let mut native = None;
        let mut object = Object::new();
        let mut inner = Object::new();
        let mut response = Object::new();
        for event in &frame.events {
            match event {
                Event::Started(head) => {
                    let lacks = frame.extras.lacks("object");
                    response::write_head(&mut response, head, &switchtower_domain::Extras::none());
                    if lacks {
                        response.map_mut().shift_remove("object");
                    }
                }
                Event::PartStarted { choice, part, content } => {
                    if *choice != 0 || *part as usize != self.known.len() {
                        return Err(OutOfPlace { choice: *choice, part: *part });
                    }
                    if kind != "response.output_item.done"
                        || !matches!(content.kind, PartKind::Text { .. } | PartKind::Refusal { .. })
                    {
                        started(content, &mut inner);
                    }
                    self.known.push(Known { content: content.clone(), output: told("output_index") });
                }
                Event::PartGrew { choice, part, delta } => {
                    let known = self.part(*choice, *part, told("output_index"), native_kind(frame))?;
                    if !known.content.clone().grow(delta) {
                        return Err(OutOfPlace { choice: *choice, part: *part });
                    }
                    match delta {
                        Delta::Citation(citation) => object.maybe("annotation", parts::annotation(citation, true)),
                        Delta::Sealed(sealed) => inner.set("encrypted_content", sealed.as_str()),
                        Delta::Text(text)
                        | Delta::Refusal(text)
                        | Delta::Reasoning(text)
                        | Delta::Summary(text)
                        | Delta::Arguments(text) => {
                            if kind.ends_with(".delta") {
                                object.set("delta", text.as_str());
                            }
                        }
                        Delta::Signature(_) | Delta::CallId(_) | Delta::CallName(_) => {
                            return Err(OutOfPlace { choice: *choice, part: *part });
                        }
                    }
                }
                Event::PartEnded { choice, part } => {
                    self.part(*choice, *part, told("output_index"), native_kind(frame))?;
                }
                Event::LogProbs { choice: 0, logprobs } => {
                    object.set("logprobs", logprobs::encode_tokens(logprobs.content.as_deref().unwrap_or_default()));
                }
                Event::Usage(report) => response.set("usage", usage::encode(report, true)),
                Event::Stopped { choice: 0, stop } => response::write_stop(&mut response, stop),
                Event::Failed(failure) if kind.is_empty() => return Ok(error(failure)),
                Event::Failed(failure) => {
                    let mut error = Object::new();
                    error.maybe("code", failure.code.clone());
                    error.maybe("message", failure.message.clone());
                    response.nested("error", error);
                }
                Event::Native { name, .. } if name == TRAILER => return Ok(TRAILER.to_owned()),
                Event::Native { name, value: Value::Object(map) } => {
                    let mut typed = Object::typed(name);
                    typed
                        .map_mut()
                        .extend(map.iter().filter(|(key, _)| *key != "type").map(|(k, v)| (k.clone(), v.clone())));
                    native = Some(typed.into_text());
                }
                Event::Native { value, .. } => native = Some(value.to_string()),
                Event::KeepAlive | Event::Ended => {}
                Event::LogProbs { choice, .. } | Event::Stopped { choice, .. } | Event::Filtered { choice, .. } => {
                    return Err(OutOfPlace { choice: *choice, part: 0 });
                }
                Event::PromptFiltered(_) => return Err(OutOfPlace { choice: 0, part: 0 }),
            }
        }
        if let Some(native) = native {
            return Ok(native);
        }
        object.nested("response", response);
        object.nested(if kind.starts_with("response.content_part") { "part" } else { "item" }, inner);
        frame.extras.overlay(object.map_mut());
        Ok(object.into_text())
    }

    /// A part that began with the same item.
    fn part(&self, choice: u32, part: u32, output: Option<u64>, any: bool) -> Result<&Known, OutOfPlace> {
        self.known
            .get(part as usize)
            .filter(|known| choice == 0 && (any || known.output == output))
            .ok_or(OutOfPlace { choice, part })
    }
}

/// Whether a frame keeps its event whole, so that it has no numbers beside it.
fn native_kind(frame: &Frame) -> bool {
    frame.events.iter().any(|event| matches!(event, Event::Native { .. }))
}

/// The beginning of a part as its event has it.
fn started(content: &Part, inner: &mut Object) {
    let mut out = ExtrasWriter { from: DialectId::OpenaiResponses, same: true, hints: &[], notices: Vec::new() };
    match &content.kind {
        PartKind::Text { text, .. } => inner.set("text", text.as_str()),
        PartKind::Refusal { text } => inner.set("refusal", text.as_str()),
        PartKind::ToolCall(call) if content.extras.is_empty() => {
            let custom = call.kind == ToolCallKind::Custom;
            inner.set("type", if custom { "custom_tool_call" } else { "function_call" });
            inner.set("call_id", call.id.as_str());
            inner.set("name", call.name.as_str());
            if !call.arguments.is_empty() {
                inner.set(if custom { "input" } else { "arguments" }, call.arguments.as_str());
            }
        }
        _ => {
            if let Some(item) = items::same_item(content, &mut out) {
                inner.map_mut().extend(item.into_map());
            }
        }
    }
}

/// The event of a failure that came as one.
fn error(failure: &Failure) -> String {
    openai_error::encode_failure(failure, true).to_string()
}
