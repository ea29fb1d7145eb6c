//! What Chat Completions accepts, and reading it.

use crate::ask::{Ask, Extras, Format, OfferedTool, PromptPart, ToolChoice};
use crate::check::{
    Field, Kind, Object, data_address, fields, is_base64, is_tool_name, is_web_address, items, may, must, object, text,
    type_name,
};
use crate::dialects::Strictness;
use crate::failure::{Complaint, Place, Wrong};
use crate::random::digest_of;
use crate::strict_schema;
use crate::tokens::{self, FILE_TOKENS, IMAGE_TOKENS, MESSAGE_TOKENS};
use serde_json::Value;

const EFFORTS: &[&str] = &["none", "minimal", "low", "medium", "high", "xhigh"];
const COUNT: Kind = Kind::Integer(1, i64::MAX);

const REQUEST: &[Field] = &[
    must("model", Kind::Text),
    must("messages", Kind::Array),
    may("audio", Kind::Object),
    may("frequency_penalty", Kind::Number(-2.0, 2.0)),
    may("function_call", Kind::TextOrObject),
    may("functions", Kind::Array),
    may("logit_bias", Kind::Object),
    may("logprobs", Kind::Bool),
    may("max_completion_tokens", COUNT),
    may("max_tokens", COUNT),
    may("metadata", Kind::Object),
    may("modalities", Kind::Array),
    may("moderation", Kind::Object),
    may("n", Kind::Integer(1, 128)),
    may("parallel_tool_calls", Kind::Bool),
    may("prediction", Kind::Object),
    may("presence_penalty", Kind::Number(-2.0, 2.0)),
    may("prompt_cache_key", Kind::Text),
    may("prompt_cache_retention", Kind::OneOf(&["in-memory", "in_memory", "24h"])),
    may("reasoning", Kind::Object),
    may("reasoning_effort", Kind::OneOf(EFFORTS)),
    may("response_format", Kind::Object),
    may("safety_identifier", Kind::Text),
    may("seed", Kind::Integer(i64::MIN, i64::MAX)),
    may("service_tier", Kind::OneOf(&["auto", "default", "flex", "scale", "priority"])),
    may("stop", Kind::TextOrArray),
    may("store", Kind::Bool),
    may("stream", Kind::Bool),
    may("stream_options", Kind::Object),
    may("temperature", Kind::Number(0.0, 2.0)),
    may("thinking", Kind::Object),
    may("tool_choice", Kind::TextOrObject),
    may("tools", Kind::Array),
    may("top_logprobs", Kind::Integer(0, 20)),
    may("top_p", Kind::Number(0.0, 1.0)),
    may("user", Kind::Text),
    may("verbosity", Kind::OneOf(&["low", "medium", "high"])),
    may("web_search_options", Kind::Object),
];
const TOOLS_MAX: usize = 128;
const STOPS_MAX: usize = 4;
const ROLES: &[&str] = &["system", "assistant", "user", "function", "tool", "developer"];
const ROLE: Field = must("role", Kind::OneOf(ROLES));

pub(super) fn chat(body: &Object, strictness: Strictness) -> Result<Ask, Complaint> {
    let root = Place::root();
    fields(&root, body, REQUEST, strictness.lenient_fields)?;
    let streaming = body.get("stream") == Some(&Value::Bool(true));
    let mut ask = Ask {
        streaming,
        parallel: body.get("parallel_tool_calls") != Some(&Value::Bool(false)),
        choices: unsigned(body, "n").unwrap_or(1),
        max_tokens: unsigned(body, "max_completion_tokens").or_else(|| unsigned(body, "max_tokens")),
        stops: stops(body)?,
        format: format(body)?,
        reasoning: reasoning(body)?,
        extras: extras(body, streaming)?,
        ..Ask::default()
    };
    if body.contains_key("max_tokens") && body.contains_key("max_completion_tokens") {
        let message = "Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported.";
        return Err(root.key("max_tokens").says_with_code("invalid_parameter_combination", message));
    }
    tools(body, &mut ask)?;
    messages(body, &mut ask)?;
    ask.choice = choice(body, &ask.tools)?;
    Ok(ask)
}

