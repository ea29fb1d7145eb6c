//! Cohere.

use crate::client::{Answer, Provider};
use serde_json::{Value, json};
use switchtower_sim::Settings;

async fn posted(path: &str, body: &Value) -> Answer {
    Provider::start(Settings::default()).await.post(path, &body.to_string()).await
}

async fn asked(body: &Value) -> Value {
    let answer = posted("/v2/chat", body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

async fn streamed(body: &Value) -> Vec<Value> {
    let mut body = body.clone();
    body["stream"] = true.into();
    let answer = posted("/v2/chat", &body).await;
    assert!(answer.text().ends_with("data: [DONE]\n\n"), "{}", answer.text());
    answer.events()
}

fn plain(text: &str) -> Value {
    json!({"model": "sim-1", "messages": [{"role": "user", "content": text}]})
}

fn weather() -> Value {
    let parameters = json!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]});
    json!([{"type": "function", "function": {"name": "get_weather", "parameters": parameters}}])
}

/// The message that events add up to.
fn collected(events: &[Value]) -> Value {
    let mut message = json!({"role": "assistant"});
    let push = |to: &mut Value, item: &Value| match to.as_array_mut() {
        Some(list) => list.push(item.clone()),
        None => *to = json!([item]),
    };
    let add = |to: &mut Value, more: &Value| {
        *to = format!("{}{}", to.as_str().unwrap_or_default(), more.as_str().unwrap()).into();
    };
    for event in events {
        let delta = &event["delta"]["message"];
        let index = event["index"].as_u64().unwrap_or_default() as usize;
        match event["type"].as_str().unwrap() {
            "content-start" => push(&mut message["content"], &delta["content"]),
            "content-delta" => {
                for (field, more) in delta["content"].as_object().unwrap() {
                    add(&mut message["content"][index][field], more);
                }
            }
            "tool-plan-delta" => add(&mut message["tool_plan"], &delta["tool_plan"]),
            "tool-call-start" => push(&mut message["tool_calls"], &delta["tool_calls"]),
            "tool-call-delta" => {
                let more = &delta["tool_calls"]["function"]["arguments"];
                add(&mut message["tool_calls"][index]["function"]["arguments"], more);
            }
            _ => {}
        }
    }
    message
}

#[tokio::test]
async fn whole_and_streamed_say_the_same() {
    for text in ["hello", "explain the weather in Paris and Rome"] {
        for thinks in [false, true] {
            let mut body = plain(text);
            body["tools"] = weather();
            body["thinking"] = json!({"type": if thinks { "enabled" } else { "disabled" }});
            let whole = asked(&body).await;
            let mut events = streamed(&body).await;
            let kinds: Vec<String> = events.iter().map(|event| event["type"].as_str().unwrap().to_owned()).collect();
            assert_eq!((kinds[0].as_str(), kinds[kinds.len() - 1].as_str()), ("message-start", "message-end"));
            let end = events.pop().unwrap();
            assert_eq!(
                (&end["delta"]["finish_reason"], &end["delta"]["usage"]),
                (&whole["finish_reason"], &whole["usage"])
            );
            assert_eq!(collected(&events), whole["message"]);
            assert_eq!(whole["message"]["tool_plan"].is_string(), text.contains("explain"));
            assert_eq!(whole["message"]["content"][0]["type"] == "thinking", thinks);
        }
    }
}

#[tokio::test]
async fn usage_adds_up() {
    let mut body = plain("hello");
    body["thinking"] = json!({"type": "enabled", "token_budget": 100});
    let usage = asked(&body).await["usage"].clone();
    assert_eq!(usage["tokens"]["reasoning_tokens"], 16);
    assert_eq!(usage["billed_units"]["output_tokens"], usage["tokens"]["output_tokens"]);
    let provider = Provider::start(Settings::default()).await;
    let long = plain(&"word ".repeat(1_500)).to_string();
    assert_eq!(provider.post("/v2/chat", &long).await.json()["usage"]["cached_tokens"], 0);
    assert_eq!(provider.post("/v2/chat", &long).await.json()["usage"]["cached_tokens"], 1_408);
}

