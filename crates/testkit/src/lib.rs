//! What tests of several crates need: binaries that run beside the test, a proxy that keeps what it passes on,
//! and steps that can be made to fail.
//!
//! It is for development only; no product crate depends on it. It knows nothing of dialects or of the gateway.
//!
//! ```text
//! Running   starts a binary, waits for its line `listening on …`, ends it when dropped
//! fail_at   makes one step of many fail
//! PostgresServer   a database server with nothing in it
//! Capture   a reverse proxy; keeps each request's body in a file and notes how its answer ended
//! ```

mod capture;
mod fault_points;
mod postgres;
mod running;

pub use capture::Capture;
pub use fault_points::{FaultPoints, fail_at};
pub use postgres::PostgresServer;
pub use running::Running;
