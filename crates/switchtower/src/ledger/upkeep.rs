//! What an operator does with a ledger now and then. Who writes to it is asked to stop first, but for a copy.

use anyhow::{Context as _, Result, bail};
use clap::{Args, Subcommand};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use std::io::Write;
use std::path::{Path, PathBuf};
use switchtower_ledger::checkpoint::{Checkpoint, Note, VerifyingKey};
use switchtower_ledger::home::journal_of;
use switchtower_ledger::upkeep::{backup, prune, restore};
use switchtower_ledger::{Ledger, LedgerSettings, Reckon};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Let another key sign checkpoints from here on; the change is on record
    RotateKey,
    /// Remove files of records that are all older than a day; their hashes stay, and what is left is verified as before
    Prune {
        /// That day, in UTC
        #[arg(long, value_name = "DATE")]
        before: Date,
    },
    /// Copy the ledger with its keys into an empty folder; a gateway may write to it meanwhile
    Backup {
        /// The folder
        into: PathBuf,
    },
    /// Make a ledger of a copy, in the empty folder of --data, and record in it that this was done
    Restore(RestoreOptions),
}

#[derive(Debug, Args)]
pub(super) struct RestoreOptions {
    /// The copy
    from: PathBuf,
    /// The newest checkpoint that is known from elsewhere, so that the ledger says how much was lost
    #[arg(long, value_name = "FILE")]
    checkpoint: Option<PathBuf>,
    /// A key of this ledger that took over after the copy was made, for a checkpoint that it signed; may be given several
    /// times
    #[arg(long = "key", value_name = "KEY", requires = "checkpoint")]
    keys: Vec<String>,
}

impl Command {
    /// Whether it makes the ledger of the folder, so that there is none yet.
    pub(super) const fn begins(&self) -> bool {
        matches!(self, Self::Restore(_))
    }
}

pub(super) fn run(command: &Command, data: &Path, reckon: Reckon<'_>, out: &mut dyn Write) -> Result<()> {
    match command {
        Command::RotateKey => {
            let (ledger, keeping, _) = Ledger::open(&LedgerSettings::new(data), reckon)?;
            let before = ledger.key().clone();
            let after = keeping.hand_over(&ledger)?;
            writeln!(
                out,
                "until now  {before}\nfrom here  {after}\nwho trusts the first trusts the second, by the record of the change"
            )?;
        }
        Command::Prune { before } => {
            let day = before.to_zoned(TimeZone::UTC).context("the day has no beginning")?;
            if day.timestamp() > Timestamp::now() {
                bail!("{before} has not begun in UTC; records go that are older than a day which has");
            }
            let before_us = u64::try_from(day.timestamp().as_microsecond()).unwrap_or_default();
            let (ledger, keeping, _) = Ledger::open(&LedgerSettings::new(data), reckon)?;
            let pruned = prune(&journal_of(data), &ledger, before_us);
            keeping.stop(&ledger, 0)?;
            let pruned = pruned?;
            writeln!(out, "{} records in {} files were removed; their hashes stay", pruned.records, pruned.segments)?;
            if pruned.cut_calls > 0 {
                writeln!(out, "of {} calls only the end is left, as they began in them", pruned.cut_calls)?;
            }
        }
        Command::Backup { into } => {
            let made = backup(data, into)?;
            writeln!(
                out,
                "{} records are copied and verified; the records before {} are vouched for",
                made.records, made.vouched
            )?;
            writeln!(out, "the keys are in the copy: keep it as you keep those")?;
        }
        Command::Restore(options) => {
            if data.join("ledger").is_dir() {
                bail!("there is a ledger in {}; name an empty folder with --data", data.display());
            }
            let newest = options.checkpoint.as_deref().map(checkpoint).transpose()?;
            let shown = newest.as_ref().map(|(checkpoint, note)| (checkpoint, note));
            let key = |key: &String| VerifyingKey::parse(key).with_context(|| format!("'{key}'"));
            let keys = options.keys.iter().map(key).collect::<Result<Vec<_>>>()?;
            let made = restore(&options.from, data, shown, &keys, reckon)?;
            writeln!(out, "{} records are back; that they came from a copy is on record", made.records)?;
            if let Some((newest, _)) = newest.filter(|(newest, _)| newest.size > made.records) {
                writeln!(out, "{} records that the checkpoint knows of are lost", newest.size - made.records)?;
            }
        }
    }
    Ok(())
}

fn checkpoint(file: &Path) -> Result<(Checkpoint, Note)> {
    let name = file.display();
    let text = std::fs::read_to_string(file).with_context(|| format!("failed to read {name}"))?;
    let note = Note::parse(&text).with_context(|| format!("{name} is no checkpoint"))?;
    let checkpoint = Checkpoint::read(&note).with_context(|| format!("{name} is no checkpoint"))?;
    Ok((checkpoint, note))
}
