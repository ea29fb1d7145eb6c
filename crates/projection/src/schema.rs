//! Tables and columns: written once, told to each engine in its own words.
//!
//! Every row is found by the log that it is from and the number of its record, so that a database holds the ledgers of
//! several replicas, and a row that comes twice is there once.

/// Counted up whenever a table changes: what is there by another version is made again.
pub(crate) const VERSION: i64 = 2;

/// A table.
#[derive(Debug)]
pub struct Table {
    /// Its name.
    pub name: &'static str,
    /// What a row of it is.
    pub about: &'static str,
    /// How many of the first columns find a row.
    pub key: usize,
    /// Its columns.
    pub columns: &'static [Column],
    /// Columns that rows are looked for by.
    pub looked_up: &'static [&'static str],
}

/// A column.
#[derive(Debug)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// What its values are.
    pub holds: Holds,
}

/// What the values of a column are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holds {
    /// A text.
    Text,
    /// A whole number.
    Number,
    /// Yes or no.
    Flag,
    /// A moment: with a time zone in PostgreSQL, microseconds since 1970 in SQLite.
    Moment,
    /// An exact amount: NUMERIC in PostgreSQL. SQLite has no exact decimals: there it is the decimal text, and beside it three whole numbers, `…_units`,
    /// `…_nanos` and `…_attos`, for units + nanos·10⁻⁹ + attos·10⁻¹⁸. Sums of each are exact for nine thousand million rows.
    Money,
}

impl Holds {
    /// The word in documents.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Number => "number",
            Self::Flag => "flag",
            Self::Moment => "moment",
            Self::Money => "money",
        }
    }
}

/// A query with a name.
#[derive(Debug)]
pub struct View {
    /// Its name.
    pub name: &'static str,
    /// What a row of it is.
    pub about: &'static str,
    /// The query, which both engines understand.
    pub query: &'static str,
}

macro_rules! table {
    ($name:ident: $about:literal, key $key:literal, by [$($by:literal),*], $($holds:ident { $($column:ident),* })*) => {
        Table {
            name: stringify!($name),
            about: $about,
            key: $key,
            columns: &[$($(Column { name: stringify!($column), holds: Holds::$holds },)*)*],
            looked_up: &[$($by),*],
        }
    };
}

/// Every table. The first column is the log and the second the number of the record.
pub const TABLES: &[Table] = &[OPENS, ENDS, ATTEMPTS, CHARGES, REFUSALS, HOUSE];

pub(crate) const OPENS: Table = table! {
    opens: "The beginning of a call", key 2, by ["request", "at"],
    Text { log } Number { record } Moment { at }
    Text { request, caller, tenant, team, use_case, client, operation, asked, deployment, provider, region, model }
    Text { spoken, carriage }
    Flag { streamed } Number { bytes_in, output_max } Flag { kept_by_provider }
};

pub(crate) const ENDS: Table = table! {
    ends: "The end of a call", key 2, by ["opened", "request", "at"],
    Text { log } Number { record } Moment { at } Number { opened }
    Text { request, outcome } Number { status } Text { code, answered_by, stop }
    Number { first_us, gap_p50_us, gap_p99_us, total_us, bytes_out }
    Number { input, cache_read, cache_write, output, reasoning } Text { estimated, cost_status }
};

pub(crate) const ATTEMPTS: Table = table! {
    attempts: "An attempt at a provider", key 3, by [],
    Text { log } Number { record, number }
    Text { deployment, provider, failure } Number { status, began_us, head_us, ended_us } Text { provider_request_id }
    Number { input, cache_read, cache_write, output, reasoning } Text { estimated }
    Number { bytes_sent, bytes_received } Text { cost_status, cost_reasons } Money { reported } Text { reported_currency }
};

pub(crate) const CHARGES: Table = table! {
    charges: "One thing that was charged for; the attempt is 0 where a call has none", key 5, by [],
    Text { log } Number { record, attempt } Text { payee } Number { line }
    Text { charge } Number { quantity } Money { rate } Text { per } Money { amount } Text { currency, status, row }
    Money { list }
};

pub(crate) const REFUSALS: Table = table! {
    refusals: "A request that was refused before anything was sent", key 2, by ["request", "at"],
    Text { log } Number { record } Moment { at }
    Text { request, caller, tenant, team, use_case, client, operation, code } Number { status } Text { deployment }
};

pub(crate) const HOUSE: Table = table! {
    house: "Any other entry, as JSON; without the content that digests stand for", key 2, by ["kind"],
    Text { log } Number { record } Moment { at } Text { kind, entry }
};

/// Queries with names.
pub const VIEWS: &[View] = &[View {
    name: "calls",
    about: "A call from its beginning to its end; what has not ended yet has no end",
    query: "SELECT o.log, o.record AS opened, e.record AS closed, o.request, o.at AS began_at, e.at AS ended_at, o.caller, o.tenant, o.team, o.use_case, o.client, o.operation, \
            o.asked, o.deployment, o.provider, o.region, o.model, o.spoken, o.carriage, o.streamed, o.bytes_in, e.outcome, e.status, e.code, e.answered_by, \
            e.stop, e.first_us, e.gap_p50_us, e.gap_p99_us, e.total_us, e.bytes_out, e.input, e.cache_read, e.cache_write, e.output, e.reasoning, e.estimated, \
            e.cost_status FROM opens o LEFT JOIN ends e ON e.log = o.log AND e.opened = o.record",
}];

impl Table {
    /// The place of a column.
    pub(crate) fn place(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_indexes_are_columns_and_names_are_given_once() {
        for table in TABLES {
            assert_eq!((table.columns[0].name, table.columns[1].name), ("log", "record"), "{}", table.name);
            assert!(table.key >= 2 && table.key <= table.columns.len());
            assert!(table.looked_up.iter().all(|name| table.place(name).is_some()), "{}", table.name);
            for (at, column) in table.columns.iter().enumerate() {
                assert!(table.columns.iter().skip(at + 1).all(|other| other.name != column.name), "{}", column.name);
            }
        }
    }
}
