//! Content blocks, which requests, answers and streams share.

use crate::arguments::{input_of, input_value};
use crate::fields::Fields;
use crate::render::{ExtrasWriter, Object};
use crate::{DecodeError, Json, cache_control, carried, content, seal};
use serde_json::Value;
use switchtower_domain::{
    Citation, CitationKind, DialectId, Document, Media, MediaKind, Notice, Part, PartKind, ProviderItem, Reasoning,
    Source, ToolCall, ToolCallKind, ToolResult,
};

/// Reads one block.
pub(super) fn block(mut fields: Fields) -> Result<Part, DecodeError> {
    let at = fields.at().clone();
    let cache = cache_control::read(&mut fields)?;
    let name = fields.required_string("type")?;
    let kind = match name.as_str() {
        "text" => {
            let text = fields.required_string("text")?;
            Some(PartKind::Text { text, citations: citations(&mut fields)? })
        }
        "image" => {
            source(&mut fields)?.map(|source| PartKind::Media(Media { kind: MediaKind::Image, source, detail: None }))
        }
        "document" => document(&mut fields)?,
        "thinking" => Some(PartKind::Reasoning(Reasoning {
            text: Some(fields.required_string("thinking")?),
            signature: fields.string("signature")?,
            ..Reasoning::default()
        })),
        "redacted_thinking" => Some(PartKind::Reasoning(Reasoning {
            sealed: Some(fields.required_string("data")?),
            ..Reasoning::default()
        })),
        "tool_use" => Some(PartKind::ToolCall(ToolCall {
            id: fields.required_string("id")?,
            name: fields.required_string("name")?,
            arguments: match fields.any("input") {
                Some(input) => input.to_string(),
                None => {
                    fields.lack("input");
                    String::new()
                }
            },
            kind: ToolCallKind::Function,
        })),
        "tool_result" => Some(PartKind::ToolResult(tool_result(&mut fields)?)),
        "server_tool_use" | "mcp_tool_use" => Some(PartKind::ProviderItem(ProviderItem {
            kind: name.clone(),
            id: fields.string("id")?,
            name: fields.string("name")?,
            input: fields.any("input").map(|input| input.to_string()),
            content: None,
        })),
        other if other.ends_with("_tool_result") => Some(PartKind::ProviderItem(ProviderItem {
            kind: name.clone(),
            id: fields.string("tool_use_id")?,
            name: None,
            input: None,
            content: fields.any("content"),
        })),
        _ => None,
    };
    match kind {
        Some(kind) => Ok(Part { kind, cache, extras: fields.rest(), at }),
        None => {
            let mut map = fields.rest_map();
            map.insert("type".to_owned(), Value::String(name.clone()));
            Ok(Part { cache, at, ..Part::new(PartKind::Native { name, value: Value::Object(map) }) })
        }
    }
}

fn tool_result(fields: &mut Fields) -> Result<ToolResult, DecodeError> {
    let call_id = fields.required_string("tool_use_id")?;
    let absent = content::is_absent(fields, "content");
    let (content, plain) = content::read(fields, "content", block)?;
    let content = if absent { None } else { Some(content) };
    Ok(ToolResult { call_id, content, plain, is_error: fields.bool("is_error")? })
}

fn document(fields: &mut Fields) -> Result<Option<PartKind>, DecodeError> {
    let Some(source) = source(fields)? else {
        return Ok(None);
    };
    Ok(Some(PartKind::Document(Document {
        source,
        title: fields.string("title")?,
        context: fields.string("context")?,
        citations: fields.nested("citations", |citations| citations.bool("enabled"))?,
    })))
}

fn source(fields: &mut Fields) -> Result<Option<Source>, DecodeError> {
    fields.nested("source", |source| {
        let typed = match source.peek_str("type") {
            Some("base64") => Source::Base64 {
                media_type: source.required_string("media_type")?,
                data: source.required_string("data")?,
            },
            Some("text") => Source::Text {
                media_type: source.required_string("media_type")?,
                data: source.required_string("data")?,
            },
            Some("url") => Source::Url(source.required_string("url")?),
            Some("file") => Source::File(source.required_string("file_id")?),
            Some("content") => {
                let (parts, plain) = content::read(source, "content", block)?;
                Source::Parts { parts, plain }
            }
            _ => return Ok(None),
        };
        source.take("type");
        Ok(Some(typed))
    })
}

