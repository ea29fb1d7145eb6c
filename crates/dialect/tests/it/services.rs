//! Every service, against its fixtures: what is read, and that it is written back as it was.

use crate::laws::{Change, apply, change};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::path::PathBuf;
use switchtower_dialect::services::Service;
use switchtower_dialect::services::cohere_embed::CohereEmbed;
use switchtower_dialect::services::gemini_batch_embed::GeminiBatchEmbed;
use switchtower_dialect::services::gemini_embed::GeminiEmbed;
use switchtower_dialect::services::ollama_embed::OllamaEmbed;
use switchtower_dialect::services::ollama_embeddings::OllamaEmbeddings;
use switchtower_dialect::services::openai_completions::Completions;
use switchtower_dialect::services::openai_embeddings::{Elements, EmbeddingVariant, Embeddings};
use switchtower_dialect::services::openai_moderations::Moderations;
use switchtower_dialect::services::rerank::Rerank;
use switchtower_dialect::services::vertex_predict::VertexPredict;
use switchtower_domain::DimensionsField;

fn fixture<S: Service>(name: &str) -> Value {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src/services").join(S::NAME).join("fixtures").join(name);
    let text = std::fs::read_to_string(&path);
    serde_json::from_str(&text.unwrap_or_else(|error| panic!("every service has {}: {error}", path.display()))).unwrap()
}

fn snapshot(name: &str, value: &impl serde::Serialize) {
    insta::assert_snapshot!(name, serde_json::to_string_pretty(value).unwrap());
}

fn golden<S: Service>() {
    let original = fixture::<S>("request.json");
    let request = S::decode_request(original.clone().into()).unwrap();
    let same = S::encode_request(&request, &S::Variant::default());
    assert_eq!((same.body, same.notices.len()), (original, 0), "{}", S::NAME);
    snapshot(&format!("{}_request", S::NAME), &request);
    let original = fixture::<S>("answer.json");
    let answer = S::decode_answer(original.clone().into()).unwrap();
    assert_eq!(S::encode_answer(&answer), original, "{}", S::NAME);
    snapshot(&format!("{}_answer", S::NAME), &answer);
    let schema: Value = serde_json::from_str(S::REQUEST_SCHEMA).unwrap();
    assert_eq!(schema.get("type"), Some(&Value::from("object")));
}

#[test]
fn what_is_read_is_written_back() {
    golden::<Embeddings>();
    golden::<CohereEmbed>();
    golden::<GeminiEmbed>();
    golden::<GeminiBatchEmbed>();
    golden::<VertexPredict>();
    golden::<OllamaEmbed>();
    golden::<OllamaEmbeddings>();
    golden::<Rerank>();
    golden::<Completions>();
    golden::<Moderations>();
}

#[test]
fn a_request_goes_out_by_the_names_of_its_vendor() {
    let request = json!({"model": "m", "input": "a", "dimensions": 8, "encoding_format": "float", "user": "u", "input_type": "query"});
    let request = Embeddings::decode_request(request.into()).unwrap();
    let variant = EmbeddingVariant {
        dimensions_field: Some(DimensionsField::OutputDimension),
        float_word: false,
        elements: Elements::Float32,
        forbidden: vec!["user".to_owned(), "input_type".to_owned()],
        ..EmbeddingVariant::default()
    };
    let sent = Embeddings::encode_request(&request, &variant);
    assert_eq!(sent.body, json!({"model": "m", "input": "a", "output_dimension": 8}));
    let told: Vec<String> = sent.notices.iter().map(ToString::to_string).collect();
    assert_eq!(told.len(), 2, "{told:?}");
}

#[test]
fn a_slip_in_a_request_is_named_by_its_path() {
    let path = |outcome: Result<(), switchtower_dialect::DecodeError>| outcome.unwrap_err().path().unwrap().to_owned();
    let embeddings = |body: Value| path(Embeddings::decode_request(body.into()).map(drop));
    assert_eq!(embeddings(json!({"model": "m"})), "input");
    assert_eq!(embeddings(json!({"model": "m", "input": ["a", {"b": 1}]})), "input[1]");
    assert_eq!(embeddings(json!({"model": "m", "input": [[1, "a"]]})), "input[0]");
    assert_eq!(embeddings(json!({"model": "m", "input": "a", "dimensions": "8"})), "dimensions");
    let rerank = |body: Value| path(Rerank::decode_request(body.into()).map(drop));
    assert_eq!(rerank(json!({"model": "m", "documents": []})), "query");
    assert_eq!(rerank(json!({"model": "m", "query": "q", "documents": ["a", {}]})), "documents[1].text");
    assert_eq!(path(Moderations::decode_request(json!({"input": [{"text": "a"}]}).into()).map(drop)), "input[0].type");
}

fn returns<S: Service>(changes: &[Change]) -> Result<(), TestCaseError> {
    let changed = |name: &str| {
        let mut message = fixture::<S>(name);
        changes.iter().for_each(|change| apply(&mut message, change));
        message
    };
    let message = changed("request.json");
    if let Ok(request) = S::decode_request(message.clone().into()) {
        let same = S::encode_request(&request, &S::Variant::default());
        prop_assert!(same.notices.is_empty());
        prop_assert_eq!(same.body, message, "{}", S::NAME);
    }
    let message = changed("answer.json");
    if let Ok(answer) = S::decode_answer(message.clone().into()) {
        prop_assert_eq!(S::encode_answer(&answer), message, "{}", S::NAME);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn what_is_read_is_written_back_as_it_was(changes in prop::collection::vec(change(), 0..4)) {
        returns::<Embeddings>(&changes)?;
        returns::<CohereEmbed>(&changes)?;
        returns::<GeminiEmbed>(&changes)?;
        returns::<GeminiBatchEmbed>(&changes)?;
        returns::<VertexPredict>(&changes)?;
        returns::<OllamaEmbed>(&changes)?;
        returns::<OllamaEmbeddings>(&changes)?;
        returns::<Rerank>(&changes)?;
        returns::<Completions>(&changes)?;
        returns::<Moderations>(&changes)?;
    }
}
