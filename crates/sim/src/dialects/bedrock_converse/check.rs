//! What Converse accepts, and reading it.
//!
//! Fields that Converse does not know are refused here. Its own clients refuse them before they are sent; the service would
//! pass over them in silence, and what they said would be lost.

use super::blocks::{self, Reader};
use super::error;
use super::invoke;
use crate::ask::{Ask, CacheMark, Extras, Format, OfferedTool, PromptPart, ToolChoice};
use crate::check::{Field, Kind, Object, fields, is_tool_name, items, may, must, object, text, type_name};
use crate::dialects::{Dialect as _, Strictness, anthropic_messages};
use crate::failure::{Complaint, Failure, Place, Wrong};
use crate::random::digest_of;
use crate::tokens;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};

/// Source: <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html#API_runtime_Converse_RequestBody>
const REQUEST: &[Field] = &[
    must("messages", Kind::Array),
    may("system", Kind::Array),
    may("inferenceConfig", Kind::Object),
    may("toolConfig", Kind::Object),
    may("guardrailConfig", Kind::Object),
    may("additionalModelRequestFields", Kind::Object),
    may("additionalModelResponseFieldPaths", Kind::Array),
    may("promptVariables", Kind::Object),
    may("requestMetadata", Kind::Object),
    may("performanceConfig", Kind::Object),
    may("serviceTier", Kind::Object),
    may("outputConfig", Kind::Object),
];
/// What a request to count tokens has of these.
const COUNTED: &[Field] = &[
    must("messages", Kind::Array),
    may("system", Kind::Array),
    may("toolConfig", Kind::Object),
    may("additionalModelRequestFields", Kind::Object),
];
/// The words of models for what they share no setting for: of Claude, of Nova and of gpt-oss.
const OF_MODELS: &[Field] = &[
    may("thinking", Kind::Object),
    may("reasoning_config", Kind::Object),
    may("output_config", Kind::Object),
    may("top_k", Kind::Integer(0, 500)),
    may("anthropic_beta", Kind::Array),
    may("inferenceConfig", Kind::Object),
    may("reasoningConfig", Kind::Object),
    may("reasoning_effort", Kind::OneOf(&["low", "medium", "high"])),
];
const NAME: &str = "[a-zA-Z0-9_-]+";
pub(super) const NAME_MAX: usize = 64;
const STOPS_MAX: usize = 2_500;
const PATHS_MAX: usize = 10;
const LABELS_MAX: usize = 16;
const MARKS_MAX: usize = 4;

/// Checks a request and reads it.
pub(super) fn converse(body: &Object, strictness: Strictness) -> Result<Ask, Complaint> {
    let root = Place::root();
    fields(&root, body, REQUEST, strictness.lenient_fields)?;
    let mut ask = Ask { choices: 1, parallel: true, extras: extras(body)?, ..Ask::default() };
    settings(body, &mut ask)?;
    ask.format = format(body)?;
    rest(body, strictness, ask)
}

/// Checks a request to count tokens and counts them.
pub(super) fn count_tokens(body: &Object, strictness: Strictness) -> Result<u64, Failure> {
    let root = Place::root();
    fields(&root, body, &[must("input", Kind::Object)], strictness.lenient_fields)?;
    let at = root.key("input");
    let input = object(&at, body.get("input").unwrap_or(&Value::Null))?;
    let (name, counted) = only_member(&at, input, "CountTokensInput", &["converse", "invokeModel"])?;
    let counted = object(&at.key(name), counted)?;
    if name == "converse" {
        fields(&root, counted, COUNTED, strictness.lenient_fields)?;
        let ask = rest(counted, strictness, Ask { parallel: true, ..Ask::default() })?;
        return Ok(ask.prompt.iter().map(|part| part.tokens).sum());
    }
    fields(&at.key(name), counted, &[must("body", Kind::Text)], false)?;
    let bytes = BASE64.decode(text(counted, "body").unwrap_or_default());
    let read = bytes.ok().and_then(|bytes| serde_json::from_slice::<Object>(&bytes).ok());
    let within = read.ok_or_else(|| at.key(name).key("body").says("The body is not valid JSON."))?;
    let of_model = |complaint: &Complaint| root.clone().says(anthropic_messages::complained(complaint));
    let counted = match anthropic_messages::AnthropicMessages.count_tokens(&invoke::messages(&within)?, strictness) {
        Err(Failure::Invalid(complaint)) => return Err(of_model(&complaint).into()),
        counted => counted?,
    };
    Ok(counted.get("input_tokens").and_then(Value::as_u64).unwrap_or(0))
}