fn citations(fields: &mut Fields) -> Result<Vec<Citation>, DecodeError> {
    let items = fields.list("citations")?.unwrap_or_default();
    items.into_iter().map(|item| citation(fields.beneath(item, "citations")?)).collect()
}

pub(super) fn citation(mut fields: Fields) -> Result<Citation, DecodeError> {
    let word = fields.required_string("type")?;
    let has = |fields: &Fields, keys: [&str; 3]| keys.iter().all(|key| fields.peek(key).is_some_and(Json::is_u64));
    let kind = match word.as_str() {
        "char_location" if has(&fields, ["document_index", "start_char_index", "end_char_index"]) => {
            CitationKind::Characters {
                document: fields.u64("document_index")?.unwrap_or_default(),
                start: fields.u64("start_char_index")?.unwrap_or_default(),
                end: fields.u64("end_char_index")?.unwrap_or_default(),
            }
        }
        "page_location" if has(&fields, ["document_index", "start_page_number", "end_page_number"]) => {
            CitationKind::Pages {
                document: fields.u64("document_index")?.unwrap_or_default(),
                start: fields.u64("start_page_number")?.unwrap_or_default(),
                end: fields.u64("end_page_number")?.unwrap_or_default(),
            }
        }
        "web_search_result_location" if fields.peek("url").is_some_and(Json::is_string) => {
            CitationKind::Url { url: fields.required_string("url")?, start: None, end: None }
        }
        _ => CitationKind::Other(word),
    };
    let title = if matches!(kind, CitationKind::Characters { .. } | CitationKind::Pages { .. }) {
        fields.string("document_title")?
    } else {
        fields.string("title")?
    };
    Ok(Citation { kind, cited_text: fields.string("cited_text")?, title, extras: fields.rest() })
}

/// One citation, if Messages has a form for it.
pub(super) fn citation_object(citation: &Citation, same: bool) -> Option<Object> {
    let (word, title_key) = match &citation.kind {
        CitationKind::Characters { .. } => ("char_location", "document_title"),
        CitationKind::Pages { .. } => ("page_location", "document_title"),
        CitationKind::Url { .. } => ("web_search_result_location", "title"),
        CitationKind::Other(word) if same => (word.as_str(), "title"),
        CitationKind::Other(_) => return None,
    };
    let mut object = Object::typed(word);
    match &citation.kind {
        CitationKind::Characters { document, start, end } => {
            object.set("document_index", *document);
            object.set("start_char_index", *start);
            object.set("end_char_index", *end);
        }
        CitationKind::Pages { document, start, end } => {
            object.set("document_index", *document);
            object.set("start_page_number", *start);
            object.set("end_page_number", *end);
        }
        CitationKind::Url { url, .. } => {
            object.set("url", url.as_str());
            if !same {
                // Clients expect the two fields; another provider has no index to give.
                object.set("encrypted_index", "");
                object.set("cited_text", "");
            }
        }
        CitationKind::Other(_) => {}
    }
    object.maybe(title_key, citation.title.clone());
    object.maybe("cited_text", citation.cited_text.clone());
    if same {
        citation.extras.overlay(object.map_mut());
    }
    Some(object)
}

/// Writes one block; what has no form here is named in a notice.
pub(super) fn block_object(part: &Part, out: &mut ExtrasWriter<'_>) -> Option<Object> {
    let at = &part.at;
    let mut object = match &part.kind {
        PartKind::Text { text, citations } => {
            let mut object = Object::typed("text").with("text", text.as_str());
            let written: Vec<Value> =
                citations.iter().filter_map(|citation| citation_object(citation, out.same)).map(Value::from).collect();
            if written.len() < citations.len() {
                out.hint(part.at.beneath(out.terms().citations), "a citation of this kind has no place");
            }
            if !written.is_empty() {
                object.set("citations", written);
            }
            object
        }
        PartKind::Refusal { text } => {
            out.hint(at, "the words of a refusal become text");
            Object::typed("text").with("text", text.as_str())
        }
        PartKind::Media(media) => media_block(media, part, out)?,
        PartKind::Document(document) => document_block(document, part, out)?,
        PartKind::Reasoning(reasoning) => reasoning_block(reasoning, part, out)?,
        PartKind::ToolCall(call) => tool_use(call, part, out),
        PartKind::ToolResult(result) if !out.same && result.call_id.is_empty() => {
            out.meaning(at, "a result that names no call cannot be matched to one");
            return None;
        }
        PartKind::ToolResult(result) => tool_result_block(result, part, out),
        PartKind::ProviderItem(item) if out.same => provider_block(item),
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
    };
    if let Some(marker) = &part.cache {
        object.set("cache_control", cache_control::object(marker));
    }
    out.write(&part.extras, at, &mut object);
    Some(object)
}

