//! Embeddings as Ollama had them first, `/api/embeddings`: one prompt, one vector, and no count.
//!
//! Specification: <https://github.com/ollama/ollama/blob/main/docs/api.md#generate-embedding>

mod request;
mod response;

use super::Service;
use crate::{DecodeError, Encoded, Json};
use serde_json::Value;
use switchtower_domain::{EmbeddingAnswer, EmbeddingRequest};

/// The service.
#[derive(Debug, Clone, Copy)]
pub struct OllamaEmbeddings;

impl Service for OllamaEmbeddings {
    const NAME: &'static str = "ollama_embeddings";
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
