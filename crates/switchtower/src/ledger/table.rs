//! Entries as rows of one table: a column for each field of any kind of entry.
//!
//! Values within entries have columns of their own, as `usage_input`; lists are JSON. Columns are only ever added, since
//! fields are.

use crate::spreadsheet;
use anyhow::Result;
use serde_json::{Map, Value};
use switchtower_ledger::record::{Entry, Field, KINDS, Shape};

/// As long a text as a cell of a spreadsheet holds. Source:
/// <https://support.microsoft.com/office/excel-specifications-and-limits-1672b34d-7043-467e-8e27-269d656771c3>
const CELL_BYTES_MAX: usize = 32_767;

/// A column of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) holds: Holds,
    /// Where the value stands in the JSON of an entry.
    path: Vec<&'static str>,
}

/// What the values of a column are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Holds {
    Text,
    Number,
    Flag,
    /// Microseconds since 1970.
    Moment,
}

/// A value of a row, if there is one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Cell {
    Nothing,
    Text(String),
    Number(i64),
    Flag(bool),
    /// Microseconds since 1970.
    Moment(i64),
}

/// Every column, in the order of kinds and fields.
pub(super) fn columns() -> Vec<Column> {
    let fixed = |name: &'static str, holds| Column { name: name.to_owned(), holds, path: vec![name] };
    let mut columns = vec![fixed("record", Holds::Number), fixed("at", Holds::Moment), fixed("kind", Holds::Text)];
    for kind in KINDS {
        add(&mut columns, &[], kind.fields);
    }
    // What nearly every call costs is one sum, to be added up.
    for (name, field) in [("cost_amount", "amount"), ("cost_currency", "currency")] {
        columns.push(Column { name: name.to_owned(), holds: Holds::Text, path: vec!["cost", "totals", field] });
    }
    columns
}

