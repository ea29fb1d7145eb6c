//! Content blocks, which requests, answers and streams share: reading. Writing is in `parts_out.rs`.
//!
//! A block is an object of one member, whose name says what it is. A cache point is a block of its own that marks what
//! stands before it; in the canonical form it is a marker of that part.

use super::{citations, formats};
use crate::fields::Fields;
use crate::{DecodeError, Json, seal};
use serde_json::Value;
use switchtower_domain::{
    CacheMarker, CacheTtl, Document, Extras, Media, MediaKind, Part, PartKind, ProviderItem, Reasoning, Source,
    ToolCall, ToolCallKind, ToolResult,
};

/// Marks a text that stands among what a guardrail looks at.
pub(super) const GUARDED: &str = "guardContent";
/// Marks a text that stands with its citations.
pub(super) const CITING: &str = "citationsContent";
/// Marks a text that is a value of JSON.
pub(super) const JSON: &str = "json";
/// Marks a document that is the result of a search.
pub(super) const FOUND: &str = "searchResult";
/// Marks media whose format is not said.
pub(super) const FORMAT: &str = "format";
/// Marks a citing block that has no text.
pub(super) const NO_TEXT: &str = "content";

/// Reads a list of blocks.
pub(super) fn list(fields: &mut Fields, key: &'static str) -> Result<Vec<Part>, DecodeError> {
    let items = fields.list(key)?.unwrap_or_default();
    let at = fields.at().child(key);
    let mut parts: Vec<Part> = Vec::with_capacity(items.len());
    for (place, item) in items.into_iter().enumerate() {
        let marker = cache_point(&item);
        match (marker, parts.last_mut().filter(|last| last.cache.is_none())) {
            (Some(marker), Some(last)) => last.cache = Some(marker),
            _ => parts.push(block(fields.beneath_at(item, at.item(place))?)?),
        }
    }
    Ok(parts)
}

/// The marker that a block is, if it is one and nothing else.
pub(super) fn cache_point(block: &Json<'_>) -> Option<CacheMarker> {
    let [(name, point)] = block.as_object()?.as_slice() else { return None };
    let members = point.as_object().filter(|_| name == "cachePoint")?;
    let known = members.iter().all(|(name, value)| match &**name {
        "type" => *value == "default",
        "ttl" => value.is_string(),
        _ => false,
    });
    let ttl = point.get("ttl").and_then(Json::as_str).map(|word| match word {
        "5m" => CacheTtl::FiveMinutes,
        "1h" => CacheTtl::OneHour,
        other => CacheTtl::Other(other.to_owned()),
    });
    (known && point.get("type").is_some()).then(|| CacheMarker { ttl, extras: Extras::none() })
}

/// Reads one block.
pub(super) fn block(mut fields: Fields) -> Result<Part, DecodeError> {
    let at = fields.at().clone();
    let kind = match kind(&mut fields)? {
        Some(kind) => kind,
        None => {
            let name = fields.names().next().unwrap_or_default().to_owned();
            let native = PartKind::Native { name, value: Value::Object(fields.rest_map()) };
            return Ok(Part { at, ..Part::new(native) });
        }
    };
    // The kind of a block says no more than its name does.
    let extras = fields.rest().restating(&["toolUse"]);
    Ok(Part { kind, cache: None, extras, at })
}

