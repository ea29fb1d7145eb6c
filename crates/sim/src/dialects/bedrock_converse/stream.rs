//! An answer of Converse as messages of an event stream: one for each piece, made when it is asked for. Blocks of text and
//! of reasoning open with their first piece; only those of calls have an opening of their own.

use super::{answer, frame};
use crate::body::{Event, Events};
use crate::random::Random;
use crate::said::{Said, Turn};
use crate::{seal, tokens};
use serde_json::{Map, Value, json};

/// Pieces of the input of a call that go into one message.
const INPUT_PIECES: usize = 3;
/// What hides how long a message is: so much of it as chance has it.
/// Source: <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html>
const PADDING: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

pub(super) fn events(said: &Said) -> Events {
    let turn = said.turns.first().cloned().unwrap_or_default();
    let seed = said.seed;
    let start = named("messageStart", json!({"role": "assistant"}), 0, seed);
    let end = ending(said, &turn);
    let middle = blocks(said, turn).into_iter().enumerate().flat_map(move |(index, block)| block.events(index, seed));
    Box::new(std::iter::once(start).chain(middle).chain(end))
}

fn ending(said: &Said, turn: &Turn) -> [Event; 2] {
    let mut stop = json!({"stopReason": answer::stop_reason(&turn.stop)});
    let mut last = json!({"metrics": answer::metrics(said), "usage": answer::usage(&said.usage)});
    let put = |object: &mut Value, name: &str, field: Option<Value>| {
        if let (Some(object), Some(field)) = (object.as_object_mut(), field) {
            object.insert(name.to_owned(), field);
        }
    };
    put(&mut stop, "additionalModelResponseFields", answer::more(said, turn));
    put(&mut last, "serviceTier", answer::tier(said));
    [named("messageStop", stop, 0, said.seed), named("metadata", last, 0, said.seed)]
}

/// A message with its padding.
fn named(name: &'static str, mut payload: Value, tokens: u64, seed: u64) -> Event {
    let mut random = Random::for_purpose(seed, &payload.to_string());
    let length = 2 + usize::try_from(random.below(60)).unwrap_or(0);
    if let Some(payload) = payload.as_object_mut() {
        payload.insert("p".to_owned(), PADDING.get(..length).unwrap_or(PADDING).into());
    }
    Event::new(frame::event(name, &payload), tokens)
}

fn blocks(said: &Said, turn: Turn) -> Vec<Block> {
    let mut blocks = Vec::new();
    let reasoning = |name: &str, value: String| json!({"reasoningContent": {name: value}});
    if !turn.reasoning.is_empty() {
        let signature = reasoning("signature", seal::signature(said.owner, &turn.reasoning));
        blocks.push(Block {
            opening: None,
            text: turn.reasoning.clone(),
            kind: Kind::Reasoning,
            last: Some(signature),
        });
        if turn.redacted {
            let last = Some(reasoning("redactedContent", answer::withheld(said)));
            blocks.push(Block { opening: None, text: String::new(), kind: Kind::Reasoning, last });
        }
    }
    if !turn.text.is_empty() {
        blocks.push(Block { opening: None, text: turn.text.clone(), kind: Kind::Text, last: None });
    }
    let ids = answer::call_ids(said, &turn);
    blocks.extend(turn.calls.into_iter().zip(ids).map(|(call, id)| Block {
        opening: Some(json!({"toolUse": {"name": call.name, "toolUseId": id}})),
        text: call.arguments,
        kind: Kind::Input,
        last: None,
    }));
    blocks
}

/// A block: how it opens if it does, the text that comes in pieces, and what comes after the pieces.
struct Block {
    opening: Option<Value>,
    text: String,
    kind: Kind,
    last: Option<Value>,
}

#[derive(Clone, Copy)]
enum Kind {
    Text,
    Reasoning,
    Input,
}

impl Block {
    fn events(self, index: usize, seed: u64) -> impl Iterator<Item = Event> + Send {
        let with_index = move |name: &'static str, field: Option<(&str, Value)>, tokens: u64| {
            let mut payload = Map::new();
            payload.insert("contentBlockIndex".to_owned(), index.into());
            payload.extend(field.map(|(name, value)| (name.to_owned(), value)));
            named(name, Value::Object(payload), tokens, seed)
        };
        let opening = self.opening.map(|start| with_index("contentBlockStart", Some(("start", start)), 0));
        let last = self.last.map(|delta| with_index("contentBlockDelta", Some(("delta", delta)), 0));
        let closing = with_index("contentBlockStop", None, 0);
        let (text, kind, mut from) = (self.text, self.kind, 0);
        let pieces = std::iter::from_fn(move || {
            let left = text.get(from..).filter(|left| !left.is_empty())?;
            let together = if matches!(kind, Kind::Input) { INPUT_PIECES } else { 1 };
            let piece: String = tokens::pieces(left).take(together).collect();
            from += piece.len();
            let delta = match kind {
                Kind::Text => json!({"text": piece}),
                Kind::Reasoning => json!({"reasoningContent": {"text": piece}}),
                Kind::Input => json!({"toolUse": {"input": piece}}),
            };
            Some(with_index("contentBlockDelta", Some(("delta", delta)), tokens::count(&piece)))
        });
        opening.into_iter().chain(pieces).chain(last).chain(std::iter::once(closing))
    }
}
