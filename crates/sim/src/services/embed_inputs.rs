//! `POST /api/embed`, as Ollama has it: <https://github.com/ollama/ollama/blob/main/docs/api.md#generate-embeddings>.

use super::Given;
use crate::check::{Field, Kind, Object, fields, items, may, must, text, type_name};
use crate::dialects::ollama_chat;
use crate::failure::{Complaint, Failure, Place, Wrong};
use crate::said::Usage;
use crate::{embed, tokens};
use serde_json::{Value, json};

const FIELDS: &[Field] = &[
    must("model", Kind::Text),
    may("input", Kind::TextOrArray),
    may("truncate", Kind::Bool),
    may("dimensions", Kind::Integer(0, 8_192)),
    may("options", Kind::Object),
];
const DIMENSIONS: u64 = 768;

pub(super) fn answer(body: &Object, given: &Given<'_>) -> Result<Value, Failure> {
    fields(&Place::root(), body, FIELDS, true)?;
    ollama_chat::options(body)?;
    let inputs = inputs(body)?;
    let dimensions = body.get("dimensions").and_then(Value::as_u64).filter(|dimensions| *dimensions > 0);
    let length = usize::try_from(dimensions.unwrap_or(DIMENSIONS)).unwrap_or(1);
    let model = text(body, "model").unwrap_or_default();
    let vectors: Vec<Vec<f32>> = inputs.iter().map(|text| embed::vector(given.seed, model, text, length)).collect();
    let used = inputs.iter().map(|text| tokens::count(text)).sum();
    let mut answer = json!({"model": given.model, "embeddings": vectors});
    if let Some(answer) = answer.as_object_mut() {
        let told = ollama_chat::usage(&Usage { input: used, ..Usage::default() });
        let known = ["total_duration", "load_duration", "prompt_eval_count"];
        answer.extend(told.into_iter().filter(|(name, _)| known.contains(&name.as_str())));
    }
    Ok(answer)
}

fn inputs(body: &Object) -> Result<Vec<&str>, Complaint> {
    if let Some(one) = text(body, "input") {
        return Ok(vec![one]);
    }
    let at = Place::root().key("input");
    let read = items(body, "input").iter().enumerate().map(|(index, item)| match item.as_str() {
        Some(text) => Ok(text),
        None => Err(at.index(index).wrong(Wrong::Type { expected: "string", found: type_name(item) })),
    });
    read.collect()
}
