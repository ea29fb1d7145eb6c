//! Ollama's own API, as clients speak it and as a provider: one JSON text a line.

use crate::scripted::{Piece, Script};
use crate::*;
use serde_json::json;
use switchtower_providers::Known;

const OLLAMA: &str = "/api/chat";
const LINES: &str = concat!(
    r#"{"model":"m","created_at":"2026-11-21T09:00:00Z","message":{"role":"assistant","content":"hel"},"done":false}"#,
    "\n",
    r#"{"model":"m","created_at":"2026-11-21T09:00:01Z","message":{"role":"assistant","content":"lo"},"done":false}"#,
    "\n",
    r#"{"model":"m","created_at":"2026-11-21T09:00:02Z","message":{"role":"assistant","content":""},"done":true,"done_reason":"stop","prompt_eval_count":3,"eval_count":1}"#,
    "\n",
);

/// A provider that speaks Ollama's own API and nothing else.
fn before(script: Script) -> (Gateway, ScriptedProvider) {
    let known: Known = switchtower_providers::ollama::unlisted();
    let name = ProviderName::new("ollama").unwrap();
    let provider = Provider::of_kind(name, &known, "http://ollama.example:11434/v1", Credential::None).unwrap();
    gateway_with(script, keyless(), vec![provider])
}

fn in_lines(pieces: Vec<Piece>) -> Script {
    Script::Answer { status: 200, headers: vec![("content-type", "application/x-ndjson".to_owned())], pieces }
}

fn lines() -> Script {
    // Cut in the middle of a line.
    let (one, other) = LINES.split_at(70);
    in_lines(vec![Piece::Bytes(one.into()), Piece::Bytes(other.into())])
}

#[tokio::test]
async fn a_stream_of_lines_is_forwarded_as_lines_and_is_what_is_given_without_asking() {
    let (gateway, provider) = before(lines());
    let body = r#"{"model":"by-ollama","messages":[{"role":"user","content":"hi"}]}"#;
    let response = gateway.handle(post(OLLAMA, body)).await;
    let kind = response.headers()["content-type"].clone();
    assert_eq!(text(response).await, LINES);
    assert_eq!(kind, "application/x-ndjson");
    assert_eq!(provider.bodies(), [body.replace("by-ollama", "m")]);
    assert_eq!(provider.addresses(), ["http://ollama.example:11434/api/chat"]);
}

#[tokio::test]
async fn lines_become_events_for_clients_of_other_dialects() {
    let (gateway, _) = before(lines());
    let body =
        json!({"model": "by-ollama", "stream": true, "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]});
    let told = text(gateway.handle(post(MESSAGES, &body.to_string())).await).await;
    assert!(told.contains(r#"{"type":"text_delta","text":"hel"}"#), "{told}");
    assert_eq!(told.matches("event: message_stop").count(), 1, "{told}");
}

#[tokio::test]
async fn a_model_that_was_only_loaded_has_ended_its_turn_for_others() {
    let loaded = r#"{"model":"m","created_at":"2026-11-21T09:00:00Z","message":{"role":"assistant","content":""},"done":true,"done_reason":"load"}"#;
    let (gateway, _) = before(Script::json(200, loaded));
    let body = r#"{"model":"by-ollama","messages":[]}"#;
    let told = json(gateway.handle(post(CHAT, body)).await).await;
    assert_eq!(told["choices"][0]["finish_reason"], "stop");
    assert!(told["id"].as_str().is_some_and(|id| !id.is_empty()), "{told}");
}

#[tokio::test]
async fn a_client_of_ollama_reaches_other_providers() {
    let (gateway, provider) = gateway(Script::json(200, CHAT_ANSWER));
    let body = r#"{"model":"chat","stream":false,"messages":[{"role":"user","content":"hi"}]}"#;
    let told = json(gateway.handle(post(OLLAMA, body)).await).await;
    assert_eq!(told["message"], json!({"role": "assistant", "content": "hello"}));
    assert_eq!((&told["done"], &told["prompt_eval_count"]), (&json!(true), &json!(3)));
    assert_eq!(provider.addresses(), ["https://chat-vendor.example/v1/chat/completions"]);
    let unknown = gateway.handle(post(OLLAMA, &body.replace("chat", "nobody"))).await;
    assert_eq!(unknown.status(), 404);
    assert!(json(unknown).await["error"].is_string());
}

#[tokio::test]
async fn a_stream_that_breaks_off_ends_with_an_error_in_a_line() {
    let (half, _) = LINES.split_at(130);
    let (gateway, _) = before(in_lines(vec![Piece::Bytes(half.into())]));
    let told = text(
        gateway.handle(post(OLLAMA, r#"{"model":"by-ollama","messages":[{"role":"user","content":"hi"}]}"#)).await,
    )
    .await;
    let last: Value = serde_json::from_str(told.trim_end().rsplit('\n').next().unwrap()).unwrap();
    assert!(last["error"].is_string(), "{told}");
}
