//! A provider's own export of usage or cost, laid beside what is on record.
//!
//! Both are summed over what the export tells apart: the request where it names one, or else the day and the model, as far
//! as it says them. Only what the export counts is compared. A difference is told and never explained away: days of
//! vendors may not be UTC's, and an estimate is no count.
//!
//! ```text
//! column   what columns say, by their names
//! value    what cells say
//! bill     an export, read and summed
//! ```

mod bill;
mod column;
mod value;

pub use bill::{Bill, BillError, Reading};
pub use column::{Column, Columns};

use crate::spent::{Spent, day_of};
use jiff::civil::Date;
use serde::Serialize;
use std::collections::BTreeMap;
use switchtower_domain::{Amount, CostStatus, Currency, MoneyError};

/// What rows are told apart by.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Key {
    request: Option<String>,
    day: Option<Date>,
    model: Option<String>,
}

impl Key {
    fn told(&self) -> String {
        let day = self.day.map(|day| day.to_string());
        let parts: Vec<&str> =
            [self.request.as_deref(), day.as_deref(), self.model.as_deref()].into_iter().flatten().collect();
        if parts.is_empty() { "all".to_owned() } else { value::shown(&parts.join(" ")) }
    }
}

/// Sums of one side, whose costs are told apart by their currency, as far as that is known.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Sums<C: Ord> {
    counts: BTreeMap<Column, u64>,
    cost: BTreeMap<C, Amount>,
    /// How many costs could not be summed: those of the ledger that are unknown, and rows of the bill that state none.
    unknown: u64,
    estimated: u64,
}

impl<C: Ord> Default for Sums<C> {
    fn default() -> Self {
        Self { counts: BTreeMap::new(), cost: BTreeMap::new(), unknown: 0, estimated: 0 }
    }
}

/// Where the two sides differ.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The request, or the day and the model.
    pub what: String,
    /// What differs.
    pub field: &'static str,
    /// By the bill; nothing where it does not have it.
    pub bill: Option<String>,
    /// By the ledger; nothing where it does not have it.
    pub ledger: Option<String>,
    /// The bill less the ledger, where both are numbers.
    pub less: Option<String>,
}

/// A bill beside the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reconciliation {
    bill: Bill,
    ledger: BTreeMap<Key, Sums<Currency>>,
}

impl Reconciliation {
    /// A bill with nothing beside it yet.
    pub const fn new(bill: Bill) -> Self {
        Self { bill, ledger: BTreeMap::new() }
    }

    /// Lays what an attempt cost beside the bill.
    ///
    /// # Errors
    /// [`MoneyError::Overflow`].
    pub fn add(&mut self, spent: &Spent) -> Result<(), MoneyError> {
        let Some(cost) = &spent.cost else { return Ok(()) };
        let request = || spent.provider_request_id.as_ref().map(ToString::to_string);
        let key = Key {
            request: if self.bill.has(Column::Request) { request() } else { None },
            day: self.bill.has(Column::Day).then(|| day_of(spent.ended_us)),
            model: self.bill.has(Column::Model).then(|| spent.model.to_string()),
        };
        let key = if key.request.is_some() { Key { request: key.request, ..Key::default() } } else { key };
        let usage = spent.usage.clone().unwrap_or_default();
        let input = usage.input.unwrap_or_default();
        let read = usage.cache_read.unwrap_or_default();
        let lifetimes =
            usage.cache_write_5m.unwrap_or_default().saturating_add(usage.cache_write_1h.unwrap_or_default());
        let written = usage.cache_write.unwrap_or(lifetimes);
        let sums = self.ledger.entry(key).or_default();
        for (column, count) in [
            (Column::Requests, 1),
            (Column::Input, input),
            (Column::Uncached, input.saturating_sub(read).saturating_sub(written)),
            (Column::CacheRead, read),
            (Column::CacheWrite, written),
            (Column::Output, usage.output.unwrap_or_default()),
        ] {
            // What is on record may be absurd; a sum stays at the most that it can be.
            let sum = sums.counts.entry(column).or_default();
            *sum = sum.saturating_add(count);
        }
        if matches!(cost.status(), CostStatus::Unknown(_)) {
            sums.unknown += 1;
            return Ok(());
        }
        sums.estimated += u64::from(!matches!(cost.status(), CostStatus::Exact));
        cost.totals().iter().try_for_each(|total| sums.charge(total.currency, total.amount))
    }

    /// The bill.
    pub const fn bill(&self) -> &Bill {
        &self.bill
    }

    /// How many rows of either side there are.
    pub fn rows(&self) -> usize {
        self.keys().len()
    }

    fn keys(&self) -> std::collections::BTreeSet<&Key> {
        self.bill.rows.keys().chain(self.ledger.keys()).collect()
    }

