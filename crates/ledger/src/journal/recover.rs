//! Opening a journal: where it goes on, and what a crash left behind.

use super::disk::Disk;
use super::segment::{self, Reader, SegmentError};
use super::writer::Tail;
use super::{JournalSettings, frame};
use crate::merkle::{Frontier, Hash};
use crate::own_key::Signs;
use crate::record::{Body, Digest, Entry, RequestId};
use std::collections::BTreeMap;
use std::io::{self, Read as _};
use std::sync::Arc;

/// Why a journal does not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The disk could not be read or written.
    #[error("the disk of the ledger: {0}")]
    Disk(#[from] io::Error),
    /// A segment cannot be read.
    #[error(transparent)]
    Segment(#[from] SegmentError),
    /// Something in the middle is not as it was written.
    #[error(
        "the ledger is damaged at record {record}: {reason}; records after it are whole, so this is not what a crash leaves behind. `switchtower ledger verify` says more; restore a backup with `switchtower ledger restore`"
    )]
    Damaged {
        /// The first record that cannot be read.
        record: u64,
        /// What is wrong.
        reason: String,
    },
    /// Records are missing.
    #[error(
        "the ledger has {found} records, and its own checkpoint says that it had {known}; its end was cut off. Restore a backup with `switchtower ledger restore`"
    )]
    Shortened {
        /// How many there are.
        found: u64,
        /// How many there were.
        known: u64,
    },
}

/// What was found when a journal was opened.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Recovery {
    /// How many records there are.
    pub records: u64,
    /// How many bytes of a record that was not whole were cut off.
    pub cut_bytes: u64,
    /// The calls that are open.
    pub open: Vec<LeftOpen>,
    /// Whether the journal ended in an entry that says so.
    pub stopped: bool,
    /// The digests whose content is in its last segment.
    pub contents: Vec<Digest>,
    /// What its last segment says of the key that signs.
    pub signs: Signs,
}

/// A call that a crash left open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOpen {
    /// The number of the record that opened it.
    pub opened: u64,
    /// The id of its request.
    pub request: RequestId,
}

pub(super) fn open(
    disk: &Arc<dyn Disk>,
    settings: &JournalSettings,
    known_size: Option<u64>,
) -> Result<(Tail, Recovery), OpenError> {
    let segments = segment::list(&**disk)?;
    let mut found = segments.iter().rev().filter(|segment| segment.records).map(|segment| segment.first);
    let (tail, recovery) = match found.next() {
        None => {
            let tail = Tail::begin(&**disk, &settings.origin, Frontier::new(), BTreeMap::new())?;
            (tail, begun(settings))
        }
        Some(last) => match (read(disk, last), found.next()) {
            // A segment of which only the beginning was written, when nothing else was any more.
            (Err(OpenError::Segment(SegmentError::Head { .. })), Some(before)) => {
                disk.remove(&segment::name(last))?;
                read(disk, before)?
            }
            (Err(OpenError::Segment(SegmentError::Head { .. })), None) if last == 0 => {
                let tail = Tail::begin(&**disk, &settings.origin, Frontier::new(), BTreeMap::new())?;
                (tail, begun(settings))
            }
            (outcome, _) => outcome?,
        },
    };
    let (found, known) = (tail.tree.size(), known_size.unwrap_or_default());
    if found < known {
        return Err(OpenError::Shortened { found, known });
    }
    Ok((tail, recovery))
}

/// A journal without records.
fn begun(settings: &JournalSettings) -> Recovery {
    let signs = Signs { origin: settings.origin.clone(), ..Signs::default() };
    Recovery { stopped: true, signs, ..Recovery::default() }
}

fn read(disk: &Arc<dyn Disk>, first: u64) -> Result<(Tail, Recovery), OpenError> {
    let mut reader = Reader::open(&**disk, first)?;
    let Some(tree) = reader.head().tree() else { return Err(SegmentError::Head { first }.into()) };
    let file = disk.append(&segment::name(first))?;
    let mut tail = Tail { file, first, length: 0, hashes: Vec::new(), tree, open: BTreeMap::new() };
    let (mut stopped, mut contents) = (false, Vec::new());
    let mut signs = Signs { origin: reader.head().origin.clone(), ..Signs::default() };
    let broken = loop {
        match reader.read() {
            Ok(Some((number, record))) => {
                let entry = Entry::of_bytes(record).ok();
                stopped = matches!(&entry, Some(Entry { body: Body::Stopped(_), .. }));
                match entry.as_ref().map(|entry| &entry.body) {
                    Some(Body::Content(content)) => contents.push(content.digest),
                    // One that signed as another log is not to be followed.
                    Some(Body::Started(started)) if started.origin == signs.origin => {
                        signs.started = Some(started.key.to_string());
                        signs.changes.clear();
                    }
                    Some(Body::KeyChanged(change)) => signs.changes.push(change.clone()),
                    _ => {}
                }
                carry(&mut tail, entry.as_ref());
                add(&mut tail, number, Hash::of_leaf(record), entry.as_ref());
            }
            Ok(None) => break None,
            Err(SegmentError::Frame { record, offset, error, .. }) => break Some((record, offset, error)),
            Err(error) => return Err(error.into()),
        }
    };
    tail.length = reader.offset();
    let mut cut_bytes = 0;
    if let Some((record, offset, error)) = broken {
        let mut rest = Vec::new();
        if let Some(mut file) = disk.read(&segment::name(first), offset)? {
            file.read_to_end(&mut rest)?;
        }
        if frame::found_later(&rest) {
            return Err(OpenError::Damaged { record, reason: error.to_string() });
        }
        cut_bytes = rest.len() as u64;
        tail.file.cut(tail.length)?;
        tail.file.sync()?;
    }
    let open = tail.open.iter().map(|(opened, request)| LeftOpen { opened: *opened, request: *request }).collect();
    let recovery =
        Recovery { records: tail.tree.size(), cut_bytes, open, stopped: stopped && cut_bytes == 0, contents, signs };
    Ok((tail, recovery))
}

/// Takes over the calls that were open when the segment began.
fn carry(tail: &mut Tail, entry: Option<&Entry>) {
    if let Some(Entry { body: Body::Carried(carried), .. }) = entry
        && tail.hashes.is_empty()
    {
        tail.open.extend(carried.calls.iter().map(|call| (call.opened, call.request)));
    }
}

fn add(tail: &mut Tail, number: u64, hash: Hash, entry: Option<&Entry>) {
    tail.tree.push(hash);
    tail.hashes.push(hash);
    match entry.map(|entry| &entry.body) {
        Some(Body::Opened(opened)) => drop(tail.open.insert(number, opened.request)),
        Some(Body::Closed(closed)) => drop(tail.open.remove(&closed.opened)),
        _ => {}
    }
}
