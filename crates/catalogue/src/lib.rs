//! What models can do and what they cost: facts, each with its source and the day on which it was read.
//!
//! A fact that nobody stated is `None`: unmeasured is not "no". It never asks a network for a fact, and knows nothing of
//! requests: what one needs is decided where it is read.
//!
//! ```text
//! models.toml      the facts that ship with the product ┐
//! a user's files   corrections and models of their own  ┴─► Catalogue ─► ModelFacts of a model at a kind of provider
//! import           what other projects collected ─► a file of the same form
//! ```
//!
//! Begin with [`Catalogue`]; what models cost is in [`prices`].

mod catalogue;
mod facts;
pub mod import;
pub mod prices;

pub use catalogue::{Catalogue, CatalogueError};
pub use facts::{Modalities, Modality, ModelFacts, Serves};
