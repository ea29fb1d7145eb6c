//! Citations, which name places of the text and stand beside the content.
//! Source: <https://docs.cohere.com/docs/rag-citations>

use crate::fields::Fields;
use crate::render::Object;
use crate::{DecodeError, Json};
use serde_json::{Value, json};
use switchtower_domain::{Citation, CitationKind, Part, PartKind};

/// The kind of a citation that names a place of the text.
const TEXT: &str = "TEXT_CONTENT";

/// Which part of the content a citation belongs to.
pub(super) fn content_index(citation: &Json<'_>) -> Option<usize> {
    match citation.get("content_index") {
        None | Some(Json::Null) => Some(0),
        Some(index) => usize::try_from(index.as_u64()?).ok(),
    }
}

/// Whether a citation is one of a text.
pub(super) fn is_of_text(citation: &Json<'_>) -> bool {
    citation.is_object() && citation.get("type").is_none_or(|kind| *kind == TEXT)
}

/// Puts the citations of a message to the texts that they belong to, if all of them have one.
pub(super) fn attach(message: &mut Fields, content: &mut [Part]) -> Result<(), DecodeError> {
    let fits = |citation: &Json<'_>| {
        let index = content_index(citation).filter(|_| is_of_text(citation))?;
        matches!(content.get(index)?.kind, PartKind::Text { .. }).then_some(index)
    };
    let Some(list) = message.peek("citations").and_then(Json::as_array) else { return Ok(()) };
    let Some(places) = list.iter().map(fits).collect::<Option<Vec<usize>>>() else { return Ok(()) };
    // They go back in the order of the content.
    if !places.is_sorted() {
        return Ok(());
    }
    for (place, item) in places.into_iter().zip(message.list("citations")?.unwrap_or_default()) {
        let citation = read(message.beneath(item, "citations")?)?;
        if let Some(PartKind::Text { citations, .. }) = content.get_mut(place).map(|part| &mut part.kind) {
            citations.push(citation);
        }
    }
    Ok(())
}

pub(super) fn read(mut fields: Fields) -> Result<Citation, DecodeError> {
    let kind = CitationKind::Other(fields.expected_string("type")?);
    Ok(Citation { kind, cited_text: None, title: None, extras: fields.rest() })
}

/// Writes a citation of this dialect.
pub(super) fn own(citation: &Citation) -> Object {
    let mut object = Object::new();
    if let CitationKind::Other(kind) = &citation.kind
        && !(kind.is_empty() && citation.extras.lacks("type"))
    {
        object.set("type", kind.as_str());
    }
    citation.extras.overlay(object.map_mut());
    object
}

/// Writes another dialect's citation of a text, if there is a form for it.
pub(super) fn foreign(citation: &Citation, text: &str, content: u64) -> Option<Object> {
    let CitationKind::Url { url, start, end } = &citation.kind else { return None };
    let letters = text.chars().count() as u64;
    let start = start.unwrap_or_default().min(letters);
    let end = end.unwrap_or(letters).clamp(start, letters);
    let place = |count: u64| usize::try_from(count).unwrap_or(usize::MAX);
    let words: String = text.chars().skip(place(start)).take(place(end - start)).collect();
    let mut document = Object::new().with("id", url.as_str()).with("url", url.as_str());
    document.maybe("title", citation.title.clone());
    document.maybe("text", citation.cited_text.clone());
    let source = json!({"type": "document", "id": url, "document": Value::from(document)});
    Some(
        Object::new()
            .with("start", start)
            .with("end", end)
            .with("text", words)
            .with("sources", vec![source])
            .with("type", TEXT)
            .with("content_index", content),
    )
}