fn unsigned(body: &Object, name: &str) -> Option<u64> {
    body.get(name).and_then(Value::as_u64)
}

fn stops(body: &Object) -> Result<Vec<String>, Complaint> {
    if let Some(one) = text(body, "stop") {
        return Ok(vec![one.to_owned()]);
    }
    let at = Place::root().key("stop");
    let list = items(body, "stop");
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
    const FORMAT: &[Field] =
        &[must("type", Kind::OneOf(&["text", "json_object", "json_schema"])), may("json_schema", Kind::Object)];
    fields(&at, format, FORMAT, false)?;
    match text(format, "type") {
        Some("json_object") => Ok(Format::JsonObject),
        Some("json_schema") => {
            let at = at.key("json_schema");
            let Some(schema) = format.get("json_schema").and_then(Value::as_object) else {
                return Err(at.wrong(Wrong::Missing));
            };
            const SCHEMA: &[Field] = &[
                must("name", Kind::Text),
                may("description", Kind::Text),
                may("schema", Kind::Object),
                may("strict", Kind::Bool),
            ];
            fields(&at, schema, SCHEMA, false)?;
            if !text(schema, "name").is_some_and(|name| is_tool_name(name, 64)) {
                return Err(at.key("name").wrong(Wrong::Pattern { pattern: "^[a-zA-Z0-9_-]+$" }));
            }
            let inner = schema.get("schema").cloned().unwrap_or_else(|| serde_json::json!({"type": "object"}));
            if schema.get("strict") == Some(&Value::Bool(true)) {
                let name = text(schema, "name").unwrap_or_default();
                strict_schema::check(&inner, "()").map_err(|why| {
                    let message = format!("Invalid schema for response_format '{name}': {why}");
                    Place::root().key("response_format").says(message)
                })?;
            }
            Ok(Format::Schema(inner))
        }
        _ => Ok(Format::Text),
    }
}

/// How long to reason.
fn reasoning(body: &Object) -> Result<Option<u64>, Complaint> {
    if let Some(effort) = text(body, "reasoning_effort") {
        return Ok(tokens::of_effort(effort));
    }
    if let Some(reasoning) = body.get("reasoning").and_then(Value::as_object) {
        let off = reasoning.get("enabled") == Some(&Value::Bool(false));
        return Ok(if off { None } else { tokens::of_effort(text(reasoning, "effort").unwrap_or("medium")) });
    }
    if let Some(thinking) = body.get("thinking").and_then(Value::as_object) {
        const THINKING: &[Field] = &[must("type", Kind::OneOf(&["enabled", "disabled", "auto", "adaptive"]))];
        fields(&Place::root().key("thinking"), thinking, THINKING, true)?;
        return Ok((text(thinking, "type") != Some("disabled")).then_some(32));
    }
    Ok(None)
}

fn extras(body: &Object, streaming: bool) -> Result<Extras, Complaint> {
    let at = Place::root();
    let mut extras = Extras { service_tier: text(body, "service_tier").map(str::to_owned), ..Extras::default() };
    if let Some(options) = body.get("stream_options").and_then(Value::as_object) {
        if !streaming {
            let message = "The 'stream_options' parameter is only allowed when 'stream' is enabled.";
            return Err(at.key("stream_options").says(message));
        }
        const OPTIONS: &[Field] = &[may("include_usage", Kind::Bool), may("include_obfuscation", Kind::Bool)];
        fields(&at.key("stream_options"), options, OPTIONS, false)?;
        extras.include_usage = options.get("include_usage") == Some(&Value::Bool(true));
    }
    let wants_logprobs = body.get("logprobs") == Some(&Value::Bool(true));
    let top = unsigned(body, "top_logprobs");
    if top.is_some() && !wants_logprobs {
        let message = "'top_logprobs' is only allowed when 'logprobs' is enabled.";
        return Err(at.key("top_logprobs").says(message));
    }
    extras.top_logprobs = wants_logprobs.then_some(top.unwrap_or(0));
    Ok(extras)
}

