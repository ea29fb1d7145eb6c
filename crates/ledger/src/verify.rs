//! Verification, offline: is everything there, and is it as it was written?
//!
//! Checksums and hashes beside the records find what accident or a careless hand changed, and name the record. What a careful
//! hand changed, checksums and hashes included, is found by a checkpoint: one that was kept elsewhere, or one of the
//! journal's own, whose signatures that hand could not make. The place is then known up to the checkpoints around it.

use crate::checkpoint::{Checkpoint, CheckpointError, Note, VerifyingKey};
use crate::files;
use crate::journal::disk::Disk;
use crate::journal::segment::{self, Found, Reader, SegmentError};
use crate::merkle::{Frontier, Hash};
use crate::record::{Body, Entry, KeyChanged, Pruned, Restored};
use std::io;

/// What is known from elsewhere.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// Checkpoints that were kept elsewhere.
    pub checkpoints: Vec<Note>,
    /// The keys that are trusted. Those that they handed over to, in the journal, are trusted as well.
    pub keys: Vec<VerifyingKey>,
    /// Whether it is a fault that no checkpoint of these keys is over any record.
    pub vouched: bool,
}

/// What is wrong, and where it begins.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// A record is not what was written.
    #[error("record {record} was changed: its hash is not the one beside it")]
    Changed {
        /// The record.
        record: u64,
    },
    /// A record cannot be read.
    #[error("record {record} cannot be read, at byte {offset} of {file}: {reason}")]
    Unreadable {
        /// The record.
        record: u64,
        /// Where its frame begins.
        offset: u64,
        /// The file.
        file: String,
        /// What is wrong.
        reason: String,
    },
    /// Records are gone, and nothing says that they were pruned.
    #[error("the records from {from} to {until} were removed, and no record says so: only their hashes are there")]
    Removed {
        /// The first that is gone.
        from: u64,
        /// The last.
        until: u64,
    },
    /// No checkpoint of a trusted key vouches for anything.
    #[error(
        "no checkpoint that a trusted key signed is over any record: nothing shows that these are the records that were written"
    )]
    Unvouched,
    /// Records are missing in the middle.
    #[error("records from {from} to {until} are missing")]
    Missing {
        /// The first that is missing.
        from: u64,
        /// The last.
        until: u64,
    },
    /// A segment begins before the one before it ends.
    #[error("the segment of record {first} begins before the one before it ends, at record {expected}")]
    Overlap {
        /// The number that its name says.
        first: u64,
        /// The number that comes next.
        expected: u64,
    },
    /// A segment does not continue the tree before it.
    #[error(
        "the segment of record {first} does not continue what stands before it: something before it was changed, added, removed or moved"
    )]
    Discontinued {
        /// The number of its first record.
        first: u64,
    },
    /// The beginning of a file is none.
    #[error("{file}: {reason}")]
    File {
        /// The file.
        file: String,
        /// What is wrong.
        reason: String,
    },
    /// The tree is another one than a checkpoint says.
    #[error(
        "the first {size} records are not those of the checkpoint over them: something among the records from {from} on was changed, added, removed or moved"
    )]
    Rewritten {
        /// The size in the checkpoint.
        size: u64,
        /// The first record that no checkpoint vouches for.
        from: u64,
    },
    /// There are fewer records than a checkpoint says.
    #[error(
        "the journal has {found} records, and a checkpoint says that it had {known}: its end was cut off, or it was rolled back"
    )]
    Shortened {
        /// How many there are.
        found: u64,
        /// How many there were.
        known: u64,
    },
    /// The journal was restored from a copy, as it says itself, and a checkpoint knows of more than the copy had.
    #[error(
        "the records from {size} on were lost when the journal was restored from a copy, as record {record} says; a checkpoint knows of {known}"
    )]
    Restored {
        /// The record that says so.
        record: u64,
        /// The size of the copy.
        size: u64,
        /// The size that the checkpoint knows.
        known: u64,
    },
    /// A checkpoint cannot be believed.
    #[error("the checkpoint of size {size}: no trusted key signed it")]
    Unsigned {
        /// The size that it says.
        size: u64,
    },
    /// A checkpoint is of another log.
    #[error("the checkpoint is of log '{found}', and this one is '{expected}'")]
    Foreign {
        /// Whose it is.
        found: String,
        /// The name of this log.
        expected: String,
    },
    /// The keys that are trusted are of other logs.
    #[error(
        "the key {found} is of another log than this one, which is '{expected}': it vouches for nothing here. Give the key of \
         this log with --key; where it was that of the folder, put the folder of keys back from a backup"
    )]
    OtherKey {
        /// One of them, as a verifier takes it.
        found: String,
        /// The name of this log.
        expected: String,
    },
    /// Two checkpoints contradict each other.
    #[error("two checkpoints of size {size} have different roots: this log was told in two ways")]
    Split {
        /// Their size.
        size: u64,
    },
}

