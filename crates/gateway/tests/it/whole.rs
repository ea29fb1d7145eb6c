//! Whole answers: forwarded, translated, listed, refused.

use crate::scripted::Script;
use crate::*;
use serde_json::json;

#[tokio::test]
async fn only_the_model_changes_on_the_way() {
    let (gateway, provider) = gateway(Script::json(200, CHAT_ANSWER).with("x-request-id", "req_9"));
    let response = gateway.handle(with(post(CHAT, CHAT_REQUEST), "authorization", "Bearer callers-own")).await;
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["x-switchtower-deployment"], "chat");
    assert_eq!(response.headers()["x-switchtower-provider-request-id"], "req_9");
    assert!(!response.headers().contains_key("x-switchtower-notices"));
    assert_eq!(text(response).await, CHAT_ANSWER);
    assert_eq!(provider.bodies(), [CHAT_REQUEST.replace("\"smart\"", "\"gpt-x\"")]);
    assert_eq!(provider.addresses(), ["https://chat-vendor.example/v1/chat/completions"]);
    assert_eq!(provider.headers()["authorization"], format!("Bearer {KEY}"));
    assert!(!format!("{:?}", provider.headers()).contains(KEY));
}

#[tokio::test]
async fn the_callers_key_is_forwarded_only_where_that_is_said() {
    let (gateway, provider) = gateway_with(Script::json(200, CHAT_ANSWER), keyless(), vec![callers_own()]);
    let body = CHAT_REQUEST.replace("smart", "by-own");
    gateway.handle(with(post(CHAT, &body), "x-api-key", "callers-own")).await;
    assert_eq!(provider.headers()["authorization"], "Bearer callers-own");
    let refused = gateway.handle(post(CHAT, &body)).await;
    assert_eq!(refused.status(), 401);
}

#[tokio::test]
async fn chat_completions_are_answered_by_a_provider_of_messages() {
    let (gateway, provider) = gateway(Script::json(200, MESSAGES_ANSWER).with("request-id", "req_m"));
    let body = r#"{"model":"messages","messages":[{"role":"system","content":"be brief"},{"role":"user","content":"hi"}],"frequency_penalty":1}"#;
    let response = gateway.handle(post(CHAT, body)).await;
    assert_eq!(response.headers()["x-switchtower-notices"], "frequency_penalty;meaning, max_completion_tokens;hint");
    assert_eq!(response.headers()["x-switchtower-provider-request-id"], "req_m");
    let answer = json(response).await;
    assert_eq!(answer["choices"][0]["message"]["content"], "hello");
    assert_eq!(answer["model"], "claude-x-1");
    let sent: Value = serde_json::from_str(&provider.bodies()[0]).unwrap();
    assert_eq!(sent["model"], "claude-x");
    assert_eq!(sent["max_tokens"], 8192);
    assert_eq!(provider.headers()["x-api-key"], KEY);
    assert_eq!(provider.headers()["anthropic-version"], "2023-06-01");
}

#[tokio::test]
async fn messages_are_answered_by_a_provider_of_chat_completions() {
    let (gateway, provider) = gateway(Script::json(200, CHAT_ANSWER));
    let response = gateway.handle(post(MESSAGES, &MESSAGES_REQUEST.replace("\"messages\",", "\"chat\","))).await;
    assert_eq!(response.status(), 200);
    assert!(response.headers().contains_key("request-id"));
    let answer = json(response).await;
    assert_eq!(answer["content"][0]["text"], "hello");
    assert_eq!(answer["usage"]["input_tokens"], 3);
    let sent: Value = serde_json::from_str(&provider.bodies()[0]).unwrap();
    assert_eq!(sent["model"], "gpt-x");
}

#[tokio::test]
async fn a_strict_caller_is_refused_before_the_provider_hears_of_it() {
    let (gateway, provider) = gateway(Script::json(200, MESSAGES_ANSWER));
    let body = r#"{"model":"messages","messages":[{"role":"user","content":"hi"}],"frequency_penalty":1}"#;
    let response = gateway.handle(with(post(CHAT, body), "x-switchtower-strict", "true")).await;
    assert_eq!(response.status(), 400);
    let error = json(response).await;
    assert_eq!(error["error"]["code"], "untranslatable");
    assert_eq!(error["error"]["param"], "frequency_penalty");
    assert!(provider.bodies().is_empty());
    let mut settings = keyless();
    settings.strict = true;
    let (gateway, _) = gateway_with(Script::json(200, MESSAGES_ANSWER), settings, Vec::new());
    assert_eq!(gateway.handle(post(CHAT, body)).await.status(), 400);
}

