//! A provider's own export of usage or cost, laid beside what is on record.
//!
//! Both are summed over what the export tells apart: the request where it names one, or else the day and the model, as far
//! as it says them. Only what the export counts is compared. A difference is told and never explained away: days of
//! vendors may not be UTC's, and an estimate is no count.

use crate::spent::{Spent, day_of};
use jiff::civil::Date;
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::Read;
use switchtower_domain::{Amount, CostStatus, MoneyError};

/// What a column of an export can say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Column {
    /// The provider's id of the request.
    Request,
    /// The day.
    Day,
    /// The model.
    Model,
    /// How many requests.
    Requests,
    /// Tokens of prompts, those from and to a cache included.
    Input,
    /// Tokens of prompts without those from and to a cache.
    Uncached,
    /// Tokens that were read from a cache.
    CacheRead,
    /// Tokens that were written to a cache.
    CacheWrite,
    /// Tokens that were generated.
    Output,
    /// What it cost.
    Cost,
}

impl Column {
    const ALL: [Self; 10] = [
        Self::Request,
        Self::Day,
        Self::Model,
        Self::Requests,
        Self::Input,
        Self::Uncached,
        Self::CacheRead,
        Self::CacheWrite,
        Self::Output,
        Self::Cost,
    ];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Day => "day",
            Self::Model => "model",
            Self::Requests => "requests",
            Self::Input => "input",
            Self::Uncached => "uncached",
            Self::CacheRead => "cache_read",
            Self::CacheWrite => "cache_write",
            Self::Output => "output",
            Self::Cost => "cost",
        }
    }

    /// The names that vendors' exports have for it, in lower case with `_` for what is no letter or digit.
    const fn known_as(self) -> &'static [&'static str] {
        match self {
            Self::Request => &["request_id", "generation_id", "response_id"],
            Self::Day => &[
                "day",
                "date",
                "usage_date",
                "usage_date_utc",
                "start_time_iso",
                "start_time",
                "created_at",
                "chargeperiodstart",
                "lineitem_usagestartdate",
            ],
            Self::Model => &["model", "model_version", "model_permaslug", "snapshot_id", "model_id"],
            Self::Requests => &["requests", "num_model_requests", "n_requests", "request_count"],
            Self::Input => &["input_tokens", "prompt_tokens", "n_context_tokens_total", "tokens_prompt"],
            Self::Uncached => &["uncached_input_tokens", "usage_input_tokens_no_cache", "input_uncached_tokens"],
            Self::CacheRead => &[
                "cache_read",
                "cache_read_input_tokens",
                "input_cached_tokens",
                "usage_input_tokens_cache_read",
                "cached_tokens",
            ],
            Self::CacheWrite => &[
                "cache_write",
                "cache_creation_input_tokens",
                "usage_input_tokens_cache_write_5m",
                "usage_input_tokens_cache_write_1h",
            ],
            Self::Output => &[
                "output_tokens",
                "completion_tokens",
                "n_generated_tokens_total",
                "tokens_completion",
                "usage_output_tokens",
            ],
            Self::Cost => &["cost", "cost_usd", "amount", "amount_value", "cost_total", "billedcost", "total_cost"],
        }
    }

    /// Whether it is summed, and not told apart by.
    const fn is_summed(self) -> bool {
        !matches!(self, Self::Request | Self::Day | Self::Model)
    }
}

/// Columns by what they say, where that was said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Columns(Vec<(Column, String)>);

