//! The keys that seal content: one for each tenant and each moment at which content is destroyed, and another for each
//! file. So none seals more than a file holds, which is far below the 2^32 random nonces that a key of AES-GCM bears
//! (NIST SP 800-38D, section 8.3).

use crate::item::{Item, NONCE_BYTES, SEALED_MORE_BYTES, SEALED_VERSION};
use crate::master::{KEY_BYTES, MasterKey};
use aws_lc_rs::aead::{AES_256_GCM, Aad, Nonce, RandomizedNonceKey};
use aws_lc_rs::rand::{SecureRandom as _, SystemRandom};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use zeroize::{Zeroize as _, Zeroizing};

/// The version of files of keys.
const VERSION: u8 = 1;
/// What is bound into everything that a key of content seals.
const ITEM_LABEL: &str = "switchtower: content 1";
/// What is bound into every wrapped key.
const WRAP_LABEL: &str = "switchtower: key of content 1";

/// The name of a key: when what it seals is destroyed, and letters by which it is told from others of that moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyName {
    /// When, in seconds since 1970.
    pub until_s: u64,
    /// Drawn at random, so that a name never comes twice.
    pub mark: u32,
}

impl KeyName {
    pub(crate) fn draw(until_s: u64) -> Option<Self> {
        let mut mark = [0; 4];
        SystemRandom::new().fill(&mut mark).ok()?;
        Some(Self { until_s, mark: u32::from_be_bytes(mark) })
    }

    /// When what it seals is destroyed, in microseconds since 1970.
    pub const fn until_us(&self) -> u64 {
        self.until_s.saturating_mul(1_000_000)
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{:08x}", self.until_s, self.mark)
    }
}

impl FromStr for KeyName {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (until, mark) = text.split_once('-').ok_or(())?;
        let name =
            Self { until_s: until.parse().map_err(|_| ())?, mark: u32::from_str_radix(mark, 16).map_err(|_| ())? };
        // A name has one spelling, so that no two files have the same.
        if name.to_string() == text { Ok(name) } else { Err(()) }
    }
}

/// A file of a key that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyFileError {
    /// It is none.
    #[error("is no key of content")]
    Malformed,
    /// It is of a version that is not known.
    #[error("is of version {version}, which this version of the gateway does not know")]
    Version {
        /// Which.
        version: u8,
    },
    /// The master key that wraps it is not at hand.
    #[error("is wrapped by the master key {master}, which is not at hand; name it in retention.former_keys")]
    Master {
        /// The id of that master key.
        master: String,
    },
    /// It was changed, or is of another tenant or moment.
    #[error("does not open: it was changed, or put in the place of another")]
    Changed,
}

/// The file of a key: wrapped, with the id of the master key that wraps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyFile {
    version: u8,
    master: String,
    wrapped: String,
}

impl KeyFile {
    /// Reads a file.
    ///
    /// # Errors
    /// [`KeyFileError`] for what is none.
    pub fn parse(bytes: &[u8]) -> Result<Self, KeyFileError> {
        let file: Self = serde_json::from_slice(bytes).map_err(|_| KeyFileError::Malformed)?;
        if file.version == VERSION { Ok(file) } else { Err(KeyFileError::Version { version: file.version }) }
    }

    /// The file as its bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let text = serde_json::json!({"version": self.version, "master": self.master, "wrapped": self.wrapped});
        format!("{text}\n").into_bytes()
    }

    /// The id of the master key that wraps it.
    pub fn master(&self) -> &str {
        &self.master
    }

    pub(crate) fn wrap(key: &DataKey, master: &MasterKey, tenant: &str, name: KeyName) -> Option<Self> {
        let mut bytes = Zeroizing::new(key.bytes.to_vec());
        let cipher = RandomizedNonceKey::new(&AES_256_GCM, master.bytes()).ok()?;
        let aad = wrap_aad(tenant, name);
        let nonce = cipher.seal_in_place_append_tag(Aad::from(aad.as_bytes()), &mut *bytes).ok()?;
        let wrapped = [nonce.as_ref().as_slice(), bytes.as_slice()].concat();
        Some(Self { version: VERSION, master: master.id().to_owned(), wrapped: BASE64_STANDARD.encode(wrapped) })
    }

    /// The key, for who has the master key.
    pub(crate) fn unwrap(&self, masters: &[MasterKey], tenant: &str, name: KeyName) -> Result<DataKey, KeyFileError> {
        let master = masters.iter().find(|master| master.id() == self.master);
        let master = master.ok_or_else(|| KeyFileError::Master { master: self.master.clone() })?;
        let wrapped = BASE64_STANDARD.decode(&self.wrapped).map_err(|_| KeyFileError::Malformed)?;
        let (nonce, sealed) = wrapped.split_first_chunk::<NONCE_BYTES>().ok_or(KeyFileError::Malformed)?;
        let cipher = RandomizedNonceKey::new(&AES_256_GCM, master.bytes()).map_err(|_| KeyFileError::Changed)?;
        let mut sealed = Zeroizing::new(sealed.to_vec());
        let aad = wrap_aad(tenant, name);
        let opened = cipher
            .open_in_place(Nonce::from(nonce), Aad::from(aad.as_bytes()), &mut sealed)
            .map_err(|_| KeyFileError::Changed)?;
        let key: [u8; KEY_BYTES] = (&*opened).try_into().map_err(|_| KeyFileError::Malformed)?;
        Ok(DataKey { bytes: Zeroizing::new(key) })
    }
}

