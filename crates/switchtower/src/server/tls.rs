//! TLS towards clients.

use crate::upstream::{Identity, Roots};
use anyhow::{Context as _, Result};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::server::WebPkiClientVerifier;
use rustls::sign::SingleCertAndKey;
use std::sync::Arc;

/// How a listener speaks TLS.
#[derive(Debug, Clone, PartialEq)]
pub struct TlsSettings {
    /// What clients are shown.
    pub identity: Identity,
    /// What clients show, if they are asked.
    pub clients: Option<ClientCertificates>,
}

/// Certificates of clients.
#[derive(Debug, Clone, PartialEq)]
pub struct ClientCertificates {
    /// Whose certificates are taken.
    pub roots: Roots,
    /// Whether a client without one is turned away.
    pub required: bool,
}

/// The protocols that are offered, the better one first.
const PROTOCOLS: [&[u8]; 2] = [HTTP2, b"http/1.1"];
pub(super) const HTTP2: &[u8] = b"h2";

impl TlsSettings {
    /// The same, ready for connections.
    ///
    /// # Errors
    /// For certificates that cannot be used, which a configuration that was checked does not have.
    pub(super) fn prepare(&self) -> Result<Arc<ServerConfig>> {
        let crypto = Arc::new(default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&crypto))
            .with_safe_default_protocol_versions()
            .context("failed to set up TLS")?;
        let builder = match &self.clients {
            None => builder.with_no_client_auth(),
            Some(clients) => {
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(clients.roots.store()?), crypto);
                let verifier = if clients.required { verifier } else { verifier.allow_unauthenticated() };
                builder.with_client_cert_verifier(verifier.build().context("failed to set up TLS")?)
            }
        };
        let mut config = builder.with_cert_resolver(Arc::new(SingleCertAndKey::from(self.identity.certified()?)));
        config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).to_vec();
        Ok(Arc::new(config))
    }
}
