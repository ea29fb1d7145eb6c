//! The cells of a run and the page that publishes them.

use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write as _;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference/clients.md");
const BEGIN: &str = "<!-- cells: written by a test, do not edit -->\n";
const END: &str = "<!-- end of cells -->\n";
/// In the order of the drivers.
const SCENARIOS: [&str; 11] = [
    "whole",
    "streamed",
    "tool_loop",
    "parallel_tools",
    "structured_output",
    "image",
    "reasoning_with_tools",
    "error",
    "cancel",
    "embeddings",
    "two_tool_agent",
];
const PROVIDERS: [&str; 4] = ["openai_chat", "openai_responses", "anthropic_messages", "google_gemini"];
/// What every SDK does.
const SDK: [&str; 9] = [
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
/// What every framework does: smoke tests.
const FRAMEWORK: [&str; 4] = ["whole", "streamed", "tool_loop", "structured_output"];
const AGENT: [&str; 1] = ["two_tool_agent"];
/// Every client and what it speaks, with its scenarios against each provider.
const CLIENTS: [(&str, &str, &[&str], &[&str]); 17] = [
    ("ai with @ai-sdk/anthropic", "anthropic_messages", &FRAMEWORK, &[]),
    ("ai with @ai-sdk/openai", "openai_chat", &FRAMEWORK, &[]),
    ("ai with @ai-sdk/openai", "openai_responses", &FRAMEWORK, &[]),
    ("anthropic (JavaScript)", "anthropic_messages", &SDK, &[]),
    ("anthropic (Python)", "anthropic_messages", &SDK, &[]),
    ("google-genai (JavaScript)", "google_gemini", &SDK, &[]),
    ("google-genai (Python)", "google_gemini", &SDK, &[]),
    ("google-genai (Python, Vertex AI)", "google_gemini", &SDK, &[]),
    ("langchain-anthropic", "anthropic_messages", &FRAMEWORK, &[]),
    ("langchain-openai", "openai_chat", &FRAMEWORK, &[]),
    ("langchain-openai", "openai_responses", &FRAMEWORK, &[]),
    ("openai (JavaScript)", "openai_chat", &SDK, &["embeddings"]),
    ("openai (JavaScript)", "openai_responses", &SDK, &[]),
    ("openai (Python)", "openai_chat", &SDK, &["embeddings"]),
    ("openai (Python)", "openai_responses", &SDK, &[]),
    ("openai-agents", "openai_chat", &AGENT, &[]),
    ("openai-agents", "openai_responses", &AGENT, &[]),
];

/// One scenario of one client against one provider.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Cell {
    client: String,
    client_dialect: String,
    provider_dialect: String,
    scenario: usize,
    version: String,
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
    let mut rows: BTreeMap<(&str, &str, &str), Vec<&Cell>> = BTreeMap::new();
    for cell in cells {
        rows.entry((&cell.client, &cell.client_dialect, &cell.provider_dialect)).or_default().push(cell);
    }
    let mut text = String::from("| SDK | speaks | to a provider of |");
    for scenario in SCENARIOS {
        let _ = write!(text, " {} |", scenario.replace('_', " "));
    }
    text += "\n| --- | --- | --- |";
    text += &" --- |".repeat(SCENARIOS.len());
    text.push('\n');
    for ((client, speaks, provider), cells) in &rows {
        let first = cells[0];
        let _ = write!(text, "| {client} {} | {speaks} | {provider} |", first.version);
        for scenario in 0..SCENARIOS.len() {
            let mark = match cells.iter().find(|cell| cell.scenario == scenario) {
                Some(cell) if cell.passed => "yes",
                Some(_) => "**no**",
                None => "–",
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
        let Cell { client, client_dialect, provider_dialect, detail, .. } = cell;
        format!("{client} speaking {client_dialect} to {provider_dialect}, {}: {detail}", SCENARIOS[cell.scenario])
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
    for (client, speaks, scenarios, more) in CLIENTS {
        for (provider, scenario) in PROVIDERS.iter().flat_map(|p| scenarios.iter().chain(more).map(move |s| (p, s))) {
            let is = |cell: &&Cell| {
                (&*cell.client, &*cell.client_dialect, &*cell.provider_dialect) == (client, speaks, *provider)
                    && SCENARIOS[cell.scenario] == *scenario
            };
            assert!(
                cells.iter().any(|cell| is(&cell)),
                "{client} speaking {speaks} to {provider}, {scenario}: no result"
            );
        }
    }
    let expected: usize = CLIENTS.iter().map(|(.., scenarios, more)| scenarios.len() + more.len()).sum();
    assert_eq!(cells.len(), expected * PROVIDERS.len(), "every client, every provider, every scenario, and no other");
}
