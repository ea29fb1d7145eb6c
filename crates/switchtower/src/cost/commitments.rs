//! Commitments of the configuration's contracts, beside what was spent against them.

use crate::config::{Ready, columns};
use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;
use switchtower_catalogue::prices::names_of;
use switchtower_domain::Totals;
use switchtower_ledger::Entries;
use switchtower_ledger::home::journal_of;
use switchtower_portfolio::{Commitment, Span, Spending};

/// The commitments of a configuration, with nothing spent against them yet.
pub(crate) fn of(ready: &Ready) -> Vec<Commitment> {
    let made = ready.prices.commitments().map(|(list, term)| {
        let has = |provider: &&std::sync::Arc<switchtower_providers::Provider>| {
            let (name, kind) = provider.priced_as();
            names_of(name, kind).any(|name| name == term.kind)
        };
        // A provider that is configured no more may have been called as its kind is.
        let of_kind = ready.providers.iter().all(|provider| provider.name.as_str() != term.kind);
        let mut providers: BTreeSet<String> =
            ready.providers.iter().filter(has).map(|provider| provider.name.to_string()).collect();
        providers.extend(of_kind.then(|| term.kind.clone()));
        Commitment {
            to: term.kind.clone(),
            money: term.money,
            span: Span { from: term.period.from, until: term.period.until },
            by: list.to_owned(),
            source: term.source.clone(),
            providers,
            spent: Totals::default(),
        }
    });
    made.collect()
}

/// Those of a span of days, with what was spent in all of the time of each: what is left of one is not told by a part of it.
///
/// # Errors
/// Where the ledger cannot be read, and for sums that are too large.
pub(super) fn spent(data: &Path, commitments: &[Commitment], span: Span) -> Result<Vec<Commitment>> {
    let mut commitments: Vec<Commitment> = commitments.iter().filter(|one| one.meets(span)).cloned().collect();
    if commitments.is_empty() {
        return Ok(commitments);
    }
    for spent in Spending::new(Entries::from(&journal_of(data), 0), Span::default()) {
        let spent = spent?;
        for one in &mut commitments {
            let record = spent.record;
            one.add(&spent).with_context(|| {
                format!("failed to add record {record} to what was spent of the commitment to '{}'", one.to)
            })?;
        }
    }
    Ok(commitments)
}

pub(super) fn table(commitments: &[Commitment], out: &mut dyn Write) -> Result<()> {
    if commitments.is_empty() {
        return Ok(());
    }
    let head = ["COMMITTED TO", "FROM", "UNTIL", "", "AMOUNT", "EXACT", "ESTIMATED", "KNOWN OF UNKNOWN", "BY"];
    let mut rows = vec![head.map(str::to_owned)];
    rows.extend(commitments.iter().map(|one| {
        let day = |day: Option<jiff::civil::Date>| day.map(|day| day.to_string()).unwrap_or_default();
        let Totals { exact, estimated, unknown, ref sums } = one.spent;
        let sums = sums.get(&one.money.currency).copied().unwrap_or_default();
        let told =
            |count: u64, sum: switchtower_domain::Amount| if count == 0 { "-".to_owned() } else { sum.to_string() };
        [
            one.to.clone(),
            day(one.span.from),
            day(one.span.until),
            one.money.currency.to_string(),
            one.money.amount.to_string(),
            told(exact, sums.exact),
            told(estimated, sums.estimated),
            told(unknown, sums.known_part),
            one.by.clone(),
        ]
    }));
    writeln!(out)?;
    out.write_all(columns(&rows).as_bytes())?;
    writeln!(
        out,
        "\nwhat is committed is paid whether it is used or not: beside it stands what was spent in all of its time and in \
         its currency, which is no part of it and not added to it"
    )?;
    for one in commitments {
        let others: Vec<&str> =
            one.spent.sums.keys().filter(|code| **code != one.money.currency).map(|code| code.as_str()).collect();
        if !others.is_empty() {
            writeln!(out, "what '{}' cost in {} is not in the row of its commitment", one.to, others.join(", "))?;
        }
    }
    Ok(())
}

pub(super) fn json(commitments: &[Commitment]) -> Value {
    let told = commitments.iter().map(|one| {
        json!({"to": one.to, "from": one.span.from.map(|day| day.to_string()),
            "until": one.span.until.map(|day| day.to_string()), "amount": one.money.amount,
            "currency": one.money.currency, "by": one.by, "source": one.source, "providers": one.providers,
            "spent": one.spent})
    });
    told.collect()
}
