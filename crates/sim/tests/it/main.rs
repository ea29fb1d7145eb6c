//! The simulator over TCP, as a client sees it.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "a test fails by panicking, in its helpers too"
)]

mod anthropic;
mod bedrock;
mod client;
mod cohere;
mod faults;
mod gemini;
mod ollama;
mod openai;
mod replay;
mod services;

use client::Provider;
use switchtower_sim::{Settings, Sim};

#[tokio::test]
async fn the_same_seed_and_body_give_the_same_bytes() {
    let body = r#"{"model": "sim-1", "stream": true, "messages": [{"role": "user", "content": "tell me"}]}"#;
    let one = Provider::start(Settings::default()).await.post("/v1/chat/completions", body).await;
    let two = Provider::start(Settings::default()).await.post("/v1/chat/completions", body).await;
    let other =
        Provider::start(Settings { seed: 1, ..Settings::default() }).await.post("/v1/chat/completions", body).await;
    assert_eq!((one.text(), &one.headers["x-request-id"]), (two.text(), &two.headers["x-request-id"]));
    assert_ne!(one.text(), other.text());
}

#[tokio::test]
async fn in_process_and_server_are_the_same_code() {
    use http_body_util::BodyExt as _;
    let body = r#"{"model": "sim-1", "messages": [{"role": "user", "content": "tell me"}]}"#;
    let served = Provider::start(Settings::default()).await.post("/v1/chat/completions", body).await;
    let request = http::Request::post("/v1/chat/completions")
        .header("content-type", "application/json")
        .body(body.into())
        .unwrap();
    let answer = Sim::new(Settings::default()).answer(request).await;
    assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), served.body);
}

#[tokio::test]
async fn keys_are_checked_in_each_dialect() {
    let settings = Settings { require_key: Some("right".into()), ..Settings::default() };
    let provider = Provider::start(settings).await;
    let chat = r#"{"model": "sim-1", "messages": [{"role": "user", "content": "hi"}]}"#;
    let with = async |key: &str| provider.send("/v1/chat/completions", &[("authorization", key)], chat).await;
    assert_eq!(with("Bearer right").await.status, 200);
    let wrong = with("Bearer wrong-key").await;
    assert_eq!((wrong.status, wrong.json()["error"]["code"].as_str().unwrap()), (401, "invalid_api_key"));
    assert!(!wrong.text().contains("wrong-key"));
    let messages = r#"{"model": "sim-1", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}"#;
    let with = async |key: &str| {
        provider.send("/v1/messages", &[("x-api-key", key), ("anthropic-version", "2023-06-01")], messages).await
    };
    assert_eq!(with("right").await.status, 200);
    assert_eq!(with("no").await.json()["error"]["type"], "authentication_error");
}

#[tokio::test]
async fn models_are_listed_in_the_shape_of_the_caller() {
    let provider = Provider::start(Settings { any_model: false, ..Settings::default() }).await;
    let openai = provider.get("/v1/models", &[]).await.json();
    assert_eq!((openai["object"].as_str().unwrap(), openai["data"][0]["id"].as_str().unwrap()), ("list", "sim-1"));
    let anthropic = provider.get("/v1/models", &[("anthropic-version", "2023-06-01")]).await.json();
    assert_eq!((anthropic["has_more"].as_bool(), anthropic["data"][0]["type"].as_str()), (Some(false), Some("model")));
    // At the same address, and told apart by the words of the query.
    let cohere = provider.get("/v1/models?endpoint=chat&page_size=1000", &[]).await.json();
    assert_eq!((&cohere["models"][0]["name"], &cohere["models"][0]["endpoints"][0]), (&"sim-1".into(), &"chat".into()));
    assert_eq!(provider.get("/v1/models?x=page_size", &[]).await.json()["object"], "list");
    assert_eq!(provider.get("/v1/models/sim-1", &[]).await.json()["id"], "sim-1");
    assert_eq!(provider.get("/v1/models/none", &[]).await.status, 404);
    assert_eq!(provider.get("/v1/nothing", &[]).await.json()["error"]["code"], "unknown_url");
    let unknown = provider
        .post("/v1/chat/completions", r#"{"model": "x", "messages": [{"role": "user", "content": "hi"}]}"#)
        .await;
    assert_eq!((unknown.status, unknown.json()["error"]["code"].as_str().unwrap()), (404, "model_not_found"));
}
