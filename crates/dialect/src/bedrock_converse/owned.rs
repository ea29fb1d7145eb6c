//! What only the account can read that made it. Source:
//! <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ReasoningContentBlock.html>

use crate::owned::{ELEMENT, Owned, Pieces, Place};
use serde_json::{Map, Value};
use switchtower_domain::Notice;

pub(super) static OWNED: Owned = Owned {
    requests: &[
        Place {
            path: &["messages", "*", "content", "*", "reasoningContent", "reasoningText", "signature"],
            without: ELEMENT,
        },
        Place { path: &["messages", "*", "content", "*", "reasoningContent", "redactedContent"], without: ELEMENT },
    ],
    answers: &[
        &["output", "message", "content", "*", "reasoningContent", "reasoningText", "signature"],
        &["output", "message", "content", "*", "reasoningContent", "redactedContent"],
        &["delta", "reasoningContent", "signature"],
        &["delta", "reasoningContent", "redactedContent"],
    ],
    signs: &["\"signature\"", "\"redactedContent\""],
    pieces: Some(Pieces {
        block: "contentBlockIndex",
        paths: &["delta.reasoningContent.signature", "delta.reasoningContent.redactedContent"],
    }),
    mend,
    files: &[],
    complaints: &["invalid `signature`", "`redacted_thinking` block"],
};

/// Turns alternate, and with a budget of thinking the turn that results answer begins with a thought, as with the
/// vendor's own dialect. Source: <https://docs.aws.amazon.com/bedrock/latest/userguide/claude-messages-extended-thinking.html>
fn mend(body: &mut Map<String, Value>, notices: &mut Vec<Notice>) {
    const FIELDS: &str = "additionalModelRequestFields";
    let Some(Value::Array(messages)) = body.get_mut("messages") else { return };
    merge_neighbours(messages);
    let amid_calls = is_amid_calls(messages);
    let Some(Value::Object(fields)) = body.get_mut(FIELDS).filter(|_| amid_calls) else { return };
    for name in ["thinking", "reasoning_config"] {
        if fields.get(name).and_then(|thinking| thinking.get("type")) == Some(&Value::from("enabled")) {
            fields.shift_remove(name);
            let reason = "is off until the turn has ended whose thoughts were left out";
            notices.push(Notice::meaning(format!("{FIELDS}.{name}"), reason));
        }
    }
}

fn merge_neighbours(messages: &mut Vec<Value>) {
    let mut merged: Vec<Value> = Vec::with_capacity(messages.len());
    for mut message in std::mem::take(messages) {
        let same = merged.last().is_some_and(|last| last.get("role") == message.get("role"));
        let before = merged.last_mut().filter(|_| same).and_then(|last| last.get_mut("content")?.as_array_mut());
        match (before, message.get_mut("content").and_then(Value::as_array_mut)) {
            (Some(before), Some(more)) => before.append(more),
            _ => merged.push(message),
        }
    }
    *messages = merged;
}

fn is_amid_calls(messages: &[Value]) -> bool {
    let said = messages.iter().rev().find(|message| message.get("role") == Some(&Value::from("assistant")));
    let Some(blocks) = said.and_then(|said| said.get("content")?.as_array()) else { return false };
    let thinks = blocks.first().is_some_and(|block| block.get("reasoningContent").is_some());
    !thinks && blocks.iter().any(|block| block.get("toolUse").is_some())
}
