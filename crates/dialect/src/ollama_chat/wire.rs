//! The words of Ollama's chat, and what each means.

use switchtower_domain::{Param, Role, Stop, StopReason};

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

/// What a word means. An answer that calls ends with the same word as one that does not.
pub(super) fn stop(word: String, calls: bool) -> Stop {
    match word.as_str() {
        "stop" if calls => Stop::in_own_word(word, StopReason::ToolUse),
        "stop" => Stop::new(StopReason::EndTurn),
        // Nothing was asked, and the model is there or gone. No other dialect has a word for it.
        "load" | "unload" => Stop::in_own_word(word, StopReason::EndTurn),
        "length" => Stop::new(StopReason::MaxTokens),
        FILTERED => Stop::new(StopReason::ContentFilter),
        _ => Stop::new(StopReason::Other(word)),
    }
}

/// The word for a reason. A refusal has none of its own, and the vendor's is kept where it goes back.
pub(super) fn stop_word(stop: &Stop, same: bool) -> &str {
    if let Some(own) = stop.own_word().filter(|_| same) {
        return own;
    }
    match &stop.reason {
        StopReason::MaxTokens | StopReason::ContextWindow => "length",
        StopReason::Refusal | StopReason::ContentFilter => FILTERED,
        StopReason::Other(word) => word,
        StopReason::EndTurn | StopReason::PauseTurn | StopReason::StopSequence | StopReason::ToolUse => "stop",
    }
}

/// Ollama has no filter; clients pass over words that they do not know.
pub(super) const FILTERED: &str = "content_filter";

pub(super) const fn param_path(param: Param) -> &'static str {
    match param {
        Param::Instructions | Param::Turns => "messages",
        Param::Tools => "tools",
        Param::Output | Param::OutputSchema | Param::FormerOutputSchema => "format",
        Param::ReasoningMode | Param::ReasoningEffort | Param::ReasoningBudget => "think",
        Param::Temperature => "options.temperature",
        Param::TopP => "options.top_p",
        Param::TopK => "options.top_k",
        Param::FrequencyPenalty => "options.frequency_penalty",
        Param::PresencePenalty => "options.presence_penalty",
        Param::Seed => "options.seed",
        Param::Stop => "options.stop",
        Param::MaxTokens => "options.num_predict",
        Param::Logprobs => "logprobs",
        Param::TopLogprobs => "top_logprobs",
        Param::ToolChoice
        | Param::ParallelToolCalls
        | Param::OutputName
        | Param::OutputDescription
        | Param::OutputStrict
        | Param::Verbosity
        | Param::ReasoningSummary
        | Param::ReasoningSeal
        | Param::Choices
        | Param::LogitBias
        | Param::StreamUsage
        | Param::User
        | Param::Labels
        | Param::ServiceTier
        | Param::Store
        | Param::PromptCacheKey => "",
    }
}
