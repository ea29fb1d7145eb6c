//! One connection of a client, from its first byte to its last: PROXY protocol, TLS, HTTP/1.1 or HTTP/2.

use super::begun::Begun;
use super::heads::Watched;
use super::in_force::InForce;
use super::proxy_protocol::{self, HeaderError};
use super::tls::HTTP2;
use arc_swap::ArcSwap;
use http::HeaderValue;
use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use http_body::{Body, Frame, SizeHint};
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use switchtower_gateway::GatewayBody;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

/// How much more than the gateway takes is read of a head, so that it is the gateway that says no, by the name of the
/// setting. What exceeds even this is refused with a bare status.
const HEAD_BYTES_MORE: usize = 16 * 1024;
// With the usual limit this comes to the hundred that the HTTP library reads without allocating.
const HEADERS_MORE: usize = 36;
/// The most requests that a connection of HTTP/2 carries at once.
const STREAMS_MAX: u32 = 256;
/// How often a client of HTTP/2 is asked whether it is still there, and how long it may take to say so.
const PING_INTERVAL: Duration = Duration::from_secs(30);
const PING_TIMEOUT: Duration = Duration::from_secs(20);

/// A connection that was accepted.
pub(super) struct Connection {
    /// What holds for each of its requests when it begins.
    pub(super) in_force: Arc<ArcSwap<InForce>>,
    /// The number of the listener.
    pub(super) listener: usize,
    pub(super) proxy_protocol: bool,
    pub(super) stop: CancellationToken,
}

