//! Failures as Cohere words them: `{"id", "message"}`. Source: <https://docs.cohere.com/reference/errors>

use crate::failure::{Complaint, Failure, Wrong};
use crate::fault::Fault;
use http::StatusCode;
use serde_json::{Value, json};

pub(super) const INTERNAL: &str = "internal server error, this has been reported to our developers.";
const USAGE: &str = "For proper usage, please refer to https://docs.cohere.com/reference/chat";

pub(super) fn worded(failure: &Failure, request_id: &str) -> (StatusCode, Value) {
    let (status, message) = match failure {
        Failure::Invalid(complaint) => complained(complaint),
        Failure::NotJson(why) => (400, format!("invalid request: failed to parse JSON body: {why}")),
        Failure::MediaType(found) => (400, format!("invalid request: unsupported content type '{found}'")),
        Failure::Unauthorized(None) => (401, "no api key supplied".to_owned()),
        Failure::Unauthorized(Some(_)) => {
            let message = "Incorrect API key provided: ***********. You can find your API key at https://dashboard.cohere.com/api-keys.";
            (401, message.to_owned())
        }
        Failure::UnknownModel(name) => (404, unknown_model(name)),
        Failure::NoSuchPlace { .. } => (404, "404 page not found".to_owned()),
        Failure::NoRecording { path } => {
            let message =
                format!("No recording matches this request to {path}: its body differs from every recorded one.");
            (404, message)
        }
        Failure::TooLarge { max } => (413, format!("invalid request: the body is larger than {max} bytes")),
        Failure::Injected(fault) => injected(fault),
    };
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, json!({"id": request_id, "message": message}))
}

fn unknown_model(name: &str) -> String {
    format!("model '{name}' not found, make sure the correct model ID was used and that you have access to the model.")
}

fn injected(fault: &Fault) -> (u16, String) {
    match fault {
        Fault::RateLimited { .. } => {
            let message = "You are using a Trial key, which is limited to 20 API calls / minute. You can continue to use the Trial key for free or upgrade to a Production key with higher rate limits at 'https://dashboard.cohere.com/api-keys'. Contact us on 'https://discord.gg/XW44jPfYJu' or email us at support@cohere.com with any questions";
            (429, message.to_owned())
        }
        Fault::Overloaded => (503, "the service is overloaded, please try again later".to_owned()),
        Fault::BadRequest => (400, "invalid request: refused by an injected fault".to_owned()),
        Fault::Unauthorized => (401, "invalid api token".to_owned()),
        Fault::NotFound => (404, unknown_model("unknown")),
        _ => (500, INTERNAL.to_owned()),
    }
}

/// The status and the message of a complaint: what is not known cannot be processed, all else is a bad request.
fn complained(complaint: &Complaint) -> (u16, String) {
    let at = complaint.at.bracketed();
    let message = match &complaint.kind {
        Wrong::Unknown => {
            let (_, name) = complaint.at.split_last();
            return (422, format!("unknown field: parameter '{name}' is not a valid field. {USAGE}"));
        }
        Wrong::Missing => format!("invalid request: {at} is a required field"),
        Wrong::Type { expected, found } => {
            format!("invalid type: parameter {at} is of type {found} but should be of type {expected}. {USAGE}")
        }
        Wrong::Below { min, found, .. } => {
            format!("invalid request: {at} must be greater than or equal to {min}, got {found}")
        }
        Wrong::Above { max, found, .. } => {
            format!("invalid request: {at} must be less than or equal to {max}, got {found}")
        }
        Wrong::NotOneOf { allowed, found } => {
            format!("invalid request: '{found}' is not a valid value for {at}, must be one of {}", allowed.join(", "))
        }
        Wrong::EmptyArray => format!("invalid request: {at} must not be empty"),
        Wrong::TooMany { max, found } => {
            format!("invalid request: {at} has {found} elements, at most {max} are allowed")
        }
        Wrong::Pattern { pattern } => format!("invalid request: {at} must match {pattern}"),
        Wrong::Said { message, .. } => message.clone(),
    };
    (400, message)
}
