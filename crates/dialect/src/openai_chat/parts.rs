//! The pieces of messages, which requests and answers share.

use super::wire;
use crate::fields::Fields;
use crate::render::{ExtrasWriter, Object};
use crate::{DecodeError, Json, cache_control, content};
use serde_json::Value;
use switchtower_domain::{
    Citation, CitationKind, Document, Media, MediaKind, Part, PartKind, Reasoning, ReasoningField, Source,
};

/// What a refusal lacks that was written as a part of `content`.
pub(super) const MESSAGE_REFUSAL: &str = "message refusal";

/// What a document lacks that was written by its address, as Mistral has it.
const FILE_FORM: &str = "file";

/// Reads one part.
pub(super) fn part(mut fields: Fields) -> Result<Part, DecodeError> {
    let at = fields.at().clone();
    let cache = cache_control::read(&mut fields)?;
    let name = fields.required_string("type")?;
    let kind = match name.as_str() {
        "text" => fields.string("text")?.map(|text| PartKind::Text { text, citations: Vec::new() }),
        "refusal" => {
            fields.lack(MESSAGE_REFUSAL);
            fields.string("refusal")?.map(|text| PartKind::Refusal { text })
        }
        "image_url" => media(&mut fields, "image_url", MediaKind::Image)?,
        "video_url" => media(&mut fields, "video_url", MediaKind::Video)?,
        "input_audio" => audio(&mut fields)?,
        "file" => file(&mut fields)?,
        "document_url" => {
            fields.lack(FILE_FORM);
            let title = fields.string("document_name")?;
            fields.string("document_url")?.map(|url| {
                let source = content::source_of_url(url);
                PartKind::Document(Document { source, title, context: None, citations: None })
            })
        }
        "thinking" => thinking(&mut fields),
        _ => None,
    };
    let kind = match kind {
        Some(kind) => kind,
        None => {
            let mut map = fields.rest_map();
            map.insert("type".to_owned(), Value::String(name.clone()));
            return Ok(Part { cache, at, ..Part::new(PartKind::Native { name, value: Value::Object(map) }) });
        }
    };
    Ok(Part { kind, cache, extras: fields.rest(), at })
}

fn media(fields: &mut Fields, key: &'static str, kind: MediaKind) -> Result<Option<PartKind>, DecodeError> {
    // Mistral also takes the bare URL where others want an object around it.
    if fields.peek(key).is_some_and(Json::is_string) {
        let url = fields.required_string(key)?;
        fields.lack(key);
        return Ok(Some(PartKind::Media(Media { kind, source: content::source_of_url(url), detail: None })));
    }
    fields.nested(key, |object| {
        let Some(url) = object.string("url")? else {
            return Ok(None);
        };
        Ok(Some(PartKind::Media(Media { kind, source: content::source_of_url(url), detail: object.string("detail")? })))
    })
}

fn audio(fields: &mut Fields) -> Result<Option<PartKind>, DecodeError> {
    if !fields.peek("input_audio").is_some_and(|audio| audio.get("data").is_some() && audio.get("format").is_some()) {
        return Ok(None);
    }
    fields.nested("input_audio", |audio| {
        let data = audio.required_string("data")?;
        let media_type = audio.required_string("format")?;
        let source = Source::Base64 { media_type, data };
        Ok(Some(PartKind::Media(Media { kind: MediaKind::Audio, source, detail: None })))
    })
}

fn file(fields: &mut Fields) -> Result<Option<PartKind>, DecodeError> {
    let known = |file: &Json<'_>| {
        let data = file.get("file_data").and_then(Json::as_str);
        file.get("file_id").is_some_and(Json::is_string) != data.is_some()
    };
    if !fields.peek("file").is_some_and(known) {
        return Ok(None);
    }
    fields.nested("file", |file| {
        let source = match file.string("file_id")? {
            Some(id) => Source::File(id),
            None => {
                let source = content::source_of_url(file.required_string("file_data")?);
                if matches!(source, Source::Url(_)) {
                    file.lack("data url");
                }
                source
            }
        };
        Ok(Some(PartKind::Document(Document {
            source,
            title: file.string("filename")?,
            context: None,
            citations: None,
        })))
    })
}

