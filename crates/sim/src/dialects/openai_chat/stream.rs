//! A Chat Completions answer as events: one for each piece, made when it is asked for.

use super::answer;
use crate::body::{Event, Events};
use crate::dialects::event_bytes;
use crate::said::{Said, Turn};
use crate::tokens;
use bytes::Bytes;
use serde_json::{Value, json};
use std::collections::VecDeque;

/// Pieces of the arguments of a call that go into one event.
const ARGUMENT_PIECES: usize = 3;

pub(crate) fn events(said: Said) -> Events {
    let head = Head {
        id: answer::id(&said),
        created: said.created(),
        service_tier: answer::service_tier(&said),
        fingerprint: answer::fingerprint(&said),
        said,
    };
    let mut parts = VecDeque::new();
    for choice in 0..head.said.turns.len() {
        parts.push_back(Part::Open(choice));
        parts.push_back(Part::Reasoning(choice, 0));
        parts.push_back(Part::Text(choice, 0));
        let calls = head.said.turns.get(choice).map_or(0, |turn| turn.calls.len());
        for call in 0..calls {
            parts.push_back(Part::Call(choice, call));
            parts.push_back(Part::Arguments(choice, call, 0));
        }
        parts.push_back(Part::Finish(choice));
    }
    if head.said.extras.include_usage {
        parts.push_back(Part::Usage);
    }
    parts.push_back(Part::Done);
    Box::new(Writer { head, parts })
}

struct Head {
    id: String,
    created: u64,
    service_tier: String,
    fingerprint: String,
    said: Said,
}

/// What is still to be written; texts carry the offset in bytes up to which they are.
enum Part {
    Open(usize),
    Reasoning(usize, usize),
    Text(usize, usize),
    Call(usize, usize),
    Arguments(usize, usize, usize),
    Finish(usize),
    Usage,
    Done,
}

struct Writer {
    head: Head,
    parts: VecDeque<Part>,
}

impl Iterator for Writer {
    type Item = Event;

    fn next(&mut self) -> Option<Event> {
        loop {
            let part = self.parts.pop_front()?;
            if let Some(event) = self.write(&part) {
                return Some(event);
            }
        }
    }
}

impl Writer {
    fn write(&mut self, part: &Part) -> Option<Event> {
        match *part {
            Part::Open(choice) => {
                let turn = self.turn(choice)?;
                let content = if turn.text.is_empty() && !turn.calls.is_empty() { Value::Null } else { "".into() };
                Some(self.chunk(
                    choice,
                    &json!({"role": "assistant", "content": content, "refusal": null}),
                    None,
                    0,
                    &Value::Null,
                ))
            }
            Part::Reasoning(choice, from) => {
                let piece = piece_at(&self.turn(choice)?.reasoning, from, 1)?;
                let event = self.chunk(choice, &json!({"reasoning_content": piece}), None, 1, &Value::Null);
                self.parts.push_front(Part::Reasoning(choice, from + piece.len()));
                Some(event)
            }
            Part::Text(choice, from) => {
                let piece = piece_at(&self.turn(choice)?.text, from, 1)?;
                let logprobs = self.head.said.extras.top_logprobs.map_or(Value::Null, |alternatives| {
                    json!({"content": [answer::logprob(self.head.said.seed, &piece, alternatives)], "refusal": null})
                });
                let event = self.chunk(choice, &json!({"content": piece}), None, 1, &logprobs);
                self.parts.push_front(Part::Text(choice, from + piece.len()));
                Some(event)
            }
            Part::Call(choice, index) => {
                let turn = self.turn(choice)?;
                let call = turn.calls.get(index)?;
                let id = answer::call_ids(&self.head.said, choice, turn).into_iter().nth(index)?;
                let opened = json!({"index": index, "id": id, "type": "function", "function": {"name": call.name, "arguments": ""}});
                Some(self.chunk(choice, &json!({"tool_calls": [opened]}), None, 1, &Value::Null))
            }
            Part::Arguments(choice, index, from) => {
                let piece = piece_at(&self.turn(choice)?.calls.get(index)?.arguments, from, ARGUMENT_PIECES)?;
                let delta = json!({"tool_calls": [{"index": index, "function": {"arguments": piece}}]});
                let event = self.chunk(choice, &delta, None, tokens::count(&piece), &Value::Null);
                self.parts.push_front(Part::Arguments(choice, index, from + piece.len()));
                Some(event)
            }
            Part::Finish(choice) => {
                let reason = answer::finish_reason(&self.turn(choice)?.stop);
                Some(self.chunk(choice, &json!({}), Some(reason), 0, &Value::Null))
            }
            Part::Usage => Some(self.event(&json!([]), 0, Some(answer::usage(&self.head.said)))),
            Part::Done => Some(Event::new(Bytes::from_static(b"data: [DONE]\n\n"), 0)),
        }
    }

    fn turn(&self, choice: usize) -> Option<&Turn> {
        self.head.said.turns.get(choice)
    }

    fn chunk(&self, choice: usize, delta: &Value, finish: Option<&str>, tokens: u64, logprobs: &Value) -> Event {
        self.event(
            &json!([{"index": choice, "delta": delta, "logprobs": logprobs, "finish_reason": finish}]),
            tokens,
            None,
        )
    }

    fn event(&self, choices: &Value, tokens: u64, usage: Option<Value>) -> Event {
        let head = &self.head;
        let mut chunk = json!({
            "id": head.id,
            "object": "chat.completion.chunk",
            "created": head.created,
            "model": head.said.model,
            "service_tier": head.service_tier,
            "system_fingerprint": head.fingerprint,
            "choices": choices,
        });
        // Every chunk has the field once usage was asked for, null but for the last.
        if head.said.extras.include_usage
            && let Some(chunk) = chunk.as_object_mut()
        {
            chunk.insert("usage".into(), usage.unwrap_or(Value::Null));
        }
        Event::new(event_bytes(None, &chunk), tokens)
    }
}

/// The next pieces of a text from an offset; `None` at its end.
fn piece_at(text: &str, from: usize, pieces: usize) -> Option<String> {
    let left = text.get(from..).filter(|left| !left.is_empty())?;
    Some(tokens::pieces(left).take(pieces).collect())
}
