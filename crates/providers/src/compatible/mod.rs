//! Vendors that merely speak a known dialect: one row each in `catalog.toml`, with every quirk and its source.
//!
//! To add one, add a row. A vendor that needs code gets a folder of its own.

mod services;

use crate::{
    Cloud, CredentialStyle, Known, KnownInterface, Operation, anthropic, bedrock, cohere, google, ollama, openai,
};
use http::HeaderName;
use serde::Deserialize;
use std::collections::BTreeMap;
use switchtower_dialect::openai_chat::stop_reason;
use switchtower_dialect::{StreamEnding, StreamUsage, Thinking, Variant};
use switchtower_domain::{DialectId, MaxTokensField, ReasoningField};

const CATALOG: &str = include_str!("catalog.toml");

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Catalog {
    provider: Vec<Row>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    name: String,
    dialect: DialectName,
    base_url: Option<String>,
    key_variable: Option<String>,
    style: CredentialStyle,
    cloud: Option<Cloud>,
    request_id_header: Option<String>,
    docs: String,
    #[serde(default)]
    others: Vec<Other>,
    #[serde(default)]
    quirks: Quirks,
    operations: Option<Quirk<Vec<Operation>>>,
    #[serde(default)]
    paths: services::Paths,
    #[serde(default)]
    embeddings: services::Embeddings,
    #[serde(default)]
    rerank: services::Rerank,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum DialectName {
    OpenaiChat,
    OpenaiResponses,
    AnthropicMessages,
    GoogleGemini,
    CohereChat,
    BedrockConverse,
    OllamaChat,
}

/// A further dialect of a vendor.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Other {
    dialect: DialectName,
    /// Where it is spoken, if not at the row's base URL.
    base_url: Option<String>,
    #[cfg_attr(not(test), expect(dead_code, reason = "read by people, and by the test that wants it there"))]
    source: String,
}

/// What one quirk is, and where that is said.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Quirk<T> {
    value: T,
    #[cfg_attr(not(test), expect(dead_code, reason = "read by people, and by the test that wants it there"))]
    source: String,
}

