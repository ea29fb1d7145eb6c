//! One folder for each dialect that the simulator speaks as a provider, and the list of them.
//!
//! Every folder has the same files: `mod.rs` (places and headers), `check.rs` (what is accepted, and reading it into an
//! [`Ask`](crate::ask::Ask)), `answer.rs` (a whole answer), `stream.rs` (the same as events), `error.rs` (the vendor's
//! words for a failure, which dialects of one vendor share). A new dialect is such a folder and one line in [`ALL`].

pub(crate) mod anthropic_messages;
mod bedrock_converse;
pub(crate) mod cohere_chat;
pub(crate) mod google_gemini;
pub(crate) mod ollama_chat;
pub(crate) mod openai_chat;
mod openai_error;
pub(crate) mod openai_responses;

use crate::ask::{Ask, PromptPart};
use crate::body::{Event, Events, FaultWords};
use crate::cache::PromptCache;
use crate::check::Object;
use crate::failure::Failure;
use crate::said::{Said, Usage};
use crate::service::Service;
use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use serde_json::Value;

/// Every dialect. The first that claims a place serves it.
pub(crate) const ALL: &[&dyn Dialect] = &[
    &bedrock_converse::BedrockConverse,
    &bedrock_converse::BedrockInvoke,
    &cohere_chat::CohereChat,
    &ollama_chat::OllamaChat,
    &google_gemini::GoogleGemini,
    &anthropic_messages::AnthropicMessages,
    &openai_responses::OpenAiResponses,
    &openai_chat::OpenAiChat,
];

/// A place at which a dialect serves something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    Chat,
    CountTokens,
    Service(Service),
    Models,
    Model(String),
}

/// How the pieces of a stream are put together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Framing {
    /// Server-sent events.
    #[default]
    Events,
    /// One JSON array, which grows.
    Array,
    /// Binary messages of AWS.
    Messages,
    /// A line of JSON for each piece.
    Lines,
}

impl Framing {
    pub(crate) const fn media_type(self) -> &'static str {
        match self {
            Self::Events => "text/event-stream; charset=utf-8",
            Self::Array => "application/json; charset=UTF-8",
            Self::Messages => "application/vnd.amazon.eventstream",
            Self::Lines => "application/x-ndjson",
        }
    }

    /// Events as this puts them; dialects that know one way alone write it themselves.
    pub(crate) fn put(self, events: Events) -> Events {
        match self {
            Self::Events | Self::Messages | Self::Lines => events,
            Self::Array => {
                let items = events.enumerate().map(|(index, event)| {
                    let start = if index == 0 { "[" } else { ",\n" };
                    Event::new([start.as_bytes(), data_of(&event.bytes)].concat(), event.tokens)
                });
                Box::new(items.chain(std::iter::once_with(|| Event::new(&b"]"[..], 0))))
            }
        }
    }

    /// What the dialect supplies for faults, in this form.
    pub(crate) fn fault_words(self, dialect: &dyn Dialect) -> FaultWords {
        let stream_error = dialect.stream_error();
        let halved = dialect.halved();
        match self {
            Self::Events | Self::Messages | Self::Lines => {
                FaultWords { stream_error, padding: dialect.padding(), halved }
            }
            Self::Array => FaultWords {
                stream_error: [b",\n", data_of(&stream_error), b"]"].concat().into(),
                padding: |wanted| vec![b' '; wanted].into(),
                halved,
            },
        }
    }
}

/// The data of an event that has one line of it.
fn data_of(event: &[u8]) -> &[u8] {
    event.strip_prefix(b"data: ").unwrap_or(event).trim_ascii_end()
}

/// How strictly requests are checked, and against which account.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Strictness {
    /// Unknown top-level fields pass.
    pub(crate) lenient_fields: bool,
    /// `Some(owner)`: signatures must have been made by this owner. `None`: any will do.
    pub(crate) signatures_of: Option<u64>,
}

/// A wire format, seen from the provider's side.
pub(crate) trait Dialect: Sync {
    /// The stable name, as in recordings.
    fn name(&self) -> &'static str;

    /// The place that a request goes to, if it is one of this dialect's.
    fn place(&self, method: &Method, path: &str, headers: &HeaderMap) -> Option<Place>;

    /// The place that a request goes to which others have at the same address, if its query is in the words of this one.
    fn place_asked(&self, _method: &Method, _path: &str, _query: &str) -> Option<Place> {
        None
    }

