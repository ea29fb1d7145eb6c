//! A whole answer of Cohere's chat.

use crate::random::Random;
use crate::said::{Said, Stop, Turn, Usage};
use crate::tokens;
use serde_json::{Map, Value, json};

pub(super) fn whole(said: &Said) -> Value {
    let Some(turn) = said.turns.first() else {
        return Value::Null;
    };
    let mut message = Map::new();
    message.insert("role".to_owned(), "assistant".into());
    let content = content(turn);
    if !content.is_empty() {
        message.insert("content".to_owned(), content.into());
    }
    if !turn.calls.is_empty() {
        if !turn.text.is_empty() {
            message.insert("tool_plan".to_owned(), turn.text.clone().into());
        }
        let calls = turn.calls.iter().zip(call_ids(said, turn)).map(|(call, id)| {
            json!({"id": id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}})
        });
        message.insert("tool_calls".to_owned(), calls.collect());
    }
    let mut answer = Map::new();
    answer.insert("id".to_owned(), id(said).into());
    answer.insert("message".to_owned(), message.into());
    answer.insert("finish_reason".to_owned(), finish_reason(&turn.stop).into());
    answer.insert("usage".to_owned(), usage(&said.usage));
    if said.extras.top_logprobs.is_some() && turn.calls.is_empty() {
        answer
            .insert("logprobs".to_owned(), tokens::pieces(&turn.text).map(|piece| logprob(said.seed, piece)).collect());
    }
    Value::Object(answer)
}

/// Thoughts and text; what is said before calls is their plan and no content.
fn content(turn: &Turn) -> Vec<Value> {
    let mut content = Vec::new();
    if !turn.reasoning.is_empty() {
        content.push(json!({"type": "thinking", "thinking": turn.reasoning}));
    }
    if !turn.text.is_empty() && turn.calls.is_empty() {
        content.push(json!({"type": "text", "text": turn.text}));
    }
    content
}

pub(super) fn id(said: &Said) -> String {
    super::uuid(said.seed, "cohere")
}

/// Ids begin with the name of the tool.
pub(super) fn call_ids(said: &Said, turn: &Turn) -> Vec<String> {
    let mut random = Random::for_purpose(said.seed, "tool call");
    let id = |name: &str, random: &mut Random| {
        format!("{name}_{}", random.letters(12, b"abcdefghijklmnopqrstuvwxyz0123456789"))
    };
    turn.calls.iter().map(|call| id(&call.name, &mut random)).collect()
}

pub(super) fn finish_reason(stop: &Stop) -> &'static str {
    match stop {
        Stop::End => "COMPLETE",
        Stop::Length => "MAX_TOKENS",
        Stop::Sequence(_) => "STOP_SEQUENCE",
        Stop::Tools => "TOOL_CALL",
    }
}

/// Tokens as they are billed and as they were; the ones of prompts that the vendor adds itself are none here.
pub(super) fn usage(usage: &Usage) -> Value {
    let mut tokens = json!({"input_tokens": usage.input, "output_tokens": usage.output});
    if let (Some(tokens), true) = (tokens.as_object_mut(), usage.reasoning > 0) {
        tokens.insert("reasoning_tokens".to_owned(), usage.reasoning.into());
    }
    json!({
        "billed_units": {"input_tokens": usage.input, "output_tokens": usage.output},
        "tokens": tokens,
        "cached_tokens": usage.cache_read,
    })
}

/// The log probability of one piece, which is one token here.
pub(super) fn logprob(seed: u64, piece: &str) -> Value {
    let mut random = Random::for_purpose(seed, piece);
    json!({"token_ids": [random.below(200_000)], "text": piece, "logprobs": [-random.fraction() / 4.0]})
}
