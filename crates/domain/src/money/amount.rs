//! An exact amount, and its decimal text.

use super::MoneyError;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

/// How many decimals an amount has.
const DECIMALS: u32 = 18;
/// The longest text that is read as a number.
const TEXT_BYTES_MAX: usize = 96;
/// The largest exponent that is read: beyond it no number fits.
const EXPONENT_MAX: i32 = 60;

/// An exact number of 10⁻¹⁸ of a currency's unit, positive or negative.
///
/// Its text is a plain decimal number without superfluous zeros; in JSON it is that text.
///
/// ```
/// use switchtower_domain::Amount;
///
/// let amount: Amount = "0.000001250".parse()?;
/// assert_eq!(amount.to_string(), "0.00000125");
/// assert_eq!(amount.atto(), 1_250_000_000_000);
/// # Ok::<(), switchtower_domain::DecimalError>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Amount(i128);

/// Why a text is not an amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecimalError {
    /// It is no decimal number.
    #[error("expected a decimal number such as 0.25")]
    Malformed,
    /// It is too long to be read.
    #[error("a number has at most {TEXT_BYTES_MAX} characters, this one has {found}")]
    TooLong {
        /// How long it is.
        found: usize,
    },
    /// It has decimals that would be lost.
    #[error("an amount has at most {DECIMALS} decimals")]
    TooFine,
    /// It is larger than an amount can be.
    #[error("the number is larger than an amount can be")]
    TooLarge,
}

impl Amount {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// One unit of a currency.
    pub const ONE: Self = Self(Self::ATTO_PER_UNIT);
    /// The largest amount.
    pub const MAX: Self = Self(i128::MAX);
    /// How many of the smallest amount are one unit of a currency.
    pub const ATTO_PER_UNIT: i128 = 10_i128.pow(DECIMALS);

    /// So many 10⁻¹⁸ of a unit.
    pub const fn from_atto(atto: i128) -> Self {
        Self(atto)
    }

    /// How many 10⁻¹⁸ of a unit it is.
    pub const fn atto(self) -> i128 {
        self.0
    }

