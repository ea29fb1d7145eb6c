//! The conversation of a request: messages, their blocks, and how they must follow each other.

use super::check::{NAME_MAX, cache_point, mark_last, only_member, tool_name};
use super::{error, media};
use crate::ask::{Ask, PromptPart};
use crate::check::{Field, Kind, Object, fields, items, may, must, object, text, type_name};
use crate::dialects::Strictness;
use crate::failure::{Complaint, Place, Wrong};
use crate::random::digest_of;
use crate::seal;
use crate::tokens::{self, FILE_TOKENS, IMAGE_TOKENS, MESSAGE_TOKENS};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::Value;

/// Source: <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Message.html>
const IMAGES_MAX: usize = 20;
const DOCUMENTS_MAX: usize = 5;
const BLOCKS: &[&str] = &[
    "text",
    "image",
    "document",
    "video",
    "audio",
    "toolUse",
    "toolResult",
    "guardContent",
    "cachePoint",
    "reasoningContent",
    "citationsContent",
    "searchResult",
];

/// Reads a conversation into an [`Ask`].
pub(super) struct Reader<'a> {
    pub(super) ask: &'a mut Ask,
    pub(super) strictness: Strictness,
    pub(super) must_start_with_thinking: bool,
    pub(super) has_tools: bool,
    /// The names of documents so far.
    pub(super) documents: Vec<String>,
    pub(super) images: usize,
}

/// What one message held.
#[derive(Default)]
struct Turn {
    text: String,
    /// The ids and texts of results.
    results: Vec<(String, String)>,
    calls: Vec<String>,
    has_document: bool,
    /// Tokens of all but the text.
    extra: u64,
}

pub(super) fn conversation(reader: &mut Reader<'_>, list: &[Value]) -> Result<(), Complaint> {
    let root = Place::root();
    let at = root.key("messages");
    let role_of = |message: &Value| message.get("role").and_then(Value::as_str).map(str::to_owned);
    if list.first().is_none_or(|first| matches!(role_of(first).as_deref(), Some("assistant" | "system"))) {
        return Err(root.says(
            "A conversation must start with a user message. Try again with a conversation that starts with a user message.",
        ));
    }
    // Calls of the message before, which this one has to answer.
    let mut open: Vec<String> = Vec::new();
    let mut before: Option<String> = None;
    for (index, message) in list.iter().enumerate() {
        let at = at.index(index);
        let message = object(&at, message)?;
        const MESSAGE: &[Field] =
            &[must("role", Kind::OneOf(&["user", "assistant", "system"])), must("content", Kind::Array)];
        fields(&at, message, MESSAGE, false)?;
        let role = text(message, "role").unwrap_or_default();
        if before.as_deref() == Some(role) {
            return Err(root.says(
                "A conversation must alternate between user and assistant roles. Make sure the conversation alternates between user and assistant roles and try again.",
            ));
        }
        // Instructions in the middle of a conversation are no turn of it.
        if role == "system" {
            only_text(&at, items(message, "content"))?;
            continue;
        }
        before = Some(role.to_owned());
        let turn = one_message(reader, &at, items(message, "content"), role)?;
        if role == "user" {
            answered(&at, &open, &turn)?;
            if !turn.text.is_empty() {
                reader.ask.user_text = turn.text;
            }
            reader.ask.results = turn.results.into_iter().map(|(_, said)| said).collect();
        } else {
            reader.ask.results.clear();
        }
        open = turn.calls;
    }
    final_turn_thinks(reader, list)?;
    if open.is_empty() { Ok(()) } else { Err(expected(&at.index(list.len()), &open)) }
}

fn only_text(at: &Place, blocks: &[Value]) -> Result<(), Complaint> {
    for (index, block) in blocks.iter().enumerate() {
        let at = at.key("content").index(index);
        only_member(&at, object(&at, block)?, "ContentBlock", &["text", "cachePoint"])?;
    }
    Ok(())
}

