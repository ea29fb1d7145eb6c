//! A whole answer of Ollama.

use crate::random::Random;
use crate::said::{Said, Stop, Turn, Usage};
use crate::tokens;
use serde_json::{Map, Value, json};

/// How long a token takes, in nanoseconds.
const TOKEN_NS: u64 = 12_000_000;
/// How long a model takes to be there, in nanoseconds.
const LOAD_NS: u64 = 42_000_000;

pub(super) fn whole(said: &Said) -> Value {
    let turn = finished(said);
    let mut message = json!({"role": "assistant", "content": turn.text});
    if let Some(message) = message.as_object_mut() {
        if !turn.reasoning.is_empty() {
            message.insert("thinking".to_owned(), turn.reasoning.clone().into());
        }
        if !turn.calls.is_empty() {
            let ids = call_ids(said, &turn);
            let calls = ids.iter().enumerate().map(|(index, id)| call(&turn, index, id));
            message.insert("tool_calls".to_owned(), calls.collect());
        }
    }
    let mut answer = envelope(said, "message", message, Some(&turn));
    if let (Some(alternatives), Some(answer)) = (said.extras.top_logprobs, answer.as_object_mut()) {
        let told = tokens::pieces(&turn.text).map(|piece| logprob(said.seed, piece, alternatives));
        answer.insert("logprobs".to_owned(), told.collect());
    }
    answer
}

/// A text that was continued.
pub(crate) fn generated(said: &Said) -> Value {
    let turn = finished(said);
    let mut answer = envelope(said, "response", turn.text.clone().into(), Some(&turn));
    if let (Some(answer), false) = (answer.as_object_mut(), turn.reasoning.is_empty()) {
        answer.insert("thinking".to_owned(), turn.reasoning.into());
    }
    answer
}

/// What was said, without a call that a limit cut short; nothing where the model was only to be loaded.
pub(super) fn finished(said: &Said) -> Turn {
    if said.extras.loaded {
        return Turn::default();
    }
    let mut turn = said.turns.first().cloned().unwrap_or_default();
    turn.calls.retain(|call| serde_json::from_str::<Map<String, Value>>(&call.arguments).is_ok());
    turn
}

/// An answer or a piece of one around what it says; `ended` by this turn, or not yet.
pub(super) fn envelope(said: &Said, name: &str, told: Value, ended: Option<&Turn>) -> Value {
    let mut answer = Map::new();
    answer.insert("model".to_owned(), said.model.clone().into());
    answer.insert("created_at".to_owned(), moment(said.created()).into());
    answer.insert(name.to_owned(), told);
    answer.insert("done".to_owned(), ended.is_some().into());
    let Some(turn) = ended else {
        return Value::Object(answer);
    };
    if said.extras.loaded {
        answer.insert("done_reason".to_owned(), "load".into());
        return Value::Object(answer);
    }
    answer.insert("done_reason".to_owned(), done_reason(&turn.stop).into());
    if name == "response" {
        // The conversation so far by the numbers of its tokens.
        answer.insert("context".to_owned(), (0..said.usage.output.min(8)).map(Value::from).collect());
    }
    answer.extend(usage(&said.usage));
    Value::Object(answer)
}

/// Tokens, and how long they took, which is counted from them, never by a clock.
pub(crate) fn usage(usage: &Usage) -> Map<String, Value> {
    let mut told = Map::new();
    let (read, made) = (usage.input * TOKEN_NS / 10, usage.output * TOKEN_NS);
    for (name, number) in [
        ("total_duration", LOAD_NS + read + made),
        ("load_duration", LOAD_NS),
        ("prompt_eval_count", usage.input),
        ("prompt_eval_duration", read),
        ("eval_count", usage.output),
        ("eval_duration", made),
    ] {
        told.insert(name.to_owned(), number.into());
    }
    told
}

fn done_reason(stop: &Stop) -> &'static str {
    match stop {
        Stop::End | Stop::Sequence(_) | Stop::Tools => "stop",
        Stop::Length => "length",
    }
}

pub(super) fn call_ids(said: &Said, turn: &Turn) -> Vec<String> {
    let mut random = Random::for_purpose(said.seed, "tool call");
    let id = |random: &mut Random| format!("call_{}", random.letters(8, b"abcdefghijklmnopqrstuvwxyz0123456789"));
    turn.calls.iter().map(|_| id(&mut random)).collect()
}

/// One call, with its arguments as the object that they are.
pub(super) fn call(turn: &Turn, index: usize, id: &str) -> Value {
    let Some(call) = turn.calls.get(index) else {
        return Value::Null;
    };
    let arguments: Value = serde_json::from_str(&call.arguments).unwrap_or_else(|_| json!({}));
    json!({"id": id, "function": {"index": index, "name": call.name, "arguments": arguments}})
}

/// The log probability of one piece, with so many alternatives.
pub(super) fn logprob(seed: u64, piece: &str, alternatives: u64) -> Value {
    let one = |text: &str, number: u64| {
        let mut random = Random::for_purpose(seed ^ number, text);
        json!({"token": text, "logprob": -random.fraction() - number as f64, "bytes": text.as_bytes()})
    };
    let mut told = one(piece, 0);
    if let (Some(told), true) = (told.as_object_mut(), alternatives > 0) {
        let others = (0..alternatives).map(|number| one(piece, number));
        told.insert("top_logprobs".to_owned(), others.collect());
    }
    told
}

/// A moment in 2025, in seconds since 1970, as it is written in UTC.
fn moment(seconds: u64) -> String {
    const DAY_SECONDS: u64 = 86_400;
    const MONTHS: [u64; 12] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let of_day = seconds % DAY_SECONDS;
    // 2025 begins 20 089 days after 1970.
    let mut day = (seconds / DAY_SECONDS).saturating_sub(20_089);
    let mut month = 1;
    for days in MONTHS {
        if day < days {
            break;
        }
        day -= days;
        month += 1;
    }
    format!("2025-{month:02}-{:02}T{:02}:{:02}:{:02}Z", day + 1, of_day / 3_600, of_day / 60 % 60, of_day % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_written_out() {
        assert_eq!(moment(1_735_689_600), "2025-01-01T00:00:00Z");
        assert_eq!(moment(1_735_689_600 + 59 * 86_400 + 3_661), "2025-03-01T01:01:01Z");
        assert_eq!(moment(1_735_689_600 + 30_999_999), "2025-12-25T19:06:39Z");
    }
}
