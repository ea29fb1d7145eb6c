//! Claude at Vertex AI: `rawPredict` for clients and for providers, which is Messages with the model in the address.

use crate::scripted::Script;
use crate::*;
use serde_json::json;
use switchtower_providers::CredentialStyle;

const AT: &str = "/v1/projects/p/locations/global/publishers/anthropic/models/";
const RAW: &str =
    r#"{"max_tokens":9, "messages":[{"role":"user","content":"hi"}],"anthropic_version":"vertex-2023-10-16"}"#;
const STREAMED: &str = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"m\",\"content\":[],\"usage\":{\"input_tokens\":3,\"output_tokens\":1}}}\n\nevent: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":2}}\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";

fn at_vertex(script: Script) -> (Gateway, ScriptedProvider) {
    let kind = known("google_vertex_anthropic").unwrap();
    let credential = Credential::key(CredentialStyle::Bearer, KEY).unwrap();
    let name = ProviderName::new("vx").unwrap();
    let provider = Provider::of_kind(name, kind, "https://vx.example/v1", credential).unwrap();
    gateway_with(script, keyless(), vec![provider])
}

fn at(call: &str) -> String {
    format!("{AT}{call}")
}

fn sent_body(sent: &ScriptedProvider) -> Value {
    serde_json::from_str(&sent.bodies()[0]).unwrap()
}

#[tokio::test]
async fn from_vertex_to_vertex_is_byte_for_byte() {
    let (gateway, sent) = at_vertex(Script::json(200, MESSAGES_ANSWER));
    let request = with(post(&at("vx/claude-sonnet-4@20250514:rawPredict"), RAW), "anthropic-beta", "one");
    assert_eq!(text(gateway.handle(request).await).await, MESSAGES_ANSWER);
    assert_eq!(sent.bodies(), [RAW]);
    assert_eq!(sent.addresses(), ["https://vx.example/v1/models/claude-sonnet-4%4020250514:rawPredict"]);
    assert_eq!(
        (&sent.headers()["anthropic-beta"], sent.headers().get("anthropic-version")),
        (&"one".parse().unwrap(), None)
    );
    let (gateway, sent) = at_vertex(Script::events(vec![crate::scripted::Piece::Bytes(STREAMED.into())]));
    let response = gateway.handle(post(&at("by-vx:streamRawPredict"), RAW)).await;
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    assert_eq!(text(response).await, STREAMED);
    assert_eq!(sent.addresses(), ["https://vx.example/v1/models/m:streamRawPredict"]);
}

#[tokio::test]
async fn a_client_of_vertex_reaches_other_providers() {
    let (gateway, sent) = crate::gateway(Script::json(200, MESSAGES_ANSWER));
    assert_eq!(text(gateway.handle(post(&at("messages:rawPredict"), RAW)).await).await, MESSAGES_ANSWER);
    let expected = json!({"model": "claude-x", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]});
    assert_eq!(sent_body(&sent), expected);
    let (gateway, sent) = crate::gateway(Script::json(200, CHAT_ANSWER));
    let answer = json(gateway.handle(post(&at("chat:rawPredict"), RAW)).await).await;
    assert_eq!((&answer["type"], &answer["content"][0]["text"]), (&json!("message"), &json!("hello")));
    assert!(sent_body(&sent).get("anthropic_version").is_none());
}

#[tokio::test]
async fn other_clients_reach_claude_at_vertex() {
    let body = r#"{"model":"by-vx","max_tokens":9,"messages":[{"role":"user","content":"hi"}],"stream":true}"#;
    let (gateway, sent) = at_vertex(Script::events(vec![crate::scripted::Piece::Bytes(STREAMED.into())]));
    assert_eq!(text(gateway.handle(post(MESSAGES, body)).await).await, STREAMED);
    assert_eq!(sent.addresses(), ["https://vx.example/v1/models/m:streamRawPredict"]);
    let expected = json!({"max_tokens": 9, "messages": [{"role": "user", "content": "hi"}], "stream": true,
        "anthropic_version": "vertex-2023-10-16"});
    assert_eq!(sent_body(&sent), expected);
    let chat = r#"{"model":"by-vx","messages":[{"role":"user","content":"hi"}]}"#;
    let (gateway, sent) = at_vertex(Script::json(200, MESSAGES_ANSWER));
    assert_eq!(json(gateway.handle(post(CHAT, chat)).await).await["choices"][0]["message"]["content"], "hello");
    let body = sent_body(&sent);
    assert_eq!((&body["anthropic_version"], body.get("model")), (&json!("vertex-2023-10-16"), None));
    // One that is invoked at Bedrock.
    let invoked = r#"{"anthropic_version":"bedrock-2023-05-31","anthropic_beta":["one","two"],"max_tokens":9,"messages":[{"role":"user","content":"hi"}]}"#;
    let (gateway, sent) = at_vertex(Script::json(200, MESSAGES_ANSWER));
    assert_eq!(gateway.handle(post("/model/by-vx/invoke", invoked)).await.status(), 200);
    assert_eq!(sent.headers()["anthropic-beta"], "one,two");
    let expected = json!({"max_tokens": 9, "messages": [{"role": "user", "content": "hi"}],
        "anthropic_version": "vertex-2023-10-16"});
    assert_eq!(sent_body(&sent), expected);
}

#[tokio::test]
async fn tokens_are_counted_by_what_looks_like_a_model() {
    let body =
        r#"{"model":"by-vx","messages":[{"role":"user","content":"hi"}],"anthropic_version":"vertex-2023-10-16"}"#;
    let (gateway, sent) = at_vertex(Script::json(200, r#"{"input_tokens":3}"#));
    let response = gateway.handle(post(&at("count-tokens:rawPredict"), body)).await;
    assert_eq!(json(response).await, json!({"input_tokens": 3}));
    assert_eq!(sent.addresses(), ["https://vx.example/v1/models/count-tokens:rawPredict"]);
    assert_eq!(sent_body(&sent)["model"], "m");
    // For a client of another dialect the model is named all the same.
    let chat = r#"{"model":"by-vx","input":"hi"}"#;
    let (gateway, sent) = at_vertex(Script::json(200, r#"{"input_tokens":3}"#));
    let response = gateway.handle(post("/v1/responses/input_tokens", chat)).await;
    assert_eq!(json(response).await["input_tokens"], 3);
    let body = sent_body(&sent);
    assert_eq!((&body["model"], &body["anthropic_version"]), (&json!("m"), &json!("vertex-2023-10-16")));
}

#[tokio::test]
async fn what_is_no_body_of_messages_is_refused_by_name() {
    let (gateway, _) = at_vertex(Script::Unreachable);
    let response = gateway.handle(post(&at("by-vx:rawPredict"), r#"{"instances":[]}"#)).await;
    assert_eq!(response.status(), 400);
    let error = json(response).await;
    assert_eq!(error["type"], "error");
    assert!(error["error"]["message"].as_str().unwrap().contains("anthropic_version"), "{error}");
}
