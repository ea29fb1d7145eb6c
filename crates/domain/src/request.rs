//! What a caller asks of a model.

use crate::{DialectId, Extras, Locus, Part, PartKind, Tool, ToolChoice};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Number, Value};

/// A request for one answer, free of any wire format.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// The dialect that it was decoded from; its extras belong there.
    pub origin: DialectId,
    /// The model that was asked for, by the caller's name for it; empty where the address of the request names it.
    pub model: String,
    /// Instructions that stand before the conversation, where the dialect has a place apart for them.
    pub instructions: Option<Turn>,
    /// The conversation, oldest turn first.
    pub turns: Vec<Turn>,
    /// The tools on offer.
    pub tools: Vec<Tool>,
    /// How the model may choose among them.
    pub tool_choice: Option<ToolChoice>,
    /// Whether one turn may hold several calls.
    pub parallel_tool_calls: Option<bool>,
    /// What form the answer's text must have.
    pub output: OutputFormat,
    /// How many words the answer should take, by the provider's own word (`low`, `medium`, `high`).
    pub verbosity: Option<String>,
    /// How much the model should think.
    pub reasoning: ReasoningSpec,
    /// How tokens are drawn.
    pub sampling: Sampling,
    /// The bound on generated tokens.
    pub max_tokens: Option<u64>,
    /// Which field the bound was written in, where a dialect has two.
    pub max_tokens_field: MaxTokensField,
    /// Whether the answer should be streamed; `None` where nothing was said.
    pub stream: Option<bool>,
    /// Whether a stream should end with a report of usage.
    pub stream_usage: Option<bool>,
    /// Who asks, kept by providers against abuse, and what else the caller attached.
    pub metadata: Metadata,
    /// What only the original dialect says.
    pub extras: Extras,
}

impl Request {
    /// Which field the schema of the output stands in.
    pub const fn output_schema(&self) -> Param {
        match &self.output {
            OutputFormat::Structured(StructuredOutput { former_field: true, .. }) => Param::FormerOutputSchema,
            _ => Param::OutputSchema,
        }
    }

    /// The last turn, where it is the beginning of the answer that is asked for: some providers continue it, others
    /// answer it.
    pub fn begun_answer(&self) -> Option<&Turn> {
        self.turns.last().filter(|turn| {
            let calls = |part: &Part| matches!(part.kind, PartKind::ToolCall(_) | PartKind::ProviderItem(_));
            turn.role == Role::Assistant && !turn.parts.iter().any(calls)
        })
    }
}

/// One turn of a conversation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Turn {
    /// Who speaks.
    pub role: Role,
    /// What is said, in order.
    pub parts: Vec<Part>,
    /// Whether its text was written as one plain string.
    pub plain: bool,
    /// The name of the speaker among several of the same role.
    pub name: Option<String>,
    /// What only the original dialect says of it.
    pub extras: Extras,
    /// Where it stood.
    #[serde(skip)]
    pub at: Locus,
}

/// Who speaks in a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Role {
    /// The operator of the application.
    System,
    /// The developer of the application, where a provider tells the two apart.
    Developer,
    /// The person who uses it.
    User,
    /// The model.
    Assistant,
    /// A tool that the caller ran, where results are turns of their own.
    Tool,
}

/// What form the answer's text must have.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub enum OutputFormat {
    /// Nothing was said.
    #[default]
    Unstated,
    /// Free text, said aloud.
    Text,
    /// Some JSON object.
    JsonObject,
    /// JSON that fits a schema.
    Structured(StructuredOutput),
}

/// A schema for the answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StructuredOutput {
    /// A name for the schema.
    pub name: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// The JSON Schema.
    pub schema: Option<Value>,
    /// Whether the provider must keep to it.
    pub strict: Option<bool>,
    /// Whether it was written in the field that the dialect had before its present one.
    pub former_field: bool,
    /// What else the dialect says of it.
    pub extras: Extras,
}

