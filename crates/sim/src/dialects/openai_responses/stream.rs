//! A Responses answer as events: one for each piece, made when it is asked for.

use super::answer::{self, Item, ItemKind};
use crate::body::{Event, Events};
use crate::dialects::event_bytes;
use crate::said::Said;
use crate::tokens;
use serde_json::{Map, Value, json};

/// Pieces of the arguments of a call that go into one event.
const ARGUMENT_PIECES: usize = 3;

/// What an event says, and how many tokens it is worth.
type Told = (&'static str, Value, u64);

pub(super) fn events(said: Said) -> Events {
    let turn = said.turns.first().cloned().unwrap_or_default();
    let begun = answer::envelope(&said);
    let opening = ["response.created", "response.in_progress"].map(|kind| (kind, json!({"response": begun}), 0));
    let logprobs = said.extras.top_logprobs.map(|_| said.seed);
    let items = answer::items(&said, &turn);
    let middle = items.into_iter().enumerate().flat_map(move |(output, item)| told(output, item, logprobs));
    let ending = std::iter::once_with(move || {
        let whole = answer::whole(&said);
        let incomplete = whole.get("status").is_some_and(|status| status == "incomplete");
        (if incomplete { "response.incomplete" } else { "response.completed" }, json!({"response": whole}), 0)
    });
    let all = opening.into_iter().chain(middle).chain(ending).enumerate();
    Box::new(all.map(|(number, (kind, fields, tokens))| {
        let mut event = Map::new();
        event.insert("type".to_owned(), kind.into());
        event.insert("sequence_number".to_owned(), number.into());
        if let Value::Object(fields) = fields {
            event.extend(fields);
        }
        Event::new(event_bytes(Some(kind), &Value::Object(event)), tokens)
    }))
}

/// The events of one item: it begins, comes in pieces, is told whole, and ends.
fn told(output: usize, item: Item, logprobs: Option<u64>) -> impl Iterator<Item = Told> + Send {
    let Item { begun, whole, text, kind } = item;
    let id = begun.get("id").cloned().unwrap_or_default();
    let at = move |more: Value| {
        let mut fields = json!({"item_id": id, "output_index": output});
        let index = match kind {
            ItemKind::Reasoning => Some("summary_index"),
            ItemKind::Message => Some("content_index"),
            ItemKind::Call => None,
        };
        if let (Value::Object(fields), Value::Object(more)) = (&mut fields, more) {
            fields.extend(index.map(|index| (index.to_owned(), 0.into())));
            fields.extend(more);
        }
        fields
    };
    let (mut before, mut after): (Vec<Told>, Vec<Told>) = (Vec::new(), Vec::new());
    before.push(("response.output_item.added", json!({"output_index": output, "item": begun}), 0));
    let part = |text: &str| match kind {
        ItemKind::Reasoning => json!({"type": "summary_text", "text": text}),
        _ => json!({"type": "output_text", "annotations": [], "logprobs": [], "text": text}),
    };
    match kind {
        ItemKind::Reasoning if text.is_empty() => {}
        ItemKind::Reasoning => {
            before.push(("response.reasoning_summary_part.added", at(json!({"part": part("")})), 0));
            after.push(("response.reasoning_summary_text.done", at(json!({"text": text})), 0));
            after.push(("response.reasoning_summary_part.done", at(json!({"part": part(&text)})), 0));
        }
        ItemKind::Message => {
            before.push(("response.content_part.added", at(json!({"part": part("")})), 0));
            after.push(("response.output_text.done", at(json!({"text": text, "logprobs": []})), 0));
            after.push(("response.content_part.done", at(json!({"part": part(&text)})), 0));
        }
        ItemKind::Call => {
            after.push(("response.function_call_arguments.done", at(json!({"arguments": text})), 0));
        }
    }
    after.push(("response.output_item.done", json!({"output_index": output, "item": whole}), 0));
    let mut from = 0;
    let pieces = std::iter::from_fn(move || {
        let left = text.get(from..).filter(|left| !left.is_empty())?;
        let together = if kind == ItemKind::Call { ARGUMENT_PIECES } else { 1 };
        let piece: String = tokens::pieces(left).take(together).collect();
        from += piece.len();
        let count = tokens::count(&piece);
        Some(match kind {
            ItemKind::Reasoning => ("response.reasoning_summary_text.delta", at(json!({"delta": piece})), count),
            ItemKind::Message => {
                let logprobs: Vec<Value> = logprobs.map(|seed| answer::logprob(seed, &piece)).into_iter().collect();
                ("response.output_text.delta", at(json!({"delta": piece, "logprobs": logprobs})), count)
            }
            ItemKind::Call => ("response.function_call_arguments.delta", at(json!({"delta": piece})), count),
        })
    });
    before.into_iter().chain(pieces).chain(after)
}
