//! What Cohere's chat accepts, and reading it.

use super::messages;
use crate::ask::{Ask, Extras, Format, OfferedTool, PromptPart, ToolChoice};
use crate::check::{Field, Kind, Object, fields, is_tool_name, items, may, must, object, text, type_name};
use crate::dialects::Strictness;
use crate::failure::{Complaint, Place, Wrong};
use crate::random::digest_of;
use crate::tokens;
use serde_json::Value;

/// Source: <https://docs.cohere.com/reference/chat>
const REQUEST: &[Field] = &[
    must("model", Kind::Text),
    must("messages", Kind::Array),
    may("stream", Kind::Bool),
    may("tools", Kind::Array),
    may("strict_tools", Kind::Bool),
    may("documents", Kind::Array),
    may("citation_options", Kind::Object),
    may("response_format", Kind::Object),
    may("safety_mode", Kind::OneOf(&["CONTEXTUAL", "STRICT", "OFF", "NONE"])),
    may("max_tokens", Kind::Integer(0, i64::MAX)),
    may("stop_sequences", Kind::Array),
    may("temperature", Kind::Number(0.0, f64::MAX)),
    may("seed", Kind::Integer(0, i64::MAX)),
    may("frequency_penalty", Kind::Number(0.0, 1.0)),
    may("presence_penalty", Kind::Number(0.0, 1.0)),
    may("k", Kind::Integer(0, 500)),
    may("p", Kind::Number(0.01, 0.99)),
    may("logprobs", Kind::Bool),
    may("tool_choice", Kind::OneOf(&["REQUIRED", "NONE"])),
    may("thinking", Kind::Object),
    may("priority", Kind::Integer(0, 999)),
    may("raw_prompting", Kind::Bool),
];
const STOPS_MAX: usize = 5;
/// How much JSON Schema is taken. Source: <https://docs.cohere.com/docs/structured-outputs>
const STRICT_FIELDS_MAX: usize = 200;

pub(super) fn chat(body: &Object, strictness: Strictness) -> Result<Ask, Complaint> {
    let root = Place::root();
    fields(&root, body, REQUEST, strictness.lenient_fields)?;
    let mut ask = Ask {
        streaming: body.get("stream") == Some(&Value::Bool(true)),
        choices: 1,
        parallel: true,
        max_tokens: body.get("max_tokens").and_then(Value::as_u64).filter(|bound| *bound > 0),
        stops: stops(body)?,
        format: format(body)?,
        reasoning: thinking(body)?,
        extras: Extras {
            top_logprobs: (body.get("logprobs") == Some(&Value::Bool(true))).then_some(0),
            ..Extras::default()
        },
        ..Ask::default()
    };
    tools(body, &mut ask)?;
    ask.choice = match text(body, "tool_choice") {
        Some("NONE") => ToolChoice::Never,
        Some("REQUIRED") if ask.tools.is_empty() => {
            return Err(root.says("invalid request: tool_choice cannot be REQUIRED when there are no tools"));
        }
        Some("REQUIRED") => ToolChoice::Required,
        _ => ToolChoice::Auto,
    };
    documents(body, &mut ask)?;
    let besides = !ask.tools.is_empty() || !items(body, "documents").is_empty();
    if besides && !matches!(ask.format, Format::Text) {
        return Err(root.says("invalid request: response_format is not supported with documents or tools"));
    }
    messages::conversation(body, &mut ask)?;
    Ok(ask)
}

fn stops(body: &Object) -> Result<Vec<String>, Complaint> {
    let at = Place::root().key("stop_sequences");
    let list = items(body, "stop_sequences");
    if list.len() > STOPS_MAX {
        return Err(at.wrong(Wrong::TooMany { max: STOPS_MAX, found: list.len() }));
    }
    let read = list.iter().enumerate().map(|(index, stop)| match stop {
        Value::String(stop) => Ok(stop.clone()),
        other => Err(at.index(index).wrong(Wrong::Type { expected: "string", found: type_name(other) })),
    });
    read.collect()
}

fn format(body: &Object) -> Result<Format, Complaint> {
    let Some(format) = body.get("response_format").and_then(Value::as_object) else {
        return Ok(Format::Text);
    };
    let at = Place::root().key("response_format");
    // The first version's name for the schema is still taken.
    const FORMAT: &[Field] = &[
        must("type", Kind::OneOf(&["text", "json_object"])),
        may("json_schema", Kind::Object),
        may("schema", Kind::Object),
    ];
    fields(&at, format, FORMAT, false)?;
    let name = if format.contains_key("schema") { "schema" } else { "json_schema" };
    let schema = format.get(name).filter(|schema| !schema.is_null());
    match (text(format, "type"), schema) {
        (Some("json_object"), Some(schema)) => {
            let at = at.key(name);
            if schema.get("type") != Some(&Value::from("object")) {
                let message = format!(
                    "invalid request: invalid '{}' provided: the top level must be of type object",
                    at.bracketed()
                );
                return Err(at.says(message));
            }
            requires_something(&at, schema)?;
            Ok(Format::Schema(schema.clone()))
        }
        (Some("json_object"), None) => Ok(Format::JsonObject),
        (_, Some(_)) => Err(at.key(name).says("invalid request: a schema is only taken where type is json_object")),
        (_, None) => Ok(Format::Text),
    }
}

