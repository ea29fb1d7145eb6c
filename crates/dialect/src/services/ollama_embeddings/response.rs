//! Answers.

use crate::fields::{Fields, wrong_kind};
use crate::render::Object;
use crate::services::gemini_embed::{floats, numbers};
use crate::{DecodeError, Json};
use serde_json::Value;
use switchtower_domain::{Embedding, EmbeddingAnswer, Extras, Vector};

/// The vector.
const EMBEDDING: &str = "embedding";

pub(super) fn decode(body: Json<'_>) -> Result<EmbeddingAnswer, DecodeError> {
    let mut fields = Fields::tolerant(body, "")?;
    let vector = match fields.take(EMBEDDING) {
        Some(Json::Array(items)) => Vector::Floats(numbers(&items, EMBEDDING)?),
        Some(other) => return Err(wrong_kind(EMBEDDING, "a list of numbers", &other)),
        None => return Err(DecodeError::Missing { path: EMBEDDING.to_owned() }),
    };
    let embedding = Embedding { index: None, vector, extras: Extras::none() };
    Ok(EmbeddingAnswer { id: None, model: None, embeddings: vec![embedding], usage: None, extras: fields.rest() })
}

pub(super) fn encode(answer: &EmbeddingAnswer) -> Value {
    let mut body = Object::new();
    if let Some(embedding) = answer.embeddings.first() {
        body.set(EMBEDDING, floats(&embedding.vector));
    }
    answer.extras.overlay(body.map_mut());
    body.into()
}
