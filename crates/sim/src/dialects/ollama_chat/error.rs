//! Failures as Ollama words them: `{"error"}`, most of them in the words of Go's reader of JSON.
//! Source: <https://github.com/ollama/ollama/blob/main/docs/api/errors.mdx>

use crate::failure::{Complaint, Failure, Step, Wrong};
use crate::fault::Fault;
use http::StatusCode;
use serde_json::{Value, json};

pub(super) const BROKEN: &str = "an error was encountered while running the model: unexpected EOF";

pub(super) fn worded(failure: &Failure) -> (StatusCode, Value) {
    let (status, message) = match failure {
        Failure::Invalid(complaint) => (400, complained(complaint)),
        Failure::NotJson(why) => (400, format!("invalid JSON: {why}")),
        Failure::MediaType(found) => (400, format!("unsupported content type '{found}'")),
        Failure::Unauthorized(_) => (401, "unauthorized".to_owned()),
        Failure::UnknownModel(name) => (404, format!("model '{name}' not found")),
        Failure::NoSuchPlace { .. } => (404, "404 page not found".to_owned()),
        Failure::NoRecording { path } => {
            let message =
                format!("No recording matches this request to {path}: its body differs from every recorded one.");
            (404, message)
        }
        Failure::TooLarge { max } => (413, format!("the request is larger than {max} bytes")),
        Failure::Injected(fault) => injected(fault),
    };
    (StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), json!({"error": message}))
}

fn injected(fault: &Fault) -> (u16, String) {
    let (status, message) = match fault {
        Fault::RateLimited { .. } => (429, "too many requests"),
        Fault::Overloaded => (503, "server busy, please try again.  maximum pending requests exceeded"),
        Fault::BadRequest => (400, "the request was refused by an injected fault"),
        Fault::Unauthorized => (401, "unauthorized"),
        Fault::NotFound => (404, "model 'unknown' not found"),
        _ => (500, "llama runner process has terminated: exit status 2"),
    };
    (status, message.to_owned())
}

/// `messages.tool_calls.function`: Go counts no items.
fn place(complaint: &Complaint) -> String {
    let keys = complaint.at.0.iter().filter_map(|step| match step {
        Step::Key(key) => Some(key.as_str()),
        Step::Index(_) => None,
    });
    keys.collect::<Vec<_>>().join(".")
}

fn complained(complaint: &Complaint) -> String {
    let at = place(complaint);
    match &complaint.kind {
        Wrong::Missing => format!("{at} is required"),
        Wrong::Unknown => format!("unknown field {at}"),
        Wrong::Type { expected, found } => {
            let go = match *expected {
                "boolean" => "bool",
                "decimal" => "float32",
                "integer" => "int",
                "array" => "[]api.Message",
                "object" => "map[string]interface {}",
                other => other,
            };
            let found = match *found {
                "boolean" => "bool",
                "decimal" | "integer" => "number",
                other => other,
            };
            format!("json: cannot unmarshal {found} into Go struct field ChatRequest.{at} of type {go}")
        }
        Wrong::Below { min, found, .. } => format!("{at} must be at least {min}, got {found}"),
        Wrong::Above { max, found, .. } => format!("{at} must be at most {max}, got {found}"),
        Wrong::NotOneOf { allowed, found } => format!("invalid {at}: \"{found}\", must be one of {allowed:?}"),
        Wrong::EmptyArray => format!("{at} must not be empty"),
        Wrong::TooMany { max, found } => format!("{at} has {found} items, at most {max} are taken"),
        Wrong::Pattern { pattern } => format!("{at} must match {pattern}"),
        Wrong::Said { message, .. } => message.clone(),
    }
}
