//! Cohere Chat, the second version of it.
//!
//! Specification: <https://docs.cohere.com/reference/chat>, of streams <https://docs.cohere.com/reference/chat-stream>. What
//! it cannot express: names of speakers, turns of a developer, one call a turn, a tool that must be called, several
//! choices, weights of tokens, signatures of reasoning, failure of a tool, names of schemas, and markers of caches.

mod citations;
mod compose;
mod failure;
mod logprobs;
mod parts;
mod request;
mod response;
mod stream;
mod stream_out;
mod usage;
mod wire;

use crate::{
    Bounds, DecodeError, Dialect, Encoded, Json, ModelCard, Places, Retention, StreamDecoder, StreamEncoder,
    StreamWatch, Terms, Variant,
};
use serde_json::{Value, json};
use switchtower_domain::{Answer, DialectId, Failure, Param, Refusal, Request, Tool};

/// The dialect.
#[derive(Debug, Clone, Copy)]
pub struct CohereChat;

const PLACES: Places = Places {
    around: &["delta"],
    usage: &["usage", "meta"],
    read_usage: |fields, _| usage::decode_any(fields),
    model: "",
    fingerprint: "",
    tier: "",
    choices: None,
    stop: "finish_reason",
    stop_reason: |word| Some(wire::stop_reason(word)),
    said: &["text", "thinking", "arguments"],
};

impl Dialect for CohereChat {
    fn id(&self) -> DialectId {
        DialectId::CohereChat
    }

    fn param_path(&self, param: Param) -> &'static str {
        wire::param_path(param)
    }

    fn terms(&self) -> Terms {
        Terms { citations: "citations", call_id: "id", result_id: "tool_call_id", result_error: "is_error" }
    }

    fn tool_schema_path(&self, tool: &Tool) -> String {
        format!("{}.function.parameters", tool.at.path())
    }

    fn decode_request(&self, body: Json<'_>) -> Result<Request, DecodeError> {
        request::decode(body)
    }

    fn encode_request(&self, request: &Request, _: &Variant) -> Encoded {
        compose::encode(request)
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

    /// Source: <https://docs.cohere.com/reference/list-models>
    fn encode_models(&self, models: &[ModelCard]) -> Value {
        let entry = |card: &ModelCard| {
            let mut entry = json!({"name": card.id, "endpoints": ["chat"]});
            if let (Some(facts), Value::Object(entry)) = (&card.facts, &mut entry) {
                if let Some(count) = facts.get("context_tokens") {
                    entry.insert("context_length".to_owned(), count.clone());
                }
                entry.insert("facts".to_owned(), facts.clone());
            }
            entry
        };
        json!({"models": models.iter().map(entry).collect::<Vec<Value>>()})
    }

    fn shows_reasoning(&self) -> bool {
        true
    }

    fn bounds(&self) -> Bounds {
        Bounds::of_one_answer(&["max_tokens"])
    }

    fn retention(&self) -> &'static [Retention] {
        &[]
    }

    fn request_schema(&self) -> &'static str {
        include_str!("request.schema.json")
    }
}
