//! Errors, in Google's own form. Source: <https://cloud.google.com/apis/design/errors>

use crate::failure_class::answered_with;
use crate::fields::Fields;
use crate::render::Object;
use serde_json::Value;
use switchtower_domain::{Failure, FailureClass, FailureForm, Refusal, RefusalCode};

/// The error of a refusal.
pub(super) fn encode(refusal: &Refusal, request_id: &str) -> Value {
    let mut metadata = Object::new();
    if let Some(param) = &refusal.param {
        metadata.set("field", param.as_str());
    }
    if !request_id.is_empty() {
        metadata.set("requestId", request_id);
    }
    let info = Object::new()
        .with("@type", "type.googleapis.com/google.rpc.ErrorInfo")
        .with("reason", refusal.code.as_str().to_ascii_uppercase())
        .with("domain", "switchtower")
        .with("metadata", metadata);
    let error = Object::new()
        .with("code", refusal.status)
        .with("message", refusal.message.as_str())
        .with("status", status_word(refusal.status, refusal.code))
        .with("details", vec![Value::from(info)]);
    Object::new().with("error", error).into()
}

/// The canonical name of a status. Source: <https://cloud.google.com/apis/design/errors#handling_errors>
const fn status_word(status: u16, code: RefusalCode) -> &'static str {
    match (status, code) {
        (_, RefusalCode::Denied | RefusalCode::Unauthenticated) if status == 401 => "UNAUTHENTICATED",
        (401, _) => "UNAUTHENTICATED",
        (403, _) => "PERMISSION_DENIED",
        (404, _) => "NOT_FOUND",
        (429, _) => "RESOURCE_EXHAUSTED",
        (408 | 504, _) => "DEADLINE_EXCEEDED",
        (501 | 405, _) => "UNIMPLEMENTED",
        (502 | 503, _) => "UNAVAILABLE",
        (400..=499, _) => "INVALID_ARGUMENT",
        _ => "INTERNAL",
    }
}

/// Reads the error of a provider.
pub(super) fn decode(status: u16, body: &[u8]) -> Failure {
    let mut failure = answered_with(status, body, of_value);
    failure.class = class(status, failure.kind.as_deref(), failure.class);
    failure
}

/// Reads the error that came instead of a piece of an answer.
pub(super) fn of_stream(value: Value) -> Failure {
    let status = value.pointer("/error/code").and_then(Value::as_u64).and_then(|code| u16::try_from(code).ok());
    let mut failure = of_value(value);
    let usual = crate::failure_class(status.unwrap_or(500), None, None);
    failure.class = class(status.unwrap_or(500), failure.kind.as_deref(), usual);
    failure
}

fn class(status: u16, word: Option<&str>, usual: FailureClass) -> FailureClass {
    match word {
        Some("RESOURCE_EXHAUSTED") => FailureClass::RateLimited,
        Some("UNAVAILABLE") => FailureClass::Overloaded,
        Some("DEADLINE_EXCEEDED") => FailureClass::TimedOut,
        Some("UNAUTHENTICATED" | "PERMISSION_DENIED") => FailureClass::Denied,
        Some("INVALID_ARGUMENT" | "NOT_FOUND" | "FAILED_PRECONDITION" | "OUT_OF_RANGE") if status < 500 => {
            FailureClass::Invalid
        }
        _ => usual,
    }
}

fn of_value(value: Value) -> Failure {
    let blank = Failure::new(FailureClass::Unknown);
    // A stream that is a list answers an error as a list of one.
    let value = match value {
        Value::Array(mut items) if items.len() == 1 => {
            let only = items.remove(0);
            return Failure { form: FailureForm::Native(Value::Array(vec![only.clone()])), ..of_value(only) };
        }
        other => other,
    };
    if !value.get("error").is_some_and(Value::is_object) {
        let words = value.get("message").and_then(Value::as_str).map(str::to_owned);
        return Failure { message: words, form: FailureForm::Native(value), ..blank };
    }
    let mut failure = blank;
    let Ok(mut fields) = Fields::tolerant(value, "") else {
        return failure;
    };
    let taken = fields.nested("error", |error| {
        failure.message = error.string("message")?;
        failure.kind = error.string("status")?;
        failure.code = error.u64("code")?.map(|code| code.to_string());
        Ok::<_, crate::DecodeError>(())
    });
    debug_assert!(taken.is_ok(), "tolerant fields do not fail");
    failure.extras = fields.rest();
    failure
}

/// Writes a failure as its provider would; one of another dialect in the words of this one.
pub(super) fn encode_failure(failure: &Failure, same: bool) -> Value {
    if same && let FailureForm::Native(value) = &failure.form {
        return value.clone();
    }
    let mut error = Object::new();
    if same {
        let code = failure.code.as_deref().map(|code| code.parse::<u64>().map_or_else(|_| code.into(), Value::from));
        error.maybe("code", code);
        error.maybe("message", failure.message.clone());
        error.maybe("status", failure.kind.clone());
    } else {
        let (code, word) = class_word(failure.class);
        error.set("code", failure.status.unwrap_or(code));
        error.set("message", failure.message.as_deref().unwrap_or("the provider failed without saying why"));
        error.set("status", word);
    }
    let mut body = Object::new().with("error", error);
    if same {
        failure.extras.overlay(body.map_mut());
    }
    body.into()
}

const fn class_word(class: FailureClass) -> (u16, &'static str) {
    match class {
        FailureClass::RateLimited => (429, "RESOURCE_EXHAUSTED"),
        FailureClass::Overloaded | FailureClass::Unreachable => (503, "UNAVAILABLE"),
        FailureClass::TimedOut => (504, "DEADLINE_EXCEEDED"),
        FailureClass::Denied => (403, "PERMISSION_DENIED"),
        FailureClass::Invalid | FailureClass::Filtered => (400, "INVALID_ARGUMENT"),
        FailureClass::Malformed | FailureClass::Unknown => (500, "INTERNAL"),
    }
}
