//! An entry as rows.

use crate::schema::{ATTEMPTS, CHARGES, ENDS, HOUSE, OPENS, REFUSALS, Table};
use std::fmt::Display;
use switchtower_ledger::record::{Attempt, Body, Closed, Costs, Counts, Entry, Opened, Refused};

/// A row of a table, with a value for each of its columns.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    pub(crate) table: &'static Table,
    pub(crate) values: Vec<Value>,
}

impl PartialEq for Table {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

/// A value of a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value {
    /// Nothing is said.
    Unsaid,
    /// A text, or the decimal text of an amount.
    Text(String),
    /// A whole number.
    Number(i64),
    /// Yes or no.
    Flag(bool),
    /// Microseconds since 1970.
    Moment(i64),
}

/// Fills the columns of one row by their names, so that a column and its value cannot be told apart wrongly.
struct Filling {
    table: &'static Table,
    values: Vec<Value>,
}

impl Filling {
    fn of(table: &'static Table, log: &str, record: u64) -> Self {
        Self { table, values: vec![Value::Unsaid; table.columns.len()] }.text("log", log).number("record", Some(record))
    }

    fn set(mut self, column: &str, value: Value) -> Self {
        debug_assert!(self.table.place(column).is_some(), "{} has no column {column}", self.table.name);
        if let Some(place) = self.table.place(column).and_then(|at| self.values.get_mut(at)) {
            *place = value;
        }
        self
    }

    fn text(self, column: &str, text: impl Display) -> Self {
        self.set(column, Value::Text(text.to_string()))
    }

    fn maybe(self, column: &str, text: Option<impl Display>) -> Self {
        match text {
            Some(text) => self.text(column, text),
            None => self,
        }
    }

    fn number(self, column: &str, number: Option<u64>) -> Self {
        match number {
            // What no signed number holds is told as the largest one.
            Some(number) => self.set(column, Value::Number(i64::try_from(number).unwrap_or(i64::MAX))),
            None => self,
        }
    }

    fn flag(self, column: &str, flag: bool) -> Self {
        self.set(column, Value::Flag(flag))
    }

    fn at(self, at_us: u64) -> Self {
        self.set("at", Value::Moment(i64::try_from(at_us).unwrap_or(i64::MAX)))
    }

    fn counts(self, counts: Option<&Counts>) -> Self {
        let Some(counts) = counts else { return self };
        self.number("input", counts.input)
            .number("cache_read", counts.cache_read)
            .number("cache_write", counts.cache_write)
            .number("output", counts.output)
            .number("reasoning", counts.reasoning)
            .maybe("estimated", counts.estimated.as_ref())
    }

    fn row(self) -> Row {
        Row { table: self.table, values: self.values }
    }
}

/// The rows of an entry.
pub(crate) fn of(log: &str, record: u64, entry: &Entry) -> Vec<Row> {
    match &entry.body {
        Body::Opened(opened) => vec![opens(log, record, entry.at_us, opened)],
        Body::Closed(closed) => ends(log, record, entry.at_us, closed),
        Body::Refused(refused) => vec![refusal(log, record, entry.at_us, refused)],
        // Large, and of no use in a table.
        Body::Content(_) => Vec::new(),
        other => {
            let told = serde_json::to_string(&entry.to_json(record)).unwrap_or_default();
            vec![Filling::of(&HOUSE, log, record).at(entry.at_us).text("kind", other.word()).text("entry", told).row()]
        }
    }
}

fn opens(log: &str, record: u64, at_us: u64, opened: &Opened) -> Row {
    Filling::of(&OPENS, log, record)
        .at(at_us)
        .text("request", opened.request)
        .maybe("caller", opened.caller)
        .text("tenant", &opened.tenant)
        .maybe("team", opened.team.as_ref())
        .maybe("use_case", opened.use_case.as_ref())
        .text("client", &opened.client)
        .text("operation", &opened.operation)
        .maybe("asked", opened.asked.as_ref())
        .text("deployment", &opened.deployment)
        .text("provider", &opened.provider)
        .maybe("region", opened.region.as_ref())
        .text("model", &opened.model)
        .text("spoken", &opened.spoken)
        .text("carriage", &opened.carriage)
        .flag("streamed", opened.streamed)
        .number("bytes_in", Some(opened.bytes_in))
        .number("output_max", opened.output_max)
        .flag("kept_by_provider", opened.kept_by_provider)
        .row()
}

