//! When two messages say the same.
//!
//! Within a dialect the rule is strict: the same fields with the same values, in any order of keys; numbers by their
//! value; lists in order. Missing, added and changed values all count.
//!
//! After a translation and back, what a vendor's specification itself calls two ways of writing one thing is first
//! written one way ([`settle`]). Everything else counts.

use serde_json::{Map, Number, Value};
use switchtower_dialect::google_gemini;
use switchtower_domain::{DialectId, Locus};

/// The paths at which two values differ. Of what is missing or added as a whole, the innermost paths are given.
pub(super) fn differences(expected: &Value, found: &Value) -> Vec<String> {
    let mut paths = Vec::new();
    compare(expected, found, "", &[], &mut paths);
    paths
}

/// The paths at which two values differ that none of the named ones covers.
pub(super) fn unnamed_differences(expected: &Value, found: &Value, named: &[String]) -> Vec<String> {
    let mut paths = Vec::new();
    compare(expected, found, "", named, &mut paths);
    paths.retain(|path| !is_named(path, named));
    paths
}

fn leaves(value: &Value, path: &str, paths: &mut Vec<String>) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            for (key, value) in map {
                leaves(value, &Locus::join(path, key), paths);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for (index, value) in items.iter().enumerate() {
                leaves(value, &format!("{path}[{index}]"), paths);
            }
        }
        _ => paths.push(path.to_owned()),
    }
}

fn compare(expected: &Value, found: &Value, path: &str, named: &[String], paths: &mut Vec<String>) {
    match (expected, found) {
        (Value::Object(expected), Value::Object(found)) => {
            for (key, value) in expected {
                let here = Locus::join(path, key);
                match found.get(key) {
                    Some(other) => compare(value, other, &here, named, paths),
                    None => leaves(value, &here, paths),
                }
            }
            for (key, value) in found.iter().filter(|(key, _)| !expected.contains_key(*key)) {
                leaves(value, &Locus::join(path, key), paths);
            }
        }
        (Value::Array(expected), Value::Array(found)) => {
            // Elements that were dropped by name leave their place to those after them.
            let mut kept: Vec<(usize, &Value)> = Vec::with_capacity(expected.len());
            for (index, item) in expected.iter().enumerate() {
                let named = expected.len() != found.len() && named.contains(&format!("{path}[{index}]"));
                if !named || found.get(kept.len()).is_some_and(|other| is_alike(item, other)) {
                    kept.push((index, item));
                }
            }
            for place in 0..kept.len().max(found.len()) {
                match (kept.get(place), found.get(place)) {
                    (Some((index, one)), Some(other)) => compare(one, other, &format!("{path}[{index}]"), named, paths),
                    (Some((index, one)), None) => leaves(one, &format!("{path}[{index}]"), paths),
                    (None, Some(other)) => leaves(other, &format!("{path}[{place}]"), paths),
                    (None, None) => {}
                }
            }
        }
        (Value::Number(expected), Value::Number(found)) if same_number(expected, found) => {}
        (expected, found) if expected == found => {}
        _ => paths.push(path.to_owned()),
    }
}

/// Whether two elements say the same in some part, so that one stands for the other though something of it was named.
fn is_alike(one: &Value, other: &Value) -> bool {
    const KINDS: [&str; 4] = ["type", "role", "format", "mimeType"];
    match (one, other) {
        (Value::Object(one), Value::Object(other)) => one
            .iter()
            .filter(|(key, _)| !KINDS.contains(&key.as_str()))
            .any(|(key, value)| other.get(key).is_some_and(|other| is_alike(value, other))),
        (Value::Array(one), Value::Array(other)) => one.iter().zip(other).any(|(one, other)| is_alike(one, other)),
        (Value::String(one), Value::String(other)) => !one.is_empty() && one == other,
        _ => false,
    }
}

/// Numbers are equal by value, however they are written.
fn same_number(one: &Number, other: &Number) -> bool {
    one == other || matches!((one.as_f64(), other.as_f64()), (Some(one), Some(other)) if one == other)
}