#[tokio::test]
async fn the_tool_loop_closes() {
    let mut body = plain("What is the weather in Paris and Rome?");
    body["tools"] = weather();
    let first = asked(&body).await;
    assert_eq!(first["finish_reason"], "TOOL_CALL");
    let calls = first["message"]["tool_calls"].clone();
    assert!(calls[0]["id"].as_str().unwrap().starts_with("get_weather_"));
    let result =
        |at: usize, content: Value| json!({"role": "tool", "tool_call_id": calls[at]["id"], "content": content});
    let document = json!([{"type": "document", "document": {"data": {"degrees": "25"}}}]);
    let with = |messages: &[Value]| {
        let mut body = body.clone();
        body["messages"].as_array_mut().unwrap().extend(messages.iter().cloned());
        body
    };
    let done = asked(&with(&[first["message"].clone(), result(0, json!("21 degrees")), result(1, document)])).await;
    let text = done["message"]["content"][0]["text"].as_str().unwrap();
    assert!(text.contains("21 degrees; {\"degrees\":\"25\"}"), "{text}");
    for (messages, told) in [
        (
            vec![first["message"].clone(), result(0, json!("a"))],
            "invalid request: messages with tool calls must be followed",
        ),
        (vec![result(0, json!("a"))], "invalid request: tool_call_id 'get_weather_"),
    ] {
        let answer = posted("/v2/chat", &with(&messages)).await;
        assert!(
            answer.status == 400 && answer.json()["message"].as_str().unwrap().starts_with(told),
            "{}",
            answer.text()
        );
    }
}

#[tokio::test]
async fn limits_stops_logprobs_and_structure() {
    let with = |text: &str, name: &str, value: Value| {
        let mut body = plain(text);
        body[name] = value;
        body
    };
    let short = asked(&with("hi", "max_tokens", json!(3))).await;
    assert_eq!(
        (short["finish_reason"].as_str(), short["usage"]["tokens"]["output_tokens"].as_u64()),
        (Some("MAX_TOKENS"), Some(3))
    );
    let stopped = asked(&with("echo: one STOP two", "stop_sequences", json!(["STOP"]))).await;
    assert_eq!(
        (&stopped["finish_reason"], &stopped["message"]["content"][0]["text"]),
        (&json!("STOP_SEQUENCE"), &json!("one "))
    );
    let body = with("hi", "logprobs", json!(true));
    let whole = asked(&body).await["logprobs"].clone();
    let pieces: Vec<Value> = streamed(&body).await.iter().filter_map(|event| event.get("logprobs").cloned()).collect();
    assert!(whole[0]["token_ids"].is_array() && json!(pieces) == whole);
    let schema = json!({"type": "object", "properties": {"score": {"type": "integer", "minimum": 3, "maximum": 5}}, "required": ["score"]});
    for name in ["json_schema", "schema"] {
        let told = asked(&with("rate it", "response_format", json!({"type": "json_object", name: schema}))).await;
        let text = told["message"]["content"][0]["text"].as_str().unwrap();
        jsonschema::validate(&schema, &serde_json::from_str(text).unwrap()).unwrap();
    }
}

