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

/// Answers requests of every dialect from the deployments of its directory. Clones share everything.
#[derive(Debug, Clone)]
pub struct Gateway {
    shared: Arc<Shared>,
    transport: Arc<dyn Transport>,
}

impl Gateway {
    /// A gateway that reaches providers through a transport.
    ///
    /// # Errors
    /// [`SettingsError`] for bounds that cannot be kept.
    pub fn new(settings: Settings, directory: Directory, transport: Arc<dyn Transport>) -> Result<Self, SettingsError> {
        settings.check()?;
        Ok(Self { shared: Arc::new(Shared::new(settings, directory)), transport })
    }

    /// The same gateway over another transport, so that each thread can have connections of its own.
    #[must_use]
    pub fn over(&self, transport: Arc<dyn Transport>) -> Self {
        Self { shared: Arc::clone(&self.shared), transport }
    }

    /// A gateway with other settings and another directory. Requests that are open stay with the old one and count in
    /// the limits of the new one.
    ///
    /// # Errors
    /// [`SettingsError`] for bounds that cannot be kept.
    pub fn next(&self, settings: Settings, directory: Directory) -> Result<Self, SettingsError> {
        settings.check()?;
        let shared = Arc::new(self.shared.next(settings, directory));
        Ok(Self { shared, transport: Arc::clone(&self.transport) })
    }

    /// The settings in force.
    pub fn settings(&self) -> &Settings {
        &self.shared.settings
    }

    /// The directory in force.
    pub fn directory(&self) -> &Directory {
        &self.shared.directory
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
        pipeline::run(&self.shared, &*self.transport, request).await
    }
}
