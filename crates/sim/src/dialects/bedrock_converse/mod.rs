//! Amazon Bedrock: `Converse`, `ConverseStream` and `CountTokens`, and Messages of Anthropic within `InvokeModel` (`invoke.rs`).
//! Source: <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html>
//!
//! The model and whether the answer is streamed stand in the address. The models think as Claude does: what they thought
//! carries a signature, which must come back as it was.

mod answer;
mod blocks;
mod check;
mod error;
mod frame;
mod invoke;
mod media;
mod place;
mod stream;

pub(crate) use invoke::BedrockInvoke;

use super::{Dialect, Framing, Place, Strictness, set};
use crate::ask::{Ask, PromptPart};
use crate::body::Events;
use crate::cache::PromptCache;
use crate::check::Object;
use crate::failure::Failure;
use crate::said::{Said, Usage};
use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use serde_json::{Value, json};

/// The dialect `bedrock.converse`.
#[derive(Debug)]
pub(crate) struct BedrockConverse;

impl Dialect for BedrockConverse {
    fn name(&self) -> &'static str {
        "bedrock.converse"
    }

    fn place(&self, method: &Method, path: &str, _headers: &HeaderMap) -> Option<Place> {
        let called = place::called(path).filter(|_| *method == Method::POST)?;
        match called.operation {
            place::CONVERSE | place::CONVERSE_STREAM => Some(Place::Chat),
            place::COUNT_TOKENS => Some(Place::CountTokens),
            _ => None,
        }
    }

    fn looks_like(&self, path: &str, headers: &HeaderMap) -> bool {
        path.starts_with("/model/") || headers.contains_key("x-amz-date")
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
        presented_key(headers)
    }

    fn check_head(&self, _headers: &HeaderMap) -> Result<(), Failure> {
        Ok(())
    }

    fn read_chat(&self, body: &Object, strictness: Strictness) -> Result<Ask, Failure> {
        Ok(check::converse(body, strictness)?)
    }

    fn count_tokens(&self, body: &Object, strictness: Strictness) -> Result<Value, Failure> {
        Ok(json!({"inputTokens": check::count_tokens(body, strictness)?}))
    }

    /// Models are listed by another service, in the control plane.
    fn models(&self, _offered: &[String], one: Option<&str>) -> Result<Value, Failure> {
        Err(Failure::UnknownModel(one.unwrap_or_default().to_owned()))
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
        stream_error()
    }

    fn padding(&self) -> fn(usize) -> Bytes {
        |wanted| padded("contentBlockDelta", &json!({"contentBlockIndex": 0, "delta": {"text": ""}}), wanted)
    }

    fn halved(&self) -> fn(&Bytes) -> Bytes {
        frame::halved
    }

    fn headers(&self, request_id: &str, headers: &mut HeaderMap) {
        set(headers, "x-amzn-requestid", request_id);
    }

    fn failure_headers(&self, failure: &Failure, headers: &mut HeaderMap) {
        set(headers, "x-amzn-errortype", &error::kind(failure));
    }

    fn failure(&self, failure: &Failure, _request_id: &str) -> (StatusCode, Value) {
        error::worded(failure)
    }
}

/// The key of the API, or the name of the key that a request was signed with.
/// Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-authentication-methods.html>
fn presented_key(headers: &HeaderMap) -> Option<&str> {
    let (scheme, rest) = headers.get("authorization")?.to_str().ok()?.split_once(' ')?;
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(rest.trim());
    }
    let credential = rest.split([',', ' ']).find_map(|part| part.strip_prefix("Credential="))?;
    (scheme == "AWS4-HMAC-SHA256").then(|| credential.split('/').next().unwrap_or_default())
}

fn stream_error() -> Bytes {
    frame::exception("serviceUnavailableException", &json!({"message": error::UNAVAILABLE}))
}

/// A message of so many bytes whose padding says nothing.
fn padded(event: &str, payload: &Value, wanted: usize) -> Bytes {
    let of = |padding: String| {
        let mut payload = payload.clone();
        if let Some(payload) = payload.as_object_mut() {
            payload.insert("p".to_owned(), padding.into());
        }
        frame::event(event, &payload)
    };
    of("x".repeat(wanted.saturating_sub(of(String::new()).len())))
}
