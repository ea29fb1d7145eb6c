//! The folder in which a gateway keeps its state.
//!
//! ```text
//! DATA/
//!   lock               held by the gateway that writes
//!   ledger/            segments, their hashes, checkpoints
//!   keys/ledger        the key that signs checkpoints; keys/ledger.pub for verifiers; keys/ledger.next while it is changed;
//!                      keys/ledger.chain once it was, each key vouched for by the one before it
//!   keys/others        by which key each other log is known whose checkpoints were seen, and what it showed last
//!   keys/digests       the key of digests of what is not kept
//!   tenants/NAME.key   the key of a tenant's pseudonyms; without it nobody can tell whose they are, and another may take
//!                      its place
//! ```

use crate::checkpoint::{Checkpoint, KeyChain, KeyError, Note, SigningKey};
use crate::journal::disk::{Disk, Folder};
use crate::journal::segment;
use crate::own_key::{Expected, Signs};
use crate::pseudonym::Pseudonyms;
use aws_lc_rs::rand::{SecureRandom as _, SystemRandom};
use rustix::fs::{FlockOperation, flock};
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

const LOCK: &str = "lock";
const LEDGER: &str = "ledger";
const KEYS: &str = "keys";
const TENANTS: &str = "tenants";
const SIGNING: &str = "ledger";
const VERIFYING: &str = "ledger.pub";
const DIGESTS: &str = "digests";

/// What the next key that signs is called until the change to it is on record.
const NEXT: &str = "ledger.next";
/// The keys that signed and the one that does, each vouched for by the one before it.
const CHAIN: &str = "ledger.chain";
/// The folders with what is secret, beside that of the journal.
pub(crate) const SECRETS: [&str; 2] = [TENANTS, KEYS];

/// A folder that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum HomeError {
    /// It cannot be read or written.
    #[error("the folder {} cannot be used: {error}; name another with --data", path.display())]
    Disk {
        /// The folder.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// Another gateway writes there.
    #[error("another process writes to {}; a gateway needs a folder of its own: name one with --data", path.display())]
    Held {
        /// The folder.
        path: PathBuf,
    },
    /// There are records, and the key that signed them is gone.
    #[error("there is a ledger, and its key {} is missing; put the folder of keys back from a backup", path.display())]
    NoKey {
        /// Where it should be.
        path: PathBuf,
    },
    /// The key is another than that of the records.
    #[error(
        "the key in {} is {found}, and the records of this ledger name {expected}; nothing was written. Put the folder of \
         keys of this ledger back from a backup, or name with --data the folder to which that key belongs",
        path.display()
    )]
    OtherKey {
        /// The file.
        path: PathBuf,
        /// The key in it, as a verifier takes it.
        found: String,
        /// The key that the records name, or as much as they say of it.
        expected: String,
    },
    /// There are records, and the key of their digests is gone.
    #[error(
        "there is a ledger, and {}, the key of the digests in its records, is missing; put the folder of keys back from a \
         backup. Where it is lost, put 32 random bytes there: digests before and after are then not the same for the same \
         name",
        path.display()
    )]
    NoDigests {
        /// Where it should be.
        path: PathBuf,
    },
    /// A key is none.
    #[error("the key in {}: {error}", path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        error: KeyError,
    },
}

/// The folder, held by this process.
#[derive(Debug)]
pub struct Home {
    ledger: Folder,
    keys: Folder,
    tenants: Folder,
    /// Where the key lies.
    key_file: PathBuf,
    key: Arc<SigningKey>,
    digests: [u8; 32],
    /// Held until this is dropped.
    _lock: File,
}

