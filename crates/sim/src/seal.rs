//! Signatures of thinking blocks, and withheld thinking.
//!
//! A signature is a keyed digest over the text. The key is the seed of the settings: two simulators of different seeds
//! are two accounts, and neither accepts what the other signed. It is a test double and protects nothing.

use crate::random::{Digest, Random};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

const SIGNATURE_WORDS: u64 = 12;

/// The signature of a thinking text.
pub(crate) fn signature(owner: u64, thinking: &str) -> String {
    let mut digest = Digest::new();
    digest.add(&owner.to_le_bytes());
    digest.add(thinking.as_bytes());
    let mut random = Random::for_purpose(digest.finish(), "signature");
    BASE64.encode((0..SIGNATURE_WORDS).flat_map(|_| random.next().to_le_bytes()).collect::<Vec<u8>>())
}

/// The data of a block of withheld thinking: its own signature over a random start.
pub(crate) fn withheld(owner: u64, seed: u64) -> String {
    let start = Random::for_purpose(seed, "withheld").letters(24, b"abcdefghijklmnopqrstuvwxyz");
    let seal = signature(owner, &start);
    BASE64.encode(format!("{start}{seal}"))
}

/// True if this owner withheld it.
pub(crate) fn is_withheld_by(owner: u64, data: &str) -> bool {
    let Ok(bytes) = BASE64.decode(data) else {
        return false;
    };
    let Ok(text) = String::from_utf8(bytes) else {
        return false;
    };
    text.split_at_checked(24).is_some_and(|(start, seal)| seal == signature(owner, start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_owner_recognises_its_own() {
        assert_eq!(signature(1, "a"), signature(1, "a"));
        assert_ne!(signature(1, "a"), signature(2, "a"));
        assert_ne!(signature(1, "a"), signature(1, "b"));
        assert!(is_withheld_by(1, &withheld(1, 5)));
        assert!(!is_withheld_by(2, &withheld(1, 5)) && !is_withheld_by(1, "AAAA") && !is_withheld_by(1, "?"));
    }
}