/// Why a connection ended before a request was read.
#[derive(Debug, thiserror::Error)]
enum Early {
    #[error("nothing was said in time")]
    TooSlow,
    #[error(transparent)]
    Header(#[from] HeaderError),
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl Connection {
    /// Serves it to its end.
    pub(super) async fn serve<S>(self, stream: S)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let in_force = self.in_force.load_full();
        let mut stream = Begun::new(stream);
        let beginning = async {
            if self.proxy_protocol {
                let source = on_whose_behalf(&mut stream).await?;
                tracing::debug!(?source, "a connection by the PROXY protocol");
            }
            match in_force.tls.get(self.listener).and_then(Option::as_ref) {
                None => {
                    let is_http2 = stream.is_http2().await?;
                    Ok((Agreed::Plain(stream), is_http2))
                }
                Some(config) => {
                    let stream = Box::pin(TlsAcceptor::from(Arc::clone(config)).accept(stream)).await?;
                    let is_http2 = stream.get_ref().1.alpn_protocol() == Some(HTTP2);
                    Ok((Agreed::Encrypted(Box::new(stream)), is_http2))
                }
            }
        };
        let begun = tokio::select! {
            begun = timeout(in_force.settings.header_time_max, beginning) => begun.unwrap_or(Err(Early::TooSlow)),
            // Nothing is under way yet.
            () = self.stop.cancelled() => return,
        };
        match begun {
            Ok((Agreed::Plain(stream), false)) => self.http1(stream, &in_force).await,
            // Apart, so that a connection of the plainest kind is no larger than it must be.
            Ok((Agreed::Plain(stream), true)) => Box::pin(self.http2(stream, &in_force)).await,
            Ok((Agreed::Encrypted(stream), false)) => Box::pin(self.http1(stream, &in_force)).await,
            Ok((Agreed::Encrypted(stream), true)) => Box::pin(self.http2(stream, &in_force)).await,
            Err(error) => tracing::debug!(%error, "a connection ended before its first request"),
        }
    }

    async fn http1<S>(self, stream: S, in_force: &InForce)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let limits = in_force.gateway.settings().limits;
        let stream = Watched::new(stream);
        let (doubt, heads) = (stream.doubt(), AtomicUsize::new(0));
        let service = service_fn(|mut request: Request<Incoming>| {
            let head = heads.fetch_add(1, Ordering::Relaxed);
            // A length beside a transfer coding is taken away by hyper. It is put back, so that the gateway sees both.
            if doubt.about(head) && request.headers().contains_key(TRANSFER_ENCODING) {
                request.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
            }
            let now = self.in_force.load_full();
            // It is large: boxed, it is not moved about, and an open stream or an unused connection does not hold it.
            Box::pin(async move { Ok::<_, Infallible>(now.gateway.handle(request).await) })
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(in_force.settings.header_time_max)
            .max_buf_size(limits.header_bytes_max + HEAD_BYTES_MORE)
            .max_headers(limits.headers_max + HEADERS_MORE)
            .serve_connection(TokioIo::new(stream), service);
        let mut connection = pin!(connection);
        let outcome = tokio::select! {
            biased;
            outcome = connection.as_mut() => outcome,
            () = self.stop.cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        ended(outcome);
    }

    async fn http2<S>(self, stream: S, in_force: &InForce)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let uses = Arc::new(Uses::new());
        let (served, current) = (Arc::clone(&uses), Arc::clone(&self.in_force));
        let service = service_fn(move |request: Request<Incoming>| {
            let (being_used, now) = (served.begin(), current.load_full());
            async move {
                let response = now.gateway.handle(request).await;
                Ok::<_, Infallible>(response.map(|body| Used { body, _being_used: being_used }))
            }
        });
        let limits = in_force.gateway.settings().limits;
        let head_bytes_max = u32::try_from(limits.header_bytes_max + HEAD_BYTES_MORE).unwrap_or(u32::MAX);
        let connection = http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .max_header_list_size(head_bytes_max)
            .max_concurrent_streams(STREAMS_MAX)
            .keep_alive_interval(PING_INTERVAL)
            .keep_alive_timeout(PING_TIMEOUT)
            .serve_connection(TokioIo::new(stream), service);
        let mut connection = pin!(connection);
        let unused_max = in_force.settings.header_time_max;
        let outcome = tokio::select! {
            biased;
            outcome = connection.as_mut() => outcome,
            () = self.stop.cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
            () = uses.unused_for(unused_max) => {
                connection.as_mut().graceful_shutdown();
                // A client that does not even take its leave is not waited for.
                match timeout(unused_max, connection).await {
                    Ok(outcome) => outcome,
                    Err(_) => return,
                }
            }
        };
        ended(outcome);
    }
}

fn ended(outcome: hyper::Result<()>) {
    if let Err(error) = outcome {
        // The client went away, or did not speak HTTP; hyper has answered what can be answered.
        tracing::debug!(%error, "a connection ended early");
    }
}

/// What is spoken beneath HTTP.
enum Agreed<S> {
    Plain(Begun<S>),
    Encrypted(Box<tokio_rustls::server::TlsStream<Begun<S>>>),
}

async fn on_whose_behalf<S: AsyncRead + Unpin>(stream: &mut Begun<S>) -> Result<Option<SocketAddr>, Early> {
    loop {
        if let Some(header) = proxy_protocol::parse(stream.read())? {
            drop(stream.read().split_to(header.length));
            return Ok(header.source);
        }
        if stream.more().await? == 0 {
            return Err(Early::Header(HeaderError::Absent));
        }
    }
}

/// Whether a connection of HTTP/2 is in use, and since when not.
struct Uses {
    since: Instant,
    open: AtomicUsize,
    /// When the last use ended, in milliseconds.
    ended_ms: AtomicU64,
}

impl Uses {
    fn new() -> Self {
        Self { since: Instant::now(), open: AtomicUsize::new(0), ended_ms: AtomicU64::new(0) }
    }

    fn begin(self: &Arc<Self>) -> BeingUsed {
        self.open.fetch_add(1, Ordering::Relaxed);
        BeingUsed(Arc::clone(self))
    }

    fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.since.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Ready when nothing was asked for so long. Dropping it loses nothing.
    async fn unused_for(&self, max: Duration) {
        let max_ms = u64::try_from(max.as_millis()).unwrap_or(u64::MAX);
        loop {
            let unused = self.elapsed_ms().saturating_sub(self.ended_ms.load(Ordering::Relaxed));
            let is_open = self.open.load(Ordering::Relaxed) > 0;
            if !is_open && unused >= max_ms {
                return;
            }
            let left = if is_open { max_ms } else { max_ms - unused };
            tokio::time::sleep(Duration::from_millis(left.max(1))).await;
        }
    }
}

/// One request of a connection of HTTP/2, until its answer is out.
struct BeingUsed(Arc<Uses>);

impl Drop for BeingUsed {
    fn drop(&mut self) {
        self.0.ended_ms.store(self.0.elapsed_ms(), Ordering::Relaxed);
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The body of an answer; while it is there, its connection is in use.
struct Used {
    body: GatewayBody,
    _being_used: BeingUsed,
}

impl Body for Used {
    type Data = <GatewayBody as Body>::Data;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Infallible>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment::Environment;
    use crate::serve::Plan;
    use crate::server::in_force::Prepared;

    #[test]
    fn a_connection_of_the_plainest_kind_is_small() {
        let mut plan =
            Plan::without_configuration(&Environment::default(), Some("127.0.0.1:0".parse().unwrap())).unwrap();
        plan.threads = Some(1);
        let state = tempfile::tempdir().unwrap();
        plan.ledger.data = state.path().to_owned();
        let running = plan.start().unwrap();
        let ledger = running.serving.gateway.ledger().clone();
        let in_force = InForce::new(&Prepared::new(running.serving, None).unwrap(), &ledger, None);
        let connection = Connection {
            in_force: Arc::new(ArcSwap::from_pointee(in_force)),
            listener: 0,
            proxy_protocol: false,
            stop: CancellationToken::new(),
        };
        let (_, stream) = tokio::io::duplex(1);
        // What a connection may be besides lies apart, so that thousands of open streams do not pay for it.
        assert!(size_of_val(&connection.serve(stream)) < 2048);
    }
}
