//! Spans and metrics to a receiver of OTLP, over HTTP in protobuf.
//!
//! Source: <https://opentelemetry.io/docs/specs/otlp/#otlphttp>. A receiver that is slow or gone costs what does not fit in
//! the queue until it is back, counted, and nothing else.
//!
//! ```text
//! spans.rs     an ended call ─► spans            points.rs  figures ─► metrics
//! messages.rs  the messages of the protocol      exporter.rs  batches, retries, the end
//! ```

mod exporter;
mod messages;
mod points;
mod spans;

pub use exporter::{Exporter, OtlpSettings, SettingsError};
