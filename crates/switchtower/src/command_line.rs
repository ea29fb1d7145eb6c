//! The command line.

use crate::environment::Environment;
use crate::config::{self, Around, Problems, Ready};
use crate::{findings, serve};
use anyhow::{Context as _, Result};
use clap::{Args, Parser, Subcommand};
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;
use tracing_subscriber::EnvFilter;

/// Measure, compare, and safely switch between models, providers and clouds.
#[derive(Debug, Parser)]
#[command(name = "switchtower", version, about)]
pub struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve AI traffic
    Serve(ServeOptions),
    /// Serve the simulated provider alone
    Sim(SimOptions),
    /// Check a configuration and say everything that is wrong with it
    Check(CheckOptions),
}

/// What `serve` is told.
#[derive(Debug, Args)]
struct ServeOptions {
    /// The configuration; without one, providers come from the environment
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where to listen, in place of what the configuration says
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
}

/// What `check` is told.
#[derive(Debug, Args)]
struct CheckOptions {
    /// The configuration
    #[arg(default_value = "switchtower.toml")]
    config: PathBuf,
}

/// What `sim` is told.
#[derive(Debug, Args)]
struct SimOptions {
    /// Where to listen
    #[arg(long, default_value = "127.0.0.1:9090")]
    listen: SocketAddr,
    /// The seed of all text, ids and jitter
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// How long the first token takes, in milliseconds
    #[arg(long, default_value_t = 0)]
    latency_ms: u64,
    /// Output tokens a second after the first; as fast as possible without it
    #[arg(long)]
    tokens_per_second: Option<f64>,
    /// How far each wait may stray, as a share of it from 0 to 1
    #[arg(long, default_value_t = 0.0)]
    jitter: f64,
    /// Answer only for the models that are listed
    #[arg(long)]
    known_models_only: bool,
    /// Take unknown fields
    #[arg(long)]
    lenient: bool,
    /// A folder of recorded exchanges to answer from
    #[arg(long, value_name = "FOLDER")]
    replay: Option<PathBuf>,
    /// Answer from recordings only
    #[arg(long, requires = "replay")]
    replay_only: bool,
}

/// Does what the command line says.
pub fn run(command_line: CommandLine) -> ExitCode {
    log_to_stderr();
    let outcome = match command_line.command {
        Command::Serve(options) => serve(&options),
        Command::Sim(options) => sim(options),
        Command::Check(options) => check(&options),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.is::<Problems>() => {
            let _ = writeln!(std::io::stderr(), "{error}");
            ExitCode::FAILURE
        }
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn log_to_stderr() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let _ = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).try_init();
}

fn serve(options: &ServeOptions) -> Result<()> {
    let environment = Environment::of_process();
    let mut plan = match &options.config {
        Some(file) => serve::Plan::of(configuration(file, &environment, options.listen)?)?,
        None => serve::Plan::without_configuration(&environment, options.listen)?,
    };
    plan.threads = plan.threads.or_else(|| std::thread::available_parallelism().ok().map(usize::from));
    serve::run(plan, &mut std::io::stdout())
}

fn check(options: &CheckOptions) -> Result<()> {
    let ready = configuration(&options.config, &Environment::of_process(), None)?;
    write!(std::io::stdout(), "{} is valid; it {}", options.config.display(), config::summary(&ready))?;
    Ok(())
}

fn configuration(file: &Path, environment: &Environment, listen: Option<SocketAddr>) -> Result<Ready> {
    let built_in = findings::sim_providers()?;
    let around = Around { outside: environment, folder: Path::new(""), built_in: &built_in, listen };
    Ok(config::load(file, &around)?)
}

fn sim(options: SimOptions) -> Result<()> {
    let settings = switchtower_sim::Settings {
        seed: options.seed,
        latency_to_first_token: Duration::from_millis(options.latency_ms),
        tokens_per_second: options.tokens_per_second,
        jitter: options.jitter,
        any_model: !options.known_models_only,
        lenient_fields: options.lenient,
        replay: options.replay,
        replay_only: options.replay_only,
        ..switchtower_sim::Settings::default()
    };
    let sim = switchtower_sim::Sim::with_recordings(settings).context("failed to load the recordings")?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind(options.listen)
            .await
            .with_context(|| format!("failed to listen on {}", options.listen))?;
        writeln!(std::io::stdout(), "listening on http://{}", listener.local_addr()?)?;
        switchtower_sim::serve(listener, sim, serve::asked_to_stop()).await;
        Ok(())
    })
}
