//! One folder for each dialect that the simulator speaks as a provider, and the list of them.
//!
//! Every folder has the same files: `mod.rs` (places and headers), `check.rs` (what is accepted, and reading it into an
//! [`Ask`](crate::ask::Ask)), `answer.rs` (a whole answer), `stream.rs` (the same as events), `error.rs` (the vendor's
//! words for a failure, which dialects of one vendor share). A new dialect is such a folder and one line in [`ALL`].

pub(crate) mod anthropic_messages;
pub(crate) mod google_gemini;
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
}

impl Framing {
    pub(crate) const fn media_type(self) -> &'static str {
        match self {
            Self::Events => "text/event-stream; charset=utf-8",
            Self::Array => "application/json; charset=UTF-8",
        }
    }

    /// Events as this puts them.
    pub(crate) fn put(self, events: Events) -> Events {
        match self {
            Self::Events => events,
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
        match self {
            Self::Events => FaultWords { stream_error, padding: dialect.padding() },
            Self::Array => FaultWords {
                stream_error: [b",\n", data_of(&stream_error), b"]"].concat().into(),
                padding: |wanted| vec![b' '; wanted].into(),
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

    /// The headers that come with every answer.
    fn headers(&self, request_id: &str, headers: &mut HeaderMap);

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
