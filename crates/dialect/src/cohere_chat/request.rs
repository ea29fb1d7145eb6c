//! Requests: decoding. Encoding is in `compose.rs`.

use super::{parts, wire};
use crate::fields::{Fields, wrong_kind};
use crate::{DecodeError, Json, content, function_calls};
use switchtower_domain::{
    DialectId, Extras, FunctionTool, Locus, MaxTokensField, Metadata, OutputFormat, Part, PartKind, ProviderTool,
    ReasoningMode, ReasoningSpec, Request, Role, Sampling, StructuredOutput, Tool, ToolChoice, ToolKind, ToolResult,
    Turn,
};

pub(super) fn decode(body: Json<'_>) -> Result<Request, DecodeError> {
    let mut fields = Fields::strict(body, "")?;
    // A deployment address may name the model in place of the body.
    let model = fields.expected_string("model")?;
    Ok(Request {
        origin: DialectId::CohereChat,
        model,
        instructions: None,
        turns: fields.turns(turn)?,
        tools: fields.elements("tools", tool)?,
        tool_choice: tool_choice(&mut fields)?,
        parallel_tool_calls: None,
        output: output(&mut fields)?,
        verbosity: None,
        reasoning: reasoning(&mut fields)?,
        sampling: sampling(&mut fields)?,
        max_tokens: fields.u64("max_tokens")?,
        max_tokens_field: MaxTokensField::MaxTokens,
        stream: fields.bool("stream")?,
        stream_usage: None,
        metadata: Metadata::default(),
        extras: fields.rest(),
    })
}

fn sampling(fields: &mut Fields) -> Result<Sampling, DecodeError> {
    Ok(Sampling {
        temperature: fields.number("temperature")?,
        top_p: fields.number("p")?,
        top_k: fields.u64("k")?,
        frequency_penalty: fields.number("frequency_penalty")?,
        presence_penalty: fields.number("presence_penalty")?,
        seed: fields.number("seed")?,
        stop: fields.strings("stop_sequences")?,
        logprobs: fields.bool("logprobs")?,
        ..Sampling::default()
    })
}

fn reasoning(fields: &mut Fields) -> Result<ReasoningSpec, DecodeError> {
    fields.nested("thinking", |thinking| {
        let mode = match thinking.peek_str("type") {
            Some("enabled") => Some(ReasoningMode::Enabled),
            Some("disabled") => Some(ReasoningMode::Disabled),
            _ => None,
        };
        if mode.is_some() {
            thinking.take("type");
        }
        Ok(ReasoningSpec { mode, budget_tokens: thinking.u64("token_budget")?, ..ReasoningSpec::default() })
    })
}

fn output(fields: &mut Fields) -> Result<OutputFormat, DecodeError> {
    let Some(value) = fields.take("response_format") else {
        return Ok(OutputFormat::Unstated);
    };
    let mut format = fields.beneath(value, "response_format")?;
    let output = match format.required_string("type")?.as_str() {
        "text" => OutputFormat::Text,
        "json_object" => {
            let schema = format.any("json_schema");
            // The name that it had at first.
            let former = if schema.is_none() { format.any("schema") } else { None };
            let former_field = former.is_some();
            match schema.or(former) {
                None => OutputFormat::JsonObject,
                schema => {
                    return Ok(OutputFormat::Structured(StructuredOutput {
                        name: None,
                        description: None,
                        schema,
                        strict: None,
                        former_field,
                        extras: format.rest(),
                    }));
                }
            }
        }
        _ => {
            let path = "response_format.type".to_owned();
            return Err(DecodeError::Value { path, expected: "text, json_object" });
        }
    };
    if !format.is_empty() {
        fields.put_back("response_format", format.rest_json());
    }
    Ok(output)
}

fn tool(mut fields: Fields, at: Locus) -> Result<Tool, DecodeError> {
    let kind = match fields.peek_str("type") {
        Some("function") | None => {
            fields.constant("type", "function");
            let function = fields.nested("function", |function| {
                Ok(Some(FunctionTool {
                    name: function.required_string("name")?,
                    description: function.string("description")?,
                    parameters: function.any("parameters"),
                    strict: None,
                }))
            })?;
            ToolKind::Function(function.ok_or_else(|| DecodeError::Missing { path: at.field("function") })?)
        }
        Some(_) => {
            ToolKind::Provider(ProviderTool { kind: fields.required_string("type")?, name: fields.string("name")? })
        }
    };
    Ok(Tool { kind, cache: None, extras: fields.rest(), at })
}

fn tool_choice(fields: &mut Fields) -> Result<Option<ToolChoice>, DecodeError> {
    let choice = match fields.peek("tool_choice") {
        Some(Json::String(word)) => match &**word {
            "REQUIRED" => ToolChoice::Required,
            "NONE" => ToolChoice::Never,
            _ => return Ok(None),
        },
        Some(Json::Null) | None => return Ok(None),
        Some(other) => return Err(wrong_kind("tool_choice", "a string", other)),
    };
    fields.take("tool_choice");
    Ok(Some(choice))
}

fn turn(mut fields: Fields, at: Locus) -> Result<Turn, DecodeError> {
    let word = fields.required_string("role")?;
    let role = wire::role(&word).ok_or_else(|| DecodeError::Value { path: at.field("role"), expected: wire::ROLES })?;
    let (parts, plain) = match role {
        Role::Tool => tool_turn(&mut fields, &at)?,
        Role::Assistant => {
            let mut said: Vec<Part> = parts::plan(&mut fields)?.into_iter().collect();
            let (content, plain) = content::read(&mut fields, "content", parts::part)?;
            said.extend(content);
            said.extend(function_calls::read(&mut fields)?);
            (said, plain)
        }
        Role::System | Role::Developer | Role::User => content::read(&mut fields, "content", parts::part)?,
    };
    Ok(Turn { role, parts, plain, name: None, extras: told(fields), at })
}

/// What is left of a message. A plan that is empty says nothing.
fn told(fields: Fields) -> Extras {
    let silent = fields.peek_str("tool_plan") == Some("");
    let rest = fields.rest();
    if silent { rest.restating(&["tool_plan"]) } else { rest }
}

fn tool_turn(fields: &mut Fields, at: &Locus) -> Result<(Vec<Part>, bool), DecodeError> {
    let call_id = fields.expected_string("tool_call_id")?;
    let absent = content::is_absent(fields, "content");
    let (content, plain) = content::read(fields, "content", parts::part)?;
    let result = ToolResult { call_id, content: if absent { None } else { Some(content) }, plain, is_error: None };
    Ok((vec![Part { at: at.clone(), ..Part::new(PartKind::ToolResult(result)) }], false))
}
