//! Values within entries.

use super::fields::{Shape, Shaped};
use super::write::{self, Write};
use minicbor::Decode;
use serde::{Serialize, Serializer};
use std::borrow::Cow;
use std::fmt;

/// A word or a name.
pub type Text = Cow<'static, str>;

/// The moment as RFC 3339 has it, in UTC.
pub(super) fn moment(at_us: u64) -> String {
    let moment = i64::try_from(at_us).ok().and_then(|at| jiff::Timestamp::from_microsecond(at).ok());
    moment.map_or_else(|| at_us.to_string(), |moment| format!("{moment:.6}"))
}

/// Whether a field says nothing, so that it is left out of JSON.
pub(super) trait Unsaid {
    fn is_unsaid(&self) -> bool;
}

impl<T> Unsaid for Option<T> {
    fn is_unsaid(&self) -> bool {
        self.is_none()
    }
}

impl<T> Unsaid for Vec<T> {
    fn is_unsaid(&self) -> bool {
        self.is_empty()
    }
}

macro_rules! always_said {
    ($($type:ty),*) => { $(impl Unsaid for $type { fn is_unsaid(&self) -> bool { false } })* };
}
always_said!(Text, u16, u32, u64, bool, RequestId, Digest, Pseudonym, TraceId, SpanId);

macro_rules! shapes {
    ($($shape:ident: $($type:ty),*;)*) => {
        $($(impl Shaped for $type { const SHAPE: Shape = Shape::$shape; })*)*
    };
}
shapes! {
    Text: Text, RequestId, Digest, Pseudonym, TraceId, SpanId;
    Number: u16, u32, u64;
    Flag: bool;
}

macro_rules! bytes {
    ($(#[doc = $doc:literal])+ $name:ident, $size:literal) => {
        $(#[doc = $doc])+
        #[derive(Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Decode)]
        #[cfg_attr(test, derive(minicbor::Encode))]
        #[cbor(transparent)]
        pub struct $name(#[cbor(n(0), with = "minicbor::bytes")] pub [u8; $size]);

        impl Write for $name {
            #[inline]
            fn write(&self, out: &mut Vec<u8>) {
                write::bytes(&self.0, out);
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
    };
}

bytes! {
    /// The id of a request: that of `x-request-id`, a UUID.
    RequestId, 16
}
bytes! {
    /// A digest: of content of the journal (SHA-256), or keyed (BLAKE3) of what is not kept.
    Digest, 32
}
bytes! {
    /// Who, under a key of the tenant. Without the key nobody can tell whose it is.
    Pseudonym, 16
}

bytes! {
    /// The id of a trace, as W3C has it.
    TraceId, 16
}
bytes! {
    /// The id of a span of a trace.
    SpanId, 8
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        uuid::Uuid::from_bytes(self.0).fmt(f)
    }
}

impl RequestId {
    /// The id as clients have it; `None` for what is none.
    pub fn parse(text: &str) -> Option<Self> {
        uuid::Uuid::parse_str(text).ok().map(|id| Self(id.into_bytes()))
    }
}

macro_rules! hexadecimal {
    ($($name:ident),*) => { $(impl fmt::Display for $name {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
        }
    })* };
}
hexadecimal!(Digest, Pseudonym, TraceId, SpanId);
