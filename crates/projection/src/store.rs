//! What a database has to do for a projection.

use crate::rows::Row;
use std::future::Future;

/// How far a log is in a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The number of the next record.
    pub next: u64,
    /// The SHA-256 of the record before it, in hexadecimal digits: what the store was made from.
    pub last: String,
}

/// Why a store did not do it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database says no, or nothing.
    #[error("the database of the projection: {0}")]
    Database(#[from] sqlx::Error),
    /// Somebody else brought records of the same log meanwhile, or removed them.
    #[error("the tables were changed by somebody else meanwhile; they are looked at again")]
    Moved,
    /// Its address is none.
    #[error("the address of the database cannot be read; write it as postgresql://user:password@host:5432/name")]
    Address,
}

/// A database that holds the tables. All that a call does is one transaction.
pub trait Store: Send + Sync {
    /// Makes the tables that are missing. Where they are of another version they are made again, empty.
    fn prepare(&self) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// How far a log is in it; nothing where it has none of it.
    fn place(&self, log: &str) -> impl Future<Output = Result<Option<Place>, StoreError>> + Send;

    /// Writes rows, and how far the log is with them, where it was as far as `before` says. Rows that are there already stay
    /// as they are.
    ///
    /// # Errors
    /// [`StoreError::Moved`] where it was not; then nothing is written.
    fn write(
        &self,
        log: &str,
        rows: &[Row],
        before: u64,
        place: &Place,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Removes everything of a log.
    fn clear(&self, log: &str) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// Rows of one table that come one after the other, in pieces of so many values at most.
pub(crate) fn pieces(rows: &[Row], values_max: usize) -> impl Iterator<Item = &[Row]> {
    rows.chunk_by(|one, other| one.table == other.table).flat_map(move |same| {
        let width = same.first().map_or(1, |row| row.values.len().max(1));
        same.chunks((values_max / width).max(1))
    })
}
