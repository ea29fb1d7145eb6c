//! What the Gemini API accepts, and reading it.

use super::contents::{self, Reader};
use super::messages::{COUNT_TOKENS, GENERATE};
use super::{proto, schema};
use crate::ask::{Ask, Extras, Format, OfferedTool, PromptPart, ToolChoice};
use crate::check::{Object, items, object, text};
use crate::dialects::Strictness;
use crate::failure::{Complaint, Place};
use crate::random::digest_of;
use crate::tokens;
use serde_json::{Value, json};

/// Longest name of a function.
const NAME_MAX: usize = 128;
const STOPS_MAX: usize = 5;
const LOGPROBS_MAX: i64 = 20;
const CANDIDATES_MAX: i64 = 8;
const BUDGET_MAX: i64 = 32_768;
/// A prompt with this word is blocked.
const PROHIBITED: &str = "prohibited";

/// A complaint as the vendor words those that need more than the message itself to be seen.
pub(super) fn told(at: &Place, what: &str) -> Complaint {
    let message = format!("* GenerateContentRequest.{}: {what}\n", at.bracketed());
    at.clone().says(message)
}

/// Checks a request for an answer and reads it.
pub(super) fn generate(body: &Object, strictness: Strictness) -> Result<Ask, Complaint> {
    let request = proto::read(&Place::root(), body, &GENERATE, strictness.lenient_fields)?;
    ask(&request, strictness)
}

/// Checks a request to count tokens and counts them.
pub(super) fn count_tokens(body: &Object, strictness: Strictness) -> Result<u64, Complaint> {
    let request = proto::read(&Place::root(), body, &COUNT_TOKENS, strictness.lenient_fields)?;
    let ask = match request.get("generateContentRequest").and_then(Value::as_object) {
        Some(_) if request.contains_key("contents") => {
            let message = "contents and generate_content_request are mutually exclusive.";
            return Err(Place::root().says(message));
        }
        Some(inner) => ask(inner, strictness)?,
        None => ask(&request, strictness)?,
    };
    Ok(ask.prompt.iter().map(|part| part.tokens).sum())
}

fn ask(request: &Object, strictness: Strictness) -> Result<Ask, Complaint> {
    let root = Place::root();
    if let Some(name) = text(request, "cachedContent") {
        // Nothing is kept here, so that whatever it names is gone.
        return Err(root.key("cached_content").says(format!("CachedContent not found (or permission denied): {name}")));
    }
    let mut ask = Ask { parallel: true, choices: 1, ..Ask::default() };
    tools(request, &mut ask)?;
    let empty = Object::new();
    let config = request.get("generationConfig").and_then(Value::as_object).unwrap_or(&empty);
    generation(config, &mut ask)?;
    choice(request, &mut ask)?;
    if let Some(system) = request.get("systemInstruction").and_then(Value::as_object) {
        let said = contents::only_text(&root.key("system_instruction"), system)?;
        let part =
            PromptPart { digest: digest_of(&Value::from(said.as_str())), tokens: tokens::count(&said), mark: None };
        ask.prompt.push(part);
    }
    let must_be_signed = ask.reasoning.is_some() && strictness.signatures_of.is_some();
    let mut reader = Reader { ask: &mut ask, signatures_of: strictness.signatures_of, must_be_signed };
    contents::conversation(&mut reader, items(request, "contents"))?;
    ask.extras.blocked = ask.user_text.split(|letter: char| !letter.is_alphanumeric()).any(|word| word == PROHIBITED);
    Ok(ask)
}

