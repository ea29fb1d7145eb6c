//! Requests.

use crate::fields::Fields;
use crate::render::Object;
use crate::{DecodeError, Json};
use serde_json::Value;
use switchtower_domain::{DimensionsField, EmbeddingRequest, ModelInput, VectorEncoding};

const TEXTS: &str = "texts";
const TYPES: &str = "embedding_types";
const TRUNCATE: &str = "truncate";

pub(super) fn decode(body: Json<'_>) -> Result<EmbeddingRequest, DecodeError> {
    let mut fields = Fields::strict(body, "")?;
    // A deployment's address may name the model in place of the body.
    let model = fields.expected_string("model")?;
    let texts = fields.strings(TEXTS)?;
    if texts.is_none() {
        fields.lack(TEXTS);
    }
    let inputs = texts.unwrap_or_default().into_iter().map(ModelInput::Text).collect();
    let encoding = match fields.peek(TYPES).and_then(Json::as_array).map(Vec::as_slice) {
        Some([only]) if *only == "float" => Some(VectorEncoding::Float),
        Some([only]) if *only == "base64" => Some(VectorEncoding::Base64),
        _ => None,
    };
    let truncation = match fields.peek_str(TRUNCATE) {
        Some("END") => Some(true),
        Some("NONE") => Some(false),
        _ => None,
    };
    for (read, field) in [(encoding.is_some(), TYPES), (truncation.is_some(), TRUNCATE)] {
        if read {
            fields.take(field);
        }
    }
    Ok(EmbeddingRequest {
        model,
        inputs,
        single: false,
        dimensions: fields.u64("output_dimension")?,
        dimensions_field: DimensionsField::OutputDimension,
        encoding,
        input_type: fields.string("input_type")?,
        truncation,
        user: None,
        extras: fields.rest(),
    })
}

pub(super) fn encode(request: &EmbeddingRequest) -> Value {
    let mut body = Object::new();
    if !(request.model.is_empty() && request.extras.lacks("model")) {
        body.set("model", request.model.as_str());
    }
    if !(request.inputs.is_empty() && request.extras.lacks(TEXTS)) {
        let texts = request.inputs.iter().filter_map(|input| match input {
            ModelInput::Text(text) => Some(Value::from(text.as_str())),
            ModelInput::Tokens(_) => None,
        });
        body.set(TEXTS, texts.collect::<Vec<_>>());
    }
    body.maybe("input_type", request.input_type.clone());
    let word = request.encoding.as_ref().map(|encoding| match encoding {
        VectorEncoding::Float => "float",
        VectorEncoding::Base64 => "base64",
        VectorEncoding::Other(word) => word,
    });
    body.maybe(TYPES, word.map(|word| vec![Value::from(word)]));
    body.maybe("output_dimension", request.dimensions);
    body.maybe(TRUNCATE, request.truncation.map(|cut| if cut { "END" } else { "NONE" }));
    request.extras.overlay(body.map_mut());
    body.into()
}
