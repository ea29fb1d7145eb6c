//! The sockets: one runtime, its listeners and one client for each thread, nothing shared but counters.
//!
//! ```text
//! listener.rs  an address, shared by all threads ─► connection.rs  PROXY protocol, TLS, HTTP/1.1 or HTTP/2
//! in_force.rs  what holds now; swapped whole, read by each request when it begins
//! heads.rs     follows the heads of HTTP/1.1, so that no request is smuggled in another
//! ```

mod address;
mod begun;
mod connection;
mod heads;
mod in_force;
mod listener;
mod proxy_protocol;
mod tls;

pub use address::{ADDRESS, Address, AddressError};
pub use in_force::Serving;
pub use listener::{ListenerSettings, SOCKET_MODE};
pub use tls::{ClientCertificates, TlsSettings};

use anyhow::{Context as _, Result, anyhow};
use arc_swap::ArcSwap;
use connection::Connection;
use in_force::{InForce, Prepared};
use listener::{Accepted, Claim, Listener, Share};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How the gateway listens.
#[derive(Debug, Clone, PartialEq)]
pub struct ServerSettings {
    /// Where, at least one; all of them serve the same.
    pub listeners: Vec<ListenerSettings>,
    /// How long a client may take to send the head of a request, and how long a connection may be unused.
    pub header_time_max: Duration,
    /// The most connections that are open at once; more are closed as they come.
    pub connections_max: usize,
    /// How long answers that are under way may still take once the gateway is asked to stop.
    pub grace: Duration,
}

impl ServerSettings {
    /// The usual settings at an address.
    pub fn new(address: SocketAddr) -> Self {
        Self {
            listeners: vec![ListenerSettings::new("listen", Address::Tcp(address))],
            header_time_max: Duration::from_secs(30),
            connections_max: 20_000,
            grace: Duration::from_secs(30),
        }
    }
}

/// A server that is listening.
#[derive(Debug)]
pub struct Server {
    addresses: Vec<Address>,
    claims: Vec<Claim>,
    in_force: watch::Sender<Arc<Prepared>>,
    stop: CancellationToken,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

/// Shorter than any limit on time.
const TICK: Duration = Duration::from_millis(500);
/// Pause after a failed accept, so that a machine without file handles is not kept busy.
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);

impl Server {
    /// Listens, and serves from then on.
    ///
    /// # Errors
    /// Where an address cannot be listened on or a thread cannot be started.
    pub fn start(serving: Serving, threads: usize) -> Result<Self> {
        let listeners = serving.settings.listeners.clone();
        let mut claims = listeners.iter().map(Claim::of).collect::<Result<Vec<_>>>()?;
        claims.iter_mut().for_each(Claim::release);
        let addresses = claims.iter().zip(&listeners).map(|(claim, settings)| claim.address(settings)).collect();
        let (in_force, _) = watch::channel(Arc::new(Prepared::new(serving, None)?));
        let mut server =
            Self { addresses, claims, in_force, stop: CancellationToken::new(), threads: Mutex::default() };
        let connections = Arc::new(AtomicUsize::new(0));
        let (ready, listening) = std::sync::mpsc::channel();
        for number in 0..threads.max(1) {
            let worker = Worker {
                shares: server.claims.iter().map(Claim::share).collect::<Result<_>>()?,
                listeners: listeners.clone(),
                renewed: server.in_force.subscribe(),
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
            let started = server.threads.get_mut().unwrap_or_else(PoisonError::into_inner);
            started.push(thread.context("failed to start a thread")?);
        }
        for _ in 0..threads.max(1) {
            let outcome = listening.recv().unwrap_or_else(|_| Err(anyhow!("a thread ended before it listened")));
            if let Err(error) = outcome {
                server.stop();
                return Err(error);
            }
        }
        Ok(server)
    }

    /// Where it listens, in the order of the settings.
    pub fn addresses(&self) -> &[Address] {
        &self.addresses
    }

    /// The first of its ports; that of nobody where it listens on sockets in the file system only.
    pub fn address(&self) -> SocketAddr {
        let ports = self.addresses.iter().find_map(|address| match address {
            Address::Tcp(address) => Some(*address),
            Address::Unix(_) => None,
        });
        ports.unwrap_or(SocketAddr::new(ADDRESS.ip(), 0))
    }

    /// Puts something else in force: requests that begin from now on see it, those under way end as they began.
    /// Listeners stay those that were started.
    ///
    /// # Errors
    /// For certificates that cannot be used; everything stays as it was then.
    pub fn renew(&self, serving: Serving) -> Result<()> {
        let before = Arc::clone(&self.in_force.borrow());
        self.in_force.send_replace(Arc::new(Prepared::new(serving, Some(&before))?));
        Ok(())
    }

    /// Whether it was asked to stop.
    pub fn is_stopping(&self) -> bool {
        self.stop.is_cancelled()
    }

    /// Whether every thread is there that accepts connections.
    pub fn is_listening(&self) -> bool {
        let threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        !threads.is_empty() && threads.iter().all(|thread| !thread.is_finished())
    }

    /// Accepts no more; answers that are under way may end within the grace.
    pub fn stop(&self) {
        self.stop.cancel();
    }

    /// Waits until every thread has ended, once.
    pub fn wait(&self) {
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        for thread in threads {
            let _ = thread.join();
        }
    }
}

struct Worker {
    shares: Vec<Share>,
    listeners: Vec<ListenerSettings>,
    renewed: watch::Receiver<Arc<Prepared>>,
    connections: Arc<AtomicUsize>,
    stop: CancellationToken,
}

impl Worker {
    fn run(self, ready: impl FnOnce()) -> Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(self.serve(ready))
    }

