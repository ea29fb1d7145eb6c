//! What is known of other logs that leave checkpoints where this one does: under which key each was seen, and what it
//! showed last.
//!
//! The key that was seen first for a name is the one that is believed, and after it those which it handed over to
//! (decision 0056). It is remembered over starts, in `keys/others`, one log a line: key, size, root.

use crate::checkpoint::{Checkpoint, KeyChain, Note, VerifyingKey};
use crate::home;
use crate::journal::disk::{Disk as _, Folder};
use crate::merkle::{HASH_BYTES, Hash};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;

/// The file in the folder of keys.
const FILE: &str = "others";

/// What was seen last of another log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Other {
    /// The key that it is believed by.
    pub(crate) key: VerifyingKey,
    pub(crate) size: u64,
    pub(crate) root: Hash,
}

/// Why a checkpoint of another log is not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unbelieved {
    /// It lies under a name that is not its log's.
    #[error("its file is not named as that of its log is")]
    Misplaced,
    /// There is no key to hold it against.
    #[error(
        "no key of that log is known, and its file of keys, which its gateway leaves beside it, is missing or is none"
    )]
    NoKey,
    /// The key beside it did not sign it.
    #[error("the key beside it did not sign it")]
    Unsigned,
    /// It is not of the key that was seen first.
    #[error(
        "it is signed neither by {known}, by which that log is known here, nor by a key that one handed over to; if that \
         log was begun anew, remove its line from keys/others while this gateway is stopped"
    )]
    Stranger {
        /// The key that is known.
        known: VerifyingKey,
    },
}

/// Other logs by their names.
#[derive(Debug)]
pub(crate) struct Others {
    keys: Folder,
    known: BTreeMap<String, Other>,
}

impl Others {
    /// Those that a folder of keys remembers. A line that cannot be read is passed over: that log is then seen anew.
    pub(crate) fn of(keys: Folder) -> Self {
        let text = home::text(&keys, FILE).ok().flatten().unwrap_or_default();
        let known = text.lines().filter_map(line).map(|other| (other.key.name().to_owned(), other)).collect();
        Self { keys, known }
    }

    /// What is known of a log.
    pub(crate) fn get(&self, origin: &str) -> Option<&Other> {
        self.known.get(origin)
    }

    /// The key by which a checkpoint is believed; `beside` is what lies beside it as the keys of its log.
    pub(crate) fn key(
        &self,
        checkpoint: &Checkpoint,
        note: &Note,
        beside: Option<&KeyChain>,
    ) -> Result<VerifyingKey, Unbelieved> {
        let signed = |key: &&VerifyingKey| key.name() == checkpoint.origin && note.is_signed_by(key);
        match self.get(&checkpoint.origin).map(|other| &other.key) {
            Some(known) => {
                let handed = beside.into_iter().flat_map(KeyChain::keys).skip_while(|key| *key != known).skip(1);
                // The newest that signed: where a log handed over, it is not believed by its former key for ever.
                let found = std::iter::once(known).chain(handed).filter(signed).last();
                found.cloned().ok_or_else(|| Unbelieved::Stranger { known: known.clone() })
            }
            None => {
                let key = beside.map(KeyChain::newest).ok_or(Unbelieved::NoKey)?;
                Some(key).filter(signed).cloned().ok_or(Unbelieved::Unsigned)
            }
        }
    }

    /// Remembers what was seen.
    ///
    /// # Errors
    /// Those of the disk; it is remembered until the gateway stops.
    pub(crate) fn remember(&mut self, other: Other) -> io::Result<()> {
        self.known.insert(other.key.name().to_owned(), other);
        let mut text = String::new();
        for Other { key, size, root } in self.known.values() {
            let _ = writeln!(text, "{key} {size} {}", STANDARD.encode(root.0));
        }
        self.keys.replace(FILE, text.as_bytes())
    }
}

fn line(line: &str) -> Option<Other> {
    let mut parts = line.split(' ');
    let (key, size, root) = (parts.next()?, parts.next()?, parts.next()?);
    let root: [u8; HASH_BYTES] = STANDARD.decode(root).ok()?.try_into().ok()?;
    Some(Other { key: VerifyingKey::parse(key).ok()?, size: size.parse().ok()?, root: Hash(root) })
}
