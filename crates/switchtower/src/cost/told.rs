//! Sums, for people and programs. Exact, estimated and unknown stand in columns of their own.

use super::{Names, commitments};
use crate::config::columns;
use crate::spreadsheet;
use anyhow::Result;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::io::Write;
use switchtower_domain::{Amount, Currency, Totals};
use switchtower_portfolio::{Breakdown, By, Commitment, Group};

/// What stands where there is nothing to say.
const NOTHING: &str = "-";

pub(super) fn table(breakdown: &Breakdown, names: &Names, out: &mut dyn Write) -> Result<()> {
    let mut head: Vec<String> = breakdown.by().iter().map(|by| by.as_str().to_uppercase()).collect();
    let columns_told = ["CALLS", "INPUT", "OUTPUT", "", "EXACT", "ESTIMATED", "KNOWN OF UNKNOWN", "EGRESS"];
    head.extend(columns_told.map(str::to_owned));
    let mut rows = vec![head];
    for (group_names, group) in breakdown.groups() {
        rows.extend(lines(&named(breakdown.by(), group_names, names), group));
    }
    let all: Vec<String> =
        breakdown.by().iter().enumerate().map(|(at, _)| if at == 0 { "all" } else { "" }.to_owned()).collect();
    rows.extend(lines(&all, breakdown.whole()));
    out.write_all(columns(&rows).as_bytes())?;
    let whole = breakdown.whole();
    let Totals { exact, estimated, unknown, .. } = &whole.cost;
    writeln!(
        out,
        "\n{exact} costs are exact, {estimated} are estimates, {unknown} are unknown, and {} attempts were free of \
         charge; they are never added up",
        whole.free
    )?;
    for (currency, theirs) in &whole.reported {
        let ours = whole.beside_reported.get(currency).copied().unwrap_or_default();
        writeln!(out, "where providers say it themselves: {theirs} {currency} by them, {ours} {currency} here")?;
    }
    Ok(())
}

/// A group, one row for each currency.
fn lines(names: &[String], group: &Group) -> Vec<Vec<String>> {
    let calls = calls_of(group);
    let currencies = currencies(group);
    let counted = [calls.to_string(), group.input_tokens.to_string(), group.output_tokens.to_string()];
    if currencies.is_empty() {
        let nothing = std::iter::repeat_n(NOTHING.to_owned(), 4);
        return vec![names.iter().cloned().chain(counted).chain([String::new()]).chain(nothing).collect()];
    }
    let row = |(at, currency): (usize, Currency)| {
        let sums = sums(group, currency).map(|sum| sum.map_or_else(|| NOTHING.to_owned(), |sum| sum.to_string()));
        let beside: Vec<String> = names.iter().cloned().chain(counted.clone()).collect();
        let beside = if at == 0 { beside } else { vec![String::new(); beside.len()] };
        beside.into_iter().chain([currency.to_string()]).chain(sums).collect()
    };
    currencies.into_iter().enumerate().map(row).collect()
}

fn calls_of(group: &Group) -> u64 {
    let Totals { exact, estimated, unknown, .. } = group.cost;
    [exact, estimated, unknown, group.free].into_iter().fold(0, u64::saturating_add)
}

fn currencies(group: &Group) -> BTreeSet<Currency> {
    group.cost.sums.keys().chain(group.egress.sums.keys()).copied().collect()
}

/// What is exact, estimated, the known part of what is unknown, and what bytes cost; nothing where none is. A group counts
/// its costs over all its currencies: of several, one whose sum is nothing has none of that kind.
fn sums(group: &Group, currency: Currency) -> [Option<Amount>; 4] {
    let cost = group.cost.sums.get(&currency);
    let egress = group.egress.sums.get(&currency).map(|sums| sums.estimated);
    let Totals { exact, estimated, unknown, .. } = group.cost;
    let is_alone = group.cost.sums.len() == 1;
    let told = |count: u64, sum: Option<Amount>| sum.filter(|sum| count > 0 && (is_alone || *sum != Amount::ZERO));
    [
        told(exact, cost.map(|sums| sums.exact)),
        told(estimated, cost.map(|sums| sums.estimated)),
        told(unknown, cost.map(|sums| sums.known_part)),
        egress,
    ]
}

