//! Proofs that a record is in the ledger, for who has neither the ledger nor this program.

use crate::checkpoint::{Checkpoint, Note};
use crate::files;
use crate::journal::disk::Disk;
use crate::journal::segment::{self, Reader, SegmentError};
use crate::merkle::{Hash, proof};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::fmt;
use std::io;

/// A proof that a record stands at its place in the tree of a checkpoint.
///
/// It is written as <https://c2sp.org/tlog-proof> has it: a line that names the format, the number of the record, the
/// hashes, an empty line, and the checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// The number of the record.
    pub index: u64,
    /// The record itself.
    pub record: Vec<u8>,
    /// The hashes from the record to the root.
    pub path: Vec<Hash>,
    /// The checkpoint.
    pub checkpoint: Note,
}

/// Why there is no proof.
#[derive(Debug, thiserror::Error)]
pub enum ProveError {
    /// The disk could not be read.
    #[error("the ledger could not be read: {0}")]
    Disk(#[from] io::Error),
    /// A segment cannot be read.
    #[error(transparent)]
    Segment(#[from] SegmentError),
    /// There is no such record.
    #[error("there is no record {index}; the ledger has {size}")]
    NoSuchRecord {
        /// The number.
        index: u64,
        /// How many there are.
        size: u64,
    },
    /// The record was pruned.
    #[error("record {index} was pruned; only its hash is left")]
    Pruned {
        /// The number.
        index: u64,
    },
    /// No checkpoint is over it yet.
    #[error(
        "no checkpoint is over record {index} yet; one is made at each interval (ledger.checkpoint_interval_ms) and when the gateway stops"
    )]
    NoCheckpoint {
        /// The number.
        index: u64,
    },
    /// The records are not those of the checkpoint.
    #[error(
        "the records are not those of the checkpoint over them; `switchtower ledger verify` says where they differ"
    )]
    Rewritten,
}

/// Proves that a record is in the ledger, by the newest checkpoint over it.
///
/// # Errors
/// [`ProveError`] says what is missing.
pub fn prove(disk: &dyn Disk, index: u64) -> Result<Proof, ProveError> {
    let (mut leaves, mut record) = (Vec::new(), None);
    let mut pruned = false;
    for found in segment::list(disk)? {
        let next = leaves.len() as u64;
        if found.first != next {
            return Err(SegmentError::Missing { first: next }.into());
        }
        let wanted = found.records && record.is_none() && index >= found.first;
        if found.hashes && !wanted {
            leaves.extend(segment::hashes(disk, found.first)?);
            pruned |= !found.records && (found.first..leaves.len() as u64).contains(&index);
            continue;
        }
        let mut reader = Reader::open(disk, found.first)?;
        while let Some((number, bytes)) = reader.read()? {
            if number == index {
                record = Some(bytes.to_vec());
            }
            leaves.push(Hash::of_leaf(bytes));
        }
    }
    let record = match record {
        Some(record) => record,
        None if pruned => return Err(ProveError::Pruned { index }),
        None => return Err(ProveError::NoSuchRecord { index, size: leaves.len() as u64 }),
    };
    let over = files::checkpoints(disk)?.into_iter().filter(|(checkpoint, _)| checkpoint.size > index);
    let (Checkpoint { size, root, .. }, checkpoint) =
        over.max_by_key(|(checkpoint, _)| checkpoint.size).ok_or(ProveError::NoCheckpoint { index })?;
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    let under = leaves.get(..size).ok_or(ProveError::Rewritten)?;
    let path = proof::inclusion(under, index).map_err(|_| ProveError::Rewritten)?;
    if proof::root(under) != root {
        return Err(ProveError::Rewritten);
    }
    Ok(Proof { index, record, path, checkpoint })
}

impl fmt::Display for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "c2sp.org/tlog-proof@v1\nindex {}", self.index)?;
        self.path.iter().try_for_each(|hash| writeln!(f, "{}", STANDARD.encode(hash.0)))?;
        write!(f, "\n{}", self.checkpoint)
    }
}
