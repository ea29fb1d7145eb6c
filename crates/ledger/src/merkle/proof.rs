//! Proofs: that a record is in the tree, and that a tree grew out of a smaller one.
//!
//! Source of both algorithms: RFC 9162, sections 2.1.3 and 2.1.4, which are those of RFC 6962 with the checking spelt out.

use super::Hash;

/// A proof that does not prove what it should.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// There is no such leaf.
    #[error("there is no record {index} in a tree of {size}")]
    NoSuchLeaf {
        /// The leaf.
        index: u64,
        /// The size of the tree.
        size: u64,
    },
    /// It has more or fewer hashes than such a proof has.
    #[error("the proof has another number of hashes than a proof for this place and size")]
    Length,
    /// It leads to another root.
    #[error("the proof leads to another root")]
    Root,
}

/// The hashes that lead from a leaf to the root of the tree of all `leaves`.
///
/// # Errors
/// [`ProofError::NoSuchLeaf`].
pub fn inclusion(leaves: &[Hash], index: u64) -> Result<Vec<Hash>, ProofError> {
    let size = leaves.len() as u64;
    let at = usize::try_from(index).ok().filter(|at| *at < leaves.len());
    let at = at.ok_or(ProofError::NoSuchLeaf { index, size })?;
    let mut path = Vec::new();
    include(leaves, at, &mut path);
    Ok(path)
}

fn include(leaves: &[Hash], at: usize, path: &mut Vec<Hash>) {
    let Some((left, right)) = halves(leaves) else { return };
    if at < left.len() {
        include(left, at, path);
        path.push(root(right));
    } else {
        include(right, at - left.len(), path);
        path.push(root(left));
    }
}

/// The hashes that show that the tree of all `leaves` grew out of the tree of its first `old`.
///
/// # Errors
/// [`ProofError::NoSuchLeaf`] for a tree that is larger than this one.
pub fn consistency(leaves: &[Hash], old: u64) -> Result<Vec<Hash>, ProofError> {
    let size = leaves.len() as u64;
    let at = usize::try_from(old).ok().filter(|at| *at <= leaves.len());
    let at = at.ok_or(ProofError::NoSuchLeaf { index: old, size })?;
    let mut path = Vec::new();
    if at > 0 && at < leaves.len() {
        consist(leaves, at, true, &mut path);
    }
    Ok(path)
}

fn consist(leaves: &[Hash], old: usize, whole: bool, path: &mut Vec<Hash>) {
    if old == leaves.len() {
        if !whole {
            path.push(root(leaves));
        }
        return;
    }
    let Some((left, right)) = halves(leaves) else { return };
    if old <= left.len() {
        consist(left, old, whole, path);
        path.push(root(right));
    } else {
        consist(right, old - left.len(), false, path);
        path.push(root(left));
    }
}

/// The root over some leaves.
pub fn root(leaves: &[Hash]) -> Hash {
    match (leaves, halves(leaves)) {
        (_, Some((left, right))) => Hash::of_node(root(left), root(right)),
        ([only], None) => *only,
        _ => Hash::of_nothing(),
    }
}

/// The largest perfect subtree that is smaller than the tree, and the rest.
fn halves(leaves: &[Hash]) -> Option<(&[Hash], &[Hash])> {
    (leaves.len() > 1).then(|| leaves.split_at(leaves.len().next_power_of_two() / 2))
}

/// Checks that a leaf stands at a place of the tree with a root.
///
/// # Errors
/// [`ProofError`] says in what the proof fails.
pub fn check_inclusion(leaf: Hash, index: u64, size: u64, root: Hash, path: &[Hash]) -> Result<(), ProofError> {
    if index >= size {
        return Err(ProofError::NoSuchLeaf { index, size });
    }
    let (mut place, mut last, mut hash) = (index, size - 1, leaf);
    for step in path {
        if last == 0 {
            return Err(ProofError::Length);
        }
        if place & 1 == 1 || place == last {
            hash = Hash::of_node(*step, hash);
            while place & 1 == 0 && place != 0 {
                place >>= 1;
                last >>= 1;
            }
        } else {
            hash = Hash::of_node(hash, *step);
        }
        place >>= 1;
        last >>= 1;
    }
    match (last, hash == root) {
        (0, true) => Ok(()),
        (0, false) => Err(ProofError::Root),
        _ => Err(ProofError::Length),
    }
}

