//! Failures as Bedrock words them: `{"message"}`, and the type in a header.
//! Source: <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html#API_runtime_Converse_Errors>

use crate::failure::{Complaint, Failure, Place, Step, Wrong};
use crate::fault::Fault;
use http::StatusCode;
use serde_json::{Value, json};

pub(super) const UNAVAILABLE: &str = "Bedrock is unable to process your request.";
const INVALID: &str = "ValidationException";
/// What stands between the name of a type and its end, in the header.
const NAMESPACE: &str = "http://internal.amazon.com/coral/com.amazon.bedrock/";

/// The type of a failure, as the header has it.
pub(super) fn kind(failure: &Failure) -> String {
    format!("{}:{NAMESPACE}", told(failure).1)
}

pub(super) fn worded(failure: &Failure) -> (StatusCode, Value) {
    let (status, _, message) = told(failure);
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if let Failure::NoSuchPlace { .. } = failure {
        let kind = "com.amazon.coral.service#UnknownOperationException";
        return (status, json!({"Output": {"__type": kind}, "Version": "1.0"}));
    }
    (status, json!({"message": message}))
}

/// What the model itself says no to, told by Bedrock.
pub(super) fn of_model(why: &str) -> String {
    format!("The model returned the following errors: {why}")
}

fn told(failure: &Failure) -> (u16, &'static str, String) {
    match failure {
        Failure::Invalid(Complaint { at, kind: Wrong::Type { expected, found } }) => {
            (400, "SerializationException", misfit(at, expected, found))
        }
        Failure::Invalid(complaint) => (400, INVALID, complained(complaint)),
        Failure::NotJson(why) => (400, "SerializationException", format!("The request is no JSON object: {why}")),
        Failure::MediaType(found) => {
            (415, "UnsupportedMediaTypeException", format!("'{found}' is not supported; send application/json"))
        }
        Failure::Unauthorized(None) => {
            (403, "MissingAuthenticationTokenException", "Missing Authentication Token".into())
        }
        Failure::Unauthorized(Some(_)) => {
            let message = "Authentication failed: Please make sure your API Key is valid.";
            (403, "AccessDeniedException", message.to_owned())
        }
        Failure::UnknownModel(_) => (400, INVALID, "The provided model identifier is invalid.".to_owned()),
        Failure::NoSuchPlace { .. } => (404, "UnknownOperationException", String::new()),
        Failure::NoRecording { path } => {
            let message =
                format!("No recording matches this request to {path}: its body differs from every recorded one.");
            (404, "ResourceNotFoundException", message)
        }
        Failure::TooLarge { max } => (413, INVALID, format!("The request is larger than {max} bytes.")),
        Failure::Injected(fault) => {
            let (status, kind, message) = injected(fault);
            (status, kind, message.to_owned())
        }
    }
}

fn injected(fault: &Fault) -> (u16, &'static str, &'static str) {
    match fault {
        Fault::RateLimited { .. } => {
            (429, "ThrottlingException", "Too many requests, please wait before trying again.")
        }
        Fault::Overloaded => (503, "ServiceUnavailableException", UNAVAILABLE),
        Fault::BadRequest => (400, INVALID, "The request was refused by an injected fault."),
        Fault::Unauthorized => {
            (403, "UnrecognizedClientException", "The security token included in the request is invalid.")
        }
        Fault::NotFound => {
            let message = "This model version has reached the end of its life. Please refer to the AWS documentation for more details.";
            (404, "ResourceNotFoundException", message)
        }
        _ => {
            let message = "The system encountered an unexpected error during processing. Try your request again.";
            (500, "InternalServerException", message)
        }
    }
}

/// A value of another kind than the field has.
fn misfit(at: &Place, expected: &str, found: &str) -> String {
    let found = match found {
        "object" => return format!("Start of structure or map found where not expected, at '{}'", member(at)),
        "array" => return format!("Start of list found where not expected, at '{}'", member(at)),
        "boolean" => "TRUE_VALUE",
        "decimal" | "integer" => "NUMBER_VALUE",
        "null" => "NULL_VALUE",
        _ => "STRING_VALUE",
    };
    let expected = match expected {
        "boolean" => "Boolean",
        "decimal" => "Float",
        "integer" => "Integer",
        "array" => "List",
        "object" => "Structure",
        _ => "String",
    };
    format!("{found} can not be converted to {expected}, at '{}'", member(at))
}

/// `messages.1.member.content`, as the checks of a service count: from one.
fn member(at: &Place) -> String {
    let mut text = String::new();
    for step in &at.0 {
        if !text.is_empty() {
            text.push('.');
        }
        match step {
            Step::Key(key) => text.push_str(key),
            Step::Index(index) => text.push_str(&format!("{}.member", index + 1)),
        }
    }
    text
}

fn complained(complaint: &Complaint) -> String {
    let at = &complaint.at;
    let constraint = |value: &str, what: &str| {
        format!(
            "1 validation error detected: Value{value} at '{}' failed to satisfy constraint: Member must {what}",
            member(at)
        )
    };
    match &complaint.kind {
        Wrong::Missing => constraint(" null", "not be null"),
        Wrong::Unknown => {
            let (outer, name) = at.split_last();
            let outer = outer.to_string().replace('.', "/");
            let slash = if outer.is_empty() { "" } else { "/" };
            format!(
                "Malformed input request: #{slash}{outer}: extraneous key [{name}] is not permitted, please reformat your input and try again."
            )
        }
        Wrong::Type { expected, found } => misfit(at, expected, found),
        Wrong::Below { min, found, .. } => {
            constraint(&format!(" '{found}'"), &format!("have value greater than or equal to {min}"))
        }
        Wrong::Above { max, found, .. } => {
            constraint(&format!(" '{found}'"), &format!("have value less than or equal to {max}"))
        }
        Wrong::NotOneOf { allowed, found } => {
            constraint(&format!(" '{found}'"), &format!("satisfy enum value set: [{}]", allowed.join(", ")))
        }
        Wrong::EmptyArray => constraint("", "have length greater than or equal to 1"),
        Wrong::TooMany { max, .. } => constraint("", &format!("have length less than or equal to {max}")),
        Wrong::Pattern { pattern } => constraint("", &format!("satisfy regular expression pattern: {pattern}")),
        Wrong::Said { message, .. } => message.clone(),
    }
}
