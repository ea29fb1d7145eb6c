//! Tokens are counted for every client at every provider: by the provider where it counts, by an estimate elsewhere.

use crate::*;
use serde_json::json;

const COUNT: &str = "/v1/messages/count_tokens";

fn body(model: &str) -> String {
    json!({"model": model, "system": "Be brief.", "messages": [{"role": "user", "content": "hi"}],
        "tools": [{"name": "look", "input_schema": {"type": "object"}}]})
    .to_string()
}

#[tokio::test]
async fn a_provider_counts_in_the_dialect_in_which_it_can() {
    let (gateway, provider) = gateway_with(
        Script::json(200, r#"{"input_tokens":5,"totalTokens":5}"#),
        keyless(),
        vec![provider("google", "google")],
    );
    let sent = |number: usize| -> Value { serde_json::from_str(&provider.bodies()[number]).unwrap() };
    // Its own dialect.
    assert_eq!(json(gateway.handle(post(COUNT, &body("messages"))).await).await["input_tokens"], 5);
    assert_eq!(provider.addresses()[0], "https://messages-vendor.example/v1/messages/count_tokens");
    // OpenAI counts in Responses, Google in Gemini, whoever asks.
    assert_eq!(json(gateway.handle(post(COUNT, &body("chat"))).await).await, json!({"input_tokens": 5}));
    assert_eq!(provider.addresses()[1], "https://chat-vendor.example/v1/responses/input_tokens");
    let responses = sent(1);
    assert_eq!((&responses["model"], &responses["instructions"]), (&json!("gpt-x"), &json!("Be brief.")));
    assert!(["store", "max_output_tokens", "stream"].iter().all(|field| responses.get(field).is_none()), "{responses}");
    assert_eq!(json(gateway.handle(post(COUNT, &body("by-google"))).await).await, json!({"input_tokens": 5}));
    assert_eq!(provider.addresses()[2], "https://google.example/v1/models/m:countTokens");
    assert_eq!(sent(2)["generateContentRequest"]["model"], "models/m");
    // And the other way round, in the client's own words.
    let gemini = json!({"contents": [{"role": "user", "parts": [{"text": "hi"}]}]});
    let whole = json!({"generateContentRequest": gemini});
    for asked in [&gemini, &whole] {
        let told = gateway.handle(post("/v1beta/models/messages:countTokens", &asked.to_string())).await;
        assert_eq!(json(told).await, json!({"totalTokens": 5}));
    }
    let expected = json!({"model": "claude-x", "messages": [{"role": "user", "content": "hi"}]});
    assert_eq!([sent(3), sent(4)], [expected.clone(), expected]);
    let told = gateway.handle(post("/v1/responses/input_tokens", r#"{"model":"messages","input":"hi"}"#)).await;
    assert_eq!(json(told).await, json!({"object": "response.input_tokens", "input_tokens": 5}));
}

#[tokio::test]
async fn where_nobody_counts_an_estimate_says_whose_it_is() {
    let others = vec![provider("groq", "groq")];
    let (gateway, provider) = gateway_with(Script::Unreachable, keyless(), others);
    let told = gateway.handle(post(COUNT, &body("groq/llama-3.3-70b"))).await;
    assert_eq!(told.headers()["x-switchtower-estimated-by"], "llama3");
    assert_eq!(told.headers()["x-switchtower-deployment"], "groq/llama-3.3-70b");
    let tokens = json(told).await["input_tokens"].as_u64().unwrap();
    assert!((15..40).contains(&tokens), "{tokens}");
    let image = json!({"type": "image", "source": {"type": "url", "url": "https://a.example/a.png"}});
    let unheard =
        json!({"model": "by-groq", "messages": [{"role": "user", "content": [image, {"type": "text", "text": "hi"}]}]});
    let told = gateway.handle(post(COUNT, &unheard.to_string())).await;
    assert_eq!(told.headers()["x-switchtower-estimated-by"], "o200k_base; not the model's own");
    assert_eq!(told.headers()["x-switchtower-notices"], "messages[0].content[0];meaning");
    let wrong = gateway.handle(post(COUNT, r#"{"model":"by-groq","messages":7}"#)).await;
    assert_eq!(wrong.status(), 400);
    assert!(provider.bodies().is_empty());
}

#[tokio::test]
async fn what_a_model_is_invoked_with_is_counted_in_the_words_of_whoever_counts() {
    use base64::Engine as _;
    let (gateway, provider) = gateway_with(
        Script::json(200, r#"{"input_tokens":5,"inputTokens":5}"#),
        keyless(),
        vec![crate::provider("bed", "bedrock")],
    );
    let invoked = |body: &Value| {
        let body = base64::engine::general_purpose::STANDARD.encode(body.to_string());
        json!({"input": {"invokeModel": {"body": body}}}).to_string()
    };
    let messages = json!({"anthropic_version": "bedrock-2023-05-31", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]});
    let nova = json!({"schemaVersion": "messages-v1", "messages": [{"role": "user", "content": [{"text": "hi"}]}]});
    for (body, content) in [(&messages, json!("hi")), (&nova, json!([{"type": "text", "text": "hi"}]))] {
        let asked = invoked(body);
        // Bedrock is asked as the caller asked.
        let told = gateway.handle(post("/model/by-bed/count-tokens", &asked)).await;
        assert_eq!(json(told).await["inputTokens"], 5);
        assert_eq!(provider.bodies().last().unwrap(), &asked);
        // Others are asked in their own words.
        let told = gateway.handle(post("/model/messages/count-tokens", &asked)).await;
        assert_eq!(json(told).await, json!({"inputTokens": 5}));
        let sent: Value = serde_json::from_str(provider.bodies().last().unwrap()).unwrap();
        let user = json!({"role": "user", "content": content});
        assert!(sent["messages"] == json!([user]) || sent["messages"][0]["content"] == "hi", "{sent}");
        assert!(sent.get("max_tokens").is_none() && sent.get("anthropic_version").is_none(), "{sent}");
    }
    let titan = gateway.handle(post("/model/messages/count-tokens", &invoked(&json!({"inputText": "hi"})))).await;
    assert_eq!(titan.status(), 400);
}
