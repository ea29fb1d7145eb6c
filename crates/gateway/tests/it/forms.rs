//! Other forms of a dialect, and what only one vendor understands: Ollama's `/api/generate`, Cohere's first chat, and
//! `InvokeModel` with bodies of the model's own.

use crate::scripted::{Piece, Script};
use crate::*;
use serde_json::json;
use switchtower_dialect::bedrock_converse::nova;
use switchtower_dialect::event_stream::{Reader, write_event};
use switchtower_dialect::{WireEvent, chunks};

const GENERATE: &str = "/api/generate";

fn ollama(script: Script) -> (Gateway, ScriptedProvider) {
    let known = switchtower_providers::ollama::unlisted();
    let name = ProviderName::new("ollama").unwrap();
    let provider = Provider::of_kind(name, &known, "http://ollama.example:11434", Credential::None).unwrap();
    gateway_with(script, keyless(), vec![provider])
}

fn streamed(kind: &str, bytes: &[u8], size: usize) -> Script {
    let pieces = bytes.chunks(size).map(|piece| Piece::Bytes(piece.to_vec())).collect();
    Script::Answer { status: 200, headers: vec![("content-type", kind.to_owned())], pieces }
}

fn sse(events: &[&str]) -> String {
    events.iter().map(|data| format!("data: {data}\n\n")).collect()
}

#[tokio::test]
async fn a_prompt_reaches_every_provider_and_is_answered_in_its_own_words() {
    let (gateway, provider) = gateway(Script::json(200, CHAT_ANSWER));
    let body = json!({"model": "chat", "prompt": "hi", "system": "Be brief.", "images": ["iVBORw0KGgo="], "stream": false,
        "format": "json", "options": {"temperature": 0, "num_predict": 9}, "raw": false, "context": [], "keep_alive": "5m"});
    let response = gateway.handle(post(GENERATE, &body.to_string())).await;
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["x-switchtower-notices"], "keep_alive;meaning, answer.new_field;meaning");
    let told = json(response).await;
    assert_eq!((&told["response"], &told["done"], &told["eval_count"]), (&json!("hello"), &json!(true), &json!(1)));
    assert!(told.get("message").is_none(), "{told}");
    let sent: Value = serde_json::from_str(&provider.bodies()[0]).unwrap();
    assert_eq!(sent["messages"][0], json!({"role": "system", "content": "Be brief."}));
    assert_eq!(sent["messages"][1]["content"][0], json!({"type": "text", "text": "hi"}));
    assert_eq!((&sent["response_format"]["type"], &sent["temperature"]), (&json!("json_object"), &json!(0)));
    let template = json!({"model": "chat", "prompt": "hi", "template": "{{ .Prompt }}", "stream": false});
    let told = gateway.handle(post(GENERATE, &template.to_string())).await;
    assert_eq!(told.headers()["x-switchtower-notices"], "template;meaning, answer.new_field;meaning");
    for (field, value) in
        [("raw", json!(true)), ("suffix", json!("}")), ("context", json!([1, 2])), ("prompt", json!(""))]
    {
        let mut body = json!({"model": "chat", "prompt": "hi"});
        body[field] = value;
        let refused = gateway.handle(post(GENERATE, &body.to_string())).await;
        assert_eq!(refused.status(), 400, "{field}");
        assert!(json(refused).await["error"].as_str().unwrap().contains(field), "{field}");
    }
    assert_eq!(provider.bodies().len(), 2);
}

