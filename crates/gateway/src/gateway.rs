//! The gateway as others see it: requests in, answers out.

use crate::pipeline;
use crate::reply::GatewayBody;
use crate::settings::SettingsError;
use crate::shared::Shared;
use crate::{Directory, Settings};
use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use std::sync::Arc;
use switchtower_domain::Transport;
use switchtower_ledger::Ledger;
use switchtower_ledger::journal::AppendError;
use switchtower_vault::Keeper;

/// Answers requests of every dialect from the deployments of its directory. Clones share everything.
#[derive(Debug, Clone)]
pub struct Gateway {
    shared: Arc<Shared>,
    transport: Arc<dyn Transport>,
    /// The ledger, as who answers here writes to it.
    ledger: Ledger,
}

impl Gateway {
    /// A gateway that reaches providers through a transport, and records in a ledger what becomes of each request.
    ///
    /// # Errors
    /// [`SettingsError`] for bounds that cannot be kept.
    pub fn new(
        settings: Settings,
        directory: Directory,
        transport: Arc<dyn Transport>,
        ledger: Ledger,
    ) -> Result<Self, SettingsError> {
        Self::keeping(settings, directory, transport, ledger, None)
    }

    /// The same, with who keeps content where a rule of retention says so. Where there is nobody, what such a rule wants
    /// kept is on record as not kept, and refused where it has to be.
    ///
    /// # Errors
    /// [`SettingsError`] likewise.
    pub fn keeping(
        settings: Settings,
        directory: Directory,
        transport: Arc<dyn Transport>,
        ledger: Ledger,
        keeper: Option<Keeper>,
    ) -> Result<Self, SettingsError> {
        settings.check()?;
        let shared = Shared::new(settings, directory, ledger.clone());
        let shared = match keeper {
            Some(keeper) => shared.keeping(keeper),
            None => shared,
        };
        Ok(Self { shared: Arc::new(shared), transport, ledger })
    }

    /// The same gateway over another transport and at another desk of its ledger, so that each thread can have connections
    /// of its own, and records together what its requests record.
    #[must_use]
    pub fn over(&self, transport: Arc<dyn Transport>, ledger: Ledger) -> Self {
        Self { shared: Arc::clone(&self.shared), transport, ledger }
    }

    /// A gateway with other settings and another directory. Requests that are open stay with the old one and count in
    /// the limits of the new one.
    ///
    /// # Errors
    /// [`SettingsError`] for bounds that cannot be kept.
    pub fn next(&self, settings: Settings, directory: Directory) -> Result<Self, SettingsError> {
        settings.check()?;
        let shared = Arc::new(self.shared.next(settings, directory));
        Ok(Self { shared, transport: Arc::clone(&self.transport), ledger: self.ledger.clone() })
    }

    /// The settings in force.
    pub fn settings(&self) -> &Settings {
        &self.shared.settings
    }

    /// The directory in force.
    pub fn directory(&self) -> &Directory {
        &self.shared.directory
    }

    /// The ledger.
    pub fn ledger(&self) -> &Ledger {
        &self.shared.ledger
    }

    /// Records how many requests were turned away since the last time before it was known whose they were. Somebody has to
    /// ask for it now and then.
    ///
    /// # Errors
    /// [`AppendError`] where it could not be written.
    pub async fn tell_turned_away(&self) -> Result<(), AppendError> {
        match self.shared.turned_away.take() {
            Some(turned_away) => self.shared.ledger.append(turned_away.into()).await.map(drop),
            None => Ok(()),
        }
    }

    /// How many requests are open.
    pub fn open_requests(&self) -> usize {
        self.shared.open_requests()
    }

    /// Answers one request; it never fails, since a refusal is an answer too.
    ///
    /// Dropping the future, or the body of the answer, ends the exchange with the provider at once.
    pub async fn handle<B>(&self, request: Request<B>) -> Response<GatewayBody>
    where
        B: Body<Data = Bytes> + Unpin,
    {
        pipeline::run(&self.shared, (&*self.transport, &self.ledger), request).await
    }
}
