//! Parts, which requests, answers and streams share.
//!
//! A signature stands beside what it signs; in the canonical form it is a thought without words before it.

use crate::carried;
use crate::fields::Fields;
use crate::render::{ExtrasWriter, Object};
use crate::seal;
use crate::{DecodeError, Json};
use serde_json::{Map, Value};
use std::collections::VecDeque;
use switchtower_domain::{
    DialectId, Document, Extras, Media, MediaKind, Notice, Part, PartKind, ProviderItem, Reasoning, Source, ToolCall,
    ToolCallKind, ToolResult,
};

/// Parts that only this dialect knows: what Google's own tools did.
const OWN: [&str; 4] = ["executableCode", "codeExecutionResult", "toolCall", "toolResponse"];

/// Calls and results that name no id are matched by the name of the function, in their order.
#[derive(Default)]
pub(super) struct Calls {
    count: usize,
    open: VecDeque<(String, String)>,
}

impl Calls {
    fn called(&mut self, name: &str) -> String {
        let id = format!("call_{}", self.count);
        self.count += 1;
        self.open.push_back((name.to_owned(), id.clone()));
        id
    }

    fn answered(&mut self, name: &str) -> Option<String> {
        let place = self.open.iter().position(|(called, _)| called == name)?;
        self.open.remove(place).map(|(_, id)| id)
    }
}

/// Reads one part as the one or two that it is.
///
/// `calls` gives ids to calls that have none, where somebody will refer to them.
pub(super) fn read(mut fields: Fields, mut calls: Option<&mut Calls>) -> Result<Vec<Part>, DecodeError> {
    let at = fields.at().clone();
    let thought = fields.peek("thought") == Some(&Json::Bool(true));
    let signature = fields.text("thoughtSignature")?.map(seal::read);
    if thought && (fields.peek("text").is_some_and(Json::is_string) || !has_data(&fields)) {
        let text = fields.string("text")?;
        fields.any("thought");
        if text.is_none() {
            fields.lack("text");
        }
        let kind = PartKind::Reasoning(Reasoning { text, signature, ..Reasoning::default() });
        return Ok(vec![Part { kind, cache: None, extras: fields.rest(), at }]);
    }
    let kind = if let Some(text) = fields.string("text")? {
        PartKind::Text { text, citations: Vec::new() }
    } else if fields.peek("inlineData").is_some_and(Json::is_object) {
        inline(&mut fields)?
    } else if fields.peek("fileData").and_then(|file| file.get("fileUri")).is_some_and(Json::is_string) {
        file(&mut fields)?
    } else if fields.peek("functionCall").is_some_and(is_whole_call) {
        PartKind::ToolCall(
            fields.nested("functionCall", |call| function_call(call, &mut calls).map(Some))?.unwrap_or_else(nameless),
        )
    } else if fields.peek("functionResponse").is_some_and(Json::is_object) {
        let result = fields.nested("functionResponse", |result| function_response(result, &mut calls).map(Some))?;
        result.map_or_else(|| PartKind::Native { name: String::new(), value: Value::Null }, PartKind::ToolResult)
    } else if let Some(name) = OWN.into_iter().find(|name| fields.peek(name).is_some_and(Json::is_object)) {
        let content = fields.any(name);
        PartKind::ProviderItem(ProviderItem { kind: name.to_owned(), id: None, name: None, input: None, content })
    } else {
        let name = fields.names().find(|name| *name != "thought").unwrap_or_default().to_owned();
        let map = fields.rest_map();
        let native = PartKind::Native { name, value: Value::Object(map) };
        return Ok(signed(signature, Part { at, ..Part::new(native) }));
    };
    // The name of the function is known from its call, and the kind of media from what it is.
    let extras = fields.rest().restating(&["functionResponse", "thought", "fileData", "inlineData"]);
    Ok(signed(signature, Part { kind, cache: None, extras, at }))
}

fn nameless() -> ToolCall {
    ToolCall { id: String::new(), name: String::new(), arguments: String::new(), kind: ToolCallKind::Function }
}

fn has_data(fields: &Fields) -> bool {
    fields.names().any(|name| !matches!(name, "thought" | "thoughtSignature"))
}

/// A call that comes in pieces is known to its own dialect only.
fn is_whole_call(value: &Json<'_>) -> bool {
    value.is_object()
        && value.get("name").is_some_and(Json::is_string)
        && value.get("willContinue").is_none()
        && value.get("partialArgs").is_none()
}

