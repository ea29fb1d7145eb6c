//! PostgreSQL: a database for several machines.

use crate::rows::{Row, Value};
use crate::schema::{Holds, TABLES, Table, VERSION, VIEWS};
use crate::store::{Place, Store, StoreError, pieces};
use secrecy::{ExposeSecret as _, SecretString};
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::query_builder::Separated;
use sqlx::{AssertSqlSafe, QueryBuilder, Row as _};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::OnceCell;

/// As many values as PostgreSQL binds to a statement.
const VALUES_MAX: usize = 60_000;
/// How long is waited for a connection.
const CONNECT_MAX: Duration = Duration::from_secs(5);
/// How long a statement may take.
const STATEMENT_MAX: &str = "30s";
/// What keeps two who make the tables at once apart: a number of our own.
const LOCK: i64 = 0x5357_544f_5752;

/// A database with the tables, in the schema that the connection finds first. It is connected to when it is needed.
#[derive(Clone)]
pub struct Postgres {
    options: Box<PgConnectOptions>,
    pool: Arc<OnceCell<PgPool>>,
}

/// Its options have a password.
impl fmt::Debug for Postgres {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Postgres").finish_non_exhaustive()
    }
}

impl Postgres {
    /// A database by its address.
    ///
    /// # Errors
    /// [`StoreError::Address`] for what is none.
    pub fn at(address: &SecretString) -> Result<Self, StoreError> {
        let options: PgConnectOptions = address.expose_secret().trim().parse().map_err(|_| StoreError::Address)?;
        let options = options.application_name("switchtower").options([
            ("statement_timeout", STATEMENT_MAX),
            ("lock_timeout", STATEMENT_MAX),
            // What is there already is no news.
            ("client_min_messages", "warning"),
        ]);
        Ok(Self { options: Box::new(options), pool: Arc::default() })
    }

    /// The host that it is on, without what it is shown.
    pub fn host(&self) -> &str {
        self.options.get_host()
    }

    async fn pool(&self) -> Result<&PgPool, sqlx::Error> {
        let settings = || PgPoolOptions::new().max_connections(1).acquire_timeout(CONNECT_MAX);
        self.pool.get_or_try_init(|| settings().connect_with((*self.options).clone())).await
    }
}

impl Store for Postgres {
    async fn prepare(&self) -> Result<(), StoreError> {
        let mut transaction = self.pool().await?.begin().await?;
        sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(LOCK).execute(&mut *transaction).await?;
        let places = "CREATE TABLE IF NOT EXISTS projections (log TEXT PRIMARY KEY, next BIGINT NOT NULL, last TEXT NOT NULL, version BIGINT NOT NULL)";
        run(&mut transaction, places.to_owned()).await?;
        let other = sqlx::query("SELECT 1 FROM projections WHERE version <> $1 LIMIT 1").bind(VERSION);
        if other.fetch_optional(&mut *transaction).await?.is_some() {
            for view in VIEWS {
                run(&mut transaction, format!("DROP VIEW IF EXISTS {}", view.name)).await?;
            }
            for table in TABLES {
                run(&mut transaction, format!("DROP TABLE IF EXISTS {}", table.name)).await?;
            }
            run(&mut transaction, "DELETE FROM projections".to_owned()).await?;
        }
        for table in TABLES {
            run(&mut transaction, definition(table)).await?;
            for column in table.looked_up {
                let name = table.name;
                let index = format!("CREATE INDEX IF NOT EXISTS {name}_by_{column} ON {name} (log, \"{column}\")");
                run(&mut transaction, index).await?;
            }
        }
        for view in VIEWS {
            run(&mut transaction, format!("CREATE OR REPLACE VIEW {} AS {}", view.name, view.query)).await?;
        }
        Ok(transaction.commit().await?)
    }

