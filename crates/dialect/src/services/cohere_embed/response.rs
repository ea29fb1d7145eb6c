//! Answers.

use crate::fields::{Fields, wrong_kind};
use crate::render::Object;
use crate::{DecodeError, Json};
use serde_json::Value;
use switchtower_domain::{Embedding, EmbeddingAnswer, Extras, Usage, Vector};

/// What an answer says of its form.
const BY_TYPE: &str = "embeddings_by_type";
/// What answers of the first version say, where vectors are lists and nothing else. Source:
/// <https://docs.cohere.com/v1/reference/embed>
const BARE: &str = "embeddings_floats";
const RESPONSE_TYPE: &str = "response_type";

/// What marks an answer whose vectors are lists and nothing else.
pub(in crate::services) fn as_bare_lists() -> Extras {
    let kept = [(RESPONSE_TYPE.to_owned(), Value::from(BARE))];
    Extras::new(kept.into_iter().collect(), Vec::new()).restating(&[RESPONSE_TYPE])
}
/// Of the types of vectors, those that are typed, the better known first.
const TYPES: [&str; 2] = ["float", "base64"];
/// What only restates the request, or is about the server.
const RESTATED: [&str; 4] = ["texts", "images", "meta", RESPONSE_TYPE];

pub(super) fn decode(body: Json<'_>) -> Result<EmbeddingAnswer, DecodeError> {
    let mut fields = Fields::tolerant(body, "")?;
    match fields.peek("embeddings") {
        Some(Json::Object(_)) => {}
        Some(Json::Array(_)) if fields.peek_str(RESPONSE_TYPE) == Some(BARE) => {}
        Some(other) => return Err(wrong_kind("embeddings", "vectors by the types of their numbers", other)),
        None => return Err(DecodeError::Missing { path: "embeddings".to_owned() }),
    }
    fields.constant(RESPONSE_TYPE, BY_TYPE);
    let id = fields.string("id")?;
    let bare = if fields.peek("embeddings").is_some_and(Json::is_array) { fields.list("embeddings")? } else { None };
    let bare = bare.unwrap_or_default().into_iter().enumerate();
    let mut embeddings = bare
        .map(|(place, item)| vector(item, "float", &format!("embeddings[{place}]")))
        .collect::<Result<Vec<_>, _>>()?;
    let by_type = fields.nested("embeddings", |by_type| {
        let says = |name: &&str| by_type.peek(name).and_then(Json::as_array).is_some_and(|list| !list.is_empty());
        let Some(name) = TYPES.into_iter().find(says) else { return Ok(Vec::new()) };
        let path = by_type.path_of(name);
        let items = by_type.list(name)?.unwrap_or_default();
        items.into_iter().enumerate().map(|(place, item)| vector(item, name, &format!("{path}[{place}]"))).collect()
    })?;
    embeddings.extend(by_type);
    let count = fields.nested("meta", |meta| meta.nested("billed_units", |units| units.u64("input_tokens")))?;
    let usage = count.map(|count| Usage { input: Some(count), ..Usage::default() });
    Ok(EmbeddingAnswer { id, model: None, embeddings, usage, extras: fields.rest().restating(&RESTATED) })
}

fn vector(item: Json<'_>, name: &str, path: &str) -> Result<Embedding, DecodeError> {
    let vector = match item {
        Json::Array(items) if name == "float" => {
            let wrong = |place, item: &Json<'_>| wrong_kind(&format!("{path}[{place}]"), "a number", item);
            let number = |(place, item): (usize, &Json<'_>)| item.as_number().ok_or_else(|| wrong(place, item));
            Vector::Floats(items.iter().enumerate().map(number).collect::<Result<_, _>>()?)
        }
        Json::String(text) if name == "base64" => Vector::Base64(text.into_owned()),
        other => return Err(wrong_kind(path, "a vector of its type", &other)),
    };
    Ok(Embedding { index: None, vector, extras: Extras::none() })
}

pub(super) fn encode(answer: &EmbeddingAnswer) -> Value {
    let mut body = Object::new();
    body.constant(RESPONSE_TYPE, BY_TYPE, &answer.extras);
    body.maybe("id", answer.id.clone());
    let mut by_type = Object::new();
    let bare = answer.extras.get(RESPONSE_TYPE).is_some_and(|kind| *kind == BARE);
    for name in TYPES {
        let vectors = answer.embeddings.iter().filter_map(|embedding| match &embedding.vector {
            Vector::Floats(numbers) if name == "float" => {
                Some(Value::Array(numbers.iter().cloned().map(Value::Number).collect()))
            }
            Vector::Base64(text) if name == "base64" => Some(Value::from(text.as_str())),
            Vector::Floats(_) | Vector::Base64(_) => None,
        });
        let vectors: Vec<Value> = vectors.collect();
        if !vectors.is_empty() {
            by_type.set(name, vectors);
        }
    }
    if bare {
        let lists = by_type.map_mut().shift_remove("float").unwrap_or_else(|| Value::Array(Vec::new()));
        body.set("embeddings", lists);
    } else {
        body.nested("embeddings", by_type);
    }
    let mut units = Object::new();
    units.maybe("input_tokens", answer.usage.as_ref().and_then(|usage| usage.input));
    let mut meta = Object::new();
    meta.nested("billed_units", units);
    body.nested("meta", meta);
    answer.extras.overlay(body.map_mut());
    body.into()
}
