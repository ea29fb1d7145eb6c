//! Signed notes: a text, an empty line, and a line for each signature. Source: <https://c2sp.org/signed-note>.

use super::{SigningKey, VerifyingKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::fmt;

/// What a line with a signature begins with: an em dash and a space.
const MARK: &str = "\u{2014} ";
/// The most signatures of one note; the specification wants no fewer read than sixteen.
const SIGNATURES_MAX: usize = 100;

/// A text that is signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// The text, with the newline at its end.
    pub text: String,
    /// Its signatures, of keys that may be known or not.
    pub signatures: Vec<SignatureLine>,
}

/// One signature of a note.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignatureLine {
    /// Who signed.
    pub name: String,
    /// The first four bytes of the key's hash.
    pub key_id: [u8; 4],
    /// The signature.
    pub signature: Vec<u8>,
}

/// A text that is no signed note.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// It has no signatures.
    #[error("a signed note has an empty line and signatures after its text")]
    Unsigned,
    /// A signature is none.
    #[error("signature {number} of the note is not written as one")]
    Signature {
        /// Which, from 1.
        number: usize,
    },
    /// It has too many.
    #[error("the note has more than {SIGNATURES_MAX} signatures")]
    Many,
}

impl Note {
    /// The note of a text.
    ///
    /// # Errors
    /// [`NoteError`] says what is missing.
    pub fn parse(note: &str) -> Result<Self, NoteError> {
        let (text, signatures) = note.rsplit_once("\n\n").ok_or(NoteError::Unsigned)?;
        let lines = signatures.strip_suffix('\n').filter(|lines| !lines.is_empty()).ok_or(NoteError::Unsigned)?;
        let lines: Vec<&str> = lines.split('\n').collect();
        if lines.len() > SIGNATURES_MAX {
            return Err(NoteError::Many);
        }
        let read = |(place, line): (usize, &&str)| {
            SignatureLine::parse(line).ok_or(NoteError::Signature { number: place + 1 })
        };
        let signatures = lines.iter().enumerate().map(read).collect::<Result<_, _>>()?;
        Ok(Self { text: format!("{text}\n"), signatures })
    }

    /// Whether the owner of a key signed it.
    pub fn is_signed_by(&self, key: &VerifyingKey) -> bool {
        let own = |line: &&SignatureLine| line.name == key.name() && line.key_id == key.id();
        self.signatures.iter().filter(own).any(|line| key.verifies(self.text.as_bytes(), &line.signature))
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

impl SignatureLine {
    /// The signature of a key over a text.
    pub fn by(key: &SigningKey, text: &str) -> Self {
        let verifying = key.verifying();
        Self { name: verifying.name().to_owned(), key_id: verifying.id(), signature: key.sign(text.as_bytes()) }
    }

    /// The line of a text; nothing for what is none.
    pub fn parse(line: &str) -> Option<Self> {
        let (name, signature) = line.strip_prefix(MARK)?.split_once(' ')?;
        let bytes = STANDARD.decode(signature).ok()?;
        let (key_id, signature) = bytes.split_first_chunk()?;
        let named = !name.is_empty() && !name.contains(['+', ' ']) && !signature.is_empty();
        named.then(|| Self { name: name.to_owned(), key_id: *key_id, signature: signature.to_vec() })
    }
}

impl fmt::Display for SignatureLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{MARK}{} {}", self.name, STANDARD.encode([&self.key_id[..], &self.signature].concat()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification of checkpoints, whose key is not told there.
    const FOREIGN: &str = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n";

    #[test]
    fn a_note_of_somebody_else_is_read_and_written_alike() {
        let note = Note::parse(FOREIGN).unwrap();
        assert_eq!(note.to_string(), FOREIGN);
        assert_eq!((note.signatures.len(), note.signatures[0].signature.len()), (1, 64));
        assert_eq!(note.text.lines().count(), 3);
    }

    #[test]
    fn what_is_no_note_is_refused() {
        assert_eq!(Note::parse("a\n"), Err(NoteError::Unsigned));
        assert_eq!(Note::parse("a\n\n"), Err(NoteError::Unsigned));
        assert_eq!(Note::parse("a\n\nb\n"), Err(NoteError::Signature { number: 1 }));
        assert_eq!(Note::parse("a\n\n— b AA==\n"), Err(NoteError::Signature { number: 1 }));
        let many = format!("a\n\n{}", "— b AAAAAAA=\n".repeat(SIGNATURES_MAX + 1));
        assert_eq!(Note::parse(&many), Err(NoteError::Many));
    }
}