macro_rules! quirks {
    ($($(#[$doc:meta])* $field:ident: $type:ty,)*) => {
        #[derive(Debug, Default, Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Quirks { $($(#[$doc])* $field: Option<Quirk<$type>>,)* }

        /// The names of all quirks.
        pub const QUIRKS: &[&str] = &[$(stringify!($field)),*];

        #[cfg(test)]
        impl Quirks {
            fn sources(&self) -> Vec<(&'static str, &str)> {
                let mut sources = Vec::new();
                $(if let Some(quirk) = &self.$field { sources.push((stringify!($field), quirk.source.as_str())); })*
                sources
            }
        }
    };
}

quirks! {
    max_tokens_field: MaxTokensName,
    reasoning_field: ReasoningName,
    cached_tokens_field: String,
    output_excludes_reasoning: bool,
    stream_ending: EndingName,
    stream_usage: UsageName,
    finish_reasons: BTreeMap<String, String>,
    mistral_words: bool,
    developer_role: bool,
    cache_markers: bool,
    thinking: ThinkingName,
    default_max_tokens: u64,
    forbidden: Vec<String>,
    renamed: BTreeMap<String, String>,
    keeps_unasked: bool,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum MaxTokensName {
    MaxTokens,
    MaxCompletionTokens,
    Either,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ReasoningName {
    ReasoningContent,
    Reasoning,
    ReasoningDetails,
    ThinkingParts,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum EndingName {
    Marker,
    StopReason,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum UsageName {
    Asked,
    Always,
    Refused,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ThinkingName {
    Adaptive,
    Budget,
}

/// The rows. The file is part of the binary and a test reads it, so that no row is ever missing at run time.
pub(crate) fn known() -> Vec<Known> {
    toml::from_str::<Catalog>(CATALOG)
        .map(|catalog| catalog.provider)
        .unwrap_or_default()
        .into_iter()
        .map(of_row)
        .collect()
}

/// One thing that a row says, and where that is said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// The kind.
    pub kind: String,
    /// What it is about, such as `quirks.forbidden`.
    pub subject: String,
    /// What it is, as the row writes it.
    pub value: String,
    /// Where that is said.
    pub source: String,
}

/// Everything that rows say with a source, in the order of the file.
pub fn facts() -> Vec<Fact> {
    let catalog = toml::from_str::<toml::Table>(CATALOG).unwrap_or_default();
    let rows = catalog.get("provider").and_then(toml::Value::as_array).into_iter().flatten();
    let mut facts = Vec::new();
    for row in rows.filter_map(toml::Value::as_table) {
        let kind = row.get("name").and_then(toml::Value::as_str).unwrap_or_default();
        collect(kind, "", &toml::Value::Table(row.clone()), &mut facts);
    }
    facts
}

fn collect(kind: &str, subject: &str, value: &toml::Value, facts: &mut Vec<Fact>) {
    match value {
        toml::Value::Table(table) => match table.get("source").and_then(toml::Value::as_str) {
            Some(source) => {
                let mut said = table.clone();
                said.remove("source");
                let said = said.remove("value").unwrap_or(toml::Value::Table(said));
                let (kind, subject) = (kind.to_owned(), subject.to_owned());
                facts.push(Fact { kind, subject, value: said.to_string(), source: source.to_owned() });
            }
            None => {
                for (key, value) in table {
                    let dot = if subject.is_empty() { "" } else { "." };
                    collect(kind, &format!("{subject}{dot}{key}"), value, facts);
                }
            }
        },
        toml::Value::Array(items) => items.iter().for_each(|item| collect(kind, subject, item, facts)),
        _ => {}
    }
}

/// What a provider of a dialect is that no row describes.
fn unlisted(dialect: DialectName) -> Known {
    match dialect {
        DialectName::OpenaiChat => openai::unlisted(),
        DialectName::OpenaiResponses => openai::unlisted_responses(),
        DialectName::AnthropicMessages => anthropic::unlisted(),
        DialectName::GoogleGemini => google::unlisted(),
        DialectName::CohereChat => cohere::unlisted(),
        DialectName::BedrockConverse => bedrock::unlisted(),
        DialectName::OllamaChat => ollama::unlisted(),
    }
}

fn other(row: Other) -> KnownInterface {
    KnownInterface { base_url: row.base_url, ..unlisted(row.dialect).main }
}

fn of_row(row: Row) -> Known {
    let mut main = unlisted(row.dialect).main;
    if let Some(name) = row.request_id_header.and_then(|name| HeaderName::try_from(name).ok()) {
        main.request_id_header = name;
    }
    let mut others: Vec<KnownInterface> = row.others.into_iter().map(other).collect();
    // What a vendor keeps it keeps in each of its dialects; the other quirks are of the row's own.
    if let Some(keeps) = &row.quirks.keeps_unasked {
        others.iter_mut().for_each(|other| other.variant.keeps_unasked = keeps.value);
    }
    main.variant = row.quirks.over(main.variant);
    let mut offers = services::offers(row.operations, row.paths, row.embeddings, row.rerank);
    if others.iter().any(|other| other.dialect == DialectId::OllamaChat) {
        ollama::beside(&mut offers);
    }
    Known {
        name: row.name,
        base_url: row.base_url,
        key_variable: row.key_variable,
        base_url_variable: None,
        style: row.style,
        cloud: row.cloud,
        main,
        others,
        offers,
        docs: row.docs,
    }
}

impl Quirks {
    fn over(self, mut variant: Variant) -> Variant {
        macro_rules! take {
            ($($field:ident),*) => { $(if let Some(quirk) = self.$field { variant.$field = quirk.value; })* };
        }
        take!(
            output_excludes_reasoning,
            mistral_words,
            developer_role,
            cache_markers,
            default_max_tokens,
            forbidden,
            renamed
        );
        take!(keeps_unasked);
        if let Some(quirk) = self.max_tokens_field {
            variant.max_tokens_field = match quirk.value {
                MaxTokensName::MaxTokens => Some(MaxTokensField::MaxTokens),
                MaxTokensName::MaxCompletionTokens => Some(MaxTokensField::MaxCompletionTokens),
                MaxTokensName::Either => None,
            };
        }
        if let Some(quirk) = self.reasoning_field {
            variant.reasoning_field = Some(match quirk.value {
                ReasoningName::ReasoningContent => ReasoningField::ReasoningContent,
                ReasoningName::Reasoning => ReasoningField::Reasoning,
                ReasoningName::ReasoningDetails => ReasoningField::ReasoningDetails,
                ReasoningName::ThinkingParts => ReasoningField::ThinkingParts,
            });
        }
        if let Some(quirk) = self.cached_tokens_field {
            variant.cached_tokens_field = Some(quirk.value);
        }
        if let Some(quirk) = self.stream_ending {
            variant.stream_ending = match quirk.value {
                EndingName::Marker => StreamEnding::Marker,
                EndingName::StopReason => StreamEnding::StopReason,
            };
        }
        if let Some(quirk) = self.stream_usage {
            variant.stream_usage = match quirk.value {
                UsageName::Asked => StreamUsage::Asked,
                UsageName::Always => StreamUsage::Always,
                UsageName::Refused => StreamUsage::Refused,
            };
        }
        if let Some(quirk) = self.finish_reasons {
            let means = quirk.value.into_iter().map(|(word, known)| (word, stop_reason(&known)));
            variant.finish_reasons = means.collect();
        }
        if let Some(quirk) = self.thinking {
            variant.thinking = match quirk.value {
                ThinkingName::Adaptive => Thinking::Adaptive,
                ThinkingName::Budget => Thinking::Budget,
            };
        }
        variant
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_read_and_every_quirk_has_a_source() {
        let catalog: Catalog = toml::from_str(CATALOG).unwrap();
        assert_eq!(known().len(), catalog.provider.len());
        for row in &catalog.provider {
            let operations = row.operations.iter().map(|quirk| ("operations", quirk.source.as_str()));
            let paths = row.paths.values().map(|quirk| ("paths", quirk.source.as_str()));
            let others = row.others.iter().map(|other| ("others", other.source.as_str()));
            let services = row.embeddings.sources().into_iter().chain(row.rerank.sources());
            for (quirk, source) in
                row.quirks.sources().into_iter().chain(operations).chain(paths).chain(others).chain(services)
            {
                let cited = ["recorded", "unread: https://"].iter().any(|kind| source.starts_with(kind));
                let cited = cited || (source.starts_with("https://") && source.contains(" (20"));
                assert!(cited, "{}.{quirk}: {source}", row.name);
            }
        }
    }

    #[test]
    fn quirks_reach_the_variant() {
        let variant = |name: &str| crate::known(name).unwrap().main.variant.clone();
        assert!(variant("xai").output_excludes_reasoning);
        assert_eq!(variant("mistral").renamed.get("seed").map(String::as_str), Some("random_seed"));
        assert_eq!(variant("deepseek").reasoning_field, Some(ReasoningField::ReasoningContent));
        assert!(variant("openrouter").cache_markers);
        let keeps = |name: &str| {
            let responses = crate::known(name).unwrap().interface(switchtower_domain::DialectId::OpenaiResponses);
            responses.unwrap().variant.keeps_unasked
        };
        assert_eq!(
            ["openai", "azure_openai", "xai", "deepseek", "openrouter"].map(keeps),
            [true, true, true, false, false]
        );
    }
}
