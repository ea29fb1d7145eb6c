//! What Messages accepts, and reading it.

use super::blocks::{self, Reader};
use crate::ask::{Ask, CacheMark, Format, OfferedTool, PromptPart, ToolChoice};
use crate::check::{Field, Kind, Object, fields, is_tool_name, items, may, must, object, text, type_name};
use crate::dialects::Strictness;
use crate::failure::{Complaint, Place, Wrong};
use crate::random::digest_of;
use crate::tokens;
use serde_json::Value;

const REQUEST: &[Field] = &[
    must("model", Kind::Text),
    must("messages", Kind::Array),
    may("max_tokens", Kind::Integer(1, 1_000_000)),
    may("cache_control", Kind::Object),
    may("container", Kind::TextOrObject),
    may("context_management", Kind::Object),
    may("diagnostics", Kind::Object),
    may("fallbacks", Kind::Array),
    may("inference_geo", Kind::Text),
    may("mcp_servers", Kind::Array),
    may("metadata", Kind::Object),
    may("output_config", Kind::Object),
    may("output_format", Kind::Object),
    may("service_tier", Kind::OneOf(&["auto", "standard_only"])),
    may("speed", Kind::OneOf(&["standard", "fast"])),
    may("stop_sequences", Kind::Array),
    may("stream", Kind::Bool),
    may("system", Kind::TextOrArray),
    may("temperature", Kind::Number(0.0, 1.0)),
    may("thinking", Kind::Object),
    may("tool_choice", Kind::Object),
    may("tools", Kind::Array),
    may("top_k", Kind::Integer(0, i64::MAX)),
    may("top_p", Kind::Number(0.0, 1.0)),
];
const MARKS_MAX: usize = 4;
const THINKING_TOKENS_MIN: i64 = 1_024;

/// Checks a request and reads it; a request to count tokens (`answering` false) needs no `max_tokens`.
pub(super) fn messages(body: &Object, strictness: Strictness, answering: bool) -> Result<Ask, Complaint> {
    let root = Place::root();
    if answering && body.get("max_tokens").is_none_or(Value::is_null) {
        return Err(root.key("max_tokens").wrong(Wrong::Missing));
    }
    fields(&root, body, REQUEST, strictness.lenient_fields)?;
    let max_tokens = body.get("max_tokens").and_then(Value::as_u64);
    let mut ask = Ask {
        streaming: body.get("stream") == Some(&Value::Bool(true)),
        choices: 1,
        parallel: true,
        max_tokens,
        stops: stops(body)?,
        format: format(body)?,
        reasoning: thinking(body, max_tokens)?,
        ..Ask::default()
    };
    tools(body, &mut ask)?;
    choice(body, &mut ask)?;
    system(body, &mut ask)?;
    let mut reader = Reader {
        ask: &mut ask,
        strictness,
        must_start_with_thinking: text_of(body, "thinking", "type") == Some("enabled"),
    };
    blocks::conversation(&mut reader, items(body, "messages"))?;
    if let Some(mark) = mark(&root, body)?
        && let Some(last) = ask.prompt.last_mut()
    {
        last.mark = Some(mark);
    }
    let marks = ask.prompt.iter().filter(|part| part.mark.is_some()).count();
    if marks > MARKS_MAX {
        return Err(
            root.says(format!("A maximum of {MARKS_MAX} blocks with cache_control may be provided. Found {marks}."))
        );
    }
    Ok(ask)
}

fn text_of<'a>(body: &'a Object, outer: &str, inner: &str) -> Option<&'a str> {
    body.get(outer)?.get(inner)?.as_str()
}

/// The `cache_control` of a block, if it has one.
pub(super) fn mark(at: &Place, block: &Object) -> Result<Option<CacheMark>, Complaint> {
    let Some(control) = block.get("cache_control").filter(|control| !control.is_null()) else {
        return Ok(None);
    };
    let at = at.key("cache_control");
    let control = object(&at, control)?;
    const CONTROL: &[Field] =
        &[must("type", Kind::OneOf(&["ephemeral"])), may("ttl", Kind::OneOf(&["5m", "1h"])), may("scope", Kind::Text)];
    fields(&at, control, CONTROL, false)?;
    Ok(Some(if text(control, "ttl") == Some("1h") { CacheMark::OneHour } else { CacheMark::FiveMinutes }))
}

fn stops(body: &Object) -> Result<Vec<String>, Complaint> {
    let at = Place::root().key("stop_sequences");
    let read = items(body, "stop_sequences").iter().enumerate().map(|(index, stop)| match stop {
        Value::String(stop) if stop.trim().is_empty() => {
            Err(at.index(index).says("each stop sequence must contain non-whitespace"))
        }
        Value::String(stop) => Ok(stop.clone()),
        other => Err(at.index(index).wrong(Wrong::Type { expected: "string", found: type_name(other) })),
    });
    read.collect()
}