#[tokio::test]
async fn a_provider_is_not_asked_to_keep_anything() {
    let (gateway, provider) = gateway(Script::json(200, CHAT_ANSWER));
    let body = r#"{"model":"chat","messages":[],"store":true,"x":[ 1 ]}"#;
    let response = gateway.handle(post(CHAT, body)).await;
    assert_eq!(response.headers()["x-switchtower-notices"], "store;meaning");
    assert_eq!(provider.bodies()[0], r#"{"model":"gpt-x","messages":[],"store":false,"x":[ 1 ]}"#);
    let refused = gateway.handle(with(post(CHAT, body), "x-switchtower-strict", "true")).await;
    assert_eq!(json(refused).await["error"]["code"], "retention_refused");

    let mut keeping = provider_that_may_keep();
    keeping.retention = switchtower_providers::RetentionPolicy::Allow;
    let (gateway, provider) = gateway_with(Script::json(200, CHAT_ANSWER), keyless(), vec![keeping]);
    gateway.handle(post(CHAT, &body.replace("chat", "by-keeping"))).await;
    assert!(provider.bodies()[0].contains("\"store\":true"));
}

#[tokio::test]
async fn what_leaves_under_another_name_is_not_kept_either() {
    let renaming = || {
        let mut renaming = provider_that_may_keep();
        let renamed = [("store", "keep"), ("x", "store"), ("user", "prompt_cache_retention")];
        renaming.main.variant.renamed =
            renamed.into_iter().map(|(from, to)| (from.to_owned(), to.to_owned())).collect();
        renaming.main.variant.developer_role = false;
        renaming
    };
    let (gateway, provider) = gateway_with(Script::json(200, CHAT_ANSWER), keyless(), vec![renaming()]);
    let body = r#"{"model":"by-keeping","messages":[],"store":true,"user":"24h","seed":1}"#;
    let response = gateway.handle(post(CHAT, body)).await;
    assert_eq!(response.headers()["x-switchtower-notices"], "store;meaning, user;meaning");
    assert_eq!(provider.bodies()[0], r#"{"model":"m","messages":[],"seed":1}"#);
    let body = r#"{"model":"by-keeping","messages":[],"x":true}"#;
    gateway.handle(post(CHAT, body)).await;
    assert_eq!(provider.bodies()[1], r#"{"model":"m","messages":[]}"#);
    let harmless = r#"{"model":"by-keeping","messages":[],"store":false}"#;
    gateway.handle(post(CHAT, harmless)).await;
    assert_eq!(provider.bodies()[2], r#"{"model":"m","messages":[],"keep":false}"#);
    let refused = gateway.handle(with(post(CHAT, body), "x-switchtower-strict", "true")).await;
    let error = json(refused).await;
    assert_eq!((&error["error"]["code"], &error["error"]["param"]), (&json!("retention_refused"), &json!("x")));

    // Where the body is written anew, by a role that the vendor does not know or from another dialect.
    let rewritten = r#"{"model":"by-keeping","messages":[{"role":"developer","content":"a"},{"role":"user","content":"hi"}],"store":true,"user":"24h"}"#;
    let response = gateway.handle(post(CHAT, rewritten)).await;
    assert_eq!(response.headers()["x-switchtower-notices"], "store;meaning, prompt_cache_retention;meaning");
    let sent: Value = serde_json::from_str(&provider.bodies()[3]).unwrap();
    assert_eq!((sent.get("prompt_cache_retention"), &sent["keep"]), (None, &json!(false)));
    let translated = r#"{"model":"by-keeping","max_tokens":9,"messages":[{"role":"user","content":"hi"}],"metadata":{"user_id":"24h"}}"#;
    let response = gateway.handle(post(MESSAGES, translated)).await;
    let notices = response.headers()["x-switchtower-notices"].to_str().unwrap();
    assert!(notices.starts_with("prompt_cache_retention;meaning"), "{notices}");
    assert!(!provider.bodies()[4].contains("24h"));
    let refused = gateway.handle(with(post(MESSAGES, translated), "x-switchtower-strict", "true")).await;
    assert_eq!(refused.status(), 400);
    assert_eq!(provider.bodies().len(), 5);
}

fn provider_that_may_keep() -> Provider {
    provider("keeping", "openai")
}

#[tokio::test]
async fn a_vendors_quirks_are_kept_to() {
    let (gateway, sent) = gateway_with(Script::json(200, CHAT_ANSWER), keyless(), vec![provider("m", "mistral")]);
    let body =
        r#"{"model":"by-m","messages":[{"role":"user","content":"hi"}],"seed":7,"logit_bias":{"1":2},"user":"u"}"#;
    let response = gateway.handle(post(CHAT, body)).await;
    assert_eq!(response.headers()["x-switchtower-notices"], "logit_bias;meaning, user;hint");
    assert_eq!(sent.bodies()[0], r#"{"model":"m","messages":[{"role":"user","content":"hi"}],"random_seed":7}"#);
    // A role that the vendor does not know takes more than a splice.
    let body = r#"{"model":"by-m","messages":[{"role":"developer","content":"be brief"},{"role":"user","content":"hi"}],"seed":7}"#;
    assert_eq!(gateway.handle(post(CHAT, body)).await.status(), 200);
    let sent: Value = serde_json::from_str(&sent.bodies()[1]).unwrap();
    assert_eq!(sent["messages"][0]["role"], "system");
    assert_eq!(sent["random_seed"], 7);
}

#[tokio::test]
async fn an_unknown_model_is_answered_in_the_dialect_with_near_names() {
    let (gateway, provider) = gateway(Script::Unreachable);
    let response = gateway.handle(post(CHAT, r#"{"model":"smrat","messages":[]}"#)).await;
    assert_eq!(response.status(), 404);
    let error = json(response).await;
    assert_eq!(error["error"]["code"], "model_not_found");
    assert!(error["error"]["message"].as_str().unwrap().contains("smart"), "{error}");
    let error =
        json(gateway.handle(post(MESSAGES, &MESSAGES_REQUEST.replace("\"messages\",", "\"mesages\","))).await).await;
    assert_eq!(error["error"]["type"], "not_found_error");
    assert!(provider.bodies().is_empty());
    let huge = format!(r#"{{"model":"{}","messages":[]}}"#, "m".repeat(1 << 20));
    assert_eq!(gateway.handle(post(CHAT, &huge)).await.status(), 404);
}

#[tokio::test]
async fn any_model_of_a_provider_can_be_asked_for() {
    let (gateway, provider) = gateway(Script::json(200, CHAT_ANSWER));
    let response = gateway.handle(post(CHAT, r#"{"model":"chat-vendor/ft:gpt-4:acme","messages":[]}"#)).await;
    assert_eq!(response.headers()["x-switchtower-deployment"], "chat-vendor/ft:gpt-4:acme");
    assert_eq!(provider.bodies()[0], r#"{"model":"ft:gpt-4:acme","messages":[]}"#);
}

#[tokio::test]
async fn models_are_listed_in_each_dialect() {
    let (gateway, _) = gateway(Script::Unreachable);
    let get =
        |path: &str| Request::get(path).header("host", "127.0.0.1:8080").body(Full::<bytes::Bytes>::default()).unwrap();
    let list = json(gateway.handle(get("/v1/models")).await).await;
    assert_eq!(list["object"], "list");
    assert_eq!(list["data"][0]["id"], "chat");
    let list = json(gateway.handle(with(get("/v1/models"), "anthropic-version", "2023-06-01")).await).await;
    assert_eq!(list["has_more"], false);
    let one = json(gateway.handle(get("/v1/models/chat-vendor/x")).await).await;
    assert_eq!((one["id"].as_str(), one["object"].as_str()), (Some("chat-vendor/x"), Some("model")));
    assert_eq!(gateway.handle(get("/v1/models/nobody")).await.status(), 404);
    let list = json(gateway.handle(get("/v1beta/models")).await).await;
    let one = json(gateway.handle(get("/v1beta/models/chat-vendor/x")).await).await;
    assert_eq!(one["name"], "models/chat-vendor/x");
    assert!(list["models"].as_array().is_some_and(|models| models.iter().all(|model| model["name"].is_string())));
    assert_eq!(text(gateway.handle(get("/healthz")).await).await, "ok\n");
}

#[tokio::test]
async fn other_places_are_answered_clearly() {
    let (gateway, _) = gateway(Script::Unreachable);
    let response = gateway.handle(post("/v1/files", "{}")).await;
    assert_eq!(response.status(), 501);
    assert!(text(response).await.contains("/v1/chat/completions"));
    assert_eq!(gateway.handle(post("/nowhere", "{}")).await.status(), 404);
    let mut get = post(CHAT, "");
    *get.method_mut() = http::Method::GET;
    let response = gateway.handle(get).await;
    assert_eq!(
        (response.status().as_u16(), &response.headers()["allow"]),
        (405, &http::HeaderValue::from_static("POST"))
    );
}

#[tokio::test]
async fn callers_present_their_key_in_either_header() {
    let key = switchtower_gateway::CallerKey::new("team", &switchtower_domain::Secret::new("k1"));
    let settings = Settings::new(Access::keys(vec![key]).unwrap());
    let (gateway, provider) = gateway_with(Script::json(200, CHAT_ANSWER), settings, Vec::new());
    for (name, value, status) in [
        ("authorization", "Bearer k1", 200),
        ("x-api-key", "k1", 200),
        ("authorization", "Bearer k2", 401),
        ("authorization", "Basic k1", 401),
        ("host", "anything.example", 401),
    ] {
        let response = gateway.handle(with(post(CHAT, CHAT_REQUEST), name, value)).await;
        assert_eq!(response.status(), status, "{name}: {value}");
    }
    assert_eq!(provider.bodies().len(), 2);
    let error = json(gateway.handle(post(MESSAGES, MESSAGES_REQUEST)).await).await;
    assert_eq!(error["error"]["type"], "authentication_error");
}

#[tokio::test]
async fn a_gateway_without_keys_serves_this_machine_only() {
    let (gateway, provider) = gateway(Script::json(200, CHAT_ANSWER));
    for (name, value) in [("host", "evil.example"), ("origin", "https://evil.example"), ("origin", "null")] {
        let response = gateway.handle(with(post(CHAT, CHAT_REQUEST), name, value)).await;
        assert_eq!(response.status(), 403, "{name}: {value}");
    }
    let response = gateway.handle(with(post(CHAT, CHAT_REQUEST), "origin", "http://localhost:3000")).await;
    assert_eq!(response.status(), 200);
    assert_eq!(provider.bodies().len(), 1);
}

#[tokio::test]
async fn our_own_lists_of_models_are_read_by_who_reads_those_of_providers() {
    use switchtower_dialect::ListingForm;
    let mut google = provider("google", "google");
    google.models = vec![ModelName::new("gemini-2.5-pro").unwrap()];
    let (gateway, _) = gateway_with(Script::Unreachable, keyless(), vec![google]);
    let get = |path: &str, header: Option<&'static str>| {
        let mut request = Request::get(path).header("host", "localhost:8080");
        if let Some(name) = header {
            request = request.header(name, "2023-06-01");
        }
        request.body(Full::from("")).unwrap()
    };
    let mut lists = Vec::new();
    for (path, header, form) in [
        ("/v1/models", None, ListingForm::Openai),
        ("/v1/models", Some("anthropic-version"), ListingForm::Anthropic),
        ("/v1beta/models", None, ListingForm::Gemini),
        ("/api/tags", None, ListingForm::Ollama),
    ] {
        let told = json(gateway.handle(get(path, header)).await).await;
        let listing = form.decode(told.clone().into()).unwrap();
        assert_eq!(form.encode(&listing), told, "{path}");
        assert_eq!(listing.next, None);
        lists.push(listing.models.into_iter().map(|model| model.id).collect::<Vec<_>>());
    }
    assert!(lists[0].contains(&"google/gemini-2.5-pro".to_owned()), "{lists:?}");
    assert!(lists.iter().all(|list| *list == lists[0]), "{lists:?}");
}

#[tokio::test]
async fn white_space_alone_is_left_out_by_name_where_it_is_refused_and_its_cache_mark_stays() {
    let (gateway, provider) = gateway(Script::json(200, MESSAGES_ANSWER));
    let body = json!({"messages": [{"role": "user", "content": [
        {"text": "a"}, {"text": "\n"}, {"cachePoint": {"type": "default"}}, {"text": "b"}]}]});
    let response = gateway.handle(post("/model/messages/converse", &body.to_string())).await;
    assert!(response.headers()["x-switchtower-notices"].to_str().unwrap().contains("messages[0].content[1];hint"));
    let sent: Value = serde_json::from_str(&provider.bodies()[0]).unwrap();
    let marked = json!({"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}});
    assert_eq!(sent["messages"][0]["content"], json!([marked, {"type": "text", "text": "b"}]));
}

#[tokio::test]
async fn words_of_mistrals_own_reach_who_takes_them_and_are_told_to_who_does_not() {
    let others = vec![provider("one", "openai"), provider("two", "mistral")];
    let (gateway, provider) = gateway_with(Script::json(200, CHAT_ANSWER), keyless(), others);
    let body = |model: &str, messages: &str| format!(r#"{{"model":"{model}", "messages": {messages}, "x": 1e0}}"#);
    let messages = r#"[{"role":"user","content":[{"type":"image_url","image_url":"https://a.example/b.png"}]},{"role":"assistant","content":"So","prefix":true}]"#;
    let ask = |model: &str, messages: &str| post("/v1/chat/completions", &body(model, messages));
    let response = gateway.handle(ask("by-one", messages)).await;
    assert_eq!(response.headers()["x-switchtower-notices"], "messages[1].prefix;meaning");
    let fitted = r#"[{"role":"user","content":[{"type":"image_url","image_url":{"url":"https://a.example/b.png"}}]},{"role":"assistant","content":"So"}]"#;
    gateway.handle(ask("by-two", messages)).await;
    // What has none of them leaves as it came, white space and all.
    let spaced = r#"[ {"role":"user","content":"the \"prefix\""} ]"#;
    gateway.handle(ask("by-one", spaced)).await;
    assert_eq!(provider.bodies(), [body("m", fitted), body("m", messages), body("m", spaced)]);
    let strict = gateway.handle(with(ask("by-one", messages), "x-switchtower-strict", "true")).await;
    assert_eq!(strict.status(), 400);
}
