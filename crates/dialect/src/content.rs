//! Content that is one plain string or a list of parts, as both families of dialects have it.

use crate::fields::{Fields, wrong_kind};
use crate::{DecodeError, Json};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use switchtower_domain::{Part, Source};

/// Reads content: a string, a list of parts, or nothing. Says whether it was one plain string.
pub(crate) fn read(
    fields: &mut Fields,
    key: &'static str,
    part: fn(Fields) -> Result<Part, DecodeError>,
) -> Result<(Vec<Part>, bool), DecodeError> {
    let at = fields.at().child(key);
    match fields.take(key) {
        None => Ok((Vec::new(), false)),
        Some(Json::String(text)) => Ok((vec![Part { at, ..Part::text(text) }], true)),
        Some(Json::Array(items)) if items.is_empty() => {
            fields.put_back(key, Json::Array(items));
            Ok((Vec::new(), false))
        }
        Some(Json::Array(items)) => {
            let parts =
                items.into_iter().enumerate().map(|(index, item)| part(fields.beneath_at(item, at.item(index))?));
            Ok((parts.collect::<Result<_, _>>()?, false))
        }
        Some(other) => Err(wrong_kind(at.path(), "a string or a list of parts", &other)),
    }
}

/// Whether content says nothing at all: then it is no content rather than content without parts.
pub(crate) fn is_absent(fields: &Fields, key: &str) -> bool {
    fields.peek(key).is_none_or(|content| content.is_null() || content.as_array().is_some_and(Vec::is_empty))
}

/// The text of a document that is text, also where it came as bytes.
pub(crate) fn plain_text(source: &Source) -> Option<String> {
    match source {
        Source::Text { data, .. } => Some(data.clone()),
        Source::Base64 { media_type, data } if media_type.starts_with("text/") => {
            String::from_utf8(BASE64.decode(data).ok()?).ok()
        }
        _ => None,
    }
}

/// The bare format that `OpenAI` has for a media type of sound; nothing for what it does not take.
/// Source: <https://platform.openai.com/docs/guides/audio#add-audio-to-your-existing-application>
pub(crate) fn sound_format(media_type: &str) -> Option<&'static str> {
    match media_type.rsplit('/').next()? {
        "wav" | "x-wav" | "wave" | "vnd.wave" => Some("wav"),
        "mp3" | "mpeg" | "mpga" | "x-mp3" => Some("mp3"),
        _ => None,
    }
}

/// Where the bytes are that a URL stands for: in the URL itself, or at it.
pub(crate) fn source_of_url(url: String) -> Source {
    let split = url.strip_prefix("data:").and_then(|rest| rest.split_once(";base64,"));
    match split {
        Some((media_type, data)) if !media_type.contains(';') => {
            Source::Base64 { media_type: media_type.to_owned(), data: data.to_owned() }
        }
        _ => Source::Url(url),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_are_text_are_read_as_text() {
        let source = |media_type: &str, data: &str| Source::Base64 { media_type: media_type.into(), data: data.into() };
        assert_eq!(plain_text(&source("text/plain", "aGk=")), Some("hi".to_owned()));
        assert_eq!(plain_text(&source("application/pdf", "aGk=")), None);
        assert_eq!(plain_text(&source("text/plain", "/w==")), None, "not UTF-8");
        assert_eq!(plain_text(&source("text/plain", "?")), None);
    }
}
