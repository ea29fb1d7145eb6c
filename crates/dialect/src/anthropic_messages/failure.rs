//! Errors, whole and in the middle of a stream.

use crate::failure_class::answered_with;
use crate::fields::Fields;
use crate::render::Object;
use serde_json::{Map, Value};
use switchtower_domain::{Actor, Extras, Failure, FailureClass, FailureForm, Refusal, RefusalCode};

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
        RefusalCode::RateLimited | RefusalCode::DeploymentFull => "rate_limit_error",
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
    answered_with(status, body, of_value)
}

/// Reads the error that came instead of an event.
pub(super) fn of_stream(map: Map<String, Value>) -> Failure {
    let mut failure = of_value(Value::Object(map));
    failure.class = match failure.kind.as_deref() {
        Some("timeout_error") => FailureClass::TimedOut,
        kind => crate::failure_class(500, kind, None),
    };
    failure
}

fn blank() -> Failure {
    Failure::new(FailureClass::Unknown)
}

fn of_value(value: Value) -> Failure {
    if !value.get("error").is_some_and(Value::is_object) {
        let words = value.get("message").or_else(|| value.get("detail")).and_then(Value::as_str);
        return Failure { message: words.map(str::to_owned), form: FailureForm::Native(value), ..blank() };
    }
    let mut failure = blank();
    // Fields of unexpected kinds stay where they are, so that nothing here can fail.
    let Ok(mut fields) = Fields::tolerant(value, "") else {
        return failure;
    };
    fields.constant("type", "error");
    let taken = fields.nested("error", |error| {
        failure.message = error.string("message")?;
        failure.kind = error.string("type")?;
        failure.code = error.string("code")?;
        Ok::<_, crate::DecodeError>(())
    });
    debug_assert!(taken.is_ok(), "tolerant fields do not fail");
    failure.request_id = fields.string("request_id").ok().flatten();
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
        error.maybe("type", failure.kind.clone());
        error.maybe("message", failure.message.clone());
        error.maybe("code", failure.code.clone());
    } else {
        error.set("type", class_word(failure.class));
        error.set("message", failure.message.as_deref().unwrap_or("the provider failed without saying why"));
    }
    let mut body = Object::new();
    let none = Extras::none();
    body.constant("type", "error", if same { &failure.extras } else { &none });
    body.set("error", error);
    body.maybe("request_id", failure.request_id.clone());
    if same {
        failure.extras.overlay(body.map_mut());
    }
    body.into()
}

const fn class_word(class: FailureClass) -> &'static str {
    match class {
        FailureClass::RateLimited => "rate_limit_error",
        FailureClass::Overloaded => "overloaded_error",
        FailureClass::TimedOut => "timeout_error",
        FailureClass::Denied => "permission_error",
        FailureClass::Invalid | FailureClass::Filtered => "invalid_request_error",
        FailureClass::Unreachable | FailureClass::Malformed | FailureClass::Unknown => "api_error",
    }
}