fn expected(at: &Place, ids: &[String]) -> Complaint {
    let message = format!("Expected toolResult blocks at {}.content for the following Ids: {}", at, ids.join(", "));
    Place::root().says(message)
}

/// Every call must be answered in the very next message, and nothing else may be.
fn answered(at: &Place, open: &[String], turn: &Turn) -> Result<(), Complaint> {
    let left: Vec<String> = open.iter().filter(|id| !turn.results.iter().any(|(of, _)| of == *id)).cloned().collect();
    if !left.is_empty() {
        return Err(expected(at, &left));
    }
    if turn.results.len() > open.len() {
        let message = format!(
            "The number of toolResult blocks at {}.content exceeds the number of toolUse blocks of previous turn.",
            at
        );
        return Err(Place::root().says(message));
    }
    Ok(())
}

/// With thinking on, the turn that tool results answer must start with the thinking that led to the calls.
fn final_turn_thinks(reader: &Reader<'_>, list: &[Value]) -> Result<(), Complaint> {
    if !reader.must_start_with_thinking || reader.ask.results.is_empty() {
        return Ok(());
    }
    let Some(index) = list.iter().rposition(|message| message.get("role") == Some(&Value::from("assistant"))) else {
        return Ok(());
    };
    let first = list.get(index).and_then(|message| message.get("content")?.get(0)?.as_object());
    let found = match first.and_then(|block| block.keys().next()).map(String::as_str) {
        None | Some("reasoningContent") => return Ok(()),
        Some("toolUse") => "tool_use",
        Some(_) => "text",
    };
    let why = format!(
        "messages.{index}.content.0.type: Expected `thinking` or `redacted_thinking`, but found `{found}`. When `thinking` is enabled, a final `assistant` message must start with a thinking block (preceeding the lastmost set of `tool_use` and `tool_result` blocks)."
    );
    Err(Place::root().says(error::of_model(&why)))
}

fn one_message(reader: &mut Reader<'_>, at: &Place, blocks: &[Value], role: &str) -> Result<Turn, Complaint> {
    let mut turn = Turn::default();
    if blocks.is_empty() {
        let message = format!(
            "The content field in the Message object at {at} is empty. Add a ContentBlock object to the content field and try again."
        );
        return Err(at.clone().says(message));
    }
    for (index, block) in blocks.iter().enumerate() {
        let at = at.key("content").index(index);
        let (name, inner) = only_member(&at, object(&at, block)?, "ContentBlock", BLOCKS)?;
        if name == "cachePoint" {
            let mark = cache_point(&at.key(name), inner)?;
            mark_last(reader.ask, mark);
            continue;
        }
        let before = tokens::count(&turn.text) + turn.extra;
        one_block(reader, &at, name, inner, role, &mut turn)?;
        let frame = if index == 0 { MESSAGE_TOKENS } else { 0 };
        let counted = frame + (tokens::count(&turn.text) + turn.extra).saturating_sub(before);
        let digest = digest_of(&serde_json::json!([role, block]));
        reader.ask.prompt.push(PromptPart { digest, tokens: counted, mark: None });
    }
    if turn.has_document && role == "user" && turn.text.is_empty() && turn.results.is_empty() {
        let message = format!(
            "The Message object at {at} has a document and no text. Add a text block to the content field and try again."
        );
        return Err(at.clone().says(message));
    }
    Ok(turn)
}

