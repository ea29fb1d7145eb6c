//! The command line.

use crate::admin::AdminSettings;
use crate::config::{self, Around, Problems, Ready, Retention, Secrets};
use crate::environment::Environment;
use crate::output::{is_unread, output};
use crate::reload::Source;
use crate::{conformance, cost, dataflow, findings, ledger, models, parity, prices, retention, serve};
use anyhow::{Context as _, Result};
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::cell::LazyCell;
use std::io::{IsTerminal as _, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use switchtower_catalogue::Catalogue;
use switchtower_catalogue::import::Project;
use switchtower_catalogue::prices::Prices;
use switchtower_gateway::{Access, reckon};
use switchtower_ledger::Reckon;
use switchtower_projection::Target;
use switchtower_sim::{FaultRate, FaultScript};
use tracing_subscriber::EnvFilter;

/// Measure, compare, and safely switch between models, providers and clouds.
#[derive(Debug, Parser)]
#[command(name = "switchtower", version, about)]
pub struct CommandLine {
    #[command(subcommand)]
    command: Command,
    /// How the log is written, to the standard error
    #[arg(long, value_enum, value_name = "FORMAT", global = true, default_value_t = LogFormat::Text)]
    log_format: LogFormat,
}

/// How the log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum LogFormat {
    /// For people
    Text,
    /// A JSON object for each line
    Json,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve AI traffic
    Serve(ServeOptions),
    /// Serve the simulated provider alone
    Sim(SimOptions),
    /// Check a configuration and say everything that is wrong with it
    Check(CheckOptions),
    /// List the models that can be asked for, with what is known of them
    Models(ModelsOptions),
    /// Say what models cost, by whose word, and where lists of prices disagree
    #[command(subcommand)]
    Prices(PricesCommand),
    /// Ask each deployment of a model the same probes, and print them side by side
    Parity(ParityOptions),
    /// What was spent, by provider, model, key, day and so on, and how sure that is
    Cost(cost::Options),
    /// What is on record: verify it, prove it, show it
    Ledger(ledger::Options),
    /// What is kept of prompts and answers, for whom and until when, proved from the ledger
    Retention(retention::Options),
    /// Every place that a prompt, an answer, or what is known about them can reach
    Dataflow(dataflow::Options),
    /// Replay recorded exchanges through the dialects
    Conformance(ConformanceOptions),
    /// What editors need to know of a configuration
    #[command(subcommand)]
    Config(ConfigCommand),
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Print a JSON Schema of the configuration
    Schema,
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
    /// The folder with the ledger, in place of what the configuration says
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Where operators reach /metrics, /healthz and /readyz, in place of what the configuration says
    #[arg(long, value_name = "ADDRESS")]
    admin: Option<SocketAddr>,
}

/// What `check` is told.
#[derive(Debug, Args)]
struct CheckOptions {
    /// The configuration
    #[arg(default_value = "switchtower.toml")]
    config: PathBuf,
    /// Print the resolved whole: every setting with its value and where that comes from
    #[arg(long)]
    explain: bool,
    /// Print it as JSON
    #[arg(long, requires = "explain")]
    json: bool,
}

/// What `models` is told.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
struct ModelsOptions {
    #[command(subcommand)]
    command: Option<ModelsCommand>,
    /// The configuration; without one, providers come from the environment
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// List what the catalogue knows instead, of one kind of provider or of all
    #[arg(long, value_name = "KIND", num_args = 0..=1)]
    #[expect(clippy::option_option, reason = "the flag may stand alone")]
    known: Option<Option<String>>,
    /// Ask a provider for its models instead, and show them beside what the catalogue knows
    #[arg(long, value_name = "PROVIDER", conflicts_with = "known")]
    at: Option<String>,
    /// Print it as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum ModelsCommand {
    /// Make a catalogue of facts that another project collected, for 'catalogue' of a configuration
    Import(ImportOptions),
}

