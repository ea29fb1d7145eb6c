//! What is wrong with a configuration: a line for each mistake, all of them at once.

use super::sources::Sources;
use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;
use switchtower_domain::{mask_secrets, nearest};

/// One mistake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The name of the file, as it was given or included.
    pub file: String,
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

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if self.line > 0 {
            write!(f, ":{}:{}", self.line, self.column)?;
        }
        write!(f, ": {}", self.message)?;
        self.hint.as_ref().map_or(Ok(()), |hint| write!(f, "; {hint}"))
    }
}

/// Every mistake of a configuration, file by file and in the order of lines. It prints as a compiler does, one line
/// each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems {
    /// The mistakes, at least one.
    pub list: Vec<Problem>,
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, problem) in self.list.iter().enumerate() {
            if at > 0 {
                writeln!(f)?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

/// Where something stands, and which setting it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Place {
    /// The number of the file.
    pub(super) file: usize,
    /// Its bytes in the file.
    pub(super) span: Range<usize>,
    /// Its path.
    pub(super) key: String,
}

/// The mistakes found so far.
#[derive(Debug, Default)]
pub(super) struct Findings {
    /// The file that is being read.
    file: usize,
    list: Vec<Finding>,
}

#[derive(Debug)]
struct Finding {
    place: Place,
    message: String,
    /// Where the same was said first.
    first: Option<Place>,
    hint: Option<String>,
}

impl Findings {
    /// None yet, in the file of that number.
    pub(super) fn of(file: usize) -> Self {
        Self { file, list: Vec::new() }
    }

    /// A place in the file that is being read.
    pub(super) const fn place(&self, span: Range<usize>, key: String) -> Place {
        Place { file: self.file, span, key }
    }

    /// Notes a mistake.
    pub(super) fn add(&mut self, place: &Place, message: impl Into<String>) {
        self.list.push(Finding { place: place.clone(), message: message.into(), first: None, hint: None });
    }

    /// Notes a mistake and what to do about it.
    pub(super) fn add_with(&mut self, place: &Place, message: impl Into<String>, hint: impl Into<String>) {
        let hint = Some(hint.into());
        self.list.push(Finding { place: place.clone(), message: message.into(), first: None, hint });
    }

    /// Notes that something is said again.
    pub(super) fn add_again(&mut self, place: &Place, message: impl Into<String>, first: &Place) {
        let first = Some(first.clone());
        self.list.push(Finding { place: place.clone(), message: message.into(), first, hint: None });
    }

    /// Notes a name that leads nowhere, with the names that may have been meant, or all of them where they are few.
    pub(super) fn unknown<'a>(
        &mut self,
        place: &Place,
        message: impl Into<String>,
        given: &str,
        known: impl IntoIterator<Item = &'a str>,
    ) {
        const LISTED_MAX: usize = 24;
        let known: Vec<&str> = known.into_iter().collect();
        let near = nearest(given, known.iter().copied());
        let hint = match near.as_slice() {
            [] if known.is_empty() || known.len() > LISTED_MAX => None,
            [] => Some(format!("known: {}", quoted(&known, ", "))),
            near => Some(format!("did you mean {}?", quoted(near, " or "))),
        };
        self.list.push(Finding { place: place.clone(), message: message.into(), first: None, hint });
    }

    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Leaves out what stands on a line that could not be read in the first place.
    pub(super) fn leave_out_lines_of(&mut self, other: &Self, sources: &Sources) {
        let line = |finding: &Finding| (finding.place.file, sources.line(&finding.place));
        let unread: BTreeSet<(usize, usize)> = other.list.iter().map(line).collect();
        self.list.retain(|finding| !unread.contains(&line(finding)));
    }

    /// Takes the mistakes of another pass.
    pub(super) fn extend(&mut self, other: Self) {
        self.list.extend(other.list);
    }

    /// The mistakes, file by file and in the order of lines.
    pub(super) fn into_problems(mut self, sources: &Sources) -> Problems {
        self.list.sort_by_key(|finding| (finding.place.file, finding.place.span.start));
        let mut list: Vec<Problem> = Vec::new();
        for Finding { place, message, first, hint } in self.list {
            let (line, column) = sources.position(&place);
            let first = first.map(|first| format!(", first at {}", sources.written(&first))).unwrap_or_default();
            // People paste keys into the wrong place; what is wrong can be said without them.
            let problem = Problem {
                file: sources.name(&place).to_owned(),
                line,
                column,
                key: mask_secrets(&place.key, &[]),
                message: mask_secrets(&message, &[]) + &first,
                hint: hint.map(|hint| mask_secrets(&hint, &[])),
            };
            let same_place =
                |other: &&Problem| (other.line, other.column) == (line, column) && other.file == problem.file;
            if !list.iter().rev().take_while(same_place).any(|other| *other == problem) {
                list.push(problem);
            }
        }
        Problems { list }
    }
}

/// Names for a sentence.
pub(super) fn quoted(names: &[&str], between: &str) -> String {
    names.iter().map(|name| format!("'{name}'")).collect::<Vec<_>>().join(between)
}
