//! The conversation of a Messages request: turns, content blocks, and how they must follow each other.

use super::check::mark;
use crate::ask::{Ask, PromptPart};
use crate::check::{Field, Kind, Object, fields, is_base64, is_web_address, may, must, object, text, type_name};
use crate::dialects::Strictness;
use crate::failure::{Complaint, Place, Wrong};
use crate::random::digest_of;
use crate::seal;
use crate::tokens::{self, FILE_TOKENS, IMAGE_TOKENS, MESSAGE_TOKENS};
use serde_json::Value;

/// Reads a conversation into an [`Ask`].
pub(super) struct Reader<'a> {
    pub(super) ask: &'a mut Ask,
    pub(super) strictness: Strictness,
    pub(super) must_start_with_thinking: bool,
}

/// What one message held.
#[derive(Default)]
struct Turn {
    text: String,
    results: Vec<(usize, String, String)>,
    calls: Vec<String>,
    extra: u64,
}

pub(super) fn conversation(reader: &mut Reader<'_>, list: &[Value]) -> Result<(), Complaint> {
    let at = Place::root().key("messages");
    if list.is_empty() {
        return Err(at.says("at least one message is required"));
    }
    // Calls of the message before, which this one has to answer.
    let mut open: Vec<String> = Vec::new();
    for (index, message) in list.iter().enumerate() {
        let at = at.index(index);
        let message = object(&at, message)?;
        const MESSAGE: &[Field] =
            &[must("role", Kind::OneOf(&["user", "assistant", "system"])), must("content", Kind::TextOrArray)];
        fields(&at, message, MESSAGE, false)?;
        let role = text(message, "role").unwrap_or_default();
        // Instructions may come in the middle of a conversation, where they cannot be told before it.
        if role == "system" && index == 0 {
            let found = role.to_owned();
            return Err(at.key("role").wrong(Wrong::NotOneOf { allowed: &["user", "assistant"], found }));
        }
        let is_last = index + 1 == list.len();
        let turn = one_message(reader, &at, message, role, is_last)?;
        if role == "user" {
            answered(&at, index, &open, &turn)?;
            open.clear();
            if !turn.text.is_empty() {
                reader.ask.user_text = turn.text;
            }
            reader.ask.results = turn.results.into_iter().map(|(_, _, said)| said).collect();
        } else {
            reader.ask.results.clear();
            unanswered(&at, &open)?;
            open = turn.calls;
        }
    }
    final_turn_thinks(reader, list)?;
    unanswered(&at.index(list.len() - 1), &open)
}

/// Every call must be answered in the very next message, and nothing else may be.
fn answered(at: &Place, index: usize, open: &[String], turn: &Turn) -> Result<(), Complaint> {
    for (block, id, _) in &turn.results {
        if !open.contains(id) {
            let message = format!(
                "unexpected `tool_use_id` found in `tool_result` blocks: {id}. Each `tool_result` block must have a corresponding `tool_use` block in the previous message."
            );
            return Err(at.key("content").index(*block).says(message));
        }
    }
    let left: Vec<String> =
        open.iter().filter(|id| !turn.results.iter().any(|(_, answered, _)| answered == *id)).cloned().collect();
    unanswered(&Place::root().key("messages").index(index.saturating_sub(1)), &left)
}

fn unanswered(at: &Place, open: &[String]) -> Result<(), Complaint> {
    if open.is_empty() {
        return Ok(());
    }
    let message = format!(
        "`tool_use` ids were found without `tool_result` blocks immediately after: {}. Each `tool_use` block must have a corresponding `tool_result` block in the next message.",
        open.join(", ")
    );
    Err(at.clone().says(message))
}

/// With thinking on, the turn that tool results answer must start with the thinking that led to the calls.
fn final_turn_thinks(reader: &Reader<'_>, list: &[Value]) -> Result<(), Complaint> {
    if !reader.must_start_with_thinking || reader.ask.results.is_empty() {
        return Ok(());
    }
    let Some(index) = list.iter().rposition(|message| message.get("role") == Some(&Value::from("assistant"))) else {
        return Ok(());
    };
    let first = list.get(index).and_then(|message| message.get("content")?.get(0)?.get("type")?.as_str());
    match first {
        None | Some("thinking" | "redacted_thinking") => Ok(()),
        Some(found) => {
            let message = format!(
                "Expected `thinking` or `redacted_thinking`, but found `{found}`. When `thinking` is enabled, a final `assistant` message must start with a thinking block (preceeding the lastmost set of `tool_use` and `tool_result` blocks)."
            );
            Err(Place::root().key("messages").index(index).key("content").index(0).key("type").says(message))
        }
    }
}

