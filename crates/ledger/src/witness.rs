//! Witnesses that are asked over the network: each keeps the newest checkpoint of a log that it has seen, and signs the
//! next one only where that continues it. So nobody can tell two stories of a log to who asks for a witness's signature.
//!
//! It makes what is sent and reads what comes back; who sends it is elsewhere.
//! Sources: <https://c2sp.org/tlog-witness>, <https://c2sp.org/tlog-cosignature>.

use crate::checkpoint::{Checkpoint, Note, SignatureLine, WitnessKey};
use crate::files;
use crate::journal::disk::Disk;
use crate::journal::segment::{self, Reader, SegmentError};
use crate::merkle::{Frontier, Hash};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::fmt::Write as _;
use std::io;

/// A witness: where checkpoints are sent, and the key by which its signatures are known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WitnessAddress {
    /// The address beneath which it takes checkpoints, without a slash at its end.
    pub url: String,
    /// Its key, where that is known: then signatures of others are not taken.
    pub key: Option<WitnessKey>,
}

/// A witness's address that is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// It does not begin as an address does.
    #[error("an address of a witness begins with http:// or https://")]
    Url,
    /// What stands behind it is no key.
    #[error("behind the address may stand the key of the witness, written as NAME+ID+BASE64, and nothing else")]
    Key,
}

impl WitnessAddress {
    /// Whether a text is meant to be one, and not a folder.
    pub fn is_meant(text: &str) -> bool {
        text.starts_with("http://") || text.starts_with("https://")
    }

    /// Reads `URL` or `URL KEY`.
    ///
    /// # Errors
    /// [`AddressError`].
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let (url, key) =
            text.trim().split_once(' ').map_or_else(|| (text.trim(), None), |(url, key)| (url, Some(key.trim())));
        if !Self::is_meant(url) {
            return Err(AddressError::Url);
        }
        let key = key.map(|key| WitnessKey::parse(key).map_err(|_| AddressError::Key)).transpose()?;
        Ok(Self { url: url.trim_end_matches('/').to_owned(), key })
    }

    /// Where a checkpoint is sent.
    pub fn submission(&self) -> String {
        format!("{}/add-checkpoint", self.url)
    }
}

/// What a witness said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// It signed: these are the lines.
    Cosigned(Vec<SignatureLine>),
    /// It knows another size than the one that was thought, and wants to be shown how the log grew from there.
    Knows(u64),
}

/// Why a witness did not sign.
#[derive(Debug, thiserror::Error)]
pub enum WitnessError {
    /// It says no.
    #[error("it answered with status {status}")]
    Refused {
        /// The status.
        status: u16,
    },
    /// What it says is no signature of it.
    #[error("its answer has no signature of its key over the checkpoint")]
    Unsigned,
    /// It knows of more records than there are: this log was rolled back, or is another one of the same name.
    #[error("it knows of {known} records, and there are {size}: this ledger was rolled back, or its name is another's")]
    Ahead {
        /// What it knows of.
        known: u64,
        /// What is there.
        size: u64,
    },
    /// The journal could not be read.
    #[error(transparent)]
    Segment(#[from] SegmentError),
    /// The disk could not be read or written.
    #[error("the disk of the ledger: {0}")]
    Disk(#[from] io::Error),
}

/// What one witness knows of a log.
#[derive(Debug, Default)]
pub struct Witnessed {
    tree: Frontier,
}

impl Witnessed {
    /// How many records it knows of.
    pub const fn size(&self) -> u64 {
        self.tree.size()
    }

    /// It was told of a size that it says: from there it is shown how the log grew.
    ///
    /// # Errors
    /// [`WitnessError`], where it knows of more than there is.
    pub fn knows(&mut self, disk: &dyn Disk, size: u64) -> Result<(), WitnessError> {
        let mut tree = Frontier::new();
        each_leaf(disk, 0, size, |leaf| tree.push(leaf))?;
        if tree.size() < size {
            return Err(WitnessError::Ahead { known: size, size: tree.size() });
        }
        self.tree = tree;
        Ok(())
    }

    /// What is sent for a checkpoint: the size that it knows, how the log grew since then, and the checkpoint.
    ///
    /// # Errors
    /// [`WitnessError`].
    pub fn asked(&self, disk: &dyn Disk, checkpoint: &Checkpoint, note: &Note) -> Result<String, WitnessError> {
        let mut later = Vec::new();
        each_leaf(disk, self.tree.size(), checkpoint.size, |leaf| later.push(leaf))?;
        let mut text = format!("old {}\n", self.tree.size());
        for hash in self.tree.consistency(&later) {
            let _ = writeln!(text, "{}", STANDARD.encode(hash.0));
        }
        let _ = write!(text, "\n{note}");
        Ok(text)
    }

    /// It signed a checkpoint, and knows of as much from here on; the signatures are kept beside the checkpoint.
    ///
    /// # Errors
    /// [`WitnessError::Disk`].
    pub fn signed(
        &mut self,
        disk: &dyn Disk,
        checkpoint: &Checkpoint,
        note: &Note,
        lines: Vec<SignatureLine>,
    ) -> Result<(), WitnessError> {
        let tree = &mut self.tree;
        each_leaf(disk, tree.size(), checkpoint.size, |leaf| tree.push(leaf))?;
        let signatures = note.signatures.iter().cloned().chain(lines).collect();
        Ok(files::keep_cosigned(disk, &Note { text: note.text.clone(), signatures })?)
    }
}

/// The newest checkpoint of a journal, as it was signed; nothing before the first one.
///
/// # Errors
/// Those of the disk.
pub fn newest(disk: &dyn Disk) -> io::Result<Option<(Checkpoint, Note)>> {
    files::newest(disk)
}

/// Reads what a witness answered.
///
/// # Errors
/// [`WitnessError::Refused`], and [`WitnessError::Unsigned`] where the key is known and its signature is not there.
pub fn answered(address: &WitnessAddress, note: &Note, status: u16, body: &str) -> Result<Said, WitnessError> {
    match status {
        200 => {
            let lines: Vec<SignatureLine> = body.lines().filter_map(SignatureLine::parse).collect();
            let taken: Vec<SignatureLine> = match &address.key {
                Some(key) => lines.into_iter().filter(|line| key.cosigned(&note.text, line)).collect(),
                None => lines,
            };
            if taken.is_empty() { Err(WitnessError::Unsigned) } else { Ok(Said::Cosigned(taken)) }
        }
        409 => body.trim().parse().map(Said::Knows).map_err(|_| WitnessError::Refused { status }),
        status => Err(WitnessError::Refused { status }),
    }
}

/// The hashes of records from one on, and before another: of hashes beside a segment where they are, of its records
/// otherwise.
pub(crate) fn each_leaf(
    disk: &dyn Disk,
    from: u64,
    until: u64,
    mut take: impl FnMut(Hash),
) -> Result<(), SegmentError> {
    let segments = segment::list(disk)?;
    let ends = segments.iter().skip(1).map(|found| found.first).chain([u64::MAX]);
    for (found, end) in segments.iter().zip(ends) {
        if end <= from || found.first >= until {
            continue;
        }
        let mut number = found.first;
        let mut give = |leaf| {
            if (from..until).contains(&number) {
                take(leaf);
            }
            number += 1;
        };
        if found.hashes {
            segment::hashes(disk, found.first)?.into_iter().for_each(give);
        } else {
            let mut reader = Reader::open(disk, found.first)?;
            while reader.next() < until
                && let Some((_, record)) = reader.read()?
            {
                give(Hash::of_leaf(record));
            }
        }
    }
    Ok(())
}
