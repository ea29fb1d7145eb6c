//! Removes old records. Their hashes stay, so that the tree is whole: everything that is left is verified and proved as
//! before, and so is that what is gone was once there.
//!
//! What goes is decided by age alone. A call that ends in what is left keeps its end and not its beginning: where many ask
//! some call is always open, so that waiting for a moment without any would keep records for ever, and writing the
//! beginnings again would keep them for as long once more (decision 0054).

use crate::Ledger;
use crate::journal::AppendError;
use crate::journal::disk::Disk;
use crate::journal::segment::{self, Reader, SegmentError};
use crate::read::ReadError;
use crate::record::{Body, Digest, Entry, Pruned};
use std::collections::{HashMap, HashSet};
use std::io;
use std::sync::atomic::Ordering;

/// What was removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pruning {
    /// How many records.
    pub records: u64,
    /// How many segments.
    pub segments: usize,
    /// The number of the first record that is left.
    pub first: u64,
    /// How many calls began in what was removed, and had not ended there.
    pub cut_calls: u64,
}

/// Why nothing, or not everything, was removed.
#[derive(Debug, thiserror::Error)]
pub enum PruneError {
    /// The disk could not be read or written.
    #[error("the disk of the ledger: {0}")]
    Disk(#[from] io::Error),
    /// A segment cannot be read.
    #[error(transparent)]
    Segment(#[from] SegmentError),
    /// A record cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The removal could not be recorded, and so was not done.
    #[error(transparent)]
    Append(#[from] AppendError),
    /// The hashes of a segment are not those of its records, so that it is needed as it is.
    #[error(
        "the segment of record {first} has no hashes, or others than its records; verify the ledger before it is pruned"
    )]
    Hashes {
        /// The number of its first record.
        first: u64,
    },
}

/// Removes the segments whose records are all older than a moment, in microseconds since 1970; never the one that is being
/// written. What later records refer to is recorded again before: the content of digests, and the changes of keys.
///
/// # Errors
/// [`PruneError`]; what was not recorded as removed is still there.
pub fn prune(disk: &dyn Disk, ledger: &Ledger, before_us: u64) -> Result<Pruning, PruneError> {
    // What is being written just now is not read, and need not be: it is not old, and what it refers to is in force.
    let written = ledger.gauges().records.load(Ordering::Acquire);
    let there: Vec<u64> = segment::list(disk)?.iter().filter(|found| found.records).map(|found| found.first).collect();
    let mut old = Vec::new();
    for (first, next) in there.iter().zip(there.iter().skip(1)) {
        if first_moment(disk, *next, written)?.is_none_or(|moment| moment > before_us) {
            break;
        }
        old.push((*first, *next));
    }
    let (Some((begin, _)), Some((_, end))) = (old.first(), old.last()) else { return Ok(Pruning::default()) };
    let (mut contents, mut again, mut seen) = (HashMap::new(), Vec::new(), HashMap::new());
    let mut open = HashSet::new();
    for (first, _) in &old {
        let mut hashes = segment::hashes(disk, *first).map_err(|_| PruneError::Hashes { first: *first })?.into_iter();
        let mut reader = Reader::open(disk, *first)?;
        while let Some((record, bytes)) = reader.read()? {
            if hashes.next() != Some(crate::merkle::Hash::of_leaf(bytes)) {
                return Err(PruneError::Hashes { first: *first });
            }
            match Entry::of_bytes(bytes).map_err(|error| ReadError::Entry { record, error })?.body {
                Body::Opened(_) => drop(open.insert(record)),
                Body::Closed(closed) => drop(open.remove(&closed.opened)),
                Body::Content(content) => drop(contents.insert(content.digest, content)),
                // Who verifies what is left follows keys from the first one, and has to know what a restore lost.
                body @ (Body::KeyChanged(_) | Body::Restored(_)) => again.push(body),
                // Of what another log showed the last is enough, but for where it took something back.
                Body::Seen(other) => {
                    let took_back = other.known_size.is_some();
                    let before = seen.insert(other.origin.clone(), other);
                    again.extend(before.filter(|before| took_back || before.known_size.is_some()).map(Body::from));
                }
                _ => {}
            }
        }
        if hashes.next().is_some() {
            return Err(PruneError::Hashes { first: *first });
        }
    }
    let (mut named, kept) = digests(disk, there.iter().filter(|first| *first >= end), written)?;
    // What is in force may be named by records to come.
    named.extend(ledger.contents());
    for body in again.into_iter().chain(seen.into_values().map(Body::from)) {
        drop(ledger.write(body)?);
    }
    for content in named.difference(&kept).filter_map(|digest| contents.remove(digest)) {
        drop(ledger.write(content.into())?);
    }
    let pruning = Pruning { records: end - begin, segments: old.len(), first: *end, cut_calls: open.len() as u64 };
    let Pruning { records, first, cut_calls, .. } = pruning;
    drop(ledger.write(Pruned { first, records, cut_calls }.into())?);
    // What was recorded again is on the disk before what it stands for is gone.
    ledger.sync()?;
    for (first, _) in &old {
        disk.remove(&segment::name(*first))?;
    }
    disk.sync_names()?;
    Ok(pruning)
}

/// When the first record of a segment was written; nothing where it has none yet.
fn first_moment(disk: &dyn Disk, first: u64, written: u64) -> Result<Option<u64>, PruneError> {
    if first >= written {
        return Ok(None);
    }
    let mut reader = Reader::open(disk, first)?;
    let Some((record, bytes)) = reader.read()? else { return Ok(None) };
    Ok(Some(Entry::of_bytes(bytes).map_err(|error| ReadError::Entry { record, error })?.at_us))
}

/// The digests that the written records of segments refer to, and those whose content is in them.
fn digests<'a>(
    disk: &dyn Disk,
    segments: impl Iterator<Item = &'a u64>,
    written: u64,
) -> Result<(HashSet<Digest>, HashSet<Digest>), PruneError> {
    let (mut named, mut kept) = (HashSet::new(), HashSet::new());
    for first in segments {
        let mut reader = Reader::open(disk, *first)?;
        while reader.next() < written
            && let Some((record, bytes)) = reader.read()?
        {
            match Entry::of_bytes(bytes).map_err(|error| ReadError::Entry { record, error })?.body {
                Body::Opened(entry) => named.extend([entry.configuration, entry.catalogue, entry.prices]),
                Body::Started(entry) => named.extend([entry.configuration, entry.catalogue, entry.prices]),
                Body::Refused(entry) => drop(named.insert(entry.configuration)),
                Body::Told(entry) => drop(named.insert(entry.configuration)),
                Body::Content(entry) => drop(kept.insert(entry.digest)),
                _ => {}
            }
        }
    }
    Ok((named, kept))
}
