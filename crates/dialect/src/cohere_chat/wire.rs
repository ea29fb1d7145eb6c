//! The words of Cohere Chat, and what each means.

use switchtower_domain::{Param, Role, StopReason};

/// What comes after the last event of a stream. The reference does not name it; the service sends it, and its SDKs
/// pass over it.
pub(super) const DONE: &str = "[DONE]";

/// The reason for stopping of an answer that broke off.
pub(super) const ERROR: &str = "ERROR";

pub(super) fn role(word: &str) -> Option<Role> {
    Some(match word {
        "system" => Role::System,
        "user" => Role::User,
        "assistant" => Role::Assistant,
        "tool" => Role::Tool,
        _ => return None,
    })
}

pub(super) const ROLES: &str = "system, user, assistant, tool";

pub(super) fn stop_reason(word: &str) -> StopReason {
    match word {
        "COMPLETE" => StopReason::EndTurn,
        "STOP_SEQUENCE" => StopReason::StopSequence,
        "MAX_TOKENS" => StopReason::MaxTokens,
        "TOOL_CALL" => StopReason::ToolUse,
        "ERROR_TOXIC" => StopReason::ContentFilter,
        other => StopReason::Other(other.to_owned()),
    }
}

/// The word for a reason. The second version has none of its own for what a filter stopped; the first one's is told.
/// Source: <https://docs.cohere.com/reference/chat-v1>
pub(super) fn stop_word(reason: &StopReason) -> &str {
    match reason {
        StopReason::EndTurn | StopReason::PauseTurn => "COMPLETE",
        StopReason::StopSequence => "STOP_SEQUENCE",
        StopReason::MaxTokens | StopReason::ContextWindow => "MAX_TOKENS",
        StopReason::ToolUse => "TOOL_CALL",
        StopReason::Refusal | StopReason::ContentFilter => "ERROR_TOXIC",
        StopReason::Other(word) => word,
    }
}

pub(super) const fn param_path(param: Param) -> &'static str {
    match param {
        Param::Instructions | Param::Turns => "messages",
        Param::Tools => "tools",
        Param::ToolChoice => "tool_choice",
        Param::Output => "response_format",
        Param::OutputSchema => "response_format.json_schema",
        Param::FormerOutputSchema => "response_format.schema",
        Param::ReasoningMode => "thinking.type",
        Param::ReasoningEffort => "thinking",
        Param::ReasoningBudget => "thinking.token_budget",
        Param::Temperature => "temperature",
        Param::TopP => "p",
        Param::TopK => "k",
        Param::FrequencyPenalty => "frequency_penalty",
        Param::PresencePenalty => "presence_penalty",
        Param::Seed => "seed",
        Param::Stop => "stop_sequences",
        Param::Logprobs => "logprobs",
        Param::MaxTokens => "max_tokens",
        Param::ParallelToolCalls
        | Param::OutputName
        | Param::OutputDescription
        | Param::OutputStrict
        | Param::Verbosity
        | Param::ReasoningSummary
        | Param::ReasoningSeal
        | Param::Choices
        | Param::TopLogprobs
        | Param::LogitBias
        | Param::StreamUsage
        | Param::User
        | Param::Labels
        | Param::ServiceTier
        | Param::Store
        | Param::PromptCacheKey => "",
    }
}
