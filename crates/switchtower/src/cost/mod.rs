//! `switchtower cost`: what was spent, by the ledger, and a provider's bill beside it.

pub(crate) mod commitments;
mod reconcile;
mod told;

use anyhow::{Result, bail};
use clap::{Args, Subcommand, ValueEnum};
use jiff::civil::Date;
use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use switchtower_ledger::Entries;
use switchtower_ledger::home::{journal_of, pseudonyms_of};
use switchtower_portfolio::{Breakdown, By, Commitment, Span, Spending};

/// What `cost` is told.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Options {
    #[command(subcommand)]
    command: Option<Command>,
    /// What sums are told apart by: one or several of key, tenant, team, use-case, provider, deployment, model, region,
    /// operation, asked, day and month
    #[arg(long, value_name = "WHAT", value_delimiter = ',', value_parser = by, default_value = "provider,model")]
    by: Vec<By>,
    #[command(flatten)]
    span: Days,
    /// The configuration, whose names of keys are told in place of pseudonyms, and whose commitments beside what was spent
    #[arg(long, value_name = "FILE", global = true)]
    pub config: Option<PathBuf>,
    /// The folder with the ledger
    #[arg(long, value_name = "DIR", global = true)]
    pub data: Option<PathBuf>,
    /// How
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

#[derive(Debug, Args)]
struct Days {
    /// The first day, in UTC
    #[arg(long, value_name = "DATE", global = true)]
    from: Option<Date>,
    /// The first day that does not count any more, in UTC
    #[arg(long, value_name = "DATE", global = true)]
    until: Option<Date>,
}

impl Days {
    fn span(&self) -> Result<Span> {
        if let (Some(from), Some(until)) = (self.from, self.until)
            && until <= from
        {
            let next = from.tomorrow().map(|next| format!(", as in --until {next} for {from} alone"));
            bail!(
                "no day is from {from} on and before {until}: --until names the first day that does not count, and must be \
                 after --from{}",
                next.unwrap_or_default()
            );
        }
        Ok(Span { from: self.from, until: self.until })
    }
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Lay a provider's export of usage or cost beside the ledger, and list every difference
    Reconcile(reconcile::Options),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A table for people
    Table,
    /// Comma-separated values, one row for each group and currency, counts on the first of them
    Csv,
    /// JSON
    Json,
}

fn by(word: &str) -> Result<By, String> {
    let words = || By::ALL.map(By::as_str).join(", ");
    By::ALL.into_iter().find(|by| by.as_str() == word).ok_or_else(|| format!("expected one of {}", words()))
}

/// What a configuration says of what was spent.
#[derive(Debug, Default)]
pub struct Configured {
    /// The names of keys.
    pub keys: Vec<String>,
    /// The commitments of contracts.
    pub commitments: Vec<Commitment>,
}

/// Tells what was spent; false where a bill differs from it.
///
/// # Errors
/// Where the ledger or a bill cannot be read.
pub fn run(options: &Options, data: &Path, configured: &Configured, out: &mut dyn Write) -> Result<bool> {
    if !data.join("ledger").is_dir() {
        bail!("there is no ledger in {}; name its folder with --data", data.display());
    }
    let disk = journal_of(data);
    let span = options.span.span()?;
    let mut spending = Spending::new(Entries::from(&disk, 0), span);
    if let Some(Command::Reconcile(asked)) = &options.command {
        let agrees = reconcile::run(asked, span, &mut spending, out)?;
        tell_beginning(&spending);
        return Ok(agrees);
    }
    let mut breakdown = Breakdown::new(options.by.clone());
    for spent in &mut spending {
        breakdown.add(&spent?)?;
    }
    tell_beginning(&spending);
    let names = names(data, &configured.keys);
    if let Some(record) = spending.nameless_before().filter(|_| options.by.contains(&By::Key) && !names.is_empty()) {
        tracing::warn!(
            "record {record} says that the key of pseudonyms was destroyed; callers before it stay pseudonyms, and are \
             rows of their own"
        );
    }
    let commitments = || commitments::spent(data, &configured.commitments, span);
    match options.format {
        Format::Table => {
            let commitments = commitments()?;
            told::table(&breakdown, &names, out)?;
            commitments::table(&commitments, out)?;
        }
        Format::Csv => told::csv(&breakdown, &names, out)?,
        Format::Json => {
            let commitments = options.config.is_some().then(commitments).transpose()?;
            told::json(&breakdown, &names, commitments.as_deref(), out)?;
        }
    }
    Ok(true)
}

/// Says where sums begin, if that is not with the first record of all, and which calls they are without.
pub(crate) fn tell_beginning(spending: &Spending<'_>) {
    if let Some(first) = spending.first_record().filter(|first| *first > 0) {
        tracing::warn!("records before {first} were pruned; sums begin there");
    }
    match spending.beginless() {
        0 => {}
        calls => tracing::warn!("{calls} calls that ended since then began before it, and are in no sum"),
    }
}

/// Names of keys by their pseudonyms.
type Names = BTreeMap<String, String>;

fn names(data: &Path, keys: &[String]) -> Names {
    let Some(pseudonyms) = pseudonyms_of(data) else { return Names::new() };
    keys.iter().map(|key| (pseudonyms.of_caller(key).to_string(), key.clone())).collect()
}
