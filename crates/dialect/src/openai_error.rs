//! Errors as `OpenAI` writes them in each of its dialects, whole and in the middle of a stream.

use crate::Json;
use crate::failure_class::answered_with;
use crate::fields::Fields;
use crate::render::Object;
use serde_json::{Map, Value};
use std::time::Duration;
use switchtower_domain::{Actor, Failure, FailureClass, FailureForm, Refusal, RefusalCode};

/// The error of a refusal. Source: <https://platform.openai.com/docs/guides/error-codes>
pub(crate) fn encode(refusal: &Refusal, request_id: &str) -> Value {
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
        RefusalCode::RateLimited | RefusalCode::DeploymentFull => "rate_limit_error",
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
        RefusalCode::RateLimited | RefusalCode::DeploymentFull => "rate_limit_exceeded",
        RefusalCode::Filtered => "content_filter",
        other => other.as_str(),
    }
}

/// Reads the error of a provider.
pub(crate) fn decode(status: u16, body: &[u8]) -> Failure {
    answered_with(status, body, of_value)
}

/// Reads the error that came instead of a chunk.
pub(crate) fn of_stream(map: Map<String, Value>) -> Failure {
    let mut failure = of_value(Value::Object(map));
    let number = failure.extras.get("error").and_then(|error| error.get("code")).and_then(Value::as_u64);
    let status = number.and_then(|code| u16::try_from(code).ok()).filter(|code| (400..600).contains(code));
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

fn of_value(value: Value) -> Failure {
    let native =
        |value: Value, message: Option<String>| Failure { message, form: FailureForm::Native(value), ..blank() };
    let words = |text: &Value| text.as_str().map(str::to_owned);
    match &value {
        Value::Object(map) if map.get("error").is_some_and(Value::is_object) => read(value, FailureForm::Usual),
        Value::Object(map) if map.get("message").is_some_and(Value::is_string) => read(value, FailureForm::Flat),
        Value::Object(map) => {
            let message = map.get("error").and_then(words).or_else(|| map.get("detail").and_then(words));
            native(value, message)
        }
        // Google's compatible endpoint wraps its error in a list.
        Value::Array(list) => {
            let message = list.first().and_then(|first| first.pointer("/error/message")).and_then(words);
            native(value, message)
        }
        Value::String(text) => {
            let message = Some(text.clone());
            native(value, message)
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => native(value, None),
    }
}

fn read(value: Value, form: FailureForm) -> Failure {
    let mut failure = Failure { form, ..blank() };
    let flat = failure.form == FailureForm::Flat;
    // Fields of unexpected kinds stay where they are, so that nothing here can fail.
    let Ok(mut fields) = Fields::tolerant(value, "") else {
        return failure;
    };
    let mut take = |error: &mut Fields| {
        failure.message = error.string("message")?;
        failure.kind = error.string("type")?;
        failure.code = error.string("code")?;
        failure.param = error.string("param")?;
        let seconds = error.peek("retry_after").and_then(Json::as_f64).filter(|seconds| (0.0..1e6).contains(seconds));
        failure.retry_after = seconds.map(Duration::from_secs_f64);
        Ok::<_, crate::DecodeError>(())
    };
    let taken = if flat { take(&mut fields) } else { fields.nested("error", take) };
    failure.request_id = fields.string("request_id").ok().flatten();
    debug_assert!(taken.is_ok(), "tolerant fields do not fail");
    failure.extras = fields.rest();
    failure
}

/// Writes a failure as its provider would; one of another dialect in the words of this one.
pub(crate) fn encode_failure(failure: &Failure, same: bool) -> Value {
    let mut error = Object::new();
    if same {
        if let FailureForm::Native(value) = &failure.form {
            return value.clone();
        }
        error.maybe("message", failure.message.clone());
        error.maybe("type", failure.kind.clone());
        error.maybe("param", failure.param.clone());
        error.maybe("code", failure.code.clone());
    } else {
        error.set("message", failure.message.as_deref().unwrap_or("the provider failed without saying why"));
        error
            .set("type", if failure.class == FailureClass::Invalid { "invalid_request_error" } else { "server_error" });
        error.set("param", failure.param.clone());
        error.set("code", failure.code.as_deref().unwrap_or(failure.class.as_str()));
    }
    let mut body = if failure.form == FailureForm::Flat && same { error } else { Object::new().with("error", error) };
    body.maybe("request_id", failure.request_id.clone());
    if same {
        failure.extras.overlay(body.map_mut());
    }
    body.into()
}
