//! `switchtower serve`: from a plan to a server, with a greeting.

use crate::admin::{AdminSettings, Bound};
use crate::config::{Ready, Retention, observing_of_environment};
use crate::environment::Environment;
use crate::in_force::Content;
use crate::observing::{Exporting, Insight, ObservingSettings, Reloads, now_us};
use crate::reload::{LOOK_INTERVAL, Running, Source};
use crate::server::{ADDRESS, Address, ListenerSettings, Server, ServerSettings, Serving};
use crate::sim_transport::WithSim;
use crate::upstream::{Trust, Upstream, UpstreamSettings, WaySettings, Ways};
use crate::{findings, ledger, retention};
use anyhow::{Context as _, Result};
use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use switchtower_domain::Transport;
use switchtower_gateway::{Access, Digests, Directory, Gateway, Settings, reckon};
use switchtower_ledger::LedgerSettings;
use switchtower_ledger::home::journal_of;
use switchtower_ledger::upkeep::prune;
use switchtower_projection::{Projecting, Target};
use switchtower_providers::{Credential, Provider};
use switchtower_sim::Sim;

/// Everything that a gateway is started with.
#[derive(Debug)]
pub struct Plan {
    /// How it listens.
    pub server: ServerSettings,
    /// How many threads serve; one for each core if nobody says otherwise.
    pub threads: Option<usize>,
    /// How providers are connected to.
    pub upstream: UpstreamSettings,
    /// The ways that are not the usual one.
    pub ways: Vec<WaySettings>,
    /// Who may ask, and within which bounds.
    pub gateway: Settings,
    /// What can be asked for.
    pub directory: Directory,
    /// How the ledger is kept.
    pub ledger: LedgerSettings,
    /// Whether and where it is kept in tables as well.
    pub projection: Target,
    /// How content is kept, where a rule says that any is.
    pub retention: Retention,
    /// The folder that the configuration names for it.
    pub data: Option<PathBuf>,
    /// Where operators reach what is theirs, if anywhere.
    pub admin: Option<AdminSettings>,
    /// What is told of requests, and to whom.
    pub observing: ObservingSettings,
    /// What records refer to.
    pub content: Content,
    /// How the built-in simulator behaves.
    pub sim: switchtower_sim::Settings,
    /// Whether the greeting should say how to find more providers.
    pub from_environment: bool,
}

impl Plan {
    /// What is served without a configuration: the providers of the environment, and the simulator.
    ///
    /// # Errors
    /// For variables that cannot be used, and for an address that others could reach.
    pub fn without_configuration(environment: &Environment, listen: Option<SocketAddr>) -> Result<Self> {
        let address = listen.unwrap_or(ADDRESS);
        let mut providers = findings::providers(environment)?;
        providers.extend(findings::sim_providers()?);
        let directory = Directory::new(providers, Vec::new(), Vec::new())?;
        let observing = observing_of_environment(environment);
        let gateway = Settings { sample: observing.sample(), ..Settings::new(Access::keyless(address)?) };
        Ok(Self {
            server: ServerSettings::new(address),
            threads: None,
            upstream: UpstreamSettings::default(),
            ways: Vec::new(),
            gateway,
            admin: None,
            observing,
            ledger: LedgerSettings::new(""),
            projection: Target::Nowhere,
            retention: Retention::default(),
            data: None,
            content: Content::without_configuration(&directory),
            directory,
            sim: switchtower_sim::Settings::default(),
            from_environment: true,
        })
    }

    /// What a configuration says.
    ///
    /// # Errors
    /// For names that contradict each other, which a configuration that was checked does not have.
    pub fn of(ready: Ready) -> Result<Self> {
        Ok(Self {
            directory: ready.directory()?,
            admin: ready.admin,
            observing: ready.telemetry,
            ledger: ready.ledger,
            projection: ready.projection,
            retention: ready.retention,
            data: ready.data,
            content: Content::of(&ready.explanation, &ready.catalogue, &ready.prices),
            server: ready.server,
            threads: ready.threads,
            upstream: ready.upstream,
            ways: ready.ways,
            gateway: ready.settings,
            sim: switchtower_sim::Settings::default(),
            from_environment: false,
        })
    }