fn add(columns: &mut Vec<Column>, above: &[&'static str], fields: &[Field]) {
    for field in fields {
        let path: Vec<&'static str> = above.iter().copied().chain([field.name]).collect();
        let holds = match field.shape {
            Shape::Nested(fields) => {
                add(columns, &path, fields);
                continue;
            }
            Shape::Text | Shape::List => Holds::Text,
            Shape::Number => Holds::Number,
            Shape::Flag => Holds::Flag,
        };
        let name = path.join("_");
        match columns.iter_mut().find(|column| column.name == name) {
            // Kinds that call different things by one name share a column of texts.
            Some(column) if column.holds != holds => column.holds = Holds::Text,
            Some(_) => {}
            None => columns.push(Column { name, holds, path }),
        }
    }
}

/// An entry as a row of these columns.
///
/// # Errors
/// Where it cannot be told in JSON, which every entry can.
pub(super) fn row(columns: &[Column], record: u64, entry: &Entry) -> Result<Vec<Cell>> {
    let Value::Object(told) = serde_json::to_value(entry.to_json(record))? else { return Ok(Vec::new()) };
    Ok(columns.iter().map(|column| column.cell(&told, entry.at_us)).collect())
}

impl Column {
    fn cell(&self, told: &Map<String, Value>, at_us: u64) -> Cell {
        if self.holds == Holds::Moment {
            return Cell::Moment(i64::try_from(at_us).unwrap_or(i64::MAX));
        }
        let mut names = self.path.iter();
        let first = names.next().and_then(|name| told.get(*name));
        let found = names.fold(first, |found, name| only(found?)?.get(*name));
        match (found, self.holds) {
            (None | Some(Value::Null), _) => Cell::Nothing,
            (Some(Value::Bool(flag)), Holds::Flag) => Cell::Flag(*flag),
            (Some(value), Holds::Number) => {
                // Beyond what a signed number holds, the largest one stands for it.
                value.as_u64().map_or(Cell::Nothing, |number| Cell::Number(i64::try_from(number).unwrap_or(i64::MAX)))
            }
            (Some(Value::String(text)), _) => Cell::Text(text.clone()),
            (Some(other), _) => Cell::Text(other.to_string()),
        }
    }
}

/// The one element of a list, or what is no list.
fn only(value: &Value) -> Option<&Value> {
    match value {
        Value::Array(list) => list.first().filter(|_| list.len() == 1),
        other => Some(other),
    }
}

impl Cell {
    /// A number, or a moment as one.
    pub(super) const fn number(&self) -> Option<i64> {
        match self {
            Self::Number(number) | Self::Moment(number) => Some(*number),
            Self::Nothing | Self::Text(_) | Self::Flag(_) => None,
        }
    }

    /// A flag.
    pub(super) const fn flag(&self) -> Option<bool> {
        match self {
            Self::Flag(flag) => Some(*flag),
            Self::Nothing | Self::Text(_) | Self::Number(_) | Self::Moment(_) => None,
        }
    }

    /// The cell as comma-separated values have it: no text is a formula, and none is longer than a cell may be.
    pub(super) fn of_csv(&self) -> String {
        match self {
            Self::Text(text) if text.len() > CELL_BYTES_MAX => {
                format!("left out: {} bytes, which jsonl and parquet have", text.len())
            }
            Self::Text(text) => spreadsheet::text(text.clone()),
            Self::Nothing | Self::Number(_) | Self::Flag(_) | Self::Moment(_) => self.text(),
        }
    }

    /// The value as a text.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Nothing => String::new(),
            Self::Text(text) => text.clone(),
            Self::Number(number) => number.to_string(),
            Self::Flag(flag) => flag.to_string(),
            Self::Moment(at_us) => {
                jiff::Timestamp::from_microsecond(*at_us).map_or_else(|_| at_us.to_string(), |at| format!("{at:.6}"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use switchtower_ledger::record::{Closed, Content, Costs, Counts, RequestId, Stopped, Sum};

    fn sum(amount: &'static str) -> Sum {
        Sum { amount: amount.into(), currency: "EUR".into() }
    }

    #[test]
    fn names_are_given_once_and_values_have_columns() {
        let columns = columns();
        for (at, column) in columns.iter().enumerate() {
            assert!(columns.iter().skip(at + 1).all(|other| other.name != column.name), "{}", column.name);
        }
        let closed = Closed {
            request: RequestId([7; 16]),
            status: 200,
            usage: Some(Counts { input: Some(3), ..Counts::default() }),
            cost: Some(Costs { status: "exact".into(), totals: vec![sum("0.5")], ..Costs::default() }),
            attempts: vec![switchtower_ledger::record::Attempt::default()],
            ..Closed::default()
        };
        let entry = Entry { at_us: 1_764_500_000_000_000, body: closed.into() };
        let row = row(&columns, 4, &entry).unwrap();
        let cell = |name: &str| row[columns.iter().position(|column| column.name == name).unwrap()].clone();
        assert_eq!((cell("record"), cell("kind")), (Cell::Number(4), Cell::Text("closed".to_owned())));
        assert_eq!(cell("at").text(), "2025-11-30T10:53:20.000000Z");
        assert_eq!((cell("usage_input"), cell("usage_output")), (Cell::Number(3), Cell::Nothing));
        assert_eq!((cell("cost_status"), cell("status")), (Cell::Text("exact".to_owned()), Cell::Number(200)));
        assert!(cell("attempts").text().starts_with("[{"));
        assert_eq!(cell("request").text(), "07070707-0707-0707-0707-070707070707");
        assert_eq!((cell("cost_amount").text(), cell("cost_currency").text()), ("0.5".to_owned(), "EUR".to_owned()));
    }

    #[test]
    fn sums_of_two_currencies_are_none_and_long_texts_stay_out_of_cells() {
        let columns = columns();
        let cell = |entry: Entry, name: &str| {
            let at = columns.iter().position(|column| column.name == name).unwrap();
            row(&columns, 0, &entry).unwrap()[at].clone()
        };
        let cost = Some(Costs { totals: vec![sum("1"), sum("2")], ..Costs::default() });
        let closed = Entry { at_us: 1, body: Closed { cost, ..Closed::default() }.into() };
        assert_eq!(cell(closed, "cost_amount"), Cell::Nothing);
        let content = Entry { at_us: 1, body: Content { bytes: vec![200; 10_000], ..Content::default() }.into() };
        let bytes = cell(content, "bytes");
        assert_eq!(bytes.text().len(), 40_001);
        assert_eq!(bytes.of_csv(), "left out: 40001 bytes, which jsonl and parquet have");
    }

    #[test]
    fn every_field_that_an_entry_has_is_in_its_row() {
        let columns = columns();
        let entry = Entry { at_us: 1, body: Stopped { open: 5 }.into() };
        let filled: Vec<String> = row(&columns, 0, &entry)
            .unwrap()
            .iter()
            .zip(&columns)
            .filter(|(cell, _)| **cell != Cell::Nothing)
            .map(|(_, column)| column.name.clone())
            .collect();
        assert_eq!(filled, ["record", "at", "kind", "open"]);
    }
}
