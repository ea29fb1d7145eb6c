//! Ollama's own API, which stands beside what it has for clients of `OpenAI`:
//! <https://github.com/ollama/ollama/blob/main/docs/api.md>

use crate::{EmbeddingsAt, Known, KnownOffers, Operation, openai};
use switchtower_dialect::services::EmbeddingForm;
use switchtower_domain::DialectId;

/// Its own forms of embeddings.
const EMBEDDINGS: [EmbeddingsAt; 2] = [
    EmbeddingsAt::of_all(EmbeddingForm::Ollama, "/api/embed"),
    EmbeddingsAt { inputs_max: Some(1), ..EmbeddingsAt::of_all(EmbeddingForm::OllamaFirst, "/api/embeddings") },
];

/// What a provider has besides that speaks Ollama's chat beside the dialect of its row.
pub(crate) fn beside(offers: &mut KnownOffers) {
    if offers.operations().any(|operation| operation == Operation::Embeddings) {
        offers.embedding_forms.push(EmbeddingsAt::of_all(EmbeddingForm::Openai, Operation::Embeddings.usual_path()));
        offers.embedding_forms.extend(EMBEDDINGS);
    }
    if offers.answers {
        offers.paths.push((Operation::Generate, Operation::Generate.usual_path().to_owned()));
    }
}

/// What a provider of Ollama's chat is that no row describes. Its embeddings take texts only.
pub fn unlisted() -> Known {
    let mut offers = KnownOffers::usual(&[Operation::Generate]);
    offers.paths.push((Operation::Embeddings, "/api/embed".to_owned()));
    offers.embeddings.form = EmbeddingForm::Ollama;
    offers.embeddings.token_inputs = false;
    offers.embedding_forms = EMBEDDINGS.to_vec();
    Known { offers, ..openai::unlisted_of(DialectId::OllamaChat) }
}
