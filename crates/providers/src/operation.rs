//! What can be asked of a provider.

use std::fmt;

/// What is asked of a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// An answer, whole or streamed.
    #[serde(rename = "answers")]
    Answer,
    /// The number of tokens of a prompt.
    CountTokens,
    /// Vectors of texts.
    Embeddings,
    /// Documents in the order in which they answer a question.
    Rerank,
    /// The continuation of bare text, whole or streamed.
    Completions,
    /// The same with a gap to fill, answered in the form of a conversation, as Mistral has it.
    Fim,
    /// Verdicts on content.
    Moderations,
    /// The continuation of one prompt as Ollama has it, whole or streamed.
    Generate,
    /// An answer of Cohere's chat in its first version, whole or streamed.
    FirstChat,
    /// What a model of Bedrock is invoked with in its own words, whole or streamed.
    Invoke,
}

impl Operation {
    /// What is asked for besides answers to conversations.
    pub const SERVICES: [Self; 8] = [
        Self::Embeddings,
        Self::Rerank,
        Self::Completions,
        Self::Fim,
        Self::Moderations,
        Self::Generate,
        Self::FirstChat,
        Self::Invoke,
    ];

    /// Those that vendors took over from one another.
    pub const SHARED: [Self; 5] = [Self::Embeddings, Self::Rerank, Self::Completions, Self::Fim, Self::Moderations];

    /// The word in configuration, in the catalogue and in messages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Answer => "answers",
            Self::CountTokens => "count_tokens",
            Self::Embeddings => "embeddings",
            Self::Rerank => "rerank",
            Self::Completions => "completions",
            Self::Fim => "fim",
            Self::Moderations => "moderations",
            Self::Generate => "generate",
            Self::FirstChat => "first_chat",
            Self::Invoke => "invoke",
        }
    }

    /// Where a service is usually found beneath a base URL; nowhere of its own for what belongs to a dialect.
    pub const fn usual_path(self) -> &'static str {
        match self {
            Self::Answer | Self::CountTokens => "",
            Self::Embeddings => "/embeddings",
            Self::Rerank => "/rerank",
            Self::Completions => "/completions",
            Self::Fim => "/fim/completions",
            Self::Moderations => "/moderations",
            Self::Generate => "/api/generate",
            Self::FirstChat => "/v1/chat",
            Self::Invoke => "/model/{model}/invoke",
        }
    }

    /// Where its streams are usually asked for, if that is elsewhere.
    pub const fn streamed_path(self) -> Option<&'static str> {
        match self {
            Self::Invoke => Some("/model/{model}/invoke-with-response-stream"),
            _ => None,
        }
    }

    /// Whether its answers can be streamed.
    pub const fn streams(self) -> bool {
        matches!(self, Self::Answer | Self::Completions | Self::Fim | Self::Generate | Self::FirstChat | Self::Invoke)
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
