//! Amazon Bedrock.

use crate::client::{Answer, Provider};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};
use switchtower_sim::Settings;

async fn called(provider: &Provider, operation: &str, body: &Value) -> Answer {
    provider.post(&format!("/model/sim-1/{operation}"), &body.to_string()).await
}

async fn asked(body: &Value) -> Value {
    let answer = called(&Provider::start(Settings::default()).await, "converse", body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

async fn streamed(body: &Value) -> Vec<(String, Value)> {
    let answer = called(&Provider::start(Settings::default()).await, "converse-stream", body).await;
    assert_eq!(answer.headers["content-type"], "application/vnd.amazon.eventstream");
    answer.messages()
}

fn plain(text: &str) -> Value {
    json!({"messages": [{"role": "user", "content": [{"text": text}]}]})
}

fn weather() -> Value {
    let schema = json!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]});
    json!({"tools": [{"toolSpec": {"name": "get_weather", "inputSchema": {"json": schema}}}]})
}

fn thinking(mut body: Value) -> Value {
    body["additionalModelRequestFields"] = json!({"thinking": {"type": "enabled", "budget_tokens": 2048}});
    body
}

/// The blocks that the messages of a stream add up to.
fn collected(messages: &[(String, Value)]) -> Vec<Value> {
    let mut blocks: Vec<Value> = Vec::new();
    let mut inputs: Vec<String> = Vec::new();
    for (name, payload) in messages {
        let Some(index) = payload["contentBlockIndex"].as_u64() else { continue };
        if blocks.len() == index as usize {
            blocks.push(json!({}));
            inputs.push(String::new());
        }
        let block = &mut blocks[index as usize];
        if name == "contentBlockStart" {
            *block = payload["start"].clone();
        }
        let delta = &payload["delta"];
        let add = |to: &mut Value, more: &Value| {
            *to = format!("{}{}", to.as_str().unwrap_or_default(), more.as_str().unwrap()).into();
        };
        if delta["text"].is_string() {
            add(&mut block["text"], &delta["text"]);
        }
        let thought = &delta["reasoningContent"];
        for field in ["text", "signature"] {
            if thought[field].is_string() {
                add(&mut block["reasoningContent"]["reasoningText"][field], &thought[field]);
            }
        }
        if thought["redactedContent"].is_string() {
            block["reasoningContent"]["redactedContent"] = thought["redactedContent"].clone();
        }
        inputs[index as usize] += delta["toolUse"]["input"].as_str().unwrap_or_default();
        if name == "contentBlockStop" && block.get("toolUse").is_some() {
            block["toolUse"]["input"] = serde_json::from_str(&inputs[index as usize]).unwrap();
        }
    }
    blocks
}

#[tokio::test]
async fn whole_and_streamed_say_the_same() {
    for text in ["hello", "explain the weather in Paris and Rome", "please redact"] {
        let mut body = thinking(plain(text));
        body["toolConfig"] = weather();
        let whole = asked(&body).await;
        let messages = streamed(&body).await;
        assert_eq!(json!(collected(&messages)), whole["output"]["message"]["content"]);
        let names: Vec<&str> = messages.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!((names[0], &names[names.len() - 2..]), ("messageStart", &["messageStop", "metadata"][..]));
        let last = &messages[names.len() - 1].1;
        assert_eq!((&last["usage"], &last["metrics"]), (&whole["usage"], &whole["metrics"]));
        assert_eq!(messages[names.len() - 2].1["stopReason"], whole["stopReason"]);
        assert_eq!(
            names.iter().filter(|name| **name == "contentBlockStart").count(),
            if text.contains("Rome") { 2 } else { 0 }
        );
        let redacted = whole["output"]["message"]["content"][1]["reasoningContent"]["redactedContent"].is_string();
        assert_eq!(redacted, text.contains("redact"));
    }
}

