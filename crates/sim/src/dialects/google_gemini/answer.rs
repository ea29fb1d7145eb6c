//! A whole Gemini answer.

use crate::random::Random;
use crate::said::{Said, Stop, Turn, Usage};
use crate::{seal, tokens};
use serde_json::{Map, Value, json};

/// Models of this word are of an earlier generation: their calls have no ids.
const EARLIER: &str = "mini";

pub(super) fn whole(said: &Said) -> Value {
    if said.extras.blocked {
        return blocked(said);
    }
    let candidates = said.turns.iter().enumerate().map(|(index, turn)| {
        let turn = finished(turn);
        let mut candidate = candidate(index, parts(said, index, &turn), Some(&turn));
        if let (Some(alternatives), Some(candidate)) = (said.extras.top_logprobs, candidate.as_object_mut()) {
            let pieces: Vec<&str> = tokens::pieces(&turn.text).collect();
            candidate.extend(logprobs(said.seed, &pieces, alternatives));
        }
        candidate
    });
    let candidates = candidates.collect();
    envelope(said, Some(candidates), usage(&said.usage))
}

/// What is said of a prompt that is refused.
pub(super) fn blocked(said: &Said) -> Value {
    let usage = Usage { input: said.usage.input, ..Usage::default() };
    let mut answer = envelope(said, None, self::usage(&usage));
    if let Some(answer) = answer.as_object_mut() {
        answer.insert("promptFeedback".to_owned(), json!({"blockReason": "PROHIBITED_CONTENT"}));
    }
    answer
}

/// An answer or a piece of one around its candidates.
pub(super) fn envelope(said: &Said, candidates: Option<Value>, usage: Value) -> Value {
    let mut answer = Map::new();
    answer.extend(candidates.map(|candidates| ("candidates".to_owned(), candidates)));
    answer.insert("usageMetadata".to_owned(), usage);
    answer.insert("modelVersion".to_owned(), said.model.clone().into());
    let id = Random::for_purpose(said.seed, "gemini").id("", 23);
    answer.insert("responseId".to_owned(), id.into());
    Value::Object(answer)
}

/// One candidate; `ended` by this turn, or not yet.
pub(super) fn candidate(index: usize, parts: Vec<Value>, ended: Option<&Turn>) -> Value {
    let mut content = Map::new();
    // An answer of nothing has no parts at all.
    if !parts.is_empty() {
        content.insert("parts".to_owned(), parts.into());
    }
    content.insert("role".to_owned(), "model".into());
    let mut candidate = Map::new();
    candidate.insert("content".to_owned(), content.into());
    if let Some(turn) = ended {
        candidate.insert("finishReason".to_owned(), finish_reason(&turn.stop).into());
        if turn.stop == Stop::Tools {
            candidate.insert("finishMessage".to_owned(), "Model generated function call(s).".into());
        }
    }
    candidate.insert("index".to_owned(), index.into());
    Value::Object(candidate)
}

/// The turn without a call that a limit cut short: what is no object is never told.
pub(super) fn finished(turn: &Turn) -> Turn {
    let mut turn = turn.clone();
    turn.calls.retain(|call| serde_json::from_str::<Map<String, Value>>(&call.arguments).is_ok());
    turn
}

fn parts(said: &Said, index: usize, turn: &Turn) -> Vec<Value> {
    let mut parts = Vec::new();
    if shows_thoughts(said, turn) {
        parts.push(json!({"text": turn.reasoning, "thought": true}));
    }
    let mut signature = signature(said, index, turn);
    if !turn.text.is_empty() {
        let mut part = json!({"text": bare(said, &turn.text)});
        // The first call carries the signature; without calls the text does.
        if turn.calls.is_empty() {
            sign(&mut part, signature.take());
        }
        parts.push(part);
    }
    for (at, id) in call_ids(said, index, turn).into_iter().enumerate() {
        let mut part = call(turn, at, id);
        sign(&mut part, signature.take());
        parts.push(part);
    }
    parts
}

/// What is shown of thoughts is a summary; whatever is withheld of them is in the signature.
pub(super) fn shows_thoughts(said: &Said, turn: &Turn) -> bool {
    said.extras.summarised && !turn.reasoning.is_empty()
}

