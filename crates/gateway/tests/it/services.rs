//! Embeddings, rankings, completions of text and moderations: forwarded, translated, refused.

use crate::scripted::{Piece, Script};
use crate::*;
use serde_json::json;

const EMBEDDINGS: &str = "/v1/embeddings";
const RERANK: &str = "/v1/rerank";
const COMPLETIONS: &str = "/v1/completions";

/// A gateway before providers of these kinds, of which the first is asked.
fn before(script: Script, kinds: &[&str]) -> (Gateway, ScriptedProvider) {
    gateway_with(script, keyless(), kinds.iter().map(|kind| provider(kind, kind)).collect())
}

fn vectors(vectors: &[Value], usage: &Value) -> String {
    let data: Vec<Value> = vectors
        .iter()
        .enumerate()
        .map(|(index, vector)| json!({"object": "embedding", "index": index, "embedding": vector}))
        .collect();
    json!({"object": "list", "data": data, "model": "e-1", "usage": usage}).to_string()
}

#[tokio::test]
async fn bytes_are_forwarded_where_the_provider_has_all_that_is_asked() {
    let answer = vectors(&[json!([1e-3, 0.25])], &json!({"prompt_tokens": 1, "total_tokens": 1}));
    let (gateway, provider) = before(Script::json(200, &answer), &[]);
    let body = r#"{ "model":"chat","input":["a",  "b"],"dimensions": 2,"encoding_format":"base64","x":1e2 }"#;
    let response = gateway.handle(post(EMBEDDINGS, body)).await;
    assert_eq!((response.status().as_u16(), text(response).await), (200, answer));
    assert_eq!(provider.bodies(), [body.replace("\"chat\"", "\"gpt-x\"")]);
    assert_eq!(provider.addresses(), ["https://chat-vendor.example/v1/embeddings"]);
}

