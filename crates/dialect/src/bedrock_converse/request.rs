//! Requests: decoding. Encoding is in `compose.rs`.

use super::{parts, thinking};
use crate::effort::effort;
use crate::fields::{Fields, wrong_kind};
use crate::{DecodeError, Json};
use serde_json::Value;
use switchtower_domain::{
    DialectId, Extras, FunctionTool, Locus, MaxTokensField, Metadata, OutputFormat, ProviderTool, ReasoningSpec,
    Request, Role, Sampling, StructuredOutput, Tool, ToolChoice, ToolKind, Turn,
};

/// Marks settings that say nothing.
pub(super) const NO_SETTINGS: &str = "a setting";

pub(super) fn decode(body: Json<'_>) -> Result<Request, DecodeError> {
    let mut fields = Fields::strict(body, "")?;
    if fields.peek("inferenceConfig").and_then(Json::as_object).is_some_and(Vec::is_empty) {
        fields.any("inferenceConfig");
        fields.lack(NO_SETTINGS);
    }
    let (mut sampling, max_tokens) = fields.nested("inferenceConfig", |config| {
        let sampling = Sampling {
            temperature: config.number("temperature")?,
            top_p: config.number("topP")?,
            stop: match config.peek("stopSequences").and_then(Json::as_array) {
                Some(none) if none.is_empty() => None,
                _ => config.strings("stopSequences")?,
            },
            ..Sampling::default()
        };
        Ok((sampling, config.u64("maxTokens")?))
    })?;
    let said = fields.nested("additionalModelRequestFields", thinking::read)?;
    sampling.top_k = said.top_k;
    let mut reasoning = said.reasoning;
    let (tools, tool_choice) =
        fields.nested("toolConfig", |config| Ok((tools(config)?, config.nested("toolChoice", tool_choice)?)))?;
    Ok(Request {
        origin: DialectId::BedrockConverse,
        // The address names the model.
        model: fields.expected_string("modelId")?,
        instructions: instructions(&mut fields)?,
        turns: turns(&mut fields)?,
        tools,
        tool_choice,
        parallel_tool_calls: None,
        output: fields.nested("outputConfig", |config| {
            own_effort(config, &mut reasoning)?;
            config.nested("textFormat", output)
        })?,
        verbosity: None,
        reasoning,
        sampling,
        max_tokens,
        max_tokens_field: MaxTokensField::MaxTokens,
        stream: None,
        stream_usage: None,
        metadata: Metadata {
            labels: fields.map("requestMetadata")?,
            service_tier: fields.nested("serviceTier", |tier| tier.string("type"))?,
            ..Metadata::default()
        },
        extras: fields.rest(),
    })
}

fn instructions(fields: &mut Fields) -> Result<Option<Turn>, DecodeError> {
    let parts = parts::list(fields, "system")?;
    if parts.is_empty() {
        return Ok(None);
    }
    let at = Locus::at("system");
    Ok(Some(Turn { role: Role::System, parts, plain: false, name: None, extras: Extras::none(), at }))
}

fn turns(fields: &mut Fields) -> Result<Vec<Turn>, DecodeError> {
    // What is asked may come from a prompt that Bedrock keeps; then there are variables in place of messages.
    if fields.peek("messages").is_none_or(Json::is_null) && fields.peek("promptVariables").is_some() {
        return Ok(Vec::new());
    }
    fields.turns(turn)
}

fn turn(mut fields: Fields, at: Locus) -> Result<Turn, DecodeError> {
    let role = match fields.required_string("role")?.as_str() {
        "user" => Role::User,
        "assistant" => Role::Assistant,
        _ => return Err(DecodeError::Value { path: at.field("role"), expected: "user, assistant" }),
    };
    let parts = parts::list(&mut fields, "content")?;
    Ok(Turn { role, parts, plain: false, name: None, extras: fields.rest(), at })
}