fn one_message(
    reader: &mut Reader<'_>,
    at: &Place,
    message: &Object,
    role: &str,
    is_last: bool,
) -> Result<Turn, Complaint> {
    let mut turn = Turn::default();
    let empty =
        || at.clone().says("all messages must have non-empty content except for the optional final assistant message");
    let part = |value: Value, tokens, mark| PromptPart { digest: digest_of(&value), tokens, mark };
    if let Some(whole) = text(message, "content") {
        if whole.is_empty() && !(is_last && role == "assistant") {
            return Err(empty());
        }
        turn.text = whole.to_owned();
        let block = serde_json::json!([role, {"type": "text", "text": whole}]);
        reader.ask.prompt.push(part(block, MESSAGE_TOKENS + tokens::count(whole), None));
        return Ok(turn);
    }
    let blocks = crate::check::items(message, "content");
    if blocks.is_empty() && !(is_last && role == "assistant") {
        return Err(empty());
    }
    let at = at.key("content");
    for (index, block) in blocks.iter().enumerate() {
        let at = at.index(index);
        let fields = object(&at, block)?;
        let before = tokens::count(&turn.text) + turn.extra;
        one_block(reader, &at, fields, role, index, &mut turn)?;
        let frame = if index == 0 { MESSAGE_TOKENS } else { 0 };
        let counted = frame + (tokens::count(&turn.text) + turn.extra).saturating_sub(before);
        let mut cached = fields.clone();
        cached.shift_remove("cache_control");
        reader.ask.prompt.push(part(serde_json::json!([role, cached]), counted, mark(&at, fields)?));
    }
    Ok(turn)
}

const KIND: Field = must("type", Kind::Text);
const CACHE: Field = may("cache_control", Kind::Object);

fn one_block(
    reader: &Reader<'_>,
    at: &Place,
    block: &Object,
    role: &str,
    index: usize,
    turn: &mut Turn,
) -> Result<(), Complaint> {
    let Some(kind) = text(block, "type") else {
        return Err(at.key("type").wrong(Wrong::Missing));
    };
    let named = at.key(kind);
    match (kind, role) {
        ("text", _) => {
            fields(&named, block, &[KIND, CACHE, must("text", Kind::Text), may("citations", Kind::Array)], false)?;
            let words = text(block, "text").unwrap_or_default();
            if words.is_empty() {
                return Err(Place::root().key("messages").says("text content blocks must be non-empty"));
            }
            if !turn.text.is_empty() {
                turn.text.push('\n');
            }
            turn.text.push_str(words);
        }
        ("image" | "document", "user") => {
            media(&named, block, kind)?;
            turn.extra += if kind == "image" { IMAGE_TOKENS } else { FILE_TOKENS };
        }
        ("tool_use", "assistant") => {
            let list = [
                KIND,
                CACHE,
                must("id", Kind::Text),
                must("name", Kind::Text),
                must("input", Kind::Any),
                may("caller", Kind::Object),
            ];
            fields(&named, block, &list, false)?;
            let Some(input) = block.get("input").filter(|input| input.is_object()) else {
                return Err(named.key("input").says("Input should be a valid dictionary"));
            };
            let id = text(block, "id").unwrap_or_default();
            if !crate::check::is_tool_name(id, 256) {
                return Err(named.key("id").wrong(Wrong::Pattern { pattern: "^[a-zA-Z0-9_-]+$" }));
            }
            if turn.calls.iter().any(|known| known == id) {
                return Err(Place::root().key("messages").says("`tool_use` ids must be unique"));
            }
            turn.extra += tokens::count(text(block, "name").unwrap_or_default()) + tokens::count(&input.to_string());
            turn.calls.push(id.to_owned());
        }
        ("tool_result", "user") => {
            let list = [
                KIND,
                CACHE,
                must("tool_use_id", Kind::Text),
                may("content", Kind::TextOrArray),
                may("is_error", Kind::Bool),
            ];
            fields(&named, block, &list, false)?;
            let said = result_text(&named.key("content"), block, turn)?;
            turn.extra += tokens::count(&said);
            turn.results.push((index, text(block, "tool_use_id").unwrap_or_default().to_owned(), said));
        }
        ("thinking", "assistant") => {
            fields(&named, block, &[KIND, must("thinking", Kind::Text), must("signature", Kind::Text)], false)?;
            let thinking = text(block, "thinking").unwrap_or_default();
            turn.extra += tokens::count(thinking);
            let made = |owner| text(block, "signature") == Some(seal::signature(owner, thinking).as_str());
            if reader.strictness.signatures_of.is_some_and(|owner| !made(owner)) {
                return Err(at.clone().says("Invalid `signature` in `thinking` block"));
            }
        }
        ("redacted_thinking", "assistant") => {
            fields(&named, block, &[KIND, must("data", Kind::Text)], false)?;
            let data = text(block, "data").unwrap_or_default();
            if reader.strictness.signatures_of.is_some_and(|owner| !seal::is_withheld_by(owner, data)) {
                return Err(at.clone().says("Invalid `data` in `redacted_thinking` block"));
            }
        }
        ("search_result" | "container_upload", "user") => turn.extra += FILE_TOKENS,
        // Blocks of tools that the vendor runs are taken as they come back.
        (kind, "assistant") if is_vendor_block(kind) => {
            turn.extra += tokens::count(&Value::Object(block.clone()).to_string())
        }
        (kind, _)
            if ["tool_use", "tool_result", "thinking", "redacted_thinking", "image", "document"].contains(&kind) =>
        {
            let other = if role == "user" { "assistant" } else { "user" };
            return Err(Place::root()
                .key("messages")
                .says(format!("`{kind}` blocks can only be in `{other}` messages")));
        }
        (kind, _) => {
            return Err(at
                .clone()
                .says(format!("Input tag '{kind}' found using 'type' does not match any of the expected tags")));
        }
    }
    Ok(())
}

