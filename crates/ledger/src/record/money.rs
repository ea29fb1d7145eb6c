//! Values within entries about money: exact decimals as text, each with its currency.

use super::scalar::Text;

record! {
    /// What something cost.
    Costs = 0 "costs" {
        /// How sure that is: `exact`, `estimated`, or `unknown`, of which the sums are the part that is known.
        0 status: Text,
        /// Why it is not exact, or not known: words of the reference of prices, with what they are about behind a space.
        1 reasons: Vec<Text>,
        /// The sums, one for each currency. Nothing of it is a rounded number.
        2 totals: Vec<Sum>,
        /// What was charged for. The whole of a call has none, since its attempts do.
        3 lines: Vec<CostLine>,
    }
}

record! {
    /// An amount of money.
    Sum = 0 "sum" {
        /// The amount, as an exact decimal number.
        0 amount: Text,
        /// Its currency, by ISO 4217.
        1 currency: Text,
    }
}

record! {
    /// One thing that was charged for.
    CostLine = 0 "cost_line" {
        /// What: `input`, `cache_read`, `output` and so on.
        0 charge: Text,
        /// How much of it.
        1 quantity: u64,
        /// The price of a unit, discounts taken off.
        2 rate: Text,
        /// The unit: `million_tokens`, `thousand_characters`, `each` and so on.
        3 per: Text,
        /// What that comes to.
        4 amount: Text,
        /// In which currency.
        5 currency: Text,
        /// The list and the row of it that state the price. The lists in force are in the journal.
        6 row: Text,
        /// The price of a unit before contracts and discounts, where it is another: `unknown` where no list states one.
        7 list: Option<Text>,
    }
}
