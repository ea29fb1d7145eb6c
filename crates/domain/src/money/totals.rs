//! Costs added up, without hiding how sure they are.

use super::{Amount, Cost, CostStatus, Currency, MoneyError};
use serde::Serialize;
use std::collections::BTreeMap;

/// The sums of one currency, kept apart by how sure they are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Sums {
    /// Of costs that are exact.
    pub exact: Amount,
    /// Of costs that are estimates.
    pub estimated: Amount,
    /// What is known of costs that are unknown.
    pub known_part: Amount,
}

/// Costs added up. Exact, estimated and unknown ones are counted and summed apart, and nothing here makes one number of
/// the three.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// How many costs were exact.
    pub exact: u64,
    /// How many were estimates.
    pub estimated: u64,
    /// How many were unknown.
    pub unknown: u64,
    /// The sums of each currency.
    pub sums: BTreeMap<Currency, Sums>,
}

impl Totals {
    /// Adds a cost.
    ///
    /// # Errors
    /// [`MoneyError::Overflow`]; the totals stay as they were.
    pub fn add(&mut self, cost: &Cost) -> Result<(), MoneyError> {
        let mut sums = self.sums.clone();
        for total in cost.totals() {
            let sums = sums.entry(total.currency).or_default();
            let sum = match cost.status() {
                CostStatus::Exact => &mut sums.exact,
                CostStatus::Estimated(_) => &mut sums.estimated,
                CostStatus::Unknown(_) => &mut sums.known_part,
            };
            *sum = sum.checked_add(total.amount)?;
        }
        let count = match cost.status() {
            CostStatus::Exact => &mut self.exact,
            CostStatus::Estimated(_) => &mut self.estimated,
            CostStatus::Unknown(_) => &mut self.unknown,
        };
        *count = count.saturating_add(1);
        self.sums = sums;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Charge, CostLine, EstimateReason, Rate, Unit, UnknownReason};

    #[test]
    fn exact_estimated_and_unknown_are_never_one_number() {
        let cost = |atto, estimated, unknown| {
            let line = CostLine {
                charge: Charge::Request,
                quantity: 1,
                rate: Rate::new(Amount::from_atto(atto), Unit::Request),
                list: None,
                amount: Amount::from_atto(atto),
                currency: Currency::USD,
                row: "r".into(),
            };
            Cost::new(vec![line], estimated, unknown).unwrap()
        };
        let mut totals = Totals::default();
        totals.add(&cost(1, vec![], vec![])).unwrap();
        totals.add(&cost(2, vec![], vec![])).unwrap();
        totals.add(&cost(4, vec![EstimateReason::Interrupted], vec![])).unwrap();
        totals.add(&cost(8, vec![], vec![UnknownReason::NoPriceOfTier])).unwrap();
        totals.add(&Cost::unknown(UnknownReason::NoPrice)).unwrap();
        assert_eq!((totals.exact, totals.estimated, totals.unknown), (2, 1, 2));
        let [exact, estimated, known_part] = [3, 4, 8].map(Amount::from_atto);
        assert_eq!(totals.sums[&Currency::USD], Sums { exact, estimated, known_part });
        let before = totals.clone();
        assert_eq!(totals.add(&cost(i128::MAX, vec![], vec![])), Err(MoneyError::Overflow));
        assert_eq!(totals, before);
    }
}