    async fn serve(mut self, ready: impl FnOnce()) -> Result<()> {
        let shares = std::mem::take(&mut self.shares);
        let listeners = shares.into_iter().map(Listener::of).collect::<Result<Vec<_>>>().context("failed to listen")?;
        let first = self.renewed.borrow_and_update().clone();
        // What is in force may change, the ledger does not.
        let (ledger, clerk) = first.serving.gateway.ledger().at_desk();
        let clerk = tokio::spawn(clerk.run());
        let first = InForce::new(&first, &ledger, None);
        let in_force = Arc::new(ArcSwap::from_pointee(first));
        ready();
        let tasks = TaskTracker::new();
        let accepting = TaskTracker::new();
        for (number, (listener, settings)) in listeners.into_iter().zip(&self.listeners).enumerate() {
            let accepted = accept(
                listener,
                tasks.clone(),
                Arc::clone(&self.connections),
                self.stop.clone(),
                Arc::clone(&in_force),
                (number, settings.proxy_protocol),
            );
            drop(accepting.spawn(accepted));
        }
        let ticking = tokio::spawn(tick());
        while let Some(Ok(())) = self.stop.run_until_cancelled(self.renewed.changed()).await {
            let prepared = self.renewed.borrow_and_update().clone();
            in_force.store(Arc::new(InForce::new(&prepared, &ledger, Some(&in_force.load_full()))));
        }
        // Without the server nobody renews anything, and connections are served until it stops.
        self.stop.cancelled().await;
        accepting.close();
        accepting.wait().await;
        tasks.close();
        let grace = in_force.load().settings.grace;
        if tokio::time::timeout(grace, tasks.wait()).await.is_err() {
            tracing::warn!(open = tasks.len(), "the grace is over; connections that are still open are cut");
        }
        ticking.abort();
        clerk.abort();
        Ok(())
    }
}

/// Accepts until the server stops.
async fn accept(
    listener: Listener,
    tasks: TaskTracker,
    connections: Arc<AtomicUsize>,
    stop: CancellationToken,
    in_force: Arc<ArcSwap<InForce>>,
    (listener_number, proxy_protocol): (usize, bool),
) {
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok(stream) => {
                let max = in_force.load().settings.connections_max;
                let Some(open) = Open::take(&connections, max) else { continue };
                let connection = Connection {
                    in_force: Arc::clone(&in_force),
                    listener: listener_number,
                    proxy_protocol,
                    stop: stop.clone(),
                };
                match stream {
                    Accepted::Tcp(stream) => drop(tasks.spawn(counted(open, connection.serve(stream)))),
                    #[cfg(unix)]
                    Accepted::Unix(stream) => drop(tasks.spawn(counted(open, connection.serve(stream)))),
                }
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn counted(open: Open, served: impl Future<Output = ()>) {
    served.await;
    drop(open);
}

/// Rings now and then. A timer that would be the first to ring makes the runtime wake itself through the kernel, and
/// the limits on time of every request would be that; behind this one they are not.
async fn tick() {
    loop {
        tokio::time::sleep(TICK).await;
    }
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
