//! A Messages answer as events: one for each piece, made when it is asked for.

use super::answer;
use crate::body::{Event, Events};
use crate::dialects::event_bytes;
use crate::said::{Said, Stop};
use crate::tokens;
use serde_json::{Value, json};

/// Pieces of the input of a call that go into one event.
const INPUT_PIECES: usize = 3;

pub(super) fn events(said: &Said) -> Events {
    let turn = said.turns.first().cloned().unwrap_or_default();
    let start = json!({"type": "message_start", "message": {
        "id": answer::id(said), "type": "message", "role": "assistant", "model": said.model, "content": [],
        "stop_reason": null, "stop_sequence": null, "usage": answer::usage(said, 1),
    }});
    let mut inputs = turn.calls.iter().map(|call| call.arguments.clone());
    let blocks: Vec<Block> =
        answer::blocks(said, &turn).into_iter().map(|block| Block::of(block, &mut inputs)).collect();
    let end = ending(said, &turn.stop);
    let ping = Event::new(event_bytes(Some("ping"), &json!({"type": "ping"})), 0);
    let mut middle = blocks.into_iter().enumerate().flat_map(|(index, block)| block.events(index));
    // The first block opens before the ping, as recorded streams do.
    let first = middle.next();
    Box::new(std::iter::once(named(&start, 0)).chain(first).chain(std::iter::once(ping)).chain(middle).chain(end))
}

fn ending(said: &Said, stop: &Stop) -> [Event; 2] {
    let delta = json!({
        "type": "message_delta",
        "delta": {"stop_reason": answer::stop_reason(stop), "stop_sequence": answer::stop_sequence(stop)},
        "usage": answer::usage(said, said.usage.output),
    });
    [named(&delta, 0), named(&json!({"type": "message_stop"}), 0)]
}

fn named(data: &Value, tokens: u64) -> Event {
    Event::new(event_bytes(data.get("type").and_then(Value::as_str), data), tokens)
}

/// A content block: how it opens, the text that comes in pieces, and what comes after the pieces.
struct Block {
    opening: Value,
    text: String,
    delta: Delta,
    signature: Option<Value>,
}

#[derive(Clone, Copy)]
enum Delta {
    Text,
    Thinking,
    Input,
}

impl Block {
    fn of(mut block: Value, inputs: &mut impl Iterator<Item = String>) -> Self {
        let mut take = |key: &str, empty: Value| block.get_mut(key).map(|field| std::mem::replace(field, empty));
        let words =
            |value: Option<Value>| value.and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default();
        if let Some(thinking) = take("thinking", "".into()) {
            let signature = take("signature", "".into());
            return Self { text: words(Some(thinking)), delta: Delta::Thinking, signature, opening: block };
        }
        if take("input", json!({})).is_some() {
            return Self {
                text: inputs.next().unwrap_or_default(),
                delta: Delta::Input,
                signature: None,
                opening: block,
            };
        }
        let text = words(take("text", "".into()));
        Self { text, delta: Delta::Text, signature: None, opening: block }
    }

    fn events(self, index: usize) -> impl Iterator<Item = Event> + Send {
        let opening = named(&json!({"type": "content_block_start", "index": index, "content_block": self.opening}), 0);
        let closing = named(&json!({"type": "content_block_stop", "index": index}), 0);
        let sealed = self.signature.map(|signature| {
            let delta = json!({"type": "signature_delta", "signature": signature});
            named(&json!({"type": "content_block_delta", "index": index, "delta": delta}), 0)
        });
        let (text, delta, mut from) = (self.text, self.delta, 0);
        let pieces = std::iter::from_fn(move || {
            let left = text.get(from..).filter(|left| !left.is_empty())?;
            let together = if matches!(delta, Delta::Input) { INPUT_PIECES } else { 1 };
            let piece: String = tokens::pieces(left).take(together).collect();
            from += piece.len();
            let data = match delta {
                Delta::Text => json!({"type": "text_delta", "text": piece}),
                Delta::Thinking => json!({"type": "thinking_delta", "thinking": piece}),
                Delta::Input => json!({"type": "input_json_delta", "partial_json": piece}),
            };
            Some(named(&json!({"type": "content_block_delta", "index": index, "delta": data}), tokens::count(&piece)))
        });
        std::iter::once(opening).chain(pieces).chain(sealed).chain(std::iter::once(closing))
    }
}