impl Fault {
    /// Whether it tells already that a checkpoint vouches for nothing.
    const fn is_of_checkpoint(&self) -> bool {
        matches!(self, Self::Unsigned { .. } | Self::Foreign { .. } | Self::OtherKey { .. })
    }
}

/// What verification found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// How many records were read.
    pub records: u64,
    /// How many are known by their hashes only, since they were pruned.
    pub pruned: u64,
    /// The root of the tree.
    pub root: Option<Hash>,
    /// How many checkpoints hold.
    pub checkpoints: usize,
    /// The size of the largest checkpoint that holds.
    pub vouched: u64,
    /// The name of the log.
    pub origin: Option<String>,
    /// The changes of keys that its records prove, each from one to another.
    pub handed: Vec<(VerifyingKey, VerifyingKey)>,
    /// What is wrong, the first place first.
    pub faults: Vec<Fault>,
}

impl Report {
    /// The keys of the log that one of them belongs to: those before it and those after it, as far as records prove that.
    pub fn keys_with(&self, key: VerifyingKey) -> Vec<VerifyingKey> {
        let mut keys = vec![key];
        loop {
            let other = |(from, to): &(VerifyingKey, VerifyingKey)| match (keys.contains(from), keys.contains(to)) {
                (true, false) => Some(to.clone()),
                (false, true) => Some(from.clone()),
                _ => None,
            };
            match self.handed.iter().find_map(other) {
                Some(other) => keys.push(other),
                None => return keys,
            }
        }
    }
}

/// Why nothing could be verified.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The disk could not be read.
    #[error("the ledger could not be read: {0}")]
    Disk(#[from] io::Error),
    /// There is no journal.
    #[error("there is no journal in this folder")]
    Nothing,
    /// A checkpoint is none.
    #[error("the checkpoint that was given: {0}")]
    Checkpoint(#[from] CheckpointError),
}

/// Verifies a journal against all that is known of it.
///
/// # Errors
/// [`VerifyError`] where it cannot be read at all; what is wrong with it is in the report.
pub fn verify(disk: &dyn Disk, known: &Known) -> Result<Report, VerifyError> {
    let segments = segment::list(disk)?;
    if segments.is_empty() {
        return Err(VerifyError::Nothing);
    }
    let mut given = Vec::new();
    for note in &known.checkpoints {
        given.push((Checkpoint::read(note)?, note.clone()));
    }
    let own = files::checkpoints(disk)?;
    let mut sizes: Vec<u64> = given.iter().chain(&own).map(|(checkpoint, _)| checkpoint.size).collect();
    sizes.sort_unstable();
    sizes.dedup();
    let mut walk = Walk {
        disk,
        tree: Frontier::new(),
        sizes,
        roots: Vec::new(),
        hands: Vec::new(),
        pruned_below: 0,
        hashes_only: Vec::new(),
        restored: Vec::new(),
        report: Report::default(),
    };
    walk.note_root();
    for found in &segments {
        if !walk.segment(*found)? {
            break;
        }
    }
    Ok(walk.judge(given, own, known))
}

struct Walk<'a> {
    disk: &'a dyn Disk,
    tree: Frontier,
    /// The sizes at which a checkpoint says the root.
    sizes: Vec<u64>,
    /// The roots at these sizes.
    roots: Vec<(u64, Hash)>,
    /// The changes of keys.
    hands: Vec<KeyChanged>,
    /// The first records that were left where others were pruned.
    pruned_below: u64,
    /// The ranges of which only hashes are there.
    hashes_only: Vec<(u64, u64)>,
    /// The records that say that the journal was restored.
    restored: Vec<(u64, Restored)>,
    report: Report,
}