fn signed(signature: Option<String>, part: Part) -> Vec<Part> {
    let Some(signature) = signature else { return vec![part] };
    let reasoning = Reasoning { signature: Some(signature), ..Reasoning::default() };
    vec![Part { at: part.at.clone(), ..Part::new(PartKind::Reasoning(reasoning)) }, part]
}

fn inline(fields: &mut Fields) -> Result<PartKind, DecodeError> {
    let (media_type, data) = fields.nested("inlineData", |inline| {
        let (media_type, data) = (inline.expected_string("mimeType")?, inline.expected_string("data")?);
        Ok((media_type, standard(data, inline)))
    })?;
    Ok(match media_kind(&media_type) {
        Some(kind) => PartKind::Media(Media { kind, source: Source::Base64 { media_type, data }, detail: None }),
        None => document(Source::Base64 { media_type, data }),
    })
}

/// Marks bytes in the alphabet of base64 for URLs, and bytes whose text is not filled up.
const FOR_URLS: &str = "+ and /";
const UNFILLED: &str = "=";

/// Bytes in the usual alphabet of base64, filled up. Google's servers take both, and its Python client writes the one
/// for URLs. Source: <https://protobuf.dev/programming-guides/json/>
fn standard(data: String, inline: &mut Fields) -> String {
    let fill = (4 - data.len() % 4) % 4;
    let for_urls = memchr::memchr2(b'-', b'_', data.as_bytes()).is_some();
    let mixed = for_urls && memchr::memchr2(b'+', b'/', data.as_bytes()).is_some();
    let legible = || data.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/-_=".contains(&byte));
    if mixed || fill == 3 || (fill > 0 && data.contains('=')) || !(for_urls || fill > 0) || !legible() {
        return data;
    }
    let mut standard = data;
    if for_urls {
        inline.lack(FOR_URLS);
        standard = standard.replace('-', "+").replace('_', "/");
    }
    if fill > 0 {
        inline.lack(UNFILLED);
        standard.push_str("==".get(..fill).unwrap_or_default());
    }
    standard
}

/// The same as it was written.
fn as_written(data: &str, extras: &Extras) -> String {
    let data = if extras.lacks(UNFILLED) { data.trim_end_matches('=') } else { data };
    if extras.lacks(FOR_URLS) { data.replace('+', "-").replace('/', "_") } else { data.to_owned() }
}

/// What is kept by Google, or elsewhere. Its media type stays with what is left.
fn file(fields: &mut Fields) -> Result<PartKind, DecodeError> {
    let kind =
        fields.peek("fileData").and_then(|file| file.get("mimeType")).and_then(Json::as_str).and_then(media_kind);
    let uri = fields.nested("fileData", |file| file.expected_string("fileUri"))?;
    let kept = uri.starts_with("https://generativelanguage.googleapis.com/") || !uri.starts_with("http");
    let source = if kept { Source::File(uri) } else { Source::Url(uri) };
    Ok(match kind {
        Some(kind) => PartKind::Media(Media { kind, source, detail: None }),
        None => document(source),
    })
}

const fn document(source: Source) -> PartKind {
    PartKind::Document(Document { source, title: None, context: None, citations: None })
}

fn media_kind(media_type: &str) -> Option<MediaKind> {
    match media_type.split('/').next()? {
        "image" => Some(MediaKind::Image),
        "audio" => Some(MediaKind::Audio),
        "video" => Some(MediaKind::Video),
        _ => None,
    }
}

fn function_call(call: &mut Fields, calls: &mut Option<&mut Calls>) -> Result<ToolCall, DecodeError> {
    let name = call.required_string("name")?;
    let arguments = match call.any("args") {
        Some(args) => args.to_string(),
        None => {
            call.lack("args");
            String::new()
        }
    };
    let id = match (call.text("id")?, calls) {
        (Some(id), _) => id,
        (None, calls) => {
            call.lack("id");
            calls.as_mut().map(|calls| calls.called(&name)).unwrap_or_default()
        }
    };
    Ok(ToolCall { id, name, arguments, kind: ToolCallKind::Function })
}

