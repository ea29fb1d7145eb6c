//! Gemini, as Google AI Studio and Vertex AI speak it: `generateContent` and `streamGenerateContent`.
//!
//! Specification: <https://ai.google.dev/api/generate-content>. The address names the model and says whether the answer
//! is streamed. What it cannot express: names of speakers, turns of a developer, one call a turn, weights of tokens,
//! strict tools, names of schemas, and markers of caches.

mod compose;
mod counting;
mod failure;
mod grounding;
pub mod openapi;
mod owned;
mod parts;
mod request;
mod response;
pub mod spelling;
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
pub struct GoogleGemini;

const PLACES: Places = Places {
    around: &[],
    usage: &["usageMetadata"],
    read_usage: |fields, _| usage::decode(fields),
    model: "modelVersion",
    fingerprint: "",
    tier: "",
    choices: Some("candidates"),
    stop: "finishReason",
    stop_reason: |word| Some(wire::stop_reason(word)),
    said: &["text"],
};

impl Dialect for GoogleGemini {
    fn id(&self) -> DialectId {
        DialectId::GoogleGemini
    }

    fn param_path(&self, param: Param) -> &'static str {
        wire::param_path(param)
    }

    fn terms(&self) -> Terms {
        Terms {
            citations: "groundingMetadata",
            call_id: "functionCall.id",
            result_id: "functionResponse.id",
            result_error: "functionResponse.response",
        }
    }

    fn tool_schema_path(&self, tool: &Tool) -> String {
        let field = if tool.extras.get("parameters").is_some() { "parameters" } else { "parametersJsonSchema" };
        tool.at.field(field)
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

    fn encode_models(&self, models: &[ModelCard]) -> Value {
        let entry = |card: &ModelCard| {
            let mut entry = json!({
                "name": format!("models/{}", card.id),
                "displayName": card.id,
                "supportedGenerationMethods": ["generateContent", "streamGenerateContent"],
            });
            if let (Some(facts), Value::Object(entry)) = (&card.facts, &mut entry) {
                for (ours, theirs) in [("context_tokens", "inputTokenLimit"), ("output_tokens_max", "outputTokenLimit")]
                {
                    if let Some(count) = facts.get(ours) {
                        entry.insert(theirs.to_owned(), count.clone());
                    }
                }
                entry.insert("facts".to_owned(), facts.clone());
            }
            entry
        };
        json!({"models": models.iter().map(entry).collect::<Vec<Value>>()})
    }

    fn is_addressed(&self) -> bool {
        true
    }

    fn carries_reasoning(&self) -> bool {
        true
    }

    fn bounds(&self) -> Bounds {
        Bounds {
            within: &["generationConfig", "generation_config"],
            answer: &["maxOutputTokens", "max_output_tokens"],
            answers: &["candidateCount", "candidate_count"],
            prompts: None,
        }
    }

    /// What Google caches on request it keeps apart; a request can only refer to it.
    fn retention(&self) -> &'static [Retention] {
        &[]
    }

    fn references(&self) -> &'static [&'static str] {
        &["cachedContent"]
    }

    fn counting(&self) -> Option<&'static dyn crate::Counting> {
        Some(&counting::Counter)
    }

    fn request_schema(&self) -> &'static str {
        include_str!("request.schema.json")
    }
}
