//! Each fault as a client sees it.

use crate::client::{Answer, Provider};
use http::Method;
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use switchtower_sim::Settings;

const VERSION: (&str, &str) = ("anthropic-version", "2023-06-01");

fn chat(streaming: bool) -> String {
    json!({"model": "sim-1", "stream": streaming, "messages": [{"role": "user", "content": "hi"}]}).to_string()
}

async fn openai(fault: &str, streaming: bool) -> Result<Answer, String> {
    let provider = Provider::start(Settings::default()).await;
    provider.request(Method::POST, "/v1/chat/completions", &[("x-sim-fault", fault)], &chat(streaming)).await
}

async fn streamed(fault: &str) -> Answer {
    openai(fault, true).await.unwrap()
}

#[tokio::test]
async fn statuses() {
    let provider = Provider::start(Settings::default()).await;
    let message =
        json!({"model": "sim-1", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}).to_string();
    for (fault, of_openai, of_anthropic, kind) in [
        ("rate_limited:retry_after=2", 429, 429, "rate_limit_error"),
        ("overloaded", 503, 529, "overloaded_error"),
        ("server_error", 500, 500, "api_error"),
        ("bad_request", 400, 400, "invalid_request_error"),
        ("unauthorized", 401, 401, "authentication_error"),
        ("not_found", 404, 404, "not_found_error"),
    ] {
        let answer = openai(fault, false).await.unwrap();
        assert_eq!(answer.status, of_openai, "{fault}");
        assert!(answer.json()["error"]["message"].is_string());
        assert_eq!(answer.headers.get("retry-after").is_some_and(|seconds| seconds == "2"), fault.contains('2'));
        let answer = provider.send("/v1/messages", &[VERSION, ("x-sim-fault", fault)], &message).await;
        assert_eq!((answer.status, answer.json()["error"]["type"].as_str().unwrap()), (of_anthropic, kind));
    }
    let page = openai("html", false).await.unwrap();
    assert_eq!((page.status, page.headers["content-type"].to_str().unwrap()), (502, "text/html"));
}

#[tokio::test]
async fn ends_in_the_middle() {
    let whole = streamed("").await;
    let cut = streamed("cut:after=3").await;
    assert_eq!(cut.events(), whole.events()[..3]);
    assert!(cut.error.is_some(), "the chunked body lacks its end");
    let clean = streamed("clean_cut:after=3").await;
    assert_eq!((clean.events(), clean.error), (whole.events()[..3].to_vec(), None));
    let reset = streamed("reset:after=2").await;
    assert!(reset.error.unwrap().to_lowercase().contains("reset"));
    assert!(openai("reset", true).await.err().unwrap().to_lowercase().contains("reset"));
    assert!(openai("cut:after=2", false).await.unwrap().error.is_some());
}

#[tokio::test]
async fn bytes_that_do_not_belong() {
    let garbage = streamed("garbage:after=1").await;
    assert!(String::from_utf8_lossy(&garbage.body).contains("<<not an event>>"));
    let oversized = streamed("oversized:bytes=100000:after=1").await;
    assert!(oversized.body.split(|byte| *byte == b'\n').any(|line| line.len() > 99_000));
    let half = streamed("bad_json").await;
    let whole = streamed("").await;
    assert_eq!(half.events().len() + 1, whole.events().len());
    let truncated = openai("bad_json", false).await.unwrap();
    assert!(truncated.error.is_none() && serde_json::from_slice::<Value>(&truncated.body).is_err());
    let error = streamed("stream_error:after=2").await;
    assert!(error.events().last().unwrap()["error"]["message"].is_string() && !error.text().contains("[DONE]"));
    assert_eq!(openai("stream_error", false).await.unwrap().status, 500);
}

#[tokio::test]
async fn waits() {
    let start = Instant::now();
    streamed("slow_headers:ms=60").await;
    assert!(start.elapsed() >= Duration::from_millis(60));
    let stalled = tokio::time::timeout(Duration::from_millis(80), streamed("stall:after=1")).await;
    assert!(stalled.is_err());
    let provider = Provider::start(Settings::default()).await;
    let start = Instant::now();
    let slow = [("x-sim-latency-ms", "30"), ("x-sim-tokens-per-second", "1000"), ("x-sim-output-tokens", "31")];
    provider.send("/v1/chat/completions", &slow, &chat(true)).await;
    assert!(start.elapsed() >= Duration::from_millis(60), "{:?}", start.elapsed());
}

#[tokio::test]
async fn scripts_rates_and_model_names() {
    let script = "2 overloaded\nmodel=bad-model html".parse().unwrap();
    let provider = Provider::start(Settings { fault_script: script, ..Settings::default() }).await;
    let status = async |body: &str| provider.post("/v1/chat/completions", body).await.status;
    assert_eq!((status(&chat(false)).await, status(&chat(false)).await, status(&chat(false)).await), (200, 503, 200));
    assert_eq!(status(&chat(false).replace("sim-1", "bad-model")).await, 502);
    assert_eq!(status(&chat(false).replace("sim-1", "bad-model?fault=none")).await, 200);
    assert_eq!(status(&chat(false).replace("sim-1", "sim-1?fault=not_found")).await, 404);
    assert_eq!(status(&chat(false).replace("sim-1", "sim-1?fault=nonsense")).await, 400);

    let rates = vec!["overloaded@0.3".parse().unwrap()];
    let outcomes = async || {
        let provider = Provider::start(Settings { fault_rates: rates.clone(), ..Settings::default() }).await;
        let mut outcomes = Vec::new();
        for _ in 0..40 {
            outcomes.push(provider.post("/v1/chat/completions", &chat(false)).await.status);
        }
        outcomes
    };
    let first = outcomes().await;
    assert_eq!(first, outcomes().await);
    assert!((4..24).contains(&first.iter().filter(|status| **status == 503).count()));
}
