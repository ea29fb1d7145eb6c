//! `OpenAI` Chat Completions, as `OpenAI` and the many vendors that took it over speak it.
//!
//! Specification: <https://platform.openai.com/docs/api-reference/chat>. What it cannot express: marks for cached
//! prefixes, signatures of reasoning, citations of documents, results of tools other than text, failure of a tool,
//! drawing from the likeliest tokens, and the work of tools that a provider runs.

mod compose;
pub(crate) mod filters;
mod own_words;
mod owned;
mod parts;
mod request;
mod response;
mod stream;
mod stream_out;
pub(crate) mod usage;
pub(crate) mod wire;

use crate::openai_error;
use crate::owned::Owned;
use crate::{
    Bounds, DecodeError, Dialect, Encoded, Json, ModelCard, Places, Retention, StreamDecoder, StreamEncoder,
    StreamWatch, Terms, Variant,
};
use serde_json::Value;
use switchtower_domain::{Answer, DialectId, Failure, Notice, Param, Refusal, Request, StopReason, Tool};

/// What a word for why an answer ended means; one that the dialect does not have means itself.
pub fn stop_reason(word: &str) -> StopReason {
    wire::stop_reason(word)
}

/// The dialect.
#[derive(Debug, Clone, Copy)]
pub struct OpenaiChat;

const PLACES: Places = Places {
    around: &["x_groq"],
    usage: &["usage"],
    read_usage: |fields, variant| usage::decode(fields, variant),
    model: "model",
    fingerprint: "system_fingerprint",
    tier: "service_tier",
    choices: Some("choices"),
    stop: "finish_reason",
    stop_reason: |word| Some(wire::stop_reason(word)),
    said: &["content", "reasoning_content", "reasoning", "arguments", "refusal"],
};

impl Dialect for OpenaiChat {
    fn id(&self) -> DialectId {
        DialectId::OpenaiChat
    }

    fn param_path(&self, param: Param) -> &'static str {
        wire::param_path(param)
    }

    fn terms(&self) -> Terms {
        Terms { citations: "annotations", call_id: "id", result_id: "tool_call_id", result_error: "is_error" }
    }

    fn tool_schema_path(&self, tool: &Tool) -> String {
        format!("{}.function.parameters", tool.at.path())
    }

    fn decode_request(&self, body: Json<'_>) -> Result<Request, DecodeError> {
        request::decode(body)
    }

    fn encode_request(&self, request: &Request, variant: &Variant) -> Encoded {
        compose::encode(request, variant)
    }

    fn decode_answer(&self, body: Json<'_>, variant: &Variant) -> Result<Answer, DecodeError> {
        response::decode(body, variant)
    }

    fn encode_answer(&self, answer: &Answer) -> Encoded {
        response::encode(answer)
    }

    fn stream_decoder(&self, variant: &Variant) -> Box<dyn StreamDecoder> {
        Box::new(stream::Decoder::new(variant))
    }

    fn stream_encoder(&self, report_usage: bool) -> Box<dyn StreamEncoder> {
        Box::new(stream_out::Encoder::new(report_usage))
    }

    fn account_places(&self) -> &'static Places {
        &PLACES
    }

    fn without_own_words(&self, messages: &[u8], variant: &Variant) -> Option<(String, Vec<Notice>)> {
        own_words::left_out(messages, variant)
    }

    fn owned(&self) -> &'static Owned {
        &owned::OWNED
    }

    fn stream_watch(&self, variant: &Variant) -> Box<dyn StreamWatch> {
        Box::new(stream::Watch::new(variant))
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

    /// Of `best_of` completions only some are told, and all are charged for.
    /// Source: <https://platform.openai.com/docs/api-reference/completions/create>
    fn bounds(&self) -> Bounds {
        Bounds {
            within: &[],
            answer: &["max_completion_tokens", "max_tokens"],
            answers: &["n", "best_of"],
            prompts: Some("prompt"),
        }
    }

    fn retention(&self) -> &'static [Retention] {
        &[
            Retention { field: "store", harmless: &["false", "null"], instead: Some("false"), unsaid: false },
            Retention {
                field: "prompt_cache_retention",
                harmless: &["\"in-memory\"", "\"in_memory\"", "null"],
                instead: None,
                unsaid: false,
            },
        ]
    }

    fn request_schema(&self) -> &'static str {
        include_str!("request.schema.json")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_list_of_models_has_what_sdks_ask_of_it() {
        let card = ModelCard { id: "p/m".to_owned(), owner: "p".to_owned(), facts: None };
        let list = OpenaiChat.encode_models(&[card]);
        // The last two are Mistral's, whose SDK reads no list without them.
        let model = json!({"id": "p/m", "object": "model", "created": 0, "owned_by": "p", "type": "base",
            "capabilities": {"completion_chat": true}});
        assert_eq!(list, json!({"object": "list", "data": [model]}));
    }
}
