//! Requests.

use crate::fields::{Fields, wrong_kind};
use crate::render::Object;
use crate::{DecodeError, Json};
use serde_json::{Value, json};
use switchtower_domain::{DimensionsField, EmbeddingRequest, ModelInput};

/// What vectors are for.
pub(in crate::services) const TASK: &str = "taskType";
/// How many numbers a vector should have.
pub(in crate::services) const DIMENSIONS: &str = "outputDimensionality";
/// How a request names its model.
pub(in crate::services) const MODEL: &str = "model";
/// What the name of a model begins with.
const MODELS: &str = "models/";

pub(super) fn decode(body: Json<'_>) -> Result<EmbeddingRequest, DecodeError> {
    let mut fields = Fields::strict(body, "")?;
    let inputs = vec![ModelInput::Text(text(&mut fields)?)];
    Ok(EmbeddingRequest {
        model: model(&mut fields)?,
        inputs,
        single: true,
        dimensions: fields.u64(DIMENSIONS)?,
        dimensions_field: DimensionsField::OutputDimension,
        encoding: None,
        input_type: fields.string(TASK)?,
        truncation: None,
        user: None,
        extras: fields.rest(),
    })
}

/// The model that a request names once more, if it does; under a name of another form it stays with what is left.
pub(in crate::services) fn model(fields: &mut Fields) -> Result<String, DecodeError> {
    if fields.peek_str(MODEL).is_some_and(|name| name.len() > MODELS.len() && name.starts_with(MODELS)) {
        let name = fields.string(MODEL)?.unwrap_or_default();
        return Ok(name.strip_prefix(MODELS).unwrap_or(&name).to_owned());
    }
    Ok(String::new())
}

/// The text of a content that holds nothing else.
pub(in crate::services) fn text(fields: &mut Fields) -> Result<String, DecodeError> {
    let missing = DecodeError::Missing { path: fields.path_of("content") };
    let text = fields.nested("content", |content| {
        let path = content.path_of("parts");
        let items = match content.take("parts") {
            Some(Json::Array(items)) => items,
            Some(other) => return Err(wrong_kind(&path, "a list of parts", &other)),
            None => return Err(DecodeError::Missing { path }),
        };
        let [part] = <[Json<'_>; 1]>::try_from(items)
            .map_err(|_| DecodeError::Value { path: path.clone(), expected: "one part, which is a text" })?;
        let mut part = content.beneath(part, &format!("{path}[0]"))?;
        let text = part.required_string("text")?;
        if !part.is_empty() {
            content.put_back("parts", Json::Array(vec![part.rest_json()]));
        }
        Ok(Some(text))
    })?;
    text.ok_or(missing)
}

pub(super) fn encode(request: &EmbeddingRequest) -> Value {
    let text = match request.inputs.first() {
        Some(ModelInput::Text(text)) => text.as_str(),
        Some(ModelInput::Tokens(_)) | None => "",
    };
    let mut body = written(request, text);
    request.extras.overlay(body.map_mut());
    body.into()
}

/// A request for one text.
pub(in crate::services) fn written(request: &EmbeddingRequest, text: &str) -> Object {
    let mut body = Object::new();
    if !request.model.is_empty() {
        let name = request.model.strip_prefix(MODELS).unwrap_or(&request.model);
        body.set(MODEL, format!("{MODELS}{name}"));
    }
    body.set("content", json!({"parts": [{"text": text}]}));
    body.maybe(TASK, request.input_type.clone());
    body.maybe(DIMENSIONS, request.dimensions);
    body
}
