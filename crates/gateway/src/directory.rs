//! What can be asked for, by which names.

use crate::owner::Owner;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use switchtower_catalogue::{Catalogue, ModelFacts};
use switchtower_dialect::ModelCard;
use switchtower_domain::{DeploymentName, ModelName, ProviderName, limits, nearest};
use switchtower_providers::{Deployment, Provider};

/// Every deployment, alias and provider, by name.
#[derive(Debug, Default)]
pub struct Directory {
    names: HashMap<String, Arc<Deployment>>,
    providers: BTreeMap<String, Arc<Provider>>,
    cards: Vec<ModelCard>,
    catalogue: Arc<Catalogue>,
}

/// Names that contradict each other.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DirectoryError {
    /// A name stands for two things.
    #[error("'{name}' is given twice")]
    Twice {
        /// The name.
        name: String,
    },
    /// An alias leads nowhere.
    #[error("alias '{alias}' stands for '{target}', which nobody serves{}", hint(near))]
    Dangling {
        /// The alias.
        alias: String,
        /// What it should stand for.
        target: String,
        /// What may have been meant.
        near: Vec<String>,
    },
}

fn hint(near: &[String]) -> String {
    if near.is_empty() { String::new() } else { format!("; did you mean {}?", near.join(", ")) }
}

impl Directory {
    /// A directory of providers, deployments, and aliases of deployments or of models at a provider.
    ///
    /// # Errors
    /// [`DirectoryError`] for names that are given twice and aliases that lead nowhere.
    pub fn new(
        providers: Vec<Arc<Provider>>,
        deployments: Vec<Deployment>,
        aliases: Vec<(DeploymentName, String)>,
    ) -> Result<Self, DirectoryError> {
        Self::knowing(providers, deployments, aliases, Catalogue::built_in())
    }

    /// The same with the facts of a catalogue. Those that a deployment has of its own stay.
    ///
    /// # Errors
    /// [`DirectoryError`] for names that are given twice and aliases that lead nowhere.
    pub fn knowing(
        providers: Vec<Arc<Provider>>,
        deployments: Vec<Deployment>,
        aliases: Vec<(DeploymentName, String)>,
        catalogue: Arc<Catalogue>,
    ) -> Result<Self, DirectoryError> {
        let mut directory = Self { catalogue, ..Self::default() };
        for provider in providers {
            let name = provider.name.as_str().to_owned();
            if directory.providers.insert(name.clone(), provider).is_some() {
                return Err(DirectoryError::Twice { name });
            }
        }
        for deployment in deployments {
            let facts = directory.facts(&deployment.provider, &deployment.model);
            directory.add(&deployment.name.clone(), Arc::new(deployment.knowing(facts)))?;
        }
        let mut led = Vec::new();
        for (alias, target) in aliases {
            let Some(deployment) = directory.find(&target) else {
                let near = directory.near(&target).into_iter().map(str::to_owned).collect();
                return Err(DirectoryError::Dangling { alias: alias.to_string(), target, near });
            };
            led.push((alias, deployment));
        }
        for (alias, deployment) in led {
            directory.add(&alias, deployment)?;
        }
        directory.offer();
        Ok(directory)
    }

    fn add(&mut self, name: &DeploymentName, deployment: Arc<Deployment>) -> Result<(), DirectoryError> {
        let card = card(name.to_string(), &deployment.provider, deployment.facts.as_deref());
        if self.names.insert(name.to_string(), deployment).is_some() {
            return Err(DirectoryError::Twice { name: name.to_string() });
        }
        self.cards.push(card);
        Ok(())
    }

    /// Lists the models that providers are known to serve.
    fn offer(&mut self) {
        for provider in self.providers.values() {
            for model in &provider.models {
                let id = format!("{}/{}", provider.name, model);
                if !self.names.contains_key(&id) {
                    let facts = self.facts(provider, model);
                    self.cards.push(card(id, provider, facts.as_deref()));
                }
            }
        }
        self.cards.sort_by(|one, other| one.id.cmp(&other.id));
    }

    /// The name of a provider at which an owner has its account.
    pub(crate) fn provider_of(&self, owner: Owner) -> Option<&ProviderName> {
        self.providers.values().find(|provider| Owner::of(provider) == owner).map(|provider| &provider.name)
    }

    /// Whether a name is one of the configuration, or of the lists of models that it refers to.
    pub fn has(&self, name: &str) -> bool {
        self.names.contains_key(name) || self.cards.binary_search_by(|card| card.id.as_str().cmp(name)).is_ok()
    }

