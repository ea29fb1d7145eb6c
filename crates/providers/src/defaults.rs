//! What a deployment asks for where the caller said nothing.

use serde_json::Number;
use switchtower_domain::Effort;

/// Parameters of a request by default. Numbers stay as they were written.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Defaults {
    /// Spread of the draw.
    pub temperature: Option<Number>,
    /// Nucleus: the share of probability that is drawn from.
    pub top_p: Option<Number>,
    /// The bound on generated tokens.
    pub max_output_tokens: Option<u64>,
    /// How hard the model should think.
    pub reasoning_effort: Option<Effort>,
    /// Seed of the draw.
    pub seed: Option<u64>,
    /// Texts that end the answer.
    pub stop: Option<Vec<String>>,
}

impl Defaults {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
