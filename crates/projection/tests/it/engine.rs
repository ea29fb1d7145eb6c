//! The engines, as tests ask them.

use secrecy::SecretString;
use sqlx::{AssertSqlSafe, Connection as _, Row as _};
use std::path::{Path, PathBuf};
use switchtower_projection::{Place, Postgres, Sqlite, Store, StoreError};
use switchtower_testkit::{FaultPoints, PostgresServer};

/// A database of one engine.
pub(crate) trait Engine {
    type Store: Store + Clone + 'static;

    async fn store(&self) -> Self::Store;

    /// What a query finds, as texts.
    async fn asked(&self, query: &str) -> Vec<String>;

    /// How the sum of a column of money is asked for.
    fn sum(column: &str) -> String;
}

pub(crate) struct OfSqlite(pub(crate) PathBuf);

impl OfSqlite {
    pub(crate) fn in_folder(folder: &Path) -> Self {
        Self(folder.join("projection.db"))
    }
}

impl Engine for OfSqlite {
    type Store = Sqlite;

    async fn store(&self) -> Sqlite {
        Sqlite::at(&self.0)
    }

    async fn asked(&self, query: &str) -> Vec<String> {
        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&self.0).read_only(true);
        let mut connection = sqlx::SqliteConnection::connect_with(&options).await.unwrap();
        let rows = sqlx::query(AssertSqlSafe(query.to_owned())).fetch_all(&mut connection).await.unwrap();
        rows.iter().map(|row| row.get::<String, _>(0)).collect()
    }

    fn sum(column: &str) -> String {
        format!("sum({column}_units) || ' ' || sum({column}_nanos) || ' ' || sum({column}_attos)")
    }
}

impl Engine for PostgresServer {
    type Store = Postgres;

    async fn store(&self) -> Postgres {
        Postgres::at(&SecretString::from(self.address())).unwrap()
    }

    async fn asked(&self, query: &str) -> Vec<String> {
        let mut connection = sqlx::PgConnection::connect(&self.address()).await.unwrap();
        let rows = sqlx::query(AssertSqlSafe(query.to_owned())).fetch_all(&mut connection).await.unwrap();
        rows.iter().map(|row| row.get::<String, _>(0)).collect()
    }

    fn sum(column: &str) -> String {
        format!("CAST(sum({column}) AS TEXT)")
    }
}

/// A store whose steps can be made to fail: before they are done, or after, when nobody hears that they were.
#[derive(Debug, Clone)]
pub(crate) struct Faulty<S> {
    pub(crate) store: S,
    pub(crate) faults: FaultPoints,
}

impl<S: Store> Faulty<S> {
    fn step(&self) -> Result<(), StoreError> {
        self.faults.step().map_err(|error| StoreError::Database(sqlx::Error::Io(error)))
    }
}

impl<S: Store> Store for Faulty<S> {
    async fn prepare(&self) -> Result<(), StoreError> {
        self.step()?;
        self.store.prepare().await?;
        self.step()
    }

    async fn place(&self, log: &str) -> Result<Option<Place>, StoreError> {
        self.step()?;
        self.store.place(log).await
    }

    async fn write(
        &self,
        log: &str,
        rows: &[switchtower_projection::Row],
        before: u64,
        place: &Place,
    ) -> Result<(), StoreError> {
        self.step()?;
        self.store.write(log, rows, before, place).await?;
        self.step()
    }

    async fn clear(&self, log: &str) -> Result<(), StoreError> {
        self.step()?;
        self.store.clear(log).await
    }
}
