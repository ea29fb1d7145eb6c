//! What providers are asked for besides answers: embeddings, rankings, completions of bare text, moderations.
//!
//! Each has one wire format that vendors took over from one another, so there is no pair of dialects to translate
//! between, but for embeddings, which Cohere, Google and Ollama write in forms of their own ([`EmbeddingForm`]); what else
//! differs from vendor to vendor is data, the service's [`Service::Variant`]. A folder has the same files as
//! a dialect's: `mod.rs`, `request.rs`, `response.rs`, `request.schema.json`, `fixtures/`.
//!
//! ```text
//! request  -> typed -> the vendor's names, as many requests as its limit on a batch wants
//! answers  -> typed -> checked against the request, joined, and written as the caller asked
//! ```

pub mod cohere_embed;
mod embedding_form;
pub mod gemini_batch_embed;
pub mod gemini_embed;
mod input;
pub mod ollama_embed;
pub mod ollama_embeddings;
pub mod openai_completions;
pub mod openai_embeddings;
pub mod openai_moderations;
pub mod rerank;
pub mod vertex_predict;

pub use embedding_form::{EmbeddingForm, Unsayable};

use crate::{DecodeError, Encoded, Json};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::fmt::Debug;

/// The wire format of one service.
pub trait Service {
    /// Its name, which is also that of its folder.
    const NAME: &'static str;

    /// The JSON Schema of a request, written from the public reference.
    const REQUEST_SCHEMA: &'static str;

    /// What is asked.
    type Request: Serialize + DeserializeOwned + PartialEq + Debug;

    /// What is answered.
    type Answer: Serialize + DeserializeOwned + PartialEq + Debug;

    /// How one vendor differs. The default takes everything as it was written.
    type Variant: Default;

    /// Reads a request.
    ///
    /// # Errors
    /// [`DecodeError`] names the path, what was expected there and what stood there.
    fn decode_request(body: Json<'_>) -> Result<Self::Request, DecodeError>;

    /// Writes a request for a vendor. What cannot be said is named in a notice.
    fn encode_request(request: &Self::Request, variant: &Self::Variant) -> Encoded;

    /// Reads an answer.
    ///
    /// # Errors
    /// [`DecodeError`] names the path, what was expected there and what stood there.
    fn decode_answer(body: Json<'_>) -> Result<Self::Answer, DecodeError>;

    /// Writes an answer.
    fn encode_answer(answer: &Self::Answer) -> Value;
}

/// A setting that the vendor has no place for.
const NO_PLACE: &str = "the provider does not take this field";
