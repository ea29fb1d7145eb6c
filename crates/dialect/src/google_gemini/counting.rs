//! Counting tokens: <https://ai.google.dev/api/tokens>, and as Vertex AI has it,
//! <https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/count-tokens>

use crate::{Counted, Counting, DecodeError, Json, Variant, keep_fields};
use serde_json::{Value, json};
use switchtower_domain::DialectId;

/// A whole request to be counted, as AI Studio takes it. Vertex AI takes its fields at the top.
const WHOLE: &str = "generateContentRequest";
const FIELDS: [&str; 4] = ["contents", "systemInstruction", "tools", "generationConfig"];

pub(super) struct Counter;

impl Counting for Counter {
    fn dialect(&self) -> DialectId {
        DialectId::GoogleGemini
    }

    fn counted_request<'a>(&self, body: Json<'a>) -> Result<Counted<'a>, DecodeError> {
        let body = match body {
            Json::Object(members) => {
                let whole = members.iter().position(|(name, _)| name == WHOLE || name == "generate_content_request");
                match whole.and_then(|place| members.get(place)) {
                    Some((_, whole)) => whole.clone(),
                    None => Json::Object(members),
                }
            }
            other => other,
        };
        Ok(Counted { dialect: self.dialect(), body })
    }

    fn ask(&self, request: Value, variant: &Variant) -> Value {
        if variant.labels {
            return keep_fields(request, &FIELDS);
        }
        // The model is added by whoever knows its name there.
        json!({WHOLE: request})
    }

    fn counted(&self, answer: &Value) -> Option<u64> {
        answer.get("totalTokens")?.as_u64()
    }

    fn tell(&self, tokens: u64) -> Value {
        json!({"totalTokens": tokens})
    }
}
