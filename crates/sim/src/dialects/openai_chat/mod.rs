//! OpenAI Chat Completions, <https://platform.openai.com/docs/api-reference/chat>.
//!
//! Reasoning is shown as `reasoning_content`, as DeepSeek and others do in this dialect; OpenAI itself keeps it hidden.

mod answer;
mod check;
mod stream;

pub(crate) use answer::whole;
pub(crate) use stream::events;

use super::{Dialect, Place, Strictness, event_bytes, openai_error, set};
use crate::ask::{Ask, PromptPart};
use crate::body::Events;
use crate::cache::PromptCache;
use crate::check::Object;
use crate::failure::Failure;
use crate::said::{Said, Usage};
use crate::service::Service;
use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use serde_json::{Value, json};

/// The dialect `openai.chat`, with the services that its vendors have beside it.
#[derive(Debug)]
pub(crate) struct OpenAiChat;

impl Dialect for OpenAiChat {
    fn name(&self) -> &'static str {
        "openai.chat"
    }

    fn place(&self, method: &Method, path: &str, headers: &HeaderMap) -> Option<Place> {
        if *method == Method::POST {
            return match path {
                "/v1/chat/completions" | "/chat/completions" => Some(Place::Chat),
                path => Service::at(path).map(Place::Service),
            };
        }
        if *method != Method::GET || headers.contains_key("anthropic-version") {
            return None;
        }
        match path.strip_prefix("/v1/models").or_else(|| path.strip_prefix("/models"))? {
            "" | "/" => Some(Place::Models),
            name => name.strip_prefix('/').map(|name| Place::Model(name.to_owned())),
        }
    }

    fn looks_like(&self, _path: &str, _headers: &HeaderMap) -> bool {
        true
    }

    fn presented_key<'a>(&self, headers: &'a HeaderMap, _query: Option<&'a str>) -> Option<&'a str> {
        let header = headers.get("authorization")?.to_str().ok()?;
        let (scheme, key) = header.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
    }

    fn check_head(&self, _headers: &HeaderMap) -> Result<(), Failure> {
        Ok(())
    }

    fn read_chat(&self, body: &Object, strictness: Strictness) -> Result<Ask, Failure> {
        Ok(check::chat(body, strictness)?)
    }

    fn count_tokens(&self, _body: &Object, _strictness: Strictness) -> Result<Value, Failure> {
        Err(Failure::NoSuchPlace { method: "POST".into(), path: "/v1/count_tokens".into() })
    }

    fn models(&self, offered: &[String], one: Option<&str>) -> Result<Value, Failure> {
        let entry =
            |name: &str| json!({"id": name, "object": "model", "created": 1_735_689_600, "owned_by": "switchtower"});
        match one {
            Some(name) if offered.iter().any(|known| known == name) => Ok(entry(name)),
            Some(name) => Err(Failure::UnknownModel(name.to_owned())),
            None => Ok(json!({"object": "list", "data": offered.iter().map(|name| entry(name)).collect::<Vec<_>>()})),
        }
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
        event_bytes(
            None,
            &json!({"error": {"message": message, "type": "server_error", "param": null, "code": "server_error"}}),
        )
    }

    fn padding(&self) -> fn(usize) -> Bytes {
        |wanted| {
            let event = |padding: &str| {
                event_bytes(None, &json!({"object": "chat.completion.chunk", "choices": [], "obfuscation": padding}))
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
            ("x-ratelimit-limit-tokens", "2000000"),
            ("x-ratelimit-remaining-requests", "9999"),
            ("x-ratelimit-remaining-tokens", "1999000"),
            ("x-ratelimit-reset-requests", "6ms"),
            ("x-ratelimit-reset-tokens", "0s"),
        ] {
            set(headers, name, value);
        }
    }

    fn failure(&self, failure: &Failure, _request_id: &str) -> (StatusCode, Value) {
        openai_error::worded(failure)
    }
}
