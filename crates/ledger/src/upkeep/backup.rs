//! A copy of a ledger, and back from it.
//!
//! Files are only ever appended to, so that a copy is made beside a gateway that writes: checkpoints first, then segments
//! up to what is there by then. What is half written is cut off when the copy is opened, as after a crash. Where the
//! gateway prunes meanwhile, the copy is pruned as well.

use crate::checkpoint::{Checkpoint, Note, VerifyingKey};
use crate::home::{self, HomeError};
use crate::journal::disk::{Disk as _, Folder};
use crate::journal::{frame, segment};
use crate::record::{Digest, Restored};
use crate::upkeep::copy::copy_journal;
use crate::verify::{Fault, Known, Report, VerifyError, verify};
use crate::{Ledger, LedgerError, LedgerSettings, Reckon};
use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

/// What was copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backup {
    /// How many records the copy has.
    pub records: u64,
    /// The size of the largest checkpoint that vouches for them.
    pub vouched: u64,
}

/// Why there is no copy, or no ledger out of it.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// A folder cannot be read or written.
    #[error("{}: {error}", path.display())]
    Disk {
        /// The folder or file.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// Something is there already.
    #[error("{} is not empty; name a folder that is, so that nothing is written over", path.display())]
    NotEmpty {
        /// The folder.
        path: PathBuf,
    },
    /// The checkpoint that was shown is of another log.
    #[error("the checkpoint is of log '{found}', and the copy is of '{expected}'; show one of this ledger, or none")]
    Foreign {
        /// The log that it names.
        found: String,
        /// The log of the copy.
        expected: String,
    },
    /// The checkpoint that was shown is signed by no key that the copy knows.
    #[error(
        "the checkpoint is signed neither by the key of the copy nor by one before or after it that its records prove; if \
         the ledger has handed over to another key since the copy was made, give that with --key (its gateway told it, and \
         so did `switchtower ledger key`)"
    )]
    Unsigned,
    /// There is nothing to copy.
    #[error("there is no ledger in {}", path.display())]
    Nothing {
        /// The folder.
        path: PathBuf,
    },
    /// It was pruned again and again while it was copied.
    #[error("{} was pruned each time that it was copied; remove what was copied, and give the command again", path.display())]
    Pruned {
        /// The folder.
        path: PathBuf,
    },
    /// The copy could not be verified.
    #[error(transparent)]
    Verify(#[from] VerifyError),
    /// The copy is not whole, or was changed.
    #[error("the copy does not verify: {0}")]
    Fault(Fault),
    /// The folder cannot be used.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// The ledger does not open.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// Copies a ledger with its keys into an empty folder, and verifies the copy. A gateway may write to it and prune it meanwhile.
///
/// # Errors
/// [`BackupError`].
pub fn backup(data: &Path, into: &Path) -> Result<Backup, BackupError> {
    if !home::is_there(data) {
        return Err(BackupError::Nothing { path: data.to_owned() });
    }
    copy(data, into)?;
    let report = verified(into)?;
    Ok(Backup { records: report.records + report.pruned, vouched: report.vouched })
}

/// Makes a ledger of a copy, in a folder that is empty or not there, and records in it that this was done: what was written
/// after the copy is gone, and says so. `newest` is the newest checkpoint that is known from elsewhere. It is there whole or
/// not at all. It is believed where a key of the copy signed it, one before or after that which the records of the copy
/// prove, or one of `keys`, which took over later. Calls that were open are closed, as they are reckoned.
///
/// # Errors
/// [`BackupError`].
pub fn restore(
    from: &Path,
    data: &Path,
    newest: Option<(&Checkpoint, &Note)>,
    keys: &[VerifyingKey],
    reckon: Reckon<'_>,
) -> Result<Backup, BackupError> {
    if !home::is_there(from) {
        return Err(BackupError::Nothing { path: from.to_owned() });
    }
    check_empty(data)?;
    let name = data.file_name().unwrap_or_default().to_string_lossy();
    let beside = data.with_file_name(format!(".{name}.restoring"));
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |error| BackupError::Disk { path, error }
    };
    // What a restore that did not end left behind.
    match fs::remove_dir_all(&beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(&beside)(error)),
        _ => {}
    }
    let made = restored(from, &beside, newest, keys, reckon);
    let moved = made.and_then(|made| fs::rename(&beside, data).map(|()| made).map_err(failed(data)));
    if moved.is_err() {
        // What does not hold is not left where a gateway might take it for a ledger.
        let _ = fs::remove_dir_all(&beside);
    }
    moved
}

