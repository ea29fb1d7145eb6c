//! The cells of a run and the page that publishes them.

use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write as _;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference/clients.md");
const BEGIN: &str = "<!-- cells: written by a test, do not edit -->\n";
const END: &str = "<!-- end of cells -->\n";
/// In the order of the drivers.
const SCENARIOS: [&str; 9] = [
    "whole",
    "streamed",
    "tool_loop",
    "parallel_tools",
    "structured_output",
    "image",
    "reasoning_with_tools",
    "error",
    "cancel",
];

/// One scenario of one client against one provider.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Cell {
    client: String,
    provider_dialect: String,
    scenario: usize,
    version: String,
    client_dialect: String,
    passed: bool,
    detail: String,
}

impl Cell {
    /// Reads a driver's line.
    pub(crate) fn read(line: &str) -> Self {
        let value: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("a driver printed {line:?}"));
        let text = |field: &str| value[field].as_str().unwrap_or_else(|| panic!("no {field} in {line}")).to_owned();
        let scenario = text("scenario");
        Self {
            client: text("client"),
            provider_dialect: text("provider_dialect"),
            scenario: SCENARIOS.iter().position(|known| *known == scenario).expect("a scenario of ours"),
            version: text("version"),
            client_dialect: text("client_dialect"),
            passed: text("result") == "passed",
            detail: text("detail"),
        }
    }
}

/// A row for each client and provider, a column for each scenario.
pub(crate) fn table(cells: &[Cell]) -> String {
    let mut rows: BTreeMap<(&str, &str), Vec<&Cell>> = BTreeMap::new();
    for cell in cells {
        rows.entry((&cell.client, &cell.provider_dialect)).or_default().push(cell);
    }
    let mut text = String::from("| SDK | speaks | to a provider of |");
    for scenario in SCENARIOS {
        let _ = write!(text, " {} |", scenario.replace('_', " "));
    }
    text += "\n| --- | --- | --- |";
    text += &" --- |".repeat(SCENARIOS.len());
    text.push('\n');
    for ((client, provider), cells) in &rows {
        let first = cells[0];
        let _ = write!(text, "| {client} {} | {} | {provider} |", first.version, first.client_dialect);
        for scenario in 0..SCENARIOS.len() {
            let mark = match cells.iter().find(|cell| cell.scenario == scenario) {
                Some(cell) if cell.passed => "yes",
                Some(_) => "**no**",
                None => "?",
            };
            let _ = write!(text, " {mark} |");
        }
        text.push('\n');
    }
    text
}

/// The cells that failed, each with its reason.
pub(crate) fn failed(cells: &[Cell]) -> Vec<String> {
    let of = |cell: &Cell| {
        format!("{} to {}, {}: {}", cell.client, cell.provider_dialect, SCENARIOS[cell.scenario], cell.detail)
    };
    cells.iter().filter(|cell| !cell.passed).map(of).collect()
}

/// Fails where the page does not list these cells, or where one of them failed.
pub(crate) fn compare(cells: &[Cell]) {
    let page = std::fs::read_to_string(PAGE).unwrap();
    let (before, rest) = page.split_once(BEGIN).expect("the mark where the cells begin");
    let (_, after) = rest.split_once(END).expect("the mark where the cells end");
    let wanted = format!("{before}{BEGIN}\n{}\n{END}{after}", table(cells));
    if std::env::var_os("SWITCHTOWER_UPDATE_DOCS").is_some() {
        std::fs::write(PAGE, &wanted).unwrap();
    } else {
        assert!(page == wanted, "docs/reference/clients.md lists other cells; run with SWITCHTOWER_UPDATE_DOCS=1");
    }
    let failed = failed(cells);
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    assert_eq!(cells.len(), 4 * 2 * SCENARIOS.len(), "every client, every provider, every scenario");
}