/// Every object of a schema must require a property.
/// Source: <https://docs.cohere.com/docs/structured-outputs#specifying-a-schema>
fn requires_something(at: &Place, schema: &Value) -> Result<(), Complaint> {
    let Some(named) = schema.as_object() else {
        return Ok(());
    };
    if named.get("type") == Some(&Value::from("object")) && items(named, "required").is_empty() {
        let message = format!(
            "invalid request: invalid '{}' provided: every object must have at least one required property",
            at.bracketed()
        );
        return Err(at.clone().says(message));
    }
    for key in ["properties", "$defs", "definitions"] {
        let inner = named.get(key).and_then(Value::as_object);
        inner.into_iter().flatten().try_for_each(|(name, inner)| requires_something(&at.key(key).key(name), inner))?;
    }
    named.get("items").map_or(Ok(()), |inner| requires_something(&at.key("items"), inner))
}

fn thinking(body: &Object) -> Result<Option<u64>, Complaint> {
    let Some(thinking) = body.get("thinking").and_then(Value::as_object) else {
        return Ok(None);
    };
    const THINKING: &[Field] =
        &[must("type", Kind::OneOf(&["enabled", "disabled"])), may("token_budget", Kind::Integer(1, i64::MAX))];
    fields(&Place::root().key("thinking"), thinking, THINKING, false)?;
    if text(thinking, "type") == Some("disabled") {
        return Ok(None);
    }
    // The lengths are far below the budgets of real requests, so that tests stay readable.
    Ok(Some(match thinking.get("token_budget").and_then(Value::as_u64) {
        Some(0..=1_024) => 16,
        Some(1_025..=8_192) => 32,
        Some(_) => 64,
        None => 32,
    }))
}

fn tools(body: &Object, ask: &mut Ask) -> Result<(), Complaint> {
    let at = Place::root().key("tools");
    let strict = body.get("strict_tools") == Some(&Value::Bool(true));
    let mut properties = 0;
    for (index, tool) in items(body, "tools").iter().enumerate() {
        let at = at.index(index);
        let entry = object(&at, tool)?;
        fields(&at, entry, &[must("type", Kind::OneOf(&["function"])), must("function", Kind::Object)], false)?;
        let at = at.key("function");
        let function = object(&at, entry.get("function").unwrap_or(&Value::Null))?;
        const FUNCTION: &[Field] =
            &[must("name", Kind::Text), may("description", Kind::Text), must("parameters", Kind::Object)];
        fields(&at, function, FUNCTION, false)?;
        let name = text(function, "name").unwrap_or_default();
        if !is_tool_name(name, 256) {
            return Err(at.key("name").wrong(Wrong::Pattern { pattern: "^[a-zA-Z0-9_-]+$" }));
        }
        let schema = function.get("parameters").cloned().unwrap_or_default();
        if !matches!(schema.get("type").and_then(Value::as_str), None | Some("object")) {
            return Err(at.key("parameters").key("type").says("invalid request: parameters must be of type object"));
        }
        properties += schema.get("properties").and_then(Value::as_object).map_or(0, serde_json::Map::len);
        if strict && items(object(&at, &schema)?, "required").is_empty() {
            let message = format!(
                "invalid request: tool '{name}' must have at least one required parameter when strict_tools is set"
            );
            return Err(at.key("parameters").says(message));
        }
        if ask.tools.iter().any(|known| known.name == name) {
            return Err(at.key("name").says(format!("invalid request: tool name '{name}' is not unique")));
        }
        ask.tools.push(OfferedTool { name: name.to_owned(), schema });
        ask.prompt.push(PromptPart { digest: digest_of(tool), tokens: tokens::count(&tool.to_string()), mark: None });
    }
    if strict && properties > STRICT_FIELDS_MAX {
        return Err(at.wrong(Wrong::TooMany { max: STRICT_FIELDS_MAX, found: properties }));
    }
    Ok(())
}

/// What may be cited: texts, or objects of named texts.
fn documents(body: &Object, ask: &mut Ask) -> Result<(), Complaint> {
    for (index, document) in items(body, "documents").iter().enumerate() {
        let at = Place::root().key("documents").index(index);
        if !document.is_string() {
            messages::document(&at, document)?;
        }
        let counted = tokens::count(&document.to_string());
        ask.prompt.push(PromptPart { digest: digest_of(document), tokens: counted, mark: None });
    }
    Ok(())
}