fn one_block(
    reader: &mut Reader<'_>,
    at: &Place,
    name: &str,
    inner: &Value,
    role: &str,
    turn: &mut Turn,
) -> Result<(), Complaint> {
    let of_model = |why: String| Err(Place::root().says(error::of_model(&why)));
    let (content, _) = at.split_last();
    let (of_message, _) = content.split_last();
    match (name, role) {
        ("toolUse" | "reasoningContent" | "citationsContent", "user") => {
            let kind = if name == "toolUse" { "tool_use" } else { "thinking" };
            return of_model(format!("{of_message}: `{kind}` blocks can only be in `assistant` messages"));
        }
        ("toolResult" | "document" | "guardContent" | "searchResult", "assistant") => {
            let kind = if name == "toolResult" { "tool_result" } else { "document" };
            return of_model(format!("{of_message}: `{kind}` blocks can only be in `user` messages"));
        }
        _ => {}
    }
    let at = at.key(name);
    match name {
        "text" => {
            let Some(words) = inner.as_str() else {
                return Err(at.wrong(Wrong::Type { expected: "string", found: type_name(inner) }));
            };
            if words.is_empty() {
                let (block, _) = at.split_last();
                let message = format!(
                    "The text field in the ContentBlock object at {block} is blank. Add text to the text field, and try again."
                );
                return Err(at.says(message));
            }
            if !turn.text.is_empty() {
                turn.text.push('\n');
            }
            turn.text.push_str(words);
        }
        "image" | "document" | "video" | "audio" => attached(reader, &at, name, object(&at, inner)?, turn)?,
        "toolUse" => {
            has_tools(reader)?;
            call(&at, object(&at, inner)?, turn)?;
        }
        "toolResult" => {
            has_tools(reader)?;
            result(reader, &at, object(&at, inner)?, turn)?;
        }
        "reasoningContent" => thought(reader, &at, object(&at, inner)?, turn)?,
        // What is guarded or cited is text within more of it.
        _ => turn.extra += tokens::count(&inner.to_string()),
    }
    Ok(())
}

fn has_tools(reader: &Reader<'_>) -> Result<(), Complaint> {
    match reader.has_tools {
        true => Ok(()),
        false => Err(Place::root()
            .says("The toolConfig field must be defined when using toolUse and toolResult content blocks.")),
    }
}

fn attached(reader: &mut Reader<'_>, at: &Place, name: &str, block: &Object, turn: &mut Turn) -> Result<(), Complaint> {
    media::check(at, name, block)?;
    turn.extra += if name == "image" { IMAGE_TOKENS } else { FILE_TOKENS };
    if name == "image" {
        reader.images += 1;
    }
    if name == "document" {
        turn.has_document = true;
        let called = text(block, "name").unwrap_or_default().to_owned();
        if reader.documents.contains(&called) {
            return Err(at
                .key("name")
                .says(format!("Duplicate document file name: {called}. Document file names must be unique.")));
        }
        reader.documents.push(called);
    }
    if reader.images > IMAGES_MAX || reader.documents.len() > DOCUMENTS_MAX {
        let message = format!("The request has more than {IMAGES_MAX} images or {DOCUMENTS_MAX} documents.");
        return Err(at.clone().says(message));
    }
    Ok(())
}

const ID_PATTERN: &str = "[a-zA-Z0-9_.:-]+";

fn id_of(at: &Place, block: &Object) -> Result<String, Complaint> {
    let id = text(block, "toolUseId").unwrap_or_default();
    let at = at.key("toolUseId");
    if id.len() > NAME_MAX {
        return Err(at.wrong(Wrong::TooMany { max: NAME_MAX, found: id.len() }));
    }
    let known = |byte: u8| byte.is_ascii_alphanumeric() || b"_.:-".contains(&byte);
    match !id.is_empty() && id.bytes().all(known) {
        true => Ok(id.to_owned()),
        false => Err(at.wrong(Wrong::Pattern { pattern: ID_PATTERN })),
    }
}

fn call(at: &Place, block: &Object, turn: &mut Turn) -> Result<(), Complaint> {
    const CALL: &[Field] = &[
        must("toolUseId", Kind::Text),
        must("name", Kind::Text),
        must("input", Kind::Any),
        may("type", Kind::OneOf(&["server_tool_use"])),
    ];
    fields(at, block, CALL, false)?;
    let id = id_of(at, block)?;
    let name = text(block, "name").unwrap_or_default();
    tool_name(&at.key("name"), name)?;
    let input = block.get("input").unwrap_or(&Value::Null);
    if !input.is_object() {
        let (block, _) = at.split_last();
        let message = format!(
            "The format of the value at {block}.toolUse.input is invalid. Provide a json object for the field and try again."
        );
        return Err(at.key("input").says(message));
    }
    turn.extra += tokens::count(name) + tokens::count(&input.to_string());
    // What the vendor ran itself was answered by it.
    if block.contains_key("type") {
        return Ok(());
    }
    if turn.calls.contains(&id) {
        let (block, _) = at.split_last();
        let (content, _) = block.split_last();
        return Err(at.key("toolUseId").says(format!("The toolUse blocks at {content} contain duplicate Ids: {id}")));
    }
    turn.calls.push(id);
    Ok(())
}

