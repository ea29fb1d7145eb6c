//! `POST /v2/embed`, as Cohere has it: <https://docs.cohere.com/reference/embed>.

use super::Given;
use crate::check::{Field, Kind, Object, fields, items, may, must, text, type_name};
use crate::dialects::cohere_chat::uuid;
use crate::failure::{Complaint, Failure, Place, Wrong};
use crate::{embed, tokens};
use serde_json::{Map, Value, json};

const INPUT_TYPES: &[&str] = &["search_document", "search_query", "classification", "clustering", "image"];
const FIELDS: &[Field] = &[
    must("model", Kind::Text),
    must("input_type", Kind::OneOf(INPUT_TYPES)),
    may("texts", Kind::Array),
    may("images", Kind::Array),
    may("inputs", Kind::Array),
    may("max_tokens", Kind::Integer(1, i64::MAX)),
    may("output_dimension", Kind::Integer(1, i64::MAX)),
    may("embedding_types", Kind::Array),
    may("truncate", Kind::OneOf(&["NONE", "START", "END"])),
    may("priority", Kind::Integer(0, 999)),
];
const TEXTS_MAX: usize = 96;
const DIMENSIONS: &[u64] = &[256, 512, 1_024, 1_536];
const DIMENSIONS_UNSAID: u64 = 1_536;

pub(super) fn answer(body: &Object, given: &Given<'_>) -> Result<Value, Failure> {
    let root = Place::root();
    fields(&root, body, FIELDS, given.strictness.lenient_fields)?;
    let texts = texts(body)?;
    let dimensions = body.get("output_dimension").and_then(Value::as_u64).unwrap_or(DIMENSIONS_UNSAID);
    if !DIMENSIONS.contains(&dimensions) {
        let message =
            format!("invalid request: output_dimension must be one of 256, 512, 1024, 1536, got {dimensions}");
        return Err(root.key("output_dimension").says(message).into());
    }
    let kinds = kinds(body)?;
    let model = text(body, "model").unwrap_or_default();
    let mut made: Map<String, Value> = Map::new();
    for kind in kinds {
        let vectors = texts.iter().map(|text| {
            let vector = embed::vector(given.seed, model, text, usize::try_from(dimensions).unwrap_or(1));
            told(&vector, kind)
        });
        made.insert(kind.to_owned(), vectors.collect());
    }
    let used: u64 = texts.iter().map(|text| tokens::count(text)).sum();
    Ok(json!({
        "id": uuid(given.answer_seed, "embed"),
        "embeddings": made,
        "texts": texts,
        "meta": {"api_version": {"version": "2"}, "billed_units": {"input_tokens": used, "image_tokens": 0}},
        "response_type": "embeddings_by_type",
    }))
}

fn texts(body: &Object) -> Result<Vec<&str>, Complaint> {
    let at = Place::root().key("texts");
    let list = items(body, "texts");
    if list.is_empty() {
        return Err(Place::root().says("invalid request: one of texts, images or inputs must be specified"));
    }
    if list.len() > TEXTS_MAX {
        let message =
            format!("invalid request: total number of texts must be at most {TEXTS_MAX} - received {}", list.len());
        return Err(at.says(message));
    }
    let read = list.iter().enumerate().map(|(index, item)| match item.as_str() {
        Some(text) => Ok(text),
        None => Err(at.index(index).wrong(Wrong::Type { expected: "string", found: type_name(item) })),
    });
    read.collect()
}

fn kinds(body: &Object) -> Result<Vec<&'static str>, Complaint> {
    const KINDS: &[&str] = &["float", "int8", "uint8", "binary", "ubinary", "base64"];
    let at = Place::root().key("embedding_types");
    let list = items(body, "embedding_types");
    if list.is_empty() {
        return Ok(vec!["float"]);
    }
    let read = list.iter().enumerate().map(|(index, item)| {
        let named = item.as_str().unwrap_or_default();
        let known = KINDS.iter().copied().find(|kind| *kind == named);
        known.ok_or_else(|| at.index(index).wrong(Wrong::NotOneOf { allowed: KINDS, found: named.to_owned() }))
    });
    read.collect()
}

/// A vector in one of the forms: numbers, whole numbers of eight bits, or a bit for each.
fn told(vector: &[f32], kind: &str) -> Value {
    let signed = |number: &f32| (f64::from(*number) * 127.0).round();
    let bits = |chunk: &[f32]| chunk.iter().fold(0_u8, |byte, number| (byte << 1) | u8::from(*number > 0.0));
    match kind {
        "int8" => vector.iter().map(|number| json!(signed(number))).map(whole).collect(),
        "uint8" => vector.iter().map(|number| json!(signed(number) + 128.0)).map(whole).collect(),
        "ubinary" => vector.chunks(8).map(|chunk| json!(bits(chunk))).collect(),
        "binary" => vector.chunks(8).map(|chunk| json!(i64::from(bits(chunk)) - 128)).collect(),
        "base64" => embed::as_base64(vector).into(),
        _ => json!(vector),
    }
}

/// A number without a fraction, written without one.
fn whole(number: Value) -> Value {
    let text = number.to_string();
    text.strip_suffix(".0").and_then(|text| text.parse::<i64>().ok()).map_or(number, Value::from)
}
