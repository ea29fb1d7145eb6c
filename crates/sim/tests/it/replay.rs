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
