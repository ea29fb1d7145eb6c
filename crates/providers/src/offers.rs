//! What a provider has besides a dialect: services, each with its address and its differences.

use crate::{Address, Base, EndpointError, Operation};
use http::Uri;
use switchtower_dialect::services::openai_embeddings::EmbeddingVariant;
use switchtower_dialect::services::rerank::RankingVariant;
use switchtower_domain::ModelName;

/// What is known of the services of a kind of provider.
#[derive(Debug, Clone)]
pub struct KnownOffers {
    /// Whether it answers conversations at all.
    pub answers: bool,
    /// Its services, each with a path beneath the base URL, or a whole address that holds only with the usual base URL.
    pub paths: Vec<(Operation, String)>,
    /// How its embeddings differ.
    pub embeddings: EmbeddingVariant,
    /// How its rankings differ.
    pub rerank: RankingVariant,
}

impl KnownOffers {
    /// Conversations, and these services where they usually are.
    pub fn usual(services: &[Operation]) -> Self {
        let paths = services.iter().map(|operation| (*operation, operation.usual_path().to_owned())).collect();
        Self { answers: true, paths, embeddings: EmbeddingVariant::default(), rerank: RankingVariant::default() }
    }

    /// The operations, answers first.
    pub fn operations(&self) -> impl Iterator<Item = Operation> {
        self.answers.then_some(Operation::Answer).into_iter().chain(self.paths.iter().map(|(operation, _)| *operation))
    }
}

/// What one provider has.
#[derive(Debug, Clone)]
pub struct Offers {
    answers: bool,
    services: Vec<Offered>,
    /// How its embeddings differ.
    pub embeddings: EmbeddingVariant,
    /// How its rankings differ.
    pub rerank: RankingVariant,
}

/// One service of a provider.
#[derive(Debug, Clone)]
struct Offered {
    operation: Operation,
    /// Beneath the base URL, or a whole address.
    path: String,
    address: Address,
}

impl Offered {
    fn new(operation: Operation, path: &str, base: &Base) -> Result<Self, EndpointError> {
        // A base URL may name the version of the API already.
        let beneath = if base.url.ends_with("/v2") { path.strip_prefix("/v2").unwrap_or(path) } else { path };
        let address = if path.starts_with('/') { base.at(beneath)? } else { Address::new(path)? };
        Ok(Self { operation, path: path.to_owned(), address })
    }
}

impl Offers {
    /// What a kind offers, at a base URL. `usual` says that it is the kind's own.
    ///
    /// # Errors
    /// [`EndpointError`] for an address that is none.
    pub fn new(known: &KnownOffers, base: &str, usual: bool) -> Result<Self, EndpointError> {
        let base = unversioned(base);
        let here = known.paths.iter().filter(|(_, path)| usual || path.starts_with('/'));
        let services = here.map(|(operation, path)| Offered::new(*operation, path, &base));
        Ok(Self {
            answers: known.answers,
            services: services.collect::<Result<_, _>>()?,
            embeddings: known.embeddings.clone(),
            rerank: known.rerank.clone(),
        })
    }

    /// Whether an operation is there.
    pub fn has(&self, operation: Operation) -> bool {
        match operation {
            Operation::Answer | Operation::CountTokens => self.answers,
            service => self.services.iter().any(|offered| offered.operation == service),
        }
    }

    /// The operations, answers first.
    pub fn operations(&self) -> impl Iterator<Item = Operation> {
        let services = self.services.iter().map(|offered| offered.operation);
        self.answers.then_some(Operation::Answer).into_iter().chain(services)
    }

    /// The address of a service for a model, if the provider has it.
    pub fn address(&self, operation: Operation, model: &ModelName) -> Option<Uri> {
        let offered = self.services.iter().find(|offered| offered.operation == operation)?;
        offered.address.of(model)
    }

    /// Moves what is beneath the base URL.
    pub(crate) fn move_to(&mut self, base: &str, version: Option<&str>) -> Result<(), EndpointError> {
        let base = Base { version: version.map(str::to_owned), ..unversioned(base) };
        for offered in &mut self.services {
            *offered = Offered::new(offered.operation, &offered.path, &base)?;
        }
        Ok(())
    }

    /// Leaves only these operations; those that were not there are found where they usually are.
    pub(crate) fn keep_only(&mut self, operations: &[Operation], base: &Base) -> Result<(), EndpointError> {
        self.answers = operations.contains(&Operation::Answer);
        self.services.retain(|offered| operations.contains(&offered.operation));
        for operation in Operation::SERVICES.into_iter().filter(|service| operations.contains(service)) {
            if !self.has(operation) {
                self.services.push(Offered::new(operation, operation.usual_path(), base)?);
            }
        }
        Ok(())
    }
}

fn unversioned(base: &str) -> Base {
    Base { url: base.trim_end_matches('/').to_owned(), version: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model() -> ModelName {
        ModelName::new("m").unwrap()
    }

    #[test]
    fn a_service_at_an_address_apart_is_known_at_the_usual_base_only() {
        let mut known = KnownOffers::usual(&[Operation::Embeddings]);
        known.paths.push((Operation::Completions, "https://a.example/beta/completions".to_owned()));
        let usual = Offers::new(&known, "https://a.example/v1/", true).unwrap();
        assert_eq!(usual.address(Operation::Embeddings, &model()).unwrap(), "https://a.example/v1/embeddings");
        assert_eq!(usual.address(Operation::Completions, &model()).unwrap(), "https://a.example/beta/completions");
        let moved = Offers::new(&known, "https://b.example/v1", false).unwrap();
        assert!(!moved.has(Operation::Completions) && moved.has(Operation::Answer));
    }

    #[test]
    fn an_operator_says_what_is_there() {
        let mut offers =
            Offers::new(&KnownOffers::usual(&[Operation::Embeddings]), "https://a.example/v1", true).unwrap();
        offers.keep_only(&[Operation::Rerank], &unversioned("https://a.example/v1")).unwrap();
        assert_eq!(offers.operations().collect::<Vec<_>>(), [Operation::Rerank]);
        assert_eq!(offers.address(Operation::Rerank, &model()).unwrap(), "https://a.example/v1/rerank");
    }
}