/// What is asked of, which requests for answers and for counts have in common.
fn rest(body: &Object, strictness: Strictness, mut ask: Ask) -> Result<Ask, Complaint> {
    let root = Place::root();
    tools(body, &mut ask)?;
    ask.reasoning = thinking(body, &ask)?;
    system(body, &mut ask)?;
    let mut reader = Reader {
        strictness,
        must_start_with_thinking: kind_of_thinking(body) == Some("enabled"),
        has_tools: body.contains_key("toolConfig"),
        documents: Vec::new(),
        images: 0,
        ask: &mut ask,
    };
    blocks::conversation(&mut reader, items(body, "messages"))?;
    let marks = ask.prompt.iter().filter(|part| part.mark.is_some()).count();
    if marks > MARKS_MAX {
        let why = format!("A maximum of {MARKS_MAX} blocks with cache_control may be provided. Found {marks}.");
        return Err(root.says(error::of_model(&why)));
    }
    Ok(ask)
}

/// The one member of a union, with its name.
pub(super) fn only_member<'a>(
    at: &Place,
    union: &'a Object,
    of: &str,
    known: &'static [&'static str],
) -> Result<(&'static str, &'a Value), Complaint> {
    let set: Vec<(&String, &Value)> = union.iter().filter(|(_, value)| !value.is_null()).collect();
    if let Some((name, _)) = set.iter().find(|(name, _)| !known.contains(&name.as_str())) {
        return Err(at.key(name).wrong(Wrong::Unknown));
    }
    let found = |name: &str| known.iter().copied().find(|known| *known == name);
    match set.as_slice() {
        [(name, value)] => found(name).map(|name| (name, *value)).ok_or_else(|| at.key(name).wrong(Wrong::Unknown)),
        _ => {
            let message = format!("{of} object at {at} must set one of the following keys: {}.", known.join(", "));
            Err(at.clone().says(message))
        }
    }
}

/// How long the prefix before a point is to be kept.
pub(super) fn cache_point(at: &Place, point: &Value) -> Result<CacheMark, Complaint> {
    const POINT: &[Field] = &[must("type", Kind::OneOf(&["default"])), may("ttl", Kind::OneOf(&["5m", "1h"]))];
    let point = object(at, point)?;
    fields(at, point, POINT, false)?;
    Ok(if text(point, "ttl") == Some("1h") { CacheMark::OneHour } else { CacheMark::FiveMinutes })
}

/// Marks what a cache point comes after.
pub(super) fn mark_last(ask: &mut Ask, mark: CacheMark) {
    if let Some(last) = ask.prompt.last_mut() {
        last.mark = Some(mark);
    }
}

fn extras(body: &Object) -> Result<Extras, Complaint> {
    let root = Place::root();
    let at = root.key("additionalModelResponseFieldPaths");
    let paths = items(body, "additionalModelResponseFieldPaths");
    if paths.len() > PATHS_MAX {
        return Err(at.wrong(Wrong::TooMany { max: PATHS_MAX, found: paths.len() }));
    }
    let mut extras = Extras::default();
    for (index, path) in paths.iter().enumerate() {
        let at = at.index(index);
        match path.as_str() {
            Some(path) if path.starts_with('/') => extras.paths.push(path.to_owned()),
            Some(_) => return Err(at.says("The additional model response field paths must be JSON pointers.")),
            None => return Err(at.wrong(Wrong::Type { expected: "string", found: type_name(path) })),
        }
    }
    let nested = |name: &str, list: &[Field]| match body.get(name).and_then(Value::as_object) {
        Some(inner) => fields(&root.key(name), inner, list, false),
        None => Ok(()),
    };
    nested("serviceTier", &[must("type", Kind::OneOf(&["priority", "default", "flex", "reserved"]))])?;
    nested("performanceConfig", &[may("latency", Kind::OneOf(&["standard", "optimized"]))])?;
    nested(
        "guardrailConfig",
        &[
            must("guardrailIdentifier", Kind::Text),
            must("guardrailVersion", Kind::Text),
            may("trace", Kind::OneOf(&["enabled", "disabled", "enabled_full"])),
            may("streamProcessingMode", Kind::OneOf(&["sync", "async"])),
        ],
    )?;
    let tier = body.get("serviceTier").and_then(|tier| tier.get("type")?.as_str());
    extras.service_tier = tier.map(str::to_owned);
    labels(body)?;
    Ok(extras)
}

