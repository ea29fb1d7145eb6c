//! The cells of a run and the page that publishes them.

use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write as _;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference/clients.md");
const BEGIN: &str = "<!-- cells: written by a test, do not edit -->\n";
const END: &str = "<!-- end of cells -->\n";
/// In the order of the drivers.
const SCENARIOS: [&str; 14] = [
    "whole",
    "streamed",
    "tool_loop",
    "parallel_tools",
    "structured_output",
    "image",
    "document",
    "reasoning_with_tools",
    "error",
    "cancel",
    "embeddings",
    "rerank",
    "fill_in",
    "two_tool_agent",
];
const PROVIDERS: [&str; 7] = [
    "openai_chat",
    "openai_responses",
    "anthropic_messages",
    "google_gemini",
    "bedrock_converse",
    "cohere_chat",
    "ollama_chat",
];
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
const DOCUMENT: &str = "document";
const EMBEDDINGS: &str = "embeddings";
/// Every client and what it speaks, with its scenarios against each provider.
const CLIENTS: [(&str, &str, &[&str], &[&str]); 27] = [
    ("@aws-sdk/client-bedrock-runtime", "bedrock_converse", &SDK, &[DOCUMENT, EMBEDDINGS]),
    ("ai with @ai-sdk/anthropic", "anthropic_messages", &FRAMEWORK, &[]),
    ("ai with @ai-sdk/openai", "openai_chat", &FRAMEWORK, &[]),
    ("ai with @ai-sdk/openai", "openai_responses", &FRAMEWORK, &[]),
    ("anthropic (JavaScript)", "anthropic_messages", &SDK, &[DOCUMENT]),
    ("anthropic (Python)", "anthropic_messages", &SDK, &[DOCUMENT]),
    ("anthropic (Python, Bedrock)", "anthropic_messages", &SDK, &[DOCUMENT]),
    ("anthropic (Python, Vertex AI)", "anthropic_messages", &SDK, &[DOCUMENT]),
    ("boto3 (key over TLS)", "bedrock_converse", &SDK, &[DOCUMENT, EMBEDDINGS]),
    ("boto3 (signed)", "bedrock_converse", &SDK, &[DOCUMENT, EMBEDDINGS]),
    ("cohere", "cohere_chat", &SDK, &[DOCUMENT, EMBEDDINGS, "rerank"]),
    ("google-genai (JavaScript)", "google_gemini", &SDK, &[DOCUMENT, EMBEDDINGS]),
    ("google-genai (Python)", "google_gemini", &SDK, &[DOCUMENT, EMBEDDINGS]),
    ("google-genai (Python, Vertex AI)", "google_gemini", &SDK, &[DOCUMENT, EMBEDDINGS]),
    ("langchain-anthropic", "anthropic_messages", &FRAMEWORK, &[]),
    ("langchain-aws", "bedrock_converse", &FRAMEWORK, &[]),
    ("langchain-google-genai", "google_gemini", &FRAMEWORK, &[]),
    ("langchain-openai", "openai_chat", &FRAMEWORK, &[]),
    ("langchain-openai", "openai_responses", &FRAMEWORK, &[]),
    ("mistralai", "openai_chat", &SDK, &[DOCUMENT, EMBEDDINGS, "fill_in"]),
    ("ollama", "ollama_chat", &SDK, &[]),
    ("openai (JavaScript)", "openai_chat", &SDK, &[DOCUMENT, EMBEDDINGS]),
    ("openai (JavaScript)", "openai_responses", &SDK, &[DOCUMENT]),
    ("openai (Python)", "openai_chat", &SDK, &[DOCUMENT, EMBEDDINGS]),
    ("openai (Python)", "openai_responses", &SDK, &[DOCUMENT]),
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
    outcome: Outcome,
    /// Why it did not pass whole, a reason a line.
    reasons: String,
}

/// What came of a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    Passed,
    /// It works but for something that was told.
    InPart,
    /// It cannot work, and was refused by name.
    Refused,
    Failed,
}

impl Outcome {
    const fn mark(self) -> &'static str {
        match self {
            Self::Passed => "yes",
            Self::InPart => "in part",
            Self::Refused => "refused",
            Self::Failed => "**no**",
        }
    }
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
            outcome: match &*text("result") {
                "passed" => Outcome::Passed,
                "in part" => Outcome::InPart,
                "refused" => Outcome::Refused,
                _ => Outcome::Failed,
            },
            reasons: text("detail"),
        }
    }
}

/// A row for each client and provider, a column for each scenario, and the reasons beneath by their numbers.
pub(crate) fn table(cells: &[Cell]) -> String {
    let mut rows: BTreeMap<(&str, &str, &str), Vec<&Cell>> = BTreeMap::new();
    for cell in cells {
        rows.entry((&cell.client, &cell.client_dialect, &cell.provider_dialect)).or_default().push(cell);
    }
    let mut text = String::from("| SDK | speaks | to a provider of |");
    for scenario in SCENARIOS {
        let _ = write!(text, " {} |", scenario.replace('_', " "));
    }
    let mut reasons: Vec<&str> = Vec::new();
    text += "\n| --- | --- | --- |";
    text += &" --- |".repeat(SCENARIOS.len());
    text.push('\n');
    for ((client, speaks, provider), cells) in &rows {
        let first = cells[0];
        let _ = write!(text, "| {client} {} | {speaks} | {provider} |", first.version);
        for scenario in 0..SCENARIOS.len() {
            let Some(cell) = cells.iter().find(|cell| cell.scenario == scenario) else {
                text += " – |";
                continue;
            };
            let _ = write!(text, " {}", cell.outcome.mark());
            if matches!(cell.outcome, Outcome::InPart | Outcome::Refused) {
                let numbers: Vec<String> =
                    cell.reasons.lines().map(|reason| number_of(reason, &mut reasons).to_string()).collect();
                let _ = write!(text, " ({})", numbers.join(", "));
            }
            text += " |";
        }
        text.push('\n');
    }
    for (place, reason) in reasons.iter().enumerate() {
        let _ = write!(text, "{}{}. {reason}", if place == 0 { "\n" } else { "" }, place + 1);
        text.push('\n');
    }
    text
}

/// The number of a reason, from 1, among those that were given before.
fn number_of<'a>(reason: &'a str, known: &mut Vec<&'a str>) -> usize {
    let place = known.iter().position(|one| *one == reason).unwrap_or_else(|| {
        known.push(reason);
        known.len() - 1
    });
    place + 1
}

/// The cells that failed, each with what went wrong.
pub(crate) fn failed(cells: &[Cell]) -> Vec<String> {
    let of = |cell: &Cell| {
        let Cell { client, client_dialect, provider_dialect, reasons, .. } = cell;
        format!("{client} speaking {client_dialect} to {provider_dialect}, {}: {reasons}", SCENARIOS[cell.scenario])
    };
    let failed = |cell: &&Cell| cell.outcome == Outcome::Failed;
    cells.iter().filter(failed).map(of).collect()
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
    let unexplained = |cell: &&Cell| cell.outcome != Outcome::Passed && cell.reasons.is_empty();
    assert_eq!(cells.iter().find(unexplained), None, "a cell that does not pass whole says why");
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
