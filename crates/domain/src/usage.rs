//! How many tokens a request used.

use crate::Extras;
use serde::{Deserialize, Serialize};

/// Tokens and requests of provider-run tools, as the provider reported them. A count that was not reported is
/// `None`: unmeasured is not zero.
///
/// `input` counts every token of the prompt, cached or not; `output` counts every token that was generated,
/// reasoning included. The other counts are parts of these two.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Usage {
    /// All tokens of the prompt, those read from and written to a cache included.
    pub input: Option<u64>,
    /// Tokens of the prompt that were read from a cache.
    pub cache_read: Option<u64>,
    /// Tokens of the prompt that were written to a cache, of any lifetime.
    pub cache_write: Option<u64>,
    /// The part of `cache_write` with a lifetime of five minutes.
    pub cache_write_5m: Option<u64>,
    /// The part of `cache_write` with a lifetime of one hour.
    pub cache_write_1h: Option<u64>,
    /// Audio tokens of the prompt.
    pub input_audio: Option<u64>,
    /// Image tokens of the prompt.
    pub input_image: Option<u64>,
    /// Video tokens of the prompt.
    pub input_video: Option<u64>,
    /// All tokens that were generated, reasoning included.
    pub output: Option<u64>,
    /// The part of `output` that was reasoning.
    pub reasoning: Option<u64>,
    /// Audio tokens that were generated.
    pub output_audio: Option<u64>,
    /// Image tokens that were generated.
    pub output_image: Option<u64>,
    /// Tokens of a predicted output that were used.
    pub prediction_accepted: Option<u64>,
    /// Tokens of a predicted output that were not used, and are charged all the same.
    pub prediction_rejected: Option<u64>,
    /// The total that the provider states, where it states one.
    pub total: Option<u64>,
    /// Searches that the provider ran.
    pub web_searches: Option<u64>,
    /// Pages that the provider fetched.
    pub web_fetches: Option<u64>,
    /// The service tier that the tokens were charged at.
    pub service_tier: Option<String>,
    /// What else the provider reports.
    pub extras: Extras,
}

impl Usage {
    /// Takes over every count that a later report states.
    ///
    /// Streams report usage in steps, each a running total: a later statement replaces an earlier one.
    pub fn update(&mut self, later: &Self) {
        macro_rules! take {
            ($($field:ident),* $(,)?) => { $(if later.$field.is_some() { self.$field.clone_from(&later.$field); })* };
        }
        take!(
            input,
            cache_read,
            cache_write,
            cache_write_5m,
            cache_write_1h,
            input_audio,
            input_image,
            input_video,
            output,
            reasoning,
            output_audio,
            output_image,
            prediction_accepted,
            prediction_rejected,
            total,
            web_searches,
            web_fetches,
            service_tier,
        );
        if !later.extras.is_empty() {
            self.extras = later.extras.clone();
        }
    }

    /// Input and output together, where both are known.
    pub fn sum(&self) -> Option<u64> {
        self.input?.checked_add(self.output?)
    }
}
