//! A part of a request, and how it lies in a file.
//!
//! ```text
//! frame of the journal around:  u64 record | u128 request | u8 part | u64 bytes left out | sealed
//! sealed:                       u8 version | 12 bytes nonce | ciphertext | 16 bytes tag
//! ```
//!
//! Numbers are big-endian. What stands before the sealed content is what the ledger says of it too, and is bound into
//! the seal, but for the number of its record, which is not known before.

use sha2::{Digest as _, Sha256};
use std::fmt;
use std::sync::Arc;
use switchtower_ledger::journal::frame::{self, FrameError};
use switchtower_ledger::record::{Digest, RequestId};
use zeroize::Zeroizing;

pub(crate) const SEALED_VERSION: u8 = 1;
pub(crate) const NONCE_BYTES: usize = 12;
const TAG_BYTES: usize = 16;
/// How many bytes sealed content has more than plain.
pub(crate) const SEALED_MORE_BYTES: usize = 1 + NONCE_BYTES + TAG_BYTES;
/// The request, the part, and how many bytes were left out.
pub(crate) const HEAD_BYTES: usize = 16 + 1 + 8;
const RECORD_BYTES: usize = 8;

/// What of a request it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Part {
    /// The body as it came.
    Request,
    /// The body as the client got it.
    Answer,
}

impl Part {
    /// Both of them.
    pub const ALL: [Self; 2] = [Self::Request, Self::Answer];

    /// Its word on record and in settings.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Answer => "answer",
        }
    }

    const fn number(self) -> u8 {
        match self {
            Self::Request => 1,
            Self::Answer => 2,
        }
    }

    fn of_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|part| part.number() == number)
    }
}

/// A part of a request that is to be kept.
pub struct Item {
    /// The number of the record that opened its call.
    pub opened: u64,
    /// Its request.
    pub request: RequestId,
    /// Whose it is.
    pub tenant: Arc<str>,
    /// The rule that says that it is kept.
    pub rule: Arc<str>,
    /// What of the request it is.
    pub part: Part,
    /// The content. It is wiped.
    pub bytes: Zeroizing<Vec<u8>>,
    /// How many bytes more there were.
    pub left_out: u64,
    /// When it is destroyed, in seconds since 1970.
    pub until_s: u64,
}

impl Item {
    pub(crate) fn head(&self) -> [u8; HEAD_BYTES] {
        head(self.request, self.part, self.left_out)
    }
}

impl fmt::Debug for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Item").field("request", &self.request).field("part", &self.part).finish_non_exhaustive()
    }
}

fn head(request: RequestId, part: Part, left_out: u64) -> [u8; HEAD_BYTES] {
    let mut head = [0; HEAD_BYTES];
    let bytes = request.0.into_iter().chain([part.number()]).chain(left_out.to_be_bytes());
    head.iter_mut().zip(bytes).for_each(|(to, from)| *to = from);
    head
}

/// Kept content that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ItemError {
    /// Its frame is none.
    #[error("at byte {at}: {error}")]
    Frame {
        /// Where it begins.
        at: u64,
        /// What is wrong.
        error: FrameError,
    },
    /// What is in the frame is none.
    #[error("at byte {at}: it is no kept content")]
    Malformed {
        /// Where the frame begins.
        at: u64,
    },
    /// It was changed, or put in the place of another.
    #[error("what record {record} says to be kept does not open: it was changed")]
    Changed {
        /// The number of the record that says that it is kept.
        record: u64,
    },
}

/// A part as it lies in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored<'a> {
    /// The number of the record that says that it is kept.
    pub record: u64,
    /// Its request.
    pub request: RequestId,
    /// What of the request it is.
    pub part: Part,
    /// How many bytes more there were.
    pub left_out: u64,
    /// The sealed content.
    pub sealed: &'a [u8],
}

