//! The pieces of messages, which requests and answers share.

use crate::fields::Fields;
use crate::render::{ExtrasWriter, Object};
use crate::{DecodeError, Json, content};
use serde_json::Value;
use switchtower_domain::{Citation, CitationKind, Document, Media, MediaKind, Part, PartKind, Source};

/// What each piece restates: its type, which its typed value says too.
const RESTATED: &[&str] = &["type"];

/// Reads one part of a message or of a tool's output.
pub(super) fn part(mut fields: Fields) -> Result<Part, DecodeError> {
    let at = fields.at().clone();
    let Some(name) = fields.peek_str("type").map(str::to_owned) else {
        fields.required_string("type")?;
        return Err(DecodeError::Missing { path: at.field("type") });
    };
    let kind = match name.as_str() {
        "input_text" | "output_text" | "text" => match fields.string("text")? {
            Some(text) => Some(PartKind::Text { text, citations: citations(&mut fields)? }),
            None => None,
        },
        "refusal" => fields.string("refusal")?.map(|text| PartKind::Refusal { text }),
        "input_image" => image(&mut fields)?,
        "input_file" => file(&mut fields)?,
        "input_audio" => audio(&mut fields)?,
        _ => None,
    };
    let kind = match kind {
        Some(kind) => kind,
        None => {
            let map = fields.rest_map();
            return Ok(Part { at, ..Part::new(PartKind::Native { name, value: Value::Object(map) }) });
        }
    };
    Ok(Part { kind, cache: None, extras: fields.rest().restating(RESTATED), at })
}

fn image(fields: &mut Fields) -> Result<Option<PartKind>, DecodeError> {
    let source = match fields.string("image_url")? {
        Some(url) => content::source_of_url(url),
        None => match fields.string("file_id")? {
            Some(id) => Source::File(id),
            None => return Ok(None),
        },
    };
    Ok(Some(PartKind::Media(Media { kind: MediaKind::Image, source, detail: fields.string("detail")? })))
}

fn audio(fields: &mut Fields) -> Result<Option<PartKind>, DecodeError> {
    fields.nested("input_audio", |audio| {
        let (Some(data), Some(media_type)) = (audio.string("data")?, audio.string("format")?) else { return Ok(None) };
        let source = Source::Base64 { media_type, data };
        Ok(Some(PartKind::Media(Media { kind: MediaKind::Audio, source, detail: None })))
    })
}

fn file(fields: &mut Fields) -> Result<Option<PartKind>, DecodeError> {
    let source = if let Some(data) = fields.string("file_data")? {
        let source = content::source_of_url(data);
        if matches!(source, Source::Url(_)) {
            fields.lack(DATA_URL);
        }
        source
    } else if let Some(id) = fields.string("file_id")? {
        Source::File(id)
    } else if let Some(url) = fields.string("file_url")? {
        Source::Url(url)
    } else {
        return Ok(None);
    };
    let title = fields.string("filename")?;
    Ok(Some(PartKind::Document(Document { source, title, context: None, citations: None })))
}

/// What a file lacks whose data is bare.
const DATA_URL: &str = "data url";

fn citations(fields: &mut Fields) -> Result<Vec<Citation>, DecodeError> {
    let usual = |list: &Json<'_>| {
        list.as_array().is_some_and(|list| list.iter().all(|item| item.get("type").is_some_and(Json::is_string)))
    };
    if !fields.peek("annotations").is_some_and(usual) {
        return Ok(Vec::new());
    }
    let items = fields.list("annotations")?.unwrap_or_default();
    items.into_iter().map(|item| citation(fields.beneath(item, "annotations")?)).collect()
}

/// Reads one annotation.
pub(super) fn citation(mut fields: Fields) -> Result<Citation, DecodeError> {
    let word = fields.required_string("type")?;
    let kind = match (word.as_str(), fields.peek("url")) {
        ("url_citation", Some(Json::String(_))) => CitationKind::Url {
            url: fields.required_string("url")?,
            start: fields.u64("start_index")?,
            end: fields.u64("end_index")?,
        },
        _ => CitationKind::Other(word),
    };
    Ok(Citation { kind, cited_text: None, title: fields.string("title")?, extras: fields.rest() })
}

/// One annotation, if Responses has a form for it.
pub(super) fn annotation(citation: &Citation, same: bool) -> Option<Object> {
    let mut object = match &citation.kind {
        CitationKind::Url { url, start, end } => {
            let mut object = Object::typed("url_citation").with("url", url.as_str());
            if same {
                object.maybe("start_index", *start);
                object.maybe("end_index", *end);
            } else {
                // Clients expect the two.
                object.set("start_index", start.unwrap_or_default());
                object.set("end_index", end.unwrap_or_default());
            }
            object
        }
        CitationKind::Other(word) if same => Object::typed(word),
        CitationKind::Other(_) | CitationKind::Characters { .. } | CitationKind::Pages { .. } => return None,
    };
    match &citation.title {
        Some(title) => object.set("title", title.as_str()),
        None if !same => object.set("title", ""),
        None => {}
    }
    if same {
        citation.extras.overlay(object.map_mut());
    }
    Some(object)
}

