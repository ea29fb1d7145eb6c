//! The files that a configuration stands in, and positions in them.

use super::problem::Place;
use std::path::{Path, PathBuf};

/// The files in the order in which they were read; the first is the one that includes the others.
#[derive(Debug, Default)]
pub(super) struct Sources(Vec<Source>);

#[derive(Debug)]
struct Source {
    /// As messages name it.
    name: String,
    folder: PathBuf,
    text: String,
    /// Where its lines begin.
    starts: Vec<usize>,
}

impl Sources {
    /// Adds a file; its number is what places in it carry.
    pub(super) fn add(&mut self, name: String, folder: PathBuf, text: String) -> usize {
        let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let starts = std::iter::once(0).chain(ends.map(|(at, _)| at + 1)).collect();
        self.0.push(Source { name, folder, text, starts });
        self.0.len() - 1
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// The name of the file of a place.
    pub(super) fn name(&self, place: &Place) -> &str {
        self.0.get(place.file).map_or("?", |source| &source.name)
    }

    /// The folder in which relative paths of that file begin.
    pub(super) fn folder(&self, place: &Place) -> &Path {
        self.0.get(place.file).map_or_else(|| Path::new(""), |source| &source.folder)
    }

    /// The line where a place begins, counted from 1.
    pub(super) fn line(&self, place: &Place) -> usize {
        self.0.get(place.file).map_or(0, |source| source.line(place.span.start))
    }

    /// The line and the column where a place begins, both counted from 1.
    pub(super) fn position(&self, place: &Place) -> (usize, usize) {
        self.0.get(place.file).map_or((0, 0), |source| source.position(place.span.start))
    }

    /// A place as messages name it: file, line and column.
    pub(super) fn written(&self, place: &Place) -> String {
        let (line, column) = self.position(place);
        format!("{}:{line}:{column}", self.name(place))
    }
}

impl Source {
    fn line(&self, at: usize) -> usize {
        self.starts.partition_point(|start| *start <= at)
    }

    fn position(&self, at: usize) -> (usize, usize) {
        let line = self.line(at);
        let start = self.starts.get(line.saturating_sub(1)).copied().unwrap_or_default();
        (line, self.text.get(start..at).unwrap_or_default().chars().count() + 1)
    }
}
