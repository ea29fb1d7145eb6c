//! How far a text goes that JSON writes as it is: up to a quote, a backslash or a control character
//! ([RFC 8259, section 7](https://www.rfc-editor.org/rfc/rfc8259#section-7)).
//!
//! Every body is looked at for this when it is read, and again when one is written. Most texts are names of a few letters,
//! which are seen at a glance at their first words of eight bytes; most bytes are in texts of hundreds, which vectors are for.

const WORD_BYTES: usize = size_of::<u64>();
const ONES: u64 = u64::MAX / 0xff;

/// The number of bytes from the start that are plain.
#[inline]
pub fn prefix(text: &[u8]) -> usize {
    match text.first_chunk().and_then(first_special) {
        Some(place) => place,
        None => prefix_of_long(text),
    }
}

fn prefix_of_long(text: &[u8]) -> usize {
    let (_, rest) = text.split_at(WORD_BYTES.min(text.len()));
    if let Some(place) = rest.first_chunk().and_then(first_special) {
        return WORD_BYTES + place;
    }
    let end = memchr::memchr2(b'"', b'\\', text).unwrap_or(text.len());
    let (before, _) = text.split_at(end);
    // Looking at every byte without leaving early is what the compiler makes vectors of.
    if before.iter().fold(false, |any, byte| any | is_control(*byte)) {
        return before.iter().take_while(|byte| !is_control(**byte)).count();
    }
    end
}

const fn is_control(byte: u8) -> bool {
    byte < 0x20
}

/// The place of the first byte of a word that is not plain. A byte is marked in its highest bit, which is set where taking
/// something away from it borrows; the borrow may mark bytes above it too, but never one below.
#[inline]
fn first_special(word: &[u8; WORD_BYTES]) -> Option<usize> {
    let word = u64::from_le_bytes(*word);
    let below = |word: u64, bound: u64| word.wrapping_sub(ONES * bound);
    let is = |byte: u8| below(word ^ (ONES * u64::from(byte)), 1);
    let marked = (is(b'"') | is(b'\\') | below(word, 0x20)) & !word & (ONES << 7);
    (marked != 0).then(|| marked.trailing_zeros() as usize / 8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// As the standard lists them.
    const SPECIAL: &[u8] = b"\"\\\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\
        \x10\x11\x12\x13\x14\x15\x16\x17\x18\x19\x1a\x1b\x1c\x1d\x1e\x1f";

    #[test]
    fn every_byte_is_judged_at_every_place() {
        for byte in 0..=u8::MAX {
            for place in 0..80 {
                let mut text = vec![b'a'; 80];
                text[place] = byte;
                let expected = if SPECIAL.contains(&byte) { place } else { 80 };
                assert_eq!(prefix(&text), expected, "{byte:#x} at {place}");
            }
        }
    }

    proptest! {
        #[test]
        fn it_agrees_with_looking_at_each_byte(
            text in prop::collection::vec(prop_oneof![4 => 0x20_u8..0x7f, 2 => any::<u8>(), 1 => 0_u8..0x24], 0..200)
        ) {
            let expected = text.iter().position(|byte| SPECIAL.contains(byte)).unwrap_or(text.len());
            prop_assert_eq!(prefix(&text), expected);
        }
    }
}
