//! The words of Responses, and what each means.

use switchtower_domain::{Param, Role, StopReason};

pub(super) const OBJECT: &str = "response";

pub(super) fn role(word: &str) -> Option<Role> {
    Some(match word {
        "system" => Role::System,
        "developer" => Role::Developer,
        "user" => Role::User,
        "assistant" => Role::Assistant,
        _ => return None,
    })
}

pub(super) const ROLES: &str = "system, developer, user, assistant";

pub(super) const fn role_word(role: Role) -> &'static str {
    match role {
        Role::System => "system",
        Role::Developer => "developer",
        Role::User | Role::Tool => "user",
        Role::Assistant => "assistant",
    }
}

/// Why an answer is incomplete.
pub(super) fn stop_reason(word: &str) -> StopReason {
    match word {
        "max_output_tokens" => StopReason::MaxTokens,
        "content_filter" => StopReason::ContentFilter,
        other => StopReason::Other(other.to_owned()),
    }
}

/// What the status of an answer says of its end; nothing where it has none yet.
pub(super) fn ended(status: &str) -> Option<StopReason> {
    match status {
        "completed" => Some(StopReason::EndTurn),
        "incomplete" => Some(StopReason::MaxTokens),
        "in_progress" | "queued" => None,
        other => Some(StopReason::Other(other.to_owned())),
    }
}

/// The word for why an answer is incomplete; `None` for reasons for which it is complete.
pub(super) fn incomplete_word(reason: &StopReason) -> Option<&str> {
    match reason {
        StopReason::MaxTokens | StopReason::ContextWindow => Some("max_output_tokens"),
        StopReason::ContentFilter | StopReason::Refusal => Some("content_filter"),
        StopReason::Other(word) => Some(word),
        StopReason::EndTurn | StopReason::StopSequence | StopReason::ToolUse | StopReason::PauseTurn => None,
    }
}

pub(super) const fn param_path(param: Param) -> &'static str {
    match param {
        Param::Instructions => "instructions",
        Param::Turns => "input",
        Param::Tools => "tools",
        Param::ToolChoice => "tool_choice",
        Param::ParallelToolCalls => "parallel_tool_calls",
        Param::Output => "text.format",
        Param::OutputName => "text.format.name",
        Param::OutputDescription => "text.format.description",
        Param::OutputStrict => "text.format.strict",
        Param::OutputSchema | Param::FormerOutputSchema => "text.format.schema",
        Param::Verbosity => "text.verbosity",
        Param::ReasoningEffort | Param::ReasoningMode | Param::ReasoningBudget => "reasoning.effort",
        Param::ReasoningSummary => "reasoning.summary",
        Param::Temperature => "temperature",
        Param::TopP => "top_p",
        Param::TopLogprobs => "top_logprobs",
        Param::Logprobs | Param::ReasoningSeal => "include",
        Param::MaxTokens => "max_output_tokens",
        Param::User => "user",
        Param::Labels => "metadata",
        Param::ServiceTier => "service_tier",
        Param::Store => "store",
        Param::PromptCacheKey => "prompt_cache_key",
        Param::StreamUsage => "stream",
        Param::TopK
        | Param::FrequencyPenalty
        | Param::PresencePenalty
        | Param::Seed
        | Param::Stop
        | Param::Choices
        | Param::LogitBias => "",
    }
}

/// The classes of service that the vendor of the dialect has.
pub(super) const SERVICE_TIERS: [&str; 5] = ["auto", "default", "flex", "scale", "priority"];
