//! The ledger as the gateway has it: entries in, receipts out.

use crate::checkpoint::{KeyError, SigningKey, VerifyingKey};
use crate::clock::now_us;
use crate::files;
use crate::home::{self, Home, HomeError};
use crate::journal::disk::{Disk, Folder, Memory};
use crate::journal::{AppendError, Clerk, Gauges, Journal, JournalSettings, LeftOpen, Mark, OpenError, Then, Writing};
use crate::keeper::{Keeper, KeeperSettings};
use crate::pseudonym::Pseudonyms;
use crate::read::Entries;
use crate::record::{
    Body, Closed, Content, Costs, Counts, Digest, Entry, KeyChanged, Opened, Recovered, RequestId, Started, Stopped,
};
use crate::watcher::Watcher;
use crate::witness::WitnessAddress;
use std::collections::HashSet;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How a ledger is kept.
#[derive(Debug, Clone)]
pub struct LedgerSettings {
    /// The folder with everything.
    pub data: PathBuf,
    /// The name of the log for a ledger that is begun; one that is there has its name already.
    pub origin: Option<String>,
    /// How its journal is kept. The name of the log in it is not used.
    pub journal: JournalSettings,
    /// How often a checkpoint is made, where something was written.
    pub checkpoint_interval: Duration,
    /// Folders in which checkpoints are left for others to keep, and in which those of other logs are looked for.
    pub witnesses: Vec<PathBuf>,
    /// Witnesses that are asked over the network, by whoever has one.
    pub asked: Vec<WitnessAddress>,
    /// How long records are kept, by whoever prunes; for ever where nobody says.
    pub keep: Option<Duration>,
    /// Who is told of every entry once it is written.
    pub watcher: Option<Arc<dyn Watcher>>,
}

impl LedgerSettings {
    /// The usual settings for a folder.
    pub fn new(data: impl Into<PathBuf>) -> Self {
        Self {
            data: data.into(),
            origin: None,
            journal: JournalSettings::new(""),
            checkpoint_interval: Duration::from_secs(60),
            witnesses: Vec::new(),
            asked: Vec::new(),
            keep: None,
            watcher: None,
        }
    }
}