fn kind(fields: &mut Fields) -> Result<Option<PartKind>, DecodeError> {
    if let Some(text) = fields.string("text")? {
        return Ok(Some(PartKind::Text { text, citations: Vec::new() }));
    }
    let known = [
        "toolUse",
        "toolResult",
        "reasoningContent",
        "image",
        "document",
        "video",
        "audio",
        "guardContent",
        "citationsContent",
        "searchResult",
        "json",
    ];
    let Some(name) = known.into_iter().find(|name| fields.peek(name).is_some_and(|value| !value.is_null())) else {
        return Ok(None);
    };
    match name {
        "json" => {
            fields.lack(JSON);
            let text = fields.any("json").unwrap_or_default().to_string();
            Ok(Some(PartKind::Text { text, citations: Vec::new() }))
        }
        _ if !fields.peek(name).is_some_and(Json::is_object) => Ok(None),
        "toolUse" => fields.nested("toolUse", |call| tool_use(call).map(Some)),
        "toolResult" => fields.nested("toolResult", |result| tool_result(result).map(Some)),
        "reasoningContent" => fields.nested("reasoningContent", reasoning),
        "image" => fields.nested("image", |image| media(image, MediaKind::Image)),
        "video" => fields.nested("video", |video| media(video, MediaKind::Video)),
        "audio" => fields.nested("audio", |audio| media(audio, MediaKind::Audio)),
        "document" => fields.nested("document", document),
        "guardContent" => guarded(fields),
        "searchResult" => fields.nested("searchResult", found),
        _ => fields.nested("citationsContent", citing),
    }
}

fn tool_use(call: &mut Fields) -> Result<PartKind, DecodeError> {
    if call.peek_str("type") == Some(SERVER_TOOL) {
        call.any("type");
        return Ok(PartKind::ProviderItem(ProviderItem {
            kind: "toolUse".to_owned(),
            id: call.string("toolUseId")?,
            name: call.string("name")?,
            input: Some(call.any("input").map(|input| input.to_string()).unwrap_or_else(|| {
                call.lack("input");
                String::new()
            })),
            content: None,
        }));
    }
    let id = call.expected_string("toolUseId")?;
    let name = call.expected_string("name")?;
    let arguments = match call.any("input") {
        Some(input) => input.to_string(),
        None => {
            call.lack("input");
            String::new()
        }
    };
    Ok(PartKind::ToolCall(ToolCall { id, name, arguments, kind: ToolCallKind::Function }))
}

/// What a call of a tool that the provider runs is marked with.
pub(super) const SERVER_TOOL: &str = "server_tool_use";

fn tool_result(result: &mut Fields) -> Result<PartKind, DecodeError> {
    // Results of tools that the provider ran say of which.
    if result.peek("type").is_some_and(Json::is_string) {
        let (id, content) = (result.string("toolUseId")?, result.any("content"));
        let item = ProviderItem { kind: "toolResult".to_owned(), id, name: None, input: None, content };
        return Ok(PartKind::ProviderItem(item));
    }
    let call_id = result.expected_string("toolUseId")?;
    let is_error = match result.peek_str("status") {
        Some("error") => Some(true),
        Some("success") => Some(false),
        _ => None,
    };
    if is_error.is_some() {
        result.any("status");
    }
    let content = list(result, "content")?;
    let content = if content.is_empty() { None } else { Some(content) };
    Ok(PartKind::ToolResult(ToolResult { call_id, content, plain: false, is_error }))
}

pub(super) fn reasoning(content: &mut Fields) -> Result<Option<PartKind>, DecodeError> {
    if let Some(sealed) = content.string("redactedContent")? {
        let sealed = Some(seal::read(sealed));
        return Ok(Some(PartKind::Reasoning(Reasoning { sealed, ..Reasoning::default() })));
    }
    let spoken = content.peek("reasoningText").and_then(|text| text.get("text")).is_some_and(Json::is_string);
    if !spoken {
        return Ok(None);
    }
    content.nested("reasoningText", |spoken| {
        let (text, signature) = (spoken.string("text")?, spoken.string("signature")?);
        Ok(Some(PartKind::Reasoning(Reasoning { text, signature, ..Reasoning::default() })))
    })
}

/// Where bytes are, if they are here or in a bucket of the account; the rest of the object stays.
fn source(object: &mut Fields) -> Result<Option<Source>, DecodeError> {
    let format = object.peek_str("format").unwrap_or_default().to_owned();
    object.nested("source", |source| {
        if let Some(data) = source.string("bytes")? {
            return Ok(Some(Source::Base64 { media_type: format, data }));
        }
        if source.peek("s3Location").and_then(|place| place.get("uri")).is_some_and(Json::is_string) {
            return source.nested("s3Location", |place| Ok(place.string("uri")?.map(Source::File)));
        }
        Ok(None)
    })
}

