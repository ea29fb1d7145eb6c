//! The pieces of messages, which requests and answers share.

use crate::fields::Fields;
use crate::render::Object;
use crate::{DecodeError, Json};
use serde_json::{Map, Value};
use switchtower_domain::{Locus, Media, MediaKind, Part, PartKind, Reasoning, Source, ToolCall, ToolCallKind};

/// Marks a call that says that it is one of a function.
const TYPED: &str = "silence about the type";

/// What was said: thoughts, words, images and calls, each in a field of its own.
pub(super) fn said(message: &mut Fields) -> Result<Vec<Part>, DecodeError> {
    let at = message.at().clone();
    let mut parts = Vec::new();
    if let Some(text) = message.text("thinking")? {
        let reasoning = Reasoning { text: Some(text), ..Reasoning::default() };
        parts.push(Part { at: at.child("thinking"), ..Part::new(PartKind::Reasoning(reasoning)) });
    }
    if let Some(text) = message.text("content")? {
        parts.push(Part { at: at.child("content"), ..Part::text(text) });
    }
    parts.extend(images(message, &at)?);
    parts.extend(calls(message, &at)?);
    Ok(parts)
}

fn images(message: &mut Fields, at: &Locus) -> Result<Vec<Part>, DecodeError> {
    if !message.peek("images").and_then(Json::as_array).is_some_and(|list| list.iter().all(Json::is_string)) {
        return Ok(Vec::new());
    }
    let images = message.strings("images")?.unwrap_or_default();
    if images.is_empty() {
        message.put_back("images", Json::Array(Vec::new()));
    }
    let image = |(place, data): (usize, String)| {
        let source = Source::Base64 { media_type: media_type(&data).to_owned(), data };
        let media = Media { kind: MediaKind::Image, source, detail: None };
        Part { at: at.element("images", place), ..Part::new(PartKind::Media(media)) }
    };
    Ok(images.into_iter().enumerate().map(image).collect())
}

/// What an image is, by its first bytes: Ollama takes bytes alone.
pub(super) fn media_type(data: &str) -> &'static str {
    const KINDS: [(&str, &str); 3] = [("/9j/", "image/jpeg"), ("R0lG", "image/gif"), ("UklGR", "image/webp")];
    KINDS.iter().find(|(begins, _)| data.starts_with(begins)).map_or("image/png", |(_, kind)| kind)
}

fn calls(message: &mut Fields, at: &Locus) -> Result<Vec<Part>, DecodeError> {
    let readable = |call: &Json<'_>| {
        let function = call.get("function");
        let arguments = function.and_then(|function| function.get("arguments"));
        function.and_then(|function| function.get("name")).is_some_and(Json::is_string)
            && arguments.is_none_or(Json::is_object)
    };
    if !message.peek("tool_calls").and_then(Json::as_array).is_some_and(|list| list.iter().all(readable)) {
        return Ok(Vec::new());
    }
    let items = message.list("tool_calls")?.unwrap_or_default();
    let read = items.into_iter().enumerate().map(|(place, item)| {
        let at = at.element("tool_calls", place);
        call(message.beneath_at(item, at.clone())?, at)
    });
    read.collect()
}

fn call(mut fields: Fields, at: Locus) -> Result<Part, DecodeError> {
    if fields.peek_str("type") == Some("function") {
        fields.take("type");
        fields.lack(TYPED);
    }
    let id = fields.text("id")?;
    if id.is_none() {
        fields.lack("id");
    }
    let id = id.unwrap_or_default();
    let call = fields.nested("function", |function| {
        let name = function.expected_string("name")?;
        let arguments = function.any("arguments").map(|arguments| arguments.to_string());
        if arguments.is_none() {
            function.lack("arguments");
        }
        Ok(Some(ToolCall { id, name, arguments: arguments.unwrap_or_default(), kind: ToolCallKind::Function }))
    })?;
    let call = call.ok_or_else(|| DecodeError::Missing { path: at.field("function") })?;
    // The place of a call says nothing new.
    let extras = fields.rest().restating(&["function", "id"]);
    Ok(Part { kind: PartKind::ToolCall(call), cache: None, extras, at })
}

/// Writes a call of this dialect.
pub(super) fn own_call(call: &ToolCall, part: &Part) -> Object {
    let mut object = Object::new();
    if !part.extras.lacks("id") {
        object.set("id", call.id.as_str());
    }
    if part.extras.lacks(TYPED) {
        object.set("type", "function");
    }
    let mut function = Object::new().with("name", call.name.as_str());
    if !(call.arguments.is_empty() && part.extras.lacks("arguments")) {
        let arguments = arguments(call).unwrap_or_else(|| Value::from(call.arguments.as_str()));
        function.set("arguments", arguments);
    }
    object.set("function", function);
    part.extras.overlay(object.map_mut());
    object
}

/// Writes another dialect's call under an id; nothing of one whose arguments are no JSON object.
pub(super) fn foreign_call(call: &ToolCall, id: &str) -> Option<Object> {
    let function = Object::new().with("name", call.name.as_str()).with("arguments", arguments(call)?);
    let mut object = Object::new();
    if !id.is_empty() {
        object.set("id", id);
    }
    Some(object.with("type", "function").with("function", function))
}

fn arguments(call: &ToolCall) -> Option<Value> {
    match call.kind {
        ToolCallKind::Custom => Some(Object::new().with("input", call.arguments.as_str()).into()),
        ToolCallKind::Function if call.arguments.trim().is_empty() => Some(Value::Object(Map::new())),
        ToolCallKind::Function => serde_json::from_str::<Map<String, Value>>(&call.arguments).ok().map(Value::Object),
    }
}
