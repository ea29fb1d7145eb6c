//! Requests: decoding. Encoding is in `compose.rs`.

use super::items;
use crate::fields::{Fields, wrong_kind};
use crate::{DecodeError, Json, effort};
use switchtower_domain::{
    DialectId, Extras, FunctionTool, Locus, MaxTokensField, Metadata, OutputFormat, Part, ProviderTool, ReasoningSpec,
    Request, Role, Sampling, StructuredOutput, Tool, ToolChoice, ToolKind, Turn,
};

/// What a request lacks whose input is one plain string.
pub(super) const LIST: &str = "list of items";
/// The entry of `include` that asks for log-probabilities.
pub(super) const LOGPROBS: &str = "message.output_text.logprobs";
/// What a tool restates.
const RESTATED: &[&str] = &["type"];

pub(super) fn decode(body: Json<'_>) -> Result<Request, DecodeError> {
    let mut fields = Fields::strict(body, "")?;
    let (output, verbosity) = fields.nested("text", |text| Ok((output(text)?, text.string("verbosity")?)))?;
    Ok(Request {
        origin: DialectId::OpenaiResponses,
        // A deployment address may name the model in place of the body.
        model: fields.expected_string("model")?,
        instructions: instructions(&mut fields)?,
        turns: input(&mut fields)?,
        tools: fields.elements("tools", tool)?,
        tool_choice: tool_choice(&mut fields)?,
        parallel_tool_calls: fields.bool("parallel_tool_calls")?,
        output,
        verbosity,
        reasoning: fields.nested("reasoning", |object| {
            Ok(ReasoningSpec {
                effort: object.string("effort")?.map(|word| effort::effort(&word)),
                summary: object.string("summary")?,
                ..ReasoningSpec::default()
            })
        })?,
        sampling: Sampling {
            temperature: fields.number("temperature")?,
            top_p: fields.number("top_p")?,
            logprobs: asks_for_logprobs(&fields).then_some(true),
            top_logprobs: fields.u64("top_logprobs")?,
            ..Sampling::default()
        },
        max_tokens: fields.u64("max_output_tokens")?,
        max_tokens_field: MaxTokensField::MaxTokens,
        stream: fields.bool("stream")?,
        stream_usage: None,
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

fn asks_for_logprobs(fields: &Fields) -> bool {
    fields.peek("include").and_then(Json::as_array).is_some_and(|list| list.iter().any(|entry| entry == LOGPROBS))
}

fn instructions(fields: &mut Fields) -> Result<Option<Turn>, DecodeError> {
    let at = Locus::at("instructions");
    let text = fields.string("instructions")?;
    Ok(text.map(|text| plain(Role::System, text, at)))
}

fn plain(role: Role, text: String, at: Locus) -> Turn {
    let parts = vec![Part { at: at.clone(), ..Part::text(text) }];
    Turn { role, parts, plain: true, name: None, extras: Extras::none(), at }
}

fn input(fields: &mut Fields) -> Result<Vec<Turn>, DecodeError> {
    match fields.peek("input") {
        Some(Json::String(_)) => {
            fields.lack(LIST);
            let text = fields.required_string("input")?;
            Ok(vec![plain(Role::User, text, Locus::at("input"))])
        }
        Some(Json::Array(_)) => fields.elements("input", items::item),
        // What a stored prompt or an earlier response says may be all.
        None | Some(Json::Null) => Ok(Vec::new()),
        Some(other) => Err(wrong_kind("input", "a string or a list of items", other)),
    }
}

fn output(text: &mut Fields) -> Result<OutputFormat, DecodeError> {
    text.nested("format", |format| {
        let typed = match format.peek_str("type") {
            Some("text") => OutputFormat::Text,
            Some("json_object") => OutputFormat::JsonObject,
            Some("json_schema") => OutputFormat::Structured(StructuredOutput {
                name: format.string("name")?,
                description: format.string("description")?,
                schema: format.any("schema"),
                strict: format.bool("strict")?,
                former_field: false,
                extras: Extras::none(),
            }),
            _ => return Ok(OutputFormat::Unstated),
        };
        format.take("type");
        Ok(typed)
    })
}

fn tool(mut fields: Fields, at: Locus) -> Result<Tool, DecodeError> {
    let kind = if fields.peek_str("type") == Some("function") {
        ToolKind::Function(FunctionTool {
            name: fields.required_string("name")?,
            description: fields.string("description")?,
            parameters: fields.any("parameters"),
            strict: fields.bool("strict")?,
        })
    } else {
        ToolKind::Provider(ProviderTool { kind: fields.required_string("type")?, name: fields.string("name")? })
    };
    Ok(Tool { kind, cache: None, extras: fields.rest().restating(RESTATED), at })
}

fn tool_choice(fields: &mut Fields) -> Result<Option<ToolChoice>, DecodeError> {
    let choice = match fields.peek("tool_choice") {
        Some(Json::String(word)) => match &**word {
            "auto" => ToolChoice::Auto,
            "none" => ToolChoice::Never,
            "required" => ToolChoice::Required,
            _ => return Ok(None),
        },
        Some(choice @ Json::Object(members)) => {
            let function = members.len() == 2 && choice.get("type").and_then(Json::as_str) == Some("function");
            match choice.get("name").and_then(Json::as_str) {
                Some(name) if function => ToolChoice::Named(name.to_owned()),
                // A built-in tool or a choice among some: known to this dialect only.
                _ => return Ok(None),
            }
        }
        Some(Json::Null) | None => return Ok(None),
        Some(other) => return Err(wrong_kind("tool_choice", "a string or an object", other)),
    };
    fields.take("tool_choice");
    Ok(Some(choice))
}
