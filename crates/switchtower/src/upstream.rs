//! Connections to providers.
//!
//! Each thread has its own client and pools, so that nothing is locked between threads. Certificates are verified
//! against the roots of the system. Redirects are not followed, nothing is decompressed, and no proxy is used that the
//! configuration does not name. What differs from this is a way of its own, in `way.rs`.
//!
//! Encrypted connections are made by `hyper`, in HTTP/2 where the provider speaks it. Plain ones are made in
//! `plain.rs`.

mod framing;
mod plain;
mod proxy;
mod way;

pub use proxy::{Proxy, ProxyError};
pub use way::{HttpVersion, Identity, PemError, Roots, Trust, WaySettings, Ways};

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
use proxy::Connector;
use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use switchtower_domain::{ResponseBody, Transport, TransportError, TransportFuture, Way};
use way::Prepared;

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

/// The client of one thread: a pool of connections for each way.
#[derive(Clone)]
pub struct Upstream {
    usual: Arc<Exit>,
    others: Vec<Arc<Exit>>,
}

impl Upstream {
    /// A client for one thread.
    pub fn new(ways: &Ways) -> Self {
        Self::among(ways, &[])
    }

    /// A client for other ways. It takes over the connections of the ways that stay.
    #[must_use]
    pub fn next(&self, ways: &Ways) -> Self {
        let known: Vec<&Arc<Exit>> = std::iter::once(&self.usual).chain(&self.others).collect();
        Self::among(ways, &known)
    }

    fn among(ways: &Ways, known: &[&Arc<Exit>]) -> Self {
        let exit = |way: &Arc<Prepared>| match known.iter().find(|exit| exit.way.is_like(way)) {
            Some(exit) => Arc::clone(exit),
            None => Arc::new(Exit::new(Arc::clone(way))),
        };
        Self { usual: exit(&ways.usual), others: ways.others.iter().map(exit).collect() }
    }
}

/// The connections of one way.
struct Exit {
    way: Arc<Prepared>,
    client: Client<HttpsConnector<Connector>, Full<Bytes>>,
    plain: Plain,
}

impl Exit {
    fn new(way: Arc<Prepared>) -> Self {
        let Prepared { settings, connections, tls } = &*way;
        let mut connector = HttpConnector::new();
        connector.enforce_http(false);
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(connections.connect));
        connector.set_keepalive(Some(Duration::from_secs(60)));
        let connector = Connector::new(connector, settings.proxy.clone(), connections.connect);
        let builder = HttpsConnectorBuilder::new().with_tls_config(tls.clone());
        let connector = match settings.version {
            HttpVersion::Agreed => builder.https_only().enable_all_versions().wrap_connector(connector),
            HttpVersion::One => builder.https_only().enable_http1().wrap_connector(connector),
            HttpVersion::Two => builder.https_or_http().enable_http2().wrap_connector(connector),
        };
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(connections.pool_idle)
            .pool_max_idle_per_host(connections.pool_idle_per_host_max)
            .http2_only(settings.version == HttpVersion::Two)
            .build(connector);
        let plain = Plain::new(*connections, settings.proxy.clone());
        Self { way, client, plain }
    }
}

impl Transport for Upstream {
    fn send(&self, request: Request<Bytes>) -> TransportFuture<'_> {
        let exit = match request.extensions().get::<Way>() {
            None => &self.usual,
            Some(Way(number)) => match self.others.get(*number) {
                Some(exit) => exit,
                // Never by the usual way what was meant for another one.
                None => {
                    let reason = "there is no such way out".to_owned();
                    return Box::pin(async { Err(TransportError::Connect { reason }) });
                }
            },
        };
        if request.uri().scheme() == Some(&Scheme::HTTP) && exit.way.settings.version != HttpVersion::Two {
            return Box::pin(exit.plain.send(request));
        }
        let sent = exit.client.request(request.map(Full::new));
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
