//! Counting tokens: <https://platform.openai.com/docs/api-reference/responses/input-tokens>

use crate::{Counting, Variant, keep_fields};
use serde_json::{Value, json};
use switchtower_domain::DialectId;

/// What a request for a count has in common with one for an answer.
const FIELDS: [&str; 11] = [
    "model",
    "input",
    "instructions",
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "text",
    "reasoning",
    "truncation",
    "conversation",
    "previous_response_id",
];

pub(super) struct Counter;

impl Counting for Counter {
    fn dialect(&self) -> DialectId {
        DialectId::OpenaiResponses
    }

    fn ask(&self, request: Value, _: &Variant) -> Value {
        keep_fields(request, &FIELDS)
    }

    fn counted(&self, answer: &Value) -> Option<u64> {
        answer.get("input_tokens")?.as_u64()
    }

    fn tell(&self, tokens: u64) -> Value {
        json!({"object": "response.input_tokens", "input_tokens": tokens})
    }
}
