//! Content blocks: writing.

use super::parts::{CITING, FORMAT, FOUND, GUARDED, JSON, NO_TEXT, SERVER_TOOL};
use super::{citations, formats};
use crate::arguments::{input_of, input_value};
use crate::render::{ExtrasWriter, Object};
use crate::{carried, seal};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use switchtower_domain::{
    CacheMarker, CacheTtl, Citation, DialectId, Document, Media, MediaKind, Part, PartKind, ProviderItem, Reasoning,
    Source, ToolCall, ToolCallKind, ToolResult,
};

/// Writes content blocks.
pub(super) struct Writer<'a, 'e> {
    pub(super) out: &'a mut ExtrasWriter<'e>,
    /// How many documents were written: names of documents must differ.
    pub(super) documents: &'a mut usize,
}

/// The marker as the block that it is here.
pub(super) fn cache_point(marker: &CacheMarker) -> Value {
    let mut point = Object::typed("default");
    point.maybe(
        "ttl",
        marker.ttl.as_ref().map(|ttl| match ttl {
            CacheTtl::FiveMinutes => "5m",
            CacheTtl::OneHour => "1h",
            CacheTtl::Other(word) => word,
        }),
    );
    Object::new().with("cachePoint", point).into()
}

impl Writer<'_, '_> {
    pub(super) fn list<'p>(&mut self, parts: impl Iterator<Item = &'p Part>) -> Vec<Value> {
        let mut written = Vec::new();
        for part in parts {
            let Some(block) = self.block(part) else { continue };
            written.push(block.into());
            written.extend(self.marker(part).map(cache_point));
        }
        written
    }

    /// Where a cached prefix may end after a part. Within the result of a tool it cannot.
    fn marker<'p>(&mut self, part: &'p Part) -> Option<&'p CacheMarker> {
        let PartKind::ToolResult(result) = &part.kind else { return part.cache.as_ref() };
        let inner = result.content.iter().flatten().rev().find(|inner| inner.cache.is_some());
        if let (Some(inner), false) = (inner, self.out.same) {
            self.out.hint(inner.at.field("cache_control"), "a result is marked as a whole");
            return part.cache.as_ref().or(inner.cache.as_ref());
        }
        part.cache.as_ref()
    }

    /// The content of a result, in which some blocks have no place.
    fn result_content(&mut self, result: &ToolResult) -> Vec<Value> {
        if self.out.same {
            return self.list(result.content.iter().flatten());
        }
        let mut written = Vec::new();
        for part in result.content.iter().flatten() {
            let sound = matches!(&part.kind, PartKind::Media(media) if media.kind == MediaKind::Audio);
            if sound || matches!(part.kind, PartKind::Reasoning(_) | PartKind::ToolCall(_)) {
                self.out.meaning(part.at.path(), "has no place in the result of a tool");
                continue;
            }
            written.extend(self.block(part).map(Value::from));
        }
        written
    }

    /// Writes one block; what has no form here is named in a notice.
    pub(super) fn block(&mut self, part: &Part) -> Option<Object> {
        let at = &part.at;
        let mut object = match &part.kind {
            PartKind::Text { text, .. } if text.is_empty() && !self.out.same => {
                self.out.hint(at, "empty text is not taken");
                return None;
            }
            PartKind::Text { text, citations } if self.out.same => own_text(text, citations, part),
            PartKind::Text { text, citations } => {
                if !citations.is_empty() {
                    let path = part.at.beneath(self.out.terms().citations);
                    self.out.hint(path, "citations of earlier answers are not repeated");
                }
                Object::new().with("text", text.as_str())
            }
            PartKind::Refusal { text } => {
                self.out.hint(at, "the words of a refusal become text");
                Object::new().with("text", text.as_str())
            }
            PartKind::Media(media) => self.media(media, part)?,
            PartKind::Document(document) => self.document(document, part)?,
            PartKind::Reasoning(reasoning) => self.reasoning(reasoning, part)?,
            PartKind::ToolCall(call) => self.call(call, part),
            PartKind::ToolResult(result) => self.result(result, part)?,
            PartKind::ProviderItem(item) if self.out.same => provider_item(item, part),
            PartKind::Native { value: Value::Object(map), .. } if self.out.same => {
                let mut object = Object::new();
                map.clone_into(object.map_mut());
                object
            }
            PartKind::ProviderItem(_) | PartKind::Native { .. } => {
                self.out.meaning(at, "is known to its own dialect only");
                return None;
            }
        };
        self.out.write(&part.extras, at, &mut object);
        Some(object)
    }

    fn media(&mut self, media: &Media, part: &Part) -> Option<Object> {
        if media.detail.is_some() {
            self.out.hint(format!("{}.image_url.detail", part.at.path()), "how closely to look cannot be asked for");
        }
        let word = formats::word(media.kind);
        let mut object = Object::new();
        let source = match &media.source {
            Source::Base64 { media_type, data } => {
                if !part.extras.lacks(FORMAT) {
                    let format = formats::media_format(media.kind, media_type, self.out.same);
                    if formats::media_type(media.kind, &format) != *media_type {
                        self.out.hint(part.at.path(), "the kind of media is named as the target names it");
                    }
                    object.set("format", format);
                }
                Object::new().with("bytes", data.as_str())
            }
            source => self.elsewhere(source, part, |uri| {
                let format = uri.rsplit('.').next().filter(|ending| !ending.contains('/')).unwrap_or_default();
                object.set("format", formats::media_format(media.kind, format, false));
            })?,
        };
        Some(Object::new().with(word, object.with("source", source)))
    }

    /// What is in a bucket of the account. Nothing is fetched from anywhere else.
    fn elsewhere(&mut self, source: &Source, part: &Part, format: impl FnOnce(&str)) -> Option<Object> {
        let place = |uri: &str| Object::new().with("s3Location", Object::new().with("uri", uri));
        match source {
            Source::File(uri) if self.out.same => Some(place(uri)),
            Source::Url(uri) if uri.starts_with("s3://") => {
                format(uri);
                Some(place(uri))
            }
            Source::File(_) => {
                self.out.meaning(part.at.path(), "a file that another account keeps cannot be referred to");
                None
            }
            _ => {
                self.out.meaning(part.at.path(), "what stands at a URL is not fetched by the target");
                None
            }
        }
    }

    fn document(&mut self, document: &Document, part: &Part) -> Option<Object> {
        let same = self.out.same;
        if same && part.extras.lacks(FOUND) {
            return Some(self.search_result(document));
        }
        let mut object = Object::new();
        let format = |media_type: &str| -> Option<String> {
            if same && part.extras.lacks(FORMAT) {
                return None;
            }
            formats::document_format(media_type, same).map(str::to_owned)
        };
        let source = match &document.source {
            Source::Base64 { media_type, data } => {
                let format = format(media_type);
                if format.is_none() && !same {
                    self.out
                        .meaning(part.at.path(), "a document of this media type has no place in the target's dialect");
                    return None;
                }
                object.maybe("format", format);
                Object::new().with("bytes", data.as_str())
            }
            Source::Text { media_type, data } => {
                object.maybe("format", format(media_type));
                Object::new().with("text", data.as_str())
            }
            Source::Parts { parts, .. } => Object::new().with("content", self.list(parts.iter())),
            source => self.elsewhere(source, part, |uri| {
                let ending = uri.rsplit('.').next().filter(|ending| !ending.contains('/')).unwrap_or("pdf");
                object.set("format", ending);
            })?,
        };
        if same {
            object.maybe("name", document.title.clone());
        } else {
            *self.documents += 1;
            let name = document.title.as_deref().map(document_name).filter(|name| !name.is_empty());
            if name.is_none() || name != document.title || part.extras.lacks("file") {
                self.out.hint(part.at.path(), "a document gets a name as the target wants it");
            }
            object.set("name", name.unwrap_or_else(|| format!("document-{}", self.documents)));
        }
        object.set("source", source);
        object.maybe("context", document.context.clone());
        object.maybe("citations", document.citations.map(|enabled| Object::new().with("enabled", enabled)));
        Some(Object::new().with("document", object))
    }

    fn search_result(&mut self, document: &Document) -> Object {
        let mut object = Object::new();
        object.maybe("title", document.title.clone());
        if let Source::Parts { parts, .. } = &document.source {
            object.set("content", self.list(parts.iter()));
        }
        object.maybe("citations", document.citations.map(|enabled| Object::new().with("enabled", enabled)));
        Object::new().with("searchResult", object)
    }

    fn reasoning(&mut self, reasoning: &Reasoning, part: &Part) -> Option<Object> {
        if self.out.same {
            return own_reasoning(reasoning);
        }
        if reasoning.restated {
            self.out.hint(part.at.path(), "says again what stands beside it");
            return None;
        }
        if carried::carries(reasoning) {
            let Some(own) = carried::unwrap(reasoning, DialectId::BedrockConverse) else {
                self.out.meaning(part.at.path(), "reasoning of another provider is not taken back");
                return None;
            };
            self.out.hint(part.at.path(), "carried in the target's own form");
            return own_reasoning(&own);
        }
        // "signature values are compatible across platforms". Source:
        // <https://platform.claude.com/docs/en/build-with-claude/extended-thinking#thinking-encryption>
        let anthropic = self.out.from == DialectId::AnthropicMessages
            || reasoning.format.as_deref().is_some_and(|format| format.starts_with("anthropic"));
        if anthropic && (reasoning.sealed.is_some() || reasoning.signature.is_some()) {
            if self.out.from != DialectId::AnthropicMessages {
                self.out.hint(part.at.path(), "carried in the target's own form");
            }
            let sealed = reasoning.sealed.as_ref().map(|data| STANDARD.encode(data));
            return own_reasoning(&Reasoning { sealed, ..reasoning.clone() });
        }
        self.out.meaning(part.at.path(), "reasoning of another provider is not taken back");
        None
    }

    fn call(&mut self, call: &ToolCall, part: &Part) -> Object {
        let mut object = Object::new();
        if !(self.out.same && part.extras.lacks("toolUseId") && call.id.is_empty()) {
            object.set("toolUseId", self.call_id(&call.id, part.at.beneath(self.out.terms().call_id)));
        }
        if !(self.out.same && part.extras.lacks("name") && call.name.is_empty()) {
            object.set("name", call.name.as_str());
        }
        let input = match (input_value(&call.arguments), call.kind) {
            (_, ToolCallKind::Custom) => {
                self.out.hint(part.at.path(), "arguments of free text are carried in an object");
                Object::new().with("input", call.arguments.as_str()).into()
            }
            (Some(input), ToolCallKind::Function) if self.out.same || input.is_object() => input,
            (None, ToolCallKind::Function) if self.out.same => Value::from(call.arguments.as_str()),
            (_, ToolCallKind::Function) => {
                self.out.meaning(part.at.path(), "arguments that are no JSON object are carried as text within one");
                input_of(&call.arguments)
            }
        };
        if !(self.out.same && part.extras.lacks("input") && call.arguments.is_empty()) {
            object.set("input", input);
        }
        Object::new().with("toolUse", object)
    }

    /// The id of a call in the characters of the target's ids. Others become their code, so that two ids stay two.
    /// Source: <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ToolUseBlock.html>
    fn call_id(&mut self, id: &str, path: String) -> String {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | ':');
        if self.out.same || id.chars().all(plain) {
            return id.to_owned();
        }
        self.out.hint(path, "an id is written in the characters of the target's ids");
        id.chars().map(|c| if plain(c) { c.to_string() } else { format!("_{:x}_", u32::from(c)) }).collect()
    }

    fn result(&mut self, result: &ToolResult, part: &Part) -> Option<Object> {
        if !self.out.same && result.call_id.is_empty() {
            self.out.meaning(part.at.path(), "a result that names no call cannot be matched to one");
            return None;
        }
        let mut object = Object::new();
        if !(self.out.same && part.extras.lacks("toolUseId") && result.call_id.is_empty()) {
            object.set("toolUseId", self.call_id(&result.call_id, part.at.beneath(self.out.terms().result_id)));
        }
        let content = self.result_content(result);
        if !content.is_empty() || !self.out.same {
            object.set("content", content);
        }
        object.maybe("status", result.is_error.map(|failed| if failed { "error" } else { "success" }));
        Some(Object::new().with("toolResult", object))
    }
}

