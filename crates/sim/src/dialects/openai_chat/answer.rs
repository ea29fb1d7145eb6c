//! A whole Chat Completions answer.

use crate::random::Random;
use crate::said::{Said, Stop, Turn};
use crate::tokens;
use serde_json::{Map, Value, json};

pub(crate) fn whole(said: &Said) -> Value {
    let mut choices = Vec::new();
    for (index, turn) in said.turns.iter().enumerate() {
        let mut message = Map::new();
        message.insert("role".into(), "assistant".into());
        message.insert(
            "content".into(),
            if turn.text.is_empty() && !turn.calls.is_empty() { Value::Null } else { turn.text.clone().into() },
        );
        if !turn.reasoning.is_empty() {
            message.insert("reasoning_content".into(), turn.reasoning.clone().into());
        }
        if !turn.calls.is_empty() {
            let ids = call_ids(said, index, turn);
            let calls = turn.calls.iter().zip(ids).map(|(call, id)| {
                json!({"id": id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}})
            });
            message.insert("tool_calls".into(), calls.collect());
        }
        message.insert("refusal".into(), Value::Null);
        message.insert("annotations".into(), json!([]));
        choices.push(json!({
            "index": index,
            "message": message,
            "logprobs": logprobs(said, turn),
            "finish_reason": finish_reason(&turn.stop),
        }));
    }
    json!({
        "id": id(said),
        "object": "chat.completion",
        "created": said.created(),
        "model": said.model,
        "choices": choices,
        "usage": usage(said),
        "service_tier": service_tier(said),
        "system_fingerprint": fingerprint(said),
    })
}

pub(super) fn id(said: &Said) -> String {
    Random::for_purpose(said.seed, "chatcmpl").id("chatcmpl-", 29)
}

pub(super) fn fingerprint(said: &Said) -> String {
    format!("fp_{:010x}", said.owner.wrapping_mul(0x9e37_79b9) & 0xff_ffff_ffff)
}

pub(super) fn service_tier(said: &Said) -> String {
    match said.extras.service_tier.as_deref() {
        None | Some("auto") => "default".to_owned(),
        Some(tier) => tier.to_owned(),
    }
}

pub(super) fn call_ids(said: &Said, choice: usize, turn: &Turn) -> Vec<String> {
    let mut random = Random::for_purpose(said.seed.wrapping_add(choice as u64), "call");
    turn.calls.iter().map(|_| random.id("call_", 24)).collect()
}

pub(super) fn finish_reason(stop: &Stop) -> &'static str {
    match stop {
        Stop::End | Stop::Sequence(_) => "stop",
        Stop::Length => "length",
        Stop::Tools => "tool_calls",
    }
}

pub(super) fn usage(said: &Said) -> Value {
    let usage = said.usage;
    json!({
        "prompt_tokens": usage.input,
        "completion_tokens": usage.output,
        "total_tokens": usage.input + usage.output,
        "prompt_tokens_details": {"cached_tokens": usage.cache_read, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": usage.reasoning,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    })
}

fn logprobs(said: &Said, turn: &Turn) -> Value {
    let Some(alternatives) = said.extras.top_logprobs else {
        return Value::Null;
    };
    let content: Vec<Value> = tokens::pieces(&turn.text).map(|piece| logprob(said.seed, piece, alternatives)).collect();
    json!({"content": content, "refusal": null})
}

/// The log probability of one piece, with alternatives. The same piece has the same one wherever it stands.
pub(super) fn logprob(seed: u64, piece: &str, alternatives: u64) -> Value {
    let mut random = Random::for_purpose(seed, piece);
    let mut probability = -random.fraction() / 4.0;
    let own = json!({"token": piece, "logprob": probability, "bytes": piece.as_bytes()});
    let mut top: Vec<Value> = Vec::new();
    for number in 0..alternatives {
        if number == 0 {
            top.push(own.clone());
            continue;
        }
        probability -= 1.0 + random.fraction();
        let token = format!(" {}", crate::text::word(&mut random));
        top.push(json!({"token": token, "logprob": probability, "bytes": token.as_bytes()}));
    }
    let mut entry = own;
    entry
        .as_object_mut()
        .into_iter()
        .for_each(|entry| drop(entry.insert("top_logprobs".into(), Value::Array(top.clone()))));
    entry
}
