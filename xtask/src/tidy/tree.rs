//! The files of the workspace as a map from path to text.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

/// Paths are relative to the root and use `/`.
#[derive(Debug, Default)]
pub(super) struct Tree {
    files: BTreeMap<String, String>,
}

impl Tree {
    /// Reads what git tracks, and what it would track next: a new file is checked before it is added.
    pub(super) fn read(root: &Path) -> Result<Self> {
        let listing = Command::new("git")
            .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
            .current_dir(root)
            .output()
            .context("failed to run git")?;
        ensure!(listing.status.success(), "git ls-files failed: {}", String::from_utf8_lossy(&listing.stderr).trim());
        let mut files = BTreeMap::new();
        for path in String::from_utf8_lossy(&listing.stdout).split('\0') {
            // A file that was deleted but is still in the index has nothing to check.
            if let Ok(bytes) = std::fs::read(root.join(path)) {
                let text = String::from_utf8_lossy(&bytes).into_owned();
                files.insert(path.to_owned(), text);
            }
        }
        Ok(Self { files })
    }

    #[cfg(test)]
    pub(super) fn of<const N: usize>(files: [(&str, &str); N]) -> Self {
        let files = files.map(|(path, text)| (path.to_owned(), text.to_owned()));
        Self { files: BTreeMap::from(files) }
    }

    pub(super) fn len(&self) -> usize {
        self.files.len()
    }

    pub(super) fn files(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files.iter().map(|(path, text)| (path.as_str(), text.as_str()))
    }

    pub(super) fn text(&self, path: &str) -> Option<&str> {
        self.files.get(path).map(String::as_str)
    }

    /// Files below `folder`, with the rest of their path.
    pub(super) fn below(&self, folder: &str) -> impl Iterator<Item = (&str, &str)> {
        let prefix = format!("{folder}/");
        self.files().filter_map(move |(path, text)| Some((path.strip_prefix(&prefix)?, text)))
    }

    /// Names of the folders directly in `folder`.
    pub(super) fn folders_in(&self, folder: &str) -> BTreeSet<&str> {
        self.below(folder).filter_map(|(rest, _)| Some(rest.split_once('/')?.0)).collect()
    }
}

/// Captured bytes of others are not ours to shape.
pub(super) fn is_fixture(path: &str) -> bool {
    path.split('/').any(|part| part == "fixtures")
}
