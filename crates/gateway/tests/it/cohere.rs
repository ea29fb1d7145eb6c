//! Cohere, as clients speak it and as a provider.

use crate::scripted::{Piece, Script};
use crate::*;
use serde_json::json;

const COHERE: &str = "/v2/chat";
const ANSWER: &str = r#"{"id":"a1","message":{"role":"assistant","content":[{"type":"text","text":"hello"}]},"finish_reason":"COMPLETE","usage":{"billed_units":{"input_tokens":1,"output_tokens":1},"tokens":{"input_tokens":3,"output_tokens":1}}}"#;
const STREAM: &str = concat!(
    "event: message-start\ndata: {\"id\":\"a1\",\"type\":\"message-start\",\"delta\":{\"message\":{\"role\":\"assistant\",\"content\":[],\"tool_plan\":\"\",\"tool_calls\":[],\"citations\":[]}}}\n\n",
    "event: content-start\ndata: {\"type\":\"content-start\",\"index\":0,\"delta\":{\"message\":{\"content\":{\"type\":\"text\",\"text\":\"\"}}}}\n\n",
    "event: content-delta\ndata: {\"type\":\"content-delta\",\"index\":0,\"delta\":{\"message\":{\"content\":{\"text\":\"hello\"}}}}\n\n",
    "event: content-end\ndata: {\"type\":\"content-end\",\"index\":0}\n\n",
    "event: message-end\ndata: {\"type\":\"message-end\",\"delta\":{\"finish_reason\":\"COMPLETE\",\"usage\":{\"tokens\":{\"input_tokens\":3,\"output_tokens\":1}}}}\n\n",
);

fn ask(model: &str, stream: bool) -> Request<Full<bytes::Bytes>> {
    let body = json!({"model": model, "stream": stream, "messages": [{"role": "user", "content": "hi"}]});
    post(COHERE, &body.to_string())
}

fn before(script: Script) -> (Gateway, ScriptedProvider) {
    gateway_with(script, keyless(), vec![provider("cohere", "cohere")])
}

#[tokio::test]
async fn a_client_of_cohere_is_forwarded_to_cohere_byte_for_byte() {
    let (gateway, provider) = before(Script::json(200, ANSWER));
    let body = r#"{ "model":"by-cohere","messages":[{"role":"user","content":"hi"}],"safety_mode":"OFF","x":1e2 }"#;
    let response = gateway.handle(post(COHERE, body)).await;
    assert_eq!((response.status().as_u16(), text(response).await), (200, ANSWER.to_owned()));
    assert_eq!(provider.bodies(), [body.replace("by-cohere", "m")]);
    assert_eq!(provider.addresses(), ["https://cohere.example/v1/v2/chat"]);
    assert_eq!(provider.headers()["authorization"], format!("Bearer {KEY}"));
}