#[tokio::test]
async fn usage_adds_up_and_points_are_cached() {
    let body = thinking(plain("hello"));
    let usage = asked(&body).await["usage"].clone();
    let count = |usage: &Value, name: &str| usage[name].as_u64().unwrap();
    assert_eq!(count(&usage, "totalTokens"), count(&usage, "inputTokens") + count(&usage, "outputTokens"));
    let provider = Provider::start(Settings::default()).await;
    let counted = called(&provider, "count-tokens", &json!({"input": {"converse": body}})).await.json();
    assert_eq!(counted["inputTokens"], usage["inputTokens"]);
    let messages = json!({"anthropic_version": "bedrock-2023-05-31", "max_tokens": 9, "messages": [{"role": "user", "content": "hello"}]});
    let within = json!({"input": {"invokeModel": {"body": BASE64.encode(messages.to_string())}}});
    assert_eq!(called(&provider, "count-tokens", &within).await.json()["inputTokens"], usage["inputTokens"]);
    let mut long = plain("and?");
    long["system"] = json!([{"text": "word ".repeat(1_500)}, {"cachePoint": {"type": "default", "ttl": "1h"}}]);
    let first = called(&provider, "converse", &long).await.json()["usage"].clone();
    assert_eq!(first["cacheDetails"], json!([{"inputTokens": 1_501, "ttl": "1h"}]));
    assert_eq!(count(&first, "totalTokens"), 1_501 + count(&first, "inputTokens") + count(&first, "outputTokens"));
    let again = called(&provider, "converse", &long).await.json()["usage"].clone();
    assert_eq!((count(&again, "cacheReadInputTokens"), count(&again, "cacheWriteInputTokens")), (1_501, 0));
}

fn with_history(body: &Value, assistant: &Value, results: &Value) -> Value {
    let mut body = body.clone();
    let messages = body["messages"].as_array_mut().unwrap();
    messages.push(json!({"role": "assistant", "content": assistant}));
    messages.push(json!({"role": "user", "content": results}));
    body
}

#[tokio::test]
async fn the_tool_loop_closes_and_signatures_are_checked() {
    let provider = Provider::start(Settings::default()).await;
    let mut body = thinking(plain("What is the weather in Paris and Rome?"));
    body["toolConfig"] = weather();
    let first = called(&provider, "converse", &body).await.json();
    assert_eq!(first["stopReason"], "tool_use");
    let blocks = first["output"]["message"]["content"].clone();
    let calls = [&blocks[1]["toolUse"], &blocks[2]["toolUse"]];
    assert_eq!(calls.map(|call| &call["input"]), [&json!({"city": "Paris"}), &json!({"city": "Rome"})]);
    let result = |at: usize, content: Value| json!({"toolResult": {"toolUseId": blocks[at]["toolUse"]["toolUseId"], "content": [content]}});
    let results = json!([result(1, json!({"text": "21 degrees"})), result(2, json!({"json": {"degrees": 25}}))]);
    let done = called(&provider, "converse", &with_history(&body, &blocks, &results)).await.json();
    let said = done["output"]["message"]["content"].as_array().unwrap().last().unwrap()["text"].as_str().unwrap();
    assert!(said.contains("21 degrees; {\"degrees\":25}"), "{done}");

    let refused = async |assistant: &Value, results: &Value| {
        let answer = called(&provider, "converse", &with_history(&body, assistant, results)).await;
        assert_eq!(answer.status, 400);
        assert!(answer.headers["x-amzn-errortype"].to_str().unwrap().starts_with("ValidationException:"));
        answer.json()["message"].as_str().unwrap().to_owned()
    };
    let mut other = blocks.clone();
    other[0]["reasoningContent"]["reasoningText"]["signature"] = "AAAA".into();
    assert!(refused(&other, &results).await.ends_with("Invalid `signature` in `thinking` block"));
    other[0]["reasoningContent"]["reasoningText"].as_object_mut().unwrap().shift_remove("signature");
    assert!(refused(&other, &results).await.contains("thinking.signature: Field required"));
    let unthought = json!([blocks[1], blocks[2]]);
    assert!(refused(&unthought, &results).await.contains("found `tool_use`"));
    let one = json!([result(1, json!({"text": "a"}))]);
    assert!(
        refused(&blocks, &one)
            .await
            .starts_with("Expected toolResult blocks at messages.2.content for the following Ids")
    );
    assert!(refused(&json!([{"text": "hm"}]), &one).await.starts_with("The number of toolResult blocks at messages.2"));
    let mut empty = results.clone();
    empty[0]["toolResult"]["content"] = json!([]);
    empty[0]["toolResult"]["status"] = "error".into();
    assert!(refused(&blocks, &empty).await.contains("cannot be empty when status value is error"));
    let mut bare = with_history(&body, &blocks, &results);
    bare.as_object_mut().unwrap().shift_remove("toolConfig");
    let answer = called(&provider, "converse", &bare).await;
    assert!(answer.text().contains("The toolConfig field must be defined"), "{}", answer.text());
}

