//! Embeddings as Cohere has them: vectors of texts and images, by the types of their numbers.
//!
//! Specification: <https://docs.cohere.com/reference/embed>. What is typed is what other vendors have too: texts, and one
//! type of vectors, numbers or base64. Images and the narrower types stay with what is left.

mod request;
mod response;

pub(super) use response::as_bare_lists;

use super::Service;
use crate::{DecodeError, Encoded, Json};
use serde_json::Value;
use switchtower_domain::{EmbeddingAnswer, EmbeddingRequest};

/// The service.
#[derive(Debug, Clone, Copy)]
pub struct CohereEmbed;

impl Service for CohereEmbed {
    const NAME: &'static str = "cohere_embed";
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