fn tools(body: &Object, ask: &mut Ask) -> Result<(), Complaint> {
    let at = Place::root().key("tools");
    let list = items(body, "tools");
    if body.get("tools").is_some_and(Value::is_array) && list.is_empty() {
        return Err(at.wrong(Wrong::EmptyArray));
    }
    if list.len() > TOOLS_MAX {
        return Err(at.wrong(Wrong::TooMany { max: TOOLS_MAX, found: list.len() }));
    }
    for (index, tool) in list.iter().enumerate() {
        let at = at.index(index);
        let entry = object(&at, tool)?;
        const TOOL: &[Field] = &[
            must("type", Kind::OneOf(&["function", "custom"])),
            may("function", Kind::Object),
            may("custom", Kind::Object),
        ];
        fields(&at, entry, TOOL, false)?;
        let kind = text(entry, "type").unwrap_or_default();
        let Some(inner) = entry.get(kind).and_then(Value::as_object) else {
            return Err(at.key(kind).wrong(Wrong::Missing));
        };
        ask.tools.push(one_tool(&at.key(kind), inner)?);
        ask.prompt.push(PromptPart { digest: digest_of(tool), tokens: tokens::count(&tool.to_string()), mark: None });
    }
    for (index, function) in items(body, "functions").iter().enumerate() {
        let at = Place::root().key("functions").index(index);
        ask.tools.push(one_tool(&at, object(&at, function)?)?);
    }
    Ok(())
}

fn one_tool(at: &Place, function: &Object) -> Result<OfferedTool, Complaint> {
    const FUNCTION: &[Field] = &[
        must("name", Kind::Text),
        may("description", Kind::Text),
        may("parameters", Kind::Object),
        may("strict", Kind::Bool),
        may("format", Kind::Object),
    ];
    fields(at, function, FUNCTION, false)?;
    let name = text(function, "name").unwrap_or_default();
    if !is_tool_name(name, 64) {
        return Err(at.key("name").wrong(Wrong::Pattern { pattern: "^[a-zA-Z0-9_-]{1,64}$" }));
    }
    let schema = function.get("parameters").filter(|schema| !schema.is_null()).cloned();
    let schema = schema.unwrap_or_else(|| serde_json::json!({"type": "object", "properties": {}}));
    let invalid = |why: String| {
        let message = format!("Invalid schema for function '{name}': {why}");
        at.key("parameters").says_with_code("invalid_function_parameters", message)
    };
    match schema.get("type") {
        Some(kind) if kind != "object" => {
            return Err(invalid(format!("schema must be a JSON Schema of 'type: \"object\"', got 'type: {kind}'.")));
        }
        _ => {}
    }
    if function.get("strict") == Some(&Value::Bool(true)) {
        strict_schema::check(&schema, "()").map_err(invalid)?;
    }
    Ok(OfferedTool { name: name.to_owned(), schema })
}

fn choice(body: &Object, tools: &[OfferedTool]) -> Result<ToolChoice, Complaint> {
    let at = Place::root().key("tool_choice");
    let Some(asked) = body.get("tool_choice").filter(|choice| !choice.is_null()) else {
        return Ok(ToolChoice::Auto);
    };
    if tools.is_empty() {
        return match asked.as_str() {
            Some("none" | "auto") => Ok(ToolChoice::Never),
            _ => Err(at.says("'tool_choice' is only allowed when 'tools' are specified.")),
        };
    }
    match asked {
        Value::String(word) => match word.as_str() {
            "auto" => Ok(ToolChoice::Auto),
            "none" => Ok(ToolChoice::Never),
            "required" => Ok(ToolChoice::Required),
            _ => Err(at.wrong(Wrong::NotOneOf { allowed: &["none", "auto", "required"], found: word.clone() })),
        },
        Value::Object(named) => {
            const NAMED: &[Field] = &[
                must("type", Kind::OneOf(&["function", "custom", "allowed_tools"])),
                may("function", Kind::Object),
                may("custom", Kind::Object),
                may("allowed_tools", Kind::Object),
            ];
            fields(&at, named, NAMED, false)?;
            let kind = text(named, "type").unwrap_or_default();
            let Some(inner) = named.get(kind).and_then(Value::as_object) else {
                return Err(at.key(kind).wrong(Wrong::Missing));
            };
            if kind == "allowed_tools" {
                return Ok(if text(inner, "mode") == Some("required") {
                    ToolChoice::Required
                } else {
                    ToolChoice::Auto
                });
            }
            let Some(name) = text(inner, "name") else {
                return Err(at.key(kind).key("name").wrong(Wrong::Missing));
            };
            if !tools.iter().any(|tool| tool.name == name) {
                let message = format!("Tool choice '{name}' not found in 'tools' parameter.");
                return Err(at.says(message));
            }
            Ok(ToolChoice::Named(name.to_owned()))
        }
        other => Err(at.wrong(Wrong::Type { expected: "string or object", found: type_name(other) })),
    }
}