/// How much the model should think before it answers.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ReasoningSpec {
    /// Whether it thinks at all.
    pub mode: Option<ReasoningMode>,
    /// How hard.
    pub effort: Option<Effort>,
    /// The bound on thinking, in tokens.
    pub budget_tokens: Option<u64>,
    /// How closely a summary of the thoughts should tell them, by the provider's own word.
    pub summary: Option<String>,
    /// Whether the three were written in one object `reasoning`, as one vendor of Chat Completions has it.
    pub in_one_object: bool,
}

impl ReasoningSpec {
    /// Whether nothing was said.
    pub const fn is_unstated(&self) -> bool {
        self.mode.is_none() && self.effort.is_none() && self.budget_tokens.is_none()
    }
}

/// Whether the model thinks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ReasoningMode {
    /// It does.
    Enabled,
    /// It does not.
    Disabled,
    /// It decides.
    Adaptive,
}

/// How hard the model should think.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Effort {
    /// Not at all.
    None,
    /// As little as possible.
    Minimal,
    /// A little.
    Low,
    /// As usual.
    Medium,
    /// Hard.
    High,
    /// Harder.
    ExtraHigh,
    /// As hard as it can.
    Max,
    /// A level by the vendor's own name.
    Other(String),
}

/// How tokens are drawn. Numbers stay as they were written.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Sampling {
    /// Spread of the draw.
    pub temperature: Option<Number>,
    /// Nucleus: the share of probability that is drawn from.
    pub top_p: Option<Number>,
    /// How many of the likeliest tokens are drawn from.
    pub top_k: Option<u64>,
    /// Weight against tokens by how often they came.
    pub frequency_penalty: Option<Number>,
    /// Weight against tokens that came at all.
    pub presence_penalty: Option<Number>,
    /// Seed of the draw.
    pub seed: Option<Number>,
    /// Texts that end the answer.
    pub stop: Option<Vec<String>>,
    /// Whether the one stop text was written as a plain string.
    pub stop_plain: bool,
    /// How many answers to draw.
    pub choices: Option<u64>,
    /// Whether to report log-probabilities.
    pub logprobs: Option<bool>,
    /// How many alternatives to report for each token.
    pub top_logprobs: Option<u64>,
    /// Weights for single tokens.
    pub logit_bias: Option<Map<String, Value>>,
}

/// Who asks and what the caller attached.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Metadata {
    /// The end user, by the caller's id.
    pub user: Option<String>,
    /// Labels for the provider's own records.
    pub labels: Option<Map<String, Value>>,
    /// Which class of service to be served at.
    pub service_tier: Option<String>,
    /// Whether the provider may keep the exchange.
    pub store: Option<bool>,
    /// What requests that share a prompt cache have in common.
    pub prompt_cache_key: Option<String>,
}

/// Which of two fields held the bound on generated tokens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum MaxTokensField {
    /// `max_tokens`.
    #[default]
    MaxTokens,
    /// `max_completion_tokens`.
    MaxCompletionTokens,
}

/// A setting of the request that a dialect may have no place for. Each dialect says where it writes it, so that a
/// notice can name the path in the caller's own terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each names the field of the request of the same name")]
pub enum Param {
    Instructions,
    Turns,
    Tools,
    ToolChoice,
    ParallelToolCalls,
    Output,
    OutputName,
    OutputDescription,
    OutputStrict,
    OutputSchema,
    /// The same in the field that went before it, where the dialect had another.
    FormerOutputSchema,
    Verbosity,
    ReasoningMode,
    ReasoningEffort,
    ReasoningBudget,
    ReasoningSummary,
    ReasoningSeal,
    Temperature,
    TopP,
    TopK,
    FrequencyPenalty,
    PresencePenalty,
    Seed,
    Stop,
    Choices,
    Logprobs,
    TopLogprobs,
    LogitBias,
    MaxTokens,
    StreamUsage,
    User,
    Labels,
    ServiceTier,
    Store,
    PromptCacheKey,
}