/// Checks that the tree of `size` leaves grew out of the one of `old`.
///
/// # Errors
/// [`ProofError`] says in what the proof fails.
pub fn check_consistency(
    (old, old_root): (u64, Hash),
    (size, root): (u64, Hash),
    path: &[Hash],
) -> Result<(), ProofError> {
    if old > size {
        return Err(ProofError::NoSuchLeaf { index: old, size });
    }
    if old == size || old == 0 {
        let alike = if old == size { old_root == root } else { old_root == Hash::of_nothing() };
        return match (path.is_empty(), alike) {
            (true, true) => Ok(()),
            (true, false) => Err(ProofError::Root),
            (false, _) => Err(ProofError::Length),
        };
    }
    // Of a perfect tree the old root is the beginning of the proof, and is left out there.
    let mut steps = old.is_power_of_two().then_some(old_root).into_iter().chain(path.iter().copied());
    let first = steps.next().ok_or(ProofError::Length)?;
    let (mut place, mut last) = (old - 1, size - 1);
    while place & 1 == 1 {
        place >>= 1;
        last >>= 1;
    }
    let (mut of_old, mut of_new) = (first, first);
    for step in steps {
        if last == 0 {
            return Err(ProofError::Length);
        }
        if place & 1 == 1 || place == last {
            of_old = Hash::of_node(step, of_old);
            of_new = Hash::of_node(step, of_new);
            while place & 1 == 0 && place != 0 {
                place >>= 1;
                last >>= 1;
            }
        } else {
            of_new = Hash::of_node(of_new, step);
        }
        place >>= 1;
        last >>= 1;
    }
    match (last, of_old == old_root && of_new == root) {
        (0, true) => Ok(()),
        (0, false) => Err(ProofError::Root),
        _ => Err(ProofError::Length),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::root_by_definition;
    use super::*;
    use proptest::prelude::*;

    fn tree(size: usize) -> (Vec<Vec<u8>>, Vec<Hash>) {
        let records: Vec<Vec<u8>> = (0..size).map(|number| number.to_string().into_bytes()).collect();
        let leaves = records.iter().map(|record| Hash::of_leaf(record)).collect();
        (records, leaves)
    }

    #[test]
    fn every_record_of_every_small_tree_is_proved_at_its_place_only() {
        for size in 1..40_usize {
            let (records, leaves) = tree(size);
            let top = root_by_definition(&records);
            assert_eq!(root(&leaves), top);
            for index in 0..size {
                let path = inclusion(&leaves, index as u64).unwrap();
                let check = |place: u64, leaf, path: &[Hash]| check_inclusion(leaf, place, size as u64, top, path);
                assert_eq!(check(index as u64, leaves[index], &path), Ok(()));
                for other in (0..size).filter(|other| *other != index) {
                    assert!(check(other as u64, leaves[index], &path).is_err());
                    assert!(check(index as u64, leaves[other], &path).is_err());
                }
                let longer = [path.clone(), vec![top]].concat();
                assert!(check(index as u64, leaves[index], &longer).is_err());
                if let Some((_, shorter)) = path.split_last() {
                    assert!(check(index as u64, leaves[index], shorter).is_err());
                }
            }
            assert!(inclusion(&leaves, size as u64).is_err());
        }
    }

    #[test]
    fn every_small_tree_is_proved_to_have_grown_out_of_every_smaller_one() {
        for size in 0..40_usize {
            let (records, leaves) = tree(size);
            let now = (size as u64, root_by_definition(&records));
            for old in 0..=size {
                let path = consistency(&leaves, old as u64).unwrap();
                let before = (old as u64, root_by_definition(&records[..old]));
                assert_eq!(check_consistency(before, now, &path), Ok(()), "{old} of {size}");
                let other = (old as u64, Hash([7; 32]));
                assert!(check_consistency(other, now, &path).is_err(), "{old} of {size}");
                if old < size {
                    assert!(check_consistency(before, (now.0, Hash([7; 32])), &path).is_err() || old == 0);
                    assert!(check_consistency(before, now, &[path, vec![now.1]].concat()).is_err());
                }
            }
        }
    }

    proptest! {
        #[test]
        fn a_changed_hash_proves_nothing(size in 2..200_usize, at: prop::sample::Index, which: prop::sample::Index, bit in 0..256_usize) {
            let (_, leaves) = tree(size);
            let index = at.index(size);
            let mut path = inclusion(&leaves, index as u64).unwrap();
            let step = which.index(path.len());
            path[step].0[bit / 8] ^= 1 << (bit % 8);
            prop_assert_eq!(
                check_inclusion(leaves[index], index as u64, size as u64, root(&leaves), &path),
                Err(ProofError::Root)
            );
        }
    }
}
