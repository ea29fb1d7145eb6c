//! Requests: decoding. Encoding is in `compose.rs`.

use super::{parts, wire};
use crate::fields::{Fields, wrong_kind};
use crate::{DecodeError, Json, cache_control, content, effort, function_calls};
use switchtower_domain::{
    DialectId, FunctionTool, Locus, MaxTokensField, Metadata, OutputFormat, Part, PartKind, ProviderTool,
    ReasoningMode, ReasoningSpec, Request, Role, Sampling, StructuredOutput, Tool, ToolChoice, ToolKind, ToolResult,
    Turn,
};

pub(super) fn decode(body: Json<'_>) -> Result<Request, DecodeError> {
    let mut fields = Fields::strict(body, "")?;
    // A deployment address may name the model in place of the body.
    let model = fields.expected_string("model")?;
    let (max_tokens, max_tokens_field) = max_tokens(&mut fields)?;
    let stream_usage = fields.nested("stream_options", |options| options.bool("include_usage"))?;
    Ok(Request {
        origin: DialectId::OpenaiChat,
        model,
        instructions: None,
        turns: fields.turns(turn)?,
        tools: fields.elements("tools", tool)?,
        tool_choice: tool_choice(&mut fields)?,
        parallel_tool_calls: fields.bool("parallel_tool_calls")?,
        output: output(&mut fields)?,
        verbosity: fields.string("verbosity")?,
        reasoning: reasoning(&mut fields)?,
        sampling: sampling(&mut fields)?,
        max_tokens,
        max_tokens_field,
        stream: fields.bool("stream")?,
        stream_usage,
        metadata: Metadata {
            user: fields.string("user")?,
            labels: fields.map("metadata")?,
            service_tier: fields.string("service_tier")?,
            store: fields.bool("store")?,
            prompt_cache_key: fields.string("prompt_cache_key")?,
        },
        extras: fields.rest(),
    })
}

fn max_tokens(fields: &mut Fields) -> Result<(Option<u64>, MaxTokensField), DecodeError> {
    // Where both are given the newer one holds, and the older stays beside it.
    if let Some(bound) = fields.u64("max_completion_tokens")? {
        return Ok((Some(bound), MaxTokensField::MaxCompletionTokens));
    }
    Ok((fields.u64("max_tokens")?, MaxTokensField::MaxTokens))
}

fn sampling(fields: &mut Fields) -> Result<Sampling, DecodeError> {
    let (stop, stop_plain) = match fields.peek("stop") {
        Some(Json::String(_)) => (fields.string("stop")?.map(|text| vec![text]), true),
        _ => (fields.strings("stop")?, false),
    };
    Ok(Sampling {
        temperature: fields.number("temperature")?,
        top_p: fields.number("top_p")?,
        top_k: fields.u64("top_k")?,
        frequency_penalty: fields.number("frequency_penalty")?,
        presence_penalty: fields.number("presence_penalty")?,
        seed: fields.number("seed")?,
        stop,
        stop_plain,
        choices: fields.u64("n")?,
        logprobs: fields.bool("logprobs")?,
        top_logprobs: fields.u64("top_logprobs")?,
        logit_bias: fields.map("logit_bias")?,
    })
}

/// Three places hold how much to think: `reasoning_effort` (`OpenAI`), the object `reasoning` (`OpenRouter`) and the
/// object `thinking` (`DeepSeek`, Z.ai, Moonshot).
fn reasoning(fields: &mut Fields) -> Result<ReasoningSpec, DecodeError> {
    let effort = fields.string("reasoning_effort")?.map(|word| effort::effort(&word));
    if effort.is_none() && fields.peek("thinking").is_none() && fields.peek("reasoning").is_some_and(Json::is_object) {
        return fields.nested("reasoning", |object| {
            Ok(ReasoningSpec {
                mode: object.bool("enabled")?.map(
                    |on| {
                        if on { ReasoningMode::Enabled } else { ReasoningMode::Disabled }
                    },
                ),
                effort: object.string("effort")?.map(|word| effort::effort(&word)),
                budget_tokens: object.u64("max_tokens")?,
                summary: None,
                in_one_object: true,
            })
        });
    }
    let mode = fields.nested("thinking", |object| {
        let mode = match object.peek_str("type") {
            Some("enabled") => ReasoningMode::Enabled,
            Some("disabled") => ReasoningMode::Disabled,
            Some("adaptive") => ReasoningMode::Adaptive,
            _ => return Ok(None),
        };
        object.take("type");
        Ok(Some(mode))
    })?;
    Ok(ReasoningSpec { mode, effort, budget_tokens: None, summary: None, in_one_object: false })
}

