//! `cargo xtask long-day`: very many mixed requests through the gateway, before a simulator that misbehaves.
//!
//! ```text
//! clients of three dialects ──> switchtower serve ──> switchtower sim
//!  (this process)                  ^ changed, reloaded    ^ every fault it has
//! ```
//!
//! Method
//! - What a client does follows from the seed and the number of its request alone (`case.rs`), so that one request can
//!   be repeated: `--seed S --only N`.
//! - What has to come of it is written in `contract.rs`; anything else is a violation.
//! - The configuration changes while requests are under way, also into one with mistakes, and keys are replaced
//!   (`changes.rs`).
//! - Memory, descriptors and threads of the gateway are read from `/proc` (`watch.rs`). Memory is flat if the median of
//!   the last tenth is at most a tenth and 8 MB above that of the second. At the end the descriptors are those of the
//!   beginning.
//! - The log must not hold a key or a word of a prompt, nor any error but those of mistaken configurations.

mod case;
mod changes;
mod client;
mod contract;
mod fault;
mod random;
mod reading;
mod report;
mod stage;
mod watch;
mod wire;
mod words;

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use clap::Args;
use tokio::task::JoinSet;
use tokio::time::sleep;

use self::case::Case;
use self::changes::Changes;
use self::client::{Client, End};
use self::report::{Report, Tally};
use self::stage::{LATE_MS, Stage, UNUSED_MAX};
use self::watch::Sample;
use self::wire::Outgoing;
use crate::build::{self, Profile};
use crate::process::Process;

/// How many requests, and of which gateway.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// How many requests; a million, and some thousands with `--short`
    #[arg(long)]
    requests: Option<u64>,
    /// What the mix is drawn from
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Clients at once
    #[arg(long, default_value_t = 64)]
    clients: usize,
    /// Requests between two changes of the configuration
    #[arg(long)]
    change_every: Option<u64>,
    /// The debug build and less than a minute, for every change of the sources
    #[arg(long)]
    short: bool,
    /// Send only the request of this number, and tell what came
    #[arg(long, value_name = "NUMBER")]
    only: Option<u64>,
    /// Also write all counts and samples to this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Use this switchtower instead of building one
    #[arg(long, value_name = "FILE")]
    binary: Option<PathBuf>,
}

const REQUESTS: u64 = 1_000_000;
const REQUESTS_SHORT: u64 = 6_000;
/// Connections to providers are closed by then.
const SETTLED_WITHIN: Duration = Duration::from_secs(20);

/// What all clients share.
struct Day {
    seed: u64,
    requests: u64,
    next: AtomicU64,
    tally: Mutex<Tally>,
}

impl Day {
    fn done(&self) -> u64 {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner).done
    }

    fn add(&self, case: &Case, judged: Result<String, String>) {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner).add(case, judged);
    }

    /// One client, from its first request to its last.
    async fn client(&self, mut client: Client) -> Result<()> {
        loop {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            if number >= self.requests {
                return Ok(());
            }
            let case = Case::draw(self.seed, number, LATE_MS);
            let heard = client.exchange(&Outgoing::of(&case), case.fresh).await?;
            self.add(&case, contract::judge(&case, &heard));
        }
    }
}

