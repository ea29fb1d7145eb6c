//! What a text cites. The citing text stands beside its citations, in a block of both.
//! Source: <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Citation.html>

use crate::fields::Fields;
use crate::render::Object;
use crate::{DecodeError, Json};
use serde_json::Value;
use switchtower_domain::{Citation, CitationKind};

/// Reads one citation.
pub(super) fn citation(mut fields: Fields) -> Result<Citation, DecodeError> {
    let kind = fields.nested("location", |location| location_kind(location).map(Some))?;
    let title = fields.string("title")?;
    let cited_text = match fields.peek("sourceContent").and_then(Json::as_array).map(Vec::as_slice) {
        Some([one]) if is_bare_text(one) => {
            let text = one.get("text").and_then(Json::as_str).map(str::to_owned);
            fields.take("sourceContent");
            text
        }
        _ => None,
    };
    let kind = kind.unwrap_or_else(|| CitationKind::Other(String::new()));
    Ok(Citation { kind, cited_text, title, extras: fields.rest() })
}

/// Whether a value is an object of one text and nothing else.
pub(super) fn is_bare_text(value: &Json<'_>) -> bool {
    value.as_object().is_some_and(|members| members.len() == 1) && value.get("text").is_some_and(Json::is_string)
}

fn location_kind(location: &mut Fields) -> Result<CitationKind, DecodeError> {
    let placed = |location: &Fields, key: &str| {
        let has = |name: &str| location.peek(key).and_then(|place| place.get(name)).is_some_and(Json::is_u64);
        has("documentIndex") && has("start") && has("end")
    };
    let place = |place: &mut Fields| {
        let mut number = |name: &str| place.u64(name).map(Option::unwrap_or_default);
        Ok((number("documentIndex")?, number("start")?, number("end")?))
    };
    if location.peek("web").and_then(|web| web.get("url")).is_some_and(Json::is_string) {
        let url = location.nested("web", |web| web.required_string("url"))?;
        return Ok(CitationKind::Url { url, start: None, end: None });
    }
    if placed(location, "documentChar") {
        let (document, start, end) = location.nested("documentChar", place)?;
        return Ok(CitationKind::Characters { document, start, end });
    }
    if placed(location, "documentPage") {
        let (document, start, end) = location.nested("documentPage", place)?;
        return Ok(CitationKind::Pages { document, start, end });
    }
    let name = location.names().next().unwrap_or_default().to_owned();
    Ok(CitationKind::Other(name))
}

/// One citation, if this dialect has a form for it.
pub(super) fn object(citation: &Citation, same: bool) -> Option<Object> {
    let place = |document: u64, start: u64, end: u64| {
        Object::new().with("documentIndex", document).with("start", start).with("end", end)
    };
    let location = match &citation.kind {
        CitationKind::Url { url, .. } => Object::new().with("web", Object::new().with("url", url.as_str())),
        CitationKind::Characters { document, start, end } => {
            Object::new().with("documentChar", place(*document, *start, *end))
        }
        CitationKind::Pages { document, start, end } => {
            Object::new().with("documentPage", place(*document, *start, *end))
        }
        CitationKind::Other(_) if same => Object::new(),
        CitationKind::Other(_) => return None,
    };
    let mut object = Object::new();
    object.maybe("title", citation.title.clone());
    if let Some(text) = citation.cited_text.as_deref().filter(|text| same || !text.is_empty()) {
        object.set("sourceContent", vec![Value::from(Object::new().with("text", text))]);
    }
    object.nested("location", location);
    if same {
        citation.extras.overlay(object.map_mut());
    }
    Some(object)
}
