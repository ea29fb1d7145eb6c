//! Rounds of figures, their medians, their ratios to nginx, and how they are shown.

use std::collections::BTreeMap;
use std::fmt;

use anyhow::Result;
use serde_json::{Map, Value, json};

use super::scenario::Plan;
use super::subject::Subject;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    Count,
    Microseconds,
    Kilobytes,
    Megabytes,
}

#[derive(Debug)]
pub(super) struct Column {
    name: &'static str,
    unit: Unit,
    /// The column from which the base line of the same round is taken off.
    added_to: Option<usize>,
    /// Whether the ratio to nginx means something.
    compared: bool,
}

impl Column {
    pub(super) fn measured(name: &'static str, unit: Unit) -> Self {
        Self { name, unit, added_to: None, compared: true }
    }

    /// Shown without a ratio.
    pub(super) fn plain(name: &'static str, unit: Unit) -> Self {
        Self { name, unit, added_to: None, compared: false }
    }

    /// What a subject adds to the base line in a measured column.
    pub(super) fn added(name: &'static str, column: usize) -> Self {
        Self { name, unit: Unit::Microseconds, added_to: Some(column), compared: true }
    }
}

/// The figures of one scenario.
#[derive(Debug)]
pub(super) struct Table {
    title: String,
    columns: Vec<Column>,
    /// For each round, the values of the columns that are measured.
    rounds: BTreeMap<Subject, Vec<Vec<Option<f64>>>>,
}

impl Table {
    pub(super) fn new(title: String, columns: Vec<Column>) -> Self {
        Self { title, columns, rounds: BTreeMap::new() }
    }

    /// Adds a round: one value for each column that is not derived.
    pub(super) fn add(&mut self, subject: Subject, measured: Vec<Option<f64>>) {
        self.rounds.entry(subject).or_default().push(measured);
    }

    /// The values of a column, round by round.
    fn values(&self, subject: Subject, column: usize) -> Vec<f64> {
        let Some(described) = self.columns.get(column) else {
            return Vec::new();
        };
        let own = self.measured(subject, described.added_to.unwrap_or(column));
        let values = own.into_iter();
        if described.added_to.is_none() {
            return values.flatten().collect();
        }
        if subject == Subject::Direct {
            return Vec::new();
        }
        let base = self.measured(Subject::Direct, described.added_to.unwrap_or(column));
        values.zip(base).filter_map(|(value, base)| Some(value? - base?)).collect()
    }

    fn measured(&self, subject: Subject, column: usize) -> Vec<Option<f64>> {
        // Derived columns have no place in a round.
        let derived = self.columns.iter().take(column).filter(|column| column.added_to.is_some()).count();
        let rounds = self.rounds.get(&subject).into_iter().flatten();
        rounds.map(|round| round.get(column - derived).copied().flatten()).collect()
    }

    fn ratio(&self, subject: Subject, column: usize) -> Option<f64> {
        if !self.columns.get(column)?.compared || subject == Subject::Nginx {
            return None;
        }
        let reference = median(self.values(Subject::Nginx, column))?;
        let own = median(self.values(subject, column))?;
        (reference > 0.0).then_some(own / reference)
    }

    fn cell(&self, subject: Subject, column: usize) -> String {
        let unit = self.columns.get(column).map_or(Unit::Count, |column| column.unit);
        let Some(value) = median(self.values(subject, column)) else {
            return "–".to_owned();
        };
        match self.ratio(subject, column) {
            Some(ratio) => format!("{} ({ratio:.2}×)", shown(value, unit)),
            None => shown(value, unit),
        }
    }

    fn json(&self) -> Value {
        let subjects = self.rounds.keys().map(|subject| {
            let figures = self.columns.iter().enumerate().map(|(index, column)| {
                let values = self.values(*subject, index);
                let figure = json!({
                    "median": median(values.clone()),
                    "ratio_to_nginx": self.ratio(*subject, index),
                    "rounds": values,
                });
                (column.name.to_owned(), figure)
            });
            (subject.name().to_owned(), Value::Object(figures.collect()))
        });
        let units: Map<_, _> =
            self.columns.iter().map(|column| (column.name.to_owned(), json!(unit_in_json(column.unit)))).collect();
        json!({ "title": self.title, "units": units, "subjects": Value::Object(subjects.collect()) })
    }
}

