//! Anthropic Messages, <https://docs.claude.com/en/api/messages>.

mod answer;
mod blocks;
mod check;
mod error;
mod stream;
mod version;

pub(crate) use check::thinking;
pub(crate) use error::complained;

use super::{Dialect, Place, Strictness, event_bytes, set};
use crate::ask::{Ask, PromptPart};
use crate::body::Events;
use crate::cache::PromptCache;
use crate::check::Object;
use crate::failure::Failure;
use crate::said::{Said, Usage};
use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use serde_json::{Value, json};

/// The dialect `anthropic.messages`.
#[derive(Debug)]
pub(crate) struct AnthropicMessages;

impl Dialect for AnthropicMessages {
    fn name(&self) -> &'static str {
        "anthropic.messages"
    }

    fn place(&self, method: &Method, path: &str, headers: &HeaderMap) -> Option<Place> {
        if *method == Method::POST {
            return match path {
                "/v1/messages" => Some(Place::Chat),
                "/v1/messages/count_tokens" => Some(Place::CountTokens),
                _ => None,
            };
        }
        if *method != Method::GET || !headers.contains_key("anthropic-version") {
            return None;
        }
        match path.strip_prefix("/v1/models")? {
            "" | "/" => Some(Place::Models),
            name => name.strip_prefix('/').map(|name| Place::Model(name.to_owned())),
        }
    }

    fn looks_like(&self, path: &str, headers: &HeaderMap) -> bool {
        headers.contains_key("anthropic-version") || path.starts_with("/v1/messages")
    }

    fn presented_key<'a>(&self, headers: &'a HeaderMap, _query: Option<&'a str>) -> Option<&'a str> {
        if let Some(key) = headers.get("x-api-key") {
            return key.to_str().ok();
        }
        let (scheme, key) = headers.get("authorization")?.to_str().ok()?.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
    }

    fn check_head(&self, headers: &HeaderMap) -> Result<(), Failure> {
        Ok(version::check_named(headers)?)
    }

    fn check_version(&self, headers: &HeaderMap, body: &Object) -> Result<(), Failure> {
        Ok(version::check_body(headers, body)?)
    }

    fn read_chat(&self, body: &Object, strictness: Strictness) -> Result<Ask, Failure> {
        Ok(check::messages(body, strictness, true)?)
    }

    fn count_tokens(&self, body: &Object, strictness: Strictness) -> Result<Value, Failure> {
        let ask = check::messages(body, strictness, false)?;
        Ok(json!({"input_tokens": ask.prompt.iter().map(|part| part.tokens).sum::<u64>()}))
    }

    fn models(&self, offered: &[String], one: Option<&str>) -> Result<Value, Failure> {
        let entry = |name: &str| json!({"type": "model", "id": name, "display_name": name, "created_at": "2025-01-01T00:00:00Z"});
        match one {
            Some(name) if offered.iter().any(|known| known == name) => Ok(entry(name)),
            Some(name) => Err(Failure::UnknownModel(name.to_owned())),
            None => Ok(json!({
                "data": offered.iter().map(|name| entry(name)).collect::<Vec<_>>(),
                "has_more": false,
                "first_id": offered.first(),
                "last_id": offered.last(),
            })),
        }
    }

    fn cache(&self, cache: &PromptCache, model: &str, prompt: &[PromptPart], usage: &mut Usage) {
        cache.marked(model, prompt, usage);
    }

    fn whole(&self, said: &Said) -> Value {
        answer::whole(said)
    }

    fn stream(&self, said: Said) -> Events {
        stream::events(&said)
    }

    fn stream_error(&self) -> Bytes {
        let error = json!({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}});
        event_bytes(Some("error"), &error)
    }

    fn padding(&self) -> fn(usize) -> Bytes {
        |wanted| {
            let event = |padding: &str| event_bytes(Some("ping"), &json!({"type": "ping", "padding": padding}));
            event(&"x".repeat(wanted.saturating_sub(event("").len())))
        }
    }

    fn headers(&self, request_id: &str, headers: &mut HeaderMap) {
        set(headers, "request-id", request_id);
        for (name, value) in [
            ("anthropic-ratelimit-requests-limit", "4000"),
            ("anthropic-ratelimit-requests-remaining", "3999"),
            ("anthropic-ratelimit-requests-reset", "2030-01-01T00:00:00Z"),
            ("anthropic-ratelimit-input-tokens-limit", "2000000"),
            ("anthropic-ratelimit-input-tokens-remaining", "1999000"),
            ("anthropic-ratelimit-input-tokens-reset", "2030-01-01T00:00:00Z"),
            ("anthropic-ratelimit-output-tokens-limit", "400000"),
            ("anthropic-ratelimit-output-tokens-remaining", "399000"),
            ("anthropic-ratelimit-output-tokens-reset", "2030-01-01T00:00:00Z"),
        ] {
            set(headers, name, value);
        }
    }

    fn failure(&self, failure: &Failure, request_id: &str) -> (StatusCode, Value) {
        error::worded(failure, request_id)
    }
}