#[tokio::test]
async fn mistakes_are_refused_in_the_words_of_the_vendor() {
    let and = |name: &str, value: Value| {
        let mut body = plain("a");
        body[name] = value;
        body
    };
    let user = |part: Value| json!({"model": "m", "messages": [{"role": "user", "content": [part]}]});
    let object = json!({"type": "json_object", "json_schema": {"type": "object", "properties": {}}});
    let mut both = and("tools", weather());
    both["response_format"] = json!({"type": "json_object"});
    let mut strict =
        and("tools", json!([{"type": "function", "function": {"name": "a", "parameters": {"type": "object"}}}]));
    strict["strict_tools"] = true.into();
    for (body, status, message) in [
        (and("nonsense", json!(1)), 422, "unknown field: parameter 'nonsense' is not a valid field. For proper usage"),
        (json!({"model": "m"}), 400, "invalid request: messages is a required field"),
        (json!({"model": "m", "messages": []}), 400, "invalid request: messages must not be empty"),
        (
            and("temperature", json!("hot")),
            400,
            "invalid type: parameter temperature is of type string but should be of type decimal",
        ),
        (and("p", json!(1)), 400, "invalid request: p must be less than or equal to 0.99"),
        (and("tool_choice", json!("AUTO")), 400, "invalid request: 'AUTO' is not a valid value for tool_choice"),
        (and("tool_choice", json!("REQUIRED")), 400, "invalid request: tool_choice cannot be REQUIRED"),
        (and("response_format", object), 400, "invalid request: invalid 'response_format.json_schema' provided"),
        (both, 400, "invalid request: response_format is not supported with documents or tools"),
        (strict, 400, "invalid request: tool 'a' must have at least one required parameter"),
        (
            user(json!({"type": "image_url", "image_url": {"url": "ftp://a"}})),
            400,
            "invalid request: image_url must be",
        ),
        (
            user(json!({"type": "document", "document": {"data": "a"}})),
            400,
            "invalid request: content of type 'document'",
        ),
        (
            user(json!({"type": "text", "text": "a", "cache_control": {}})),
            422,
            "unknown field: parameter 'cache_control'",
        ),
    ] {
        let answer = posted("/v2/chat", &body).await;
        let told = answer.json()["message"].as_str().unwrap().to_owned();
        assert!(answer.status == status && told.starts_with(message), "{body}: {}", answer.text());
        assert!(answer.json()["id"].is_string());
    }
}

#[tokio::test]
async fn texts_are_embedded_and_documents_ranked() {
    let mut body = json!({"model": "sim-embed", "input_type": "search_query", "texts": ["a", "b"], "embedding_types": ["float", "int8", "ubinary"], "output_dimension": 256});
    let answer = posted("/v2/embed", &body).await.json();
    let lengths = ["float", "int8", "ubinary"].map(|kind| answer["embeddings"][kind][1].as_array().unwrap().len());
    assert_eq!(
        (lengths, &answer["texts"], &answer["meta"]["billed_units"]["input_tokens"]),
        ([256, 256, 32], &json!(["a", "b"]), &json!(2))
    );
    assert!(answer["embeddings"]["int8"][0][0].is_i64());
    body["texts"] = (0..97).map(|number| number.to_string()).collect();
    assert_eq!(posted("/v2/embed", &body).await.status, 400);
    let mut body =
        json!({"model": "m", "query": "what is a panda", "documents": ["hi", "a panda is a bear"], "top_n": 1});
    let answer = posted("/v2/rerank", &body).await.json();
    assert_eq!(
        (&answer["results"][0]["index"], &answer["meta"]["billed_units"]["search_units"]),
        (&json!(1), &json!(1))
    );
    body["return_documents"] = true.into();
    assert_eq!(posted("/v2/rerank", &body).await.status, 422);
}

#[tokio::test]
async fn faults_speak_the_dialect() {
    let provider = Provider::start(Settings::default()).await;
    let with = async |streaming: bool, fault: &str| {
        let mut body = plain("hi");
        body["stream"] = streaming.into();
        provider.send("/v2/chat", &[("x-sim-fault", fault)], &body.to_string()).await
    };
    for (fault, status) in
        [("rate_limited", 429), ("overloaded", 503), ("server_error", 500), ("unauthorized", 401), ("not_found", 404)]
    {
        let answer = with(false, fault).await;
        assert_eq!((answer.status, answer.json()["message"].is_string()), (status, true));
    }
    let broken = with(true, "stream_error:after=2").await;
    let last = broken.events().pop().unwrap();
    assert_eq!((&last["type"], &last["delta"]["finish_reason"]), (&json!("message-end"), &json!("ERROR")));
    assert!(last["delta"]["error"].is_string() && !broken.text().contains("[DONE]"));
}