#[tokio::test]
async fn limits_stops_and_structure() {
    let with = |text: &str, name: &str, value: Value| {
        let mut body = plain(text);
        body[name] = value;
        body
    };
    let short = asked(&with("hi", "inferenceConfig", json!({"maxTokens": 3}))).await;
    assert_eq!((short["stopReason"].as_str(), short["usage"]["outputTokens"].as_u64()), (Some("max_tokens"), Some(3)));
    let mut stop = with("echo: one STOP two", "inferenceConfig", json!({"stopSequences": ["STOP"]}));
    stop["additionalModelResponseFieldPaths"] = json!(["/stop_sequence", "/nothing"]);
    let stopped = asked(&stop).await;
    assert_eq!(stopped["output"]["message"]["content"], json!([{"text": "one "}]));
    assert_eq!(stopped["additionalModelResponseFields"], json!({"stop_sequence": "STOP"}));
    let schema = json!({"type": "object", "properties": {"score": {"type": "integer", "minimum": 3, "maximum": 5}}, "required": ["score"]});
    let format =
        json!({"type": "json_schema", "structure": {"jsonSchema": {"name": "s", "schema": schema.to_string()}}});
    let told = asked(&with("rate it", "outputConfig", json!({"textFormat": format}))).await;
    let text = told["output"]["message"]["content"][0]["text"].as_str().unwrap();
    jsonschema::validate(&schema, &serde_json::from_str(text).unwrap()).unwrap();
    for (field, value) in [
        ("reasoningConfig", json!({"type": "enabled", "maxReasoningEffort": "low"})),
        ("reasoning_effort", json!("low")),
    ] {
        let answer = asked(&with("hi", "additionalModelRequestFields", json!({field: value}))).await;
        assert!(answer["output"]["message"]["content"][0]["reasoningContent"].is_object(), "{answer}");
    }
}

