//! Wire formats to and from the canonical form, whole and streamed. No I/O, no clock, no HTTP client.
//!
//! Each dialect is a folder with the same files and one line in [`ALL`]; whoever needs a dialect asks for it by its
//! [`DialectId`](switchtower_domain::DialectId) and never matches on which one it is.
//!
//! ```text
//! bytes -> scan     one pass: well-formed? how deep? which keys twice? where does each field stand?
//!       -> splice   change single fields, leave every other byte alone        (same dialect)
//!       -> Dialect  decode to typed values and encode from them, with notices (across dialects)
//! ```
//!
//! Begin with [`Dialect`].

mod account;
pub mod anthropic_messages;
mod arguments;
pub mod bedrock_converse;
mod bounds;
mod cache_control;
mod call_id;
pub mod carried;
pub mod chunks;
pub mod cohere_chat;
mod content;
mod effort;
mod error;
pub mod event_stream;
mod failure_class;
mod field_names;
mod fields;
mod form;
mod function_calls;
pub mod google_gemini;
mod in_turn;
pub mod json;
pub mod json_text;
mod listing;
mod logprobs;
pub mod ollama_chat;
pub mod openai_chat;
mod openai_error;
pub mod openai_responses;
mod owned;
pub mod plain;
mod render;
pub mod scan;
pub mod schema;
mod seal;
pub mod services;
pub mod splice;
pub mod sse;
mod steps;
mod variant;

pub use account::{AccountReader, Places, SAID_BYTES_MAX};
pub use bounds::Bounds;
pub use error::DecodeError;
pub(crate) use failure_class::failure_class;
pub use field_names::documented_path;
pub use form::{FirstChatWatch, Form, InvokedWatch};
pub use json::Json;
pub use listing::ListingForm;
pub use owned::{Belongs, Found, Inseparable, Owned};
pub use variant::{StreamEnding, StreamUsage, Thinking, Variant};

use serde_json::Value;
use switchtower_domain::{Answer, DialectId, Failure, Frame, Notice, OutOfPlace, Param, Refusal, Request, Tool};

/// Every dialect, in the order in which documents list them.
pub static ALL: [&dyn Dialect; 7] = [
    &openai_chat::OpenaiChat,
    &openai_responses::OpenaiResponses,
    &anthropic_messages::AnthropicMessages,
    &google_gemini::GoogleGemini,
    &cohere_chat::CohereChat,
    &bedrock_converse::BedrockConverse,
    &ollama_chat::OllamaChat,
];

/// The dialect of an id.
pub fn dialect(id: DialectId) -> &'static dyn Dialect {
    match id {
        DialectId::OpenaiChat => &openai_chat::OpenaiChat,
        DialectId::OpenaiResponses => &openai_responses::OpenaiResponses,
        DialectId::AnthropicMessages => &anthropic_messages::AnthropicMessages,
        DialectId::GoogleGemini => &google_gemini::GoogleGemini,
        DialectId::CohereChat => &cohere_chat::CohereChat,
        DialectId::BedrockConverse => &bedrock_converse::BedrockConverse,
        DialectId::OllamaChat => &ollama_chat::OllamaChat,
    }
}

/// An encoded message, and what could not be carried into it.
#[derive(Debug, Clone, PartialEq)]
pub struct Encoded {
    /// The message.
    pub body: Value,
    /// What was lost, in the terms of the message that was translated.
    pub notices: Vec<Notice>,
}

/// One event of a stream on the wire, free of its framing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WireEvent {
    /// The event's name, where the framing has one.
    pub name: Option<String>,
    /// Its data.
    pub data: String,
}

/// A model as listings show it.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelCard {
    /// The name that clients ask for.
    pub id: String,
    /// Who serves it.
    pub owner: String,
    /// What is known of it.
    pub facts: Option<Value>,
}

/// A list of models as `OpenAI` writes it in each of its dialects. The type and the capabilities are what clients of
/// Mistral, who speak Chat Completions, must find. Source: <https://docs.mistral.ai/api/endpoint/models>
pub(crate) fn openai_models(models: &[ModelCard]) -> Value {
    let entry = |card: &ModelCard| {
        let mut entry = render::Object::new().with("id", card.id.as_str()).with("object", "model");
        entry.set("created", 0);
        entry.set("owned_by", card.owner.as_str());
        entry.set("type", "base");
        entry.set("capabilities", serde_json::json!({"completion_chat": true}));
        entry.maybe("facts", card.facts.clone());
        Value::from(entry)
    };
    let data: Vec<Value> = models.iter().map(entry).collect();
    serde_json::json!({"object": "list", "data": data})
}

