//! `cargo xtask bench`: what Switchtower costs, beside a plain nginx in the same run.
//!
//! ```text
//! load generator ──┬──────────────────────────────────> mock upstream     direct
//!  (this process)  ├── nginx, a plain reverse proxy ──> mock upstream     nginx
//!                  ├── Switchtower, Chat to Chat ─────> mock upstream     forward
//!                  ├── Switchtower, Messages to Chat ─> mock upstream     translated
//!                  └── Switchtower, other pairs ──────> mock upstream     translated-back, …
//! ```
//!
//! Method
//! - Subjects take turns within each round (A B C, A B C, …); a figure is the median over the rounds.
//! - `ledger` is what the ledger takes of a request of 2 kB, by itself: digests and records of as many calls at once, with
//!   nothing else to do on the same threads. It is part of the rows of Switchtower.
//! - CPU time is user and system time of the subject's process tree only: load and upstream are
//!   processes of their own. It is the figure to trust on a machine that others use too.
//! - Latency at a fixed rate counts from the time a request was due, so that a slow answer also
//!   counts against the requests that waited behind it. "Added" is the distance to `direct` in the
//!   same round.
//! - Time to the first token ends with the first text of the answer, not with its first byte.
//! - Memory of an open stream is measured on a fresh process: resident set with the streams open,
//!   less the resident set before.
//!
//! No figure is asserted anywhere; ratios are read by people.

mod answers;
mod client;
mod figures;
mod load;
mod mock;
mod request;
mod scenario;
mod subject;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use clap::Args;

use crate::{build, process};

use self::figures::Table;
use self::scenario::{Plan, Scenario};
use self::subject::{Stage, Subject};

/// What to measure, and for how long.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// End a measurement at saturation after this many requests, if that comes before its time
    #[arg(long)]
    requests: Option<usize>,
    /// Length of one measurement, in seconds
    #[arg(long)]
    seconds: Option<f64>,
    /// Rounds of which the median is shown
    #[arg(long)]
    rounds: Option<usize>,
    /// Requests a second in measurements at a fixed rate
    #[arg(long, default_value_t = 400.0)]
    rate: f64,
    /// Connections at saturation
    #[arg(long, default_value_t = 32)]
    connections: usize,
    /// Streams that are open at once when memory is measured
    #[arg(long)]
    streams: Option<usize>,
    /// One second, three rounds, 500 streams: to see that it works, not to quote
    #[arg(long)]
    quick: bool,
    /// Measure these only
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Subject>,
    /// Also write every round of every figure to this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Use this switchtower instead of building one
    #[arg(long, value_name = "FILE")]
    binary: Option<PathBuf>,
}

/// Where the mock upstream listens.
#[derive(Debug, Args)]
pub(crate) struct UpstreamOptions {
    #[arg(long)]
    port: u16,
}

impl Options {
    fn plan(&self) -> Plan {
        Plan {
            seconds: self.seconds.unwrap_or(if self.quick { 1.0 } else { 4.0 }),
            rounds: self.rounds.unwrap_or(if self.quick { 3 } else { 5 }),
            requests: self.requests.unwrap_or(usize::MAX),
            rate: self.rate,
            connections: self.connections,
            streams: self.streams.unwrap_or(if self.quick { 500 } else { 2000 }),
        }
    }

    fn subjects(&self) -> Vec<Subject> {
        if self.only.is_empty() { Subject::USUAL.to_vec() } else { self.only.clone() }
    }
}

/// Runs every scenario and prints its table.
pub(crate) fn run(root: &Path, options: &Options) -> Result<ExitCode> {
    if cfg!(debug_assertions) {
        return build::run_optimised(root);
    }
    let plan = options.plan();
    ensure!(
        plan.seconds > 0.0 && plan.rounds > 0 && plan.rate > 0.0 && plan.connections > 0 && plan.streams > 0,
        "seconds, rounds, rate, connections and streams are all more than zero"
    );
    process::check_open_files(plan.streams)?;
    let subjects = options.subjects();
    let mut stage = Stage::set_up(root, &subjects, options.binary.as_deref())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut tables = Vec::new();
    println!(
        "{} rounds of {} s for each subject; median of the rounds; × is the ratio to nginx",
        plan.rounds, plan.seconds
    );
    for scenario in Scenario::all() {
        let table = runtime.block_on(rounds(&mut stage, &scenario, &plan, &subjects))?;
        println!("\n{table}");
        tables.push(table);
    }
    if let Some(path) = &options.json {
        std::fs::write(path, figures::json(&tables, &plan)?)
            .with_context(|| format!("failed to write {}", path.display()))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The mock upstream; returns only when it fails.
pub(crate) fn run_upstream(options: &UpstreamOptions) -> Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(mock::serve(options.port))?;
    Ok(ExitCode::SUCCESS)
}

async fn rounds(stage: &mut Stage, scenario: &Scenario, plan: &Plan, subjects: &[Subject]) -> Result<Table> {
    let mut table = Table::new(scenario.title(plan), scenario.columns());
    for _ in 0..plan.rounds {
        for subject in subjects.iter().filter(|subject| scenario.is_for(**subject)) {
            let measured = scenario
                .measure(stage, *subject, plan)
                .await
                .with_context(|| format!("failed to measure {} ({})", subject.name(), scenario.title(plan)))?;
            table.add(*subject, measured);
        }
    }
    Ok(table)
}
