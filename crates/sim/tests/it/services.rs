//! Rankings, completions of text and moderations; embeddings are beside Chat Completions.

use crate::client::Provider;
use serde_json::{Value, json};
use switchtower_sim::Settings;

async fn asked(path: &str, body: &Value) -> (u16, Value) {
    let answer = Provider::start(Settings::default()).await.post(path, &body.to_string()).await;
    (answer.status, answer.json())
}

async fn streamed(path: &str, body: &Value) -> Vec<Value> {
    let answer = Provider::start(Settings::default()).await.post(path, &body.to_string()).await;
    assert!(answer.text().ends_with("data: [DONE]\n\n"), "{}", answer.text());
    answer.events()
}

#[tokio::test]
async fn documents_come_by_the_words_they_share_with_the_question() {
    let body = json!({"model": "sim-1", "query": "what is a panda", "top_n": 2, "return_documents": true,
        "documents": ["hi", "a panda is a bear", {"text": "what is it"}]});
    let (status, answer) = asked("/v1/rerank", &body).await;
    assert_eq!(status, 200);
    let indices: Vec<&Value> = answer["results"].as_array().unwrap().iter().map(|result| &result["index"]).collect();
    assert_eq!(indices, [1, 2]);
    assert_eq!(answer["results"][0]["document"]["text"], "a panda is a bear");
    assert!(answer["usage"]["total_tokens"].as_u64().unwrap() > 5);
}

#[tokio::test]
async fn requests_are_checked() {
    for (path, body, param) in [
        ("/v1/rerank", json!({"model": "m", "query": "q", "documents": []}), "documents"),
        ("/v1/rerank", json!({"model": "m", "query": "q", "documents": ["a", {"x": 1}]}), "documents[1].text"),
        ("/v1/rerank", json!({"model": "m", "query": "q", "documents": ["a"], "top_k": 1}), "top_k"),
        ("/v1/completions", json!({"model": "m"}), "prompt"),
        ("/v1/completions", json!({"model": "m", "prompt": ["a", 1]}), "prompt[1]"),
        ("/v1/completions", json!({"model": "m", "prompt": "a", "logprobs": 6}), "logprobs"),
        ("/v1/fim/completions", json!({"model": "m", "prompt": ["a"]}), "prompt"),
        ("/v1/moderations", json!({"input": [{"type": "image_url"}]}), "input[0].image_url.url"),
        ("/v1/embeddings", json!({"model": "m", "input": "a", "input_type": "query"}), "input_type"),
    ] {
        let (status, answer) = asked(path, &body).await;
        let told = format!("{}{}", answer["error"]["param"], answer["error"]["message"]);
        assert!(status == 400 && told.contains(param), "{path}: {answer}");
    }
}

#[tokio::test]
async fn completions_whole_and_streamed_say_the_same() {
    let mut body =
        json!({"model": "sim-1", "prompt": ["Once upon", [1, 2, 3]], "n": 2, "max_tokens": 9, "suffix": "the end"});
    let (_, whole) = asked("/v1/completions", &body).await;
    assert_eq!(whole["choices"].as_array().unwrap().len(), 4);
    assert_eq!(whole["usage"]["completion_tokens"], 36);
    body["stream"] = true.into();
    body["stream_options"] = json!({"include_usage": true});
    let events = streamed("/v1/completions", &body).await;
    for index in 0..4 {
        let choices = events.iter().flat_map(|event| event["choices"].as_array().unwrap());
        let text: String =
            choices.filter(|choice| choice["index"] == index).filter_map(|choice| choice["text"].as_str()).collect();
        assert_eq!(whole["choices"][index]["text"], text);
        assert_eq!(whole["choices"][index]["finish_reason"], "length");
    }
    assert_eq!(events.last().unwrap()["usage"], whole["usage"]);
}

#[tokio::test]
async fn a_prompt_is_echoed_and_stopped() {
    let body = json!({"model": "sim-1", "prompt": "echo: one two three", "stop": " three", "echo": true});
    let (_, answer) = asked("/v1/completions", &body).await;
    assert_eq!(answer["choices"][0]["text"], "echo: one two threeone two");
    assert_eq!(answer["choices"][0]["finish_reason"], "stop");
}

#[tokio::test]
async fn a_gap_is_filled_in_the_form_of_a_conversation() {
    let mut body = json!({"model": "sim-1", "prompt": "def fib(n):", "suffix": "return n"});
    let (_, whole) = asked("/v1/fim/completions", &body).await;
    let text = whole["choices"][0]["message"]["content"].as_str().unwrap();
    assert!(!text.is_empty());
    body["stream"] = true.into();
    let events = streamed("/v1/fim/completions", &body).await;
    let told: String = events.iter().filter_map(|event| event["choices"][0]["delta"]["content"].as_str()).collect();
    assert_eq!(told, text);
    assert_eq!(events.last().unwrap()["usage"], whole["usage"]);
}

#[tokio::test]
async fn content_is_flagged_by_its_words() {
    let (_, answer) = asked("/v1/moderations", &json!({"input": ["have a great day", "I will kill time"]})).await;
    assert_eq!((&answer["results"][0]["flagged"], &answer["results"][1]["flagged"]), (&json!(false), &json!(true)));
    assert_eq!(answer["results"][1]["categories"]["violence"], true);
    assert_eq!(answer["model"], "omni-moderation-latest");
}

#[tokio::test]
async fn faults_act_on_services_too() {
    let provider = Provider::start(Settings::default()).await;
    let body = json!({"model": "sim-1", "prompt": "a", "stream": true}).to_string();
    let cut = provider.send("/v1/completions", &[("x-sim-fault", "cut:after=2")], &body).await;
    assert!(cut.error.is_some() && !cut.text().contains("[DONE]"));
    let body = json!({"model": "sim-1", "input": "a"}).to_string();
    let limited = provider.send("/v1/embeddings", &[("x-sim-fault", "rate_limited:retry_after=2")], &body).await;
    assert_eq!((limited.status, &limited.headers["retry-after"]), (429, &"2".parse().unwrap()));
}