/// A wire format.
pub trait Dialect: Sync + std::fmt::Debug {
    /// Its name.
    fn id(&self) -> DialectId;

    /// The JSON path at which a request of this dialect writes a setting; empty where it has no place for it.
    fn param_path(&self, param: Param) -> &'static str;

    /// The JSON path at which a request of this dialect writes the schema of a tool's arguments.
    fn tool_schema_path(&self, tool: &Tool) -> String;

    /// The JSON path at which a request of this dialect marks the end of a cached prefix, for the path of what is
    /// marked.
    fn cache_path(&self, marked: &str) -> String {
        format!("{marked}.cache_control")
    }

    /// Reads a request.
    ///
    /// # Errors
    /// [`DecodeError`] names the path, what was expected there and what stood there.
    fn decode_request(&self, body: Json<'_>) -> Result<Request, DecodeError>;

    /// Writes a request for a vendor's variant of this dialect. What cannot be said is named in a notice.
    fn encode_request(&self, request: &Request, variant: &Variant) -> Encoded;

    /// Reads a whole answer.
    ///
    /// # Errors
    /// [`DecodeError`] names the path, what was expected there and what stood there.
    fn decode_answer(&self, body: Json<'_>, variant: &Variant) -> Result<Answer, DecodeError>;

    /// Writes a whole answer.
    fn encode_answer(&self, answer: &Answer) -> Encoded;

    /// Reads a stream.
    fn stream_decoder(&self, variant: &Variant) -> Box<dyn StreamDecoder>;

    /// Writes a stream. `report_usage` says whether the client asked for usage at its end, where a dialect asks.
    fn stream_encoder(&self, report_usage: bool) -> Box<dyn StreamEncoder>;

    /// Where answers and events say what is on record of them.
    fn account_places(&self) -> &'static Places;

    /// The messages of a request, as JSON text, without words of one vendor that others of this dialect refuse, and what
    /// was lost; `None` where that is nothing.
    fn without_own_words(&self, _messages: &[u8], _: &Variant) -> Option<(String, Vec<Notice>)> {
        None
    }

    /// What only the account can read that made it.
    fn owned(&self) -> &'static Owned {
        static NONE: Owned = Owned::NONE;
        &NONE
    }

    /// Looks at the events of a stream that is forwarded as it is.
    fn stream_watch(&self, variant: &Variant) -> Box<dyn StreamWatch>;

    /// Reads a provider's error. It never fails: what cannot be read is a failure of unknown kind.
    fn decode_failure(&self, status: u16, body: &[u8]) -> Failure;

    /// Writes a failure that was read from `origin`: as its provider wrote it where that is this dialect.
    fn encode_failure(&self, failure: &Failure, origin: DialectId) -> Value;

    /// Writes a refusal as the body of an error.
    fn encode_refusal(&self, refusal: &Refusal, request_id: &str) -> Value;

    /// The HTTP status of a refusal, where the dialect has one of its own.
    fn refusal_status(&self, refusal: &Refusal) -> u16 {
        refusal.status
    }

    /// The type of a refusal where the dialect tells it in a header in place of the body.
    fn refusal_type(&self, _: &Refusal) -> Option<&'static str> {
        None
    }

    /// Writes a list of models.
    fn encode_models(&self, models: &[ModelCard]) -> Value;

