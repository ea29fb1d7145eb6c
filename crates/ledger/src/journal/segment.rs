//! Segments: files with a head and the records from a number on.
//!
//! ```text
//! 00000000000000000000.seg    magic | frame with the head | frames with records, the first of which is number 0
//! 00000000000000000000.tree   the leaves' hashes of a segment that is full, 32 bytes each
//! ```
//!
//! The head has the tree as it was before, so that a journal is opened by reading its last segment alone. Of a segment
//! that was pruned only the hashes are left, and the tree stays whole.

use super::disk::Disk;
use super::frame::{self, FrameError, HEAD_BYTES};
use crate::merkle::{Frontier, HASH_BYTES, Hash};
use minicbor::{Decode, Encode};
use std::io::{self, BufReader, Read};

const MAGIC: &[u8; 8] = b"STWLEDG1";
const RECORDS: &str = ".seg";
const HASHES: &str = ".tree";
const BUFFER_BYTES: usize = 1 << 20;

/// What stands at the beginning of a segment.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Head {
    /// The version of the format.
    #[n(0)]
    pub version: u32,
    /// The name of the log, as in its checkpoints.
    #[n(1)]
    pub origin: String,
    /// The number of its first record.
    #[n(2)]
    pub first: u64,
    /// The roots of the tree before it, the largest subtree first, 32 bytes each.
    #[cbor(n(3), with = "minicbor::bytes")]
    pub roots: Vec<u8>,
}

/// The version of the format that is written.
pub const VERSION: u32 = 1;

impl Head {
    /// The head of a segment that continues a tree.
    pub fn new(origin: &str, tree: &Frontier) -> Self {
        let roots = tree.roots().iter().flat_map(|root| root.0).collect();
        Self { version: VERSION, origin: origin.to_owned(), first: tree.size(), roots }
    }

    /// The tree before it.
    pub fn tree(&self) -> Option<Frontier> {
        let (roots, rest) = self.roots.as_chunks::<HASH_BYTES>();
        if !rest.is_empty() {
            return None;
        }
        Frontier::of(self.first, roots.iter().map(|root| Hash(*root)).collect())
    }

    /// The beginning of a file.
    pub fn written(&self) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        let mut head = Vec::new();
        // Writing to memory does not fail, and a head is never too long.
        let _ = minicbor::encode(self, &mut head);
        let _ = frame::write(&head, &mut out);
        out
    }
}

/// The name of the segment that begins with a record.
pub fn name(first: u64) -> String {
    format!("{first:020}{RECORDS}")
}

/// The name of its hashes.
pub fn name_of_hashes(first: u64) -> String {
    format!("{first:020}{HASHES}")
}

/// A segment that is there, or whose hashes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Found {
    /// The number of its first record.
    pub first: u64,
    /// Whether its records are there.
    pub records: bool,
    /// Whether its hashes are there.
    pub hashes: bool,
}

/// The segments of a journal, in order.
///
/// # Errors
/// Those of the disk.
pub fn list(disk: &dyn Disk) -> io::Result<Vec<Found>> {
    let mut found: Vec<Found> = Vec::new();
    for name in disk.names()? {
        let number = |suffix| name.strip_suffix(suffix).filter(|number| number.len() == 20)?.parse::<u64>().ok();
        let (first, records) = match (number(RECORDS), number(HASHES)) {
            (Some(first), _) => (first, true),
            (None, Some(first)) => (first, false),
            (None, None) => continue,
        };
        match found.iter_mut().find(|segment| segment.first == first) {
            Some(segment) if records => segment.records = true,
            Some(segment) => segment.hashes = true,
            None => found.push(Found { first, records, hashes: !records }),
        }
    }
    found.sort_unstable();
    Ok(found)
}

/// The hashes of a segment.
///
/// # Errors
/// Those of the disk, and [`SegmentError::Hashes`].
pub fn hashes(disk: &dyn Disk, first: u64) -> Result<Vec<Hash>, SegmentError> {
    let mut bytes = Vec::new();
    let file = disk.read(&name_of_hashes(first), 0)?;
    file.ok_or(SegmentError::Missing { first })?.read_to_end(&mut bytes)?;
    let (hashes, rest) = bytes.as_chunks::<HASH_BYTES>();
    if rest.is_empty() {
        Ok(hashes.iter().map(|hash| Hash(*hash)).collect())
    } else {
        Err(SegmentError::Hashes { first })
    }
}

/// A segment that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum SegmentError {
    /// The disk could not be read.
    #[error("the disk: {0}")]
    Disk(#[from] io::Error),
    /// It is not there.
    #[error("the segment of record {first} is missing")]
    Missing {
        /// The number of its first record.
        first: u64,
    },
    /// Its beginning is none of a segment.
    #[error("the segment of record {first} does not begin as one does")]
    Head {
        /// The number that its name says.
        first: u64,
    },
    /// It was written by a later version.
    #[error(
        "the segment of record {first} has version {version} of the format, and {VERSION} is the last one known here; read it with a later version of switchtower"
    )]
    Version {
        /// The number of its first record.
        first: u64,
        /// The version.
        version: u32,
    },
    /// A record cannot be read.
    #[error("record {record}, at byte {offset} of {}: {error}", name(*first))]
    Frame {
        /// The number of the first record of its segment.
        first: u64,
        /// The number of the record.
        record: u64,
        /// Where its frame begins in the file.
        offset: u64,
        /// What is wrong.
        error: FrameError,
    },
    /// The hashes of a segment are cut.
    #[error("the hashes of the segment of record {first} break off")]
    Hashes {
        /// The number of its first record.
        first: u64,
    },
}

