//! Recordings that are known to fail, each with why: so that a run tells what is new.

use super::Report;
use std::collections::BTreeMap;
use std::path::Path;

/// Recordings and why they fail, as a file lists them: a line for each, `FILE: REASON`. A line that begins with `#` is none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Explained(BTreeMap<String, String>);

impl Explained {
    /// Reads a list.
    ///
    /// # Errors
    /// Those of the file system; a line without a reason is one of invalid data.
    pub fn read(path: &Path) -> std::io::Result<Self> {
        let mut explained = BTreeMap::new();
        for line in std::fs::read_to_string(path)?.lines().map(str::trim) {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let Some((file, reason)) = line.split_once(": ") else {
                let message = format!("'{line}' is not FILE: REASON");
                return Err(std::io::Error::new(std::io::ErrorKind::InvalidData, message));
            };
            explained.insert(file.to_owned(), reason.to_owned());
        }
        Ok(Self(explained))
    }

    /// What is new: recordings that fail and are not listed, and those that are listed and do not fail.
    pub fn news(&self, report: &Report) -> Vec<String> {
        let failed = |file: &str| report.failures.iter().any(|failed| failed.file == file);
        let new = report.failures.iter().filter(|failed| !self.0.contains_key(&failed.file));
        let new = new.map(|failed| {
            format!("{} fails, and nobody explains it: {}: {}", failed.file, failed.check, failed.reason)
        });
        let old = self.0.keys().filter(|file| !failed(file));
        new.chain(old.map(|file| format!("{file} is explained, and does not fail"))).collect()
    }
}
