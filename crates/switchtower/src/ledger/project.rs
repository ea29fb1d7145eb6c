//! The ledger in tables, for queries: kept near it by a gateway, or brought there once.

use anyhow::{Context as _, Result};
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use switchtower_ledger::checkpoint::VerifyingKey;
use switchtower_ledger::home::{journal_of, key_of};
use switchtower_ledger::journal::segment;
use switchtower_projection::{Projecting, Projector, Sqlite, Store, Target};

/// The file of SQLite, in the folder of the ledger.
pub(crate) const FILE: &str = "projection.db";

/// Keeps the tables near the ledger of a folder; nothing where there are to be none.
///
/// # Errors
/// Where that cannot be started.
pub(crate) fn start(target: &Target, data: &Path) -> Result<Option<Projecting>> {
    let started = match target {
        Target::Nowhere => return Ok(None),
        Target::Sqlite => projector(data, Sqlite::at(&data.join(FILE)))?.start(),
        Target::Postgresql(postgres) => projector(data, postgres.clone())?.start(),
    };
    Ok(Some(started?))
}

/// Brings what is on record by now into tables: into the file beside the ledger, where nothing else is said.
///
/// # Errors
/// Where the ledger or the database do not let it.
pub(super) fn once(target: &Target, data: &Path, rebuild: bool, out: &mut dyn Write) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let records = runtime.block_on(async {
        match target {
            Target::Nowhere | Target::Sqlite => brought(&projector(data, Sqlite::at(&data.join(FILE)))?, rebuild).await,
            Target::Postgresql(postgres) => brought(&projector(data, postgres.clone())?, rebuild).await,
        }
    })?;
    let place = match target {
        Target::Nowhere | Target::Sqlite => data.join(FILE).display().to_string(),
        Target::Postgresql(_) => "the database".to_owned(),
    };
    writeln!(out, "{records} records were brought into {place}")?;
    let segments = segment::list(&journal_of(data))?;
    let first = segments.iter().find(|segment| segment.records).map_or(0, |segment| segment.first);
    if rebuild && first > 0 {
        writeln!(out, "the ledger begins at record {first}: what was before it was pruned, and is in no table now")?;
    }
    Ok(())
}

async fn brought<S: Store>(projector: &Projector<S>, rebuild: bool) -> Result<u64> {
    if rebuild {
        projector.clear().await?;
    }
    Ok(projector.catch_up().await?)
}

fn projector<S: Store>(data: &Path, store: S) -> Result<Projector<S>> {
    let key = key_of(data).context("the folder has no key of a ledger")?;
    let key = VerifyingKey::parse(&key).context("the key of the ledger cannot be read")?;
    Ok(Projector::new(Arc::new(journal_of(data)), key.name(), store))
}
