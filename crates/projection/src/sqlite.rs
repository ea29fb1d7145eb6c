//! SQLite: a file beside the journal.

use crate::rows::{Row, Value};
use crate::schema::{Holds, TABLES, Table, VERSION, VIEWS};
use crate::store::{Place, Store, StoreError, pieces};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{AssertSqlSafe, QueryBuilder, Row as _};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::OnceCell;

/// As many values as SQLite binds to a statement.
const VALUES_MAX: usize = 32_000;
/// How long a reader may hold the file before writing is given up for now.
const BUSY_MAX: Duration = Duration::from_secs(5);
/// 10⁹.
const NANO: i128 = 1_000_000_000;

/// A file with the tables. It is opened when it is needed; others may read it meanwhile.
#[derive(Debug, Clone)]
pub struct Sqlite {
    options: SqliteConnectOptions,
    pool: Arc<OnceCell<SqlitePool>>,
}

impl Sqlite {
    /// The tables in a file, which is made where it is missing.
    pub fn at(file: &Path) -> Self {
        let options = SqliteConnectOptions::new()
            .filename(file)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // What a crash of the machine takes away is projected again.
            .synchronous(SqliteSynchronous::Normal)
            .busy_timeout(BUSY_MAX);
        Self { options, pool: Arc::default() }
    }

    async fn pool(&self) -> Result<&SqlitePool, sqlx::Error> {
        let open = || async {
            begin(self.options.get_filename())?;
            SqlitePoolOptions::new().max_connections(1).connect_with(self.options.clone()).await
        };
        self.pool.get_or_try_init(open).await
    }
}

/// Makes the file where it is missing, for its owner alone, as the journal is: it says who asked for what. What SQLite puts
/// beside it is like it. One that is there stays as its owner wants it.
fn begin(file: &Path) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(file).map(drop)
}

impl Store for Sqlite {
    async fn prepare(&self) -> Result<(), StoreError> {
        let mut transaction = self.pool().await?.begin().await?;
        let found: i64 = sqlx::query("PRAGMA user_version").fetch_one(&mut *transaction).await?.get(0);
        if found != VERSION {
            for view in VIEWS {
                run(&mut transaction, format!("DROP VIEW IF EXISTS {}", view.name)).await?;
            }
            for table in TABLES {
                run(&mut transaction, format!("DROP TABLE IF EXISTS {}", table.name)).await?;
            }
            run(&mut transaction, "DROP TABLE IF EXISTS projections".to_owned()).await?;
            run(&mut transaction, format!("PRAGMA user_version = {VERSION}")).await?;
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
            run(&mut transaction, format!("CREATE VIEW IF NOT EXISTS {} AS {}", view.name, view.query)).await?;
        }
        let places =
            "CREATE TABLE IF NOT EXISTS projections (log TEXT PRIMARY KEY, next INTEGER NOT NULL, last TEXT NOT NULL)";
        run(&mut transaction, places.to_owned()).await?;
        Ok(transaction.commit().await?)
    }

    async fn place(&self, log: &str) -> Result<Option<Place>, StoreError> {
        let found = sqlx::query("SELECT next, last FROM projections WHERE log = ?").bind(log);
        let found = found.fetch_optional(self.pool().await?).await?;
        Ok(found.map(|row| Place { next: u64::try_from(row.get::<i64, _>(0)).unwrap_or_default(), last: row.get(1) }))
    }

