//! Responses: what providers would keep, ids that have an owner, and thoughts on their way through another dialect.

use crate::scripted::{Piece, Script};
use crate::*;
use switchtower_domain::Secret;
use switchtower_gateway::SealKey;
use switchtower_providers::RetentionPolicy;

const RESPONSES: &str = "/v1/responses";
const ANSWER: &str = r#"{"id":"resp_1","object":"response","created_at":1,"status":"completed","error":null,"model":"gpt-x","previous_response_id":"resp_0","output":[{"id":"msg_1","type":"message","role":"assistant","status":"completed","content":[{"type":"output_text","text":"hello","annotations":[]}]}],"usage":{"input_tokens":3,"output_tokens":1,"total_tokens":4}}"#;

/// A provider that may keep what it is sent.
fn keeping(name: &str) -> Provider {
    Provider { retention: RetentionPolicy::Allow, ..provider(name, "openai") }
}

fn ask(model: &str, more: &str) -> Request<Full<bytes::Bytes>> {
    post(RESPONSES, &format!(r#"{{"model":"{model}","input":"hi"{more}}}"#))
}

#[tokio::test]
async fn nothing_is_kept_unless_that_is_permitted() {
    for (more, sent) in [
        ("", r#"{"model":"gpt-x","input":"hi","store":false}"#),
        (r#","store":true"#, r#"{"model":"gpt-x","input":"hi","store":false}"#),
        (r#","store":false"#, r#"{"model":"gpt-x","input":"hi","store":false}"#),
        (r#","store":false,"background":true"#, r#"{"model":"gpt-x","input":"hi","store":false,"background":false}"#),
    ] {
        let (gateway, provider) = gateway(Script::json(200, ANSWER));
        let response = gateway.handle(ask("chat", more)).await;
        assert_eq!(response.status(), 200);
        let notices = response.headers().get("x-switchtower-notices").map(|value| value.to_str().unwrap().to_owned());
        assert_eq!(notices.is_some(), more != r#","store":false"#, "{more}: {notices:?}");
        assert_eq!(text(response).await, ANSWER);
        assert_eq!(provider.bodies(), [sent]);
    }
    let (gateway, provider) = gateway_with(Script::json(200, ANSWER), keyless(), vec![keeping("k")]);
    gateway.handle(ask("by-k", "")).await;
    assert_eq!(provider.bodies(), [r#"{"model":"m","input":"hi"}"#]);
}

#[tokio::test]
async fn a_strict_caller_is_not_refused_for_what_it_did_not_say() {
    let (gateway, provider) = gateway(Script::json(200, ANSWER));
    let strict = |request| with(request, "x-switchtower-strict", "true");
    assert_eq!(gateway.handle(strict(ask("chat", ""))).await.status(), 200);
    assert_eq!(gateway.handle(strict(ask("chat", r#","store":true"#))).await.status(), 400);
    assert_eq!(provider.bodies().len(), 1);
}

#[tokio::test]
async fn an_id_goes_back_to_the_provider_that_issued_it_and_to_no_other() {
    let others = vec![keeping("one"), keeping("two")];
    let (gateway, provider) = gateway_with(Script::json(200, ANSWER), keyless(), others);
    let first = json(gateway.handle(ask("by-one", "")).await).await;
    let id = first["id"].as_str().unwrap().to_owned();
    assert!(id.starts_with("resp_1_stw"), "{id}");
    let next = format!(r#","previous_response_id":"{id}""#);
    let second = json(gateway.handle(ask("by-one", &next)).await).await;
    assert_eq!(second["id"], id.as_str());
    assert_eq!(provider.bodies()[1], r#"{"model":"m","input":"hi","previous_response_id":"resp_1"}"#);
    for (model, why) in
        [("by-two", "another provider"), ("chat", "lets nothing be kept"), ("messages", "cannot know it")]
    {
        let refused = gateway.handle(ask(model, &next)).await;
        assert_eq!(refused.status(), 400);
        let refused = json(refused).await;
        assert_eq!(refused["error"]["code"], "state_elsewhere");
        assert_eq!(refused["error"]["param"], "previous_response_id");
        assert!(refused["error"]["message"].as_str().unwrap().contains(why), "{model}: {refused}");
    }
    for field in [r#","previous_response_id":"resp_1""#, r#","conversation":{"id":"conv_1"}"#] {
        let refused = json(gateway.handle(ask("by-one", field)).await).await;
        assert!(refused["error"]["message"].as_str().unwrap().contains("handed out"), "{refused}");
    }
    assert_eq!(provider.bodies().len(), 2);
    // Where tokens are counted it is no other.
    let count = |more: &str| post("/v1/responses/input_tokens", &format!(r#"{{"model":"by-one","input":"hi"{more}}}"#));
    assert_eq!(gateway.handle(count(&next)).await.status(), 200);
    assert_eq!(provider.bodies()[2], r#"{"model":"m","input":"hi","previous_response_id":"resp_1"}"#);
    let refused = json(gateway.handle(count(r#","previous_response_id":"resp_1""#)).await).await;
    assert_eq!(refused["error"]["code"], "state_elsewhere");
    assert_eq!(provider.bodies().len(), 3);
}

#[tokio::test]
async fn replicas_with_one_key_take_ids_of_each_other() {
    let sealed = |key: &str| Settings { seal: SealKey::new(&Secret::new(key)), ..keyless() };
    let replica = |key: &str| gateway_with(Script::json(200, ANSWER), sealed(key), vec![keeping("k")]).0;
    let first = json(replica("one key").handle(ask("by-k", "")).await).await;
    let next = format!(r#","previous_response_id":{}"#, first["id"]);
    assert_eq!(replica("one key").handle(ask("by-k", &next)).await.status(), 200);
    let refused = json(replica("another key").handle(ask("by-k", &next)).await).await;
    assert!(refused["error"]["message"].as_str().unwrap().contains("state.key"), "{refused}");
}

#[tokio::test]
async fn ids_in_a_stream_are_sealed_too_wherever_it_is_cut() {
    let envelope = |status: &str| format!(r#"{{"id":"resp_1","object":"response","status":"{status}","error":null}}"#);
    let stream = format!(
        "event: response.created\ndata: {{\"type\":\"response.created\",\"response\":{}}}\n\nevent: response.output_text.delta\ndata: {{\"type\":\"response.output_text.delta\",\"item_id\":\"msg_1\",\"delta\":\"hi\"}}\n\nevent: response.completed\ndata: {{\"type\":\"response.completed\",\"response\":{}}}\n\n",
        envelope("in_progress"),
        envelope("completed")
    );
    for size in [1, 50, 10_000] {
        let pieces = stream.as_bytes().chunks(size).map(|piece| Piece::Bytes(piece.to_vec())).collect();
        let (gateway, _) = gateway_with(Script::events(pieces), keyless(), vec![keeping("k")]);
        let told = text(gateway.handle(ask("by-k", r#","stream":true"#)).await).await;
        assert_eq!(told.matches("\"resp_1_stw").count(), 2, "{told}");
        assert!(!told.contains("\"resp_1\"") && told.contains("\"msg_1\""), "{told}");
        let pieces = vec![Piece::Bytes(stream.clone().into_bytes())];
        let (gateway, _) = crate::gateway(Script::events(pieces));
        assert_eq!(text(gateway.handle(ask("chat", r#","stream":true,"store":false"#)).await).await, stream);
    }
}

#[tokio::test]
async fn thoughts_come_back_to_the_dialect_that_they_belong_to() {
    let answer = r#"{"id":"msg_1","type":"message","role":"assistant","model":"claude-x","content":[{"type":"thinking","thinking":"so","signature":"c2ln"},{"type":"tool_use","id":"toolu_1","name":"look","input":{}}],"stop_reason":"tool_use","stop_sequence":null,"usage":{"input_tokens":3,"output_tokens":1}}"#;
    let (gateway, provider) = gateway(Script::json(200, answer));
    let told = json(gateway.handle(ask("messages", "")).await).await;
    assert_eq!(told["output"][0]["type"], "reasoning");
    assert_eq!(told["output"][0]["summary"][0]["text"], "so");
    let again = format!(
        r#"{{"model":"MODEL","store":false,"input":[{{"role":"user","content":"hi"}},{},{},{{"type":"function_call_output","call_id":"toolu_1","output":"seen"}}]}}"#,
        told["output"][0], told["output"][1]
    );
    gateway.handle(post(RESPONSES, &again.replace("MODEL", "messages"))).await;
    let sent: Value = serde_json::from_str(&provider.bodies()[1]).unwrap();
    assert_eq!(
        sent["messages"][1]["content"][0],
        serde_json::json!({"type": "thinking", "thinking": "so", "signature": "c2ln"})
    );
    assert_eq!(sent["messages"][1]["content"][1]["id"], "toolu_1");
    // Another provider of the client's own dialect would refuse what it did not seal.
    let response = gateway.handle(post(RESPONSES, &again.replace("MODEL", "chat"))).await;
    assert!(response.headers()["x-switchtower-notices"].to_str().unwrap().contains("input[1];meaning"));
    let sent: Value = serde_json::from_str(&provider.bodies()[2]).unwrap();
    assert_eq!(sent["input"].as_array().unwrap().len(), 3);
}
