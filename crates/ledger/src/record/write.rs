//! Writing entries as CBOR ([RFC 8949](https://www.rfc-editor.org/rfc/rfc8949)), straight into the bytes of the journal.
//!
//! Every call writes two entries on the thread that answers, of some forty values of a few bytes each, so that a general
//! encoder would spend its time on passing them on. The bytes are those that the library writes by which entries are read:
//! numbers in their shortest form, maps and lists with their length, fields in their order, and none for what is unsaid
//! (decision 0055).

use super::scalar::Text;

const UNSIGNED: u8 = 0 << 5;
const BYTES: u8 = 2 << 5;
const TEXT: u8 = 3 << 5;
const LIST: u8 = 4 << 5;
const MAP: u8 = 5 << 5;
const FALSE: u8 = 0xf4;
const TRUE: u8 = 0xf5;

/// What is written within an entry.
pub(super) trait Write {
    /// Whether there is anything to write; a field without is left out.
    #[inline]
    fn is_said(&self) -> bool {
        true
    }

    fn write(&self, out: &mut Vec<u8>);
}

/// The head of a value: what it is, and its value or length (RFC 8949, section 3).
#[inline]
fn head(kind: u8, number: u64, out: &mut Vec<u8>) {
    match number {
        #[expect(clippy::cast_possible_truncation, reason = "a number of one byte")]
        0..0x18 => out.push(kind | number as u8),
        _ => long_head(kind, number, out),
    }
}

fn long_head(kind: u8, number: u64, out: &mut Vec<u8>) {
    let bytes = number.to_be_bytes();
    // As few as hold it, of 1, 2, 4 or 8.
    let (size, from) = match number {
        0..0x100 => (0, 7),
        0x100..0x1_0000 => (1, 6),
        0x1_0000..0x1_0000_0000 => (2, 4),
        0x1_0000_0000.. => (3, 0),
    };
    out.push(kind | (0x18 + size));
    out.extend_from_slice(bytes.get(from..).unwrap_or_default());
}

/// The head of a list of so many values.
pub(super) fn list(length: usize, out: &mut Vec<u8>) {
    head(LIST, length as u64, out);
}

/// The head of a map of so many fields.
pub(super) fn map(fields: usize, out: &mut Vec<u8>) {
    head(MAP, fields as u64, out);
}

/// A field, where there is anything to write.
#[inline]
pub(super) fn field<T: Write>(number: u64, value: &T, out: &mut Vec<u8>) {
    if value.is_said() {
        head(UNSIGNED, number, out);
        value.write(out);
    }
}

pub(super) fn bytes(bytes: &[u8], out: &mut Vec<u8>) {
    head(BYTES, bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}

macro_rules! numbers {
    ($($type:ty),*) => { $(impl Write for $type {
        #[inline]
        fn write(&self, out: &mut Vec<u8>) {
            head(UNSIGNED, u64::from(*self), out);
        }
    })* };
}
numbers!(u16, u32, u64);

impl Write for bool {
    #[inline]
    fn write(&self, out: &mut Vec<u8>) {
        out.push(if *self { TRUE } else { FALSE });
    }
}

impl Write for Text {
    #[inline]
    fn write(&self, out: &mut Vec<u8>) {
        head(TEXT, self.len() as u64, out);
        out.extend_from_slice(self.as_bytes());
    }
}

/// A list of bytes is none of numbers.
impl Write for Vec<u8> {
    fn write(&self, out: &mut Vec<u8>) {
        bytes(self, out);
    }
}

impl<T: Write> Write for Vec<T> {
    fn write(&self, out: &mut Vec<u8>) {
        list(self.len(), out);
        self.iter().for_each(|value| value.write(out));
    }
}

impl<T: Write> Write for Box<T> {
    fn is_said(&self) -> bool {
        T::is_said(self)
    }

    fn write(&self, out: &mut Vec<u8>) {
        T::write(self, out);
    }
}

impl<T: Write> Write for Option<T> {
    #[inline]
    fn is_said(&self) -> bool {
        self.is_some()
    }

    #[inline]
    fn write(&self, out: &mut Vec<u8>) {
        if let Some(value) = self {
            value.write(out);
        }
    }
}