fn provider_block(item: &ProviderItem) -> Object {
    let mut object = Object::typed(&item.kind);
    let id_key = if item.kind.ends_with("_tool_result") { "tool_use_id" } else { "id" };
    object.maybe(id_key, item.id.clone());
    object.maybe("name", item.name.clone());
    if let Some(input) = &item.input {
        object.set("input", input_value(input).unwrap_or_else(|| Value::String(input.clone())));
    }
    object.maybe("content", item.content.clone());
    object
}

fn media_block(media: &Media, part: &Part, out: &mut ExtrasWriter<'_>) -> Option<Object> {
    if media.detail.is_some() {
        out.hint(detail_path(part), "how closely to look cannot be asked for");
    }
    if media.kind != MediaKind::Image {
        out.meaning(part.at.path(), "sound and film have no place in the target's dialect");
        return None;
    }
    let source = source_object(&media.source, part, out)?;
    Some(Object::typed("image").with("source", source))
}

fn detail_path(part: &Part) -> String {
    format!("{}.image_url.detail", part.at.path())
}

fn document_block(document: &Document, part: &Part, out: &mut ExtrasWriter<'_>) -> Option<Object> {
    if document.title.is_none() || part.extras.lacks("file") || part.extras.lacks("data url") {
        out.hint(part.at.path(), "a document becomes one of the target's own form");
    }
    let source = match &document.source {
        Source::Base64 { media_type, data } if !out.same && media_type != "application/pdf" => {
            text_source(media_type, data, part, out)?
        }
        source => source_object(source, part, out)?,
    };
    let mut object = Object::typed("document").with("source", source);
    object.maybe("title", document.title.clone());
    object.maybe("context", document.context.clone());
    if let Some(enabled) = document.citations {
        object.set("citations", Object::new().with("enabled", enabled));
    }
    Some(object)
}

/// Documents are taken as PDF or as plain text: what is text is told as text.
fn text_source(media_type: &str, data: &str, part: &Part, out: &mut ExtrasWriter<'_>) -> Option<Object> {
    use base64::Engine as _;
    let bytes = base64::engine::general_purpose::STANDARD.decode(data).ok();
    let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok()).filter(|_| media_type.starts_with("text/"));
    let Some(text) = text else {
        out.meaning(part.at.path(), "a document of this media type has no place in the target's dialect");
        return None;
    };
    out.hint(part.at.path(), "a document of text is told as text");
    Some(Object::typed("text").with("media_type", "text/plain").with("data", text))
}

fn source_object(source: &Source, part: &Part, out: &mut ExtrasWriter<'_>) -> Option<Object> {
    Some(match source {
        Source::Url(url) => Object::typed("url").with("url", url.as_str()),
        Source::Base64 { media_type, data } => {
            Object::typed("base64").with("media_type", media_type.as_str()).with("data", data.as_str())
        }
        Source::Text { media_type, data } => {
            Object::typed("text").with("media_type", media_type.as_str()).with("data", data.as_str())
        }
        Source::File(id) if out.same => Object::typed("file").with("file_id", id.as_str()),
        Source::File(_) => {
            out.meaning(part.at.path(), "a file that another account keeps cannot be referred to");
            return None;
        }
        Source::Parts { parts, plain } => {
            let mut object = Object::typed("content");
            set_content(&mut object, parts.iter(), *plain, out);
            object
        }
    })
}

