//! Recorded exchanges, replayed through the dialects: does what we decode and encode say the same?
//!
//! Every exchange is taken through its *typed* values, with the original bytes laid aside, and through the original
//! bytes as `Forward` treats them. `docs/reference/conformance.md` defines each check and what "the same" means.

mod answers;
mod counting;
mod explained;
mod forms;
mod forward;
mod framing;
mod listings;
mod mutation;
mod report;
mod requests;
mod rows;
mod semantic;
mod services;
mod streams;
mod usages;

pub use explained::Explained;
pub use report::{Counts, Failed, Report};
pub use usages::{RecordedUsage, usages};

use bytes::Bytes;
use forms::Spoken;
use report::Outcome;
use rows::Row;
use serde_json::Value;
use services::Claimed;
use std::io::Write;
use std::path::PathBuf;
use switchtower_dialect::{ListingForm, dialect};
use switchtower_domain::DialectId;
use switchtower_sim::recording::{self, Exchange, FolderError};

/// What to replay, and how.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The folder of recordings.
    pub folder: PathBuf,
    /// Only exchanges of this dialect, by its name in configuration or in the recordings.
    pub dialect: Option<String>,
    /// Whether to change each typed value in the middle and see whether the exchange notices.
    pub mutate: bool,
}

/// What a mutation run found.
pub use mutation::Mutations;

/// Replays a folder.
///
/// # Errors
/// [`FolderError`] where the folder or one of its files cannot be read.
pub fn run(options: &Options) -> Result<(Report, Option<Mutations>), FolderError> {
    let mut report = Report::default();
    let mut mutations = options.mutate.then(Mutations::default);
    let schemas = requests::Schemas::compile();
    for (path, exchange) in recording::load_folder(&options.folder)? {
        if options.dialect.as_deref().is_some_and(|wanted| !is_of(&exchange, wanted)) {
            continue;
        }
        let file = path.strip_prefix(&options.folder).unwrap_or(&path).display().to_string();
        let claim = Claim::of(&exchange);
        let outcome = match &claim {
            Some(claim) => claim.check(&exchange, &schemas),
            None => Outcome::NotCovered,
        };
        if let (Some(mutations), Outcome::Passed, Some(claim)) = (&mut mutations, &outcome, &claim) {
            claim.mutate(&exchange, mutations);
        }
        report.add(&file, &exchange.api, &exchange.provider, outcome);
    }
    Ok((report, mutations))
}

/// Tells what a run found: as one JSON object, or as a table with, where asked for, every check that failed.
///
/// # Errors
/// Those of the writer.
pub fn tell(
    report: &Report,
    mutations: Option<&Mutations>,
    json: bool,
    failures: bool,
    out: &mut dyn Write,
) -> std::io::Result<()> {
    if json {
        let mut value = serde_json::to_value(report)?;
        if let (Value::Object(map), Some(mutations)) = (&mut value, mutations) {
            map.insert("mutations".to_owned(), serde_json::to_value(mutations)?);
        }
        return writeln!(out, "{value:#}");
    }
    writeln!(out, "{}", report.table())?;
    if failures {
        for failed in &report.failures {
            writeln!(out, "{}: {}: {}", failed.file, failed.check, failed.reason)?;
        }
    }
    if let Some(mutations) = mutations {
        let total = mutations.total();
        let fields = mutations.fields.len();
        let unnoticed: usize = mutations.unnoticed().map(|(_, tally)| tally.changed - tally.noticed).sum();
        let exempt = total.changed - total.noticed - unnoticed;
        writeln!(
            out,
            "{} changes of {fields} typed fields: {} noticed, {exempt} in fields that may say nothing, {unnoticed} unnoticed",
            total.changed, total.noticed
        )?;
        for (field, tally) in mutations.unnoticed() {
            writeln!(out, "unnoticed: {field}: {} of {}", tally.changed - tally.noticed, tally.changed)?;
        }
    }
    Ok(())
}

/// Who claims an exchange's wire format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Claim {
    /// A dialect.
    Answer(DialectId),
    /// A dialect's counting.
    Count(DialectId),
    /// Another form of a dialect, or what is passed on as it is.
    Spoken(Spoken),
    /// A list of models.
    Listing(ListingForm),
    /// A service.
    Service(Claimed),
}

