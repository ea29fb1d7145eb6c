//! Deterministic unit vectors for texts.

use crate::random::{Digest, Random};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

/// The vector of a text: of length 1, the same for the same text, model and seed.
///
/// Each word adds a direction of its own, so texts that share words are nearer to each other than texts that do not.
pub(crate) fn vector(seed: u64, model: &str, text: &str, dimensions: usize) -> Vec<f32> {
    let mut sum = vec![0.0_f64; dimensions];
    let words = text.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty());
    // The constant keeps a text without words from being a vector without direction.
    for word in words.chain(std::iter::once("\u{0}")) {
        let mut digest = Digest::new();
        digest.add(&seed.to_le_bytes());
        digest.add(model.as_bytes());
        digest.add(word.to_lowercase().as_bytes());
        let mut random = Random::new(digest.finish());
        sum.iter_mut().for_each(|number| *number += random.fraction() - 0.5);
    }
    let length = sum.iter().map(|number| number * number).sum::<f64>().sqrt();
    sum.iter().map(|number| narrow(number / length)).collect()
}

/// Little-endian floats in base64, as `encoding_format: base64` gives.
pub(crate) fn as_base64(vector: &[f32]) -> String {
    BASE64.encode(vector.iter().flat_map(|number| number.to_le_bytes()).collect::<Vec<u8>>())
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a component of a unit vector always fits, and its last digits do not matter"
)]
fn narrow(number: f64) -> f32 {
    number as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nearness(a: &str, b: &str) -> f32 {
        vector(1, "m", a, 256).iter().zip(vector(1, "m", b, 256)).map(|(a, b)| a * b).sum()
    }

    #[test]
    fn vectors_are_units_and_near_for_near_texts() {
        assert!((nearness("a red apple", "a red apple") - 1.0).abs() < 1e-5);
        assert!(nearness("a red apple", "a green apple") > nearness("a red apple", "night train departs"));
        assert!((nearness("", "") - 1.0).abs() < 1e-5);
    }
}
