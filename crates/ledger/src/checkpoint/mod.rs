//! Checkpoints: the size and the root of the tree, signed, so that who keeps one notices any change to what was written
//! before it.
//!
//! ```text
//! example.com/switchtower              the name of the log
//! 20852163                             how many records it has
//! CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2…    the root of its tree, in base64
//!
//! — example.com/switchtower Az3grlgt…  a signature
//! ```
//!
//! Sources: <https://c2sp.org/tlog-checkpoint>, <https://c2sp.org/signed-note>.

mod chain;
mod key;
mod note;
mod witness_key;

pub(crate) use chain::KeyChain;
pub use key::{KeyError, SigningKey, VerifyingKey};
pub use note::{Note, NoteError, SignatureLine};
pub use witness_key::WitnessKey;

use crate::merkle::{Frontier, HASH_BYTES, Hash};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// What a log says of itself at one size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The name of the log.
    pub origin: String,
    /// How many records it has.
    pub size: u64,
    /// The root of its tree.
    pub root: Hash,
}

/// A checkpoint that cannot be believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// It is no signed note.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// Its text is none of a checkpoint.
    #[error("line {line} of the checkpoint is not {expected}")]
    Line {
        /// The line, from 1.
        line: usize,
        /// What should stand there.
        expected: &'static str,
    },
}

impl Checkpoint {
    /// What a log says of a tree.
    pub fn of(origin: &str, tree: &Frontier) -> Self {
        Self { origin: origin.to_owned(), size: tree.size(), root: tree.root() }
    }

    /// The text that is signed.
    pub fn text(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, STANDARD.encode(self.root.0))
    }

    /// The checkpoint, signed by keys.
    pub fn signed(&self, keys: &[&SigningKey]) -> Note {
        let text = self.text();
        let signatures = keys.iter().map(|key| SignatureLine::by(key, &text)).collect();
        Note { text, signatures }
    }

    /// What a note says; whether it is signed is another question, which [`Note::is_signed_by`] answers.
    ///
    /// # Errors
    /// [`CheckpointError::Line`] for a text that is none of a checkpoint.
    pub fn read(note: &Note) -> Result<Self, CheckpointError> {
        let wrong = |line, expected| CheckpointError::Line { line, expected };
        let mut lines = note.text.split('\n');
        let mut line =
            |number, expected| lines.next().filter(|line| !line.is_empty()).ok_or_else(|| wrong(number, expected));
        let origin = line(1, "the name of a log")?.to_owned();
        let number = line(2, "a size")?;
        let size: u64 = number.parse().map_err(|_| wrong(2, "a size"))?;
        if size.to_string() != number {
            return Err(wrong(2, "a size without leading zeroes"));
        }
        let root = STANDARD.decode(line(3, "a root in base64")?).ok();
        let root: [u8; HASH_BYTES] =
            root.and_then(|root| root.try_into().ok()).ok_or_else(|| wrong(3, "a root of 32 bytes in base64"))?;
        Ok(Self { origin, size, root: Hash(root) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn checkpoint(size: u64) -> Checkpoint {
        Checkpoint { origin: "example.com/log".to_owned(), size, root: Hash([9; 32]) }
    }

    #[test]
    fn a_checkpoint_is_read_by_who_has_the_key() {
        let key = SigningKey::generate("example.com/log").unwrap();
        let note = checkpoint(7).signed(&[&key]).to_string();
        let read = Note::parse(&note).unwrap();
        assert!(read.is_signed_by(&key.verifying()));
        assert_eq!(Checkpoint::read(&read), Ok(checkpoint(7)));
        let other = SigningKey::generate("example.com/log").unwrap();
        assert!(!read.is_signed_by(&other.verifying()));
        let changed = Note::parse(&note.replace("\n7\n", "\n8\n")).unwrap();
        assert!(!changed.is_signed_by(&key.verifying()));
    }

    #[test]
    fn both_keys_of_a_change_may_sign() {
        let (before, after) = (SigningKey::generate("a/log").unwrap(), SigningKey::generate("a/log").unwrap());
        let note = Note::parse(&checkpoint(1).signed(&[&before, &after]).to_string()).unwrap();
        assert!(note.is_signed_by(&before.verifying()) && note.is_signed_by(&after.verifying()));
    }

    #[test]
    fn what_is_no_checkpoint_is_told_by_its_line() {
        for (text, line) in [("a\n", 2), ("a\n07\nAA==\n", 2), ("a\n7\nAA==\n", 3), ("a\n-1\nx\n", 2), ("a\n1\n\n", 3)]
        {
            let note = Note { text: text.to_owned(), signatures: Vec::new() };
            let Err(CheckpointError::Line { line: found, .. }) = Checkpoint::read(&note) else { panic!("{text}") };
            assert_eq!(found, line, "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_checkpoint_comes_back(origin in "[a-z./]{1,20}", size: u64, root: [u8; 32]) {
            let made = Checkpoint { origin, size, root: Hash(root) };
            let note = Note { text: made.text(), signatures: Vec::new() };
            prop_assert_eq!(Checkpoint::read(&note), Ok(made));
        }

        #[test]
        fn anything_is_read_without_a_panic(text in "(?s).{0,200}") {
            if let Ok(note) = Note::parse(&text) {
                let _ = Checkpoint::read(&note);
            }
            let _ = VerifyingKey::parse(&text);
        }
    }
}
