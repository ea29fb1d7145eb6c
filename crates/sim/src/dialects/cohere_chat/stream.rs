//! An answer of Cohere's chat as events: one for each piece, made when it is asked for.

use super::answer;
use crate::body::{Event, Events};
use crate::dialects::event_bytes;
use crate::said::{Said, Turn};
use crate::tokens;
use bytes::Bytes;
use serde_json::{Value, json};

/// Pieces of the arguments of a call that go into one event.
const ARGUMENT_PIECES: usize = 3;

pub(super) fn events(said: &Said) -> Events {
    let turn = said.turns.first().cloned().unwrap_or_default();
    let nothing = json!({"role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": []});
    let start = named(&json!({"id": answer::id(said), "type": "message-start", "delta": {"message": nothing}}), 0);
    let delta = json!({"finish_reason": answer::finish_reason(&turn.stop), "usage": answer::usage(&said.usage)});
    let end = named(&json!({"type": "message-end", "delta": delta}), 0);
    let done = Event::new(Bytes::from_static(b"data: [DONE]\n\n"), 0);
    let middle = sections(said, turn).into_iter().flat_map(Section::events);
    Box::new(std::iter::once(start).chain(middle).chain([end, done]))
}

fn named(data: &Value, tokens: u64) -> Event {
    Event::new(event_bytes(data.get("type").and_then(Value::as_str), data), tokens)
}

/// A part of an answer: how it opens and closes if it does, and the text that comes in pieces.
struct Section {
    index: usize,
    kind: Kind,
    text: String,
    /// The seed of log probabilities, where they were asked for.
    logprobs: Option<u64>,
}

enum Kind {
    Thinking,
    Text,
    Plan,
    Call { id: String, name: String },
}

fn sections(said: &Said, turn: Turn) -> Vec<Section> {
    let ids = answer::call_ids(said, &turn);
    let mut sections = Vec::new();
    let mut content = 0;
    if !turn.reasoning.is_empty() {
        sections.push(Section { index: content, kind: Kind::Thinking, text: turn.reasoning, logprobs: None });
        content += 1;
    }
    if !turn.text.is_empty() {
        let planned = !turn.calls.is_empty();
        let kind = if planned { Kind::Plan } else { Kind::Text };
        let logprobs = said.extras.top_logprobs.filter(|_| !planned).map(|_| said.seed);
        sections.push(Section { index: content, kind, text: turn.text, logprobs });
    }
    sections.extend(turn.calls.into_iter().zip(ids).enumerate().map(|(index, (call, id))| Section {
        index,
        kind: Kind::Call { id, name: call.name },
        text: call.arguments,
        logprobs: None,
    }));
    sections
}

impl Section {
    fn events(self) -> impl Iterator<Item = Event> + Send {
        let Self { index, kind, text, logprobs } = self;
        let event = move |kind: &str, delta: Value, tokens: u64| {
            named(&json!({"type": kind, "index": index, "delta": {"message": delta}}), tokens)
        };
        let closed = |kind: &str| Some(named(&json!({"type": kind, "index": index}), 0));
        let (opening, closing) = match &kind {
            Kind::Thinking => {
                let content = json!({"content": {"type": "thinking", "thinking": ""}});
                (Some(event("content-start", content, 0)), closed("content-end"))
            }
            Kind::Text => {
                let content = json!({"content": {"type": "text", "text": ""}});
                (Some(event("content-start", content, 0)), closed("content-end"))
            }
            Kind::Plan => (None, None),
            Kind::Call { id, name } => {
                let call = json!({"id": id, "type": "function", "function": {"name": name, "arguments": ""}});
                (Some(event("tool-call-start", json!({"tool_calls": call}), 0)), closed("tool-call-end"))
            }
        };
        let together = if matches!(kind, Kind::Call { .. }) { ARGUMENT_PIECES } else { 1 };
        let mut from = 0;
        let pieces = std::iter::from_fn(move || {
            let left = text.get(from..).filter(|left| !left.is_empty())?;
            let piece: String = tokens::pieces(left).take(together).collect();
            from += piece.len();
            let counted = tokens::count(&piece);
            Some(match &kind {
                Kind::Thinking => event("content-delta", json!({"content": {"thinking": piece}}), counted),
                Kind::Text => {
                    let mut data = json!({"type": "content-delta", "index": index, "delta": {"message": {"content": {"text": piece}}}});
                    if let (Some(seed), Some(data)) = (logprobs, data.as_object_mut()) {
                        data.insert("logprobs".to_owned(), answer::logprob(seed, &piece));
                    }
                    named(&data, counted)
                }
                // A plan has no place among others.
                Kind::Plan => {
                    let delta = json!({"message": {"tool_plan": piece}});
                    named(&json!({"type": "tool-plan-delta", "delta": delta}), counted)
                }
                Kind::Call { .. } => {
                    let call = json!({"tool_calls": {"function": {"arguments": piece}}});
                    event("tool-call-delta", call, counted)
                }
            })
        });
        opening.into_iter().chain(pieces).chain(closing)
    }
}
