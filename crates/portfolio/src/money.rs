//! Costs as they stand on record, read back as exact money.

use std::str::FromStr;
use switchtower_domain::{Amount, Charge, Cost, CostLine, Currency, EstimateReason, Money, Rate, Unit, UnknownReason};
use switchtower_ledger::record::{CostLine as LineOnRecord, Costs, Sum};

/// The word for a list price that nobody states.
const UNSTATED: &str = "unknown";

/// A cost on record that cannot be read, or whose sums are not those of its lines.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the cost on record cannot be read: {0}")]
pub struct MoneyRecordError(String);

/// The cost with its lines.
///
/// # Errors
/// [`MoneyRecordError`] for words of a later version, and where the sums are not those of the lines.
pub(crate) fn cost(costs: &Costs) -> Result<Cost, MoneyRecordError> {
    let lines = costs.lines.iter().map(line).collect::<Result<_, _>>()?;
    let (mut estimated, mut unknown) = (Vec::new(), Vec::new());
    for reason in &costs.reasons {
        match EstimateReason::ALL.into_iter().find(|known| known.as_str() == reason) {
            Some(reason) => estimated.push(reason),
            None => unknown.push(unknown_reason(reason)?),
        }
    }
    let cost = Cost::new(lines, estimated, unknown).map_err(|error| MoneyRecordError(error.to_string()))?;
    let totals: Vec<Money> = costs.totals.iter().map(money).collect::<Result<_, _>>()?;
    if cost.status().as_str() != costs.status || cost.totals() != totals {
        return Err(MoneyRecordError("its sums or its status are not those of its lines".to_owned()));
    }
    Ok(cost)
}

/// An amount on record.
///
/// # Errors
/// [`MoneyRecordError`] for what is no amount of a currency.
pub(crate) fn money(sum: &Sum) -> Result<Money, MoneyRecordError> {
    Ok(Money::new(parsed::<Amount>(&sum.amount)?, parsed::<Currency>(&sum.currency)?))
}

fn line(line: &LineOnRecord) -> Result<CostLine, MoneyRecordError> {
    let per = known(Unit::ALL, Unit::as_str, &line.per)?;
    let rate = Rate::new(parsed(&line.rate)?, per);
    let list = match line.list.as_deref() {
        None => Some(rate),
        Some(UNSTATED) => None,
        Some(list) => Some(Rate::new(parsed(list)?, per)),
    };
    let amount: Amount = parsed(&line.amount)?;
    if rate.times(line.quantity) != Ok(amount) {
        return Err(MoneyRecordError(format!("{} of {} is not {amount}", line.quantity, line.charge)));
    }
    Ok(CostLine {
        charge: known(Charge::ALL, Charge::as_str, &line.charge)?,
        quantity: line.quantity,
        rate,
        list,
        amount,
        currency: parsed(&line.currency)?,
        row: line.row.to_string(),
    })
}

fn unknown_reason(text: &str) -> Result<UnknownReason, MoneyRecordError> {
    let (word, about) = text.split_once(' ').unwrap_or((text, ""));
    let charge = || known(Charge::ALL, Charge::as_str, about);
    Ok(match word {
        "no_price" => UnknownReason::NoPrice,
        "no_price_of_tier" => UnknownReason::NoPriceOfTier,
        "no_price_for" => UnknownReason::NoPriceFor(charge()?),
        "no_usage" => UnknownReason::NoUsage,
        "no_count_of" => UnknownReason::NoCountOf(charge()?),
        "contradiction" => UnknownReason::Contradiction(charge()?),
        "overflow" => UnknownReason::Overflow,
        _ => return Err(MoneyRecordError(format!("'{text}' is no reason that this version knows"))),
    })
}

fn known<T: Copy, const N: usize>(
    all: [T; N],
    word_of: impl Fn(T) -> &'static str,
    word: &str,
) -> Result<T, MoneyRecordError> {
    let found = all.into_iter().find(|one| word_of(*one) == word);
    found.ok_or_else(|| MoneyRecordError(format!("'{word}' is no word that this version knows")))
}

fn parsed<T: FromStr<Err: std::fmt::Display>>(text: &str) -> Result<T, MoneyRecordError> {
    text.parse().map_err(|error| MoneyRecordError(format!("'{text}': {error}")))
}
