//! What a translation could not carry, as the value of a response header.

use http::HeaderValue;
use std::collections::HashSet;
use std::fmt::Write as _;
use switchtower_domain::{Notice, NoticeClass};

/// The longest value. Proxies and clients commonly bound a whole head at 8 kB.
const HEADER_BYTES_MAX: usize = 2048;

/// `path;class, path;class`: what weighs more comes first, characters that a header cannot carry are percent-encoded,
/// and what does not fit is counted, as in `(+12)`.
pub(crate) fn header(notices: &[Notice]) -> Option<HeaderValue> {
    if notices.is_empty() {
        return None;
    }
    let mut sorted: Vec<&Notice> = notices.iter().collect();
    sorted.sort_by_key(|notice| std::cmp::Reverse(notice.class));
    // Of several notices at one path the weightiest says enough.
    let mut seen = HashSet::new();
    sorted.retain(|notice| seen.insert(notice.path.as_str()));
    let mut text = String::new();
    let mut written = 0;
    for notice in &sorted {
        let mut item = String::new();
        encode(&notice.path, &mut item);
        item.push(';');
        item.push_str(notice.class.as_str());
        if text.len() + item.len() + 2 > HEADER_BYTES_MAX {
            break;
        }
        if !text.is_empty() {
            text.push_str(", ");
        }
        text.push_str(&item);
        written += 1;
    }
    if written < sorted.len() {
        let gap = if text.is_empty() { "" } else { ", " };
        let _ = write!(text, "{gap}(+{})", sorted.len() - written);
    }
    HeaderValue::from_str(&text).ok()
}

/// The paths of the notices that change the meaning, for a sentence.
pub(crate) fn paths_of_meaning(notices: &[Notice]) -> Option<String> {
    const NAMED_MAX: usize = 20;
    let mut of_meaning = notices.iter().filter(|notice| notice.class == NoticeClass::Meaning);
    let mut text = String::new();
    for notice in of_meaning.by_ref().take(NAMED_MAX) {
        let gap = if text.is_empty() { "" } else { "; " };
        let _ = write!(text, "{gap}'{}' ({})", shortened(&notice.path), notice.reason);
    }
    match of_meaning.count() {
        0 if text.is_empty() => return None,
        0 => {}
        more => {
            let _ = write!(text, "; and {more} more");
        }
    }
    Some(text)
}

/// A path that is long because a caller invented long keys.
fn shortened(path: &str) -> &str {
    let end = path.char_indices().map(|(at, _)| at).nth(200).unwrap_or(path.len());
    path.get(..end).unwrap_or(path)
}

fn encode(path: &str, out: &mut String) {
    for byte in shortened(path).bytes() {
        match byte {
            b'%' | b';' | b',' | b'"' | 0..=0x20 | 0x7f.. => {
                let _ = write!(out, "%{byte:02X}");
            }
            plain => out.push(char::from(plain)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_listed_once_with_what_weighs_most() {
        let notices = [Notice::hint("store", "one"), Notice::meaning("store", "other"), Notice::hint("seed", "one")];
        assert_eq!(header(&notices).unwrap(), "store;meaning, seed;hint");
    }

    #[test]
    fn notices_are_listed_by_weight() {
        let notices = [Notice::hint("store", "a"), Notice::meaning("messages[0].näme", "b")];
        assert_eq!(header(&notices).unwrap(), "messages[0].n%C3%A4me;meaning, store;hint");
        assert_eq!(header(&[]), None);
    }

    #[test]
    fn what_does_not_fit_is_counted() {
        let notices: Vec<Notice> =
            (0..500).map(|n| Notice::hint(format!("messages[{n}].cache_control"), "a")).collect();
        let value = header(&notices).unwrap();
        let text = value.to_str().unwrap();
        assert!(text.len() < HEADER_BYTES_MAX + 16);
        assert!(text.contains(", (+4"), "{text}");
    }

    #[test]
    fn a_sentence_names_what_changes_the_meaning() {
        let notices = [Notice::hint("a", "x"), Notice::meaning("seed", "has no place there")];
        assert_eq!(paths_of_meaning(&notices).unwrap(), "'seed' (has no place there)");
        assert_eq!(paths_of_meaning(&notices[..1]), None);
    }
}
