//! Exact decimals for formulas, apart from those of the product: a whole number of 10⁻²⁴.

use serde_json::Value;
use std::fmt;
use std::ops::{Add, Mul, Sub};
use switchtower_domain::Amount;

const PLACES: usize = 24;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Decimal(i128);

impl Decimal {
    pub(crate) const ZERO: Self = Self(0);

    /// A number as JSON has it, its point moved to the left.
    pub(crate) fn read(value: &Value, left: usize) -> Option<Self> {
        let text = value.as_number()?.to_string();
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((&text, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits: i128 = format!("{whole}{fraction}").parse().unwrap();
        let exponent: i64 = exponent.trim_start_matches('+').parse().unwrap();
        let places = i64::try_from(PLACES).unwrap() + exponent
            - i64::try_from(fraction.len()).unwrap()
            - i64::try_from(left).unwrap();
        let mut number = digits;
        for _ in 0..places {
            number = number.checked_mul(10).unwrap();
        }
        for _ in places..0 {
            assert_eq!(number % 10, 0, "{text} has digits beyond the last place");
            number /= 10;
        }
        Some(Self(number))
    }

    pub(crate) fn whole(number: u64) -> Self {
        Self(i128::from(number) * 10_i128.pow(24))
    }

    pub(crate) fn of_amount(amount: Amount) -> Self {
        Self(amount.atto().checked_mul(1_000_000).unwrap())
    }
}

impl Add for Decimal {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.checked_add(other.0).unwrap())
    }
}

impl Sub for Decimal {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self(self.0.checked_sub(other.0).unwrap())
    }
}

impl Mul<u64> for Decimal {
    type Output = Self;

    fn mul(self, count: u64) -> Self {
        Self(self.0.checked_mul(i128::from(count)).unwrap())
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = format!("{:0>width$}", self.0.unsigned_abs(), width = PLACES + 1);
        let (whole, fraction) = digits.split_at(digits.len() - PLACES);
        let text = format!("{whole}.{fraction}");
        let sign = if self.0 < 0 { "-" } else { "" };
        write!(f, "{sign}{}", text.trim_end_matches('0').trim_end_matches('.'))
    }
}