    /// True for requests that look like this dialect's although they go nowhere; their failure is then worded by it.
    fn looks_like(&self, path: &str, headers: &HeaderMap) -> bool;

    /// The model that an address names, where addresses and not bodies do.
    fn model_at(&self, _path: &str) -> Option<String> {
        None
    }

    /// How an address asks for a stream, where addresses and not bodies do.
    fn streamed_at(&self, _path: &str, _query: Option<&str>) -> Option<Framing> {
        None
    }

    /// How this dialect puts its streams together, where the address does not say.
    fn framing(&self) -> Framing {
        Framing::Events
    }

    /// Whether a body asks for a stream, where bodies do.
    fn asks_for_stream(&self, body: &Value) -> bool {
        body.get("stream") == Some(&Value::Bool(true))
    }

    /// The key that the caller presents.
    fn presented_key<'a>(&self, headers: &'a HeaderMap, query: Option<&'a str>) -> Option<&'a str>;

    /// Checks headers that the dialect requires.
    fn check_head(&self, headers: &HeaderMap) -> Result<(), Failure>;

    /// Checks a body against the version of the dialect that the headers name, where it has versions.
    fn check_version(&self, _headers: &HeaderMap, _body: &Object) -> Result<(), Failure> {
        Ok(())
    }

    /// Checks a chat request and reads it.
    fn read_chat(&self, body: &Object, strictness: Strictness) -> Result<Ask, Failure>;

    /// Answers a request to count tokens.
    fn count_tokens(&self, body: &Object, strictness: Strictness) -> Result<Value, Failure>;

    /// The list of models, or one of them.
    fn models(&self, offered: &[String], one: Option<&str>) -> Result<Value, Failure>;

    /// What the prompt cache of this provider does with a prompt.
    fn cache(&self, cache: &PromptCache, model: &str, prompt: &[PromptPart], usage: &mut Usage);

    /// The answer as one body.
    fn whole(&self, said: &Said) -> Value;

    /// The answer as events.
    fn stream(&self, said: Said) -> Events;

    /// The event for an error in the middle of a stream.
    fn stream_error(&self) -> Bytes;

    /// Makes one event of so many bytes that says nothing.
    fn padding(&self) -> fn(usize) -> Bytes;

    /// Makes an event whose data stops half way.
    fn halved(&self) -> fn(&Bytes) -> Bytes {
        |event| {
            let mut half = event.slice(..event.len() * 2 / 3).to_vec();
            // An empty line ends an event, and says nothing where each line is one.
            half.extend_from_slice(b"\n\n");
            half.into()
        }
    }

    /// The headers that come with every answer.
    fn headers(&self, request_id: &str, headers: &mut HeaderMap);

    /// The headers that a failure has besides.
    fn failure_headers(&self, _failure: &Failure, _headers: &mut HeaderMap) {}

    /// A failure in the vendor's words.
    fn failure(&self, failure: &Failure, request_id: &str) -> (StatusCode, Value);
}

/// A `data:` line of a stream, with an `event:` line before it if it has a name.
pub(crate) fn event_bytes(name: Option<&str>, data: &Value) -> Bytes {
    let mut bytes = Vec::with_capacity(256);
    if let Some(name) = name {
        bytes.extend_from_slice(b"event: ");
        bytes.extend_from_slice(name.as_bytes());
        bytes.push(b'\n');
    }
    bytes.extend_from_slice(b"data: ");
    // Writing a JSON value to memory cannot fail.
    let _ = serde_json::to_writer(&mut bytes, data);
    bytes.extend_from_slice(b"\n\n");
    bytes.into()
}

/// A part of an address as it was before it was put there.
pub(crate) fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = text.bytes();
    let mut decoded = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => {
                let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
                let (high, low) = (digit(bytes.next())?, digit(bytes.next())?);
                u8::try_from(high * 16 + low).ok()?
            }
            byte => byte,
        });
    }
    String::from_utf8(decoded).ok()
}

/// Sets a header whose value is made here and thus always valid.
pub(crate) fn set(headers: &mut HeaderMap, name: &'static str, value: &str) {
    if let Ok(value) = value.parse() {
        headers.insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_every_dialect_claims_a_place() {
        let mut names: Vec<_> = ALL.iter().map(|dialect| dialect.name()).collect();
        names.dedup();
        assert_eq!(names.len(), ALL.len());
    }
}
