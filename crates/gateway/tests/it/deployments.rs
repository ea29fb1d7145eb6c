//! What an operator sets at one deployment: parameters by default, a bound of its own, a way out of its own.

use crate::scripted::{Piece, Script};
use crate::*;
use serde_json::json;
use switchtower_domain::{Effort, Way};
use switchtower_providers::{Defaults, Gate};

fn deployment(name: &str, kind: &str, defaults: Defaults) -> Deployment {
    let provider = Arc::new(provider(&format!("{name}-vendor"), kind));
    let name = DeploymentName::new(name).unwrap();
    let mut deployment = Deployment::new(name, provider, ModelName::new("m").unwrap());
    deployment.defaults = defaults;
    deployment
}

fn serving(script: Script, deployments: Vec<Deployment>) -> (Gateway, ScriptedProvider) {
    let provider = ScriptedProvider::new(script);
    let directory = Directory::new(Vec::new(), deployments, Vec::new()).unwrap();
    (gateway_of(keyless(), directory, &provider), provider)
}

fn defaults() -> Defaults {
    Defaults {
        temperature: serde_json::from_str("0.20").unwrap(),
        top_p: serde_json::from_str("0.9").unwrap(),
        max_output_tokens: Some(4096),
        reasoning_effort: Some(Effort::Low),
        seed: Some(7),
        stop: Some(vec!["END".to_owned()]),
    }
}

