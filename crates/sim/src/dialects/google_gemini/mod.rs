//! The Gemini API, as AI Studio and Vertex AI speak it: <https://ai.google.dev/api/generate-content>.
//!
//! The model and whether the answer is streamed stand in the address. Thoughts are shown where they are asked for, and a turn that
//! was thought about carries a signature, which must come back as it was.

mod answer;
mod check;
mod contents;
mod error;
mod messages;
mod place;
mod proto;
mod schema;
mod stream;

use super::{Dialect, Framing, Place, Strictness};
use crate::ask::{Ask, PromptPart};
use crate::body::Events;
use crate::cache::PromptCache;
use crate::check::Object;
use crate::failure::{Complaint, Failure, Place as At};
use crate::said::{Said, Usage};
use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use serde_json::{Value, json};

const KEY_HEADER: &str = "x-goog-api-key";

/// The dialect `gemini.generateContent`.
#[derive(Debug)]
pub(crate) struct GoogleGemini;

/// Checks a request for one vector and gives its fields by their names in lower camel case.
pub(crate) fn read_embed(body: &Object, strictness: Strictness) -> Result<Object, Complaint> {
    proto::read(&At::root(), body, &messages::EMBED, strictness.lenient_fields)
}

/// The same for several vectors.
pub(crate) fn read_batch_embed(body: &Object, strictness: Strictness) -> Result<Object, Complaint> {
    proto::read(&At::root(), body, &messages::BATCH_EMBED, strictness.lenient_fields)
}

impl Dialect for GoogleGemini {
    fn name(&self) -> &'static str {
        "gemini.generateContent"
    }

    fn place(&self, method: &Method, path: &str, headers: &HeaderMap) -> Option<Place> {
        if *method == Method::POST {
            return place::posted(path);
        }
        // Others list their models at `/v1/models`, too.
        let ours = !path.starts_with("/v1/models") || headers.contains_key(KEY_HEADER);
        if *method != Method::GET || !ours {
            return None;
        }
        match place::of_models(path)? {
            "" | "/" => Some(Place::Models),
            name => Some(Place::Model(super::percent_decoded(name.strip_prefix('/')?)?)),
        }
    }

    fn looks_like(&self, path: &str, headers: &HeaderMap) -> bool {
        path.starts_with("/v1beta") || path.starts_with("/v1/projects/") || headers.contains_key(KEY_HEADER)
    }

    fn model_at(&self, path: &str) -> Option<String> {
        place::called(path).map(|called| called.model)
    }

    fn streamed_at(&self, path: &str, query: Option<&str>) -> Option<Framing> {
        place::streamed(path, query)
    }

    fn presented_key<'a>(&self, headers: &'a HeaderMap, query: Option<&'a str>) -> Option<&'a str> {
        if let Some(key) = headers.get(KEY_HEADER) {
            return key.to_str().ok();
        }
        if let Some(key) =
            query.into_iter().flat_map(|query| query.split('&')).find_map(|pair| pair.strip_prefix("key="))
        {
            return Some(key);
        }
        let (scheme, key) = headers.get("authorization")?.to_str().ok()?.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
    }

    fn check_head(&self, _headers: &HeaderMap) -> Result<(), Failure> {
        Ok(())
    }

    fn read_chat(&self, body: &Object, strictness: Strictness) -> Result<Ask, Failure> {
        Ok(check::generate(body, strictness)?)
    }

    fn count_tokens(&self, body: &Object, strictness: Strictness) -> Result<Value, Failure> {
        let tokens = check::count_tokens(body, strictness)?;
        Ok(json!({"totalTokens": tokens, "promptTokensDetails": [{"modality": "TEXT", "tokenCount": tokens}]}))
    }

    fn models(&self, offered: &[String], one: Option<&str>) -> Result<Value, Failure> {
        match one {
            Some(name) if offered.iter().any(|known| known == name) => Ok(model(name)),
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
        stream::events(said)
    }

    fn stream_error(&self) -> Bytes {
        stream::framed(&error::in_stream())
    }

    fn padding(&self) -> fn(usize) -> Bytes {
        |wanted| {
            let event = |padding: &str| stream::framed(&json!({"candidates": [], "responseId": padding}));
            event(&"x".repeat(wanted.saturating_sub(event("").len())))
        }
    }

    fn headers(&self, _request_id: &str, headers: &mut HeaderMap) {
        super::set(headers, "x-gemini-service-tier", "standard");
    }

    fn failure(&self, failure: &Failure, _request_id: &str) -> (StatusCode, Value) {
        error::worded(failure)
    }
}

fn model(name: &str) -> Value {
    let methods = if name.contains("embed") {
        json!(["embedContent", "batchEmbedContents", "countTokens"])
    } else {
        json!(["generateContent", "streamGenerateContent", "countTokens"])
    };
    json!({
        "name": format!("models/{name}"),
        "version": "001",
        "displayName": name,
        "description": "A simulated model",
        "inputTokenLimit": 1_048_576,
        "outputTokenLimit": 65_536,
        "supportedGenerationMethods": methods,
        "temperature": 1,
        "topP": 0.95,
        "topK": 64,
        "maxTemperature": 2,
    })
}
