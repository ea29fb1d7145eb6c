//! What an answer rests on. Gemini tells it beside the content: chunks that were found, and which piece of the text each
//! supports, in bytes. Source: <https://ai.google.dev/gemini-api/docs/grounding#response>

use crate::render::Object;
use serde_json::Value;
use switchtower_domain::{Citation, CitationKind, Extras, Part, PartKind};

/// The citations of the answer's text, which `groundingMetadata` tells.
pub(super) fn citations(metadata: &Value, text: &str) -> Vec<Citation> {
    let chunks = metadata.get("groundingChunks").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let supports = metadata.get("groundingSupports").and_then(Value::as_array).into_iter().flatten();
    let mut citations = Vec::new();
    for support in supports {
        let place = |key: &str| support.pointer(&format!("/segment/{key}")).and_then(Value::as_u64);
        let end = place("endIndex").and_then(|bytes| characters(text, bytes));
        let start = characters(text, place("startIndex").unwrap_or_default()).filter(|_| end.is_some());
        let indices = support.get("groundingChunkIndices").and_then(Value::as_array).into_iter().flatten();
        for chunk in indices.filter_map(|index| chunks.get(usize::try_from(index.as_u64()?).ok()?)) {
            let Some(url) = chunk.pointer("/web/uri").and_then(Value::as_str) else { continue };
            let title = chunk.pointer("/web/title").and_then(Value::as_str).map(str::to_owned);
            citations.push(Citation {
                kind: CitationKind::Url { url: url.to_owned(), start, end },
                cited_text: None,
                title,
                extras: Extras::none(),
            });
        }
    }
    citations
}

/// How many characters stand before a byte, if a character begins there.
fn characters(text: &str, byte: u64) -> Option<u64> {
    let before = text.get(..usize::try_from(byte).ok()?)?;
    Some(before.chars().count() as u64)
}

/// Gives the citations to the answer's text, where it is one text.
pub(super) fn attach(metadata: &Value, parts: &mut [Part]) {
    let mut texts = parts.iter_mut().filter_map(|part| match &mut part.kind {
        PartKind::Text { text, citations } if !text.is_empty() => Some((text, citations)),
        _ => None,
    });
    if let (Some((text, told)), None) = (texts.next(), texts.next()) {
        *told = citations(metadata, text);
    }
}

/// Writes the citations of another dialect's answer.
pub(super) fn metadata(parts: &[Part]) -> Option<Value> {
    let mut chunks: Vec<Value> = Vec::new();
    let mut supports: Vec<Value> = Vec::new();
    let mut before = 0;
    for part in parts {
        let PartKind::Text { text, citations } = &part.kind else { continue };
        for citation in citations {
            let CitationKind::Url { url, start, end } = &citation.kind else { continue };
            let mut web = Object::new().with("uri", url.as_str());
            web.maybe("title", citation.title.clone());
            let mut segment = Object::new();
            let begin = start.map_or(0, |start| bytes(text, start));
            let end = end.map_or(text.len(), |end| bytes(text, end));
            segment.set("startIndex", before + begin);
            segment.set("endIndex", before + end);
            segment.maybe("text", text.get(begin..end));
            let support =
                Object::new().with("segment", segment).with("groundingChunkIndices", vec![Value::from(chunks.len())]);
            chunks.push(Object::new().with("web", web).into());
            supports.push(support.into());
        }
        before += text.len();
    }
    (!chunks.is_empty())
        .then(|| Object::new().with("groundingChunks", chunks).with("groundingSupports", supports).into())
}

/// How many bytes stand before a character.
fn bytes(text: &str, character: u64) -> usize {
    let place = usize::try_from(character).unwrap_or(usize::MAX);
    text.char_indices().nth(place).map_or(text.len(), |(byte, _)| byte)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn places_are_told_in_characters_and_written_in_bytes() {
        let told = json!({"groundingChunks": [{"web": {"uri": "https://a.example", "title": "A"}}, {"retrievedContext": {}}],
            "groundingSupports": [{"segment": {"startIndex": 3, "endIndex": 6, "text": "é!"}, "groundingChunkIndices": [0, 1, 7]},
                {"segment": {"endIndex": 99}, "groundingChunkIndices": [0]}]});
        let text = "ab é!";
        let read = citations(&told, text);
        let place = |citation: &Citation| match &citation.kind {
            CitationKind::Url { start, end, .. } => (*start, *end),
            _ => (None, None),
        };
        assert_eq!(read.iter().map(place).collect::<Vec<_>>(), [(Some(3), Some(5)), (None, None)]);
        let part = Part::new(PartKind::Text { text: text.into(), citations: read[..1].to_vec() });
        let written = metadata(&[part]).unwrap();
        assert_eq!(written["groundingSupports"][0]["segment"], json!({"startIndex": 3, "endIndex": 6, "text": "é!"}));
    }
}
