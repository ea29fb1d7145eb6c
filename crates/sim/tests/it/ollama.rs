//! Ollama.

use crate::client::{Answer, Provider};
use serde_json::{Value, json};
use switchtower_sim::Settings;

async fn posted(path: &str, body: &Value) -> Answer {
    Provider::start(Settings::default()).await.post(path, &body.to_string()).await
}

async fn asked(path: &str, body: &Value) -> Value {
    let mut body = body.clone();
    body["stream"] = false.into();
    let answer = posted(path, &body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

/// The lines of an answer, which are a stream unless it is said otherwise.
async fn streamed(path: &str, body: &Value) -> Vec<Value> {
    let answer = posted(path, body).await;
    assert_eq!(answer.headers["content-type"], "application/x-ndjson");
    lines(&answer)
}

fn lines(answer: &Answer) -> Vec<Value> {
    answer.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn plain(text: &str) -> Value {
    json!({"model": "sim-1", "messages": [{"role": "user", "content": text}]})
}

fn weather() -> Value {
    let parameters = json!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]});
    json!([{"type": "function", "function": {"name": "get_weather", "parameters": parameters}}])
}

fn joined(lines: &[Value], field: &str) -> String {
    lines.iter().filter_map(|line| line["message"][field].as_str()).collect()
}

#[tokio::test]
async fn whole_and_streamed_say_the_same() {
    for text in ["hello", "explain the weather in Paris and Rome"] {
        let mut body = plain(text);
        body["tools"] = weather();
        body["think"] = "low".into();
        let whole = asked("/api/chat", &body).await;
        let lines = streamed("/api/chat", &body).await;
        assert_eq!(joined(&lines, "content"), whole["message"]["content"].as_str().unwrap());
        assert_eq!(joined(&lines, "thinking"), whole["message"]["thinking"].as_str().unwrap());
        let calls = lines.iter().filter_map(|line| line["message"]["tool_calls"].as_array()).flatten();
        let calls: Vec<&Value> = calls.collect();
        assert_eq!(calls.len(), if text.contains("Rome") { 2 } else { 0 });
        assert!(calls.is_empty() || json!(calls) == whole["message"]["tool_calls"]);
        let (last, before) = lines.split_last().unwrap();
        assert!(before.iter().all(|line| line["done"] == false && line.get("done_reason").is_none()));
        for field in ["done", "done_reason", "prompt_eval_count", "eval_count", "total_duration", "created_at"] {
            assert_eq!(last[field], whole[field], "{field}");
        }
    }
}

#[tokio::test]
async fn the_tool_loop_closes() {
    let mut body = plain("What is the weather in Paris?");
    body["tools"] = weather();
    let first = asked("/api/chat", &body).await["message"].clone();
    assert_eq!(first["tool_calls"][0]["function"]["arguments"], json!({"city": "Paris"}));
    let messages = body["messages"].as_array_mut().unwrap();
    messages.extend([first, json!({"role": "tool", "tool_name": "get_weather", "content": "21 degrees"})]);
    let done = asked("/api/chat", &body).await;
    assert!(done["message"]["content"].as_str().unwrap().contains("21 degrees"), "{done}");
}

#[tokio::test]
async fn limits_stops_logprobs_structure_and_loading() {
    let with = |text: &str, name: &str, value: Value| {
        let mut body = plain(text);
        body[name] = value;
        body
    };
    let short = asked("/api/chat", &with("hi", "options", json!({"num_predict": 3}))).await;
    assert_eq!((&short["done_reason"], &short["eval_count"]), (&json!("length"), &json!(3)));
    let stopped = asked("/api/chat", &with("echo: one STOP two", "options", json!({"stop": ["STOP"]}))).await;
    assert_eq!(stopped["message"]["content"], "one ");
    let schema = json!({"type": "object", "properties": {"score": {"type": "integer", "minimum": 3, "maximum": 5}}, "required": ["score"]});
    let told = asked("/api/chat", &with("rate it", "format", schema.clone())).await;
    let text = told["message"]["content"].as_str().unwrap();
    jsonschema::validate(&schema, &serde_json::from_str(text).unwrap()).unwrap();
    let mut body = with("hi", "logprobs", json!(true));
    body["top_logprobs"] = 2.into();
    let whole = asked("/api/chat", &body).await["logprobs"].clone();
    let lines = streamed("/api/chat", &body).await;
    let pieces: Vec<&Value> = lines.iter().filter_map(|line| line["logprobs"].get(0)).collect();
    assert_eq!((json!(pieces), whole[0]["top_logprobs"].as_array().unwrap().len()), (whole, 2));
    let loaded = asked("/api/chat", &json!({"model": "sim-1", "messages": []})).await;
    assert_eq!((&loaded["done_reason"], &loaded["message"]["content"]), (&json!("load"), &json!("")));
}

