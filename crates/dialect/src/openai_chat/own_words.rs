//! Words of Mistral's own, for vendors that refuse what `OpenAI` does not have: `prefix` at a message, an address of an
//! image without an object around it, numbers of calls, documents by address, references, and thoughts in `content`. Source:
//! <https://docs.mistral.ai/api/endpoint/chat>

use super::parts::{reasoning_key, thinking_text};
use crate::Variant;
use aho_corasick::AhoCorasick;
use serde_json::{Map, Value, json};
use std::sync::LazyLock;
use switchtower_domain::{Notice, ReasoningField};

/// The messages of a request without them; `None` where there are none, which a search tells.
pub(super) fn left_out(messages: &[u8], variant: &Variant) -> Option<(String, Vec<Notice>)> {
    if variant.mistral_words || !may_have(messages) {
        return None;
    }
    let before: Value = serde_json::from_slice(messages).ok()?;
    let mut after = before.clone();
    let mut notices = Vec::new();
    for (index, message) in after.as_array_mut()?.iter_mut().enumerate() {
        if let Value::Object(message) = message {
            fit_message(message, &format!("messages[{index}]"), variant, &mut notices);
        }
    }
    (after != before).then(|| (after.to_string(), notices))
}

/// The words, of which that of an image is one only before an address. Within texts they stand between escaped quotes
/// only.
const WORDS: [&str; 6] = [IMAGE, "\"prefix\"", "\"index\"", "\"document_url\"", "\"reference_ids\"", "\"thinking\""];
const IMAGE: &str = "\"image_url\"";

/// All of them are looked for at once. Where they cannot be, every request is read.
static FINDER: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| AhoCorasick::new(WORDS).ok());

fn may_have(messages: &[u8]) -> bool {
    let Some(finder) = &*FINDER else { return true };
    finder.find_iter(messages).any(|found| {
        let rest = || messages.get(found.end()..).unwrap_or_default().trim_ascii_start().strip_prefix(b":");
        found.pattern().as_usize() != 0 || rest().is_some_and(|value| value.trim_ascii_start().starts_with(b"\""))
    })
}

fn fit_message(message: &mut Map<String, Value>, at: &str, variant: &Variant, notices: &mut Vec<Notice>) {
    match message.shift_remove("prefix") {
        Some(Value::Bool(true)) => {
            let reason = "the vendor begins an answer of its own in place of going on with this one";
            notices.push(Notice::meaning(format!("{at}.prefix"), reason));
        }
        Some(_) => notices.push(Notice::hint(format!("{at}.prefix"), "says what the vendor does anyway")),
        None => {}
    }
    let calls = message.get_mut("tool_calls").and_then(Value::as_array_mut);
    for (index, call) in calls.into_iter().flatten().enumerate() {
        if call.as_object_mut().is_some_and(|call| call.shift_remove("index").is_some()) {
            let reason = "the order of calls says the same";
            notices.push(Notice::hint(format!("{at}.tool_calls[{index}].index"), reason));
        }
    }
    let Some(Value::Array(parts)) = message.get_mut("content") else { return };
    let (had, mut thoughts) = (!parts.is_empty(), Vec::new());
    let mut index = 0;
    parts.retain_mut(|part| {
        let place = format!("{at}.content[{index}]");
        index += 1;
        fit_part(part, place, notices, variant, &mut thoughts)
    });
    if had && parts.is_empty() {
        let content = if message.contains_key("tool_calls") { Value::Null } else { Value::from("") };
        message.insert("content".to_owned(), content);
    }
    if let Some(key) = variant.reasoning_field.and_then(reasoning_key)
        && !thoughts.is_empty()
    {
        message.entry(key).or_insert_with(|| thoughts.concat().into());
    }
}

fn takes_parts(variant: &Variant) -> bool {
    variant.reasoning_field == Some(ReasoningField::ThinkingParts)
}

