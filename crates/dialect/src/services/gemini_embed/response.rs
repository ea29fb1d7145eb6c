//! Answers.

use crate::fields::{Fields, wrong_kind};
use crate::render::Object;
use crate::{DecodeError, Json};
use serde_json::{Number, Value};
use switchtower_domain::{Embedding, EmbeddingAnswer, Usage, Vector};

pub(super) fn decode(body: Json<'_>) -> Result<EmbeddingAnswer, DecodeError> {
    let mut fields = Fields::tolerant(body, "")?;
    let usage = usage(&mut fields)?;
    let vector = match fields.take("embedding") {
        Some(value) => embedding(fields.beneath(value, "embedding")?)?,
        None => return Err(DecodeError::Missing { path: "embedding".to_owned() }),
    };
    Ok(EmbeddingAnswer { id: None, model: None, embeddings: vec![vector], usage, extras: fields.rest() })
}

/// What was counted, which later models tell.
pub(in crate::services) fn usage(fields: &mut Fields) -> Result<Option<Usage>, DecodeError> {
    fields.nested("usageMetadata", |usage| {
        let (input, total) = (usage.u64("promptTokenCount")?, usage.u64("totalTokenCount")?);
        Ok((input.is_some() || total.is_some()).then(|| Usage { input, total, ..Usage::default() }))
    })
}

/// One vector.
pub(in crate::services) fn embedding(mut fields: Fields) -> Result<Embedding, DecodeError> {
    let path = fields.path_of("values");
    let vector = match fields.take("values") {
        Some(Json::Array(items)) => Vector::Floats(numbers(&items, &path)?),
        Some(other) => return Err(wrong_kind(&path, "a list of numbers", &other)),
        None => return Err(DecodeError::Missing { path }),
    };
    Ok(Embedding { index: None, vector, extras: fields.rest() })
}

/// The numbers of a vector.
pub(in crate::services) fn numbers(items: &[Json<'_>], path: &str) -> Result<Vec<Number>, DecodeError> {
    let wrong = |place, item| wrong_kind(&format!("{path}[{place}]"), "a number", item);
    items.iter().enumerate().map(|(place, item)| item.as_number().ok_or_else(|| wrong(place, item))).collect()
}

pub(super) fn encode(answer: &EmbeddingAnswer) -> Value {
    let mut body = Object::new();
    if let Some(embedding) = answer.embeddings.first() {
        body.set("embedding", written(embedding));
    }
    body.nested("usageMetadata", counted(answer.usage.as_ref()));
    answer.extras.overlay(body.map_mut());
    body.into()
}

/// One vector, as it is written.
pub(in crate::services) fn written(embedding: &Embedding) -> Object {
    let mut object = Object::new();
    object.set("values", floats(&embedding.vector));
    embedding.extras.overlay(object.map_mut());
    object
}

/// The numbers of a vector, as they are written. Nobody gets base64 who did not ask for it, and here nobody can.
pub(in crate::services) fn floats(vector: &Vector) -> Value {
    match vector {
        Vector::Floats(numbers) => Value::Array(numbers.iter().cloned().map(Value::Number).collect()),
        Vector::Base64(text) => Value::from(text.as_str()),
    }
}

/// What was counted, as it is written.
pub(in crate::services) fn counted(usage: Option<&Usage>) -> Object {
    let mut object = Object::new();
    object.maybe("promptTokenCount", usage.and_then(|usage| usage.input));
    object.maybe("totalTokenCount", usage.and_then(|usage| usage.total));
    object
}
