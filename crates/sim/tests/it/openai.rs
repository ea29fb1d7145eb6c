//! Chat Completions and Embeddings.

use crate::client::{Answer, Provider};
use base64::Engine as _;
use serde_json::{Value, json};
use switchtower_sim::Settings;

async fn chat(provider: &Provider, body: &Value) -> Answer {
    provider.post("/v1/chat/completions", &body.to_string()).await
}

async fn asked(body: Value) -> Answer {
    chat(&Provider::start(Settings::default()).await, &body).await
}

fn weather() -> Value {
    let parameters = json!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]});
    json!({"type": "function", "function": {"name": "get_weather", "parameters": parameters}})
}

fn user(text: &str) -> Value {
    json!([{"role": "user", "content": text}])
}

#[tokio::test]
async fn whole_and_streamed_say_the_same() {
    let body = json!({"model": "sim-1", "messages": user("hello"), "reasoning_effort": "low", "n": 2});
    let whole = asked(body.clone()).await.json();
    let mut streamed = body;
    streamed["stream"] = true.into();
    streamed["stream_options"] = json!({"include_usage": true});
    let answer = asked(streamed).await;
    assert!(answer.text().ends_with("data: [DONE]\n\n"));
    let events = answer.events();
    assert_eq!(events[0]["choices"][0]["delta"]["role"], "assistant");
    for index in 0..2 {
        for field in ["content", "reasoning_content"] {
            let deltas = events.iter().flat_map(|event| event["choices"].as_array().unwrap());
            let joined: String = deltas
                .filter(|choice| choice["index"] == index)
                .filter_map(|choice| choice["delta"][field].as_str())
                .collect();
            assert_eq!(whole["choices"][index]["message"][field], joined);
        }
    }
    let last = events.last().unwrap();
    assert_eq!((last["choices"].clone(), &last["usage"]), (json!([]), &whole["usage"]));
    assert_eq!(whole["usage"]["completion_tokens_details"]["reasoning_tokens"], 32);
    assert_eq!((&last["id"], &last["created"]), (&whole["id"], &whole["created"]));
}