/// Mistral's reasoning inside `content`: a list of text parts under `thinking`.
fn thinking(fields: &mut Fields) -> Option<PartKind> {
    let text = thinking_text(fields.peek("thinking")?)?;
    fields.take("thinking");
    Some(PartKind::Reasoning(Reasoning {
        text: Some(text),
        field: Some(ReasoningField::ThinkingParts),
        ..Reasoning::default()
    }))
}

/// The text of Mistral's list, if it is one bare text part.
pub(super) fn thinking_text(list: &Json<'_>) -> Option<String> {
    let [item] = list.as_array()?.as_slice() else {
        return None;
    };
    let bare = item.as_object()?.len() == 2 && item.get("type").and_then(Json::as_str) == Some("text");
    item.get("text").and_then(Json::as_str).filter(|_| bare).map(str::to_owned)
}

/// Reads the reasoning that vendors write beside `content`.
pub(super) fn reasoning(fields: &mut Fields) -> Result<Vec<Part>, DecodeError> {
    let mut parts = Vec::new();
    let details = reasoning_details(fields)?;
    for (key, field) in
        [("reasoning_content", ReasoningField::ReasoningContent), ("reasoning", ReasoningField::Reasoning)]
    {
        if !fields.peek(key).is_some_and(Json::is_string) {
            continue;
        }
        if let Some(text) = fields.text(key)? {
            let restated = !parts.is_empty() || details.iter().any(is_readable);
            let reasoning = Reasoning { text: Some(text), field: Some(field), restated, ..Reasoning::default() };
            parts.push(Part { at: fields.at().child(key), ..Part::new(PartKind::Reasoning(reasoning)) });
        }
    }
    parts.extend(details);
    Ok(parts)
}

fn is_readable(part: &Part) -> bool {
    matches!(&part.kind, PartKind::Reasoning(Reasoning { text, summary, .. }) if text.is_some() || summary.is_some())
}

fn reasoning_details(fields: &mut Fields) -> Result<Vec<Part>, DecodeError> {
    if !fields
        .peek("reasoning_details")
        .is_some_and(|list| list.as_array().is_some_and(|l| l.iter().all(Json::is_object)))
    {
        return Ok(Vec::new());
    }
    let items = fields.list("reasoning_details")?.unwrap_or_default();
    items
        .into_iter()
        .enumerate()
        .map(|(index, item)| {
            let at = fields.at().element("reasoning_details", index);
            reasoning_detail(fields.beneath(item, at.path())?)
        })
        .collect()
}

/// One entry of `OpenRouter`'s `reasoning_details`.
/// Source: <https://openrouter.ai/docs/use-cases/reasoning-tokens>
pub(super) fn reasoning_detail(mut fields: Fields) -> Result<Part, DecodeError> {
    let at = fields.at().clone();
    let mut reasoning = Reasoning { field: Some(ReasoningField::ReasoningDetails), ..Reasoning::default() };
    match fields.peek_str("type") {
        Some("reasoning.text") => reasoning.text = fields.string("text")?,
        Some("reasoning.summary") => reasoning.summary = fields.string("summary")?,
        Some("reasoning.encrypted") => reasoning.sealed = fields.string("data")?,
        _ => {}
    }
    if reasoning.summary.is_none() && reasoning.sealed.is_none() {
        reasoning.signature = fields.string("signature")?;
    }
    // An entry may hold a signature and no text; its type then says what it would be.
    let said = detail_type(&reasoning);
    fields.constant("type", said);
    reasoning.id = fields.string("id")?;
    reasoning.format = fields.string("format")?;
    Ok(Part { kind: PartKind::Reasoning(reasoning), cache: None, extras: fields.rest(), at })
}

pub(super) const fn detail_type(reasoning: &Reasoning) -> &'static str {
    if reasoning.sealed.is_some() {
        "reasoning.encrypted"
    } else if reasoning.summary.is_some() {
        "reasoning.summary"
    } else {
        "reasoning.text"
    }
}

