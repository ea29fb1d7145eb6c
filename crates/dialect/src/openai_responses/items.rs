//! Items: what a conversation and an answer are lists of. Each is a turn of its own; `steps.rs` joins those of the
//! model for dialects that write its thoughts, words and calls as one.

use super::parts::{self, Side};
use super::wire;
use crate::fields::Fields;
use crate::render::{ExtrasWriter, Object};
use crate::{DecodeError, Json, content};
use serde_json::Value;
use switchtower_domain::{
    Extras, Locus, Part, PartKind, ProviderItem, Reasoning, Role, ToolCall, ToolCallKind, ToolResult, Turn,
};

pub(super) const MESSAGE: &str = "message";

/// What an item restates: its type, which its typed value says too, and the pieces of a text that is joined.
const RESTATED: &[&str] = &["type", "summary", "content"];

/// Reads one item.
pub(super) fn item(mut fields: Fields, at: Locus) -> Result<Turn, DecodeError> {
    let kind = match fields.peek("type") {
        Some(Json::String(word)) => word.to_string(),
        // Short messages leave it out.
        None | Some(Json::Null) => MESSAGE.to_owned(),
        Some(_) => fields.required_string("type")?,
    };
    if kind == MESSAGE {
        return message(fields, at);
    }
    let is_result = matches!(kind.as_str(), "function_call_output" | "custom_tool_call_output");
    if !is_result {
        fields.take("type");
    }
    let (role, kind) = match kind.as_str() {
        "reasoning" => (Role::Assistant, reasoning(&mut fields)?),
        "function_call" => (Role::Assistant, call(&mut fields, "arguments", ToolCallKind::Function)?),
        "custom_tool_call" => (Role::Assistant, call(&mut fields, "input", ToolCallKind::Custom)?),
        _ if is_result => (Role::Tool, result(&mut fields)?),
        _ => {
            let role = if is_callers(&kind) { Role::User } else { Role::Assistant };
            let (id, name, input) = (fields.string("id")?, fields.string("name")?, fields.string("arguments")?);
            (role, PartKind::ProviderItem(ProviderItem { kind, id, name, input, content: None }))
        }
    };
    let part = Part { kind, cache: None, extras: fields.rest().restating(RESTATED), at: at.clone() };
    Ok(Turn { role, parts: vec![part], plain: false, name: None, extras: Extras::none(), at })
}

/// Whether an item of that type is a message; short ones leave it out.
pub(super) fn is_message(kind: Option<&Json<'_>>) -> bool {
    kind.is_none_or(|kind| kind.is_null() || kind == MESSAGE)
}

/// Whether an item of a provider's tool is what the caller gives back to it.
fn is_callers(kind: &str) -> bool {
    (kind.ends_with("_output") && kind != "shell_call_output") || kind == "mcp_approval_response"
}

fn message(mut fields: Fields, at: Locus) -> Result<Turn, DecodeError> {
    let word = fields.required_string("role")?;
    let role = wire::role(&word).ok_or_else(|| DecodeError::Value { path: at.field("role"), expected: wire::ROLES })?;
    let (parts, plain) = content::read(&mut fields, "content", parts::part)?;
    Ok(Turn { role, parts, plain, name: None, extras: fields.rest().restating(RESTATED), at })
}

fn reasoning(fields: &mut Fields) -> Result<PartKind, DecodeError> {
    Ok(PartKind::Reasoning(Reasoning {
        summary: joined(fields, "summary"),
        text: joined(fields, "content"),
        sealed: fields.text("encrypted_content")?,
        id: fields.string("id")?,
        format: fields.string("format")?,
        ..Reasoning::default()
    }))
}

/// What stands between two pieces of a summary.
pub(super) const BETWEEN: &str = "\n\n";

/// The texts of a list as one text. A list of one bare text is taken; a longer one stays, to go back as it was.
fn joined(fields: &mut Fields, key: &str) -> Option<String> {
    let text = joined_of(fields.peek(key)?, key)?;
    if fields.peek(key).and_then(Json::as_array).is_some_and(|list| list.len() == 1) {
        fields.take(key);
    }
    Some(text)
}

fn joined_of(list: &Json<'_>, key: &str) -> Option<String> {
    let list = list.as_array().filter(|list| !list.is_empty())?;
    let word = text_word(key);
    let text = |item: &Json<'_>| {
        let bare = item.as_object()?.len() == 2 && item.get("type").and_then(Json::as_str) == Some(word);
        item.get("text").and_then(Json::as_str).filter(|_| bare).map(str::to_owned)
    };
    list.iter().map(text).collect::<Option<Vec<_>>>().map(|texts| texts.join(BETWEEN))
}

