//! Rankings: documents in the order in which they answer a question.
//!
//! There is no one specification. Two families of names are in use: `top_n` and `results`
//! (<https://docs.cohere.com/reference/rerank>, taken over by llama.cpp, vLLM, `OpenRouter`, Together and others), and `top_k`
//! and `data` (<https://docs.voyageai.com/reference/reranker-api>). A request says by its own names which family its answer
//! should be written in.

mod request;
mod response;
mod settle;

pub use request::{form_of, is_plain};
pub use settle::settle;

use super::Service;
use crate::{DecodeError, Encoded, Json};
use serde_json::Value;
use switchtower_domain::{RankingAnswer, RankingForm, RankingRequest};

/// The service.
#[derive(Debug, Clone, Copy)]
pub struct Rerank;

/// How one vendor's rankings differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RankingVariant {
    /// The names that the vendor has; `None` where it takes what the caller wrote.
    pub form: Option<RankingForm>,
    /// Whether a document may be an object.
    pub document_objects: bool,
    /// Whether the answer can repeat the documents; where not, we do.
    pub return_documents: bool,
    /// Top-level fields that the vendor does not take.
    pub forbidden: Vec<String>,
}

impl Default for RankingVariant {
    fn default() -> Self {
        Self { form: None, document_objects: true, return_documents: true, forbidden: Vec::new() }
    }
}

impl Service for Rerank {
    const NAME: &'static str = "rerank";
    const REQUEST_SCHEMA: &'static str = include_str!("request.schema.json");

    type Request = RankingRequest;
    type Answer = RankingAnswer;
    type Variant = RankingVariant;

    fn decode_request(body: Json<'_>) -> Result<RankingRequest, DecodeError> {
        request::decode(body)
    }

    fn encode_request(request: &RankingRequest, variant: &RankingVariant) -> Encoded {
        request::encode(request, variant)
    }

    fn decode_answer(body: Json<'_>) -> Result<RankingAnswer, DecodeError> {
        response::decode(body)
    }

    fn encode_answer(answer: &RankingAnswer) -> Value {
        response::encode(answer)
    }
}
