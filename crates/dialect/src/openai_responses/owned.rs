//! What only the account can read that made it. Source:
//! <https://platform.openai.com/docs/guides/reasoning#encrypted-reasoning-items>

use crate::owned::{Owned, Place, Without};
use serde_json::{Map, Value};
use switchtower_domain::Notice;

pub(super) static OWNED: Owned = Owned {
    requests: &[Place {
        path: &["input", "*", "encrypted_content"],
        without: Without::Element { outward: 0, never: Some("compaction") },
    }],
    answers: &[
        &["output", "*", "encrypted_content"],
        &["item", "encrypted_content"],
        &["response", "output", "*", "encrypted_content"],
    ],
    signs: &["\"encrypted_content\""],
    mend,
    files: &[
        &["input", "*", "content", "*", "file_id"],
        &["input", "*", "output", "*", "file_id"],
        &["input", "*", "container_id"],
        &["tools", "*", "container"],
        &["tools", "*", "vector_store_ids", "*"],
    ],
    complaints: &["encrypted content", "encrypted_content"],
    ..Owned::NONE
};

/// What a thought led to is told without its id: with it the vendor asks for the thought. Ids of another account mean
/// nothing anyway.
fn mend(body: &mut Map<String, Value>, _: &mut Vec<Notice>) {
    let Some(Value::Array(items)) = body.get_mut("input") else { return };
    for item in items.iter_mut().filter_map(Value::as_object_mut) {
        if matches!(item.get("type").and_then(Value::as_str), Some("message" | "function_call" | "custom_tool_call")) {
            item.shift_remove("id");
        }
    }
}
