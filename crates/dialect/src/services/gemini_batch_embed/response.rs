//! Answers.

use crate::fields::{Fields, wrong_kind};
use crate::render::Object;
use crate::services::gemini_embed::{counted, embedding, usage, vector_object};
use crate::{DecodeError, Json};
use serde_json::Value;
use switchtower_domain::EmbeddingAnswer;

/// The list.
const EMBEDDINGS: &str = "embeddings";

pub(super) fn decode(body: Json<'_>) -> Result<EmbeddingAnswer, DecodeError> {
    let mut fields = Fields::tolerant(body, "")?;
    let usage = usage(&mut fields)?;
    let items = match fields.take(EMBEDDINGS) {
        Some(Json::Array(items)) => items,
        Some(other) => return Err(wrong_kind(EMBEDDINGS, "a list of vectors", &other)),
        None => return Err(DecodeError::Missing { path: EMBEDDINGS.to_owned() }),
    };
    let read = |(place, item)| embedding(fields.beneath(item, &format!("{EMBEDDINGS}[{place}]"))?);
    let embeddings = items.into_iter().enumerate().map(read).collect::<Result<_, _>>()?;
    Ok(EmbeddingAnswer { id: None, model: None, embeddings, usage, extras: fields.rest() })
}

pub(super) fn encode(answer: &EmbeddingAnswer) -> Value {
    let mut body = Object::new();
    let vectors = answer.embeddings.iter().map(|embedding| Value::from(vector_object(embedding)));
    body.set(EMBEDDINGS, vectors.collect::<Vec<_>>());
    body.nested("usageMetadata", counted(answer.usage.as_ref()));
    answer.extras.overlay(body.map_mut());
    body.into()
}
