//! Records between one another: a length, a checksum, and the record.
//!
//! ```text
//! u32 length of the record, little-endian | u32 CRC-32 over the length and the record | the record
//! ```
//!
//! The checksum finds accidents; changes by somebody who can write checksums too are found by the tree.

use crc32fast::Hasher;
use std::ops::Range;

/// What stands before each record, in bytes.
pub const HEAD_BYTES: usize = 8;
/// The largest record. Content of a configuration is the largest there is.
pub const RECORD_BYTES_MAX: usize = 32 << 20;

/// A frame that cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// It ends before its end.
    #[error("it breaks off")]
    BreaksOff,
    /// Its length is none that a record has.
    #[error("its length is {bytes} bytes, which no record has")]
    Length {
        /// The length.
        bytes: u32,
    },
    /// Its bytes are not those that were written.
    #[error("its checksum is wrong")]
    Checksum,
}

/// Writes a record after others. Records over [`RECORD_BYTES_MAX`] are not written, which is said.
#[must_use]
pub fn write(record: &[u8], out: &mut Vec<u8>) -> bool {
    let Some(length) = u32::try_from(record.len()).ok().filter(|_| fits(record.len())) else { return false };
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(&checksum(length, record).to_le_bytes());
    out.extend_from_slice(record);
    true
}

/// Writes a record after others as it is made, and gives where it stands without its frame. One over
/// [`RECORD_BYTES_MAX`], or without a byte, is not written.
///
/// # Errors
/// Its length.
pub fn write_with(out: &mut Vec<u8>, make: impl FnOnce(&mut Vec<u8>)) -> Result<Range<usize>, usize> {
    let head = out.len();
    out.extend_from_slice(&[0; HEAD_BYTES]);
    let begin = out.len();
    make(out);
    let range = begin..out.len();
    let made = out.get(range.clone()).unwrap_or_default();
    let Some(length) = u32::try_from(made.len()).ok().filter(|_| fits(made.len())) else {
        out.truncate(head);
        return Err(range.len());
    };
    let checksum = checksum(length, made);
    let places = out.get_mut(head..begin).into_iter().flatten();
    places.zip(length.to_le_bytes().into_iter().chain(checksum.to_le_bytes())).for_each(|(to, byte)| *to = byte);
    Ok(range)
}

/// A record, and what comes after it.
type Read<'a> = (&'a [u8], &'a [u8]);

/// The record at the beginning of some bytes, and what comes after it; `None` at their end.
///
/// # Errors
/// [`FrameError`] says what is wrong with it.
pub fn read(bytes: &[u8]) -> Result<Option<Read<'_>>, FrameError> {
    if bytes.is_empty() {
        return Ok(None);
    }
    let (head, rest) = bytes.split_first_chunk::<HEAD_BYTES>().ok_or(FrameError::BreaksOff)?;
    let [a, b, c, d, e, f, g, h] = *head;
    let length = u32::from_le_bytes([a, b, c, d]);
    let size = length as usize;
    if !fits(size) {
        return Err(FrameError::Length { bytes: length });
    }
    let (record, rest) = rest.split_at_checked(size).ok_or(FrameError::BreaksOff)?;
    if checksum(length, record) != u32::from_le_bytes([e, f, g, h]) {
        return Err(FrameError::Checksum);
    }
    Ok(Some((record, rest)))
}

/// Whether a whole frame stands at any later place: then what cannot be read before it was not left by a crash. Only a
/// part of what could be one is looked at, so that it takes time in proportion to the bytes.
pub fn found_later(bytes: &[u8]) -> bool {
    const READ_MAX: usize = 256 << 20;
    let mut read_bytes = 0;
    (1..bytes.len()).any(|at| {
        let Some(rest) = bytes.get(at..) else { return false };
        let Some(head) = rest.first_chunk::<4>() else { return false };
        let size = u32::from_le_bytes(*head) as usize;
        if !fits(size) || size > rest.len() || read_bytes > READ_MAX {
            return false;
        }
        read_bytes += size;
        matches!(read(rest), Ok(Some(_)))
    })
}

const fn fits(bytes: usize) -> bool {
    bytes > 0 && bytes <= RECORD_BYTES_MAX
}

fn checksum(length: u32, record: &[u8]) -> u32 {
    let mut hasher = Hasher::new();
    hasher.update(&length.to_le_bytes());
    hasher.update(record);
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn framed(records: &[Vec<u8>]) -> Vec<u8> {
        let mut out = Vec::new();
        assert!(records.iter().all(|record| write(record, &mut out)));
        out
    }

    fn all(mut bytes: &[u8]) -> (Vec<Vec<u8>>, Option<FrameError>) {
        let mut records = Vec::new();
        loop {
            match read(bytes) {
                Ok(Some((record, rest))) => {
                    records.push(record.to_vec());
                    bytes = rest;
                }
                Ok(None) => return (records, None),
                Err(error) => return (records, Some(error)),
            }
        }
    }

    fn records() -> impl Strategy<Value = Vec<Vec<u8>>> {
        prop::collection::vec(prop::collection::vec(any::<u8>(), 1..60), 1..8)
    }

    #[test]
    fn what_cannot_be_a_record_is_not_written() {
        let mut out = Vec::new();
        assert!(!write(b"", &mut out) && !write(&vec![1; RECORD_BYTES_MAX + 1], &mut out) && out.is_empty());
        assert_eq!(read(&[0; 64]), Err(FrameError::Length { bytes: 0 }));
    }

    proptest! {
        #[test]
        fn what_is_made_in_place_stands_as_what_is_written(records in records()) {
            let mut made = Vec::new();
            for record in &records {
                let range = write_with(&mut made, |out| out.extend_from_slice(record)).unwrap();
                prop_assert_eq!(&made[range], &record[..]);
            }
            prop_assert_eq!(write_with(&mut made, |_| {}), Err(0));
            prop_assert_eq!(made, framed(&records));
        }

        #[test]
        fn records_come_back(records in records()) {
            prop_assert_eq!(all(&framed(&records)), (records, None));
        }

        #[test]
        fn a_torn_end_costs_the_last_record_only(records in records(), cut in 1..60_usize) {
            let bytes = framed(&records);
            let last = records.last().unwrap().len() + HEAD_BYTES;
            let cut = 1 + cut % (last - 1);
            let (read, error) = all(&bytes[..bytes.len() - cut]);
            prop_assert_eq!(&read[..], &records[..records.len() - 1]);
            prop_assert!(error.is_some());
        }

        #[test]
        fn a_changed_bit_is_found(records in records(), at: prop::sample::Index, bit in 0..8_u8) {
            let mut bytes = framed(&records);
            let at = at.index(bytes.len());
            bytes[at] ^= 1_u8 << bit;
            let (read, error) = all(&bytes);
            prop_assert!(error.is_some() && read.len() < records.len());
            prop_assert_eq!(&read[..], &records[..read.len()]);
        }

        #[test]
        fn anything_is_read_without_a_panic(bytes: Vec<u8>) {
            let _ = all(&bytes);
            let _ = found_later(&bytes);
        }

        #[test]
        fn a_whole_frame_after_a_broken_one_is_found(before in prop::collection::vec(any::<u8>(), 1..80), records in records()) {
            let bytes = [before, framed(&records)].concat();
            prop_assert!(found_later(&bytes) || matches!(read(&bytes), Ok(Some(_))));
        }
    }
}
