//! Trouble of the provider before the first byte of an answer.

use crate::scripted::{Piece, Script};
use crate::*;
use std::time::Duration;

async fn refused(script: Script, path: &str, body: &str) -> (u16, http::HeaderMap, Value) {
    let (gateway, _) = gateway(script);
    let response = gateway.handle(post(path, body)).await;
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    (status, headers, json(response).await)
}

#[tokio::test]
async fn a_rate_limit_says_when_to_come_back() {
    let script =
        Script::json(429, r#"{"error":{"message":"slow down","type":"requests","code":"rate_limit_exceeded"}}"#)
            .with("retry-after", "7")
            .with("x-request-id", "req_1");
    let (status, headers, error) = refused(script.clone(), CHAT, CHAT_REQUEST).await;
    assert_eq!((status, &headers["retry-after"]), (429, &http::HeaderValue::from_static("7")));
    assert_eq!(headers["x-switchtower-provider-request-id"], "req_1");
    assert_eq!(headers["x-switchtower-deployment"], "chat");
    assert!(error["error"]["message"].as_str().unwrap().ends_with("slow down"));
    let (status, headers, error) =
        refused(script, MESSAGES, &MESSAGES_REQUEST.replace("\"messages\",", "\"chat\",")).await;
    assert_eq!((status, error["error"]["type"].as_str()), (429, Some("rate_limit_error")));
    assert_eq!(headers["retry-after"], "7");
}

#[tokio::test]
async fn a_denied_credential_is_the_gateways_own_and_stays_secret() {
    let said = format!(
        r#"{{"error":{{"message":"Incorrect API key provided: {KEY}.","type":"invalid_request_error","code":"invalid_api_key"}}}}"#
    );
    for status in [401, 403] {
        let (found, _, error) = refused(Script::json(status, &said), CHAT, CHAT_REQUEST).await;
        assert_eq!(found, status);
        let message = error["error"]["message"].as_str().unwrap();
        assert!(message.starts_with("the gateway's own credential for deployment 'chat'"), "{message}");
        assert!(!message.contains(KEY) && message.contains("***"), "{message}");
        assert_eq!(error["error"]["code"], "provider_denied");
    }
}

#[tokio::test]
async fn what_a_provider_finds_invalid_is_said_in_its_words() {
    let said = r#"{"error":{"message":"'temperature' is too hot","type":"invalid_request_error","param":"temperature","code":null}}"#;
    let (status, _, error) = refused(Script::json(422, said), CHAT, CHAT_REQUEST).await;
    assert_eq!(status, 422);
    assert_eq!(error["error"]["message"], "'temperature' is too hot");
    assert_eq!(error["error"]["param"], "temperature");
}

#[tokio::test]
async fn other_trouble_has_the_right_status() {
    let anthropic = r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#;
    let messages = |script| refused(script, MESSAGES, MESSAGES_REQUEST);
    let (status, _, error) = messages(Script::json(529, anthropic)).await;
    assert_eq!((status, error["error"]["type"].as_str()), (529, Some("overloaded_error")));
    let chat = |script| refused(script, CHAT, CHAT_REQUEST);
    assert_eq!(chat(Script::json(529, anthropic)).await.0, 503);
    assert_eq!(chat(Script::Unreachable).await.0, 502);
    assert_eq!(chat(Script::json(500, "<html>oops</html>")).await.0, 502);
    assert_eq!(chat(Script::json(301, "")).await.0, 502);
    assert_eq!(chat(Script::json(200, "{\"half\": ")).await.0, 502);
    assert_eq!(chat(Script::json(200, "")).await.0, 502);
    assert_eq!(chat(Script::events(vec![Piece::Bytes(b"data: {}\n\n".to_vec())])).await.0, 502);
    let disguised = r#"{"error":{"message":"upstream is busy","code":503}}"#;
    let (status, _, error) = chat(Script::json(200, disguised)).await;
    assert!(status >= 500 && error["error"]["message"].as_str().unwrap().contains("upstream is busy"));
    let cut =
        Script::Answer { status: 200, headers: Vec::new(), pieces: vec![Piece::Bytes(b"{".to_vec()), Piece::Cut] };
    assert_eq!(chat(cut).await.0, 502);
}

#[tokio::test(start_paused = true)]
async fn a_silent_provider_is_not_waited_for_without_end() {
    assert_eq!(refused(Script::Silence, CHAT, CHAT_REQUEST).await.0, 504);
    let stalled =
        Script::Answer { status: 200, headers: Vec::new(), pieces: vec![Piece::Bytes(b"{".to_vec()), Piece::Stall] };
    assert_eq!(refused(stalled, CHAT, CHAT_REQUEST).await.0, 504);
}

#[tokio::test]
async fn whole_json_in_place_of_events_is_no_stream() {
    let body = r#"{"model":"chat","messages":[],"stream":true}"#;
    assert_eq!(refused(Script::json(200, CHAT_ANSWER), CHAT, body).await.0, 502);
    let (status, _, error) = refused(Script::json(200, r#"{"error":{"message":"no stream today"}}"#), CHAT, body).await;
    assert_eq!(status, 502);
    assert!(error["error"]["message"].as_str().unwrap().contains("no stream today"));
}

#[tokio::test]
async fn a_caller_who_leaves_before_the_head_ends_the_call() {
    let (gateway, _) = gateway(Script::Silence);
    let asked = tokio::time::timeout(Duration::from_millis(1), gateway.handle(post(CHAT, CHAT_REQUEST)));
    assert!(asked.await.is_err());
    assert_eq!(gateway.open_requests(), 0);
}

#[tokio::test]
async fn no_part_of_an_error_carries_a_secret() {
    let said = format!(
        r#"{{"error":{{"message":"no {KEY}","type":"{KEY}","param":"headers.{KEY}","code":"{KEY}"}},"request_id":"{KEY}"}}"#
    );
    for (path, body) in
        [(CHAT, CHAT_REQUEST.to_owned()), (MESSAGES, MESSAGES_REQUEST.replace("\"messages\",", "\"chat\","))]
    {
        let (status, headers, error) = refused(Script::json(400, &said).with("x-request-id", KEY), path, &body).await;
        assert_eq!(status, 400);
        assert!(!error.to_string().contains(KEY), "{error}");
        assert!(!format!("{headers:?}").contains(KEY), "{headers:?}");
    }
    let (gateway, _) = gateway(Script::json(200, CHAT_ANSWER).with("x-request-id", KEY));
    let headers = gateway.handle(post(CHAT, CHAT_REQUEST)).await.headers().clone();
    assert_eq!(headers["x-switchtower-provider-request-id"], "***");
    let (gateway, _) = crate::gateway(Script::json(200, CHAT_ANSWER).with("x-request-id", &"r".repeat(5000)));
    assert!(
        !gateway.handle(post(CHAT, CHAT_REQUEST)).await.headers().contains_key("x-switchtower-provider-request-id")
    );
}

#[tokio::test]
async fn a_long_text_of_a_provider_is_cut() {
    let said = format!(r#"{{"error":{{"message":"{}","type":"invalid_request_error"}}}}"#, "ä".repeat(20_000));
    let (_, _, error) = refused(Script::json(400, &said), CHAT, CHAT_REQUEST).await;
    let message = error["error"]["message"].as_str().unwrap();
    assert!(message.len() < 4200 && message.ends_with("ä…"), "{}", message.len());
}

#[tokio::test]
async fn a_key_in_a_header_of_the_vendors_own_stays_secret_as_well() {
    let mut vendor = provider("vendor", "openai");
    let mut key = http::HeaderValue::from_static("vendor-key-000111222");
    key.set_sensitive(true);
    vendor.headers.insert("x-vendor-key", key);
    let script = Script::json(401, r#"{"error":{"message":"no such key: vendor-key-000111222","code":"nope"}}"#);
    let (gateway, _) = gateway_with(script, keyless(), vec![vendor]);
    let body = CHAT_REQUEST.replace("\"smart\"", "\"vendor/x\"");
    let told = text(gateway.handle(post(CHAT, &body)).await).await;
    assert!(told.contains("no such key: ***"), "{told}");
}
