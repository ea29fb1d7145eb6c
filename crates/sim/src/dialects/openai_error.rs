//! Failures as OpenAI words them: `{"error": {message, type, param, code}}`.

use crate::failure::{Complaint, Failure, Wrong};
use crate::fault::Fault;
use http::StatusCode;
use serde_json::{Value, json};

pub(crate) fn worded(failure: &Failure) -> (StatusCode, Value) {
    let invalid = "invalid_request_error";
    let (status, kind, param, code, message) = match failure {
        Failure::Invalid(complaint) => {
            let (param, code, message) = complained(complaint);
            (StatusCode::BAD_REQUEST, invalid, param, code, message)
        }
        Failure::NotJson(why) => {
            let message = format!("We could not parse the JSON body of your request. (HINT: {why}.)");
            (StatusCode::BAD_REQUEST, invalid, None, None, message)
        }
        Failure::MediaType(found) => {
            let message = format!("Unsupported media type: '{found}'. Expected 'application/json'.");
            (StatusCode::UNSUPPORTED_MEDIA_TYPE, invalid, None, Some("unsupported_media_type"), message)
        }
        Failure::Unauthorized(None) => {
            let message =
                "You didn't provide an API key. Provide your API key in an Authorization header using Bearer auth."
                    .to_owned();
            (StatusCode::UNAUTHORIZED, invalid, None, None, message)
        }
        Failure::Unauthorized(Some(masked)) => {
            let message = format!("Incorrect API key provided: {masked}.");
            (StatusCode::UNAUTHORIZED, invalid, None, Some("invalid_api_key"), message)
        }
        Failure::UnknownModel(name) => {
            let message = format!("The model `{name}` does not exist or you do not have access to it.");
            (StatusCode::NOT_FOUND, invalid, None, Some("model_not_found"), message)
        }
        Failure::NoSuchPlace { method, path } => (
            StatusCode::NOT_FOUND,
            invalid,
            None,
            Some("unknown_url"),
            format!("Unknown request URL: {method} {path}."),
        ),
        Failure::NoRecording { path } => {
            let message =
                format!("No recording matches this request to {path}: its body differs from every recorded one.");
            (StatusCode::NOT_FOUND, invalid, None, Some("no_recording"), message)
        }
        Failure::TooLarge { max } => {
            let message = format!("The request body is larger than {max} bytes.");
            (StatusCode::PAYLOAD_TOO_LARGE, invalid, None, Some("request_too_large"), message)
        }
        Failure::Injected(fault) => {
            let (status, kind, code, message) = injected(fault);
            (status, kind, None, code, message.to_owned())
        }
    };
    (status, json!({"error": {"message": message, "type": kind, "param": param, "code": code}}))
}

fn injected(fault: &Fault) -> (StatusCode, &'static str, Option<&'static str>, &'static str) {
    match fault {
        Fault::RateLimited { .. } => (
            StatusCode::TOO_MANY_REQUESTS,
            "requests",
            Some("rate_limit_exceeded"),
            "Rate limit reached for requests. Please try again later.",
        ),
        Fault::Overloaded => {
            let message = "The engine is currently overloaded, please try again later.";
            (StatusCode::SERVICE_UNAVAILABLE, "server_error", Some("overloaded"), message)
        }
        Fault::BadRequest => {
            (StatusCode::BAD_REQUEST, "invalid_request_error", None, "The request was refused by an injected fault.")
        }
        Fault::Unauthorized => (
            StatusCode::UNAUTHORIZED,
            "invalid_request_error",
            Some("invalid_api_key"),
            "Incorrect API key provided: sim-*****.",
        ),
        Fault::NotFound => (
            StatusCode::NOT_FOUND,
            "invalid_request_error",
            Some("model_not_found"),
            "The requested model does not exist or you do not have access to it.",
        ),
        _ => (
            StatusCode::INTERNAL_SERVER_ERROR,
            "server_error",
            None,
            "The server had an error while processing your request. Sorry about that!",
        ),
    }
}

/// Param, code and message of a complaint.
fn complained(complaint: &Complaint) -> (Option<String>, Option<&'static str>, String) {
    let at = complaint.at.bracketed();
    let param = (!at.is_empty()).then(|| at.clone());
    let noun = |whole: bool| if whole { "integer" } else { "decimal" };
    let (code, message) = match &complaint.kind {
        Wrong::Missing => (Some("missing_required_parameter"), format!("Missing required parameter: '{at}'.")),
        // OpenAI words an unknown argument at the top differently, and without a code.
        Wrong::Unknown if complaint.at.0.len() == 1 => {
            return (None, None, format!("Unrecognized request argument supplied: {at}"));
        }
        Wrong::Unknown => (Some("unknown_parameter"), format!("Unknown parameter: '{at}'.")),
        Wrong::Type { expected, found } => (
            Some("invalid_type"),
            format!("Invalid type for '{at}': expected {}, but got {} instead.", article(expected), article(found)),
        ),
        Wrong::Below { min, found, whole } => (
            Some(if *whole { "integer_below_min_value" } else { "decimal_below_min_value" }),
            format!(
                "Invalid '{at}': {} below minimum value. Expected a value >= {min}, but got {found} instead.",
                noun(*whole)
            ),
        ),
        Wrong::Above { max, found, whole } => (
            Some(if *whole { "integer_above_max_value" } else { "decimal_above_max_value" }),
            format!(
                "Invalid '{at}': {} above maximum value. Expected a value <= {max}, but got {found} instead.",
                noun(*whole)
            ),
        ),
        Wrong::NotOneOf { allowed, found } => {
            let list = allowed.iter().map(|one| format!("'{one}'")).collect::<Vec<_>>().join(", ");
            (Some("invalid_value"), format!("Invalid value: '{found}'. Supported values are: {list}."))
        }
        Wrong::EmptyArray => (
            Some("empty_array"),
            format!(
                "Invalid '{at}': empty array. Expected an array with minimum length 1, but got an empty array instead."
            ),
        ),
        Wrong::TooMany { max, found } => (
            Some("array_above_max_length"),
            format!(
                "Invalid '{at}': array too long. Expected an array with maximum length {max}, but got an array with length {found} instead."
            ),
        ),
        Wrong::Pattern { pattern } => (
            Some("invalid_value"),
            format!(
                "Invalid '{at}': string does not match pattern. Expected a string that matches the pattern '{pattern}'."
            ),
        ),
        Wrong::Said { message, code } => (*code, message.clone()),
    };
    (param, code, message)
}

fn article(noun: &str) -> String {
    let vowel = noun.starts_with(['a', 'e', 'i', 'o', 'u']);
    match noun {
        "null" => noun.to_owned(),
        _ if vowel => format!("an {noun}"),
        _ => format!("a {noun}"),
    }
}
