//! Writes a file of prices.

use super::row::key_of;
use super::{Leaving, Period, PriceList, PriceRow, Tier};
use crate::catalogue::{key, quoted};
use jiff::civil::Date;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use switchtower_domain::{Amount, Currency};

/// The longest whole number that is written as such: every reader of TOML takes it.
const WHOLE_DIGITS_MAX: usize = 15;

impl PriceList {
    /// Writes a file that reads as this list.
    pub fn write(&self) -> String {
        let mut names: BTreeMap<&str, String> = BTreeMap::new();
        for source in self.sources() {
            let number = names.len() + 1;
            names.entry(source).or_insert_with(|| format!("s{number}"));
        }
        let mut text = String::new();
        if self.contract {
            text.push_str("contract = true\n");
        }
        let common = Common::of(self);
        if let Some(currency) = common.currency {
            let _ = writeln!(text, "currency = \"{currency}\"");
        }
        if let Some(date) = common.date {
            let _ = writeln!(text, "date = {date}");
        }
        if !text.is_empty() {
            text.push('\n');
        }
        if !names.is_empty() {
            text.push_str("[sources]\n");
        }
        let mut sources: Vec<(&str, &str)> = names.iter().map(|(source, name)| (name.as_str(), *source)).collect();
        sources.sort_by_key(|(name, _)| (name.len(), *name));
        for (name, source) in sources {
            let _ = writeln!(text, "{name} = {}", quoted(source));
        }
        for (kind, models) in &self.prices {
            let _ = writeln!(text, "\n[prices.{}]", key(kind));
            for (model, rows) in models {
                let rows: Vec<String> = rows.iter().map(|row| inline(row, &names, &common)).collect();
                let _ = match rows.as_slice() {
                    [row] => writeln!(text, "{} = {row}", quoted(model)),
                    rows => writeln!(text, "{} = [\n    {},\n]", quoted(model), rows.join(",\n    ")),
                };
            }
        }
        self.terms(&mut text, &names);
        text
    }

    /// Who stated what is here, in order of appearance.
    fn sources(&self) -> impl Iterator<Item = &str> {
        let rows = self.models().flat_map(|(_, _, rows)| rows).map(|row| row.source.as_str());
        let discounts = self.discounts.iter().map(|term| term.source.as_str());
        let commitments = self.commitments.iter().map(|term| term.source.as_str());
        rows.chain(discounts).chain(commitments).chain(self.egress.iter().map(|term| term.source.as_str()))
    }

    fn terms(&self, text: &mut String, names: &BTreeMap<&str, String>) {
        let source = |source: &str| format!("source = {}", quoted(names.get(source).map_or(source, String::as_str)));
        for term in &self.discounts {
            let mut fields = vec![format!("kind = {}", quoted(&term.kind))];
            fields.extend(term.model.as_ref().map(|model| format!("model = {}", quoted(model))));
            fields.push(format!("percent = {}", number(term.percent.into())));
            fields.extend(period(&term.period));
            fields.extend([source(&term.source), format!("date = {}", term.date)]);
            let _ = writeln!(text, "\n[[discounts]]\n{}", fields.join("\n"));
        }
        for term in &self.commitments {
            let mut fields =
                vec![format!("kind = {}", quoted(&term.kind)), format!("amount = {}", number(term.money.amount))];
            fields.push(format!("currency = \"{}\"", term.money.currency));
            fields.extend(period(&term.period));
            fields.extend([source(&term.source), format!("date = {}", term.date)]);
            let _ = writeln!(text, "\n[[commitments]]\n{}", fields.join("\n"));
        }
        for term in &self.egress {
            let mut fields = vec![format!("kind = {}", quoted(&term.kind))];
            fields.extend(term.region.as_ref().map(|region| format!("region = {}", quoted(region))));
            if term.bytes != Leaving::default() {
                fields.push(format!("bytes = \"{}\"", term.bytes.as_str()));
            }
            fields.push(format!("gigabyte = {}", number(term.rate.amount)));
            fields.push(format!("currency = \"{}\"", term.currency));
            fields.extend(period(&term.period));
            fields.extend([source(&term.source), format!("date = {}", term.date)]);
            let _ = writeln!(text, "\n[[egress]]\n{}", fields.join("\n"));
        }
    }
}

/// What every row says, and is said once.
struct Common {
    currency: Option<Currency>,
    date: Option<Date>,
}

impl Common {
    fn of(list: &PriceList) -> Self {
        let rows = || list.models().flat_map(|(_, _, rows)| rows);
        let first = rows().next();
        Self {
            currency: first.map(|row| row.currency).filter(|one| rows().all(|row| row.currency == *one)),
            date: first.map(|row| row.date).filter(|one| rows().all(|row| row.date == *one)),
        }
    }
}

