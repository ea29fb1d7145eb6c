//! Embeddings as Vertex AI has them, `predict`: texts as instances, with parameters for all of them.
//!
//! Specification: <https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/text-embeddings-api>. The address
//! names the model. Other models that are asked by `predict`, those that make images among them, are none of it.

mod request;
mod response;

use super::Service;
use crate::{DecodeError, Encoded, Json};
use serde_json::Value;
use switchtower_domain::{EmbeddingAnswer, EmbeddingRequest};

/// The service.
#[derive(Debug, Clone, Copy)]
pub struct VertexPredict;

impl Service for VertexPredict {
    const NAME: &'static str = "vertex_predict";
    const REQUEST_SCHEMA: &'static str = include_str!("request.schema.json");

    type Request = EmbeddingRequest;
    type Answer = EmbeddingAnswer;
    type Variant = ();

    fn decode_request(body: Json<'_>) -> Result<EmbeddingRequest, DecodeError> {
        request::decode(body)
    }

    fn encode_request(request: &EmbeddingRequest, (): &()) -> Encoded {
        Encoded { body: request::encode(request), notices: Vec::new() }
    }

    fn decode_answer(body: Json<'_>) -> Result<EmbeddingAnswer, DecodeError> {
        response::decode(body)
    }

    fn encode_answer(answer: &EmbeddingAnswer) -> Value {
        response::encode(answer)
    }
}
