//! `POST /v2/rerank`, as Cohere has it: <https://docs.cohere.com/reference/rerank>. It takes texts only, and repeats none.

use super::{Given, rerank};
use crate::check::{Field, Kind, Object, fields, items, may, must, text, type_name};
use crate::dialects::cohere_chat::uuid;
use crate::failure::{Complaint, Failure, Place, Wrong};
use serde_json::{Value, json};

const FIELDS: &[Field] = &[
    must("model", Kind::Text),
    must("query", Kind::Text),
    must("documents", Kind::Array),
    may("top_n", Kind::Integer(1, i64::MAX)),
    may("max_tokens_per_doc", Kind::Integer(1, i64::MAX)),
    // A name of the first version, which is still taken.
    may("max_chunks_per_doc", Kind::Integer(1, i64::MAX)),
    may("priority", Kind::Integer(0, 999)),
];
const DOCUMENTS_MAX: usize = 10_000;

pub(super) fn answer(body: &Object, given: &Given<'_>) -> Result<Value, Failure> {
    fields(&Place::root(), body, FIELDS, given.strictness.lenient_fields)?;
    let documents = documents(body)?;
    let top = body.get("top_n").and_then(Value::as_u64).and_then(|top| usize::try_from(top).ok());
    let ranked = rerank::ranked(text(body, "query").unwrap_or_default(), &documents);
    let results: Vec<Value> = ranked
        .into_iter()
        .take(top.unwrap_or(usize::MAX))
        .map(|(score, index)| json!({"index": index, "relevance_score": score}))
        .collect();
    // What is searched is counted, up to a hundred documents at a time, and not the tokens.
    let searched = documents.len().div_ceil(100);
    let meta = json!({"api_version": {"version": "2"}, "billed_units": {"search_units": searched}});
    Ok(json!({"id": uuid(given.answer_seed, "rerank"), "results": results, "meta": meta}))
}

fn documents(body: &Object) -> Result<Vec<&str>, Complaint> {
    let at = Place::root().key("documents");
    let list = items(body, "documents");
    if list.is_empty() {
        return Err(at.wrong(Wrong::EmptyArray));
    }
    if list.len() > DOCUMENTS_MAX {
        return Err(at.wrong(Wrong::TooMany { max: DOCUMENTS_MAX, found: list.len() }));
    }
    let read = list.iter().enumerate().map(|(index, document)| match document.as_str() {
        Some(text) => Ok(text),
        None => Err(at.index(index).wrong(Wrong::Type { expected: "string", found: type_name(document) })),
    });
    read.collect()
}