impl Claim {
    fn of(exchange: &Exchange) -> Option<Self> {
        let answer = || claimed(exchange).map(Self::Answer);
        let count = || counting::claimed(exchange).map(Self::Count);
        let spoken = || Spoken::of(exchange).map(Self::Spoken);
        let listing = || listings::claimed(exchange).map(Self::Listing);
        answer().or_else(count).or_else(spoken).or_else(listing).or_else(|| Claimed::of(exchange).map(Self::Service))
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Answer(id) | Self::Count(id) => id.as_str(),
            Self::Spoken(spoken) => spoken.name(),
            Self::Listing(_) => "models",
            Self::Service(service) => service.name(),
        }
    }

    fn check(self, exchange: &Exchange, schemas: &requests::Schemas) -> Outcome {
        let mut findings = Findings::new();
        match self {
            Self::Answer(id) => check(exchange, id, schemas, &mut findings),
            Self::Count(id) => counting::check(exchange, id, schemas, &mut findings),
            Self::Spoken(spoken) => spoken.check(exchange, schemas, &mut findings),
            Self::Listing(form) => listings::check(exchange, form, &mut findings),
            Self::Service(service) => service.check(exchange, &mut findings),
        }
        if findings.is_empty() { Outcome::Passed } else { Outcome::Failed(findings) }
    }

    fn mutate(self, exchange: &Exchange, mutations: &mut Mutations) {
        match self {
            Self::Answer(id) => mutations.exchange(exchange, id),
            Self::Count(id) => counting::mutate(exchange, id, mutations),
            Self::Spoken(spoken) => spoken.mutate(exchange, mutations),
            Self::Listing(form) => listings::mutate(exchange, form, mutations),
            Self::Service(service) => service.mutate(exchange, mutations),
        }
    }
}

/// The dialect that claims an exchange's wire format.
fn claimed(exchange: &Exchange) -> Option<DialectId> {
    match exchange.dialect.as_str() {
        "openai.chat" => Some(DialectId::OpenaiChat),
        "openai.responses" => Some(DialectId::OpenaiResponses),
        "anthropic.messages" => Some(DialectId::AnthropicMessages),
        "gemini.generateContent" | "gemini.streamGenerateContent" => Some(DialectId::GoogleGemini),
        "cohere.v2.chat" => Some(DialectId::CohereChat),
        "bedrock.converse" | "bedrock.converse-stream" => Some(DialectId::BedrockConverse),
        // What is invoked speaks as its vendor does.
        "bedrock.invoke" | "bedrock.invoke-with-response-stream" => {
            let body = exchange.request.as_ref()?.body.as_ref()?;
            body.get("anthropic_version").map(|_| DialectId::AnthropicMessages)
        }
        "ollama.chat" => Some(DialectId::OllamaChat),
        _ => None,
    }
}

fn is_of(exchange: &Exchange, wanted: &str) -> bool {
    exchange.dialect == wanted || Claim::of(exchange).is_some_and(|claim| claim.name() == wanted)
}

/// The findings of one exchange: a check's name and what was wrong.
type Findings = Vec<(&'static str, String)>;

fn check(exchange: &Exchange, id: DialectId, schemas: &requests::Schemas, findings: &mut Findings) {
    let own = dialect(id);
    let variant = Row::of(exchange).variant(id);
    if let Some(body) = exchange.request.as_ref().and_then(|request| request.body.as_ref()) {
        let refused = (400..500).contains(&exchange.response.status);
        requests::check(own, body, refused, schemas, findings);
        forward::request(body, findings);
        if exchange.response.status < 300 {
            rows::fits_request(body, &variant.forbidden, Some(&variant), findings);
        }
    }
    let (framing, body) = framing::of(exchange, id, exchange.response.body.to_bytes());
    let body = events_of_list(body);
    if exchange.response.status >= 400 {
        answers::failure(own, exchange.response.status, &body, findings);
    } else if exchange.streaming && !body.trim_ascii_start().starts_with(b"{") {
        streams::check(own, &variant, framing, &body, findings);
        forward::stream(own, &variant, framing, &body, findings);
    } else {
        answers::check(own, &variant, &body, findings);
    }
}

/// A stream that came as a list or in lines is read as events: the same pieces in another framing.
pub(super) fn events_of_list(body: Bytes) -> Bytes {
    match serde_json::from_slice::<Vec<Value>>(&body) {
        Ok(pieces) => pieces.iter().map(|piece| format!("data: {piece}\n\n")).collect::<String>().into(),
        Err(_) => match lines(&body) {
            Some(pieces) if pieces.len() > 1 => {
                pieces.iter().map(|piece| format!("data: {piece}\n\n")).collect::<String>().into()
            }
            _ => body,
        },
    }
}

/// The lines of a body, if each is an object.
fn lines(body: &[u8]) -> Option<Vec<&str>> {
    let text = std::str::from_utf8(body).ok()?;
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let object = |line: &&str| serde_json::from_str::<serde_json::Map<String, Value>>(line).is_ok();
    lines.map(|line| Some(line).filter(object)).collect()
}

/// A list of paths for a reason, cut where it is long.
fn listed(paths: &[String]) -> String {
    const SHOWN: usize = 6;
    let mut text = paths.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
    if paths.len() > SHOWN {
        text.push_str(&format!(" and {} more", paths.len() - SHOWN));
    }
    text
}
