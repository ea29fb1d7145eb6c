//! The words of Chat Completions, and what each means.

use switchtower_domain::{Param, Role, StopReason};

pub(super) const OBJECT: &str = "chat.completion";
pub(super) const CHUNK: &str = "chat.completion.chunk";
pub(super) const DONE: &str = "[DONE]";

pub(super) fn role(word: &str) -> Option<Role> {
    Some(match word {
        "system" => Role::System,
        "developer" => Role::Developer,
        "user" => Role::User,
        "assistant" => Role::Assistant,
        "tool" | FUNCTION => Role::Tool,
        _ => return None,
    })
}

pub(super) const ROLES: &str = "system, developer, user, assistant, tool, function";

/// The role that results had before calls had ids.
pub(super) const FUNCTION: &str = "function";

pub(super) const fn role_word(role: Role) -> &'static str {
    match role {
        Role::System => "system",
        Role::Developer => "developer",
        Role::User => "user",
        Role::Assistant => "assistant",
        Role::Tool => "tool",
    }
}

pub(crate) fn stop_reason(word: &str) -> StopReason {
    match word {
        "stop" => StopReason::EndTurn,
        "length" => StopReason::MaxTokens,
        "tool_calls" => StopReason::ToolUse,
        "content_filter" => StopReason::ContentFilter,
        other => StopReason::Other(other.to_owned()),
    }
}

/// The word for a reason; reasons that Chat Completions does not tell apart share one.
pub(crate) fn stop_word(reason: &StopReason) -> &str {
    match reason {
        StopReason::EndTurn | StopReason::StopSequence | StopReason::PauseTurn => "stop",
        StopReason::MaxTokens | StopReason::ContextWindow => "length",
        StopReason::ToolUse => "tool_calls",
        StopReason::Refusal | StopReason::ContentFilter => "content_filter",
        StopReason::Other(word) => word,
    }
}

pub(super) const fn param_path(param: Param) -> &'static str {
    match param {
        Param::Instructions | Param::Turns => "messages",
        Param::Tools => "tools",
        Param::ToolChoice => "tool_choice",
        Param::ParallelToolCalls => "parallel_tool_calls",
        Param::Output => "response_format",
        Param::OutputName => "response_format.json_schema.name",
        Param::OutputDescription => "response_format.json_schema.description",
        Param::OutputStrict => "response_format.json_schema.strict",
        Param::OutputSchema | Param::FormerOutputSchema => "response_format.json_schema.schema",
        Param::ReasoningMode => "thinking",
        Param::ReasoningEffort => "reasoning_effort",
        Param::ReasoningBudget => "reasoning",
        Param::ReasoningSummary | Param::ReasoningSeal => "",
        Param::Verbosity => "verbosity",
        Param::Temperature => "temperature",
        Param::TopP => "top_p",
        Param::TopK => "top_k",
        Param::FrequencyPenalty => "frequency_penalty",
        Param::PresencePenalty => "presence_penalty",
        Param::Seed => "seed",
        Param::Stop => "stop",
        Param::Choices => "n",
        Param::Logprobs => "logprobs",
        Param::TopLogprobs => "top_logprobs",
        Param::LogitBias => "logit_bias",
        Param::MaxTokens => "max_completion_tokens",
        Param::StreamUsage => "stream_options",
        Param::User => "user",
        Param::Labels => "metadata",
        Param::ServiceTier => "service_tier",
        Param::Store => "store",
        Param::PromptCacheKey => "prompt_cache_key",
    }
}
