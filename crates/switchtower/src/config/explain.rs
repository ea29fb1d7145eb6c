//! The resolved whole: every setting with its value and where that comes from.
//!
//! As text it is a configuration again, with the origins as comments. Secrets appear as their references only.

use super::ready::Ready;
use super::schema::literal;
use super::sources::Sources;
use super::written::{At, Section, Setting, Written};
use serde_json::{Value, json};
use std::fmt::Write as _;
use switchtower_catalogue::ModelFacts;
use switchtower_dialect::openai_chat::stop_reason;
use switchtower_dialect::{StreamEnding, StreamUsage, Thinking, Variant};
use switchtower_domain::{MaxTokensField, ReasoningField, mask_secrets};
use switchtower_providers as providers;
use switchtower_providers::{Credential, Known, Operation};

/// Every section, in the order of the reference.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Explanation(Vec<Explained>);

/// One section.
#[derive(Debug, Clone, PartialEq)]
struct Explained {
    /// Its path; empty at the top.
    path: Vec<String>,
    /// Whether it is one of a list.
    is_item: bool,
    settings: Vec<Entry>,
}

#[derive(Debug, Clone, PartialEq)]
struct Entry {
    name: String,
    /// Nothing where no value is settled before a request comes, or none at all.
    value: Option<Value>,
    origin: Origin,
}

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Origin {
    File {
        place: String,
    },
    Catalogue {
        row: String,
    },
    /// What holds where nobody says anything, in words where it is no value.
    Default {
        words: &'static str,
    },
}

impl Explanation {
    /// What a configuration resolved to.
    pub(super) fn of(written: &Written, sources: &Sources, ready: &Ready) -> Self {
        let mut explanation = Self::default();
        let writer = Writer { sources };
        let mut top = writer.section(Some(written));
        // They have a section of their own.
        top.retain(|entry| entry.name != "aliases");
        explanation.add(&[], top);
        if ready.server.listeners.iter().any(|listener| listener.name == "listen") || written.listen.is_some() {
            explanation.add(&["listen"], writer.section(value(&written.listen)));
        }
        for (name, listener) in written.listeners.iter().flat_map(|at| &at.value) {
            explanation.add(&["listeners", &name.value], writer.section(Some(listener)));
        }
        explanation.add(&["limits"], writer.section(value(&written.limits)));
        let connections = writer.section(value(&written.connections));
        explanation.add(&["connections"], connections.clone());
        explanation.add(&["translation"], writer.section(value(&written.translation)));
        explanation.add(&["state"], writer.section(value(&written.state)));
        explanation.add(&["ledger"], writer.section(value(&written.ledger)));
        explanation.add(&["projection"], writer.section(value(&written.projection)));
        explanation.add(&["admin"], writer.section(value(&written.admin)));
        explanation.add(&["telemetry"], writer.section(value(&written.telemetry)));
        explanation.add(&["retention"], writer.section(value(&written.retention)));
        let rules = written.retention.iter().filter_map(|at| at.value.rules.as_ref());
        for rule in rules.flat_map(|at| &at.value) {
            let (path, settings) =
                (vec!["retention".to_owned(), "rules".to_owned()], writer.section(Some(&rule.value)));
            explanation.0.push(Explained { path, is_item: true, settings });
        }
        explanation.add(&["secrets"], writer.section(value(&written.secrets)));
        for key in written.keys.iter().flat_map(|at| &at.value) {
            let settings = writer.section(Some(&key.value));
            explanation.0.push(Explained { path: vec!["keys".to_owned()], is_item: true, settings });
        }
        for (name, provider) in written.providers.iter().flat_map(|at| &at.value) {
            let Some(made) = ready.providers.iter().find(|one| one.name.as_str() == name.value) else { continue };
            let kind = provider.kind.as_ref().map_or(name.value.as_str(), |at| at.value.as_str());
            let known = Resolved { provider: made, kind: providers::known(kind), connections: &connections };
            explanation.add(&["providers", &name.value], known.complete(writer.section(Some(provider))));
            let quirks = known.complete(writer.section(value(&provider.quirks)));
            explanation.add(&["providers", &name.value, "quirks"], quirks);
            if let Some(identity) = value(&provider.identity) {
                explanation.add(&["providers", &name.value, "identity"], writer.section(Some(identity)));
            }
        }
        for (name, deployment) in written.deployments.iter().flat_map(|at| &at.value) {
            let mut settings = writer.section(Some(deployment));
            let of = deployment.provider.as_ref().map_or("", |at| at.value.as_str());
            let above = explanation.0.iter().find(|one| one.path == ["providers", of]).cloned();
            for entry in settings.iter_mut().filter(|entry| entry.is_of_provider()) {
                let same = above.iter().flat_map(|above| &above.settings).find(|above| above.name == entry.name);
                if let Some(same) = same {
                    entry.clone_from(same);
                }
            }
            explanation.add(&["deployments", &name.value], settings);
            let made = ready.deployments.iter().find(|one| one.name.as_str() == name.value);
            let facts = made.and_then(|made| ready.facts(made));
            let stated = value(&deployment.facts);
            let known = |section, of| facts_of(facts, of, section);
            let path = ["deployments", &name.value, "facts"];
            explanation.add(&path, known(writer.section(stated), None));
            for (name, contents) in
                [("input", stated.map(|stated| &stated.input)), ("output", stated.map(|stated| &stated.output))]
            {
                let section = writer.section(contents.and_then(|contents| value(contents)));
                explanation.add(&[&path[..], &[name]].concat(), known(section, Some(name)));
            }
            explanation.add(&["deployments", &name.value, "limits"], writer.section(value(&deployment.limits)));
            explanation.add(&["deployments", &name.value, "defaults"], writer.section(value(&deployment.defaults)));
        }
        let aliases = written.aliases.iter().flat_map(|at| &at.value).map(|(name, target)| Entry {
            name: name.value.clone(),
            value: Some(json!(target)),
            origin: writer.origin(&name.place),
        });
        explanation.add(&["aliases"], aliases.collect());
        explanation
    }