pub(super) fn reasoning_detail_object(reasoning: &Reasoning, part: &Part) -> Object {
    let mut object = Object::new();
    object.constant("type", detail_type(reasoning), &part.extras);
    object.maybe("text", reasoning.text.clone());
    object.maybe("summary", reasoning.summary.clone());
    object.maybe("data", reasoning.sealed.clone());
    object.maybe("signature", reasoning.signature.clone());
    object.maybe("id", reasoning.id.clone());
    object.maybe("format", reasoning.format.clone());
    part.extras.overlay(object.map_mut());
    object
}

/// `annotations` of a message: web pages that the text cites.
pub(super) fn citations(fields: &mut Fields) -> Result<Vec<Citation>, DecodeError> {
    let items = fields.list("annotations")?.unwrap_or_default();
    items.into_iter().map(|item| citation(fields.beneath(item, "annotations")?)).collect()
}

pub(super) fn citation(mut fields: Fields) -> Result<Citation, DecodeError> {
    let kind = fields.required_string("type")?;
    if kind != "url_citation" {
        return Ok(Citation { kind: CitationKind::Other(kind), cited_text: None, title: None, extras: fields.rest() });
    }
    let (kind, cited_text, title) = fields.nested("url_citation", |page| {
        let url = page.expected_string("url")?;
        let kind = CitationKind::Url { url, start: page.u64("start_index")?, end: page.u64("end_index")? };
        Ok((Some(kind), page.string("content")?, page.string("title")?))
    })?;
    let kind = kind.unwrap_or_else(|| CitationKind::Other("url_citation".to_owned()));
    Ok(Citation { kind, cited_text, title, extras: fields.rest() })
}

/// One annotation, if Chat Completions has a form for it.
pub(super) fn annotation(citation: &Citation, same: bool) -> Option<Object> {
    let mut object = match &citation.kind {
        CitationKind::Url { url, start, end } => {
            let mut page = Object::new();
            if !(citation.extras.lacks("url") && url.is_empty()) {
                page.set("url", url.as_str());
            }
            page.maybe("title", citation.title.clone());
            page.maybe("content", citation.cited_text.clone());
            page.maybe("start_index", *start);
            page.maybe("end_index", *end);
            Object::typed("url_citation").with("url_citation", page)
        }
        CitationKind::Other(kind) if same => Object::typed(kind),
        CitationKind::Other(_) | CitationKind::Characters { .. } | CitationKind::Pages { .. } => {
            return None;
        }
    };
    if same {
        citation.extras.overlay(object.map_mut());
    }
    Some(object)
}

/// One part of a `content` list, if Chat Completions has a form for it; what has none is named in a notice.
pub(super) fn content_part(part: &Part, out: &mut ExtrasWriter<'_>, cache_markers: bool) -> Option<Object> {
    let at = &part.at;
    let mut object = match &part.kind {
        PartKind::Text { text, .. } => Object::typed("text").with("text", text.as_str()),
        PartKind::Refusal { text } => Object::typed("refusal").with("refusal", text.as_str()),
        PartKind::Media(media) => media_part(media, part, out)?,
        PartKind::Document(document) => document_part(document, part, out)?,
        PartKind::Reasoning(reasoning) if reasoning.field == Some(ReasoningField::ThinkingParts) => {
            let text = Object::typed("text").with("text", reasoning.text.as_deref().unwrap_or_default());
            let mut object = Object::typed("thinking");
            if part.extras.get("thinking").is_none() {
                object.set("thinking", vec![Value::from(text)]);
            }
            object
        }
        PartKind::Native { name, value: Value::Object(map) } if out.same => {
            let mut object = Object::new();
            map.clone_into(object.map_mut());
            object.set("type", name.as_str());
            object
        }
        PartKind::Native { .. } | PartKind::ProviderItem(_) => {
            out.meaning(at, "is known to its own dialect only");
            return None;
        }
        PartKind::Reasoning(_) | PartKind::ToolCall(_) | PartKind::ToolResult(_) => return None,
    };
    if let Some(marker) = &part.cache {
        if out.same || cache_markers {
            object.set("cache_control", cache_control::object(marker));
        } else {
            out.hint(part.at.field("cache_control"), "cache markers have no place in the target's dialect");
        }
    }
    out.write(&part.extras, at, &mut object);
    Some(object)
}

