//! Whether everything is as it was written.

use anyhow::{Context as _, Result};
use clap::Args;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;
use switchtower_ledger::checkpoint::{Note, VerifyingKey};
use switchtower_ledger::home::key_of;
use switchtower_ledger::journal::disk::Folder;
use switchtower_ledger::verify::{Known, verify};

#[derive(Debug, Args)]
pub(super) struct Options {
    /// A checkpoint that was kept elsewhere; may be given several times
    #[arg(long = "checkpoint", value_name = "FILE")]
    checkpoints: Vec<PathBuf>,
    /// A key that is trusted; without one, the key in the folder itself, which proves nothing to who distrusts the folder
    #[arg(long = "key", value_name = "KEY")]
    keys: Vec<String>,
}

pub(super) fn run(options: &Options, data: &Path, disk: &Folder, out: &mut dyn Write) -> Result<bool> {
    let mut known = Known::default();
    for file in &options.checkpoints {
        let text = std::fs::read_to_string(file).with_context(|| format!("failed to read {}", file.display()))?;
        known.checkpoints.push(Note::parse(&text).with_context(|| format!("{} is no checkpoint", file.display()))?);
    }
    for key in &options.keys {
        known.keys.push(VerifyingKey::parse(key).with_context(|| format!("'{key}'"))?);
    }
    let own = known.keys.is_empty();
    // Who names a key wants to be shown what it signed.
    known.vouched = !own;
    if own && let Some(key) = key_of(data) {
        known.keys.push(VerifyingKey::parse(&key)?);
    }
    let began = Instant::now();
    let report = verify(disk, &known)?;
    let seconds = began.elapsed().as_secs_f64();
    let records = report.records;
    if let Some(origin) = &report.origin {
        writeln!(out, "log          {origin}")?;
    }
    writeln!(out, "records      {records} read in {seconds:.2} s, {} known by their hashes only", report.pruned)?;
    writeln!(out, "checkpoints  {} hold; the records before {} are vouched for", report.checkpoints, report.vouched)?;
    if own {
        writeln!(
            out,
            "key          that of the folder; give --key and --checkpoint from elsewhere to trust nothing here"
        )?;
    }
    for fault in &report.faults {
        writeln!(out, "FAULT        {fault}")?;
    }
    let unvouched = (records + report.pruned).saturating_sub(report.vouched);
    if unvouched > 0 {
        writeln!(out, "the last {unvouched} records are not vouched for yet: the next checkpoint is over them")?;
    }
    if report.faults.is_empty() && report.vouched > 0 {
        writeln!(out, "nothing was changed, removed, added or moved")?;
    }
    Ok(report.faults.is_empty())
}
