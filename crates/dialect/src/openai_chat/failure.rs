//! Errors, whole and in the middle of a stream.

use crate::render::Object;
use serde_json::{Map, Value};
use std::time::Duration;
use switchtower_domain::{Actor, Failure, FailureClass, Refusal, RefusalCode};

/// The error of a refusal. Source: <https://platform.openai.com/docs/guides/error-codes>
pub(super) fn encode(refusal: &Refusal, request_id: &str) -> Value {
    let error = Object::new()
        .with("message", refusal.message.as_str())
        .with("type", kind(refusal))
        .with("param", refusal.param.clone())
        .with("code", code(refusal));
    let mut body = Object::new().with("error", error);
    if !request_id.is_empty() {
        body.set("request_id", request_id);
    }
    body.into()
}

const fn kind(refusal: &Refusal) -> &'static str {
    match refusal.code {
        RefusalCode::Unauthenticated | RefusalCode::Denied => "authentication_error",
        RefusalCode::ForeignOrigin => "permission_error",
        RefusalCode::RateLimited => "rate_limit_error",
        _ => match refusal.code.actor() {
            Actor::Caller => "invalid_request_error",
            Actor::Operator | Actor::Provider | Actor::Switchtower => "server_error",
        },
    }
}

const fn code(refusal: &Refusal) -> &'static str {
    match refusal.code {
        // The words that clients of this dialect know.
        RefusalCode::UnknownModel => "model_not_found",
        RefusalCode::Unauthenticated => "invalid_api_key",
        RefusalCode::RateLimited => "rate_limit_exceeded",
        RefusalCode::Filtered => "content_filter",
        other => other.as_str(),
    }
}

/// Reads the error of a provider.
pub(super) fn decode(status: u16, body: &[u8]) -> Failure {
    let parsed: Option<Value> = serde_json::from_slice(body).ok();
    let mut failure = match &parsed {
        Some(Value::Object(map)) => of_object(map),
        // Google's compatible endpoint wraps its error in a list.
        Some(Value::Array(list)) => list.first().and_then(Value::as_object).map_or_else(blank, of_object),
        Some(Value::String(text)) => Failure { message: Some(text.clone()), ..blank() },
        _ => blank(),
    };
    failure.status = Some(status);
    failure.class = crate::failure_class(status, failure.kind.as_deref(), failure.code.as_deref());
    failure
}

/// Reads the error that came instead of a chunk.
pub(super) fn of_stream(map: &Map<String, Value>) -> Failure {
    let mut failure = of_object(map);
    let status = failure.code.as_deref().and_then(|code| code.parse().ok()).filter(|code| (400..600).contains(code));
    failure.class = match (status, failure.kind.as_deref(), failure.code.as_deref()) {
        (None, None, None) => FailureClass::Unknown,
        (status, kind, code) => crate::failure_class(status.unwrap_or(500), kind, code),
    };
    failure.status = status;
    failure
}

fn blank() -> Failure {
    Failure::new(FailureClass::Unknown)
}

fn of_object(map: &Map<String, Value>) -> Failure {
    let error = match map.get("error") {
        Some(Value::Object(error)) => error,
        Some(Value::String(text)) => return Failure { message: Some(text.clone()), ..blank() },
        _ => map,
    };
    let text = |key: &str| match error.get(key) {
        Some(Value::String(text)) => Some(text.clone()),
        Some(Value::Number(number)) => Some(number.to_string()),
        _ => None,
    };
    let seconds = error.get("retry_after").and_then(Value::as_f64).filter(|seconds| (0.0..1e6).contains(seconds));
    Failure {
        message: text("message").or_else(|| text("detail")),
        kind: text("type"),
        code: text("code"),
        param: text("param"),
        retry_after: seconds.map(Duration::from_secs_f64),
        request_id: map.get("request_id").and_then(Value::as_str).map(str::to_owned),
        ..blank()
    }
}

/// The error event of a failure, in the words of the provider.
pub(super) fn stream_error(failure: &Failure) -> Value {
    let error = Object::new()
        .with("message", failure.message.as_deref().unwrap_or("the provider failed in the middle of the stream"))
        .with("type", failure.kind.as_deref().unwrap_or("server_error"))
        .with("param", failure.param.clone())
        .with("code", failure.code.as_deref().unwrap_or(failure.class.as_str()));
    Object::new().with("error", error).into()
}
