//! What a provider has besides a dialect: services, each with its address and its differences.

use crate::{Address, Base, EndpointError, Operation};
use http::Uri;
use switchtower_dialect::services::EmbeddingForm;
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
    /// The forms in which it takes embeddings, the usual one first; none where there is but that of `embeddings`.
    pub embedding_forms: Vec<EmbeddingsAt>,
    /// How its rankings differ.
    pub rerank: RankingVariant,
}

/// A form in which a provider takes embeddings, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EmbeddingsAt {
    /// The form.
    pub form: EmbeddingForm,
    /// Its path, as in [`KnownOffers::paths`].
    pub path: &'static str,
    /// What the names of the models begin with that are asked so; nothing where all are.
    pub models: &'static [&'static str],
    /// The most texts of one request, where it is known for this form.
    pub inputs_max: Option<usize>,
}

impl EmbeddingsAt {
    /// A form for all models.
    pub const fn of_all(form: EmbeddingForm, path: &'static str) -> Self {
        Self { form, path, models: &[], inputs_max: None }
    }

    fn is_for(&self, model: &ModelName) -> bool {
        self.models.is_empty() || self.models.iter().any(|begin| model.as_str().starts_with(begin))
    }
}

impl KnownOffers {
    /// Conversations, and these services where they usually are.
    pub fn usual(services: &[Operation]) -> Self {
        let paths = services.iter().map(|operation| (*operation, operation.usual_path().to_owned())).collect();
        Self {
            answers: true,
            paths,
            embeddings: EmbeddingVariant::default(),
            embedding_forms: Vec::new(),
            rerank: RankingVariant::default(),
        }
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
    /// The forms in which it takes them, each with its address.
    embedding_forms: Vec<(EmbeddingsAt, Address)>,
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
    /// Where its streams are, if that is elsewhere.
    streamed: Option<Address>,
}

impl Offered {
    fn new(operation: Operation, path: &str, base: &Base) -> Result<Self, EndpointError> {
        let streamed = operation.streamed_path().map(|path| address_of(path, base)).transpose()?;
        Ok(Self { operation, path: path.to_owned(), address: address_of(path, base)?, streamed })
    }
}

/// Where a path is. A base URL may name a version of the API already, beside which that of the path stands.
fn address_of(path: &str, base: &Base) -> Result<Address, EndpointError> {
    if !path.starts_with('/') {
        return Address::new(path);
    }
    let versioned = ["/v1/", "/v2/", "/api/"].iter().any(|root| path.starts_with(root));
    let root = ["/v1", "/v2"].iter().find_map(|version| base.url.strip_suffix(version)).filter(|_| versioned);
    match root {
        Some(root) => Base { url: root.to_owned(), ..base.clone() }.at(path),
        None => base.at(path),
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
        let forms = known.embedding_forms.iter().map(|at| Ok((*at, address_of(at.path, &base)?)));
        Ok(Self {
            answers: known.answers,
            services: services.collect::<Result<_, _>>()?,
            embeddings: known.embeddings.clone(),
            embedding_forms: forms.collect::<Result<_, _>>()?,
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

    /// The same for a stream.
    pub fn streamed_address(&self, operation: Operation, model: &ModelName) -> Option<Uri> {
        let offered = self.services.iter().find(|offered| offered.operation == operation)?;
        offered.streamed.as_ref().unwrap_or(&offered.address).of(model)
    }

    /// How and where vectors of a model are asked for, for a client that has a form: in that one where it can be.
    pub fn embeddings_in(&self, form: EmbeddingForm, model: &ModelName) -> Option<(EmbeddingVariant, Uri)> {
        let mut taken = self.embedding_forms.iter().filter(|(at, _)| at.is_for(model));
        let own = taken.clone().find(|(at, _)| at.form == form);
        let Some((at, address)) = own.or_else(|| taken.next()) else {
            return Some((self.embeddings.clone(), self.address(Operation::Embeddings, model)?));
        };
        let inputs_max = at.inputs_max.or(self.embeddings.inputs_max);
        let variant = EmbeddingVariant { form: at.form, inputs_max, ..self.embeddings.clone() };
        Some((variant, address.of(model)?))
    }

    /// Moves what is beneath the base URL.
    pub(crate) fn move_to(&mut self, base: &str, version: Option<&str>) -> Result<(), EndpointError> {
        let base = Base { version: version.map(str::to_owned), ..unversioned(base) };
        for offered in &mut self.services {
            *offered = Offered::new(offered.operation, &offered.path, &base)?;
        }
        for (at, address) in &mut self.embedding_forms {
            *address = address_of(at.path, &base)?;
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
    fn a_client_is_served_in_its_own_form_where_that_is_taken() {
        use EmbeddingForm::{Gemini, GeminiBatch, Ollama, Openai, Predict};
        let asked = |kind: &str, base: &str, form, model: &str| {
            let known = crate::known(kind).unwrap();
            let offers = Offers::new(&known.offers, base, true).unwrap();
            let (variant, address) = offers.embeddings_in(form, &ModelName::new(model).unwrap()).unwrap();
            (variant.form, variant.inputs_max, address.to_string())
        };
        let base = "https://g.example/v1beta";
        let batch = format!("{base}/models/m:batchEmbedContents");
        assert_eq!(asked("google", base, Openai, "m"), (GeminiBatch, Some(100), batch));
        assert_eq!(asked("google", base, Gemini, "m"), (Gemini, Some(1), format!("{base}/models/m:embedContent")));
        let vertex = |form, model| asked("google_vertex", "https://v.example", form, model);
        let at = |model: &str, method: &str| format!("https://v.example/models/{model}:{method}");
        assert_eq!(vertex(Openai, "text-embedding-005"), (Predict, Some(250), at("text-embedding-005", "predict")));
        assert_eq!(vertex(Gemini, "gemini-embedding-001"), (Predict, Some(1), at("gemini-embedding-001", "predict")));
        assert_eq!(vertex(Openai, "gemini-embedding-2"), (Gemini, Some(1), at("gemini-embedding-2", "embedContent")));
        let ollama = |form| asked("ollama", "http://o.example:11434/v1", form, "m");
        assert_eq!(ollama(Openai), (Openai, None, "http://o.example:11434/v1/embeddings".to_owned()));
        assert_eq!(ollama(Ollama), (Ollama, None, "http://o.example:11434/api/embed".to_owned()));
        let cohere = asked("cohere", "https://c.example/v2", EmbeddingForm::CohereFirst, "m");
        assert_eq!(cohere, (EmbeddingForm::CohereFirst, Some(96), "https://c.example/v1/embed".to_owned()));
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