#[tokio::test]
async fn the_tool_loop_closes() {
    let mut body = json!({"model": "sim-1", "messages": user("How is the weather in Paris?"), "tools": [weather()]});
    let whole = asked(body.clone()).await.json();
    let choice = &whole["choices"][0];
    assert_eq!((&choice["finish_reason"], &choice["message"]["content"]), (&json!("tool_calls"), &Value::Null));
    let call = choice["message"]["tool_calls"][0].clone();
    assert_eq!(call["function"]["arguments"], r#"{"city":"Paris"}"#);

    body["stream"] = true.into();
    let events = asked(body.clone()).await.events();
    let pieces = events
        .iter()
        .filter_map(|event| event["choices"][0]["delta"]["tool_calls"][0]["function"]["arguments"].as_str());
    let pieces: Vec<_> = pieces.collect();
    assert!(pieces.len() > 2);
    assert_eq!(pieces.concat(), r#"{"city":"Paris"}"#);

    let messages = body["messages"].as_array_mut().unwrap();
    messages.push(json!({"role": "assistant", "content": null, "tool_calls": [call.clone()]}));
    let unanswered = asked(json!({"model": "sim-1", "messages": messages})).await;
    assert_eq!(unanswered.status, 400);
    messages.push(json!({"role": "tool", "tool_call_id": call["id"], "content": "21 degrees"}));
    let done = asked(json!({"model": "sim-1", "messages": messages, "tools": [weather()]})).await.json();
    assert!(done["choices"][0]["message"]["content"].as_str().unwrap().contains("21 degrees"));
    assert_eq!(done["choices"][0]["finish_reason"], "stop");
}

#[tokio::test]
async fn structured_output_fits() {
    let schema = json!({"type": "object", "properties": {"score": {"type": "integer", "minimum": 3, "maximum": 5}}, "required": ["score"], "additionalProperties": false});
    let format = json!({"type": "json_schema", "json_schema": {"name": "score", "strict": true, "schema": schema}});
    let answer = asked(json!({"model": "sim-1", "messages": user("rate it"), "response_format": format})).await.json();
    let made: Value = serde_json::from_str(answer["choices"][0]["message"]["content"].as_str().unwrap()).unwrap();
    jsonschema::validate(&schema, &made).unwrap();
}

#[tokio::test]
async fn limits_stops_and_logprobs() {
    let short =
        asked(json!({"model": "sim-1", "messages": user("hi"), "max_tokens": 4, "logprobs": true, "top_logprobs": 2}))
            .await
            .json();
    let choice = &short["choices"][0];
    assert_eq!((&choice["finish_reason"], &short["usage"]["completion_tokens"]), (&json!("length"), &json!(4)));
    assert_eq!(choice["logprobs"]["content"].as_array().unwrap().len(), 4);
    assert_eq!(choice["logprobs"]["content"][0]["top_logprobs"].as_array().unwrap().len(), 2);
    let exact = asked(json!({"model": "sim-1?output_tokens=200", "messages": user("hi")})).await.json();
    assert_eq!(
        (&exact["usage"]["completion_tokens"], &exact["model"]),
        (&json!(200), &json!("sim-1?output_tokens=200"))
    );
}

#[tokio::test]
async fn the_cache_reports_its_hits() {
    let provider = Provider::start(Settings::default()).await;
    let long = "word ".repeat(1_500);
    let body =
        json!({"model": "sim-1", "messages": [{"role": "system", "content": long}, {"role": "user", "content": "hi"}]});
    let cached = |answer: Answer| answer.json()["usage"]["prompt_tokens_details"]["cached_tokens"].as_u64().unwrap();
    assert_eq!(cached(chat(&provider, &body).await), 0);
    let hit = cached(chat(&provider, &body).await);
    assert!(hit >= 1_408 && hit % 128 == 0, "{hit}");
}

#[tokio::test]
async fn mistakes_are_refused_in_the_words_of_the_vendor() {
    let provider = Provider::start(Settings::default()).await;
    let valid = json!({"model": "sim-1", "messages": user("hi")});
    let wrong = [
        (json!({"messages": []}), "empty_array", "messages"),
        (json!({"messages": null}), "missing_required_parameter", "messages"),
        (json!({"temperature": 3}), "decimal_above_max_value", "temperature"),
        (json!({"temperature": "hot"}), "invalid_type", "temperature"),
        (json!({"n": 0}), "integer_below_min_value", "n"),
        (json!({"messages": [{"role": "robot", "content": "x"}]}), "invalid_value", "messages[0].role"),
        (json!({"messages": [{"role": "user", "content": "x", "mood": 1}]}), "unknown_parameter", "messages[0].mood"),
        (
            json!({"tools": [{"type": "function", "function": {"name": "a b"}}]}),
            "invalid_value",
            "tools[0].function.name",
        ),
    ];
    for (change, code, param) in wrong {
        let mut body = valid.clone();
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let answer = chat(&provider, &body).await;
        let error = answer.json()["error"].clone();
        assert_eq!(
            (answer.status, error["code"].as_str(), error["param"].as_str()),
            (400, Some(code), Some(param)),
            "{error}"
        );
    }
    let refused = async |change: Value| {
        let mut body = valid.clone();
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let answer = chat(&provider, &body).await;
        assert_eq!(answer.status, 400);
        answer.json()["error"]["message"].as_str().unwrap().to_owned()
    };
    assert_eq!(refused(json!({"colour": 1})).await, "Unrecognized request argument supplied: colour");
    assert!(
        refused(json!({"messages": [{"role": "tool", "tool_call_id": "x", "content": "y"}]}))
            .await
            .contains("preceeding message")
    );
    let image = |url: &str| json!({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": url}}]}]});
    assert!(refused(image("ftp://x/y.png")).await.contains("valid URL"));
    assert!(refused(image("data:image/png;base64,$$")).await.contains("base64"));
    let open = json!({"type": "function", "function": {"name": "f", "strict": true, "parameters": {"type": "object", "properties": {}}}});
    assert!(refused(json!({"tools": [open]})).await.contains("'additionalProperties' is required"));
    assert_eq!(provider.send("/v1/chat/completions", &[("content-type", "text/plain")], "{}").await.status, 415);
    assert_eq!(provider.post("/v1/chat/completions", "{\"model\"").await.status, 400);
}

#[tokio::test]
async fn embeddings_are_units_in_both_encodings() {
    let provider = Provider::start(Settings::default()).await;
    let body = json!({"model": "sim-embed", "input": ["a", "b"], "dimensions": 8});
    let answer = provider.post("/v1/embeddings", &body.to_string()).await.json();
    let vector: Vec<f64> = serde_json::from_value(answer["data"][1]["embedding"].clone()).unwrap();
    assert_eq!(vector.len(), 8);
    assert!((vector.iter().map(|number| number * number).sum::<f64>() - 1.0).abs() < 1e-5);
    let packed = json!({"model": "sim-embed", "input": ["a", "b"], "dimensions": 8, "encoding_format": "base64"});
    let packed = provider.post("/v1/embeddings", &packed.to_string()).await.json();
    let bytes =
        base64::engine::general_purpose::STANDARD.decode(packed["data"][1]["embedding"].as_str().unwrap()).unwrap();
    let unpacked: Vec<f64> = bytes.chunks(4).map(|four| f32::from_le_bytes(four.try_into().unwrap()).into()).collect();
    assert!(vector.iter().zip(&unpacked).all(|(a, b)| (a - b).abs() < 1e-6));
}
