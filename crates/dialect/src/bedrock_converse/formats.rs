//! Formats of media and documents, which Converse names by a word of its own where others have media types.
//! Source: <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_DocumentBlock.html>

use crate::content::sound_format;
use switchtower_domain::MediaKind;

const DOCUMENTS: [(&str, &str); 9] = [
    ("pdf", "application/pdf"),
    ("csv", "text/csv"),
    ("doc", "application/msword"),
    ("docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    ("xls", "application/vnd.ms-excel"),
    ("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    ("html", "text/html"),
    ("txt", "text/plain"),
    ("md", "text/markdown"),
];

const FILMS: [(&str, &str); 4] =
    [("mov", "video/quicktime"), ("mkv", "video/x-matroska"), ("three_gp", "video/3gpp"), ("wmv", "video/x-ms-wmv")];

/// The media type of a document's format; an unknown word is a type of its own.
pub(super) fn document_type(format: &str) -> String {
    let known = DOCUMENTS.iter().find(|(word, _)| *word == format);
    known.map_or_else(|| format!("application/{format}"), |(_, media_type)| (*media_type).to_owned())
}

/// The format of a document's media type. `same` takes every word back, whether it is known or not.
pub(super) fn document_format(media_type: &str, same: bool) -> Option<&str> {
    let essence = media_type.split(';').next().unwrap_or_default().trim();
    match DOCUMENTS.iter().find(|(_, known)| *known == essence) {
        Some((word, _)) => Some(word),
        None if same => media_type.strip_prefix("application/"),
        None if essence.starts_with("text/") => Some("txt"),
        None => None,
    }
}

/// The media type of a medium's format.
pub(super) fn media_type(kind: MediaKind, format: &str) -> String {
    if let Some((_, media_type)) = FILMS.iter().find(|(word, _)| kind == MediaKind::Video && *word == format) {
        return (*media_type).to_owned();
    }
    format!("{}/{format}", word(kind))
}

/// The format of a medium's type.
pub(super) fn media_format(kind: MediaKind, media_type: &str, same: bool) -> String {
    if let Some((word, _)) = FILMS.iter().find(|(_, known)| kind == MediaKind::Video && *known == media_type) {
        return (*word).to_owned();
    }
    let format = media_type.rsplit('/').next().unwrap_or_default();
    match (kind, format) {
        _ if same => format.to_owned(),
        (MediaKind::Image, "jpg" | "*") => "jpeg".to_owned(),
        (MediaKind::Audio, _) => sound_format(media_type).unwrap_or(format).to_owned(),
        _ => format.to_owned(),
    }
}

/// The word that the dialect has for a kind of media.
pub(super) const fn word(kind: MediaKind) -> &'static str {
    match kind {
        MediaKind::Image => "image",
        MediaKind::Audio => "audio",
        MediaKind::Video => "video",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_format_comes_back() {
        for format in ["pdf", "csv", "doc", "docx", "xls", "xlsx", "html", "txt", "md", "odt"] {
            assert_eq!(document_format(&document_type(format), true), Some(format));
        }
        for kind in [MediaKind::Image, MediaKind::Audio, MediaKind::Video] {
            for format in ["png", "jpeg", "mov", "mkv", "three_gp", "wmv", "mp4", "mpeg", "x-aac"] {
                assert_eq!(media_format(kind, &media_type(kind, format), true), format);
            }
        }
        assert_eq!(media_format(MediaKind::Audio, "audio/x-wav", false), "wav");
        assert_eq!(document_format("text/x-rust", false), Some("txt"));
        assert_eq!(document_format("application/zip", false), None);
    }
}
