//! Task runner of the workspace: `cargo xtask tidy` checks how the sources are laid out,
//! `cargo xtask bench` compares Switchtower with a plain nginx on this machine, and
//! `cargo xtask long-day` looks for what goes wrong only in very many requests.
//!
//! It never depends on a product crate, so that it builds quickly and still works when the
//! product does not; the others start the built binary as a process.

#![expect(clippy::print_stdout, reason = "a task runner reports on standard output")]

mod bench;
mod build;
mod long_day;
mod process;
mod tidy;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};

#[derive(Debug, Parser)]
#[command(name = "cargo xtask", about = "Tasks of the Switchtower workspace")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Check floors, dependencies, module cycles, folder shapes and texts; list every violation
    Tidy,
    /// Compare Switchtower with nginx: requests a second, latency, CPU time, memory
    Bench(bench::Options),
    /// Send very many mixed requests, with every fault there is, and see that each ends as contracted and nothing leaks
    LongDay(long_day::Options),
    /// The upstream that the bench measures against, in a process of its own
    #[command(hide = true)]
    BenchUpstream(bench::UpstreamOptions),
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().task {
        Task::Tidy => root().and_then(|root| tidy::run(&root)),
        Task::Bench(options) => root().and_then(|root| bench::run(&root, &options)),
        Task::LongDay(options) => root().and_then(|root| long_day::run(&root, &options)),
        Task::BenchUpstream(options) => bench::run_upstream(&options),
    };
    match outcome {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// The folder of the workspace, which is the one above this package.
fn root() -> Result<PathBuf> {
    let package = PathBuf::from(
        std::env::var_os("CARGO_MANIFEST_DIR")
            .context("CARGO_MANIFEST_DIR is not set; start the task runner with `cargo xtask`")?,
    );
    let root = package.parent().context("the task runner has no folder above it")?;
    Ok(root.to_path_buf())
}
