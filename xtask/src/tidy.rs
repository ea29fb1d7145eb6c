//! `cargo xtask tidy`: what the compiler does not check about the shape of this workspace.
//!
//! Each rule is a function from a [`Tree`] (path to text) to violations, so that its tests need
//! no disk. All rules run and all violations are printed, each with what to do about it.

mod cycles;
mod dependencies;
mod floors;
mod manifest;
mod shapes;
mod source;
mod texts;
mod tree;

use std::fmt;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Result;

use self::tree::Tree;

/// A rule of this workspace that something breaks.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Violation {
    file: String,
    line: Option<usize>,
    problem: String,
    remedy: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.file)?;
        if let Some(line) = self.line {
            write!(formatter, ":{line}")?;
        }
        write!(formatter, ": {}\n    {}", self.problem, self.remedy)
    }
}

/// Every rule, in the order in which STYLE tells them.
const RULES: [fn(&Tree) -> Vec<Violation>; 7] = [
    floors::check,
    dependencies::check,
    cycles::check_rings,
    cycles::check_siblings,
    shapes::check,
    texts::check_paths,
    texts::check_lengths,
];

/// Checks the workspace in `root` and prints what it found.
pub(crate) fn run(root: &Path) -> Result<ExitCode> {
    let tree = Tree::read(root)?;
    let mut violations: Vec<_> = RULES.iter().flat_map(|rule| rule(&tree)).collect();
    violations.sort();
    violations.dedup();
    if violations.is_empty() {
        println!("tidy: {} files, nothing to complain about", tree.len());
        return Ok(ExitCode::SUCCESS);
    }
    for violation in &violations {
        println!("{violation}");
    }
    println!("tidy: {} violations in {} files", violations.len(), tree.len());
    Ok(ExitCode::FAILURE)
}