fn function_response(result: &mut Fields, calls: &mut Option<&mut Calls>) -> Result<ToolResult, DecodeError> {
    let name = result.peek_str("name").unwrap_or_default().to_owned();
    let by_name = |calls: &mut Option<&mut Calls>| calls.as_mut().and_then(|calls| calls.answered(&name));
    let call_id = match result.text("id")? {
        Some(id) => id,
        None => {
            result.lack("id");
            by_name(calls).unwrap_or_default()
        }
    };
    let (said, is_error) = match result.any("response") {
        None => (None, None),
        Some(Value::Object(map)) if map.is_empty() => {
            result.lack(NO_OUTPUT);
            (None, None)
        }
        Some(Value::Object(map)) => match one_value(&map) {
            Some((name @ ("output" | "error"), said)) => {
                let text = said.as_str().map(str::to_owned).unwrap_or_else(|| {
                    result.lack(OUTPUT_TEXT);
                    said.to_string()
                });
                (Some(text), (name == "error").then_some(true))
            }
            _ => {
                result.lack("output");
                (Some(Value::Object(map).to_string()), None)
            }
        },
        Some(other) => {
            result.put_back("response", other);
            (None, None)
        }
    };
    let mut content: Vec<Part> = said.into_iter().map(Part::text).collect();
    let plain = content.len() == 1;
    let media = result.list("parts")?.unwrap_or_default();
    let parts = result.at().child("parts");
    for (place, item) in media.into_iter().enumerate() {
        content.extend(read(result.beneath_at(item, parts.item(place))?, None)?);
    }
    let plain = plain && content.len() == 1;
    let content = if content.is_empty() { None } else { Some(content) };
    Ok(ToolResult { call_id, content, plain, is_error })
}

/// Marks a result that holds a value where others hold text.
const OUTPUT_TEXT: &str = "text of the output";

/// Marks a result that says nothing.
const NO_OUTPUT: &str = "output or error";

/// The one value that a result holds, under its name.
fn one_value(map: &Map<String, Value>) -> Option<(&str, &Value)> {
    let mut fields = map.iter();
    match (fields.next(), fields.next()) {
        (Some((name, value)), None) => Some((name, value)),
        _ => None,
    }
}

/// Writes parts.
pub(super) struct Writer<'a, 'e> {
    pub(super) out: &'a mut ExtrasWriter<'e>,
    /// The names of the functions that were called, by the ids of their calls.
    pub(super) called: &'a [(&'a str, &'a str)],
}

