//! What was asked, in terms that all dialects share. Each dialect reads a request into this after checking it.

use serde_json::Value;

/// A checked request for a chat answer.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ask {
    pub(crate) streaming: bool,
    /// The text of the last message of the user.
    pub(crate) user_text: String,
    /// The texts of the tool results that the conversation ends with.
    pub(crate) results: Vec<String>,
    pub(crate) tools: Vec<OfferedTool>,
    pub(crate) choice: ToolChoice,
    pub(crate) parallel: bool,
    pub(crate) format: Format,
    /// How long to reason, in tokens; `None` is not at all.
    pub(crate) reasoning: Option<u64>,
    pub(crate) max_tokens: Option<u64>,
    pub(crate) stops: Vec<String>,
    /// How many answers.
    pub(crate) choices: u64,
    /// The prompt in the order in which a provider caches it.
    pub(crate) prompt: Vec<PromptPart>,
    /// What only the dialect itself reads again when it answers.
    pub(crate) extras: Extras,
}

/// Options that change how an answer is written, not what it says.
#[derive(Debug, Clone, Default)]
pub(crate) struct Extras {
    pub(crate) include_usage: bool,
    /// `Some(n)` when log probabilities were asked for, with `n` alternatives each.
    pub(crate) top_logprobs: Option<u64>,
    pub(crate) service_tier: Option<String>,
    /// Reasoning is shown, in a summary.
    pub(crate) summarised: bool,
    /// Reasoning is sealed, to be given back.
    pub(crate) sealed: bool,
    /// The prompt is refused.
    pub(crate) blocked: bool,
    /// Nothing is asked; the model is only to be loaded.
    pub(crate) loaded: bool,
    /// Structured output is a bare word instead of JSON.
    pub(crate) bare: bool,
    /// Paths of further fields of the model's own answer.
    pub(crate) paths: Vec<String>,
}

/// A tool that the model may call.
#[derive(Debug, Clone)]
pub(crate) struct OfferedTool {
    pub(crate) name: String,
    pub(crate) schema: Value,
}

/// Whether tools are to be called.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum ToolChoice {
    #[default]
    Auto,
    Never,
    Required,
    Named(String),
}

/// What the text has to be.
#[derive(Debug, Clone, Default)]
pub(crate) enum Format {
    #[default]
    Text,
    JsonObject,
    Schema(Value),
}

/// A part of the prompt that is cached as a whole.
#[derive(Debug, Clone)]
pub(crate) struct PromptPart {
    pub(crate) digest: u64,
    pub(crate) tokens: u64,
    /// Set where the caller asked that everything up to here be cached.
    pub(crate) mark: Option<CacheMark>,
}

/// How long a marked prefix is to be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CacheMark {
    FiveMinutes,
    OneHour,
}