fn labels(body: &Object) -> Result<(), Complaint> {
    let Some(labels) = body.get("requestMetadata").and_then(Value::as_object) else {
        return Ok(());
    };
    let at = Place::root().key("requestMetadata");
    if labels.is_empty() {
        return Err(at.wrong(Wrong::EmptyArray));
    }
    if labels.len() > LABELS_MAX {
        return Err(at.wrong(Wrong::TooMany { max: LABELS_MAX, found: labels.len() }));
    }
    let plain = |text: &str, least: usize| {
        let known = |letter: char| {
            letter.is_ascii_alphanumeric() || letter.is_ascii_whitespace() || ":_@$#=/+,-.".contains(letter)
        };
        (least..=256).contains(&text.len()) && text.chars().all(known)
    };
    for (name, value) in labels {
        let Some(value) = value.as_str() else {
            return Err(at.key(name).wrong(Wrong::Type { expected: "string", found: type_name(value) }));
        };
        if !plain(name, 1) || !plain(value, 0) {
            return Err(at.wrong(Wrong::Pattern { pattern: r"[a-zA-Z0-9\s:_@$#=/+,-.]{1,256}" }));
        }
    }
    Ok(())
}

fn settings(body: &Object, ask: &mut Ask) -> Result<(), Complaint> {
    let Some(config) = body.get("inferenceConfig").and_then(Value::as_object) else {
        return Ok(());
    };
    let at = Place::root().key("inferenceConfig");
    const CONFIG: &[Field] = &[
        may("maxTokens", Kind::Integer(1, i32::MAX as i64)),
        may("temperature", Kind::Number(0.0, 1.0)),
        may("topP", Kind::Number(0.0, 1.0)),
        may("stopSequences", Kind::Array),
    ];
    fields(&at, config, CONFIG, false)?;
    ask.max_tokens = config.get("maxTokens").and_then(Value::as_u64);
    let at = at.key("stopSequences");
    let stops = items(config, "stopSequences");
    if stops.len() > STOPS_MAX {
        return Err(at.wrong(Wrong::TooMany { max: STOPS_MAX, found: stops.len() }));
    }
    for (index, stop) in stops.iter().enumerate() {
        match stop.as_str() {
            Some("") => return Err(at.index(index).wrong(Wrong::EmptyArray)),
            Some(stop) if stop.trim().is_empty() => {
                let why = format!("stop_sequences.{index}: each stop sequence must contain non-whitespace");
                return Err(at.index(index).says(error::of_model(&why)));
            }
            Some(stop) => ask.stops.push(stop.to_owned()),
            None => return Err(at.index(index).wrong(Wrong::Type { expected: "string", found: type_name(stop) })),
        }
    }
    Ok(())
}

fn format(body: &Object) -> Result<Format, Complaint> {
    let Some(config) = body.get("outputConfig").and_then(Value::as_object) else {
        return Ok(Format::Text);
    };
    let at = Place::root().key("outputConfig");
    fields(&at, config, &[may("textFormat", Kind::Object), may("effort", Kind::Text)], false)?;
    let Some(format) = config.get("textFormat").and_then(Value::as_object) else {
        return Ok(Format::Text);
    };
    let at = at.key("textFormat");
    fields(&at, format, &[must("type", Kind::OneOf(&["json_schema"])), must("structure", Kind::Object)], false)?;
    let at = at.key("structure");
    let structure = object(&at, format.get("structure").unwrap_or(&Value::Null))?;
    let (name, definition) = only_member(&at, structure, "OutputFormatStructure", &["jsonSchema"])?;
    let at = at.key(name);
    let definition = object(&at, definition)?;
    const DEFINITION: &[Field] = &[must("schema", Kind::Text), may("name", Kind::Text), may("description", Kind::Text)];
    fields(&at, definition, DEFINITION, false)?;
    // The schema is JSON within JSON.
    match serde_json::from_str(text(definition, "schema").unwrap_or_default()) {
        Ok(schema @ Value::Object(_)) => Ok(Format::Schema(schema)),
        _ => {
            let message = format!("The value at {} is not a valid JSON Schema.", at.key("schema"));
            Err(at.key("schema").says(message))
        }
    }
}