fn format(body: &Object) -> Result<Format, Complaint> {
    let mut at = Place::root().key("output_format");
    let mut written = body.get("output_format");
    if let Some(config) = body.get("output_config").and_then(Value::as_object) {
        at = Place::root().key("output_config");
        const CONFIG: &[Field] = &[
            may("format", Kind::Object),
            may("effort", Kind::OneOf(&["low", "medium", "high", "xhigh", "max"])),
            may("task_budget", Kind::Object),
        ];
        fields(&at, config, CONFIG, false)?;
        at = at.key("format");
        written = config.get("format").or(written);
    }
    let Some(written) = written.filter(|format| !format.is_null()) else {
        return Ok(Format::Text);
    };
    let format = object(&at, written)?;
    const FORMAT: &[Field] =
        &[must("type", Kind::OneOf(&["json_schema"])), must("schema", Kind::Object), may("name", Kind::Text)];
    fields(&at, format, FORMAT, false)?;
    let schema = format.get("schema").cloned().unwrap_or_default();
    closed(&at.key("schema"), &schema)?;
    Ok(Format::Schema(schema))
}

/// Structured output wants every object closed.
fn closed(at: &Place, schema: &Value) -> Result<(), Complaint> {
    let Some(fields) = schema.as_object() else {
        return Ok(());
    };
    if fields.get("type") == Some(&Value::from("object"))
        && fields.get("additionalProperties") != Some(&Value::Bool(false))
    {
        return Err(at.clone().says("For 'object' type, 'additionalProperties' must be explicitly set to false"));
    }
    for key in ["properties", "$defs", "definitions"] {
        let named = fields.get(key).and_then(Value::as_object);
        named.into_iter().flatten().try_for_each(|(name, inner)| closed(&at.key(key).key(name), inner))?;
    }
    fields.get("items").map_or(Ok(()), |inner| closed(&at.key("items"), inner))
}

/// How long to think. The lengths are far below the budgets of real requests, so that tests stay readable.
pub(crate) fn thinking(body: &Object, max_tokens: Option<u64>) -> Result<Option<u64>, Complaint> {
    let Some(thinking) = body.get("thinking").and_then(Value::as_object) else {
        return Ok(None);
    };
    let at = Place::root().key("thinking");
    let kind = text(thinking, "type").unwrap_or_default();
    let display = may("display", Kind::OneOf(&["summarized", "omitted"]));
    match kind {
        "enabled" => {
            let at = at.key("enabled");
            let list = [
                must("type", Kind::Text),
                must("budget_tokens", Kind::Integer(THINKING_TOKENS_MIN, i64::MAX)),
                display,
            ];
            fields(&at, thinking, &list, false)?;
            let budget = thinking.get("budget_tokens").and_then(Value::as_u64).unwrap_or(0);
            if max_tokens.is_some_and(|max| max <= budget) {
                let message = "`max_tokens` must be greater than `thinking.budget_tokens`. Please consult our documentation at https://docs.claude.com/en/docs/build-with-claude/extended-thinking#max-tokens-and-context-window-size";
                return Err(Place::root().says(message));
            }
        }
        "adaptive" => fields(&at.key("adaptive"), thinking, &[must("type", Kind::Text), display], false)?,
        "disabled" => {
            fields(&at.key("disabled"), thinking, &[must("type", Kind::Text)], false)?;
            return Ok(None);
        }
        _ => {
            let found = kind.to_owned();
            return Err(at.key("type").wrong(Wrong::NotOneOf { allowed: &["adaptive", "disabled", "enabled"], found }));
        }
    }
    if body.get("temperature").and_then(Value::as_f64).is_some_and(|temperature| temperature < 1.0) {
        return Err(Place::root().says("`temperature` may only be set to 1 when thinking is enabled."));
    }
    if matches!(text_of(body, "tool_choice", "type"), Some("any" | "tool")) {
        return Err(Place::root().says("Thinking may not be enabled when tool_choice forces tool use."));
    }
    Ok(Some(match text_of(body, "output_config", "effort") {
        Some("low") => 16,
        Some("high") => 64,
        Some("xhigh" | "max") => 128,
        _ => 32,
    }))
}

