//! The sockets: one runtime, one listener and one client for each thread, nothing shared but counters.

mod heads;

use crate::sim_transport::WithSim;
use crate::upstream::{Upstream, Ways};
use anyhow::{Context as _, Result, anyhow};
use heads::Watched;
use http::HeaderValue;
use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;
use switchtower_gateway::Gateway;
use switchtower_sim::Sim;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Where the gateway listens if nobody says otherwise.
pub const ADDRESS: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);

/// How the gateway listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServerSettings {
    /// Where; port 0 is any that is free.
    pub address: SocketAddr,
    /// How long a client may take to send the head of a request, and how long a connection may be unused.
    pub header_time_max: Duration,
    /// The most connections that are open at once; more are closed as they come.
    pub connections_max: usize,
    /// How long answers that are under way may still take once the gateway is asked to stop.
    pub grace: Duration,
}

impl ServerSettings {
    /// The usual settings at an address.
    pub const fn new(address: SocketAddr) -> Self {
        Self {
            address,
            header_time_max: Duration::from_secs(30),
            connections_max: 20_000,
            grace: Duration::from_secs(30),
        }
    }
}

/// What all threads are given.
#[derive(Debug, Clone)]
pub struct Serving {
    /// The gateway; its own transport is replaced by one for each thread.
    pub gateway: Gateway,
    /// The built-in simulator.
    pub sim: Sim,
    /// The ways to providers.
    pub ways: Ways,
}

/// A server that is listening.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    stop: CancellationToken,
    threads: Vec<JoinHandle<()>>,
}

const BACKLOG: u32 = 4096;
/// Shorter than any limit on time.
const TICK: Duration = Duration::from_millis(500);
/// How much more than the gateway takes is read of a head, so that it is the gateway that says no, by the name of the
/// setting. What exceeds even this is refused with a bare status.
const HEAD_BYTES_MORE: usize = 16 * 1024;
// With the usual limit this comes to the hundred that the HTTP library reads without allocating.
const HEADERS_MORE: usize = 36;
/// Pause after a failed accept, so that a machine without file handles is not kept busy.
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);

impl Server {
    /// Listens, and serves from then on.
    ///
    /// # Errors
    /// Where the address cannot be listened on or a thread cannot be started.
    pub fn start(settings: ServerSettings, serving: &Serving, threads: usize) -> Result<Self> {
        let address = free(settings.address).with_context(|| format!("failed to listen on {}", settings.address))?;
        let mut server = Self { address, stop: CancellationToken::new(), threads: Vec::new() };
        let connections = Arc::new(AtomicUsize::new(0));
        let (ready, listening) = std::sync::mpsc::channel();
        for number in 0..threads.max(1) {
            let worker = Worker {
                settings: ServerSettings { address, ..settings },
                serving: serving.clone(),
                connections: Arc::clone(&connections),
                // A token of its own, so that connections of different threads do not meet at its lock.
                stop: server.stop.child_token(),
            };
            let ready = ready.clone();
            let thread = std::thread::Builder::new().name(format!("gateway-{number}")).spawn(move || {
                let outcome = worker.run(|| drop(ready.send(Ok(()))));
                if let Err(error) = outcome {
                    drop(ready.send(Err(error)));
                }
            });
            server.threads.push(thread.context("failed to start a thread")?);
        }
        for _ in 0..server.threads.len() {
            let outcome = listening.recv().unwrap_or_else(|_| Err(anyhow!("a thread ended before it listened")));
            if let Err(error) = outcome {
                server.stop();
                return Err(error);
            }
        }
        Ok(server)
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Accepts no more; answers that are under way may end within the grace.
    pub fn stop(&self) {
        self.stop.cancel();
    }

    /// Waits until every thread has ended.
    pub fn wait(self) {
        for thread in self.threads {
            let _ = thread.join();
        }
    }
}

/// An address that nobody listens on. The listeners themselves share it with each other, and would share it with
/// another process without a word.
fn free(address: SocketAddr) -> Result<SocketAddr> {
    let listener = std::net::TcpListener::bind(address)?;
    Ok(listener.local_addr()?)
}

struct Worker {
    settings: ServerSettings,
    serving: Serving,
    connections: Arc<AtomicUsize>,
    stop: CancellationToken,
}

impl Worker {
    fn run(self, ready: impl FnOnce()) -> Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(self.serve(ready))
    }

    async fn serve(self, ready: impl FnOnce()) -> Result<()> {
        let listener = listen(self.settings.address).context("failed to listen")?;
        ready();
        let upstream = Upstream::new(&self.serving.ways);
        let transport = WithSim::new(self.serving.sim.clone(), upstream);
        let gateway = self.serving.gateway.over(Arc::new(transport));
        let tasks = TaskTracker::new();
        let ticking = tokio::spawn(tick());
        loop {
            let accepted = tokio::select! {
                () = self.stop.cancelled() => break,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, _)) => {
                    if let Some(open) = Open::take(&self.connections, self.settings.connections_max) {
                        let served = connection(stream, gateway.clone(), self.settings, self.stop.clone(), open);
                        drop(tasks.spawn(served));
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
        drop(listener);
        tasks.close();
        if tokio::time::timeout(self.settings.grace, tasks.wait()).await.is_err() {
            tracing::warn!(open = tasks.len(), "the grace is over; connections that are still open are cut");
        }
        ticking.abort();
        Ok(())
    }
}

/// Rings now and then. A timer that would be the first to ring makes the runtime wake itself through the kernel, and
/// the limits on time of every request would be that; behind this one they are not.
async fn tick() {
    loop {
        tokio::time::sleep(TICK).await;
    }
}

fn listen(address: SocketAddr) -> Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    #[cfg(unix)]
    socket.set_reuseport(true)?;
    socket.bind(address)?;
    Ok(socket.listen(BACKLOG)?)
}

/// One open connection; it is counted until this is dropped.
struct Open(Arc<AtomicUsize>);

impl Open {
    fn take(count: &Arc<AtomicUsize>, max: usize) -> Option<Self> {
        let open = Self(Arc::clone(count));
        (count.fetch_add(1, Ordering::Relaxed) < max).then_some(open)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

async fn connection(
    stream: TcpStream,
    gateway: Gateway,
    settings: ServerSettings,
    stop: CancellationToken,
    _open: Open,
) {
    // Events are small and must not wait for each other.
    let _ = stream.set_nodelay(true);
    let limits = gateway.settings().limits;
    let stream = Watched::new(stream);
    let (doubt, heads) = (stream.doubt(), AtomicUsize::new(0));
    let service = service_fn(|mut request: hyper::Request<hyper::body::Incoming>| {
        let head = heads.fetch_add(1, Ordering::Relaxed);
        // A length beside a transfer coding is taken away by hyper. It is put back, so that the gateway sees both.
        if doubt.about(head) && request.headers().contains_key(TRANSFER_ENCODING) {
            request.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
        }
        async { Ok::<_, Infallible>(gateway.handle(request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(settings.header_time_max)
        .max_buf_size(limits.header_bytes_max + HEAD_BYTES_MORE)
        .max_headers(limits.headers_max + HEADERS_MORE)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    let outcome = tokio::select! {
        biased;
        outcome = connection.as_mut() => outcome,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = outcome {
        // The client went away, or did not speak HTTP; hyper has answered what can be answered.
        tracing::debug!(%error, "a connection ended early");
    }
}
