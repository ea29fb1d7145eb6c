//! Messages of Anthropic within `InvokeModel` and `InvokeModelWithResponseStream`: the same body with the version in it and
//! without the model, the same answer, and its events in messages of an event stream.
//! Source: <https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-anthropic-claude-messages.html>

use super::{error, frame, place};
use crate::ask::{Ask, PromptPart};
use crate::body::{Event, Events};
use crate::cache::PromptCache;
use crate::check::{Object, text};
use crate::dialects::anthropic_messages::{self, AnthropicMessages};
use crate::dialects::{Dialect, Framing, Place, Strictness, set};
use crate::failure::{Complaint, Failure, Place as At, Wrong};
use crate::said::{Said, Usage};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use serde_json::{Value, json};

const VERSION: &str = "bedrock-2023-05-31";
/// What a body has here and not elsewhere.
const OWN: [&str; 2] = ["anthropic_version", "anthropic_beta"];

/// The dialect `bedrock.invoke`.
#[derive(Debug)]
pub(crate) struct BedrockInvoke;

impl Dialect for BedrockInvoke {
    fn name(&self) -> &'static str {
        "bedrock.invoke"
    }

    fn place(&self, method: &Method, path: &str, _headers: &HeaderMap) -> Option<Place> {
        let called = place::called(path).filter(|_| *method == Method::POST)?;
        [place::INVOKE, place::INVOKE_STREAM].contains(&called.operation).then_some(Place::Chat)
    }

    fn looks_like(&self, _path: &str, _headers: &HeaderMap) -> bool {
        false
    }

    fn model_at(&self, path: &str) -> Option<String> {
        place::called(path).map(|called| called.model)
    }

    fn streamed_at(&self, path: &str, _query: Option<&str>) -> Option<Framing> {
        place::called(path).filter(|called| called.is_streamed()).map(|_| Framing::Messages)
    }

    fn framing(&self) -> Framing {
        Framing::Messages
    }

    fn asks_for_stream(&self, _body: &Value) -> bool {
        false
    }

    fn presented_key<'a>(&self, headers: &'a HeaderMap, _query: Option<&'a str>) -> Option<&'a str> {
        super::presented_key(headers)
    }

    fn check_head(&self, _headers: &HeaderMap) -> Result<(), Failure> {
        Ok(())
    }

    fn read_chat(&self, body: &Object, strictness: Strictness) -> Result<Ask, Failure> {
        AnthropicMessages.read_chat(&messages(body)?, strictness)
    }

    fn count_tokens(&self, body: &Object, strictness: Strictness) -> Result<Value, Failure> {
        AnthropicMessages.count_tokens(&messages(body)?, strictness)
    }

    fn models(&self, _offered: &[String], one: Option<&str>) -> Result<Value, Failure> {
        Err(Failure::UnknownModel(one.unwrap_or_default().to_owned()))
    }

    fn cache(&self, cache: &PromptCache, model: &str, prompt: &[PromptPart], usage: &mut Usage) {
        cache.marked(model, prompt, usage);
    }

    fn whole(&self, said: &Said) -> Value {
        AnthropicMessages.whole(said)
    }

    fn stream(&self, said: Said) -> Events {
        let usage = said.usage;
        let events = AnthropicMessages.stream(said).filter_map(move |event| {
            let mut data = data_of(&event.bytes)?;
            let kind = data.get("type").and_then(Value::as_str).unwrap_or_default();
            // No signs of life are sent here.
            let (is_ping, is_last) = (kind == "ping", kind == "message_stop");
            if let Some(data) = data.as_object_mut().filter(|_| is_last) {
                data.insert("amazon-bedrock-invocationMetrics".to_owned(), metrics(&usage));
            }
            (!is_ping).then(|| Event::new(chunk(&data), event.tokens))
        });
        Box::new(events)
    }

    fn stream_error(&self) -> Bytes {
        super::stream_error()
    }

    fn padding(&self) -> fn(usize) -> Bytes {
        |wanted| super::padded("chunk", &json!({"bytes": BASE64.encode(r#"{"type":"ping"}"#)}), wanted)
    }

    fn halved(&self) -> fn(&Bytes) -> Bytes {
        frame::halved
    }

    fn headers(&self, request_id: &str, headers: &mut HeaderMap) {
        set(headers, "x-amzn-requestid", request_id);
    }

    fn failure_headers(&self, failure: &Failure, headers: &mut HeaderMap) {
        set(headers, "x-amzn-errortype", &error::kind(&worded_by_model(failure)));
    }

    fn failure(&self, failure: &Failure, _request_id: &str) -> (StatusCode, Value) {
        error::worded(&worded_by_model(failure))
    }
}

/// What is wrong with a body is told in the words of the model's vendor.
fn worded_by_model(failure: &Failure) -> Failure {
    match failure {
        Failure::Invalid(complaint) => At::root().says(anthropic_messages::complained(complaint)).into(),
        other => other.clone(),
    }
}

/// The body as Anthropic itself takes it.
pub(super) fn messages(body: &Object) -> Result<Object, Complaint> {
    let root = At::root();
    match text(body, "anthropic_version") {
        Some(VERSION) => {}
        Some(_) => return Err(root.key("anthropic_version").says("Invalid API version")),
        None => return Err(root.key("anthropic_version").wrong(Wrong::Missing)),
    }
    // The address says both.
    if let Some(name) = ["model", "stream"].into_iter().find(|name| body.contains_key(*name)) {
        return Err(root.key(name).wrong(Wrong::Unknown));
    }
    let mut bare: Object =
        body.iter().filter(|(name, _)| !OWN.contains(&name.as_str())).map(|(n, v)| (n.clone(), v.clone())).collect();
    bare.insert("model".to_owned(), "addressed".into());
    Ok(bare)
}

fn data_of(event: &[u8]) -> Option<Value> {
    let text = std::str::from_utf8(event).ok()?;
    serde_json::from_str(text.lines().find_map(|line| line.strip_prefix("data: "))?).ok()
}

fn chunk(data: &Value) -> Bytes {
    frame::event("chunk", &json!({"bytes": BASE64.encode(data.to_string()), "p": "abcdefg"}))
}

fn metrics(usage: &Usage) -> Value {
    let written = usage.cache_write_5m + usage.cache_write_1h;
    json!({
        "inputTokenCount": usage.input.saturating_sub(usage.cache_read + written),
        "outputTokenCount": usage.output,
        "invocationLatency": 200 + 5 * usage.output,
        "firstByteLatency": 200,
        "cacheReadInputTokenCount": usage.cache_read,
        "cacheWriteInputTokenCount": written,
    })
}