    /// What can be asked for and the way there, for who asks without serving.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub fn for_own_use(self) -> Result<(Directory, Arc<dyn Transport>)> {
        let sim = Sim::with_recordings(self.sim).context("failed to load the simulator's recordings")?;
        let ways = Ways::new(&Trust::of_system()?, &self.upstream, self.ways)?;
        Ok((self.directory, Arc::new(WithSim::new(sim, Upstream::new(&ways)))))
    }

    /// Starts what was planned, with its ledger in the folder that its settings name.
    ///
    /// # Errors
    /// For settings that cannot be kept, and where the address cannot be listened on.
    pub fn start(mut self) -> Result<Running> {
        let trust = Trust::of_system()?;
        let sim = Sim::with_recordings(self.sim).context("failed to load the simulator's recordings")?;
        let ways = Ways::new(&trust, &self.upstream, self.ways)?;
        let upstream = Upstream::new(&ways);
        let transport = Arc::new(WithSim::new(sim.clone(), upstream));
        let asked = (self.admin.as_ref().map(|admin| admin.address), self.observing.clone());
        let admin = self.admin.as_ref().map(Bound::bind).transpose()?;
        let (telemetry, waiting) = self.observing.watcher();
        self.ledger.watcher = Some(telemetry.clone());
        let reckon = |opened: &_, at_us| reckon(&self.directory, &self.gateway.prices, opened, at_us);
        let (ledger, keeping, found) = ledger::open(&self.ledger, &reckon)?;
        self.gateway.digests = self.content.digests();
        self.content.keep(&ledger)?;
        let Digests { configuration, catalogue, prices } = self.gateway.digests;
        ledger.started(env!("CARGO_PKG_VERSION"), (configuration, catalogue, prices))?;
        let projecting = ledger::start_projection(&self.projection, &self.ledger.data)?;
        let asking = ledger::ask_witnesses(&self.ledger.asked, &self.ledger.data, Upstream::new(&ways))?;
        let (keeper, content) = retention::start(&self.retention, &self.ledger.data, (&ledger, &found))?;
        let gateway = Gateway::keeping(self.gateway, self.directory, transport, ledger, keeper)?;
        let serving = Serving { settings: self.server, gateway, sim, ways };
        let listeners = serving.settings.listeners.clone();
        let cores = || std::thread::available_parallelism().map_or(1, usize::from);
        let server = Arc::new(Server::start(serving.clone(), self.threads.unwrap_or_else(cores))?);
        let reloads = Arc::<Reloads>::default();
        let insight = Arc::new(Insight {
            telemetry,
            gateway: serving.gateway.clone(),
            server: Arc::clone(&server),
            reloads: Arc::clone(&reloads),
            data: self.ledger.data,
            started_us: now_us(),
            projection: projecting.as_ref().map(Projecting::gauges),
        });
        let admin_address = admin.as_ref().map(Bound::address);
        if let Some(admin) = admin {
            admin.serve(Arc::clone(&insight))?;
        }
        let exporting = match (self.observing.otlp, waiting) {
            (Some(otlp), Some(waiting)) => {
                Some(Exporting::start(otlp, waiting, insight, (serving.sim.clone(), serving.ways.clone()))?)
            }
            _ => None,
        };
        Ok(Running {
            server,
            serving,
            trust,
            threads: self.threads,
            listeners,
            retention: self.retention,
            content: Some(content),
            keeping: Some(keeping),
            projecting,
            asking,
            reloads,
            admin: admin_address,
            asked,
            exporting,
        })
    }
}

