//! The roof: command line, configuration, HTTP server and connections to providers, and nothing that decides.
//!
//! It puts the other crates together and supplies what they ask for through ports: the network, the environment, the
//! clock's timers and signals. Begin with `serve.rs` for what happens at the start, and `server.rs` for the sockets.
//!
//! ```text
//! command line ─► configuration or environment ─► Plan ─► server: one runtime, listener and client for each core
//!                                                           └─► Gateway ─► upstream.rs  (HTTP to providers)
//!                                                                     └──► sim_transport.rs  (the built-in simulator)
//! ```

pub mod admin;
pub mod command_line;
pub mod config;
pub mod conformance;
pub mod cost;
pub mod dataflow;
pub mod environment;
pub mod findings;
mod in_force;
pub mod ledger;
pub mod models;
pub mod observing;
mod output;
pub mod parity;
pub mod prices;
pub mod reload;
pub mod retention;
pub mod serve;
pub mod server;
pub mod sim_transport;
mod spreadsheet;
pub mod upstream;
