//! The words of Gemini, and what each means.

use crate::Json;
use serde_json::Value;
use switchtower_domain::{Effort, Param, Stop, StopReason};

/// Reads a reason for stopping. Servers that are asked for enums as numbers give the number of the word.
pub(super) fn stop(value: &Json<'_>) -> Option<Stop> {
    match value {
        Json::String(word) => Some(match stop_reason(word) {
            StopReason::ContentFilter if word != "SAFETY" => {
                Stop::in_own_word(word.clone().into_owned(), StopReason::ContentFilter)
            }
            reason => Stop::new(reason),
        }),
        Json::Number(number) => {
            let place = usize::try_from(value.as_u64()?).ok()?;
            let word = FINISH_REASONS.get(place)?;
            Some(Stop::in_own_word(number.to_string(), stop_reason(word)))
        }
        _ => None,
    }
}

/// The same where functions were called: the dialect has no word of its own for that.
pub(super) fn for_calls(stop: Stop) -> Stop {
    match stop.reason {
        StopReason::EndTurn => {
            let word = stop.own_word().unwrap_or("STOP").to_owned();
            Stop::in_own_word(word, StopReason::ToolUse)
        }
        // Calls of functions that were not declared; who declared them decides what to do.
        StopReason::Other(word) if word == "UNEXPECTED_TOOL_CALL" => Stop::in_own_word(word, StopReason::ToolUse),
        _ => stop,
    }
}

/// In the order of their numbers. Source: <https://ai.google.dev/api/generate-content#FinishReason>
const FINISH_REASONS: [&str; 11] = [
    "FINISH_REASON_UNSPECIFIED",
    "STOP",
    "MAX_TOKENS",
    "SAFETY",
    "RECITATION",
    "OTHER",
    "LANGUAGE",
    "BLOCKLIST",
    "PROHIBITED_CONTENT",
    "SPII",
    "MALFORMED_FUNCTION_CALL",
];

pub(super) fn stop_reason(word: &str) -> StopReason {
    match word {
        "STOP" => StopReason::EndTurn,
        "MAX_TOKENS" => StopReason::MaxTokens,
        "SAFETY"
        | "RECITATION"
        | "BLOCKLIST"
        | "PROHIBITED_CONTENT"
        | "SPII"
        | "IMAGE_SAFETY"
        | "IMAGE_PROHIBITED_CONTENT"
        | "IMAGE_RECITATION"
        | "MODEL_ARMOR" => StopReason::ContentFilter,
        other => StopReason::Other(other.to_owned()),
    }
}

/// The word for an answer that declines.
pub(super) const REFUSED: &str = "SAFETY";

/// The word for an answer whose calls cannot be read.
pub(super) const MALFORMED: &str = "MALFORMED_FUNCTION_CALL";

/// Writes a reason for stopping.
pub(super) fn stop_word(stop: &Stop, same: bool) -> Value {
    if let Some(own) = stop.own_word().filter(|_| same) {
        return own.parse::<u64>().map_or_else(|_| Value::from(own), Value::from);
    }
    Value::from(match &stop.reason {
        StopReason::MaxTokens | StopReason::ContextWindow => "MAX_TOKENS",
        StopReason::Refusal | StopReason::ContentFilter => "SAFETY",
        StopReason::Other(word) if same => word,
        StopReason::EndTurn
        | StopReason::StopSequence
        | StopReason::ToolUse
        | StopReason::PauseTurn
        | StopReason::Other(_) => "STOP",
    })
}

/// The effort that a level of thinking stands for. Source: <https://ai.google.dev/gemini-api/docs/thinking#thinking-levels>
pub(super) fn effort(level: &str) -> Effort {
    match level.to_ascii_lowercase().as_str() {
        "minimal" => Effort::Minimal,
        "low" => Effort::Low,
        "medium" => Effort::Medium,
        "high" => Effort::High,
        _ => Effort::Other(level.to_owned()),
    }
}

/// The level of thinking that comes nearest to an effort.
pub(super) fn level(effort: &Effort) -> &str {
    match effort {
        Effort::None | Effort::Minimal => "minimal",
        Effort::Low => "low",
        Effort::Medium => "medium",
        Effort::High | Effort::ExtraHigh | Effort::Max => "high",
        Effort::Other(word) => word,
    }
}

/// The budget that Google's own endpoint for clients of `OpenAI` takes for an effort.
/// Source: <https://ai.google.dev/gemini-api/docs/openai#thinking>
pub(super) const fn budget(effort: &Effort) -> u64 {
    match effort {
        Effort::None => 0,
        Effort::Minimal | Effort::Low => 1_024,
        Effort::Medium | Effort::Other(_) => 8_192,
        Effort::High | Effort::ExtraHigh | Effort::Max => 24_576,
    }
}

/// Whether a label is one that Google takes. Source:
/// <https://cloud.google.com/resource-manager/docs/labels-overview#requirements>
pub(super) fn is_label((name, value): (&String, &Value)) -> bool {
    let fits = |text: &str| {
        text.chars().count() <= 63
            && text.chars().all(|c| (c.is_alphanumeric() && !c.is_uppercase()) || c == '_' || c == '-')
    };
    name.starts_with(char::is_lowercase) && fits(name) && value.as_str().is_some_and(fits)
}

pub(super) const fn param_path(param: Param) -> &'static str {
    match param {
        Param::Instructions => "systemInstruction",
        Param::Turns => "contents",
        Param::Tools => "tools",
        Param::ToolChoice => "toolConfig.functionCallingConfig",
        Param::Output => "generationConfig.responseMimeType",
        Param::OutputSchema => "generationConfig.responseJsonSchema",
        Param::FormerOutputSchema => "generationConfig.responseSchema",
        Param::ReasoningMode | Param::ReasoningEffort => "generationConfig.thinkingConfig",
        Param::ReasoningBudget => "generationConfig.thinkingConfig.thinkingBudget",
        Param::ReasoningSummary => "generationConfig.thinkingConfig.includeThoughts",
        Param::Temperature => "generationConfig.temperature",
        Param::TopP => "generationConfig.topP",
        Param::TopK => "generationConfig.topK",
        Param::FrequencyPenalty => "generationConfig.frequencyPenalty",
        Param::PresencePenalty => "generationConfig.presencePenalty",
        Param::Seed => "generationConfig.seed",
        Param::Stop => "generationConfig.stopSequences",
        Param::Choices => "generationConfig.candidateCount",
        Param::Logprobs => "generationConfig.responseLogprobs",
        Param::TopLogprobs => "generationConfig.logprobs",
        Param::MaxTokens => "generationConfig.maxOutputTokens",
        Param::Labels => "labels",
        Param::ParallelToolCalls
        | Param::OutputName
        | Param::OutputDescription
        | Param::OutputStrict
        | Param::LogitBias
        | Param::StreamUsage
        | Param::User
        | Param::ServiceTier
        | Param::Store
        | Param::PromptCacheKey
        | Param::Verbosity
        | Param::ReasoningSeal => "",
    }
}
