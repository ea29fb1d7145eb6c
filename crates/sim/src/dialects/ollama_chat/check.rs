//! What Ollama accepts, and reading it. Fields that it does not know it passes over, as Go's reader of JSON does.

use super::streams;
use crate::ask::{Ask, Extras, Format, OfferedTool, PromptPart};
use crate::check::{Field, Kind, Object, fields, items, may, must, object, text, type_name};
use crate::failure::{Complaint, Place, Wrong};
use crate::random::digest_of;
use crate::tokens::{self, IMAGE_TOKENS, MESSAGE_TOKENS};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::Value;

/// Source: <https://github.com/ollama/ollama/blob/main/docs/api.md#generate-a-chat-completion>
const REQUEST: &[Field] = &[
    must("model", Kind::Text),
    may("messages", Kind::Array),
    may("tools", Kind::Array),
    may("stream", Kind::Bool),
    may("options", Kind::Object),
    may("logprobs", Kind::Bool),
    may("top_logprobs", Kind::Integer(0, 20)),
];
/// Source: <https://github.com/ollama/ollama/blob/main/docs/api.md#generate-a-completion>
const GENERATE: &[Field] = &[
    must("model", Kind::Text),
    may("prompt", Kind::Text),
    may("suffix", Kind::Text),
    may("system", Kind::Text),
    may("template", Kind::Text),
    may("images", Kind::Array),
    may("raw", Kind::Bool),
    may("stream", Kind::Bool),
    may("options", Kind::Object),
    may("context", Kind::Array),
];
const COUNT: Kind = Kind::Integer(i32::MIN as i64, i32::MAX as i64);
const SHARE: Kind = Kind::Number(f64::MIN, f64::MAX);
/// The options with one type each; what else there is is for runners.
/// Source: <https://github.com/ollama/ollama/blob/main/docs/modelfile.mdx#valid-parameters-and-values>
const OPTIONS: &[Field] = &[
    may("temperature", SHARE),
    may("top_p", SHARE),
    may("min_p", SHARE),
    may("typical_p", SHARE),
    may("repeat_penalty", SHARE),
    may("frequency_penalty", SHARE),
    may("presence_penalty", SHARE),
    may("top_k", COUNT),
    may("seed", Kind::Integer(i64::MIN, i64::MAX)),
    may("num_predict", COUNT),
    may("num_ctx", COUNT),
    may("num_keep", COUNT),
    may("repeat_last_n", COUNT),
    may("stop", Kind::Array),
];

pub(super) fn chat(body: &Object) -> Result<Ask, Complaint> {
    let root = Place::root();
    fields(&root, body, REQUEST, true)?;
    let mut ask = asked(body)?;
    let wants_logprobs = body.get("logprobs") == Some(&Value::Bool(true));
    ask.extras.top_logprobs = wants_logprobs.then(|| body.get("top_logprobs").and_then(Value::as_u64).unwrap_or(0));
    tools(body, &mut ask)?;
    conversation(items(body, "messages"), &mut ask)?;
    Ok(ask)
}

/// Checks a request to continue a text and reads it.
pub(crate) fn generate(body: &Object) -> Result<Ask, Complaint> {
    let root = Place::root();
    fields(&root, body, GENERATE, true)?;
    let mut ask = asked(body)?;
    let prompt = text(body, "prompt").unwrap_or_default();
    let images = images(&root, body)?;
    ask.extras.loaded = prompt.is_empty();
    let words = format!("{}{prompt}", text(body, "system").unwrap_or_default());
    let counted = tokens::count(&words) + images;
    ask.prompt.push(PromptPart { digest: digest_of(&Value::from(words)), tokens: counted, mark: None });
    prompt.clone_into(&mut ask.user_text);
    Ok(ask)
}

/// What requests for chats and for texts have in common.
fn asked(body: &Object) -> Result<Ask, Complaint> {
    if text(body, "model") == Some("") {
        return Err(Place::root().key("model").wrong(Wrong::Missing));
    }
    let (max_tokens, stops) = options(body)?;
    Ok(Ask {
        streaming: streams(body.get("stream")),
        choices: 1,
        parallel: true,
        max_tokens,
        stops,
        format: format(body)?,
        reasoning: think(body)?,
        extras: Extras::default(),
        ..Ask::default()
    })
}

/// Checks options and gives the bound of tokens and the texts to stop at.
pub(crate) fn options(body: &Object) -> Result<(Option<u64>, Vec<String>), Complaint> {
    let Some(options) = body.get("options").and_then(Value::as_object) else {
        return Ok((None, Vec::new()));
    };
    let at = Place::root().key("options");
    fields(&at, options, OPTIONS, true).map_err(|complaint| {
        let (_, name) = complaint.at.split_last();
        let expected = match complaint.kind {
            Wrong::Type { expected: "decimal", .. } => "float32",
            Wrong::Type { expected: "array", .. } => "array",
            _ => "integer",
        };
        complaint.at.says(format!("option \"{name}\" must be of type {expected}"))
    })?;
    let stops = items(options, "stop").iter().enumerate().map(|(index, stop)| match stop.as_str() {
        Some(stop) => Ok(stop.to_owned()),
        None => Err(at.key("stop").index(index).says("option \"stop\" must be of an array of strings")),
    });
    // A bound below nothing is none.
    let bound = options.get("num_predict").and_then(Value::as_i64);
    let bound = bound.and_then(|bound| u64::try_from(bound).ok()).filter(|bound| *bound > 0);
    Ok((bound, stops.collect::<Result<_, _>>()?))
}

