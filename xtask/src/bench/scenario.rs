//! The measurements: what is asked, and which figures come out.

use std::time::Duration;

use anyhow::Result;
use tokio::time::{Instant, sleep};

use super::figures::{Column, Unit};
use super::load::{self, Limit, Until};
use super::mock::Script;
use super::request;
use super::subject::{Stage, Subject};
use crate::process::Process;

/// How much of everything.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) seconds: f64,
    pub(super) rounds: usize,
    pub(super) requests: usize,
    pub(super) rate: f64,
    pub(super) connections: usize,
    pub(super) streams: usize,
}

impl Plan {
    fn time(&self) -> Duration {
        Duration::from_secs_f64(self.seconds)
    }
}

const SMALL_BYTES: usize = 2 * 1024;
const LARGE_BYTES: usize = 64 * 1024;

/// Connections at a fixed rate: enough that none has to wait unless a subject is very slow.
const RATE_CONNECTIONS: usize = 64;
/// Each stream at a fixed rate is short.
const RATED_STREAM: Script = Script { chunks: 20, interval_ms: 2, hold: false };
const STREAM_RATE_SHARE: f64 = 0.25;

/// Streams that run beside each other while chunks are counted.
const RUNNING_STREAMS: usize = 50;
const CHUNK_INTERVAL_MS: u64 = 20;

/// Memory settles this long before it is read.
const SETTLE: Duration = Duration::from_millis(800);
const HELD_STREAM: Script = Script { chunks: 1, interval_ms: 0, hold: true };

#[derive(Debug)]
pub(super) enum Scenario {
    Saturation { body_bytes: usize },
    FixedRate,
    StreamStart,
    StreamChunks,
    StreamMemory,
}

impl Scenario {
    pub(super) fn all() -> [Self; 6] {
        [
            Self::Saturation { body_bytes: SMALL_BYTES },
            Self::Saturation { body_bytes: LARGE_BYTES },
            Self::FixedRate,
            Self::StreamStart,
            Self::StreamChunks,
            Self::StreamMemory,
        ]
    }

    /// Whether there is anything to measure of a subject.
    pub(super) fn is_for(&self, subject: Subject) -> bool {
        subject != Subject::Ledger || matches!(self, Self::Saturation { body_bytes: SMALL_BYTES })
    }

    pub(super) fn title(&self, plan: &Plan) -> String {
        match self {
            Self::Saturation { body_bytes } => format!(
                "Whole answers at saturation: requests of {} kB, {} connections",
                body_bytes / 1024,
                plan.connections
            ),
            Self::FixedRate => format!("Whole answers at {} requests a second: requests of 2 kB", plan.rate),
            Self::StreamStart => {
                format!("Time to the first token at {} streams a second", plan.rate * STREAM_RATE_SHARE)
            }
            Self::StreamChunks => {
                format!("Streams: {RUNNING_STREAMS} at once, a chunk every {CHUNK_INTERVAL_MS} ms in each")
            }
            Self::StreamMemory => format!("Open streams: {} at once", plan.streams),
        }
    }

    pub(super) fn columns(&self) -> Vec<Column> {
        match self {
            Self::Saturation { .. } => {
                vec![
                    Column::measured("requests/s", Unit::Count),
                    Column::measured("CPU/request", Unit::Microseconds),
                    Column::plain("of it threads of the ledger", Unit::Microseconds),
                ]
            }
            Self::FixedRate => vec![
                Column::plain("p50", Unit::Microseconds),
                Column::plain("p99", Unit::Microseconds),
                Column::added("added p50", 0),
                Column::added("added p99", 1),
                Column::measured("CPU/request", Unit::Microseconds),
            ],
            Self::StreamStart => vec![
                Column::plain("p50", Unit::Microseconds),
                Column::plain("p99", Unit::Microseconds),
                Column::added("added p50", 0),
                Column::added("added p99", 1),
            ],
            Self::StreamChunks => vec![Column::measured("CPU/chunk", Unit::Microseconds)],
            Self::StreamMemory => vec![
                Column::plain("RSS before", Unit::Megabytes),
                Column::measured("RSS with streams", Unit::Megabytes),
                Column::measured("per stream", Unit::Kilobytes),
            ],
        }
    }

    /// One value for each column that is not derived, in their order.
    pub(super) async fn measure(&self, stage: &mut Stage, subject: Subject, plan: &Plan) -> Result<Vec<Option<f64>>> {
        match self {
            Self::Saturation { body_bytes } => saturation(stage, subject, plan, *body_bytes).await,
            Self::FixedRate => fixed_rate(stage, subject, plan).await,
            Self::StreamStart => stream_start(stage, subject, plan).await,
            Self::StreamChunks => stream_chunks(stage, subject, plan).await,
            Self::StreamMemory => stream_memory(stage, subject, plan).await,
        }
    }
}

async fn saturation(stage: &Stage, subject: Subject, plan: &Plan, body_bytes: usize) -> Result<Vec<Option<f64>>> {
    if subject == Subject::Ledger {
        let part = stage.measure_ledger(plan.seconds)?;
        return Ok(vec![None, Some(part.answering_us + part.writing_us), Some(part.writing_us)]);
    }
    let target = stage.target(subject, false)?;
    let request = request::prepare(&target, body_bytes, None);
    let connections = load::connect(&target, plan.connections, &request).await?;
    let cost = Cost::start(stage, subject);
    let start = Instant::now();
    let limit = Limit { time: plan.time(), requests: plan.requests };
    let answered = load::saturate(connections, &request, limit).await?;
    let rate = count(answered) / start.elapsed().as_secs_f64();
    let (all, ledger) = (cost.microseconds_each(stage, answered), cost.of_ledger_each(stage, answered));
    Ok(vec![Some(rate), all, ledger])
}

