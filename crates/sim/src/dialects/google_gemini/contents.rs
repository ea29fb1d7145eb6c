//! The conversation of a Gemini request: contents, their parts, and how they must follow each other.

use super::check::told;
use crate::ask::{Ask, PromptPart};
use crate::check::{Object, is_web_address, items, object, text};
use crate::failure::{Complaint, Place};
use crate::random::digest_of;
use crate::seal;
use crate::tokens::{self, FILE_TOKENS, IMAGE_TOKENS, MESSAGE_TOKENS};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::Value;

const UNANSWERED: &str = "Please ensure that the number of function response parts is equal to the number of function call parts of the function call turn.";
const UNASKED: &str = "Please ensure that function response turn comes immediately after a function call turn.";
const MISCALLED: &str =
    "Please ensure that function call turn comes immediately after a user turn or after a function response turn.";
/// What goes for a signature where none was made. Source: <https://ai.google.dev/gemini-api/docs/thought-signatures#faqs>
const UNSIGNED: [&str; 2] = ["skip_thought_signature_validator", "context_engineering_is_the_way_to_go"];
/// Source: <https://ai.google.dev/gemini-api/docs/image-understanding>
const IMAGES: [&str; 5] = ["image/png", "image/jpeg", "image/webp", "image/heic", "image/heif"];
/// Of the others, whatever the vendor reads begins so.
const READABLE: [&str; 4] = ["application/pdf", "text/", "audio/", "video/"];
/// Of these a part has one.
const DATA: [(&str, &str); 9] = [
    ("text", "text"),
    ("inlineData", "inline_data"),
    ("fileData", "file_data"),
    ("functionCall", "function_call"),
    ("functionResponse", "function_response"),
    ("executableCode", "executable_code"),
    ("codeExecutionResult", "code_execution_result"),
    ("toolCall", "tool_call"),
    ("toolResponse", "tool_response"),
];

/// Reads a conversation into an [`Ask`].
pub(super) struct Reader<'a> {
    pub(super) ask: &'a mut Ask,
    pub(super) signatures_of: Option<u64>,
    /// The first call of each step since the user last spoke must carry a signature.
    pub(super) must_be_signed: bool,
}

/// A function that was called, and the id of the call if it has one.
type Called = (String, Option<String>);

/// What one content held.
#[derive(Default)]
struct Turn {
    text: String,
    calls: Vec<Called>,
    results: Vec<(Called, String)>,
    /// Something was said besides results.
    speaks: bool,
    /// The place of the first call that has no signature.
    unsigned: Option<String>,
    extra: u64,
}

pub(super) fn conversation(reader: &mut Reader<'_>, list: &[Value]) -> Result<(), Complaint> {
    let at = Place::root().key("contents");
    if list.is_empty() {
        return Err(told(&at, "contents is not specified"));
    }
    // Calls of the content before, which this one has to answer.
    let mut open: Vec<Called> = Vec::new();
    let mut unsigned: Option<(usize, String)> = None;
    for (index, content) in list.iter().enumerate() {
        let at = at.index(index);
        let content = object(&at, content)?;
        let role = text(content, "role").filter(|role| !role.is_empty()).unwrap_or("user");
        let of_model = match role {
            "user" | "function" => false,
            "model" => true,
            _ => return Err(at.key("role").says("Please use a valid role: user, model.")),
        };
        let turn = one_content(reader, &at, content, of_model)?;
        let counted = MESSAGE_TOKENS + tokens::count(&turn.text) + turn.extra;
        let digest = digest_of(&serde_json::json!([role, items(content, "parts")]));
        reader.ask.prompt.push(PromptPart { digest, tokens: counted, mark: None });
        if of_model {
            // The vendor's own SDK sends the chunks of a stream as contents of their own, which are one turn together.
            if open.is_empty() {
                unsigned = unsigned.or_else(|| turn.unsigned.map(|name| (index, name)));
            }
            open.extend(turn.calls);
            reader.ask.results.clear();
            continue;
        }
        answers(&at, &open, &turn)?;
        open.clear();
        if turn.speaks {
            unsigned = None;
            reader.ask.user_text = turn.text;
        }
        reader.ask.results = turn.results.into_iter().map(|(_, said)| said).collect();
    }
    if !open.is_empty() {
        return Err(at.says(UNANSWERED));
    }
    match unsigned.filter(|_| reader.must_be_signed) {
        Some((index, name)) => Err(at.says(format!(
            "Function call is missing a thought_signature in functionCall parts. This is required for tools to work correctly, and missing thought_signature may lead to degraded model performance. Additional data, function call `default_api:{name}` , position {}. Please refer to https://ai.google.dev/gemini-api/docs/thought-signatures for more details.",
            index + 1
        ))),
        None => Ok(()),
    }
}

