//! Answers from a folder of recordings.

use crate::client::Provider;
use serde_json::json;
use switchtower_sim::Settings;

#[tokio::test]
async fn a_recording_is_answered_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let recorded = "data: {\"a\":1}\n\ndata: [DONE]\n\n";
    let exchange = json!({
        "source": "by hand", "index": 0, "licence": "Apache-2.0", "provider": "openai", "api": "openai.chat", "dialect": "openai.chat",
        "fidelity": "wire", "streaming": true, "features": [],
        "request": {"method": "POST", "url": "https://api.openai.com/v1/chat/completions", "headers": {},
            "body": {"model": "m", "stream": true, "messages": [{"role": "user", "content": "hi"}]}},
        "response": {"status": 200, "headers": {"content-type": "text/event-stream", "x-request-id": "req_1", "content-length": "9"},
            "body_text": recorded},
    });
    std::fs::create_dir(folder.path().join("inner")).unwrap();
    std::fs::write(folder.path().join("inner/one.json"), exchange.to_string()).unwrap();
    let settings = Settings { replay: Some(folder.path().into()), replay_only: true, ..Settings::default() };
    let provider = Provider::start(settings.clone()).await;
    let other_order = r#"{"messages": [{"content": "hi", "role": "user"}], "stream": true, "model": "m"}"#;
    let answer = provider.post("/v1/chat/completions", other_order).await;
    assert_eq!(
        (answer.status, answer.text(), answer.headers["x-request-id"].to_str().unwrap()),
        (200, recorded, "req_1")
    );
    let cut = provider.send("/v1/chat/completions", &[("x-sim-fault", "clean_cut:after=1")], other_order).await;
    assert_eq!(cut.text(), "data: {\"a\":1}\n\n");

    let different = other_order.replace("true", "false");
    let missing = provider.post("/v1/chat/completions", &different).await;
    assert_eq!((missing.status, missing.json()["error"]["code"].as_str().unwrap()), (404, "no_recording"));
    let generous = Provider::start(Settings { replay_only: false, ..settings }).await;
    assert_eq!(generous.post("/v1/chat/completions", &different).await.status, 200);
}

#[tokio::test]
async fn a_recording_is_found_in_the_form_that_was_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let events = "data: {\"a\": 1}\r\n\r\ndata: {\"a\": 2}\r\n\r\n";
    let array = "[{\"a\": 1}\n,\r\n{\"a\": 2}]";
    let host = "https://generativelanguage.googleapis.com/v1beta/models/m:streamGenerateContent";
    for (name, query, media_type, body) in
        [("one", "?alt=sse", "text/event-stream", events), ("two", "", "application/json; charset=UTF-8", array)]
    {
        let exchange = json!({
            "source": "by hand", "index": 0, "licence": "Apache-2.0", "provider": "google_ai_studio",
            "api": "google_ai_studio.streamGenerateContent", "dialect": "gemini.streamGenerateContent",
            "fidelity": "wire", "streaming": true, "features": [],
            "request": {"method": "POST", "url": format!("{host}{query}"), "headers": {}, "body": {"contents": []}},
            "response": {"status": 200, "headers": {"content-type": media_type}, "body_text": body},
        });
        std::fs::write(folder.path().join(format!("{name}.json")), exchange.to_string()).unwrap();
    }
    let settings = Settings { replay: Some(folder.path().into()), replay_only: true, ..Settings::default() };
    let provider = Provider::start(settings).await;
    let path = "/v1beta/models/m:streamGenerateContent";
    let asked =
        async |path: &str, fault: &str| provider.send(path, &[("x-sim-fault", fault)], r#"{"contents": []}"#).await;
    assert_eq!(asked(&format!("{path}?key=k&alt=sse"), "none").await.text(), events);
    assert_eq!(asked(path, "none").await.text(), array);
    assert_eq!(asked(&format!("{path}?alt=sse"), "clean_cut:after=1").await.text(), "data: {\"a\": 1}\r\n\r\n");
    let missing = asked("/v1beta/models/other:streamGenerateContent?alt=sse", "none").await;
    assert_eq!((missing.status, missing.json()["error"]["status"].as_str().unwrap()), (404, "NOT_FOUND"));
}
