//! Facts by kind of provider and model, and the file that holds them.

use crate::ModelFacts;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Arc, LazyLock};

/// The files that ship with the product: what was imported, and what the simulator says of itself.
const BUILT_IN: [&str; 2] = [include_str!("models.toml"), include_str!("sim.toml")];

static CATALOGUE: LazyLock<Arc<Catalogue>> = LazyLock::new(|| {
    let read = BUILT_IN.into_iter().map(|text| Catalogue::parse(text).unwrap_or_default());
    Arc::new(read.fold(Catalogue::default(), |whole, file| whole.corrected(&file)))
});

/// What is known of models.
///
/// As a file it is TOML: `[models.KIND]` with one line for each model, whose `source` is the name of one of `[sources]`
/// or says itself who stated the facts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Catalogue {
    models: BTreeMap<String, BTreeMap<String, Arc<ModelFacts>>>,
}

/// A text that is not a catalogue.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct CatalogueError {
    /// What is wrong.
    pub message: String,
    /// Where, in bytes from the beginning of the text.
    pub at: Option<usize>,
}

impl CatalogueError {
    /// The line in that text, counted from 1, where it is known.
    pub fn line(&self, text: &str) -> Option<usize> {
        Some(text.get(..self.at?)?.matches('\n').count() + 1)
    }

    /// What is wrong, with its line in that text where it is known.
    pub fn placed(&self, text: &str) -> String {
        self.line(text).map_or_else(|| self.to_string(), |line| format!("line {line}: {self}"))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(default)]
    sources: BTreeMap<String, String>,
    #[serde(default)]
    models: BTreeMap<String, BTreeMap<String, ModelFacts>>,
}

impl Catalogue {
    /// The facts that ship with the product.
    pub fn built_in() -> Arc<Self> {
        Arc::clone(&CATALOGUE)
    }

    /// Reads a file.
    ///
    /// # Errors
    /// [`CatalogueError`] for what is no TOML, and for facts that are unknown or of another type.
    pub fn parse(text: &str) -> Result<Self, CatalogueError> {
        let written: Written = toml::from_str(text).map_err(|error| CatalogueError {
            message: error.message().to_owned(),
            at: error.span().map(|span| span.start),
        })?;
        let Written { sources, models } = written;
        let named = |mut facts: ModelFacts| {
            if let Some(source) = sources.get(&facts.source) {
                facts.source.clone_from(source);
            }
            Arc::new(facts)
        };
        let of_kind = |models: BTreeMap<String, ModelFacts>| {
            models.into_iter().map(|(model, facts)| (model, named(facts))).collect()
        };
        Ok(Self { models: models.into_iter().map(|(kind, models)| (kind, of_kind(models))).collect() })
    }

    /// The facts of a model at a kind of provider.
    pub fn find(&self, kind: &str, model: &str) -> Option<&Arc<ModelFacts>> {
        self.models.get(kind)?.get(model)
    }

    /// Every model, by kind of provider.
    pub fn models(&self) -> impl Iterator<Item = (&str, &str, &Arc<ModelFacts>)> {
        self.models
            .iter()
            .flat_map(|(kind, models)| models.iter().map(move |(model, facts)| (kind.as_str(), model.as_str(), facts)))
    }

    /// How many models are known.
    pub fn len(&self) -> usize {
        self.models.values().map(BTreeMap::len).sum()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.models.is_empty()
    }

    /// Adds the facts of a model.
    pub fn add(&mut self, kind: &str, model: &str, facts: ModelFacts) {
        self.models.entry(kind.to_owned()).or_default().insert(model.to_owned(), Arc::new(facts));
    }

    /// This catalogue with another laid over it, fact by fact.
    #[must_use]
    pub fn corrected(&self, by: &Self) -> Self {
        let mut corrected = self.clone();
        for (kind, model, facts) in by.models() {
            let facts = self.find(kind, model).map_or_else(|| (**facts).clone(), |known| known.corrected(facts));
            corrected.add(kind, model, facts);
        }
        corrected
    }

