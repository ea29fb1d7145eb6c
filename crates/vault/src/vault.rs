//! Keeps content, and destroys it when its time is over. One gateway has it; the ledger knows of each step before it is
//! taken.

use crate::error::VaultError;
use crate::folder::{TenantFolder, content_of, items_file};
use crate::item::{Item, Stored, digest};
use crate::key::{DataKey, KeyFile, KeyName};
use crate::master::MasterKey;
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use switchtower_ledger::journal::disk::{Appended, Disk};
use switchtower_ledger::record::{Body, Deleted, Entry, Kept, Rewrapped, Shredded};
use switchtower_ledger::{Entries, Found, Ledger, Pseudonyms};

/// The size at which a file of content is full, and another key begins.
const FILE_BYTES: u64 = 64 << 20;
/// The most files that are written to at once; the one whose time is over first is left then.
const FILES_MAX: usize = 64;
/// Steps of the moment at which content is destroyed, in seconds: a day, an hour, a minute, a second.
const STEPS_S: [u64; 4] = [86_400, 3600, 60, 1];
/// A step is no more than this part of the time for which something is kept.
const STEPS_IN_TIME: u64 = 24;

/// The moment at which something is destroyed, in seconds since 1970, where it is kept for a time from now on. What is
/// kept for about as long goes together, with one key, and nothing is kept for longer than was said: moments are rounded
/// down to days, hours, minutes or seconds, whichever is at most a part of 24 of that time.
pub fn until_s(now_s: u64, keep: Duration) -> u64 {
    let keep_s = keep.as_secs().max(1);
    let step = STEPS_S.into_iter().find(|step| *step <= keep_s / STEPS_IN_TIME).unwrap_or(1);
    let until = now_s.saturating_add(keep_s);
    until - until % step
}

/// The tenants that anything is kept of, in a folder of data.
///
/// # Errors
/// Those of the disk.
pub fn tenants(data: &Path) -> Result<Vec<String>, VaultError> {
    Ok(TenantFolder::all(&content_of(data))?.into_iter().map(|folder| folder.tenant).collect())
}

/// Whether anything was ever kept in a folder.
pub fn is_there(data: &Path) -> bool {
    TenantFolder::all(&content_of(data)).map_or(true, |folders| !folders.is_empty())
}

pub(crate) fn now_s() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// Keeps content, and destroys it.
#[derive(Debug)]
pub struct Vault {
    content: PathBuf,
    /// Nothing where there is none, so that what is there can only be destroyed.
    master: Option<MasterKey>,
    /// The files that are written to, by whose they are and when they are destroyed.
    open: HashMap<(Arc<str>, u64), OpenFile>,
}

/// A file that is written to. A gateway that starts never goes on with one of before, and so needs no key of before.
#[derive(Debug)]
struct OpenFile {
    name: KeyName,
    key: DataKey,
    folder: TenantFolder,
    file: Arc<dyn Appended>,
    bytes: u64,
    synced: bool,
}

/// What lies under one key.
#[derive(Debug, Clone, Copy, Default)]
struct Extent {
    items: u64,
    bytes: u64,
}

impl Vault {
    /// Takes the folder, mends what a crash left, and records what it lost. It is held by who holds the ledger.
    ///
    /// # Errors
    /// [`VaultError`] says what cannot be read or written.
    pub fn open(
        data: &Path,
        master: Option<MasterKey>,
        (ledger, found): (&Ledger, &Found),
        journal: &dyn Disk,
    ) -> Result<Self, VaultError> {
        let content = content_of(data);
        let last = mend(&content, found.records)?;
        // Of a folder in which nothing was ever kept nothing can be lost, and its ledger need not be read.
        if !found.stopped && (master.is_some() || is_there(data)) {
            record_lost(ledger, journal, last.map_or(0, |last| last + 1))?;
        }
        Ok(Self { content, master, open: HashMap::new() })
    }