    /// Reads a number and moves its point: `shift` places to the right, to the left where it is negative. So a rate for
    /// one token is read as the one for a million, without a step in which digits could be lost.
    ///
    /// # Errors
    /// [`DecimalError`] for what is no number, and for one that does not fit without loss.
    pub fn parse_shifted(text: &str, shift: i32) -> Result<Self, DecimalError> {
        if text.len() > TEXT_BYTES_MAX {
            return Err(DecimalError::TooLong { found: text.len() });
        }
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, self::exponent(exponent)?),
            None => (text, 0),
        };
        let (negative, digits) = mantissa.strip_prefix('-').map_or((false, mantissa), |rest| (true, rest));
        let (whole, fraction) = match digits.split_once('.') {
            Some((_, "")) => return Err(DecimalError::Malformed),
            Some(parts) => parts,
            None => (digits, ""),
        };
        if whole.is_empty() || !whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit()) {
            return Err(DecimalError::Malformed);
        }
        let digits = [whole, fraction].concat();
        let significant = digits.trim_end_matches('0');
        let mut atto: i128 = 0;
        for digit in significant.bytes().map(|byte| i128::from(byte - b'0')) {
            let digit = if negative { -digit } else { digit };
            atto = atto.checked_mul(10).and_then(|atto| atto.checked_add(digit)).ok_or(DecimalError::TooLarge)?;
        }
        // Both lengths are below `TEXT_BYTES_MAX`, so that neither conversion loses anything.
        let places = |text: &str| i32::try_from(text.len()).unwrap_or(i32::MAX);
        let zeros = places(&digits) - places(significant);
        let decimals = i32::try_from(DECIMALS).unwrap_or(i32::MAX);
        let power = decimals.saturating_add(exponent).saturating_add(shift) - places(fraction) + zeros;
        if atto == 0 {
            return Ok(Self::ZERO);
        }
        let power = u32::try_from(power).map_err(|_| DecimalError::TooFine)?;
        let factor = 10_i128.checked_pow(power).ok_or(DecimalError::TooLarge)?;
        atto.checked_mul(factor).map(Self).ok_or(DecimalError::TooLarge)
    }

    /// Reads a number that may have more decimals than an amount: then it is the nearest amount, and of two that are equally
    /// near the even one. Says whether it was so.
    ///
    /// # Errors
    /// [`DecimalError`] for what is no number, and for one that is too large.
    pub fn parse_rounded(text: &str) -> Result<(Self, bool), DecimalError> {
        match Self::parse_shifted(text, 0) {
            // Digits that would be lost may also be too many to be held.
            Err(DecimalError::TooFine | DecimalError::TooLarge) => {}
            read => return read.map(|amount| (amount, false)),
        }
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, self::exponent(exponent)?),
            None => (text, 0),
        };
        let (negative, digits) = mantissa.strip_prefix('-').map_or((false, mantissa), |rest| (true, rest));
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let decimals = i32::try_from(DECIMALS).unwrap_or(i32::MAX);
        let kept = i32::try_from(whole.len()).unwrap_or(i32::MAX).saturating_add(exponent).saturating_add(decimals);
        let Ok(kept) = usize::try_from(kept) else { return Ok((Self::ZERO, true)) };
        let digits = [whole, fraction].concat();
        let (kept, lost) = digits.split_at_checked(kept).ok_or(DecimalError::TooLarge)?;
        let mut atto: i128 = 0;
        for digit in kept.bytes().map(|byte| i128::from(byte - b'0')) {
            atto = atto.checked_mul(10).and_then(|atto| atto.checked_add(digit)).ok_or(DecimalError::TooLarge)?;
        }
        // A digit string beside "5" tells below, half and above, as they are compared letter by letter.
        let up = match lost.trim_end_matches('0').cmp("5") {
            Ordering::Less => false,
            Ordering::Equal => atto % 2 != 0,
            Ordering::Greater => true,
        };
        let atto = atto.checked_add(i128::from(up)).ok_or(DecimalError::TooLarge)?;
        Ok((Self(if negative { -atto } else { atto }), true))
    }

    /// Both together.
    ///
    /// # Errors
    /// [`MoneyError::Overflow`].
    pub fn checked_add(self, other: Self) -> Result<Self, MoneyError> {
        self.0.checked_add(other.0).map(Self).ok_or(MoneyError::Overflow)
    }

    /// This less the other.
    ///
    /// # Errors
    /// [`MoneyError::Overflow`].
    pub fn checked_sub(self, other: Self) -> Result<Self, MoneyError> {
        self.0.checked_sub(other.0).map(Self).ok_or(MoneyError::Overflow)
    }

    /// So many times this.
    ///
    /// # Errors
    /// [`MoneyError::Overflow`].
    pub fn checked_mul(self, count: u64) -> Result<Self, MoneyError> {
        self.0.checked_mul(i128::from(count)).map(Self).ok_or(MoneyError::Overflow)
    }

    /// This times `by` divided by `per`: exact where the result has no more decimals than an amount, else the nearest
    /// amount, and of two that are equally near the even one.
    ///
    /// # Errors
    /// [`MoneyError::Overflow`] where the result is too large; no step in between is.
    pub fn scaled(self, by: u64, per: Per) -> Result<Self, MoneyError> {
        // Half-even is the same on both sides of nothing, so that the sign can be laid aside.
        let (size, per) = (self.0.unsigned_abs(), u128::from(per.0.get()));
        let whole = (size / per).checked_mul(u128::from(by)).ok_or(MoneyError::Overflow)?;
        // The rest is below 2^64 and so is `by`: their product fits in 128 bits.
        let parts = (size % per) * u128::from(by);
        let (quotient, left) = (parts / per, parts % per);
        let sum = whole.checked_add(quotient).ok_or(MoneyError::Overflow)?;
        let up = match (left * 2).cmp(&per) {
            Ordering::Less => false,
            Ordering::Equal => sum % 2 != 0,
            Ordering::Greater => true,
        };
        let size = sum.checked_add(u128::from(up)).ok_or(MoneyError::Overflow)?;
        let signed = if self.0 < 0 { 0_i128.checked_sub_unsigned(size) } else { i128::try_from(size).ok() };
        signed.map(Self).ok_or(MoneyError::Overflow)
    }

    /// Whether it is less than nothing.
    pub const fn is_negative(self) -> bool {
        self.0 < 0
    }
}

