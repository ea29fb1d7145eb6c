//! A whole answer of Converse.

use crate::random::Random;
use crate::said::{Said, Stop, Turn, Usage};
use crate::seal;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Map, Value, json};

pub(super) fn whole(said: &Said) -> Value {
    let Some(turn) = said.turns.first() else {
        return Value::Null;
    };
    let mut answer = Map::new();
    answer.insert("metrics".to_owned(), metrics(said));
    answer.insert("output".to_owned(), json!({"message": {"role": "assistant", "content": blocks(said, turn)}}));
    answer.insert("stopReason".to_owned(), stop_reason(&turn.stop).into());
    answer.insert("usage".to_owned(), usage(&said.usage));
    answer.extend(more(said, turn).map(|more| ("additionalModelResponseFields".to_owned(), more)));
    answer.extend(tier(said).map(|tier| ("serviceTier".to_owned(), tier)));
    Value::Object(answer)
}

/// The blocks in order: reasoning, withheld reasoning, text, calls.
fn blocks(said: &Said, turn: &Turn) -> Vec<Value> {
    let mut blocks = Vec::new();
    if !turn.reasoning.is_empty() {
        let text = json!({"text": turn.reasoning, "signature": seal::signature(said.owner, &turn.reasoning)});
        blocks.push(json!({"reasoningContent": {"reasoningText": text}}));
        if turn.redacted {
            blocks.push(json!({"reasoningContent": {"redactedContent": withheld(said)}}));
        }
    }
    if !turn.text.is_empty() {
        blocks.push(json!({"text": turn.text}));
    }
    for (call, id) in turn.calls.iter().zip(call_ids(said, turn)) {
        // Arguments that a limit cut short are no object.
        let input: Value = serde_json::from_str(&call.arguments).unwrap_or_else(|_| json!({}));
        blocks.push(json!({"toolUse": {"toolUseId": id, "name": call.name, "input": input}}));
    }
    blocks
}

/// Withheld reasoning: bytes, which JSON has in base64.
pub(super) fn withheld(said: &Said) -> String {
    BASE64.encode(seal::withheld(said.owner, said.seed))
}

pub(super) fn call_ids(said: &Said, turn: &Turn) -> Vec<String> {
    let mut random = Random::for_purpose(said.seed, "tooluse");
    turn.calls.iter().map(|_| random.id("tooluse_", 22)).collect()
}

pub(super) fn stop_reason(stop: &Stop) -> &'static str {
    match stop {
        Stop::End => "end_turn",
        Stop::Length => "max_tokens",
        Stop::Sequence(_) => "stop_sequence",
        Stop::Tools => "tool_use",
    }
}

/// The fields of the model's own answer that were asked for by their paths; what it has not is passed over.
pub(super) fn more(said: &Said, turn: &Turn) -> Option<Value> {
    let sequence = match &turn.stop {
        Stop::Sequence(sequence) => json!(sequence),
        Stop::End | Stop::Length | Stop::Tools => Value::Null,
    };
    let mut fields = Map::new();
    for path in &said.extras.paths {
        match path.as_str() {
            "/stop_sequence" => drop(fields.insert("stop_sequence".to_owned(), sequence.clone())),
            // Where it stands in the last event of Anthropic's own stream.
            "/delta/stop_sequence" => drop(fields.insert("delta".to_owned(), json!({"stop_sequence": sequence}))),
            _ => {}
        }
    }
    (!fields.is_empty()).then_some(Value::Object(fields))
}

pub(super) fn tier(said: &Said) -> Option<Value> {
    said.extras.service_tier.as_ref().map(|tier| json!({"type": tier}))
}

/// How long it took, which is counted from the tokens, never by a clock.
pub(super) fn metrics(said: &Said) -> Value {
    json!({"latencyMs": 200 + 5 * said.usage.output})
}

/// What was read from the cache and written to it is no part of the input here. Each count of it is told by two names.
pub(super) fn usage(usage: &Usage) -> Value {
    let written = usage.cache_write_5m + usage.cache_write_1h;
    let mut told = json!({
        "cacheReadInputTokenCount": usage.cache_read,
        "cacheReadInputTokens": usage.cache_read,
        "cacheWriteInputTokenCount": written,
        "cacheWriteInputTokens": written,
        "inputTokens": usage.input.saturating_sub(usage.cache_read + written),
        "outputTokens": usage.output,
        "serverToolUsage": {},
        "totalTokens": usage.input + usage.output,
    });
    let details: Vec<Value> = [("1h", usage.cache_write_1h), ("5m", usage.cache_write_5m)]
        .into_iter()
        .filter(|(_, tokens)| *tokens > 0)
        .map(|(ttl, tokens)| json!({"inputTokens": tokens, "ttl": ttl}))
        .collect();
    if let (Some(told), false) = (told.as_object_mut(), details.is_empty()) {
        told.insert("cacheDetails".to_owned(), details.into());
    }
    told
}
