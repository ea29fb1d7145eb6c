//! What is wrong with a configuration: a line for each mistake, all of them at once.

use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;
use switchtower_domain::{mask_secrets, nearest};

/// One mistake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The line, counted from 1; 0 where the file as a whole is meant.
    pub line: usize,
    /// The column in characters, counted from 1.
    pub column: usize,
    /// The setting, as in `providers.mock.base_url`.
    pub key: String,
    /// What is wrong with it.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

/// Every mistake of one file, in the order of its lines. It prints as a compiler does, one line each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems {
    /// The name of the file, as it was given.
    pub file: String,
    /// The mistakes, at least one.
    pub list: Vec<Problem>,
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, problem) in self.list.iter().enumerate() {
            if at > 0 {
                writeln!(f)?;
            }
            f.write_str(&self.file)?;
            if problem.line > 0 {
                write!(f, ":{}:{}", problem.line, problem.column)?;
            }
            write!(f, ": {}", problem.message)?;
            if let Some(hint) = &problem.hint {
                write!(f, "; {hint}")?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

/// Where something stands, and which setting it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Place {
    /// Its bytes in the file.
    pub(super) span: Range<usize>,
    /// Its path.
    pub(super) key: String,
}

/// The mistakes found so far.
#[derive(Debug, Default)]
pub(super) struct Findings(Vec<(Place, String, Option<String>)>);

impl Findings {
    /// Notes a mistake.
    pub(super) fn add(&mut self, place: &Place, message: impl Into<String>) {
        self.0.push((place.clone(), message.into(), None));
    }

    /// Notes a mistake and what to do about it.
    pub(super) fn add_with(&mut self, place: &Place, message: impl Into<String>, hint: impl Into<String>) {
        self.0.push((place.clone(), message.into(), Some(hint.into())));
    }

    /// Notes a name that leads nowhere, with the names that may have been meant, or all of them where they are few.
    pub(super) fn unknown<'a>(
        &mut self,
        place: &Place,
        message: impl Into<String>,
        given: &str,
        known: impl IntoIterator<Item = &'a str>,
    ) {
        const LISTED_MAX: usize = 8;
        let known: Vec<&str> = known.into_iter().collect();
        let near = nearest(given, known.iter().copied());
        let hint = match near.as_slice() {
            [] if known.is_empty() || known.len() > LISTED_MAX => None,
            [] => Some(format!("known: {}", quoted(&known, ", "))),
            near => Some(format!("did you mean {}?", quoted(near, " or "))),
        };
        self.0.push((place.clone(), message.into(), hint));
    }

    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Leaves out what stands on a line that could not be read in the first place.
    pub(super) fn leave_out_lines_of(&mut self, other: &Self, text: &str) {
        let lines = Lines::of(text);
        let unread: BTreeSet<usize> = other.0.iter().map(|(place, ..)| lines.line(place.span.start)).collect();
        self.0.retain(|(place, ..)| !unread.contains(&lines.line(place.span.start)));
    }

    /// Takes the mistakes of another pass.
    pub(super) fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// The mistakes in the order of their lines.
    pub(super) fn into_problems(mut self, file: &str, text: &str) -> Problems {
        self.0.sort_by_key(|(place, ..)| place.span.start);
        let lines = Lines::of(text);
        let mut list: Vec<Problem> = Vec::new();
        for (place, message, hint) in self.0 {
            let (line, column) = lines.position(place.span.start);
            // People paste keys into the wrong place; what is wrong can be said without them.
            let problem = Problem {
                line,
                column,
                key: mask_secrets(&place.key, &[]),
                message: mask_secrets(&message, &[]),
                hint: hint.map(|hint| mask_secrets(&hint, &[])),
            };
            let said = list.iter().rev().take_while(|other| (other.line, other.column) == (line, column));
            if !said.into_iter().any(|other| *other == problem) {
                list.push(problem);
            }
        }
        Problems { file: file.to_owned(), list }
    }
}

/// Names for a sentence.
pub(super) fn quoted(names: &[&str], between: &str) -> String {
    names.iter().map(|name| format!("'{name}'")).collect::<Vec<_>>().join(between)
}

/// Where the lines of a text begin.
struct Lines<'a> {
    text: &'a str,
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    fn of(text: &'a str) -> Self {
        let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        Self { text, starts: std::iter::once(0).chain(ends.map(|(at, _)| at + 1)).collect() }
    }

    /// The line of a byte, counted from 1.
    fn line(&self, at: usize) -> usize {
        self.starts.partition_point(|start| *start <= at)
    }

    /// The line and the column of a byte, both counted from 1.
    fn position(&self, at: usize) -> (usize, usize) {
        let line = self.line(at);
        let start = self.starts.get(line.saturating_sub(1)).copied().unwrap_or_default();
        (line, self.text.get(start..at).unwrap_or_default().chars().count() + 1)
    }
}
