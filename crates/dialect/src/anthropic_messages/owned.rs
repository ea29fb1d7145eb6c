//! What only the account can read that made it. Source: <https://platform.claude.com/docs/en/build-with-claude/extended-thinking>

use crate::owned::{ELEMENT, Owned, Path, Pieces, Place, Without};
use serde_json::{Map, Value};
use switchtower_domain::Notice;

pub(super) static OWNED: Owned = Owned {
    requests: &[
        Place { path: &["messages", "*", "content", "*", "signature"], without: ELEMENT },
        Place { path: &["messages", "*", "content", "*", "data"], without: ELEMENT },
        Place {
            path: &["messages", "*", "content", "*", "encrypted_content"],
            without: Without::Element { outward: 0, never: Some("compaction") },
        },
        // The results of a search go as a whole, and the call with them.
        Place {
            path: &["messages", "*", "content", "*", "content", "*", "encrypted_content"],
            without: Without::Element { outward: 1, never: None },
        },
        Place { path: &["messages", "*", "content", "*", "content", "encrypted_content"], without: ELEMENT },
        Place { path: &["messages", "*", "content", "*", "content", "encrypted_stdout"], without: ELEMENT },
        Place { path: &["messages", "*", "content", "*", "citations", "*", "encrypted_index"], without: ELEMENT },
        Place { path: &["container"], without: Without::Member },
        Place { path: &["container", "id"], without: Without::Member },
    ],
    answers: ANSWERS,
    signs: &["\"signature\"", "redacted", "\"encrypted_", "\"container\""],
    pieces: Some(Pieces { block: "index", paths: &["delta.signature"] }),
    mend,
    files: &[
        &["messages", "*", "content", "*", "source", "file_id"],
        &["messages", "*", "content", "*", "file_id"],
        &["messages", "*", "content", "*", "content", "*", "source", "file_id"],
        &["container"],
        &["container", "id"],
    ],
    complaints: &["invalid `signature`", "`redacted_thinking` block", "invalid `encrypted_"],
};

const ANSWERS: &[Path] = &[
    &["content", "*", "signature"],
    &["content", "*", "data"],
    &["content", "*", "encrypted_content"],
    &["content", "*", "content", "*", "encrypted_content"],
    &["content", "*", "content", "encrypted_content"],
    &["content", "*", "content", "encrypted_stdout"],
    &["content", "*", "citations", "*", "encrypted_index"],
    &["container", "id"],
    &["message", "container", "id"],
    &["content_block", "signature"],
    &["content_block", "data"],
    &["content_block", "encrypted_content"],
    &["content_block", "content", "*", "encrypted_content"],
    &["content_block", "content", "encrypted_content"],
    &["content_block", "content", "encrypted_stdout"],
    &["delta", "signature"],
    &["delta", "encrypted_content"],
    &["delta", "citation", "encrypted_index"],
    &["delta", "container", "id"],
];

/// With a budget of thinking, the turn that results answer must begin with the thought that led to the calls. Where that
/// went, the vendor's way is to do without thinking until the turn has ended. Source:
/// <https://platform.claude.com/docs/en/build-with-claude/extended-thinking#toggling-thinking-modes-in-conversations>
fn mend(body: &mut Map<String, Value>, notices: &mut Vec<Notice>) {
    let enabled = body.get("thinking").and_then(|thinking| thinking.get("type")) == Some(&Value::from("enabled"));
    if enabled && is_amid_calls(body) {
        body.shift_remove("thinking");
        notices.push(Notice::meaning("thinking", "is off until the turn has ended whose thoughts were left out"));
    }
}

/// Whether results are told for a turn that does not begin with a thought.
fn is_amid_calls(body: &Map<String, Value>) -> bool {
    let Some(messages) = body.get("messages").and_then(Value::as_array) else { return false };
    let said = messages.iter().rev().find(|message| message.get("role") == Some(&Value::from("assistant")));
    let Some(blocks) = said.and_then(|said| said.get("content")?.as_array()) else { return false };
    let kind = |block: &Value| block.get("type").and_then(Value::as_str).map(str::to_owned);
    let thinks = blocks.first().and_then(kind).is_some_and(|kind| kind.ends_with("thinking"));
    !thinks && blocks.iter().any(|block| kind(block).as_deref() == Some("tool_use"))
}
