//! What Responses accepts, and reading it.

use super::items;
use crate::ask::{Ask, Extras, Format, OfferedTool, PromptPart, ToolChoice};
use crate::check::{Field, Kind, Object, fields, is_tool_name, items as list_of, may, must, object, text, type_name};
use crate::dialects::Strictness;
use crate::failure::{Complaint, Place, Wrong};
use crate::random::digest_of;
use crate::{strict_schema, tokens};
use serde_json::Value;

const REQUEST: &[Field] = &[
    must("model", Kind::Text),
    may("background", Kind::Bool),
    may("context_management", Kind::Array),
    may("conversation", Kind::TextOrObject),
    may("include", Kind::Array),
    may("input", Kind::TextOrArray),
    may("instructions", Kind::Text),
    // The vendor's own bound is 16.
    may("max_output_tokens", Kind::Integer(1, i64::MAX)),
    may("max_tool_calls", Kind::Integer(1, i64::MAX)),
    may("metadata", Kind::Object),
    may("moderation", Kind::Object),
    may("parallel_tool_calls", Kind::Bool),
    may("previous_response_id", Kind::Text),
    may("prompt", Kind::Object),
    may("prompt_cache_key", Kind::Text),
    may("prompt_cache_options", Kind::Object),
    may("prompt_cache_retention", Kind::OneOf(&["in-memory", "in_memory", "24h"])),
    may("reasoning", Kind::Object),
    may("safety_identifier", Kind::Text),
    may("service_tier", Kind::OneOf(&["auto", "default", "flex", "scale", "priority"])),
    may("store", Kind::Bool),
    may("stream", Kind::Bool),
    may("stream_options", Kind::Object),
    may("temperature", Kind::Number(0.0, 2.0)),
    may("text", Kind::Object),
    may("tool_choice", Kind::TextOrObject),
    may("tools", Kind::Array),
    may("top_logprobs", Kind::Integer(0, 20)),
    may("top_p", Kind::Number(0.0, 1.0)),
    may("truncation", Kind::OneOf(&["auto", "disabled"])),
    may("user", Kind::Text),
];

const INCLUDED: &[&str] = &[
    "code_interpreter_call.outputs",
    "computer_call_output.output.image_url",
    "file_search_call.results",
    "message.input_image.image_url",
    "message.output_text.logprobs",
    "reasoning.encrypted_content",
    "web_search_call.action.sources",
    "web_search_call.results",
];

pub(super) fn request(body: &Object, strictness: Strictness) -> Result<Ask, Complaint> {
    let root = Place::root();
    fields(&root, body, REQUEST, strictness.lenient_fields)?;
    if let Some(id) = text(body, "previous_response_id") {
        let message = format!("Previous response with id '{id}' not found.");
        return Err(root.key("previous_response_id").says_with_code("previous_response_not_found", message));
    }
    if !["input", "prompt", "conversation"].iter().any(|key| body.get(*key).is_some_and(|value| !value.is_null())) {
        let message = "One of \"input\" or \"previous_response_id\" or 'prompt' or 'conversation' must be provided.";
        return Err(root.says_with_code("missing_required_parameter", message));
    }
    if body.get("input").and_then(Value::as_array).is_some_and(Vec::is_empty) {
        return Err(root.key("input").wrong(Wrong::EmptyArray));
    }
    let mut ask = Ask {
        streaming: body.get("stream") == Some(&Value::Bool(true)),
        parallel: body.get("parallel_tool_calls") != Some(&Value::Bool(false)),
        choices: 1,
        max_tokens: body.get("max_output_tokens").and_then(Value::as_u64),
        format: format(body)?,
        reasoning: reasoning(body)?,
        extras: extras(body)?,
        ..Ask::default()
    };
    tools(body, &mut ask)?;
    if let Some(instructions) = text(body, "instructions") {
        let digest = digest_of(&Value::from(instructions));
        ask.prompt.push(PromptPart { digest, tokens: tokens::count(instructions), mark: None });
    }
    items::input(body, &mut ask, strictness)?;
    ask.choice = choice(body, &ask.tools)?;
    Ok(ask)
}

