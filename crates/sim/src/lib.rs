//! A deterministic provider of language models, in process and as a server of its own.
//!
//! It speaks each dialect as a *provider* does and checks what it is sent with its own eyes: it shares no encoder with
//! the gateway, so that a mistake there is not repeated here. It never reads a clock or true randomness, calls nobody,
//! and keeps nothing of a prompt but digests in its prompt cache.
//!
//! ```text
//!  request ──► directives ──► faults that decide a status ──► recording? ──► check (dialects/…/check.rs) ──► Ask
//!                                                                                                             │
//!  bytes ◄── faults on the body, pace (body.rs) ◄── whole or events (dialects/…) ◄── Said ◄── compose.rs ◄────┘
//! ```
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")] async fn main() {
//! use http_body_util::BodyExt as _;
//! use switchtower_sim::{Settings, Sim};
//!
//! let sim = Sim::new(Settings::default());
//! let request = http::Request::post("/v1/chat/completions")
//!     .header("content-type", "application/json")
//!     .body(r#"{"model": "sim-1", "messages": [{"role": "user", "content": "echo: hello"}]}"#.into())
//!     .unwrap();
//! let answer = sim.answer(request).await.into_body().collect().await.unwrap().to_bytes();
//! assert!(String::from_utf8_lossy(&answer).contains(r#""content":"hello""#));
//! # }
//! ```
//!
//! # What a request can ask for
//!
//! What the model does with a text is listed in `compose.rs`: tools are called when their name is mentioned, `echo: TEXT`
//! is answered with exactly TEXT, structured output fits its schema, `redact` withholds part of the reasoning. Where a vendor
//! blocks prompts, as Google does, one with the word `prohibited` is blocked; its models with `mini` in their name are of an
//! earlier generation, whose calls have no ids.
//! Headers `x-sim-fault`, `x-sim-latency-ms`, `x-sim-tokens-per-second`, `x-sim-seed`, `x-sim-output-tokens` and
//! `x-sim-reasoning-tokens`, or the same in the model name (`sim-1?fault=cut:after=3&latency_ms=5`, percent-encoded where an
//! address names the model), steer one request.
//! The words for faults are those of [`Fault`].
//!
//! Embeddings, rankings, completions of text (with a gap to fill, too) and moderations are answered as well; what decides
//! about them is listed in `services/`. The same headers steer them.
//!
//! # Determinism
//!
//! The same seed and the same body give the same bytes. Three things remember more: the prompt cache, whose hits show in
//! the usage ([`Settings::prompt_cache`]); the ordinal of a request, by which the script and the rates choose faults; and
//! with jitter the moments at which bytes come.

mod ask;
mod body;
mod cache;
mod check;
mod compose;
#[cfg(test)]
mod conformance_test;
mod dialects;
mod directives;
mod embed;
mod failure;
pub mod fault;
mod random;
pub mod recording;
mod replay;
mod said;
mod schema_fill;
mod schema_pattern;
pub mod script;
mod seal;
mod server;
mod service;
mod services;
mod settings;
mod sim;
mod strict_schema;
mod text;
mod tokens;

pub use body::{SimBody, SimBodyError};
pub use fault::{Fault, FaultError, FaultRate, Faults};
pub use script::{FaultScript, ScriptError};
pub use server::{GRACE, serve};
pub use settings::Settings;
pub use sim::Sim;

/// The names of the dialects that the simulator speaks, as in recordings.
pub fn dialect_names() -> impl Iterator<Item = &'static str> {
    dialects::ALL.iter().map(|dialect| dialect.name())
}