#[tokio::test]
async fn an_answer_to_a_prompt_is_streamed_in_lines() {
    let stream = sse(&[
        r#"{"id":"c","object":"chat.completion.chunk","created":1,"model":"g","choices":[{"index":0,"delta":{"role":"assistant","content":"hel"},"finish_reason":null}]}"#,
        r#"{"id":"c","object":"chat.completion.chunk","created":1,"model":"g","choices":[{"index":0,"delta":{"content":"lo"},"finish_reason":null}]}"#,
        r#"{"id":"c","object":"chat.completion.chunk","created":1,"model":"g","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#,
        "[DONE]",
    ]);
    for size in [7, 10_000] {
        let (gateway, _) = gateway(streamed("text/event-stream", stream.as_bytes(), size));
        let response = gateway.handle(post(GENERATE, r#"{"model":"chat","prompt":"hi"}"#)).await;
        assert_eq!(response.headers()["content-type"], "application/x-ndjson");
        let told = text(response).await;
        let lines: Vec<Value> = told.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let words: String = lines.iter().map(|line| line["response"].as_str().unwrap()).collect();
        assert_eq!((words.as_str(), lines.last().unwrap()["done"].clone()), ("hello", json!(true)), "{told}");
    }
    let (cut, _) = gateway(streamed("text/event-stream", &stream.as_bytes()[..200], 200));
    let told = text(cut.handle(post(GENERATE, r#"{"model":"chat","prompt":"hi"}"#)).await).await;
    let last: Value = serde_json::from_str(told.lines().last().unwrap()).unwrap();
    assert!(last["error"].is_string(), "{told}");
}

#[tokio::test]
async fn ollama_is_given_the_prompt_as_it_came() {
    let answer = r#"{ "model":"m","response":"hello","done":true,"context":[1,2] }"#;
    let (gateway, provider) = ollama(Script::json(200, answer));
    let body = r#"{ "model":"by-ollama", "prompt":"a", "raw":true, "context":[1], "suffix":"}", "stream":false }"#;
    assert_eq!(text(gateway.handle(post(GENERATE, body)).await).await, answer);
    assert_eq!(provider.bodies(), [body.replace("by-ollama", "m")]);
    assert_eq!(provider.addresses(), ["http://ollama.example:11434/api/generate"]);
    let lines =
        "{\"model\":\"m\",\"response\":\"a\",\"done\":false}\n{\"model\":\"m\",\"response\":\"\",\"done\":true}\n";
    let (gateway, _) = ollama(streamed("application/x-ndjson", lines.as_bytes(), 11));
    assert_eq!(text(gateway.handle(post(GENERATE, r#"{"model":"by-ollama","prompt":"a"}"#)).await).await, lines);
    let half = lines.split_inclusive('\n').next().unwrap();
    let (gateway, _) = ollama(streamed("application/x-ndjson", half.as_bytes(), 11));
    let told = text(gateway.handle(post(GENERATE, r#"{"model":"by-ollama","prompt":"a"}"#)).await).await;
    assert!(told.starts_with(half) && told.contains("\"error\""), "{told}");
}

#[tokio::test]
async fn the_first_chat_of_cohere_is_forwarded_to_cohere_and_refused_by_name_elsewhere() {
    let answer = r#"{ "response_id":"r", "text":"hello", "finish_reason":"COMPLETE" }"#;
    let (gateway, sent) = gateway_with(Script::json(200, answer), keyless(), vec![provider("cohere", "cohere")]);
    let body = r#"{ "model":"by-cohere", "message":"hi", "chat_history":[], "stream":false, "later":1e0 }"#;
    for path in ["/v1/chat", "/cohere/v1/chat"] {
        assert_eq!(text(gateway.handle(post(path, body)).await).await, answer);
    }
    assert_eq!(sent.bodies(), [body.replace("by-cohere", "m"), body.replace("by-cohere", "m")]);
    assert_eq!(sent.addresses(), ["https://cohere.example/v1/chat", "https://cohere.example/v1/chat"]);
    let refused = json(gateway.handle(post("/v1/chat", &body.replace("by-cohere", "chat"))).await).await;
    let message = refused["message"].as_str().unwrap();
    assert!(message.contains("no first_chat") && message.ends_with("these providers have: cohere"), "{message}");
    let pieces = [
        r#"{"is_finished":false,"event_type":"text-generation","text":"hello"}"#,
        r#"{"is_finished":true,"event_type":"stream-end","finish_reason":"COMPLETE","response":{"text":"hello"}}"#,
    ];
    let body = r#"{"model":"by-cohere","message":"hi","stream":true}"#;
    let ask = async |script| {
        let (gateway, _) = gateway_with(script, keyless(), vec![provider("cohere", "cohere")]);
        let response = gateway.handle(post("/v1/chat", body)).await;
        assert_eq!(response.headers()["content-type"], "application/stream+json");
        text(response).await
    };
    let whole = sse(&pieces);
    assert_eq!(
        ask(streamed("text/event-stream", whole.as_bytes(), 9)).await,
        format!("{}\n{}\n", pieces[0], pieces[1])
    );
    let half = sse(&pieces[..1]);
    let told = ask(streamed("text/event-stream", half.as_bytes(), 9)).await;
    assert!(told.starts_with(pieces[0]) && told.contains(r#""finish_reason":"ERROR""#), "{told}");
}

fn bedrock(script: Script) -> (Gateway, ScriptedProvider) {
    let mut bed = provider("bed", "bedrock");
    bed.models = vec![ModelName::new("amazon.nova-lite-v1:0").unwrap()];
    gateway_with(script, keyless(), vec![bed])
}

const NOVA: &str = r#"{ "schemaVersion":"messages-v1", "messages":[{"role":"user","content":[{"text":"hi"}]}], "inferenceConfig":{"max_new_tokens":9,"topK":20} }"#;

#[tokio::test]
async fn a_body_of_the_models_own_is_forwarded_to_bedrock_and_refused_by_name_elsewhere() {
    let answer = r#"{ "generation":"hello", "stop_reason":"stop" }"#;
    let (gateway, sent) = bedrock(Script::json(200, answer));
    let body = r#"{ "prompt":"hi", "max_gen_len":9, "model":"mine" }"#;
    let response = gateway.handle(post("/model/bed%2Fmeta.llama3-70b-instruct-v1%3A0/invoke", body)).await;
    assert_eq!(response.headers()["x-amzn-bedrock-content-type"], "application/json");
    assert_eq!(text(response).await, answer);
    assert_eq!(sent.bodies(), [body]);
    assert_eq!(sent.addresses(), ["https://bed.example/v1/model/meta.llama3-70b-instruct-v1%3A0/invoke"]);
    let refused = gateway.handle(post("/model/chat/invoke", body)).await;
    assert_eq!(refused.status(), 501);
    assert!(json(refused).await["message"].as_str().unwrap().ends_with("these providers have: bed"));
    // Its stream ends with what was counted, whichever model it was.
    let chunk = |data: &Value| WireEvent { name: None, data: data.to_string() };
    let pieces = [
        chunk(&json!({"generation": "hello", "stop_reason": null})),
        chunk(
            &json!({"generation": "", "stop_reason": "stop", "amazon-bedrock-invocationMetrics": {"outputTokenCount": 1}}),
        ),
    ];
    let framed = |pieces: &[WireEvent]| {
        let mut out = Vec::new();
        pieces.iter().for_each(|piece| chunks::write(piece, &mut out));
        out
    };
    let address = "/model/by-bed/invoke-with-response-stream";
    for size in [1, 50, 10_000] {
        let (gateway, sent) = bedrock(streamed("application/vnd.amazon.eventstream", &framed(&pieces), size));
        let response = gateway.handle(post(address, body)).await;
        assert_eq!(response.headers()["content-type"], "application/vnd.amazon.eventstream");
        let told = response.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(told.to_vec(), framed(&pieces), "pieces of {size}");
        assert_eq!(sent.addresses(), ["https://bed.example/v1/model/m/invoke-with-response-stream"]);
    }
    let (gateway, _) = bedrock(streamed("application/vnd.amazon.eventstream", &framed(&pieces[..1]), 50));
    let told = gateway.handle(post(address, body)).await.into_body().collect().await.unwrap().to_bytes();
    let names = names(&told);
    assert_eq!((names[0].as_str(), names.len()), ("chunk", 2));
    assert!(names[1].ends_with("Exception"), "{names:?}");
}

fn names(bytes: &[u8]) -> Vec<String> {
    let mut reader = Reader::new(1 << 20);
    reader.push(bytes);
    let mut names = Vec::new();
    while let Some(message) = reader.next_message().unwrap() {
        names.push(message.to_wire().unwrap().name.unwrap());
    }
    names
}

#[tokio::test]
async fn nova_is_invoked_as_it_came_and_other_models_are_asked_the_same_in_their_words() {
    let answer =
        r#"{ "output":{"message":{"role":"assistant","content":[{"text":"hello"}]}}, "stopReason":"end_turn" }"#;
    let (gateway, sent) = bedrock(Script::json(200, answer));
    let response = gateway.handle(post("/model/bed%2Famazon.nova-lite-v1%3A0/invoke", NOVA)).await;
    assert_eq!(text(response).await, answer);
    assert_eq!(sent.bodies(), [NOVA]);
    assert_eq!(sent.addresses(), ["https://bed.example/v1/model/amazon.nova-lite-v1%3A0/invoke"]);
    // Another model of Bedrock is asked in Converse.
    gateway.handle(post("/model/by-bed/invoke", NOVA)).await;
    assert_eq!(sent.addresses()[1], "https://bed.example/v1/model/m/converse");
    let converse: Value = serde_json::from_str(&sent.bodies()[1]).unwrap();
    assert_eq!(converse["inferenceConfig"], json!({"maxTokens": 9}));
    assert!(converse.get("schemaVersion").is_none());
    // And one of another vendor in its own dialect.
    let (other, sent) = crate::gateway(Script::json(200, CHAT_ANSWER));
    let response = other.handle(post("/model/chat/invoke", NOVA)).await;
    assert_eq!(response.headers()["x-amzn-bedrock-content-type"], "application/json");
    let told = json(response).await;
    assert_eq!(told["output"]["message"]["content"], json!([{"text": "hello"}]));
    assert_eq!((&told["usage"]["inputTokens"], told.get("metrics")), (&json!(3), None));
    let sent: Value = serde_json::from_str(&sent.bodies()[0]).unwrap();
    assert_eq!(sent["messages"], json!([{"role": "user", "content": "hi"}]));
}

#[tokio::test]
async fn a_stream_of_another_vendor_is_told_in_the_words_of_nova() {
    let converse = |name: &str, data: &Value| WireEvent { name: Some(name.to_owned()), data: data.to_string() };
    let events = [
        converse("messageStart", &json!({"role": "assistant"})),
        converse("contentBlockDelta", &json!({"contentBlockIndex": 0, "delta": {"text": "hello"}})),
        converse("contentBlockStop", &json!({"contentBlockIndex": 0})),
        converse("messageStop", &json!({"stopReason": "end_turn"})),
        converse("metadata", &json!({"usage": {"inputTokens": 3, "outputTokens": 1, "totalTokens": 4}})),
    ];
    let mut bytes = Vec::new();
    events.iter().for_each(|event| write_event(event, &mut bytes));
    for size in [9, 10_000] {
        let (gateway, _) = bedrock(streamed("application/vnd.amazon.eventstream", &bytes, size));
        let response = gateway.handle(post("/model/by-bed/invoke-with-response-stream", NOVA)).await;
        let told = response.into_body().collect().await.unwrap().to_bytes();
        let mut reader = Reader::new(1 << 20);
        reader.push(&told);
        let mut received = Vec::new();
        while let Some(message) = reader.next_message().unwrap() {
            assert_eq!(message.to_wire().unwrap().name.as_deref(), Some("chunk"));
            received.push(nova::read_message(&message).unwrap().name.unwrap());
        }
        assert_eq!(received, ["messageStart", "contentBlockDelta", "contentBlockStop", "messageStop", "metadata"]);
    }
}
