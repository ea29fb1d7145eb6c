//! Requests.

use crate::fields::{Fields, wrong_kind};
use crate::render::Object;
use crate::{DecodeError, Json};
use serde_json::Value;
use switchtower_domain::{DimensionsField, EmbeddingRequest, Extras, ModelInput};

/// The list.
const INSTANCES: &str = "instances";
/// What vectors are for.
const TASK: &str = "task_type";

pub(super) fn decode(body: Json<'_>) -> Result<EmbeddingRequest, DecodeError> {
    let mut fields = Fields::strict(body, "")?;
    let items = match fields.take(INSTANCES) {
        Some(Json::Array(items)) => items,
        Some(other) => return Err(wrong_kind(INSTANCES, "a list of instances", &other)),
        None => return Err(DecodeError::Missing { path: INSTANCES.to_owned() }),
    };
    let of_one_task = items.iter().all(|item| item.get(TASK) == items.first().and_then(|first| first.get(TASK)));
    let (mut inputs, mut input_type) = (Vec::with_capacity(items.len()), None);
    let mut left = Vec::with_capacity(items.len());
    for (place, item) in items.into_iter().enumerate() {
        let mut one = fields.beneath(item, &format!("{INSTANCES}[{place}]"))?;
        inputs.push(ModelInput::Text(one.required_string("content")?));
        if of_one_task {
            input_type = one.string(TASK)?;
        }
        left.push(Value::Object(one.rest_map()));
    }
    let (dimensions, truncation) = fields.nested("parameters", |parameters| {
        Ok((parameters.u64("outputDimensionality")?, parameters.bool("autoTruncate")?))
    })?;
    let mut rest = fields.rest_map();
    if left.iter().any(|one| one.as_object().is_some_and(|one| !one.is_empty())) {
        rest.insert(INSTANCES.to_owned(), Value::Array(left));
    }
    Ok(EmbeddingRequest {
        // The address names it.
        model: String::new(),
        inputs,
        single: false,
        dimensions,
        dimensions_field: DimensionsField::OutputDimension,
        encoding: None,
        input_type,
        truncation,
        user: None,
        extras: Extras::new(rest, Vec::new()),
    })
}

pub(super) fn encode(request: &EmbeddingRequest) -> Value {
    let instance = |input: &ModelInput| {
        let text = match input {
            ModelInput::Text(text) => text.as_str(),
            ModelInput::Tokens(_) => "",
        };
        let mut instance = Object::new().with("content", text);
        instance.maybe(TASK, request.input_type.clone());
        Value::from(instance)
    };
    let mut body = Object::new();
    body.set(INSTANCES, request.inputs.iter().map(instance).collect::<Vec<_>>());
    let mut parameters = Object::new();
    parameters.maybe("outputDimensionality", request.dimensions);
    parameters.maybe("autoTruncate", request.truncation);
    body.nested("parameters", parameters);
    request.extras.overlay(body.map_mut());
    body.into()
}
