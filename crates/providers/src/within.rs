//! Dialects that are spoken within another API.

/// The API within which Anthropic Messages is spoken where a cloud serves Anthropic's models: the address names the
/// model and says whether to stream, and the body names a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Within {
    /// `InvokeModel` of Bedrock. Betas stand in the body; streams come as messages of an AWS event stream. Source:
    /// <https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-anthropic-claude-messages-request-response.html>
    InvokeModel,
    /// `rawPredict` of Vertex AI. Betas stand in a header, and the body says once more whether to stream. Source:
    /// <https://cloud.google.com/vertex-ai/generative-ai/docs/partner-models/claude/use-claude>
    RawPredict,
}

impl Within {
    /// The version of Messages that bodies name.
    pub const fn version(self) -> &'static str {
        match self {
            Self::InvokeModel => "bedrock-2023-05-31",
            Self::RawPredict => "vertex-2023-10-16",
        }
    }
}
