//! Errors, in the form of AWS: words in the body, and the type in a header or in `__type`.
//! Source: <https://smithy.io/2.0/aws/protocols/aws-restjson1-protocol.html#operation-error-serialization>

use crate::failure_class::answered_with;
use crate::fields::Fields;
use crate::render::Object;
use serde_json::Value;
use switchtower_domain::{Actor, Failure, FailureClass, FailureForm, Refusal, RefusalCode};

/// The error of a refusal; its type is told by [`kind`].
pub(super) fn encode(refusal: &Refusal) -> Value {
    Object::new().with("message", refusal.message.as_str()).into()
}

/// The type of a refusal. Source: <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html#API_runtime_Converse_Errors>
pub(super) const fn kind(refusal: &Refusal) -> &'static str {
    match (refusal.status, refusal.code) {
        (401, _) | (_, RefusalCode::Unauthenticated) => "UnrecognizedClientException",
        (403, _) => "AccessDeniedException",
        (404, _) => "ResourceNotFoundException",
        (408 | 504, _) => "ModelTimeoutException",
        (429, _) => "ThrottlingException",
        (503 | 529, _) => "ServiceUnavailableException",
        (502, _) => "ModelErrorException",
        _ => match refusal.code.actor() {
            Actor::Caller => "ValidationException",
            Actor::Operator | Actor::Provider | Actor::Switchtower => "InternalServerException",
        },
    }
}

/// The type of a refusal that comes in a stream. Source:
/// <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStreamOutput.html>
pub(super) const fn stream_kind(refusal: &Refusal) -> &'static str {
    match (refusal.status, refusal.code) {
        (429, _) => "throttlingException",
        (503 | 529, _) => "serviceUnavailableException",
        (502 | 504 | 408, _) => "modelStreamErrorException",
        _ => match refusal.code.actor() {
            Actor::Caller => "validationException",
            Actor::Provider => "modelStreamErrorException",
            Actor::Operator | Actor::Switchtower => "internalServerException",
        },
    }
}

/// Reads the error of a provider.
pub(super) fn decode(status: u16, body: &[u8]) -> Failure {
    let mut failure = answered_with(status, body, of_value);
    failure.class = class(status, failure.kind.as_deref());
    failure
}

/// Reads the error that came instead of an event.
pub(super) fn of_stream(name: &str, value: Value) -> Failure {
    let mut failure = of_value(value);
    failure.kind.get_or_insert_with(|| name.to_owned());
    failure.class = class(500, failure.kind.as_deref());
    failure
}

/// The class of an error. Types begin with a large letter in answers and with a small one in streams.
fn class(status: u16, kind: Option<&str>) -> FailureClass {
    let word = kind.unwrap_or_default();
    match word.get(1..).unwrap_or_default() {
        "hrottlingException" | "erviceQuotaExceededException" | "ooManyRequestsException" => FailureClass::RateLimited,
        "erviceUnavailableException" | "odelNotReadyException" => FailureClass::Overloaded,
        "odelTimeoutException" => FailureClass::TimedOut,
        "ccessDeniedException" | "nrecognizedClientException" | "xpiredTokenException" => FailureClass::Denied,
        "alidationException" | "esourceNotFoundException" => FailureClass::Invalid,
        // The request was in order, and the model failed at it.
        _ if status == 424 => FailureClass::Unknown,
        _ => crate::failure_class(status, None, None),
    }
}

fn of_value(value: Value) -> Failure {
    let blank = Failure::new(FailureClass::Unknown);
    if !value.get("message").is_some_and(Value::is_string) {
        let words = value.get("Message").and_then(Value::as_str).map(str::to_owned);
        return Failure { message: words, form: FailureForm::Native(value), ..blank };
    }
    let mut failure = blank;
    let Ok(mut fields) = Fields::tolerant(value, "") else {
        return failure;
    };
    failure.message = fields.string("message").ok().flatten();
    // "com.amazon.coral.validate#ValidationException"; it goes back as it was.
    failure.kind = fields.peek_str("__type").map(|kind| kind.rsplit('#').next().unwrap_or_default().to_owned());
    failure.extras = fields.rest();
    failure
}

/// Writes a failure as its provider would; one of another dialect in the words of this one.
pub(super) fn encode_failure(failure: &Failure, same: bool) -> Value {
    if same && let FailureForm::Native(value) = &failure.form {
        return value.clone();
    }
    let words = failure.message.as_deref();
    let mut body = Object::new();
    if same {
        body.maybe("message", words);
        failure.extras.overlay(body.map_mut());
    } else {
        body.set("message", words.unwrap_or("the provider failed without saying why"));
    }
    body.into()
}

/// The type of a failure that comes in a stream.
pub(super) const fn stream_word(class: FailureClass) -> &'static str {
    match class {
        FailureClass::RateLimited => "throttlingException",
        FailureClass::Overloaded => "serviceUnavailableException",
        FailureClass::Invalid | FailureClass::Filtered => "validationException",
        FailureClass::TimedOut | FailureClass::Unreachable | FailureClass::Malformed => "modelStreamErrorException",
        FailureClass::Denied | FailureClass::Unknown => "internalServerException",
    }
}
