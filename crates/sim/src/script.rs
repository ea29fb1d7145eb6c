//! The fault script: which requests get which faults.
//!
//! ```text
//! # the third request, and the fifth to the tenth
//! 3            rate_limited:retry_after=2
//! 5..10        cut:after=3
//! every 7      overloaded
//! model=sim-1  slow_headers:ms=200, stall:after=1
//! ```
//!
//! Requests are counted from 1 as they arrive. The first rule that matches decides; `none` as its fault says that nothing
//! goes wrong.

use crate::fault::{FaultError, Faults};
use std::str::FromStr;

/// Most rules taken in one script.
pub const RULES_MAX: usize = 10_000;

/// A fault script that was read without a mistake.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FaultScript {
    rules: Vec<Rule>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Rule {
    which: Which,
    faults: Faults,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Which {
    /// Both ends belong to the range.
    Ordinals(u64, u64),
    Every(u64),
    Model(String),
}

/// Why a fault script cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct ScriptError {
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong with it.
    #[source]
    pub problem: ScriptProblem,
}

/// What is wrong with a line of a fault script.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ScriptProblem {
    /// The first word does not say which requests are meant.
    #[error("`{found}` does not name requests; write `3`, `5..10`, `every 7` or `model=NAME`")]
    UnknownSelector {
        /// The word as written.
        found: String,
    },
    /// A number is 0, too large, or a range runs backwards.
    #[error("`{found}` is not a number or range from 1 upwards")]
    BadOrdinal {
        /// The word as written.
        found: String,
    },
    /// The line names requests but no fault.
    #[error("no fault is named; write for example `3 overloaded`, or `3 none`")]
    NoFault,
    /// The fault cannot be read.
    #[error(transparent)]
    Fault(#[from] FaultError),
    /// The script is too long.
    #[error("more than {RULES_MAX} rules")]
    TooMany,
}

impl FaultScript {
    /// The faults for the request with this ordinal (from 1) and model, or `None` when no rule speaks about it.
    pub fn faults_for(&self, ordinal: u64, model: &str) -> Option<&Faults> {
        let rule = self.rules.iter().find(|rule| match &rule.which {
            Which::Ordinals(first, last) => (*first..=*last).contains(&ordinal),
            Which::Every(step) => ordinal.is_multiple_of(*step),
            Which::Model(name) => name == model,
        })?;
        Some(&rule.faults)
    }

    /// True if the script has no rule.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }
}

impl FromStr for FaultScript {
    type Err = ScriptError;

    fn from_str(text: &str) -> Result<Self, ScriptError> {
        let mut rules = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let at_line = |problem| ScriptError { line: index + 1, problem };
            let line = line.split('#').next().unwrap_or_default().trim();
            if line.is_empty() {
                continue;
            }
            if rules.len() == RULES_MAX {
                return Err(at_line(ScriptProblem::TooMany));
            }
            rules.push(rule(line).map_err(at_line)?);
        }
        Ok(Self { rules })
    }
}

fn rule(line: &str) -> Result<Rule, ScriptProblem> {
    let (first, rest) = next_word(line);
    let (which, rest) = if first == "every" {
        let (step, rest) = next_word(rest);
        (Which::Every(ordinal(step)?), rest)
    } else if let Some(name) = first.strip_prefix("model=") {
        (Which::Model(name.to_owned()), rest)
    } else if let Some((from, to)) = first.split_once("..") {
        let (from, to) = (ordinal(from)?, ordinal(to.trim_start_matches('='))?);
        if from > to {
            return Err(ScriptProblem::BadOrdinal { found: first.to_owned() });
        }
        (Which::Ordinals(from, to), rest)
    } else if first.starts_with(|letter: char| letter.is_ascii_digit()) {
        let only = ordinal(first)?;
        (Which::Ordinals(only, only), rest)
    } else {
        return Err(ScriptProblem::UnknownSelector { found: first.to_owned() });
    };
    if rest.is_empty() {
        return Err(ScriptProblem::NoFault);
    }
    Ok(Rule { which, faults: rest.parse()? })
}

fn next_word(line: &str) -> (&str, &str) {
    let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    (word, rest.trim())
}

fn ordinal(word: &str) -> Result<u64, ScriptProblem> {
    let number = word.parse::<u64>().ok().filter(|number| *number > 0);
    number.ok_or_else(|| ScriptProblem::BadOrdinal { found: word.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_rule_that_matches_decides() {
        let script: FaultScript =
            "# start\n3 none\n\n2..4 cut:after=1 # middle\nevery 5 overloaded\nmodel=m html".parse().unwrap();
        let told = |ordinal, model| script.faults_for(ordinal, model).map(ToString::to_string);
        assert_eq!(told(1, "x"), None);
        assert_eq!(told(2, "x").as_deref(), Some("cut:after=1"));
        assert_eq!(told(3, "x").as_deref(), Some(""));
        assert_eq!(told(4, "m").as_deref(), Some("cut:after=1"));
        assert_eq!(told(10, "m").as_deref(), Some("overloaded"));
        assert_eq!(told(11, "m").as_deref(), Some("html"));
    }

    #[test]
    fn mistakes_carry_their_line() {
        let error = |text: &str| text.parse::<FaultScript>().unwrap_err();
        assert_eq!(error("1 cut\nsometimes cut").line, 2);
        assert!(matches!(error("sometimes cut").problem, ScriptProblem::UnknownSelector { .. }));
        assert!(matches!(error("0 cut").problem, ScriptProblem::BadOrdinal { .. }));
        assert!(matches!(error("9..3 cut").problem, ScriptProblem::BadOrdinal { .. }));
        assert!(matches!(error("every x cut").problem, ScriptProblem::BadOrdinal { .. }));
        assert!(matches!(error("4").problem, ScriptProblem::NoFault));
        assert!(matches!(error("\n4 oops").problem, ScriptProblem::Fault(FaultError::UnknownFault { .. })));
    }
}
