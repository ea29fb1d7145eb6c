//! What the gateway tells of itself and of requests: figures, checks of readiness, and what is exported.
//!
//! What records say comes from `telemetry`, which watches the ledger; what no record says is looked up here, at the moment
//! of a look.

use crate::server::Server;
use crate::sim_transport::WithSim;
use crate::upstream::{Upstream, Ways};
use anyhow::{Context as _, Result};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::SystemTime;
use switchtower_gateway::{Gateway, SampleRate};
use switchtower_projection::Standing;
use switchtower_sim::Sim;
use switchtower_telemetry::otlp::{Exporter, OtlpSettings};
use switchtower_telemetry::{Check, Family, House, Projected, SpanQueue, Telemetry, TelemetrySettings, Waiting};
use tokio_util::sync::CancellationToken;

/// What is told of requests, and to whom.
#[derive(Debug, Clone, PartialEq)]
pub struct ObservingSettings {
    /// To whom spans and metrics are exported, if to anybody.
    pub otlp: Option<OtlpSettings>,
    /// The share of traces that are kept where callers do not say.
    pub sample: SampleRate,
    /// How many requests may wait until their spans are exported.
    pub queue_max: usize,
    /// How figures are kept.
    pub figures: TelemetrySettings,
}

impl Default for ObservingSettings {
    fn default() -> Self {
        let figures = TelemetrySettings::default();
        Self { otlp: None, sample: SampleRate::ALL, queue_max: 10_000, figures }
    }
}

impl ObservingSettings {
    /// The share of traces that are begun here; nothing where nobody would get them.
    pub fn sample(&self) -> Option<SampleRate> {
        self.otlp.as_ref().and_then(|otlp| otlp.traces.as_ref()).map(|_| self.sample)
    }

    /// Who watches the ledger, with those who wait for the exporter.
    pub(crate) fn watcher(&self) -> (Arc<Telemetry>, Option<Waiting>) {
        let traces = self.otlp.as_ref().is_some_and(|otlp| otlp.traces.is_some());
        let (queue, waiting) = traces.then(|| SpanQueue::new(self.queue_max)).unzip();
        // Metrics alone need nobody to wait.
        let waiting = waiting.or_else(|| self.otlp.as_ref().map(|_| SpanQueue::new(1).1));
        (Arc::new(Telemetry::new(self.figures, queue)), waiting)
    }
}

/// Configurations that were put in force, and those that could not be.
#[derive(Debug)]
pub(crate) struct Reloads {
    taken: AtomicU64,
    failed: AtomicU64,
    last_ok: AtomicBool,
}

impl Default for Reloads {
    fn default() -> Self {
        // What a process starts with is in force.
        Self { taken: AtomicU64::new(0), failed: AtomicU64::new(0), last_ok: AtomicBool::new(true) }
    }
}

impl Reloads {
    pub(crate) fn note(&self, taken: bool) {
        let count = if taken { &self.taken } else { &self.failed };
        count.fetch_add(1, Ordering::Relaxed);
        self.last_ok.store(taken, Ordering::Relaxed);
    }
}

/// Everything that is known of a gateway that runs.
#[derive(Debug)]
pub struct Insight {
    pub(crate) telemetry: Arc<Telemetry>,
    pub(crate) gateway: Gateway,
    pub(crate) server: Arc<Server>,
    pub(crate) reloads: Arc<Reloads>,
    /// The folder of the ledger.
    pub(crate) data: PathBuf,
    pub(crate) started_us: u64,
    /// How far the tables of the ledger are, where there are any.
    pub(crate) projection: Option<Arc<switchtower_projection::Gauges>>,
}

/// Why a check does not hold.
const WHY: [(&str, &str); 3] = [
    ("serving", "the gateway is stopping; answers that are under way may end"),
    ("listeners", "not every thread that accepts connections is there"),
    ("ledger", "the last records could not be written; requests are refused until they can be"),
];

