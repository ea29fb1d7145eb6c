//! Cohere's second version: chat, embeddings and rankings, <https://docs.cohere.com/reference/chat>.
//!
//! What a model says before it calls tools is its plan, which stands beside the content.

mod answer;
mod check;
mod error;
mod messages;
mod stream;

use super::{Dialect, Place, Strictness, event_bytes, set};
use crate::ask::{Ask, PromptPart};
use crate::body::Events;
use crate::cache::PromptCache;
use crate::check::Object;
use crate::failure::Failure;
use crate::random::Random;
use crate::said::{Said, Usage};
use crate::service::Service;
use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use serde_json::{Value, json};

/// What a request for a list may say. Source: <https://docs.cohere.com/reference/list-models>
const LIST_PARAMETERS: [&str; 4] = ["page_size", "page_token", "endpoint", "default_only"];
/// What models of the simulator take at once, by this list.
const CONTEXT_TOKENS: u64 = 128_000;

/// The dialect `cohere.v2_chat`.
#[derive(Debug)]
pub(crate) struct CohereChat;

impl Dialect for CohereChat {
    fn name(&self) -> &'static str {
        "cohere.v2_chat"
    }

    fn place(&self, method: &Method, path: &str, _headers: &HeaderMap) -> Option<Place> {
        if *method != Method::POST {
            return None;
        }
        match path {
            "/v2/chat" => Some(Place::Chat),
            "/v2/embed" => Some(Place::Service(Service::EmbedTexts)),
            "/v2/rerank" => Some(Place::Service(Service::RerankDocuments)),
            _ => None,
        }
    }

    /// Models are listed by the first version, at the address of others, with parameters of its own.
    fn place_asked(&self, method: &Method, path: &str, query: &str) -> Option<Place> {
        let ours = |parameter: &str| LIST_PARAMETERS.contains(&parameter.split('=').next().unwrap_or_default());
        (*method == Method::GET && path == "/v1/models" && query.split('&').any(ours)).then_some(Place::Models)
    }

    fn looks_like(&self, path: &str, _headers: &HeaderMap) -> bool {
        path.starts_with("/v2/")
    }

    fn presented_key<'a>(&self, headers: &'a HeaderMap, _query: Option<&'a str>) -> Option<&'a str> {
        let (scheme, key) = headers.get("authorization")?.to_str().ok()?.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
    }

    fn check_head(&self, _headers: &HeaderMap) -> Result<(), Failure> {
        Ok(())
    }

    fn read_chat(&self, body: &Object, strictness: Strictness) -> Result<Ask, Failure> {
        Ok(check::chat(body, strictness)?)
    }

    fn count_tokens(&self, _body: &Object, _strictness: Strictness) -> Result<Value, Failure> {
        Err(Failure::NoSuchPlace { method: "POST".into(), path: "/v2/count_tokens".into() })
    }

    fn models(&self, offered: &[String], one: Option<&str>) -> Result<Value, Failure> {
        match one {
            Some(name) => Err(Failure::UnknownModel(name.to_owned())),
            None => Ok(json!({"models": offered.iter().map(|name| model(name)).collect::<Vec<_>>()})),
        }
    }

    fn cache(&self, cache: &PromptCache, model: &str, prompt: &[PromptPart], usage: &mut Usage) {
        cache.automatic(model, prompt, usage);
    }

    fn whole(&self, said: &Said) -> Value {
        answer::whole(said)
    }

    fn stream(&self, said: Said) -> Events {
        stream::events(&said)
    }

    /// Source: <https://docs.cohere.com/reference/chat-stream>, `message-end`
    fn stream_error(&self) -> Bytes {
        let delta = json!({"error": error::INTERNAL, "finish_reason": "ERROR"});
        event_bytes(Some("message-end"), &json!({"type": "message-end", "delta": delta}))
    }

    fn padding(&self) -> fn(usize) -> Bytes {
        |wanted| {
            let event = |padding: &str| event_bytes(Some("debug"), &json!({"type": "debug", "prompt": padding}));
            event(&"x".repeat(wanted.saturating_sub(event("").len())))
        }
    }

    fn headers(&self, request_id: &str, headers: &mut HeaderMap) {
        set(headers, "x-debug-trace-id", request_id);
        set(headers, "x-accel-expires", "0");
    }

    fn failure(&self, failure: &Failure, request_id: &str) -> (StatusCode, Value) {
        error::worded(failure, request_id)
    }
}

/// An id as this vendor has them.
pub(crate) fn uuid(seed: u64, purpose: &str) -> String {
    let mut random = Random::for_purpose(seed, purpose);
    [8, 4, 4, 4, 12].map(|length| random.letters(length, b"0123456789abcdef")).join("-")
}

/// An entry of the list of models.
fn model(name: &str) -> Value {
    let endpoint = if name.contains("embed") { "embed" } else { "chat" };
    json!({
        "name": name,
        "is_deprecated": false,
        "endpoints": [endpoint],
        "finetuned": false,
        "context_length": CONTEXT_TOKENS,
        "default_endpoints": [],
    })
}