impl Walk<'_> {
    fn note_root(&mut self) {
        let size = self.tree.size();
        if self.sizes.binary_search(&size).is_ok() && self.roots.last().is_none_or(|(last, _)| *last != size) {
            self.roots.push((size, self.tree.root()));
        }
    }

    fn push(&mut self, hash: Hash) {
        self.tree.push(hash);
        self.note_root();
    }

    fn fault(&mut self, fault: Fault) {
        self.report.faults.push(fault);
    }

    /// Reads one segment; whether what comes after it can be read.
    fn segment(&mut self, found: Found) -> Result<bool, VerifyError> {
        let Found { first, records, hashes } = found;
        let expected = self.tree.size();
        if first > expected {
            self.fault(Fault::Missing { from: expected, until: first - 1 });
            return Ok(false);
        }
        if first < expected {
            self.fault(Fault::Overlap { first, expected });
            return Ok(false);
        }
        let hashes = match hashes.then(|| segment::hashes(self.disk, first)) {
            None => None,
            Some(Ok(hashes)) => Some(hashes),
            Some(Err(SegmentError::Disk(error))) => return Err(error.into()),
            Some(Err(error)) => {
                self.fault(Fault::File { file: segment::name_of_hashes(first), reason: error.to_string() });
                None
            }
        };
        if records {
            return self.records(first, hashes.as_deref());
        }
        let hashes = hashes.unwrap_or_default();
        self.report.pruned += hashes.len() as u64;
        self.hashes_only.push((first, first + hashes.len() as u64));
        hashes.into_iter().for_each(|hash| self.push(hash));
        Ok(true)
    }

    fn records(&mut self, first: u64, hashes: Option<&[Hash]>) -> Result<bool, VerifyError> {
        let file = segment::name(first);
        let mut reader = match Reader::open(self.disk, first) {
            Ok(reader) => reader,
            Err(SegmentError::Disk(error)) => return Err(error.into()),
            Err(error) => {
                self.fault(Fault::File { file, reason: error.to_string() });
                return Ok(false);
            }
        };
        if reader.head().tree().as_ref() != Some(&self.tree) {
            self.fault(Fault::Discontinued { first });
        }
        self.report.origin.get_or_insert_with(|| reader.head().origin.clone());
        let mut changed = false;
        loop {
            match reader.read() {
                Ok(Some((number, record))) => {
                    let hash = Hash::of_leaf(record);
                    if is_of_the_log_itself(record) {
                        match Entry::of_bytes(record).map(|entry| entry.body) {
                            Ok(Body::KeyChanged(change)) => self.hands.push(change),
                            Ok(Body::Restored(restored)) => self.restored.push((number, restored)),
                            Ok(Body::Pruned(pruned)) => self.pruned_below = self.pruned_below.max(pruned.first),
                            _ => {}
                        }
                    }
                    let place = usize::try_from(number - first).ok();
                    let beside = hashes.zip(place).and_then(|(hashes, place)| hashes.get(place));
                    if !changed && beside.is_some_and(|beside| *beside != hash) {
                        changed = true;
                        self.fault(Fault::Changed { record: number });
                    }
                    self.report.records += 1;
                    self.push(hash);
                }
                Ok(None) => break,
                Err(SegmentError::Frame { record, offset, error, .. }) => {
                    self.fault(Fault::Unreadable { record, offset, file, reason: error.to_string() });
                    return Ok(false);
                }
                Err(SegmentError::Disk(error)) => return Err(error.into()),
                Err(error) => {
                    self.fault(Fault::File { file, reason: error.to_string() });
                    return Ok(false);
                }
            }
        }
        let expected = hashes.map_or(0, |hashes| hashes.len() as u64);
        if reader.next() - first < expected {
            self.fault(Fault::Missing { from: reader.next(), until: first + expected - 1 });
            return Ok(false);
        }
        Ok(true)
    }

    /// The first record that says that the journal was restored from a copy which had fewer records than a checkpoint knows,
    /// and what that record knew of, if anything, is no less.
    fn restored_below(&self, size: u64) -> Option<(u64, u64)> {
        let lost = |(_, restored): &&(u64, Restored)| {
            restored.size < size && restored.known_size.is_none_or(|known| size <= known)
        };
        self.restored.iter().find(lost).map(|(record, restored)| (*record, restored.size))
    }

    /// Holds the tree against the checkpoints.
    fn judge(mut self, given: Vec<(Checkpoint, Note)>, own: Vec<(Checkpoint, Note)>, known: &Known) -> Report {
        let handed = proved(&self.hands);
        let keys = trusted(&known.keys, &handed);
        let found = self.tree.size();
        if let Some(origin) = self.report.origin.clone()
            && let Some(key) = keys.first()
            && !keys.iter().any(|key| key.name() == origin)
        {
            self.fault(Fault::OtherKey { found: key.to_string(), expected: origin });
        }
        let mut unsigned = 0_usize;
        // Those that were kept elsewhere come before the journal's own of the same size.
        let mut held: Vec<(Checkpoint, bool)> = Vec::new();
        let elsewhere = given.len();
        for (place, (checkpoint, note)) in given.into_iter().chain(own).enumerate() {
            // Where nothing was read before something broke off, it is not known whose log this is.
            let origin = self.report.origin.clone().unwrap_or_else(|| checkpoint.origin.clone());
            if checkpoint.origin != origin {
                let fault = Fault::Foreign { found: checkpoint.origin, expected: origin };
                self.fault(fault);
            } else if !keys.is_empty() && !keys.iter().any(|key| note.is_signed_by(key)) {
                // A checkpoint of the journal's own that nobody signed vouches for nothing; one that was given must.
                if place < elsewhere {
                    self.fault(Fault::Unsigned { size: checkpoint.size });
                } else {
                    unsigned += 1;
                }
            } else {
                held.push((checkpoint, place < elsewhere));
            }
        }
        held.sort_by_key(|(checkpoint, _)| checkpoint.size);
        held.dedup_by(|(later, _), (earlier, _)| later == earlier);
        // Where reading broke off, what is beyond it is missing for a reason that is told already.
        let broke_off =
            self.report.faults.iter().any(|fault| {
                !matches!(fault, Fault::Changed { .. } | Fault::Discontinued { .. } | Fault::OtherKey { .. })
            });
        let (mut vouched, mut rewritten, mut shortened) = (0, None, None);
        let (mut holding, mut split, mut lost) = (0, None, None);
        for (place, (checkpoint, elsewhere)) in held.iter().enumerate() {
            if held.get(place + 1).is_some_and(|(next, _)| next.size == checkpoint.size) {
                split = split.or(Some(checkpoint.size));
            }
            let root = self.roots.binary_search_by_key(&checkpoint.size, |(size, _)| *size).ok();
            match root.and_then(|at| self.roots.get(at)) {
                Some((_, root)) if *root == checkpoint.root => {
                    vouched = checkpoint.size;
                    holding += 1;
                }
                // What a restored journal lost is told as that, and not as what somebody did in secret.
                found_root => match (self.restored_below(checkpoint.size).filter(|_| *elsewhere), found_root) {
                    (Some((record, size)), _) => {
                        lost = Some(Fault::Restored { record, size, known: checkpoint.size });
                    }
                    (None, Some(_)) => {
                        rewritten = rewritten.or(Some(Fault::Rewritten { size: checkpoint.size, from: vouched }));
                    }
                    (None, None) => shortened = Some(Fault::Shortened { found, known: checkpoint.size }),
                },
            }
        }
        for (from, until) in std::mem::take(&mut self.hashes_only) {
            if until > self.pruned_below && !broke_off {
                self.fault(Fault::Removed { from: from.max(self.pruned_below), until: until - 1 });
            }
        }
        let told = broke_off || self.report.faults.iter().any(Fault::is_of_checkpoint);
        // Where there are checkpoints and none is of a trusted key, that key is not the one of this log.
        let unvouched = if known.vouched { holding == 0 && found > 0 } else { held.is_empty() && unsigned > 0 };
        if unvouched && !told {
            self.fault(Fault::Unvouched);
        }
        self.report.faults.extend(split.map(|size| Fault::Split { size }));
        self.report.faults.extend(rewritten);
        self.report.faults.extend(lost);
        if !broke_off {
            self.report.faults.extend(shortened);
        }
        Report { root: Some(self.tree.root()), checkpoints: holding, vouched, handed, ..self.report }
    }
}