    /// The deployment of a name: a deployment's own, an alias, or `provider/model`.
    pub fn find(&self, name: &str) -> Option<Arc<Deployment>> {
        if let Some(deployment) = self.names.get(name) {
            return Some(Arc::clone(deployment));
        }
        let (provider, model) = name.split_once('/')?;
        let provider = self.providers.get(provider)?;
        let model = ModelName::new(model).ok()?;
        let name = DeploymentName::new(name).or_else(|_| DeploymentName::new(provider.name.as_str())).ok()?;
        let facts = self.facts(provider, &model);
        Some(Arc::new(Deployment::new(name, Arc::clone(provider), model).knowing(facts)))
    }

    /// What is known of a model at a provider.
    fn facts(&self, provider: &Provider, model: &ModelName) -> Option<Arc<ModelFacts>> {
        self.catalogue.find(provider.kind.as_deref()?, model.as_str()).cloned()
    }

    /// Up to three names that a misspelt one may have meant.
    pub fn near(&self, name: &str) -> Vec<&str> {
        if name.len() > limits::NAME_BYTES_MAX {
            return Vec::new();
        }
        nearest(name, self.cards.iter().map(|card| card.id.as_str()))
    }

    /// Every name that listings show.
    pub fn cards(&self) -> &[ModelCard] {
        &self.cards
    }

    /// The deployments that have a name of their own, each once.
    pub fn deployments(&self) -> impl Iterator<Item = &Arc<Deployment>> {
        let mut deployments: Vec<_> = self.names.iter().collect();
        deployments.sort_unstable_by_key(|(name, _)| name.as_str());
        // An alias is a name of what has another.
        deployments.into_iter().filter(|(name, it)| *name == it.name.as_str()).map(|(_, deployment)| deployment)
    }

    /// The providers, by name.
    pub fn providers(&self) -> impl Iterator<Item = &Arc<Provider>> {
        self.providers.values()
    }
}

/// A model as listings show it, with what is known of it.
pub(crate) fn card(id: String, provider: &Provider, facts: Option<&ModelFacts>) -> ModelCard {
    let facts = facts.and_then(|facts| serde_json::to_value(facts).ok());
    ModelCard { id, owner: provider.name.to_string(), facts }
}

#[cfg(test)]
mod tests {
    use super::*;
    use switchtower_domain::ProviderName;
    use switchtower_providers::{Credential, known};

    fn provider(name: &str) -> Arc<Provider> {
        let kind = known("openai").unwrap();
        let name = ProviderName::new(name).unwrap();
        let mut provider = Provider::of_kind(name, kind, "https://a.example/v1", Credential::None).unwrap();
        provider.models = vec![ModelName::new("gpt-5").unwrap()];
        Arc::new(provider)
    }

    fn deployment(name: &str) -> Deployment {
        Deployment::new(DeploymentName::new(name).unwrap(), provider("p"), ModelName::new("m").unwrap())
    }

    fn alias(name: &str, target: &str) -> (DeploymentName, String) {
        (DeploymentName::new(name).unwrap(), target.to_owned())
    }

    #[test]
    fn names_lead_to_deployments() {
        let aliases = vec![alias("smart", "main"), alias("other", "p/some/model")];
        let directory = Directory::new(vec![provider("p")], vec![deployment("main")], aliases).unwrap();
        assert_eq!(directory.find("smart").unwrap().model.as_str(), "m");
        assert_eq!(directory.find("other").unwrap().model.as_str(), "some/model");
        assert_eq!(directory.find("p/x").unwrap().name.as_str(), "p/x");
        assert!(directory.find("q/x").is_none());
        assert!(directory.find("p/").is_none());
        assert_eq!(directory.near("p/gtp-5"), ["p/gpt-5"]);
        let ids: Vec<&str> = directory.cards().iter().map(|card| card.id.as_str()).collect();
        assert_eq!(ids, ["main", "other", "p/gpt-5", "smart"]);
    }

    #[test]
    fn contradictions_are_refused() {
        let twice = Directory::new(vec![provider("p")], vec![deployment("a"), deployment("a")], Vec::new());
        assert_eq!(twice.unwrap_err(), DirectoryError::Twice { name: "a".to_owned() });
        let dangling = Directory::new(vec![provider("p")], vec![deployment("main")], vec![alias("x", "mian")]);
        assert_eq!(
            dangling.unwrap_err().to_string(),
            "alias 'x' stands for 'mian', which nobody serves; did you mean main?"
        );
    }
}
