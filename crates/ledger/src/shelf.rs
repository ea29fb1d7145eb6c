//! A folder in which logs leave their newest checkpoints, for others to keep.
//!
//! A checkpoint there is replaced only by one that continues it, as a witness over the network would have it: what
//! somebody has once been shown is not taken back in silence.

use crate::checkpoint::{Checkpoint, KeyChain, Note};
use crate::files;
use crate::home;
use crate::journal::disk::{Disk, Folder};
use crate::journal::segment::SegmentError;
use crate::merkle::{Frontier, Hash};
use crate::witness::each_leaf;
use std::io::{self, Read as _};
use std::path::PathBuf;

/// What checkpoints in a witness's folder are called.
const SUFFIX: &str = ".checkpoint";
/// What the keys beside them are called.
const KEYS_SUFFIX: &str = ".keys";
/// The largest file that is taken for a checkpoint or for keys.
const BYTES_MAX: u64 = 64 << 10;

/// Why a checkpoint was not left in a folder.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ShelfError {
    /// The one that is there knows of more.
    #[error("it knows of {known} records, and there are {size}: this ledger was rolled back, or its name is another's")]
    Ahead {
        /// What it knows of.
        known: u64,
        /// What is there.
        size: u64,
    },
    /// The one that is there is of other records.
    #[error(
        "its first {known} records are not those of this ledger: this one was rolled back and went on, or its name is another's"
    )]
    Fork {
        /// How many it is over.
        known: u64,
    },
    /// What is there is of another log, whose name makes the same name of a file.
    #[error("it is of log '{found}', whose file has the same name; let one of the two use another folder")]
    Taken {
        /// Whose it is.
        found: String,
    },
    /// The own journal could not be read.
    #[error(transparent)]
    Segment(#[from] SegmentError),
    /// A disk could not be read or written.
    #[error("the disk: {0}")]
    Disk(#[from] io::Error),
}

impl ShelfError {
    /// Whether it is no trouble of a disk, but a checkpoint that is not continued.
    const fn is_conflict(&self) -> bool {
        matches!(self, Self::Ahead { .. } | Self::Fork { .. } | Self::Taken { .. })
    }
}

/// A checkpoint of another log.
#[derive(Debug)]
pub(crate) struct Left {
    /// The file that it lies in.
    pub(crate) file: PathBuf,
    pub(crate) checkpoint: Checkpoint,
    pub(crate) note: Note,
    /// Whether the file is named as that of its log is.
    pub(crate) is_in_place: bool,
    /// The keys that lie beside it, where they are a chain.
    pub(crate) keys: Option<KeyChain>,
}

/// The folder of one witness.
#[derive(Debug)]
pub(crate) struct Shelf {
    path: PathBuf,
    /// Size and root of the checkpoint that was left there last.
    shown: Option<(u64, Hash)>,
    /// Those of the checkpoint there that is not continued.
    conflict: Option<(u64, Hash)>,
    /// Those of one that was found to be of other records, which it stays: the journal is not read for it again.
    fork: Option<(u64, Hash)>,
}

impl Shelf {
    pub(crate) const fn new(path: PathBuf) -> Self {
        Self { path, shown: None, conflict: None, fork: None }
    }

    /// Leaves a checkpoint, and logs why where it cannot be left; a conflict is logged once, and not each time.
    pub(crate) fn show(&mut self, disk: &dyn Disk, checkpoint: &Checkpoint, note: &Note, keys: &KeyChain) {
        let there = self.own(&checkpoint.origin);
        let found = there.as_ref().map(|there| (there.size, there.root));
        let witness = self.path.display();
        let outcome = match found.filter(|_| found == self.fork) {
            Some((known, _)) => Err(ShelfError::Fork { known }),
            None => self.replace(disk, there.as_ref(), (checkpoint, note), keys),
        };
        match outcome {
            Ok(()) => {
                if self.conflict.take().is_some() {
                    tracing::info!(%witness, "checkpoints are shown to a witness again");
                }
                self.shown = Some((checkpoint.size, checkpoint.root));
            }
            Err(error) if error.is_conflict() => {
                if self.conflict != found {
                    let file = self.path.join(file_of(&checkpoint.origin));
                    tracing::error!(
                        %witness,
                        "the checkpoint in {0} is left as it is: {error}. `switchtower ledger verify --checkpoint {0}` \
                         says more; where a copy was restored on purpose, keep that file elsewhere and move it away, and \
                         checkpoints are shown again",
                        file.display()
                    );
                }
                if matches!(error, ShelfError::Fork { .. }) {
                    self.fork = found;
                }
                self.conflict = found;
            }
            Err(error) => tracing::warn!(%witness, %error, "a checkpoint could not be shown to a witness"),
        }
    }

    /// Whether a checkpoint is there that is not continued.
    pub(crate) const fn is_in_conflict(&self) -> bool {
        self.conflict.is_some()
    }

    fn replace(
        &self,
        disk: &dyn Disk,
        there: Option<&Checkpoint>,
        (checkpoint, note): (&Checkpoint, &Note),
        keys: &KeyChain,
    ) -> Result<(), ShelfError> {
        if let Some(there) = there.filter(|there| self.shown != Some((there.size, there.root))) {
            continues(disk, there, checkpoint)?;
        }
        // Keys come first: who looks in between finds one for what is there.
        let (folder, name) = (Folder::new(&self.path)?, file_of(&checkpoint.origin));
        let (keys_file, keys) = (file_of_keys(&name), keys.to_string());
        if home::text(&folder, &keys_file).ok().flatten().as_deref() != Some(keys.trim()) {
            folder.replace(&keys_file, keys.as_bytes())?;
        }
        Ok(folder.replace(&name, note.to_string().as_bytes())?)
    }

    /// What is there under the name of a log; nothing where it is no checkpoint, which nobody can be shown again.
    fn own(&self, origin: &str) -> Option<Checkpoint> {
        read(&Folder::existing(&self.path), &file_of(origin)).map(|(checkpoint, _)| checkpoint)
    }

    /// The checkpoints of other logs.
    pub(crate) fn others(&self, own: &str) -> Vec<Left> {
        let folder = Folder::existing(&self.path);
        let names = folder.names().unwrap_or_default();
        let left = |name: &String| {
            let (checkpoint, note) = read(&folder, name).filter(|(checkpoint, _)| checkpoint.origin != own)?;
            let is_in_place = *name == file_of(&checkpoint.origin);
            let keys = KeyChain::parse(&bounded(&folder, &file_of_keys(name)).unwrap_or_default());
            Some(Left { file: self.path.join(name), checkpoint, note, is_in_place, keys })
        };
        names.iter().filter(|name| name.ends_with(SUFFIX) && !name.starts_with('.')).filter_map(left).collect()
    }
}

/// Whether a journal has the records of an earlier checkpoint, and a later one is over them.
fn continues(disk: &dyn Disk, there: &Checkpoint, later: &Checkpoint) -> Result<(), ShelfError> {
    let (known, size) = (there.size, later.size);
    if there.origin != later.origin {
        return Err(ShelfError::Taken { found: there.origin.clone() });
    }
    if known > size {
        return Err(ShelfError::Ahead { known, size });
    }
    // After a start it is one that this journal signed itself, and nothing has to be read.
    let signed = files::checkpoints(disk)?;
    if signed.iter().any(|(own, _)| (own.size, own.root) == (known, there.root)) {
        return Ok(());
    }
    let mut tree = Frontier::new();
    each_leaf(disk, 0, known, |leaf| tree.push(leaf))?;
    if tree.size() == known && tree.root() == there.root { Ok(()) } else { Err(ShelfError::Fork { known }) }
}

fn read(folder: &Folder, name: &str) -> Option<(Checkpoint, Note)> {
    let note = Note::parse(&bounded(folder, name)?).ok()?;
    Some((Checkpoint::read(&note).ok()?, note))
}

fn bounded(folder: &Folder, name: &str) -> Option<String> {
    let mut text = String::new();
    folder.read(name, 0).ok()??.take(BYTES_MAX).read_to_string(&mut text).ok()?;
    Some(text)
}

/// The file of the keys of a log whose checkpoint lies in another.
fn file_of_keys(checkpoint: &str) -> String {
    format!("{}{KEYS_SUFFIX}", checkpoint.strip_suffix(SUFFIX).unwrap_or(checkpoint))
}

/// The file of a log's newest checkpoint in a witness's folder.
fn file_of(origin: &str) -> String {
    let letter = |letter: char| if letter.is_ascii_alphanumeric() || ".-".contains(letter) { letter } else { '_' };
    format!("{}{SUFFIX}", origin.chars().map(letter).collect::<String>())
}