/// Fits one part; says whether it stays.
fn fit_part(
    part: &mut Value,
    place: String,
    notices: &mut Vec<Notice>,
    variant: &Variant,
    thoughts: &mut Vec<String>,
) -> bool {
    let kind = part.get("type").and_then(Value::as_str).unwrap_or_default().to_owned();
    match kind.as_str() {
        "image_url" => {
            if let Some(address @ Value::String(_)) = part.get_mut("image_url") {
                let url = address.take();
                *address = json!({"url": url});
            }
            true
        }
        "document_url" => {
            let data = part.get("document_url").and_then(Value::as_str).filter(|url| url.starts_with("data:"));
            let Some(data) = data else {
                notices.push(Notice::meaning(place, "a document at an address has no place at this vendor"));
                return false;
            };
            let name = part.get("document_name").and_then(Value::as_str);
            if name.is_none() {
                notices.push(Notice::hint(format!("{place}.document_name"), "a file needs a name"));
            }
            *part = json!({"type": "file", "file": {"file_data": data, "filename": name.unwrap_or("document.pdf")}});
            true
        }
        "reference" => {
            notices.push(Notice::meaning(place, "what Mistral's models found means nothing to others"));
            false
        }
        // Others write thoughts as texts, not as lists.
        "thinking" if part.get("thinking").is_some_and(Value::is_array) && !takes_parts(variant) => {
            let text = part.get("thinking").cloned().and_then(|list| thinking_text(&list.into()));
            match (text, variant.reasoning_field.and_then(reasoning_key)) {
                (Some(text), Some(_)) => thoughts.push(text),
                _ => notices.push(Notice::meaning(place, "thoughts of earlier turns are not taken back")),
            }
            false
        }
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(messages: &Value, variant: &Variant) -> Option<(Value, Vec<String>)> {
        let (text, notices) = left_out(messages.to_string().as_bytes(), variant)?;
        let paths = notices.iter().map(|notice| format!("{};{}", notice.path, notice.class.as_str()));
        Some((serde_json::from_str(&text).unwrap(), paths.collect()))
    }

    #[test]
    fn words_of_mistrals_own_are_said_as_others_have_them_or_left_out_by_name() {
        let messages = json!([
            {"role": "user", "content": [
                {"type": "text", "text": "\"prefix\""},
                {"type": "image_url", "image_url": "https://a.example/b.png"},
                {"type": "document_url", "document_url": "data:application/pdf;base64,AA==", "document_name": "a.pdf"},
                {"type": "document_url", "document_url": "https://a.example/b.pdf"},
            ]},
            {"role": "assistant", "prefix": false, "content": [{"type": "thinking", "thinking": [{"type": "text", "text": "so"}]}], "tool_calls": [{"id": "a", "index": 0}]},
            {"role": "assistant", "prefix": true, "content": [{"type": "reference", "reference_ids": [1]}]},
        ]);
        let (sent, paths) = told(&messages, &Variant::default()).unwrap();
        assert_eq!(
            sent,
            json!([
                {"role": "user", "content": [
                    {"type": "text", "text": "\"prefix\""},
                    {"type": "image_url", "image_url": {"url": "https://a.example/b.png"}},
                    {"type": "file", "file": {"file_data": "data:application/pdf;base64,AA==", "filename": "a.pdf"}},
                ]},
                {"role": "assistant", "content": null, "tool_calls": [{"id": "a"}]},
                {"role": "assistant", "content": ""},
            ])
        );
        assert_eq!(
            paths,
            [
                "messages[0].content[3];meaning",
                "messages[1].prefix;hint",
                "messages[1].tool_calls[0].index;hint",
                "messages[1].content[0];meaning",
                "messages[2].prefix;meaning",
                "messages[2].content[0];meaning"
            ]
        );
        let thinking = Variant { reasoning_field: Some(ReasoningField::ReasoningContent), ..Variant::default() };
        assert_eq!(told(&messages, &thinking).unwrap().0[1]["reasoning_content"], "so");
        let mistral = Variant { mistral_words: true, ..Variant::default() };
        assert_eq!(told(&messages, &mistral), None);
    }

    #[test]
    fn what_only_looks_like_it_leaves_as_it_came() {
        let messages = json!([
            {"role": "user", "content": "the \"prefix\" of \"image_url\":\"x\" and \"document_url\""},
            {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:,"}}]},
            {"role": "assistant", "content": null, "tool_calls": [{"function": {"arguments": "{\"prefix\":true}"}}]},
            {"role": "tool", "content": [{"type": "text", "text": "", "thinking": 1}]},
            {"role": "assistant", "content": [{"type": "thinking", "thinking": "a text"}]},
        ]);
        assert_eq!(told(&messages, &Variant::default()), None);
    }
}
