//! Why a model stopped.

use serde::{Deserialize, Serialize};

/// Why one choice ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stop {
    /// The reason.
    pub reason: StopReason,
    /// The stop sequence that was met, where the provider names it.
    pub sequence: Option<String>,
}

impl Stop {
    /// A stop for a reason, with no sequence named.
    pub const fn new(reason: StopReason) -> Self {
        Self { reason, sequence: None }
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
