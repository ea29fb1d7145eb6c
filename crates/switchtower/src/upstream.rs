//! Connections to providers.
//!
//! Each thread has its own client and pools, so that nothing is locked between threads. Certificates are verified
//! against the roots of the system. Redirects are not followed, nothing is decompressed, and no proxy is used.
//!
//! Encrypted connections are made by `hyper`, in HTTP/2 where the provider speaks it. Plain ones are made in
//! `plain.rs`.

mod framing;
mod plain;

use anyhow::{Context as _, Result};
use bytes::Bytes;
use http::uri::Scheme;
use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use plain::Plain;
use rustls::ClientConfig;
use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use switchtower_domain::{ResponseBody, Transport, TransportError, TransportFuture};

/// How providers are connected to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UpstreamSettings {
    /// How long it may take until a connection is there.
    pub connect: Duration,
    /// How long an unused connection is kept.
    pub pool_idle: Duration,
    /// How many unused connections to one host are kept by each thread.
    pub pool_idle_per_host_max: usize,
}

impl Default for UpstreamSettings {
    fn default() -> Self {
        Self { connect: Duration::from_secs(10), pool_idle: Duration::from_secs(60), pool_idle_per_host_max: 256 }
    }
}

/// The roots of trust, loaded once for all threads.
#[derive(Clone)]
pub struct Trust(ClientConfig);

impl Trust {
    /// The roots of the system, or where it has none those of Mozilla.
    ///
    /// # Errors
    /// Where no version of TLS can be spoken at all.
    pub fn of_system() -> Result<Self> {
        use hyper_rustls::ConfigBuilderExt as _;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder =
            || ClientConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions();
        let config = match builder().context("failed to set up TLS")?.with_native_roots() {
            Ok(config) => config.with_no_client_auth(),
            Err(_) => builder().context("failed to set up TLS")?.with_webpki_roots().with_no_client_auth(),
        };
        Ok(Self(config))
    }
}

impl fmt::Debug for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Trust")
    }
}

/// A client with a pool of connections.
#[derive(Clone)]
pub struct Upstream {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    plain: Arc<Plain>,
}

impl Upstream {
    /// A client for one thread.
    pub fn new(trust: &Trust, settings: &UpstreamSettings) -> Self {
        let mut connector = HttpConnector::new();
        connector.enforce_http(false);
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(settings.connect));
        connector.set_keepalive(Some(Duration::from_secs(60)));
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(trust.0.clone())
            .https_only()
            .enable_all_versions()
            .wrap_connector(connector);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(settings.pool_idle)
            .pool_max_idle_per_host(settings.pool_idle_per_host_max)
            .build(connector);
        Self { client, plain: Arc::new(Plain::new(*settings)) }
    }
}

impl Transport for Upstream {
    fn send(&self, request: Request<Bytes>) -> TransportFuture<'_> {
        if request.uri().scheme() == Some(&Scheme::HTTP) {
            return Box::pin(self.plain.send(request));
        }
        let sent = self.client.request(request.map(Full::new));
        Box::pin(async move {
            let response: Response<Incoming> = sent.await.map_err(|error| {
                let reason = causes(&error);
                if error.is_connect() { TransportError::Connect { reason } } else { TransportError::Broken { reason } }
            })?;
            Ok(response.map(|body| -> ResponseBody { Box::pin(UpstreamBody(body)) }))
        })
    }
}

impl fmt::Debug for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Upstream")
    }
}

/// The body of a provider's answer.
struct UpstreamBody(Incoming);

impl Body for UpstreamBody {
    type Data = Bytes;
    type Error = TransportError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, TransportError>>> {
        Pin::new(&mut self.0)
            .poll_frame(cx)
            .map(|frame| frame.map(|frame| frame.map_err(|error| TransportError::Broken { reason: causes(&error) })))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.size_hint()
    }
}

/// An error with what caused it. Errors of connections hold addresses and what the system said, never a header.
fn causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
