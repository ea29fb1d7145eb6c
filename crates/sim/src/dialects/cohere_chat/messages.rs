//! The conversation of a chat request: messages by their roles, and how they must follow each other.

use crate::ask::{Ask, PromptPart};
use crate::check::{
    Field, Kind, Object, data_address, fields, is_base64, is_web_address, items, may, must, object, text, type_name,
};
use crate::failure::{Complaint, Place, Wrong};
use crate::random::digest_of;
use crate::tokens::{self, FILE_TOKENS, IMAGE_TOKENS, MESSAGE_TOKENS};
use serde_json::Value;

const ROLE: Field = must("role", Kind::OneOf(&["user", "assistant", "system", "tool"]));

pub(super) fn conversation(body: &Object, ask: &mut Ask) -> Result<(), Complaint> {
    let at = Place::root().key("messages");
    let list = items(body, "messages");
    if list.is_empty() {
        return Err(at.wrong(Wrong::EmptyArray));
    }
    // Ids of calls that still want an answer.
    let mut open: Vec<String> = Vec::new();
    for (index, message) in list.iter().enumerate() {
        let at = at.index(index);
        let message = object(&at, message)?;
        fields(&at, message, &[ROLE], true)?;
        let role = text(message, "role").unwrap_or_default();
        if role != "tool" {
            all_answered(&open)?;
            ask.results.clear();
        }
        let mut said = String::new();
        let mut extra = content(&at, message, role, &mut said)?;
        match role {
            "user" => ask.user_text = said.clone(),
            "tool" => {
                answers(&at, message, &mut open)?;
                ask.results.push(said.clone());
            }
            "assistant" => open = calls(&at, message, &mut extra)?,
            _ => {}
        }
        let counted = MESSAGE_TOKENS + extra + tokens::count(&said);
        ask.prompt.push(PromptPart { digest: digest_of(&Value::Object(message.clone())), tokens: counted, mark: None });
    }
    all_answered(&open)
}

fn all_answered(open: &[String]) -> Result<(), Complaint> {
    if open.is_empty() {
        return Ok(());
    }
    let message = format!(
        "invalid request: messages with tool calls must be followed by tool messages; these tool calls have no result: {}",
        open.join(", ")
    );
    Err(Place::root().key("messages").says(message))
}

fn answers(at: &Place, message: &Object, open: &mut Vec<String>) -> Result<(), Complaint> {
    let id = text(message, "tool_call_id").unwrap_or_default();
    match open.iter().position(|known| known == id) {
        Some(found) => {
            open.swap_remove(found);
            Ok(())
        }
        None => {
            let message =
                format!("invalid request: tool_call_id '{id}' is not found in the previous assistant message");
            Err(at.key("tool_call_id").says(message))
        }
    }
}

/// Checks the content of a message, collects its text and gives the tokens of what is not text.
fn content(at: &Place, message: &Object, role: &str, said: &mut String) -> Result<u64, Complaint> {
    let list: &[Field] = match role {
        "assistant" => &[
            ROLE,
            may("content", Kind::TextOrArray),
            may("tool_plan", Kind::Text),
            may("tool_calls", Kind::Array),
            may("citations", Kind::Array),
        ],
        "tool" => &[ROLE, must("content", Kind::TextOrArray), must("tool_call_id", Kind::Text)],
        _ => &[ROLE, must("content", Kind::TextOrArray)],
    };
    fields(at, message, list, false)?;
    if let Some(plain) = text(message, "content") {
        said.push_str(plain);
        return Ok(0);
    }
    let parts = items(message, "content");
    let calls = !items(message, "tool_calls").is_empty();
    if parts.is_empty() && !(role == "assistant" && calls) {
        return Err(at.key("content").wrong(Wrong::EmptyArray));
    }
    let mut extra = text(message, "tool_plan").map_or(0, tokens::count);
    for (index, part) in parts.iter().enumerate() {
        extra += one_part(&at.key("content").index(index), part, role, said)?;
    }
    Ok(extra)
}

