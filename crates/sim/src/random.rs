//! Seeded numbers: the only source of chance in this crate.
//!
//! `SplitMix64` and a 64-bit FNV-1a digest, written out so that an answer stays the same bytes whatever a dependency
//! does in its next version.

use serde_json::Value;

/// A small seeded generator. The same seed gives the same numbers for ever.
#[derive(Debug, Clone)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A generator for a named purpose, so that drawing more for one purpose leaves the others as they were.
    pub(crate) fn for_purpose(seed: u64, purpose: &str) -> Self {
        let mut digest = Digest::new();
        digest.add(&seed.to_le_bytes());
        digest.add(purpose.as_bytes());
        Self(digest.finish())
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// A number below `bound`; 0 when `bound` is 0.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next().checked_rem(bound).unwrap_or(0)
    }

    /// A number in `0.0..1.0`.
    pub(crate) fn fraction(&mut self) -> f64 {
        // 53 bits are what a double holds exactly.
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    pub(crate) fn chance(&mut self, probability: f64) -> bool {
        self.fraction() < probability
    }

    pub(crate) fn pick<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        let index = self.below(from.len() as u64);
        from.get(usize::try_from(index).unwrap_or(0))
    }

    /// `length` characters of an alphabet, as ids are made of.
    pub(crate) fn letters(&mut self, length: usize, alphabet: &[u8]) -> String {
        (0..length).filter_map(|_| self.pick(alphabet)).map(|byte| char::from(*byte)).collect()
    }

    /// An id such as `chatcmpl-9hX…`.
    pub(crate) fn id(&mut self, prefix: &str, length: usize) -> String {
        format!("{prefix}{}", self.letters(length, b"ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz0123456789"))
    }
}

fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// FNV-1a over bytes, finished by a mixing step so that near inputs give far digests.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Digest(u64);

impl Digest {
    pub(crate) fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    pub(crate) fn add(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }

    /// Adds a JSON value so that the order of object keys makes no difference.
    pub(crate) fn add_json(&mut self, value: &Value) {
        match value {
            Value::Null => self.add(b"n"),
            Value::Bool(flag) => self.add(if *flag { b"t" } else { b"f" }),
            Value::Number(number) => {
                self.add(b"#");
                self.add(number.to_string().as_bytes());
            }
            Value::String(text) => {
                self.add(b"\"");
                self.add(text.as_bytes());
            }
            Value::Array(items) => {
                self.add(b"[");
                items.iter().for_each(|item| self.add_json(item));
                self.add(b"]");
            }
            Value::Object(fields) => {
                // A sum is the same in any order, so nothing has to be sorted.
                let sum = fields.iter().fold(0_u64, |sum, (key, field)| {
                    let mut one = Digest::new();
                    one.add(key.as_bytes());
                    one.add(b":");
                    one.add_json(field);
                    sum.wrapping_add(one.finish())
                });
                self.add(b"{");
                self.add(&sum.to_le_bytes());
            }
        }
    }

    pub(crate) fn finish(self) -> u64 {
        mix(self.0)
    }
}

pub(crate) fn digest_of(value: &Value) -> u64 {
    let mut digest = Digest::new();
    digest.add_json(value);
    digest.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn key_order_makes_no_difference_and_values_do() {
        assert_eq!(digest_of(&json!({"a": 1, "b": [2, 3]})), digest_of(&json!({"b": [2, 3], "a": 1})));
        assert_ne!(digest_of(&json!({"a": 1, "b": [2, 3]})), digest_of(&json!({"a": 1, "b": [3, 2]})));
        assert_ne!(digest_of(&json!({"a": "1"})), digest_of(&json!({"a": 1})));
    }

    #[test]
    fn the_same_seed_gives_the_same_id() {
        let id = |seed| Random::for_purpose(seed, "id").id("x-", 12);
        assert_eq!(id(7), id(7));
        assert_ne!(id(7), id(8));
        assert_eq!(id(7).len(), 14);
    }
}
