//! Names of people and things that are not to be written, under keys.
//!
//! Digests are BLAKE3 with a key (<https://github.com/BLAKE3-team/BLAKE3-specs>): without the key nobody can find by
//! guessing what was digested.

use crate::record::{Digest, Pseudonym};
use arc_swap::ArcSwap;
use std::fmt;
use std::sync::Arc;
use zeroize::Zeroizing;

/// The keys of pseudonyms and digests. They never print.
pub struct Pseudonyms {
    /// Whoever reads it holds it for one hash, so that one that was destroyed is wiped from memory at once.
    tenant: ArcSwap<Zeroizing<[u8; 32]>>,
    digests: Digests,
}

/// The key of digests alone, for who is to know nothing of pseudonyms. It never prints.
#[derive(Clone)]
pub struct Digests([u8; 32]);

impl Pseudonyms {
    /// The tenant of callers who have none.
    pub const TENANT: &'static str = "default";

    /// Whether a tenant has pseudonyms under a key of its own.
    pub fn are_of(tenant: &str) -> bool {
        tenant == Self::TENANT
    }

    /// Pseudonyms under a tenant's key, and digests under another.
    pub fn new(tenant: [u8; 32], digests: [u8; 32]) -> Self {
        Self { tenant: ArcSwap::from_pointee(Zeroizing::new(tenant)), digests: Digests(digests) }
    }

    /// Goes on under another key of the tenant. Nothing here has the former one any more.
    pub(crate) fn go_on(&self, tenant: [u8; 32]) {
        self.tenant.store(Arc::new(Zeroizing::new(tenant)));
    }

    /// Who a caller is.
    pub fn of_caller(&self, name: &str) -> Pseudonym {
        let hash = blake3::keyed_hash(&self.tenant.load(), name.as_bytes());
        let mut pseudonym = [0; 16];
        pseudonym.iter_mut().zip(hash.as_bytes()).for_each(|(to, from)| *to = *from);
        Pseudonym(pseudonym)
    }

    /// The digest of what is not kept.
    pub fn digest(&self, bytes: &[u8]) -> Digest {
        self.digests.digest(bytes)
    }

    /// The key of digests alone.
    pub const fn digests(&self) -> &Digests {
        &self.digests
    }
}

impl Digests {
    /// The digest of what is not kept.
    pub fn digest(&self, bytes: &[u8]) -> Digest {
        Digest(*blake3::keyed_hash(&self.0, bytes).as_bytes())
    }

    /// A digest that grows with what it is of.
    pub fn digesting(&self) -> Digesting {
        Digesting(Box::new(blake3::Hasher::new_keyed(&self.0)))
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

impl fmt::Debug for Digests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Digests(***)")
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
        let mut growing = ours.digests().digesting();
        growing.update(b"he");
        growing.update(b"llo");
        assert_eq!(growing.digest(), ours.digest(b"hello"));
        let printed = format!("{ours:?} {:?} {growing:?}", ours.digests());
        assert_eq!(printed, "Pseudonyms(***) Digests(***) Digesting(***)");
    }

    #[test]
    fn under_another_key_a_caller_is_another_and_digests_stay() {
        let ours = Pseudonyms::new([1; 32], [2; 32]);
        let (caller, digest) = (ours.of_caller("a"), ours.digest(b"x"));
        let former = Arc::downgrade(&ours.tenant.load_full());
        ours.go_on([3; 32]);
        assert!(former.upgrade().is_none(), "the former key is wiped");
        assert_eq!(ours.of_caller("a"), Pseudonyms::new([3; 32], [2; 32]).of_caller("a"));
        assert!(ours.of_caller("a") != caller && ours.digest(b"x") == digest);
    }
}
