//! `switchtower dataflow`: every place that a prompt, an answer, or what is known about them can reach.
//!
//! It is made of what the gateway is started with, taken apart field by field: who adds a way out, and does not say here
//! where it leads, does not compile.

mod providers;
mod told;

use crate::admin::AdminSettings;
use crate::config::Retention;
use crate::observing::ObservingSettings;
use crate::serve::Plan;
use crate::server::{ListenerSettings, ServerSettings};
use anyhow::Result;
use clap::Args;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;
use switchtower_gateway::{Keeps, Rule, Rules, Settings};
use switchtower_ledger::LedgerSettings;
use switchtower_projection::Target;
use switchtower_telemetry::otlp::OtlpSettings;

/// What `dataflow` is told.
#[derive(Debug, Args)]
pub struct Options {
    /// The configuration; without one, providers come from the environment
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The folder with the ledger, in place of what the configuration says
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Print it as JSON
    #[arg(long)]
    json: bool,
}

/// What can be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Who asks, and gets the answer.
    Caller,
    /// A provider of models.
    Provider,
    /// What stands between the gateway and a provider.
    Proxy,
    /// A cloud that says who the gateway is.
    Cloud,
    /// The ledger.
    Ledger,
    /// Who keeps checkpoints of the ledger.
    Witness,
    /// The ledger in tables.
    Tables,
    /// Kept content.
    Content,
    /// Who is told of requests as traces or metrics.
    Telemetry,
    /// Operators who look.
    Operator,
    /// The log.
    Log,
}

impl Kind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Caller => "caller",
            Self::Provider => "provider",
            Self::Proxy => "proxy",
            Self::Cloud => "cloud",
            Self::Ledger => "ledger",
            Self::Witness => "witness",
            Self::Tables => "tables",
            Self::Content => "kept content",
            Self::Telemetry => "telemetry",
            Self::Operator => "operator",
            Self::Log => "log",
        }
    }
}

/// What gets there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reach {
    /// Prompts and answers in the clear.
    Content,
    /// Prompts and answers, encrypted from end to end through what stands there.
    Tunnelled,
    /// Prompts and answers, sealed: who has no master key reads nothing.
    Sealed,
    /// What is known of each request: who, what, when, how much, and digests under a key.
    Records,
    /// Sums and times.
    Figures,
    /// Sizes and roots of the ledger.
    Checkpoints,
    /// Proof of who the gateway is.
    Credentials,
}

impl Reach {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Content => "content",
            Self::Tunnelled => "content, encrypted on its way through",
            Self::Sealed => "content, sealed",
            Self::Records => "records",
            Self::Figures => "figures",
            Self::Checkpoints => "checkpoints",
            Self::Credentials => "credentials",
        }
    }
}

/// A place that something can reach.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// What it is.
    pub kind: Kind,
    /// What the configuration calls it.
    pub name: String,
    /// Where it is.
    pub at: String,
    /// The region that it is said to be in.
    pub region: Option<String>,
    /// What gets there.
    pub gets: Vec<Reach>,
    /// Under which terms.
    pub terms: Vec<String>,
}

impl Place {
    fn new(kind: Kind, name: impl Into<String>, at: impl Into<String>, gets: &[Reach]) -> Self {
        Self { kind, name: name.into(), at: at.into(), region: None, gets: gets.to_vec(), terms: Vec::new() }
    }

    fn on(mut self, terms: impl IntoIterator<Item = String>) -> Self {
        self.terms.extend(terms);
        self
    }
}

/// Tells every place that can be reached by what would be served.
///
/// # Errors
/// Where nothing can be written.
pub fn run(options: &Options, plan: &Plan, data: &Path, out: &mut dyn Write) -> Result<()> {
    told::tell(&places(plan, data), options.json, out)
}

/// Every place that can be reached.
pub fn places(plan: &Plan, data: &Path) -> Vec<Place> {
    // What is named without being used leads nowhere, for the reason that stands beside it.
    let Plan {
        server,
        threads: _,  // a number
        upstream: _, // times and numbers
        ways,
        gateway,
        directory,
        ledger,
        projection,
        retention,
        data: _, // what `data` was made of
        admin,
        observing,
        content: _,          // what is in force: it goes into the ledger, with references in place of secrets
        sim: _,              // in this process, and remembers nothing
        from_environment: _, // for the greeting
    } = plan;
    let mut places = callers(server);
    places.extend(providers::places(directory, ways));
    places.extend(of_ledger(ledger, data));
    places.extend(tables(projection, data));
    places.extend(content(gateway, retention, data));
    places.extend(telemetry(observing));
    places.extend(operators(admin.as_ref()));
    places.push(Place::new(Kind::Log, "standard error", "this process", &[Reach::Figures]).on([
        "codes, ids, and names of the configuration; never content, and credentials only masked".to_owned(),
        "a crash leaves no core".to_owned(),
    ]));
    places
}

fn callers(server: &ServerSettings) -> Vec<Place> {
    let ServerSettings { listeners, header_time_max: _, connections_max: _, grace: _ } = server;
    let listeners = listeners.iter().map(|listener| {
        let ListenerSettings { name, address, tls, proxy_protocol: _, socket_mode: _ } = listener;
        let spoken = if tls.is_some() { "over TLS" } else { "in plain" };
        Place::new(Kind::Caller, name.clone(), address.to_string(), &[Reach::Content])
            .on([format!("whoever asks gets the answer, {spoken}")])
    });
    listeners.collect()
}