    /// Keeps a part. What cannot be written after it is on record is on record as that.
    ///
    /// # Errors
    /// [`VaultError`]; nothing is kept then.
    pub fn keep(&mut self, ledger: &Ledger, mut item: Item) -> Result<(), VaultError> {
        let bytes = item.bytes.len() as u64;
        let file = match self.file(&item.tenant, item.until_s) {
            Ok(file) => file,
            Err(error) => {
                let (tenant, opened) = (item.tenant.to_string().into(), Some(item.opened));
                let failed = Deleted { tenant, reason: "failed".into(), items: 1, opened, ..Deleted::default() };
                drop(ledger.write(failed.into())?);
                return Err(error);
            }
        };
        let name = file.name;
        let sealed = file.key.seal(&mut item, name).ok_or(VaultError::Cipher)?;
        let kept = Kept {
            opened: item.opened,
            request: item.request,
            tenant: item.tenant.to_string().into(),
            rule: item.rule.to_string().into(),
            part: item.part.as_str().into(),
            bytes,
            left_out: item.left_out,
            key: name.to_string().into(),
            until_us: name.until_us(),
            sealed: digest(&sealed),
        };
        let record = ledger.write(kept.into())?.record();
        let (request, part, left_out) = (item.request, item.part, item.left_out);
        let mut framed = Vec::new();
        let fits = Stored { record, request, part, left_out, sealed: &sealed }.write(&mut framed);
        let written = if fits { file.file.write(&framed) } else { Err(std::io::ErrorKind::FileTooLarge.into()) };
        file.synced = false;
        let Err(error) = written else {
            file.bytes += framed.len() as u64;
            return Ok(());
        };
        // Half of it may be there. Where it cannot be cut off, nothing more goes into that file.
        let (before, path) = (file.bytes, file.folder.items_path(name));
        if file.file.cut(before).is_err() {
            self.open.remove(&(item.tenant.clone(), item.until_s));
        }
        let failed = Deleted {
            tenant: item.tenant.to_string().into(),
            key: Some(name.to_string().into()),
            reason: "failed".into(),
            items: 1,
            kept: Some(record),
            ..Deleted::default()
        };
        drop(ledger.write(failed.into())?);
        Err(VaultError::Disk { path, error })
    }

    fn file(&mut self, tenant: &Arc<str>, until_s: u64) -> Result<&mut OpenFile, VaultError> {
        let place = (Arc::clone(tenant), until_s);
        if self.open.get(&place).is_none_or(|file| file.bytes >= FILE_BYTES) {
            let file = self.begin(tenant, until_s)?;
            if self.open.len() >= FILES_MAX {
                let first = self.open.keys().min_by_key(|(_, until)| *until).cloned();
                first.and_then(|first| self.open.remove(&first)).map_or(Ok(()), |mut file| file.sync())?;
            }
            if let Some(mut full) = self.open.insert(place.clone(), file) {
                full.sync()?;
            }
        }
        self.open.get_mut(&place).ok_or(VaultError::Cipher)
    }

    fn begin(&self, tenant: &str, until_s: u64) -> Result<OpenFile, VaultError> {
        let folder = TenantFolder::new(&self.content, tenant)?;
        let master = self.master.as_ref().ok_or(VaultError::NoMaster)?;
        let name = KeyName::draw(until_s).ok_or(VaultError::Cipher)?;
        let key = DataKey::draw().ok_or(VaultError::Cipher)?;
        let file = KeyFile::wrap(&key, master, tenant, name).ok_or(VaultError::Cipher)?;
        folder.write_key(name, &file)?;
        let path = folder.items_path(name);
        let file = folder.files().append(&items_file(name)).map_err(VaultError::disk(&path))?;
        Ok(OpenFile { name, key, folder, file, bytes: 0, synced: true })
    }

    /// Makes the disk have what was kept.
    ///
    /// # Errors
    /// Those of the disk.
    pub fn sync(&mut self) -> Result<(), VaultError> {
        self.open.values_mut().try_for_each(OpenFile::sync)
    }

    /// Destroys what was to be kept until a moment or before, in seconds since 1970; a moment to come is ahead of its time.
    /// Gives how many parts that were.
    ///
    /// # Errors
    /// [`VaultError`]; what was not recorded as destroyed is still there.
    pub fn expire(&mut self, ledger: &Ledger, at_s: u64) -> Result<u64, VaultError> {
        self.open.retain(|(_, until), _| *until > at_s);
        let (now_s, mut destroyed) = (now_s(), 0);
        for folder in TenantFolder::all(&self.content)? {
            for name in folder.keys()?.into_iter().filter(|name| name.until_s <= at_s) {
                let extent = extent(&folder, name)?;
                let deleted = Deleted {
                    tenant: folder.tenant.clone().into(),
                    key: Some(name.to_string().into()),
                    reason: if name.until_s <= now_s { "expired" } else { "ordered" }.into(),
                    items: extent.items,
                    bytes: extent.bytes,
                    ..Deleted::default()
                };
                drop(ledger.write(deleted.into())?);
                folder.destroy(name)?;
                destroyed += extent.items;
            }
        }
        Ok(destroyed)
    }

    /// Destroys all that is kept of a tenant and, where that is wanted, the key of its pseudonyms: then nobody can tell any
    /// more whose its records are until now. Gives how many parts that were.
    ///
    /// # Errors
    /// [`VaultError`]; what was not recorded as destroyed is still there.
    pub fn shred(&mut self, ledger: &Ledger, tenant: &str, pseudonyms: bool) -> Result<u64, VaultError> {
        self.open.retain(|(of, _), _| **of != *tenant);
        let pseudonyms = pseudonyms && Pseudonyms::are_of(tenant);
        let folder = TenantFolder::all(&self.content)?.into_iter().find(|folder| folder.tenant == tenant);
        let mut all = Vec::new();
        if let Some(folder) = &folder {
            for name in folder.keys()? {
                all.push((folder, name, extent(folder, name)?));
            }
        }
        let (items, bytes) = all.iter().fold((0, 0), |sum, (_, _, one)| (sum.0 + one.items, sum.1 + one.bytes));
        let shredded = Shredded { tenant: tenant.to_owned().into(), keys: all.len() as u64, items, bytes, pseudonyms };
        drop(ledger.write(shredded.into())?);
        all.into_iter().try_for_each(|(folder, name, _)| folder.destroy(name))?;
        if pseudonyms {
            // No look into the files finds out that a key was there, so that the record of it must not be lost.
            ledger.sync()?;
            ledger.shred_pseudonyms().map_err(|error| VaultError::Pseudonyms { error })?;
        }
        Ok(items)
    }
}

