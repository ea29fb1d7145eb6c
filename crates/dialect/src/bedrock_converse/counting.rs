//! Counting tokens: <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_CountTokens.html>
//!
//! What is counted is a request of Converse, or one of `InvokeModel` in the model's own words.

use super::nova;
use crate::{Counted, Counting, DecodeError, Json, Variant, keep_fields};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use switchtower_domain::DialectId;

/// What a request for a count has in common with one for an answer.
const FIELDS: [&str; 4] = ["messages", "system", "toolConfig", "additionalModelRequestFields"];

/// The field by which bodies of Messages are known among those of `InvokeModel`.
const MESSAGES: &str = "anthropic_version";
/// Where the body of an invoked model stands.
const INVOKED: &str = "input.invokeModel.body";

pub(super) struct Counter;

impl Counting for Counter {
    fn dialect(&self) -> DialectId {
        DialectId::BedrockConverse
    }

    fn counted_request<'a>(&self, body: Json<'a>) -> Result<Counted<'a>, DecodeError> {
        let Some(input) = body.get("input") else { return Ok(Counted { dialect: self.dialect(), body }) };
        if let Some(counted) = input.get("converse") {
            return Ok(Counted { dialect: self.dialect(), body: counted.clone() });
        }
        let Some(invoked) = input.get("invokeModel").and_then(|invoke| invoke.get("body")) else {
            return Ok(Counted { dialect: self.dialect(), body });
        };
        let bytes = invoked.as_str().and_then(|text| STANDARD.decode(text).ok());
        let read = bytes.and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok());
        match read {
            Some(read) if read.get(MESSAGES).is_some() => {
                Ok(Counted { dialect: DialectId::AnthropicMessages, body: read.into() })
            }
            Some(read) if nova::is_spoken(&read) => {
                Ok(Counted { dialect: self.dialect(), body: nova::as_converse(read).into() })
            }
            _ => Err(DecodeError::Value {
                path: INVOKED.to_owned(),
                expected: "a body of Messages or of Nova, in base64",
            }),
        }
    }

    fn ask(&self, request: Value, _: &Variant) -> Value {
        json!({"input": {"converse": keep_fields(request, &FIELDS)}})
    }

    fn counted(&self, answer: &Value) -> Option<u64> {
        answer.get("inputTokens")?.as_u64()
    }

    fn tell(&self, tokens: u64) -> Value {
        json!({"inputTokens": tokens})
    }
}