/// Which side of the conversation a message's text is written for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// What the model is told.
    Input,
    /// What the model said.
    Output,
}

/// Writes one part; what has no form here is named in a notice.
pub(super) fn part_object(part: &Part, side: Side, out: &mut ExtrasWriter<'_>) -> Option<Object> {
    let mut object = Object::new();
    let word = match &part.kind {
        PartKind::Text { text, citations } => {
            object.set("text", text.as_str());
            let written: Vec<Value> =
                citations.iter().filter_map(|one| annotation(one, out.same)).map(Value::from).collect();
            if written.len() < citations.len() {
                out.hint(part.at.beneath(out.terms().citations), "a citation of this kind has no place");
            }
            if !written.is_empty() || (!out.same && side == Side::Output) {
                object.set("annotations", written);
            }
            if side == Side::Output { "output_text" } else { "input_text" }
        }
        PartKind::Refusal { text } => {
            object.set("refusal", text.as_str());
            "refusal"
        }
        PartKind::Media(media) => media_part(media, part, &mut object, out)?,
        PartKind::Document(document) => document_part(document, part, &mut object, out)?,
        PartKind::Native { value: Value::Object(map), .. } if out.same => {
            map.clone_into(object.map_mut());
            return Some(object);
        }
        _ => {
            out.meaning(part.at.path(), "is known to its own dialect only");
            return None;
        }
    };
    if !out.same {
        let mut typed = Object::typed(word);
        typed.map_mut().extend(object.into_map());
        object = typed;
        if part.cache.is_some() {
            out.hint(part.at.field("cache_control"), "cache markers have no place in the target's dialect");
        }
    }
    out.write(&part.extras, &part.at, &mut object);
    Some(object)
}

fn media_part(media: &Media, part: &Part, object: &mut Object, out: &mut ExtrasWriter<'_>) -> Option<&'static str> {
    match (media.kind, &media.source) {
        (MediaKind::Audio, Source::Base64 { media_type, data }) if out.same => {
            let format = media_type.as_str();
            object.set("input_audio", Object::new().with("data", data.as_str()).with("format", format));
            return Some("input_audio");
        }
        (MediaKind::Image, Source::Url(url)) => object.set("image_url", url.as_str()),
        (MediaKind::Image, Source::Base64 { media_type, data }) => {
            object.set("image_url", format!("data:{media_type};base64,{data}"));
        }
        (MediaKind::Image, Source::File(id)) if out.same => object.set("file_id", id.as_str()),
        (MediaKind::Video | MediaKind::Audio, _) => {
            out.meaning(part.at.path(), "sound and film have no place in the target's dialect");
            return None;
        }
        (MediaKind::Image, Source::File(_) | Source::Text { .. } | Source::Parts { .. }) => {
            out.meaning(part.at.path(), "a file that another account keeps cannot be referred to");
            return None;
        }
    }
    match &media.detail {
        Some(detail) => object.set("detail", detail.as_str()),
        // The specification requires the word, and `auto` is what its absence means elsewhere.
        None if !out.same => object.set("detail", "auto"),
        None => {}
    }
    Some("input_image")
}

fn document_part(
    document: &Document,
    part: &Part,
    object: &mut Object,
    out: &mut ExtrasWriter<'_>,
) -> Option<&'static str> {
    let at = &part.at;
    if document.title.is_none() || part.extras.lacks("file") || part.extras.lacks(DATA_URL) {
        out.hint(at.path(), "a document becomes one of the target's own form");
    }
    if document.citations == Some(true) {
        out.meaning(at.field("citations"), "citations of documents cannot be asked for");
    } else if document.citations.is_some() {
        out.hint(at.field("citations"), "documents are not cited here");
    }
    if document.context.is_some() {
        out.meaning(at.field("context"), "a document has no context in the target's dialect");
    }
    match &document.source {
        Source::Url(data) if out.same && part.extras.lacks(DATA_URL) => object.set("file_data", data.as_str()),
        Source::Url(url) => object.set("file_url", url.as_str()),
        Source::Base64 { media_type, data } => object.set("file_data", format!("data:{media_type};base64,{data}")),
        Source::File(id) if out.same => object.set("file_id", id.as_str()),
        Source::Text { data, .. } => {
            out.hint(at.path(), "a document of text becomes text");
            let titled = document.title.as_ref().map_or_else(|| data.clone(), |title| format!("{title}\n\n{data}"));
            object.set("text", titled);
            return Some("input_text");
        }
        Source::File(_) | Source::Parts { .. } => {
            out.meaning(at.path(), "a document of this source has no place in the target's dialect");
            return None;
        }
    }
    match &document.title {
        Some(title) => object.set("filename", title.as_str()),
        None if !out.same && matches!(document.source, Source::Base64 { .. }) => {
            out.hint(at.field("title"), "a file needs a name");
            object.set("filename", "document.pdf");
        }
        None => {}
    }
    Some("input_file")
}
