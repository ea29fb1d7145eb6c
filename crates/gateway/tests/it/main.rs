//! The gateway from its front to a scripted provider and back, with no network.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking, in its helpers too")]

mod bedrock;
mod cohere;
mod costs;
mod counting;
mod deployments;
mod embeddings;
mod failures;
mod forms;
mod limits;
mod needs;
mod ollama;
mod owners;
mod records;
mod responses;
mod rows;
mod scripted;
mod services;
mod streams;
mod vertex;
mod whole;

use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use scripted::{Provider as ScriptedProvider, Script};
use serde_json::Value;
use std::sync::Arc;
use switchtower_domain::{DeploymentName, ModelName, ProviderName};
use switchtower_gateway::{Access, Directory, Gateway, GatewayBody, Settings};
use switchtower_ledger::Ledger;
use switchtower_providers::{Credential, CredentialStyle, Deployment, Provider, known};

pub(crate) const CHAT: &str = "/v1/chat/completions";
pub(crate) const MESSAGES: &str = "/v1/messages";
pub(crate) const KEY: &str = "sk-deployment-secret-0123456789";

/// A provider of a kind, with a key of its own.
pub(crate) fn provider(name: &str, kind: &str) -> Provider {
    let kind = known(kind).unwrap();
    let base = format!("https://{name}.example/v1");
    let credential = Credential::key(kind.style, KEY).unwrap();
    Provider::of_kind(ProviderName::new(name).unwrap(), kind, &base, credential).unwrap()
}

/// Deployments `chat` and `messages`, one for each dialect, and what else a test adds.
pub(crate) fn directory(others: Vec<Provider>) -> Directory {
    let (chat, messages) =
        (Arc::new(provider("chat-vendor", "openai")), Arc::new(provider("messages-vendor", "anthropic")));
    let deployment = |name: &str, provider: &Arc<Provider>, model: &str| {
        Deployment::new(DeploymentName::new(name).unwrap(), Arc::clone(provider), ModelName::new(model).unwrap())
    };
    let mut deployments = vec![deployment("chat", &chat, "gpt-x"), deployment("messages", &messages, "claude-x")];
    let mut providers = vec![chat, messages];
    for other in others {
        let other = Arc::new(other);
        deployments.push(deployment(&format!("by-{}", other.name), &other, "m"));
        providers.push(other);
    }
    let aliases = vec![(DeploymentName::new("smart").unwrap(), "chat".to_owned())];
    Directory::new(providers, deployments, aliases).unwrap()
}

pub(crate) fn keyless() -> Settings {
    Settings::new(Access::keyless("127.0.0.1:8080".parse().unwrap()).unwrap())
}

/// A gateway before one scripted provider.
pub(crate) fn gateway(script: Script) -> (Gateway, ScriptedProvider) {
    gateway_with(script, keyless(), Vec::new())
}

pub(crate) fn gateway_with(script: Script, settings: Settings, others: Vec<Provider>) -> (Gateway, ScriptedProvider) {
    let provider = ScriptedProvider::new(script);
    (gateway_of(settings, directory(others), &provider), provider)
}

/// A gateway whose ledger is in memory.
pub(crate) fn gateway_of(settings: Settings, directory: Directory, provider: &ScriptedProvider) -> Gateway {
    let (ledger, _) = Ledger::in_memory().unwrap();
    Gateway::new(settings, directory, Arc::new(provider.clone()), ledger).unwrap()
}

pub(crate) fn post(path: &str, body: &str) -> Request<Full<bytes::Bytes>> {
    Request::post(path)
        .header("host", "localhost:8080")
        .header("content-type", "application/json")
        .body(Full::from(body.to_owned()))
        .unwrap()
}

pub(crate) fn with(
    mut request: Request<Full<bytes::Bytes>>,
    name: &'static str,
    value: &str,
) -> Request<Full<bytes::Bytes>> {
    request.headers_mut().insert(name, value.parse().unwrap());
    request
}

pub(crate) async fn text(response: Response<GatewayBody>) -> String {
    String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

pub(crate) async fn json(response: Response<GatewayBody>) -> Value {
    serde_json::from_str(&text(response).await).unwrap()
}

/// A provider whose credential is the caller's own.
pub(crate) fn callers_own() -> Provider {
    Provider { credential: Credential::Caller(CredentialStyle::Bearer), ..provider("own", "openai") }
}

pub(crate) const CHAT_ANSWER: &str = r#"{"id":"c1","object":"chat.completion","created":1,"model":"gpt-x-1","choices":[{"index":0,"message":{"role":"assistant","content":"hello","refusal":null},"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":1,"total_tokens":4},"new_field":{"a":[1e2]}}"#;
pub(crate) const MESSAGES_ANSWER: &str = r#"{"id":"msg_1","type":"message","role":"assistant","model":"claude-x-1","content":[{"type":"text","text":"hello"}],"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":3,"output_tokens":1}}"#;
pub(crate) const CHAT_REQUEST: &str =
    r#"{ "model" : "smart", "messages": [{"role":"user","content":"hi"}], "temperature": 1e0, "unknown":{"x":1} }"#;
pub(crate) const MESSAGES_REQUEST: &str =
    r#"{"model":"messages","max_tokens":9,"messages":[{"role":"user","content":"hi"}]}"#;
