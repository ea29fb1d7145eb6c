//! Failures as Anthropic words them: `{"type": "error", "error": {type, message}, "request_id"}`.

use crate::failure::{Complaint, Failure, Wrong};
use crate::fault::Fault;
use http::StatusCode;
use serde_json::{Value, json};

pub(super) fn worded(failure: &Failure, request_id: &str) -> (StatusCode, Value) {
    let invalid = "invalid_request_error";
    let (status, kind, message) = match failure {
        Failure::Invalid(complaint) => (StatusCode::BAD_REQUEST, invalid, complained(complaint)),
        Failure::NotJson(why) => {
            (StatusCode::BAD_REQUEST, invalid, format!("The request body is not valid JSON: {why}"))
        }
        Failure::MediaType(found) => {
            (StatusCode::BAD_REQUEST, invalid, format!("content-type: expected application/json, got '{found}'"))
        }
        Failure::Unauthorized(None) => {
            (StatusCode::UNAUTHORIZED, "authentication_error", "x-api-key header is required".to_owned())
        }
        Failure::Unauthorized(Some(_)) => {
            (StatusCode::UNAUTHORIZED, "authentication_error", "invalid x-api-key".to_owned())
        }
        Failure::UnknownModel(name) => (StatusCode::NOT_FOUND, "not_found_error", format!("model: {name}")),
        Failure::NoSuchPlace { .. } => (StatusCode::NOT_FOUND, "not_found_error", "Not found".to_owned()),
        Failure::NoRecording { path } => {
            let message =
                format!("No recording matches this request to {path}: its body differs from every recorded one.");
            (StatusCode::NOT_FOUND, "not_found_error", message)
        }
        Failure::TooLarge { max } => {
            let message = format!("Request exceeds the maximum size of {max} bytes");
            (StatusCode::PAYLOAD_TOO_LARGE, "request_too_large", message)
        }
        Failure::Injected(fault) => {
            let (status, kind, message) = injected(fault);
            (status, kind, message.to_owned())
        }
    };
    (status, json!({"type": "error", "error": {"type": kind, "message": message}, "request_id": request_id}))
}

fn injected(fault: &Fault) -> (StatusCode, &'static str, &'static str) {
    match fault {
        Fault::RateLimited { .. } => (
            StatusCode::TOO_MANY_REQUESTS,
            "rate_limit_error",
            "This request would exceed your organization's rate limit.",
        ),
        Fault::Overloaded => {
            (StatusCode::from_u16(529).unwrap_or(StatusCode::SERVICE_UNAVAILABLE), "overloaded_error", "Overloaded")
        }
        Fault::BadRequest => {
            (StatusCode::BAD_REQUEST, "invalid_request_error", "The request was refused by an injected fault.")
        }
        Fault::Unauthorized => (StatusCode::UNAUTHORIZED, "authentication_error", "invalid x-api-key"),
        Fault::NotFound => (StatusCode::NOT_FOUND, "not_found_error", "model: not found"),
        _ => (StatusCode::INTERNAL_SERVER_ERROR, "api_error", "Internal server error"),
    }
}

/// The message of a complaint.
pub(crate) fn complained(complaint: &Complaint) -> String {
    let at = &complaint.at;
    match &complaint.kind {
        Wrong::Missing => format!("{at}: Field required"),
        Wrong::Unknown => format!("{at}: Extra inputs are not permitted"),
        Wrong::Type { expected, .. } => {
            format!("{at}: Input should be a valid {}", if *expected == "decimal" { "number" } else { expected })
        }
        Wrong::Below { min, .. } => format!("{at}: Input should be greater than or equal to {min}"),
        Wrong::Above { max, .. } => format!("{at}: Input should be less than or equal to {max}"),
        Wrong::NotOneOf { allowed, .. } => {
            let list = allowed.iter().map(|one| format!("'{one}'")).collect::<Vec<_>>().join(", ");
            format!("{at}: Input should be one of {list}")
        }
        Wrong::EmptyArray => {
            format!("{at}: List should have at least 1 item after validation, not 0")
        }
        Wrong::TooMany { max, found } => {
            format!("{at}: List should have at most {max} items after validation, not {found}")
        }
        Wrong::Pattern { pattern } => format!("{at}: String should match pattern '{pattern}'"),
        Wrong::Said { message, .. } => match at.0.is_empty() {
            true => message.clone(),
            false => format!("{at}: {message}"),
        },
    }
}