/// What `models import` is told.
#[derive(Debug, Args)]
struct ImportOptions {
    /// Whose data it is
    #[arg(value_parser = project)]
    project: Project,
    /// The data as the project publishes it, or compressed with gzip
    file: PathBuf,
    /// What the source is to be called; the name of the project without it
    #[arg(long, value_name = "NAME")]
    source: Option<String>,
    /// The day on which the data was taken; today without it
    #[arg(long, value_name = "DATE")]
    date: Option<String>,
    /// A catalogue that these facts are laid over, fact by fact
    #[arg(long, value_name = "FILE")]
    onto: Option<PathBuf>,
    /// Where the catalogue goes; to the standard output without it
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum PricesCommand {
    /// Tell the prices of a model by every list, the one that holds first
    Show(ShowOptions),
    /// Tell where two lists of prices disagree; without files, those that ship with the product
    Diff(DiffOptions),
    /// Make a list of prices that another project collected, for 'prices' of a configuration
    Import(PriceImportOptions),
}

/// What `prices show` is told.
#[derive(Debug, Args)]
struct ShowOptions {
    /// A model as KIND/MODEL, or as PROVIDER/MODEL of the configuration, or its name alone for every kind of provider that has it
    model: String,
    /// Only what holds in this region
    #[arg(long, value_name = "REGION")]
    region: Option<String>,
    /// The day for which the prices are asked; today without it
    #[arg(long, value_name = "DATE")]
    at: Option<String>,
    /// The configuration whose prices hold; without one, those that ship with the product
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print it as JSON
    #[arg(long)]
    json: bool,
}

/// What `prices diff` is told.
#[derive(Debug, Args)]
struct DiffOptions {
    /// Two lists of prices
    #[arg(value_name = "FILE", num_args = 2)]
    files: Vec<PathBuf>,
    /// The day for which the prices are compared; today without it
    #[arg(long, value_name = "DATE")]
    at: Option<String>,
    /// Also tell prices that one of the two does not state
    #[arg(long)]
    missing: bool,
    /// Print it as JSON
    #[arg(long)]
    json: bool,
}

/// What `prices import` is told.
#[derive(Debug, Args)]
struct PriceImportOptions {
    /// Whose data it is
    #[arg(value_parser = project)]
    project: Project,
    /// The data as the project publishes it, or compressed with gzip
    file: PathBuf,
    /// What the source is to be called; the name of the project without it
    #[arg(long, value_name = "NAME")]
    source: Option<String>,
    /// The day on which the data was taken; today without it
    #[arg(long, value_name = "DATE")]
    date: Option<String>,
    /// Where the list goes; to the standard output without it
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

fn project(word: &str) -> Result<Project, String> {
    let known = || Project::ALL.map(Project::as_str).join(" or ");
    Project::ALL.into_iter().find(|one| one.as_str() == word).ok_or_else(|| format!("expected {}", known()))
}

/// What `parity` is told.
#[derive(Debug, Args)]
struct ParityOptions {
    /// A model, whose deployments are found by it; or the names of deployments, the first of which the others are held against
    #[arg(value_name = "MODEL", required = true, num_args = 1..)]
    names: Vec<String>,
    /// The configuration; without one, providers come from the environment
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// How often speed is measured; the median is told
    #[arg(long, default_value_t = 3)]
    runs: usize,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
}

/// What `conformance` is told.
#[derive(Debug, Args)]
struct ConformanceOptions {
    /// The folder of recorded exchanges
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Only exchanges of this dialect
    #[arg(long, value_name = "DIALECT")]
    dialect: Option<String>,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
    /// Print every check that failed
    #[arg(long)]
    failures: bool,
    /// Change each typed value in the middle and see whether the exchange notices
    #[arg(long)]
    mutate: bool,
    /// A file that says of recordings why they fail; only what it does not say counts
    #[arg(long, value_name = "FILE")]
    explained: Option<PathBuf>,
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
    /// A fault and how often it happens, such as `overloaded@0.05`; may be given several times
    #[arg(long = "fault", value_name = "FAULT@RATE")]
    fault_rates: Vec<FaultRate>,
    /// A file that says which requests meet which fault
    #[arg(long, value_name = "FILE")]
    fault_script: Option<PathBuf>,
    /// The environment variable that holds the key to ask for
    #[arg(long, value_name = "VARIABLE")]
    require_key: Option<String>,
    /// A folder of recorded exchanges to answer from
    #[arg(long, value_name = "FOLDER")]
    replay: Option<PathBuf>,
    /// Answer from recordings only
    #[arg(long, requires = "replay")]
    replay_only: bool,
}

/// Does what the command line says.
pub fn run(command_line: CommandLine) -> ExitCode {
    log_to_stderr(command_line.log_format);
    let outcome = match command_line.command {
        Command::Serve(options) => serve(&options),
        Command::Sim(options) => sim(options),
        Command::Check(options) => check(&options),
        Command::Models(ModelsOptions { command: Some(ModelsCommand::Import(options)), .. }) => import(&options),
        Command::Models(options) => list_models(&options),
        Command::Prices(PricesCommand::Show(options)) => show_prices(&options),
        Command::Prices(PricesCommand::Diff(options)) => diff_prices(&options),
        Command::Prices(PricesCommand::Import(options)) => import_prices(&options),
        Command::Parity(options) => parity_of(options),
        Command::Cost(options) => return cost_of(&options),
        Command::Ledger(options) => return ledger_of(&options),
        Command::Retention(options) => return retention_of(&options),
        Command::Conformance(options) => return conformance_of(options),
        Command::Dataflow(options) => dataflow_of(&options),
        Command::Config(ConfigCommand::Schema) => schema(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) if is_unread() => ExitCode::SUCCESS,
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

fn log_to_stderr(format: LogFormat) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // One that is there already stays.
    let _ = match format {
        LogFormat::Text => log.with_ansi(std::io::stderr().is_terminal()).try_init(),
        LogFormat::Json => log.json().flatten_event(true).with_current_span(false).with_span_list(false).try_init(),
    };
}

fn serve(options: &ServeOptions) -> Result<()> {
    let environment = Environment::of_process();
    let (mut plan, source) = match &options.config {
        Some(file) => {
            let (ready, source) = Source::read(file, environment.clone(), options.listen)?;
            (serve::Plan::of(ready)?, Some(source))
        }
        None => (serve::Plan::without_configuration(&environment, options.listen)?, None),
    };
    if let Some(address) = options.admin {
        let access = plan.admin.map(|admin| admin.access).filter(|access| !access.is_keyless());
        let access = access.map_or_else(|| Access::keyless(address), Ok).context("--admin")?;
        plan.admin = Some(AdminSettings { address, access });
    }
    plan.ledger.data = ledger::data_folder(options.data.as_deref().or(plan.data.as_deref()), &environment)?;
    serve::run(plan, source, &mut std::io::stdout())
}

fn check(options: &CheckOptions) -> Result<()> {
    let ready = configuration(&options.config, &Environment::of_process(), Secrets::Read)?;
    if options.explain {
        let mut out = output();
        let told = if options.json { format!("{:#}\n", ready.explanation.json()) } else { ready.explanation.text() };
        return Ok(out.write_all(told.as_bytes())?);
    }
    write!(output(), "{} is valid; it {}", options.config.display(), config::summary(&ready))?;
    Ok(())
}

fn list_models(options: &ModelsOptions) -> Result<()> {
    let environment = Environment::of_process();
    if let Some(provider) = &options.at {
        return list_models_at(provider, options, &environment);
    }
    let ready = options.config.as_ref().map(|file| configuration(file, &environment, Secrets::Unread)).transpose()?;
    let rows = match (&options.known, &ready) {
        (Some(kind), ready) => {
            let catalogue = ready.as_ref().map_or_else(Catalogue::built_in, |ready| Arc::clone(&ready.catalogue));
            models::known(&catalogue, kind.as_deref())
        }
        (None, Some(ready)) => models::of_directory(&ready.directory()?),
        (None, None) => models::of_directory(&serve::Plan::without_configuration(&environment, None)?.directory),
    };
    models::tell(&rows, options.json, &mut output())
}

fn list_models_at(provider: &str, options: &ModelsOptions, environment: &Environment) -> Result<()> {
    let (plan, catalogue) = match &options.config {
        Some(file) => {
            let ready = configuration(file, environment, Secrets::Read)?;
            let catalogue = Arc::clone(&ready.catalogue);
            (serve::Plan::of(ready)?, catalogue)
        }
        None => (serve::Plan::without_configuration(environment, None)?, Catalogue::built_in()),
    };
    let (directory, transport) = plan.for_own_use()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut out = output();
    runtime.block_on(models::at::tell(provider, &directory, &*transport, &catalogue, options.json, &mut out))
}

fn import(options: &ImportOptions) -> Result<()> {
    let asked = models::Import {
        project: options.project,
        file: &options.file,
        source: options.source.as_deref().unwrap_or_else(|| options.project.as_str()),
        date: options.date.as_deref(),
        onto: options.onto.as_deref(),
        out: options.out.as_deref(),
    };
    models::import_file(&asked, &mut output(), &mut std::io::stderr())
}

fn show_prices(options: &ShowOptions) -> Result<()> {
    let environment = Environment::of_process();
    let ready = options.config.as_ref().map(|file| configuration(file, &environment, Secrets::Unread)).transpose()?;
    let (known, providers) =
        ready.map_or_else(|| (Prices::built_in(), Vec::new()), |ready| (ready.prices, ready.providers));
    let asked = prices::Show {
        model: &options.model,
        providers: &providers,
        region: options.region.as_deref(),
        day: prices::day(options.at.as_deref())?,
        json: options.json,
    };
    prices::show(&known, &asked, &mut output())
}

fn diff_prices(options: &DiffOptions) -> Result<()> {
    let asked = prices::Diff { day: prices::day(options.at.as_deref())?, missing: options.missing, json: options.json };
    let [one, other] = match options.files.as_slice() {
        [one, other] => {
            let read =
                |path: &PathBuf| -> Result<_> { Ok((path.display().to_string(), Arc::new(prices::read_list(path)?))) };
            [read(one)?, read(other)?]
        }
        _ => prices::shipped(&Prices::built_in())?,
    };
    prices::diff((&one.0, &one.1), (&other.0, &other.1), &asked, &mut output())
}

fn import_prices(options: &PriceImportOptions) -> Result<()> {
    let asked = models::Import {
        project: options.project,
        file: &options.file,
        source: options.source.as_deref().unwrap_or_else(|| options.project.as_str()),
        date: options.date.as_deref(),
        onto: None,
        out: options.out.as_deref(),
    };
    prices::import_file(&asked, &mut output(), &mut std::io::stderr())
}

fn dataflow_of(options: &dataflow::Options) -> Result<()> {
    let environment = Environment::of_process();
    let plan = match &options.config {
        Some(file) => serve::Plan::of(configuration(file, &environment, Secrets::Read)?)?,
        None => serve::Plan::without_configuration(&environment, None)?,
    };
    let data = ledger::data_folder(options.data.as_deref().or(plan.data.as_deref()), &environment)?;
    dataflow::run(options, &plan, &data, &mut output())
}

fn schema() -> Result<()> {
    Ok(writeln!(output(), "{:#}", config::schema())?)
}

fn configuration(file: &Path, environment: &Environment, secrets: Secrets) -> Result<Ready> {
    let built_in = findings::sim_providers()?;
    let around = Around { outside: environment, folder: Path::new(""), built_in: &built_in, listen: None, secrets };
    Ok(config::load(file, &around)?)
}

fn parity_of(options: ParityOptions) -> Result<()> {
    let environment = Environment::of_process();
    let plan = match &options.config {
        Some(file) => serve::Plan::of(configuration(file, &environment, Secrets::Read)?)?,
        None => serve::Plan::without_configuration(&environment, None)?,
    };
    let (directory, transport) = plan.for_own_use()?;
    let asked = parity::Options { names: options.names, runs: options.runs };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let report = runtime.block_on(parity::run(&asked, directory, transport))?;
    let told = if options.json { format!("{:#}\n", report.json()) } else { report.text() };
    Ok(output().write_all(told.as_bytes())?)
}

fn ledger_of(options: &ledger::Options) -> ExitCode {
    at_ledger((options.config.as_deref(), options.secrets()), options.data.as_deref(), |place, reckon| {
        ledger::run(options, &place.data, &place.projection, reckon, &mut output())
    })
}

fn retention_of(options: &retention::Options) -> ExitCode {
    at_ledger((options.config.as_deref(), options.secrets()), options.data.as_deref(), |place, reckon| {
        retention::run(options, &place.data, &place.retention, reckon, &mut output())
    })
}

/// Where a ledger is, and what lies beside it.
struct Place {
    data: PathBuf,
    projection: Target,
    retention: Retention,
}

/// Does something with a ledger; what it finds wrong is told by the exit status.
fn at_ledger(
    (config, secrets): (Option<&Path>, Secrets),
    data: Option<&Path>,
    act: impl FnOnce(&Place, Reckon<'_>) -> Result<bool>,
) -> ExitCode {
    let environment = Environment::of_process();
    let done = || {
        let ready = config.map(|file| configuration(file, &environment, secrets)).transpose()?;
        let (named, projection, retention) = match &ready {
            Some(ready) => (ready.data.clone(), ready.projection.clone(), ready.retention.clone()),
            None => (None, Target::Nowhere, Retention::default()),
        };
        let data = ledger::data_folder(data.or(named.as_deref()), &environment)?;
        let plan = LazyCell::new(|| match ready {
            Some(ready) => serve::Plan::of(ready),
            None => serve::Plan::without_configuration(&environment, None),
        });
        // Where nothing is known of providers and prices, nothing is known of what was left open either.
        let reckon = |opened: &_, at_us| match &*plan {
            Ok(plan) => reckon(&plan.directory, &plan.gateway.prices, opened, at_us),
            Err(_) => Default::default(),
        };
        let place = Place { data, projection, retention };
        act(&place, &reckon).map_err(|error| ledger::damage_told(&place.data, error))
    };
    match done() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(_) if is_unread() => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "error: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn cost_of(options: &cost::Options) -> ExitCode {
    let environment = Environment::of_process();
    let told = || {
        let ready =
            options.config.as_ref().map(|file| configuration(file, &environment, Secrets::Unread)).transpose()?;
        let commitments = ready.as_ref().map(cost::commitments::of).unwrap_or_default();
        let (data, keys) = ready.map(|ready| (ready.data, ready.key_names)).unwrap_or_default();
        let data = ledger::data_folder(options.data.as_deref().or(data.as_deref()), &environment)?;
        cost::run(options, &data, &cost::Configured { keys, commitments }, &mut output())
            .map_err(|error| ledger::damage_told(&data, error))
    };
    match told() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(_) if is_unread() => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "error: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn conformance_of(options: ConformanceOptions) -> ExitCode {
    let what = conformance::Options { folder: options.folder, dialect: options.dialect, mutate: options.mutate };
    let explained = options.explained.as_deref();
    let told = conformance::run(&what).map_err(anyhow::Error::from).and_then(|(report, mutations)| {
        conformance::tell(&report, mutations.as_ref(), options.json, options.failures, &mut output())?;
        let explained =
            explained.map(conformance::Explained::read).transpose().context("failed to read what is explained")?;
        let news = explained.map(|explained| explained.news(&report));
        for news in news.iter().flatten() {
            writeln!(std::io::stderr(), "{news}")?;
        }
        Ok(news.map_or_else(|| report.passed(), |news| news.is_empty())
            && mutations.is_none_or(|mutations| mutations.unnoticed().next().is_none()))
    });
    match told {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(_) if is_unread() => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "error: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn sim(options: SimOptions) -> Result<()> {
    let fault_script = match &options.fault_script {
        Some(file) => std::fs::read_to_string(file)
            .with_context(|| format!("failed to read {}", file.display()))?
            .parse::<FaultScript>()
            .with_context(|| format!("failed to understand {}", file.display()))?,
        None => FaultScript::default(),
    };
    let require_key = match &options.require_key {
        Some(name) => {
            let environment = Environment::of_process();
            let key = environment.get(name).with_context(|| format!("the environment variable {name} is not set"))?;
            Some(secrecy::SecretString::from(key))
        }
        None => None,
    };
    let settings = switchtower_sim::Settings {
        seed: options.seed,
        fault_rates: options.fault_rates,
        fault_script,
        require_key,
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