/// Serves until the process is asked to stop, then lets answers end; asked again, it stops at once. A configuration is
/// read again when it changes and on SIGHUP.
///
/// # Errors
/// Where the plan cannot be started.
pub fn run(plan: Plan, source: Option<Source>, out: &mut dyn Write) -> Result<()> {
    let from_environment = plan.from_environment;
    let (data, keep) = (plan.ledger.data.clone(), plan.ledger.keep);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    // From before the greeting on, so that who reads it may send the signal.
    let _guard = runtime.enter();
    // Where there is nothing to read again, a hang-up ends the process as it usually does.
    let mut hang_ups = source.is_some().then(HangUps::new);
    let mut running = plan.start()?;
    for (address, listener) in running.server.addresses().iter().zip(&running.listeners) {
        match address {
            Address::Tcp(address) if listener.tls.is_some() => writeln!(out, "listening on https://{address}")?,
            Address::Tcp(address) => writeln!(out, "listening on http://{address}")?,
            Address::Unix(_) => writeln!(out, "listening on {address}")?,
        }
    }
    if let Some(address) = running.admin {
        writeln!(out, "listening on http://{address} for operators: /metrics, /healthz, /readyz")?;
    }
    let first = running.server.addresses().first().zip(running.listeners.first());
    let place = first.map(|(address, listener)| place(address, listener)).unwrap_or_default();
    greet(&place, &running.serving.gateway, from_environment, out)?;
    out.flush()?;
    let server = Arc::clone(&running.server);
    let (keeping, gateway) = (running.keeping.take(), running.serving.gateway.clone());
    let (projecting, asking) = (running.projecting.take(), running.asking.take());
    let exporting = running.exporting.take();
    let content = running.content.take();
    let looking = async move {
        let (Some(mut source), Some(hang_ups)) = (source, &mut hang_ups) else { return std::future::pending().await };
        loop {
            let hung_up = tokio::select! {
                () = hang_ups.next() => true,
                () = tokio::time::sleep(LOOK_INTERVAL) => false,
            };
            // Commands may take their time; signals are heard all the while.
            let looked = tokio::task::spawn_blocking(move || {
                if source.is_due() || hung_up {
                    running.renew(&mut source, hung_up);
                }
                (running, source)
            });
            match looked.await {
                Ok(kept) => (running, source) = kept,
                Err(error) => {
                    tracing::error!(%error, "the configuration is not looked at any more");
                    return std::future::pending().await;
                }
            }
        }
    };
    let at_once = runtime.block_on(async {
        tokio::select! {
            () = asked_to_stop() => {}
            () = looking => {}
            () = tell_turned_away(&gateway) => {}
            () = prune_old(&gateway, &data, keep) => {}
        }
        tracing::info!("stopping; answers that are under way may end");
        server.stop();
        let ended = tokio::task::spawn_blocking(move || server.wait());
        let at_once = tokio::select! {
            _ = ended => false,
            () = asked_to_stop() => {
                tracing::warn!("stopping at once");
                true
            }
        };
        if let Err(error) = gateway.tell_turned_away().await {
            tracing::error!(%error, "who was turned away last is not on record");
        }
        at_once
    });
    runtime.shutdown_background();
    // What waits to be kept is on record before the ledger ends.
    if let Some(content) = content {
        content.stop();
    }
    let stopped = keeping.map(|keeping| keeping.stop(gateway.ledger(), gateway.open_requests() as u64));
    // What was written last is told too.
    if let Some(exporting) = exporting.filter(|_| !at_once) {
        exporting.stop();
    }
    if let Some(projecting) = projecting {
        projecting.stop();
    }
    if let Some(asking) = asking {
        asking.stop();
    }
    stopped.transpose().map(Option::unwrap_or_default).map_err(Into::into)
}

/// How often those who were turned away are recorded.
const TURNED_AWAY_INTERVAL: Duration = Duration::from_secs(10);

/// Records now and then who was turned away; it never ends.
async fn tell_turned_away(gateway: &Gateway) {
    loop {
        tokio::time::sleep(TURNED_AWAY_INTERVAL).await;
        if let Err(error) = gateway.tell_turned_away().await {
            tracing::error!(%error, "who was turned away is not on record");
        }
    }
}

/// How often old records are looked for.
const PRUNE_INTERVAL: Duration = Duration::from_hours(1);
/// After how long it is tried again where they could not be removed.
const PRUNE_AGAIN_INTERVAL: Duration = Duration::from_mins(1);

