//! What a configuration says of models: files of facts and of prices, and the facts of single deployments.

use super::FILE_BYTES_MAX;
use super::checked::whole;
use super::problem::{Findings, quoted};
use super::ready::Resolver;
use super::written::{self, At};
use std::ops::RangeInclusive;
use std::sync::Arc;
use switchtower_catalogue::prices::{PriceList, Prices};
use switchtower_catalogue::{Catalogue, Modalities, Modality, ModelFacts};
use switchtower_domain::nearest;
use switchtower_providers::Provider;

const TOKENS: RangeInclusive<u64> = 1..=1_000_000_000;

/// What a deployment's section says of its model.
#[derive(Debug, Default)]
pub(super) struct Stated {
    of: Option<At<String>>,
    /// Facts whose source and date are settled when the file's name is known.
    facts: Option<At<ModelFacts>>,
}

impl Stated {
    pub(super) fn check(written: &written::Deployment, findings: &mut Findings) -> Self {
        let facts = written.facts.as_ref().map(|at| at.with(facts(&at.value, findings)));
        Self { of: written.facts_of.clone(), facts }
    }
}

fn facts(written: &written::DeploymentFacts, findings: &mut Findings) -> ModelFacts {
    let truth = |at: &Option<At<bool>>| at.as_ref().map(|at| at.value);
    ModelFacts {
        serves: None,
        input: written.input.as_ref().map(|at| contents(&at.value)).unwrap_or_default(),
        output: written.output.as_ref().map(|at| contents(&at.value)).unwrap_or_default(),
        tools: truth(&written.tools),
        parallel_tools: truth(&written.parallel_tools),
        structured_output: truth(&written.structured_output),
        reasoning: truth(&written.reasoning),
        context_tokens: whole(written.context_tokens.as_ref(), TOKENS, findings),
        output_tokens_max: whole(written.output_tokens_max.as_ref(), TOKENS, findings),
        ..ModelFacts::default()
    }
}

fn contents(written: &written::Contents) -> Modalities {
    let written::Contents { text, image, audio, video, document } = written;
    let stated = Modality::ALL.into_iter().zip([text, image, audio, video, document]);
    stated.filter_map(|(modality, at)| Some((modality, at.as_ref()?.value))).collect()
}

/// The day as RFC 3339 writes it, in UTC.
pub(crate) fn today() -> String {
    jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date().to_string()
}

impl Resolver<'_> {
    /// What is known of models: what ships with the product, and the files over it.
    pub(super) fn catalogue(&mut self, files: &[At<String>]) -> Arc<Catalogue> {
        let mut catalogue = Catalogue::built_in();
        for file in files {
            let path = self.sources.folder(&file.place).join(&file.value);
            let read = self.outside.file(&path, FILE_BYTES_MAX).map_err(|error| format!("cannot be read: {error}"));
            let parsed = read.and_then(|text| {
                Catalogue::parse(&text).map_err(|error| format!("is no catalogue: {}", error.placed(&text)))
            });
            match parsed {
                Ok(corrections) => catalogue = Arc::new(catalogue.corrected(&corrections)),
                Err(reason) => self.findings.add(&file.place, format!("'{}' {reason}", file.value)),
            }
        }
        catalogue
    }

    /// What models cost: what ships with the product, and the files before it, which speak of kinds of provider and of
    /// these providers.
    pub(super) fn prices<'n>(
        &mut self,
        files: &[At<String>],
        providers: impl IntoIterator<Item = &'n str>,
    ) -> Arc<Prices> {
        let kinds = switchtower_providers::catalogue().iter().map(|kind| kind.name.as_str());
        let mut known: Vec<&str> = kinds.chain(providers).collect();
        known.sort_unstable();
        known.dedup();
        let mut prices = Prices::built_in();
        for file in files {
            let path = self.sources.folder(&file.place).join(&file.value);
            let text = match self.outside.file(&path, FILE_BYTES_MAX) {
                Ok(text) => text,
                Err(error) => {
                    self.findings.add(&file.place, format!("'{}' cannot be read: {error}", file.value));
                    continue;
                }
            };
            match PriceList::parse_of(&text, &known) {
                Ok(list) => prices = Arc::new(prices.with(&file.value, Arc::new(list))),
                Err(mistakes) => {
                    for mistake in mistakes {
                        self.findings.add(&file.place, format!("'{}', {}", file.value, mistake.placed(&text)));
                    }
                }
            }
        }
        prices
    }

    /// The facts that hold for a deployment alone; nothing where those of its kind and model hold.
    pub(super) fn facts(
        &mut self,
        stated: &Stated,
        provider: &Provider,
        model: &str,
        catalogue: &Catalogue,
    ) -> Option<Arc<ModelFacts>> {
        let known = match &stated.of {
            Some(at) => Some(self.facts_of(at, catalogue)?),
            None => provider.kind.as_deref().and_then(|kind| catalogue.find(kind, model)).cloned(),
        };
        let Some(facts) = &stated.facts else { return stated.of.as_ref().and(known) };
        let line = self.sources.line(&facts.place);
        let facts = ModelFacts {
            source: format!("{}:{line}", self.sources.name(&facts.place)),
            date: today(),
            ..facts.value.clone()
        };
        Some(Arc::new(known.map_or_else(|| facts.clone(), |known| known.corrected(&facts))))
    }

    fn facts_of(&mut self, at: &At<String>, catalogue: &Catalogue) -> Option<Arc<ModelFacts>> {
        let named = at.value.split_once('/');
        let found = named.and_then(|(kind, model)| catalogue.find(kind, model)).cloned();
        if found.is_none() {
            let message = format!("the catalogue knows no model '{}'", at.value);
            let names: Vec<String> = catalogue.models().map(|(kind, model, _)| format!("{kind}/{model}")).collect();
            let hint = match nearest(&at.value, names.iter().map(String::as_str)).as_slice() {
                [] => "`switchtower models --known` lists those that it knows".to_owned(),
                near => format!("did you mean {}?", quoted(near, " or ")),
            };
            self.findings.add_with(&at.place, message, hint);
        }
        found
    }
}
