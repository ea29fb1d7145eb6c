//! Texts as vectors.

use crate::{Extras, Usage};
use serde::{Deserialize, Serialize};
use serde_json::Number;

/// A request for vectors, free of any wire format.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EmbeddingRequest {
    /// The model that was asked for; empty where the address of the request names it.
    pub model: String,
    /// What is to become vectors, one each.
    pub inputs: Vec<ModelInput>,
    /// Whether the one input was written without a list around it.
    pub single: bool,
    /// How many numbers a vector should have.
    pub dimensions: Option<u64>,
    /// Which field that was written in, where vendors have two.
    pub dimensions_field: DimensionsField,
    /// How vectors should be written.
    pub encoding: Option<VectorEncoding>,
    /// What the texts are for, by the vendor's word: `query`, `document` and others.
    pub input_type: Option<String>,
    /// Whether a text that is too long is cut rather than refused.
    pub truncation: Option<bool>,
    /// The end user, by the caller's id.
    pub user: Option<String>,
    /// What has no typed place.
    pub extras: Extras,
}

/// One piece of input for a model that takes bare text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ModelInput {
    /// A text.
    Text(String),
    /// A text that the caller has cut into the model's own tokens already.
    Tokens(Vec<u64>),
}

/// Which of two fields held the number of dimensions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum DimensionsField {
    /// `dimensions`.
    #[default]
    Dimensions,
    /// `output_dimension`.
    OutputDimension,
}

/// How a vector is written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum VectorEncoding {
    /// A list of numbers.
    Float,
    /// Numbers of 32 bits, little-endian, in base64.
    Base64,
    /// By a word of the vendor's own.
    Other(String),
}

/// Vectors, free of any wire format.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EmbeddingAnswer {
    /// The provider's id for it.
    pub id: Option<String>,
    /// The model that answered.
    pub model: Option<String>,
    /// The vectors, in the provider's order.
    pub embeddings: Vec<Embedding>,
    /// What it used, where the provider says so.
    pub usage: Option<Usage>,
    /// What has no typed place.
    pub extras: Extras,
}

/// The vector of one input.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Embedding {
    /// Which input, from 0, where the provider says so.
    pub index: Option<u64>,
    /// The vector as it was written.
    pub vector: Vector,
    /// What has no typed place.
    pub extras: Extras,
}

/// A vector as it was written. Numbers keep their digits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Vector {
    /// A list of numbers.
    Floats(Vec<Number>),
    /// Bytes in base64; what they hold the request says, or the vendor.
    Base64(String),
}