fn of_ledger(settings: &LedgerSettings, data: &Path) -> Vec<Place> {
    let LedgerSettings {
        data: _,   // what `data` was made of, or nothing yet
        origin: _, // a name
        journal: _,
        checkpoint_interval: _,
        witnesses,
        asked,
        keep,
        watcher: _, // telemetry, which has its own place
    } = settings;
    let kept = keep.map_or_else(|| "kept for ever".to_owned(), |keep| format!("kept for {}", time(keep)));
    let ledger = Place::new(Kind::Ledger, "ledger", data.join("ledger").display().to_string(), &[Reach::Records]);
    let folders = witnesses.iter().map(|folder| {
        Place::new(Kind::Witness, "ledger.witnesses", folder.display().to_string(), &[Reach::Checkpoints])
    });
    let asked = asked
        .iter()
        .map(|witness| Place::new(Kind::Witness, "ledger.witnesses", witness.url.clone(), &[Reach::Checkpoints]));
    let terms = [kept, "callers are pseudonyms under a key of the tenant, content is digests under a key".to_owned()];
    std::iter::once(ledger.on(terms)).chain(folders).chain(asked).collect()
}

fn tables(projection: &Target, data: &Path) -> Option<Place> {
    let place = |at: String| Place::new(Kind::Tables, "projection", at, &[Reach::Records]);
    match projection {
        Target::Nowhere => None,
        Target::Sqlite => Some(place(data.join(crate::ledger::TABLES_FILE).display().to_string())),
        Target::Postgresql(postgres) => Some(place(format!("postgresql://{}", postgres.host()))),
    }
}

fn content(gateway: &Settings, retention: &Retention, data: &Path) -> Option<Place> {
    let Settings {
        access: _,     // keys of callers, in memory
        limits: _,     // numbers
        strict: _,     // a word
        keep_alive: _, // a time
        seal: _,       // a key, in memory
        prices: _,     // facts
        retention: rules,
        digests: _,   // of what is in force
        sample: _,    // a share
        timelines: _, // times and lengths, in the ledger
    } = gateway;
    let Retention { master, former: _, item_bytes_max, queue_bytes_max: _ } = retention;
    if !rules.keep_anything() && !switchtower_vault::is_there(data) {
        return None;
    }
    let master = master.as_ref().map_or_else(
        || "no master key is named, so that what is there can only be destroyed".to_owned(),
        |master| format!("AES-256-GCM under keys of the tenant, wrapped by the master key {}", master.id()),
    );
    let terms = [master, format!("of each body at most {item_bytes_max} bytes")];
    let at = data.join("content").display().to_string();
    Some(Place::new(Kind::Content, "retention", at, &[Reach::Sealed]).on(terms).on(of_rules(rules)))
}

fn of_rules(rules: &Rules) -> impl Iterator<Item = String> {
    rules.iter().map(|rule| {
        // What it fits is told by `fits`.
        let Rule {
            name,
            keys: _,
            teams: _,
            use_cases: _,
            deployments: _,
            providers: _,
            operations: _,
            keeps,
            parts,
            keep,
            required,
        } = rule;
        let kept = match keeps {
            Keeps::Nothing => return format!("rule '{name}': nothing is kept{}", fits(rule)),
            Keeps::Sample(share) => format!("{} % of requests", f64::from(share.millionths()) / 10_000.0),
            Keeps::All => "all requests".to_owned(),
        };
        let parts: Vec<&str> = parts.iter().map(|part| part.as_str()).collect();
        let required = if *required { ", and refused where that cannot be" } else { "" };
        format!("rule '{name}': {} of {kept}{}, for {}{required}", parts.join(" and "), fits(rule), time(*keep))
    })
}

fn fits(rule: &Rule) -> String {
    let operations = rule.operations.as_ref();
    let operations = operations.map(|list| list.iter().map(|operation| operation.as_str().to_owned()).collect());
    let named = [
        ("key", rule.keys.clone()),
        ("deployment", rule.deployments.clone()),
        ("provider", rule.providers.clone()),
        ("operation", operations),
    ];
    let named = named.into_iter().filter_map(|(what, list)| Some(format!(" with {what} {}", list?.join(" or "))));
    named.collect()
}

fn telemetry(observing: &ObservingSettings) -> Vec<Place> {
    let ObservingSettings { otlp, sample: _, queue_max: _, figures: _ } = observing;
    let Some(otlp) = otlp else { return Vec::new() };
    let OtlpSettings {
        traces,
        metrics,
        headers: _, // a credential of the receiver's own
        gzip: _,
        interval: _,
        timeout: _,
        profile: _,
        service: _,
        instance: _,
    } = otlp;
    let place = |what: &str, at: &http::Uri, gets: Reach| {
        Place::new(Kind::Telemetry, what, at.to_string(), &[gets]).on(["nothing of a prompt or an answer".to_owned()])
    };
    let traces = traces.as_ref().map(|at| place("traces", at, Reach::Records));
    let metrics = metrics.as_ref().map(|at| place("metrics", at, Reach::Figures));
    traces.into_iter().chain(metrics).collect()
}

fn operators(admin: Option<&AdminSettings>) -> Option<Place> {
    let AdminSettings { address, access } = admin?;
    let who = if access.is_keyless() { "whoever is on this machine" } else { "who has a key of operators" };
    Some(Place::new(Kind::Operator, "admin", address.to_string(), &[Reach::Figures]).on([who.to_owned()]))
}

fn time(time: Duration) -> String {
    match time.as_secs() {
        seconds if seconds % 86_400 == 0 => format!("{} days", seconds / 86_400),
        seconds => format!("{seconds} s"),
    }
}

#[cfg(test)]
mod tests;