impl Writer<'_, '_> {
    pub(super) fn write<'p>(&mut self, parts: impl Iterator<Item = &'p Part>) -> Vec<Value> {
        let mut written: Vec<Value> = Vec::new();
        let mut signature: Option<String> = None;
        for part in parts {
            if let PartKind::Reasoning(reasoning) = &part.kind {
                let Some(own) = self.own_reasoning(reasoning, part) else { continue };
                if own.text.is_none() && !part.extras.lacks("text") {
                    signature = own.signature.or(signature);
                    continue;
                }
                let mut object = Object::new();
                object.maybe("text", own.text);
                object.set("thought", true);
                object.maybe("thoughtSignature", own.signature.map(seal::written));
                self.out.write(&part.extras, &part.at, &mut object);
                written.push(object.into());
                continue;
            }
            if let Some(mut object) = self.part(part) {
                object.maybe("thoughtSignature", signature.take().map(seal::written));
                written.push(object.into());
            }
        }
        if let Some(signature) = signature {
            written.push(Object::new().with("text", "").with("thoughtSignature", seal::written(signature)).into());
        }
        written
    }

    /// What of a thought this dialect takes back.
    fn own_reasoning(&mut self, reasoning: &Reasoning, part: &Part) -> Option<Reasoning> {
        if self.out.same {
            return Some(reasoning.clone());
        }
        if reasoning.restated {
            self.out.hint(part.at.path(), "says again what stands beside it");
            return None;
        }
        let own = if carried::carries(reasoning) { carried::unwrap(reasoning, DialectId::GoogleGemini) } else { None };
        match own {
            Some(own) => {
                self.out.hint(part.at.path(), "carried in the target's own form");
                // A thought in words is for people; only its signature is for the model.
                Some(Reasoning { text: None, ..own })
            }
            None => {
                self.out
                    .notices
                    .push(Notice::meaning(part.at.path(), "reasoning of another provider is not taken back"));
                None
            }
        }
    }

    fn part(&mut self, part: &Part) -> Option<Object> {
        let at = &part.at;
        let mut object = match &part.kind {
            PartKind::Text { text, .. } if text.is_empty() && !self.out.same => {
                self.out.hint(at, "empty text is not taken");
                return None;
            }
            PartKind::Text { text, citations } => {
                if !citations.is_empty() {
                    self.out.hint(
                        part.at.beneath(self.out.terms().citations),
                        "citations of earlier answers are not repeated",
                    );
                }
                Object::new().with("text", text.as_str())
            }
            PartKind::Refusal { text } => {
                self.out.hint(at, "the words of a refusal become text");
                Object::new().with("text", text.as_str())
            }
            PartKind::Media(media) => {
                if media.detail.is_some() {
                    self.out.hint(format!("{at}.detail"), "how closely to look cannot be asked for");
                }
                let usual = match media.kind {
                    MediaKind::Image => "image/*",
                    MediaKind::Audio => "audio/wav",
                    MediaKind::Video => "video/mp4",
                };
                self.source(&media.source, usual, part)?
            }
            PartKind::Document(document) => self.document(document, part)?,
            PartKind::ToolCall(call) => self.call(call, part),
            PartKind::ToolResult(result) => self.result(result, part)?,
            PartKind::ProviderItem(item) if self.out.same => {
                let mut object = Object::new();
                object.maybe(&item.kind, item.content.clone());
                object
            }
            PartKind::Native { value: Value::Object(map), .. } if self.out.same => {
                let mut object = Object::new();
                map.clone_into(object.map_mut());
                object
            }
            PartKind::Reasoning(_) | PartKind::ProviderItem(_) | PartKind::Native { .. } => {
                self.out.meaning(at, "is known to its own dialect only");
                return None;
            }
        };
        if part.cache.is_some() {
            self.out.hint(part.at.field("cache_control"), "caches are kept without being asked for");
        }
        self.out.write(&part.extras, at, &mut object);
        Some(object)
    }

    fn document(&mut self, document: &Document, part: &Part) -> Option<Object> {
        if part.extras.lacks("file") {
            self.out.hint(part.at.path(), "a document becomes one of the target's own form");
        }
        for (said, field) in [
            (document.title.is_some(), ""),
            (document.context.is_some(), "context"),
            (document.citations.is_some(), "citations"),
        ] {
            if said {
                let path = if field.is_empty() { part.at.path().to_owned() } else { part.at.field(field) };
                self.out.hint(path, "what is said of a document has no place in the target's dialect");
            }
        }
        self.source(&document.source, "application/pdf", part)
    }

    fn source(&mut self, source: &Source, usual: &str, part: &Part) -> Option<Object> {
        let inline = |media_type: &str, data: &str| {
            Object::new().with("inlineData", Object::new().with("mimeType", media_type).with("data", data))
        };
        Some(match source {
            Source::Base64 { media_type, data } if self.out.same => {
                let mut inline = Object::new();
                if !(part.extras.lacks("mimeType") && media_type.is_empty()) {
                    inline.set("mimeType", media_type.as_str());
                }
                if !(part.extras.lacks("data") && data.is_empty()) {
                    inline.set("data", as_written(data, &part.extras));
                }
                Object::new().with("inlineData", inline)
            }
            // Chat Completions has bare formats for sound.
            Source::Base64 { media_type, data } if !media_type.contains('/') => {
                inline(&format!("audio/{media_type}"), data)
            }
            Source::Base64 { media_type, data } => inline(media_type, data),
            Source::Text { data, .. } => {
                self.out.hint(part.at.path(), "a document of text is told as text");
                Object::new().with("text", data.as_str())
            }
            Source::File(uri) if self.out.same => {
                Object::new().with("fileData", Object::new().with("fileUri", uri.as_str()))
            }
            Source::Url(uri) if self.out.same => {
                Object::new().with("fileData", Object::new().with("fileUri", uri.as_str()))
            }
            Source::Url(url) => {
                self.out.hint(part.at.path(), "the kind of content behind a URL is assumed");
                let media_type = media_type_of(url).unwrap_or(if usual == "image/*" { "image/jpeg" } else { usual });
                Object::new().with("fileData", Object::new().with("fileUri", url.as_str()).with("mimeType", media_type))
            }
            Source::File(_) => {
                self.out.meaning(part.at.path(), "a file that another account keeps cannot be referred to");
                return None;
            }
            Source::Parts { .. } => {
                self.out.meaning(part.at.path(), "a document in parts has no place in the target's dialect");
                return None;
            }
        })
    }

    fn call(&mut self, call: &ToolCall, part: &Part) -> Object {
        let mut object = Object::new();
        if !(call.id.is_empty() || self.out.same && part.extras.lacks("id")) {
            object.set("id", call.id.as_str());
        }
        object.set("name", call.name.as_str());
        let args = match (arguments(&call.arguments), call.kind) {
            (_, ToolCallKind::Custom) => {
                self.out.hint(part.at.path(), "arguments of free text are carried in an object");
                Object::new().with("input", call.arguments.as_str()).into()
            }
            (Some(args), ToolCallKind::Function) if self.out.same || args.is_object() => args,
            (None, ToolCallKind::Function) if self.out.same => Value::from(call.arguments.as_str()),
            (_, ToolCallKind::Function) => {
                self.out.meaning(part.at.path(), "arguments that are no JSON object cannot be carried");
                Value::Object(Map::new())
            }
        };
        if !(self.out.same && part.extras.lacks("args") && call.arguments.is_empty()) {
            object.set("args", args);
        }
        Object::new().with("functionCall", object)
    }

    fn result(&mut self, result: &ToolResult, part: &Part) -> Option<Object> {
        let mut object = Object::new();
        if self.out.same {
            if !part.extras.lacks("id") {
                object.set("id", result.call_id.as_str());
            }
        } else {
            let named = self.called.iter().find(|(id, _)| *id == result.call_id && !id.is_empty());
            let Some((id, name)) = named else {
                self.out.meaning(part.at.path(), "a result that names no call cannot be matched to one");
                return None;
            };
            object.set("id", *id);
            object.set("name", *name);
        }
        let key = if result.is_error == Some(true) { "error" } else { "output" };
        let mut texts: Vec<&str> = Vec::new();
        let mut media: Vec<&Part> = Vec::new();
        for inner in result.content.iter().flatten() {
            match &inner.kind {
                PartKind::Text { text, .. } => {
                    if inner.cache.is_some() {
                        self.out.hint(inner.at.field("cache_control"), "caches are kept without being asked for");
                    }
                    self.out.name(&inner.extras, &inner.at);
                    texts.push(text);
                }
                _ => media.push(inner),
            }
        }
        if texts.len() > 1 {
            self.out.hint(part.at.path(), "several texts of a result become one");
        } else if let (Some(first), false) = (media.first(), texts.is_empty()) {
            self.out.hint(first.at.path(), "the text of a result is told before the rest of it");
        }
        if result.is_error == Some(false) {
            self.out.hint(part.at.beneath(self.out.terms().result_error), "a tool that did not fail is not marked");
        }
        let text = texts.join("\n");
        if self.out.same && part.extras.lacks(NO_OUTPUT) || (texts.is_empty() && !media.is_empty() && !self.out.same) {
            object.set("response", Map::new());
        } else if self.out.same && part.extras.lacks("output") {
            object.set("response", arguments(&text).unwrap_or_else(|| Value::from(text)));
        } else if self.out.same && part.extras.lacks(OUTPUT_TEXT) {
            let said = serde_json::from_str(&text).unwrap_or_else(|_| Value::from(text));
            object.set("response", Object::new().with(key, said));
        } else if !texts.is_empty() || !self.out.same {
            object.set("response", Object::new().with(key, text));
        }
        let parts = self.write(media.into_iter());
        if !parts.is_empty() {
            object.set("parts", parts);
        }
        Some(Object::new().with("functionResponse", object))
    }
}