/// Whether a difference is covered by one of the named paths: it stands there, or beneath.
fn is_named(path: &str, named: &[String]) -> bool {
    named.iter().any(|name| {
        path.strip_prefix(name.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    })
}

/// Writes a request of a dialect in one way where its specification knows two.
pub(super) fn settle(dialect: DialectId, request: &mut Value) {
    let Value::Object(body) = request else { return };
    drop_silence(body);
    // "stream: defaults to false", but for Ollama.
    let streams = Value::Bool(dialect == DialectId::OllamaChat);
    if body.get("stream") == Some(&streams) {
        body.shift_remove("stream");
    }
    match dialect {
        DialectId::OpenaiChat => settle_chat(body),
        DialectId::OpenaiResponses => settle_responses(body),
        DialectId::AnthropicMessages => settle_messages(body),
        DialectId::GoogleGemini => settle_gemini(body),
        DialectId::CohereChat => settle_cohere(body),
        DialectId::BedrockConverse => settle_converse(body),
        DialectId::OllamaChat => settle_ollama(body),
    }
}

/// Fields whose content belongs to the caller and is compared as it stands.
const OPAQUE: [&str; 12] = [
    "json",
    "parameters",
    "parametersJsonSchema",
    "responseSchema",
    "responseJsonSchema",
    "response",
    "args",
    "input_schema",
    "schema",
    "input",
    "metadata",
    "logit_bias",
];

/// An absent field, `null` and an empty list of messages, tools or parts all say nothing.
fn drop_silence(map: &mut Map<String, Value>) {
    map.retain(|_, value| !value.is_null() && !value.as_array().is_some_and(Vec::is_empty));
    for (key, value) in map.iter_mut() {
        if !OPAQUE.contains(&key.as_str()) {
            drop_silence_within(value);
        }
    }
    map.retain(|key, value| OPAQUE.contains(&key.as_str()) || !value.as_object().is_some_and(Map::is_empty));
}

fn drop_silence_within(value: &mut Value) {
    match value {
        Value::Object(map) => drop_silence(map),
        Value::Array(items) => items.iter_mut().for_each(drop_silence_within),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn settle_chat(body: &mut Map<String, Value>) {
    // "max_tokens: deprecated in favor of max_completion_tokens"; one setting with two names.
    if !body.contains_key("max_completion_tokens")
        && let Some(bound) = body.shift_remove("max_tokens")
    {
        body.insert("max_completion_tokens".to_owned(), bound);
    }
    // "stop: string / array / null"
    if let Some(Value::String(stop)) = body.get("stop").cloned() {
        body.insert("stop".to_owned(), Value::Array(vec![Value::String(stop)]));
    }
    // "store: defaults to false".
    if body.get("store") == Some(&Value::Bool(false)) {
        body.shift_remove("store");
    }
    for tool in body.get_mut("tools").and_then(Value::as_array_mut).into_iter().flatten() {
        // "strict: defaults to false".
        if let Some(function) = tool.get_mut("function") {
            leave_out_default(function, "strict", &Value::Bool(false));
        }
        // Mistral: "type: default function".
        if let Value::Object(tool) = tool
            && tool.contains_key("function")
        {
            tool.entry("type").or_insert_with(|| Value::from("function"));
        }
    }
    for message in body.get_mut("messages").and_then(Value::as_array_mut).into_iter().flatten() {
        let Value::Object(message) = message else { continue };
        text_as_parts(message, "content");
        for part in message.get_mut("content").and_then(Value::as_array_mut).into_iter().flatten() {
            // Mistral: "image_url: ImageURL or string".
            if let Some(image) = part.get_mut("image_url") {
                if image.is_string() {
                    *image = serde_json::json!({"url": image});
                }
                // "detail: defaults to auto".
                leave_out_default(image, "detail", &Value::from("auto"));
            }
        }
        for call in message.get_mut("tool_calls").and_then(Value::as_array_mut).into_iter().flatten() {
            if let Value::Object(call) = call
                && call.contains_key("function")
            {
                call.entry("type").or_insert_with(|| Value::from("function"));
            }
            // Arguments are JSON in a string: the JSON counts.
            if let Some(arguments) = call.pointer_mut("/function/arguments")
                && let Some(Ok(parsed)) = arguments.as_str().map(serde_json::from_str)
            {
                *arguments = parsed;
            }
        }
    }
}

/// Writes what came back in the one of two ways that the original has, where they differ in the places of what follows.
pub(super) fn align(dialect: DialectId, original: &Value, back: &mut Value) {
    if dialect == DialectId::GoogleGemini {
        // Who asks for thinking in another dialect asks for the thoughts as well.
        const THOUGHTS: &str = "/generationConfig/thinkingConfig/includeThoughts";
        if let (None, Some(thinking)) =
            (original.pointer(THOUGHTS), back.pointer_mut("/generationConfig/thinkingConfig"))
        {
            leave_out_default(thinking, "includeThoughts", &Value::Bool(true));
        }
    }
    let (DialectId::OpenaiResponses, Value::Object(back)) = (dialect, back) else { return };
    // "instructions: a system (or developer) message inserted into the model's context".
    let instructs = |body: &Map<String, Value>| body.get("instructions").is_some_and(Value::is_string);
    let wanted = original.as_object().is_some_and(instructs);
    match (wanted, instructs(back)) {
        (true, false) => {
            let Some(Value::Array(input)) = back.get_mut("input") else { return };
            let first = input.first().filter(|first| first.get("role").is_some_and(|role| role == "system"));
            if let Some(text) =
                first.and_then(|first| first.get("content")).filter(|content| content.is_string()).cloned()
            {
                input.remove(0);
                back.insert("instructions".to_owned(), text);
            }
        }
        (false, true) => {
            let Some(text) = back.shift_remove("instructions") else { return };
            if let Some(Value::Array(input)) = back.get_mut("input") {
                input.insert(0, serde_json::json!({"role": "system", "content": text}));
            }
        }
        _ => {}
    }
}

fn settle_responses(body: &mut Map<String, Value>) {
    // The items are no content of the caller's own, as the field of this name is elsewhere.
    if let Some(input) = body.get_mut("input") {
        drop_silence_within(input);
    }
    // "input: string or array": a string is one message of the user.
    if let Some(Value::String(text)) = body.get("input").cloned() {
        body.insert("input".to_owned(), serde_json::json!([{"role": "user", "content": text}]));
    }
    for tool in body.get_mut("tools").and_then(Value::as_array_mut).into_iter().flatten() {
        leave_out_default(tool, "strict", &Value::Bool(true));
    }
    for item in body.get_mut("input").and_then(Value::as_array_mut).into_iter().flatten() {
        let Value::Object(item) = item else { continue };
        // A message may leave its type out.
        if item.get("type").is_some_and(|kind| kind == "message") {
            item.shift_remove("type");
        }
        for key in ["content", "output"] {
            let part =
                if item.get("role").is_some_and(|role| role == "assistant") { "output_text" } else { "input_text" };
            if let Some(Value::String(text)) = item.get(key).cloned() {
                item.insert(key.to_owned(), serde_json::json!([{"type": part, "text": text}]));
            }
            for part in item.get_mut(key).and_then(Value::as_array_mut).into_iter().flatten() {
                leave_out_default(part, "detail", &Value::from("auto"));
            }
        }
        // Arguments are JSON in a string: the JSON counts.
        if let Some(arguments) = item.get_mut("arguments")
            && let Some(Ok(parsed)) = arguments.as_str().map(serde_json::from_str)
        {
            *arguments = parsed;
        }
    }
}

/// Leaves out a field that says what its absence says.
fn leave_out_default(object: &mut Value, key: &str, default: &Value) {
    if let Value::Object(object) = object
        && object.get(key) == Some(default)
    {
        object.shift_remove(key);
    }
}

fn settle_messages(body: &mut Map<String, Value>) {
    // "output_format" is the name that "output_config.format" had in its beta.
    if let Some(format) = body.shift_remove("output_format") {
        let config = body.entry("output_config").or_insert_with(|| Value::Object(Map::new()));
        if let Value::Object(config) = config {
            config.insert("format".to_owned(), format);
        }
    }
    for tool in body.get_mut("tools").and_then(Value::as_array_mut).into_iter().flatten() {
        // "strict" is something to ask for.
        leave_out_default(tool, "strict", &Value::Bool(false));
    }
    text_as_parts(body, "system");
    for message in body.get_mut("messages").and_then(Value::as_array_mut).into_iter().flatten() {
        let Value::Object(message) = message else { continue };
        text_as_parts(message, "content");
        for block in message.get_mut("content").and_then(Value::as_array_mut).into_iter().flatten() {
            if let Value::Object(block) = block
                && block.get("type").and_then(Value::as_str) == Some("tool_result")
            {
                text_as_parts(block, "content");
            }
        }
    }
}

fn settle_ollama(body: &mut Map<String, Value>) {
    // "format": none where it is empty.
    if body.get("format").is_some_and(|format| *format == "") {
        body.shift_remove("format");
    }
    for message in body.get_mut("messages").and_then(Value::as_array_mut).into_iter().flatten() {
        let Value::Object(message) = message else { continue };
        message.retain(|key, value| !matches!(key.as_str(), "content" | "thinking") || *value != "");
        // Calls are matched by the names of tools, in their order, where they have no ids.
        let numbered = |id: Option<&Value>| id.and_then(Value::as_str).is_some_and(|id| id.starts_with("call_"));
        if numbered(message.get("tool_call_id")) {
            message.shift_remove("tool_call_id");
        }
        message.shift_remove("tool_name");
        for call in message.get_mut("tool_calls").and_then(Value::as_array_mut).into_iter().flatten() {
            let Value::Object(call) = call else { continue };
            if numbered(call.get("id")) {
                call.shift_remove("id");
            }
            call.entry("type").or_insert_with(|| Value::from("function"));
            if let Some(Value::Object(function)) = call.get_mut("function") {
                function.shift_remove("index");
                function.entry("arguments").or_insert_with(|| Value::Object(Map::new()));
            }
        }
    }
    drop_silence(body);
}

fn settle_cohere(body: &mut Map<String, Value>) {
    // "schema: deprecated in favor of json_schema".
    if let Some(Value::Object(format)) = body.get_mut("response_format")
        && let Some(schema) = format.shift_remove("schema")
    {
        format.insert("json_schema".to_owned(), schema);
    }
    for message in body.get_mut("messages").and_then(Value::as_array_mut).into_iter().flatten() {
        let Value::Object(message) = message else { continue };
        text_as_parts(message, "content");
        for part in message.get_mut("content").and_then(Value::as_array_mut).into_iter().flatten() {
            // "detail: auto is the default mode".
            if let Some(image) = part.get_mut("image_url") {
                leave_out_default(image, "detail", &Value::from("auto"));
            }
        }
        for call in message.get_mut("tool_calls").and_then(Value::as_array_mut).into_iter().flatten() {
            // Arguments are JSON in a string: the JSON counts.
            if let Some(arguments) = call.pointer_mut("/function/arguments")
                && let Some(Ok(parsed)) = arguments.as_str().map(serde_json::from_str)
            {
                *arguments = parsed;
            }
        }
    }
}

fn settle_gemini(body: &mut Map<String, Value>) {
    // "model: required, in the path".
    body.shift_remove("model");
    // "role: must be either 'user' or 'model'"; the instructions' own role means nothing.
    if let Some(Value::Object(system)) = body.get_mut("systemInstruction") {
        system.shift_remove("role");
        settle_gemini_parts(system);
    }
    for turn in body.get_mut("contents").and_then(Value::as_array_mut).into_iter().flatten() {
        let Value::Object(turn) = turn else { continue };
        turn.entry("role").or_insert_with(|| Value::from("user"));
        settle_gemini_parts(turn);
    }
    for declaration in gemini_declarations(body) {
        one_schema(declaration, "parameters", "parametersJsonSchema");
    }
    if let Some(Value::Object(config)) = body.get_mut("generationConfig") {
        one_schema(config, "responseSchema", "responseJsonSchema");
        // "thinkingLevel": the word of an enum, which servers take in either case.
        if let Some(Value::String(level)) =
            config.get_mut("thinkingConfig").and_then(|thinking| thinking.get_mut("thinkingLevel"))
        {
            level.make_ascii_lowercase();
        }
        // "responseModalities: an empty list is equivalent to requesting only text".
        if config.get("responseModalities") == Some(&serde_json::json!(["TEXT"])) {
            config.shift_remove("responseModalities");
        }
    }
    drop_silence(body);
}

fn gemini_declarations(body: &mut Map<String, Value>) -> impl Iterator<Item = &mut Map<String, Value>> {
    let tools = body.get_mut("tools").and_then(Value::as_array_mut).into_iter().flatten();
    let lists = tools.filter_map(|tool| tool.get_mut("functionDeclarations")?.as_array_mut());
    lists.flatten().filter_map(Value::as_object_mut)
}

/// "parametersJsonSchema: mutually exclusive with `parameters`", whose schemas say the same in other words.
fn one_schema(object: &mut Map<String, Value>, openapi: &str, json_schema: &str) {
    let read = object.shift_remove(openapi).map(|schema| google_gemini::openapi::json_schema(&schema));
    if let Some(schema) = read.or_else(|| object.shift_remove(json_schema)) {
        let mut schema = schema;
        if let Value::Object(schema) = &mut schema {
            schema.entry("type").or_insert_with(|| Value::from("object"));
        }
        object.insert(json_schema.to_owned(), schema);
    }
}

/// The path of what a notice points at in a settled request.
pub(super) fn settled_path(dialect: DialectId, path: &str) -> String {
    match dialect {
        DialectId::GoogleGemini => {
            path.replacen("generationConfig.responseSchema", "generationConfig.responseJsonSchema", 1)
        }
        DialectId::CohereChat => path.replacen("response_format.schema", "response_format.json_schema", 1),
        _ => path.to_owned(),
    }
}

fn settle_gemini_parts(turn: &mut Map<String, Value>) {
    for part in turn.get_mut("parts").and_then(Value::as_array_mut).into_iter().flatten() {
        // Bytes "encoded as base64, standard or URL-safe, with or without paddings" (ProtoJSON).
        if let Some(Value::String(data)) = part.pointer_mut("/inlineData/data") {
            *data = data.trim_end_matches('=').replace('-', "+").replace('_', "/");
        }
        // The word that asks for no signature stands for none.
        leave_out_default(part, "thoughtSignature", &Value::from("skip_thought_signature_validator"));
        // "mimeType: audio/mp3", by its registered name audio/mpeg (RFC 3003).
        if let Some(Value::String(media_type)) = part.pointer_mut("/inlineData/mimeType")
            && media_type == "audio/mpeg"
        {
            "audio/mp3".clone_into(media_type);
        }
        // "thought: optional", false where it is not said.
        leave_out_default(part, "thought", &Value::Bool(false));
        for kind in ["functionCall", "functionResponse"] {
            let Some(Value::Object(inner)) = part.get_mut(kind) else { continue };
            // "id: optional": who leaves it out matches by name, in order, and gets the number of the call.
            let numbered = |id: &Value| id.as_str().is_some_and(|id| id.starts_with("call_") && id.len() < 8);
            if inner.get("id").is_some_and(numbered) {
                inner.shift_remove("id");
            }
            let Some(response) = inner.get_mut("response") else { continue };
            // "If 'output' and 'error' keys are not specified, then whole 'response' is treated as function output."
            if response.as_object().is_some_and(Map::is_empty) {
                // As a result of text that says nothing.
                *response = serde_json::json!({"output": ""});
            }
            if response.get("output").is_none() && response.get("error").is_none() {
                *response = serde_json::json!({"output": response});
            }
            for key in ["output", "error"] {
                if let Some(said) = response.get_mut(key)
                    && let Some(Ok(parsed)) = said.as_str().map(serde_json::from_str)
                {
                    *said = parsed;
                }
            }
        }
    }
}

/// "guardContent: contains the content to assess with the guardrail", which is content for the model as well.
fn guarded_text(block: &mut Value) {
    let text = block.pointer_mut("/guardContent/text").and_then(|text| text.as_object_mut()?.shift_remove("text"));
    if let (Some(text), Value::Object(block)) = (text, block) {
        block.insert("text".to_owned(), text);
    }
}

fn settle_converse(body: &mut Map<String, Value>) {
    // "additionalModelRequestFields: inference parameters that the model supports", each family's in words of its own.
    if let Some(Value::Object(more)) = body.get_mut("additionalModelRequestFields") {
        if let Some(thinking) = more.shift_remove("reasoning_config") {
            more.insert("thinking".to_owned(), thinking);
        }
        if let Some(Value::Object(mut nova)) = more.shift_remove("reasoningConfig") {
            match nova.shift_remove("maxReasoningEffort") {
                Some(effort) => more.insert("output_config".to_owned(), serde_json::json!({"effort": effort})),
                None => more.insert("thinking".to_owned(), Value::Object(nova)),
            };
        }
        if let Some(effort) = more.shift_remove("reasoning_effort") {
            more.insert("output_config".to_owned(), serde_json::json!({"effort": effort}));
        }
        // "effort: replaces budget_tokens", so that who has it thinks as it likes.
        if more.contains_key("output_config") && more.get("thinking") == Some(&serde_json::json!({"type": "adaptive"}))
        {
            more.shift_remove("thinking");
        }
        if let Some(top_k) =
            more.get_mut("inferenceConfig").and_then(Value::as_object_mut).and_then(|it| it.shift_remove("topK"))
        {
            more.insert("top_k".to_owned(), top_k);
        }
    }
    // "schema: the JSON schema to constrain the model's output", as a string: the schema counts.
    if let Some(schema) =
        body.get_mut("outputConfig").and_then(|it| it.pointer_mut("/textFormat/structure/jsonSchema/schema"))
        && let Some(Ok(parsed)) = schema.as_str().map(serde_json::from_str)
    {
        *schema = parsed;
    }
    for tool in body.get_mut("toolConfig").and_then(|it| it.get_mut("tools")?.as_array_mut()).into_iter().flatten() {
        if let Some(spec) = tool.get_mut("toolSpec") {
            // "strict" is something to ask for.
            leave_out_default(spec, "strict", &Value::Bool(false));
        }
    }
    body.get_mut("system").and_then(Value::as_array_mut).into_iter().flatten().for_each(guarded_text);
    // "A conversation alternates between user and assistant": two turns of one are one.
    if let Some(Value::Array(messages)) = body.get_mut("messages") {
        let mut joined: Vec<Value> = Vec::new();
        for message in std::mem::take(messages) {
            let role = message.get("role");
            let before = joined.last_mut().filter(|before| before.get("role") == role);
            match (before.and_then(|before| before.get_mut("content")?.as_array_mut()), message.get("content")) {
                (Some(content), Some(Value::Array(more))) => content.extend(more.iter().cloned()),
                _ => joined.push(message),
            }
        }
        *messages = joined;
    }
    for message in body.get_mut("messages").and_then(Value::as_array_mut).into_iter().flatten() {
        for block in message.get_mut("content").and_then(Value::as_array_mut).into_iter().flatten() {
            guarded_text(block);
            let results = block.pointer_mut("/toolResult/content").and_then(Value::as_array_mut);
            for result in results.into_iter().flatten().filter_map(Value::as_object_mut) {
                // "json: a tool result that is JSON format data", which is text in any other dialect.
                if let Some(text) = result.shift_remove("text") {
                    let said = text.as_str().and_then(|text| serde_json::from_str(text).ok());
                    result.insert("json".to_owned(), said.unwrap_or(text));
                }
            }
        }
    }
    drop_silence(body);
}

/// A string of content is short for one part of text; an empty one for none.
fn text_as_parts(object: &mut Map<String, Value>, key: &str) {
    match object.get(key) {
        Some(Value::String(text)) if text.is_empty() => {
            object.shift_remove(key);
        }
        Some(Value::String(text)) => {
            let part = serde_json::json!({"type": "text", "text": text});
            object.insert(key.to_owned(), Value::Array(vec![part]));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_kind_of_difference_counts() {
        let expected = json!({"a": 1, "b": [1, {"c": null}], "d": "x"});
        assert!(differences(&expected, &json!({"d": "x", "b": [1.0, {"c": null}], "a": 1})).is_empty());
        assert_eq!(differences(&expected, &json!({"a": 2, "b": [1, {}], "d": "x", "e": 0})), ["a", "b[1].c", "e"]);
        assert_eq!(differences(&expected, &json!({"a": 1, "b": [1], "d": "y"})), ["b[1].c", "d"]);
    }

    #[test]
    fn a_named_path_covers_what_is_beneath_it_and_nothing_beside_it() {
        let named = ["messages[1].content".to_owned()];
        assert!(is_named("messages[1].content[0].text", &named));
        assert!(!is_named("messages[10].content", &named));
        assert!(!is_named("messages[1].contents", &named));
    }

    #[test]
    fn two_ways_of_writing_are_settled_to_one() {
        let mut one =
            json!({"messages": [{"role": "user", "content": "a", "name": null}], "stop": "x", "max_tokens": 3});
        let mut other = json!({"messages": [{"role": "user", "content": [{"type": "text", "text": "a"}]}],
            "stop": ["x"], "max_completion_tokens": 3});
        settle(DialectId::OpenaiChat, &mut one);
        settle(DialectId::OpenaiChat, &mut other);
        assert!(differences(&one, &other).is_empty());
    }
}