impl fmt::Display for Table {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rows = vec![
            std::iter::once("")
                .chain(self.columns.iter().map(|column| column.name))
                .map(str::to_owned)
                .collect::<Vec<_>>(),
        ];
        for subject in self.rounds.keys() {
            let cells = (0..self.columns.len()).map(|column| self.cell(*subject, column));
            rows.push(std::iter::once(subject.name().to_owned()).chain(cells).collect());
        }
        let widths: Vec<_> = (0..=self.columns.len())
            .map(|column| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max())
            .map(Option::unwrap_or_default)
            .collect();
        write!(formatter, "{}", self.title)?;
        for row in &rows {
            formatter.write_str("\n ")?;
            for (index, (cell, width)) in row.iter().zip(&widths).enumerate() {
                let width = *width;
                if index == 0 {
                    write!(formatter, " {cell:<width$}")?;
                } else {
                    write!(formatter, "   {cell:>width$}")?;
                }
            }
        }
        Ok(())
    }
}

/// Every round of every table.
pub(super) fn json(tables: &[Table], plan: &Plan) -> Result<String> {
    let scenarios: Vec<_> = tables.iter().map(Table::json).collect();
    let document = json!({
        "seconds": plan.seconds,
        "rounds": plan.rounds,
        "rate": plan.rate,
        "connections": plan.connections,
        "streams": plan.streams,
        "scenarios": scenarios,
    });
    Ok(serde_json::to_string_pretty(&document)?)
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len() % 2 == 1 {
        return values.get(middle).copied();
    }
    Some(f64::midpoint(*values.get(middle.checked_sub(1)?)?, *values.get(middle)?))
}

fn shown(value: f64, unit: Unit) -> String {
    match unit {
        Unit::Count => format!("{value:.0}"),
        Unit::Microseconds => format!("{value:.1} µs"),
        Unit::Kilobytes => format!("{:.1} kB", value / 1000.0),
        Unit::Megabytes => format!("{:.1} MB", value / 1e6),
    }
}

/// Memory is kept in bytes and only shown in larger units.
fn unit_in_json(unit: Unit) -> &'static str {
    match unit {
        Unit::Count => "1",
        Unit::Microseconds => "us",
        Unit::Kilobytes | Unit::Megabytes => "bytes",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let columns = vec![
            Column::plain("p50", Unit::Microseconds),
            Column::added("added p50", 0),
            Column::measured("CPU", Unit::Microseconds),
        ];
        let mut table = Table::new("Title".to_owned(), columns);
        for drift in [0.0, 50.0, 1000.0] {
            table.add(Subject::Direct, vec![Some(100.0 + drift), None]);
            table.add(Subject::Nginx, vec![Some(140.0 + drift), Some(20.0)]);
            table.add(Subject::Forward, vec![Some(150.0 + drift), Some(25.0)]);
        }
        table
    }

    #[test]
    fn added_is_the_distance_within_a_round() {
        assert_eq!(table().values(Subject::Nginx, 1), [40.0, 40.0, 40.0]);
        assert_eq!(table().values(Subject::Direct, 1), [0.0; 0]);
    }

    #[test]
    fn a_table_is_aligned_and_shows_ratios() {
        assert_eq!(
            table().to_string(),
            "Title\n                 p50         added p50               CPU\
             \n  direct    150.0 µs                 –                 –\
             \n  nginx     190.0 µs           40.0 µs           20.0 µs\
             \n  forward   200.0 µs   50.0 µs (1.25×)   25.0 µs (1.25×)"
        );
    }

    #[test]
    fn medians() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(vec![4.0, 1.0, 2.0, 3.0]), Some(2.5));
        assert_eq!(median(Vec::new()), None);
    }
}