/// A text as it stood: by itself, as a value, for a guardrail, or with its citations.
fn own_text(text: &str, cited: &[Citation], part: &Part) -> Object {
    if part.extras.lacks(JSON) {
        let value = serde_json::from_str(text).unwrap_or_else(|_| Value::from(text));
        return Object::new().with("json", value);
    }
    if part.extras.lacks(GUARDED) {
        let text = Object::new().with("text", text);
        return Object::new().with("guardContent", Object::new().with("text", text));
    }
    if part.extras.lacks(CITING) {
        return citing(text, cited, true, text.is_empty() && part.extras.lacks(NO_TEXT));
    }
    Object::new().with("text", text)
}

/// A text with its citations.
pub(super) fn citing(text: &str, cited: &[Citation], same: bool, silent: bool) -> Object {
    let mut block = Object::new();
    if !silent {
        block.set("content", vec![Value::from(Object::new().with("text", text))]);
    }
    let cited: Vec<Value> =
        cited.iter().filter_map(|citation| citations::object(citation, same)).map(Value::from).collect();
    if !cited.is_empty() {
        block.set("citations", cited);
    }
    Object::new().with("citationsContent", block)
}

fn own_reasoning(reasoning: &Reasoning) -> Option<Object> {
    let content = match (&reasoning.sealed, &reasoning.text) {
        (Some(sealed), _) => Object::new().with("redactedContent", seal::written(sealed.clone())),
        (None, text) => {
            let mut spoken = Object::new().with("text", text.as_deref().unwrap_or_default());
            spoken.maybe("signature", reasoning.signature.clone());
            Object::new().with("reasoningText", spoken)
        }
    };
    Some(Object::new().with("reasoningContent", content))
}

