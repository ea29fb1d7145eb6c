//! What a model answers.

use crate::{DialectId, Extras, Part, Stop, Usage};
use serde::{Deserialize, Serialize};
use serde_json::Number;

/// A whole answer, free of any wire format.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// The dialect that it was decoded from; its extras belong there.
    pub origin: DialectId,
    /// Which answer this is.
    pub head: AnswerHead,
    /// The choices, in the provider's order.
    pub choices: Vec<Choice>,
    /// What it used, where the provider says so.
    pub usage: Option<Usage>,
    /// What the provider's content filter says of the prompt.
    pub prompt_filters: Vec<PromptFilter>,
    /// What only the original dialect says.
    pub extras: Extras,
}

/// Which answer this is, by the provider's own account.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnswerHead {
    /// The provider's id for it.
    pub id: Option<String>,
    /// The model that answered.
    pub model: Option<String>,
    /// When, in seconds since 1970.
    pub created: Option<u64>,
    /// The service tier that served it.
    pub service_tier: Option<String>,
    /// The provider's mark for the configuration that served it.
    pub fingerprint: Option<String>,
}

impl AnswerHead {
    /// Takes over what a later head states.
    pub fn update(&mut self, later: &Self) {
        macro_rules! take {
            ($($field:ident),*) => { $(if later.$field.is_some() { self.$field.clone_from(&later.$field); })* };
        }
        take!(id, model, created, service_tier, fingerprint);
    }
}

/// One of the answers that were drawn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Choice {
    /// Its number, from 0.
    pub index: u32,
    /// What was said, in order.
    pub parts: Vec<Part>,
    /// Whether its text was written as one plain string.
    pub plain: bool,
    /// Why it ended.
    pub stop: Option<Stop>,
    /// Log-probabilities of its tokens.
    pub logprobs: Option<LogProbs>,
    /// What the provider's content filter says of it.
    pub filters: Vec<FilterVerdict>,
    /// What only the original dialect says of it.
    pub extras: Extras,
}

/// What a provider's content filter says of one category.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FilterVerdict {
    /// The category, by the provider's own name, such as `hate`.
    pub category: String,
    /// Whether the filter stepped in.
    pub filtered: Option<bool>,
    /// How severe, by the provider's own word.
    pub severity: Option<String>,
    /// Whether the category was found at all, where it has no degrees.
    pub detected: Option<bool>,
    /// What else the provider says of it.
    pub extras: Extras,
}

/// What a provider's content filter says of one prompt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PromptFilter {
    /// Which prompt, from 0.
    pub prompt: u64,
    /// The verdicts.
    pub verdicts: Vec<FilterVerdict>,
    /// What else the provider says of it.
    pub extras: Extras,
}

/// Log-probabilities of the tokens of one choice.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct LogProbs {
    /// Those of the text.
    pub content: Option<Vec<TokenLogProb>>,
    /// Those of the words of a refusal.
    pub refusal: Option<Vec<TokenLogProb>>,
    /// Those of the reasoning.
    pub reasoning: Option<Vec<TokenLogProb>>,
    /// What else the dialect reports.
    pub extras: Extras,
}

impl LogProbs {
    /// Appends what a later piece of the stream reports.
    pub fn append(&mut self, later: &Self) {
        for (mine, theirs) in [
            (&mut self.content, &later.content),
            (&mut self.refusal, &later.refusal),
            (&mut self.reasoning, &later.reasoning),
        ] {
            if let Some(theirs) = theirs {
                mine.get_or_insert_default().extend(theirs.iter().cloned());
            }
        }
    }
}

/// The log-probability of one token.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TokenLogProb {
    /// The token as text.
    pub token: String,
    /// Its natural log-probability.
    pub logprob: Number,
    /// Its bytes, where the text cannot show them.
    pub bytes: Option<Vec<u8>>,
    /// The likeliest tokens in its place.
    pub top: Option<Vec<TokenLogProb>>,
    /// What else the dialect reports of it.
    pub extras: Extras,
}