impl<'a> Stored<'a> {
    /// Writes it after others; `false` where it is larger than a frame.
    #[must_use]
    pub fn write(&self, out: &mut Vec<u8>) -> bool {
        let head = head(self.request, self.part, self.left_out);
        frame::write(&[&self.record.to_be_bytes(), head.as_slice(), self.sealed].concat(), out)
    }

    fn of_frame(bytes: &'a [u8]) -> Option<Self> {
        let (record, rest) = bytes.split_first_chunk::<RECORD_BYTES>()?;
        let (request, rest) = rest.split_first_chunk::<16>()?;
        let (part, rest) = rest.split_first()?;
        let (left_out, sealed) = rest.split_first_chunk::<8>()?;
        let whole = sealed.first() == Some(&SEALED_VERSION) && sealed.len() >= SEALED_MORE_BYTES;
        whole.then_some(Self {
            record: u64::from_be_bytes(*record),
            request: RequestId(*request),
            part: Part::of_number(*part)?,
            left_out: u64::from_be_bytes(*left_out),
            sealed,
        })
    }

    /// Everything in a file. What cannot be read is the last that is told.
    pub fn all(file: &'a [u8]) -> impl Iterator<Item = Result<Self, ItemError>> {
        let mut rest = file;
        let mut over = false;
        std::iter::from_fn(move || {
            if over {
                return None;
            }
            let at = (file.len() - rest.len()) as u64;
            let read = match frame::read(rest) {
                Ok(None) => return None,
                Ok(Some((bytes, after))) => {
                    rest = after;
                    Self::of_frame(bytes).ok_or(ItemError::Malformed { at })
                }
                Err(error) => Err(ItemError::Frame { at, error }),
            };
            over = read.is_err();
            Some(read)
        })
    }

    pub(crate) fn head(&self) -> [u8; HEAD_BYTES] {
        head(self.request, self.part, self.left_out)
    }

    /// How many bytes it has in a file.
    pub(crate) const fn bytes_in_file(&self) -> u64 {
        (frame::HEAD_BYTES + RECORD_BYTES + HEAD_BYTES + self.sealed.len()) as u64
    }

    pub(crate) fn digest(&self) -> Digest {
        digest(self.sealed)
    }
}

pub(crate) fn digest(sealed: &[u8]) -> Digest {
    Digest(Sha256::digest(sealed).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sealed() -> impl Strategy<Value = Vec<u8>> {
        prop::collection::vec(any::<u8>(), SEALED_MORE_BYTES - 1..200)
            .prop_map(|rest| [vec![SEALED_VERSION], rest].concat())
    }

    proptest! {
        #[test]
        fn what_is_written_comes_back_and_a_torn_end_is_told(
            parts in prop::collection::vec((any::<u64>(), any::<[u8; 16]>(), any::<bool>(), any::<u64>(), sealed()), 1..5),
            cut in 1_usize..30,
        ) {
            let mut file = Vec::new();
            let stored: Vec<Stored<'_>> = parts.iter().map(|(record, request, first, left_out, sealed)| Stored {
                record: *record,
                request: RequestId(*request),
                part: if *first { Part::Request } else { Part::Answer },
                left_out: *left_out,
                sealed,
            }).collect();
            prop_assert!(stored.iter().all(|stored| stored.write(&mut file)));
            prop_assert_eq!(stored.iter().map(Stored::bytes_in_file).sum::<u64>(), file.len() as u64);
            let read: Result<Vec<_>, _> = Stored::all(&file).collect();
            prop_assert_eq!(read.unwrap(), stored);
            file.truncate(file.len() - cut);
            let read: Vec<_> = Stored::all(&file).collect();
            prop_assert_eq!(read.len(), parts.len());
            prop_assert!(read.last().unwrap().is_err());
        }

        #[test]
        fn nothing_that_is_read_makes_trouble(bytes: Vec<u8>) {
            prop_assert!(Stored::all(&bytes).count() <= bytes.len() + 1);
        }
    }
}
