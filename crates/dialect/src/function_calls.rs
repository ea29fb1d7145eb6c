//! Calls of functions as `OpenAI` wrote them first and others took them over: a list `tool_calls` beside the content.

use crate::fields::Fields;
use crate::render::Object;
use crate::{DecodeError, Json, cache_control};
use serde_json::{Map, Value};
use switchtower_domain::{Locus, Part, PartKind, ToolCall, ToolCallKind};

/// Reads the calls of a message.
pub(crate) fn read(fields: &mut Fields) -> Result<Vec<Part>, DecodeError> {
    let items = fields.list("tool_calls")?.unwrap_or_default();
    items
        .into_iter()
        .enumerate()
        .map(|(index, item)| {
            let at = fields.at().element("tool_calls", index);
            one(fields.beneath(item, at.path())?, at)
        })
        .collect()
}

fn one(mut fields: Fields, at: Locus) -> Result<Part, DecodeError> {
    let cache = cache_control::read(&mut fields)?;
    let id = fields.expected_string("id")?;
    let custom = fields.peek_str("type") == Some("custom");
    let (inner, arguments_key) = if custom { ("custom", "input") } else { ("function", "arguments") };
    fields.constant("type", if custom { "custom" } else { "function" });
    let call = fields
        .nested(inner, |function| Ok(Some((function.expected_string("name")?, arguments(function, arguments_key)?))))?;
    let (name, arguments) = call.ok_or_else(|| DecodeError::Missing { path: at.field(inner) })?;
    let kind = if custom { ToolCallKind::Custom } else { ToolCallKind::Function };
    Ok(Part { kind: PartKind::ToolCall(ToolCall { id, name, arguments, kind }), cache, extras: fields.rest(), at })
}

fn arguments(function: &mut Fields, key: &str) -> Result<String, DecodeError> {
    // Some servers write the arguments as an object; the text they stand for is the same.
    if let Some(Json::Object(_)) = function.peek(key) {
        function.lack("arguments as text");
        return Ok(function.any(key).map(|value| value.to_string()).unwrap_or_default());
    }
    function.expected_string(key)
}

/// Writes a call as it was read.
pub(crate) fn written(call: &ToolCall, part: &Part) -> Object {
    let extras = &part.extras;
    let mut object = Object::new();
    if !(extras.lacks("id") && call.id.is_empty()) {
        object.set("id", call.id.as_str());
    }
    let mut function = Object::new();
    if !(extras.lacks("name") && call.name.is_empty()) {
        function.set("name", call.name.as_str());
    }
    match call.kind {
        ToolCallKind::Custom => {
            object.constant("type", "custom", extras);
            function.set("input", call.arguments.as_str());
            object.set("custom", function);
        }
        ToolCallKind::Function => {
            object.constant("type", "function", extras);
            let as_object = extras.lacks("arguments as text");
            match serde_json::from_str::<Map<String, Value>>(&call.arguments) {
                Ok(arguments) if as_object => function.set("arguments", arguments),
                _ if extras.lacks("arguments") && call.arguments.is_empty() => {}
                _ => function.set("arguments", call.arguments.as_str()),
            }
            object.set("function", function);
        }
    }
    object
}