fn tools(body: &Object, ask: &mut Ask) -> Result<(), Complaint> {
    const VENDOR_TOOLS: &[&str] = &[
        "web_search_",
        "web_fetch_",
        "code_execution_",
        "computer_",
        "bash_",
        "text_editor_",
        "memory_",
        "tool_search_tool_",
        "mcp_toolset",
        "advisor_",
    ];
    for (index, tool) in items(body, "tools").iter().enumerate() {
        let at = Place::root().key("tools").index(index);
        let entry = object(&at, tool)?;
        let mark = mark(&at, entry)?;
        ask.prompt.push(PromptPart { digest: digest_of(tool), tokens: tokens::count(&tool.to_string()), mark });
        match text(entry, "type") {
            None | Some("custom") => ask.tools.push(custom_tool(&at.key("custom"), entry)?),
            // The vendor runs these itself; the simulator accepts them and never calls them.
            Some(kind) if VENDOR_TOOLS.iter().any(|known| kind.starts_with(known)) => {}
            Some(kind) => {
                return Err(
                    at.says(format!("Input tag '{kind}' found using 'type' does not match any of the expected tags"))
                );
            }
        }
    }
    let mut names: Vec<&str> = ask.tools.iter().map(|tool| tool.name.as_str()).collect();
    names.sort_unstable();
    if names.windows(2).any(|pair| pair.first() == pair.last()) {
        return Err(Place::root().key("tools").says("Tool names must be unique."));
    }
    Ok(())
}

fn custom_tool(at: &Place, tool: &Object) -> Result<OfferedTool, Complaint> {
    const TOOL: &[Field] = &[
        must("name", Kind::Text),
        must("input_schema", Kind::Any),
        may("type", Kind::Text),
        may("description", Kind::Text),
        may("cache_control", Kind::Object),
        may("strict", Kind::Bool),
        may("eager_input_streaming", Kind::Bool),
        may("input_examples", Kind::Array),
        may("defer_loading", Kind::Bool),
        may("allowed_callers", Kind::Array),
    ];
    fields(at, tool, TOOL, false)?;
    let name = text(tool, "name").unwrap_or_default();
    if !is_tool_name(name, 128) {
        return Err(at.key("name").wrong(Wrong::Pattern { pattern: "^[a-zA-Z0-9_-]{1,128}$" }));
    }
    let at = at.key("input_schema");
    let schema = tool.get("input_schema").cloned().unwrap_or_default();
    let Some(entry) = schema.as_object() else {
        return Err(at.says("Input does not match the expected shape."));
    };
    match entry.get("type").map(Value::as_str) {
        Some(Some("object")) => {}
        None => return Err(at.key("type").wrong(Wrong::Missing)),
        Some(_) => return Err(at.key("type").says("Input should be 'object'")),
    }
    if tool.get("strict") == Some(&Value::Bool(true)) {
        closed(&at, &schema)?;
    }
    Ok(OfferedTool { name: name.to_owned(), schema })
}

fn choice(body: &Object, ask: &mut Ask) -> Result<(), Complaint> {
    let Some(choice) = body.get("tool_choice").and_then(Value::as_object) else {
        return Ok(());
    };
    let at = Place::root().key("tool_choice");
    const CHOICE: &[Field] = &[
        must("type", Kind::OneOf(&["auto", "any", "tool", "none"])),
        may("name", Kind::Text),
        may("disable_parallel_tool_use", Kind::Bool),
    ];
    fields(&at, choice, CHOICE, false)?;
    if items(body, "tools").is_empty() && text(choice, "type") != Some("none") {
        return Err(Place::root().key("tool_choice").says("tool_choice may only be specified while providing tools."));
    }
    ask.parallel = choice.get("disable_parallel_tool_use") != Some(&Value::Bool(true));
    ask.choice = match text(choice, "type") {
        Some("any") => ToolChoice::Required,
        Some("none") => ToolChoice::Never,
        Some("tool") => {
            let Some(name) = text(choice, "name") else {
                return Err(at.key("tool").key("name").wrong(Wrong::Missing));
            };
            let offered = items(body, "tools").iter().any(|tool| tool.get("name") == Some(&Value::from(name)));
            if !offered {
                return Err(Place::root().says(format!("Tool '{name}' not found in provided tools")));
            }
            ToolChoice::Named(name.to_owned())
        }
        _ => ToolChoice::Auto,
    };
    Ok(())
}

fn system(body: &Object, ask: &mut Ask) -> Result<(), Complaint> {
    let at = Place::root().key("system");
    if let Some(whole) = text(body, "system") {
        let part = PromptPart { digest: digest_of(&Value::from(whole)), tokens: tokens::count(whole), mark: None };
        ask.prompt.push(part);
        return Ok(());
    }
    for (index, block) in items(body, "system").iter().enumerate() {
        let at = at.index(index);
        let block = object(&at, block)?;
        const TEXT: &[Field] = &[
            must("type", Kind::OneOf(&["text"])),
            must("text", Kind::Text),
            may("cache_control", Kind::Object),
            may("citations", Kind::Array),
        ];
        fields(&at, block, TEXT, false)?;
        let words = text(block, "text").unwrap_or_default();
        if words.is_empty() {
            return Err(Place::root().key("system").says("text content blocks must be non-empty"));
        }
        // The mark is no part of what is cached: moving it must not change the prefix.
        ask.prompt.push(PromptPart {
            digest: digest_of(&Value::from(words)),
            tokens: tokens::count(words),
            mark: mark(&at, block)?,
        });
    }
    Ok(())
}
