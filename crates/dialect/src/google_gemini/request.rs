//! Requests: decoding. Encoding is in `compose.rs`.

use super::parts::{self, Calls};
use super::{openapi, spelling, wire};
use crate::fields::{Fields, wrong_kind};
use crate::{DecodeError, Json};
use serde_json::Value;
use switchtower_domain::{
    DialectId, Extras, FunctionTool, Locus, MaxTokensField, Metadata, OutputFormat, Part, PartKind, ProviderTool,
    ReasoningSpec, Request, Role, Sampling, StructuredOutput, Tool, ToolChoice, ToolKind, Turn,
};

/// Marks a tool that shares its object with the one before it.
pub(super) const SHARES: &str = "a tool of its own";
/// Marks settings that ask for text, which is what is given without asking.
pub(super) const TEXT_ONLY: &str = "another modality";
/// Marks a tool that is named and not set.
pub(super) const UNSET: &str = "settings of the tool";
/// Marks a level of thinking that is written in small letters.
pub(super) const SMALL: &str = "capitals of the level";
/// Marks the one turn that stands where a list does elsewhere.
pub(super) const ONE_TURN: &str = "list of turns";
/// Marks instructions without parts, and a tool that is an empty list.
pub(super) const NONE: &str = "any";
/// Marks settings that say nothing.
pub(super) const NO_SETTINGS: &str = "a setting";

pub(super) fn decode(body: Json<'_>) -> Result<Request, DecodeError> {
    let mut fields = Fields::strict(spelling::usual(body), "")?;
    let tool_choice = tool_choice(&mut fields)?;
    let instructions = instructions(&mut fields)?;
    let turns = turns(&mut fields)?;
    let tools = tools(&mut fields)?;
    let settings = settings(&mut fields)?;
    Ok(Request {
        origin: DialectId::GoogleGemini,
        // The address names the model.
        model: fields.expected_string("model")?,
        instructions,
        turns,
        tools,
        tool_choice,
        parallel_tool_calls: None,
        output: settings.output,
        verbosity: None,
        reasoning: settings.reasoning,
        sampling: settings.sampling,
        max_tokens: settings.max_tokens,
        max_tokens_field: MaxTokensField::MaxTokens,
        stream: None,
        stream_usage: None,
        metadata: Metadata { labels: fields.map("labels")?, ..Metadata::default() },
        extras: fields.rest(),
    })
}

fn instructions(fields: &mut Fields) -> Result<Option<Turn>, DecodeError> {
    if !fields.peek("systemInstruction").is_some_and(Json::is_object) {
        return Ok(None);
    }
    let Some(value) = fields.take("systemInstruction") else { return Ok(None) };
    let at = Locus::at("systemInstruction");
    let mut turn = fields.beneath(value, at.path())?;
    let parts = parts_of(&mut turn, None)?;
    if parts.is_empty() {
        turn.lack(NONE);
    }
    let plain = is_plain(&parts);
    // Whatever role is written here, it speaks as the system.
    let extras = turn.rest().restating(&["role"]);
    Ok(Some(Turn { role: Role::System, parts, plain, name: None, extras, at }))
}

fn turns(fields: &mut Fields) -> Result<Vec<Turn>, DecodeError> {
    let items = match fields.take("contents") {
        None => return Err(DecodeError::Missing { path: "contents".to_owned() }),
        Some(Json::Array(items)) => items,
        Some(one @ Json::Object(_)) => {
            fields.lack(ONE_TURN);
            vec![one]
        }
        Some(other) => return Err(wrong_kind("contents", "a list of turns", &other)),
    };
    let mut calls = Calls::default();
    let turns = items.into_iter().enumerate().map(|(place, item)| {
        let at = Locus::at("").element("contents", place);
        turn(fields.beneath(item, at.path())?, at, &mut calls)
    });
    turns.collect()
}

