//! Reach a deployment: where it is, with which credential, how its vendor differs from the dialect it speaks, and what
//! its trouble means.
//!
//! It builds requests and reads the heads of answers. It never opens a connection, reads the environment or a clock,
//! or decides which deployment serves a request.
//!
//! ```text
//! catalogue()  what is known of each vendor: dialects, base URL, name of the key's variable, quirks with their sources
//!    -> Provider     one endpoint with one credential, quirks and limits on time
//!    -> Deployment   one model there, by the name that clients ask for
//!    -> request()    an HTTP request for one operation, with exactly the headers that may leave
//!    <- trouble()    request id and waiting time from the head of a failed answer
//! ```
//!
//! A vendor that merely speaks a known dialect is a row in `compatible/catalog.toml`. Begin with [`Provider`].

mod address;
pub mod anthropic;
pub mod aws;
pub mod bedrock;
mod catalogue;
pub mod cohere;
pub mod compatible;
mod credential;
mod defaults;
mod deployment;
mod endpoint;
mod gate;
pub mod google;
mod known;
mod listing;
mod offers;
pub mod ollama;
pub mod openai;
mod operation;
mod request;
mod trouble;
mod within;

pub(crate) use address::Base;
pub use address::{Address, EndpointError};
pub use catalogue::{catalogue, known};
pub use credential::{Cloud, Credential, CredentialError, CredentialStyle, X_GOOG_API_KEY};
pub use defaults::Defaults;
pub use deployment::{Deployment, Interface, Provider, RetentionPolicy, StreamFraming, Timeouts};
pub use endpoint::Endpoint;
pub use gate::{Entered, Gate};
pub use known::{Known, KnownInterface};
pub use listing::listing;
pub use offers::{EmbeddingsAt, KnownOffers, Offers};
pub use operation::Operation;
pub use request::{RequestError, address, caller_keys, request};
pub use trouble::{provider_request_id, retry_after};
pub use within::Within;
