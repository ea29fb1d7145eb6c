//! What tests of several crates need: binaries that run beside the test, and a proxy that keeps what it passes on.
//!
//! It is for development only; no product crate depends on it. It knows nothing of dialects or of the gateway.
//!
//! ```text
//! Running   starts a binary, waits for its line `listening on …`, ends it when dropped
//! Capture   a reverse proxy; keeps each request's body in a file and notes how its answer ended
//! ```

mod capture;
mod running;

pub use capture::Capture;
pub use running::Running;