fn generation(config: &Object, ask: &mut Ask) -> Result<(), Complaint> {
    let at = Place::root().key("generation_config");
    let within = |name: &str, place: &str, low: f64, high: f64| match config.get(name).and_then(Value::as_f64) {
        Some(found) if !(low..=high).contains(&found) => {
            Err(told(&at.key(place), &format!("{place} must be in the range [{low:?}, {high:?}].")))
        }
        _ => Ok(()),
    };
    within("temperature", "temperature", 0.0, 2.0)?;
    within("topP", "top_p", 0.0, 1.0)?;
    within("topK", "top_k", 1.0, f64::MAX)?;
    within("presencePenalty", "presence_penalty", -2.0, 2.0)?;
    within("frequencyPenalty", "frequency_penalty", -2.0, 2.0)?;
    let bounded = |name: &str, place: &str, low: i64, high: i64| match config.get(name).and_then(Value::as_i64) {
        Some(found) if !(low..=high).contains(&found) => {
            Err(told(&at.key(place), &format!("{place} must be in the range [{low}, {high}].")))
        }
        found => Ok(found.and_then(|found| u64::try_from(found).ok())),
    };
    ask.choices = bounded("candidateCount", "candidate_count", 1, CANDIDATES_MAX)?.unwrap_or(1);
    ask.max_tokens = bounded("maxOutputTokens", "max_output_tokens", 1, i64::MAX)?;
    let logprobs = bounded("logprobs", "logprobs", 0, LOGPROBS_MAX)?;
    let wants_logprobs = config.get("responseLogprobs") == Some(&Value::Bool(true));
    if logprobs.is_some() && !wants_logprobs {
        return Err(told(&at.key("logprobs"), "logprobs is only allowed when response_logprobs is set."));
    }
    let stops = items(config, "stopSequences");
    if stops.len() > STOPS_MAX {
        return Err(told(&at.key("stop_sequences"), &format!("at most {STOPS_MAX} stop sequences are allowed.")));
    }
    ask.stops = stops.iter().filter_map(Value::as_str).map(str::to_owned).collect();
    ask.extras = Extras { top_logprobs: wants_logprobs.then_some(logprobs.unwrap_or(0)), ..Extras::default() };
    format(&at, config, ask)?;
    thinking(&at.key("thinking_config"), config, ask)
}

fn format(at: &Place, config: &Object, ask: &mut Ask) -> Result<(), Complaint> {
    let media_type = text(config, "responseMimeType").unwrap_or("text/plain");
    if !["text/plain", "application/json", "text/x.enum"].contains(&media_type) {
        let what =
            format!("allowed mimetypes are `text/plain`, `application/json` and `text/x.enum`, got `{media_type}`.");
        return Err(told(&at.key("response_mime_type"), &what));
    }
    let own = config.get("responseSchema").and_then(Value::as_object);
    let standard = config.get("responseJsonSchema").or_else(|| config.get("_responseJsonSchema"));
    let schema = match (own, standard) {
        (Some(_), Some(_)) => {
            let what = "response_schema and response_json_schema cannot both be set.";
            return Err(told(&at.key("response_json_schema"), what));
        }
        (Some(own), None) => Some(schema::json_schema(&at.key("response_schema"), own)?),
        (None, standard) => standard.cloned(),
    };
    if schema.is_some() && media_type == "text/plain" {
        let what = "response_schema is only supported when response_mime_type is `application/json` or `text/x.enum`.";
        return Err(told(&at.key("response_mime_type"), what));
    }
    ask.extras.bare = media_type == "text/x.enum";
    ask.format = match schema {
        Some(schema) => Format::Schema(schema),
        None if media_type == "application/json" => Format::JsonObject,
        None => Format::Text,
    };
    Ok(())
}

/// How long to think. The lengths are far below the budgets of real requests, so that tests stay readable.
fn thinking(at: &Place, config: &Object, ask: &mut Ask) -> Result<(), Complaint> {
    let Some(thinking) = config.get("thinkingConfig").and_then(Value::as_object) else {
        return Ok(());
    };
    let budget = thinking.get("thinkingBudget").and_then(Value::as_i64);
    let level = text(thinking, "thinkingLevel").filter(|level| *level != "THINKING_LEVEL_UNSPECIFIED");
    if budget.is_some() && level.is_some() {
        return Err(at.clone().says("You can only set only one of thinking budget and thinking level."));
    }
    if budget.is_some_and(|budget| !(-1..=BUDGET_MAX).contains(&budget)) {
        let what = format!(
            "The thinking budget {} is invalid. Please choose a value between 0 and {BUDGET_MAX}.",
            budget.unwrap_or(0)
        );
        return Err(at.key("thinking_budget").says(what));
    }
    let shown = thinking.get("includeThoughts") == Some(&Value::Bool(true));
    ask.extras.summarised = shown;
    ask.reasoning = match (budget, level) {
        (Some(0), _) => None,
        (Some(1..=1_024), _) => Some(16),
        (Some(8_193..), _) => Some(64),
        (Some(_), _) => Some(32),
        (None, Some(level)) => tokens::of_effort(&level.to_ascii_lowercase()),
        (None, None) => shown.then_some(32),
    };
    if shown && ask.reasoning.is_none() {
        return Err(at
            .clone()
            .says("Unable to submit request because thinking is disabled and include_thoughts is set."));
    }
    Ok(())
}

