//! The versions of the API and what each does not take.
//! Source: <https://platform.claude.com/docs/en/api/migration-2026-10-21>

use crate::check::{Object, items};
use crate::failure::{Complaint, Place};
use http::HeaderMap;
use serde_json::Value;

const NEWEST: &str = "2026-10-21";
const OLDER: [&str; 2] = ["2023-06-01", "2023-01-01"];
const REMOVED: [&str; 3] = ["temperature", "top_p", "top_k"];

/// Checks that a version is named and known.
pub(super) fn check_named(headers: &HeaderMap) -> Result<(), Complaint> {
    match named(headers) {
        Some(version) if version == NEWEST || OLDER.contains(&version) => Ok(()),
        Some(other) => Err(Place::root().says(format!("anthropic-version: \"{other}\" is not a valid version"))),
        None => Err(Place::root().says("anthropic-version: header is required")),
    }
}

/// Checks that a body has nothing that the named version does not take.
pub(super) fn check_body(headers: &HeaderMap, body: &Object) -> Result<(), Complaint> {
    if named(headers) != Some(NEWEST) {
        return Ok(());
    }
    if let Some(field) = REMOVED.iter().find(|field| body.contains_key(**field)) {
        return Err(Place::root().says(format!("{field}: Extra inputs are not permitted")));
    }
    for (index, message) in items(body, "messages").iter().enumerate() {
        let assistant = message.get("role") == Some(&Value::from("assistant"));
        let blocks = message.get("content").and_then(Value::as_array);
        for (at, block) in blocks.into_iter().flatten().enumerate() {
            let at = Place::root().key("messages").index(index).key("content").index(at);
            let kind = block.get("type").and_then(Value::as_str);
            if assistant && kind == Some("document") {
                return Err(at.says("document blocks are not allowed in assistant messages"));
            }
            let cited = block.get("citations").and_then(Value::as_array).is_some_and(|citations| !citations.is_empty());
            if !assistant && kind == Some("text") && cited {
                return Err(at.says("citations are not allowed in user messages"));
            }
        }
    }
    Ok(())
}

fn named(headers: &HeaderMap) -> Option<&str> {
    headers.get("anthropic-version")?.to_str().ok()
}
