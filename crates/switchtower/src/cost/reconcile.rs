//! `switchtower cost reconcile`: a provider's bill beside the ledger.

use crate::config::columns;
use anyhow::{Context as _, Result, bail};
use clap::Args;
use serde_json::json;
use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;
use switchtower_domain::Currency;
use switchtower_portfolio::reconcile::{Bill, Columns, Reading, Reconciliation};
use switchtower_portfolio::{Span, Spending};

/// What `cost reconcile` is told.
#[derive(Debug, Args)]
pub(super) struct Options {
    /// What the provider exported, as comma-separated values with a line of names
    file: PathBuf,
    /// The provider whose bill it is, by its name in the configuration; all without it
    #[arg(long, value_name = "NAME")]
    provider: Option<String>,
    /// Which column says what, where its name does not: 'model=Model name,cost=Amount (EUR)'. What can be said: request,
    /// day, model, requests, input, uncached, `cache_read`, `cache_write`, output, cost, currency, service; and ignore
    #[arg(long, value_name = "WHAT=COLUMN", value_delimiter = ',')]
    columns: Vec<String>,
    /// The currency of costs beside which the bill names none, such as EUR
    #[arg(long, value_name = "CODE", value_parser = Currency::new)]
    currency: Option<Currency>,
    /// Print it as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(options: &Options, span: Span, spending: &mut Spending<'_>, out: &mut dyn Write) -> Result<bool> {
    let name = options.file.display();
    let reading = Reading { columns: Columns::named(&options.columns)?, currency: options.currency, span };
    let file = std::fs::File::open(&options.file).with_context(|| format!("failed to read {name}"))?;
    let bill = Bill::read(file, &reading).with_context(|| name.to_string())?;
    if bill.rounded() > 0 {
        tracing::warn!(
            cells = bill.rounded(),
            "amounts have more than 18 decimals; they are rounded to the nearest with 18"
        );
    }
    let mut reconciliation = Reconciliation::new(bill);
    for spent in &mut *spending {
        let spent = spent?;
        if options.provider.as_deref().is_none_or(|provider| spent.provider == provider) {
            let record = spent.record;
            let added = reconciliation.add(&spent);
            added.with_context(|| {
                format!("failed to add record {record} to the row of the ledger that it belongs to")
            })?;
        }
    }
    if let Some(asked) = options.provider.as_deref()
        && !spending.providers().contains(asked)
    {
        let known: Vec<&str> = spending.providers().iter().map(AsRef::as_ref).collect();
        bail!("the ledger has no provider '{asked}'; those that it has: {}", known.join(", "));
    }
    let differences = reconciliation.differences().with_context(|| name.to_string())?;
    if options.json {
        let mut used: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (column, name) in reconciliation.bill().used() {
            used.entry(column.as_str()).or_default().push(name);
        }
        let (unused, apart) = (reconciliation.bill().unused(), reconciliation.bill().apart());
        let report = json!({"rows": reconciliation.rows(), "differences": differences, "columns": used,
            "columns_not_read": unused, "rows_of_moving_bytes": apart});
        writeln!(out, "{report:#}")?;
        return Ok(differences.is_empty());
    }
    let mut rows = vec![["WHAT", "FIELD", "BILL", "LEDGER", "BILL LESS LEDGER"].map(str::to_owned)];
    rows.extend(differences.iter().map(|difference| {
        let told = |side: &Option<String>| side.clone().unwrap_or_else(|| "-".to_owned());
        let less = difference.less.clone().unwrap_or_default();
        [difference.what.clone(), difference.field.to_owned(), told(&difference.bill), told(&difference.ledger), less]
    }));
    if !differences.is_empty() {
        out.write_all(columns(&rows).as_bytes())?;
        writeln!(out)?;
    }
    writeln!(
        out,
        "{} rows of the bill and the ledger compared, {} differences",
        reconciliation.rows(),
        differences.len()
    )?;
    tell_columns(reconciliation.bill(), out)?;
    Ok(differences.is_empty())
}

/// Says how the bill was read: a column that was passed over may be the one that matters.
fn tell_columns(bill: &Bill, out: &mut dyn Write) -> Result<()> {
    let used: Vec<String> = bill.used().iter().map(|(column, name)| format!("{} '{name}'", column.as_str())).collect();
    let unused: Vec<String> = bill.unused().iter().map(|name| format!("'{name}'")).collect();
    let unused = if unused.is_empty() { "none".to_owned() } else { unused.join(", ") };
    writeln!(out, "columns read: {}; not read: {unused}", used.join(", "))?;
    if bill.apart() > 0 {
        writeln!(out, "{} rows of the bill are of moving bytes, which is not compared", bill.apart())?;
    }
    Ok(())
}
