//! Requests.

use super::RankingVariant;
use crate::fields::{Fields, wrong_kind};
use crate::render::Object;
use crate::scan::Scan;
use crate::services::NO_PLACE;
use crate::{DecodeError, Encoded, Json, json};
use serde_json::{Map, Value};
use switchtower_domain::{Notice, RankedText, RankingForm, RankingRequest};

const TOP_N: &str = "top_n";
const TOP_K: &str = "top_k";

pub(super) fn decode(body: Json<'_>) -> Result<RankingRequest, DecodeError> {
    let mut fields = Fields::strict(body, "")?;
    let form = if fields.peek(TOP_K).is_some() && fields.peek(TOP_N).is_none_or(Json::is_null) {
        RankingForm::Data
    } else {
        RankingForm::Results
    };
    Ok(RankingRequest {
        model: fields.expected_string("model")?,
        query: fields.required_string("query")?,
        documents: documents(&mut fields)?,
        top: fields.u64(top_name(form))?,
        form,
        return_documents: fields.bool("return_documents")?,
        truncation: fields.bool("truncation")?,
        extras: fields.rest(),
    })
}

/// The family of names that a request is written in, by the names alone.
pub fn form_of(scan: &Scan<'_>) -> RankingForm {
    let says = |name: &str| scan.field(name).is_some_and(|field| field.value != b"null");
    if scan.field(TOP_K).is_some() && !says(TOP_N) { RankingForm::Data } else { RankingForm::Results }
}

/// Whether no document of a request is an object, so far as that can be told without reading it.
pub fn is_plain(scan: &Scan<'_>) -> bool {
    scan.field("documents").is_none_or(|field| {
        let first = field.value.iter().skip(1).find(|byte| !byte.is_ascii_whitespace());
        field.value.starts_with(b"[") && matches!(first, None | Some(b'"' | b']'))
    })
}

fn documents(fields: &mut Fields) -> Result<Vec<RankedText>, DecodeError> {
    let items = match fields.take("documents") {
        Some(Json::Array(items)) => items,
        Some(other) => return Err(wrong_kind("documents", "a list of strings or objects", &other)),
        None => return Err(DecodeError::Missing { path: "documents".to_owned() }),
    };
    let read = |(place, item)| match document(item) {
        Ok(document) => Ok(document),
        Err(Json::Object(_)) => Err(DecodeError::Missing { path: format!("documents[{place}].text") }),
        Err(other) => Err(wrong_kind(&format!("documents[{place}]"), "a string or an object", &other)),
    };
    items.into_iter().enumerate().map(read).collect()
}

/// Reads a document; one that is none is given back.
pub(super) fn document(value: Json<'_>) -> Result<RankedText, Json<'_>> {
    match value {
        Json::String(text) => Ok(RankedText::Plain(text.into_owned())),
        Json::Object(members) if members.iter().any(|(key, value)| key == "text" && value.is_string()) => {
            let mut fields = json::into_map(members);
            let text = fields.shift_remove("text").and_then(|text| text.as_str().map(str::to_owned));
            Ok(RankedText::Object { text: text.unwrap_or_default(), fields })
        }
        other => Err(other),
    }
}

/// Writes a document.
pub(super) fn written(document: &RankedText) -> Value {
    match document {
        RankedText::Plain(text) => Value::from(text.as_str()),
        RankedText::Object { text, fields } => {
            let mut object = Map::from_iter([("text".to_owned(), Value::from(text.as_str()))]);
            object.extend(fields.clone());
            Value::Object(object)
        }
    }
}

pub(super) fn encode(request: &RankingRequest, variant: &RankingVariant) -> Encoded {
    let mut notices = Vec::new();
    let form = variant.form.unwrap_or(request.form);
    let mut body = Object::new();
    if !(request.model.is_empty() && request.extras.lacks("model")) {
        body.set("model", request.model.as_str());
    }
    body.set("query", request.query.as_str());
    let documents: Vec<Value> = request
        .documents
        .iter()
        .enumerate()
        .map(|(place, document)| match document {
            RankedText::Object { text, fields } if !variant.document_objects => {
                let lost = fields.keys().map(|key| format!("documents[{place}].{key}"));
                notices
                    .extend(lost.map(|path| Notice::meaning(path, "the provider takes the text of a document only")));
                Value::from(text.as_str())
            }
            document => written(document),
        })
        .collect();
    body.set("documents", documents);
    body.maybe(top_name(form), request.top);
    body.maybe("return_documents", request.return_documents.filter(|_| variant.return_documents));
    body.maybe("truncation", request.truncation);
    request.extras.overlay(body.map_mut());
    if form != request.form {
        // A null by the caller's name would be a field that the vendor does not know.
        body.map_mut().shift_remove(top_name(request.form));
    }
    for field in &variant.forbidden {
        if body.map_mut().shift_remove(field).is_some_and(|value| !value.is_null()) {
            notices.push(Notice::meaning(field.as_str(), NO_PLACE));
        }
    }
    Encoded { body: body.into(), notices }
}

const fn top_name(form: RankingForm) -> &'static str {
    match form {
        RankingForm::Results => TOP_N,
        RankingForm::Data => TOP_K,
    }
}
