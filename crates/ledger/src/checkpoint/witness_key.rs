//! The keys of witnesses, who sign that they have seen a checkpoint, and when. Source: <https://c2sp.org/tlog-cosignature>.

use super::{KeyError, SignatureLine};
use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};
use std::fmt;

/// The number of Ed25519 cosignatures in signed notes.
const ALGORITHM: u8 = 4;
const PUBLIC_BYTES: usize = 32;
/// A cosignature begins with the time of it, in seconds since 1970.
const TIME_BYTES: usize = 8;

/// The key of a witness, for who reads its signatures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WitnessKey {
    name: String,
    id: [u8; 4],
    public: [u8; PUBLIC_BYTES],
}

impl WitnessKey {
    /// The key of a text, `NAME+ID+BASE64`.
    ///
    /// # Errors
    /// [`KeyError::Verifying`] for what is none of a witness.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let mut parts = text.trim().splitn(3, '+');
        let (Some(name), Some(id), Some(bytes)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(KeyError::Verifying);
        };
        let bytes = STANDARD.decode(bytes).map_err(|_| KeyError::Verifying)?;
        let (&algorithm, public) = bytes.split_first().ok_or(KeyError::Verifying)?;
        let public: [u8; PUBLIC_BYTES] =
            public.try_into().ok().filter(|_| algorithm == ALGORITHM).ok_or(KeyError::Verifying)?;
        let named = !name.is_empty() && !name.chars().any(|letter| letter.is_whitespace() || letter.is_control());
        let key = Self { name: name.to_owned(), id: id_of(name, public), public };
        if named && id == key.id_text() { Ok(key) } else { Err(KeyError::Verifying) }
    }

    /// Whether a line is the signature of this witness over the text of a checkpoint.
    pub fn cosigned(&self, text: &str, line: &SignatureLine) -> bool {
        let Some((time, signature)) = line.signature.split_first_chunk::<TIME_BYTES>() else { return false };
        let message = format!("cosignature/v1\ntime {}\n{text}", u64::from_be_bytes(*time));
        let key = UnparsedPublicKey::new(&ED25519, &self.public);
        line.name == self.name && line.key_id == self.id && key.verify(message.as_bytes(), signature).is_ok()
    }

    fn id_text(&self) -> String {
        format!("{:08x}", u32::from_be_bytes(self.id))
    }
}

fn id_of(name: &str, public: [u8; PUBLIC_BYTES]) -> [u8; 4] {
    let mut digest = Sha256::new();
    digest.update(name);
    digest.update([b'\n', ALGORITHM]);
    digest.update(public);
    let digest: [u8; 32] = digest.finalize().into();
    let [a, b, c, d, ..] = digest;
    [a, b, c, d]
}

impl fmt::Display for WitnessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = STANDARD.encode([&[ALGORITHM][..], &self.public].concat());
        write!(f, "{}+{}+{bytes}", self.name, self.id_text())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_key_comes_back_and_one_of_a_log_is_none() {
        let public = [7; PUBLIC_BYTES];
        let key = WitnessKey { name: "witness.example".to_owned(), id: id_of("witness.example", public), public };
        assert_eq!(WitnessKey::parse(&key.to_string()), Ok(key.clone()));
        let log = super::super::SigningKey::generate("witness.example").unwrap().verifying().to_string();
        assert_eq!(WitnessKey::parse(&log), Err(KeyError::Verifying));
        assert_eq!(WitnessKey::parse(&key.to_string().replace("witness", "other")), Err(KeyError::Verifying));
        let short = SignatureLine { name: key.name.clone(), key_id: key.id, signature: vec![1, 2] };
        assert!(!key.cosigned("x", &short));
    }

    proptest! {
        #[test]
        fn anything_is_read_without_a_panic(text in "(?s).{0,120}", signature: Vec<u8>) {
            if let Ok(key) = WitnessKey::parse(&text) {
                let line = SignatureLine { name: key.name.clone(), key_id: key.id, signature };
                prop_assert!(!key.cosigned(&text, &line));
            }
        }
    }
}