/// Whether a record tells of another key, of a copy, or of what was pruned, by its first bytes.
fn is_of_the_log_itself(record: &[u8]) -> bool {
    let number = record.get(1).copied().map(u32::from);
    [KeyChanged::KIND, Restored::KIND, Pruned::KIND].iter().any(|kind| number == Some(kind.number))
}

/// The changes of keys whose former key signed them.
fn proved(hands: &[KeyChanged]) -> Vec<(VerifyingKey, VerifyingKey)> {
    let proved = |change: &KeyChanged| {
        let (from, to) = (VerifyingKey::parse(&change.from).ok()?, VerifyingKey::parse(&change.to).ok()?);
        from.verifies(change.to.as_bytes(), &change.signature).then_some((from, to))
    };
    hands.iter().filter_map(proved).collect()
}

/// The trusted keys, and those that they handed over to.
fn trusted(keys: &[VerifyingKey], handed: &[(VerifyingKey, VerifyingKey)]) -> Vec<VerifyingKey> {
    let mut trusted = keys.to_vec();
    // Changes are recorded again where the records of them are pruned, and so may come in another order.
    loop {
        let known = trusted.len();
        for (from, to) in handed {
            if trusted.contains(from) && !trusted.contains(to) {
                trusted.push(to.clone());
            }
        }
        if trusted.len() == known {
            return trusted;
        }
    }
}