    /// Writes a file that reads as this catalogue.
    pub fn write(&self) -> String {
        let mut names: BTreeMap<&str, String> = BTreeMap::new();
        for (_, _, facts) in self.models() {
            let number = names.len() + 1;
            names.entry(&facts.source).or_insert_with(|| format!("s{number}"));
        }
        let mut text = String::from("[sources]\n");
        let mut sources: Vec<(&str, &str)> = names.iter().map(|(source, name)| (name.as_str(), *source)).collect();
        sources.sort_by_key(|(name, _)| (name.len(), *name));
        for (name, source) in sources {
            let _ = writeln!(text, "{name} = {}", quoted(source));
        }
        for (kind, models) in &self.models {
            let _ = writeln!(text, "\n[models.{}]", key(kind));
            for (model, facts) in models {
                let name = names.get(facts.source.as_str()).cloned().unwrap_or_default();
                let facts = serde_json::to_value(ModelFacts { source: name, ..(**facts).clone() });
                let _ = writeln!(text, "{} = {}", quoted(model), inline(&facts.unwrap_or_default()));
            }
        }
        text
    }
}

/// A value on one line: what JSON writes of texts, numbers and truths, TOML reads in the same way.
fn inline(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::Object(fields) => {
            let fields: Vec<String> = fields.iter().map(|(key, value)| format!("{key} = {}", inline(value))).collect();
            format!("{{ {} }}", fields.join(", "))
        }
        serde_json::Value::String(text) => quoted(text),
        other => other.to_string(),
    }
}

/// A key of a table, in quotes where it has to be.
pub(crate) fn key(name: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if name.is_empty() || !name.chars().all(bare) { quoted(name) } else { name.to_owned() }
}

/// A string of JSON is a basic string of TOML: both escape alike, but for one character.
pub(crate) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string().replace('\u{7f}', "\\u007f")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Modality;
    use proptest::prelude::*;

    #[test]
    fn the_built_in_facts_are_read_and_each_has_a_source_and_a_date() {
        for text in BUILT_IN {
            assert!(!Catalogue::parse(text).unwrap().is_empty());
        }
        let catalogue = Catalogue::built_in();
        assert!(catalogue.len() > 500, "{}", catalogue.len());
        for (kind, model, facts) in catalogue.models() {
            assert!(facts.source.len() > 3, "{kind} {model}: {}", facts.source);
            let date: Vec<&str> = facts.date.split('-').collect();
            assert!(
                matches!(date.as_slice(), [year, _, _] if year.starts_with("20")),
                "{kind} {model}: {}",
                facts.date
            );
        }
        let facts = catalogue.find("openai", "gpt-5-mini").unwrap();
        assert_eq!((facts.tools, facts.takes(Modality::Image)), (Some(true), Some(true)));
    }

    #[test]
    fn a_file_is_corrected_fact_by_fact() {
        let one = Catalogue::parse(
            "[models.k]\n\"m\" = { tools = true, context_tokens = 8, source = \"a\", date = \"2026-01-01\" }",
        );
        let other = Catalogue::parse("[models.k]\n\"m\" = { tools = false, source = \"b\", date = \"2026-02-02\" }");
        let both = one.unwrap().corrected(&other.unwrap());
        let facts = both.find("k", "m").unwrap();
        assert_eq!((facts.tools, facts.context_tokens, facts.source.as_str()), (Some(false), Some(8), "b"));
    }

    #[test]
    fn what_is_no_catalogue_is_told_with_its_place() {
        let wrong = |text: &str| Catalogue::parse(text).unwrap_err();
        assert!(wrong("[models.k]\n\"m\" = { tolls = true, source = \"a\", date = \"d\" }").message.contains("tolls"));
        assert!(wrong("[models.k]\n\"m\" = { tools = \"yes\", source = \"a\", date = \"d\" }").at.is_some());
        assert!(wrong("[models.k]\n\"m\" = { tools = true }").message.contains("source"));
    }

    fn name() -> impl Strategy<Value = String> {
        prop_oneof!["[a-z_-]{0,9}", "(?s-u:[\\x00-\\x7f]){0,9}", "(?s).{0,9}"]
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            kind in name(), model in name(), source in name(), date in name(),
            tools: Option<bool>, tokens in proptest::option::of(0..1_u64 << 40),
        ) {
            let mut catalogue = Catalogue::default();
            let input = tools.into_iter().flat_map(|has| [(Modality::Text, true), (Modality::Image, has)]).collect();
            let facts = ModelFacts { tools, input, context_tokens: tokens, source, date, ..ModelFacts::default() };
            catalogue.add(&kind, &model, facts.clone());
            catalogue.add(&kind, "another", ModelFacts { source: "s1".into(), ..facts });
            prop_assert_eq!(Catalogue::parse(&catalogue.write()).unwrap(), catalogue);
        }
    }
}
