//! Errors, whole and in the middle of a stream.

use crate::render::Object;
use serde_json::{Map, Value};
use switchtower_domain::{Actor, Failure, FailureClass, Refusal, RefusalCode};

/// The error of a refusal. Source: <https://platform.claude.com/docs/en/api/errors>
pub(super) fn encode(refusal: &Refusal, request_id: &str) -> Value {
    let error = Object::typed(kind(refusal)).with("message", refusal.message.as_str());
    let mut body = Object::typed("error").with("error", error);
    if !request_id.is_empty() {
        body.set("request_id", request_id);
    }
    body.into()
}

const fn kind(refusal: &Refusal) -> &'static str {
    match refusal.code {
        RefusalCode::Unauthenticated => "authentication_error",
        RefusalCode::Denied if refusal.status == 403 => "permission_error",
        RefusalCode::Denied => "authentication_error",
        RefusalCode::ForeignOrigin => "permission_error",
        RefusalCode::UnknownModel | RefusalCode::UnknownPath => "not_found_error",
        RefusalCode::TooLarge => "request_too_large",
        RefusalCode::RateLimited => "rate_limit_error",
        RefusalCode::Overloaded | RefusalCode::TooManyRequests | RefusalCode::ShuttingDown => "overloaded_error",
        RefusalCode::TimedOut => "timeout_error",
        RefusalCode::ProviderInvalid if refusal.status == 404 => "not_found_error",
        _ => match refusal.code.actor() {
            Actor::Caller => "invalid_request_error",
            Actor::Operator | Actor::Provider | Actor::Switchtower => "api_error",
        },
    }
}

/// The status of a refusal: Messages has one of its own for want of capacity.
pub(super) const fn status(refusal: &Refusal) -> u16 {
    match refusal.code {
        RefusalCode::Overloaded => 529,
        _ => refusal.status,
    }
}

/// Reads the error of a provider.
pub(super) fn decode(status: u16, body: &[u8]) -> Failure {
    let parsed: Option<Value> = serde_json::from_slice(body).ok();
    let mut failure = parsed.as_ref().and_then(Value::as_object).map_or_else(blank, of_object);
    failure.status = Some(status);
    failure.class = crate::failure_class(status, failure.kind.as_deref(), failure.code.as_deref());
    failure
}

/// Reads the error that came instead of an event.
pub(super) fn of_stream(map: &Map<String, Value>) -> Failure {
    let mut failure = of_object(map);
    failure.class = match failure.kind.as_deref() {
        Some("timeout_error") => FailureClass::TimedOut,
        kind => crate::failure_class(500, kind, None),
    };
    failure
}

fn blank() -> Failure {
    Failure::new(FailureClass::Unknown)
}

fn of_object(map: &Map<String, Value>) -> Failure {
    let error = map.get("error").and_then(Value::as_object).unwrap_or(map);
    let text = |key: &str| error.get(key).and_then(Value::as_str).map(str::to_owned);
    Failure {
        message: text("message"),
        kind: text("type"),
        code: text("code"),
        request_id: map.get("request_id").and_then(Value::as_str).map(str::to_owned),
        ..blank()
    }
}

/// The error event of a failure, in the words of the provider.
pub(super) fn stream_error(failure: &Failure) -> Value {
    let message = failure.message.as_deref().unwrap_or("the provider failed in the middle of the stream");
    let kind = failure.kind.as_deref().unwrap_or("api_error");
    let mut body = Object::typed("error").with("error", Object::typed(kind).with("message", message));
    body.maybe("request_id", failure.request_id.clone());
    body.into()
}
