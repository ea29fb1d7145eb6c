//! What a run found, as a table and as JSON.

use serde::Serialize;
use std::collections::BTreeMap;

/// The outcome of a run.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    /// The counts of all exchanges.
    #[serde(flatten)]
    pub total: Counts,
    /// The counts of each API.
    pub by_api: BTreeMap<String, Counts>,
    /// The counts of each provider.
    pub by_provider: BTreeMap<String, Counts>,
    /// Every check that failed.
    pub failures: Vec<Failed>,
}

/// How many exchanges there were, and how they fared.
#[derive(Debug, Default, Clone, Copy, Serialize, PartialEq, Eq)]
pub struct Counts {
    /// All of them.
    pub exchanges: usize,
    /// Those of which every check passed.
    pub passed: usize,
    /// Those of which some check failed.
    pub failed: usize,
    /// Those of an API that no dialect claims.
    pub not_covered: usize,
}

/// One check that failed.
#[derive(Debug, Clone, Serialize, PartialEq, Eq)]
pub struct Failed {
    /// The file of the exchange, beneath the folder.
    pub file: String,
    /// The check.
    pub check: &'static str,
    /// Why: paths and kinds, never content.
    pub reason: String,
}

/// How one exchange fared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    Passed,
    Failed(Vec<(&'static str, String)>),
    NotCovered,
}

impl Counts {
    fn add(&mut self, outcome: &Outcome) {
        self.exchanges += 1;
        match outcome {
            Outcome::Passed => self.passed += 1,
            Outcome::Failed(_) => self.failed += 1,
            Outcome::NotCovered => self.not_covered += 1,
        }
    }
}

impl Report {
    pub(super) fn add(&mut self, file: &str, api: &str, provider: &str, outcome: Outcome) {
        self.total.add(&outcome);
        self.by_api.entry(api.to_owned()).or_default().add(&outcome);
        self.by_provider.entry(provider.to_owned()).or_default().add(&outcome);
        if let Outcome::Failed(checks) = outcome {
            self.failures.extend(checks.into_iter().map(|(check, reason)| Failed {
                file: file.to_owned(),
                check,
                reason,
            }));
        }
    }

    /// Whether no exchange failed.
    pub const fn passed(&self) -> bool {
        self.total.failed == 0
    }

    /// The table for people.
    pub fn table(&self) -> String {
        let mut table = comfy_table::Table::new();
        table.load_style(comfy_table::presets::UTF8_BORDERS_ONLY);
        table.set_header(["API", "exchanges", "passed", "failed", "not covered"]);
        let mut row = |name: &str, counts: &Counts| {
            let numbers = [counts.exchanges, counts.passed, counts.failed, counts.not_covered];
            table.add_row(std::iter::once(name.to_owned()).chain(numbers.iter().map(ToString::to_string)));
        };
        for (api, counts) in &self.by_api {
            row(api, counts);
        }
        row("all", &self.total);
        table.to_string()
    }
}
