//! The master key. It seals no content: it wraps the keys that do, so that another one can take its place without a
//! byte of content being written again.

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_STANDARD_NO_PAD};
use sha2::{Digest as _, Sha256};
use std::fmt;
use switchtower_domain::Secret;
use zeroize::Zeroizing;

/// The length of a master key, and of every key of content.
pub(crate) const KEY_BYTES: usize = 32;
/// So that the id tells nothing that another digest of the key would tell too.
const ID_LABEL: &[u8] = b"switchtower: id of a master key\0";

/// A text that is no master key. It is never shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "is no master key; it is 32 random bytes in base64 or hexadecimal digits, as 'openssl rand -base64 32' makes them"
)]
pub struct MasterKeyError;

/// A master key. It never prints, and is wiped when dropped.
#[derive(Clone)]
pub struct MasterKey {
    key: Zeroizing<[u8; KEY_BYTES]>,
    id: String,
}

impl MasterKey {
    /// Reads a master key: 32 bytes in base64 or hexadecimal digits.
    ///
    /// # Errors
    /// [`MasterKeyError`] for everything else; words that people choose are no keys.
    pub fn parse(secret: &Secret) -> Result<Self, MasterKeyError> {
        let text = secret.expose().trim();
        let bytes = Zeroizing::new(of_hex(text).or_else(|| of_base64(text)).ok_or(MasterKeyError)?);
        let key: [u8; KEY_BYTES] = bytes.as_slice().try_into().map_err(|_| MasterKeyError)?;
        Ok(Self::new(key))
    }

    fn new(key: [u8; KEY_BYTES]) -> Self {
        let digest = Sha256::new().chain_update(ID_LABEL).chain_update(key).finalize();
        let id = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        Self { key: Zeroizing::new(key), id }
    }

    /// What it is called in the files of keys: it tells nothing of the key.
    pub fn id(&self) -> &str {
        &self.id
    }

    pub(crate) fn bytes(&self) -> &[u8; KEY_BYTES] {
        &self.key
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MasterKey({})", self.id)
    }
}

impl PartialEq for MasterKey {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

fn of_hex(text: &str) -> Option<Vec<u8>> {
    if text.len() != 2 * KEY_BYTES {
        return None;
    }
    let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let (pairs, _) = text.as_bytes().as_chunks::<2>();
    pairs.iter().map(|[high, low]| Some((digit(high)? << 4) | digit(low)?)).collect()
}

fn of_base64(text: &str) -> Option<Vec<u8>> {
    BASE64_STANDARD.decode(text).or_else(|_| BASE64_STANDARD_NO_PAD.decode(text)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_32_bytes_are_a_key_and_none_prints() {
        let hex = "00".repeat(31) + "0F";
        let base64 = BASE64_STANDARD.encode([0; 31].iter().chain([&15]).copied().collect::<Vec<u8>>());
        let parse = |text: &str| MasterKey::parse(&Secret::new(text));
        let (one, other) = (parse(&hex).unwrap(), parse(&format!(" {base64}\n")).unwrap());
        assert_eq!(one, other);
        assert_eq!(format!("{one:?}"), format!("MasterKey({})", one.id()));
        assert!(!format!("{one:?}").contains(&hex) && one.id().len() == 16);
        for wrong in ["", "correct horse battery staple", &"zz".repeat(32), &"00".repeat(31), "c2hvcnQ="] {
            assert_eq!(parse(wrong), Err(MasterKeyError), "{wrong}");
        }
    }
}
