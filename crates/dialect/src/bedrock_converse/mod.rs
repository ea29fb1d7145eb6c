//! Amazon Bedrock Converse: `Converse` and `ConverseStream`.
//!
//! Specification: <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html>. The address names
//! the model and says whether the answer is streamed; a stream's events are messages of
//! [`event_stream`](crate::event_stream), whose type is the name of the event here. What it cannot express: names of
//! speakers, turns of a developer, one call a turn, a choice of no tool, weights of tokens, penalties, several answers,
//! and what stands at a URL.

mod citations;
mod compose;
mod counting;
mod failure;
mod formats;
pub mod nova;
mod owned;
mod parts;
mod parts_out;
mod request;
mod response;
mod stream;
mod stream_out;
mod thinking;
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
pub struct BedrockConverse;

const PLACES: Places = Places {
    around: &[],
    usage: &["usage"],
    read_usage: |fields, _| usage::decode(fields),
    model: "",
    fingerprint: "",
    tier: "serviceTier",
    choices: None,
    stop: "stopReason",
    stop_reason: |word| Some(wire::stop(word).reason),
    said: &["text", "input"],
};

impl Dialect for BedrockConverse {
    fn id(&self) -> DialectId {
        DialectId::BedrockConverse
    }

    fn param_path(&self, param: Param) -> &'static str {
        wire::param_path(param)
    }

    fn terms(&self) -> Terms {
        Terms {
            citations: "citationsContent.citations",
            call_id: "toolUse.toolUseId",
            result_id: "toolResult.toolUseId",
            result_error: "toolResult.status",
        }
    }

    fn tool_schema_path(&self, tool: &Tool) -> String {
        tool.at.beneath("toolSpec.inputSchema.json")
    }

    /// A cache point is a block of its own, after what it marks.
    fn cache_path(&self, marked: &str) -> String {
        let place = marked.strip_suffix(']').and_then(|path| path.rsplit_once('['));
        match place.and_then(|(list, index)| Some((list, index.parse::<usize>().ok()?))) {
            Some((list, index)) => format!("{list}[{}]", index.saturating_add(1)),
            None => marked.to_owned(),
        }
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

    fn encode_refusal(&self, refusal: &Refusal, _: &str) -> Value {
        failure::encode(refusal)
    }

    fn refusal_type(&self, refusal: &Refusal) -> Option<&'static str> {
        Some(failure::kind(refusal))
    }

    /// As the control plane lists them.
    /// Source: <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_ListFoundationModels.html>
    fn encode_models(&self, models: &[ModelCard]) -> Value {
        let entry = |card: &ModelCard| {
            let mut entry = json!({
                "modelId": card.id,
                "modelName": card.id,
                "providerName": card.owner,
                "responseStreamingSupported": true,
            });
            if let (Some(facts), Value::Object(entry)) = (&card.facts, &mut entry) {
                entry.insert("facts".to_owned(), facts.clone());
            }
            entry
        };
        json!({"modelSummaries": models.iter().map(entry).collect::<Vec<Value>>()})
    }

    fn is_addressed(&self) -> bool {
        true
    }

    fn carries_reasoning(&self) -> bool {
        true
    }

    fn bounds(&self) -> Bounds {
        Bounds { within: &["inferenceConfig"], ..Bounds::of_one_answer(&["maxTokens"]) }
    }

    /// Bedrock keeps nothing of what it is sent; what an account logs it logs by settings of its own.
    /// Source: <https://docs.aws.amazon.com/bedrock/latest/userguide/data-protection.html>
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