fn output(fields: &mut Fields) -> Result<OutputFormat, DecodeError> {
    let Some(value) = fields.take("response_format") else {
        return Ok(OutputFormat::Unstated);
    };
    let mut format = fields.beneath(value, "response_format")?;
    let kind = format.required_string("type")?;
    let structured = match kind.as_str() {
        "text" => {
            keep_rest(fields, format);
            return Ok(OutputFormat::Text);
        }
        "json_object" => {
            keep_rest(fields, format);
            return Ok(OutputFormat::JsonObject);
        }
        "json_schema" => {
            let mut structured = format.nested("json_schema", |spec| {
                Ok(Some(StructuredOutput {
                    name: spec.string("name")?,
                    description: spec.string("description")?,
                    schema: spec.any("schema"),
                    strict: spec.bool("strict")?,
                    former_field: false,
                    extras: switchtower_domain::Extras::none(),
                }))
            })?;
            let missing = DecodeError::Missing { path: "response_format.json_schema".to_owned() };
            let structured_output = structured.as_mut().ok_or(missing)?;
            structured_output.extras = format.rest();
            structured
        }
        _ => None,
    };
    structured.map(OutputFormat::Structured).ok_or_else(|| DecodeError::Value {
        path: "response_format.type".to_owned(),
        expected: "text, json_object, json_schema",
    })
}

fn keep_rest<'a>(fields: &mut Fields<'a>, format: Fields<'a>) {
    if !format.is_empty() {
        fields.put_back("response_format", format.rest_json());
    }
}

fn tool(mut fields: Fields, at: Locus) -> Result<Tool, DecodeError> {
    let cache = cache_control::read(&mut fields)?;
    let kind = match fields.peek_str("type") {
        Some("function") | None => {
            fields.constant("type", "function");
            let function = fields.nested("function", |function| {
                Ok(Some(FunctionTool {
                    name: function.required_string("name")?,
                    description: function.string("description")?,
                    parameters: function.any("parameters"),
                    strict: function.bool("strict")?,
                }))
            })?;
            ToolKind::Function(function.ok_or_else(|| DecodeError::Missing { path: at.field("function") })?)
        }
        Some(_) => {
            ToolKind::Provider(ProviderTool { kind: fields.required_string("type")?, name: fields.string("name")? })
        }
    };
    Ok(Tool { kind, cache, extras: fields.rest(), at })
}

fn tool_choice(fields: &mut Fields) -> Result<Option<ToolChoice>, DecodeError> {
    let choice = match fields.peek("tool_choice") {
        Some(Json::String(word)) => match &**word {
            "auto" => ToolChoice::Auto,
            "none" => ToolChoice::Never,
            "required" => ToolChoice::Required,
            // Vendors have words of their own (`any`, `validated`): they stay for the vendor.
            _ => return Ok(None),
        },
        Some(choice @ Json::Object(members)) => {
            let function = choice.get("function");
            let name = function.and_then(|function| function.get("name")).and_then(Json::as_str);
            let plain = members.len() == 2 && choice.get("type").and_then(Json::as_str) == Some("function");
            match name {
                Some(name) if plain && function.and_then(Json::as_object).is_some_and(|f| f.len() == 1) => {
                    ToolChoice::Named(name.to_owned())
                }
                _ => return Ok(None),
            }
        }
        Some(Json::Null) | None => return Ok(None),
        Some(other) => return Err(wrong_kind("tool_choice", "a string or an object", other)),
    };
    fields.take("tool_choice");
    Ok(Some(choice))
}

fn turn(mut fields: Fields, at: Locus) -> Result<Turn, DecodeError> {
    let word = fields.required_string("role")?;
    let role = wire::role(&word).ok_or_else(|| DecodeError::Value { path: at.field("role"), expected: wire::ROLES })?;
    let name = fields.string("name")?;
    let (parts, plain) = match role {
        Role::Tool => {
            if word == wire::FUNCTION {
                fields.lack(TOOL_ROLE);
            }
            tool_turn(&mut fields, &at)?
        }
        Role::Assistant => {
            let mut said = parts::reasoning(&mut fields)?;
            let (content, plain) = content::read(&mut fields, "content", parts::part)?;
            said.extend(content);
            if let Some(text) = fields.text("refusal")? {
                said.push(Part { at: at.child("refusal"), ..Part::new(PartKind::Refusal { text }) });
            }
            said.extend(function_calls::read(&mut fields)?);
            (said, plain)
        }
        Role::System | Role::Developer | Role::User => content::read(&mut fields, "content", parts::part)?,
    };
    Ok(Turn { role, parts, plain, name, extras: fields.rest(), at })
}

/// What a result lacks that was written in the role `function`.
pub(super) const TOOL_ROLE: &str = "role tool";

fn tool_turn(fields: &mut Fields, at: &Locus) -> Result<(Vec<Part>, bool), DecodeError> {
    // Some servers match results to calls by their order, or by the name of the function.
    let call_id = fields.expected_string("tool_call_id")?;
    let absent = content::is_absent(fields, "content");
    let (content, plain) = content::read(fields, "content", parts::part)?;
    let result = ToolResult { call_id, content: if absent { None } else { Some(content) }, plain, is_error: None };
    Ok((vec![Part { at: at.clone(), ..Part::new(PartKind::ToolResult(result)) }], false))
}
