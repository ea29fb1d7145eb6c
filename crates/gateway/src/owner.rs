//! Ids of what a provider keeps, sealed with their owner, so that any replica knows whose they are without a database.
//!
//! `resp_1` of an account becomes `resp_1_stw` + the owner in 16 hexadecimal digits + a seal over both in 32. The seal
//! is an HMAC (RFC 2104) with SHA-256, cut to 128 bits, so that nobody can claim an id that was not handed out here.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};
use std::fmt::{self, Write as _};
use std::sync::LazyLock;
use subtle::ConstantTimeEq as _;
use switchtower_domain::Secret;
use switchtower_providers::Provider;

/// What stands between an id and its seal.
const MARK: &str = "_stw";
const OWNER_DIGITS: usize = 16;
const SEAL_DIGITS: usize = 32;

/// The key that seals ids. Every replica that clients may reach with the same ids needs the same one.
#[derive(Clone)]
pub struct SealKey([u8; 32]);

/// Ids are not meant to outlive the process where no key is configured.
static OF_THIS_PROCESS: LazyLock<SealKey> = LazyLock::new(|| {
    let mut random = Sha256::new();
    for _ in 0..4 {
        random.update(uuid::Uuid::now_v7().as_bytes());
    }
    SealKey(random.finalize().into())
});

impl SealKey {
    /// The key that a secret stands for.
    pub fn new(secret: &Secret) -> Self {
        Self(Sha256::digest(secret.expose()).into())
    }

    /// A key that this process alone knows.
    pub fn of_this_process() -> Self {
        OF_THIS_PROCESS.clone()
    }

    fn seal(&self, id: &str, owner: Owner) -> String {
        let mut seal = String::with_capacity(SEAL_DIGITS);
        if let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.0) {
            mac.update(&owner.0);
            mac.update(id.as_bytes());
            hex(&mac.finalize().into_bytes(), SEAL_DIGITS, &mut seal);
        }
        seal
    }

    /// Seals who an owner is, in so many digits.
    pub(crate) fn seal_owner(&self, owner: Owner, digits: usize, out: &mut String) {
        if let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.0) {
            // Other texts than ids: no seal of one is a seal of the other.
            mac.update(b"owner\0");
            mac.update(&owner.0);
            hex(&mac.finalize().into_bytes(), digits, out);
        }
    }

    /// The id as a client gets it.
    pub(crate) fn sealed(&self, id: &str, owner: Owner) -> String {
        let mut text = format!("{id}{MARK}");
        hex(&owner.0, OWNER_DIGITS, &mut text);
        text.push_str(&self.seal(id, owner));
        text
    }

    /// The id as its provider knows it, and whose it is; `None` for what was not handed out under this key.
    pub(crate) fn opened<'a>(&self, text: &'a str) -> Option<(&'a str, Owner)> {
        let (id, rest) = text.rsplit_once(MARK)?;
        let (owner, _) = rest.split_at_checked(OWNER_DIGITS)?;
        let owner = Owner::of_digits(owner)?;
        // Digits can be read that are written otherwise; only what was handed out opens, byte by byte.
        let genuine = text.as_bytes().ct_eq(self.sealed(id, owner).as_bytes());
        bool::from(genuine).then_some((id, owner))
    }
}

impl PartialEq for SealKey {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for SealKey {}

impl fmt::Debug for SealKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealKey(***)")
    }
}

/// The account at a provider that made or keeps something: what its operator calls it, or else the provider's name in the
/// configuration and where it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Owner([u8; 8]);

impl Owner {
    pub(crate) fn of(provider: &Provider) -> Self {
        let mut digest = Sha256::new();
        if let Some(account) = &provider.account {
            // No name of a provider begins so.
            digest.update([0]);
            digest.update(account.as_str());
        } else {
            digest.update(provider.name.as_str());
            digest.update([0]);
            digest.update(provider.main.endpoint.base());
        }
        let digest: [u8; 32] = digest.finalize().into();
        let [a, b, c, d, e, f, g, h, ..] = digest;
        Self([a, b, c, d, e, f, g, h])
    }

    pub(crate) fn of_digits(digits: &str) -> Option<Self> {
        u64::from_str_radix(digits, 16).ok().map(|number| Self(number.to_be_bytes()))
    }

    pub(crate) fn write_digits(&self, out: &mut String) {
        hex(&self.0, OWNER_DIGITS, out);
    }
}

fn hex(bytes: &[u8], digits: usize, out: &mut String) {
    for byte in bytes.iter().take(digits / 2) {
        let _ = write!(out, "{byte:02x}");
    }
}

/// The ids of one exchange, on their way to a client.
#[derive(Debug)]
pub(crate) struct Sealing {
    key: SealKey,
    owner: Owner,
    /// What stands in the provider's bytes, as JSON text, and what stands in its place for the client.
    pairs: Vec<(Vec<u8>, Vec<u8>)>,
    /// Whether the answer's own id is known.
    named: bool,
}

impl Sealing {
    pub(crate) const fn new(key: SealKey, owner: Owner) -> Self {
        Self { key, owner, pairs: Vec::new(), named: false }
    }

    /// An id that the client presented itself, as its provider knows it.
    pub(crate) fn known(&mut self, id: &str, sealed: &str) {
        self.pairs.push((json(id), json(sealed)));
    }