fn provider_item(item: &ProviderItem, part: &Part) -> Object {
    let mut object = Object::new();
    object.maybe("toolUseId", item.id.clone());
    object.maybe("name", item.name.clone());
    if let Some(input) = &item.input {
        if !(part.extras.lacks("input") && input.is_empty()) {
            object.set("input", input_value(input).unwrap_or_else(|| Value::from(input.as_str())));
        }
        object.set("type", SERVER_TOOL);
    }
    object.maybe("content", item.content.clone());
    Object::new().with(&item.kind, object)
}

/// A title in the characters of names: letters, digits, single spaces, hyphens and brackets. Source:
/// <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_DocumentBlock.html>
fn document_name(title: &str) -> String {
    let mut name = String::with_capacity(title.len());
    for c in title.chars().take(200) {
        match c {
            c if c.is_ascii_alphanumeric() || matches!(c, '-' | '(' | ')' | '[' | ']') => name.push(c),
            c if c.is_whitespace() && !name.ends_with(' ') => name.push(' '),
            c if c.is_whitespace() => {}
            _ => name.push('-'),
        }
    }
    name.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_is_written_as_a_name() {
        assert_eq!(document_name("Report  2026 (final).pdf"), "Report 2026 (final)-pdf");
        assert_eq!(document_name(" \n"), "");
    }
}
