//! Requests.

use crate::fields::{Fields, wrong_kind};
use crate::render::Object;
use crate::services::gemini_embed::{DIMENSIONS, MODEL, TASK, model, text, written};
use crate::{DecodeError, Json};
use serde_json::Value;
use switchtower_domain::{DimensionsField, EmbeddingRequest, Extras, ModelInput};

/// The list.
const REQUESTS: &str = "requests";

pub(super) fn decode(body: Json<'_>) -> Result<EmbeddingRequest, DecodeError> {
    let mut fields = Fields::strict(body, "")?;
    let items = match fields.take(REQUESTS) {
        Some(Json::Array(items)) => items,
        Some(other) => return Err(wrong_kind(REQUESTS, "a list of requests", &other)),
        None => return Err(DecodeError::Missing { path: REQUESTS.to_owned() }),
    };
    let alike = |key: &str| items.iter().all(|item| item.get(key) == items.first().and_then(|first| first.get(key)));
    let [of_one_model, of_one_task, of_one_length] = [MODEL, TASK, DIMENSIONS].map(alike);
    let mut request = EmbeddingRequest {
        model: String::new(),
        inputs: Vec::with_capacity(items.len()),
        single: false,
        dimensions: None,
        dimensions_field: DimensionsField::OutputDimension,
        encoding: None,
        input_type: None,
        truncation: None,
        user: None,
        extras: Extras::none(),
    };
    let mut left = Vec::with_capacity(items.len());
    for (place, item) in items.into_iter().enumerate() {
        let mut one = fields.beneath(item, &format!("{REQUESTS}[{place}]"))?;
        request.inputs.push(ModelInput::Text(text(&mut one)?));
        if of_one_model {
            request.model = model(&mut one)?;
        }
        if of_one_task {
            request.input_type = one.string(TASK)?;
        }
        if of_one_length {
            request.dimensions = one.u64(DIMENSIONS)?;
        }
        left.push(Value::Object(one.rest_map()));
    }
    let mut rest = fields.rest_map();
    if left.iter().any(|one| one.as_object().is_some_and(|one| !one.is_empty())) {
        rest.insert(REQUESTS.to_owned(), Value::Array(left));
    }
    request.extras = Extras::new(rest, Vec::new());
    Ok(request)
}

pub(super) fn encode(request: &EmbeddingRequest) -> Value {
    let one = |input: &ModelInput| match input {
        ModelInput::Text(text) => Value::from(written(request, text)),
        ModelInput::Tokens(_) => Value::from(written(request, "")),
    };
    let mut body = Object::new();
    body.set(REQUESTS, request.inputs.iter().map(one).collect::<Vec<_>>());
    request.extras.overlay(body.map_mut());
    body.into()
}
