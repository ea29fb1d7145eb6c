//! A whole Responses answer.

use crate::random::Random;
use crate::said::{Said, Stop, Turn};
use crate::{seal, tokens};
use serde_json::{Value, json};

pub(super) fn whole(said: &Said) -> Value {
    let turn = said.turns.first().cloned().unwrap_or_default();
    let mut answer = envelope(said);
    let incomplete = turn.stop == Stop::Length;
    let output: Vec<Value> = items(said, &turn).into_iter().map(|item| item.whole).collect();
    for (key, value) in [
        ("status", if incomplete { "incomplete" } else { "completed" }.into()),
        ("incomplete_details", if incomplete { json!({"reason": "max_output_tokens"}) } else { Value::Null }),
        ("output", output.into()),
        ("usage", usage(said)),
    ] {
        if let Some(field) = answer.get_mut(key) {
            *field = value;
        }
    }
    answer
}

/// The answer before anything is said.
pub(super) fn envelope(said: &Said) -> Value {
    let tier = said.extras.service_tier.as_deref().filter(|tier| *tier != "auto").unwrap_or("default");
    json!({
        "id": Random::for_purpose(said.seed, "resp").id("resp_", 48),
        "object": "response",
        "created_at": said.created(),
        "status": "in_progress",
        "background": false,
        "error": null,
        "incomplete_details": null,
        "instructions": null,
        "max_output_tokens": null,
        "model": said.model,
        "output": [],
        "parallel_tool_calls": true,
        "previous_response_id": null,
        "reasoning": {"effort": null, "summary": null},
        "service_tier": tier,
        "store": false,
        "temperature": 1.0,
        "text": {"format": {"type": "text"}, "verbosity": "medium"},
        "tool_choice": "auto",
        "tools": [],
        "top_logprobs": said.extras.top_logprobs.unwrap_or(0),
        "top_p": 1.0,
        "truncation": "disabled",
        "usage": null,
        "user": null,
        "metadata": {},
    })
}

/// One item of the answer, as it is when it begins and when it ends, and the text that comes in pieces between.
pub(super) struct Item {
    pub(super) begun: Value,
    pub(super) whole: Value,
    pub(super) text: String,
    pub(super) kind: ItemKind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum ItemKind {
    Reasoning,
    Message,
    Call,
}

/// The items in order: reasoning, message, calls.
pub(super) fn items(said: &Said, turn: &Turn) -> Vec<Item> {
    let mut items = Vec::new();
    if !turn.reasoning.is_empty() {
        let id = Random::for_purpose(said.seed, "rs").id("rs_", 48);
        let text = if said.extras.summarised { turn.reasoning.clone() } else { String::new() };
        let summary = if text.is_empty() { json!([]) } else { json!([{"type": "summary_text", "text": text}]) };
        let mut begun = json!({"id": id, "type": "reasoning", "summary": []});
        let mut whole = json!({"id": id, "type": "reasoning", "summary": summary});
        if said.extras.sealed {
            let sealed = seal::withheld(said.owner, said.seed);
            for item in [&mut begun, &mut whole] {
                if let Some(item) = item.as_object_mut() {
                    item.insert("encrypted_content".to_owned(), sealed.clone().into());
                }
            }
        }
        items.push(Item { begun, whole, text, kind: ItemKind::Reasoning });
    }
    let status = if turn.stop == Stop::Length { "incomplete" } else { "completed" };
    if !turn.text.is_empty() || turn.calls.is_empty() {
        let id = Random::for_purpose(said.seed, "msg").id("msg_", 48);
        let logprobs: Vec<Value> = match said.extras.top_logprobs {
            Some(_) => tokens::pieces(&turn.text).map(|piece| logprob(said.seed, piece)).collect(),
            None => Vec::new(),
        };
        let content = json!([{"type": "output_text", "annotations": [], "logprobs": logprobs, "text": turn.text}]);
        let message = |status: &str, content: Value| json!({"id": id, "type": "message", "status": status, "content": content, "role": "assistant"});
        items.push(Item {
            begun: message("in_progress", json!([])),
            whole: message(status, content),
            text: turn.text.clone(),
            kind: ItemKind::Message,
        });
    }
    let mut ids = Random::for_purpose(said.seed, "call");
    for call in &turn.calls {
        let (id, call_id) = (ids.id("fc_", 48), ids.id("call_", 24));
        let item = |status: &str, arguments: &str| json!({"id": id, "type": "function_call", "status": status, "arguments": arguments, "call_id": call_id, "name": call.name});
        items.push(Item {
            begun: item("in_progress", ""),
            whole: item(status, &call.arguments),
            text: call.arguments.clone(),
            kind: ItemKind::Call,
        });
    }
    items
}

pub(super) fn logprob(seed: u64, token: &str) -> Value {
    let certainty = Random::for_purpose(seed ^ tokens::count(token), token).below(1_000);
    let certainty = f64::from(u32::try_from(certainty).unwrap_or(0)) / -1_000.0;
    json!({"token": token, "logprob": certainty, "bytes": token.as_bytes(), "top_logprobs": []})
}

pub(super) fn usage(said: &Said) -> Value {
    let usage = said.usage;
    json!({
        "input_tokens": usage.input,
        "input_tokens_details": {"cached_tokens": usage.cache_read, "cache_write_tokens": 0},
        "output_tokens": usage.output,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning},
        "total_tokens": usage.input + usage.output,
    })
}
