//! Nova within `InvokeModel`: Converse in a few other words.
//!
//! Specification: <https://docs.aws.amazon.com/nova/latest/userguide/complete-request-schema.html>. A request names the
//! version of its schema, and has settings of its own among those that Converse knows; usage counts what was cached by
//! other names; an event of a stream is an object whose one key is the event's name, in a chunk.

use crate::WireEvent;
use crate::chunks;
use crate::event_stream::{EventStreamError, Message, is_exception, write_event};
use crate::scan::Scan;
use serde_json::{Map, Value, json};

/// The version of the schema, which only Nova names.
const VERSION: &str = "schemaVersion";
/// What a request may say besides its messages.
const FIELDS: [&str; 5] = ["system", SETTINGS, "toolConfig", REASONING, VERSION];
const MESSAGES: &str = "messages";
const SETTINGS: &str = "inferenceConfig";
const REASONING: &str = "reasoningConfig";
/// Where Converse takes what it does not know itself.
const MORE: &str = "additionalModelRequestFields";
/// Settings that both have.
const SHARED: [&str; 4] = ["maxTokens", "temperature", "topP", "stopSequences"];
/// The former name of a setting.
const FORMER_BOUND: &str = "max_new_tokens";
const BOUND: &str = "maxTokens";
/// The counts of what was cached, by the names of both.
const COUNTS: [(&str, &str); 2] =
    [("cacheReadInputTokenCount", "cacheReadInputTokens"), ("cacheWriteInputTokenCount", "cacheWriteInputTokens")];
/// What Bedrock says beside an event of the model begins so.
const BESIDE: &str = "amazon-bedrock-";

/// Whether a body is Nova's: it names the version of Nova's schema, or has fields of Nova's and no others.
pub fn is_spoken(body: &Value) -> bool {
    body.as_object().is_some_and(|body| is_of_fields(body.keys().map(String::as_str)))
}

/// The same of a body that was scanned only.
pub fn is_spoken_in(scan: &Scan<'_>) -> bool {
    is_of_fields(scan.fields.iter().map(|field| std::str::from_utf8(&field.key).unwrap_or_default()))
}

fn is_of_fields<'k>(keys: impl Iterator<Item = &'k str>) -> bool {
    let (mut messages, mut versioned, mut own, mut foreign) = (false, false, false, false);
    for key in keys {
        match key {
            MESSAGES => messages = true,
            VERSION => versioned = true,
            key if FIELDS.contains(&key) => own = true,
            _ => foreign = true,
        }
    }
    messages && (versioned || own && !foreign)
}

/// The request as Converse has it.
pub fn as_converse(mut body: Value) -> Value {
    let Value::Object(request) = &mut body else { return body };
    request.shift_remove(VERSION);
    let mut more = match request.shift_remove(MORE) {
        Some(Value::Object(more)) => more,
        _ => Map::new(),
    };
    if let Some(reasoning) = request.shift_remove(REASONING) {
        more.insert(REASONING.to_owned(), reasoning);
    }
    if let Some(Value::Object(settings)) = request.get_mut(SETTINGS) {
        if let Some(bound) = settings.shift_remove(FORMER_BOUND) {
            settings.entry(BOUND).or_insert(bound);
        }
        let (shared, mut own): (Map<String, Value>, Map<String, Value>) =
            std::mem::take(settings).into_iter().partition(|(key, _)| SHARED.contains(&key.as_str()));
        *settings = shared;
        more.extend(own.shift_remove(REASONING).map(|reasoning| (REASONING.to_owned(), reasoning)));
        if !own.is_empty() {
            more.insert(SETTINGS.to_owned(), Value::Object(own));
        }
    }
    if !more.is_empty() {
        request.insert(MORE.to_owned(), Value::Object(more));
    }
    body
}

/// Where a path of Converse stands in a request of Nova.
pub fn path(path: &str) -> String {
    path.strip_prefix(MORE).and_then(|rest| rest.strip_prefix('.')).unwrap_or(path).to_owned()
}

/// An answer of Converse as Nova tells it.
pub fn told(mut answer: Value) -> Value {
    if let Value::Object(body) = &mut answer {
        // What Converse measures is told for whoever calls it.
        body.shift_remove("metrics");
        rename_counts(body, |(own, converse)| (converse, own));
    }
    answer
}

/// An answer of Nova as Converse tells it.
pub fn read(mut answer: Value) -> Value {
    if let Value::Object(body) = &mut answer {
        rename_counts(body, |pair| pair);
    }
    answer
}

fn rename_counts(
    body: &mut Map<String, Value>,
    named: fn((&'static str, &'static str)) -> (&'static str, &'static str),
) {
    let Some(Value::Object(usage)) = body.get_mut("usage") else { return };
    for (from, to) in COUNTS.map(named) {
        if let Some(count) = usage.shift_remove(from) {
            usage.entry(to).or_insert(count);
        }
    }
}

/// An event of Nova as Converse has it. What Bedrock says beside it stays in it.
///
/// # Errors
/// [`EventStreamError`] where a message carries none.
pub fn read_message(message: &Message) -> Result<WireEvent, EventStreamError> {
    let told = message.to_wire()?;
    if told.name.as_deref().is_some_and(is_exception) {
        return Ok(told);
    }
    let chunk = chunks::read(message)?;
    let Ok(Value::Object(members)) = serde_json::from_str(&chunk.data) else { return Err(EventStreamError::Text) };
    let (beside, mut event): (Map<String, Value>, Map<String, Value>) =
        members.into_iter().partition(|(key, _)| key.starts_with(BESIDE));
    let name = event.keys().next().cloned().ok_or(EventStreamError::Text)?;
    let mut data = match event.shift_remove(&name) {
        Some(Value::Object(data)) => data,
        _ => return Err(EventStreamError::Text),
    };
    rename_counts(&mut data, |pair| pair);
    data.extend(beside);
    Ok(WireEvent { name: Some(name), data: Value::Object(data).to_string() })
}

