//! A changed configuration is put in force without dropping a request; one with mistakes is not.
//!
//! Files are looked at now and then, from outside: the configuration, what it includes, secrets, certificates. What was
//! read last stays in force until something else could be read whole.

use crate::config::{self, Around, Ready, Retention, Secrets, Seen, Stamp};
use crate::environment::Environment;
use crate::findings;
use crate::in_force::Content;
use crate::ledger::Asking;
use crate::observing::{Exporting, ObservingSettings, Reloads};
use crate::server::{Address, ListenerSettings, Server, Serving};
use crate::upstream::{Trust, Ways};
use anyhow::{Context as _, Result, bail};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use switchtower_gateway::Access;
use switchtower_ledger::Keeping;
use switchtower_projection::Projecting;

/// How often files are looked at.
pub const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// A configuration that was read, and how to read it again.
#[derive(Debug)]
pub struct Source {
    file: PathBuf,
    environment: Environment,
    listen: Option<SocketAddr>,
    seen: Seen,
    /// How the files looked at the last look, if that was different.
    unsettled: Option<Vec<(PathBuf, Option<Stamp>)>>,
    command_interval: Option<Duration>,
    read_at: Instant,
}

impl Source {
    /// Reads a configuration.
    ///
    /// # Errors
    /// [`Problems`](config::Problems) lists every mistake.
    pub fn read(file: &Path, environment: Environment, listen: Option<SocketAddr>) -> Result<(Ready, Self)> {
        let mut source = Self {
            file: file.to_owned(),
            environment,
            listen,
            seen: Seen::default(),
            unsettled: None,
            command_interval: None,
            read_at: Instant::now(),
        };
        let ready = source.read_again()??;
        Ok((ready, source))
    }

    fn read_again(&mut self) -> Result<Result<Ready, config::Problems>> {
        let built_in = findings::sim_providers()?;
        let around = Around {
            outside: &self.environment,
            folder: Path::new(""),
            built_in: &built_in,
            listen: self.listen,
            secrets: Secrets::Read,
        };
        let (outcome, seen) = config::read(&self.file, &around);
        self.seen = seen;
        self.unsettled = None;
        self.read_at = Instant::now();
        if let Ok(ready) = &outcome {
            self.command_interval = ready.command_interval;
        }
        Ok(outcome)
    }

    /// The files that look otherwise than they did, for people.
    fn changed(&self) -> String {
        const LISTED_MAX: usize = 8;
        let now = self.seen.look();
        let changed = self.seen.paths.iter().zip(&now).filter(|(before, now)| before != now);
        let paths: Vec<String> = changed.map(|((path, _), _)| path.display().to_string()).take(LISTED_MAX).collect();
        paths.join(", ")
    }

    /// Whether there is reason to read it again: files that changed and were left alone since the last look, so that
    /// half of a file is not read, or commands whose time has come.
    pub fn is_due(&mut self) -> bool {
        let commands = self.command_interval.filter(|_| self.seen.has_commands);
        if commands.is_some_and(|interval| self.read_at.elapsed() >= interval) {
            return true;
        }
        let now = self.seen.look();
        if now == self.seen.paths {
            self.unsettled = None;
            return false;
        }
        let is_settled = self.unsettled.as_ref() == Some(&now);
        self.unsettled = Some(now);
        is_settled
    }
}

/// What was started, and may be changed.
#[derive(Debug)]
pub struct Running {
    /// The server.
    pub server: Arc<Server>,
    /// What it serves by now.
    pub serving: Serving,
    /// The roots of trust.
    pub trust: Trust,
    /// The threads that were asked for.
    pub threads: Option<usize>,
    /// The listeners as they were asked for.
    pub listeners: Vec<ListenerSettings>,
    /// How content is kept.
    pub retention: Retention,
    /// What ends with the ledger.
    pub keeping: Option<Keeping>,
    /// What ends with kept content.
    pub content: Option<switchtower_vault::Keeping>,
    /// What ends with its tables.
    pub projecting: Option<Projecting>,
    /// What asks witnesses.
    pub asking: Option<Asking>,
    /// What came of changed configurations.
    pub(crate) reloads: Arc<Reloads>,
    /// Where operators reach what is theirs, with the port that was found.
    pub admin: Option<SocketAddr>,
    /// The same as it was asked for, and what is told to whom.
    pub(crate) asked: (Option<SocketAddr>, ObservingSettings),
    /// The thread that exports.
    pub(crate) exporting: Option<Exporting>,
}

