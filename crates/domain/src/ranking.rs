//! Documents in the order in which they answer a question.

use crate::{Extras, Usage};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Number, Value};

/// A request to order documents, free of any wire format.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RankingRequest {
    /// The model that was asked for.
    pub model: String,
    /// What the documents are held against.
    pub query: String,
    /// The documents.
    pub documents: Vec<RankedText>,
    /// How many of the best are wanted.
    pub top: Option<u64>,
    /// The names that the caller's vendor has for what vendors call differently.
    pub form: RankingForm,
    /// Whether the answer should repeat the documents.
    pub return_documents: Option<bool>,
    /// Whether a document that is too long is cut rather than refused.
    pub truncation: Option<bool>,
    /// What has no typed place.
    pub extras: Extras,
}

/// A document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum RankedText {
    /// Its text alone.
    Plain(String),
    /// An object with its text.
    Object {
        /// The text.
        text: String,
        /// What else the object says.
        fields: Map<String, Value>,
    },
}

impl RankedText {
    /// The text.
    pub fn text(&self) -> &str {
        match self {
            Self::Plain(text) | Self::Object { text, .. } => text,
        }
    }
}

/// The two families of names that vendors have.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum RankingForm {
    /// `top_n` and `results`, as Cohere began it and most took it over.
    #[default]
    Results,
    /// `top_k` and `data`, as Voyage has it.
    Data,
}

/// An order of documents, free of any wire format.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RankingAnswer {
    /// The provider's id for it.
    pub id: Option<String>,
    /// The model that answered.
    pub model: Option<String>,
    /// The documents, in the provider's order.
    pub results: Vec<Ranked>,
    /// The names it was written with.
    pub form: RankingForm,
    /// What it used, where the provider says so.
    pub usage: Option<Usage>,
    /// What has no typed place.
    pub extras: Extras,
}

/// What was found of one document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ranked {
    /// Which document of the request, from 0.
    pub index: u64,
    /// How well it answers the question; what the number means is the model's own.
    pub score: Number,
    /// The document, where it was asked for.
    pub document: Option<RankedText>,
    /// What has no typed place.
    pub extras: Extras,
}
