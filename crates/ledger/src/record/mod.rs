//! What is written: entries of several kinds, each a map from numbers to values in CBOR (RFC 8949).
//!
//! ```text
//! [kind, microseconds since 1970, {0: …, 1: …, …}]
//! ```
//!
//! A reader passes over fields and kinds that it does not know, and takes fields that are missing for unsaid: so old
//! readers read new entries, and new readers old ones. A number is never used for something else. Each kind is declared
//! once, with [`record!`](fields), and its documentation is the reference's.

#[macro_use]
mod fields;
mod call;
mod house;
mod money;
mod retention;
mod scalar;
mod write;

pub use call::{
    Attempt, Closed, Counts, Lost, Opened, Refused, Room, Timeline, Told, Trace, TurnedAway, TurnedAwayCount,
};
pub use fields::{Field, Kind, Shape};
pub use house::{Carried, CarriedCall, Content, KeyChanged, Pruned, Recovered, Restored, Seen, Started, Stopped};
pub use money::{CostLine, Costs, Sum};
pub use retention::{Deleted, Kept, Rewrapped, Shown, Shredded};
pub use scalar::{Digest, Pseudonym, RequestId, SpanId, Text, TraceId};

use minicbor::Decoder;
use minicbor::data::Type;
use serde::Serialize;
use write::Write as _;

/// The values within entries, for the reference.
pub const VALUES: &[Kind] = &[
    Attempt::KIND,
    Counts::KIND,
    Costs::KIND,
    CostLine::KIND,
    Sum::KIND,
    Lost::KIND,
    Trace::KIND,
    Timeline::KIND,
    Room::KIND,
    TurnedAwayCount::KIND,
    CarriedCall::KIND,
];

/// As many bytes as most entries have at most.
const ENTRY_BYTES: usize = 512;

/// An entry of the ledger.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// When, in microseconds since 1970.
    pub at_us: u64,
    /// What.
    pub body: Body,
}

/// An entry that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the entry cannot be read: {reason}")]
pub struct EntryError {
    /// What is wrong.
    reason: String,
}

impl From<minicbor::decode::Error> for EntryError {
    fn from(error: minicbor::decode::Error) -> Self {
        Self { reason: error.to_string() }
    }
}

macro_rules! bodies {
    ($($(#[doc = $doc:literal])+ $name:ident,)*) => {
        /// What an entry says, by its kind.
        #[derive(Debug, Clone, PartialEq, Serialize)]
        #[serde(tag = "kind", rename_all = "snake_case")]
        pub enum Body {
            $($(#[doc = $doc])+ $name($name),)*
            /// A kind of a later version.
            Unknown {
                /// Its number.
                number: u32,
            },
        }

        $(impl From<$name> for Body {
            fn from(body: $name) -> Self { Self::$name(body) }
        })*

        /// Every kind of entry with its fields, for the reference.
        pub const KINDS: &[Kind] = &[$($name::KIND,)*];

        impl Body {
            /// The kind's word.
            pub const fn word(&self) -> &'static str {
                match self {
                    $(Self::$name(_) => $name::KIND.word,)*
                    Self::Unknown { .. } => "unknown",
                }
            }

            fn number(&self) -> u32 {
                match self {
                    $(Self::$name(_) => $name::KIND.number,)*
                    Self::Unknown { number } => *number,
                }
            }

            fn write(&self, out: &mut Vec<u8>) {
                match self {
                    $(Self::$name(body) => body.write(out),)*
                    Self::Unknown { .. } => write::map(0, out),
                }
            }

            fn read(number: u32, from: &mut Decoder<'_>) -> Result<Self, minicbor::decode::Error> {
                Ok(match number {
                    $(number if number == $name::KIND.number => Self::$name(from.decode()?),)*
                    _ => {
                        from.skip()?;
                        Self::Unknown { number }
                    }
                })
            }
        }
    };
}

bodies! {
    /// A call begins.
    Opened,
    /// A call has ended.
    Closed,
    /// A request was refused.
    Refused,
    /// The gateway answered by itself.
    Told,
    /// Requests were turned away before it was known whose they were.
    TurnedAway,
    /// What a digest in other entries stands for.
    Content,
    /// The gateway has started.
    Started,
    /// The gateway has stopped.
    Stopped,
    /// Calls that were open when a segment began.
    Carried,
    /// The journal was mended after a crash.
    Recovered,
    /// Another key signs from here on.
    KeyChanged,
    /// A checkpoint of another log was seen.
    Seen,
    /// Old records were removed.
    Pruned,
    /// The journal was restored from a backup.
    Restored,
    /// Content of a request is kept.
    Kept,
    /// Content that was kept is destroyed.
    Deleted,
    /// All that was kept of a tenant is destroyed.
    Shredded,
    /// The keys of kept content are wrapped by another master key.
    Rewrapped,
    /// Somebody read kept content.
    Shown,
}

impl Entry {
    /// An entry as its bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.write(&mut out);
        out
    }

    /// Writes the same after what is there.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.reserve(ENTRY_BYTES);
        write::list(3, out);
        self.body.number().write(out);
        self.at_us.write(out);
        self.body.write(out);
    }

    /// The entry of some bytes.
    ///
    /// # Errors
    /// [`EntryError`] for what is no entry.
    pub fn of_bytes(bytes: &[u8]) -> Result<Self, EntryError> {
        let mut decoder = Decoder::new(bytes);
        let parts = decoder.array()?;
        if parts.is_none_or(|parts| parts < 3) {
            return Err(EntryError { reason: "it has fewer than three parts".to_owned() });
        }
        let number = decoder.u32()?;
        let at_us = decoder.u64()?;
        if decoder.datatype()? != Type::Map {
            return Err(EntryError { reason: "its third part is no map".to_owned() });
        }
        let body = Body::read(number, &mut decoder)?;
        Ok(Self { at_us, body })
    }

    /// The entry as one JSON object, with its number in the journal.
    pub fn to_json(&self, record: u64) -> impl Serialize + '_ {
        Numbered { record, at: scalar::moment(self.at_us), entry: &self.body }
    }
}

#[derive(Serialize)]
struct Numbered<'a> {
    record: u64,
    at: String,
    #[serde(flatten)]
    entry: &'a Body,
}

#[cfg(test)]
mod tests;
