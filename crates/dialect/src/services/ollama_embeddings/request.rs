//! Requests.

use crate::fields::Fields;
use crate::render::Object;
use crate::{DecodeError, Json};
use serde_json::Value;
use switchtower_domain::{DimensionsField, EmbeddingRequest, ModelInput};

pub(super) fn decode(body: Json<'_>) -> Result<EmbeddingRequest, DecodeError> {
    let mut fields = Fields::strict(body, "")?;
    let model = fields.expected_string("model")?;
    Ok(EmbeddingRequest {
        model,
        inputs: vec![ModelInput::Text(fields.required_string("prompt")?)],
        single: true,
        dimensions: None,
        dimensions_field: DimensionsField::Dimensions,
        encoding: None,
        input_type: None,
        truncation: None,
        user: None,
        extras: fields.rest(),
    })
}

pub(super) fn encode(request: &EmbeddingRequest) -> Value {
    let mut body = Object::new();
    if !(request.model.is_empty() && request.extras.lacks("model")) {
        body.set("model", request.model.as_str());
    }
    if let Some(ModelInput::Text(text)) = request.inputs.first() {
        body.set("prompt", text.as_str());
    }
    request.extras.overlay(body.map_mut());
    body.into()
}