impl Running {
    /// Reads the configuration again and puts it in force; says in the log what came of it, also that nothing did where
    /// somebody asked for it.
    pub fn renew(&mut self, source: &mut Source, asked: bool) {
        let digest = source.seen.digest;
        let changed = source.changed();
        match source.read_again() {
            Ok(Ok(_)) if source.seen.digest == digest => {
                if asked {
                    tracing::info!("the configuration is as it was");
                }
            }
            Ok(Ok(ready)) => match self.take(ready) {
                Ok(()) => {
                    self.reloads.note(true);
                    tracing::info!(changed, "the changed configuration is in force");
                }
                Err(error) => {
                    self.reloads.note(false);
                    tracing::error!(
                        "the changed configuration is not put in force, the last good one stays: {error:#}"
                    );
                }
            },
            Ok(Err(problems)) => {
                for problem in &problems.list {
                    tracing::error!("{problem}");
                }
                self.reloads.note(false);
                let mistakes = problems.list.len();
                tracing::error!(mistakes, "the changed configuration is not valid; the last good one stays in force");
            }
            Err(error) => {
                self.reloads.note(false);
                tracing::error!("the configuration cannot be read; the last good one stays: {error:#}");
            }
        }
    }

    fn take(&mut self, mut ready: Ready) -> Result<()> {
        self.check_access(&ready.settings.access)?;
        self.tell_what_stays(&ready);
        let before = self.serving.gateway.directory();
        for deployment in &mut ready.deployments {
            if let Some(same) = before.find(deployment.name.as_str()) {
                deployment.continue_from(&same);
            }
        }
        let directory = ready.directory()?;
        let content = Content::of(&ready.explanation, &ready.catalogue, &ready.prices);
        ready.settings.digests = content.digests();
        content.keep(self.serving.gateway.ledger())?;
        let mut settings = ready.server;
        // Those that are bound stay; of their certificates the new ones hold.
        settings.listeners = self.listeners.iter().map(|bound| renewed(bound, &settings.listeners)).collect();
        let serving = Serving {
            settings,
            gateway: self.serving.gateway.next(ready.settings, directory)?,
            sim: self.serving.sim.clone(),
            ways: Ways::new(&self.trust, &ready.upstream, ready.ways)?,
        };
        self.server.renew(serving.clone()).context("failed to prepare TLS")?;
        self.serving = serving;
        Ok(())
    }

    /// Without keys nobody else may reach any of the listeners that are really there.
    fn check_access(&self, access: &Access) -> Result<()> {
        if !access.is_keyless() {
            return Ok(());
        }
        for (address, listener) in self.server.addresses().iter().zip(&self.listeners) {
            if let Address::Tcp(address) = address {
                Access::keyless(*address)?;
            }
            if listener.proxy_protocol {
                bail!("without keys the gateway serves this machine only, and '{}' lets others in", listener.name);
            }
        }
        Ok(())
    }

    fn tell_what_stays(&self, ready: &Ready) {
        let stays = |setting: &str| {
            tracing::warn!(setting, "this setting is changed; it takes effect with the next start of the process");
        };
        if ready.threads != self.threads {
            stays("listen.threads");
        }
        let (admin, observing) = &self.asked;
        if ready.admin.as_ref().map(|admin| admin.address) != *admin {
            stays("admin.address");
        }
        // The share of traces alone can change.
        if (ObservingSettings { sample: observing.sample, ..ready.telemetry.clone() }) != *observing {
            stays("telemetry");
        }
        if ready.retention != self.retention {
            stays("retention");
        }
        let new = &ready.server.listeners;
        for bound in &self.listeners {
            match new.iter().find(|listener| listener.name == bound.name) {
                None => stays(&bound.name),
                Some(listener) => {
                    listener.unlike(bound).iter().for_each(|setting| stays(&format!("{}.{setting}", bound.name)));
                }
            }
        }
        for listener in new.iter().filter(|new| !self.listeners.iter().any(|bound| bound.name == new.name)) {
            stays(&listener.name);
        }
    }
}

/// A listener with its certificates as they are now.
fn renewed(bound: &ListenerSettings, new: &[ListenerSettings]) -> ListenerSettings {
    let same = new.iter().find(|listener| listener.name == bound.name && listener.unlike(bound).is_empty());
    same.unwrap_or(bound).clone()
}
