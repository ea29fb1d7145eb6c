//! Who keeps content while requests go on: a thread behind a queue with a bound. Nobody waits for it but who asks to.

use crate::item::Item;
use crate::order;
use crate::vault::{Vault, now_s};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use switchtower_ledger::Ledger;
use tokio::sync::oneshot;

/// The most parts that wait.
const WAITING_MAX: usize = 4096;
/// How often it is looked whether something's time is over.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// How a keeper keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeeperSettings {
    /// The folder with the ledger and everything.
    pub data: PathBuf,
    /// How many bytes of content may wait.
    pub queue_bytes_max: usize,
    /// How much of one part is kept.
    pub item_bytes_max: usize,
}

/// The queue is full, so that a part is not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the queue of content that is to be kept is full")]
pub struct Full;

/// Takes content that is to be kept. Clones share the queue.
#[derive(Debug, Clone)]
pub struct Keeper {
    orders: SyncSender<Order>,
    waiting_bytes: Arc<AtomicUsize>,
    queue_bytes_max: usize,
    item_bytes_max: usize,
}

/// What ends with the gateway.
#[derive(Debug)]
pub struct Keeping {
    orders: SyncSender<Order>,
    thread: JoinHandle<()>,
}

/// Tells whether a part was kept.
#[derive(Debug)]
pub struct Confirmation(oneshot::Receiver<bool>);

#[derive(Debug)]
enum Order {
    Keep(Item, Option<oneshot::Sender<bool>>),
    Stop,
}

impl Keeper {
    /// Starts the thread.
    ///
    /// # Errors
    /// Where the system has no thread.
    pub fn start(vault: Vault, ledger: Ledger, settings: KeeperSettings) -> io::Result<(Self, Keeping)> {
        let (orders, taken) = sync_channel(WAITING_MAX);
        let waiting_bytes = Arc::new(AtomicUsize::new(0));
        let mut round = Round { vault, ledger, data: settings.data, waiting_bytes: Arc::clone(&waiting_bytes) };
        let thread = std::thread::Builder::new().name("content-keeper".to_owned()).spawn(move || round.run(&taken))?;
        let KeeperSettings { queue_bytes_max, item_bytes_max, .. } = settings;
        Ok((
            Self { orders: orders.clone(), waiting_bytes, queue_bytes_max, item_bytes_max },
            Keeping { orders, thread },
        ))
    }

    /// How much of one part is kept.
    pub const fn item_bytes_max(&self) -> usize {
        self.item_bytes_max
    }

    /// Leaves a part to be kept.
    ///
    /// # Errors
    /// [`Full`] where too many wait; the part is dropped then.
    pub fn keep(&self, item: Item) -> Result<(), Full> {
        self.order(item, None)
    }

    /// The same, for who waits until it is kept.
    ///
    /// # Errors
    /// [`Full`] likewise.
    pub fn keep_confirmed(&self, item: Item) -> Result<Confirmation, Full> {
        let (tell, told) = oneshot::channel();
        self.order(item, Some(tell))?;
        Ok(Confirmation(told))
    }

    fn order(&self, item: Item, tell: Option<oneshot::Sender<bool>>) -> Result<(), Full> {
        let bytes = item.bytes.len();
        if self.waiting_bytes.fetch_add(bytes, Ordering::Relaxed) + bytes <= self.queue_bytes_max
            && self.orders.try_send(Order::Keep(item, tell)).is_ok()
        {
            return Ok(());
        }
        self.waiting_bytes.fetch_sub(bytes, Ordering::Relaxed);
        Err(Full)
    }
}

impl Confirmation {
    /// Whether it was kept. Where nobody waits any more, it is kept all the same.
    pub async fn kept(self) -> bool {
        self.0.await.unwrap_or(false)
    }
}

impl Keeping {
    /// Keeps what waits, and ends.
    pub fn stop(self) {
        // A keeper that ended already hears nothing, and need not.
        let _ = self.orders.send(Order::Stop);
        let _ = self.thread.join();
    }
}

struct Round {
    vault: Vault,
    ledger: Ledger,
    data: PathBuf,
    waiting_bytes: Arc<AtomicUsize>,
}

impl Round {
    fn run(&mut self, orders: &Receiver<Order>) {
        self.look();
        let mut looked_at = Instant::now();
        loop {
            match orders.recv_timeout(LOOK_INTERVAL.saturating_sub(looked_at.elapsed())) {
                Ok(Order::Keep(item, tell)) => self.keep(item, tell),
                Ok(Order::Stop) | Err(RecvTimeoutError::Disconnected) => return self.look(),
                Err(RecvTimeoutError::Timeout) => {}
            }
            if looked_at.elapsed() >= LOOK_INTERVAL {
                self.look();
                looked_at = Instant::now();
            }
        }
    }

    fn keep(&mut self, item: Item, tell: Option<oneshot::Sender<bool>>) {
        let (bytes, request) = (item.bytes.len(), item.request);
        let kept = self.vault.keep(&self.ledger, item);
        self.waiting_bytes.fetch_sub(bytes, Ordering::Relaxed);
        if let Err(error) = &kept {
            tracing::error!(%request, %error, "content that was to be kept is not");
        }
        if let Some(tell) = tell {
            // Who asked may be gone.
            let _ = tell.send(kept.is_ok());
        }
    }

    fn look(&mut self) {
        if let Err(error) = self.vault.sync() {
            tracing::error!(%error, "kept content could not be synced");
        }
        match self.vault.expire(&self.ledger, now_s()) {
            Ok(0) => {}
            Ok(parts) => tracing::info!(parts, "kept content whose time is over was destroyed"),
            Err(error) => tracing::error!(%error, "kept content whose time is over could not be destroyed"),
        }
        if let Err(error) = order::follow(&self.data, &mut self.vault, &self.ledger) {
            tracing::error!(%error, "an order about kept content could not be followed");
        }
    }
}