fn media_part(media: &Media, part: &Part, out: &mut ExtrasWriter<'_>) -> Option<Object> {
    let (kind, key) = match media.kind {
        MediaKind::Image => ("image_url", "image_url"),
        MediaKind::Video => ("video_url", "video_url"),
        MediaKind::Audio => ("input_audio", "input_audio"),
    };
    let url = match &media.source {
        Source::Base64 { media_type, data } if media.kind == MediaKind::Audio => {
            let format = if out.same { Some(media_type.as_str()) } else { content::sound_format(media_type) };
            let Some(format) = format else {
                out.meaning(part.at.path(), "sound of this media type has no place in the target's dialect");
                return None;
            };
            if !out.same && media_type.split('/').next_back() != Some(format) {
                out.hint(part.at.path(), "the media type is said by its bare format");
            }
            let audio = Object::new().with("data", data.as_str()).with("format", format);
            return Some(Object::typed(kind).with(key, audio));
        }
        // Vendors of their own take films; what comes from elsewhere is not known to be one of theirs.
        _ if !out.same && media.kind != MediaKind::Image => {
            out.meaning(part.at.path(), "sound at a URL and film have no place in the target's dialect");
            return None;
        }
        Source::Url(url) => url.clone(),
        Source::Base64 { media_type, data } => format!("data:{media_type};base64,{data}"),
        Source::File(_) | Source::Text { .. } | Source::Parts { .. } => {
            out.meaning(part.at.path(), "a file that another account keeps cannot be referred to");
            return None;
        }
    };
    if part.extras.lacks(key) {
        return Some(Object::typed(kind).with(key, url));
    }
    let mut inner = Object::new().with("url", url);
    inner.maybe("detail", media.detail.clone());
    Some(Object::typed(kind).with(key, inner))
}

fn document_part(document: &Document, part: &Part, out: &mut ExtrasWriter<'_>) -> Option<Object> {
    let at = &part.at;
    if document.citations == Some(true) {
        out.meaning(at.field("citations"), "citations of documents cannot be asked for");
    }
    if document.context.is_some() {
        out.meaning(at.field("context"), "a document has no context in the target's dialect");
    }
    let mut file = Object::new();
    match &document.source {
        Source::Url(data) if out.same && part.extras.lacks("data url") => file.set("file_data", data.as_str()),
        Source::Url(_) | Source::Base64 { .. } if out.same && part.extras.lacks(FILE_FORM) => {
            let url = match &document.source {
                Source::Base64 { media_type, data } => format!("data:{media_type};base64,{data}"),
                Source::Url(url) => url.clone(),
                _ => return None,
            };
            let mut object = Object::typed("document_url").with("document_url", url);
            object.maybe("document_name", document.title.clone());
            return Some(object);
        }
        Source::Base64 { media_type, data } => file.set("file_data", format!("data:{media_type};base64,{data}")),
        Source::File(id) if out.same => file.set("file_id", id.as_str()),
        Source::Text { data, .. } => {
            out.hint(at.path(), "a document of text becomes text");
            let titled = document.title.as_ref().map_or_else(|| data.clone(), |title| format!("{title}\n\n{data}"));
            return Some(Object::typed("text").with("text", titled));
        }
        Source::Url(_) | Source::File(_) | Source::Parts { .. } => {
            out.meaning(at.path(), "a document of this source has no place in the target's dialect");
            return None;
        }
    }
    match &document.title {
        Some(title) => file.set("filename", title.as_str()),
        None if !out.same => {
            out.hint(at.field("title"), "a file needs a name");
            file.set("filename", "document.pdf");
        }
        None => {}
    }
    Some(Object::typed("file").with("file", file))
}

/// The words for reasoning that another vendor's variant takes back in a plain string.
pub(super) const fn reasoning_key(field: ReasoningField) -> Option<&'static str> {
    match field {
        ReasoningField::ReasoningContent => Some("reasoning_content"),
        ReasoningField::Reasoning => Some("reasoning"),
        ReasoningField::ReasoningDetails | ReasoningField::ThinkingParts => None,
    }
}

/// The word for why a choice ended: the vendor's own, where it goes back into the dialect that it came from.
pub(super) fn stop_value(stop: &switchtower_domain::Stop, same: bool) -> Value {
    let own = stop.own_word().filter(|_| same);
    Value::from(own.unwrap_or_else(|| wire::stop_word(&stop.reason)))
}