fn one_part(at: &Place, part: &Value, role: &str, said: &mut String) -> Result<u64, Complaint> {
    const KIND: Field = must("type", Kind::Text);
    let part = object(at, part)?;
    let kind = text(part, "type").unwrap_or_default();
    match (kind, role) {
        ("text", _) => {
            fields(at, part, &[KIND, must("text", Kind::Text)], false)?;
            if !said.is_empty() {
                said.push('\n');
            }
            said.push_str(text(part, "text").unwrap_or_default());
            Ok(0)
        }
        ("thinking", "assistant") => {
            fields(at, part, &[KIND, must("thinking", Kind::Text)], false)?;
            Ok(text(part, "thinking").map_or(0, tokens::count))
        }
        ("image_url", "user") => {
            fields(at, part, &[KIND, must("image_url", Kind::Object)], false)?;
            image(&at.key("image_url"), part.get("image_url").unwrap_or(&Value::Null))?;
            Ok(IMAGE_TOKENS)
        }
        ("document", "tool") => {
            fields(at, part, &[KIND, must("document", Kind::Object)], false)?;
            let inner = part.get("document").unwrap_or(&Value::Null);
            document(&at.key("document"), inner)?;
            said.push_str(&inner.get("data").map(Value::to_string).unwrap_or_default());
            Ok(FILE_TOKENS)
        }
        ("", _) => Err(at.key("type").wrong(Wrong::Missing)),
        (kind, role) => {
            let message =
                format!("invalid request: content of type '{kind}' is not allowed in messages with role '{role}'");
            Err(at.key("type").says(message))
        }
    }
}

fn image(at: &Place, image: &Value) -> Result<(), Complaint> {
    const TYPES: &[&str] = &["image/png", "image/jpeg", "image/jpg", "image/gif", "image/webp"];
    let image = object(at, image)?;
    const IMAGE: &[Field] = &[must("url", Kind::Text), may("detail", Kind::OneOf(&["auto", "low", "high"]))];
    fields(at, image, IMAGE, false)?;
    let url = text(image, "url").unwrap_or_default();
    let inline = data_address(url).is_some_and(|(kind, data)| TYPES.contains(&kind) && is_base64(data));
    match inline || is_web_address(url) {
        true => Ok(()),
        false => Err(at.key("url").says("invalid request: image_url must be a valid URL or a base64 encoded image")),
    }
}

/// Checks a document: an object of named texts, or one text.
pub(super) fn document(at: &Place, document: &Value) -> Result<(), Complaint> {
    let document = object(at, document)?;
    fields(at, document, &[must("data", Kind::TextOrObject), may("id", Kind::Text)], false)
}

/// Checks the calls of an assistant's message and gives their ids; adds their tokens.
fn calls(at: &Place, message: &Object, tokens: &mut u64) -> Result<Vec<String>, Complaint> {
    let at = at.key("tool_calls");
    let mut ids: Vec<String> = Vec::new();
    for (index, call) in items(message, "tool_calls").iter().enumerate() {
        let at = at.index(index);
        let call = object(&at, call)?;
        const CALL: &[Field] =
            &[must("id", Kind::Text), must("type", Kind::OneOf(&["function"])), must("function", Kind::Object)];
        fields(&at, call, CALL, false)?;
        let function = object(&at.key("function"), call.get("function").unwrap_or(&Value::Null))?;
        let at = at.key("function");
        fields(&at, function, &[must("name", Kind::Text), must("arguments", Kind::Text)], false)?;
        let arguments = text(function, "arguments").unwrap_or_default();
        if !serde_json::from_str::<Value>(arguments).is_ok_and(|read| read.is_object()) {
            let found = serde_json::from_str::<Value>(arguments).map_or("invalid JSON", |read| type_name(&read));
            let message =
                format!("invalid request: {} must be a JSON object, got {found}", at.key("arguments").bracketed());
            return Err(at.key("arguments").says(message));
        }
        *tokens += tokens::count(text(function, "name").unwrap_or_default()) + tokens::count(arguments);
        let id = text(call, "id").unwrap_or_default().to_owned();
        if ids.contains(&id) {
            return Err(at.says(format!("invalid request: tool call id '{id}' is not unique")));
        }
        ids.push(id);
    }
    Ok(ids)
}