    /// Every difference, in the order of requests, days and models.
    ///
    /// # Errors
    /// [`BillError::SeveralCurrencies`] where it is not clear what is to be compared with what.
    pub fn differences(&self) -> Result<Vec<Difference>, BillError> {
        let found = self.keys().into_iter().map(|key| self.differences_of(key)).collect::<Result<Vec<_>, _>>()?;
        Ok(found.into_iter().flatten().collect())
    }

    fn differences_of(&self, key: &Key) -> Result<Vec<Difference>, BillError> {
        let (bill, ledger) = (self.bill.rows.get(key), self.ledger.get(key));
        let what = key.told();
        let (Some(bill), Some(ledger)) = (bill, ledger) else {
            let bill = bill.map(|_| "there".to_owned());
            let ledger = ledger.map(|_| "there".to_owned());
            return Ok(vec![Difference { what, field: "row", bill, ledger, less: None }]);
        };
        let mut found = Vec::new();
        for column in self.bill.counted() {
            let (theirs, ours) = (bill.counts.get(&column).copied(), ledger.counts.get(&column).copied());
            let (theirs, ours) = (theirs.unwrap_or_default(), ours.unwrap_or_default());
            if theirs != ours {
                found.push(Difference {
                    what: what.clone(),
                    field: column.as_str(),
                    bill: Some(theirs.to_string()),
                    ledger: Some(ours.to_string()),
                    less: Some((i128::from(theirs) - i128::from(ours)).to_string()),
                });
            }
        }
        if self.bill.has(Column::Cost) {
            found.extend(cost_differences(&what, bill, ledger)?);
        }
        Ok(found)
    }
}

/// What it cost by the bill, and by the ledger, in one currency.
type Sides = (Option<Amount>, Option<Amount>);

/// Each currency for itself: an amount of one is never equal to that of another. A bill that names none is in that of the
/// ledger, where that has one only.
fn sides(
    what: &str,
    bill: &Sums<Option<Currency>>,
    ledger: &Sums<Currency>,
) -> Result<BTreeMap<Option<Currency>, Sides>, BillError> {
    let mut sides: BTreeMap<Option<Currency>, Sides> = BTreeMap::new();
    for (currency, ours) in &ledger.cost {
        sides.entry(Some(*currency)).or_default().1 = Some(*ours);
    }
    for (currency, theirs) in bill.cost.iter().filter_map(|(currency, theirs)| Some(((*currency)?, theirs))) {
        sides.entry(Some(currency)).or_default().0 = Some(*theirs);
    }
    if let Some(theirs) = bill.cost.get(&None) {
        let mut known = sides.keys().copied();
        let only = known.next().flatten();
        if known.next().is_some() {
            return Err(BillError::SeveralCurrencies(what.to_owned()));
        }
        let side = &mut sides.entry(only).or_default().0;
        *side = Some(side.unwrap_or_default().checked_add(*theirs)?);
    }
    Ok(sides)
}

/// A cost that is unknown here is a difference, whatever the bill says, and so is one that the bill does not state; an estimate is marked as one. The currency is told
/// where the bill tells it, or it is more than one.
fn cost_differences(
    what: &str,
    bill: &Sums<Option<Currency>>,
    ledger: &Sums<Currency>,
) -> Result<Vec<Difference>, BillError> {
    let mut sides = sides(what, bill, ledger)?;
    let is_unsure = ledger.unknown > 0 || bill.unknown > 0;
    if sides.is_empty() && is_unsure {
        sides.insert(None, (None, None));
    }
    let is_told = sides.len() > 1 || bill.cost.keys().any(Option::is_some);
    let differing = sides
        .into_iter()
        .filter(|(_, (theirs, ours))| is_unsure || theirs.unwrap_or_default() != ours.unwrap_or_default());
    let told = |(currency, (theirs, ours)): (Option<Currency>, Sides)| {
        let code = currency.filter(|_| is_told).map(|currency| format!(" {currency}")).unwrap_or_default();
        let amount = |amount: Amount| format!("{amount}{code}");
        let less = theirs.zip(ours).filter(|_| !is_unsure);
        let less = less.and_then(|(theirs, ours)| theirs.checked_sub(ours).ok()).map(amount);
        let ledger = if ledger.unknown > 0 {
            Some(format!("{} and {} unknown", ours.map_or_else(|| "0".to_owned(), amount), ledger.unknown))
        } else if ledger.estimated > 0 {
            ours.map(|ours| format!("{}, {} estimated", amount(ours), ledger.estimated))
        } else {
            ours.map(amount)
        };
        let bill = if bill.unknown > 0 {
            Some(format!("{} and {} not stated", theirs.map_or_else(|| "0".to_owned(), amount), bill.unknown))
        } else {
            theirs.map(amount)
        };
        Difference { what: what.to_owned(), field: "cost", bill, ledger, less }
    };
    Ok(differing.map(told).collect())
}