fn messages(body: &Object, ask: &mut Ask) -> Result<(), Complaint> {
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
        let role = match message.get("role") {
            Some(Value::String(role)) => role.as_str(),
            None => return Err(at.key("role").wrong(Wrong::Missing)),
            Some(other) => {
                return Err(at.key("role").wrong(Wrong::Type { expected: "string", found: type_name(other) }));
            }
        };
        if role != "tool" {
            all_answered(&open)?;
            open.clear();
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
            "function" => ask.results.push(said.clone()),
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
        "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. The following tool_call_ids did not have response messages: {}",
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
            let message = "Invalid parameter: messages with role 'tool' must be a response to a preceeding message with 'tool_calls'.";
            Err(at.key("role").says(message))
        }
    }
}

/// Checks the content of a message, collects its text and gives the tokens of what is not text.
fn content(at: &Place, message: &Object, role: &str, said: &mut String) -> Result<u64, Complaint> {
    let list: &[Field] = match role {
        "system" | "developer" | "user" => &[ROLE, must("content", Kind::TextOrArray), may("name", Kind::Text)],
        "tool" => {
            &[ROLE, must("content", Kind::TextOrArray), must("tool_call_id", Kind::Text), may("name", Kind::Text)]
        }
        "function" => &[ROLE, may("content", Kind::Text), must("name", Kind::Text)],
        "assistant" => &[
            ROLE,
            may("content", Kind::TextOrArray),
            may("name", Kind::Text),
            may("refusal", Kind::Text),
            may("audio", Kind::Object),
            may("tool_calls", Kind::Array),
            may("function_call", Kind::Object),
            may("annotations", Kind::Array),
            may("reasoning_content", Kind::Text),
        ],
        _ => &[ROLE],
    };
    fields(at, message, list, false)?;
    let at = at.key("content");
    if let Some(plain) = text(message, "content") {
        said.push_str(plain);
        return Ok(0);
    }
    let parts = items(message, "content");
    if parts.is_empty() {
        let may_be_silent = ["tool_calls", "function_call", "refusal", "audio"]
            .iter()
            .any(|key| message.get(*key).is_some_and(|field| !field.is_null()));
        return match role {
            "assistant" if may_be_silent => Ok(0),
            "function" => Ok(0),
            _ if message.get("content").is_some_and(Value::is_array) => Err(at.wrong(Wrong::EmptyArray)),
            _ => Err(at.wrong(Wrong::Type { expected: "string", found: "null" })),
        };
    }
    let mut extra = 0;
    for (index, part) in parts.iter().enumerate() {
        extra += content_part(&at.index(index), part, role, said)?;
    }
    Ok(extra)
}

