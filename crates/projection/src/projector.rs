//! Reads on where a store stopped.

use crate::gauges::Gauges;
use crate::rows;
use crate::store::{Place, Store, StoreError};
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use switchtower_ledger::journal::disk::Disk;
use switchtower_ledger::{Entries, ReadError};
use tokio::sync::watch;

/// How many records are written together.
const BATCH: usize = 500;
/// How often the journal is looked at for more.
const LOOK_INTERVAL: Duration = Duration::from_millis(250);
/// How long is waited after a failure, the first time and at most.
const WAIT: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(15));

/// Why a journal is not projected.
#[derive(Debug, thiserror::Error)]
pub enum ProjectorError {
    /// The store does not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The journal cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The store was made from another journal.
    #[error(
        "record {record} of the journal is not the one that the projection was made from: the journal was restored, or is another one; make the projection again with 'switchtower ledger project --rebuild'"
    )]
    Other {
        /// The number of the record.
        record: u64,
    },
    /// The thread or its runtime could not be started.
    #[error("the projection cannot be started: {0}")]
    Start(#[from] std::io::Error),
}

/// Brings a journal into a store.
#[derive(Debug)]
pub struct Projector<S> {
    disk: Arc<dyn Disk>,
    log: String,
    store: S,
    gauges: Arc<Gauges>,
}

impl<S: Store> Projector<S> {
    /// For a journal by the name of its log.
    pub fn new(disk: Arc<dyn Disk>, log: impl Into<String>, store: S) -> Self {
        Self { disk, log: log.into(), store, gauges: Arc::default() }
    }

    /// How far it is.
    pub fn gauges(&self) -> Arc<Gauges> {
        Arc::clone(&self.gauges)
    }

    /// Removes what the store has of the log.
    ///
    /// # Errors
    /// [`ProjectorError::Store`].
    pub async fn clear(&self) -> Result<(), ProjectorError> {
        self.store.prepare().await?;
        Ok(self.store.clear(&self.log).await?)
    }

    /// Brings everything that is written by now into the store; says how many records that were.
    ///
    /// # Errors
    /// [`ProjectorError`]; what was brought before stays, and the next time goes on behind it.
    pub async fn catch_up(&self) -> Result<u64, ProjectorError> {
        self.store.prepare().await?;
        let begun = self.begin().await?;
        let mut entries = Entries::from(&*self.disk, begun);
        while self.batch(&mut entries).await? {}
        Ok(entries.next_record().saturating_sub(begun))
    }

    /// The record that the store goes on with; checks that it was made from this journal.
    async fn begin(&self) -> Result<u64, ProjectorError> {
        let Some(place) = self.store.place(&self.log).await? else { return Ok(0) };
        if let Some(record) = place.next.checked_sub(1) {
            // A record that was pruned since then cannot be compared.
            let mut entries = Entries::from(&*self.disk, record);
            let found = entries.read_bytes()?;
            if found.as_ref().is_none_or(|(at, bytes)| *at == record && digest(bytes) != place.last) {
                return Err(ProjectorError::Other { record });
            }
        }
        self.gauges.reached(place.next);
        Ok(place.next)
    }

    /// Brings some more records into the store; false where there are none.
    async fn batch(&self, entries: &mut Entries<'_>) -> Result<bool, ProjectorError> {
        let before = entries.next_record();
        let (mut all, mut next, mut oldest) = (Vec::new(), None, None);
        for _ in 0..BATCH {
            let Some((record, bytes)) = entries.read_bytes()? else { break };
            let entry = Entries::entry(record, &bytes)?;
            oldest.get_or_insert(entry.at_us);
            all.extend(rows::of(&self.log, record, &entry));
            next = Some((record, bytes));
        }
        let Some((record, bytes)) = next else {
            self.gauges.behind_since(0);
            return Ok(false);
        };
        self.gauges.behind_since(oldest.unwrap_or_default());
        // Rows of a table stand together, so that few statements write them.
        all.sort_by_key(|row| row.table.name);
        let next = Place { next: record + 1, last: digest(&bytes) };
        self.store.write(&self.log, &all, before, &next).await?;
        self.gauges.reached(next.next);
        Ok(true)
    }

    /// Goes on until it is told to stop, and does not mind how often the store fails.
    async fn go_on(self, mut stop: watch::Receiver<bool>) {
        let mut wait = WAIT.0;
        let mut entries = None;
        loop {
            let outcome = self.look(&mut entries).await;
            let pause = match outcome {
                Ok(()) => {
                    wait = WAIT.0;
                    LOOK_INTERVAL
                }
                Err(error) => {
                    tracing::warn!(%error, "the projection of the ledger waits; nothing is lost, the journal has it");
                    self.gauges.failed(error.to_string());
                    entries = None;
                    let pause = wait;
                    wait = (wait * 2).min(WAIT.1);
                    pause
                }
            };
            let stopped = tokio::time::timeout(pause, stop.changed()).await.is_ok();
            if stopped {
                // What was written last is brought along, if the store takes it now.
                let _ = self.look(&mut entries).await;
                return;
            }
        }
    }

    async fn look<'a>(&'a self, entries: &mut Option<Entries<'a>>) -> Result<(), ProjectorError> {
        let entries = match entries {
            Some(entries) => entries,
            None => {
                self.store.prepare().await?;
                entries.insert(Entries::from(&*self.disk, self.begin().await?))
            }
        };
        while self.batch(entries).await? {}
        Ok(())
    }
}

impl<S: Store + 'static> Projector<S> {
    /// Keeps a store near its journal, on a thread apart.
    ///
    /// # Errors
    /// [`ProjectorError::Start`].
    pub fn start(self) -> Result<Projecting, ProjectorError> {
        let gauges = self.gauges();
        let (stop, stopped) = watch::channel(false);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let thread = std::thread::Builder::new()
            .name("projection".to_owned())
            .spawn(move || runtime.block_on(self.go_on(stopped)))?;
        Ok(Projecting { gauges, stop, thread })
    }
}

/// A projection that goes on.
#[derive(Debug)]
pub struct Projecting {
    gauges: Arc<Gauges>,
    stop: watch::Sender<bool>,
    thread: JoinHandle<()>,
}

impl Projecting {
    /// How far it is.
    pub fn gauges(&self) -> Arc<Gauges> {
        Arc::clone(&self.gauges)
    }

    /// Ends it, with what was written by now where the store takes it.
    pub fn stop(self) {
        let _ = self.stop.send(true);
        let _ = self.thread.join();
    }
}

fn digest(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(64);
    for byte in Sha256::digest(bytes) {
        let _ = write!(text, "{byte:02x}");
    }
    text
}
