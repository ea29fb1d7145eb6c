//! Requests.

use crate::fields::Fields;
use crate::render::Object;
use crate::services::input;
use crate::{DecodeError, Json};
use serde_json::Value;
use switchtower_domain::{DimensionsField, EmbeddingRequest};

pub(super) fn decode(body: Json<'_>) -> Result<EmbeddingRequest, DecodeError> {
    let mut fields = Fields::strict(body, "")?;
    let model = fields.expected_string("model")?;
    let (inputs, single) = input::read_texts(&mut fields, "input")?;
    Ok(EmbeddingRequest {
        model,
        inputs,
        single,
        dimensions: fields.u64("dimensions")?,
        dimensions_field: DimensionsField::Dimensions,
        encoding: None,
        input_type: None,
        truncation: fields.bool("truncate")?,
        user: None,
        extras: fields.rest(),
    })
}

pub(super) fn encode(request: &EmbeddingRequest) -> Value {
    let mut body = Object::new();
    if !(request.model.is_empty() && request.extras.lacks("model")) {
        body.set("model", request.model.as_str());
    }
    body.set("input", input::write(&request.inputs, request.single));
    body.maybe("truncate", request.truncation);
    body.maybe("dimensions", request.dimensions);
    request.extras.overlay(body.map_mut());
    body.into()
}
