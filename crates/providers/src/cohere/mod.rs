//! Cohere, which speaks Cohere Chat as it documents it: <https://docs.cohere.com/reference/chat>.

use crate::{CredentialStyle, EmbeddingsAt, Known, KnownInterface, KnownOffers, Operation, openai};
use http::{HeaderMap, HeaderName};
use switchtower_dialect::services::EmbeddingForm;
use switchtower_dialect::{StreamEnding, Variant};
use switchtower_domain::{DialectId, RankingForm};

/// The name of the kind.
pub const NAME: &str = "cohere";

const BASE_URL: &str = "https://api.cohere.com";
/// What it has for clients of `OpenAI`. Source: <https://docs.cohere.com/docs/compatibility-api>
const OPENAI_BASE_URL: &str = "https://api.cohere.ai/compatibility/v1";
/// Source: <https://docs.cohere.com/docs/get-started-installation>
const KEY_VARIABLE: &str = "COHERE_API_KEY";
const REQUEST_ID: HeaderName = HeaderName::from_static("x-debug-trace-id");

pub(crate) fn known() -> Known {
    let chat = openai::interface(DialectId::OpenaiChat, openai::unlisted().main.variant);
    Known {
        name: NAME.to_owned(),
        base_url: Some(BASE_URL.to_owned()),
        key_variable: Some(KEY_VARIABLE.to_owned()),
        base_url_variable: None,
        style: CredentialStyle::Bearer,
        cloud: None,
        main: KnownInterface {
            dialect: DialectId::CohereChat,
            base_url: None,
            within: None,
            variant: variant(),
            headers: HeaderMap::new(),
            passed_headers: Vec::new(),
            request_id_header: REQUEST_ID,
        },
        others: vec![KnownInterface { base_url: Some(OPENAI_BASE_URL.to_owned()), ..chat }],
        offers: offers(),
        docs: "https://docs.cohere.com/reference/chat".to_owned(),
    }
}

/// The last event says why the answer ends. What follows it is no part of the reference, and need not come.
fn variant() -> Variant {
    Variant { stream_ending: StreamEnding::StopReason, ..Variant::default() }
}

/// The most texts of one request for embeddings. Source: <https://docs.cohere.com/reference/embed>
const EMBEDDING_INPUTS_MAX: usize = 96;

/// Embeddings in its own form, and rankings, which it was the first to have; its second version takes texts only, and
/// does not repeat them. Source: <https://docs.cohere.com/reference/rerank>
fn offers() -> KnownOffers {
    let mut offers = KnownOffers::usual(&[]);
    offers.paths.push((Operation::Embeddings, "/v2/embed".to_owned()));
    offers.paths.push((Operation::Rerank, "/v2/rerank".to_owned()));
    // Source: <https://docs.cohere.com/v1/reference/chat>
    offers.paths.push((Operation::FirstChat, Operation::FirstChat.usual_path().to_owned()));
    offers.embeddings.form = EmbeddingForm::Cohere;
    offers.embedding_forms = vec![
        EmbeddingsAt::of_all(EmbeddingForm::Cohere, "/v2/embed"),
        // Source: <https://docs.cohere.com/v1/reference/embed>
        EmbeddingsAt::of_all(EmbeddingForm::CohereFirst, "/v1/embed"),
    ];
    offers.embeddings.token_inputs = false;
    offers.embeddings.inputs_max = Some(EMBEDDING_INPUTS_MAX);
    offers.rerank.form = Some(RankingForm::Results);
    offers.rerank.document_objects = false;
    offers.rerank.return_documents = false;
    offers
}

/// What a provider of Cohere Chat is that no row describes.
pub fn unlisted() -> Known {
    Known {
        name: String::new(),
        base_url: None,
        key_variable: None,
        base_url_variable: None,
        others: Vec::new(),
        ..known()
    }
}