    fn add(&mut self, path: &[&str], settings: Vec<Entry>) {
        let path = path.iter().map(|part| (*part).to_owned()).collect();
        self.0.push(Explained { path, is_item: false, settings });
    }

    /// As a configuration, with origins as comments.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for section in self.0.iter().filter(|section| !section.settings.is_empty()) {
            // A section that nobody wrote and that settles nothing is not shown.
            let told = section.settings.iter().any(|entry| entry.value.is_some());
            if !told && section.path.len() > 2 {
                continue;
            }
            let path = section.path.iter().map(|part| key(part)).collect::<Vec<_>>().join(".");
            let _ = match (path.is_empty(), section.is_item) {
                (true, _) => Ok(()),
                (false, true) => writeln!(text, "\n[[{path}]]"),
                (false, false) => writeln!(text, "\n[{path}]"),
            };
            let lines: Vec<(String, String)> = section.settings.iter().map(Entry::line).collect();
            let width = lines.iter().map(|(setting, _)| setting.chars().count()).filter(|count| *count <= 60).max();
            for (setting, origin) in &lines {
                let _ = writeln!(text, "{setting:<0$}  # {origin}", width.unwrap_or(0));
            }
        }
        text.trim_start().to_owned()
    }

    /// As a list of settings.
    pub fn json(&self) -> Value {
        let entries = self.0.iter().flat_map(|section| section.settings.iter().map(move |entry| (section, entry)));
        let list = entries.map(|(section, entry)| {
            let path: Vec<Value> = section.path.iter().chain([&entry.name]).map(|part| json!(part)).collect();
            json!({"path": path, "value": masked(entry.value.clone()), "origin": entry.origin.json()})
        });
        list.collect()
    }
}

/// Strings within a value, with what looks like a credential masked.
fn masked(value: Option<Value>) -> Value {
    match value {
        None => Value::Null,
        Some(Value::String(text)) => Value::from(mask_secrets(&text, &[])),
        Some(Value::Array(list)) => list.into_iter().map(|one| masked(Some(one))).collect(),
        Some(Value::Object(map)) => map.into_iter().map(|(name, one)| (name, masked(Some(one)))).collect(),
        Some(other) => other,
    }
}

fn value<T>(section: &Option<At<T>>) -> Option<&T> {
    section.as_ref().map(|at| &at.value)
}