fn turn(mut fields: Fields, at: Locus, calls: &mut Calls) -> Result<Turn, DecodeError> {
    let role = match fields.string("role")?.as_deref() {
        Some("model") => Role::Assistant,
        Some("user") => Role::User,
        Some("function") => {
            fields.lack("user");
            Role::User
        }
        None => {
            fields.lack("role");
            Role::User
        }
        Some(_) => return Err(DecodeError::Value { path: at.field("role"), expected: "user, model" }),
    };
    let parts = parts_of(&mut fields, Some(calls))?;
    let plain = is_plain(&parts);
    Ok(Turn { role, parts, plain, name: None, extras: fields.rest(), at })
}

fn parts_of(fields: &mut Fields, mut calls: Option<&mut Calls>) -> Result<Vec<Part>, DecodeError> {
    let items = fields.list("parts")?.unwrap_or_default();
    let mut read = Vec::with_capacity(items.len());
    for (place, item) in items.into_iter().enumerate() {
        let path = format!("{}[{place}]", fields.path_of("parts"));
        read.extend(parts::read(fields.beneath(item, &path)?, calls.as_deref_mut())?);
    }
    Ok(read)
}

fn is_plain(parts: &[Part]) -> bool {
    matches!(parts, [Part { kind: PartKind::Text { .. }, .. }])
}

fn tools(fields: &mut Fields) -> Result<Vec<Tool>, DecodeError> {
    let items = fields.list("tools")?.unwrap_or_default();
    let mut tools = Vec::new();
    for (place, item) in items.into_iter().enumerate() {
        let at = Locus::at("").element("tools", place);
        let mut object = fields.beneath(item, at.path())?;
        let before = tools.len();
        for (number, declaration) in object.list("functionDeclarations")?.unwrap_or_default().into_iter().enumerate() {
            let at = at_declaration(&at, number);
            tools.push(function(object.beneath(declaration, at.path())?, at, number > 0)?);
        }
        let others = object.rest_map();
        let alone = tools.len() == before && others.len() <= 1;
        if alone && others.is_empty() {
            let kind = ToolKind::Provider(ProviderTool { kind: String::new(), name: None });
            tools.push(Tool { kind, cache: None, extras: Extras::none(), at });
            continue;
        }
        for (kind, value) in others {
            let shares = tools.len() > before;
            let at = if alone { at.clone() } else { Locus::at(at.field(&kind)) };
            let empty = serde_json::Map::new;
            let (map, mut lacks) = match value {
                // A switch that is named and not set is on all the same.
                Value::Null => (empty(), vec![UNSET.to_owned()]),
                Value::Array(items) if items.is_empty() => (empty(), vec![NONE.to_owned()]),
                Value::Object(settings) => (settings, Vec::new()),
                other => return Err(wrong_kind(at.path(), "an object", &Json::from(other))),
            };
            lacks.extend(shares.then(|| SHARES.to_owned()));
            let kind = ToolKind::Provider(ProviderTool { kind, name: None });
            tools.push(Tool { kind, cache: None, extras: Extras::new(map, lacks), at });
        }
    }
    Ok(tools)
}

fn at_declaration(at: &Locus, number: usize) -> Locus {
    at.element("functionDeclarations", number)
}

fn function(mut fields: Fields, at: Locus, shares: bool) -> Result<Tool, DecodeError> {
    if shares {
        fields.lack(SHARES);
    }
    let name = fields.required_string("name")?;
    let description = fields.string("description")?;
    // The older field holds another kind of schema, which goes back as it was.
    let parameters = match fields.any("parametersJsonSchema") {
        Some(schema) => Some(schema),
        None => fields
            .peek("parameters")
            .filter(|schema| schema.is_object())
            .map(|schema| openapi::json_schema(&schema.clone().into_value())),
    };
    let kind = ToolKind::Function(FunctionTool { name, description, parameters, strict: None });
    Ok(Tool { kind, cache: None, extras: fields.rest().restating(&["parameters"]), at })
}

fn tool_choice(fields: &mut Fields) -> Result<Option<ToolChoice>, DecodeError> {
    fields.nested("toolConfig", |config| {
        config.nested("functionCallingConfig", |calling| {
            let only = match calling.peek("allowedFunctionNames").and_then(Json::as_array).map(Vec::as_slice) {
                Some([Json::String(name)]) => Some(name.clone().into_owned()),
                _ => None,
            };
            let choice = match calling.peek_str("mode") {
                Some("AUTO") => ToolChoice::Auto,
                Some("NONE") => ToolChoice::Never,
                Some("ANY") => match only {
                    Some(name) => {
                        calling.any("allowedFunctionNames");
                        ToolChoice::Named(name)
                    }
                    None => ToolChoice::Required,
                },
                _ => return Ok(None),
            };
            calling.any("mode");
            Ok(Some(choice))
        })
    })
}

