//! The name of a wire format.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A wire format that requests, answers and streams are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum DialectId {
    /// `OpenAI` Chat Completions.
    OpenaiChat,
    /// `OpenAI` Responses.
    OpenaiResponses,
    /// Anthropic Messages.
    AnthropicMessages,
    /// Google Gemini, at AI Studio and Vertex AI.
    GoogleGemini,
    /// Cohere Chat, the second version.
    CohereChat,
    /// Amazon Bedrock Converse.
    BedrockConverse,
    /// Chat of Ollama's own API.
    OllamaChat,
}

impl DialectId {
    /// The name as it stands in configuration, headers and reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OpenaiChat => "openai_chat",
            Self::OpenaiResponses => "openai_responses",
            Self::AnthropicMessages => "anthropic_messages",
            Self::GoogleGemini => "google_gemini",
            Self::CohereChat => "cohere_chat",
            Self::BedrockConverse => "bedrock_converse",
            Self::OllamaChat => "ollama_chat",
        }
    }
}

impl fmt::Display for DialectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