fn tools(config: &mut Fields) -> Result<Vec<Tool>, DecodeError> {
    let items = config.list("tools")?.unwrap_or_default();
    let list = config.at().child("tools");
    let mut tools: Vec<Tool> = Vec::with_capacity(items.len());
    for (place, item) in items.into_iter().enumerate() {
        let marker = parts::cache_point(&item);
        match (marker, tools.last_mut().filter(|last| last.cache.is_none())) {
            (Some(marker), Some(last)) => last.cache = Some(marker),
            _ => {
                let at = list.item(place);
                tools.push(tool(config.beneath_at(item, at.clone())?, at)?);
            }
        }
    }
    Ok(tools)
}

fn tool(mut fields: Fields, at: Locus) -> Result<Tool, DecodeError> {
    let kind = if fields.peek("toolSpec").is_some_and(Json::is_object) {
        fields.nested("toolSpec", |spec| {
            Ok(Some(ToolKind::Function(FunctionTool {
                name: spec.required_string("name")?,
                description: spec.string("description")?,
                parameters: spec.nested("inputSchema", |schema| Ok(schema.any("json")))?,
                strict: spec.bool("strict")?,
            })))
        })?
    } else {
        let kind = fields.names().next().unwrap_or_default().to_owned();
        let name = if kind == SYSTEM_TOOL { fields.nested(SYSTEM_TOOL, |tool| tool.string("name"))? } else { None };
        Some(ToolKind::Provider(ProviderTool { kind, name }))
    };
    let Some(kind) = kind else { return Err(wrong_kind(at.path(), "a tool", &fields.rest_json())) };
    Ok(Tool { kind, cache: None, extras: fields.rest(), at })
}

/// A tool that Bedrock runs.
pub(super) const SYSTEM_TOOL: &str = "systemTool";

fn tool_choice(choice: &mut Fields) -> Result<Option<ToolChoice>, DecodeError> {
    let empty = |choice: &Fields, key: &str| choice.peek(key).and_then(Json::as_object).is_some_and(Vec::is_empty);
    for (key, meaning) in [("auto", ToolChoice::Auto), ("any", ToolChoice::Required)] {
        if empty(choice, key) {
            choice.take(key);
            return Ok(Some(meaning));
        }
    }
    choice.nested("tool", |tool| Ok(tool.string("name")?.map(ToolChoice::Named)))
}

/// Converse has a word of its own for what models are asked in theirs; the latter goes first.
fn own_effort(config: &mut Fields, reasoning: &mut ReasoningSpec) -> Result<(), DecodeError> {
    if reasoning.effort.is_none()
        && let Some(word) = config.string("effort")?
    {
        reasoning.effort = Some(effort(&word));
        config.lack(thinking::OWN_EFFORT);
    }
    Ok(())
}

fn output(format: &mut Fields) -> Result<OutputFormat, DecodeError> {
    let schema = format.peek("structure").and_then(|it| it.get("jsonSchema")).and_then(|it| it.get("schema"));
    if format.peek_str("type") != Some("json_schema") || !schema.is_some_and(Json::is_string) {
        return Ok(OutputFormat::Unstated);
    }
    format.take("type");
    format.nested("structure", |structure| {
        structure.nested("jsonSchema", |definition| {
            let written = definition.required_string("schema")?;
            let schema = serde_json::from_str::<Value>(&written).map_err(|_| DecodeError::Value {
                path: definition.path_of("schema"),
                expected: "texts that are a JSON Schema",
            })?;
            // The text goes back as it was.
            let kept = [("schema".to_owned(), Value::from(written))].into_iter().collect();
            Ok(OutputFormat::Structured(StructuredOutput {
                name: definition.string("name")?,
                description: definition.string("description")?,
                schema: Some(schema),
                strict: None,
                former_field: false,
                extras: Extras::new(kept, Vec::new()).restating(&["schema"]),
            }))
        })
    })
}