/// A key that seals content. It never prints, and is wiped when dropped.
pub(crate) struct DataKey {
    bytes: Zeroizing<[u8; KEY_BYTES]>,
}

impl DataKey {
    pub(crate) fn draw() -> Option<Self> {
        let mut bytes = Zeroizing::new([0; KEY_BYTES]);
        SystemRandom::new().fill(&mut *bytes).ok()?;
        Some(Self { bytes })
    }

    /// Seals a part, bound to whose it is and where it belongs. The plain bytes are gone afterwards.
    pub(crate) fn seal(&self, item: &mut Item, name: KeyName) -> Option<Vec<u8>> {
        let aad = item_aad(item.head(), &item.tenant, name);
        let cipher = RandomizedNonceKey::new(&AES_256_GCM, &*self.bytes).ok()?;
        let mut bytes = std::mem::take(&mut *item.bytes);
        // Where the tag would not fit, the bytes would be moved and those of before left behind.
        if bytes.capacity() < bytes.len() + SEALED_MORE_BYTES {
            let mut roomy = Vec::with_capacity(bytes.len() + SEALED_MORE_BYTES);
            roomy.extend_from_slice(&bytes);
            bytes.zeroize();
            bytes = roomy;
        }
        let nonce = cipher.seal_in_place_append_tag(Aad::from(aad.as_slice()), &mut bytes).ok()?;
        let mut sealed = Vec::with_capacity(bytes.len() + SEALED_MORE_BYTES);
        sealed.push(SEALED_VERSION);
        sealed.extend_from_slice(nonce.as_ref());
        sealed.extend_from_slice(&bytes);
        Some(sealed)
    }

    /// The plain bytes of a part; nothing where it was changed, or put in the place of another.
    pub(crate) fn open(
        &self,
        head: ItemHead,
        sealed: &[u8],
        tenant: &str,
        name: KeyName,
    ) -> Option<Zeroizing<Vec<u8>>> {
        let (version, rest) = sealed.split_first()?;
        let (nonce, rest) = rest.split_first_chunk::<NONCE_BYTES>()?;
        if *version != SEALED_VERSION {
            return None;
        }
        let cipher = RandomizedNonceKey::new(&AES_256_GCM, &*self.bytes).ok()?;
        let mut bytes = Zeroizing::new(rest.to_vec());
        let aad = item_aad(head, tenant, name);
        let length = cipher.open_in_place(Nonce::from(nonce), Aad::from(aad.as_slice()), &mut bytes).ok()?.len();
        bytes.truncate(length);
        Some(bytes)
    }
}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DataKey(***)")
    }
}

/// What of an item is bound into its seal.
pub(crate) type ItemHead = [u8; crate::item::HEAD_BYTES];

fn item_aad(head: ItemHead, tenant: &str, name: KeyName) -> Vec<u8> {
    [format!("{ITEM_LABEL}\0{tenant}\0{name}\0").as_bytes(), &head].concat()
}

fn wrap_aad(tenant: &str, name: KeyName) -> String {
    format!("{WRAP_LABEL}\0{tenant}\0{name}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use switchtower_domain::Secret;

    fn master(byte: u8) -> MasterKey {
        MasterKey::parse(&Secret::new(format!("{byte:02x}").repeat(32))).unwrap()
    }

    proptest! {
        #[test]
        fn names_have_one_spelling(until_s: u64, mark: u32, other in "[0-9]{1,12}-[0-9a-fA-F]{1,9}") {
            let name = KeyName { until_s, mark };
            prop_assert_eq!(name.to_string().parse(), Ok(name));
            if let Ok(read) = other.parse::<KeyName>() {
                prop_assert_eq!(read.to_string(), other);
            }
        }

        #[test]
        fn a_wrapped_key_comes_back_to_its_own_place_only(tenant in "[a-z]{1,8}", until_s: u64, mark: u32) {
            let (key, name) = (DataKey::draw().unwrap(), KeyName { until_s, mark });
            let file = KeyFile::wrap(&key, &master(1), &tenant, name).unwrap();
            let file = KeyFile::parse(&file.to_bytes()).unwrap();
            let masters = [master(2), master(1)];
            prop_assert_eq!(&*file.unwrap(&masters, &tenant, name).unwrap().bytes, &*key.bytes);
            let elsewhere = KeyName { mark: mark ^ 1, ..name };
            prop_assert_eq!(file.unwrap(&masters, &tenant, elsewhere).err(), Some(KeyFileError::Changed));
            prop_assert_eq!(file.unwrap(&masters, "other-one", name).err(), Some(KeyFileError::Changed));
            let missing = KeyFileError::Master { master: master(1).id().to_owned() };
            prop_assert_eq!(file.unwrap(&[master(2)], &tenant, name).err(), Some(missing));
        }

        #[test]
        fn what_is_no_file_of_a_key_is_refused(bytes: Vec<u8>) {
            prop_assert!(KeyFile::parse(&bytes).is_err());
        }
    }
}
