//! Answers.

use crate::fields::{Fields, wrong_kind};
use crate::render::Object;
use crate::services::gemini_embed::{floats, numbers};
use crate::{DecodeError, Json};
use serde_json::Value;
use switchtower_domain::{Embedding, EmbeddingAnswer, Extras, Usage, Vector};

/// The list.
const EMBEDDINGS: &str = "embeddings";
/// How long the server took, in nanoseconds.
const ABOUT: [&str; 2] = ["total_duration", "load_duration"];

pub(super) fn decode(body: Json<'_>) -> Result<EmbeddingAnswer, DecodeError> {
    let mut fields = Fields::tolerant(body, "")?;
    let model = fields.string("model")?;
    let items = match fields.take(EMBEDDINGS) {
        Some(Json::Array(items)) => items,
        Some(other) => return Err(wrong_kind(EMBEDDINGS, "a list of vectors", &other)),
        None => return Err(DecodeError::Missing { path: EMBEDDINGS.to_owned() }),
    };
    let read = |(place, item): (usize, Json<'_>)| {
        let path = format!("{EMBEDDINGS}[{place}]");
        let Some(items) = item.as_array() else { return Err(wrong_kind(&path, "a list of numbers", &item)) };
        Ok(Embedding { index: None, vector: Vector::Floats(numbers(items, &path)?), extras: Extras::none() })
    };
    let embeddings = items.into_iter().enumerate().map(read).collect::<Result<_, _>>()?;
    let count = fields.u64("prompt_eval_count")?;
    let usage = count.map(|count| Usage { input: Some(count), ..Usage::default() });
    Ok(EmbeddingAnswer { id: None, model, embeddings, usage, extras: fields.rest().restating(&ABOUT) })
}

pub(super) fn encode(answer: &EmbeddingAnswer) -> Value {
    let mut body = Object::new();
    body.maybe("model", answer.model.clone());
    let vectors = answer.embeddings.iter().map(|embedding| floats(&embedding.vector));
    body.set(EMBEDDINGS, vectors.collect::<Vec<_>>());
    body.maybe("prompt_eval_count", answer.usage.as_ref().and_then(|usage| usage.input));
    answer.extras.overlay(body.map_mut());
    body.into()
}