fn format(body: &Object) -> Result<Format, Complaint> {
    match body.get("format") {
        None | Some(Value::Null) => Ok(Format::Text),
        Some(Value::String(word)) if word.is_empty() => Ok(Format::Text),
        Some(Value::String(word)) if word == "json" => Ok(Format::JsonObject),
        Some(schema @ Value::Object(_)) => Ok(Format::Schema(schema.clone())),
        Some(other) => {
            let message = format!("invalid format: {other}; expected \"json\" or a valid JSON Schema object");
            Err(Place::root().key("format").says(message))
        }
    }
}

/// How long to think, where it is said to.
fn think(body: &Object) -> Result<Option<u64>, Complaint> {
    let at = Place::root().key("think");
    match body.get("think") {
        None | Some(Value::Null | Value::Bool(false)) => Ok(None),
        Some(Value::Bool(true)) => Ok(Some(32)),
        Some(Value::String(level)) => match level.as_str() {
            "low" | "medium" | "high" => Ok(tokens::of_effort(level)),
            "max" => Ok(tokens::of_effort("xhigh")),
            _ => Err(at.says(format!(
                "invalid think value: \"{level}\" (must be \"high\", \"medium\", \"low\", \"max\", true, or false)"
            ))),
        },
        Some(_) => {
            Err(at.says("think must be a boolean or string (\"high\", \"medium\", \"low\", \"max\", true, or false)"))
        }
    }
}

fn tools(body: &Object, ask: &mut Ask) -> Result<(), Complaint> {
    for (index, tool) in items(body, "tools").iter().enumerate() {
        let at = Place::root().key("tools").index(index);
        let entry = object(&at, tool)?;
        fields(&at, entry, &[may("type", Kind::Text), must("function", Kind::Object)], true)?;
        let at = at.key("function");
        let function = object(&at, entry.get("function").unwrap_or(&Value::Null))?;
        const FUNCTION: &[Field] =
            &[must("name", Kind::Text), may("description", Kind::Text), may("parameters", Kind::Object)];
        fields(&at, function, FUNCTION, true)?;
        let schema = function.get("parameters").filter(|schema| !schema.is_null()).cloned();
        let schema = schema.unwrap_or_else(|| serde_json::json!({"type": "object", "properties": {}}));
        ask.tools.push(OfferedTool { name: text(function, "name").unwrap_or_default().to_owned(), schema });
        ask.prompt.push(PromptPart { digest: digest_of(tool), tokens: tokens::count(&tool.to_string()), mark: None });
    }
    Ok(())
}

/// Reads messages; whether every call has a result is asked by nobody.
fn conversation(list: &[Value], ask: &mut Ask) -> Result<(), Complaint> {
    ask.extras.loaded = list.is_empty();
    for (index, message) in list.iter().enumerate() {
        let at = Place::root().key("messages").index(index);
        let message = object(&at, message)?;
        const MESSAGE: &[Field] = &[
            must("role", Kind::OneOf(&["system", "user", "assistant", "tool"])),
            may("content", Kind::Text),
            may("thinking", Kind::Text),
            may("images", Kind::Array),
            may("tool_calls", Kind::Array),
            may("tool_name", Kind::Text),
            may("tool_call_id", Kind::Text),
        ];
        fields(&at, message, MESSAGE, true)?;
        let said = text(message, "content").unwrap_or_default();
        let mut counted = MESSAGE_TOKENS + tokens::count(said) + images(&at, message)?;
        counted += text(message, "thinking").map_or(0, tokens::count) + calls(&at, message)?;
        match text(message, "role") {
            Some("user") => {
                said.clone_into(&mut ask.user_text);
                ask.results.clear();
            }
            Some("tool") => ask.results.push(said.to_owned()),
            _ => ask.results.clear(),
        }
        let digest = digest_of(&Value::Object(message.clone()));
        ask.prompt.push(PromptPart { digest, tokens: counted, mark: None });
    }
    Ok(())
}

/// Checks calls and gives their tokens.
fn calls(at: &Place, message: &Object) -> Result<u64, Complaint> {
    let at = at.key("tool_calls");
    let mut counted = 0;
    for (index, call) in items(message, "tool_calls").iter().enumerate() {
        let at = at.index(index);
        let call = object(&at, call)?;
        fields(&at, call, &[may("id", Kind::Text), must("function", Kind::Object)], true)?;
        let at = at.key("function");
        let function = object(&at, call.get("function").unwrap_or(&Value::Null))?;
        fields(&at, function, &[must("name", Kind::Text), may("arguments", Kind::Object)], true)?;
        counted += tokens::count(&Value::Object(function.clone()).to_string());
    }
    Ok(counted)
}

/// Checks images, which are bytes without a type, and gives their tokens.
fn images(at: &Place, holder: &Object) -> Result<u64, Complaint> {
    let at = at.key("images");
    let mut counted = 0;
    for (index, image) in items(holder, "images").iter().enumerate() {
        let Some(data) = image.as_str() else {
            return Err(at.index(index).wrong(Wrong::Type { expected: "string", found: type_name(image) }));
        };
        if let Err(error) = BASE64.decode(data) {
            return Err(at.index(index).says(format!("illegal base64 data in images[{index}]: {error}")));
        }
        counted += IMAGE_TOKENS;
    }
    Ok(counted)
}