#[tokio::test]
async fn names_that_a_provider_has_for_fields_are_spliced() {
    let answer = vectors(&[json!([0.5])], &json!({"prompt_tokens": 1, "total_tokens": 1}));
    let (gateway, provider) = before(Script::json(200, &answer), &["mistral"]);
    let body = r#"{"model":"by-mistral","input":"a","dimensions":1,"user":"u","input_type":"query"}"#;
    let response = gateway.handle(post(EMBEDDINGS, body)).await;
    assert_eq!(response.headers()["x-switchtower-notices"], "input_type;meaning, user;hint");
    assert_eq!(provider.bodies(), [r#"{"model":"m","input":"a","output_dimension":1}"#]);
    let strict = with(post(EMBEDDINGS, body), "x-switchtower-strict", "true");
    assert_eq!(json(gateway.handle(strict).await).await["error"]["param"], "input_type");
    assert_eq!(provider.bodies().len(), 1);
}

#[tokio::test]
async fn vectors_come_in_the_encoding_that_was_asked_for() {
    // The vendor has numbers of 8 bits in base64 and nothing else.
    let answer = vectors(&[json!("/wGAfw==")], &json!({"prompt_tokens": 7, "total_tokens": 7}));
    let (gateway, provider) = before(Script::json(200, &answer), &["perplexity"]);
    let ask = |encoding: &str| format!(r#"{{"model":"by-perplexity","input":"a"{encoding}}}"#);
    let floats = gateway.handle(post(EMBEDDINGS, &ask(""))).await;
    assert_eq!(floats.headers()["x-switchtower-notices"], "encoding_format;hint");
    assert_eq!(json(floats).await["data"][0]["embedding"], json!([-1, 1, -128, 127]));
    let wide = json(gateway.handle(post(EMBEDDINGS, &ask(r#","encoding_format":"base64""#))).await).await;
    assert_eq!(wide["data"][0]["embedding"], "AACAvwAAgD8AAADDAAD+Qg==");
    let own = text(gateway.handle(post(EMBEDDINGS, &ask(r#","encoding_format":"base64_int8""#))).await).await;
    assert_eq!(own, answer);
    assert!(provider.bodies()[1].ends_with(r#""input":"a"}"#), "{:?}", provider.bodies());
}

#[tokio::test]
async fn a_list_that_is_too_long_for_the_provider_is_split_and_joined() {
    let piece = |number: f64, count: usize| {
        Script::json(200, &vectors(&vec![json!([number]); count], &json!({"total_tokens": count})))
    };
    let script = Script::InTurn(vec![piece(0.0, 1000), piece(1.0, 1000), piece(2.0, 500)]);
    let (gateway, provider) = before(script, &["voyage"]);
    let inputs: Vec<String> = (0..2500).map(|number| number.to_string()).collect();
    let body = json!({"model": "by-voyage", "input": inputs, "encoding_format": "float"}).to_string();
    let answer = json(gateway.handle(post(EMBEDDINGS, &body)).await).await;
    let data = answer["data"].as_array().unwrap();
    assert_eq!(data.len(), 2500);
    assert_eq!((&data[999]["embedding"], &data[2000]["embedding"]), (&json!([0.0]), &json!([2.0])));
    assert_eq!(data[2499]["index"], 2499);
    assert_eq!(answer["usage"], json!({"prompt_tokens": 2500, "total_tokens": 2500}));
    let sent: Vec<Value> = provider.bodies().iter().map(|body| serde_json::from_str(body).unwrap()).collect();
    assert_eq!(sent[1]["input"][0], "1000");
    assert!(sent.iter().all(|body| body.get("encoding_format").is_none() && body["model"] == "m"));
}

#[tokio::test]
async fn one_failure_among_several_is_the_answer() {
    let good = Script::json(200, &vectors(&vec![json!([1]); 1000], &json!({})));
    let bad = Script::json(429, r#"{"detail":"slow down"}"#).with("retry-after", "3");
    let (gateway, _) = before(Script::InTurn(vec![good, bad]), &["voyage"]);
    let body = json!({"model": "by-voyage", "input": vec!["a"; 1500]}).to_string();
    let response = gateway.handle(post(EMBEDDINGS, &body)).await;
    assert_eq!((response.status().as_u16(), &response.headers()["retry-after"]), (429, &"3".parse().unwrap()));
    assert!(json(response).await["error"]["message"].as_str().unwrap().contains("slow down"));
}

#[tokio::test]
async fn a_malformed_answer_is_the_providers_failure() {
    for answer in
        [r#"{"data":[]}"#, r#"{"data":[{"embedding":"AA=="}]}"#, r#"{"data":[{"index":1,"embedding":"AA=="}]}"#, "[]"]
    {
        let (gateway, _) = before(Script::json(200, answer), &["perplexity"]);
        let response = gateway.handle(post(EMBEDDINGS, r#"{"model":"by-perplexity","input":["a","b"]}"#)).await;
        assert_eq!(response.status(), 502, "{answer}");
    }
}

#[tokio::test]
async fn tokens_are_refused_where_only_texts_are_taken() {
    let (gateway, provider) = before(Script::json(200, "{}"), &["mistral"]);
    let body = r#"{"model":"by-mistral","input":["a",[1,2]]}"#;
    // The list begins with a text, so the provider is the one to refuse; where it begins with tokens we do.
    gateway.handle(post(EMBEDDINGS, body)).await;
    let refused = gateway.handle(post(EMBEDDINGS, r#"{"model":"by-mistral","input":[[1,2]]}"#)).await;
    assert_eq!(refused.status(), 400);
    assert_eq!(json(refused).await["error"]["param"], "input[0]");
    assert_eq!(provider.bodies().len(), 1);
}

#[tokio::test]
async fn a_ranking_comes_by_the_names_of_the_caller() {
    let answer = r#"{"object":"list","data":[{"relevance_score":0.1,"index":0},{"relevance_score":0.9,"index":1}],"model":"r","usage":{"total_tokens":5}}"#;
    let (gateway, provider) = before(Script::json(200, answer), &["voyage"]);
    let body = r#"{"model":"by-voyage","query":"q","documents":["a",{"text":"b"}],"top_n":1,"return_documents":true}"#;
    let told = json(gateway.handle(post(RERANK, body)).await).await;
    assert_eq!(told["results"], json!([{"index": 1, "relevance_score": 0.9, "document": {"text": "b"}}]));
    assert_eq!(told["usage"]["total_tokens"], 5);
    let sent: Value = serde_json::from_str(&provider.bodies()[0]).unwrap();
    assert_eq!(
        sent,
        json!({"model": "m", "query": "q", "documents": ["a", "b"], "top_k": 1, "return_documents": true})
    );
    // A caller of the same family gets the provider's own bytes.
    let same = r#"{"model":"by-voyage","query":"q","documents":["a","b"],"top_k":null}"#;
    assert_eq!(text(gateway.handle(post(RERANK, same)).await).await, answer);
}

#[tokio::test]
async fn a_provider_that_lacks_it_is_named_with_those_that_have_it() {
    let (gateway, provider) = before(Script::json(200, "{}"), &["groq", "voyage"]);
    let ask = async |path: &str, model: &str, rest: &str| {
        let body = format!(r#"{{"model":"{model}",{rest}}}"#);
        let response = gateway.handle(post(path, &body)).await;
        (response.status().as_u16(), json(response).await["error"]["message"].as_str().unwrap().to_owned())
    };
    let (status, message) = ask(RERANK, "by-groq", r#""query":"q","documents":[]"#).await;
    assert_eq!(
        (status, message.as_str()),
        (501, "provider 'groq' has answers, and no rerank; these providers have: voyage")
    );
    let (status, message) = ask(CHAT, "by-voyage", r#""messages":[]"#).await;
    assert_eq!(status, 501);
    assert!(message.contains("provider 'voyage' has embeddings, rerank, and no answers"), "{message}");
    let (status, message) = ask("/v1/fim/completions", "chat", r#""prompt":"a""#).await;
    assert_eq!(status, 501);
    assert!(message.ends_with("no provider here has them"), "{message}");
    assert!(provider.bodies().is_empty());
}

const TEXT_STREAM: &str = concat!(
    "data: {\"id\":\"c\",\"object\":\"text_completion\",\"created\":1,\"choices\":[{\"text\":\" a\",\"index\":0,\"logprobs\":null,\"finish_reason\":null}],\"model\":\"t\"}\n\n",
    "data: {\"id\":\"c\",\"object\":\"text_completion\",\"created\":1,\"choices\":[{\"text\":\"\",\"index\":0,\"logprobs\":null,\"finish_reason\":\"stop\"}],\"model\":\"t\"}\n\n",
    "data: [DONE]\n\n",
);

async fn completed(pieces: Vec<Piece>) -> String {
    let (gateway, provider) = gateway(Script::events(pieces));
    let body = r#"{"model":"chat","prompt":["developer"],"suffix":"z","stream":true,"store":true}"#;
    let response = gateway.handle(post(COMPLETIONS, body)).await;
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    assert_eq!(response.headers()["x-switchtower-notices"], "store;meaning");
    let text = text(response).await;
    assert_eq!(provider.addresses(), ["https://chat-vendor.example/v1/completions"]);
    assert!(!provider.bodies()[0].contains("\"store\":true"));
    text
}

#[tokio::test]
async fn completions_stream_as_they_come_and_never_end_cleanly_when_they_are_cut() {
    let pieces = |text: &str| text.as_bytes().chunks(7).map(|piece| Piece::Bytes(piece.to_vec())).collect::<Vec<_>>();
    assert_eq!(completed(pieces(TEXT_STREAM)).await, TEXT_STREAM);
    let first = TEXT_STREAM.split_inclusive("\n\n").next().unwrap();
    for ending in [vec![], vec![Piece::Cut], pieces("data: {\"error\":{\"message\":\"boom\"}}\n\n")] {
        let cut = completed([pieces(first), ending].concat()).await;
        assert!(cut.starts_with(first) && cut.contains("\"error\"") && !cut.contains("[DONE]"), "{cut}");
    }
}

#[tokio::test]
async fn what_is_not_streamed_is_refused_where_a_stream_is_asked_for() {
    let (gateway, provider) = gateway(Script::json(200, "{}"));
    let response = gateway.handle(post(EMBEDDINGS, r#"{"model":"chat","input":"a","stream":true}"#)).await;
    assert_eq!((response.status().as_u16(), json(response).await["error"]["param"].clone()), (400, json!("stream")));
    assert!(provider.bodies().is_empty());
}

#[tokio::test]
async fn moderations_are_forwarded() {
    let answer = r#"{"id":"m","model":"x","results":[{"flagged":false}]}"#;
    let (gateway, provider) = gateway(Script::json(200, answer));
    let response = gateway.handle(post("/v1/moderations", r#"{"input":["a"],"model":"chat"}"#)).await;
    assert_eq!(text(response).await, answer);
    assert_eq!(provider.bodies(), [r#"{"input":["a"],"model":"gpt-x"}"#]);
}

#[tokio::test]
async fn usage_is_not_asked_for_where_the_vendor_refuses_to_be_asked() {
    let mut own = provider("own", "together");
    own.main.variant.stream_usage = switchtower_dialect::StreamUsage::Refused;
    let (gateway, provider) = gateway_with(Script::events(Vec::new()), keyless(), vec![own]);
    for path in [CHAT, COMPLETIONS] {
        let body =
            r#"{"model":"by-own","prompt":"a","messages":[],"stream":true,"stream_options":{"include_usage":true}}"#;
        let response = gateway.handle(post(path, body)).await;
        assert_eq!(response.headers()["x-switchtower-notices"], "stream_options;hint");
    }
    assert!(provider.bodies().iter().all(|body| !body.contains("stream_options")));
}