/// A row on one line.
fn inline(row: &PriceRow, names: &BTreeMap<&str, String>, common: &Common) -> String {
    let mut fields = Vec::new();
    fields.extend(row.region.as_ref().map(|region| format!("region = {}", quoted(region))));
    if row.tier != Tier::Standard {
        fields.push(format!("tier = \"{}\"", row.tier.as_str()));
    }
    if row.above_tokens > 0 {
        fields.push(format!("above_tokens = {}", row.above_tokens));
    }
    fields.extend(period(&row.period));
    for (charge, rate) in &row.rates {
        fields.push(format!("{} = {}", key_of(*charge, rate.per), number(rate.amount)));
    }
    if !row.estimated.is_empty() {
        let reasons: Vec<String> = row.estimated.iter().map(|reason| format!("\"{}\"", reason.as_str())).collect();
        fields.push(format!("estimated = [{}]", reasons.join(", ")));
    }
    fields.extend(row.search_estimated.map(|reason| format!("search_estimated = \"{}\"", reason.as_str())));
    if common.currency.is_none() {
        fields.push(format!("currency = \"{}\"", row.currency));
    }
    let source = names.get(row.source.as_str()).map_or(row.source.as_str(), String::as_str);
    fields.push(format!("source = {}", quoted(source)));
    if common.date.is_none() {
        fields.push(format!("date = {}", row.date));
    }
    format!("{{ {} }}", fields.join(", "))
}

fn period(period: &Period) -> impl Iterator<Item = String> {
    let from = period.from.map(|from| format!("from = {from}"));
    from.into_iter().chain(period.until.map(|until| format!("until = {until}")))
}

/// A number as TOML has it, in quotes where it is too large for one of its whole numbers.
fn number(amount: Amount) -> String {
    let text = amount.to_string();
    if text.contains('.') || text.len() <= WHOLE_DIGITS_MAX { text } else { format!("\"{text}\"") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prices::{Commitment, DiscountTerm, Egress};
    use proptest::prelude::*;
    use switchtower_domain::{Charge, Discount, EstimateReason, Money, Rate, Unit};

    fn text() -> impl Strategy<Value = String> {
        prop_oneof!["[a-z0-9*-]{1,9}", "(?s-u:[\\x00-\\x7f]){1,9}", "(?s).{1,9}", "s[1-9]"]
    }

    fn date() -> impl Strategy<Value = Date> {
        (2020_i16..2030, 1_i8..=12, 1_i8..=28).prop_map(|(year, month, day)| jiff::civil::date(year, month, day))
    }

    fn amount() -> impl Strategy<Value = Amount> {
        prop_oneof![0..i128::MAX, 0..1_i128 << 80, Just(0)].prop_map(Amount::from_atto)
    }

    fn row() -> impl Strategy<Value = PriceRow> {
        let charges = [Charge::Input, Charge::Output, Charge::CacheWrite1h];
        let rates = proptest::collection::btree_map(proptest::sample::select(charges.to_vec()), amount(), 1..3);
        let time = proptest::option::of((any::<bool>(), amount()));
        let place = (proptest::option::of(text()), proptest::sample::select(Tier::ALL.to_vec()), 0_u64..1 << 40);
        let said =
            (any::<bool>(), text(), date(), proptest::option::of(date()), proptest::sample::select(vec!["USD", "EUR"]));
        (place, rates, time, said).prop_map(
            |((region, tier, above_tokens), rates, time, (unsure, source, date, from, currency))| {
                let mut rates: BTreeMap<Charge, Rate> = rates
                    .into_iter()
                    .map(|(charge, amount)| (charge, Rate::new(amount, Unit::MillionTokens)))
                    .collect();
                if let Some((second, amount)) = time {
                    rates.insert(Charge::Time, Rate::new(amount, if second { Unit::Second } else { Unit::Minute }));
                }
                PriceRow {
                    region,
                    tier,
                    above_tokens,
                    period: Period { from, until: None },
                    currency: Currency::new(currency).unwrap(),
                    rates,
                    estimated: unsure.then_some(EstimateReason::Hour).into_iter().collect(),
                    search_estimated: unsure.then_some(EstimateReason::Allowance),
                    source,
                    date,
                }
            },
        )
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(kinds in proptest::collection::vec((text(), text(), row()), 0..5), contract: bool, said in (text(), text(), date(), amount())) {
            let mut list = PriceList { contract, ..PriceList::default() };
            for (kind, model, row) in kinds {
                list.add(&kind, &model, vec![row]);
            }
            let (kind, source, date, amount) = said;
            let period = Period { from: Some(date), until: date.tomorrow().ok() };
            if contract {
                list.discounts.push(DiscountTerm { kind: kind.clone(), model: None, percent: Discount::percent("12.5".parse().unwrap()).unwrap(), period, source: source.clone(), date });
                list.commitments.push(Commitment { kind: kind.clone(), money: Money::new(amount, Currency::USD), period, source: source.clone(), date });
            }
            list.egress.push(Egress { kind, region: None, bytes: Leaving::Requests, rate: Rate::new(amount, Unit::Gigabyte), currency: Currency::USD, period, source, date });
            let written = list.write();
            prop_assert_eq!(PriceList::parse(&written), Ok(list), "{}", written);
        }
    }
}
