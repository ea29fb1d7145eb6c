//! The words of Converse, and what each means.

use switchtower_domain::{Param, Stop, StopReason};

/// Reads a reason for stopping.
pub(super) fn stop(word: &str) -> Stop {
    Stop::new(match word {
        "end_turn" => StopReason::EndTurn,
        "max_tokens" => StopReason::MaxTokens,
        "stop_sequence" => StopReason::StopSequence,
        "tool_use" => StopReason::ToolUse,
        "content_filtered" => StopReason::ContentFilter,
        "guardrail_intervened" => return Stop::in_own_word(word.to_owned(), StopReason::ContentFilter),
        "model_context_window_exceeded" => StopReason::ContextWindow,
        other => StopReason::Other(other.to_owned()),
    })
}

/// The word for a reason; a reason that only another dialect knows is told as the end of a turn.
pub(super) fn stop_word(stop: &Stop, same: bool) -> &str {
    if let Some(word) = stop.own_word().filter(|_| same) {
        return word;
    }
    match &stop.reason {
        StopReason::EndTurn => "end_turn",
        StopReason::MaxTokens => "max_tokens",
        StopReason::StopSequence => "stop_sequence",
        StopReason::ToolUse => "tool_use",
        StopReason::ContentFilter | StopReason::Refusal => "content_filtered",
        StopReason::ContextWindow => "model_context_window_exceeded",
        StopReason::Other(word) if same => word,
        StopReason::PauseTurn if same => "pause_turn",
        StopReason::PauseTurn | StopReason::Other(_) => "end_turn",
    }
}

/// Classes of service. Source: <https://docs.aws.amazon.com/bedrock/latest/userguide/service-tiers-inference.html>
pub(super) const TIERS: [&str; 4] = ["priority", "default", "flex", "reserved"];

/// The most labels of a request. Source:
/// <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html#bedrock-runtime_Converse-request-requestMetadata>
pub(super) const LABELS_MAX: usize = 16;

/// Whether a label is one that Bedrock takes. Source: as above.
pub(super) fn is_label((name, value): (&String, &serde_json::Value)) -> bool {
    let fits = |text: &str| {
        text.chars().count() <= 256
            && text.chars().all(|c| c.is_ascii_alphanumeric() || c.is_ascii_whitespace() || " :_@$#=/+,-.".contains(c))
    };
    !name.is_empty() && fits(name) && value.as_str().is_some_and(fits)
}

pub(super) const fn param_path(param: Param) -> &'static str {
    match param {
        Param::Instructions => "system",
        Param::Turns => "messages",
        Param::Tools => "toolConfig.tools",
        Param::ToolChoice => "toolConfig.toolChoice",
        Param::Output => "outputConfig.textFormat",
        Param::OutputName => "outputConfig.textFormat.structure.jsonSchema.name",
        Param::OutputDescription => "outputConfig.textFormat.structure.jsonSchema.description",
        Param::OutputSchema | Param::FormerOutputSchema => "outputConfig.textFormat.structure.jsonSchema.schema",
        Param::ReasoningMode => "additionalModelRequestFields.thinking",
        Param::ReasoningBudget => "additionalModelRequestFields.thinking.budget_tokens",
        Param::ReasoningEffort => "additionalModelRequestFields.output_config.effort",
        Param::TopK => "additionalModelRequestFields.top_k",
        Param::Temperature => "inferenceConfig.temperature",
        Param::TopP => "inferenceConfig.topP",
        Param::Stop => "inferenceConfig.stopSequences",
        Param::MaxTokens => "inferenceConfig.maxTokens",
        Param::Labels => "requestMetadata",
        Param::ServiceTier => "serviceTier",
        Param::ParallelToolCalls
        | Param::OutputStrict
        | Param::Verbosity
        | Param::ReasoningSummary
        | Param::ReasoningSeal
        | Param::FrequencyPenalty
        | Param::PresencePenalty
        | Param::Seed
        | Param::Choices
        | Param::Logprobs
        | Param::TopLogprobs
        | Param::LogitBias
        | Param::StreamUsage
        | Param::User
        | Param::Store
        | Param::PromptCacheKey => "",
    }
}