/// Every call must be answered in the content that follows the turn of the model, all in one, and nothing else may be.
fn answers(at: &Place, open: &[Called], turn: &Turn) -> Result<(), Complaint> {
    if turn.results.is_empty() {
        return if open.is_empty() { Ok(()) } else { Err(at.clone().says(UNANSWERED)) };
    }
    if open.is_empty() {
        return Err(at.clone().says(UNASKED));
    }
    if open.len() != turn.results.len() {
        return Err(at.clone().says(UNANSWERED));
    }
    let mut left = open.to_vec();
    for ((name, id), _) in &turn.results {
        let is = |call: &Called| call.0 == *name && (id.is_none() || call.1.is_none() || call.1 == *id);
        let Some(found) = left.iter().position(is) else {
            let message = format!(
                "Please ensure that the function response `{name}` answers a function call of the function call turn."
            );
            return Err(at.clone().says(message));
        };
        left.swap_remove(found);
    }
    Ok(())
}

fn one_content(reader: &Reader<'_>, at: &Place, content: &Object, of_model: bool) -> Result<Turn, Complaint> {
    let parts = items(content, "parts");
    let at = at.key("parts");
    if parts.is_empty() {
        return Err(told(&at, "contents.parts must not be empty."));
    }
    let mut turn = Turn::default();
    for (index, part) in parts.iter().enumerate() {
        let at = at.index(index);
        one_part(reader, &at, object(&at, part)?, of_model, &mut turn)?;
    }
    Ok(turn)
}

fn one_part(reader: &Reader<'_>, at: &Place, part: &Object, of_model: bool, turn: &mut Turn) -> Result<(), Complaint> {
    let mut given = DATA.iter().filter(|(name, _)| part.contains_key(*name));
    let kind = given.next().map(|(name, _)| *name);
    if let Some((_, second)) = given.next() {
        let message = format!(
            "Invalid value at '{}' (oneof), oneof field 'data' is already set. Cannot set '{second}'",
            at.bracketed()
        );
        return Err(at.clone().says_with_code(super::proto::FIELD, message));
    }
    signature(reader, at, part)?;
    let Some(kind) = kind else {
        // The end of a stream is a signature beside nothing.
        if of_model && part.contains_key("thoughtSignature") {
            return Ok(());
        }
        return Err(told(&at.key("data"), "required oneof field 'data' must have one initialized field"));
    };
    let thought = part.get("thought") == Some(&Value::Bool(true));
    let inner = part.get(kind).and_then(Value::as_object);
    turn.speaks |= kind != "functionResponse" && !thought;
    match (kind, inner) {
        ("text", _) => {
            let said = text(part, "text").unwrap_or_default();
            match thought {
                true => turn.extra += tokens::count(said),
                false => turn.text.push_str(said),
            }
        }
        ("inlineData" | "fileData", Some(media)) => turn.extra += self::media(at, media, kind)?,
        ("functionCall", Some(call)) => {
            if !of_model {
                return Err(at.clone().says(MISCALLED));
            }
            let name = named(&at.key("function_call"), call)?;
            if turn.calls.is_empty() && !part.contains_key("thoughtSignature") {
                turn.unsigned = Some(name.to_owned());
            }
            turn.extra += tokens::count(name) + tokens::count(&Value::Object(call.clone()).to_string());
            turn.calls.push((name.to_owned(), text(call, "id").map(str::to_owned)));
        }
        ("functionResponse", Some(response)) => {
            let at = at.key("function_response");
            if of_model {
                return Err(at.says(UNASKED));
            }
            let name = named(&at, response)?;
            let Some(said) = response.get("response").and_then(Value::as_object) else {
                return Err(told(&at.key("response"), "missing field."));
            };
            for (index, part) in items(response, "parts").iter().enumerate() {
                let at = at.key("parts").index(index);
                let part = object(&at, part)?;
                let held =
                    ["inlineData", "fileData"].into_iter().find_map(|kind| Some((kind, part.get(kind)?.as_object()?)));
                let Some((kind, inner)) = held else {
                    return Err(told(&at.key("data"), "required oneof field 'data' must have one initialized field"));
                };
                turn.extra += media(&at, inner, kind)?;
            }
            let said = result_text(said);
            turn.extra += tokens::count(&said);
            turn.results.push(((name.to_owned(), text(response, "id").map(str::to_owned)), said));
        }
        // What the vendor's own tools did is the vendor's own to check.
        (_, inner) => turn.extra += inner.map_or(0, |inner| tokens::count(&Value::Object(inner.clone()).to_string())),
    }
    Ok(())
}

