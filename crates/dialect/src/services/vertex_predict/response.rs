//! Answers.

use crate::fields::{Fields, wrong_kind};
use crate::render::Object;
use crate::services::gemini_embed::{floats, numbers};
use crate::{DecodeError, Json};
use serde_json::Value;
use switchtower_domain::{Embedding, EmbeddingAnswer, Usage, Vector};

/// The list.
const PREDICTIONS: &str = "predictions";
/// The tokens of one text.
const COUNT: &str = "token_count";

pub(super) fn decode(body: Json<'_>) -> Result<EmbeddingAnswer, DecodeError> {
    let mut fields = Fields::tolerant(body, "")?;
    let items = match fields.take(PREDICTIONS) {
        Some(Json::Array(items)) => items,
        Some(other) => return Err(wrong_kind(PREDICTIONS, "a list of predictions", &other)),
        None => return Err(DecodeError::Missing { path: PREDICTIONS.to_owned() }),
    };
    let alone = items.len() == 1;
    let mut counted: Option<u64> = None;
    let mut embeddings = Vec::with_capacity(items.len());
    for (place, item) in items.into_iter().enumerate() {
        let mut prediction = fields.beneath(item, &format!("{PREDICTIONS}[{place}]"))?;
        let missing = DecodeError::Missing { path: prediction.path_of("embeddings") };
        let vector = prediction.nested("embeddings", |embedding| {
            let path = embedding.path_of("values");
            let vector = match embedding.take("values") {
                Some(Json::Array(items)) => Vector::Floats(numbers(&items, &path)?),
                Some(other) => return Err(wrong_kind(&path, "a list of numbers", &other)),
                None => return Err(DecodeError::Missing { path }),
            };
            let count = embedding.nested("statistics", |statistics| {
                // Of several each keeps its own; together they are what was used.
                let count = statistics.u64(COUNT)?;
                if let (Some(count), false) = (count, alone) {
                    statistics.put_back(COUNT, Value::from(count));
                }
                Ok(count)
            })?;
            counted = count.map(|count| counted.unwrap_or_default().saturating_add(count)).or(counted);
            Ok(Some(vector))
        })?;
        embeddings.push(Embedding { index: None, vector: vector.ok_or(missing)?, extras: prediction.rest() });
    }
    let usage = counted.map(|count| Usage { input: Some(count), ..Usage::default() });
    Ok(EmbeddingAnswer { id: None, model: None, embeddings, usage, extras: fields.rest() })
}

pub(super) fn encode(answer: &EmbeddingAnswer) -> Value {
    let alone = answer.embeddings.len() == 1;
    let count = answer.usage.as_ref().and_then(|usage| usage.input).filter(|_| alone);
    let prediction = |embedding: &Embedding| {
        let mut statistics = Object::new();
        statistics.maybe(COUNT, count);
        let mut vector = Object::new().with("values", floats(&embedding.vector));
        vector.nested("statistics", statistics);
        let mut prediction = Object::new().with("embeddings", vector);
        embedding.extras.overlay(prediction.map_mut());
        Value::from(prediction)
    };
    let mut body = Object::new();
    body.set(PREDICTIONS, answer.embeddings.iter().map(prediction).collect::<Vec<_>>());
    answer.extras.overlay(body.map_mut());
    body.into()
}
