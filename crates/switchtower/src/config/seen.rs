//! What a configuration was read from, so that a change of it can be noticed.

use super::Outside;
use std::cell::RefCell;
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// Everything that was read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen {
    /// Files, and folders whose names were looked at, with how they looked before they were read.
    pub paths: Vec<(PathBuf, Option<Stamp>)>,
    /// Whether commands were run, which nobody announces a change of.
    pub has_commands: bool,
    /// What was found, as a digest that is good within this process.
    pub digest: u64,
}

impl Seen {
    /// How the files look now, without reading them.
    pub fn look(&self) -> Vec<(PathBuf, Option<Stamp>)> {
        self.paths.iter().map(|(path, _)| (path.clone(), Stamp::of(path))).collect()
    }
}

/// How a file looks from outside. A link that leads elsewhere is another file, as in volumes that are swapped whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamp {
    length: u64,
    modified: Option<SystemTime>,
    inode: u64,
    changed: i64,
}

impl Stamp {
    fn of(path: &Path) -> Option<Self> {
        let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
        let found = std::fs::metadata(path).ok()?;
        #[cfg(unix)]
        let (inode, changed) = {
            use std::os::unix::fs::MetadataExt as _;
            (found.ino(), found.ctime_nsec().wrapping_add(found.ctime().wrapping_mul(1_000_000_000)))
        };
        #[cfg(not(unix))]
        let (inode, changed) = (0, 0);
        Some(Self { length: found.len(), modified: found.modified().ok(), inode, changed })
    }
}

/// Notes what is read through it. A command is run once, however often it is referred to.
#[derive(Debug)]
pub(super) struct Recorder<'a> {
    outside: &'a dyn Outside,
    noted: RefCell<Noted>,
}

#[derive(Debug, Default)]
struct Noted {
    paths: Vec<(PathBuf, Option<Stamp>)>,
    said: HashMap<(Vec<String>, PathBuf), Result<String, String>>,
    digest: DefaultHasher,
}

impl<'a> Recorder<'a> {
    pub(super) fn new(outside: &'a dyn Outside) -> Self {
        Self { outside, noted: RefCell::default() }
    }

    pub(super) fn seen(self) -> Seen {
        let Noted { paths, said, digest } = self.noted.into_inner();
        Seen { paths, has_commands: !said.is_empty(), digest: digest.finish() }
    }

    fn note<T: std::hash::Hash>(&self, path: &Path, stamp: Option<Stamp>, found: &io::Result<T>) {
        let mut noted = self.noted.borrow_mut();
        if !noted.paths.iter().any(|(known, _)| known == path) {
            noted.paths.push((path.to_owned(), stamp));
        }
        let found = found.as_ref().map_err(|error| error.kind().to_string());
        (path, found).hash(&mut noted.digest);
    }
}

impl Outside for Recorder<'_> {
    fn variable(&self, name: &str) -> Option<String> {
        // A process keeps its variables.
        self.outside.variable(name)
    }

    fn file(&self, path: &Path, bytes_max: u64) -> io::Result<String> {
        let stamp = Stamp::of(path);
        let found = self.outside.file(path, bytes_max);
        self.note(path, stamp, &found);
        found
    }

    fn command(&self, words: &[String], folder: &Path, bytes_max: u64, within: Duration) -> Result<String, String> {
        let command = (words.to_vec(), folder.to_owned());
        if let Some(said) = self.noted.borrow().said.get(&command) {
            return said.clone();
        }
        let said = self.outside.command(words, folder, bytes_max, within);
        let mut noted = self.noted.borrow_mut();
        (&command, &said).hash(&mut noted.digest);
        noted.said.insert(command, said.clone());
        said
    }

    fn names(&self, folder: &Path) -> io::Result<Vec<String>> {
        let stamp = Stamp::of(folder);
        let found = self.outside.names(folder).map(|mut names| {
            names.sort_unstable();
            names
        });
        self.note(folder, stamp, &found);
        found
    }
}
