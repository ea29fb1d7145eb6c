//! `POST /v1/rerank`: documents by how many of their words the question has.

use super::Given;
use crate::check::{Field, Kind, Object, fields, items, may, must, text, type_name};
use crate::failure::{Complaint, Failure, Place, Wrong};
use crate::random::Random;
use crate::tokens;
use serde_json::{Value, json};
use std::collections::BTreeSet;

const FIELDS: &[Field] = &[
    must("model", Kind::Text),
    must("query", Kind::Text),
    must("documents", Kind::Array),
    may("top_n", Kind::Integer(0, i64::MAX)),
    may("return_documents", Kind::Bool),
    may("max_tokens_per_doc", Kind::Integer(1, i64::MAX)),
];
const DOCUMENTS_MAX: usize = 1_000;

pub(super) fn answer(body: &Object, given: &Given<'_>) -> Result<Value, Failure> {
    fields(&Place::root(), body, FIELDS, given.strictness.lenient_fields)?;
    let query = text(body, "query").unwrap_or_default();
    let documents = documents(body)?;
    let used = tokens::count(query) + documents.iter().map(|document| tokens::count(document)).sum::<u64>();
    let scored = ranked(query, &documents);
    let top = body.get("top_n").and_then(Value::as_u64).and_then(|top| usize::try_from(top).ok());
    let returned = body.get("return_documents") == Some(&Value::Bool(true));
    let results = scored.into_iter().take(top.unwrap_or(usize::MAX)).map(|(score, index)| {
        let mut result = json!({"index": index, "relevance_score": score});
        if returned && let (Some(result), Some(text)) = (result.as_object_mut(), documents.get(index)) {
            result.insert("document".into(), json!({"text": text}));
        }
        result
    });
    let results: Vec<Value> = results.collect();
    let id = Random::for_purpose(given.answer_seed, "rerank").id("rerank-", 24);
    let usage = json!({"prompt_tokens": used, "total_tokens": used});
    Ok(json!({"id": id, "model": given.model, "results": results, "usage": usage}))
}

/// The documents by their scores, best first: the score and the place of each.
pub(super) fn ranked(query: &str, documents: &[&str]) -> Vec<(f64, usize)> {
    let scored = documents.iter().enumerate().map(|(index, document)| (score(query, document), index));
    let mut scored: Vec<(f64, usize)> = scored.collect();
    scored.sort_by(|one, other| other.0.total_cmp(&one.0));
    scored
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
    let read = list.iter().enumerate().map(|(index, document)| match document {
        Value::String(text) => Ok(text.as_str()),
        Value::Object(object) => text(object, "text").ok_or_else(|| at.index(index).key("text").wrong(Wrong::Missing)),
        other => Err(at.index(index).wrong(Wrong::Type { expected: "string or object", found: type_name(other) })),
    });
    read.collect()
}

/// The share of the question's words that the document has, less a little for each word that it has besides.
fn score(query: &str, document: &str) -> f64 {
    let words = |text: &str| -> BTreeSet<String> {
        let words = text.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty());
        words.map(str::to_lowercase).collect()
    };
    let (asked, there) = (words(query), words(document));
    let shared = asked.intersection(&there).count() as f64;
    let besides = there.difference(&asked).count() as f64;
    (shared / (asked.len().max(1) as f64)) / (1.0 + besides / 100.0)
}