/// An export that cannot be laid beside the ledger.
#[derive(Debug, thiserror::Error)]
pub enum BillError {
    /// It is no list of comma-separated values.
    #[error("it cannot be read: {0}")]
    Csv(#[from] csv::Error),
    /// A column was named that says nothing which is compared.
    #[error("'{0}' names no column: write what it says and its name, as in 'model=Model name'; what can be said: {known}", known = Column::ALL.map(Column::as_str).join(", "))]
    Unknown(String),
    /// A column was named that it does not have.
    #[error("it has no column '{0}'")]
    Missing(String),
    /// There is nothing to compare.
    #[error("no column says how many requests or tokens there were, or what they cost; name one as in 'cost=Amount'")]
    Nothing,
    /// A value is none.
    #[error("line {line}, column '{column}': '{value}' {expected}")]
    Value {
        /// The line.
        line: u64,
        /// The column.
        column: String,
        /// What stands there.
        value: String,
        /// What should.
        expected: &'static str,
    },
    /// The sums are more than an amount can be.
    #[error(transparent)]
    Money(#[from] MoneyError),
}

impl Columns {
    /// Columns as they are named on a command line: `model=Model name`.
    ///
    /// # Errors
    /// [`BillError::Unknown`].
    pub fn named(written: &[String]) -> Result<Self, BillError> {
        let one = |text: &String| {
            let unknown = || BillError::Unknown(text.clone());
            let (what, name) = text.split_once('=').ok_or_else(unknown)?;
            let column = Column::ALL.into_iter().find(|column| column.as_str() == what.trim()).ok_or_else(unknown)?;
            Ok((column, name.trim().to_owned()))
        };
        written.iter().map(one).collect::<Result<_, _>>().map(Self)
    }

    /// Which column says what: as it was said, or else as its name says. Several may say the same, and are summed.
    fn places(&self, head: &csv::StringRecord) -> Result<Vec<(Column, usize)>, BillError> {
        let mut places = Vec::new();
        for (column, name) in &self.0 {
            let at = head.iter().position(|found| found.trim() == name);
            places.push((*column, at.ok_or_else(|| BillError::Missing(name.clone()))?));
        }
        for column in Column::ALL.into_iter().filter(|column| self.0.iter().all(|(said, _)| said != column)) {
            let says = |name: &str| column.known_as().contains(&plain(name).as_str());
            let mut found = head.iter().enumerate().filter(|(_, name)| says(name)).map(|(at, _)| (column, at));
            if column.is_summed() && column != Column::Cost {
                places.extend(found);
            } else {
                places.extend(found.next());
            }
        }
        if !places.iter().any(|(column, _)| column.is_summed()) {
            return Err(BillError::Nothing);
        }
        Ok(places)
    }
}

/// A name in lower case, with `_` for what is no letter or digit.
fn plain(name: &str) -> String {
    let letter = |letter: char| if letter.is_alphanumeric() { letter.to_ascii_lowercase() } else { '_' };
    name.trim().chars().map(letter).collect::<String>().trim_matches('_').to_owned()
}

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
        if parts.is_empty() { "all".to_owned() } else { parts.join(" ") }
    }
}

/// Sums of one side.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Sums {
    counts: BTreeMap<Column, u64>,
    cost: Option<Amount>,
    /// How many costs of the ledger are none that could be summed.
    unknown: u64,
    estimated: u64,
}

/// What a provider exported.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bill {
    columns: Vec<Column>,
    rows: BTreeMap<Key, Sums>,
}

impl Bill {
    /// Reads an export.
    ///
    /// # Errors
    /// [`BillError`] names what cannot be read.
    pub fn read(file: impl Read, named: &Columns) -> Result<Self, BillError> {
        let mut csv = csv::ReaderBuilder::new().flexible(true).trim(csv::Trim::All).from_reader(file);
        let head = csv.headers()?.clone();
        let places = named.places(&head)?;
        let mut bill = Self { columns: places.iter().map(|(column, _)| *column).collect(), rows: BTreeMap::new() };
        bill.columns.sort_unstable();
        bill.columns.dedup();
        for record in csv.records() {
            let record = record?;
            let line = record.position().map_or(0, csv::Position::line);
            let cells = places.iter().filter_map(|(column, at)| Some((*column, *at, record.get(*at)?)));
            let (mut key, mut sums) = (Key::default(), Sums::default());
            for (column, at, text) in cells.filter(|(.., text)| !text.is_empty()) {
                let wrong = |expected| BillError::Value {
                    line,
                    column: head.get(at).unwrap_or_default().to_owned(),
                    value: text.to_owned(),
                    expected,
                };
                match column {
                    Column::Request => key.request = Some(text.to_owned()),
                    Column::Model => key.model = Some(text.to_owned()),
                    Column::Day => key.day = Some(day(text).ok_or_else(|| wrong("is no day such as 2026-11-21"))?),
                    Column::Cost => {
                        let amount = amount(text).ok_or_else(|| wrong("is no amount such as 12.5"))?;
                        sums.cost = Some(sums.cost.unwrap_or_default().checked_add(amount)?);
                    }
                    count => {
                        let number = whole(text).ok_or_else(|| wrong("is no whole number"))?;
                        let sum = sums.counts.entry(count).or_default();
                        *sum = sum.saturating_add(number);
                    }
                }
            }
            // A request says more than its day and model do.
            if key.request.is_some() {
                key = Key { request: key.request, ..Key::default() };
            }
            bill.rows.entry(key).or_default().add(&sums)?;
        }
        Ok(bill)
    }

    fn has(&self, column: Column) -> bool {
        self.columns.contains(&column)
    }
}

impl Sums {
    fn add(&mut self, other: &Self) -> Result<(), MoneyError> {
        for (column, count) in &other.counts {
            let sum = self.counts.entry(*column).or_default();
            *sum = sum.saturating_add(*count);
        }
        if let Some(cost) = other.cost {
            self.cost = Some(self.cost.unwrap_or_default().checked_add(cost)?);
        }
        self.unknown += other.unknown;
        self.estimated += other.estimated;
        Ok(())
    }
}