impl Vault {
    /// Wraps every key that another master key wraps by the one of this vault; the content stays as it is. Gives how many
    /// keys that were.
    ///
    /// # Errors
    /// [`VaultError::Key`] where the master key of one is not among the former ones; then nothing is changed.
    pub fn rewrap(&mut self, ledger: &Ledger, former: &[MasterKey]) -> Result<u64, VaultError> {
        let master = self.master.as_ref().ok_or(VaultError::NoMaster)?;
        let mut rewrapped = Vec::new();
        for folder in TenantFolder::all(&self.content)? {
            for name in folder.keys()? {
                let Some(file) = folder.key_file(name)?.filter(|file| file.master() != master.id()) else {
                    continue;
                };
                let key = file.unwrap(former, &folder.tenant, name).map_err(VaultError::key(&folder.key_path(name)))?;
                let file = KeyFile::wrap(&key, master, &folder.tenant, name).ok_or(VaultError::Cipher)?;
                rewrapped.push((folder.clone(), name, file));
            }
        }
        let keys = rewrapped.len() as u64;
        if keys > 0 {
            drop(ledger.write(Rewrapped { master: master.id().to_owned().into(), keys }.into())?);
        }
        rewrapped.into_iter().try_for_each(|(folder, name, file)| folder.write_key(name, &file))?;
        Ok(keys)
    }
}

impl OpenFile {
    fn sync(&mut self) -> Result<(), VaultError> {
        if !self.synced {
            self.file.sync().map_err(VaultError::disk(&self.folder.items_path(self.name)))?;
            self.synced = true;
        }
        Ok(())
    }
}

/// How much there is under a key, as far as it can be read.
fn extent(folder: &TenantFolder, name: KeyName) -> Result<Extent, VaultError> {
    let bytes = folder.items(name)?;
    let items = Stored::all(&bytes).filter(Result::is_ok).count() as u64;
    Ok(Extent { items, bytes: bytes.len() as u64 })
}

/// Cuts off what a crash left half written, and what is there of records that the ledger lost with the machine's power.
/// Gives the number of the last record of which something is there.
fn mend(content: &Path, records: u64) -> Result<Option<u64>, VaultError> {
    let mut last = None;
    for folder in TenantFolder::all(content)? {
        folder.remove_halves()?;
        for name in folder.keys()? {
            let bytes = folder.items(name)?;
            let mut whole = 0;
            for stored in Stored::all(&bytes).map_while(Result::ok).take_while(|stored| stored.record < records) {
                whole += stored.bytes_in_file();
                last = last.max(Some(stored.record));
            }
            if whole < bytes.len() as u64 {
                let path = folder.items_path(name);
                let file = folder.files().append(&items_file(name)).map_err(VaultError::disk(&path))?;
                file.cut(whole).and_then(|()| file.sync()).map_err(VaultError::disk(&path))?;
                tracing::warn!(file = %path.display(), "kept content was cut where a crash left it half written");
            }
        }
    }
    Ok(last)
}

/// Parts are written in the order of their records, so that what a crash lost is behind the last that is there.
fn record_lost(ledger: &Ledger, journal: &dyn Disk, first: u64) -> Result<(), VaultError> {
    let mut lost: Vec<(u64, Kept)> = Vec::new();
    let mut gone: HashSet<u64> = HashSet::new();
    let mut entries = Entries::from(journal, first);
    while let Some((record, Entry { body, .. })) = entries.read()? {
        match body {
            Body::Kept(kept) => lost.push((record, kept)),
            Body::Deleted(deleted) => match deleted.kept {
                Some(kept) => drop(gone.insert(kept)),
                None => {
                    lost.retain(|(_, kept)| kept.tenant != deleted.tenant || Some(&kept.key) != deleted.key.as_ref())
                }
            },
            Body::Shredded(shredded) => lost.retain(|(_, kept)| kept.tenant != shredded.tenant),
            _ => {}
        }
    }
    for (record, kept) in lost.into_iter().filter(|(record, _)| !gone.contains(record)) {
        let Kept { tenant, key, .. } = kept;
        let lost = Deleted {
            tenant,
            key: Some(key),
            reason: "lost".into(),
            items: 1,
            kept: Some(record),
            ..Deleted::default()
        };
        drop(ledger.write(lost.into())?);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
