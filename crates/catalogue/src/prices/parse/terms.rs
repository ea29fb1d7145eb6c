//! Reads the terms of a file: discounts, commitments, and what it costs when bytes leave.

use super::{Reader, Value};
use crate::CatalogueError;
use crate::prices::{Commitment, DiscountTerm, Egress, Leaving, Period, PriceList};
use switchtower_domain::{Amount, Discount, Money, Rate, Unit};
use toml::de::DeTable;

/// What a contract alone has: what it takes off its own prices is nobody's to guess, and what an own list takes off itself
/// is another price.
const OF_CONTRACTS: [&str; 2] = ["discounts", "commitments"];

impl Reader<'_> {
    pub(super) fn terms(&mut self, table: &DeTable<'_>, list: &mut PriceList) {
        for key in OF_CONTRACTS.into_iter().filter(|_| !list.contract) {
            if let Some((at, _)) = table.get_key_value(key) {
                let message = format!("'{key}' are of a contract: write 'contract = true' at the top of the file");
                self.mistakes.push(CatalogueError { message, at: Some(at.span().start) });
            }
        }
        let discount = |term: &DiscountTerm| (term.kind.clone(), term.model.clone());
        let discounts = self.each(table.get("discounts"), Self::discount);
        list.discounts = self.apart(
            discounts,
            "discount",
            |term| term.period,
            discount,
            |term| format!("{} percent", Amount::from(term.percent)),
        );
        let commitments = self.each(table.get("commitments"), Self::commitment);
        list.commitments = commitments.into_iter().map(|(_, term)| term).collect();
        let egress = |term: &Egress| (term.kind.clone(), term.region.clone(), term.bytes);
        let leaving = self.each(table.get("egress"), Self::egress);
        list.egress = self.apart(
            leaving,
            "rate of egress",
            |term| term.period,
            egress,
            |term| format!("{} {}", term.rate.amount, term.currency),
        );
    }

    /// The entries of a list of tables, with their places.
    fn each<T>(
        &mut self,
        value: Option<&Value<'_>>,
        read: impl Fn(&mut Self, &Value<'_>) -> Option<T>,
    ) -> Vec<(usize, T)> {
        let Some(value) = value else { return Vec::new() };
        match value.get_ref().as_array() {
            Some(entries) => {
                entries.iter().filter_map(|entry| Some((entry.span().start, read(self, entry)?))).collect()
            }
            None => {
                self.mistake(value, "expected a list of tables");
                Vec::new()
            }
        }
    }

    /// The entries, of which no two may speak of the same on some day: nobody could tell which of them holds.
    fn apart<T, K: PartialEq>(
        &mut self,
        entries: Vec<(usize, T)>,
        what: &str,
        period: impl Fn(&T) -> Period,
        of: impl Fn(&T) -> K,
        says: impl Fn(&T) -> String,
    ) -> Vec<T> {
        for (at, (place, one)) in entries.iter().enumerate() {
            let before = entries.iter().take(at);
            let mut same = before.filter(|(_, other)| of(other) == of(one) && period(other).meets(&period(one)));
            let Some((first, other)) = same.next() else { continue };
            let line = self.text.get(..*first).unwrap_or_default().matches('\n').count() + 1;
            let (one, other) = (says(one), says(other));
            let message = format!("a {what} of the same days is stated in line {line}: {other} there, {one} here");
            self.mistakes.push(CatalogueError { message, at: Some(*place) });
        }
        entries.into_iter().map(|(_, term)| term).collect()
    }

    fn discount(&mut self, value: &Value<'_>) -> Option<DiscountTerm> {
        let table = self.known(value, &["kind", "model", "percent", "from", "until", "source", "date"])?;
        let percent = self.needed(value, table, "percent")?;
        let amount = self.amount(percent)?;
        let share = Discount::percent(amount);
        if share.is_none() {
            self.mistake(percent, "expected percents from 0 to 100 with at most 6 decimals");
        }
        Some(DiscountTerm {
            kind: self.kind_of(value, table)?,
            model: table.get("model").and_then(|value| self.text(value)),
            percent: share?,
            period: self.period(value, table),
            source: self.source_of(value, table)?,
            date: self.date_of(value, table)?,
        })
    }

    fn commitment(&mut self, value: &Value<'_>) -> Option<Commitment> {
        let table = self.known(value, &["kind", "amount", "currency", "from", "until", "source", "date"])?;
        let period = self.period(value, table);
        if period.from.is_none() || period.until.is_none() {
            self.mistake(value, "a commitment needs 'from' and 'until'");
        }
        let amount = self.needed(value, table, "amount").and_then(|value| self.amount(value))?;
        Some(Commitment {
            kind: self.kind_of(value, table)?,
            money: Money::new(amount, self.currency_of(value, table)?),
            period,
            source: self.source_of(value, table)?,
            date: self.date_of(value, table)?,
        })
    }

    fn egress(&mut self, value: &Value<'_>) -> Option<Egress> {
        let keys = ["kind", "region", "bytes", "gigabyte", "currency", "from", "until", "source", "date"];
        let table = self.known(value, &keys)?;
        let amount = self.needed(value, table, "gigabyte").and_then(|value| self.amount(value))?;
        Some(Egress {
            kind: self.kind_of(value, table)?,
            region: table.get("region").and_then(|value| self.text(value)),
            bytes: table.get("bytes").map_or_else(|| Some(Leaving::default()), |value| self.leaving(value))?,
            rate: Rate::new(amount, Unit::Gigabyte),
            currency: self.currency_of(value, table)?,
            period: self.period(value, table),
            source: self.source_of(value, table)?,
            date: self.date_of(value, table)?,
        })
    }

    fn leaving(&mut self, value: &Value<'_>) -> Option<Leaving> {
        let found = Leaving::ALL.into_iter().find(|leaving| value.get_ref().as_str() == Some(leaving.as_str()));
        if found.is_none() {
            self.mistake(value, "expected 'answers' or 'requests'");
        }
        found
    }
}
