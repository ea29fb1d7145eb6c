//! Anthropic Messages, as Anthropic and the clouds that serve its models speak it.
//!
//! Specification: <https://platform.claude.com/docs/en/api/messages>. What it cannot express: several choices,
//! log-probabilities, seeds, penalties, weights of tokens, JSON without a schema, sound and film, names of speakers,
//! and instructions in the middle of a conversation.

mod blocks;
mod compose;
mod counting;
mod failure;
mod owned;
mod request;
mod response;
mod stream;
mod stream_out;
mod usage;
mod wire;

use crate::owned::Owned;
use crate::{
    Bounds, DecodeError, Dialect, Encoded, Json, ModelCard, Places, Retention, StreamDecoder, StreamEncoder,
    StreamWatch, Terms, Variant,
};
use serde_json::{Value, json};
use switchtower_domain::{Answer, DialectId, Failure, Param, Refusal, Request, Tool};

/// The dialect.
#[derive(Debug, Clone, Copy)]
pub struct AnthropicMessages;

const PLACES: Places = Places {
    around: &["message", "delta"],
    usage: &["usage"],
    read_usage: |fields, _| usage::decode(fields),
    model: "model",
    fingerprint: "",
    tier: "",
    choices: None,
    stop: "stop_reason",
    stop_reason: |word| Some(wire::stop_reason(word)),
    said: &["text", "thinking", "partial_json"],
};

impl Dialect for AnthropicMessages {
    fn id(&self) -> DialectId {
        DialectId::AnthropicMessages
    }

    fn param_path(&self, param: Param) -> &'static str {
        wire::param_path(param)
    }

    fn terms(&self) -> Terms {
        Terms { citations: "citations", call_id: "id", result_id: "tool_use_id", result_error: "is_error" }
    }

    fn tool_schema_path(&self, tool: &Tool) -> String {
        tool.at.field("input_schema")
    }

    fn decode_request(&self, body: Json<'_>) -> Result<Request, DecodeError> {
        request::decode(body)
    }

    fn encode_request(&self, request: &Request, variant: &Variant) -> Encoded {
        compose::encode(request, variant)
    }

    fn decode_answer(&self, body: Json<'_>, _: &Variant) -> Result<Answer, DecodeError> {
        response::decode(body)
    }

    fn encode_answer(&self, answer: &Answer) -> Encoded {
        response::encode(answer)
    }

    fn stream_decoder(&self, _: &Variant) -> Box<dyn StreamDecoder> {
        Box::new(stream::Decoder::default())
    }

    fn stream_encoder(&self, _: bool) -> Box<dyn StreamEncoder> {
        Box::new(stream_out::Encoder::default())
    }

    fn account_places(&self) -> &'static Places {
        &PLACES
    }

    fn owned(&self) -> &'static Owned {
        &owned::OWNED
    }

    fn stream_watch(&self, _: &Variant) -> Box<dyn StreamWatch> {
        Box::new(stream::Watch::default())
    }

    fn decode_failure(&self, status: u16, body: &[u8]) -> Failure {
        failure::decode(status, body)
    }

    fn encode_failure(&self, failure: &Failure, origin: DialectId) -> Value {
        failure::encode_failure(failure, origin == self.id())
    }

    fn encode_refusal(&self, refusal: &Refusal, request_id: &str) -> Value {
        failure::encode(refusal, request_id)
    }

    fn refusal_status(&self, refusal: &Refusal) -> u16 {
        failure::status(refusal)
    }

    fn encode_models(&self, models: &[ModelCard]) -> Value {
        // The vendor's models require a date, which is the epoch where it is not known, and a stage of life: what is
        // listed here can be asked for.
        let entry = |card: &ModelCard| {
            let mut entry = json!({
                "type": "model",
                "id": card.id,
                "display_name": card.id,
                "created_at": "1970-01-01T00:00:00Z",
                "lifecycle": "active",
            });
            if let (Some(facts), Value::Object(entry)) = (&card.facts, &mut entry) {
                entry.insert("facts".to_owned(), facts.clone());
            }
            entry
        };
        let data: Vec<Value> = models.iter().map(entry).collect();
        let (first, last) = (models.first().map(|card| &card.id), models.last().map(|card| &card.id));
        json!({"data": data, "has_more": false, "first_id": first, "last_id": last})
    }

    fn carries_reasoning(&self) -> bool {
        true
    }

    fn requires_bound(&self) -> bool {
        true
    }

    fn bounds(&self) -> Bounds {
        Bounds::of_one_answer(&["max_tokens"])
    }

    /// Prompt caches of Messages live for an hour at most and hold no text that the account can read back; what is
    /// kept on request are files and containers, which a request can only refer to.
    fn retention(&self) -> &'static [Retention] {
        &[]
    }

    fn counting(&self) -> Option<&'static dyn crate::Counting> {
        Some(&counting::Counter)
    }

    fn request_schema(&self) -> &'static str {
        include_str!("request.schema.json")
    }
}