struct Writer<'a> {
    sources: &'a Sources,
}

impl Writer<'_> {
    fn origin(&self, place: &super::problem::Place) -> Origin {
        Origin::File { place: format!("{}:{}", self.sources.name(place), self.sources.line(place)) }
    }

    /// Every setting of a section that is a value, written or not.
    fn section<T: Section + Default>(&self, section: Option<&T>) -> Vec<Entry> {
        let nothing = T::default();
        let settings = section.unwrap_or(&nothing).settings();
        let entries = settings.into_iter().map(|Setting { name, default, given }| match given {
            Some((place, value)) => Entry { name: name.to_owned(), value: Some(value), origin: self.origin(place) },
            None => Entry {
                name: name.to_owned(),
                value: literal(default),
                origin: Origin::Default { words: if literal(default).is_some() { "" } else { default } },
            },
        });
        entries.collect()
    }
}

impl Entry {
    /// Whether it is left to the provider of a deployment.
    fn is_of_provider(&self) -> bool {
        self.value.is_none() && matches!(self.origin, Origin::Default { words } if words.ends_with("of the provider"))
    }

    fn line(&self) -> (String, String) {
        let origin = match &self.origin {
            Origin::File { place } => place.clone(),
            Origin::Catalogue { row } => format!("catalogue: {row}"),
            Origin::Default { words: "" } => "default".to_owned(),
            Origin::Default { words } => format!("default: {words}"),
        };
        match &self.value {
            Some(value) => (format!("{} = {}", key(&self.name), toml(&masked(Some(value.clone())))), origin),
            None => (format!("# {}", key(&self.name)), origin),
        }
    }
}

impl Origin {
    fn json(&self) -> Value {
        match self {
            Self::File { place } => {
                let (file, line) = place.rsplit_once(':').unwrap_or((place, "0"));
                json!({"kind": "file", "file": file, "line": line.parse::<u64>().unwrap_or_default()})
            }
            Self::Catalogue { row } => json!({"kind": "catalogue", "row": row}),
            Self::Default { words: "" } => json!({"kind": "default"}),
            Self::Default { words } => json!({"kind": "default", "words": words}),
        }
    }
}

/// A name as it is written before an equals sign.
fn key(name: &str) -> String {
    let bare = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
    if bare { name.to_owned() } else { toml(&json!(name)) }
}

/// A value on one line. What JSON writes of texts, numbers and lists, TOML reads in the same way.
fn toml(value: &Value) -> String {
    match value {
        Value::Object(map) if map.is_empty() => "{}".to_owned(),
        Value::Object(map) => {
            let pairs: Vec<String> =
                map.iter().map(|(name, value)| format!("{} = {}", key(name), toml(value))).collect();
            format!("{{ {} }}", pairs.join(", "))
        }
        Value::Array(list) => format!("[{}]", list.iter().map(toml).collect::<Vec<_>>().join(", ")),
        other => other.to_string(),
    }
}

/// Fills in what the catalogue says of a model, beneath one of its facts or at their top.
fn facts_of(facts: Option<&ModelFacts>, of: Option<&str>, mut entries: Vec<Entry>) -> Vec<Entry> {
    let Some(facts) = facts else { return entries };
    let all = json!(facts);
    let stated = of.map_or(Some(&all), |of| all.get(of));
    for entry in entries.iter_mut().filter(|entry| entry.value.is_none()) {
        if let Some(value) = stated.and_then(|stated| stated.get(&entry.name)) {
            entry.value = Some(value.clone());
            entry.origin = Origin::Catalogue { row: format!("{}, {}", facts.source, facts.date) };
        }
    }
    entries
}

/// What a provider came out as, for what is not written.
struct Resolved<'a> {
    provider: &'a providers::Provider,
    kind: Option<&'static Known>,
    connections: &'a [Entry],
}