#[tokio::test]
async fn a_stream_is_whole_with_and_without_the_mark_after_it() {
    for mark in ["", "data: [DONE]\n\n"] {
        let whole = format!("{STREAM}{mark}");
        let (gateway, _) = before(Script::events(vec![Piece::Bytes(whole.clone().into())]));
        assert_eq!(text(gateway.handle(ask("by-cohere", true)).await).await, whole);
        let (gateway, _) = before(Script::events(vec![Piece::Bytes(whole.into())]));
        let messages = json!({"model": "by-cohere", "stream": true, "max_tokens": 9,
            "messages": [{"role": "user", "content": "hi"}]});
        let told = text(gateway.handle(post(MESSAGES, &messages.to_string())).await).await;
        assert!(told.contains(r#"{"type":"text_delta","text":"hello"}"#), "{told}");
        assert_eq!(told.matches("event: message_stop").count(), 1, "{told}");
    }
}

#[tokio::test]
async fn a_stream_that_breaks_off_says_so() {
    let (half, _) = STREAM.split_once("event: content-end").unwrap();
    let (gateway, _) = before(Script::events(vec![Piece::Bytes(half.into())]));
    let told = text(gateway.handle(ask("by-cohere", true)).await).await;
    let last = told.trim_end().rsplit("data: ").next().unwrap();
    let last: Value = serde_json::from_str(last).unwrap();
    assert_eq!((&last["type"], &last["delta"]["finish_reason"]), (&json!("message-end"), &json!("ERROR")));
    assert!(last["delta"]["error"].is_string());
}

#[tokio::test]
async fn a_client_of_cohere_reaches_other_providers() {
    let (gateway, provider) = gateway(Script::json(200, CHAT_ANSWER));
    let told = json(gateway.handle(ask("chat", false)).await).await;
    assert_eq!(told["message"], json!({"role": "assistant", "content": [{"type": "text", "text": "hello"}]}));
    assert_eq!((&told["finish_reason"], &told["usage"]["tokens"]["input_tokens"]), (&json!("COMPLETE"), &json!(3)));
    assert_eq!(provider.addresses(), ["https://chat-vendor.example/v1/chat/completions"]);
}

#[tokio::test]
async fn refusals_and_failures_have_the_form_of_cohere() {
    let (gateway, _) = before(Script::json(429, r#"{"message":"slow down","id":"r1"}"#));
    let unknown = gateway.handle(ask("nobody", false)).await;
    assert_eq!(unknown.status(), 404);
    assert_eq!(json(unknown).await["error_type"], "UNKNOWN_MODEL");
    let failed = gateway.handle(ask("by-cohere", false)).await;
    assert_eq!(failed.status(), 429);
    assert!(json(failed).await["message"].as_str().unwrap().contains("slow down"));
}

fn vectors(count: usize) -> String {
    json!({"id": "e1", "texts": [], "embeddings": {"float": vec![[0.5, 1e-3]; count]}, "response_type": "embeddings_by_type",
        "meta": {"api_version": {"version": "2"}, "billed_units": {"input_tokens": 2}}})
    .to_string()
}

#[tokio::test]
async fn a_client_of_openai_has_its_embeddings_from_cohere() {
    let (gateway, provider) = before(Script::json(200, &vectors(2)));
    let body = r#"{"model":"by-cohere","input":["a","b"],"input_type":"query","encoding_format":"base64"}"#;
    let response = gateway.handle(post("/v1/embeddings", body)).await;
    assert_eq!(response.headers().get("x-switchtower-notices"), None);
    let told = json(response).await;
    let sent: Value = serde_json::from_str(&provider.bodies()[0]).unwrap();
    let asked = json!({"model": "m", "texts": ["a", "b"], "input_type": "search_query", "embedding_types": ["base64"]});
    assert_eq!((sent, provider.addresses()), (asked, vec!["https://cohere.example/v2/embed".to_owned()]));
    assert_eq!(told["usage"], json!({"prompt_tokens": 2, "total_tokens": 2}));
    assert_eq!((&told["data"][1]["index"], &told["model"]), (&json!(1), &json!("m")));
    assert_eq!(told["data"][0]["embedding"], "AAAAP28Sgzo=");
    let unsaid = gateway.handle(post("/v1/embeddings", r#"{"model":"by-cohere","input":["a","b"]}"#)).await;
    assert_eq!(unsaid.headers()["x-switchtower-notices"], "input_type;meaning");
}

#[tokio::test]
async fn more_texts_than_cohere_takes_go_in_several_requests() {
    let (gateway, provider) = before(Script::json(200, &vectors(96)));
    let texts: Vec<String> = (0..192).map(|number| number.to_string()).collect();
    let body = json!({"model": "by-cohere", "input": texts, "input_type": "document"});
    let told = json(gateway.handle(post("/v1/embeddings", &body.to_string())).await).await;
    assert_eq!((told["data"].as_array().unwrap().len(), provider.bodies().len()), (192, 2));
    assert_eq!(told["usage"]["prompt_tokens"], 4);
}

#[tokio::test]
async fn a_client_of_cohere_has_its_embeddings_from_others_where_they_have_them() {
    let answer = json!({"object": "list", "model": "e", "data": [{"object": "embedding", "index": 0, "embedding": [0.5]}],
        "usage": {"prompt_tokens": 1, "total_tokens": 1}});
    let (gateway, provider) =
        gateway_with(Script::json(200, &answer.to_string()), keyless(), vec![provider("v", "voyage")]);
    let ask = |more: &str| format!(r#"{{"model":"by-v","texts":["a"],"input_type":"search_query"{more}}}"#);
    let told = json(gateway.handle(post("/v2/embed", &ask(r#","embedding_types":["float"]"#))).await).await;
    assert_eq!(told["embeddings"], json!({"float": [[0.5]]}));
    assert_eq!(told["meta"]["billed_units"], json!({"input_tokens": 1}));
    assert_eq!(provider.bodies(), [r#"{"model":"m","input":["a"],"input_type":"query"}"#]);
    let refused = gateway.handle(post("/v2/embed", &ask(r#","embedding_types":["int8"]"#))).await;
    assert_eq!(refused.status(), 400);
    assert!(json(refused).await["message"].as_str().unwrap().contains("embedding_types"));
}

#[tokio::test]
async fn embeddings_and_rankings_of_cohere_are_forwarded_to_cohere() {
    let (gateway, provider) = before(Script::json(200, &vectors(1)));
    let body = r#"{"model":"by-cohere","images":["data:image/png;base64,iVBO"],"input_type":"image","embedding_types":["int8"]}"#;
    assert_eq!(text(gateway.handle(post("/v2/embed", body)).await).await, vectors(1));
    assert_eq!(provider.bodies(), [body.replace("by-cohere", "m")]);
    let ranked =
        r#"{"id":"r1","results":[{"index":1,"relevance_score":0.9}],"meta":{"billed_units":{"search_units":1}}}"#;
    let (gateway, provider) = before(Script::json(200, ranked));
    let body = r#"{"model":"by-cohere","query":"q","documents":["a","b"],"top_n":1}"#;
    for path in ["/v2/rerank", "/v1/rerank"] {
        assert_eq!(text(gateway.handle(post(path, body)).await).await, ranked);
    }
    assert_eq!(provider.addresses(), ["https://cohere.example/v2/rerank"; 2]);
}

#[tokio::test]
async fn what_cohere_does_not_take_is_told_and_not_sent() {
    let (gateway, provider) = before(Script::json(200, ANSWER));
    let tool =
        |schema: Value| json!([{"type": "function", "function": {"name": "f", "strict": true, "parameters": schema}}]);
    let sent = async |more: Value| {
        let mut body = json!({"model": "by-cohere", "messages": [{"role": "user", "content": "hi"}]});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let response = gateway.handle(post(CHAT, &body.to_string())).await;
        let told = response.headers().get("x-switchtower-notices").map(|told| told.to_str().unwrap().to_owned());
        (serde_json::from_str::<Value>(provider.bodies().last().unwrap()).unwrap(), told.unwrap_or_default())
    };
    let (body, told) = sent(json!({"top_p": 1, "frequency_penalty": -1, "stop": ["a", "b"]})).await;
    assert_eq!((&body["p"], &body["frequency_penalty"]), (&json!(0.99), &json!(0.0)));
    assert!(told.contains("top_p;meaning") && told.contains("frequency_penalty;meaning"), "{told}");
    let open = json!({"type": "object", "properties": {"a": {"type": "string"}}});
    assert!(sent(json!({"tools": tool(open.clone())})).await.0.get("strict_tools").is_none());
    let mut closed = open;
    closed["required"] = json!(["a"]);
    let (body, told) = sent(json!({"tools": tool(closed), "response_format": {"type": "json_object"}})).await;
    assert_eq!((&body["strict_tools"], body.get("response_format")), (&json!(true), None));
    assert!(told.contains("response_format;meaning"), "{told}");
    // Each object of a schema must require something.
    let asking = |schema: Value| {
        let format = json!({"name": "n", "strict": true, "schema": schema});
        json!({"response_format": {"type": "json_schema", "json_schema": format}})
    };
    let closed = json!({"type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": false});
    let (body, told) = sent(asking(closed.clone())).await;
    assert_eq!(body["response_format"]["json_schema"]["required"], json!(["a"]));
    assert!(told.contains("response_format.json_schema.schema.required;meaning"), "{told}");
    let (body, told) = sent(asking(json!({"type": "object", "additionalProperties": {"type": "string"}}))).await;
    assert_eq!(body["response_format"], json!({"type": "json_object"}));
    assert!(told.contains("response_format.json_schema.schema;meaning"), "{told}");
    let mut strict = json!({"model": "by-cohere", "messages": [{"role": "user", "content": "hi"}]});
    strict["response_format"] = asking(closed)["response_format"].clone();
    let response = gateway.handle(with(post(CHAT, &strict.to_string()), "x-switchtower-strict", "true")).await;
    assert_eq!(response.status(), 400);
    assert!(text(response).await.contains("response_format.json_schema.schema.required"));
}
