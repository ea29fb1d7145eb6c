//! Requests.

use crate::fields::{Fields, wrong_kind};
use crate::render::Object;
use crate::{DecodeError, Json, json};
use serde_json::{Map, Value};
use switchtower_domain::{ModeratedInput, ModerationRequest};

pub(super) fn decode(body: Json<'_>) -> Result<ModerationRequest, DecodeError> {
    let mut fields = Fields::strict(body, "")?;
    // The vendor has a model that it takes where none is named.
    let model = fields.expected_string("model")?;
    let (inputs, single) = match fields.take("input") {
        Some(Json::String(text)) => (vec![ModeratedInput::Text(text.into_owned())], true),
        Some(Json::Array(items)) => {
            (items.into_iter().enumerate().map(|(place, item)| input(item, place)).collect::<Result<_, _>>()?, false)
        }
        Some(other) => return Err(wrong_kind("input", "a string or a list", &other)),
        None => return Err(DecodeError::Missing { path: "input".to_owned() }),
    };
    Ok(ModerationRequest { model, inputs, single, extras: fields.rest() })
}

fn input(item: Json<'_>, place: usize) -> Result<ModeratedInput, DecodeError> {
    let path = format!("input[{place}]");
    match item {
        Json::String(text) => Ok(ModeratedInput::Text(text.into_owned())),
        Json::Object(members) => {
            let mut part = json::into_map(members);
            let kind = match part.shift_remove("type").map(Json::from) {
                Some(Json::String(kind)) => kind.into_owned(),
                Some(other) => return Err(wrong_kind(&format!("{path}.type"), "a string", &other)),
                None => return Err(DecodeError::Missing { path: format!("{path}.type") }),
            };
            Ok(ModeratedInput::Part { kind, content_of_provider: Value::Object(part) })
        }
        other => Err(wrong_kind(&path, "a string or an object", &other)),
    }
}

pub(super) fn encode(request: &ModerationRequest) -> Value {
    let mut body = Object::new();
    if !(request.model.is_empty() && request.extras.lacks("model")) {
        body.set("model", request.model.as_str());
    }
    match request.inputs.as_slice() {
        [input] if request.single => body.set("input", write(input)),
        inputs => body.set("input", inputs.iter().map(write).collect::<Vec<_>>()),
    }
    request.extras.overlay(body.map_mut());
    body.into()
}

fn write(input: &ModeratedInput) -> Value {
    match input {
        ModeratedInput::Text(text) => Value::from(text.as_str()),
        ModeratedInput::Part { kind, content_of_provider } => {
            let mut part = Map::from_iter([("type".to_owned(), Value::from(kind.as_str()))]);
            if let Value::Object(rest) = content_of_provider {
                part.extend(rest.clone());
            }
            Value::Object(part)
        }
    }
}
