//! Money: exact integers with a currency, and what a request cost as far as it is known.
//!
//! There is no float anywhere, no addition that wraps or crosses currencies, and no sum that hides what is estimated or
//! unknown in it.
//!
//! ```text
//! Amount      an exact number of 10^-18 of a currency's unit       Currency    of ISO 4217
//! Rate        an amount for so many of something ─► × a quantity ─► Amount
//! Money       an amount and its currency                           Cost        lines, their sum, and how sure it is
//! Totals      costs added up, with exact, estimated and unknown apart
//! ```

mod amount;
mod cost;
mod currency;
mod rate;
mod totals;

pub use amount::{Amount, DecimalError, Per};
pub use cost::{Charge, Cost, CostLine, CostStatus, EstimateReason, UnknownReason};
pub use currency::{Currency, CurrencyError};
pub use rate::{Discount, Rate, Unit};
pub use totals::{Sums, Totals};

use serde::{Deserialize, Serialize};
use std::fmt;

/// A sum that cannot be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// It is larger than an amount can be.
    #[error("the amount is larger than {} of a currency's unit", Amount::MAX)]
    Overflow,
    /// Two currencies are not added up.
    #[error("{left} and {right} are not added up: nothing here knows a rate of exchange")]
    Currencies {
        /// The one.
        left: Currency,
        /// The other.
        right: Currency,
    },
}

/// An amount and its currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Money {
    /// How much.
    pub amount: Amount,
    /// Of which currency.
    pub currency: Currency,
}

impl Money {
    /// An amount of a currency.
    pub const fn new(amount: Amount, currency: Currency) -> Self {
        Self { amount, currency }
    }

    /// Both together.
    ///
    /// # Errors
    /// [`MoneyError`] for two currencies, and for more than an amount can be.
    pub fn checked_add(self, other: Self) -> Result<Self, MoneyError> {
        if self.currency != other.currency {
            return Err(MoneyError::Currencies { left: self.currency, right: other.currency });
        }
        Ok(Self { amount: self.amount.checked_add(other.amount)?, ..self })
    }

    /// This less the other.
    ///
    /// # Errors
    /// Those of [`Money::checked_add`].
    pub fn checked_sub(self, other: Self) -> Result<Self, MoneyError> {
        if self.currency != other.currency {
            return Err(MoneyError::Currencies { left: self.currency, right: other.currency });
        }
        Ok(Self { amount: self.amount.checked_sub(other.amount)?, ..self })
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.amount, self.currency)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn currencies_are_not_added_up() {
        let money = |amount: &str, code| Money::new(amount.parse().unwrap(), Currency::new(code).unwrap());
        assert_eq!(money("1.5", "USD").checked_add(money("0.25", "USD")), Ok(money("1.75", "USD")));
        assert_eq!(money("1.5", "USD").checked_sub(money("2", "USD")), Ok(money("-0.5", "USD")));
        let error = money("1", "USD").checked_add(money("1", "EUR")).unwrap_err();
        assert_eq!(error.to_string(), "USD and EUR are not added up: nothing here knows a rate of exchange");
        assert_eq!(
            serde_json::to_string(&money("0.00000125", "EUR")).unwrap(),
            r#"{"amount":"0.00000125","currency":"EUR"}"#
        );
    }
}