impl Home {
    /// Takes a folder, and makes in it what is missing.
    ///
    /// # Errors
    /// [`HomeError`] where it cannot be used, or is held by somebody else.
    pub fn open(data: &Path, origin: Option<&str>) -> Result<Self, HomeError> {
        let failed = |error| HomeError::Disk { path: data.to_owned(), error };
        let folder = Folder::new(data).map_err(failed)?;
        folder.append(LOCK).map_err(failed)?;
        let lock = File::open(data.join(LOCK)).map_err(failed)?;
        if flock(&lock, FlockOperation::NonBlockingLockExclusive).is_err() {
            return Err(HomeError::Held { path: data.to_owned() });
        }
        let folder = |name: &str| Folder::new(&data.join(name)).map_err(failed);
        let (ledger, tenants, keys) = (folder(LEDGER)?, folder(TENANTS)?, folder(KEYS)?);
        let key_file = data.join(KEYS).join(SIGNING);
        let is_begun = !segment::list(&ledger).map_err(failed)?.is_empty();
        let of_key = |error| HomeError::Key { path: key_file.clone(), error };
        let key = match text(&keys, SIGNING).map_err(failed)? {
            Some(text) => SigningKey::parse(&text).map_err(of_key)?,
            // Another key, and another name, would make the records that are there nobody's.
            None if is_begun => return Err(HomeError::NoKey { path: key_file }),
            None => {
                let mut tail = [0; 4];
                random(&mut tail).map_err(of_key)?;
                let usual = format!("switchtower.local/{:08x}", u32::from_be_bytes(tail));
                let key = SigningKey::generate(origin.unwrap_or(&usual)).map_err(of_key)?;
                keys.replace(SIGNING, format!("{}\n", key.expose()).as_bytes()).map_err(failed)?;
                key
            }
        };
        // Another one would give other digests for the same names, and nobody would know from where on.
        if is_begun && keys.read(DIGESTS, 0).map_err(failed)?.is_none() {
            return Err(HomeError::NoDigests { path: data.join(KEYS).join(DIGESTS) });
        }
        let digests = secret(&keys, DIGESTS).map_err(failed)?;
        Ok(Self { ledger, keys, tenants, key_file, key: Arc::new(key), digests, _lock: lock })
    }

    /// Holds the key against what the records say of it, and leaves its other half for verifiers. Where a change of keys
    /// was recorded and then broke off, it is done to its end, and the former key is given.
    ///
    /// # Errors
    /// [`HomeError::OtherKey`] where the records name another key, and those of the disk.
    pub(crate) fn check_key(
        &mut self,
        signs: &Signs,
        newest: Option<&(Checkpoint, Note)>,
    ) -> Result<Option<Arc<SigningKey>>, HomeError> {
        let failed = |error| HomeError::Disk { path: self.key_file.clone(), error };
        let own = self.key.verifying();
        let other = |expected| HomeError::OtherKey { path: self.key_file.clone(), found: own.to_string(), expected };
        match signs.expected(&own, newest) {
            Expected::Own => {
                self.keys.replace(VERIFYING, format!("{own}\n").as_bytes()).map_err(failed)?;
                Ok(None)
            }
            Expected::Named(expected) => Err(other(expected)),
            Expected::Other(expected) => {
                let next = text(&self.keys, NEXT).map_err(failed)?.and_then(|text| SigningKey::parse(&text).ok());
                let next = next.filter(|next| next.verifying() == expected);
                let next = next.ok_or_else(|| other(expected.to_string()))?;
                self.take_next(&next).map_err(failed)?;
                Ok(Some(std::mem::replace(&mut self.key, Arc::new(next))))
            }
        }
    }

    /// The folder of the journal.
    pub fn disk(&self) -> Arc<dyn Disk> {
        Arc::new(self.ledger.clone())
    }

    /// The key that signs checkpoints.
    pub fn key(&self) -> Arc<SigningKey> {
        Arc::clone(&self.key)
    }

    /// The folder of keys.
    pub(crate) const fn keys(&self) -> &Folder {
        &self.keys
    }

    /// The key that signs, with those before it as far as they are known.
    pub(crate) fn chain(&self) -> KeyChain {
        let own = self.key.verifying();
        let kept = text(&self.keys, CHAIN).ok().flatten();
        kept.and_then(|text| KeyChain::parse(&text)?.until(&own)).unwrap_or_else(|| KeyChain::of(own))
    }

    /// Keeps a key that is to sign, until [`Self::take_next`] puts it in place of the one that does.
    ///
    /// # Errors
    /// Those of the disk.
    pub(crate) fn keep_next(&self, key: &SigningKey) -> io::Result<()> {
        // What is vouched for here and never signs is passed over by who reads it.
        self.keys.replace(CHAIN, self.chain().and(&self.key, key.verifying()).to_string().as_bytes())?;
        self.keys.replace(NEXT, format!("{}\n", key.expose()).as_bytes())
    }

