//! Keys that sign checkpoints, and their other halves, which verifiers hold. Ed25519, as signed notes have it: RFC 8032.

use aws_lc_rs::rand::{SecureRandom as _, SystemRandom};
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};
use std::fmt;

/// The number of Ed25519 in signed notes.
const ALGORITHM: u8 = 1;
const SEED_BYTES: usize = 32;
const PUBLIC_BYTES: usize = 32;

/// A key that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// It is no signing key.
    #[error("a signing key is written as PRIVATE+KEY+NAME+ID+BASE64, for Ed25519")]
    Signing,
    /// It is no key of a verifier.
    #[error("a verifier's key is written as NAME+ID+BASE64, for Ed25519")]
    Verifying,
    /// The system gives no randomness.
    #[error("the system gives no randomness")]
    Randomness,
}

/// A key that signs. It never prints.
pub struct SigningKey {
    pair: Ed25519KeyPair,
    seed: [u8; SEED_BYTES],
    verifying: VerifyingKey,
}

impl SigningKey {
    /// A new key under a name.
    ///
    /// # Errors
    /// [`KeyError::Randomness`].
    pub fn generate(name: &str) -> Result<Self, KeyError> {
        let mut seed = [0; SEED_BYTES];
        SystemRandom::new().fill(&mut seed).map_err(|_| KeyError::Randomness)?;
        Self::of_seed(name, seed)
    }

    fn of_seed(name: &str, seed: [u8; SEED_BYTES]) -> Result<Self, KeyError> {
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed).map_err(|_| KeyError::Signing)?;
        let public = pair.public_key().as_ref().try_into().map_err(|_| KeyError::Signing)?;
        let verifying = VerifyingKey::new(name, public).ok_or(KeyError::Signing)?;
        Ok(Self { pair, seed, verifying })
    }

    /// The key of a text, in the form that tools for signed notes share.
    ///
    /// # Errors
    /// [`KeyError::Signing`].
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let rest = text.trim().strip_prefix("PRIVATE+KEY+").ok_or(KeyError::Signing)?;
        let mut parts = rest.splitn(3, '+');
        let (Some(name), Some(id), Some(bytes)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(KeyError::Signing);
        };
        let bytes = STANDARD.decode(bytes).map_err(|_| KeyError::Signing)?;
        let (&algorithm, seed) = bytes.split_first().ok_or(KeyError::Signing)?;
        let seed = seed.try_into().ok().filter(|_| algorithm == ALGORITHM).ok_or(KeyError::Signing)?;
        let key = Self::of_seed(name, seed)?;
        if id == key.verifying.id_text() { Ok(key) } else { Err(KeyError::Signing) }
    }

    /// The text of the key, for the file that keeps it. It is the secret itself.
    pub fn expose(&self) -> String {
        let bytes = STANDARD.encode([&[ALGORITHM][..], &self.seed].concat());
        format!("PRIVATE+KEY+{}+{}+{bytes}", self.verifying.name, self.verifying.id_text())
    }

    /// Whose it is.
    pub fn name(&self) -> &str {
        &self.verifying.name
    }

    /// Its other half.
    pub fn verifying(&self) -> VerifyingKey {
        self.verifying.clone()
    }

    /// Its signature over some bytes.
    pub fn sign(&self, bytes: &[u8]) -> Vec<u8> {
        self.pair.sign(bytes).as_ref().to_vec()
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.verifying)
    }
}

/// The key of a verifier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifyingKey {
    name: String,
    public: [u8; PUBLIC_BYTES],
}

impl VerifyingKey {
    fn new(name: &str, public: [u8; PUBLIC_BYTES]) -> Option<Self> {
        let allowed = |letter: char| !letter.is_whitespace() && !letter.is_control() && letter != '+';
        (!name.is_empty() && name.chars().all(allowed)).then(|| Self { name: name.to_owned(), public })
    }

    /// The key of a text.
    ///
    /// # Errors
    /// [`KeyError::Verifying`].
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let mut parts = text.trim().splitn(3, '+');
        let (Some(name), Some(id), Some(bytes)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(KeyError::Verifying);
        };
        let bytes = STANDARD.decode(bytes).map_err(|_| KeyError::Verifying)?;
        let (&algorithm, public) = bytes.split_first().ok_or(KeyError::Verifying)?;
        let public = public.try_into().ok().filter(|_| algorithm == ALGORITHM).ok_or(KeyError::Verifying)?;
        let key = Self::new(name, public).ok_or(KeyError::Verifying)?;
        if id == key.id_text() { Ok(key) } else { Err(KeyError::Verifying) }
    }

    /// Whose it is.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The beginning of its hash.
    pub fn id(&self) -> [u8; 4] {
        let mut digest = Sha256::new();
        digest.update(&self.name);
        digest.update([b'\n', ALGORITHM]);
        digest.update(self.public);
        let digest: [u8; 32] = digest.finalize().into();
        let [a, b, c, d, ..] = digest;
        [a, b, c, d]
    }

    fn id_text(&self) -> String {
        format!("{:08x}", u32::from_be_bytes(self.id()))
    }

    /// Whether a signature over some bytes is of this key.
    pub fn verifies(&self, bytes: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, &self.public).verify(bytes, signature).is_ok()
    }
}

impl fmt::Display for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = STANDARD.encode([&[ALGORITHM][..], &self.public].concat());
        write!(f, "{}+{}+{bytes}", self.name, self.id_text())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_come_back_from_their_texts() {
        let key = SigningKey::generate("switchtower.example/log").unwrap();
        let again = SigningKey::parse(&key.expose()).unwrap();
        assert_eq!(again.verifying(), key.verifying());
        assert_eq!(VerifyingKey::parse(&key.verifying().to_string()), Ok(key.verifying()));
        assert!(key.verifying().verifies(b"x", &again.sign(b"x")));
        assert!(!format!("{key:?}").contains(&STANDARD.encode(key.seed)));
    }

    /// The key and the identifier of Go's `golang.org/x/mod/sumdb/note`, from its documentation.
    #[test]
    fn keys_of_other_tools_are_read() {
        let skey = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
        let vkey = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
        assert_eq!(SigningKey::parse(skey).unwrap().verifying().to_string(), vkey);
        assert_eq!(SigningKey::parse(&skey.replace("c74f20a3", "c74f20a4")).unwrap_err(), KeyError::Signing);
        assert_eq!(VerifyingKey::parse(&vkey.replace("Neumann", "Oldman")), Err(KeyError::Verifying));
        for wrong in ["", "a+b", "a b+c74f20a3+ARpc", "PRIVATE+KEY+a+00000000+AQ=="] {
            assert!(SigningKey::parse(wrong).is_err() && VerifyingKey::parse(wrong).is_err(), "{wrong}");
        }
    }
}