fn reasoning_block(reasoning: &Reasoning, part: &Part, out: &mut ExtrasWriter<'_>) -> Option<Object> {
    if !out.same && reasoning.restated {
        out.hint(part.at.path(), "says again what stands beside it");
        return None;
    }
    if carried::carries(reasoning) {
        let Some(own) = carried::unwrap(reasoning, DialectId::AnthropicMessages) else {
            out.notices.push(Notice::meaning(part.at.path(), "reasoning of another provider is not taken back"));
            return None;
        };
        out.hint(part.at.path(), "carried in the target's own form");
        return Some(match own.sealed {
            Some(data) => Object::typed("redacted_thinking").with("data", data),
            None => {
                let words = own.text.unwrap_or_default();
                Object::typed("thinking").with("thinking", words).with("signature", own.signature.unwrap_or_default())
            }
        });
    }
    if !out.same && reasoning.format.is_some() {
        out.hint(part.at.path(), "carried in the target's own form");
    }
    // What Claude signed or sealed at Bedrock is its own as well: "signature values are compatible across platforms".
    // Source: <https://platform.claude.com/docs/en/build-with-claude/extended-thinking#thinking-encryption>
    let at_bedrock = out.from == DialectId::BedrockConverse;
    // Only what Anthropic itself signed or sealed is taken back.
    let own =
        out.same || at_bedrock || reasoning.format.as_deref().is_some_and(|format| format.starts_with("anthropic"));
    match (&reasoning.sealed, &reasoning.text) {
        // Bedrock has the seal in base64.
        (Some(data), _) if at_bedrock => match seal::unwrapped(data) {
            Some(data) => Some(Object::typed("redacted_thinking").with("data", data)),
            None => {
                out.meaning(part.at.path(), "reasoning of another provider is not taken back");
                None
            }
        },
        (Some(data), _) if own => Some(Object::typed("redacted_thinking").with("data", data.as_str())),
        (None, Some(text)) if own && (out.same || reasoning.signature.is_some()) => {
            let mut object = Object::typed("thinking").with("thinking", text.as_str());
            object.maybe("signature", reasoning.signature.clone());
            Some(object)
        }
        _ => {
            out.meaning(part.at.path(), "reasoning of another provider is not taken back");
            None
        }
    }
}

fn tool_use(call: &ToolCall, part: &Part, out: &mut ExtrasWriter<'_>) -> Object {
    let id = call_id(&call.id, part.at.beneath(out.terms().call_id), out);
    tool_use_of(call, id, part, out)
}

/// A call under an id that is settled.
pub(super) fn tool_use_of(call: &ToolCall, id: String, part: &Part, out: &mut ExtrasWriter<'_>) -> Object {
    if call.arguments.trim().is_empty() || call.id.is_empty() || call.name.is_empty() {
        out.hint(part.at.path(), "what a call lacks is filled in");
    }
    let input = match (input_value(&call.arguments), call.kind) {
        (_, ToolCallKind::Custom) => {
            out.hint(part.at.path(), "arguments of free text are carried in an object");
            Object::new().with("input", call.arguments.as_str()).into()
        }
        (Some(input), ToolCallKind::Function) if out.same || input.is_object() => input,
        (None, ToolCallKind::Function) if out.same => Value::from(call.arguments.as_str()),
        (_, ToolCallKind::Function) => {
            out.meaning(part.at.path(), "arguments that are no JSON object are carried as text within one");
            input_of(&call.arguments)
        }
    };
    let mut object = Object::typed("tool_use");
    object.set("id", id);
    object.set("name", call.name.as_str());
    if !(out.same && part.extras.lacks("input") && call.arguments.is_empty()) {
        object.set("input", input);
    }
    object
}

/// The id of a call in letters, digits, `_` and `-`, which is all that ids here are made of. Other characters become
/// their code, so that two ids stay two.
fn call_id(id: &str, path: String, out: &mut ExtrasWriter<'_>) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    if out.same || id.chars().all(plain) {
        return id.to_owned();
    }
    out.hint(path, "an id is written in the characters of the target's ids");
    id.chars().map(|c| if plain(c) { c.to_string() } else { format!("_{:x}_", u32::from(c)) }).collect()
}

fn tool_result_block(result: &ToolResult, part: &Part, out: &mut ExtrasWriter<'_>) -> Object {
    let id = call_id(&result.call_id, part.at.beneath(out.terms().result_id), out);
    let mut object = Object::typed("tool_result").with("tool_use_id", id);
    if let Some(content) = &result.content {
        set_content(&mut object, content.iter(), result.plain, out);
    }
    object.maybe("is_error", result.is_error);
    object
}

/// Writes content as it was written: one plain string, or a list of blocks.
pub(super) fn set_content<'a>(
    object: &mut Object,
    parts: impl Iterator<Item = &'a Part>,
    plain: bool,
    out: &mut ExtrasWriter<'_>,
) {
    let mut parts = parts.peekable();
    if plain && let Some(Part { kind: PartKind::Text { text, .. }, .. }) = parts.peek() {
        object.set("content", text.as_str());
        return;
    }
    let blocks: Vec<Value> = parts.filter_map(|part| block_object(part, out)).map(Value::from).collect();
    if !blocks.is_empty() || !out.same {
        object.set("content", blocks);
    }
}
