//! What a status and a provider's own words say of an error's class.

use switchtower_domain::FailureClass;

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