fn tools(request: &Object, ask: &mut Ask) -> Result<(), Complaint> {
    let root = Place::root();
    for (index, tool) in items(request, "tools").iter().enumerate() {
        let at = root.key("tools").index(index);
        ask.prompt.push(PromptPart { digest: digest_of(tool), tokens: tokens::count(&tool.to_string()), mark: None });
        for (index, function) in items(object(&at, tool)?, "functionDeclarations").iter().enumerate() {
            let at = at.key("function_declarations").index(index);
            let offered = declared(&at, object(&at, function)?)?;
            if ask.tools.iter().any(|known| known.name == offered.name) {
                return Err(root.key("tools").says(format!("Duplicate function declaration found: {}", offered.name)));
            }
            ask.tools.push(offered);
        }
    }
    Ok(())
}

fn declared(at: &Place, function: &Object) -> Result<OfferedTool, Complaint> {
    let name = text(function, "name").unwrap_or_default();
    let starts = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
    let rest = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.:-".contains(&byte));
    if !(starts && rest && name.len() <= NAME_MAX) {
        let what = format!(
            "Invalid function name. Must start with a letter or an underscore. Must be alphanumeric (a-z, A-Z, 0-9), underscores (_), dots (.), colons (:), or dashes (-), with a maximum length of {NAME_MAX}."
        );
        return Err(told(&at.key("name"), &what));
    }
    let own = function.get("parameters").and_then(Value::as_object);
    let schema = match (own, function.get("parametersJsonSchema")) {
        (Some(_), Some(_)) => {
            let what = "parameters and parameters_json_schema cannot both be set.";
            return Err(told(&at.key("parameters_json_schema"), what));
        }
        (Some(own), None) => {
            let at = at.key("parameters");
            if !matches!(text(own, "type"), None | Some("OBJECT" | "TYPE_UNSPECIFIED")) {
                return Err(told(&at.key("type"), "should be OBJECT"));
            }
            schema::json_schema(&at, own)?
        }
        (None, Some(schema @ Value::Object(_))) => schema.clone(),
        (None, Some(_)) => return Err(told(&at.key("parameters_json_schema"), "should be an object")),
        (None, None) => json!({"type": "object", "properties": {}}),
    };
    if let Some(response) = function.get("response").and_then(Value::as_object) {
        schema::json_schema(&at.key("response"), response)?;
    }
    Ok(OfferedTool { name: name.to_owned(), schema })
}

fn choice(request: &Object, ask: &mut Ask) -> Result<(), Complaint> {
    let config = request.get("toolConfig").and_then(|config| config.get("functionCallingConfig")?.as_object());
    let Some(config) = config else {
        return Ok(());
    };
    let root = Place::root();
    let mode = text(config, "mode").filter(|mode| *mode != "MODE_UNSPECIFIED").unwrap_or("AUTO");
    if matches!(mode, "ANY" | "VALIDATED") && ask.tools.is_empty() {
        return Err(root.says("Function calling config is set without function_declarations."));
    }
    let allowed: Vec<&str> = items(config, "allowedFunctionNames").iter().filter_map(Value::as_str).collect();
    if !allowed.is_empty() {
        if !matches!(mode, "ANY" | "VALIDATED") {
            return Err(root.says("`allowed_function_names` should only be set when function calling mode is ANY."));
        }
        if let Some(unknown) = allowed.iter().find(|name| !ask.tools.iter().any(|tool| tool.name == **name)) {
            let message = format!(
                "`allowed_function_names` should be a subset of the function declarations. `{unknown}` is not in them."
            );
            return Err(root.says(message));
        }
        ask.tools.retain(|tool| allowed.contains(&tool.name.as_str()));
    }
    ask.choice = match (mode, allowed.as_slice()) {
        ("NONE", _) => ToolChoice::Never,
        ("ANY", [only]) => ToolChoice::Named((*only).to_owned()),
        ("ANY", _) => ToolChoice::Required,
        _ => ToolChoice::Auto,
    };
    Ok(())
}
