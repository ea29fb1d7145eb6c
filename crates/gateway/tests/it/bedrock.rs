//! Clients and providers of Bedrock: addresses that name the model, binary streams, signatures, and errors of AWS.

use crate::scripted::{Piece, Script};
use crate::*;
use serde_json::json;
use std::time::SystemTime;
use switchtower_dialect::event_stream::{Reader, write_event};
use switchtower_dialect::{WireEvent, chunks};
use switchtower_domain::Secret;
use switchtower_gateway::CallerKey;
use switchtower_identity::aws::{Derived, Identity, Keys, Source};
use switchtower_providers::aws::AwsCredentials;

const REQUEST: &str = r#"{ "messages": [{"role": "user", "content": [{"text": "hi"}]}], "inferenceConfig": {"maxTokens": 9}, "unheardOf": 1e0 }"#;
const PLAIN: &str = r#"{"messages":[{"role":"user","content":[{"text":"hi"}]}],"inferenceConfig":{"maxTokens":9}}"#;
const INVOKED: &str = r#"{"anthropic_version":"bedrock-2023-05-31","max_tokens":9,"anthropic_beta":["one","two"],"messages":[{"role":"user","content":"hi"}]}"#;

fn event(name: &str, data: &Value) -> WireEvent {
    WireEvent { name: Some(name.to_owned()), data: data.to_string() }
}

fn converse_events() -> Vec<WireEvent> {
    vec![
        event("messageStart", &json!({"role": "assistant", "p": "abc"})),
        event("contentBlockDelta", &json!({"contentBlockIndex": 0, "delta": {"text": "an \"error\""}})),
        event("contentBlockStop", &json!({"contentBlockIndex": 0})),
        event("messageStop", &json!({"stopReason": "end_turn"})),
        event(
            "metadata",
            &json!({"usage": {"inputTokens": 3, "outputTokens": 1, "totalTokens": 4}, "metrics": {"latencyMs": 5}}),
        ),
    ]
}

fn framed(events: &[WireEvent]) -> Vec<u8> {
    let mut out = Vec::new();
    events.iter().for_each(|event| write_event(event, &mut out));
    out
}

fn messages_events() -> Vec<WireEvent> {
    [
        json!({"type": "message_start", "message": {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": [], "usage": {"input_tokens": 3, "output_tokens": 1}}}),
        json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}),
        json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "hello"}}),
        json!({"type": "content_block_stop", "index": 0}),
        json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 2}}),
        json!({"type": "message_stop"}),
    ]
    .iter()
    .map(|body| event(body["type"].as_str().unwrap(), body))
    .collect()
}

fn chunked(events: &[WireEvent]) -> Vec<u8> {
    let mut out = Vec::new();
    events.iter().for_each(|event| chunks::write(event, &mut out));
    out
}

fn binary(bytes: &[u8], size: usize) -> Script {
    let pieces = bytes.chunks(size).map(|piece| Piece::Bytes(piece.to_vec())).collect();
    let headers = vec![("content-type", "application/vnd.amazon.eventstream".to_owned())];
    Script::Answer { status: 200, headers, pieces }
}

fn sse_of(events: &[WireEvent]) -> Script {
    let mut out = Vec::new();
    events.iter().for_each(|event| switchtower_dialect::sse::write(event, &mut out));
    Script::events(vec![Piece::Bytes(out)])
}

fn at_bedrock(script: Script) -> (Gateway, ScriptedProvider) {
    gateway_with(script, keyless(), vec![provider("bed", "bedrock"), provider("claude", "bedrock_anthropic")])
}

async fn bytes_of(response: Response<GatewayBody>) -> Vec<u8> {
    response.into_body().collect().await.unwrap().to_bytes().to_vec()
}

/// What a client reads from a binary stream.
fn read(bytes: &[u8]) -> Vec<(String, Value)> {
    let mut reader = Reader::new(1 << 20);
    reader.push(bytes);
    let mut events = Vec::new();
    while let Some(message) = reader.next_message().unwrap() {
        let wire = message.to_wire().unwrap();
        events.push((wire.name.unwrap(), serde_json::from_str(&wire.data).unwrap()));
    }
    assert_eq!(reader.held(), 0);
    events
}