/// Runs the day and reports.
pub(crate) fn run(root: &Path, options: &Options) -> Result<ExitCode> {
    if cfg!(debug_assertions) && !options.short && options.only.is_none() {
        return build::run_optimised(root);
    }
    ensure!(options.clients > 0, "there is at least one client");
    let profile = if options.short { Profile::Debug } else { Profile::Release };
    let binary = match &options.binary {
        Some(binary) => binary.clone(),
        None => build::switchtower(root, profile)?,
    };
    let stage = Stage::set_up(&binary, options.clients)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    if let Some(number) = options.only {
        return runtime.block_on(only(&stage, options.seed, number));
    }
    let report = runtime.block_on(day(&stage, options))?;
    print!("{}", report.text());
    if let Some(path) = &options.json {
        std::fs::write(path, format!("{:#}\n", report.json()))
            .with_context(|| format!("failed to write {}", path.display()))?;
    }
    Ok(if report.tally.violations == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// One request alone, with what was sent and what came.
async fn only(stage: &Stage, seed: u64, number: u64) -> Result<ExitCode> {
    let case = Case::draw(seed, number, LATE_MS);
    let outgoing = Outgoing::of(&case);
    println!("{:?}\n\n{} {}\n{}\n", case.asked, outgoing.method, outgoing.path, outgoing.body);
    let heard = Client::new(stage.address).exchange(&outgoing, true).await?;
    println!("{} after {:?}, {:?}", heard.status, heard.took, heard.end);
    println!("{:#?}\n{}", heard.headers, String::from_utf8_lossy(&heard.body));
    let judged = contract::judge(&case, &heard);
    println!("{judged:?}");
    Ok(if judged.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn day(stage: &Stage, options: &Options) -> Result<Report> {
    let requests = options.requests.unwrap_or(if options.short { REQUESTS_SHORT } else { REQUESTS });
    let change_every = options.change_every.unwrap_or_else(|| (requests / 200).clamp(500, 5_000));
    let day =
        Arc::new(Day { seed: options.seed, requests, next: AtomicU64::new(0), tally: Mutex::new(Tally::default()) });
    // The thread that looks at files is there by then, and the vocabulary that estimates are made with, which stays.
    Client::new(stage.address).exchange(&Outgoing::estimated(), true).await?;
    sleep(Duration::from_millis(1500)).await;
    let hold = |process: &Process, at, requests| Sample::take(process.id(), at, requests);
    let before = [&stage.gateway, &stage.simulator].map(|process| hold(process, Duration::ZERO, 0).descriptors);
    let start = Instant::now();
    let mut clients = JoinSet::new();
    for _ in 0..options.clients {
        let (day, client) = (Arc::clone(&day), Client::new(stage.address));
        clients.spawn(async move { day.client(client).await });
    }
    let interval = Duration::from_millis(if options.short { 100 } else { 1000 });
    let mut samples = vec![hold(&stage.gateway, Duration::ZERO, 0)];
    let mut changes = Changes::default();
    let driving = async {
        while let Some(ended) = clients.join_next().await {
            ended??;
        }
        Ok::<_, anyhow::Error>(())
    };
    let sampling = async {
        loop {
            sleep(interval).await;
            samples.push(hold(&stage.gateway, start.elapsed(), day.done()));
        }
    };
    let changing = async {
        let mut due = change_every;
        loop {
            if day.done() < due {
                sleep(Duration::from_millis(20)).await;
                continue;
            }
            due += change_every;
            if let Err(error) = changes.make(stage).await {
                changes.violations.push(format!("{error:#}"));
            }
        }
    };
    tokio::select! {
        driven = driving => driven?,
        () = sampling => {}
        () = changing => {}
    }
    let took = start.elapsed();
    drop(clients);
    let mut tally = std::mem::take(&mut *day.tally.lock().unwrap_or_else(PoisonError::into_inner));
    changes.violations.drain(..).chain(watch::growth(&samples)).for_each(|violation| tally.violation(violation));
    still_open(stage, &mut tally).await?;
    let after = settled(stage, before).await;
    samples.push(hold(&stage.gateway, start.elapsed(), tally.done));
    for (name, before, after) in [("gateway", before[0], after[0]), ("simulator", before[1], after[1])] {
        if after > before {
            tally.violation(format!("the {name} has {after} descriptors and began with {before}"));
        }
    }
    logged(stage, &mut tally)?;
    let descriptors = [(before[0], after[0]), (before[1], after[1])];
    Ok(Report { seed: options.seed, took, tally, changes, samples, descriptors })
}

/// A deployment that lets few in at once lets that many in when all others have left.
async fn still_open(stage: &Stage, tally: &mut Tally) -> Result<()> {
    // Streams that were left are let go of when the gateway notices.
    sleep(UNUSED_MAX).await;
    for dialect in case::Dialect::ALL {
        let probe = words::Words { text: "still".to_owned(), tokens: 1 };
        let outgoing = Outgoing::probe(&format!("narrow-{}", dialect.word()), stage::CALLER_KEY, &probe);
        let mut together = JoinSet::new();
        for _ in 0..stage::NARROW {
            let (outgoing, mut client) = (outgoing.clone(), Client::new(stage.address));
            together.spawn(async move { client.exchange(&outgoing, true).await });
        }
        while let Some(heard) = together.join_next().await {
            let heard = heard??;
            if heard.end != End::Whole || heard.status != 200 {
                let (name, status) = (dialect.word(), heard.status);
                tally.violation(format!("a request to narrow-{name} is still counted as open (status {status})"));
            }
        }
    }
    Ok(())
}

/// The descriptors of both processes once they are those of the beginning, or when that has taken too long.
async fn settled(stage: &Stage, before: [usize; 2]) -> [usize; 2] {
    let start = Instant::now();
    loop {
        let now =
            [&stage.gateway, &stage.simulator].map(|process| Sample::take(process.id(), Duration::ZERO, 0).descriptors);
        let is_settled = now.iter().zip(&before).all(|(now, before)| now <= before);
        if is_settled || start.elapsed() > SETTLED_WITHIN {
            return now;
        }
        sleep(Duration::from_millis(100)).await;
    }
}

/// Looks for what must not stand in the gateway's log.
fn logged(stage: &Stage, tally: &mut Tally) -> Result<()> {
    let path = stage.gateway.log();
    let file = std::fs::File::open(path).with_context(|| format!("failed to read {}", path.display()))?;
    for line in BufReader::new(file).lines() {
        let line = line.context("failed to read the gateway's log")?;
        if line.contains(words::MARK) || stage::secrets().iter().any(|secret| line.contains(secret)) {
            tally.violation("the log holds a key or a word of a prompt".to_owned());
        }
        let is_of_configuration = line.contains("switchtower.toml:") || line.contains("configuration");
        if line.contains("panicked") || (line.contains(" ERROR ") && !is_of_configuration) {
            tally.violation(format!("the log says: {line}"));
        }
    }
    Ok(())
}
