//! Vertex AI: Gemini, Claude within `rawPredict`, and the open models that it serves in Chat Completions, at addresses of a project and a place, with
//! tokens of Google Cloud. Source: <https://cloud.google.com/vertex-ai/generative-ai/docs/reference/rest>

use super::{EMBED_CONTENT, offers, variant};
use crate::{Cloud, CredentialStyle, EmbeddingsAt, Known, KnownInterface, KnownOffers, Within, anthropic, openai};
use http::{HeaderMap, HeaderName};
use switchtower_dialect::Variant;
use switchtower_dialect::services::EmbeddingForm;
use switchtower_domain::DialectId;

/// Gemini at Vertex AI.
const GEMINI: &str = "google_vertex";
/// Claude at Vertex AI. Source: <https://cloud.google.com/vertex-ai/generative-ai/docs/partner-models/claude/use-claude>
const ANTHROPIC: &str = "google_vertex_anthropic";
/// Open models at Vertex AI: Llama, Mistral, Qwen, DeepSeek and the like. Source:
/// <https://cloud.google.com/vertex-ai/generative-ai/docs/maas/use-open-models>
const OPEN_MODELS: &str = "google_vertex_open_models";

macro_rules! place {
    ($rest:literal) => {
        concat!("https://${region}-aiplatform.googleapis.com/v1/projects/${project}/locations/${region}/", $rest)
    };
}

pub(crate) fn known() -> [Known; 3] {
    let gemini = super::known();
    let kind = Known {
        name: GEMINI.to_owned(),
        base_url: Some(place!("publishers/google").to_owned()),
        key_variable: None,
        base_url_variable: None,
        style: CredentialStyle::Identity,
        cloud: Some(Cloud::Google),
        main: KnownInterface { variant: Variant { labels: true, ..variant() }, ..gemini.main },
        others: Vec::new(),
        offers: offers(&EMBEDDINGS),
        docs: "https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/inference".to_owned(),
    };
    let messages = anthropic::unlisted().main;
    let claude = Known {
        name: ANTHROPIC.to_owned(),
        base_url: Some(place!("publishers/anthropic").to_owned()),
        main: KnownInterface {
            within: Some(Within::RawPredict),
            headers: HeaderMap::new(),
            passed_headers: vec![HeaderName::from_static("anthropic-beta")],
            ..messages
        },
        offers: KnownOffers::usual(&[]),
        docs: "https://cloud.google.com/vertex-ai/generative-ai/docs/partner-models/claude/use-claude".to_owned(),
        ..kind.clone()
    };
    let open_models = Known {
        name: OPEN_MODELS.to_owned(),
        base_url: Some(place!("endpoints/openapi").to_owned()),
        main: openai::interface(DialectId::OpenaiChat, openai::unlisted().main.variant),
        offers: KnownOffers::usual(&[]),
        docs: "https://cloud.google.com/vertex-ai/generative-ai/docs/maas/call-open-model-apis".to_owned(),
        ..kind.clone()
    };
    [kind, claude, open_models]
}

/// The latest models are asked as they are at AI Studio; all others by `predict`, the Gemini ones among them for one text
/// at a time. Source: <https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/text-embeddings-api>
const EMBEDDINGS: [EmbeddingsAt; 3] = [
    EmbeddingsAt { models: &["gemini-embedding-2"], inputs_max: Some(1), ..EMBED_CONTENT },
    EmbeddingsAt { models: &["gemini-embedding"], inputs_max: Some(1), ..PREDICT },
    EmbeddingsAt { inputs_max: Some(250), ..PREDICT },
];

const PREDICT: EmbeddingsAt = EmbeddingsAt::of_all(EmbeddingForm::Predict, "/models/{model}:predict");

/// The base URL with the host of its place, which is named otherwise where it is no region: `global`, and the
/// multi-regions `us` and `eu`. Source: <https://cloud.google.com/vertex-ai/generative-ai/docs/learn/locations>
pub fn at_its_place(base: &str) -> String {
    let hosts = [
        ("global-aiplatform.googleapis.com", "aiplatform.googleapis.com"),
        ("us-aiplatform.googleapis.com", "aiplatform.us.rep.googleapis.com"),
        ("eu-aiplatform.googleapis.com", "aiplatform.eu.rep.googleapis.com"),
    ];
    let found = hosts.iter().find_map(|(usual, own)| {
        let rest = base.strip_prefix("https://")?.strip_prefix(usual)?;
        Some(format!("https://{own}{rest}"))
    });
    found.unwrap_or_else(|| base.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_place_has_its_host() {
        let at = |place: &str| at_its_place(&place!("publishers/google").replace("${region}", place));
        let path = |place: &str| format!("/v1/projects/${{project}}/locations/{place}/publishers/google");
        assert_eq!(
            at("europe-west4"),
            format!("https://europe-west4-aiplatform.googleapis.com{}", path("europe-west4"))
        );
        assert_eq!(at("global"), format!("https://aiplatform.googleapis.com{}", path("global")));
        assert_eq!(at("eu"), format!("https://aiplatform.eu.rep.googleapis.com{}", path("eu")));
        assert_eq!(at("us-central1"), format!("https://us-central1-aiplatform.googleapis.com{}", path("us-central1")));
    }
}
