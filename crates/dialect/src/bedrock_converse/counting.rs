//! Counting tokens: <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_CountTokens.html>

use crate::{Counting, Json, Variant, keep_fields};
use serde_json::{Value, json};

/// What a request for a count has in common with one for an answer.
const FIELDS: [&str; 4] = ["messages", "system", "toolConfig", "additionalModelRequestFields"];

pub(super) struct Counter;

impl Counting for Counter {
    fn counted_request<'a>(&self, body: Json<'a>) -> Json<'a> {
        match body.get("input").and_then(|input| input.get("converse")) {
            Some(counted) => counted.clone(),
            None => body,
        }
    }

    fn ask(&self, request: Value, _: &Variant) -> Value {
        json!({"input": {"converse": keep_fields(request, &FIELDS)}})
    }

    fn counted(&self, answer: &Value) -> Option<u64> {
        answer.get("inputTokens")?.as_u64()
    }

    fn tell(&self, tokens: u64) -> Value {
        json!({"inputTokens": tokens})
    }
}
