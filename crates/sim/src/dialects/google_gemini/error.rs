//! Failures as Google words them: `{"error": {code, message, status, details}}`.
//! Source: <https://cloud.google.com/apis/design/errors>

use super::proto::FIELD;
use crate::failure::{Complaint, Failure, Wrong};
use crate::fault::Fault;
use http::StatusCode;
use serde_json::{Value, json};

const SERVICE: &str = "generativelanguage.googleapis.com";
const INVALID: (u16, &str) = (400, "INVALID_ARGUMENT");

pub(super) fn worded(failure: &Failure) -> (StatusCode, Value) {
    let mut details = Vec::new();
    let ((code, status), message) = match failure {
        Failure::Invalid(complaint) => {
            let (message, field) = complained(complaint);
            if let Some(field) = field {
                details.push(violated(&field, &message));
            }
            (INVALID, message)
        }
        Failure::NotJson(why) => (INVALID, format!("Invalid JSON payload received. {why}")),
        Failure::MediaType(found) => {
            (INVALID, format!("Unsupported content type: '{found}'. Expected application/json."))
        }
        Failure::Unauthorized(None) => {
            let message = "Method doesn't allow unregistered callers (callers without established identity). Please use API Key or other form of API consumer identity to call this API.";
            ((403, "PERMISSION_DENIED"), message.to_owned())
        }
        Failure::Unauthorized(Some(_)) => {
            details.push(json!({
                "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                "reason": "API_KEY_INVALID",
                "domain": "googleapis.com",
                "metadata": {"service": SERVICE},
            }));
            (INVALID, "API key not valid. Please pass a valid API key.".to_owned())
        }
        Failure::UnknownModel(name) => ((404, "NOT_FOUND"), unknown_model(name)),
        Failure::NoSuchPlace { method, path } => {
            ((404, "NOT_FOUND"), format!("The requested URL {path} was not found on this server ({method})."))
        }
        Failure::NoRecording { path } => {
            let message =
                format!("No recording matches this request to {path}: its body differs from every recorded one.");
            ((404, "NOT_FOUND"), message)
        }
        Failure::TooLarge { max } => (INVALID, format!("Request payload size exceeds the limit: {max} bytes.")),
        Failure::Injected(fault) => {
            if let Fault::RateLimited { retry_after } = fault {
                details.push(json!({
                    "@type": "type.googleapis.com/google.rpc.RetryInfo",
                    "retryDelay": format!("{retry_after}s"),
                }));
            }
            injected(fault)
        }
    };
    let mut error = json!({"code": code, "message": message, "status": status});
    if let (Some(error), false) = (error.as_object_mut(), details.is_empty()) {
        error.insert("details".to_owned(), details.into());
    }
    (StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), json!({"error": error}))
}

fn unknown_model(name: &str) -> String {
    format!(
        "models/{name} is not found for API version v1beta, or is not supported for generateContent. Call ListModels to see the list of available models and their supported methods."
    )
}

fn injected(fault: &Fault) -> ((u16, &'static str), String) {
    let (told, message) = match fault {
        Fault::RateLimited { retry_after } => {
            let message = format!("Resource has been exhausted (e.g. check quota).\nPlease retry in {retry_after}s.");
            return ((429, "RESOURCE_EXHAUSTED"), message);
        }
        Fault::NotFound => return ((404, "NOT_FOUND"), unknown_model("unknown")),
        Fault::Overloaded => ((503, "UNAVAILABLE"), "The model is overloaded. Please try again later."),
        Fault::BadRequest => (INVALID, "The request was refused by an injected fault."),
        Fault::Unauthorized => {
            let message = "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid authentication credential.";
            ((401, "UNAUTHENTICATED"), message)
        }
        _ => ((500, "INTERNAL"), "An internal error has occurred. Please retry."),
    };
    (told, message.to_owned())
}

/// The event for an error in the middle of a stream.
pub(super) fn in_stream() -> Value {
    worded(&Failure::Injected(Fault::Overloaded)).1
}

fn violated(field: &str, message: &str) -> Value {
    let mut violation = json!({"description": message});
    if let (Some(violation), false) = (violation.as_object_mut(), field.is_empty()) {
        violation.insert("field".to_owned(), field.into());
    }
    json!({"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": [violation]})
}

/// The message of a complaint, and the field it is about where the vendor names one.
fn complained(complaint: &Complaint) -> (String, Option<String>) {
    let at = complaint.at.bracketed();
    match &complaint.kind {
        Wrong::Unknown => {
            let (outer, name) = complaint.at.split_last();
            let outer = outer.bracketed();
            let inside = if outer.is_empty() { String::new() } else { format!(" at '{outer}'") };
            (format!("Invalid JSON payload received. Unknown name \"{name}\"{inside}: Cannot find field."), Some(outer))
        }
        Wrong::Said { message, code } => (message.clone(), (*code == Some(FIELD)).then_some(at)),
        Wrong::Missing => (format!("* {at}: missing field.\n"), None),
        Wrong::Type { expected, found } => (format!("Invalid value at '{at}' ({expected}), {found}"), Some(at)),
        Wrong::Below { min, found, .. } => (format!("* {at}: must be at least {min}, got {found}.\n"), None),
        Wrong::Above { max, found, .. } => (format!("* {at}: must be at most {max}, got {found}.\n"), None),
        Wrong::NotOneOf { allowed, found } => {
            (format!("* {at}: `{found}` is not one of {}.\n", allowed.join(", ")), None)
        }
        Wrong::EmptyArray => (format!("* {at}: must not be empty.\n"), None),
        Wrong::TooMany { max, found } => (format!("* {at}: at most {max} are allowed, got {found}.\n"), None),
        Wrong::Pattern { pattern } => (format!("* {at}: must match {pattern}.\n"), None),
    }
}