    async fn write(&self, log: &str, rows: &[Row], before: u64, place: &Place) -> Result<(), StoreError> {
        let mut transaction = self.pool().await?.begin().await?;
        let (before, next) = (i64::try_from(before).unwrap_or(i64::MAX), i64::try_from(place.next).unwrap_or(i64::MAX));
        for same in pieces(rows, VALUES_MAX / 2) {
            let Some(table) = same.first().map(|row| row.table) else { continue };
            let mut insert = QueryBuilder::<sqlx::Sqlite>::new(format!("INSERT OR IGNORE INTO {} ", table.name));
            insert.push_values(same, |mut values, row| {
                for (value, column) in row.values.iter().zip(table.columns) {
                    match value {
                        Value::Unsaid => values.push("NULL"),
                        Value::Text(text) => values.push_bind(text.clone()),
                        Value::Number(number) | Value::Moment(number) => values.push_bind(*number),
                        Value::Flag(flag) => values.push_bind(*flag),
                    };
                    if column.holds == Holds::Money {
                        for part in parts(value) {
                            values.push_bind(part);
                        }
                    }
                }
            });
            insert.build().persistent(false).execute(&mut *transaction).await?;
        }
        let advance = "INSERT INTO projections (log, next, last) SELECT ?1, ?2, ?3 WHERE ?4 = 0 OR EXISTS (SELECT 1 FROM projections WHERE log = ?1) \
            ON CONFLICT (log) DO UPDATE SET next = excluded.next, last = excluded.last WHERE projections.next = ?4";
        let advanced = sqlx::query(advance).bind(log).bind(next).bind(&place.last).bind(before);
        if advanced.execute(&mut *transaction).await?.rows_affected() == 0 {
            return Err(StoreError::Moved);
        }
        Ok(transaction.commit().await?)
    }

    async fn clear(&self, log: &str) -> Result<(), StoreError> {
        let mut transaction = self.pool().await?.begin().await?;
        for name in TABLES.iter().map(|table| table.name).chain(["projections"]) {
            let delete = AssertSqlSafe(format!("DELETE FROM {name} WHERE log = ?"));
            sqlx::query(delete).bind(log).execute(&mut *transaction).await?;
        }
        Ok(transaction.commit().await?)
    }
}

async fn run(transaction: &mut sqlx::Transaction<'_, sqlx::Sqlite>, statement: String) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut **transaction).await.map(drop)
}

fn definition(table: &Table) -> String {
    let columns: Vec<String> = table
        .columns
        .iter()
        .map(|column| {
            let name = column.name;
            match column.holds {
                Holds::Text => format!("\"{name}\" TEXT"),
                Holds::Number | Holds::Flag | Holds::Moment => format!("\"{name}\" INTEGER"),
                Holds::Money => format!(
                    "\"{name}\" TEXT, \"{name}_units\" INTEGER, \"{name}_nanos\" INTEGER, \"{name}_attos\" INTEGER"
                ),
            }
        })
        .collect();
    let key: Vec<String> = table.columns.iter().take(table.key).map(|column| format!("\"{}\"", column.name)).collect();
    format!(
        "CREATE TABLE IF NOT EXISTS {} ({}, PRIMARY KEY ({})) WITHOUT ROWID",
        table.name,
        columns.join(", "),
        key.join(", ")
    )
}

/// An amount in whole numbers of units, of their thousand-millionths, and of those' thousand-millionths.
fn parts(value: &Value) -> [Option<i64>; 3] {
    let Value::Text(text) = value else { return [None; 3] };
    let Some(atto) = atto(text) else { return [None; 3] };
    let part = |number: i128| i64::try_from(number).ok();
    [part(atto / (NANO * NANO)), part(atto / NANO % NANO), part(atto % NANO)]
}

/// Billionths of a billionth of a decimal number.
fn atto(text: &str) -> Option<i128> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if fraction.len() > 18 {
        return None;
    }
    format!("{whole}{fraction:0<18}").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_is_its_parts() {
        let of = |text: &str| parts(&Value::Text(text.to_owned()));
        assert_eq!(of("0"), [Some(0), Some(0), Some(0)]);
        assert_eq!(of("12.5"), [Some(12), Some(500_000_000), Some(0)]);
        assert_eq!(of("0.000000000000000001"), [Some(0), Some(0), Some(1)]);
        assert_eq!(of("-1.000000002000000003"), [Some(-1), Some(-2), Some(-3)]);
        assert_eq!(of("one"), [None; 3]);
        assert_eq!(parts(&Value::Unsaid), [None; 3]);
    }
}
