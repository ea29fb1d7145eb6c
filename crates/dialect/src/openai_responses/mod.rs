//! `OpenAI` Responses, as `OpenAI`, Azure and the vendors that took it over speak it.
//!
//! Specification: <https://platform.openai.com/docs/api-reference/responses>. What it cannot express: several choices,
//! stop sequences, seeds, penalties, weights of tokens, marks for cached prefixes, failure of a tool, and names of
//! speakers. What it says of earlier responses and conversations that the provider keeps, of stored prompts, and of
//! tools that the provider runs is known to no other dialect.

mod compose;
mod counting;
mod items;
mod owned;
mod parts;
mod request;
mod response;
mod retell;
mod stream;
mod stream_out;
mod usage;
mod wire;

use crate::openai_error;
use crate::owned::Owned;
use crate::{
    Bounds, DecodeError, Dialect, Encoded, Json, ModelCard, Places, Retention, StreamDecoder, StreamEncoder,
    StreamWatch, Terms, Variant,
};
use serde_json::Value;
use switchtower_domain::{Answer, DialectId, Failure, Param, Refusal, Request, Tool};

/// The dialect.
#[derive(Debug, Clone, Copy)]
pub struct OpenaiResponses;

const PLACES: Places = Places {
    around: &["response"],
    usage: &["usage"],
    read_usage: |fields, _| usage::decode(fields),
    model: "model",
    fingerprint: "",
    tier: "service_tier",
    choices: None,
    stop: "status",
    stop_reason: wire::ended,
    said: &["delta"],
};

impl Dialect for OpenaiResponses {
    fn id(&self) -> DialectId {
        DialectId::OpenaiResponses
    }

    fn param_path(&self, param: Param) -> &'static str {
        wire::param_path(param)
    }

    fn tool_schema_path(&self, tool: &Tool) -> String {
        tool.at.field("parameters")
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

    fn owned(&self) -> &'static Owned {
        &owned::OWNED
    }

    fn stream_watch(&self, _: &Variant) -> Box<dyn StreamWatch> {
        Box::new(stream::Watch::default())
    }

    fn decode_failure(&self, status: u16, body: &[u8]) -> Failure {
        openai_error::decode(status, body)
    }

    fn encode_failure(&self, failure: &Failure, origin: DialectId) -> Value {
        openai_error::encode_failure(failure, origin == self.id())
    }

    fn encode_refusal(&self, refusal: &Refusal, request_id: &str) -> Value {
        openai_error::encode(refusal, request_id)
    }

    fn encode_models(&self, models: &[ModelCard]) -> Value {
        crate::openai_models(models)
    }

    fn strict_unless_said(&self) -> bool {
        true
    }

    fn carries_reasoning(&self) -> bool {
        true
    }

    fn terms(&self) -> Terms {
        Terms { citations: "annotations", call_id: "call_id", result_id: "call_id", result_error: "is_error" }
    }

    fn references(&self) -> &'static [&'static str] {
        &["previous_response_id", "conversation"]
    }

    fn bounds(&self) -> Bounds {
        Bounds::of_one_answer(&["max_output_tokens"])
    }

    /// `store` is on unless a request says otherwise, and a background job is kept until it is fetched.
    /// Source: <https://platform.openai.com/docs/guides/your-data>
    fn retention(&self) -> &'static [Retention] {
        &[
            Retention { field: "store", harmless: &["false"], instead: Some("false"), unsaid: true },
            Retention { field: "background", harmless: &["false", "null"], instead: Some("false"), unsaid: false },
            Retention {
                field: "prompt_cache_retention",
                harmless: &["\"in-memory\"", "\"in_memory\"", "null"],
                instead: None,
                unsaid: false,
            },
        ]
    }

    fn counting(&self) -> Option<&'static dyn crate::Counting> {
        Some(&counting::Counter)
    }

    fn request_schema(&self) -> &'static str {
        include_str!("request.schema.json")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{cohere_chat::CohereChat, ollama_chat::OllamaChat};
    use serde_json::json;

    #[test]
    fn thoughts_are_asked_for_in_words_where_the_clients_dialect_shows_them() {
        let turns = json!([{"role": "user", "content": "Go."}]);
        let of_cohere = json!({"model": "m", "messages": turns, "thinking": {"type": "enabled"}});
        let of_ollama = json!({"model": "m", "messages": turns, "think": true});
        let ways: [(&dyn Dialect, Value); 2] = [(&CohereChat, of_cohere), (&OllamaChat, of_ollama)];
        for (client, body) in ways {
            let request = client.decode_request(body.into()).unwrap();
            let sent = OpenaiResponses.encode_request(&request, &Variant::default()).body;
            assert_eq!((&sent["reasoning"]["summary"], sent.get("include")), (&json!("auto"), None), "{sent}");
            // The other way round they are told without being asked for, which is said.
            let asked = json!({"model": "m", "input": "Go.", "reasoning": {"effort": "high"}});
            let request = OpenaiResponses.decode_request(asked.into()).unwrap();
            let notices = client.encode_request(&request, &Variant::default()).notices;
            assert!(notices.iter().any(|notice| notice.path == "reasoning.summary"), "{notices:?}");
        }
    }
}
