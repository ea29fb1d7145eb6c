//! Draws that come out the same for the same seed and number, on every machine (splitmix64).

/// The draws of one request.
#[derive(Debug, Clone)]
pub(super) struct Random(u64);

impl Random {
    pub(super) fn of(seed: u64, number: u64) -> Self {
        let mut random = Self(seed ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        // Neighbouring numbers differ in few bits; a draw spreads them.
        random.0 = random.next();
        random
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From 0 to less than `bound`, which is more than 0.
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound.max(1)
    }

    pub(super) fn chance(&mut self, per_mille: u64) -> bool {
        self.below(1000) < per_mille
    }

    /// One of a list that is not empty.
    pub(super) fn pick<T: Copy, const N: usize>(&mut self, list: [T; N]) -> T {
        const { assert!(N > 0, "something to pick from") };
        #[expect(clippy::indexing_slicing, clippy::cast_possible_truncation, reason = "less than the length")]
        list[self.below(N as u64) as usize]
    }

    /// One of a list of weighted things; the last one where the weights do not reach.
    pub(super) fn weighted<T: Copy>(&mut self, list: &[(u64, T)]) -> Option<T> {
        let mut left = self.below(list.iter().map(|(weight, _)| weight).sum());
        for (weight, thing) in list {
            match left.checked_sub(*weight) {
                None => return Some(*thing),
                Some(less) => left = less,
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_and_number_draw_the_same() {
        let draws = |seed, number| {
            let mut random = Random::of(seed, number);
            [random.below(1 << 32), random.below(7), random.pick([1, 2, 3])]
        };
        assert_eq!(draws(1, 2), draws(1, 2));
        assert_ne!(draws(1, 2), draws(1, 3));
        assert_ne!(draws(1, 2), draws(2, 2));
        let mut random = Random::of(0, 0);
        let heavy = (0..1000).filter(|_| random.weighted(&[(9, true), (1, false)]) == Some(true)).count();
        assert!((850..950).contains(&heavy), "{heavy}");
    }
}
