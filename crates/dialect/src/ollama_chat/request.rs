//! Requests: decoding. Encoding is in `compose.rs`.

use super::{parts, wire};
use crate::fields::Fields;
use crate::{DecodeError, Json, effort};
use std::collections::VecDeque;
use switchtower_domain::{
    DialectId, Extras, FunctionTool, Locus, MaxTokensField, Metadata, OutputFormat, Part, PartKind, ProviderTool,
    ReasoningMode, ReasoningSpec, Request, Role, Sampling, StructuredOutput, Tool, ToolKind, ToolResult, Turn,
};

pub(super) fn decode(body: Json<'_>) -> Result<Request, DecodeError> {
    let mut fields = Fields::strict(body, "")?;
    // A deployment address may name the model in place of the body.
    let model = fields.expected_string("model")?;
    let mut turns = fields.turns(turn)?;
    match_results(&mut turns);
    let (sampling, max_tokens) = sampling(&mut fields)?;
    let output = output(&mut fields);
    let reasoning = reasoning(&mut fields);
    let stream = fields.bool("stream")?;
    if stream.is_none() {
        fields.lack("stream");
    }
    let unformed = fields.peek_str("format") == Some("");
    Ok(Request {
        origin: DialectId::OllamaChat,
        model,
        instructions: None,
        turns,
        tools: fields.elements("tools", tool)?,
        tool_choice: None,
        parallel_tool_calls: None,
        output,
        verbosity: None,
        reasoning,
        sampling,
        max_tokens,
        max_tokens_field: MaxTokensField::MaxTokens,
        // "stream: if false the response will be returned as a single response object".
        stream: Some(stream.unwrap_or(true)),
        stream_usage: None,
        metadata: Metadata::default(),
        // A format without a name is none.
        extras: if unformed { fields.rest().restating(&["format"]) } else { fields.rest() },
    })
}

fn sampling(fields: &mut Fields) -> Result<(Sampling, Option<u64>), DecodeError> {
    let logprobs = fields.bool("logprobs")?;
    let top_logprobs = fields.u64("top_logprobs")?;
    fields
        .nested("options", |options| {
            // Numbers below 0 ask for no bound.
            let count = |options: &mut Fields, key: &str| {
                let count = options.peek(key).and_then(Json::as_u64);
                if count.is_some() {
                    options.take(key);
                }
                count
            };
            let stop =
                options.peek("stop").and_then(Json::as_array).is_some_and(|list| list.iter().all(Json::is_string));
            let sampling = Sampling {
                temperature: options.number("temperature")?,
                top_p: options.number("top_p")?,
                top_k: count(options, "top_k"),
                frequency_penalty: options.number("frequency_penalty")?,
                presence_penalty: options.number("presence_penalty")?,
                seed: options.number("seed")?,
                stop: if stop { options.strings("stop")? } else { None },
                ..Sampling::default()
            };
            Ok((sampling, count(options, "num_predict")))
        })
        .map(|(sampling, bound)| (Sampling { logprobs, top_logprobs, ..sampling }, bound))
}

fn output(fields: &mut Fields) -> OutputFormat {
    match fields.peek("format") {
        Some(Json::String(word)) if word == "json" => {
            fields.take("format");
            OutputFormat::JsonObject
        }
        Some(Json::Object(_)) => OutputFormat::Structured(StructuredOutput {
            name: None,
            description: None,
            schema: fields.any("format"),
            strict: None,
            former_field: false,
            extras: Extras::none(),
        }),
        _ => OutputFormat::Unstated,
    }
}

fn reasoning(fields: &mut Fields) -> ReasoningSpec {
    let spec = match fields.peek("think") {
        Some(Json::Bool(on)) => {
            let mode = if *on { ReasoningMode::Enabled } else { ReasoningMode::Disabled };
            ReasoningSpec { mode: Some(mode), ..ReasoningSpec::default() }
        }
        Some(Json::String(word)) if !word.is_empty() => {
            ReasoningSpec { effort: Some(effort::effort(word)), ..ReasoningSpec::default() }
        }
        _ => return ReasoningSpec::default(),
    };
    fields.take("think");
    spec
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

fn turn(mut fields: Fields, at: Locus) -> Result<Turn, DecodeError> {
    let word = fields.required_string("role")?;
    let role = wire::role(&word).ok_or_else(|| DecodeError::Value { path: at.field("role"), expected: wire::ROLES })?;
    let parts = if role == Role::Tool {
        let call_id = fields.text("tool_call_id")?;
        if call_id.is_none() {
            fields.lack("tool_call_id");
        }
        let content = fields.string("content")?.map(|text| vec![Part { at: at.child("content"), ..Part::text(text) }]);
        let plain = content.is_some();
        let result = ToolResult { call_id: call_id.unwrap_or_default(), content, plain, is_error: None };
        vec![Part { at: at.clone(), ..Part::new(PartKind::ToolResult(result)) }]
    } else {
        parts::said(&mut fields)?
    };
    let plain = matches!(parts.as_slice(), [Part { kind: PartKind::Text { .. }, .. }]);
    // Empty texts say nothing, and the name of a tool is known from its call.
    let silent = ["content", "thinking"].iter().all(|key| fields.peek(key).is_none_or(|text| *text == ""));
    let rest = fields.rest();
    let extras = if silent { rest.restating(&["content", "thinking", "tool_name"]) } else { rest };
    Ok(Turn { role, parts, plain, name: None, extras, at })
}

/// Calls without ids are numbered, and results without ids are those of the calls before them, by the name of the tool.
fn match_results(turns: &mut [Turn]) {
    let mut open: VecDeque<(String, String)> = VecDeque::new();
    let mut count = 0;
    for turn in turns {
        let named = turn.extras.get("tool_name").and_then(|name| name.as_str().map(str::to_owned));
        for part in &mut turn.parts {
            match &mut part.kind {
                PartKind::ToolCall(call) => {
                    if call.id.is_empty() {
                        call.id = format!("call_{count}");
                    }
                    count += 1;
                    open.push_back((call.name.clone(), call.id.clone()));
                }
                PartKind::ToolResult(result) => {
                    let place = open.iter().position(|(name, id)| match &named {
                        _ if !result.call_id.is_empty() => *id == result.call_id,
                        Some(named) => name == named,
                        None => true,
                    });
                    if let Some((_, id)) = place.and_then(|place| open.remove(place)) {
                        result.call_id = id;
                    }
                }
                _ => {}
            }
        }
    }
}