/// What is divided by: never zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Per(std::num::NonZeroU64);

impl Per {
    /// A divisor.
    pub const fn new(per: u64) -> Option<Self> {
        match std::num::NonZeroU64::new(per) {
            Some(per) => Some(Self(per)),
            None => None,
        }
    }
}

fn exponent(text: &str) -> Result<i32, DecimalError> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(DecimalError::Malformed);
    }
    // What is beyond the bound does not fit, or is lost: either way it is told below.
    let size = digits.parse::<i32>().unwrap_or(EXPONENT_MAX).min(EXPONENT_MAX);
    Ok(if text.starts_with('-') { -size } else { size })
}

impl FromStr for Amount {
    type Err = DecimalError;

    fn from_str(text: &str) -> Result<Self, DecimalError> {
        Self::parse_shifted(text, 0)
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let per = Self::ATTO_PER_UNIT.unsigned_abs();
        let (whole, fraction) = (self.0.unsigned_abs() / per, self.0.unsigned_abs() % per);
        let sign = if self.0 < 0 { "-" } else { "" };
        let fraction = if fraction == 0 { String::new() } else { format!(".{fraction:018}") };
        f.pad(&format!("{sign}{whole}{}", fraction.trim_end_matches('0')))
    }
}

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn amount(text: &str) -> Amount {
        text.parse().unwrap()
    }

    #[test]
    fn text_goes_in_and_out_without_loss() {
        for (written, told) in [
            ("0", "0"),
            ("-0", "0"),
            ("0.000000000000000001", "0.000000000000000001"),
            ("1.50", "1.5"),
            ("-12.000", "-12"),
            ("1.25e-06", "0.00000125"),
            ("3E2", "300"),
            ("0e-99", "0"),
            ("1000000000000000000000e-39", "0.000000000000000001"),
            ("170141183460469231731.687303715884105727", "170141183460469231731.687303715884105727"),
            ("-170141183460469231731.687303715884105728", "-170141183460469231731.687303715884105728"),
        ] {
            assert_eq!(amount(written).to_string(), told, "{written}");
        }
    }

    #[test]
    fn what_is_no_amount_is_told_why() {
        for text in
            ["", ".", "-", "1.", ".5", "+1", "1,5", "1e", "1e+", "0x1", " 1", "1 ", "1..2", "--1", "1e1.5", "NaN", "١"]
        {
            assert_eq!(text.parse::<Amount>(), Err(DecimalError::Malformed), "{text}");
        }
        assert_eq!("0.0000000000000000001".parse::<Amount>(), Err(DecimalError::TooFine));
        assert_eq!("170141183460469231731.687303715884105728".parse::<Amount>(), Err(DecimalError::TooLarge));
        assert_eq!("1e99999999999".parse::<Amount>(), Err(DecimalError::TooLarge));
        assert_eq!("1".repeat(97).parse::<Amount>(), Err(DecimalError::TooLong { found: 97 }));
    }

    #[test]
    fn decimals_beyond_an_amounts_are_rounded_half_even() {
        let read = |text: &str| Amount::parse_rounded(text).map(|(amount, rounded)| (amount.atto(), rounded));
        for (text, atto, rounded) in [
            ("0.000000000000000001", 1, false),
            ("1.0000000000000000000", 1_000_000_000_000_000_000, false),
            ("0.0000000000000000005", 0, true),
            ("0.00000000000000000051", 1, true),
            ("0.0000000000000000015", 2, true),
            ("-0.0000000000000000025", -2, true),
            ("-0.0000000000000000026", -3, true),
            ("5e-30", 0, true),
            ("15e-19", 2, true),
            ("0.1234567890123456789012345678901234567890123456", 123_456_789_012_345_679, true),
        ] {
            assert_eq!(read(text), Ok((atto, rounded)), "{text}");
        }
        assert_eq!(read("1e40"), Err(DecimalError::TooLarge));
        assert_eq!(read("1.x"), Err(DecimalError::Malformed));
    }

    #[test]
    fn a_rate_for_one_is_read_as_the_rate_for_a_million() {
        assert_eq!(Amount::parse_shifted("5.0000000000000004e-08", 6), Ok(amount("0.050000000000000004")));
        assert_eq!(Amount::parse_shifted("35", -3), Ok(amount("0.035")));
    }

    #[test]
    fn what_does_not_come_out_even_goes_to_the_nearest_and_then_to_the_even_one() {
        let per = |per| Per::new(per).unwrap();
        let scaled = |atto, by, of| Amount::from_atto(atto).scaled(by, per(of)).map(Amount::atto);
        assert_eq!([scaled(1, 1, 2), scaled(3, 1, 2), scaled(5, 1, 2)], [Ok(0), Ok(2), Ok(2)]);
        assert_eq!([scaled(-1, 1, 2), scaled(-3, 1, 2), scaled(-5, 1, 2)], [Ok(0), Ok(-2), Ok(-2)]);
        assert_eq!(
            [scaled(2, 1, 3), scaled(1, 1, 3), scaled(-2, 1, 3), scaled(-1, 1, 3)],
            [Ok(1), Ok(0), Ok(-1), Ok(0)]
        );
        // A step in between that is too large is none.
        assert_eq!(scaled(i128::MAX, 7, 7), Ok(i128::MAX));
        assert_eq!(scaled(i128::MIN, u64::MAX, u64::MAX), Ok(i128::MIN));
        assert_eq!(scaled(i128::MAX, 8, 7), Err(MoneyError::Overflow));
    }

    #[test]
    fn overflow_is_an_error() {
        assert_eq!(Amount::MAX.checked_add(Amount::from_atto(1)), Err(MoneyError::Overflow));
        assert_eq!(Amount::from_atto(i128::MIN).checked_sub(Amount::from_atto(1)), Err(MoneyError::Overflow));
        assert_eq!(Amount::MAX.checked_mul(2), Err(MoneyError::Overflow));
    }

    #[test]
    fn json_has_the_text() {
        assert_eq!(serde_json::to_string(&amount("0.1")).unwrap(), "\"0.1\"");
        assert_eq!(serde_json::from_str::<Amount>("\"0.10\"").unwrap(), amount("0.1"));
        assert!(serde_json::from_str::<Amount>("0.1").is_err());
    }

    proptest! {
        #[test]
        fn every_amount_is_read_as_it_was_written(atto: i128) {
            let amount = Amount::from_atto(atto);
            prop_assert_eq!(amount.to_string().parse(), Ok(amount));
            prop_assert_eq!(serde_json::from_str::<Amount>(&serde_json::to_string(&amount).unwrap()).unwrap(), amount);
        }

        #[test]
        fn any_text_is_an_amount_or_told_why(text in "[-+]?[0-9]{0,40}[.]?[0-9]{0,40}([eE][-+]?[0-9]{0,3})?|(?s).{0,20}") {
            if let Ok(amount) = text.parse::<Amount>() {
                prop_assert_eq!(amount.to_string().parse(), Ok(amount));
            }
        }

        #[test]
        fn the_order_of_a_sum_does_not_matter(a in -1_i128 << 125..1_i128 << 125, b in -1_i128 << 125..1_i128 << 125, c in -1_i128 << 125..1_i128 << 125) {
            let [a, b, c] = [a, b, c].map(Amount::from_atto);
            let left = a.checked_add(b).and_then(|sum| sum.checked_add(c));
            let right = b.checked_add(c).and_then(|sum| a.checked_add(sum));
            prop_assert_eq!(left, right);
            prop_assert_eq!(a.checked_add(b), b.checked_add(a));
            prop_assert_eq!(left.and_then(|sum| sum.checked_sub(c)), a.checked_add(b));
        }

        #[test]
        fn scaling_agrees_with_the_plain_formula(atto in -1_i128 << 60..1_i128 << 60, by in 0_u64..1 << 60, per in 1_u64..1 << 40) {
            let scaled = Amount::from_atto(atto).scaled(by, Per::new(per).unwrap()).unwrap().atto();
            let exact = atto * i128::from(by);
            let off = (exact - scaled * i128::from(per)).abs() * 2;
            prop_assert!(off < i128::from(per) || (off == i128::from(per) && scaled % 2 == 0));
        }
    }
}
