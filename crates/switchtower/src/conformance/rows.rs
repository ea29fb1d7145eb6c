//! The row of the catalogue that a recording's provider has, and whether the row says what was recorded.
//!
//! What the row makes of an answer is held against the recording itself: usage, the reason for stopping, reasoning.

use super::Findings;
use serde_json::Value;
use switchtower_dialect::Variant;
use switchtower_dialect::services::openai_embeddings::EmbeddingVariant;
use switchtower_domain::{Answer, DialectId, PartKind};
use switchtower_providers::{Known, known};
use switchtower_sim::recording::Exchange;

/// What is known of an exchange's provider; nothing of one that has no row.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row(Option<&'static Known>);

impl Row {
    pub(super) fn of(exchange: &Exchange) -> Self {
        Self(known(&exchange.provider))
    }

    /// How the provider differs from the dialect.
    pub(super) fn variant(self, dialect: DialectId) -> Variant {
        let interface = self.0.and_then(|kind| kind.interfaces().find(|interface| interface.dialect == dialect));
        interface.map(|interface| interface.variant.clone()).unwrap_or_default()
    }

    /// How its embeddings differ.
    pub(super) fn embeddings(self) -> EmbeddingVariant {
        self.0.map(|kind| kind.offers.embeddings.clone()).unwrap_or_default()
    }
}

/// A field that the provider accepted is none that its row leaves out or renames.
pub(super) fn fits_request(body: &Value, forbidden: &[String], variant: Option<&Variant>, findings: &mut Findings) {
    let says = |field: &str| body.get(field).is_some_and(|value| !value.is_null());
    let renamed = variant.into_iter().flat_map(|variant| variant.renamed.keys());
    for field in forbidden.iter().chain(renamed).filter(|field| says(field)) {
        findings.push(("row fits what was accepted", format!("the provider took '{field}'")));
    }
}

/// Usage as the recording says it and as the row reads it: input, output, and what was read from a cache.
pub(super) fn usage_of(id: DialectId, usage: &Value, variant: &Variant) -> [Option<u64>; 3] {
    let number = |path: &str| usage.pointer(path).and_then(Value::as_u64);
    match id {
        DialectId::OpenaiChat => {
            let reasoning = number("/completion_tokens_details/reasoning_tokens");
            let output = number("/completion_tokens").map(|output| match variant.output_excludes_reasoning {
                true => output + reasoning.unwrap_or_default(),
                false => output,
            });
            let elsewhere = || variant.cached_tokens_field.as_ref().and_then(|field| usage.get(field)?.as_u64());
            [number("/prompt_tokens"), output, number("/prompt_tokens_details/cached_tokens").or_else(elsewhere)]
        }
        DialectId::OpenaiResponses => {
            [number("/input_tokens"), number("/output_tokens"), number("/input_tokens_details/cached_tokens")]
        }
        DialectId::AnthropicMessages => {
            let written = number("/cache_creation_input_tokens");
            let read = number("/cache_read_input_tokens");
            let cached = [read, written].into_iter().flatten().sum::<u64>();
            [number("/input_tokens").map(|rest| rest + cached), number("/output_tokens"), read]
        }
        DialectId::CohereChat => {
            [number("/tokens/input_tokens"), number("/tokens/output_tokens"), number("/cached_tokens")]
        }
        DialectId::BedrockConverse => {
            let (read, written) = (number("/cacheReadInputTokens"), number("/cacheWriteInputTokens"));
            let cached = [read, written].into_iter().flatten().sum::<u64>();
            [number("/inputTokens").map(|rest| rest + cached), number("/outputTokens"), read]
        }
        DialectId::OllamaChat => [number("/prompt_eval_count"), number("/eval_count"), None],
        DialectId::GoogleGemini => {
            let sum = |paths: [&str; 2]| paths.into_iter().filter_map(number).reduce(|one, other| one + other);
            let input =
                number("/promptTokenCount").and_then(|_| sum(["/promptTokenCount", "/toolUsePromptTokenCount"]));
            [input, sum(["/candidatesTokenCount", "/thoughtsTokenCount"]), number("/cachedContentTokenCount")]
        }
    }
}

/// Where an answer reports usage.
pub(super) fn usage_in(id: DialectId, answer: &Value) -> &Value {
    let field = match id {
        // It counts beside the rest.
        DialectId::OllamaChat => return answer,
        DialectId::GoogleGemini => "usageMetadata",
        DialectId::OpenaiChat
        | DialectId::OpenaiResponses
        | DialectId::AnthropicMessages
        | DialectId::CohereChat
        | DialectId::BedrockConverse => "usage",
    };
    answer.get(field).unwrap_or(&Value::Null)
}

/// Where the recording has reasoning in words, the answer has it.
pub(super) fn reasoning_carried(recorded: &[Value], answer: &Answer, findings: &mut Findings) {
    // Responses have reasoning in items of their own, which the dialect's own checks see to.
    if answer.origin == DialectId::OpenaiResponses {
        return;
    }
    let typed = answer.choices.iter().flat_map(|choice| &choice.parts).any(|part| {
        matches!(&part.kind,
        PartKind::Reasoning(reasoning) if reasoning.text.is_some() || reasoning.summary.is_some())
    });
    if recorded.iter().any(reasons) && !typed {
        findings.push(("reasoning carried", "the words of the reasoning were lost".to_owned()));
    }
}

const WORDS: [&str; 4] = ["reasoning_content", "reasoning", "thinking", "tool_plan"];
/// Objects whose text is a thought.
const THOUGHTS: [&str; 2] = ["reasoningText", "reasoningContent"];

/// Whether a message, or a piece of one, reasons aloud.
fn reasons(value: &Value) -> bool {
    match value {
        Value::Object(map) => map.iter().any(|(key, value)| {
            let said = WORDS.contains(&key.as_str()) && value.as_str().is_some_and(|text| !text.is_empty());
            let thought = THOUGHTS.contains(&key.as_str())
                && value.get("text").and_then(Value::as_str).is_some_and(|text| !text.is_empty());
            const INSIDE: [&str; 7] =
                ["choices", "message", "delta", "content", "content_block", "output", "reasoningContent"];
            let inside = INSIDE.contains(&key.as_str());
            said || thought || inside && reasons(value)
        }),
        Value::Array(items) => items.iter().any(reasons),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}