impl Resolved<'_> {
    /// Fills in what the catalogue and other sections say.
    fn complete(&self, mut entries: Vec<Entry>) -> Vec<Entry> {
        for entry in &mut entries {
            let Origin::Default { words } = entry.origin else { continue };
            if words == "that of `[connections]`" {
                let same = self.connections.iter().find(|connection| connection.name == entry.name);
                if let Some(same) = same {
                    entry.clone_from(same);
                }
            } else if entry.value.is_none()
                && let Some(value) = self.value(&entry.name)
            {
                entry.value = Some(value);
                entry.origin = match self.kind {
                    Some(kind) => Origin::Catalogue { row: kind.name.clone() },
                    None => Origin::Default { words: "" },
                };
            }
        }
        entries
    }

    fn value(&self, setting: &str) -> Option<Value> {
        let provider = self.provider;
        let kind = self.kind;
        match setting {
            "kind" => kind.map(|kind| json!(kind.name)),
            "dialect" => Some(json!(provider.main.dialect.as_str())),
            "base_url" => Some(json!(provider.main.endpoint.base())),
            "key" => match (&provider.credential, kind.and_then(|kind| kind.key_variable.as_ref())) {
                (Credential::Key { .. }, Some(variable)) => Some(json!(format!("env:{variable}"))),
                _ => None,
            },
            "key_style" => match (&provider.credential, kind) {
                (Credential::None, _) => None,
                (_, Some(kind)) => Some(json!(kind.style.as_str())),
                (_, None) => Some(json!(providers::Provider::usual_style(provider.main.dialect).as_str())),
            },
            "max_output_tokens" => Some(json!(provider.main.variant.default_max_tokens)),
            "operations" => {
                let operations = std::iter::once(Operation::Answer).chain(Operation::SERVICES);
                let offered = operations.filter(|operation| provider.offers.has(*operation));
                Some(json!(offered.map(Operation::as_str).collect::<Vec<_>>()))
            }
            "passed_headers" => {
                let names: Vec<&str> = provider.main.passed_headers.iter().map(http::HeaderName::as_str).collect();
                Some(json!(names))
            }
            quirk => of_variant(&provider.main.variant, quirk),
        }
    }
}

/// The words that meanings of reasons are written as.
const FINISH_REASONS: [&str; 4] = ["stop", "length", "tool_calls", "content_filter"];

