//! What only an account can read, or keeps: tagged, opened, left out, and explained where a vendor does not know it.

use crate::scripted::{Piece, Script};
use crate::*;
use switchtower_domain::{AccountName, Secret};
use switchtower_gateway::SealKey;

const TOLD: &str = r#"{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[{"type":"thinking","thinking":"so","signature":"c2ln+/=="},{"type":"redacted_thinking","data":"ZGF0YQ=="},{"type":"server_tool_use","id":"srv_1","name":"web_search","input":{"signature":"mine"}},{"type":"web_search_tool_result","tool_use_id":"srv_1","content":[{"type":"web_search_result","title":"t","encrypted_content":"ZW5j"}]},{"type":"text","text":"hi","citations":[{"type":"web_search_result_location","encrypted_index":"aW5k"}]}],"stop_reason":"end_turn","container":{"id":"container_1"},"usage":{"input_tokens":3,"output_tokens":1}}"#;

fn two() -> Vec<Provider> {
    vec![provider("one", "anthropic"), provider("two", "anthropic")]
}

fn again(model: &str, answer: &Value, more: &str) -> Request<Full<bytes::Bytes>> {
    let content = &answer["content"];
    let container = &answer["container"]["id"];
    let body = format!(
        r#"{{"model":"{model}","max_tokens":9,"messages":[{{"role":"user","content":"a"}}, {{"role":"assistant","content":{content}}},{{"role":"user","content":"\"signature\":\"stwo"}}],"container": {container}{more}}}"#
    );
    post("/v1/messages", &body)
}

fn ask(model: &str) -> Request<Full<bytes::Bytes>> {
    post(
        "/v1/messages",
        &format!(r#"{{"model":"{model}","max_tokens":9,"messages":[{{"role":"user","content":"a"}}]}}"#),
    )
}

#[tokio::test]
async fn the_account_gets_its_own_back_byte_by_byte() {
    let (gateway, provider) = gateway_with(Script::json(200, TOLD), keyless(), two());
    let answer = json(gateway.handle(ask("by-one")).await).await;
    let told = answer.to_string();
    assert_eq!(told.matches("stwo").count(), 5, "{told}");
    assert_eq!(answer["content"][2]["input"]["signature"], "mine");
    let response = gateway.handle(again("by-one", &answer, "")).await;
    assert!(response.headers().get("x-switchtower-notices").is_none());
    let plain: Value = serde_json::from_str(TOLD).unwrap();
    let expected = again("m", &plain, "").into_body().collect().await.unwrap().to_bytes();
    assert_eq!(provider.bodies()[1].as_bytes(), expected);
}

#[tokio::test]
async fn another_account_gets_what_makes_sense_without() {
    let (gateway, provider) = gateway_with(Script::json(200, TOLD), keyless(), two());
    let answer = json(gateway.handle(ask("by-one")).await).await;
    let response = gateway.handle(again("by-two", &answer, "")).await;
    let notices = response.headers()["x-switchtower-notices"].to_str().unwrap().to_owned();
    for path in ["content[0]", "content[1]", "content[3]", "content[4].citations[0]"] {
        assert!(notices.contains(&format!("messages[1].{path};meaning")), "{path}: {notices}");
    }
    assert!(notices.contains("container;meaning"), "{notices}");
    let sent: Value = serde_json::from_str(&provider.bodies()[1]).unwrap();
    assert_eq!(sent["messages"][1]["content"], serde_json::json!([{"type": "text", "text": "hi"}]));
    assert!(sent.get("container").is_none());
    let refused = gateway.handle(with(again("by-two", &answer, ""), "x-switchtower-strict", "true")).await;
    let refused = json(refused).await.to_string();
    assert!(refused.contains("'messages[1].content[0]' belongs to the account of provider 'one'"), "{refused}");
    assert_eq!(provider.bodies().len(), 2);
}

#[tokio::test]
async fn a_turn_of_nothing_else_goes_whole_and_a_summary_of_all_cannot() {
    let thought = r#"{"content":[{"type":"thinking","thinking":"so","signature":"c2ln"}]}"#;
    let (gateway, provider) = gateway_with(Script::json(200, thought), keyless(), two());
    let answer = json(gateway.handle(ask("by-one")).await).await;
    assert_eq!(gateway.handle(again("by-two", &answer, "")).await.status(), 200);
    let sent: Value = serde_json::from_str(&provider.bodies()[1]).unwrap();
    assert_eq!(sent["messages"].as_array().unwrap().len(), 2);
    let summary = r#"{"content":[{"type":"compaction","encrypted_content":"c2ln"}]}"#;
    let (gateway, provider) = gateway_with(Script::json(200, summary), keyless(), two());
    let answer = json(gateway.handle(ask("by-one")).await).await;
    let refused = gateway.handle(again("by-two", &answer, "")).await;
    assert_eq!(refused.status(), 400);
    let refused = json(refused).await.to_string();
    assert!(refused.contains("'messages[1].content[0].encrypted_content' belongs"), "{refused}");
    assert_eq!(provider.bodies().len(), 1);
}

#[tokio::test]
async fn two_providers_may_be_one_account() {
    let account =
        |name: &str| Provider { account: Some(AccountName::new("acme").unwrap()), ..provider(name, "anthropic") };
    let others = vec![account("one"), account("two")];
    let (gateway, provider) = gateway_with(Script::json(200, TOLD), keyless(), others);
    let answer = json(gateway.handle(ask("by-one")).await).await;
    let strict = with(again("by-two", &answer, ""), "x-switchtower-strict", "true");
    assert_eq!(gateway.handle(strict).await.status(), 200);
    let sent: Value = serde_json::from_str(&provider.bodies()[1]).unwrap();
    assert_eq!(sent["messages"][1]["content"][0]["signature"], "c2ln+/==");
}

#[tokio::test]
async fn replicas_with_one_key_know_the_owner_and_others_pass_the_value_on() {
    let settings = |key: &str| Settings { seal: SealKey::new(&Secret::new(key)), ..keyless() };
    let replica = |key: &str| gateway_with(Script::json(200, TOLD), settings(key), two());
    let answer = json(replica("one key").0.handle(ask("by-one")).await).await;
    let (same, _) = replica("one key");
    assert!(same.handle(again("by-two", &answer, "")).await.headers().contains_key("x-switchtower-notices"));
    // Nobody vouches for the owner; what the vendor wrote is what it gets.
    let (other, provider) = replica("another key");
    assert!(!other.handle(again("by-two", &answer, "")).await.headers().contains_key("x-switchtower-notices"));
    let sent: Value = serde_json::from_str(&provider.bodies()[0]).unwrap();
    assert_eq!(sent["messages"][1]["content"][0]["signature"], "c2ln+/==");
}

#[tokio::test]
async fn a_stream_is_tagged_wherever_it_is_cut() {
    let events = [
        r#"{"type":"message_start","message":{"id":"m","type":"message","role":"assistant","model":"m","content":[],"container":null,"usage":{"input_tokens":1,"output_tokens":1}}}"#,
        r#"{"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}}"#,
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"c2"}}"#,
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"ln"}}"#,
        r#"{"type":"content_block_stop","index":0}"#,
        r#"{"type":"content_block_start","index":1,"content_block":{"type":"redacted_thinking","data":"ZGF0YQ=="}}"#,
        r#"{"type":"content_block_stop","index":1}"#,
        r#"{"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":5}}"#,
        r#"{"type":"message_stop"}"#,
    ];
    let stream: String = events
        .iter()
        .map(|data| {
            let name = serde_json::from_str::<Value>(data).unwrap()["type"].as_str().unwrap().to_owned();
            format!("event: {name}\ndata: {data}\n\n")
        })
        .collect();
    for size in [1, 7, 10_000] {
        let pieces = stream.as_bytes().chunks(size).map(|piece| Piece::Bytes(piece.to_vec())).collect();
        let (gateway, _) = gateway_with(Script::events(pieces), keyless(), two());
        let body = r#"{"model":"by-one","max_tokens":9,"stream":true,"messages":[{"role":"user","content":"a"}]}"#;
        let told = text(gateway.handle(post("/v1/messages", body)).await).await;
        let at = told.find("stwo").unwrap();
        let tag = told.split_at(at).1.split_at(36).0;
        assert_eq!(told.matches(tag).count(), 2, "{told}");
        assert_eq!(told.replace(tag, ""), stream);
    }
}

