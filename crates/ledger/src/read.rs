//! Reading a ledger: entry after entry, from any record on.

use crate::journal::disk::Disk;
use crate::journal::frame::FrameError;
use crate::journal::segment::{self, Reader, SegmentError, Stopped};
use crate::record::{Entry, EntryError};

/// Reads the entries of a journal in their order, over all its segments. At the end it gives nothing, and goes on when
/// more was written and it is asked again.
#[derive(Debug)]
pub struct Entries<'a> {
    disk: &'a dyn Disk,
    next: u64,
    reader: Option<Reader>,
    /// Where the last reader stopped, so that a file that grows is not read from its beginning again.
    stopped: Option<Stopped>,
}

/// An entry that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// Its segment cannot be read.
    #[error(transparent)]
    Segment(#[from] SegmentError),
    /// It is none.
    #[error("record {record}: {error}")]
    Entry {
        /// Its number.
        record: u64,
        /// What is wrong.
        error: EntryError,
    },
}

impl<'a> Entries<'a> {
    /// The entries from a record on, or from the first that is left.
    pub const fn from(disk: &'a dyn Disk, first: u64) -> Self {
        Self { disk, next: first, reader: None, stopped: None }
    }

    /// The number of the next one.
    pub const fn next_record(&self) -> u64 {
        self.next
    }

    /// The next entry with its number.
    ///
    /// # Errors
    /// [`ReadError`] for what cannot be read; a record that is still being written is none.
    pub fn read(&mut self) -> Result<Option<(u64, Entry)>, ReadError> {
        let Some((record, bytes)) = self.read_bytes()? else { return Ok(None) };
        Ok(Some((record, Self::entry(record, &bytes)?)))
    }

    /// The entry that the bytes of a record are.
    ///
    /// # Errors
    /// [`ReadError::Entry`] for what is none.
    pub fn entry(record: u64, bytes: &[u8]) -> Result<Entry, ReadError> {
        Entry::of_bytes(bytes).map_err(|error| ReadError::Entry { record, error })
    }

    /// The bytes of the next record with its number.
    ///
    /// # Errors
    /// [`ReadError::Segment`] for what cannot be read; a record that is still being written is none.
    pub fn read_bytes(&mut self) -> Result<Option<(u64, Vec<u8>)>, ReadError> {
        loop {
            if self.reader.is_none() {
                let Some(reader) = self.open()? else { return Ok(None) };
                self.reader = Some(reader);
            }
            let Some(reader) = &mut self.reader else { return Ok(None) };
            match reader.read() {
                Ok(Some((record, _))) if record < self.next => {}
                Ok(Some((record, bytes))) => {
                    self.next = record + 1;
                    return Ok(Some((record, bytes.to_vec())));
                }
                // The end of a segment, or of what was written; a later segment says which.
                Ok(None) => {
                    self.stopped = self.reader.take().map(Reader::stop);
                    // One that is empty by now begins with the next record as well.
                    let own = self.stopped.as_ref().map(Stopped::first);
                    match self.later()?.filter(|first| Some(*first) != own) {
                        None => return Ok(None),
                        Some(first) if first == self.next => {}
                        Some(_) => return Err(SegmentError::Missing { first: self.next }.into()),
                    }
                }
                // Only the last record of all may break off, while it is being written or where a crash cut it.
                Err(SegmentError::Frame { first, record, offset, error: FrameError::BreaksOff }) => {
                    let stopped = self.reader.take().map(Reader::stop);
                    let own = stopped.as_ref().map(Stopped::first);
                    let damaged = self.later()?.is_some_and(|later| Some(later) != own)
                        || stopped.as_ref().map(|stopped| stopped.is_followed(self.disk)).transpose()?.unwrap_or(false);
                    self.stopped = stopped;
                    if damaged {
                        return Err(SegmentError::Frame { first, record, offset, error: FrameError::BreaksOff }.into());
                    }
                    return Ok(None);
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// The segment with the next record.
    fn open(&mut self) -> Result<Option<Reader>, ReadError> {
        if let Some(stopped) = self.stopped.take()
            && stopped.next() == self.next
            && self.later()?.is_none_or(|first| first == stopped.first())
        {
            return match Reader::resume(self.disk, stopped) {
                // It was pruned meanwhile.
                Err(SegmentError::Missing { .. }) => Ok(None),
                resumed => Ok(Some(resumed?)),
            };
        }
        let segments = segment::list(self.disk).map_err(SegmentError::from)?;
        let mut there = segments.iter().filter(|segment| segment.records).map(|segment| segment.first);
        let Some(first) = there.next() else { return Ok(None) };
        // What was pruned is passed over.
        self.next = self.next.max(first);
        let holding = there.take_while(|first| *first <= self.next).last().unwrap_or(first);
        Ok(Some(Reader::open(self.disk, holding)?))
    }

    /// Where the first segment begins that has no record which was read already.
    fn later(&self) -> Result<Option<u64>, ReadError> {
        let segments = segment::list(self.disk).map_err(SegmentError::from)?;
        let mut later = segments.iter().filter(|segment| segment.records && segment.first >= self.next);
        Ok(later.next().map(|segment| segment.first))
    }
}
