//! The keys of one log, each vouched for by the one before it, so that who knows one of them may trust those after it.
//!
//! ```text
//! example.com/log+33d7b496+AeHZ…                 the first
//! example.com/log+60c66534+AY05… vHHBx0…         another, and the signature of the one before it over its text
//! ```

use super::{SigningKey, VerifyingKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::fmt;

/// The most keys of one log that are read.
const KEYS_MAX: usize = 1000;

/// The keys of a log in the order of their changes; there is always one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeyChain {
    first: VerifyingKey,
    later: Vec<(VerifyingKey, Vec<u8>)>,
}

impl KeyChain {
    pub(crate) const fn of(first: VerifyingKey) -> Self {
        Self { first, later: Vec::new() }
    }

    /// The chain of a text; nothing where it is none, or a signature in it is not of the key before.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines().take(KEYS_MAX);
        let mut chain = Self::of(VerifyingKey::parse(lines.next()?).ok()?);
        for line in lines {
            let (key, signature) = line.split_once(' ')?;
            let (to, signature) = (VerifyingKey::parse(key).ok()?, STANDARD.decode(signature.trim()).ok()?);
            let newest = chain.newest();
            if to.name() != newest.name() || !newest.verifies(to.to_string().as_bytes(), &signature) {
                return None;
            }
            chain.later.push((to, signature));
        }
        Some(chain)
    }

    /// The chain up to one of its keys; nothing where it has not got that.
    pub(crate) fn until(mut self, key: &VerifyingKey) -> Option<Self> {
        let place = self.keys().position(|found| found == key)?;
        self.later.truncate(place);
        Some(self)
    }

    /// Another key, which the newest one vouches for.
    pub(crate) fn and(mut self, from: &SigningKey, to: VerifyingKey) -> Self {
        let signature = from.sign(to.to_string().as_bytes());
        self.later.push((to, signature));
        self
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = &VerifyingKey> {
        std::iter::once(&self.first).chain(self.later.iter().map(|(key, _)| key))
    }

    pub(crate) fn newest(&self) -> &VerifyingKey {
        self.later.last().map_or(&self.first, |(key, _)| key)
    }
}

impl fmt::Display for KeyChain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.first)?;
        self.later.iter().try_for_each(|(key, signature)| writeln!(f, "{key} {}", STANDARD.encode(signature)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_comes_back_and_a_link_that_nobody_signed_is_none() {
        let [one, two, three] = [(); 3].map(|()| SigningKey::generate("a/log").unwrap());
        let chain = KeyChain::of(one.verifying()).and(&one, two.verifying()).and(&two, three.verifying());
        assert_eq!(KeyChain::parse(&chain.to_string()), Some(chain.clone()));
        assert_eq!(chain.newest(), &three.verifying());
        assert_eq!(chain.until(&two.verifying()).unwrap().newest(), &two.verifying());
        // The third is vouched for by the first, which is not the one before it.
        let forged = KeyChain::of(one.verifying()).and(&one, two.verifying()).and(&one, three.verifying());
        assert_eq!(KeyChain::parse(&forged.to_string()), None);
        let other = SigningKey::generate("another/log").unwrap();
        assert_eq!(KeyChain::parse(&KeyChain::of(one.verifying()).and(&one, other.verifying()).to_string()), None);
        assert_eq!(KeyChain::parse(""), None);
    }
}
