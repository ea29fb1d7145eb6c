//! `docs/reference/prices.md`: what was found, row by row. `SWITCHTOWER_UPDATE_DOCS=1` rewrites it.

use super::{DAY, Outcome, Row};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use switchtower_domain::{Charge, Currency, EstimateReason};

pub(crate) fn check(litellm: &[Row<'_>], genai_prices: &[Row<'_>], reports: &BTreeMap<String, [usize; 4]>) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/prices.md");
    let mut text = head();
    for (name, rows) in [("LiteLLM", litellm), ("genai-prices", genai_prices)] {
        project(&mut text, name, rows);
    }
    reported(&mut text, reports);
    if std::env::var_os("SWITCHTOWER_UPDATE_DOCS").is_some() {
        std::fs::write(&path, text).unwrap();
    } else {
        let found = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(found == text, "docs/reference/prices.md is stale; run the test with SWITCHTOWER_UPDATE_DOCS=1");
    }
}

fn head() -> String {
    let mut text = String::from(
        "<!-- written by a test from recorded usages, do not edit -->\n# Prices\n\nWhat can be charged for, and what our costs \
         are held against. How to state prices is in [the guide](../guides/prices.md), why it is done so in \
         [decision 0040](../decisions/0040-money.md).\n\n## What is charged for\n\n| Key in a file | Price for |\n| --- | --- |\n",
    );
    let unit = |charge: Charge| match charge {
        Charge::Request => "one request",
        Charge::WebSearch | Charge::WebFetch => "one call",
        Charge::Page => "one page",
        Charge::Image => "one picture",
        Charge::Characters => "1,000 characters",
        Charge::Time | Charge::Egress => "",
        _ => "1,000,000 tokens",
    };
    for charge in Charge::ALL {
        let _ = match charge {
            Charge::Time => writeln!(text, "| `second`, `minute` | a second, a minute |"),
            Charge::Egress => writeln!(text, "| `gigabyte`, in `[[egress]]` | 10⁹ bytes |"),
            _ => writeln!(text, "| `{charge}` | {} |", unit(charge)),
        };
    }
    text.push_str("\n## Why a cost is an estimate\n\n| Word | Because |\n| --- | --- |\n");
    for reason in EstimateReason::ALL {
        let why = match reason {
            EstimateReason::CacheLifetime => {
                "the lifetime of what was written to a cache is not told, and lifetimes cost differently"
            }
            EstimateReason::CachedKind => {
                "it is not told how many audio or image tokens came from a cache; text is taken to be cached first"
            }
            EstimateReason::CountedHere => "the provider reported no usage, and tokens were counted here",
            EstimateReason::Interrupted => "the stream ended early",
            EstimateReason::Reserved => "no usage is known, and what was reserved is charged",
            EstimateReason::Region => "the price differs by region, and none is stated for this one",
            EstimateReason::Hour => "the price differs by the hour; this is the one of busy hours",
            EstimateReason::Allowance => "some are free of charge first",
            EstimateReason::SearchSize => "the price differs by how much is searched",
            EstimateReason::NameAlike => "a collected price is for every name that looks like this one",
        };
        let _ = writeln!(text, "| `{}` | {why} |", reason.as_str());
    }
    let _ = write!(
        text,
        "\n## Recorded usages, priced by two tables\n\nEvery usage that recorded traffic reports, priced on {DAY} by the tables of \
         LiteLLM 1.109.1 and of genai-prices 47df840 as they are imported here, and by the two projects' own formulas, written \
         anew from what they document. *The same* is the same to the last digit. A test computes every row and fails for a \
         difference that no reason explains; a reason holds only where the numbers bear it out.\n"
    );
    text
}

fn project(text: &mut String, name: &str, rows: &[Row<'_>]) {
    let mut by_outcome: BTreeMap<Outcome, Vec<&Row<'_>>> = BTreeMap::new();
    for row in rows {
        by_outcome.entry(row.outcome.unwrap()).or_default().push(row);
    }
    let _ = write!(text, "\n### {name}\n\n| Recorded usages | |\n| ---: | --- |\n");
    for (outcome, rows) in &by_outcome {
        let _ = writeln!(text, "| {} | {} |", rows.len(), told(*outcome));
    }
    for (outcome, rows) in &by_outcome {
        if let Outcome::Explained(reason) = outcome {
            explained(text, name, reason, rows);
        }
    }
    let neither = by_outcome.get(&Outcome::Neither).map(Vec::as_slice).unwrap_or_default();
    let mut models: BTreeMap<String, usize> = BTreeMap::new();
    for row in neither {
        *models.entry(format!("{}/{}", row.recorded.kind, row.recorded.model)).or_default() += 1;
    }
    let models: Vec<String> = models.iter().map(|(model, count)| format!("`{model}` ({count})")).collect();
    let _ = write!(text, "\n#### {name}: no price there, unknown here\n\n{}.\n", models.join(", "));
}

fn told(outcome: Outcome) -> String {
    match outcome {
        Outcome::Same => "the same".to_owned(),
        Outcome::SameEstimated => "the same, and told as an estimate here".to_owned(),
        Outcome::Neither => "no price there, unknown here".to_owned(),
        Outcome::Explained(reason) => reason.to_owned(),
    }
}

/// Rows of one reason, by recording.
fn explained(text: &mut String, name: &str, reason: &str, rows: &[&Row<'_>]) {
    let _ =
        write!(text, "\n#### {name}: {reason}\n\n| Recording | Model | Here | There |\n| --- | --- | --- | --- |\n");
    for row in rows {
        let ours = row.ours.whole(Currency::USD).map_or_else(
            || {
                let parts: Vec<String> = row.ours.totals().iter().map(ToString::to_string).collect();
                if parts.is_empty() { "unknown".to_owned() } else { format!("unknown, of it {}", parts.join(" + ")) }
            },
            |amount| format!("{amount} USD"),
        );
        let theirs = row.theirs.total().map_or_else(|| "no price".to_owned(), |total| format!("{total} USD"));
        let recorded = row.recorded;
        let _ = writeln!(text, "| {} | {}/{} | {ours} | {theirs} |", recorded.file, recorded.kind, recorded.model);
    }
}

fn reported(text: &mut String, reports: &BTreeMap<String, [usize; 4]>) {
    let _ = write!(
        text,
        "\n## What providers report themselves\n\nSome providers report what a request cost. That is kept beside our cost and never in \
         its place. Recordings are older than the lists, so that prices have changed since; what a router chose is not in the \
         list of its models.\n\n| Provider | The same | Theirs is more | Theirs is less | Ours is unknown |\n| --- | ---: | ---: | ---: | ---: |\n"
    );
    for (kind, [same, more, less, unknown]) in reports {
        let _ = writeln!(text, "| {kind} | {same} | {more} | {less} | {unknown} |");
    }
}