    /// Puts sealed ids in the place of the provider's own; `None` where there are none.
    pub(crate) fn rewritten(&mut self, bytes: &[u8]) -> Option<Vec<u8>> {
        if !self.named
            && let Some(id) = own_id(bytes)
        {
            let sealed = self.key.sealed(&id, self.owner);
            self.pairs.push((json(&id), json(&sealed)));
            self.named = true;
        }
        let mut out: Option<Vec<u8>> = None;
        for (from, to) in &self.pairs {
            let text = out.as_deref().unwrap_or(bytes);
            if let Some(changed) = replaced(text, from, to) {
                out = Some(changed);
            }
        }
        out
    }
}

/// The id of the answer in a whole answer, or in an event that tells of it.
fn own_id(bytes: &[u8]) -> Option<String> {
    let value: serde_json::Value = serde_json::from_slice(bytes).ok()?;
    let answer = value.get("response").unwrap_or(&value);
    // Nothing can be found again by an empty one.
    answer.get("id").and_then(serde_json::Value::as_str).filter(|id| !id.is_empty()).map(str::to_owned)
}

fn json(text: &str) -> Vec<u8> {
    serde_json::Value::from(text).to_string().into_bytes()
}

fn replaced(text: &[u8], from: &[u8], to: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some(at) = memchr::memmem::find(rest, from) {
        let (before, after) = (rest.get(..at)?, rest.get(at + from.len()..)?);
        out.extend_from_slice(before);
        out.extend_from_slice(to);
        rest = after;
    }
    if out.is_empty() {
        return None;
    }
    out.extend_from_slice(rest);
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key(text: &str) -> SealKey {
        SealKey::new(&Secret::new(text))
    }

    #[test]
    fn an_id_comes_back_to_its_owner_under_the_same_key_only() {
        let (ours, owner) = (key("k"), Owner([1; 8]));
        let sealed = ours.sealed("resp_1", owner);
        assert_eq!(ours.opened(&sealed), Some(("resp_1", owner)));
        assert_eq!(key("other").opened(&sealed), None);
        for forged in ["resp_1", "resp_1_stw", &sealed.replace("resp_1", "resp_2"), &sealed.replace("0101", "0201")] {
            assert_eq!(ours.opened(forged), None, "{forged}");
        }
        // A sign and capitals are read as the same number.
        let lettered = ours.sealed("resp_1", Owner([0xab; 8]));
        for forged in [sealed.replace("_stw0", "_stw+"), lettered.replace("_stwab", "_stwAB")] {
            assert_eq!(ours.opened(&forged), None, "{forged}");
        }
        assert!(!format!("{ours:?}").contains("107"));
    }

    #[test]
    fn ids_are_replaced_wherever_they_stand_and_nowhere_else() {
        let mut sealing = Sealing::new(key("k"), Owner([1; 8]));
        sealing.known("resp_0", "resp_0_sealed");
        let event = br#"{"type":"response.created","response":{"id":"resp_1","previous_response_id":"resp_0","t":"\"resp_1\""}}"#;
        let text = String::from_utf8(sealing.rewritten(event).unwrap()).unwrap();
        assert!(text.contains(r#""id":"resp_1_stw0101010101010101"#) && text.contains(r#""resp_0_sealed""#), "{text}");
        assert!(text.contains(r#""t":"\"resp_1\"""#), "{text}");
        assert_eq!(sealing.rewritten(br#"{"delta":"resp_1 or so"}"#), None);
        let mut sealing = Sealing::new(key("k"), Owner([1; 8]));
        assert_eq!(sealing.rewritten(br#"{"response":{"id":""},"delta":""}"#), None);
    }

    proptest! {
        #[test]
        fn every_id_comes_back(id in ".{0,40}", owner: [u8; 8]) {
            let key = key("k");
            let sealed = key.sealed(&id, Owner(owner));
            prop_assert_eq!(key.opened(&sealed), Some((id.as_str(), Owner(owner))));
        }

        #[test]
        fn an_id_that_was_changed_anywhere_does_not_open(
            id in ".{0,12}", owner in any::<[u8; 8]>().prop_map(|owner| owner.map(|byte| byte % 16)),
            at: prop::sample::Index, to in prop_oneof!["[0-9a-fA-F+_]", "."], how in 0..3,
        ) {
            let key = key("k");
            let sealed = key.sealed(&id, Owner(owner));
            let mut letters: Vec<char> = sealed.chars().collect();
            let (at, to) = (at.index(letters.len()), to.chars().next().unwrap());
            match how {
                0 => letters[at] = to,
                1 => letters.insert(at, to),
                _ => drop(letters.remove(at)),
            }
            let forged: String = letters.into_iter().collect();
            prop_assume!(forged != sealed);
            prop_assert_eq!(key.opened(&forged), None, "{}", forged);
        }

        #[test]
        fn an_id_opens_under_no_other_key(id in ".{0,12}", owner: [u8; 8], other in "[a-z]{2,9}") {
            let sealed = key("k").sealed(&id, Owner(owner));
            prop_assert_eq!(key(&other).opened(&sealed), None);
        }

        #[test]
        fn nothing_else_is_opened(text in ".{0,80}") {
            prop_assert_eq!(key("k").opened(&text), None);
        }
    }
}
