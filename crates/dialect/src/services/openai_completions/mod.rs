//! Completions of bare text, with or without a gap to fill, whole and streamed.
//!
//! Specification: <https://platform.openai.com/docs/api-reference/completions>. A chunk of a stream has the form of an answer.
//! Text is only ever forwarded: no other dialect has a place for it.

mod request;
mod response;

use super::Service;
use crate::{DecodeError, Encoded, Json};
use serde_json::Value;
use switchtower_domain::{CompletionAnswer, CompletionRequest};

/// The service.
#[derive(Debug, Clone, Copy)]
pub struct Completions;

impl Service for Completions {
    const NAME: &'static str = "openai_completions";
    const REQUEST_SCHEMA: &'static str = include_str!("request.schema.json");

    type Request = CompletionRequest;
    type Answer = CompletionAnswer;
    type Variant = ();

    fn decode_request(body: Json<'_>) -> Result<CompletionRequest, DecodeError> {
        request::decode(body)
    }

    fn encode_request(request: &CompletionRequest, _: &()) -> Encoded {
        Encoded { body: request::encode(request), notices: Vec::new() }
    }

    fn decode_answer(body: Json<'_>) -> Result<CompletionAnswer, DecodeError> {
        response::decode(body)
    }

    fn encode_answer(answer: &CompletionAnswer) -> Value {
        response::encode(answer)
    }
}
