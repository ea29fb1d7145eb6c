//! Every usage that was recorded, priced by the tables of LiteLLM and genai-prices: as we do it, and as the two projects
//! say that they do. What differs is explained, each row by a reason that is checked, or the test fails.
//!
//! The formulas here are written from what the projects document, in arithmetic of their own, and read the recorded JSON
//! themselves: they share nothing with the code that they are held against.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

mod decimal;
mod genai_prices;
mod litellm;
mod page;

use decimal::Decimal;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use switchtower::conformance::{RecordedUsage, usages};
use switchtower_catalogue::import::Project;
use switchtower_catalogue::prices::import::import;
use switchtower_catalogue::prices::{Asked, Prices, reported_cost};
use switchtower_domain::{Cost, CostStatus, Currency};

/// The day on which everything is priced.
const DAY: &str = "2026-11-21";

/// What a project makes of a usage.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Theirs {
    /// It has no price of the model.
    NoPrice,
    /// It has one, and this is the cost, in parts: what for, how many, and what that costs.
    Cost(Vec<(&'static str, u64, Decimal)>),
}

impl Theirs {
    fn total(&self) -> Option<Decimal> {
        match self {
            Self::NoPrice => None,
            Self::Cost(parts) => Some(parts.iter().fold(Decimal::ZERO, |sum, (_, _, part)| sum + *part)),
        }
    }

    /// What a part costs.
    fn part(&self, name: &str) -> Decimal {
        match self {
            Self::NoPrice => Decimal::ZERO,
            Self::Cost(parts) => {
                parts.iter().filter(|(of, ..)| *of == name).fold(Decimal::ZERO, |sum, (_, _, part)| sum + *part)
            }
        }
    }
}

/// How a row came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    /// The same to the last digit.
    Same,
    /// The same, and ours says that it is an estimate.
    SameEstimated,
    /// Neither has a price.
    Neither,
    /// Another, for this reason.
    Explained(&'static str),
}

/// One usage, priced by one table.
#[derive(Debug)]
struct Row<'a> {
    recorded: &'a RecordedUsage,
    ours: Cost,
    theirs: Theirs,
    outcome: Option<Outcome>,
}

fn shared(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared").join(name)
}

fn table(file: &str) -> Value {
    let packed = std::fs::File::open(shared("datasets/prices").join(file)).unwrap();
    serde_json::from_reader(flate2::read::MultiGzDecoder::new(packed)).unwrap()
}

fn priced(project: Project, data: &Value, recorded: &RecordedUsage) -> Cost {
    thread_local! { static LISTS: std::cell::RefCell<BTreeMap<&'static str, Arc<Prices>>> = const { std::cell::RefCell::new(BTreeMap::new()) }; }
    let prices = LISTS.with_borrow_mut(|lists| {
        let made = lists.entry(project.as_str()).or_insert_with(|| {
            let imported = import(project, data, project.as_str(), DAY.parse().unwrap()).unwrap();
            Arc::new(Prices::default().with(project.as_str(), Arc::new(imported.list)))
        });
        Arc::clone(made)
    });
    let asked =
        Asked { provider: None, kind: &recorded.kind, model: &recorded.model, region: None, day: DAY.parse().unwrap() };
    prices.price(&asked, &recorded.usage)
}

/// Whether both come to the same: an amount of ours is rounded to 10⁻¹⁸, once for each line.
fn same(ours: &Cost, theirs: Decimal) -> bool {
    ours.whole(Currency::USD).is_some_and(|ours| Decimal::of_amount(ours) == theirs)
}

fn outcome(row: &Row<'_>, explain: impl Fn(&Row<'_>) -> Option<&'static str>) -> Option<Outcome> {
    match (row.ours.status(), row.theirs.total()) {
        (CostStatus::Exact, Some(total)) if same(&row.ours, total) => Some(Outcome::Same),
        (CostStatus::Estimated(_), Some(total)) if same(&row.ours, total) => Some(Outcome::SameEstimated),
        (CostStatus::Unknown(_), None) if row.ours.lines().is_empty() => Some(Outcome::Neither),
        _ => explain(row).map(Outcome::Explained),
    }
}

