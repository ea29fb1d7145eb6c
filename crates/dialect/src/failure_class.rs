//! What a status and a provider's own words say of an error's class.

use serde_json::Value;
use switchtower_domain::{Failure, FailureClass};

/// Reads the error that a provider answered with. What is no JSON is a failure without words.
pub(crate) fn answered_with(status: u16, body: &[u8], read: fn(Value) -> Failure) -> Failure {
    let mut failure = serde_json::from_slice(body).map_or_else(|_| Failure::new(FailureClass::Unknown), read);
    failure.status = Some(status);
    failure.class = failure_class(status, failure.kind.as_deref(), failure.code.as_deref());
    failure
}

/// The class of a failure that a provider answered with. The words are those that the recorded vendors use.
pub(crate) fn failure_class(status: u16, kind: Option<&str>, code: Option<&str>) -> FailureClass {
    let says = |word: &str| kind == Some(word) || code == Some(word);
    if says("content_filter") || says("content_policy_violation") || says("ResponsibleAIPolicyViolation") {
        return FailureClass::Filtered;
    }
    if says("overloaded_error") || says("overloaded") {
        return FailureClass::Overloaded;
    }
    if says("rate_limit_error") || says("rate_limit_exceeded") || says("insufficient_quota") {
        return FailureClass::RateLimited;
    }
    if says("authentication_error") || says("permission_error") || says("invalid_api_key") {
        return FailureClass::Denied;
    }
    match status {
        401 | 403 => FailureClass::Denied,
        408 | 504 | 524 => FailureClass::TimedOut,
        429 => FailureClass::RateLimited,
        400..=499 => FailureClass::Invalid,
        502 => FailureClass::Unreachable,
        503 | 529 => FailureClass::Overloaded,
        _ if says("invalid_request_error") || says("not_found_error") => FailureClass::Invalid,
        _ => FailureClass::Unknown,
    }
}
