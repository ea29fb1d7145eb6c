//! Addresses of Bedrock, which name the model and what is asked of it: `/model/MODEL/OPERATION`.
//! Source: <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_Operations_Amazon_Bedrock_Runtime.html>
//!
//! Here MODEL is a deployment, an alias or `provider/model`, percent-encoded as SDKs do it. What is invoked is spoken
//! to in Messages.

use super::accept::{Addressed, BUILT, Place, percent_decoded};
use crate::stream::Framing;
use switchtower_domain::{DialectId, Refusal, RefusalCode};
use switchtower_providers::Within;

/// Where addresses of models begin.
const MODELS: &str = "/model/";

/// An operation on a model.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Called {
    model: String,
    operation: String,
}

impl Called {
    /// The endpoint that it is.
    pub(super) fn place(&self) -> Result<Place, Refusal> {
        match self.operation.as_str() {
            "converse" | "converse-stream" => Ok(Place::Answer(DialectId::BedrockConverse)),
            "invoke" | "invoke-with-response-stream" => Ok(Place::Answer(DialectId::AnthropicMessages)),
            "count-tokens" => Ok(Place::CountTokens(DialectId::BedrockConverse)),
            _ => {
                let message = format!("this operation on a model is not served yet; what works: {BUILT}");
                Err(Refusal::new(RefusalCode::NotImplemented, message))
            }
        }
    }

    pub(super) fn addressed(self) -> Addressed {
        let streamed = self.operation.ends_with("-stream");
        let framing = if self.within().is_some() { Framing::Chunks } else { Framing::Messages };
        Addressed { model: self.model, streamed, framing }
    }

    /// The API within which another dialect is spoken.
    pub(super) fn within(&self) -> Option<Within> {
        self.operation.starts_with("invoke").then_some(Within::InvokeModel)
    }
}

/// The operation that a path calls, if it is one on a model.
pub(super) fn called(path: &str) -> Option<Called> {
    let (model, operation) = path.strip_prefix(MODELS)?.rsplit_once('/')?;
    let model = percent_decoded(model).filter(|model| !model.is_empty())?;
    (!operation.is_empty()).then(|| Called { model, operation: operation.to_owned() })
}

/// Whether a client expects its answer in this dialect.
pub(super) fn is_spoken(path: &str) -> bool {
    path.starts_with(MODELS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_on_models_are_found() {
        let found = |path: &str| called(path).map(|called| (called.model, called.operation));
        let expected = |model: &str, operation: &str| Some((model.to_owned(), operation.to_owned()));
        assert_eq!(found("/model/amazon.nova-lite-v1%3A0/converse"), expected("amazon.nova-lite-v1:0", "converse"));
        assert_eq!(found("/model/sim%2Fsim-1/converse-stream"), expected("sim/sim-1", "converse-stream"));
        let arn = "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A1%3Ainference-profile%2Fx/invoke";
        assert_eq!(found(arn), expected("arn:aws:bedrock:us-east-1:1:inference-profile/x", "invoke"));
        assert_eq!(found("/model/sim/sim-1/count-tokens"), expected("sim/sim-1", "count-tokens"));
        for path in
            ["/model/", "/model/x", "/model//converse", "/model/x/", "/models/x/converse", "/model/%zz/converse"]
        {
            assert_eq!(found(path), None, "{path}");
        }
    }
}