#[tokio::test]
async fn an_answer_is_forwarded_byte_for_byte() {
    let answer = r#"{ "output": {"message": {"role": "assistant", "content": [{"text": "hello"}]}}, "stopReason": "end_turn", "usage": {"inputTokens": 3}, "new": 1e2 }"#;
    let (gateway, sent) = at_bedrock(Script::json(200, answer));
    let response = gateway.handle(post("/model/bed%2Fanthropic.claude%3A0/converse", REQUEST)).await;
    assert_eq!(response.status(), 200);
    assert!(response.headers().contains_key("x-amzn-requestid"));
    assert_eq!(text(response).await, answer);
    assert_eq!(sent.bodies(), [REQUEST]);
    assert_eq!(sent.addresses(), ["https://bed.example/v1/model/anthropic.claude%3A0/converse"]);
    assert_eq!(sent.headers()["authorization"], format!("Bearer {KEY}"));
}

#[tokio::test]
async fn a_stream_is_forwarded_byte_for_byte_wherever_it_is_cut() {
    let stream = framed(&converse_events());
    for size in [1, 7, 100, 100_000] {
        let (gateway, sent) = at_bedrock(binary(&stream, size));
        let response = gateway.handle(post("/model/by-bed/converse-stream", REQUEST)).await;
        assert_eq!(response.headers()["content-type"], "application/vnd.amazon.eventstream");
        assert_eq!(bytes_of(response).await, stream, "pieces of {size}");
        assert_eq!(sent.addresses(), ["https://bed.example/v1/model/m/converse-stream"]);
        assert_eq!(sent.headers()["accept"], "application/vnd.amazon.eventstream");
        let (gateway, _) = at_bedrock(binary(&chunked(&messages_events()), size));
        let response = gateway.handle(post("/model/by-claude/invoke-with-response-stream", INVOKED)).await;
        assert_eq!(response.headers()["x-amzn-bedrock-content-type"], "application/json");
        assert_eq!(bytes_of(response).await, chunked(&messages_events()), "pieces of {size}");
    }
}

