//! What so many of something cost.

use super::amount::Per;
use super::{Amount, MoneyError};
use serde::{Deserialize, Serialize};

/// What a rate is for, as vendors state their prices. A quantity is counted in the unit that [`Unit::counted_in`] names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// A million tokens, counted singly.
    MillionTokens,
    /// A thousand characters, counted singly.
    ThousandCharacters,
    /// A request.
    Request,
    /// A call of a tool that the provider runs.
    Call,
    /// A picture.
    Image,
    /// A page of a document.
    Page,
    /// A second, counted in thousandths.
    Second,
    /// A minute, counted in thousandths of a second.
    Minute,
    /// A gigabyte of 10⁹ bytes, counted in bytes.
    Gigabyte,
}

impl Unit {
    /// Every unit.
    pub const ALL: [Self; 9] = [
        Self::MillionTokens,
        Self::ThousandCharacters,
        Self::Request,
        Self::Call,
        Self::Image,
        Self::Page,
        Self::Second,
        Self::Minute,
        Self::Gigabyte,
    ];

    /// The word in files and messages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MillionTokens => "million_tokens",
            Self::ThousandCharacters => "thousand_characters",
            Self::Request => "request",
            Self::Call => "call",
            Self::Image => "image",
            Self::Page => "page",
            Self::Second => "second",
            Self::Minute => "minute",
            Self::Gigabyte => "gigabyte",
        }
    }

    /// What quantities of it are counted in.
    pub const fn counted_in(self) -> &'static str {
        match self {
            Self::MillionTokens => "tokens",
            Self::ThousandCharacters => "characters",
            Self::Request => "requests",
            Self::Call => "calls",
            Self::Image => "images",
            Self::Page => "pages",
            Self::Second | Self::Minute => "milliseconds",
            Self::Gigabyte => "bytes",
        }
    }

    /// How many of what is counted are one unit.
    pub const fn size(self) -> u64 {
        match self {
            Self::MillionTokens => 1_000_000,
            Self::ThousandCharacters | Self::Second => 1_000,
            Self::Request | Self::Call | Self::Image | Self::Page => 1,
            Self::Minute => 60_000,
            Self::Gigabyte => 1_000_000_000,
        }
    }
}

/// An amount for one unit of something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    /// How much.
    pub amount: Amount,
    /// For how much.
    pub per: Unit,
}

impl Rate {
    /// An amount for one unit.
    pub const fn new(amount: Amount, per: Unit) -> Self {
        Self { amount, per }
    }

    /// What a quantity costs, counted in the unit that [`Unit::counted_in`] names. Exact, unless the result has more
    /// decimals than an [`Amount`]: then see [`Amount::scaled`].
    ///
    /// # Errors
    /// [`MoneyError::Overflow`].
    pub fn times(self, quantity: u64) -> Result<Amount, MoneyError> {
        match Per::new(self.per.size()) {
            Some(per) => self.amount.scaled(quantity, per),
            None => Err(MoneyError::Overflow),
        }
    }

    /// This rate less a discount. Exact, unless the result has more decimals than an [`Amount`]: then see
    /// [`Amount::scaled`].
    ///
    /// # Errors
    /// [`MoneyError::Overflow`].
    pub fn less(self, discount: Discount) -> Result<Self, MoneyError> {
        let left = u64::from(Discount::WHOLE - discount.0);
        match Per::new(u64::from(Discount::WHOLE)) {
            Some(per) => Ok(Self { amount: self.amount.scaled(left, per)?, ..self }),
            None => Err(MoneyError::Overflow),
        }
    }
}

/// A share that is taken off a rate, from nothing to all of it, exact to a millionth of a percent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "Amount", into = "Amount")]
pub struct Discount(u32);

impl Discount {
    /// All of it, in millionths of a percent.
    const WHOLE: u32 = 100_000_000;

    /// So many percent; `None` for more decimals than six, less than nothing, and more than all of it.
    pub fn percent(percent: Amount) -> Option<Self> {
        const ATTO: i128 = Amount::ATTO_PER_UNIT / 1_000_000;
        if percent.atto() % ATTO != 0 {
            return None;
        }
        u32::try_from(percent.atto() / ATTO).ok().filter(|share| *share <= Self::WHOLE).map(Self)
    }
}

impl TryFrom<Amount> for Discount {
    type Error = &'static str;

    fn try_from(percent: Amount) -> Result<Self, Self::Error> {
        Self::percent(percent).ok_or("expected percents from 0 to 100 with at most 6 decimals")
    }
}

impl From<Discount> for Amount {
    fn from(discount: Discount) -> Self {
        Self::from_atto(i128::from(discount.0) * (Self::ATTO_PER_UNIT / 1_000_000))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_quantity_is_counted_in_its_small_unit() {
        let cost =
            |amount: &str, per, quantity| Rate::new(amount.parse().unwrap(), per).times(quantity).unwrap().to_string();
        assert_eq!(cost("1.25", Unit::MillionTokens, 1), "0.00000125");
        assert_eq!(cost("0.016", Unit::ThousandCharacters, 5), "0.00008");
        assert_eq!(cost("0.01", Unit::Call, 3), "0.03");
        assert_eq!(cost("0.006", Unit::Minute, 90_000), "0.009");
        assert_eq!(cost("0.09", Unit::Gigabyte, 1_500_000_000), "0.135");
        assert_eq!(cost("1", Unit::Minute, 1), "0.000016666666666667");
        for unit in Unit::ALL {
            assert_eq!(serde_json::to_value(unit).unwrap(), unit.as_str());
        }
    }

    #[test]
    fn a_discount_comes_off_the_rate() {
        let discount = |percent: &str| Discount::percent(percent.parse().unwrap());
        let rate = Rate::new("1.25".parse().unwrap(), Unit::MillionTokens);
        assert_eq!(rate.less(discount("12.5").unwrap()).unwrap().amount.to_string(), "1.09375");
        assert_eq!(rate.less(discount("100").unwrap()).unwrap().amount, Amount::ZERO);
        assert_eq!(rate.less(Discount::default()), Ok(rate));
        assert_eq!([discount("100.000001"), discount("-1"), discount("0.0000001")], [None; 3]);
        assert_eq!(serde_json::to_string(&discount("12.5").unwrap()).unwrap(), "\"12.5\"");
    }

    proptest! {
        #[test]
        fn parts_of_a_quantity_cost_what_the_whole_does(micro in 0_i128..1 << 60, parts in proptest::collection::vec(0_u64..1 << 40, 1..9)) {
            // A price list states at most 12 decimals for a million tokens, so that each single token comes out even.
            let rate = Rate::new(Amount::from_atto(micro * 1_000_000), Unit::MillionTokens);
            let whole = rate.times(parts.iter().sum()).unwrap();
            let sum = parts.iter().map(|part| rate.times(*part).unwrap()).try_fold(Amount::ZERO, Amount::checked_add);
            prop_assert_eq!(sum, Ok(whole));
        }
    }
}
