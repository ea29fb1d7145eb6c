//! The pieces of messages, which requests and answers share.

use crate::fields::Fields;
use crate::render::{ExtrasWriter, Object};
use crate::{DecodeError, Json, content};
use serde_json::{Map, Value};
use switchtower_domain::{
    Document, Extras, Media, MediaKind, Part, PartKind, Reasoning, Source, ToolCall, ToolCallKind,
};

/// Marks reasoning that stood as the plan for calls, beside the content.
const PLAN: &str = "thinking part";
/// Marks a document whose data is a text and no object.
const DATA_TEXT: &str = "data as object";

/// What the data of documents is.
const PLAIN: &str = "text/plain";

/// Reads the plan for calls, if there is one.
pub(super) fn plan(fields: &mut Fields) -> Result<Option<Part>, DecodeError> {
    let at = fields.at().child("tool_plan");
    Ok(fields.text("tool_plan")?.map(|text| Part { at, ..planned(text) }))
}

/// A plan for calls as reasoning.
pub(super) fn planned(text: String) -> Part {
    let reasoning = Reasoning { text: Some(text), ..Reasoning::default() };
    Part { extras: Extras::new(Map::new(), vec![PLAN.to_owned()]), ..Part::new(PartKind::Reasoning(reasoning)) }
}

/// Whether a part of this dialect is the plan for calls.
pub(super) fn is_plan(part: &Part) -> bool {
    part.extras.lacks(PLAN)
}

/// Reads one part of content.
pub(super) fn part(mut fields: Fields) -> Result<Part, DecodeError> {
    let at = fields.at().clone();
    let name = fields.required_string("type")?;
    let kind = match name.as_str() {
        "text" => fields.string("text")?.map(|text| PartKind::Text { text, citations: Vec::new() }),
        "thinking" => fields
            .string("thinking")?
            .map(|text| PartKind::Reasoning(Reasoning { text: Some(text), ..Reasoning::default() })),
        "image_url" => fields.nested("image_url", image)?,
        "document" => fields.nested("document", document)?,
        _ => None,
    };
    let Some(kind) = kind else {
        let mut map = fields.rest_map();
        map.insert("type".to_owned(), Value::String(name.clone()));
        return Ok(Part { at, ..Part::new(PartKind::Native { name, value: Value::Object(map) }) });
    };
    Ok(Part { kind, cache: None, extras: fields.rest(), at })
}

fn image(image: &mut Fields) -> Result<Option<PartKind>, DecodeError> {
    let Some(url) = image.string("url")? else { return Ok(None) };
    let source = content::source_of_url(url);
    Ok(Some(PartKind::Media(Media { kind: MediaKind::Image, source, detail: image.string("detail")? })))
}

/// A document holds named texts; told elsewhere, it is the JSON of them.
fn document(document: &mut Fields) -> Result<Option<PartKind>, DecodeError> {
    let data = match document.peek("data") {
        Some(Json::String(_)) => {
            document.lack(DATA_TEXT);
            document.string("data")?
        }
        Some(Json::Object(_)) => document.any("data").map(|data| data.to_string()),
        _ => None,
    };
    Ok(data.map(|data| {
        let source = Source::Text { media_type: PLAIN.to_owned(), data };
        PartKind::Document(Document { source, title: None, context: None, citations: None })
    }))
}

/// One part of content, if Cohere has a form for it; what has none is named in a notice.
pub(super) fn content_part(part: &Part, out: &mut ExtrasWriter<'_>) -> Option<Object> {
    let at = &part.at;
    let mut object = match &part.kind {
        PartKind::Text { text, .. } => Object::typed("text").with("text", text.as_str()),
        PartKind::Refusal { text } => {
            out.hint(at, "the words of a refusal become text");
            Object::typed("text").with("text", text.as_str())
        }
        PartKind::Reasoning(reasoning) => {
            let text = reasoning.text.as_deref().or(reasoning.summary.as_deref())?;
            Object::typed("thinking").with("thinking", text)
        }
        PartKind::Media(media) => image_part(media, part, out)?,
        PartKind::Document(Document { source: Source::Text { media_type, data }, .. })
            if out.same && media_type == PLAIN =>
        {
            let read = serde_json::from_str::<Map<String, Value>>(data).map(Value::Object);
            let data = read.ok().filter(|_| !part.extras.lacks(DATA_TEXT)).unwrap_or_else(|| data.as_str().into());
            Object::typed("document").with("document", Object::new().with("data", data))
        }
        PartKind::Document(document) => {
            Object::typed("document").with("document", Object::new().with("data", document_data(document, part, out)?))
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
        PartKind::ToolCall(_) | PartKind::ToolResult(_) => return None,
    };
    if part.cache.is_some() {
        out.hint(part.at.field("cache_control"), "caches are kept without being asked for");
    }
    out.write(&part.extras, at, &mut object);
    Some(object)
}

fn image_part(media: &Media, part: &Part, out: &mut ExtrasWriter<'_>) -> Option<Object> {
    let url = match &media.source {
        _ if media.kind != MediaKind::Image => {
            out.meaning(part.at.path(), "sound and film have no place in the target's dialect");
            return None;
        }
        Source::Url(url) => url.clone(),
        Source::Base64 { media_type, data } => format!("data:{media_type};base64,{data}"),
        Source::File(_) | Source::Text { .. } | Source::Parts { .. } => {
            out.meaning(part.at.path(), "a file that another account keeps cannot be referred to");
            return None;
        }
    };
    let mut image = Object::new().with("url", url);
    image.maybe("detail", media.detail.clone());
    Some(Object::typed("image_url").with("image_url", image))
}

/// What another dialect's document holds, if that is text.
pub(super) fn document_data(document: &Document, part: &Part, out: &mut ExtrasWriter<'_>) -> Option<Object> {
    let text = match &document.source {
        Source::Parts { parts, .. } if parts.iter().all(|part| matches!(part.kind, PartKind::Text { .. })) => {
            let texts = parts.iter().filter_map(|part| match &part.kind {
                PartKind::Text { text, .. } => Some(text.as_str()),
                _ => None,
            });
            Some(texts.collect::<Vec<_>>().join("\n"))
        }
        source => content::plain_text(source),
    };
    let Some(text) = text else {
        out.meaning(part.at.path(), "a document that is no text has no place in the target's dialect");
        return None;
    };
    out.hint(part.at.path(), "a document becomes one of the target's own form");
    let mut data = Object::new().with("text", text);
    data.maybe("title", document.title.clone());
    data.maybe("context", document.context.clone());
    Some(data)
}

/// The arguments of another dialect's call as JSON text.
pub(super) fn arguments(call: &ToolCall) -> String {
    match call.kind {
        ToolCallKind::Custom => Value::from(Object::new().with("input", call.arguments.as_str())).to_string(),
        ToolCallKind::Function if call.arguments.is_empty() => "{}".to_owned(),
        ToolCallKind::Function => call.arguments.clone(),
    }
}