fn of_variant(variant: &Variant, quirk: &str) -> Option<Value> {
    match quirk {
        "max_tokens_field" => Some(json!(match variant.max_tokens_field {
            Some(MaxTokensField::MaxTokens) => "max_tokens",
            Some(MaxTokensField::MaxCompletionTokens) => "max_completion_tokens",
            None => "either",
        })),
        "reasoning_field" => variant.reasoning_field.map(|field| {
            json!(match field {
                ReasoningField::ReasoningContent => "reasoning_content",
                ReasoningField::Reasoning => "reasoning",
                ReasoningField::ReasoningDetails => "reasoning_details",
                ReasoningField::ThinkingParts => "thinking_parts",
            })
        }),
        "thinking" => Some(json!(match variant.thinking {
            Thinking::Adaptive => "adaptive",
            Thinking::Budget => "budget",
        })),
        "cache_markers" => Some(json!(variant.cache_markers)),
        "mistral_words" => Some(json!(variant.mistral_words)),
        "developer_role" => Some(json!(variant.developer_role)),
        "cached_tokens_field" => variant.cached_tokens_field.as_ref().map(|field| json!(field)),
        "output_excludes_reasoning" => Some(json!(variant.output_excludes_reasoning)),
        "stream_ending" => Some(json!(match variant.stream_ending {
            StreamEnding::Marker => "marker",
            StreamEnding::StopReason => "stop_reason",
        })),
        "stream_usage" => Some(json!(match variant.stream_usage {
            StreamUsage::Asked => "asked",
            StreamUsage::Always => "always",
            StreamUsage::Refused => "refused",
        })),
        "finish_reasons" => {
            let word = |meaning| FINISH_REASONS.into_iter().find(|word| stop_reason(word) == meaning);
            let pairs =
                variant.finish_reasons.iter().filter_map(|(own, meaning)| Some((own.as_str(), word(meaning.clone())?)));
            Some(json!(pairs.collect::<std::collections::BTreeMap<_, _>>()))
        }
        "keeps_unasked" => Some(json!(variant.keeps_unasked)),
        "forbidden" => Some(json!(variant.forbidden)),
        "renamed" => Some(json!(variant.renamed)),
        // The same as `max_output_tokens`, which is shown.
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Around, Secrets, parse};
    use crate::environment::Environment;
    use std::path::Path;

    fn explained(text: &str) -> Explanation {
        let outside =
            Environment::from([("OPENAI_API_KEY", "sk-openai-secret-value"), ("APP_KEY", "app-secret-value")]);
        let around =
            Around { outside: &outside, folder: Path::new(""), built_in: &[], listen: None, secrets: Secrets::Read };
        parse("c.toml", text, &around).unwrap().explanation
    }

    const TEXT: &str = "[listen]\nthreads = 2\n[connections]\nconnect_timeout_ms = 5\n[[keys]]\nname = \"app\"\nsecret = \"env:APP_KEY\"\n[providers.openai]\nidle_timeout_ms = 7\nheaders = { x-team = \"blue\" }\n[deployments.fast]\nprovider = \"openai\"\nmodel = \"gpt-5\"\ntotal_timeout_ms = 3600000\ndefaults.temperature = 0.20\n[aliases]\n\"a/b\" = \"fast\"\n[providers.azure]\nkind = \"azure_openai\"\nbase_url = \"https://a.example/openai/v1\"\n[providers.azure.identity]\nclient = \"c\"\n[[retention.rules]]\nname = \"nothing\"\ncontent = \"none\"\n";

    #[test]
    fn every_value_is_shown_with_its_origin() {
        let text = explained(TEXT).text();
        let line = |start: &str, section: &str| {
            let section = text.split(&format!("[{section}]\n")).nth(1).unwrap();
            let found = section.lines().find(|line| line.starts_with(start)).unwrap_or_default();
            found.split_whitespace().collect::<Vec<_>>().join(" ")
        };
        assert_eq!(line("address", "listen"), "address = \"127.0.0.1:8080\" # default");
        assert_eq!(line("threads", "listen"), "threads = 2 # c.toml:2");
        assert_eq!(line("secret", "[keys]"), "secret = \"env:APP_KEY\" # c.toml:7");
        assert_eq!(line("key ", "providers.openai"), "key = \"env:OPENAI_API_KEY\" # catalogue: openai");
        assert_eq!(
            line("base_url", "providers.openai"),
            "base_url = \"https://api.openai.com/v1\" # catalogue: openai"
        );
        assert_eq!(line("headers", "providers.openai"), "headers = { x-team = \"blue\" } # c.toml:10");
        assert_eq!(line("idle_timeout_ms", "deployments.fast"), "idle_timeout_ms = 7 # c.toml:9");
        assert_eq!(line("connect_timeout_ms", "deployments.fast"), "connect_timeout_ms = 5 # c.toml:4");
        assert_eq!(line("total_timeout_ms", "deployments.fast"), "total_timeout_ms = 3600000 # c.toml:14");
        assert_eq!(line("temperature", "deployments.fast.defaults"), "temperature = 0.20 # c.toml:15");
        assert_eq!(
            line("max_tokens_field", "providers.openai.quirks"),
            "max_tokens_field = \"max_completion_tokens\" # catalogue: openai"
        );
        assert_eq!(line("\"a/b\"", "aliases"), "\"a/b\" = \"fast\" # c.toml:17");
        assert_eq!(line("client", "providers.azure.identity"), "client = \"c\" # c.toml:22");
        assert!(!text.contains("secret-value"), "{text}");
    }

    #[test]
    fn the_text_is_a_configuration_that_says_the_same() {
        let values = |explanation: &Explanation| -> Vec<Value> {
            let Value::Array(list) = explanation.json() else { panic!("a list") };
            list.into_iter().map(|entry| json!([entry["path"], entry["value"]])).collect()
        };
        let first = explained(TEXT);
        let again = explained(&first.text());
        for (one, other) in values(&first).into_iter().zip(values(&again)) {
            assert_eq!(one, other);
        }
        assert_eq!(values(&first).len(), values(&again).len());
    }

    #[test]
    fn every_setting_of_the_reference_is_explained() {
        let shown = explained(TEXT).json().to_string();
        for row in crate::config::written::rows() {
            let name = row.key.rsplit('.').find(|part| *part != "NAME").unwrap();
            assert!(shown.contains(&format!("\"{name}\"")) || row.key == "aliases.NAME", "{}", row.key);
        }
    }
}