    async fn place(&self, log: &str) -> Result<Option<Place>, StoreError> {
        let found = sqlx::query("SELECT next, last FROM projections WHERE log = $1").bind(log);
        let found = found.fetch_optional(self.pool().await?).await?;
        Ok(found.map(|row| Place { next: u64::try_from(row.get::<i64, _>(0)).unwrap_or_default(), last: row.get(1) }))
    }

    async fn write(&self, log: &str, rows: &[Row], before: u64, place: &Place) -> Result<(), StoreError> {
        let mut transaction = self.pool().await?.begin().await?;
        let (before, next) = (i64::try_from(before).unwrap_or(i64::MAX), i64::try_from(place.next).unwrap_or(i64::MAX));
        for same in pieces(rows, VALUES_MAX) {
            let Some(table) = same.first().map(|row| row.table) else { continue };
            let mut insert = QueryBuilder::<sqlx::Postgres>::new(format!("INSERT INTO {} ", table.name));
            insert.push_values(same, |mut values, row| {
                for (value, column) in row.values.iter().zip(table.columns) {
                    push(&mut values, value, column.holds);
                }
            });
            insert.push(" ON CONFLICT DO NOTHING");
            insert.build().persistent(false).execute(&mut *transaction).await?;
        }
        let advance = "INSERT INTO projections (log, next, last, version) SELECT $1, $2, $3, $5 WHERE $4 = 0 OR EXISTS (SELECT 1 FROM projections WHERE log = $1) \
            ON CONFLICT (log) DO UPDATE SET next = excluded.next, last = excluded.last, version = excluded.version WHERE projections.next = $4";
        let advanced = sqlx::query(advance).bind(log).bind(next).bind(&place.last).bind(before).bind(VERSION);
        if advanced.execute(&mut *transaction).await?.rows_affected() == 0 {
            return Err(StoreError::Moved);
        }
        Ok(transaction.commit().await?)
    }

    async fn clear(&self, log: &str) -> Result<(), StoreError> {
        let mut transaction = self.pool().await?.begin().await?;
        for name in TABLES.iter().map(|table| table.name).chain(["projections"]) {
            let delete = AssertSqlSafe(format!("DELETE FROM {name} WHERE log = $1"));
            sqlx::query(delete).bind(log).execute(&mut *transaction).await?;
        }
        Ok(transaction.commit().await?)
    }
}

fn push(values: &mut Separated<'_, sqlx::Postgres, &'static str>, value: &Value, holds: Holds) {
    match value {
        Value::Unsaid => {
            values.push("NULL");
        }
        Value::Text(text) => {
            // PostgreSQL has no texts with a zero in them.
            values.push_bind(text.replace('\0', "\u{fffd}"));
            if holds == Holds::Money {
                values.push_unseparated("::numeric");
            }
        }
        Value::Number(number) => {
            values.push_bind(*number);
        }
        Value::Flag(flag) => {
            values.push_bind(*flag);
        }
        Value::Moment(at_us) => {
            let at = jiff::Timestamp::from_microsecond(*at_us).unwrap_or(jiff::Timestamp::MAX);
            values.push_bind(at.to_string());
            values.push_unseparated("::timestamptz");
        }
    }
}

async fn run(transaction: &mut sqlx::Transaction<'_, sqlx::Postgres>, statement: String) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut **transaction).await.map(drop)
}

fn definition(table: &Table) -> String {
    let columns: Vec<String> = table
        .columns
        .iter()
        .map(|column| {
            let kind = match column.holds {
                Holds::Text => "TEXT",
                Holds::Number => "BIGINT",
                Holds::Flag => "BOOLEAN",
                Holds::Moment => "TIMESTAMPTZ",
                Holds::Money => "NUMERIC",
            };
            format!("\"{}\" {kind}", column.name)
        })
        .collect();
    let key: Vec<String> = table.columns.iter().take(table.key).map(|column| format!("\"{}\"", column.name)).collect();
    format!("CREATE TABLE IF NOT EXISTS {} ({}, PRIMARY KEY ({}))", table.name, columns.join(", "), key.join(", "))
}
