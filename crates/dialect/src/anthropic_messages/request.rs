//! Requests: decoding. Encoding is in `compose.rs`.

use super::{blocks, wire};
use crate::fields::Fields;
use crate::{DecodeError, Json, cache_control, content};
use switchtower_domain::{
    DialectId, Extras, FunctionTool, Locus, MaxTokensField, Metadata, OutputFormat, ProviderTool, ReasoningMode,
    ReasoningSpec, Request, Role, Sampling, StructuredOutput, Tool, ToolChoice, ToolKind, Turn,
};

pub(super) fn decode(body: Json<'_>) -> Result<Request, DecodeError> {
    let mut fields = Fields::strict(body, "")?;
    let (tool_choice, parallel_tool_calls) = tool_choice(&mut fields)?;
    Ok(Request {
        origin: DialectId::AnthropicMessages,
        // On the clouds the address names the model.
        model: fields.expected_string("model")?,
        instructions: instructions(&mut fields)?,
        turns: fields.turns(turn)?,
        tools: fields.elements("tools", tool)?,
        tool_choice,
        parallel_tool_calls,
        output: output(&mut fields)?,
        verbosity: None,
        reasoning: reasoning(&mut fields)?,
        sampling: Sampling {
            temperature: fields.number("temperature")?,
            top_p: fields.number("top_p")?,
            top_k: fields.u64("top_k")?,
            stop: fields.strings("stop_sequences")?,
            ..Sampling::default()
        },
        max_tokens: fields.u64("max_tokens")?,
        max_tokens_field: MaxTokensField::MaxTokens,
        stream: fields.bool("stream")?,
        stream_usage: None,
        metadata: Metadata {
            user: fields.nested("metadata", |metadata| metadata.string("user_id"))?,
            service_tier: fields.string("service_tier")?,
            ..Metadata::default()
        },
        extras: fields.rest(),
    })
}

fn instructions(fields: &mut Fields) -> Result<Option<Turn>, DecodeError> {
    let (parts, plain) = content::read(fields, "system", blocks::block)?;
    if parts.is_empty() {
        return Ok(None);
    }
    let at = Locus::at("system");
    Ok(Some(Turn { role: Role::System, parts, plain, name: None, extras: Extras::none(), at }))
}

fn turn(mut fields: Fields, at: Locus) -> Result<Turn, DecodeError> {
    let role = match fields.required_string("role")?.as_str() {
        "user" => Role::User,
        "assistant" => Role::Assistant,
        "system" => Role::System,
        _ => {
            return Err(DecodeError::Value { path: at.field("role"), expected: "user, assistant, system" });
        }
    };
    let (parts, plain) = content::read(&mut fields, "content", blocks::block)?;
    Ok(Turn { role, parts, plain, name: None, extras: fields.rest(), at })
}

fn tool(mut fields: Fields, at: Locus) -> Result<Tool, DecodeError> {
    let cache = cache_control::read(&mut fields)?;
    let custom = fields.peek("type").is_none_or(|kind| kind.is_null() || kind == "custom");
    let kind = if custom {
        fields.constant("type", "custom");
        ToolKind::Function(FunctionTool {
            name: fields.required_string("name")?,
            description: fields.string("description")?,
            parameters: fields.any("input_schema"),
            strict: fields.bool("strict")?,
        })
    } else {
        ToolKind::Provider(ProviderTool { kind: fields.required_string("type")?, name: fields.string("name")? })
    };
    Ok(Tool { kind, cache, extras: fields.rest(), at })
}

fn tool_choice(fields: &mut Fields) -> Result<(Option<ToolChoice>, Option<bool>), DecodeError> {
    fields.nested("tool_choice", |choice| {
        let parallel = choice.bool("disable_parallel_tool_use")?.map(|disabled| !disabled);
        let typed = match choice.peek_str("type") {
            Some("auto") => ToolChoice::Auto,
            Some("any") => ToolChoice::Required,
            Some("none") => ToolChoice::Never,
            Some("tool") => ToolChoice::Named(choice.required_string("name")?),
            _ => return Ok((None, parallel)),
        };
        choice.take("type");
        Ok((Some(typed), parallel))
    })
}

fn output(fields: &mut Fields) -> Result<OutputFormat, DecodeError> {
    let current =
        fields.nested("output_config", |config| config.nested("format", |format| structured(format, false)))?;
    if current != OutputFormat::Unstated {
        return Ok(current);
    }
    fields.nested("output_format", |format| structured(format, true))
}

fn structured(format: &mut Fields, former_field: bool) -> Result<OutputFormat, DecodeError> {
    if format.peek_str("type") != Some("json_schema") {
        return Ok(OutputFormat::Unstated);
    }
    format.take("type");
    Ok(OutputFormat::Structured(StructuredOutput {
        name: None,
        description: None,
        schema: format.any("schema"),
        strict: None,
        former_field,
        extras: Extras::none(),
    }))
}

fn reasoning(fields: &mut Fields) -> Result<ReasoningSpec, DecodeError> {
    let (mode, budget_tokens) = fields.nested("thinking", |thinking| {
        let mode = match thinking.peek_str("type") {
            Some("enabled") => ReasoningMode::Enabled,
            Some("disabled") => ReasoningMode::Disabled,
            Some("adaptive") => ReasoningMode::Adaptive,
            _ => return Ok((None, None)),
        };
        thinking.take("type");
        Ok((Some(mode), thinking.u64("budget_tokens")?))
    })?;
    let effort = fields.nested("output_config", |config| config.string("effort"))?.map(|word| wire::effort(&word));
    Ok(ReasoningSpec { mode, effort, budget_tokens, summary: None, in_one_object: false })
}