/// What `generationConfig` says.
#[derive(Default)]
struct Settings {
    sampling: Sampling,
    max_tokens: Option<u64>,
    output: OutputFormat,
    reasoning: ReasoningSpec,
}

fn settings(fields: &mut Fields) -> Result<Settings, DecodeError> {
    if fields.peek("generationConfig").and_then(Json::as_object).is_some_and(Vec::is_empty) {
        fields.any("generationConfig");
        fields.lack(NO_SETTINGS);
    }
    fields.nested("generationConfig", |config| {
        let only_text = config.peek("responseModalities").and_then(Json::as_array).map(Vec::as_slice);
        if matches!(only_text, Some([Json::String(word)]) if word == "TEXT") {
            config.any("responseModalities");
            config.lack(TEXT_ONLY);
        }
        Ok(Settings {
            sampling: Sampling {
                temperature: config.number("temperature")?,
                top_p: config.number("topP")?,
                // Some clients write it with a fraction, which says no more and stays with what is left.
                top_k: if config.peek("topK").is_some_and(|number| number.is_number() && !number.is_u64()) {
                    None
                } else {
                    config.u64("topK")?
                },
                frequency_penalty: config.number("frequencyPenalty")?,
                presence_penalty: config.number("presencePenalty")?,
                seed: config.number("seed")?,
                stop: config.strings("stopSequences")?,
                choices: config.u64("candidateCount")?,
                logprobs: config.bool("responseLogprobs")?,
                top_logprobs: config.u64("logprobs")?,
                ..Sampling::default()
            },
            max_tokens: config.u64("maxOutputTokens")?,
            output: output(config)?,
            reasoning: config.nested("thinkingConfig", thinking)?,
        })
    })
}

fn output(config: &mut Fields) -> Result<OutputFormat, DecodeError> {
    let word = config.peek_str("responseMimeType").unwrap_or_default();
    let schema =
        ["responseJsonSchema", "responseSchema"].into_iter().find(|key| config.peek(key).is_some_and(Json::is_object));
    let output = match (word, schema) {
        ("text/plain", _) => OutputFormat::Text,
        ("application/json", None) => OutputFormat::JsonObject,
        ("application/json", Some(key)) => {
            let former_field = key == "responseSchema";
            let written = config.any(key);
            let schema = if former_field { written.as_ref().map(openapi::json_schema) } else { written.clone() };
            // It goes back as it was.
            let extras = Extras::new(
                written.into_iter().filter(|_| former_field).map(|it| (key.to_owned(), it)).collect(),
                Vec::new(),
            );
            OutputFormat::Structured(StructuredOutput {
                name: None,
                description: None,
                schema,
                strict: None,
                former_field,
                extras: extras.restating(&["responseSchema"]),
            })
        }
        _ => return Ok(OutputFormat::Unstated),
    };
    config.any("responseMimeType");
    Ok(output)
}

fn thinking(config: &mut Fields) -> Result<ReasoningSpec, DecodeError> {
    let level = config.string("thinkingLevel")?;
    if level.as_ref().is_some_and(|level| level.chars().all(char::is_lowercase)) {
        config.lack(SMALL);
    }
    let effort = level.map(|level| wire::effort(&level));
    // A budget below zero leaves it to the model, which is what no budget does; it stays with what is left.
    let budget_tokens = match config.peek("thinkingBudget").is_some_and(Json::is_u64) {
        true => config.u64("thinkingBudget")?,
        false => None,
    };
    let summary = match config.peek("includeThoughts") {
        Some(Json::Bool(true)) => {
            config.any("includeThoughts");
            Some("auto".to_owned())
        }
        _ => None,
    };
    Ok(ReasoningSpec { mode: None, effort, budget_tokens, summary, in_one_object: false })
}
