//! A Gemini answer as events: one for each piece, made when it is asked for. There is no event for the end: the last one
//! has a reason to finish and the whole usage.

use super::answer;
use crate::body::{Event, Events};
use crate::said::{Said, Turn, Usage};
use crate::tokens;
use bytes::Bytes;
use serde_json::Value;

pub(super) fn events(mut said: Said) -> Events {
    if said.extras.blocked {
        return Box::new(std::iter::once(Event::new(framed(&answer::blocked(&said)), 0)));
    }
    said.turns = said.turns.iter().map(answer::finished).collect();
    Box::new(Writer { said, choice: 0, next: Next::Thought(0), spoken: 0 })
}

/// An event as this vendor frames it: with the line ends of HTTP.
pub(super) fn framed(data: &Value) -> Bytes {
    format!("data: {data}\r\n\r\n").into()
}

/// What is to be written next of a candidate; texts carry the offset in bytes up to which they are.
#[derive(Clone, Copy)]
enum Next {
    Thought(usize),
    Text(usize),
    Call(usize),
    /// An empty text, with the signature if there is one.
    End,
}

struct Writer {
    said: Said,
    choice: usize,
    next: Next,
    /// Tokens of all that was said so far, thoughts apart.
    spoken: u64,
}

impl Iterator for Writer {
    type Item = Event;

    fn next(&mut self) -> Option<Event> {
        loop {
            let turn = self.said.turns.get(self.choice)?;
            let signs = !turn.reasoning.is_empty();
            match self.next {
                Next::Thought(from) => {
                    let piece =
                        answer::shows_thoughts(&self.said, turn).then(|| piece_at(&turn.reasoning, from)).flatten();
                    let Some(piece) = piece else {
                        self.next = Next::Text(0);
                        continue;
                    };
                    self.next = Next::Thought(from + piece.len());
                    return Some(self.chunk(serde_json::json!({"text": piece, "thought": true}), None, 1));
                }
                Next::Text(from) => {
                    let text = answer::bare(&self.said, &turn.text);
                    let Some(piece) = piece_at(text, from) else {
                        self.next = if turn.calls.is_empty() { Next::End } else { Next::Call(0) };
                        continue;
                    };
                    let after = from + piece.len();
                    let is_last = after == text.len() && turn.calls.is_empty() && !signs;
                    self.next = Next::Text(after);
                    self.spoken += 1;
                    let alternatives = self.said.extras.top_logprobs;
                    let more =
                        alternatives.map(|alternatives| answer::logprobs(self.said.seed, &[&piece], alternatives));
                    let part = serde_json::json!({"text": piece});
                    return Some(self.told(part, is_last, more, 1));
                }
                Next::Call(at) => {
                    let id = answer::call_ids(&self.said, self.choice, turn).into_iter().nth(at).flatten();
                    let mut part = answer::call(turn, at, id);
                    if at == 0 {
                        answer::sign(&mut part, answer::signature(&self.said, self.choice, turn));
                    }
                    let tokens = turn.calls.get(at).map_or(0, |call| tokens::count(&call.arguments));
                    let is_last = at + 1 == turn.calls.len();
                    self.next = Next::Call(at + 1);
                    self.spoken += tokens;
                    return Some(self.told(part, is_last, None, tokens));
                }
                Next::End => {
                    let mut part = serde_json::json!({"text": ""});
                    answer::sign(&mut part, answer::signature(&self.said, self.choice, turn));
                    return Some(self.told(part, true, None, 0));
                }
            }
        }
    }
}

impl Writer {
    /// A chunk, which ends the candidate if it is its last.
    fn told(&mut self, part: Value, is_last: bool, more: Option<serde_json::Map<String, Value>>, tokens: u64) -> Event {
        let ended = if is_last { self.said.turns.get(self.choice).cloned() } else { None };
        let ends_all = is_last && self.choice + 1 == self.said.turns.len();
        let candidate = self.candidate(part, ended.as_ref(), more);
        let usage = if ends_all { answer::usage(&self.said.usage) } else { self.usage_so_far() };
        if is_last {
            self.choice += 1;
            self.next = Next::Thought(0);
        }
        Event::new(framed(&answer::envelope(&self.said, Some(candidate), usage)), tokens)
    }

    fn chunk(&self, part: Value, ended: Option<&Turn>, tokens: u64) -> Event {
        let candidate = self.candidate(part, ended, None);
        Event::new(framed(&answer::envelope(&self.said, Some(candidate), self.usage_so_far())), tokens)
    }

    fn candidate(&self, part: Value, ended: Option<&Turn>, more: Option<serde_json::Map<String, Value>>) -> Value {
        let mut candidate = answer::candidate(self.choice, vec![part], ended);
        if let (Some(candidate), Some(more)) = (candidate.as_object_mut(), more) {
            candidate.extend(more);
        }
        Value::Array(vec![candidate])
    }

    /// While the model thinks, only the prompt is counted.
    fn usage_so_far(&self) -> Value {
        let whole = self.said.usage;
        let reasoning = if self.spoken > 0 { whole.reasoning } else { 0 };
        answer::usage(&Usage { input: whole.input, output: reasoning + self.spoken, reasoning, ..Usage::default() })
    }
}

/// The next piece of a text from an offset; `None` at its end.
fn piece_at(text: &str, from: usize) -> Option<String> {
    let left = text.get(from..).filter(|left| !left.is_empty())?;
    tokens::pieces(left).next().map(str::to_owned)
}
