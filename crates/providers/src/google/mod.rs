//! Google, whose AI Studio speaks Gemini as it documents it: <https://ai.google.dev/api>. Vertex AI speaks it as well, at
//! addresses of a project and with credentials of its own.

use crate::{Cloud, CredentialStyle, EmbeddingsAt, Known, KnownInterface, KnownOffers, Operation, openai};
use http::{HeaderMap, HeaderName};
use switchtower_dialect::services::EmbeddingForm;
use switchtower_dialect::{StreamEnding, Thinking, Variant};
use switchtower_domain::DialectId;

pub mod vertex;

/// The name of the kind.
pub const NAME: &str = "google";

const BASE_URL: &str = "https://generativelanguage.googleapis.com/v1beta";
/// What it has for clients of `OpenAI`. Source: <https://ai.google.dev/gemini-api/docs/openai>
const OPENAI_BASE_URL: &str = "https://generativelanguage.googleapis.com/v1beta/openai";
/// The variable that its own SDKs read.
const KEY_VARIABLE: &str = "GEMINI_API_KEY";
const REQUEST_ID: HeaderName = HeaderName::from_static("x-goog-request-id");

pub(crate) fn known() -> Known {
    let chat = openai::interface(DialectId::OpenaiChat, openai::unlisted().main.variant);
    Known {
        name: NAME.to_owned(),
        base_url: Some(BASE_URL.to_owned()),
        key_variable: Some(KEY_VARIABLE.to_owned()),
        base_url_variable: None,
        style: CredentialStyle::XGoogApiKey,
        cloud: Some(Cloud::Google),
        main: KnownInterface {
            dialect: DialectId::GoogleGemini,
            base_url: None,
            within: None,
            variant: variant(),
            headers: HeaderMap::new(),
            passed_headers: Vec::new(),
            request_id_header: REQUEST_ID,
        },
        others: vec![KnownInterface { base_url: Some(OPENAI_BASE_URL.to_owned()), ..chat }],
        offers: offers(&[
            EmbeddingsAt {
                form: EmbeddingForm::GeminiBatch,
                path: "/models/{model}:batchEmbedContents",
                models: &[],
                inputs_max: Some(BATCH_MAX),
            },
            EmbeddingsAt { inputs_max: Some(1), ..EMBED_CONTENT },
        ]),
        docs: "https://ai.google.dev/api/generate-content".to_owned(),
    }
}

/// The most requests of one batch. Source: the server's own error, "at most 100 requests can be in one batch"
const BATCH_MAX: usize = 100;

/// One content at a time. Source: <https://ai.google.dev/api/embeddings>
const EMBED_CONTENT: EmbeddingsAt = EmbeddingsAt::of_all(EmbeddingForm::Gemini, "/models/{model}:embedContent");

/// Conversations, and embeddings in Google's own forms, which take texts only.
fn offers(forms: &[EmbeddingsAt]) -> KnownOffers {
    let mut offers = KnownOffers::usual(&[]);
    if let Some(usual) = forms.first() {
        offers.paths.push((Operation::Embeddings, usual.path.to_owned()));
        offers.embeddings.form = usual.form;
    }
    offers.embeddings.token_inputs = false;
    offers.embedding_forms = forms.to_vec();
    offers
}

/// A stream has no end marker. Every model that thinks takes a budget; levels are known to the later ones only.
/// Source: <https://ai.google.dev/gemini-api/docs/thinking>
fn variant() -> Variant {
    Variant { thinking: Thinking::Budget, stream_ending: StreamEnding::StopReason, ..Variant::default() }
}

/// What a provider of Gemini is that no row describes.
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