fn format(body: &Object) -> Result<Format, Complaint> {
    let Some(options) = body.get("text").and_then(Value::as_object) else { return Ok(Format::Text) };
    let at = Place::root().key("text");
    fields(
        &at,
        options,
        &[may("format", Kind::Object), may("verbosity", Kind::OneOf(&["low", "medium", "high"]))],
        false,
    )?;
    let Some(format) = options.get("format").and_then(Value::as_object) else { return Ok(Format::Text) };
    let at = at.key("format");
    const FORMAT: &[Field] = &[
        must("type", Kind::OneOf(&["text", "json_object", "json_schema"])),
        may("name", Kind::Text),
        may("description", Kind::Text),
        may("schema", Kind::Object),
        may("strict", Kind::Bool),
    ];
    fields(&at, format, FORMAT, false)?;
    match text(format, "type") {
        Some("json_object") => Ok(Format::JsonObject),
        Some("json_schema") => {
            if !text(format, "name").is_some_and(|name| is_tool_name(name, 64)) {
                return Err(at.key("name").wrong(Wrong::Missing));
            }
            let Some(schema) = format.get("schema").cloned() else {
                return Err(at.key("schema").wrong(Wrong::Missing));
            };
            if format.get("strict") == Some(&Value::Bool(true)) {
                let name = text(format, "name").unwrap_or_default();
                strict_schema::check(&schema, "()")
                    .map_err(|why| at.says(format!("Invalid schema for response_format '{name}': {why}")))?;
            }
            Ok(Format::Schema(schema))
        }
        _ => Ok(Format::Text),
    }
}

fn reasoning(body: &Object) -> Result<Option<u64>, Complaint> {
    let Some(reasoning) = body.get("reasoning").and_then(Value::as_object) else { return Ok(None) };
    const SUMMARY: Kind = Kind::OneOf(&["auto", "concise", "detailed"]);
    const REASONING: &[Field] = &[
        may("effort", Kind::OneOf(&["none", "minimal", "low", "medium", "high", "xhigh"])),
        may("summary", SUMMARY),
        may("generate_summary", SUMMARY),
        may("context", Kind::Text),
        may("mode", Kind::Text),
    ];
    fields(&Place::root().key("reasoning"), reasoning, REASONING, false)?;
    Ok(text(reasoning, "effort").and_then(tokens::of_effort))
}

fn extras(body: &Object) -> Result<Extras, Complaint> {
    let at = Place::root().key("include");
    let included = list_of(body, "include");
    for (index, entry) in included.iter().enumerate() {
        match entry.as_str() {
            Some(word) if INCLUDED.contains(&word) => {}
            Some(word) => {
                return Err(at.index(index).wrong(Wrong::NotOneOf { allowed: INCLUDED, found: word.to_owned() }));
            }
            None => return Err(at.index(index).wrong(Wrong::Type { expected: "string", found: type_name(entry) })),
        }
    }
    let asks = |word: &str| included.iter().any(|entry| entry == word);
    let top = body.get("top_logprobs").and_then(Value::as_u64);
    let summary = body.get("reasoning").and_then(|reasoning| reasoning.get("summary"));
    Ok(Extras {
        top_logprobs: asks("message.output_text.logprobs").then_some(top.unwrap_or(0)),
        service_tier: text(body, "service_tier").map(str::to_owned),
        summarised: summary.is_some_and(Value::is_string),
        sealed: asks("reasoning.encrypted_content"),
        ..Extras::default()
    })
}