/// Removes old records now and then; it never ends.
async fn prune_old(gateway: &Gateway, data: &Path, keep: Option<Duration>) {
    let Some(keep) = keep else { return std::future::pending().await };
    loop {
        let (ledger, disk) = (gateway.ledger().clone(), journal_of(data));
        let before = SystemTime::now().checked_sub(keep).and_then(|at| at.duration_since(SystemTime::UNIX_EPOCH).ok());
        let before_us = before.and_then(|before| u64::try_from(before.as_micros()).ok()).unwrap_or_default();
        let failed = |error: &dyn std::error::Error| {
            tracing::error!(%error, "old records are not removed; it is tried again in a minute");
            PRUNE_AGAIN_INTERVAL
        };
        let wait = match tokio::task::spawn_blocking(move || prune(&disk, &ledger, before_us)).await {
            Ok(Ok(pruned)) if pruned.segments > 0 => {
                tracing::info!(records = pruned.records, "old records were removed");
                PRUNE_INTERVAL
            }
            Ok(Ok(_)) => PRUNE_INTERVAL,
            Ok(Err(error)) => failed(&error),
            Err(error) => failed(&error),
        };
        tokio::time::sleep(wait).await;
    }
}

/// The signal that asks for the configuration to be read again.
struct HangUps {
    #[cfg(unix)]
    signals: Option<tokio::signal::unix::Signal>,
}

impl HangUps {
    fn new() -> Self {
        Self {
            #[cfg(unix)]
            signals: tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup()).ok(),
        }
    }

    async fn next(&mut self) {
        #[cfg(unix)]
        if let Some(signals) = &mut self.signals
            && signals.recv().await.is_some()
        {
            return;
        }
        std::future::pending().await
    }
}

/// Ready when the process is asked to stop.
pub async fn asked_to_stop() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    let _ = tokio::signal::ctrl_c().await;
}

/// A listener as the command line of an HTTP client names it.
fn place(address: &Address, listener: &ListenerSettings) -> String {
    let load_balanced = if listener.proxy_protocol { "--haproxy-protocol " } else { "" };
    let scheme = if listener.tls.is_some() { "https" } else { "http" };
    match address {
        Address::Tcp(address) => format!("{load_balanced}{scheme}://{address}"),
        Address::Unix(path) => format!("{load_balanced}--unix-socket {} {scheme}://localhost", path.display()),
    }
}

/// Says what was found and what to try.
fn greet(place: &str, gateway: &Gateway, from_environment: bool, out: &mut dyn Write) -> Result<()> {
    let directory = gateway.directory();
    writeln!(out, "providers:")?;
    for provider in directory.providers() {
        writeln!(out, "  {:<14} {}", provider.name.as_str(), described(provider))?;
    }
    if from_environment && directory.providers().all(|provider| provider.name.as_str().starts_with("sim")) {
        writeln!(out, "  set OPENAI_API_KEY, ANTHROPIC_API_KEY or another provider's key to add it")?;
    }
    let key = if gateway.settings().access.is_keyless() { "" } else { " \\\n  -H 'authorization: Bearer YOUR_KEY'" };
    writeln!(
        out,
        "try:\n  curl {place}/v1/chat/completions -H 'content-type: application/json'{key} \\\n  \
         -d '{{\"model\": \"sim/sim-1\", \"messages\": [{{\"role\": \"user\", \"content\": \"Hello\"}}]}}'"
    )?;
    Ok(())
}

fn described(provider: &Provider) -> String {
    let credential = match &provider.credential {
        Credential::None => "no key".to_owned(),
        Credential::Key { .. } => "key found".to_owned(),
        Credential::Aws(identity) => identity.kind().to_owned(),
        Credential::Identity(identity) => identity.kind().to_owned(),
        Credential::Caller(_) => "the caller's own key".to_owned(),
        Credential::Missing { reference } => format!("NO KEY at {reference}"),
    };
    if provider.main.endpoint.base().starts_with("sim:") {
        return format!("built in, {}", crate::config::dialects(provider));
    }
    format!("{}, {}, {credential}", provider.main.endpoint.base(), crate::config::dialects(provider))
}