    /// Puts a key in place of the one that signed.
    ///
    /// # Errors
    /// Those of the disk.
    pub(crate) fn take_next(&self, key: &SigningKey) -> io::Result<()> {
        self.keys.replace(SIGNING, format!("{}\n", key.expose()).as_bytes())?;
        self.keys.replace(VERIFYING, format!("{}\n", key.verifying()).as_bytes())?;
        self.keys.remove(NEXT)?;
        self.keys.sync_names()
    }

    /// Pseudonyms under the tenants' keys.
    ///
    /// # Errors
    /// Those of the disk.
    pub fn pseudonyms(&self) -> io::Result<Pseudonyms> {
        let tenant = secret(&self.tenants, &tenant_key(Pseudonyms::TENANT))?;
        Ok(Pseudonyms::new(tenant, self.digests))
    }

    /// The folder of the tenants' keys.
    pub(crate) const fn tenants(&self) -> &Folder {
        &self.tenants
    }
}

/// Whether a folder has a ledger.
pub(crate) fn is_there(data: &Path) -> bool {
    segment::list(&journal_of(data)).is_ok_and(|segments| !segments.is_empty())
}

/// The folder of a journal, for reading it without holding it.
pub fn journal_of(data: &Path) -> Folder {
    Folder::existing(&data.join(LEDGER))
}

/// The key that verifies the checkpoints of a folder, as that folder says.
pub fn key_of(data: &Path) -> Option<String> {
    text(&Folder::existing(&data.join(KEYS)), VERIFYING).ok().flatten()
}

/// Pseudonyms as a folder has them, for reading it without holding it; nothing where it has no keys of them.
pub fn pseudonyms_of(data: &Path) -> Option<Pseudonyms> {
    let key = |folder: &str, name: &str| {
        let mut key = [0; 32];
        Folder::existing(&data.join(folder)).read(name, 0).ok()??.read_exact(&mut key).ok()?;
        Some(key)
    };
    Some(Pseudonyms::new(key(TENANTS, &tenant_key(Pseudonyms::TENANT))?, key(KEYS, DIGESTS)?))
}

fn tenant_key(tenant: &str) -> String {
    format!("{tenant}.key")
}

/// Destroys the key of a tenant's pseudonyms: another one is written over its bytes, and given.
///
/// # Errors
/// Those of the disk.
pub(crate) fn write_over_tenant_key(tenants: &Folder, tenant: &str) -> io::Result<[u8; 32]> {
    let (key, name) = (random_key()?, tenant_key(tenant));
    // In its place, so that at no moment there is neither key, or one that anybody could guess.
    match OpenOptions::new().write(true).open(tenants.path().join(&name)) {
        Ok(mut file) => file.write_all(&key).and_then(|()| file.sync_all())?,
        // Somebody has removed it.
        Err(error) if error.kind() == io::ErrorKind::NotFound => tenants.replace(&name, &key)?,
        Err(error) => return Err(error),
    }
    Ok(key)
}

pub(crate) fn text(folder: &Folder, name: &str) -> io::Result<Option<String>> {
    let Some(mut file) = folder.read(name, 0)? else { return Ok(None) };
    let mut text = String::new();
    file.read_to_string(&mut text)?;
    Ok(Some(text.trim().to_owned()))
}

/// The secret in a file, made where it is missing.
fn secret(folder: &Folder, name: &str) -> io::Result<[u8; 32]> {
    let Some(mut file) = folder.read(name, 0)? else {
        let secret = random_key()?;
        folder.replace(name, &secret)?;
        return Ok(secret);
    };
    let mut secret = [0; 32];
    file.read_exact(&mut secret)?;
    Ok(secret)
}

pub(crate) fn random_key() -> io::Result<[u8; 32]> {
    let mut key = [0; 32];
    random(&mut key).map_err(io::Error::other)?;
    Ok(key)
}

fn random(bytes: &mut [u8]) -> Result<(), KeyError> {
    SystemRandom::new().fill(bytes).map_err(|_| KeyError::Randomness)
}