fn ends(log: &str, record: u64, at_us: u64, closed: &Closed) -> Vec<Row> {
    let end = Filling::of(&ENDS, log, record)
        .at(at_us)
        .number("opened", Some(closed.opened))
        .text("request", closed.request)
        .text("outcome", &closed.outcome)
        .number("status", Some(closed.status.into()))
        .maybe("code", closed.code.as_ref())
        .maybe("answered_by", closed.model.as_ref())
        .maybe("stop", closed.stop.as_ref())
        .number("first_us", closed.first_us)
        .number("gap_p50_us", closed.gap_p50_us)
        .number("gap_p99_us", closed.gap_p99_us)
        .number("total_us", Some(closed.total_us))
        .number("bytes_out", Some(closed.bytes_out))
        .counts(closed.usage.as_ref())
        .maybe("cost_status", closed.cost.as_ref().map(|cost| &cost.status));
    let mut rows = vec![end.row()];
    if closed.attempts.is_empty() {
        rows.extend(charges(log, record, 0, "provider", closed.cost.as_ref()));
    }
    for (number, attempt) in (1..).zip(&closed.attempts) {
        rows.push(attempted(log, record, number, attempt));
        rows.extend(charges(log, record, number, "provider", attempt.cost.as_ref()));
        rows.extend(charges(log, record, number, "egress", attempt.egress.as_ref()));
    }
    rows
}

fn attempted(log: &str, record: u64, number: u64, attempt: &Attempt) -> Row {
    let reasons = attempt.cost.as_ref().map(|cost| cost.reasons.join(", ")).filter(|reasons| !reasons.is_empty());
    Filling::of(&ATTEMPTS, log, record)
        .number("number", Some(number))
        .text("deployment", &attempt.deployment)
        .text("provider", &attempt.provider)
        .maybe("failure", attempt.failure.as_ref())
        .number("status", attempt.status.map(u64::from))
        .number("began_us", Some(attempt.began_us))
        .number("head_us", attempt.head_us)
        .number("ended_us", Some(attempt.ended_us))
        .maybe("provider_request_id", attempt.provider_request_id.as_ref())
        .counts(attempt.usage.as_ref())
        .number("bytes_sent", Some(attempt.bytes_sent))
        .number("bytes_received", Some(attempt.bytes_received))
        .maybe("cost_status", attempt.cost.as_ref().map(|cost| &cost.status))
        .maybe("cost_reasons", reasons)
        .maybe("reported", attempt.reported.as_ref().map(|sum| &sum.amount))
        .maybe("reported_currency", attempt.reported.as_ref().map(|sum| &sum.currency))
        .row()
}

fn charges(log: &str, record: u64, attempt: u64, payee: &'static str, costs: Option<&Costs>) -> Vec<Row> {
    let Some(costs) = costs else { return Vec::new() };
    let row = |(line, charged): (u64, &switchtower_ledger::record::CostLine)| {
        // A list price that nobody states is unsaid here; one that is the rate is that rate.
        let list =
            charged.list.as_ref().map_or(Some(&charged.rate), |list| Some(list).filter(|list| *list != "unknown"));
        Filling::of(&CHARGES, log, record)
            .number("attempt", Some(attempt))
            .text("payee", payee)
            .number("line", Some(line))
            .text("charge", &charged.charge)
            .number("quantity", Some(charged.quantity))
            .text("rate", &charged.rate)
            .text("per", &charged.per)
            .text("amount", &charged.amount)
            .text("currency", &charged.currency)
            .text("status", &costs.status)
            .text("row", &charged.row)
            .maybe("list", list)
            .row()
    };
    (1..).zip(&costs.lines).map(row).collect()
}

fn refusal(log: &str, record: u64, at_us: u64, refused: &Refused) -> Row {
    Filling::of(&REFUSALS, log, record)
        .at(at_us)
        .text("request", refused.request)
        .maybe("caller", refused.caller)
        .text("tenant", &refused.tenant)
        .maybe("team", refused.team.as_ref())
        .maybe("use_case", refused.use_case.as_ref())
        .text("client", &refused.client)
        .text("operation", &refused.operation)
        .text("code", &refused.code)
        .number("status", Some(refused.status.into()))
        .maybe("deployment", refused.deployment.as_ref())
        .row()
}