impl Insight {
    /// What being ready depends on. A changed configuration that is not valid leaves the last good one in force, so that
    /// there always is one.
    pub(crate) fn checks(&self) -> Vec<Check> {
        let failing = self.gateway.ledger().gauges().failing.load(Ordering::Relaxed);
        [
            ("serving", !self.server.is_stopping()),
            ("listeners", self.server.is_listening()),
            ("ledger", !failing),
            ("configuration", true),
        ]
        .map(|(name, holds)| Check { name, holds })
        .to_vec()
    }

    /// Why a check does not hold, for operators.
    pub(crate) fn why(check: Check) -> Option<&'static str> {
        WHY.iter().find(|(name, _)| *name == check.name && !check.holds).map(|(_, why)| *why)
    }

    /// Every figure.
    pub(crate) fn families(&self) -> Vec<Family> {
        self.telemetry.families(&self.house())
    }

    fn house(&self) -> House {
        let ledger = self.gateway.ledger();
        let gauges = ledger.gauges();
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        House {
            version: env!("CARGO_PKG_VERSION"),
            started_us: self.started_us,
            open_requests: self.gateway.open_requests() as u64,
            records: of(&gauges.records),
            synced: of(&gauges.synced),
            waiting: ledger.waiting() as u64,
            commits: of(&gauges.commits),
            commit_us: of(&gauges.commit_us),
            commit_us_max: of(&gauges.commit_us_max),
            written_bytes: of(&gauges.bytes),
            refused_records: of(&gauges.refused),
            ledger_failing: gauges.failing.load(Ordering::Relaxed),
            witness_conflicts: of(&gauges.witnesses_in_conflict),
            others_contradicted: of(&gauges.others_contradicted),
            disk_free_bytes: disk_free(&self.data),
            projection: self
                .projection
                .as_ref()
                .map(|gauges| projected(&gauges.standing(), of(&ledger.gauges().records))),
            reloads: of(&self.reloads.taken),
            reloads_failed: of(&self.reloads.failed),
            reload_ok: self.reloads.last_ok.load(Ordering::Relaxed),
            checks: self.checks(),
        }
    }
}

fn projected(standing: &Standing, records: u64) -> Projected {
    let behind = records.saturating_sub(standing.next);
    let is_behind = behind > 0 && standing.behind_since_us > 0;
    Projected {
        behind,
        lag_us: if is_behind { now_us().saturating_sub(standing.behind_since_us) } else { 0 },
        failing: standing.trouble.is_some(),
        failures: standing.failures,
    }
}

/// The room on the disk of a folder that is there for whoever asks.
#[cfg(unix)]
fn disk_free(folder: &std::path::Path) -> Option<u64> {
    let disk = rustix::fs::statvfs(folder).ok()?;
    Some(disk.f_bavail.saturating_mul(disk.f_frsize))
}

#[cfg(not(unix))]
fn disk_free(_: &std::path::Path) -> Option<u64> {
    None
}

pub(crate) fn now_us() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}

/// The thread that exports.
#[derive(Debug)]
pub(crate) struct Exporting {
    stop: CancellationToken,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Exporting {
    /// Exports on a thread of its own, over the same ways as requests to providers go.
    ///
    /// # Errors
    /// Where the thread cannot be started.
    pub(crate) fn start(
        mut settings: OtlpSettings,
        waiting: Waiting,
        insight: Arc<Insight>,
        (sim, ways): (Sim, Ways),
    ) -> Result<Self> {
        settings.instance = uuid::Uuid::now_v7().to_string();
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let run = move || {
            runtime.block_on(async {
                let transport = Arc::new(WithSim::new(sim, Upstream::new(&ways)));
                let exporter = Exporter::new(settings, transport, Arc::clone(&insight.telemetry));
                exporter.run(waiting, || insight.house(), stopped.cancelled()).await;
            });
        };
        let thread = std::thread::Builder::new().name("telemetry".to_owned()).spawn(run);
        Ok(Self { stop, thread: Mutex::new(Some(thread.context("failed to start a thread")?)) })
    }

    /// Exports what is left, within a bound, and ends.
    pub(crate) fn stop(&self) {
        self.stop.cancel();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        // A thread that failed has nothing left to export.
        drop(thread.map(JoinHandle::join));
    }
}
