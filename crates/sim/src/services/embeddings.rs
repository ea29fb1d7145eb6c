//! `POST /v1/embeddings`.

use super::Given;
use crate::check::{Kind, Object, fields, may, must, text, type_name};
use crate::failure::{Failure, Place, Wrong};
use crate::{embed, tokens};
use serde_json::{Value, json};

const FIELDS: &[crate::check::Field] = &[
    must("model", Kind::Text),
    must("input", Kind::TextOrArray),
    may("dimensions", Kind::Integer(1, 4_096)),
    may("encoding_format", Kind::OneOf(&["float", "base64"])),
    may("user", Kind::Text),
];
const INPUTS_MAX: usize = 2_048;
/// Most tokens in one text, and in all together, as OpenAI has it.
const TEXT_TOKENS_MAX: u64 = 8_192;
const TOKENS_MAX: u64 = 300_000;
const DIMENSIONS: u64 = 1_536;

pub(super) fn answer(body: &Object, given: &Given<'_>) -> Result<Value, Failure> {
    fields(&Place::root(), body, FIELDS, given.strictness.lenient_fields)?;
    let model = text(body, "model").unwrap_or_default();
    let dimensions = body.get("dimensions").and_then(Value::as_u64).unwrap_or(DIMENSIONS);
    let as_base64 = text(body, "encoding_format") == Some("base64");
    let inputs = inputs(body)?;
    if let Some((_, found)) = inputs.iter().find(|(_, found)| *found > TEXT_TOKENS_MAX) {
        let message = format!(
            "This model's maximum context length is {TEXT_TOKENS_MAX} tokens, however you requested {found} tokens."
        );
        return Err(Place::root().says(message).into());
    }
    let all: u64 = inputs.iter().map(|(_, found)| found).sum();
    if all > TOKENS_MAX {
        let message = format!("Requested {all} tokens, max {TOKENS_MAX} tokens per request.");
        return Err(Place::root().says_with_code("max_tokens_per_request", message).into());
    }
    let mut used = 0;
    let mut data = Vec::with_capacity(inputs.len());
    for (index, (input, input_tokens)) in inputs.iter().enumerate() {
        used += input_tokens;
        let vector = embed::vector(given.seed, model, input, usize::try_from(dimensions).unwrap_or(1));
        let embedding = if as_base64 { Value::String(embed::as_base64(&vector)) } else { json!(vector) };
        data.push(json!({"object": "embedding", "index": index, "embedding": embedding}));
    }
    Ok(
        json!({"object": "list", "data": data, "model": given.model, "usage": {"prompt_tokens": used, "total_tokens": used}}),
    )
}

/// The texts with their tokens. A list of numbers is one text that was cut into tokens by the caller.
fn inputs(body: &Object) -> Result<Vec<(String, u64)>, Failure> {
    let at = Place::root().key("input");
    let one = |text: &str| (text.to_owned(), tokens::count(text));
    let input = body.get("input").unwrap_or(&Value::Null);
    if let Some(text) = input.as_str() {
        return Ok(vec![one(text)]);
    }
    let list = input.as_array().map_or(&[][..], Vec::as_slice);
    if list.is_empty() {
        return Err(at.wrong(Wrong::EmptyArray).into());
    }
    if let Some(tokens) = token_list(list) {
        return Ok(vec![tokens]);
    }
    if list.len() > INPUTS_MAX {
        return Err(at.wrong(Wrong::TooMany { max: INPUTS_MAX, found: list.len() }).into());
    }
    let read = list.iter().enumerate().map(|(index, item)| match item {
        Value::String(text) => Ok(one(text)),
        Value::Array(numbers) if token_list(numbers).is_some() => Ok(token_list(numbers).unwrap_or_default()),
        Value::Array(_) => Err(at.index(index).says("'$.input' is invalid. Please check the API reference.").into()),
        other => Err(at.index(index).wrong(Wrong::Type { expected: "string", found: type_name(other) }).into()),
    });
    read.collect()
}

fn token_list(list: &[Value]) -> Option<(String, u64)> {
    let all_numbers = !list.is_empty() && list.iter().all(Value::is_u64);
    all_numbers.then(|| (list.iter().map(Value::to_string).collect::<Vec<_>>().join(" "), list.len() as u64))
}