/// Where a reader stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stopped {
    head: Head,
    next: u64,
    offset: u64,
}

impl Stopped {
    /// Whether there is a whole record somewhere behind the place, so that what stands there is no end.
    ///
    /// # Errors
    /// Those of the disk.
    pub fn is_followed(&self, disk: &dyn Disk) -> Result<bool, SegmentError> {
        let mut rest = Vec::new();
        if let Some(mut file) = disk.read(&name(self.head.first), self.offset)? {
            file.read_to_end(&mut rest)?;
        }
        Ok(frame::found_later(&rest))
    }

    /// The number of the next record.
    pub const fn next(&self) -> u64 {
        self.next
    }

    /// The number of the segment's first record.
    pub const fn first(&self) -> u64 {
        self.head.first
    }
}

/// Reads a segment, a record at a time.
pub struct Reader {
    file: BufReader<Box<dyn Read + Send>>,
    head: Head,
    /// The number of the next record.
    next: u64,
    /// Where its frame begins.
    offset: u64,
    record: Vec<u8>,
}

impl Reader {
    /// The reader of the segment that begins with a record.
    ///
    /// # Errors
    /// [`SegmentError`] where it is missing or is none.
    pub fn open(disk: &dyn Disk, first: u64) -> Result<Self, SegmentError> {
        let file = disk.read(&name(first), 0)?.ok_or(SegmentError::Missing { first })?;
        let mut file = BufReader::with_capacity(BUFFER_BYTES, file);
        let bad = || SegmentError::Head { first };
        let mut magic = [0; MAGIC.len()];
        let mut record = Vec::new();
        file.read_exact(&mut magic).map_err(|_| bad())?;
        let length = if magic == *MAGIC { next_frame(&mut file, &mut record)? } else { Err(FrameError::Checksum) };
        let length = length.ok().flatten().ok_or_else(bad)?;
        let head: Head = minicbor::decode(&record).map_err(|_| bad())?;
        if head.version > VERSION {
            return Err(SegmentError::Version { first, version: head.version });
        }
        if head.first != first || head.tree().is_none() {
            return Err(bad());
        }
        Ok(Self { file, head, next: first, offset: MAGIC.len() as u64 + length, record })
    }

    /// Goes on where a reader of the same segment stopped, in a file that may have grown since then.
    ///
    /// # Errors
    /// [`SegmentError`] where the segment is not there any more.
    pub fn resume(disk: &dyn Disk, stopped: Stopped) -> Result<Self, SegmentError> {
        let Stopped { head, next, offset } = stopped;
        let file = disk.read(&name(head.first), offset)?.ok_or(SegmentError::Missing { first: head.first })?;
        Ok(Self { file: BufReader::with_capacity(BUFFER_BYTES, file), head, next, offset, record: Vec::new() })
    }

    /// Stops before the next record.
    pub fn stop(self) -> Stopped {
        Stopped { head: self.head, next: self.next, offset: self.offset }
    }

    /// Its head.
    pub const fn head(&self) -> &Head {
        &self.head
    }

    /// Where the next record's frame begins.
    pub const fn offset(&self) -> u64 {
        self.offset
    }

    /// The number of the next record.
    pub const fn next(&self) -> u64 {
        self.next
    }

    /// The next record with its number; `None` at the end.
    ///
    /// # Errors
    /// [`SegmentError::Frame`] names the record that cannot be read.
    pub fn read(&mut self) -> Result<Option<(u64, &[u8])>, SegmentError> {
        let (first, record, offset) = (self.head.first, self.next, self.offset);
        let frame = next_frame(&mut self.file, &mut self.record)?;
        match frame.map_err(|error| SegmentError::Frame { first, record, offset, error })? {
            None => Ok(None),
            Some(length) => {
                self.offset += length;
                self.next += 1;
                Ok(Some((record, &self.record)))
            }
        }
    }
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader").field("head", &self.head).field("next", &self.next).finish_non_exhaustive()
    }
}

/// Reads a frame's record, and gives the length of the frame; `None` at the end of the file.
fn next_frame(file: &mut impl Read, record: &mut Vec<u8>) -> io::Result<Result<Option<u64>, FrameError>> {
    record.clear();
    let got = file.by_ref().take(HEAD_BYTES as u64).read_to_end(record)?;
    match got {
        0 => return Ok(Ok(None)),
        HEAD_BYTES => {}
        _ => return Ok(Err(FrameError::BreaksOff)),
    }
    let length = record.first_chunk().map_or(0, |length| u32::from_le_bytes(*length));
    if length == 0 || length as usize > frame::RECORD_BYTES_MAX {
        return Ok(Err(FrameError::Length { bytes: length }));
    }
    file.by_ref().take(u64::from(length)).read_to_end(record)?;
    match frame::read(record) {
        Ok(Some(_)) => {}
        Ok(None) => return Ok(Ok(None)),
        Err(error) => return Ok(Err(error)),
    }
    let frame_bytes = record.len() as u64;
    record.drain(..HEAD_BYTES);
    Ok(Ok(Some(frame_bytes)))
}
