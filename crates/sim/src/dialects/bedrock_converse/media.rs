//! Pictures, documents, films and sound: their formats, and where they are.

use super::check::only_member;
use crate::check::{Field, Kind, Object, fields, is_base64, may, must, object, text, type_name};
use crate::failure::{Complaint, Place, Wrong};
use serde_json::Value;

/// Checks one of these by the name of its block.
pub(super) fn check(at: &Place, name: &str, block: &Object) -> Result<(), Complaint> {
    const IMAGE: &[Field] =
        &[must("format", Kind::OneOf(&["png", "jpeg", "gif", "webp"])), must("source", Kind::Object)];
    const FILM: &[Field] = &[
        must("format", Kind::OneOf(&["mkv", "mov", "mp4", "webm", "flv", "mpeg", "mpg", "wmv", "three_gp"])),
        must("source", Kind::Object),
    ];
    const SOUND: &[Field] = &[
        must(
            "format",
            Kind::OneOf(&[
                "mp3", "opus", "wav", "aac", "flac", "mp4", "ogg", "mkv", "mka", "x-aac", "m4a", "mpeg", "mpga", "pcm",
                "webm",
            ]),
        ),
        must("source", Kind::Object),
    ];
    match name {
        "image" => fields(at, block, IMAGE, false)?,
        "video" => fields(at, block, FILM, false)?,
        "audio" => fields(at, block, SOUND, false)?,
        _ => document(at, block)?,
    }
    let at = at.key("source");
    let known: &[&str] =
        if name == "document" { &["bytes", "s3Location", "text", "content"] } else { &["bytes", "s3Location"] };
    let source = object(&at, block.get("source").unwrap_or(&Value::Null))?;
    let (kind, inner) = only_member(&at, source, "Source", known)?;
    let at = at.key(kind);
    match kind {
        "bytes" => match inner.as_str() {
            Some(data) if is_base64(data) => Ok(()),
            Some("") => Err(at.wrong(Wrong::EmptyArray)),
            _ => Err(at.wrong(Wrong::Type { expected: "string", found: type_name(inner) })),
        },
        "s3Location" => {
            let place = object(&at, inner)?;
            fields(&at, place, &[must("uri", Kind::Text), may("bucketOwner", Kind::Text)], false)?;
            match text(place, "uri").is_some_and(|uri| uri.starts_with("s3://")) {
                true => Ok(()),
                false => Err(at
                    .key("uri")
                    .wrong(Wrong::Pattern { pattern: r"s3://[a-z0-9][\.\-a-z0-9]{1,61}[a-z0-9](/.*)?" })),
            }
        }
        "text" if inner.is_string() => Ok(()),
        "content" if inner.is_array() => Ok(()),
        _ => Err(at.wrong(Wrong::Type { expected: "string", found: type_name(inner) })),
    }
}

fn document(at: &Place, block: &Object) -> Result<(), Complaint> {
    const DOCUMENT: &[Field] = &[
        must("name", Kind::Text),
        must("source", Kind::Object),
        may("format", Kind::OneOf(&["pdf", "csv", "doc", "docx", "xls", "xlsx", "html", "txt", "md"])),
        may("context", Kind::Text),
        may("citations", Kind::Object),
    ];
    fields(at, block, DOCUMENT, false)?;
    let name = text(block, "name").unwrap_or_default();
    let known = |letter: char| letter.is_alphanumeric() || letter.is_whitespace() || "-()[]".contains(letter);
    let spaced = name.as_bytes().windows(2).any(|pair| pair.iter().all(u8::is_ascii_whitespace));
    if name.is_empty() || !name.chars().all(known) || spaced {
        return Err(at.key("name").says(
            "The document file name can only contain alphanumeric characters, whitespace characters, hyphens, parentheses, and square brackets. The name can't contain more than one consecutive whitespace character.",
        ));
    }
    match block.get("citations").and_then(Value::as_object) {
        Some(citations) => fields(&at.key("citations"), citations, &[must("enabled", Kind::Bool)], false),
        None => Ok(()),
    }
}