#[tokio::test]
async fn what_the_caller_did_not_say_is_said_by_default_and_every_other_byte_stays() {
    let (gateway, provider) = serving(Script::json(200, CHAT_ANSWER), vec![deployment("d", "openai", defaults())]);
    gateway.handle(post(CHAT, r#"{ "model":"d",  "messages":[], "x" : 1e0, "top_p":null }"#)).await;
    let all = r#"{ "model":"m",  "messages":[], "x" : 1e0, "top_p":0.9,"temperature":0.20,"max_completion_tokens":4096,"reasoning_effort":"low","seed":7,"stop":["END"] }"#;
    assert_eq!(provider.bodies()[0].replace(' ', ""), all.replace(' ', ""));
    let said =
        r#"{"model":"m","messages":[],"temperature":1,"top_p":1,"max_tokens":1,"reasoning":{},"seed":1,"stop":"x"}"#;
    gateway.handle(post(CHAT, &said.replace("\"m\"", "\"d\""))).await;
    assert_eq!(provider.bodies()[1], said, "the caller's own words count, by whatever name");
}

#[tokio::test]
async fn defaults_are_written_in_the_words_of_the_provider() {
    let deployments = || vec![deployment("d", "anthropic", defaults())];
    let (gateway, provider) = serving(Script::json(200, MESSAGES_ANSWER), deployments());
    gateway.handle(post(MESSAGES, r#"{"model":"d","messages":[]}"#)).await;
    let sent: Value = serde_json::from_str(&provider.bodies()[0]).unwrap();
    assert_eq!(
        sent,
        json!({"model": "m", "messages": [], "temperature": serde_json::from_str::<Value>("0.20").unwrap(),
            "top_p": serde_json::from_str::<Value>("0.9").unwrap(), "max_tokens": 4096,
            "output_config": {"effort": "low"}, "stop_sequences": ["END"]})
    );
    let body = r#"{"model":"d","messages":[{"role":"user","content":"hi"}],"max_tokens":9}"#;
    let response = gateway.handle(with(post(CHAT, body), "x-switchtower-strict", "true")).await;
    assert_eq!(response.status(), 200, "what the operator asks for is no loss of the caller's");
    let sent: Value = serde_json::from_str(&provider.bodies()[1]).unwrap();
    assert_eq!((&sent["max_tokens"], &sent["stop_sequences"]), (&json!(9), &json!(["END"])));
    assert_eq!(sent["output_config"]["effort"], "low");
}

#[tokio::test]
async fn tokens_are_counted_without_defaults() {
    let deployments = vec![deployment("d", "anthropic", defaults())];
    let (gateway, provider) = serving(Script::json(200, r#"{"input_tokens":1}"#), deployments);
    gateway.handle(post("/v1/messages/count_tokens", r#"{"model":"d","messages":[]}"#)).await;
    assert_eq!(provider.bodies(), [r#"{"model":"m","messages":[]}"#]);
}

#[tokio::test]
async fn a_deployment_refuses_more_than_it_may_have_open() {
    let mut full = deployment("full", "openai", Defaults::default());
    full.gate = Some(Gate::new(1));
    let open = deployment("open", "openai", Defaults::default());
    let events = vec![Piece::Bytes(b"data: {\"choices\":[]}\n\n".to_vec()), Piece::Stall];
    let (gateway, _) = serving(Script::events(events), vec![full.clone(), open]);
    let ask = |name: &str| post(CHAT, &format!(r#"{{"model":"{name}","stream":true,"messages":[]}}"#));
    let first = gateway.handle(ask("full")).await;
    assert_eq!(first.status(), 200);
    let second = gateway.handle(ask("full")).await;
    assert_eq!((second.status().as_u16(), &second.headers()["retry-after"]), (429, &"1".parse().unwrap()));
    assert_eq!(second.headers()["x-switchtower-deployment"], "full");
    let error = json(second).await;
    assert_eq!(error["error"]["type"], "rate_limit_error");
    assert!(error["error"]["message"].as_str().unwrap().contains("deployments.full.limits.open_requests_max"));
    assert_eq!(gateway.handle(ask("open")).await.status(), 200, "others are not held up");
    let mut renewed = deployment("full", "openai", Defaults::default());
    renewed.gate = Some(Gate::new(1));
    renewed.continue_from(&full);
    let directory = Directory::new(Vec::new(), vec![renewed], Vec::new()).unwrap();
    let next = gateway.next(keyless(), directory).unwrap();
    assert_eq!(next.handle(ask("full")).await.status(), 429, "another configuration forgets nobody");
    assert_eq!(next.open_requests(), 1);
    drop(first);
    assert_eq!(next.handle(ask("full")).await.status(), 200);
    assert_eq!(next.open_requests(), 0);
}

#[tokio::test]
async fn a_request_carries_the_way_of_its_provider() {
    let provider = Provider { way: Some(Way(3)), ..provider("p", "openai") };
    let (gateway, sent) = gateway_with(Script::json(200, CHAT_ANSWER), keyless(), vec![provider]);
    gateway.handle(post(CHAT, &CHAT_REQUEST.replace("smart", "by-p"))).await;
    gateway.handle(post(CHAT, CHAT_REQUEST)).await;
    assert_eq!(sent.ways(), [Some(Way(3)), None]);
}

#[tokio::test]
async fn defaults_know_the_words_of_responses_too() {
    let (gateway, provider) = serving(Script::json(200, "{}"), vec![deployment("d", "openai", defaults())]);
    gateway.handle(post("/v1/responses", r#"{"model":"d","input":"hi"}"#)).await;
    let sent: Value = serde_json::from_str(&provider.bodies()[0]).unwrap();
    assert_eq!(provider.addresses(), ["https://d-vendor.example/v1/responses"]);
    assert_eq!((&sent["max_output_tokens"], &sent["reasoning"]), (&json!(4096), &json!({"effort": "low"})));
    assert_eq!(sent["temperature"].to_string(), "0.20");
    assert!(sent.get("seed").is_none() && sent.get("stop").is_none(), "what has no place there is left out");
    let own = r#"{"model":"d","input":"hi","reasoning":{"summary":"auto"},"max_output_tokens":5}"#;
    gateway.handle(post("/v1/responses", own)).await;
    let sent: Value = serde_json::from_str(&provider.bodies()[1]).unwrap();
    assert_eq!((&sent["max_output_tokens"], &sent["reasoning"]), (&json!(5), &json!({"summary": "auto"})));
}
