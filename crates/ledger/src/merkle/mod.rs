//! The tree over all records, as RFC 6962 (section 2.1) hashes it: a leaf for each record, in the order in which they were
//! written.
//!
//! ```text
//! leaf = SHA-256(0x00 ‖ record)      node = SHA-256(0x01 ‖ left ‖ right)
//! ```
//!
//! [`Frontier`] grows a tree in memory that does not grow with it: the roots of the perfect subtrees from the left. [`proof`]
//! makes and checks proofs over the leaves' hashes.

pub mod proof;

use sha2::{Digest as _, Sha256};
use std::fmt;

/// The size of a hash in bytes.
pub const HASH_BYTES: usize = 32;

/// A hash of the tree: of a leaf, of a node, or of the whole.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Hash(pub [u8; HASH_BYTES]);

impl Hash {
    /// The hash of a record.
    pub fn of_leaf(record: &[u8]) -> Self {
        let mut digest = Sha256::new();
        digest.update([0]);
        digest.update(record);
        Self(digest.finalize().into())
    }

    /// The hash over two subtrees.
    pub fn of_node(left: Self, right: Self) -> Self {
        let mut both = [1; 1 + 2 * HASH_BYTES];
        let (_, hashes) = both.split_at_mut(1);
        let (first, second) = hashes.split_at_mut(HASH_BYTES);
        first.copy_from_slice(&left.0);
        second.copy_from_slice(&right.0);
        Self(Sha256::digest(both).into())
    }

    /// The root of a tree without leaves.
    pub fn of_nothing() -> Self {
        Self(Sha256::digest([]).into())
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hash({self})")
    }
}

/// The roots of the perfect subtrees that make up a tree, the largest first: all that its growth needs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    roots: Vec<Hash>,
}

impl Frontier {
    /// The tree without leaves.
    pub const fn new() -> Self {
        Self { size: 0, roots: Vec::new() }
    }

    /// A tree of a size, from the roots of its perfect subtrees; `None` where their number is not that of such a tree.
    pub fn of(size: u64, roots: Vec<Hash>) -> Option<Self> {
        (roots.len() == size.count_ones() as usize).then_some(Self { size, roots })
    }

    /// How many leaves there are.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The roots of its perfect subtrees, the largest first.
    pub fn roots(&self) -> &[Hash] {
        &self.roots
    }

    /// Adds a leaf.
    pub fn push(&mut self, leaf: Hash) {
        let mut hash = leaf;
        // Each one at the end of the size in binary is a subtree that the new leaf makes whole.
        for _ in 0..self.size.trailing_ones() {
            if let Some(left) = self.roots.pop() {
                hash = Hash::of_node(left, hash);
            }
        }
        self.roots.push(hash);
        self.size += 1;
    }

    /// The proof that this tree is the beginning of the one which these leaves make of it: RFC 6962, section 2.1.2. It needs
    /// no leaf that is in this tree already.
    pub fn consistency(&self, later: &[Hash]) -> Vec<Hash> {
        let mut path = Vec::new();
        if self.size > 0 && !later.is_empty() {
            self.subproof(later, (0, self.size + later.len() as u64), true, &mut path);
        }
        path
    }

    /// The proof for the part of the larger tree from a leaf on, of so many leaves; `whole` is whether all of this tree that
    /// is in it is a tree that the other side has.
    fn subproof(&self, later: &[Hash], (from, size): (u64, u64), whole: bool, path: &mut Vec<Hash>) {
        let own = self.size - from;
        if own == size {
            if !whole {
                path.push(self.part(later, from, self.size));
            }
            return;
        }
        let half = size.next_power_of_two() / 2;
        if own <= half {
            self.subproof(later, (from, half), whole, path);
            path.push(self.part(later, from + half, from + size));
        } else {
            self.subproof(later, (from + half, size - half), false, path);
            path.push(self.part(later, from, from + half));
        }
    }

    /// The root over leaves from one on and before another: all of them in this tree, or all of them later.
    fn part(&self, later: &[Hash], from: u64, until: u64) -> Hash {
        let mut tree = Self::new();
        if from >= self.size {
            let place = |number: u64| usize::try_from(number.saturating_sub(self.size)).unwrap_or(usize::MAX);
            later.get(place(from)..place(until)).unwrap_or_default().iter().for_each(|leaf| tree.push(*leaf));
            return tree.root();
        }
        let mut begin = 0;
        let bits = (0..u64::BITS).rev().map(|bit| 1_u64 << bit).filter(|width| self.size & width != 0);
        for (root, width) in self.roots.iter().zip(bits) {
            if begin >= from && begin + width <= until {
                tree.roots.push(*root);
            }
            begin += width;
        }
        tree.root()
    }

    /// The root of the tree.
    pub fn root(&self) -> Hash {
        let mut roots = self.roots.iter().rev();
        let Some(last) = roots.next() else { return Hash::of_nothing() };
        roots.fold(*last, |right, left| Hash::of_node(*left, right))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The definition of RFC 6962, word by word: slow and obvious.
    pub(crate) fn root_by_definition(records: &[Vec<u8>]) -> Hash {
        match records {
            [] => Hash::of_nothing(),
            [only] => Hash::of_leaf(only),
            _ => {
                let half = records.len().next_power_of_two() / 2;
                Hash::of_node(root_by_definition(&records[..half]), root_by_definition(&records[half..]))
            }
        }
    }

    /// The vectors of the reference implementation: <https://github.com/google/certificate-transparency>,
    /// `merkletree/merkle_tree_test.cc`.
    #[test]
    fn known_trees_have_their_roots() {
        let records: [&[u8]; 8] = [
            b"",
            b"\x00",
            b"\x10",
            b"\x20\x21",
            b"\x30\x31",
            b"\x40\x41\x42\x43",
            b"\x50\x51\x52\x53\x54\x55\x56\x57",
            b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
        ];
        let roots = [
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
            "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
            "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
            "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
            "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
        ];
        let mut tree = Frontier::new();
        assert_eq!(tree.root().to_string(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        for (record, root) in records.iter().zip(roots) {
            tree.push(Hash::of_leaf(record));
            assert_eq!(tree.root().to_string(), root);
        }
    }

    proptest! {
        #[test]
        fn a_frontier_proves_that_it_goes_on(old in 0_usize..70, more in 0_usize..70) {
            let leaves: Vec<Hash> = (0..old + more).map(|leaf| Hash::of_leaf(&leaf.to_be_bytes())).collect();
            let (before, later) = leaves.split_at(old);
            let mut tree = Frontier::new();
            before.iter().for_each(|leaf| tree.push(*leaf));
            let path = tree.consistency(later);
            prop_assert_eq!(&path, &proof::consistency(&leaves, old as u64).unwrap());
        }

        #[test]
        fn a_grown_tree_has_the_root_of_its_definition(records in prop::collection::vec(any::<Vec<u8>>(), 0..70)) {
            let mut tree = Frontier::new();
            records.iter().for_each(|record| tree.push(Hash::of_leaf(record)));
            prop_assert_eq!(tree.root(), root_by_definition(&records));
            let again = Frontier::of(tree.size(), tree.roots().to_vec());
            prop_assert_eq!(again, Some(tree));
        }
    }
}
