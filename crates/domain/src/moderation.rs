//! What a classifier says about content.

use crate::{Extras, Usage};
use serde::{Deserialize, Serialize};
use serde_json::{Number, Value};

/// A request to classify content, free of any wire format.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModerationRequest {
    /// The model that was asked for; empty where the vendor's default is meant.
    pub model: String,
    /// What is to be classified.
    pub inputs: Vec<ModeratedInput>,
    /// Whether the one input was written without a list around it.
    pub single: bool,
    /// What has no typed place.
    pub extras: Extras,
}

/// One piece of content.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum ModeratedInput {
    /// A text by itself.
    Text(String),
    /// A part of one multimodal input, as the dialect writes it.
    Part {
        /// Its type, such as `image_url`.
        kind: String,
        /// The rest of the part.
        content_of_provider: Value,
    },
}

/// Verdicts, free of any wire format.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModerationAnswer {
    /// The provider's id for it.
    pub id: Option<String>,
    /// The model that answered.
    pub model: Option<String>,
    /// The verdicts, one for each input.
    pub results: Vec<ModerationVerdict>,
    /// What it used, where the provider says so.
    pub usage: Option<Usage>,
    /// What has no typed place.
    pub extras: Extras,
}

/// The verdict on one input.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModerationVerdict {
    /// Whether any category applies.
    pub flagged: Option<bool>,
    /// Whether each category applies, by the vendor's names.
    pub categories: Vec<(String, bool)>,
    /// How likely each category is.
    pub scores: Vec<(String, Number)>,
    /// What has no typed place.
    pub extras: Extras,
}