#[test]
fn every_recorded_usage_costs_what_the_projects_say_or_the_difference_is_explained() {
    let folder = shared("traffic");
    if !folder.is_dir() || !shared("datasets/prices").is_dir() {
        eprintln!("skipped: no recordings and tables in ../shared");
        return;
    }
    let all = usages(&folder).unwrap();
    assert!(all.len() > 1_000, "{}", all.len());
    let (theirs, other) =
        (table("litellm-1.109.1.model_prices.json.gz"), table("genai-prices-47df840.data-v2.json.gz"));
    let mut of_litellm = Vec::new();
    let mut of_genai_prices = Vec::new();
    for recorded in &all {
        let ours = priced(Project::Litellm, &theirs, recorded);
        let mut row = Row { recorded, ours, theirs: litellm::cost(&theirs, recorded), outcome: None };
        row.outcome = outcome(&row, |row| litellm::explain(&theirs, row));
        of_litellm.push(row);
        let ours = priced(Project::GenaiPrices, &other, recorded);
        let mut row = Row { recorded, ours, theirs: genai_prices::cost(&other, recorded), outcome: None };
        row.outcome = outcome(&row, |row| genai_prices::explain(&other, row));
        of_genai_prices.push(row);
    }
    for (name, rows) in [("LiteLLM", &of_litellm), ("genai-prices", &of_genai_prices)] {
        let unexplained: Vec<String> =
            rows.iter().filter(|row| row.outcome.is_none()).map(|row| told(name, row)).collect();
        assert!(
            unexplained.is_empty(),
            "{} of {}:\n{}",
            unexplained.len(),
            rows.len(),
            unexplained.iter().take(30).cloned().collect::<Vec<_>>().join("\n")
        );
        let same =
            rows.iter().filter(|row| matches!(row.outcome, Some(Outcome::Same | Outcome::SameEstimated))).count();
        assert!(same * 2 > rows.len(), "{name}: only {same} of {} are the same", rows.len());
    }
    page::check(&of_litellm, &of_genai_prices, &reports(&all));
}

fn told(name: &str, row: &Row<'_>) -> String {
    let lines: Vec<String> = row
        .ours
        .lines()
        .iter()
        .map(|line| format!("{} {} @{}", line.charge, line.quantity, line.rate.amount))
        .collect();
    format!(
        "{name} {} {}/{} [{}]: ours {:?} {lines:?} {:?}, theirs {:?} {:?}\n    {}",
        row.recorded.file,
        row.recorded.kind,
        row.recorded.model,
        row.recorded.dialect,
        row.ours.status(),
        row.ours.totals().iter().map(ToString::to_string).collect::<Vec<_>>(),
        row.theirs.total().map(|total| total.to_string()),
        row.theirs,
        row.recorded.recorded,
    )
}

/// How our costs by the lists that ship compare with what providers report themselves.
fn reports(all: &[RecordedUsage]) -> BTreeMap<String, [usize; 4]> {
    let prices = Prices::built_in();
    let mut found: BTreeMap<String, [usize; 4]> = BTreeMap::new();
    for recorded in all {
        let Some(reported) = reported_cost(&recorded.usage) else { continue };
        let asked = Asked {
            provider: None,
            kind: &recorded.kind,
            model: &recorded.model,
            region: None,
            day: DAY.parse().unwrap(),
        };
        let cost = prices.price(&asked, &recorded.usage);
        let at = match cost.whole(Currency::USD) {
            None => 3,
            Some(ours) if ours == reported.amount => 0,
            Some(ours) if ours < reported.amount => 1,
            Some(_) => 2,
        };
        found.entry(recorded.kind.clone()).or_default()[at] += 1;
    }
    found
}