/// A signature must be one that was made here, or the word for none.
fn signature(reader: &Reader<'_>, at: &Place, part: &Object) -> Result<(), Complaint> {
    let (Some(owner), Some(signature)) = (reader.signatures_of, text(part, "thoughtSignature")) else {
        return Ok(());
    };
    let is_word = |word: &str| {
        let web = signature.replace('+', "-").replace('/', "_");
        web.trim_end_matches('=') == word || BASE64.encode(word) == signature
    };
    if seal::is_withheld_by(owner, signature) || UNSIGNED.into_iter().any(is_word) {
        return Ok(());
    }
    Err(at.key("thought_signature").says("Corrupted thought signature."))
}

fn named<'a>(at: &Place, call: &'a Object) -> Result<&'a str, Complaint> {
    text(call, "name")
        .filter(|name| !name.is_empty())
        .ok_or_else(|| told(&at.key("name"), "[FIELD_INVALID] name cannot be empty."))
}

/// The text of a function's result: its only word, or all of it as JSON.
fn result_text(response: &Object) -> String {
    let mut fields = response.values();
    match (fields.next(), fields.next()) {
        (Some(Value::String(only)), None) => only.clone(),
        _ => Value::Object(response.clone()).to_string(),
    }
}

/// Checks data or a file and gives its tokens.
fn media(at: &Place, media: &Object, kind: &str) -> Result<u64, Complaint> {
    let media_type = text(media, "mimeType").unwrap_or_default();
    let is_image = media_type.starts_with("image/");
    let known = IMAGES.contains(&media_type) || READABLE.iter().any(|start| media_type.starts_with(start));
    // The vendor finds out of what type a file is.
    let untold = media_type.is_empty() && kind == "fileData";
    if media_type.is_empty() && !untold {
        return Err(told(&at.key("inline_data").key("mime_type"), "mime_type must not be empty."));
    }
    if !known && !untold {
        return Err(at.clone().says(format!("Unsupported MIME type: {media_type}")));
    }
    if kind == "inlineData" && text(media, "data").is_none_or(str::is_empty) {
        return Err(told(&at.key("inline_data").key("data"), "data must not be empty."));
    }
    if kind == "fileData" {
        let uri = text(media, "fileUri").unwrap_or_default();
        if uri.is_empty() {
            return Err(told(&at.key("file_data").key("file_uri"), "file_uri must not be empty."));
        }
        if !is_web_address(uri) && !uri.starts_with("gs://") {
            return Err(at.key("file_data").says(format!("Unsupported file uri: {uri}")));
        }
    }
    Ok(if is_image { IMAGE_TOKENS } else { FILE_TOKENS })
}

/// The text of a content that may hold nothing else.
pub(super) fn only_text(at: &Place, content: &Object) -> Result<String, Complaint> {
    let mut said = String::new();
    for (index, part) in items(content, "parts").iter().enumerate() {
        let at = at.key("parts").index(index);
        let part = object(&at, part)?;
        let Some(words) = text(part, "text") else {
            return Err(told(&at, "only text is allowed here."));
        };
        said.push_str(words);
    }
    Ok(said)
}
