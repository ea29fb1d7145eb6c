//! Embeddings as Gemini has them, `embedContent`: one content, one vector.
//!
//! Specification: <https://ai.google.dev/api/embeddings#method:-models.embedcontent>. The address names the model. What is
//! typed is a content of one text; what else a content may hold is Gemini's own.

mod request;
mod response;

pub(super) use request::{DIMENSIONS, MODEL, TASK, model, text, written};
pub(super) use response::{counted, embedding, floats, numbers, usage, written as vector_object};

use super::Service;
use crate::{DecodeError, Encoded, Json};
use serde_json::Value;
use switchtower_domain::{EmbeddingAnswer, EmbeddingRequest};

/// The service.
#[derive(Debug, Clone, Copy)]
pub struct GeminiEmbed;

impl Service for GeminiEmbed {
    const NAME: &'static str = "gemini_embed";
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