/// Writes an event of Converse as Nova tells it, and an exception as it is.
pub fn write_message(event: &WireEvent, out: &mut Vec<u8>) {
    let name = event.name.as_deref().unwrap_or_default();
    if is_exception(name) {
        return write_event(event, out);
    }
    let data: Map<String, Value> = serde_json::from_str(&event.data).unwrap_or_default();
    let (beside, mut data): (Map<String, Value>, Map<String, Value>) =
        data.into_iter().partition(|(key, _)| key.starts_with(BESIDE));
    rename_counts(&mut data, |(own, converse)| (converse, own));
    let mut told = Map::from_iter([(name.to_owned(), Value::Object(data))]);
    told.extend(beside);
    if name == METADATA && !told.contains_key(METRICS) {
        told.extend(metrics(&told).map(|metrics| (METRICS.to_owned(), metrics)));
    }
    chunks::write(&WireEvent { name: None, data: Value::Object(told).to_string() }, out);
}

const METADATA: &str = "metadata";
/// What Bedrock says beside the last event of every model.
pub(crate) const METRICS: &str = "amazon-bedrock-invocationMetrics";

/// Clients read what was counted from here, whichever model it was.
fn metrics(told: &Map<String, Value>) -> Option<Value> {
    let usage = told.get(METADATA)?.get("usage")?;
    Some(json!({"inputTokenCount": usage.get("inputTokens")?, "outputTokenCount": usage.get("outputTokens")?}))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event_stream::Reader;

    #[test]
    fn a_body_is_known_by_its_fields() {
        let messages = json!([{"role": "user", "content": [{"text": "a"}]}]);
        for (body, spoken) in [
            (json!({"schemaVersion": "messages-v1", "messages": messages, "later": 1}), true),
            (json!({"messages": messages, "inferenceConfig": {}}), true),
            (json!({"messages": messages, "system": []}), true),
            (json!({"messages": messages}), false),
            (json!({"messages": messages, "max_tokens": 1}), false),
            (json!({"prompt": "a", "inferenceConfig": {}}), false),
            (json!("a"), false),
        ] {
            assert_eq!(is_spoken(&body), spoken, "{body}");
            let text = body.to_string();
            if let Ok(scan) = crate::scan::scan(text.as_bytes(), 9) {
                assert_eq!(is_spoken_in(&scan), spoken, "{body}");
            }
        }
    }

    #[test]
    fn a_request_becomes_one_of_converse() {
        let own = json!({"schemaVersion": "messages-v1", "messages": [], "inferenceConfig":
            {"max_new_tokens": 9, "topK": 20, "topP": 0.9, "reasoningConfig": {"type": "enabled"}}});
        let converse = json!({"messages": [], "inferenceConfig": {"maxTokens": 9, "topP": 0.9},
            "additionalModelRequestFields": {"inferenceConfig": {"topK": 20}, "reasoningConfig": {"type": "enabled"}}});
        assert_eq!(as_converse(own), converse);
    }

    #[test]
    fn answers_and_events_come_back() {
        let answer = json!({"output": {"message": {"role": "assistant", "content": [{"text": "a"}]}}, "stopReason": "end_turn",
            "usage": {"inputTokens": 1, "outputTokens": 2, "totalTokens": 3, "cacheReadInputTokenCount": 4}});
        let converse = read(answer.clone());
        assert_eq!(converse["usage"]["cacheReadInputTokens"], 4);
        assert_eq!(told(converse), answer);
        for (name, data, chunk) in [
            ("messageStart", json!({"role": "assistant"}), json!({"messageStart": {"role": "assistant"}})),
            (
                "metadata",
                json!({"usage": {"inputTokens": 1, "outputTokens": 2, "cacheReadInputTokens": 0}}),
                json!({"metadata": {"usage": {"inputTokens": 1, "outputTokens": 2, "cacheReadInputTokenCount": 0}},
                    "amazon-bedrock-invocationMetrics": {"inputTokenCount": 1, "outputTokenCount": 2}}),
            ),
        ] {
            let mut bytes = Vec::new();
            write_message(&WireEvent { name: Some(name.to_owned()), data: data.to_string() }, &mut bytes);
            let mut reader = Reader::new(1 << 20);
            reader.push(&bytes);
            let message = reader.next_message().unwrap().unwrap();
            let told: Value = serde_json::from_str(&chunks::read(&message).unwrap().data).unwrap();
            assert_eq!(told, chunk);
            let back = read_message(&message).unwrap();
            assert_eq!(back.name.as_deref(), Some(name));
            let mut again = Vec::new();
            write_message(&back, &mut again);
            assert_eq!(again, bytes);
        }
    }

    #[test]
    fn an_exception_stays_one() {
        let event = WireEvent { name: Some("throttlingException".to_owned()), data: r#"{"message":"no"}"#.to_owned() };
        let mut bytes = Vec::new();
        write_message(&event, &mut bytes);
        let mut reader = Reader::new(1 << 20);
        reader.push(&bytes);
        assert_eq!(read_message(&reader.next_message().unwrap().unwrap()).unwrap(), event);
    }
}