/// A day, also with a time behind it, or as seconds since 1970.
fn day(text: &str) -> Option<Date> {
    if let Ok(seconds) = text.parse::<i64>() {
        return jiff::Timestamp::from_second(seconds).ok().map(|at| at.to_zoned(jiff::tz::TimeZone::UTC).date());
    }
    text.get(..10).and_then(|day| day.parse().ok())
}

fn whole(text: &str) -> Option<u64> {
    let digits = text
        .split_once('.')
        .map_or(text, |(whole, rest)| if rest.bytes().all(|digit| digit == b'0') { whole } else { text });
    digits.replace(',', "").parse().ok()
}

/// An amount, with the sign of a currency before it or its code behind it.
fn amount(text: &str) -> Option<Amount> {
    let text = text.trim_matches(|letter: char| letter.is_alphabetic() || matches!(letter, '$' | '€' | '£' | ' '));
    match text.parse() {
        Ok(amount) => Some(amount),
        // Spreadsheets write small amounts with an exponent.
        Err(_) => {
            let (digits, exponent) = text.split_once(['e', 'E'])?;
            Amount::parse_shifted(digits, exponent.parse().ok()?).ok()
        }
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
    ledger: BTreeMap<Key, Sums>,
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
        let lifetimes = usage.cache_write_5m.unwrap_or_default() + usage.cache_write_1h.unwrap_or_default();
        let written = usage.cache_write.unwrap_or(lifetimes);
        let mut sums = Sums {
            counts: BTreeMap::from([
                (Column::Requests, 1),
                (Column::Input, input),
                (Column::Uncached, input.saturating_sub(read).saturating_sub(written)),
                (Column::CacheRead, read),
                (Column::CacheWrite, written),
                (Column::Output, usage.output.unwrap_or_default()),
            ]),
            ..Sums::default()
        };
        match (cost.status(), cost.totals()) {
            (CostStatus::Unknown(_), _) => sums.unknown = 1,
            (status, [total]) => {
                sums.cost = Some(total.amount);
                sums.estimated = u64::from(!matches!(status, CostStatus::Exact));
            }
            (_, []) => sums.cost = Some(Amount::ZERO),
            // A bill has one currency; a cost of several is none of it.
            (_, _) => sums.unknown = 1,
        }
        self.ledger.entry(key).or_default().add(&sums)
    }

    /// How many rows of either side there are.
    pub fn rows(&self) -> usize {
        self.keys().len()
    }

    fn keys(&self) -> std::collections::BTreeSet<&Key> {
        self.bill.rows.keys().chain(self.ledger.keys()).collect()
    }

    /// Every difference, in the order of requests, days and models.
    pub fn differences(&self) -> Vec<Difference> {
        self.keys().into_iter().flat_map(|key| self.differences_of(key)).collect()
    }

    fn differences_of(&self, key: &Key) -> Vec<Difference> {
        let (bill, ledger) = (self.bill.rows.get(key), self.ledger.get(key));
        let what = key.told();
        let (Some(bill), Some(ledger)) = (bill, ledger) else {
            let word = |side: Option<&Sums>| side.map(|_| "there".to_owned());
            return vec![Difference { what, field: "row", bill: word(bill), ledger: word(ledger), less: None }];
        };
        let mut found = Vec::new();
        for column in self.bill.columns.iter().filter(|column| column.is_summed() && **column != Column::Cost) {
            let (theirs, ours) = (bill.counts.get(column).copied(), ledger.counts.get(column).copied());
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
            found.extend(cost_difference(what, bill, ledger));
        }
        found
    }
}

/// A cost that is unknown here is a difference, whatever the bill says; an estimate is marked as one.
fn cost_difference(what: String, bill: &Sums, ledger: &Sums) -> Option<Difference> {
    if ledger.unknown == 0 && bill.cost.unwrap_or_default() == ledger.cost.unwrap_or_default() {
        return None;
    }
    let mut ours = ledger.cost.map(|cost| cost.to_string());
    if ledger.unknown > 0 {
        ours = Some(format!("{} and {} unknown", ours.unwrap_or_else(|| "0".to_owned()), ledger.unknown));
    } else if ledger.estimated > 0 {
        ours = ours.map(|ours| format!("{ours}, {} estimated", ledger.estimated));
    }
    let less = bill.cost.zip(ledger.cost).filter(|_| ledger.unknown == 0);
    let less = less.and_then(|(theirs, ours)| theirs.checked_sub(ours).ok()).map(|less| less.to_string());
    Some(Difference { what, field: "cost", bill: bill.cost.map(|cost| cost.to_string()), ledger: ours, less })
}
