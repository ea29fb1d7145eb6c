//! A whole Messages answer.

use crate::random::Random;
use crate::said::{Said, Stop, Turn};
use crate::seal;
use serde_json::{Value, json};

pub(super) fn whole(said: &Said) -> Value {
    let Some(turn) = said.turns.first() else {
        return Value::Null;
    };
    json!({
        "id": id(said),
        "type": "message",
        "role": "assistant",
        "model": said.model,
        "content": blocks(said, turn),
        "stop_reason": stop_reason(&turn.stop),
        "stop_sequence": stop_sequence(&turn.stop),
        "usage": usage(said, said.usage.output),
    })
}

/// The content blocks in order: thinking, withheld thinking, text, tool calls.
pub(super) fn blocks(said: &Said, turn: &Turn) -> Vec<Value> {
    let mut blocks = Vec::new();
    if !turn.reasoning.is_empty() {
        blocks.push(json!({"type": "thinking", "thinking": turn.reasoning, "signature": seal::signature(said.owner, &turn.reasoning)}));
        if turn.redacted {
            blocks.push(json!({"type": "redacted_thinking", "data": seal::withheld(said.owner, said.seed)}));
        }
    }
    if !turn.text.is_empty() {
        blocks.push(json!({"type": "text", "text": turn.text}));
    }
    let mut ids = Random::for_purpose(said.seed, "toolu");
    for call in &turn.calls {
        // Arguments that a limit cut short are no object; the real API leaves the input empty then.
        let input: Value = serde_json::from_str(&call.arguments).unwrap_or_else(|_| json!({}));
        blocks.push(json!({"type": "tool_use", "id": ids.id("toolu_01", 22), "name": call.name, "input": input}));
    }
    blocks
}

pub(super) fn id(said: &Said) -> String {
    Random::for_purpose(said.seed, "msg").id("msg_01", 22)
}

pub(super) fn stop_reason(stop: &Stop) -> &'static str {
    match stop {
        Stop::End => "end_turn",
        Stop::Length => "max_tokens",
        Stop::Sequence(_) => "stop_sequence",
        Stop::Tools => "tool_use",
    }
}

pub(super) fn stop_sequence(stop: &Stop) -> Option<&str> {
    match stop {
        Stop::Sequence(sequence) => Some(sequence),
        Stop::End | Stop::Length | Stop::Tools => None,
    }
}

pub(super) fn usage(said: &Said, output: u64) -> Value {
    let usage = said.usage;
    let written = usage.cache_write_5m + usage.cache_write_1h;
    json!({
        "input_tokens": usage.input.saturating_sub(usage.cache_read + written),
        "cache_creation_input_tokens": written,
        "cache_read_input_tokens": usage.cache_read,
        "cache_creation": {"ephemeral_5m_input_tokens": usage.cache_write_5m, "ephemeral_1h_input_tokens": usage.cache_write_1h},
        "output_tokens": output,
        "service_tier": "standard",
    })
}
