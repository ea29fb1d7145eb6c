//! Answers.

use crate::fields::{Fields, wrong_kind};
use crate::openai_chat::usage;
use crate::render::Object;
use crate::{DecodeError, Json};
use serde_json::{Number, Value};
use switchtower_domain::{Embedding, EmbeddingAnswer, Vector};

pub(super) fn decode(body: Json<'_>) -> Result<EmbeddingAnswer, DecodeError> {
    let mut fields = Fields::tolerant(body, "")?;
    fields.constant("object", "list");
    let (id, model) = (fields.string("id")?, fields.string("model")?);
    let usage = usage::decode(&mut fields, &crate::Variant::default())?;
    let items = match fields.take("data") {
        Some(Json::Array(items)) => items,
        Some(other) => return Err(wrong_kind("data", "a list of vectors", &other)),
        None => return Err(DecodeError::Missing { path: "data".to_owned() }),
    };
    let read = |(place, item)| embedding(fields.beneath(item, &format!("data[{place}]"))?);
    let embeddings = items.into_iter().enumerate().map(read).collect::<Result<_, _>>()?;
    Ok(EmbeddingAnswer { id, model, embeddings, usage, extras: fields.rest() })
}

fn embedding(mut fields: Fields) -> Result<Embedding, DecodeError> {
    fields.constant("object", "embedding");
    let path = fields.path_of("embedding");
    let vector = match fields.take("embedding") {
        Some(Json::Array(items)) => Vector::Floats(numbers(&items, &path)?),
        Some(Json::String(text)) => Vector::Base64(text.into_owned()),
        Some(other) => return Err(wrong_kind(&path, "a list of numbers or base64", &other)),
        None => return Err(DecodeError::Missing { path }),
    };
    Ok(Embedding { index: fields.u64("index")?, vector, extras: fields.rest() })
}

fn numbers(items: &[Json<'_>], path: &str) -> Result<Vec<Number>, DecodeError> {
    let wrong = |place, item| wrong_kind(&format!("{path}[{place}]"), "a number", item);
    items.iter().enumerate().map(|(place, item)| item.as_number().ok_or_else(|| wrong(place, item))).collect()
}

pub(super) fn encode(answer: &EmbeddingAnswer) -> Value {
    let mut body = Object::new();
    body.constant("object", "list", &answer.extras);
    body.maybe("id", answer.id.clone());
    let data: Vec<Value> = answer.embeddings.iter().map(write).collect();
    body.set("data", data);
    body.maybe("model", answer.model.clone());
    if let Some(usage) = &answer.usage {
        body.set("usage", usage::encode(usage, true));
    }
    answer.extras.overlay(body.map_mut());
    body.into()
}

fn write(embedding: &Embedding) -> Value {
    let mut object = Object::new();
    object.constant("object", "embedding", &embedding.extras);
    object.maybe("index", embedding.index);
    match &embedding.vector {
        Vector::Floats(numbers) => {
            object.set("embedding", numbers.iter().cloned().map(Value::Number).collect::<Vec<_>>());
        }
        Vector::Base64(text) => object.set("embedding", text.as_str()),
    }
    embedding.extras.overlay(object.map_mut());
    object.into()
}
