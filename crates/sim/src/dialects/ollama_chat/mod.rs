//! Ollama's own API: <https://github.com/ollama/ollama/blob/main/docs/api.md>. An answer is streamed unless the request says
//! otherwise, a line of JSON for each piece.

mod answer;
mod check;
mod error;
mod stream;

pub(crate) use answer::{generated, usage};
pub(crate) use check::{generate, options};
pub(crate) use stream::generated_events;

use super::{Dialect, Framing, Place, Strictness};
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

/// The dialect `ollama.chat`.
#[derive(Debug)]
pub(crate) struct OllamaChat;

impl Dialect for OllamaChat {
    fn name(&self) -> &'static str {
        "ollama.chat"
    }

    fn place(&self, method: &Method, path: &str, _headers: &HeaderMap) -> Option<Place> {
        match (method.as_str(), path) {
            ("POST", "/api/chat") => Some(Place::Chat),
            ("POST", "/api/embed") => Some(Place::Service(Service::EmbedInputs)),
            ("POST", "/api/generate") => Some(Place::Service(Service::Generate)),
            ("GET", "/api/tags") => Some(Place::Models),
            _ => None,
        }
    }

    fn looks_like(&self, path: &str, _headers: &HeaderMap) -> bool {
        path.starts_with("/api/")
    }

    fn framing(&self) -> Framing {
        Framing::Lines
    }

    fn asks_for_stream(&self, body: &Value) -> bool {
        streams(body.get("stream"))
    }

    /// It has no keys of its own; what stands before it takes one as others do.
    fn presented_key<'a>(&self, headers: &'a HeaderMap, _query: Option<&'a str>) -> Option<&'a str> {
        let (scheme, key) = headers.get("authorization")?.to_str().ok()?.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
    }

    fn check_head(&self, _headers: &HeaderMap) -> Result<(), Failure> {
        Ok(())
    }

    fn read_chat(&self, body: &Object, _strictness: Strictness) -> Result<Ask, Failure> {
        Ok(check::chat(body)?)
    }

    fn count_tokens(&self, _body: &Object, _strictness: Strictness) -> Result<Value, Failure> {
        Err(Failure::NoSuchPlace { method: "POST".into(), path: "/api/count_tokens".into() })
    }

    fn models(&self, offered: &[String], _one: Option<&str>) -> Result<Value, Failure> {
        Ok(json!({"models": offered.iter().map(|name| model(name)).collect::<Vec<_>>()}))
    }

    /// What is kept of prompts is told to nobody.
    fn cache(&self, _cache: &PromptCache, _model: &str, _prompt: &[PromptPart], _usage: &mut Usage) {}

    fn whole(&self, said: &Said) -> Value {
        answer::whole(said)
    }

    fn stream(&self, said: Said) -> Events {
        stream::events(&said)
    }

    fn stream_error(&self) -> Bytes {
        stream::line(&json!({"error": error::BROKEN}))
    }

    fn padding(&self) -> fn(usize) -> Bytes {
        |wanted| {
            let line = |padding: &str| {
                let message = json!({"role": "assistant", "content": ""});
                stream::line(&json!({"message": message, "done": false, "padding": padding}))
            };
            line(&"x".repeat(wanted.saturating_sub(line("").len())))
        }
    }

    fn headers(&self, _request_id: &str, _headers: &mut HeaderMap) {}

    fn failure(&self, failure: &Failure, _request_id: &str) -> (StatusCode, Value) {
        error::worded(failure)
    }
}

/// What is not refused is asked for.
fn streams(field: Option<&Value>) -> bool {
    field != Some(&Value::Bool(false))
}

fn model(name: &str) -> Value {
    let family = if name.contains("embed") { "bert" } else { "sim" };
    json!({
        "name": name,
        "model": name,
        "modified_at": "2025-01-01T00:00:00Z",
        "size": 4_096_000_000_u64,
        "digest": Random::for_purpose(0, name).letters(64, b"0123456789abcdef"),
        "details": {
            "parent_model": "",
            "format": "gguf",
            "family": family,
            "families": [family],
            "parameter_size": "8B",
            "quantization_level": "Q4_K_M",
        },
    })
}
