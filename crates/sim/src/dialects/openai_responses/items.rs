//! The input of a Responses request: items, and how they must follow each other.

use crate::ask::{Ask, PromptPart};
use crate::check::{
    Field, Kind, Object, data_address, fields, is_base64, is_web_address, items, may, must, object, text,
};
use crate::dialects::Strictness;
use crate::failure::{Complaint, Place, Wrong};
use crate::random::digest_of;
use crate::seal;
use crate::tokens::{self, FILE_TOKENS, IMAGE_TOKENS, MESSAGE_TOKENS};
use serde_json::Value;

const STATUS: Field = may("status", Kind::OneOf(&["in_progress", "completed", "incomplete"]));
const ID: Field = may("id", Kind::Text);
/// The longest id of a call that the vendor takes.
const CALL_ID_MAX: usize = 64;

/// Reads the input into an [`Ask`].
pub(super) fn input(body: &Object, ask: &mut Ask, strictness: Strictness) -> Result<(), Complaint> {
    let at = Place::root().key("input");
    if let Some(whole) = text(body, "input") {
        ask.user_text = whole.to_owned();
        let tokens = MESSAGE_TOKENS + tokens::count(whole);
        ask.prompt.push(PromptPart { digest: digest_of(&Value::from(whole)), tokens, mark: None });
        return Ok(());
    }
    let mut open: Vec<String> = Vec::new();
    // A conversation that the vendor keeps may hold what the input refers to.
    let kept = body.get("conversation").is_some_and(|conversation| !conversation.is_null());
    for (index, item) in items(body, "input").iter().enumerate() {
        let at = at.index(index);
        let entry = object(&at, item)?;
        let kind = text(entry, "type").unwrap_or("message");
        if !kind.ends_with("_output") {
            ask.results.clear();
        }
        let tokens = match kind {
            "message" => message(&at, entry, ask)?,
            "reasoning" => reasoning(&at, entry, strictness)?,
            "function_call" | "custom_tool_call" => {
                open.push(call(&at, entry, kind)?);
                tokens::count(&item.to_string())
            }
            "function_call_output" | "custom_tool_call_output" => {
                let (id, said, tokens) = result(&at, entry)?;
                match open.iter().position(|call| *call == id) {
                    Some(known) => {
                        open.swap_remove(known);
                    }
                    None if kept => {}
                    None => {
                        let message = format!("No tool call found for function call output with call_id {id}.");
                        return Err(at.says(message));
                    }
                }
                ask.results.push(said);
                tokens
            }
            // What the vendor's own tools did is the vendor's own to check.
            _ => tokens::count(&item.to_string()),
        };
        ask.prompt.push(PromptPart { digest: digest_of(item), tokens, mark: None });
    }
    match open.first() {
        Some(id) => Err(at.says(format!("No tool output found for function call {id}."))),
        None => Ok(()),
    }
}

fn message(at: &Place, message: &Object, ask: &mut Ask) -> Result<u64, Complaint> {
    const MESSAGE: &[Field] = &[
        must("role", Kind::OneOf(&["user", "assistant", "system", "developer"])),
        must("content", Kind::TextOrArray),
        may("type", Kind::Text),
        may("phase", Kind::OneOf(&["commentary", "final_answer"])),
        ID,
        STATUS,
    ];
    fields(at, message, MESSAGE, false)?;
    let role = text(message, "role").unwrap_or_default();
    let (said, extra) = content(&at.key("content"), message.get("content"), role == "assistant")?;
    if role == "user" {
        ask.user_text.clone_from(&said);
    }
    Ok(MESSAGE_TOKENS + extra + tokens::count(&said))
}

/// The text of a content and the tokens of what is not text.
fn content(at: &Place, content: Option<&Value>, spoken: bool) -> Result<(String, u64), Complaint> {
    let list = match content {
        Some(Value::String(said)) => return Ok((said.clone(), 0)),
        Some(Value::Array(list)) => list,
        _ => return Ok((String::new(), 0)),
    };
    let (mut said, mut extra) = (String::new(), 0);
    for (index, part) in list.iter().enumerate() {
        let at = at.index(index);
        let part = object(&at, part)?;
        let kind = text(part, "type").unwrap_or_default();
        const SPOKEN: &[&str] = &["output_text", "refusal"];
        const TOLD: &[&str] = &["input_text", "input_image", "input_file", "input_audio"];
        let allowed = if spoken { SPOKEN } else { TOLD };
        if !allowed.contains(&kind) {
            return Err(at.key("type").wrong(Wrong::NotOneOf { allowed, found: kind.to_owned() }));
        }
        match kind {
            "input_text" => fields(
                &at,
                part,
                &[must("type", Kind::Text), must("text", Kind::Text), may("prompt_cache_breakpoint", Kind::Object)],
                false,
            )?,
            "output_text" => fields(
                &at,
                part,
                &[
                    must("type", Kind::Text),
                    must("text", Kind::Text),
                    may("annotations", Kind::Array),
                    may("logprobs", Kind::Array),
                ],
                false,
            )?,
            "refusal" => fields(&at, part, &[must("type", Kind::Text), must("refusal", Kind::Text)], false)?,
            "input_image" => extra += image(&at, part)?,
            "input_file" => extra += file(&at, part)?,
            _ => extra += FILE_TOKENS,
        }
        said.push_str(text(part, "text").or_else(|| text(part, "refusal")).unwrap_or_default());
    }
    Ok((said, extra))
}