#[tokio::test]
async fn mistakes_are_refused_in_the_words_of_the_vendor() {
    let and = |name: &str, value: Value| {
        let mut body = plain("a");
        body[name] = value;
        body
    };
    let said = |message: Value| json!({"model": "m", "messages": [message]});
    for (body, message) in [
        (json!({"messages": []}), "model is required"),
        (
            and("stream", json!("no")),
            "json: cannot unmarshal string into Go struct field ChatRequest.stream of type bool",
        ),
        (and("options", json!({"temperature": "hot"})), "option \"temperature\" must be of type float32"),
        (and("options", json!({"num_predict": 1.5})), "option \"num_predict\" must be of type integer"),
        (and("format", json!("xml")), "invalid format: \"xml\"; expected \"json\" or a valid JSON Schema object"),
        (and("think", json!("hard")), "invalid think value: \"hard\""),
        (said(json!({"role": "developer", "content": "a"})), "invalid messages.role: \"developer\", must be one of"),
        (
            said(json!({"role": "user", "content": [{"type": "text", "text": "a"}]})),
            "json: cannot unmarshal array into Go struct field ChatRequest.messages.content of type string",
        ),
        (said(json!({"role": "user", "content": "a", "images": ["https://a"]})), "illegal base64 data in images[0]"),
        (
            said(json!({"role": "assistant", "tool_calls": [{"function": {"name": "a", "arguments": "{}"}}]})),
            "json: cannot unmarshal string into Go struct field ChatRequest.messages.tool_calls.function.arguments",
        ),
    ] {
        let answer = posted("/api/chat", &body).await;
        let told = answer.json()["error"].as_str().unwrap().to_owned();
        assert!(answer.status == 400 && told.starts_with(message), "{body}: {told}");
    }
    assert_eq!(posted("/api/chat", &and("nonsense", json!(1))).await.status, 200, "what is not known is passed over");
}

#[tokio::test]
async fn texts_are_continued_and_embedded_and_models_listed() {
    let body = json!({"model": "sim-1", "prompt": "Once upon", "think": true, "options": {"num_predict": 40}});
    let whole = asked("/api/generate", &body).await;
    let lines = streamed("/api/generate", &body).await;
    let text: String = lines.iter().filter_map(|line| line["response"].as_str()).collect();
    let thought: String = lines.iter().filter_map(|line| line["thinking"].as_str()).collect();
    assert_eq!((json!(text), json!(thought)), (whole["response"].clone(), whole["thinking"].clone()));
    assert_eq!((&whole["eval_count"], lines.last().unwrap()["context"].is_array()), (&json!(40), true));
    let answer =
        posted("/api/embed", &json!({"model": "sim-embed", "input": ["a", "b"], "dimensions": 16})).await.json();
    assert_eq!((answer["embeddings"][1].as_array().unwrap().len(), &answer["prompt_eval_count"]), (16, &json!(2)));
    let listed = Provider::start(Settings::default()).await.get("/api/tags", &[]).await.json();
    assert_eq!(listed["models"][0]["model"], "sim-1");
}

#[tokio::test]
async fn faults_speak_the_dialect() {
    let provider = Provider::start(Settings::default()).await;
    let with =
        async |fault: &str| provider.send("/api/chat", &[("x-sim-fault", fault)], &plain("hi").to_string()).await;
    for (fault, status) in [("rate_limited", 429), ("overloaded", 503), ("server_error", 500), ("not_found", 404)] {
        let answer = with(fault).await;
        assert_eq!((answer.status, answer.json()["error"].is_string()), (status, true));
    }
    let broken = lines(&with("stream_error:after=2").await);
    assert_eq!((broken.len(), broken[2]["error"].is_string()), (3, true));
    assert!(with("cut:after=2").await.error.is_some());
    let half = with("bad_json").await;
    assert!(half.text().lines().any(|line| !line.is_empty() && serde_json::from_str::<Value>(line).is_err()));
}
