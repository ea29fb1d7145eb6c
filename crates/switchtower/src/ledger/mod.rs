//! `switchtower ledger`: what is on record, for who wants to see it, prove it, or find out whether it was changed.
//!
//! It reads the folder of a ledger without holding it, so that it works beside a gateway that writes.

mod damage;
mod export;
mod project;
mod show;
mod table;
mod timeline;
mod upkeep;
mod verify;
mod witnesses;

use crate::config::Secrets;
use crate::environment::Environment;
pub(crate) use damage::told as damage_told;
pub(crate) use project::{FILE as TABLES_FILE, start as start_projection};
pub use witnesses::Asking;
pub(crate) use witnesses::start as ask_witnesses;

use anyhow::{Context as _, Result, bail};
use clap::{Args, Subcommand};
use std::io::Write;
use std::path::{Path, PathBuf};
use switchtower_ledger::home::journal_of;
use switchtower_ledger::{Found, Keeping, Ledger, LedgerSettings, Reckon, prove};
use switchtower_projection::Target;

/// What `ledger` is told.
#[derive(Debug, Args)]
pub struct Options {
    #[command(subcommand)]
    command: Command,
    /// The configuration, for the folder of the ledger and the database of its tables
    #[arg(long, value_name = "FILE", global = true)]
    pub config: Option<PathBuf>,
    /// The folder with the ledger
    #[arg(long, value_name = "DIR", global = true)]
    pub data: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Find every change to what was written
    Verify(verify::Options),
    /// Prove that a record is in the ledger, to who has neither the ledger nor this program
    Prove {
        /// The number of the record
        record: u64,
        /// Where the record itself goes, whose hash the proof begins with
        #[arg(long, value_name = "FILE")]
        record_out: Option<PathBuf>,
    },
    /// Show everything that is on record of a request
    Show {
        /// The id of the request, as in 'x-request-id'
        request: String,
        /// Draw when what happened: rooms, attempts and, where that was asked for, each piece of the answer
        #[arg(long)]
        timeline: bool,
    },
    /// Show the last entries, and those to come
    Tail {
        /// How many
        #[arg(short = 'n', long, default_value_t = 10)]
        lines: u64,
        /// Go on with those to come
        #[arg(short, long)]
        follow: bool,
    },
    /// Write all entries
    Export {
        /// How
        #[arg(long, value_enum, default_value_t = export::Format::Jsonl)]
        format: export::Format,
        /// The first record
        #[arg(long, default_value_t = 0)]
        from: u64,
    },
    /// Bring what is on record into tables, for queries with SQL
    Project {
        /// Make them again from the beginning
        #[arg(long)]
        rebuild: bool,
    },
    /// Print the key with which checkpoints are verified
    Key,
    #[command(flatten)]
    Upkeep(upkeep::Command),
}

impl Options {
    /// Whether what is asked needs secrets of the configuration: those of the database of tables.
    pub const fn secrets(&self) -> Secrets {
        match self.command {
            Command::Project { .. } => Secrets::Read,
            _ => Secrets::Unread,
        }
    }
}

/// Does what the command says; calls that a crash left open are reckoned where it opens the ledger. It is false where something was found that should not be.
///
/// # Errors
/// Where the ledger cannot be read.
pub fn run(
    options: &Options,
    data: &Path,
    target: &Target,
    reckon: Reckon<'_>,
    out: &mut (dyn Write + Send),
) -> Result<bool> {
    if let Command::Upkeep(command) = &options.command
        && command.begins()
    {
        upkeep::run(command, data, reckon, out)?;
        return Ok(true);
    }
    if !data.join("ledger").is_dir() {
        bail!("there is no ledger in {}; name its folder with --data", data.display());
    }
    let disk = journal_of(data);
    match &options.command {
        Command::Verify(options) => return verify::run(options, data, &disk, out),
        Command::Prove { record, record_out } => {
            let proof = prove(&disk, *record)?;
            if let Some(file) = record_out {
                std::fs::write(file, &proof.record).with_context(|| format!("failed to write {}", file.display()))?;
            }
            write!(out, "{proof}")?;
        }
        Command::Show { request, timeline: true } => return timeline::show(&disk, request, out),
        Command::Show { request, timeline: false } => return show::request(&disk, request, out),
        Command::Tail { lines, follow } => show::tail(&disk, *lines, *follow, out)?,
        Command::Export { format, from } => export::export(&disk, *format, *from, out)?,
        Command::Project { rebuild } => project::once(target, data, *rebuild, out)?,
        Command::Upkeep(command) => upkeep::run(command, data, reckon, out)?,
        Command::Key => {
            let key = switchtower_ledger::home::key_of(data).context("the folder has no key")?;
            writeln!(out, "{key}")?;
        }
    }
    Ok(true)
}

/// The folder in which state is kept: the one that is named, or that of XDG for state.
/// Source: <https://specifications.freedesktop.org/basedir-spec/latest/>
///
/// # Errors
/// Where nothing says it.
pub(crate) fn data_folder(named: Option<&Path>, environment: &Environment) -> Result<PathBuf> {
    if let Some(named) = named {
        return Ok(named.to_owned());
    }
    let absolute = |name: &str| environment.get(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let state = absolute("XDG_STATE_HOME").or_else(|| Some(absolute("HOME")?.join(".local/state")));
    let state = state.context(
        "there is no folder for the ledger: neither XDG_STATE_HOME nor HOME is set; name one with --data DIR",
    )?;
    Ok(state.join("switchtower"))
}

/// Opens the ledger of a gateway, and says what was found.
///
/// # Errors
/// Where it cannot be opened.
pub(crate) fn open(settings: &LedgerSettings, reckon: Reckon<'_>) -> Result<(Ledger, Keeping, Found)> {
    let (ledger, keeping, found) = Ledger::open(settings, reckon)
        .with_context(|| format!("failed to open the ledger in {}", settings.data.display()))?;
    if found.begun {
        let (folder, key) = (settings.data.display().to_string(), ledger.key().to_string());
        tracing::info!(folder, key, "a ledger is begun; keep this key elsewhere, it verifies checkpoints");
    } else if found.open > 0 || found.cut_bytes > 0 {
        let (records, open, cut_bytes) = (found.records, found.open, found.cut_bytes);
        tracing::warn!(
            records,
            open,
            cut_bytes,
            "the ledger was mended after a crash; open calls are closed as crashed"
        );
    }
    Ok((ledger, keeping, found))
}
