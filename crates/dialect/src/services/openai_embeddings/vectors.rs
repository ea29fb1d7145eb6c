//! One vector, written in another way.

use crate::DecodeError;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::Number;
use switchtower_domain::{Vector, VectorEncoding};

/// What the base64 of a vendor holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Elements {
    /// Numbers of 32 bits, little-endian.
    #[default]
    Float32,
    /// Whole numbers of 8 bits with a sign.
    Int8,
}

/// The vector as the caller wants it written. What is written so already keeps its digits; a number becomes the nearest
/// one of 32 bits, and one of 32 bits becomes the shortest text that means it and no other.
///
/// # Errors
/// [`DecodeError`] for base64 that holds no vector, and for numbers that 32 bits cannot hold.
pub fn rewritten(
    vector: Vector,
    elements: Elements,
    wanted: &VectorEncoding,
    path: &str,
) -> Result<Vector, DecodeError> {
    match (vector, wanted, elements) {
        (Vector::Floats(numbers), VectorEncoding::Base64, _) => {
            let bytes = numbers.iter().map(|number| nearest(number, path)).collect::<Result<Vec<_>, _>>()?;
            Ok(Vector::Base64(BASE64.encode(bytes.concat())))
        }
        (Vector::Base64(text), VectorEncoding::Float, _) => {
            Ok(Vector::Floats(floats(&text, elements, path)?.iter().map(|float| shortest(*float, elements)).collect()))
        }
        (Vector::Base64(text), VectorEncoding::Base64, Elements::Int8) => {
            let bytes: Vec<u8> = floats(&text, elements, path)?.iter().flat_map(|float| float.to_le_bytes()).collect();
            Ok(Vector::Base64(BASE64.encode(bytes)))
        }
        (Vector::Base64(text), VectorEncoding::Base64, Elements::Float32) => {
            floats(&text, elements, path)?;
            Ok(Vector::Base64(text))
        }
        (vector @ Vector::Floats(_), VectorEncoding::Float, _) | (vector, VectorEncoding::Other(_), _) => Ok(vector),
    }
}

fn unreadable(path: &str, expected: &'static str) -> DecodeError {
    DecodeError::Value { path: path.to_owned(), expected }
}

fn nearest(number: &Number, path: &str) -> Result<[u8; 4], DecodeError> {
    let float = number.to_string().parse::<f32>().ok().filter(|float| float.is_finite());
    float.map(f32::to_le_bytes).ok_or_else(|| unreadable(path, "numbers that 32 bits can hold"))
}

fn floats(text: &str, elements: Elements, path: &str) -> Result<Vec<f32>, DecodeError> {
    let bytes = BASE64.decode(text).map_err(|_| unreadable(path, "base64"))?;
    match elements {
        Elements::Int8 => Ok(bytes.iter().map(|byte| f32::from(i8::from_le_bytes([*byte]))).collect()),
        Elements::Float32 => {
            let (numbers, rest) = bytes.as_chunks::<4>();
            let floats: Vec<f32> = numbers.iter().map(|number| f32::from_le_bytes(*number)).collect();
            if rest.is_empty() && floats.iter().all(|float| float.is_finite()) {
                Ok(floats)
            } else {
                Err(unreadable(path, "base64 of finite numbers of 32 bits each"))
            }
        }
    }
}

fn shortest(float: f32, elements: Elements) -> Number {
    let text = match elements {
        Elements::Float32 => format!("{float:?}"),
        Elements::Int8 => format!("{float:.0}"),
    };
    // A finite float is always a number of JSON.
    text.parse().unwrap_or_else(|_| Number::from(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn through(vector: Vector, wanted: &VectorEncoding) -> Vector {
        rewritten(vector, Elements::Float32, wanted, "v").unwrap()
    }

    #[test]
    fn bytes_are_little_endian_floats() {
        let written = Vector::Floats(vec!["1".parse().unwrap(), "-2.5e0".parse().unwrap()]);
        assert_eq!(through(written, &VectorEncoding::Base64), Vector::Base64("AACAPwAAIMA=".to_owned()));
    }

    #[test]
    fn small_integers_become_floats_of_the_same_value() {
        let ints = Vector::Base64("/wGAfw==".to_owned());
        let floats = rewritten(ints.clone(), Elements::Int8, &VectorEncoding::Float, "v").unwrap();
        assert_eq!(serde_json::to_string(&floats).unwrap(), r#"{"Floats":[-1,1,-128,127]}"#);
        let wide = rewritten(ints, Elements::Int8, &VectorEncoding::Base64, "v").unwrap();
        assert_eq!(
            through(wide, &VectorEncoding::Float),
            through(through(floats, &VectorEncoding::Base64), &VectorEncoding::Float)
        );
    }

    #[test]
    fn what_holds_no_vector_is_refused() {
        for text in ["AAA", "A$==", "AACA", "AADAfw=="] {
            let broken = rewritten(Vector::Base64(text.to_owned()), Elements::Float32, &VectorEncoding::Float, "v");
            assert!(broken.is_err(), "{text}");
        }
        let huge = Vector::Floats(vec!["1e300".parse().unwrap()]);
        assert!(rewritten(huge, Elements::Float32, &VectorEncoding::Base64, "v").is_err());
    }

    proptest! {
        #[test]
        fn every_float_survives_both_ways(bits in prop::collection::vec(any::<u32>(), 0..20)) {
            let finite: Vec<u8> =
                bits.iter().filter(|bits| f32::from_bits(**bits).is_finite()).flat_map(|bits| bits.to_le_bytes()).collect();
            let original = Vector::Base64(BASE64.encode(finite));
            let back = through(through(original.clone(), &VectorEncoding::Float), &VectorEncoding::Base64);
            prop_assert_eq!(back, original);
        }
    }
}
