//! A provider's export, read and summed.

use super::column::{Column, Columns, currency_of};
use super::value::{self, shown};
use super::{Key, Sums};
use crate::spent::Span;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};
use switchtower_domain::{Amount, Currency, MoneyError};

/// The longest line of names that is looked at for what separates them.
const HEAD_BYTES_MAX: u64 = 1 << 20;
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// How an export is read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reading {
    /// Which column says what.
    pub columns: Columns,
    /// The currency of costs beside which none stands.
    pub currency: Option<Currency>,
    /// The days whose rows count, where rows have days.
    pub span: Span,
}

/// An export that cannot be laid beside the ledger.
#[derive(Debug, thiserror::Error)]
pub enum BillError {
    /// It is no list of comma-separated values.
    #[error("it cannot be read: {0}")]
    Csv(#[from] csv::Error),
    /// A column was named that says nothing which is compared.
    #[error("'{0}' names no column: write what it says and its name, as in 'model=Model name'; what can be said: {known}, and ignore", known = Column::ALL.map(Column::as_str).join(", "))]
    Unknown(String),
    /// A column was named that it does not have.
    #[error("it has no column '{}'", shown(.0))]
    Missing(String),
    /// A column was named whose name two have.
    #[error("two columns are called '{}': give one of them another name in the file", shown(.0))]
    Twice(String),
    /// More than one column may say what it cost.
    #[error("several columns may say what it cost ({}): say which one with --columns, as in 'cost=NAME'", shown(.0))]
    SeveralCosts(String),
    /// A column may say what it cost, and it is not known whether it does.
    #[error("column '{name}' may say what it cost: say so with --columns 'cost={name}', or that it does not with 'ignore={name}'", name = shown(.0))]
    MayBeCost(String),
    /// A row could be compared with several currencies.
    #[error("'{}' costs something in several currencies, and the bill does not say in which one: give --currency", shown(.0))]
    SeveralCurrencies(String),
    /// The counts of the rows that belong together are more than a count can be.
    #[error("line {line}: the sum of what column '{}' counts is too large", shown(.column))]
    Overflow {
        /// The line with which it is.
        line: u64,
        /// The column.
        column: String,
    },
    /// It cannot be read.
    #[error("it cannot be read: {0}")]
    Input(#[from] std::io::Error),
    /// There is nothing to compare.
    #[error("no column says how many requests or tokens there were, or what they cost; name one as in 'cost=Amount'")]
    Nothing,
    /// A value is none.
    #[error("line {line}, column '{}': '{}' {expected}", shown(.column), shown(.value))]
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

/// The service of a row that is of moving bytes, by the words of FOCUS.
const MOVING_BYTES: &str = "Networking";

/// What a provider exported.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bill {
    columns: Vec<Column>,
    /// Which column says what, by its name.
    used: Vec<(Column, String)>,
    unused: Vec<String>,
    apart: u64,
    pub(super) rows: BTreeMap<Key, Sums<Option<Currency>>>,
    rounded: u64,
}

impl Bill {
    /// Reads an export: values separated by commas, or by semicolons where the line of names has those, and rows as long as
    /// that line.
    ///
    /// # Errors
    /// [`BillError`] names what cannot be read.
    pub fn read(file: impl Read, reading: &Reading) -> Result<Self, BillError> {
        let mut file = BufReader::new(file);
        let mut names = Vec::new();
        file.by_ref().take(HEAD_BYTES_MAX).read_until(b'\n', &mut names)?;
        let names = names.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&names);
        let mut csv = csv::ReaderBuilder::new()
            .flexible(false)
            .delimiter(separator(names))
            .trim(csv::Trim::All)
            .from_reader(names.chain(file));
        let head = csv.headers()?.clone();
        let places = reading.columns.places(&head)?;
        let called = |at: usize| shown(head.get(at).unwrap_or_default());
        let is_unused = |at: &usize| places.iter().all(|(_, place)| place != at);
        let mut bill = Self {
            columns: places.iter().map(|(column, _)| *column).collect(),
            used: places.iter().map(|(column, at)| (*column, called(*at))).collect(),
            unused: (0..head.len()).filter(is_unused).map(called).collect(),
            ..Self::default()
        };
        bill.used.sort_unstable();
        bill.columns.sort_unstable();
        bill.columns.dedup();
        let table = Table { head, places, reading };
        for record in csv.records() {
            table.add(&record?, &mut bill)?;
        }
        Ok(bill)
    }

    pub(super) fn has(&self, column: Column) -> bool {
        self.columns.contains(&column)
    }

    /// What it says and is compared.
    pub(super) fn counted(&self) -> impl Iterator<Item = Column> {
        self.columns.iter().copied().filter(|column| column.is_summed() && *column != Column::Cost)
    }

    /// Which of its columns say what, by their names.
    pub fn used(&self) -> &[(Column, String)] {
        &self.used
    }

    /// The names of its columns that were not read.
    pub fn unused(&self) -> &[String] {
        &self.unused
    }

    /// How many of its rows are of moving bytes, which stands apart in the ledger and is not compared.
    pub const fn apart(&self) -> u64 {
        self.apart
    }

    /// How many of its amounts have more decimals than an amount, and were rounded to the nearest, or the even one of two.
    pub const fn rounded(&self) -> u64 {
        self.rounded
    }
}

/// What separates the names of a line, by which of the two is there more often outside of quotes.
fn separator(names: &[u8]) -> u8 {
    let (mut commas, mut semicolons, mut quoted) = (0_usize, 0_usize, false);
    for byte in names {
        match byte {
            b'"' => quoted = !quoted,
            b',' if !quoted => commas += 1,
            b';' if !quoted => semicolons += 1,
            _ => {}
        }
    }
    if semicolons > commas { b';' } else { b',' }
}

/// The rows of an export, by what their columns say.
struct Table<'a> {
    head: csv::StringRecord,
    places: Vec<(Column, usize)>,
    reading: &'a Reading,
}

