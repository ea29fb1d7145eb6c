//! Chat of Ollama's own API.
//!
//! Specification: <https://github.com/ollama/ollama/blob/main/docs/api.md>. A stream is one JSON object a line, and an
//! answer is streamed unless the request says otherwise. What it cannot express: a choice among tools, images at URLs,
//! sound, documents, citations, signatures of reasoning, several choices, and arguments that are no JSON object.

mod compose;
mod failure;
pub mod generate;
mod parts;
mod request;
mod response;
mod stream;
mod stream_out;
mod time;
mod wire;

use crate::{
    Bounds, DecodeError, Dialect, Encoded, Json, ModelCard, Places, Retention, StreamDecoder, StreamEncoder,
    StreamWatch, Terms, Variant,
};
use serde_json::{Value, json};
use switchtower_domain::{Answer, DialectId, Failure, Param, Refusal, Request, Tool};

/// The dialect.
#[derive(Debug, Clone, Copy)]
pub struct OllamaChat;

const PLACES: Places = Places {
    around: &[],
    usage: &["prompt_eval_count", "eval_count"],
    read_usage: |fields, _| response::usage(fields),
    model: "model",
    fingerprint: "",
    tier: "",
    choices: None,
    stop: "done_reason",
    stop_reason: |word| Some(wire::stop(word.to_owned(), false).reason),
    said: &["content", "thinking"],
};

impl Dialect for OllamaChat {
    fn id(&self) -> DialectId {
        DialectId::OllamaChat
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

    fn encode_refusal(&self, refusal: &Refusal, _: &str) -> Value {
        failure::encode(refusal)
    }

    /// Source: <https://github.com/ollama/ollama/blob/main/docs/api.md#list-local-models>
    fn encode_models(&self, models: &[ModelCard]) -> Value {
        let entry = |card: &ModelCard| {
            let mut entry = json!({"name": card.id, "model": card.id, "modified_at": time::written(0), "size": 0,
                "digest": "", "details": {"family": card.owner, "families": [card.owner]}});
            if let (Some(facts), Value::Object(entry)) = (&card.facts, &mut entry) {
                entry.insert("facts".to_owned(), facts.clone());
            }
            entry
        };
        json!({"models": models.iter().map(entry).collect::<Vec<Value>>()})
    }

    fn streams_lines(&self) -> bool {
        true
    }

    fn shows_reasoning(&self) -> bool {
        true
    }

    /// It may be negative, which is without a bound.
    fn bounds(&self) -> Bounds {
        Bounds { within: &["options"], ..Bounds::of_one_answer(&["num_predict"]) }
    }

    fn retention(&self) -> &'static [Retention] {
        &[]
    }

    fn request_schema(&self) -> &'static str {
        include_str!("request.schema.json")
    }
}