#[tokio::test]
async fn a_stream_is_translated_from_and_into_messages_of_aws() {
    let body = r#"{"model":"by-bed","messages":[{"role":"user","content":"hi"}],"stream":true,"stream_options":{"include_usage":true}}"#;
    let (gateway, sent) = at_bedrock(binary(&framed(&converse_events()), 13));
    let told = text(gateway.handle(post(CHAT, body)).await).await;
    assert!(told.contains(r#"an \"error\""#) && told.contains("\"prompt_tokens\":3"), "{told}");
    assert!(told.ends_with("data: [DONE]\n\n"), "{told}");
    assert_eq!(sent.bodies(), [r#"{"messages":[{"role":"user","content":[{"text":"hi"}]}]}"#]);
    let (gateway, sent) = crate::gateway(sse_of(&messages_events()));
    let response = gateway.handle(post("/model/messages/converse-stream", PLAIN)).await;
    let told = read(&bytes_of(response).await);
    let names: Vec<&str> = told.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["messageStart", "contentBlockDelta", "contentBlockStop", "messageStop", "metadata"]);
    assert_eq!((&told[1].1["delta"]["text"], &told[4].1["usage"]["totalTokens"]), (&json!("hello"), &json!(5)));
    assert!(sent.bodies()[0].contains(r#""stream":true"#));
}

#[tokio::test]
async fn an_answer_that_does_not_say_which_it_is_is_given_an_id_and_the_model() {
    let answer = r#"{"output": {"message": {"role": "assistant", "content": [{"text": "hello"}]}}, "stopReason": "end_turn", "usage": {"inputTokens": 3, "outputTokens": 1, "totalTokens": 4}}"#;
    let asked = |streamed: bool| {
        json!({"model": "by-bed", "max_tokens": 9, "stream": streamed, "messages": [{"role": "user", "content": "hi"}]})
            .to_string()
    };
    let (gateway, _) = at_bedrock(Script::json(200, answer));
    let response = gateway.handle(post(MESSAGES, &asked(false))).await;
    let id = response.headers()["x-request-id"].to_str().unwrap().to_owned();
    let told = json(response).await;
    assert_eq!((&told["id"], &told["model"]), (&json!(id), &json!("m")));
    let (gateway, _) = at_bedrock(binary(&framed(&converse_events()), 100));
    let response = gateway.handle(post(MESSAGES, &asked(true))).await;
    let id = response.headers()["x-request-id"].to_str().unwrap().to_owned();
    let told = text(response).await;
    let first = told.lines().find_map(|line| line.strip_prefix("data: ")).unwrap();
    let first: Value = serde_json::from_str(first).unwrap();
    assert_eq!((&first["message"]["id"], &first["message"]["model"]), (&json!(id), &json!("m")));
}

#[tokio::test]
async fn calls_that_come_back_without_their_thoughts_are_answered_without_thinking() {
    let answer = r#"{"output": {"message": {"role": "assistant", "content": [{"text": "hello"}]}}, "stopReason": "end_turn", "usage": {"inputTokens": 3, "outputTokens": 1, "totalTokens": 4}}"#;
    let call = json!({"id": "c1", "type": "function", "function": {"name": "weather", "arguments": "{}"}});
    let mut body = json!({
        "model": "by-bed",
        "reasoning_effort": "high",
        "tools": [{"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}],
        "messages": [{"role": "user", "content": "hi"}],
    });
    let thinking = async |body: &Value| {
        let (gateway, sent) = at_bedrock(Script::json(200, answer));
        let response = gateway.handle(post(CHAT, &body.to_string())).await;
        let told = response.headers().get("x-switchtower-notices").map(|told| told.to_str().unwrap().to_owned());
        let sent: Value = serde_json::from_str(&sent.bodies()[0]).unwrap();
        (sent["additionalModelRequestFields"]["thinking"]["type"].clone(), told.unwrap_or_default())
    };
    let (asked, told) = thinking(&body).await;
    assert!(asked == "enabled" && !told.contains("reasoning_effort;meaning"), "{asked} {told}");
    let messages = body["messages"].as_array_mut().unwrap();
    messages.push(json!({"role": "assistant", "content": null, "tool_calls": [call]}));
    messages.push(json!({"role": "tool", "tool_call_id": "c1", "content": "21"}));
    let (asked, told) = thinking(&body).await;
    assert!(asked == "disabled" && told.contains("reasoning_effort;meaning"), "{asked} {told}");
}

#[tokio::test]
async fn a_model_that_is_invoked_is_spoken_to_in_messages() {
    // To whom speaks Messages by itself.
    let (gateway, sent) = crate::gateway(sse_of(&messages_events()));
    let response = gateway.handle(post("/model/messages/invoke-with-response-stream", INVOKED)).await;
    let bytes = bytes_of(response).await;
    assert_eq!(bytes, chunked(&messages_events()));
    let body: Value = serde_json::from_str(&sent.bodies()[0]).unwrap();
    assert_eq!((&body["model"], &body["stream"]), (&json!("claude-x"), &json!(true)));
    assert!(body.get("anthropic_version").is_none() && body.get("anthropic_beta").is_none(), "{body}");
    assert_eq!(sent.headers()["anthropic-beta"], "one,two");
    // And the other way.
    let (gateway, sent) = at_bedrock(binary(&chunked(&messages_events()), 50));
    let body = r#"{"model":"by-claude","max_tokens":9,"messages":[{"role":"user","content":"hi"}],"stream":true}"#;
    let told = text(gateway.handle(with(post(MESSAGES, body), "anthropic-beta", "one, two")).await).await;
    assert!(
        told.starts_with("event: message_start") || told.starts_with("data: {\"type\":\"message_start\""),
        "{told}"
    );
    assert!(told.contains("hello") && told.contains("message_stop"), "{told}");
    assert_eq!(sent.addresses(), ["https://claude.example/v1/model/m/invoke-with-response-stream"]);
    let body: Value = serde_json::from_str(&sent.bodies()[0]).unwrap();
    assert_eq!(
        body,
        json!({"max_tokens": 9, "messages": [{"role": "user", "content": "hi"}],
            "anthropic_version": "bedrock-2023-05-31", "anthropic_beta": ["one", "two"]})
    );
    // Through the canonical form.
    let chat = r#"{"model":"by-claude","messages":[{"role":"user","content":"hi"}]}"#;
    let (gateway, sent) = at_bedrock(Script::json(200, MESSAGES_ANSWER));
    assert_eq!(json(gateway.handle(post(CHAT, chat)).await).await["choices"][0]["message"]["content"], "hello");
    let body: Value = serde_json::from_str(&sent.bodies()[0]).unwrap();
    assert_eq!(body["anthropic_version"], "bedrock-2023-05-31");
    assert!(body.get("model").is_none() && body.get("stream").is_none(), "{body}");
}

#[tokio::test]
async fn what_only_a_model_of_bedrock_understands_is_refused_where_messages_are_all_that_is_invoked() {
    let (gateway, _) = at_bedrock(Script::Unreachable);
    let response = gateway.handle(post("/model/by-claude/invoke", r#"{"inputText":"hi"}"#)).await;
    assert_eq!(
        (response.status().as_u16(), &response.headers()["x-amzn-errortype"]),
        (501, &"ValidationException".parse().unwrap())
    );
    assert!(json(response).await["message"].as_str().unwrap().ends_with("these providers have: bed"));
}

#[tokio::test]
async fn tokens_are_counted_in_the_dialect_itself() {
    let body = r#"{"input":{"converse":{"messages":[{"role":"user","content":[{"text":"hi"}]}]}}}"#;
    let (gateway, sent) = at_bedrock(Script::json(200, r#"{"inputTokens":3}"#));
    let response = gateway.handle(post("/model/by-bed/count-tokens", body)).await;
    assert_eq!(json(response).await, json!({"inputTokens": 3}));
    assert_eq!(sent.addresses(), ["https://bed.example/v1/model/m/count-tokens"]);
}

#[tokio::test]
async fn errors_come_in_the_form_of_aws() {
    let (gateway, _) = at_bedrock(Script::json(429, r#"{"message":"Too many requests"}"#));
    let response = gateway.handle(post("/model/by-bed/converse", REQUEST)).await;
    assert_eq!(response.status(), 429);
    assert_eq!(response.headers()["x-amzn-errortype"], "ThrottlingException");
    assert!(json(response).await["message"].as_str().unwrap().contains("Too many requests"));
    let response = gateway.handle(post("/model/nobody/converse", REQUEST)).await;
    assert_eq!(
        (response.status().as_u16(), &response.headers()["x-amzn-errortype"]),
        (404, &"ResourceNotFoundException".parse().unwrap())
    );
    let response = gateway.handle(post("/model/by-bed/async-invoke", REQUEST)).await;
    assert_eq!(response.status(), 501);
}

#[tokio::test]
async fn trouble_in_the_middle_of_a_stream_is_told_as_an_exception() {
    let begun = framed(&converse_events()[..2]);
    let mut failed = begun.clone();
    write_event(&event("throttlingException", &json!({"message": "slow down"})), &mut failed);
    let ask = async |path: &'static str, body: &'static str, stream: &[u8]| {
        let (gateway, _) = at_bedrock(binary(stream, 50));
        bytes_of(gateway.handle(post(path, body)).await).await
    };
    for (stream, exception) in [(&failed, "throttlingException"), (&begun, "modelStreamErrorException")] {
        let told = read(&ask("/model/by-bed/converse-stream", REQUEST, stream).await);
        let (name, body) = told.last().unwrap();
        assert_eq!(name, exception);
        assert!(body["message"].is_string(), "{body}");
    }
    let chat = r#"{"model":"by-bed","messages":[{"role":"user","content":"hi"}],"stream":true}"#;
    let told = String::from_utf8(ask(CHAT, chat, &failed).await).unwrap();
    assert!(told.contains("slow down") && told.contains("\"error\""), "{told}");
    // What a provider of Messages says in the middle.
    let mut events = messages_events();
    events.truncate(3);
    events.push(event("error", &json!({"type": "error", "error": {"type": "overloaded_error", "message": "busy"}})));
    let (gateway, _) = crate::gateway(sse_of(&events));
    let told = bytes_of(gateway.handle(post("/model/messages/invoke-with-response-stream", INVOKED)).await).await;
    let mut reader = Reader::new(1 << 20);
    reader.push(&told);
    let mut last = None;
    while let Some(message) = reader.next_message().unwrap() {
        last = Some(message);
    }
    assert_eq!(last.unwrap().text(":exception-type"), Some("serviceUnavailableException"));
}

#[tokio::test]
async fn a_damaged_stream_is_never_told_as_whole() {
    let mut damaged = framed(&converse_events());
    let place = damaged.len() - 30;
    damaged[place] ^= 1;
    let (gateway, _) = at_bedrock(binary(&damaged, 64));
    let chat = r#"{"model":"by-bed","messages":[{"role":"user","content":"hi"}],"stream":true,"stream_options":{"include_usage":true}}"#;
    let told = text(gateway.handle(post(CHAT, chat)).await).await;
    assert!(!told.contains("\"prompt_tokens\":3"), "{told}");
    let mut early = framed(&converse_events());
    early[40] ^= 1;
    let (gateway, _) = at_bedrock(binary(&early, 64));
    let told = text(gateway.handle(post(CHAT, chat)).await).await;
    assert!(told.contains("\"error\"") && !told.contains("[DONE]"), "{told}");
}

#[tokio::test]
async fn who_signs_with_a_key_may_ask() {
    let settings = || Settings::new(Access::keys(vec![CallerKey::new("team", &Secret::new("the-key"))]).unwrap());
    let ask = async |key: &str, secret: &str, body: &str, path: &str| {
        let others = vec![provider("bed", "bedrock")];
        let (gateway, _) = gateway_with(
            Script::json(200, r#"{"output":{"message":{"role":"assistant","content":[]}}}"#),
            settings(),
            others,
        );
        let mut request = post(path, PLAIN).map(|_| bytes::Bytes::from(PLAIN));
        *request.uri_mut() = format!("http://localhost:8080{path}").parse().unwrap();
        request.headers_mut().remove("host");
        AwsCredentials::new(key, Secret::new(secret), None).sign(&mut request, "us-east-1", SystemTime::now()).unwrap();
        let (mut head, _) = request.into_parts();
        head.headers.insert("host", "localhost:8080".parse().unwrap());
        head.uri = path.parse().unwrap();
        gateway.handle(Request::from_parts(head, Full::from(body.to_owned()))).await
    };
    let path = "/model/bed%2Fm%3A0/converse";
    assert_eq!(ask("team", "the-key", PLAIN, path).await.status(), 200);
    for (key, secret, body) in [("team", "another", PLAIN), ("nobody", "the-key", PLAIN), ("team", "the-key", REQUEST)]
    {
        let refused = ask(key, secret, body, path).await;
        assert_eq!(refused.status(), 401);
        assert_eq!(refused.headers()["x-amzn-errortype"], "UnrecognizedClientException");
        assert!(json(refused).await["message"].as_str().unwrap().contains("access key id"));
    }
}

#[tokio::test]
async fn requests_to_aws_are_signed_where_keys_say_so() {
    let keys = Keys {
        access_key_id: "AKIDEXAMPLE".to_owned(),
        secret_access_key: Secret::new("secret-of-the-account"),
        session_token: None,
        derived: Derived::default(),
    };
    let kind = known("bedrock").unwrap();
    let base = "https://bedrock-runtime.eu-central-1.amazonaws.com";
    let credential = Credential::Aws(Arc::new(Identity::new(Source::Given(keys))));
    let bed = Provider::of_kind(ProviderName::new("bed").unwrap(), kind, base, credential).unwrap();
    let (gateway, sent) =
        gateway_with(Script::json(403, r#"{"message":"secret-of-the-account"}"#), keyless(), vec![bed]);
    let response = gateway.handle(post("/model/bed%2Fm/converse", PLAIN)).await;
    let shown = sent.headers()["authorization"].to_str().unwrap().to_owned();
    assert!(
        shown.contains("Credential=AKIDEXAMPLE/") && shown.contains("/eu-central-1/bedrock/aws4_request"),
        "{shown}"
    );
    assert!(!text(response).await.contains("secret-of-the-account"));
}
