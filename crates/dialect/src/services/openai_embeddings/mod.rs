//! Embeddings, as `OpenAI` has them and others took them over.
//!
//! Specification: <https://platform.openai.com/docs/api-reference/embeddings>. Vendors differ in the name of `dimensions`,
//! in the encodings they know, in how many inputs they take at once, and in what else a request may say
//! (`input_type`, `truncation`: <https://docs.voyageai.com/reference/embeddings-api>).

mod batch;
mod request;
mod response;
mod vectors;

pub use batch::{join, split};
pub use vectors::{Elements, rewritten};

use super::{EmbeddingForm, Service};
use crate::{DecodeError, Encoded, Json};
use serde_json::Value;
use switchtower_domain::{DimensionsField, EmbeddingAnswer, EmbeddingRequest};

/// The service.
#[derive(Debug, Clone, Copy)]
pub struct Embeddings;

/// How one vendor's embeddings differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmbeddingVariant {
    /// Whose wire format they have.
    pub form: EmbeddingForm,
    /// Which field holds the number of dimensions; `None` where the vendor takes what the caller wrote.
    pub dimensions_field: Option<DimensionsField>,
    /// Whether vectors can be had as lists of numbers.
    pub floats: bool,
    /// Whether `encoding_format` may say `float`; where not, its absence says it.
    pub float_word: bool,
    /// Whether vectors can be had in base64.
    pub base64: bool,
    /// What base64 holds.
    pub elements: Elements,
    /// Whether the input may be tokens.
    pub token_inputs: bool,
    /// Whether `input_type` may say what the vectors are for, as Voyage has it; a caller of the same form may say it
    /// anyway.
    pub input_type: bool,
    /// The most inputs of one request; `None` where no limit is known.
    pub inputs_max: Option<usize>,
    /// Top-level fields that the vendor does not take.
    pub forbidden: Vec<String>,
}

impl Default for EmbeddingVariant {
    fn default() -> Self {
        Self {
            form: EmbeddingForm::Openai,
            dimensions_field: None,
            floats: true,
            float_word: true,
            base64: true,
            elements: Elements::Float32,
            token_inputs: true,
            input_type: false,
            inputs_max: None,
            forbidden: Vec::new(),
        }
    }
}

impl Service for Embeddings {
    const NAME: &'static str = "openai_embeddings";
    const REQUEST_SCHEMA: &'static str = include_str!("request.schema.json");

    type Request = EmbeddingRequest;
    type Answer = EmbeddingAnswer;
    type Variant = EmbeddingVariant;

    fn decode_request(body: Json<'_>) -> Result<EmbeddingRequest, DecodeError> {
        request::decode(body)
    }

    fn encode_request(request: &EmbeddingRequest, variant: &EmbeddingVariant) -> Encoded {
        request::encode(request, variant)
    }

    fn decode_answer(body: Json<'_>) -> Result<EmbeddingAnswer, DecodeError> {
        response::decode(body)
    }

    fn encode_answer(answer: &EmbeddingAnswer) -> Value {
        response::encode(answer)
    }
}
