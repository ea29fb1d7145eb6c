//! Moderations: what a classifier says about content.
//!
//! Specification: <https://platform.openai.com/docs/api-reference/moderations>, taken over by Mistral
//! (<https://docs.mistral.ai/api/endpoint/classifiers>). Content is only ever forwarded: vendors' categories are their own.

mod request;
mod response;

use super::Service;
use crate::{DecodeError, Encoded, Json};
use serde_json::Value;
use switchtower_domain::{ModerationAnswer, ModerationRequest};

/// The service.
#[derive(Debug, Clone, Copy)]
pub struct Moderations;

impl Service for Moderations {
    const NAME: &'static str = "openai_moderations";
    const REQUEST_SCHEMA: &'static str = include_str!("request.schema.json");

    type Request = ModerationRequest;
    type Answer = ModerationAnswer;
    type Variant = ();

    fn decode_request(body: Json<'_>) -> Result<ModerationRequest, DecodeError> {
        request::decode(body)
    }

    fn encode_request(request: &ModerationRequest, _: &()) -> Encoded {
        Encoded { body: request::encode(request), notices: Vec::new() }
    }

    fn decode_answer(body: Json<'_>) -> Result<ModerationAnswer, DecodeError> {
        response::decode(body)
    }

    fn encode_answer(answer: &ModerationAnswer) -> Value {
        response::encode(answer)
    }
}