fn content_part(at: &Place, part: &Value, role: &str, said: &mut String) -> Result<u64, Complaint> {
    let part = object(at, part)?;
    const KINDS: &[&str] = &["text", "image_url", "input_audio", "refusal", "file"];
    const PART: &[Field] = &[
        must("type", Kind::OneOf(KINDS)),
        may("text", Kind::Text),
        may("refusal", Kind::Text),
        may("image_url", Kind::Object),
        may("input_audio", Kind::Object),
        may("file", Kind::Object),
    ];
    fields(at, part, PART, false)?;
    let kind = text(part, "type").unwrap_or_default();
    let Some(inside) = part.get(kind) else {
        return Err(at.key(kind).wrong(Wrong::Missing));
    };
    let allowed = match role {
        "user" => kind != "refusal",
        "assistant" => kind == "text" || kind == "refusal",
        _ => kind == "text",
    };
    if !allowed {
        let message = format!(
            "Invalid '{}'. Content blocks of type '{kind}' are not allowed in messages with role '{role}'.",
            at.bracketed()
        );
        return Err(at.clone().says_with_code("invalid_value", message));
    }
    let at = at.key(kind);
    match (kind, inside.as_object()) {
        ("image_url", Some(image)) => {
            const IMAGE: &[Field] =
                &[must("url", Kind::Text), may("detail", Kind::OneOf(&["auto", "low", "high", "original"]))];
            fields(&at, image, IMAGE, false)?;
            image_address(&at.key("url"), text(image, "url").unwrap_or_default())?;
            Ok(IMAGE_TOKENS)
        }
        ("input_audio", Some(audio)) => {
            fields(&at, audio, &[must("data", Kind::Text), must("format", Kind::OneOf(&["wav", "mp3"]))], false)?;
            if !text(audio, "data").is_some_and(is_base64) {
                return Err(at.key("data").says_with_code("invalid_value", "The audio data is not valid base64."));
            }
            Ok(FILE_TOKENS)
        }
        ("file", Some(file)) => {
            const FILE: &[Field] =
                &[may("file_id", Kind::Text), may("file_data", Kind::Text), may("filename", Kind::Text)];
            fields(&at, file, FILE, false)?;
            if !file.contains_key("file_id") && !file.contains_key("file_data") {
                return Err(at.key("file_id").wrong(Wrong::Missing));
            }
            Ok(FILE_TOKENS)
        }
        _ => {
            let Some(words) = inside.as_str() else {
                return Err(at.wrong(Wrong::Type { expected: "string", found: type_name(inside) }));
            };
            if !said.is_empty() {
                said.push('\n');
            }
            said.push_str(words);
            Ok(0)
        }
    }
}

fn image_address(at: &Place, url: &str) -> Result<(), Complaint> {
    const TYPES: &[&str] = &["image/png", "image/jpeg", "image/jpg", "image/gif", "image/webp"];
    if is_web_address(url) {
        return Ok(());
    }
    match data_address(url) {
        Some((media_type, data)) if TYPES.contains(&media_type) && is_base64(data) => Ok(()),
        Some((media_type, _)) if !TYPES.contains(&media_type) => {
            let message = format!("Invalid MIME type '{media_type}'. Only image types are supported.");
            Err(at.clone().says_with_code("invalid_image_format", message))
        }
        Some(_) => Err(at.clone().says_with_code("invalid_base64", "Invalid base64 image_url.")),
        None => {
            let message =
                format!("Invalid '{}'. Expected a valid URL, but got a value with an invalid format.", at.bracketed());
            Err(at.clone().says_with_code("invalid_value", message))
        }
    }
}

/// Checks the calls of an assistant's message and gives their ids; adds their tokens.
fn calls(at: &Place, message: &Object, tokens: &mut u64) -> Result<Vec<String>, Complaint> {
    let at = at.key("tool_calls");
    let list = items(message, "tool_calls");
    if message.get("tool_calls").is_some_and(Value::is_array) && list.is_empty() {
        return Err(at.wrong(Wrong::EmptyArray));
    }
    let mut ids = Vec::new();
    for (index, call) in list.iter().enumerate() {
        let at = at.index(index);
        let call = object(&at, call)?;
        const CALL: &[Field] = &[
            must("id", Kind::Text),
            must("type", Kind::OneOf(&["function", "custom"])),
            may("function", Kind::Object),
            may("custom", Kind::Object),
        ];
        fields(&at, call, CALL, false)?;
        let kind = text(call, "type").unwrap_or_default();
        let Some(inner) = call.get(kind).and_then(Value::as_object) else {
            return Err(at.key(kind).wrong(Wrong::Missing));
        };
        let input = if kind == "custom" { "input" } else { "arguments" };
        fields(&at.key(kind), inner, &[must("name", Kind::Text), must(input, Kind::Text)], false)?;
        let name = text(inner, "name").unwrap_or_default();
        if !is_tool_name(name, 64) {
            return Err(at.key(kind).key("name").wrong(Wrong::Pattern { pattern: "^[a-zA-Z0-9_-]{1,64}$" }));
        }
        *tokens += tokens::count(name) + text(inner, input).map_or(0, tokens::count);
        ids.push(text(call, "id").unwrap_or_default().to_owned());
    }
    Ok(ids)
}