fn text_word(key: &str) -> &'static str {
    if key == "summary" { "summary_text" } else { "reasoning_text" }
}

fn call(fields: &mut Fields, key: &str, kind: ToolCallKind) -> Result<PartKind, DecodeError> {
    Ok(PartKind::ToolCall(ToolCall {
        id: fields.expected_string("call_id")?,
        name: fields.expected_string("name")?,
        arguments: fields.expected_string(key)?,
        kind,
    }))
}

fn result(fields: &mut Fields) -> Result<PartKind, DecodeError> {
    let call_id = fields.required_string("call_id")?;
    let absent = content::is_absent(fields, "output");
    let (parts, plain) = content::read(fields, "output", parts::part)?;
    let content = if absent { None } else { Some(parts) };
    Ok(PartKind::ToolResult(ToolResult { call_id, content, plain, is_error: None }))
}

/// Writes the item that a turn was.
pub(super) fn same(turn: &Turn, out: &mut ExtrasWriter<'_>) -> Value {
    if let [part] = turn.parts.as_slice()
        && let Some(item) = same_item(part, out)
    {
        return item.into();
    }
    let mut object = Object::new();
    object.set("role", wire::role_word(turn.role));
    set_content(&mut object, "content", turn.parts.iter(), turn.plain, Side::Output, out);
    turn.extras.overlay(object.map_mut());
    object.into()
}

/// Writes the item that a part was, if it was one of its own.
pub(super) fn same_item(part: &Part, out: &mut ExtrasWriter<'_>) -> Option<Object> {
    let mut object = Object::new();
    match &part.kind {
        PartKind::Reasoning(reasoning) => {
            object.set("type", "reasoning");
            set_texts(&mut object, "summary", reasoning.summary.as_deref(), &part.extras);
            set_texts(&mut object, "content", reasoning.text.as_deref(), &part.extras);
            object.maybe("encrypted_content", reasoning.sealed.clone());
            object.maybe("id", reasoning.id.clone());
            object.maybe("format", reasoning.format.clone());
        }
        PartKind::ToolCall(call) => {
            let (word, key) = match call.kind {
                ToolCallKind::Function => ("function_call", "arguments"),
                ToolCallKind::Custom => ("custom_tool_call", "input"),
            };
            object.set("type", word);
            for (key, value) in [("call_id", &call.id), ("name", &call.name), (key, &call.arguments)] {
                if !(part.extras.lacks(key) && value.is_empty()) {
                    object.set(key, value.as_str());
                }
            }
        }
        PartKind::ToolResult(result) => {
            object.set("call_id", result.call_id.as_str());
            if let Some(content) = &result.content {
                set_content(&mut object, "output", content.iter(), result.plain, Side::Input, out);
            }
        }
        PartKind::ProviderItem(item) => {
            object.set("type", item.kind.as_str());
            object.maybe("id", item.id.clone());
            object.maybe("name", item.name.clone());
            object.maybe("arguments", item.input.clone());
        }
        _ => return None,
    }
    part.extras.overlay(object.map_mut());
    Some(object)
}

/// Writes a joined text as the list that it was, or as a list of one.
fn set_texts(object: &mut Object, key: &str, text: Option<&str>, extras: &Extras) {
    let Some(text) = text else { return };
    if extras.get(key).and_then(|list| joined_of(&Json::from(list.clone()), key)).as_deref() != Some(text) {
        object.set(key, vec![Value::from(Object::typed(text_word(key)).with("text", text))]);
    }
}

/// The text of a part that is nothing else.
pub(super) fn plain_text(part: &Part) -> Option<&str> {
    match &part.kind {
        PartKind::Text { text, .. } => Some(text),
        _ => None,
    }
}

/// Writes content as it was written: one plain string, or a list of parts.
pub(super) fn set_content<'a>(
    object: &mut Object,
    key: &str,
    parts: impl Iterator<Item = &'a Part>,
    plain: bool,
    side: Side,
    out: &mut ExtrasWriter<'_>,
) {
    let mut parts = parts.peekable();
    if plain && let Some(Part { kind: PartKind::Text { text, .. }, .. }) = parts.peek() {
        object.set(key, text.as_str());
        return;
    }
    let written: Vec<Value> = parts.filter_map(|part| parts::part_object(part, side, out)).map(Value::from).collect();
    if !written.is_empty() || !out.same {
        object.set(key, written);
    }
}