fn tools(body: &Object, ask: &mut Ask) -> Result<(), Complaint> {
    let Some(config) = body.get("toolConfig").and_then(Value::as_object) else {
        return Ok(());
    };
    let at = Place::root().key("toolConfig");
    fields(&at, config, &[must("tools", Kind::Array), may("toolChoice", Kind::Object)], false)?;
    let list = items(config, "tools");
    if list.is_empty() {
        return Err(at.key("tools").wrong(Wrong::EmptyArray));
    }
    for (index, tool) in list.iter().enumerate() {
        one_tool(&at.key("tools").index(index), tool, ask)?;
    }
    let mut names: Vec<&str> = ask.tools.iter().map(|tool| tool.name.as_str()).collect();
    names.sort_unstable();
    if let Some(twice) = names.windows(2).find(|pair| pair.first() == pair.last()).and_then(<[&str]>::first) {
        return Err(at.key("tools").says(format!("The tool {twice} is already defined at toolConfig.tools.")));
    }
    if let Some(choice) = config.get("toolChoice").and_then(Value::as_object) {
        ask.choice = tool_choice(&at.key("toolChoice"), choice, &ask.tools)?;
    }
    Ok(())
}

fn one_tool(at: &Place, tool: &Value, ask: &mut Ask) -> Result<(), Complaint> {
    let (name, inner) = only_member(at, object(at, tool)?, "Tool", &["toolSpec", "systemTool", "cachePoint"])?;
    let at = at.key(name);
    if name == "cachePoint" {
        let mark = cache_point(&at, inner)?;
        mark_last(ask, mark);
        return Ok(());
    }
    let inner = object(&at, inner)?;
    ask.prompt.push(PromptPart { digest: digest_of(tool), tokens: tokens::count(&tool.to_string()), mark: None });
    if name == "systemTool" {
        // The vendor runs it itself; the simulator accepts it and never calls it.
        return fields(&at, inner, &[must("name", Kind::Text)], false);
    }
    const SPEC: &[Field] = &[
        must("name", Kind::Text),
        must("inputSchema", Kind::Object),
        may("description", Kind::Text),
        may("strict", Kind::Bool),
    ];
    fields(&at, inner, SPEC, false)?;
    let called = text(inner, "name").unwrap_or_default();
    tool_name(&at.key("name"), called)?;
    if text(inner, "description") == Some("") {
        return Err(at.key("description").wrong(Wrong::EmptyArray));
    }
    let at = at.key("inputSchema");
    let schema = object(&at, inner.get("inputSchema").unwrap_or(&Value::Null))?;
    let (_, schema) = only_member(&at, schema, "ToolInputSchema", &["json"])?;
    let at = at.key("json");
    if object(&at, schema)?.get("type") != Some(&Value::from("object")) {
        let message = format!("The value at {}.type must be one of the following: object.", at);
        return Err(at.key("type").says(message));
    }
    ask.tools.push(OfferedTool { name: called.to_owned(), schema: schema.clone() });
    Ok(())
}

pub(super) fn tool_name(at: &Place, name: &str) -> Result<(), Complaint> {
    if name.len() > NAME_MAX {
        return Err(at.clone().wrong(Wrong::TooMany { max: NAME_MAX, found: name.len() }));
    }
    match is_tool_name(name, NAME_MAX) {
        true => Ok(()),
        false => Err(at.clone().wrong(Wrong::Pattern { pattern: NAME })),
    }
}

