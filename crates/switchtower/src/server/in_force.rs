//! What is in force: settings, gateway and certificates, as one value that is swapped whole.

use super::ServerSettings;
use crate::sim_transport::WithSim;
use crate::upstream::{Upstream, Ways};
use anyhow::Result;
use rustls::ServerConfig;
use std::fmt;
use std::sync::Arc;
use switchtower_gateway::Gateway;
use switchtower_ledger::Ledger;
use switchtower_sim::Sim;

/// What all threads are given, at the start and with each change of the configuration.
#[derive(Debug, Clone)]
pub struct Serving {
    /// How to listen. What a running server cannot change is left as it is.
    pub settings: ServerSettings,
    /// The gateway; its own transport is replaced by one for each thread.
    pub gateway: Gateway,
    /// The built-in simulator.
    pub sim: Sim,
    /// The ways to providers.
    pub ways: Ways,
}

impl fmt::Debug for Prepared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prepared").field("serving", &self.serving).finish_non_exhaustive()
    }
}

/// The same with its certificates ready for connections.
#[derive(Clone)]
pub(super) struct Prepared {
    pub(super) serving: Serving,
    tls: Vec<Option<Arc<ServerConfig>>>,
}

impl Prepared {
    /// Prepares certificates. Those that stay keep the sessions that clients may resume.
    pub(super) fn new(serving: Serving, before: Option<&Self>) -> Result<Self> {
        let mut tls = Vec::new();
        for (number, listener) in serving.settings.listeners.iter().enumerate() {
            let same = before.filter(|before| {
                before.serving.settings.listeners.get(number).is_some_and(|known| known.tls == listener.tls)
            });
            tls.push(match (same, &listener.tls) {
                (_, None) => None,
                (Some(before), _) => before.tls.get(number).cloned().flatten(),
                (None, Some(settings)) => Some(settings.prepare()?),
            });
        }
        Ok(Self { serving, tls })
    }
}

/// What one thread serves by.
pub(super) struct InForce {
    pub(super) settings: ServerSettings,
    pub(super) gateway: Gateway,
    pub(super) tls: Vec<Option<Arc<ServerConfig>>>,
    upstream: Upstream,
}

impl InForce {
    /// For one thread, at its desk of the ledger; connections to providers are taken over where their way stays.
    pub(super) fn new(prepared: &Prepared, ledger: &Ledger, before: Option<&Self>) -> Self {
        let Prepared { serving, tls } = prepared;
        let upstream =
            before.map_or_else(|| Upstream::new(&serving.ways), |before| before.upstream.next(&serving.ways));
        let transport = WithSim::new(serving.sim.clone(), upstream.clone());
        Self {
            settings: serving.settings.clone(),
            gateway: serving.gateway.over(Arc::new(transport), ledger.clone()),
            tls: tls.clone(),
            upstream,
        }
    }
}