#[tokio::test]
async fn mistakes_are_refused_in_the_words_of_the_vendor() {
    let provider = Provider::start(Settings::default()).await;
    let user = |block: Value| json!({"messages": [{"role": "user", "content": [{"text": "a"}, block]}]});
    let and = |name: &str, value: Value| {
        let mut body = plain("a");
        body[name] = value;
        body
    };
    let tool = |spec: Value| and("toolConfig", json!({"tools": [{"toolSpec": spec}]}));
    let wrong = [
        (
            json!({}),
            "1 validation error detected: Value null at 'messages' failed to satisfy constraint: Member must not be null",
        ),
        (json!({"messages": []}), "A conversation must start with a user message."),
        (
            json!({"messages": [{"role": "assistant", "content": [{"text": "a"}]}]}),
            "A conversation must start with a user message.",
        ),
        (
            json!({"messages": [{"role": "user", "content": [{"text": "a"}]}, {"role": "user", "content": [{"text": "b"}]}]}),
            "A conversation must alternate between user and assistant roles.",
        ),
        (
            json!({"messages": [{"role": "user", "content": []}]}),
            "The content field in the Message object at messages.0 is empty.",
        ),
        (json!({"messages": [{"role": "user", "content": "a"}]}), "STRING_VALUE can not be converted to List"),
        (user(json!({"text": ""})), "The text field in the ContentBlock object at messages.0.content.1 is blank."),
        (
            user(json!({})),
            "ContentBlock object at messages.0.content.1 must set one of the following keys: text, image,",
        ),
        (user(json!({"text": "a", "image": {}})), "ContentBlock object at messages.0.content.1 must set one of"),
        (
            user(json!({"type": "text"})),
            "Malformed input request: #/messages/0/content/1: extraneous key [type] is not permitted",
        ),
        (
            user(json!({"toolUse": {"toolUseId": "a", "name": "b", "input": {}}})),
            "The model returned the following errors: messages.0: `tool_use` blocks",
        ),
        (
            user(json!({"image": {"format": "tiff", "source": {"bytes": "AAAA"}}})),
            "1 validation error detected: Value 'tiff' at 'messages.1.member.content.2.member.image.format'",
        ),
        (
            user(json!({"document": {"name": "a.pdf", "format": "pdf", "source": {"bytes": "AAAA"}}})),
            "The document file name can only contain",
        ),
        (
            json!({"messages": [{"role": "user", "content": [{"document": {"name": "a", "format": "pdf", "source": {"bytes": "AAAA"}}}]}]}),
            "The Message object at messages.0 has a document and no text.",
        ),
        (and("modelId", json!("m")), "Malformed input request: #: extraneous key [modelId] is not permitted"),
        (
            and("inferenceConfig", json!({"temperature": 1.5})),
            "1 validation error detected: Value '1.5' at 'inferenceConfig.temperature' failed to satisfy constraint: Member must have value less than or equal to 1",
        ),
        (
            and("inferenceConfig", json!({"topK": 5})),
            "Malformed input request: #/inferenceConfig: extraneous key [topK]",
        ),
        (
            and("toolConfig", json!({"tools": []})),
            "1 validation error detected: Value at 'toolConfig.tools' failed to satisfy constraint: Member must have length greater than or equal to 1",
        ),
        (
            tool(json!({"name": "a.b", "inputSchema": {"json": {"type": "object"}}})),
            "1 validation error detected: Value at 'toolConfig.tools.1.member.toolSpec.name' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9_-]+",
        ),
        (
            tool(json!({"name": "a", "inputSchema": {"json": {}}})),
            "The value at toolConfig.tools.0.toolSpec.inputSchema.json.type must be one of the following: object.",
        ),
        (
            and("additionalModelRequestFields", json!({"seed": 1})),
            "Malformed input request: #: extraneous key [seed] is not permitted",
        ),
        (
            and("additionalModelRequestFields", json!({"thinking": {"type": "enabled", "budget_tokens": 5}})),
            "The model returned the following errors: thinking.enabled.budget_tokens: Input should be greater",
        ),
        (
            and(
                "outputConfig",
                json!({"textFormat": {"type": "json_schema", "structure": {"jsonSchema": {"schema": "{"}}}}),
            ),
            "The value at outputConfig.textFormat.structure.jsonSchema.schema",
        ),
    ];
    for (body, message) in wrong {
        for operation in ["converse", "converse-stream"] {
            let answer = called(&provider, operation, &body).await;
            assert_eq!(answer.status, 400, "{body}");
            let told = answer.json()["message"].as_str().unwrap().to_owned();
            assert!(told.starts_with(message), "{body}: {told}");
        }
    }
    assert_eq!(provider.post("/model/sim-1/nothing", "{}").await.status, 404);
}

