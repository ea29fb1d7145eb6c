//! Why a model stopped.

use serde::{Deserialize, Serialize};

/// Why one choice ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stop {
    /// The reason.
    pub reason: StopReason,
    /// The stop sequence that was met, where the provider names it.
    pub sequence: Option<String>,
    /// The vendor's word, where it is none of the dialect's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub own: Option<OwnWord>,
}

/// A vendor's word for a reason that its dialect has another word for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnWord {
    /// The word.
    pub word: String,
    /// What it means.
    pub means: StopReason,
}

impl Stop {
    /// A stop for a reason, with no sequence named.
    pub const fn new(reason: StopReason) -> Self {
        Self { reason, sequence: None, own: None }
    }

    /// A stop for a reason that the vendor has a word of its own for.
    pub fn in_own_word(word: String, means: StopReason) -> Self {
        Self { reason: means.clone(), sequence: None, own: Some(OwnWord { word, means }) }
    }

    /// The vendor's word, as long as the reason is still what it means.
    pub fn own_word(&self) -> Option<&str> {
        self.own.as_ref().filter(|own| own.means == self.reason).map(|own| own.word.as_str())
    }
}

/// The reasons that two or more dialects know, and a name for any other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum StopReason {
    /// The model was done.
    EndTurn,
    /// The bound on output tokens was reached.
    MaxTokens,
    /// A stop sequence was met.
    StopSequence,
    /// The model waits for the results of tool calls.
    ToolUse,
    /// The model, or a filter that speaks for it, declined.
    Refusal,
    /// A content filter cut the answer.
    ContentFilter,
    /// The provider paused a long turn that the client may continue.
    PauseTurn,
    /// The context window was full.
    ContextWindow,
    /// A reason that only this dialect knows, by its own name.
    Other(String),
}

impl StopReason {
    /// The word in records.
    pub fn as_str(&self) -> &str {
        match self {
            Self::EndTurn => "end_turn",
            Self::MaxTokens => "max_tokens",
            Self::StopSequence => "stop_sequence",
            Self::ToolUse => "tool_use",
            Self::Refusal => "refusal",
            Self::ContentFilter => "content_filter",
            Self::PauseTurn => "pause_turn",
            Self::ContextWindow => "context_window",
            Self::Other(word) => word,
        }
    }
}
