//! Every dialect in the registry, against its fixtures: what is read, what is written back, and what other dialects
//! make of it.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod golden;
mod laws;
mod pairs;
mod services;
mod streamed_as_whole;
mod told_at_once;
mod told_by_vendors;
