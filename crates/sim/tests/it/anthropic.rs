//! Messages.

use crate::client::{Answer, Provider};
use serde_json::{Value, json};
use switchtower_sim::Settings;

const VERSION: (&str, &str) = ("anthropic-version", "2023-06-01");

async fn messages(provider: &Provider, body: &Value) -> Answer {
    provider.send("/v1/messages", &[VERSION], &body.to_string()).await
}

async fn asked(body: Value) -> Answer {
    messages(&Provider::start(Settings::default()).await, &body).await
}

fn weather() -> Value {
    json!({"name": "get_weather", "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}})
}

fn plain(text: &str) -> Value {
    json!({"model": "sim-1", "max_tokens": 4096, "messages": [{"role": "user", "content": text}]})
}

/// The content blocks that a stream adds up to.
fn collected(events: &[Value]) -> Vec<Value> {
    let mut blocks: Vec<Value> = Vec::new();
    let mut inputs: Vec<String> = Vec::new();
    for event in events {
        let index = event["index"].as_u64().unwrap_or(0) as usize;
        match event["type"].as_str().unwrap() {
            "content_block_start" => {
                assert_eq!(index, blocks.len());
                blocks.push(event["content_block"].clone());
                inputs.push(String::new());
            }
            "content_block_delta" => {
                let delta = &event["delta"];
                for field in ["text", "thinking", "signature"] {
                    if let Some(piece) = delta[field].as_str() {
                        let joined = format!("{}{piece}", blocks[index][field].as_str().unwrap());
                        blocks[index][field] = joined.into();
                    }
                }
                inputs[index].push_str(delta["partial_json"].as_str().unwrap_or_default());
            }
            "content_block_stop" if !inputs[index].is_empty() => {
                blocks[index]["input"] = serde_json::from_str(&inputs[index]).unwrap();
            }
            _ => {}
        }
    }
    blocks
}

#[tokio::test]
async fn whole_and_streamed_say_the_same() {
    for text in ["hello", "redact that", "explain the weather in Paris and Rome"] {
        let mut body = plain(text);
        body["thinking"] = json!({"type": "enabled", "budget_tokens": 1024});
        body["tools"] = json!([weather()]);
        let whole = asked(body.clone()).await.json();
        body["stream"] = true.into();
        let answer = asked(body).await;
        let events = answer.events();
        let kinds: Vec<_> = events.iter().map(|event| event["type"].as_str().unwrap().to_owned()).collect();
        assert!(answer.text().lines().filter_map(|line| line.strip_prefix("event: ")).eq(kinds.iter()));
        assert_eq!(kinds[..3], ["message_start", "content_block_start", "ping"]);
        assert_eq!(kinds[kinds.len() - 2..], ["message_delta", "message_stop"]);
        assert_eq!(json!(collected(&events)), whole["content"]);
        let end = &events[events.len() - 2];
        assert_eq!((&end["delta"]["stop_reason"], &end["usage"]), (&whole["stop_reason"], &whole["usage"]));
        assert_eq!(text.contains("redact"), whole["content"].to_string().contains("redacted_thinking"));
    }
}

#[tokio::test]
async fn the_tool_loop_closes_and_signatures_are_checked() {
    let provider = Provider::start(Settings::default()).await;
    let mut body = plain("How is the weather in Paris?");
    body["thinking"] = json!({"type": "enabled", "budget_tokens": 1024});
    body["tools"] = json!([weather()]);
    let first = messages(&provider, &body).await.json();
    assert_eq!(first["stop_reason"], "tool_use");
    let call = first["content"].as_array().unwrap().iter().find(|block| block["type"] == "tool_use").unwrap().clone();
    assert_eq!(call["input"], json!({"city": "Paris"}));
    let result = json!({"type": "tool_result", "tool_use_id": call["id"], "content": "21 degrees"});

    let with_history = |assistant: Value, user: Value| {
        let mut body = body.clone();
        let list = body["messages"].as_array_mut().unwrap();
        list.push(json!({"role": "assistant", "content": assistant}));
        list.push(json!({"role": "user", "content": user}));
        body
    };
    let done = messages(&provider, &with_history(first["content"].clone(), json!([result]))).await.json();
    assert!(done["content"].to_string().contains("21 degrees"), "{done}");

    let mut forged = first["content"].clone();
    forged[0]["signature"] = "AAAA".into();
    let refused = async |body: Value| {
        let answer = messages(&provider, &body).await;
        assert_eq!(answer.status, 400);
        answer.json()["error"]["message"].as_str().unwrap().to_owned()
    };
    assert!(refused(with_history(forged, json!([result]))).await.contains("Invalid `signature` in `thinking` block"));
    assert!(refused(with_history(json!([call]), json!([result]))).await.contains("must start with a thinking block"));
    assert!(refused(with_history(first["content"].clone(), json!("and?"))).await.contains("without `tool_result`"));
    let stray = json!([{"type": "tool_result", "tool_use_id": "toolu_other", "content": "x"}]);
    assert!(refused(with_history(json!("hm"), stray)).await.contains("unexpected `tool_use_id`"));
}

#[tokio::test]
async fn structured_output_limits_and_stops() {
    let schema = json!({"type": "object", "properties": {"ok": {"type": "boolean"}}, "required": ["ok"], "additionalProperties": false});
    let mut body = plain("is it?");
    body["output_config"] = json!({"format": {"type": "json_schema", "schema": schema}});
    let answer = asked(body).await.json();
    jsonschema::validate(&schema, &serde_json::from_str(answer["content"][0]["text"].as_str().unwrap()).unwrap())
        .unwrap();

    let mut body = plain("hi");
    body["max_tokens"] = 3.into();
    let short = asked(body).await.json();
    assert_eq!((&short["stop_reason"], &short["usage"]["output_tokens"]), (&json!("max_tokens"), &json!(3)));
    let mut body = plain("echo: one STOP two");
    body["stop_sequences"] = json!(["STOP"]);
    let stopped = asked(body).await.json();
    assert_eq!((&stopped["stop_sequence"], &stopped["content"][0]["text"]), (&json!("STOP"), &json!("one ")));
}

#[tokio::test]
async fn marked_prefixes_are_written_then_read() {
    let provider = Provider::start(Settings::default()).await;
    let mut body = plain("hi");
    body["system"] =
        json!([{"type": "text", "text": "word ".repeat(1_500), "cache_control": {"type": "ephemeral", "ttl": "1h"}}]);
    let first = messages(&provider, &body).await.json()["usage"].clone();
    assert_eq!(
        (&first["cache_creation"]["ephemeral_1h_input_tokens"], &first["cache_read_input_tokens"]),
        (&json!(1_501), &json!(0))
    );
    let second = messages(&provider, &body).await.json()["usage"].clone();
    assert_eq!(
        (&second["cache_creation_input_tokens"], &second["cache_read_input_tokens"]),
        (&json!(0), &json!(1_501))
    );
    assert_eq!(first["input_tokens"], second["input_tokens"]);
    let counted = provider
        .send(
            "/v1/messages/count_tokens",
            &[VERSION],
            &json!({"model": "sim-1", "system": body["system"], "messages": body["messages"]}).to_string(),
        )
        .await;
    assert_eq!(counted.json()["input_tokens"].as_u64().unwrap(), 1_501 + second["input_tokens"].as_u64().unwrap());
}

#[tokio::test]
async fn mistakes_are_refused_in_the_words_of_the_vendor() {
    let provider = Provider::start(Settings::default()).await;
    let image =
        |source: Value| json!({"messages": [{"role": "user", "content": [{"type": "image", "source": source}]}]});
    let wrong = [
        (json!({"max_tokens": null}), "max_tokens: Field required"),
        (json!({"colour": 1}), "colour: Extra inputs are not permitted"),
        (json!({"temperature": 1.5}), "temperature: Input should be less than or equal to 1"),
        (json!({"messages": []}), "messages: at least one message is required"),
        (
            json!({"messages": [{"role": "system", "content": "x"}]}),
            "messages.0.role: Input should be one of 'user', 'assistant'",
        ),
        (
            json!({"messages": [{"role": "user", "content": ""}]}),
            "messages.0: all messages must have non-empty content",
        ),
        (
            json!({"thinking": {"type": "enabled", "budget_tokens": 9}}),
            "thinking.enabled.budget_tokens: Input should be greater",
        ),
        (json!({"thinking": {"type": "enabled", "budget_tokens": 9000}}), "`max_tokens` must be greater than"),
        (json!({"tools": [{"name": "f", "input_schema": {}}]}), "tools.0.custom.input_schema.type: Field required"),
        (json!({"tool_choice": {"type": "any"}}), "tool_choice: tool_choice may only be specified"),
        (
            image(json!({"type": "base64", "media_type": "image/png", "data": "$"})),
            "messages.0.content.0.image.source.base64.data: Invalid base64",
        ),
        (
            image(json!({"type": "base64", "media_type": "image/tiff", "data": "AAAA"})),
            "messages.0.content.0.image.source.base64.media_type",
        ),
    ];
    for (change, message) in wrong {
        let mut body = plain("hi");
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let answer = messages(&provider, &body).await;
        let error = answer.json();
        assert_eq!((answer.status, error["error"]["type"].as_str()), (400, Some("invalid_request_error")), "{error}");
        assert!(error["error"]["message"].as_str().unwrap().starts_with(message), "{error}");
        assert_eq!(error["request_id"], answer.headers["request-id"].to_str().unwrap());
    }
    let headless = provider.post("/v1/messages", &plain("hi").to_string()).await;
    assert_eq!(headless.json()["error"]["message"], "anthropic-version: header is required");
}

#[tokio::test]
async fn a_version_decides_what_is_taken() {
    let provider = Provider::start(Settings::default()).await;
    let ask = async |version: &str, more: Value| {
        let mut body = plain("echo: hello");
        let fields = more.as_object().unwrap().clone();
        body.as_object_mut().unwrap().extend(fields);
        let headers = [("anthropic-version", version)];
        provider.send("/v1/messages", &headers, &body.to_string()).await
    };
    assert_eq!(ask("2023-06-01", json!({"temperature": 1})).await.status, 200);
    assert_eq!(ask("2026-10-21", json!({})).await.status, 200);
    assert_eq!(ask("2020-01-01", json!({})).await.status, 400);
    let document = json!({"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "a"}});
    let cited = json!({"type": "text", "text": "a", "citations": [{"type": "char_location", "cited_text": "a", "document_index": 0, "document_title": null, "start_char_index": 0, "end_char_index": 1}]});
    for refused in [
        json!({"temperature": 1}),
        json!({"top_p": 1}),
        json!({"top_k": 5}),
        json!({"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": [document]}]}),
        json!({"messages": [{"role": "user", "content": [cited]}]}),
    ] {
        assert_eq!(ask("2026-10-21", refused.clone()).await.status, 400, "{refused}");
    }
}