fn media(object: &mut Fields, kind: MediaKind) -> Result<Option<PartKind>, DecodeError> {
    let source = match source(object)? {
        Some(Source::Base64 { media_type: format, data }) => {
            if object.string("format")?.is_none() {
                object.lack(FORMAT);
            }
            Source::Base64 { media_type: formats::media_type(kind, &format), data }
        }
        Some(source) => source,
        None => return Ok(None),
    };
    Ok(Some(PartKind::Media(Media { kind, source, detail: None })))
}

fn document(object: &mut Fields) -> Result<Option<PartKind>, DecodeError> {
    let elsewhere = source(object)?;
    let here = match elsewhere {
        Some(source) => Some(source),
        None => object.nested("source", |source| {
            if let Some(data) = source.string("text")? {
                return Ok(Some(Source::Text { media_type: String::new(), data }));
            }
            if source.peek("content").is_some_and(Json::is_array) {
                return Ok(Some(Source::Parts { parts: list(source, "content")?, plain: false }));
            }
            Ok(None)
        })?,
    };
    let Some(mut source) = here else { return Ok(None) };
    if let Source::Base64 { media_type, .. } | Source::Text { media_type, .. } = &mut source {
        *media_type = match object.string("format")? {
            Some(format) => formats::document_type(&format),
            None => {
                object.lack(FORMAT);
                "text/plain".to_owned()
            }
        };
    }
    Ok(Some(PartKind::Document(Document {
        source,
        title: object.string("name")?,
        context: object.string("context")?,
        citations: object.nested("citations", |citations| citations.bool("enabled"))?,
    })))
}

/// A result of a search is a document that says where it was found.
fn found(object: &mut Fields) -> Result<Option<PartKind>, DecodeError> {
    if !object.peek("content").is_some_and(Json::is_array) {
        return Ok(None);
    }
    object.lack(FOUND);
    let source = Source::Parts { parts: list(object, "content")?, plain: false };
    let title = object.string("title")?;
    let citations = object.nested("citations", |citations| citations.bool("enabled"))?;
    Ok(Some(PartKind::Document(Document { source, title, context: None, citations })))
}

/// A text for a guardrail is a text for the model as well.
fn guarded(fields: &mut Fields) -> Result<Option<PartKind>, DecodeError> {
    let text = fields.nested("guardContent", |guarded| {
        if !guarded.peek("text").is_some_and(Json::is_object) {
            return Ok(None);
        }
        guarded.nested("text", |text| text.string("text"))
    })?;
    let Some(text) = text else { return Ok(None) };
    fields.lack(GUARDED);
    if fields.peek("guardContent").is_none() {
        // What is said about it is named where it is lost, also if it is no more than this.
        fields.put_back("guardContent", Value::Object(serde_json::Map::new()));
    }
    Ok(Some(PartKind::Text { text, citations: Vec::new() }))
}

fn citing(block: &mut Fields) -> Result<Option<PartKind>, DecodeError> {
    let text = match block.peek("content").and_then(Json::as_array).map(Vec::as_slice) {
        None if block.peek("content").is_none() => None,
        Some([one]) if citations::is_bare_text(one) => one.get("text").and_then(Json::as_str).map(str::to_owned),
        _ => return Ok(None),
    };
    block.lack(CITING);
    match &text {
        Some(_) => drop(block.take("content")),
        None => block.lack(NO_TEXT),
    }
    let at = block.at().child("citations");
    let items = block.list("citations")?.unwrap_or_default();
    let read =
        items.into_iter().enumerate().map(|(place, item)| citations::citation(block.beneath_at(item, at.item(place))?));
    let citations = read.collect::<Result<_, _>>()?;
    Ok(Some(PartKind::Text { text: text.unwrap_or_default(), citations }))
}