fn image(at: &Place, part: &Object) -> Result<u64, Complaint> {
    const IMAGE: &[Field] = &[
        must("type", Kind::Text),
        may("image_url", Kind::Text),
        may("file_id", Kind::Text),
        may("detail", Kind::OneOf(&["low", "high", "auto", "original"])),
    ];
    fields(at, part, IMAGE, false)?;
    let good = match (text(part, "image_url"), text(part, "file_id")) {
        (Some(url), _) => {
            is_web_address(url)
                || data_address(url).is_some_and(|(kind, data)| kind.starts_with("image/") && is_base64(data))
        }
        (None, file) => file.is_some(),
    };
    if good {
        return Ok(IMAGE_TOKENS);
    }
    let message = "Invalid 'image_url'. Expected a valid URL or a base64-encoded data URL of an image.";
    Err(at.key("image_url").says_with_code("invalid_value", message))
}

fn file(at: &Place, part: &Object) -> Result<u64, Complaint> {
    const FILE: &[Field] = &[
        must("type", Kind::Text),
        may("file_data", Kind::Text),
        may("file_id", Kind::Text),
        may("file_url", Kind::Text),
        may("filename", Kind::Text),
    ];
    fields(at, part, FILE, false)?;
    if let Some(data) = text(part, "file_data") {
        if data_address(data).is_none_or(|(_, data)| !is_base64(data)) {
            let message = "Invalid 'file_data'. Expected a base64-encoded data URL with a media type.";
            return Err(at.key("file_data").says_with_code("invalid_value", message));
        }
        if text(part, "filename").is_none() {
            return Err(at.key("filename").wrong(Wrong::Missing));
        }
    } else if text(part, "file_id").is_none() && text(part, "file_url").is_none() {
        return Err(at.key("file_id").wrong(Wrong::Missing));
    }
    Ok(FILE_TOKENS)
}

fn reasoning(at: &Place, item: &Object, strictness: Strictness) -> Result<u64, Complaint> {
    const REASONING: &[Field] = &[
        must("type", Kind::Text),
        must("summary", Kind::Array),
        may("content", Kind::Array),
        may("encrypted_content", Kind::Text),
        may("format", Kind::Text),
        ID,
        STATUS,
    ];
    fields(at, item, REASONING, false)?;
    if let (Some(owner), Some(sealed)) = (strictness.signatures_of, text(item, "encrypted_content"))
        && !seal::is_withheld_by(owner, sealed)
    {
        let id = text(item, "id").unwrap_or_default();
        let message = format!("The encrypted content for item {id} could not be verified.");
        return Err(at.key("encrypted_content").says_with_code("invalid_encrypted_content", message));
    }
    Ok(tokens::count(&Value::Object(item.clone()).to_string()))
}

fn call(at: &Place, item: &Object, kind: &str) -> Result<String, Complaint> {
    let said = if kind == "function_call" { "arguments" } else { "input" };
    let list = [
        must("type", Kind::Text),
        must("call_id", Kind::Text),
        must("name", Kind::Text),
        must(said, Kind::Text),
        may("namespace", Kind::Text),
        ID,
        STATUS,
    ];
    fields(at, item, &list, false)?;
    let id = text(item, "call_id").unwrap_or_default();
    if id.len() > CALL_ID_MAX {
        let message = format!(
            "Invalid '{}': string too long. Expected a string with maximum length {CALL_ID_MAX}, but got a string with length {} instead.",
            at.key("call_id"),
            id.len()
        );
        return Err(at.key("call_id").says_with_code("string_above_max_length", message));
    }
    Ok(id.to_owned())
}

fn result(at: &Place, item: &Object) -> Result<(String, String, u64), Complaint> {
    const RESULT: &[Field] =
        &[must("type", Kind::Text), must("call_id", Kind::Text), must("output", Kind::TextOrArray), ID, STATUS];
    fields(at, item, RESULT, false)?;
    let (said, extra) = content(&at.key("output"), item.get("output"), false)?;
    let tokens = MESSAGE_TOKENS + extra + tokens::count(&said);
    Ok((text(item, "call_id").unwrap_or_default().to_owned(), said, tokens))
}