    /// How tokens are counted in this dialect, where they are.
    fn counting(&self) -> Option<&'static dyn Counting> {
        None
    }

    /// Whether the address of a request names the model and says whether to stream, in place of the body.
    fn is_addressed(&self) -> bool {
        false
    }

    /// Whether a stream is one JSON text a line, and an answer is streamed unless the request says otherwise.
    fn streams_lines(&self) -> bool {
        false
    }

    /// The words that bound how much is generated.
    fn bounds(&self) -> Bounds;

    /// Whether a request must bound the tokens that are generated.
    fn requires_bound(&self) -> bool {
        false
    }

    /// Whether the arguments of a tool are kept to its schema unless the tool says otherwise.
    fn strict_unless_said(&self) -> bool {
        false
    }

    /// Whether answers tell thoughts in words to who asked for thinking.
    fn shows_reasoning(&self) -> bool {
        self.carries_reasoning()
    }

    /// Whether answers have a place for the seal of a thought, and clients give it back with the thought.
    fn carries_reasoning(&self) -> bool {
        false
    }

    /// The names of fields that notices point at.
    fn terms(&self) -> Terms;

    /// Whether the vendor keeps what is sent unless a field says otherwise.
    fn keeps_unless_said(&self, field: &str) -> bool {
        self.retention().iter().any(|rule| rule.field == field && rule.unsaid)
    }

    /// Top-level fields that refer to what the provider keeps.
    fn references(&self) -> &'static [&'static str] {
        &[]
    }

    /// Fields of a request that ask the provider to keep what is sent, each with the value that does not.
    fn retention(&self) -> &'static [Retention];

    /// The JSON Schema of a request, written from the vendor's public reference.
    fn request_schema(&self) -> &'static str;
}

/// How tokens are counted in a dialect: a call of its own, of what a request for an answer would say.
pub trait Counting: Sync {
    /// The dialect that this is.
    fn dialect(&self) -> DialectId;

    /// The request that a client wants to have counted.
    ///
    /// # Errors
    /// [`DecodeError`] where the call holds one that nobody can read.
    fn counted_request<'a>(&self, body: Json<'a>) -> Result<Counted<'a>, DecodeError> {
        Ok(Counted { dialect: self.dialect(), body })
    }

    /// The body that asks a provider to count a request, of the body that would ask it for an answer.
    fn ask(&self, request: Value, variant: &Variant) -> Value;

    /// The count in the provider's answer.
    fn counted(&self, answer: &Value) -> Option<u64>;

    /// Tells a client a count.
    fn tell(&self, tokens: u64) -> Value;
}

/// A request that is to be counted, free of the call for counting.
#[derive(Debug, Clone, PartialEq)]
pub struct Counted<'a> {
    /// What it is written in, which need not be what the call is.
    pub dialect: DialectId,
    /// The request.
    pub body: Json<'a>,
}

/// Keeps the fields of a request that a call for counting has as well.
pub(crate) fn keep_fields(mut request: Value, fields: &[&str]) -> Value {
    if let Value::Object(map) = &mut request {
        map.retain(|key, _| fields.contains(&key.as_str()));
    }
    request
}

/// The names that a dialect has for fields that notices point at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// Where a text says what it cites.
    pub citations: &'static str,
    /// Where a call of a tool has its id.
    pub call_id: &'static str,
    /// Where the result of a tool names the call.
    pub result_id: &'static str,
    /// Where the result of a tool says that it failed.
    pub result_error: &'static str,
}

/// A top-level field that asks a provider to keep what is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// The field.
    pub field: &'static str,
    /// Values, as JSON text, that do not ask for it.
    pub harmless: &'static [&'static str],
    /// What to write in its place, as JSON text; `None` to leave it out.
    pub instead: Option<&'static str>,
    /// Whether the vendor keeps what is sent unless the field says otherwise.
    pub unsaid: bool,
}

/// Reads the events of one stream, one at a time.
pub trait StreamDecoder: Send {
    /// Reads one event into a frame.
    ///
    /// # Errors
    /// [`DecodeError`] for an event that its dialect does not have.
    fn decode(&mut self, event: &WireEvent) -> Result<Frame, DecodeError>;

    /// Whether the stream may end here: after its end marker, or after the last sign of an end that the vendor gives.
    fn complete(&self) -> bool;
}

/// Writes the events of one stream, one frame at a time.
pub trait StreamEncoder: Send {
    /// Writes what a frame says.
    ///
    /// # Errors
    /// [`OutOfPlace`] for an event that does not fit what came before it.
    fn encode(&mut self, frame: &Frame) -> Result<Vec<WireEvent>, OutOfPlace>;

    /// Writes the error that ends a stream in its middle.
    fn fail(&mut self, refusal: &Refusal, request_id: &str) -> Vec<WireEvent>;
}

/// Looks at events that are forwarded unchanged.
pub trait StreamWatch: Send {
    /// Looks at one event.
    ///
    /// # Errors
    /// [`DecodeError`] for data that no event of this dialect can have.
    fn look(&mut self, name: Option<&[u8]>, data: &[u8]) -> Result<(), DecodeError>;

    /// Whether the stream may end here.
    fn complete(&self) -> bool;
}