#[tokio::test]
async fn messages_of_anthropic_are_spoken_within_invoke() {
    let provider = Provider::start(Settings::default()).await;
    let mut body = json!({"anthropic_version": "bedrock-2023-05-31", "max_tokens": 300, "messages": [{"role": "user", "content": "echo: on the line"}]});
    let whole = called(&provider, "invoke", &body).await.json();
    assert_eq!((&whole["type"], &whole["content"][0]["text"]), (&json!("message"), &json!("on the line")));
    let stream = called(&provider, "invoke-with-response-stream", &body).await;
    let events: Vec<Value> = stream
        .messages()
        .iter()
        .map(|(name, chunk)| {
            assert_eq!(name, "chunk");
            serde_json::from_slice(&BASE64.decode(chunk["bytes"].as_str().unwrap()).unwrap()).unwrap()
        })
        .collect();
    let text: String = events.iter().filter_map(|event| event["delta"]["text"].as_str()).collect();
    assert_eq!(text, "on the line");
    assert!(events.iter().all(|event| event["type"] != "ping"));
    let last = events.last().unwrap();
    assert_eq!(
        (&last["type"], &last["amazon-bedrock-invocationMetrics"]["outputTokenCount"]),
        (&json!("message_stop"), &whole["usage"]["output_tokens"])
    );
    body["model"] = "m".into();
    let refused = called(&provider, "invoke", &body).await;
    assert_eq!((refused.status, refused.json()), (400, json!({"message": "model: Extra inputs are not permitted"})));
    let unversioned = called(&provider, "invoke", &json!({"max_tokens": 5, "messages": []})).await;
    assert_eq!(unversioned.json()["message"], "anthropic_version: Field required");
}

#[tokio::test]
async fn faults_speak_the_dialect() {
    let provider = Provider::start(Settings::default()).await;
    let with = async |operation: &str, fault: &str| {
        let path = format!("/model/sim-1%3Ffault={fault}/{operation}");
        provider.post(&path, &plain("hi").to_string()).await
    };
    for (fault, status, kind) in [
        ("rate_limited:retry_after=2", 429, "ThrottlingException"),
        ("overloaded", 503, "ServiceUnavailableException"),
        ("server_error", 500, "InternalServerException"),
        ("bad_request", 400, "ValidationException"),
        ("unauthorized", 403, "UnrecognizedClientException"),
        ("not_found", 404, "ResourceNotFoundException"),
    ] {
        let answer = with("converse", fault).await;
        let told = answer.headers["x-amzn-errortype"].to_str().unwrap().split(':').next().unwrap().to_owned();
        assert_eq!((answer.status, told.as_str(), answer.json()["message"].is_string()), (status, kind, true));
    }
    let whole = with("converse-stream", "none").await.messages();
    let broken = with("converse-stream", "stream_error:after=3").await.messages();
    assert_eq!(broken[..3], whole[..3]);
    assert_eq!((broken.len(), broken[3].0.as_str()), (4, "serviceUnavailableException"));
    let half = with("converse-stream", "bad_json").await.messages();
    assert_eq!((half.len(), &half[1].1), (whole.len(), &Value::Null));
    let large = with("converse-stream", "oversized:bytes=100000:after=1").await;
    assert_eq!((large.messages().len(), large.body.len() > 100_000), (whole.len() + 1, true));
    assert!(with("converse-stream", "cut:after=2").await.error.is_some());
    assert_eq!(with("converse-stream", "clean_cut:after=2").await.messages(), whole[..2]);
}

#[tokio::test]
async fn keys_and_signatures_are_read() {
    let settings = Settings { require_key: Some("right".into()), ..Settings::default() };
    let provider = Provider::start(settings).await;
    let with = async |headers: &[(&str, &str)]| {
        provider.send("/model/sim-1/converse", headers, &plain("hi").to_string()).await
    };
    assert_eq!(with(&[("authorization", "Bearer right")]).await.status, 200);
    let signed =
        "AWS4-HMAC-SHA256 Credential=right/20260101/us-east-1/bedrock/aws4_request, SignedHeaders=host, Signature=00";
    assert_eq!(with(&[("authorization", signed)]).await.status, 200);
    let wrong = with(&[("authorization", "Bearer other")]).await;
    assert_eq!(
        (wrong.status, wrong.json()["message"].as_str().unwrap()),
        (403, "Authentication failed: Please make sure your API Key is valid.")
    );
    assert_eq!(with(&[]).await.json()["message"], "Missing Authentication Token");
}