#[tokio::test]
async fn what_another_vendor_of_chat_signed_is_left_out_or_stood_for() {
    let answer = r#"{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":null,"reasoning_details":[{"type":"reasoning.text","text":"so","signature":"c2ln"}],"tool_calls":[{"id":"t","type":"function","function":{"name":"f","arguments":"{}"},"extra_content":{"google":{"thought_signature":"c2ln"}}}]},"finish_reason":"tool_calls"}]}"#;
    let others = vec![provider("one", "openai"), provider("two", "openai")];
    let (gateway, provider) = gateway_with(Script::json(200, answer), keyless(), others);
    let ask = |model: &str, turn: &str| {
        post(
            "/v1/chat/completions",
            &format!(r#"{{"model":"{model}","messages":[{{"role":"user","content":"a"}}{turn}]}}"#),
        )
    };
    let first = json(gateway.handle(ask("by-one", "")).await).await;
    let turn = first["choices"][0]["message"].to_string();
    assert_eq!(turn.matches("stwo").count(), 2, "{turn}");
    gateway.handle(ask("by-two", &format!(",{turn}"))).await;
    let sent: Value = serde_json::from_str(&provider.bodies()[1]).unwrap();
    let sent = &sent["messages"][1];
    assert!(sent.get("reasoning_details").is_none());
    let google = &sent["tool_calls"][0]["extra_content"]["google"];
    assert_eq!(google["thought_signature"], "skip_thought_signature_validator");
}

#[tokio::test]
async fn what_a_vendor_does_not_know_is_explained() {
    let refused = |message: &str| {
        let error =
            serde_json::json!({"type": "error", "error": {"type": "invalid_request_error", "message": message}});
        gateway_with(Script::json(400, &error.to_string()), keyless(), two()).0
    };
    let file = r#"{"model":"by-one","max_tokens":9,"messages":[{"role":"user","content":[{"type":"document","source":{"type":"file","file_id":"file_011"}}]}]}"#;
    let told = json(refused("File not found: file_011").handle(post("/v1/messages", file)).await).await.to_string();
    assert!(
        told.contains("'messages[0].content[0].source.file_id' refers to what the account of deployment"),
        "{told}"
    );
    assert!(told.contains("File not found: file_011"), "{told}");
    let plain = serde_json::from_str(TOLD).unwrap();
    let complaint = "messages.1.content.0: Invalid `signature` in `thinking` block";
    let told = json(refused(complaint).handle(again("by-one", &plain, "")).await).await.to_string();
    assert!(told.contains("'messages[1].content[0].signature' refers to what the account"), "{told}");
    let told = json(refused("max_tokens: too large").handle(post("/v1/messages", file)).await).await.to_string();
    assert!(!told.contains("account") && told.contains("too large"), "{told}");
}
