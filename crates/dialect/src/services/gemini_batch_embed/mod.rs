//! Embeddings as Gemini has them, `batchEmbedContents`: several requests in one, each with the model of the address.
//!
//! Specification: <https://ai.google.dev/api/embeddings#method:-models.batchembedcontents>. What all requests say alike is
//! typed; what they say each for itself stays with what is left.

mod request;
mod response;

use super::Service;
use crate::{DecodeError, Encoded, Json};
use serde_json::Value;
use switchtower_domain::{EmbeddingAnswer, EmbeddingRequest};

/// The service.
#[derive(Debug, Clone, Copy)]
pub struct GeminiBatchEmbed;

impl Service for GeminiBatchEmbed {
    const NAME: &'static str = "gemini_batch_embed";
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