fn is_vendor_block(kind: &str) -> bool {
    matches!(kind, "server_tool_use" | "mcp_tool_use" | "mcp_tool_result" | "compaction" | "search_result")
        || kind.ends_with("_tool_result")
}

/// The text of a tool's result; images in it are counted.
fn result_text(at: &Place, block: &Object, turn: &mut Turn) -> Result<String, Complaint> {
    if let Some(whole) = text(block, "content") {
        return Ok(whole.to_owned());
    }
    let mut said = String::new();
    for (index, inner) in crate::check::items(block, "content").iter().enumerate() {
        let at = at.index(index);
        let inner = object(&at, inner)?;
        match text(inner, "type") {
            Some("text") => {
                fields(
                    &at.key("text"),
                    inner,
                    &[KIND, CACHE, must("text", Kind::Text), may("citations", Kind::Array)],
                    false,
                )?;
                said.push_str(text(inner, "text").unwrap_or_default());
            }
            Some(kind @ ("image" | "document")) => {
                media(&at.key(kind), inner, kind)?;
                turn.extra += if kind == "image" { IMAGE_TOKENS } else { FILE_TOKENS };
            }
            Some("search_result" | "tool_reference") => turn.extra += FILE_TOKENS,
            Some(kind) => {
                return Err(
                    at.says(format!("Input tag '{kind}' found using 'type' does not match any of the expected tags"))
                );
            }
            None => return Err(at.key("type").wrong(Wrong::Missing)),
        }
    }
    Ok(said)
}

/// Checks an image or a document and where it comes from.
fn media(at: &Place, block: &Object, kind: &str) -> Result<(), Complaint> {
    const IMAGES: &[&str] = &["image/jpeg", "image/png", "image/gif", "image/webp"];
    const DOCUMENTS: &[&str] = &["application/pdf", "text/plain"];
    let list: &[Field] = match kind {
        "image" => &[KIND, CACHE, must("source", Kind::Object)],
        _ => &[
            KIND,
            CACHE,
            must("source", Kind::Object),
            may("citations", Kind::Object),
            may("context", Kind::Text),
            may("title", Kind::Text),
        ],
    };
    fields(at, block, list, false)?;
    let at = at.key("source");
    let Some(source) = block.get("source").and_then(Value::as_object) else {
        return Err(at.wrong(Wrong::Missing));
    };
    let from = text(source, "type").unwrap_or_default();
    let at = at.key(from);
    match from {
        "base64" => {
            let allowed = if kind == "image" { IMAGES } else { DOCUMENTS };
            fields(&at, source, &[KIND, must("media_type", Kind::OneOf(allowed)), must("data", Kind::Text)], false)?;
            match text(source, "data").is_some_and(is_base64) {
                true => Ok(()),
                false => Err(at.key("data").says("Invalid base64 data")),
            }
        }
        "url" => {
            fields(&at, source, &[KIND, must("url", Kind::Text)], false)?;
            match text(source, "url").is_some_and(is_web_address) {
                true => Ok(()),
                false => Err(at.key("url").says("Only HTTPS URLs are supported.")),
            }
        }
        "file" => fields(&at, source, &[KIND, must("file_id", Kind::Text)], false),
        "text" if kind == "document" => fields(
            &at,
            source,
            &[KIND, must("media_type", Kind::OneOf(&["text/plain"])), must("data", Kind::Text)],
            false,
        ),
        "content" if kind == "document" => fields(&at, source, &[KIND, must("content", Kind::TextOrArray)], false),
        _ => {
            let found = source.get("type").map_or("nothing", type_name);
            Err(at.says(format!(
                "Input tag '{from}' found using 'type' does not match any of the expected tags (a {found})"
            )))
        }
    }
}
