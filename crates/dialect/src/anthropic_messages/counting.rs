//! Counting tokens: <https://platform.claude.com/docs/en/api/messages/count_tokens>

use crate::{Counting, Variant, keep_fields};
use serde_json::{Value, json};
use switchtower_domain::DialectId;

/// What a request for a count has in common with one for an answer.
const FIELDS: [&str; 9] = [
    "model",
    "messages",
    "system",
    "tools",
    "tool_choice",
    "thinking",
    "output_config",
    "cache_control",
    "mcp_servers",
];

pub(super) struct Counter;

impl Counting for Counter {
    fn dialect(&self) -> DialectId {
        DialectId::AnthropicMessages
    }

    fn ask(&self, request: Value, _: &Variant) -> Value {
        keep_fields(request, &FIELDS)
    }

    fn counted(&self, answer: &Value) -> Option<u64> {
        answer.get("input_tokens")?.as_u64()
    }

    fn tell(&self, tokens: u64) -> Value {
        json!({"input_tokens": tokens})
    }
}