fn named(by: &[By], group: &[String], names: &Names) -> Vec<String> {
    let name = |(by, name): (&By, &String)| match by {
        _ if name.is_empty() => NOTHING.to_owned(),
        By::Key => names.get(name).unwrap_or(name).clone(),
        _ => name.clone(),
    };
    by.iter().zip(group).map(name).collect()
}

pub(super) fn csv(breakdown: &Breakdown, names: &Names, out: &mut dyn Write) -> Result<()> {
    let mut csv = csv::Writer::from_writer(out);
    let head = breakdown.by().iter().map(|by| by.as_str());
    let calls = ["calls"];
    let counted = ["exact_calls", "estimated_calls", "unknown_calls", "free_calls", "input_tokens", "output_tokens"];
    let moved = ["bytes_sent", "bytes_received"];
    let money = ["currency", "exact", "estimated", "known_part_of_unknown", "egress"];
    csv.write_record(head.chain(calls).chain(counted).chain(moved).chain(money))?;
    for (group_names, group) in breakdown.groups() {
        let names: Vec<String> = named(breakdown.by(), group_names, names)
            .into_iter()
            .map(|name| if name == NOTHING { String::new() } else { spreadsheet::text(name) })
            .collect();
        let Totals { exact, estimated, unknown, .. } = group.cost;
        let counts = [
            calls_of(group),
            exact,
            estimated,
            unknown,
            group.free,
            group.input_tokens,
            group.output_tokens,
            group.bytes_sent,
            group.bytes_received,
        ];
        let counts = counts.map(|count| count.to_string());
        let currencies = currencies(group);
        if currencies.is_empty() {
            csv.write_record(names.iter().chain(&counts).map(String::as_str).chain([""; 5]))?;
        }
        for (at, currency) in currencies.into_iter().enumerate() {
            // Whoever adds up a column must not count a call once for each currency.
            let counts = if at == 0 { counts.clone() } else { Default::default() };
            let sums = sums(group, currency).map(|sum| sum.map(|sum| sum.to_string()).unwrap_or_default());
            let counted = names.iter().chain(&counts).map(String::as_str);
            csv.write_record(counted.chain([currency.as_str()]).chain(sums.iter().map(String::as_str)))?;
        }
    }
    Ok(csv.flush()?)
}

/// Without a configuration nobody knows of commitments: then they are `null`.
pub(super) fn json(
    breakdown: &Breakdown,
    names: &Names,
    committed: Option<&[Commitment]>,
    out: &mut dyn Write,
) -> Result<()> {
    let groups: Result<Vec<Value>, serde_json::Error> = breakdown
        .groups()
        .map(|(group_names, group)| {
            let mut told = Map::new();
            for (by, name) in breakdown.by().iter().zip(named(breakdown.by(), group_names, names)) {
                told.insert(by.as_str().to_owned(), if name == NOTHING { Value::Null } else { name.into() });
            }
            if let Value::Object(sums) = serde_json::to_value(group)? {
                told.extend(sums);
            }
            Ok(Value::Object(told))
        })
        .collect();
    let committed = committed.map(commitments::json);
    let report = json!({"groups": groups?, "whole": breakdown.whole(), "commitments": committed});
    Ok(writeln!(out, "{report:#}")?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use switchtower_domain::Sums;

    #[test]
    fn a_currency_has_no_sum_of_a_kind_that_only_another_has() {
        let [usd, eur] = ["USD", "EUR"].map(|code| Currency::new(code).unwrap());
        let mut group = Group::default();
        (group.cost.exact, group.cost.estimated) = (1, 1);
        group.cost.sums.insert(usd, Sums { exact: Amount::ONE, ..Sums::default() });
        group.cost.sums.insert(eur, Sums { estimated: Amount::ONE, ..Sums::default() });
        assert_eq!(sums(&group, usd), [Some(Amount::ONE), None, None, None]);
        assert_eq!(sums(&group, eur), [None, Some(Amount::ONE), None, None]);
        group.cost.sums.remove(&eur);
        group.cost.sums.insert(usd, Sums::default());
        assert_eq!(sums(&group, usd)[0], Some(Amount::ZERO), "what costs nothing costs nothing");
    }
}
