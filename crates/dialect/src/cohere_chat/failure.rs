//! Errors, whole and in the middle of a stream. Source: <https://docs.cohere.com/reference/errors>

use super::wire;
use crate::failure_class::answered_with;
use crate::fields::Fields;
use crate::render::Object;
use serde_json::Value;
use switchtower_domain::{Failure, FailureClass, FailureForm, Refusal};

/// The error of a refusal.
pub(super) fn encode(refusal: &Refusal, request_id: &str) -> Value {
    let mut body = Object::new();
    if !request_id.is_empty() {
        body.set("id", request_id);
    }
    body.set("message", refusal.message.as_str());
    body.set("error_type", refusal.code.as_str().to_ascii_uppercase());
    body.into()
}

/// Reads the error of a provider.
pub(super) fn decode(status: u16, body: &[u8]) -> Failure {
    answered_with(status, body, of_value)
}

/// Reads the error that came instead of an event.
pub(super) fn of_stream(value: Value, words: Option<String>) -> Failure {
    Failure { message: words, form: FailureForm::Native(value), ..Failure::new(FailureClass::Unknown) }
}

fn of_value(value: Value) -> Failure {
    let blank = Failure::new(FailureClass::Unknown);
    if !value.get("message").is_some_and(Value::is_string) {
        // Servers before it have their own forms.
        let words = [value.get("error"), value.get("detail"), value.pointer("/error/message")];
        let message = words.into_iter().flatten().find_map(Value::as_str).map(str::to_owned);
        return Failure { message, form: FailureForm::Native(value), ..blank };
    }
    let mut failure = blank;
    let Ok(mut fields) = Fields::tolerant(value, "") else {
        return failure;
    };
    failure.message = fields.string("message").ok().flatten();
    failure.code = fields.string("error_type").ok().flatten();
    failure.request_id = fields.string("id").ok().flatten();
    failure.extras = fields.rest();
    failure
}

/// Writes a failure as its provider would; one of another dialect in the words of this one.
pub(super) fn encode_failure(failure: &Failure, same: bool) -> Value {
    if same && let FailureForm::Native(value) = &failure.form {
        return value.clone();
    }
    let mut body = Object::new();
    body.maybe("id", failure.request_id.clone());
    if same {
        body.maybe("message", failure.message.clone());
        body.maybe("error_type", failure.code.clone());
        failure.extras.overlay(body.map_mut());
    } else {
        body.set("message", words(failure));
        body.set("error_type", failure.class.as_str().to_ascii_uppercase());
    }
    body.into()
}

fn words(failure: &Failure) -> &str {
    failure.message.as_deref().unwrap_or("the provider failed without saying why")
}

/// The last event of a stream that failed; as its provider wrote it where that is one of this dialect.
pub(super) fn event(failure: &Failure, same: bool) -> Value {
    if same && let FailureForm::Native(value) = &failure.form {
        return value.clone();
    }
    ended(words(failure), failure.request_id.as_deref())
}

/// The last event of a stream that we end.
pub(super) fn ended(words: &str, id: Option<&str>) -> Value {
    let delta = Object::new().with("error", words).with("finish_reason", wire::ERROR);
    let mut body = Object::typed("message-end");
    body.maybe("id", id.filter(|id| !id.is_empty()));
    body.set("delta", delta);
    body.into()
}