async fn fixed_rate(stage: &Stage, subject: Subject, plan: &Plan) -> Result<Vec<Option<f64>>> {
    let target = stage.target(subject, false)?;
    let request = request::prepare(&target, SMALL_BYTES, None);
    let connections = load::connect(&target, RATE_CONNECTIONS, &request).await?;
    let cost = Cost::start(stage, subject);
    let latencies = load::at_rate(connections, &request, plan.rate, plan.time(), Until::End).await?;
    let each = cost.microseconds_each(stage, latencies.len());
    let [p50, p99] = percentiles(latencies);
    Ok(vec![p50, p99, each])
}

async fn stream_start(stage: &Stage, subject: Subject, plan: &Plan) -> Result<Vec<Option<f64>>> {
    let target = stage.target(subject, true)?;
    let request = request::prepare(&target, SMALL_BYTES, Some(RATED_STREAM));
    let connections = load::connect(&target, RATE_CONNECTIONS, &request).await?;
    let rate = plan.rate * STREAM_RATE_SHARE;
    let latencies = load::at_rate(connections, &request, rate, plan.time(), Until::FirstToken).await?;
    Ok(percentiles(latencies).to_vec())
}

async fn stream_chunks(stage: &Stage, subject: Subject, plan: &Plan) -> Result<Vec<Option<f64>>> {
    let target = stage.target(subject, true)?;
    let interval = Duration::from_millis(CHUNK_INTERVAL_MS);
    let chunks = (plan.time().as_millis() / interval.as_millis()).max(1);
    let script = Script { chunks: usize::try_from(chunks)?, interval_ms: CHUNK_INTERVAL_MS, hold: false };
    let whole = request::prepare(&target, SMALL_BYTES, None);
    let connections = load::connect(&target, RUNNING_STREAMS, &whole).await?;
    let request = request::prepare(&target, SMALL_BYTES, Some(script));
    let cost = Cost::start(stage, subject);
    load::run_streams(connections, &request, interval).await?;
    Ok(vec![cost.microseconds_each(stage, script.chunks * RUNNING_STREAMS)])
}

async fn stream_memory(stage: &mut Stage, subject: Subject, plan: &Plan) -> Result<Vec<Option<f64>>> {
    stage.restart(subject)?;
    let target = stage.target(subject, true)?;
    let whole = request::prepare(&target, SMALL_BYTES, None);
    drop(load::connect(&target, 10, &whole).await?);
    sleep(SETTLE).await;
    let Some(process) = stage.process(subject) else {
        return Ok(vec![None; 3]);
    };
    let before = process.resident_bytes();
    let request = request::prepare(&target, SMALL_BYTES, Some(HELD_STREAM));
    let held = load::hold_streams(&target, &request, plan.streams).await?;
    sleep(SETTLE).await;
    let during = process.resident_bytes();
    drop(held);
    sleep(SETTLE).await;
    Ok(vec![Some(before), Some(during), Some((during - before) / count(plan.streams))])
}

/// CPU time of a subject since a moment.
struct Cost {
    subject: Subject,
    seconds: Option<f64>,
    /// Of threads that write and sign the ledger.
    ledger_seconds: Option<f64>,
}

/// The names of these threads.
const LEDGER_THREADS: [&str; 2] = ["ledger", "ledger-keeper"];

impl Cost {
    fn start(stage: &Stage, subject: Subject) -> Self {
        let process = stage.process(subject);
        Self {
            subject,
            seconds: process.map(Process::cpu_seconds),
            ledger_seconds: process.and_then(|process| process.cpu_seconds_of(&LEDGER_THREADS)),
        }
    }

    fn of_ledger_each(&self, stage: &Stage, of: usize) -> Option<f64> {
        let now = stage.process(self.subject)?.cpu_seconds_of(&LEDGER_THREADS)?;
        (of > 0 && now > 0.0).then_some((now - self.ledger_seconds?) * 1e6 / count(of))
    }

    fn microseconds_each(&self, stage: &Stage, of: usize) -> Option<f64> {
        let now = stage.process(self.subject)?.cpu_seconds();
        (of > 0).then_some((now - self.seconds?) * 1e6 / count(of))
    }
}

/// The median and the 99th percentile, in microseconds.
fn percentiles(mut latencies: Vec<Duration>) -> [Option<f64>; 2] {
    latencies.sort_unstable();
    [50, 99].map(|percent| {
        let rank = (latencies.len() * percent).div_ceil(100);
        latencies.get(rank.checked_sub(1)?).map(|latency| latency.as_secs_f64() * 1e6)
    })
}

fn count(number: usize) -> f64 {
    u32::try_from(number).map_or(f64::INFINITY, f64::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_ranks() {
        let latencies = (1..=200).rev().map(Duration::from_micros).collect();
        let rounded = percentiles(latencies).map(|value| value.map(f64::round));
        assert_eq!(rounded, [Some(100.0), Some(198.0)]);
        assert_eq!(percentiles(Vec::new()), [None, None]);
    }
}
