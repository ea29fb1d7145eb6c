//! Requests.

use super::EmbeddingVariant;
use crate::fields::Fields;
use crate::render::Object;
use crate::services::{NO_PLACE, input};
use crate::{DecodeError, Encoded, Json};
use switchtower_domain::{DimensionsField, EmbeddingRequest, Notice, VectorEncoding};

pub(super) fn decode(body: Json<'_>) -> Result<EmbeddingRequest, DecodeError> {
    let mut fields = Fields::strict(body, "")?;
    // A deployment's address may name the model in place of the body.
    let model = fields.expected_string("model")?;
    let (inputs, single) = input::read(&mut fields, "input")?;
    let (dimensions, dimensions_field) = match fields.u64("dimensions")? {
        Some(count) => (Some(count), DimensionsField::Dimensions),
        None => (fields.u64("output_dimension")?, DimensionsField::OutputDimension),
    };
    let encoding = fields.string("encoding_format")?.map(|word| match word.as_str() {
        "float" => VectorEncoding::Float,
        "base64" => VectorEncoding::Base64,
        _ => VectorEncoding::Other(word),
    });
    Ok(EmbeddingRequest {
        model,
        inputs,
        single,
        dimensions,
        dimensions_field,
        encoding,
        input_type: fields.string("input_type")?,
        truncation: fields.bool("truncation")?,
        user: fields.string("user")?,
        extras: fields.rest(),
    })
}

pub(super) fn encode(request: &EmbeddingRequest, variant: &EmbeddingVariant) -> Encoded {
    let mut body = Object::new();
    if !(request.model.is_empty() && request.extras.lacks("model")) {
        body.set("model", request.model.as_str());
    }
    body.set("input", input::write(&request.inputs, request.single));
    body.maybe(dimensions_name(variant.dimensions_field.unwrap_or(request.dimensions_field)), request.dimensions);
    body.maybe("encoding_format", encoding_word(request.encoding.as_ref(), variant));
    body.maybe("input_type", request.input_type.clone());
    body.maybe("truncation", request.truncation);
    body.maybe("user", request.user.clone());
    request.extras.overlay(body.map_mut());
    // A null by the other name would contradict the number.
    if request.dimensions.is_some() && variant.dimensions_field.is_some_and(|field| field != request.dimensions_field) {
        body.map_mut().shift_remove(dimensions_name(request.dimensions_field));
    }
    let mut notices = Vec::new();
    for field in &variant.forbidden {
        if body.map_mut().shift_remove(field).is_some_and(|value| !value.is_null()) {
            let own = if field == dimensions_name(DimensionsField::Dimensions) {
                dimensions_name(request.dimensions_field)
            } else {
                field
            };
            notices.push(if field == "user" { Notice::hint(own, NO_PLACE) } else { Notice::meaning(own, NO_PLACE) });
        }
    }
    Encoded { body: body.into(), notices }
}

const fn dimensions_name(field: DimensionsField) -> &'static str {
    match field {
        DimensionsField::Dimensions => "dimensions",
        DimensionsField::OutputDimension => "output_dimension",
    }
}

/// What the vendor is asked for: the caller's wish where it can be had, else what it has, which is rewritten later.
fn encoding_word(wanted: Option<&VectorEncoding>, variant: &EmbeddingVariant) -> Option<String> {
    match wanted {
        Some(VectorEncoding::Other(word)) => Some(word.clone()),
        Some(VectorEncoding::Base64) if variant.base64 => Some("base64".to_owned()),
        Some(VectorEncoding::Float) if variant.floats && variant.float_word => Some("float".to_owned()),
        // Where the vendor has but one encoding, nothing needs to be said.
        Some(VectorEncoding::Base64 | VectorEncoding::Float) | None => None,
    }
}