fn result(reader: &mut Reader<'_>, at: &Place, block: &Object, turn: &mut Turn) -> Result<(), Complaint> {
    const RESULT: &[Field] = &[
        must("toolUseId", Kind::Text),
        must("content", Kind::Array),
        may("status", Kind::OneOf(&["success", "error"])),
        may("type", Kind::Text),
    ];
    fields(at, block, RESULT, false)?;
    let id = id_of(at, block)?;
    let contents = items(block, "content");
    if contents.is_empty() && text(block, "status") == Some("error") {
        let message = format!("The content field at {at} cannot be empty when status value is error.");
        return Err(at.key("content").says(message));
    }
    let mut said = String::new();
    for (index, inner) in contents.iter().enumerate() {
        let at = at.key("content").index(index);
        let known: &[&str] = &["text", "json", "image", "document", "video", "searchResult"];
        let (name, inner) = only_member(&at, object(&at, inner)?, "ToolResultContentBlock", known)?;
        let at = at.key(name);
        match (name, inner) {
            ("text", Value::String(words)) => said.push_str(words),
            ("text", _) => return Err(at.wrong(Wrong::Type { expected: "string", found: type_name(inner) })),
            ("json", Value::Object(_)) => said.push_str(&inner.to_string()),
            ("json", _) => {
                let message = format!(
                    "The format of the value at {at} is invalid. Provide a json object for the field and try again."
                );
                return Err(at.says(message));
            }
            ("image" | "document" | "video", _) => attached(reader, &at, name, object(&at, inner)?, turn)?,
            _ => turn.extra += FILE_TOKENS,
        }
    }
    turn.extra += tokens::count(&said);
    turn.results.push((id, said));
    Ok(())
}

/// Reasoning must come back as it was: its text with the signature over it, or withheld as it came.
fn thought(reader: &Reader<'_>, at: &Place, block: &Object, turn: &mut Turn) -> Result<(), Complaint> {
    let (name, inner) = only_member(at, block, "ReasoningContentBlock", &["reasoningText", "redactedContent"])?;
    let (place, _) = at.split_last();
    let of_model = |why: String| Err(Place::root().says(error::of_model(&why)));
    let at = at.key(name);
    let owner = reader.strictness.signatures_of;
    if name == "redactedContent" {
        let data = inner.as_str().and_then(|data| BASE64.decode(data).ok());
        let Some(data) = data else {
            return Err(at.wrong(Wrong::Type { expected: "string", found: type_name(inner) }));
        };
        let made = |owner| seal::is_withheld_by(owner, &String::from_utf8_lossy(&data));
        return match owner {
            Some(owner) if !made(owner) => of_model(format!("{place}: Invalid `data` in `redacted_thinking` block")),
            _ => Ok(()),
        };
    }
    let inner = object(&at, inner)?;
    fields(&at, inner, &[must("text", Kind::Text), may("signature", Kind::Text)], false)?;
    let thinking = text(inner, "text").unwrap_or_default();
    turn.extra += tokens::count(thinking);
    match (owner, text(inner, "signature")) {
        (Some(_), None) => of_model(format!("{place}.thinking.signature: Field required")),
        (Some(owner), Some(found)) if found != seal::signature(owner, thinking) => {
            of_model(format!("{place}: Invalid `signature` in `thinking` block"))
        }
        _ => Ok(()),
    }
}
