//! Figures and traces, made of the ledger's records and of nothing else: so they cannot disagree with them.
//!
//! [`Telemetry`] watches a ledger. Each entry that is written is counted in [`figures`](Telemetry::families), and where
//! its trace is kept, handed to who exports it. It adds a fraction of a microsecond to a record, takes no lock but one
//! that a look at the figures holds for a moment, and lets go of what cannot be exported in time, counted.
//!
//! ```text
//! record ─► Telemetry ─► figures/   counters and histograms by deployment, bounded ─► families ─► exposition (Prometheus)
//!                │                                                                        └─────► otlp/points ─┐
//!                └─────► ended      what has ended, in a bounded queue ─► otlp/spans ──────────────────────────┴─► otlp/exporter
//! metric.rs   every metric, once: its name, unit, labels and meaning
//! semconv.rs  the names of OpenTelemetry's conventions, by profile
//! ```
//!
//! It is never told what was said, and names that only callers know come as digests.

mod ended;
mod exposition;
mod families;
mod figures;
mod histogram;
mod house;
pub mod metric;
pub mod otlp;
pub mod semconv;
mod telemetry;

pub use ended::{Ended, SpanQueue, Waiting};
pub use exposition::Format;
pub use families::{Family, Point, Value};
pub use histogram::{Bounds, Exemplar, Histogram};
pub use house::{Check, ExportCount, House, Projected};
pub use telemetry::{Telemetry, TelemetrySettings};
