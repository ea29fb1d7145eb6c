//! What a provider says that it serves.

use crate::Extras;
use serde::{Deserialize, Serialize};

/// A list of models, free of any wire format.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelListing {
    /// The models, in the provider's order.
    pub models: Vec<ListedModel>,
    /// Where the list goes on, where it does.
    pub next: Option<String>,
    /// What has no typed place.
    pub extras: Extras,
}

/// One model of a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ListedModel {
    /// The name that it is asked for by.
    pub id: String,
    /// The name for people.
    pub name: Option<String>,
    /// Who made it, or serves it.
    pub owner: Option<String>,
    /// When it was made, in seconds since 1970.
    pub created: Option<u64>,
    /// The most tokens that it takes.
    pub context_tokens: Option<u64>,
    /// The most tokens that it gives.
    pub output_tokens_max: Option<u64>,
    /// What has no typed place.
    pub extras: Extras,
}