impl Table<'_> {
    /// Adds a row, unless it belongs to a day that does not count.
    fn add(&self, record: &csv::StringRecord, bill: &mut Bill) -> Result<(), BillError> {
        // Spreadsheets write lines that have nothing.
        if record.iter().all(str::is_empty) {
            return Ok(());
        }
        let line = record.position().map_or(0, csv::Position::line);
        let cells = self.places.iter().filter_map(|(column, at)| Some((*column, *at, record.get(*at)?)));
        let cells: Vec<_> = cells.filter(|(.., text)| !text.is_empty()).collect();
        let name = |at: usize| self.head.get(at).unwrap_or_default().to_owned();
        let wrong = |(at, text): (usize, &str), expected| BillError::Value {
            line,
            column: name(at),
            value: text.to_owned(),
            expected,
        };
        let (mut key, mut stated, mut is_apart) = (Key::default(), None, false);
        for (column, at, text) in &cells {
            match column {
                Column::Request => key.request = Some((*text).to_owned()),
                Column::Model => key.model = Some((*text).to_owned()),
                Column::Day => {
                    key.day = Some(value::day(text).ok_or_else(|| wrong((*at, text), "is no day such as 2026-11-21"))?);
                }
                Column::Service => is_apart = text.eq_ignore_ascii_case(MOVING_BYTES),
                Column::Currency => {
                    let currency = Currency::new(&text.to_ascii_uppercase());
                    stated = Some(currency.map_err(|_| wrong((*at, text), "is no code of a currency such as EUR"))?);
                }
                _ => {}
            }
        }
        if key.day.is_some_and(|day| !self.reading.span.has_day(day)) {
            return Ok(());
        }
        if is_apart {
            bill.apart += 1;
            return Ok(());
        }
        // A request says more than its day and model do.
        if key.request.is_some() {
            key = Key { request: key.request, ..Key::default() };
        }
        let sums = bill.rows.entry(key).or_default();
        // What nobody states is not nothing.
        let has_cost = cells.iter().any(|(column, ..)| *column == Column::Cost);
        sums.unknown += u64::from(bill.columns.contains(&Column::Cost) && !has_cost);
        for (column, at, text) in cells.into_iter().filter(|(column, ..)| column.is_summed()) {
            if column == Column::Cost {
                let written = value::amount(text).ok_or_else(|| wrong((at, text), "is no amount such as 12.5"))?;
                bill.rounded += u64::from(written.rounded);
                if let (Some(stated), Some(beside)) = (stated, written.currency)
                    && stated != beside
                    && !written.is_dollar
                {
                    return Err(wrong((at, text), "is in another currency than its row says"));
                }
                let named = stated.or(written.currency).or_else(|| currency_of(&name(at))).or(self.reading.currency);
                sums.charge(named, written.amount)?;
                continue;
            }
            let number = value::whole(text).ok_or_else(|| wrong((at, text), "is no whole number that is clear"))?;
            let sum = sums.counts.entry(column).or_default();
            *sum = sum.checked_add(number).ok_or_else(|| BillError::Overflow { line, column: name(at) })?;
        }
        Ok(())
    }
}

impl<C: Ord + Copy> Sums<C> {
    /// Adds what something cost in a currency.
    ///
    /// # Errors
    /// [`MoneyError::Overflow`].
    pub(super) fn charge(&mut self, currency: C, amount: Amount) -> Result<(), MoneyError> {
        let sum = self.cost.entry(currency).or_insert(Amount::ZERO);
        *sum = sum.checked_add(amount)?;
        Ok(())
    }
}