fn tool_choice(at: &Place, choice: &Object, tools: &[OfferedTool]) -> Result<ToolChoice, Complaint> {
    let (kind, inner) = only_member(at, choice, "ToolChoice", &["auto", "any", "tool"])?;
    let at = at.key(kind);
    let inner = object(&at, inner)?;
    match kind {
        "auto" => fields(&at, inner, &[], false).map(|()| ToolChoice::Auto),
        "any" => fields(&at, inner, &[], false).map(|()| ToolChoice::Required),
        _ => {
            fields(&at, inner, &[must("name", Kind::Text)], false)?;
            let name = text(inner, "name").unwrap_or_default();
            if !tools.iter().any(|tool| tool.name == name) {
                let why = format!("Tool '{name}' not found in provided tools");
                return Err(at.key("name").says(error::of_model(&why)));
            }
            Ok(ToolChoice::Named(name.to_owned()))
        }
    }
}

/// How Claude is asked to think.
fn kind_of_thinking(body: &Object) -> Option<&str> {
    let more = body.get("additionalModelRequestFields")?;
    more.get("thinking").or_else(|| more.get("reasoning_config"))?.get("type")?.as_str()
}

/// How long to think, in the words of each family of models. Claude's are checked as Anthropic checks them.
fn thinking(body: &Object, ask: &Ask) -> Result<Option<u64>, Complaint> {
    // An effort in Converse's own word is for models that think as they like.
    let effort = body.get("outputConfig").and_then(|config| config.get("effort")?.as_str());
    let none = Object::new();
    let more = body.get("additionalModelRequestFields").and_then(Value::as_object).unwrap_or(&none);
    if let (Some(effort), true) = (effort, more.is_empty()) {
        return Ok(tokens::of_effort(effort));
    }
    let root = Place::root();
    if let Some(name) = more.keys().find(|name| !OF_MODELS.iter().any(|field| field.name == **name)) {
        return Err(root.key(name).wrong(Wrong::Unknown));
    }
    let at = root.key("additionalModelRequestFields");
    fields(&at, more, OF_MODELS, false)?;
    if let Some(effort) = text(more, "reasoning_effort") {
        return Ok(tokens::of_effort(effort));
    }
    if let Some(nova) = more.get("reasoningConfig").and_then(Value::as_object) {
        const NOVA: &[Field] = &[
            must("type", Kind::OneOf(&["enabled", "disabled"])),
            may("maxReasoningEffort", Kind::OneOf(&["low", "medium", "high"])),
        ];
        fields(&at.key("reasoningConfig"), nova, NOVA, false)?;
        let effort = text(nova, "maxReasoningEffort").unwrap_or("medium");
        return Ok((text(nova, "type") == Some("enabled")).then(|| tokens::of_effort(effort)).flatten());
    }
    // The same request as Anthropic would see it, as far as thinking is concerned.
    let mut seen = Object::new();
    seen.extend(more.get("reasoning_config").map(|thinking| ("thinking".to_owned(), thinking.clone())));
    seen.extend(more.iter().map(|(name, value)| (name.clone(), value.clone())));
    let temperature = body.get("inferenceConfig").and_then(|config| config.get("temperature"));
    seen.extend(temperature.map(|temperature| ("temperature".to_owned(), temperature.clone())));
    let forced = matches!(ask.choice, ToolChoice::Required | ToolChoice::Named(_));
    seen.extend(forced.then(|| ("tool_choice".to_owned(), json!({"type": "any"}))));
    let of_model =
        |complaint: &Complaint| root.clone().says(error::of_model(&anthropic_messages::complained(complaint)));
    anthropic_messages::thinking(&seen, ask.max_tokens).map_err(|complaint| of_model(&complaint))
}

fn system(body: &Object, ask: &mut Ask) -> Result<(), Complaint> {
    let at = Place::root().key("system");
    for (index, block) in items(body, "system").iter().enumerate() {
        let at = at.index(index);
        let known: &[&str] = &["text", "guardContent", "cachePoint"];
        let (name, inner) = only_member(&at, object(&at, block)?, "SystemContentBlock", known)?;
        let at = at.key(name);
        match (name, inner.as_str()) {
            ("cachePoint", _) => {
                let mark = cache_point(&at, inner)?;
                mark_last(ask, mark);
                continue;
            }
            ("text", None) => return Err(at.wrong(Wrong::Type { expected: "string", found: type_name(inner) })),
            ("text", Some("")) => return Err(at.wrong(Wrong::EmptyArray)),
            _ => {}
        }
        let counted = tokens::count(inner.as_str().unwrap_or_default());
        ask.prompt.push(PromptPart { digest: digest_of(block), tokens: counted, mark: None });
    }
    Ok(())
}
