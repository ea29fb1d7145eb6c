//! Errors, whole and in the middle of a stream: one object with the words.

use crate::failure_class::answered_with;
use crate::fields::Fields;
use crate::render::Object;
use serde_json::Value;
use switchtower_domain::{Failure, FailureClass, FailureForm, Refusal};

/// The error of a refusal.
pub(super) fn encode(refusal: &Refusal) -> Value {
    Object::new().with("error", refusal.message.as_str()).with("code", refusal.code.as_str()).into()
}

/// Reads the error of a provider.
pub(super) fn decode(status: u16, body: &[u8]) -> Failure {
    answered_with(status, body, of_value)
}

pub(super) fn of_value(value: Value) -> Failure {
    let blank = Failure::new(FailureClass::Unknown);
    if !value.get("error").is_some_and(Value::is_string) {
        // Servers before it have their own forms.
        let words = [value.pointer("/error/message"), value.get("message"), value.get("detail")];
        let message = words.into_iter().flatten().find_map(Value::as_str).map(str::to_owned);
        return Failure { message, form: FailureForm::Native(value), ..blank };
    }
    let mut failure = blank;
    let Ok(mut fields) = Fields::tolerant(value, "") else { return failure };
    failure.message = fields.string("error").ok().flatten();
    failure.extras = fields.rest();
    failure
}

/// Writes a failure as its provider would; one of another dialect in the words of this one.
pub(super) fn encode_failure(failure: &Failure, same: bool) -> Value {
    if same && let FailureForm::Native(value) = &failure.form {
        return value.clone();
    }
    let mut body = Object::new();
    body.set("error", failure.message.as_deref().unwrap_or("the provider failed without saying why"));
    if same {
        failure.extras.overlay(body.map_mut());
    }
    body.into()
}
