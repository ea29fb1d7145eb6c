//! The words of Messages, and what each means.

use switchtower_domain::{Effort, Param, StopReason};

pub(super) fn stop_reason(word: &str) -> StopReason {
    match word {
        "end_turn" => StopReason::EndTurn,
        "max_tokens" => StopReason::MaxTokens,
        "stop_sequence" => StopReason::StopSequence,
        "tool_use" => StopReason::ToolUse,
        "refusal" => StopReason::Refusal,
        "pause_turn" => StopReason::PauseTurn,
        "model_context_window_exceeded" => StopReason::ContextWindow,
        other => StopReason::Other(other.to_owned()),
    }
}

/// The word for a reason; a reason that only another dialect knows is told as the end of a turn.
pub(super) fn stop_word(reason: &StopReason, same: bool) -> &str {
    match reason {
        StopReason::EndTurn => "end_turn",
        StopReason::MaxTokens => "max_tokens",
        StopReason::StopSequence => "stop_sequence",
        StopReason::ToolUse => "tool_use",
        StopReason::Refusal | StopReason::ContentFilter => "refusal",
        StopReason::PauseTurn => "pause_turn",
        StopReason::ContextWindow => "model_context_window_exceeded",
        StopReason::Other(word) if same => word,
        StopReason::Other(_) => "end_turn",
    }
}

pub(super) fn effort(word: &str) -> Effort {
    match word {
        "low" => Effort::Low,
        "medium" => Effort::Medium,
        "high" => Effort::High,
        "xhigh" => Effort::ExtraHigh,
        "max" => Effort::Max,
        other => Effort::Other(other.to_owned()),
    }
}

pub(super) fn effort_word(effort: &Effort) -> &str {
    match effort {
        Effort::None | Effort::Minimal | Effort::Low => "low",
        Effort::Medium => "medium",
        Effort::High => "high",
        Effort::ExtraHigh => "xhigh",
        Effort::Max => "max",
        Effort::Other(word) => word,
    }
}

pub(super) const fn param_path(param: Param) -> &'static str {
    match param {
        Param::Instructions => "system",
        Param::Turns => "messages",
        Param::Tools => "tools",
        Param::ToolChoice => "tool_choice",
        Param::ParallelToolCalls => "tool_choice.disable_parallel_tool_use",
        Param::Output => "output_config.format",
        Param::OutputSchema => "output_config.format.schema",
        Param::FormerOutputSchema => "output_format.schema",
        Param::ReasoningMode => "thinking",
        Param::ReasoningEffort => "output_config.effort",
        Param::ReasoningBudget => "thinking.budget_tokens",
        Param::Temperature => "temperature",
        Param::TopP => "top_p",
        Param::TopK => "top_k",
        Param::Stop => "stop_sequences",
        Param::MaxTokens => "max_tokens",
        Param::User => "metadata.user_id",
        Param::ServiceTier => "service_tier",
        Param::OutputName
        | Param::OutputDescription
        | Param::OutputStrict
        | Param::FrequencyPenalty
        | Param::PresencePenalty
        | Param::Seed
        | Param::Choices
        | Param::Logprobs
        | Param::TopLogprobs
        | Param::LogitBias
        | Param::StreamUsage
        | Param::Labels
        | Param::Store
        | Param::PromptCacheKey
        | Param::Verbosity
        | Param::ReasoningSummary
        | Param::ReasoningSeal => "",
    }
}
