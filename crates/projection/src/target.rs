//! Whether and where the ledger of a gateway is kept in tables.

use crate::Postgres;

/// Whether and where the ledger of a gateway is kept in tables as well.
#[derive(Debug, Clone)]
pub enum Target {
    /// It is not.
    Nowhere,
    /// In a file beside it.
    Sqlite,
    /// In a database of its own.
    Postgresql(Postgres),
}