/// Whether a call's arguments are no JSON object: a model that was cut short wrote half of them.
pub(super) fn is_malformed(part: &Part) -> bool {
    let PartKind::ToolCall(call) = &part.kind else { return false };
    call.kind == ToolCallKind::Function && !arguments(&call.arguments).is_some_and(|arguments| arguments.is_object())
}

/// Arguments as a value; none at all are an empty object.
fn arguments(text: &str) -> Option<Value> {
    if text.trim().is_empty() { Some(Value::Object(Map::new())) } else { serde_json::from_str(text).ok() }
}

/// The media type that the ending of an address speaks of.
fn media_type_of(url: &str) -> Option<&'static str> {
    let path = url.split(['?', '#']).next()?;
    let ending = path.rsplit('/').next()?.rsplit_once('.')?.1.to_ascii_lowercase();
    Some(match ending.as_str() {
        "jpg" | "jpeg" => "image/jpeg",
        "png" => "image/png",
        "gif" => "image/gif",
        "webp" => "image/webp",
        "heic" => "image/heic",
        "pdf" => "application/pdf",
        "txt" => "text/plain",
        "html" | "htm" => "text/html",
        "mp3" => "audio/mp3",
        "wav" => "audio/wav",
        "mp4" => "video/mp4",
        "mov" => "video/quicktime",
        "webm" => "video/webm",
        _ => return None,
    })
}