/// Why a ledger does not open.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// Its folder cannot be used.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// Its journal cannot be opened.
    #[error(transparent)]
    Journal(#[from] OpenError),
    /// Its key cannot be used.
    #[error("the key of the ledger: {0}")]
    Key(#[from] KeyError),
    /// Nothing could be written to it.
    #[error(transparent)]
    Append(#[from] AppendError),
    /// The disk could not be read or written.
    #[error("the disk of the ledger: {0}")]
    Disk(#[from] io::Error),
}

/// What a call that a crash left open may have used and cost, by the entry that opened it and the microseconds since 1970
/// at which it did. It is an estimate, and says so.
pub type Reckon<'a> = &'a dyn Fn(&Opened, u64) -> (Counts, Option<Costs>);

/// That the end of a call is written: without it nothing is encoded for the client.
#[derive(Debug)]
#[must_use]
pub struct Receipt(u64);

impl Receipt {
    /// The number of the record.
    pub const fn record(&self) -> u64 {
        self.0
    }
}

/// A call whose beginning is written: without it nothing is sent to a provider. It ends with [`Self::close`]; where it
/// is dropped before, its end is written as that of a call that was abandoned.
#[derive(Debug)]
#[must_use]
pub struct OpenCall {
    ledger: Ledger,
    opened: u64,
    request: RequestId,
    began_us: u64,
    closed: bool,
    /// Its end, while it is not written.
    end: Option<Box<Entry>>,
}

/// A ledger that is open. Clones share it.
#[derive(Debug, Clone)]
pub struct Ledger {
    journal: Journal,
    kept: Arc<Kept>,
}

/// What is the same for as long as a ledger is open.
#[derive(Debug)]
struct Kept {
    pseudonyms: Pseudonyms,
    /// Where the keys of pseudonyms lie; nowhere for a ledger in memory.
    tenants: Option<Folder>,
    origin: String,
    key: VerifyingKey,
    /// Digests whose content is in the journal.
    contents: Mutex<HashSet<Digest>>,
    watcher: Option<Arc<dyn Watcher>>,
}

impl Kept {
    /// Writes an entry, which then goes on to who watches.
    fn write(&self, entry: Box<Entry>) -> impl FnOnce(&mut Vec<u8>) -> Option<Then> {
        move |out| {
            entry.write(out);
            let watcher = self.watcher.clone()?;
            Some(Box::new(move |number| watcher.written(number, *entry)))
        }
    }
}

/// What ends with the ledger.
#[derive(Debug)]
pub struct Keeping {
    keeper: Keeper,
    writing: Writing,
    home: Home,
}

/// What was found when a ledger was opened.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// How many records there were.
    pub records: u64,
    /// How many bytes of a record that was not whole were cut off.
    pub cut_bytes: u64,
    /// How many calls a crash had left open.
    pub open: usize,
    /// Whether the ledger was begun now.
    pub begun: bool,
    /// Whether the gateway had stopped as it should, with everything written.
    pub stopped: bool,
}

impl Ledger {
    /// Opens a ledger, or begins one; mends what a crash left, and closes the calls that it left open, as they are reckoned.
    ///
    /// # Errors
    /// [`LedgerError`] says what is wrong with the folder, the journal or the key.
    pub fn open(settings: &LedgerSettings, reckon: Reckon<'_>) -> Result<(Self, Keeping, Found), LedgerError> {
        let mut home = Home::open(&settings.data, settings.origin.as_deref())?;
        let disk = home.disk();
        let journal_settings = JournalSettings { origin: home.key().name().to_owned(), ..settings.journal.clone() };
        let known = files::checkpoints(&*disk)?.iter().map(|(checkpoint, _)| checkpoint.size).max();
        let (journal, writing, recovery) = Journal::open(Arc::clone(&disk), &journal_settings, known)?;
        let former = home.check_key(&recovery.signs, files::newest(&*disk)?.as_ref())?;
        let key = home.key();
        if let Some(former) = former {
            sign_by_both(&*disk, &former, &key)?;
        }
        let found = Found {
            records: recovery.records,
            cut_bytes: recovery.cut_bytes,
            open: recovery.open.len(),
            begun: recovery.records == 0,
            stopped: recovery.stopped,
        };
        let kept = Kept {
            pseudonyms: home.pseudonyms()?,
            tenants: Some(home.tenants().clone()),
            origin: journal_settings.origin,
            key: key.verifying(),
            contents: Mutex::new(recovery.contents.iter().copied().collect()),
            watcher: settings.watcher.clone(),
        };
        let ledger = Self { journal, kept: Arc::new(kept) };
        if !recovery.stopped || !recovery.open.is_empty() {
            ledger.close_crashed(&*disk, (&recovery.open, recovery.cut_bytes), reckon)?;
        }
        let keeper = Keeper::start(
            ledger.journal.clone(),
            disk,
            key,
            KeeperSettings {
                fsync: journal_settings.fsync,
                checkpoint_interval: settings.checkpoint_interval,
                witnesses: settings.witnesses.clone(),
                keys: home.keys().clone(),
                chain: home.chain(),
            },
        )?;
        Ok((ledger, Keeping { keeper, writing, home }, found))
    }

    /// The same for the tasks of one thread, with who hands over to the writer what they record; that has to run on the
    /// same thread.
    #[must_use]
    pub fn at_desk(&self) -> (Self, Clerk) {
        let (journal, clerk) = self.journal.at_desk();
        (Self { journal, kept: Arc::clone(&self.kept) }, clerk)
    }

    /// A ledger in memory, written by whoever appends, with the disk that it is on: for what is not to leave anything
    /// behind. Its keys are known.
    ///
    /// # Errors
    /// [`LedgerError`], which memory does not have.
    pub fn in_memory() -> Result<(Self, Memory), LedgerError> {
        Self::in_memory_watched(None)
    }

    /// The same with somebody who watches.
    ///
    /// # Errors
    /// [`LedgerError`], which memory does not have.
    pub fn in_memory_watched(watcher: Option<Arc<dyn Watcher>>) -> Result<(Self, Memory), LedgerError> {
        let disk = Memory::default();
        let origin = "memory/ledger".to_owned();
        let settings = JournalSettings::new(&*origin);
        let (journal, _) = Journal::open_in_place(Arc::new(disk.clone()), &settings)?;
        let key = SigningKey::generate(&origin)?.verifying();
        let pseudonyms = Pseudonyms::new([0; 32], [0; 32]);
        let contents = Mutex::default();
        let kept = Arc::new(Kept { pseudonyms, tenants: None, origin, key, contents, watcher });
        Ok((Self { journal, kept }, disk))
    }

    fn close_crashed(
        &self,
        disk: &dyn Disk,
        (open, cut_bytes): (&[LeftOpen], u64),
        reckon: Reckon<'_>,
    ) -> Result<(), AppendError> {
        drop(self.write(Recovered { cut_bytes, open: open.len() as u64 }.into())?);
        for call in open {
            let (opened, request) = (call.opened, call.request);
            let (usage, cost) = match Entries::from(disk, opened).read() {
                Ok(Some((record, Entry { at_us, body: Body::Opened(entry) }))) if record == opened => {
                    reckon(&entry, at_us)
                }
                // It was pruned, and what is read is the first record that is left.
                _ => (Counts::default(), Some(unknown_cost())),
            };
            let usage = Some(Counts { estimated: Some("crashed".into()), ..usage });
            drop(self.write(
                Closed { opened, request, outcome: "crashed".into(), usage, cost, ..Closed::default() }.into(),
            )?);
        }
        Ok(())
    }

    /// Writes the beginning of a call.
    ///
    /// # Errors
    /// [`AppendError`] where it could not be written.
    pub fn begin(&self, opened: Opened) -> impl Future<Output = Result<OpenCall, AppendError>> + Send {
        let (request, began_us) = (opened.request, now_us());
        let entry = Box::new(Entry { at_us: began_us, body: opened.into() });
        async move {
            let opened = self.bring(entry, Mark::Opens(request)).await?;
            Ok(OpenCall { ledger: self.clone(), opened, request, began_us, closed: false, end: None })
        }
    }

    /// Writes an entry that is no part of a call.
    ///
    /// # Errors
    /// [`AppendError`] where it could not be written.
    pub fn append(&self, body: Body) -> impl Future<Output = Result<Receipt, AppendError>> + Send {
        let entry = Box::new(Entry { at_us: now_us(), body });
        let mark = Mark::of(&entry);
        async move { self.bring(entry, mark).await.map(Receipt) }
    }

    async fn bring(&self, entry: Box<Entry>, mark: Mark) -> Result<u64, AppendError> {
        self.journal.place().await?;
        let waiting = self.journal.bring(mark, self.kept.write(entry))?;
        self.journal.written(waiting).await.0
    }

    /// The same for a thread that may wait.
    ///
    /// # Errors
    /// [`AppendError`] where it could not be written.
    pub fn write(&self, body: Body) -> Result<Receipt, AppendError> {
        let entry = Box::new(Entry { at_us: now_us(), body });
        let mark = Mark::of(&entry);
        self.journal.bring_now(mark, self.kept.write(entry)).map(Receipt)
    }

    /// Leaves an entry to be written that nobody waits for.
    fn leave(&self, body: Body) {
        let entry = Box::new(Entry { at_us: now_us(), body });
        let mark = Mark::of(&entry);
        self.journal.leave_brought(mark, self.kept.write(entry));
    }

    /// Keeps what a digest stands for, once.
    ///
    /// # Errors
    /// [`AppendError`] where it could not be written.
    pub fn keep_content(&self, digest: Digest, of: &'static str, packed: Vec<u8>) -> Result<(), AppendError> {
        if !self.kept.contents.lock().unwrap_or_else(PoisonError::into_inner).insert(digest) {
            return Ok(());
        }
        self.write(Content { digest, of: of.into(), packed: "deflate".into(), bytes: packed }.into()).map(drop)
    }

    /// The digests whose content was kept, by this process or in the segment that it went on with.
    pub(crate) fn contents(&self) -> HashSet<Digest> {
        self.kept.contents.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Writes that the gateway has started, with the digests of the configuration, the catalogue and the prices in force.
    ///
    /// # Errors
    /// [`AppendError`] where it could not be written.
    pub fn started(
        &self,
        version: &'static str,
        (configuration, catalogue, prices): (Digest, Digest, Digest),
    ) -> Result<(), AppendError> {
        let (origin, key) = (self.kept.origin.clone().into(), self.kept.key.to_string().into());
        self.write(Started { version: version.into(), origin, key, configuration, catalogue, prices }.into()).map(drop)
    }

    /// Makes the disk have all that is written by now.
    ///
    /// # Errors
    /// [`AppendError`] where it does not.
    pub fn sync(&self) -> Result<(), AppendError> {
        self.journal.sync()
    }

    /// Pseudonyms and keyed digests.
    pub fn pseudonyms(&self) -> &Pseudonyms {
        &self.kept.pseudonyms
    }

    /// Destroys the key of pseudonyms, on the disk and here: whose earlier records are nobody can tell from here on, and
    /// later ones have pseudonyms under another key. Whoever asks for it records it before.
    ///
    /// # Errors
    /// Those of the disk; the former key is then still in force.
    pub fn shred_pseudonyms(&self) -> io::Result<()> {
        let key = match &self.kept.tenants {
            Some(tenants) => home::write_over_tenant_key(tenants, Pseudonyms::TENANT)?,
            None => home::random_key()?,
        };
        self.kept.pseudonyms.go_on(key);
        Ok(())
    }

    /// The name of the log.
    pub fn origin(&self) -> &str {
        &self.kept.origin
    }

    /// The key that verifies its checkpoints.
    pub fn key(&self) -> &VerifyingKey {
        &self.kept.key
    }

    /// What is known of its writer.
    pub fn gauges(&self) -> &Gauges {
        self.journal.gauges()
    }

    /// How many records wait for the writer.
    pub fn waiting(&self) -> usize {
        self.journal.waiting()
    }
}

/// Nobody knows whether anything was charged.
fn unknown_cost() -> Costs {
    Costs { status: "unknown".into(), reasons: vec!["no_usage".into()], ..Costs::default() }
}

impl OpenCall {
    /// The number of the record that opened it.
    pub const fn opened(&self) -> u64 {
        self.opened
    }

    /// The id of the request.
    pub const fn request(&self) -> RequestId {
        self.request
    }

    /// Writes the end of the call. Where the future is dropped, the end is written all the same, once.
    ///
    /// # Errors
    /// [`AppendError`] where it could not be written; it is then left to be written as soon as that is possible.
    pub fn close(mut self, closed: Closed) -> impl Future<Output = Result<Receipt, AppendError>> + Send {
        let closed = Closed { opened: self.opened, request: self.request, ..closed };
        let mark = Mark::Closes(self.opened);
        self.end = Some(Box::new(Entry { at_us: now_us(), body: closed.into() }));
        async move {
            let mut call = self;
            let journal = call.ledger.journal.clone();
            journal.place().await?;
            let Some(entry) = call.end.take() else { return Err(AppendError::Closed) };
            let waiting = journal.bring(mark, call.ledger.kept.write(entry))?;
            call.closed = true;
            let (written, waiting) = journal.written(waiting).await;
            // What is late may still be written; what was refused is not there.
            if !matches!(written, Ok(_) | Err(AppendError::Slow { .. })) {
                call.end = waiting.take_back().and_then(|record| Entry::of_bytes(&record).ok()).map(Box::new);
                call.closed = call.end.is_none();
            }
            written.map(Receipt)
        }
    }

    /// Leaves the end of the call to be written, where nobody waits for it any more.
    pub fn leave(mut self, closed: Closed) {
        self.closed = true;
        self.ledger.leave(Closed { opened: self.opened, request: self.request, ..closed }.into());
    }
}

impl Drop for OpenCall {
    fn drop(&mut self) {
        if self.closed {
            return;
        }
        // What was known of its end is told, where it could not be written before.
        if let Some(entry) = self.end.take() {
            return self.ledger.leave(entry.body);
        }
        let total_us = now_us().saturating_sub(self.began_us);
        let usage = Some(Counts { estimated: Some("cut_off".into()), ..Counts::default() });
        let cost = Some(unknown_cost());
        let (opened, request) = (self.opened, self.request);
        let outcome = "abandoned".into();
        self.ledger.leave(Closed { opened, request, outcome, usage, cost, total_us, ..Closed::default() }.into());
    }
}

impl Keeping {
    /// Ends the ledger: writes that the gateway has stopped, signs a last checkpoint, and waits for the writer. Who still
    /// holds the ledger is told that it is closed.
    ///
    /// # Errors
    /// [`AppendError`] where the last entry could not be written.
    pub fn stop(self, ledger: &Ledger, open: u64) -> Result<(), AppendError> {
        self.end(ledger, open).map(drop)
    }

    fn end(self, ledger: &Ledger, open: u64) -> Result<Home, AppendError> {
        ledger.journal.bring_orphans();
        let outcome = ledger.write(Stopped { open }.into()).map(drop);
        self.keeper.stop();
        ledger.journal.end();
        self.writing.join();
        outcome.map(|()| self.home)
    }

    /// Ends the ledger and lets another key sign from here on: the change is on record, vouched for by the key that signed
    /// until now, and the last checkpoint is signed by both. Gives the other half of the new key, for verifiers.
    ///
    /// # Errors
    /// [`LedgerError`]; the former key then goes on.
    pub fn hand_over(self, ledger: &Ledger) -> Result<VerifyingKey, LedgerError> {
        let from = self.home.key();
        let to = SigningKey::generate(from.name())?;
        let text = to.verifying().to_string();
        self.home.keep_next(&to)?;
        let signature = from.sign(text.as_bytes());
        let change = KeyChanged { from: from.verifying().to_string().into(), to: text.into(), signature };
        drop(ledger.write(change.into())?);
        let home = self.end(ledger, 0)?;
        home.take_next(&to)?;
        sign_by_both(&*home.disk(), &from, &to)?;
        Ok(to.verifying())
    }
}

/// Lets both keys of a change sign the last checkpoint, so that who has only the latter key is shown something by it.
fn sign_by_both(disk: &dyn Disk, from: &SigningKey, to: &SigningKey) -> io::Result<()> {
    match files::checkpoints(disk)?.pop() {
        Some((checkpoint, _)) => files::keep(disk, &checkpoint.signed(&[from, to])),
        None => Ok(()),
    }
}