fn restored(
    from: &Path,
    data: &Path,
    newest: Option<(&Checkpoint, &Note)>,
    keys: &[VerifyingKey],
    reckon: Reckon<'_>,
) -> Result<Backup, BackupError> {
    copy(from, data)?;
    let report = verified(data)?;
    if let Some((checkpoint, note)) = newest {
        check_shown(data, &report, (checkpoint, note), keys)?;
    }
    let known_size = newest.map(|(checkpoint, _)| checkpoint.size);
    let (ledger, keeping, _) = Ledger::open(&LedgerSettings::new(data), reckon)?;
    let (size, root) = (report.records + report.pruned, report.root.map(|root| Digest(root.0)).unwrap_or_default());
    drop(ledger.write(Restored { size, root, known_size }.into()).map_err(LedgerError::from)?);
    keeping.stop(&ledger, 0).map_err(LedgerError::from)?;
    Ok(Backup { records: size, vouched: report.vouched })
}

/// A checkpoint that is shown must be of the log of the copy, as far as anybody can tell.
fn check_shown(
    data: &Path,
    report: &Report,
    (checkpoint, note): (&Checkpoint, &Note),
    keys: &[VerifyingKey],
) -> Result<(), BackupError> {
    let found = checkpoint.origin.clone();
    if let Some(expected) = report.origin.clone().filter(|origin| *origin != found) {
        return Err(BackupError::Foreign { found, expected });
    }
    let own = home::key_of(data).and_then(|key| VerifyingKey::parse(&key).ok());
    let own = own.map(|key| report.keys_with(key)).unwrap_or_default();
    let signed = |key: &VerifyingKey| key.name() == found && note.is_signed_by(key);
    if own.iter().chain(keys).any(signed) { Ok(()) } else { Err(BackupError::Unsigned) }
}

fn check_empty(folder: &Path) -> Result<(), BackupError> {
    let something = fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some());
    if something { Err(BackupError::NotEmpty { path: folder.to_owned() }) } else { Ok(()) }
}

/// A copy must hold by itself: the record that was being written may break off, and nothing else may be wrong.
fn verified(data: &Path) -> Result<Report, BackupError> {
    let disk = home::journal_of(data);
    let report = verify(&disk, &Known::default())?;
    let failed = |error| BackupError::Disk { path: data.to_owned(), error };
    let last = segment::list(&disk).map_err(failed)?.pop().map(|found| segment::name(found.first));
    for fault in &report.faults {
        let at_the_end = match fault {
            Fault::Unreadable { offset, file, .. } if Some(file) == last.as_ref() => {
                let mut rest = Vec::new();
                if let Some(mut file) = disk.read(file, *offset).map_err(failed)? {
                    file.read_to_end(&mut rest).map_err(failed)?;
                }
                !frame::found_later(&rest)
            }
            _ => false,
        };
        if !at_the_end {
            return Err(BackupError::Fault(fault.clone()));
        }
    }
    Ok(report)
}

fn copy(from: &Path, into: &Path) -> Result<(), BackupError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |error| BackupError::Disk { path, error }
    };
    check_empty(into)?;
    Folder::new(into).map_err(failed(into))?;
    for part in home::SECRETS {
        let (source, target) = (from.join(part), into.join(part));
        let folder = Folder::new(&target).map_err(failed(&target))?;
        let names = Folder::existing(&source).names().map_err(failed(&source))?;
        for name in names.iter().filter(|name| !name.starts_with('.')) {
            let bytes = fs::read(source.join(name)).map_err(failed(&source.join(name)))?;
            folder.replace(name, &bytes).map_err(failed(&target.join(name)))?;
        }
        folder.sync_names().map_err(failed(&target))?;
    }
    let (source, target) = (home::journal_of(from), home::journal_of(into));
    let folder = Folder::new(target.path()).map_err(failed(target.path()))?;
    let whole = copy_journal(&source, &folder).map_err(failed(source.path()))?;
    if whole { Ok(()) } else { Err(BackupError::Pruned { path: source.path().to_owned() }) }
}
