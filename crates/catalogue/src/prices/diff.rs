//! Where two lists disagree.

use super::{PriceList, PriceRow, Tier};
use std::collections::BTreeSet;
use switchtower_domain::{Charge, Rate};

/// A price that two lists state differently.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference<'a> {
    /// The kind of provider.
    pub kind: &'a str,
    /// The model, by the first list's name for it.
    pub model: &'a str,
    /// The region, where the rows are of one.
    pub region: Option<&'a str>,
    /// The tier.
    pub tier: Tier,
    /// For prompts of more tokens than this.
    pub above_tokens: u64,
    /// What is charged for.
    pub charge: Charge,
    /// What the first list says; nothing where it does not speak of it.
    pub one: Option<(Rate, &'a PriceRow)>,
    /// What the second one says.
    pub other: Option<(Rate, &'a PriceRow)>,
}

/// Every difference on a day between the models that both lists name, by kind, model, tier and band; and how many models
/// both name. A price that one of them does not state is a difference only with `missing`: a list that knows no tiers
/// does not contradict one that does.
pub fn differences<'a>(
    one: &'a PriceList,
    other: &'a PriceList,
    day: jiff::civil::Date,
    missing: bool,
) -> (Vec<Difference<'a>>, usize) {
    let mut found = Vec::new();
    let mut both = 0;
    for (kind, model, rows) in one.models() {
        let Some((_, _, others)) = other.name_of(kind, model) else { continue };
        both += 1;
        let all = || rows.iter().chain(others).filter(|row| row.period.has(day));
        let places: BTreeSet<(Option<&str>, Tier, u64)> =
            all().map(|row| (row.region.as_deref(), row.tier, row.above_tokens)).collect();
        for (region, tier, above_tokens) in places {
            let charges: BTreeSet<Charge> = all()
                .filter(|row| (row.region.as_deref(), row.tier) == (region, tier))
                .flat_map(|row| row.rates.keys().copied())
                .collect();
            for charge in charges {
                let said = |rows: &'a [PriceRow]| said(rows, day, region, tier, above_tokens, charge);
                let (one, other) = (said(rows), said(others));
                let same = match (one, other) {
                    (Some((one, of)), Some((other, by))) => one == other && of.currency == by.currency,
                    (None, None) => true,
                    (Some(_), None) | (None, Some(_)) => !missing,
                };
                if !same {
                    found.push(Difference { kind, model, region, tier, above_tokens, charge, one, other });
                }
            }
        }
    }
    // A difference beneath a band is not told again in the band, where both say the same as beneath it.
    let mut told: Vec<Difference<'a>> = Vec::new();
    for difference in found {
        let again = told.iter().any(|before| {
            (before.kind, before.model, before.region, before.tier, before.charge)
                == (difference.kind, difference.model, difference.region, difference.tier, difference.charge)
                && (before.one, before.other) == (difference.one, difference.other)
        });
        if !again {
            told.push(difference);
        }
    }
    (told, both)
}

fn said<'a>(
    rows: &'a [PriceRow],
    day: jiff::civil::Date,
    region: Option<&str>,
    tier: Tier,
    above_tokens: u64,
    charge: Charge,
) -> Option<(Rate, &'a PriceRow)> {
    let holds = rows.iter().filter(|row| {
        row.period.has(day)
            && row.region.as_deref() == region
            && row.tier == tier
            && row.above_tokens <= above_tokens
            && row.rates.contains_key(&charge)
    });
    let row = holds.max_by_key(|row| row.above_tokens)?;
    Some((*row.rates.get(&charge)?, row))
}
