//! OpenAI Responses, <https://platform.openai.com/docs/api-reference/responses>.
//!
//! It keeps nothing: a request that refers to an earlier response is answered as one whose response is gone.

mod answer;
mod check;
mod items;
mod stream;

use super::{Dialect, Place, Strictness, event_bytes, openai_error, set};
use crate::ask::{Ask, PromptPart};
use crate::body::Events;
use crate::cache::PromptCache;
use crate::check::Object;
use crate::failure::Failure;
use crate::said::{Said, Usage};
use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use serde_json::{Value, json};

/// The dialect `openai.responses`.
#[derive(Debug)]
pub(crate) struct OpenAiResponses;

impl Dialect for OpenAiResponses {
    fn name(&self) -> &'static str {
        "openai.responses"
    }

    fn place(&self, method: &Method, path: &str, _headers: &HeaderMap) -> Option<Place> {
        match path.strip_prefix("/v1").unwrap_or(path) {
            "/responses" if *method == Method::POST => Some(Place::Chat),
            "/responses/input_tokens" if *method == Method::POST => Some(Place::CountTokens),
            _ => None,
        }
    }

    fn looks_like(&self, path: &str, _headers: &HeaderMap) -> bool {
        path.strip_prefix("/v1").unwrap_or(path).starts_with("/responses")
    }

    fn presented_key<'a>(&self, headers: &'a HeaderMap, _query: Option<&'a str>) -> Option<&'a str> {
        let (scheme, key) = headers.get("authorization")?.to_str().ok()?.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
    }

    fn check_head(&self, _headers: &HeaderMap) -> Result<(), Failure> {
        Ok(())
    }

    fn read_chat(&self, body: &Object, strictness: Strictness) -> Result<Ask, Failure> {
        Ok(check::request(body, strictness)?)
    }

    fn count_tokens(&self, body: &Object, strictness: Strictness) -> Result<Value, Failure> {
        let ask = check::request(body, strictness)?;
        let tokens: u64 = ask.prompt.iter().map(|part| part.tokens).sum();
        Ok(json!({"object": "response.input_tokens", "input_tokens": tokens}))
    }

    fn models(&self, _offered: &[String], _one: Option<&str>) -> Result<Value, Failure> {
        Err(Failure::NoSuchPlace { method: "GET".into(), path: "/v1/responses".into() })
    }

    fn cache(&self, cache: &PromptCache, model: &str, prompt: &[PromptPart], usage: &mut Usage) {
        cache.automatic(model, prompt, usage);
    }

    fn whole(&self, said: &Said) -> Value {
        answer::whole(said)
    }

    fn stream(&self, said: Said) -> Events {
        stream::events(said)
    }

    fn stream_error(&self) -> Bytes {
        let message = "The server had an error while processing your request. Sorry about that!";
        let error = json!({"type": "server_error", "code": "server_error", "message": message, "param": null});
        event_bytes(Some("error"), &json!({"type": "error", "sequence_number": 0, "error": error}))
    }

    fn padding(&self) -> fn(usize) -> Bytes {
        |wanted| {
            let event = |padding: &str| {
                event_bytes(
                    Some("response.in_progress"),
                    &json!({"type": "response.in_progress", "response": {"object": "response"}, "obfuscation": padding}),
                )
            };
            event(&"x".repeat(wanted.saturating_sub(event("").len())))
        }
    }

    fn headers(&self, request_id: &str, headers: &mut HeaderMap) {
        set(headers, "x-request-id", request_id);
        for (name, value) in [
            ("openai-version", "2020-10-01"),
            ("openai-processing-ms", "12"),
            ("x-ratelimit-limit-requests", "10000"),
            ("x-ratelimit-remaining-requests", "9999"),
            ("x-ratelimit-reset-requests", "6ms"),
        ] {
            set(headers, name, value);
        }
    }

    fn failure(&self, failure: &Failure, _request_id: &str) -> (StatusCode, Value) {
        openai_error::worded(failure)
    }
}
