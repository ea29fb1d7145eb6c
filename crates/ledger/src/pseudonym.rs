//! Names of people and things that are not to be written, under keys.
//!
//! Digests are BLAKE3 with a key (<https://github.com/BLAKE3-team/BLAKE3-specs>): without the key nobody can find by
//! guessing what was digested.

use crate::record::{Digest, Pseudonym};
use std::fmt;

/// The keys of pseudonyms and digests. They never print.
#[derive(Clone)]
pub struct Pseudonyms {
    tenant: [u8; 32],
    digests: [u8; 32],
}

impl Pseudonyms {
    /// The tenant of callers who have none.
    pub const TENANT: &'static str = "default";

    /// Pseudonyms under a tenant's key, and digests under another.
    pub const fn new(tenant: [u8; 32], digests: [u8; 32]) -> Self {
        Self { tenant, digests }
    }

    /// Who a caller is.
    pub fn of_caller(&self, name: &str) -> Pseudonym {
        let hash = blake3::keyed_hash(&self.tenant, name.as_bytes());
        let mut pseudonym = [0; 16];
        pseudonym.iter_mut().zip(hash.as_bytes()).for_each(|(to, from)| *to = *from);
        Pseudonym(pseudonym)
    }

    /// The digest of what is not kept.
    pub fn digest(&self, bytes: &[u8]) -> Digest {
        Digest(*blake3::keyed_hash(&self.digests, bytes).as_bytes())
    }

    /// A digest that grows with what it is of.
    pub fn digesting(&self) -> Digesting {
        Digesting(Box::new(blake3::Hasher::new_keyed(&self.digests)))
    }
}

/// A digest that grows.
pub struct Digesting(Box<blake3::Hasher>);

impl Digesting {
    /// Takes more.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The digest of all that was taken.
    pub fn digest(&self) -> Digest {
        Digest(*self.0.finalize().as_bytes())
    }
}

impl fmt::Debug for Pseudonyms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pseudonyms(***)")
    }
}

impl fmt::Debug for Digesting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Digesting(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_apart_under_one_key_and_nothing_is_told_under_another() {
        let (ours, other) = (Pseudonyms::new([1; 32], [2; 32]), Pseudonyms::new([3; 32], [4; 32]));
        assert_eq!(ours.of_caller("a"), ours.of_caller("a"));
        assert_ne!(ours.of_caller("a"), ours.of_caller("b"));
        assert_ne!(ours.of_caller("a"), other.of_caller("a"));
        assert_ne!(ours.digest(b"x"), other.digest(b"x"));
        let mut growing = ours.digesting();
        growing.update(b"he");
        growing.update(b"llo");
        assert_eq!(growing.digest(), ours.digest(b"hello"));
        assert_eq!(format!("{ours:?} {growing:?}"), "Pseudonyms(***) Digesting(***)");
    }
}
