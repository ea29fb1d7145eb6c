//! Text that continues a text, as it was before conversations.

use crate::{AnswerHead, Extras, FilterVerdict, ModelInput, PromptFilter, Sampling, Stop, Usage};
use serde::{Deserialize, Serialize};

/// A request to continue a text, free of any wire format.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CompletionRequest {
    /// The model that was asked for; empty where the address of the request names it.
    pub model: String,
    /// What is to be continued; each by itself.
    pub prompts: Vec<ModelInput>,
    /// Whether the one prompt was written without a list around it.
    pub single: bool,
    /// What stands after the gap that is to be filled.
    pub suffix: Option<String>,
    /// The bound on generated tokens.
    pub max_tokens: Option<u64>,
    /// How tokens are drawn. Its `logprobs` is said by a number here, which stands in `top_logprobs`.
    pub sampling: Sampling,
    /// Whether the answer repeats the prompt.
    pub echo: Option<bool>,
    /// Whether the answer should be streamed.
    pub stream: Option<bool>,
    /// Whether a stream should end with a report of usage.
    pub stream_usage: Option<bool>,
    /// The end user, by the caller's id.
    pub user: Option<String>,
    /// What has no typed place.
    pub extras: Extras,
}

/// Continuations, free of any wire format. One chunk of a stream has the same form.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CompletionAnswer {
    /// Which answer this is.
    pub head: AnswerHead,
    /// The continuations, in the provider's order.
    pub choices: Vec<Continuation>,
    /// What it used, where the provider says so.
    pub usage: Option<Usage>,
    /// What the provider's content filter says of the prompts.
    pub prompt_filters: Vec<PromptFilter>,
    /// What has no typed place.
    pub extras: Extras,
}

/// One continuation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Continuation {
    /// Its number, from 0.
    pub index: Option<u64>,
    /// The text.
    pub text: Option<String>,
    /// Why it ended.
    pub stop: Option<Stop>,
    /// What the provider's content filter says of it.
    pub filters: Vec<FilterVerdict>,
    /// What has no typed place.
    pub extras: Extras,
}