/// The signature of a turn that was thought about.
pub(super) fn signature(said: &Said, index: usize, turn: &Turn) -> Option<String> {
    (!turn.reasoning.is_empty()).then(|| seal::withheld(said.owner, said.seed.wrapping_add(index as u64)))
}

pub(super) fn sign(part: &mut Value, signature: Option<String>) {
    if let (Some(part), Some(signature)) = (part.as_object_mut(), signature) {
        part.insert("thoughtSignature".to_owned(), signature.into());
    }
}

/// The part that is one call.
pub(super) fn call(turn: &Turn, at: usize, id: Option<String>) -> Value {
    let Some(call) = turn.calls.get(at) else {
        return Value::Null;
    };
    let arguments: Value = serde_json::from_str(&call.arguments).unwrap_or_else(|_| json!({}));
    let mut told = json!({"name": call.name, "args": arguments});
    if let (Some(told), Some(id)) = (told.as_object_mut(), id) {
        told.insert("id".to_owned(), id.into());
    }
    json!({"functionCall": told})
}

/// The id of each call, where the model gives ids.
pub(super) fn call_ids(said: &Said, index: usize, turn: &Turn) -> Vec<Option<String>> {
    let mut ids = Random::for_purpose(said.seed.wrapping_add(index as u64), "function call");
    let named = !said.model.contains(EARLIER);
    turn.calls.iter().map(|_| named.then(|| ids.letters(8, b"abcdefghijklmnopqrstuvwxyz0123456789"))).collect()
}

/// An answer that is a word of an enum comes without the quotes of JSON.
pub(super) fn bare<'a>(said: &Said, text: &'a str) -> &'a str {
    if said.extras.bare { text.trim_matches('"') } else { text }
}

fn finish_reason(stop: &Stop) -> &'static str {
    match stop {
        Stop::End | Stop::Sequence(_) | Stop::Tools => "STOP",
        Stop::Length => "MAX_TOKENS",
    }
}

/// Tokens, as they are told at the end: thoughts are counted apart from what is said, and both in the total.
pub(super) fn usage(usage: &Usage) -> Value {
    let mut told = Map::new();
    let spoken = usage.output.saturating_sub(usage.reasoning);
    let details = |tokens: u64| json!([{"modality": "TEXT", "tokenCount": tokens}]);
    told.insert("promptTokenCount".to_owned(), usage.input.into());
    if spoken > 0 {
        told.insert("candidatesTokenCount".to_owned(), spoken.into());
    }
    told.insert("totalTokenCount".to_owned(), (usage.input + usage.output).into());
    if usage.cache_read > 0 {
        told.insert("cachedContentTokenCount".to_owned(), usage.cache_read.into());
    }
    told.insert("promptTokensDetails".to_owned(), details(usage.input));
    if usage.cache_read > 0 {
        told.insert("cacheTokensDetails".to_owned(), details(usage.cache_read));
    }
    if usage.reasoning > 0 {
        told.insert("thoughtsTokenCount".to_owned(), usage.reasoning.into());
    }
    Value::Object(told)
}

/// The log probabilities of pieces of text, with so many alternatives each.
pub(super) fn logprobs(seed: u64, pieces: &[&str], alternatives: u64) -> Map<String, Value> {
    let one = |piece: &str, purpose: u64| {
        let mut random = Random::for_purpose(seed ^ purpose, piece);
        json!({"token": piece, "tokenId": random.below(200_000), "logProbability": random.fraction() - 1.0})
    };
    let chosen: Vec<Value> = pieces.iter().map(|piece| one(piece, 0)).collect();
    let sum: f64 = chosen.iter().filter_map(|token| token.get("logProbability")?.as_f64()).sum();
    let mean = if chosen.is_empty() { 0.0 } else { sum / chosen.len() as f64 };
    let others = |piece: &str| json!({"candidates": (0..alternatives).map(|at| one(piece, at)).collect::<Vec<_>>()});
    let top: Vec<Value> = pieces.iter().map(|piece| others(piece)).collect();
    let mut told = Map::new();
    told.insert("avgLogprobs".to_owned(), mean.into());
    told.insert("logprobsResult".to_owned(), json!({"topCandidates": top, "chosenCandidates": chosen}));
    told
}