fn tools(body: &Object, ask: &mut Ask) -> Result<(), Complaint> {
    const VENDOR_TOOLS: &[&str] = &[
        "web_search",
        "file_search",
        "computer_use_preview",
        "code_interpreter",
        "image_generation",
        "mcp",
        "local_shell",
        "shell",
        "apply_patch",
        "custom",
        "tool_search",
    ];
    for (index, tool) in list_of(body, "tools").iter().enumerate() {
        let at = Place::root().key("tools").index(index);
        let entry = object(&at, tool)?;
        ask.prompt.push(PromptPart { digest: digest_of(tool), tokens: tokens::count(&tool.to_string()), mark: None });
        match text(entry, "type") {
            Some("function") => ask.tools.push(function(&at, entry)?),
            // The vendor runs these itself; the simulator accepts them and never calls them.
            Some(kind) if VENDOR_TOOLS.iter().any(|known| kind.starts_with(known)) => {}
            Some(kind) => {
                let found = kind.to_owned();
                return Err(at.key("type").wrong(Wrong::NotOneOf { allowed: VENDOR_TOOLS, found }));
            }
            None => return Err(at.key("type").wrong(Wrong::Missing)),
        }
    }
    Ok(())
}

fn function(at: &Place, tool: &Object) -> Result<OfferedTool, Complaint> {
    const FUNCTION: &[Field] = &[
        must("type", Kind::Text),
        must("name", Kind::Text),
        may("description", Kind::Text),
        may("parameters", Kind::Object),
        may("strict", Kind::Bool),
        may("defer_loading", Kind::Bool),
    ];
    fields(at, tool, FUNCTION, false)?;
    let name = text(tool, "name").unwrap_or_default();
    if !is_tool_name(name, 64) {
        return Err(at.key("name").wrong(Wrong::Pattern { pattern: "^[a-zA-Z0-9_-]{1,64}$" }));
    }
    let schema = tool.get("parameters").filter(|schema| !schema.is_null()).cloned();
    let schema = schema.unwrap_or_else(|| serde_json::json!({"type": "object", "properties": {}}));
    // A tool that says nothing is strict where its schema can be.
    if tool.get("strict") == Some(&Value::Bool(true)) {
        strict_schema::check(&schema, "()").map_err(|why| {
            let message = format!("Invalid schema for function '{name}': {why}");
            at.key("parameters").says_with_code("invalid_function_parameters", message)
        })?;
    }
    Ok(OfferedTool { name: name.to_owned(), schema })
}

fn choice(body: &Object, tools: &[OfferedTool]) -> Result<ToolChoice, Complaint> {
    let at = Place::root().key("tool_choice");
    match body.get("tool_choice") {
        None | Some(Value::Null) => Ok(ToolChoice::Auto),
        Some(Value::String(word)) => match word.as_str() {
            "auto" => Ok(ToolChoice::Auto),
            "none" => Ok(ToolChoice::Never),
            "required" if tools.is_empty() => {
                Err(at.says("Tool choice 'required' must be specified with 'tools' parameter."))
            }
            "required" => Ok(ToolChoice::Required),
            _ => Err(at.wrong(Wrong::NotOneOf { allowed: &["none", "auto", "required"], found: word.clone() })),
        },
        Some(choice) => {
            let choice = object(&at, choice)?;
            match (text(choice, "type"), text(choice, "name")) {
                (Some("function"), Some(name)) if tools.iter().any(|tool| tool.name == name) => {
                    Ok(ToolChoice::Named(name.to_owned()))
                }
                (Some("function"), Some(name)) => {
                    Err(at.says(format!("Tool choice '{name}' not found in 'tools' parameter.")))
                }
                (Some("function"), None) => Err(at.key("name").wrong(Wrong::Missing)),
                (Some("allowed_tools"), _) if text(choice, "mode") == Some("required") => Ok(ToolChoice::Required),
                (Some(_), _) => Ok(ToolChoice::Auto),
                (None, _) => Err(at.key("type").wrong(Wrong::Missing)),
            }
        }
    }
}
