//! What a provider has, and where, as a configuration says it.

use crate::config::{Around, Ready, Secrets, load};
use crate::environment::Environment;
use std::path::Path;
use switchtower_domain::{DialectId, ModelName, RegionName};
use switchtower_providers::{Operation, Provider, address};

fn read(text: &str) -> Result<Ready, String> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("c.toml");
    std::fs::write(&file, text).unwrap();
    let outside = Environment::from([("K", "secret")]);
    let around =
        Around { outside: &outside, folder: Path::new(""), built_in: &[], listen: None, secrets: Secrets::Read };
    load(&file, &around).map_err(|error| error.to_string())
}

fn at(provider: &Provider, operation: Operation) -> Option<String> {
    let model = ModelName::new("gpt-4.1").unwrap();
    let found = address(provider, provider.interface(DialectId::OpenaiChat), operation, &model, false);
    found.ok().map(|address| address.to_string())
}

#[test]
fn azure_is_reached_by_deployment_or_by_its_first_version() {
    let azure = |base: &str, more: &str| {
        let text =
            format!("[providers.azure]\nkind = \"azure_openai\"\nkey = \"env:K\"\nbase_url = \"{base}\"\n{more}");
        read(&text).unwrap().providers[0].clone()
    };
    let old = azure("https://r.openai.azure.com", "api_version = \"2024-10-21\"");
    let deployment = "https://r.openai.azure.com/openai/deployments/gpt-4.1";
    for (operation, path) in [
        (Operation::Answer, "chat/completions"),
        (Operation::Embeddings, "embeddings"),
        (Operation::Completions, "completions"),
    ] {
        assert_eq!(at(&old, operation).unwrap(), format!("{deployment}/{path}?api-version=2024-10-21"));
    }
    let new = azure("https://r.openai.azure.com/openai/v1", "");
    assert_eq!(at(&new, Operation::Answer).unwrap(), "https://r.openai.azure.com/openai/v1/chat/completions");
    assert!(format!("{:?}", new.credential).contains("api-key"));
}

#[test]
fn an_operator_says_what_a_server_has() {
    let text = "[providers.own]\ndialect = \"openai_chat\"\nbase_url = \"http://10.0.0.7:8000/v1\"\noperations = [\"embeddings\"]";
    let own = read(text).unwrap().providers[0].clone();
    assert!(!own.offers.has(Operation::Answer));
    assert_eq!(at(&own, Operation::Embeddings).unwrap(), "http://10.0.0.7:8000/v1/embeddings");
    assert_eq!(at(&own, Operation::Rerank), None);
}

#[test]
fn services_move_with_their_provider() {
    let text = "[providers.p]\ndialect = \"openai_chat\"\nbase_url = \"https://${region}.a.example/v1\"\nregion = \"eu-1\"\n\
        [deployments.moved]\nprovider = \"p\"\nmodel = \"m\"\nregion = \"us-1\"";
    let ready = read(text).unwrap();
    let moved = &ready.deployments[0].provider;
    assert_eq!(moved.region, RegionName::new("us-1").ok());
    assert_eq!(at(moved, Operation::Embeddings).unwrap(), "https://us-1.a.example/v1/embeddings");
}

#[test]
fn what_is_no_version_and_no_operation_is_refused() {
    let error = |more: &str| {
        read(&format!("[providers.p]\ndialect = \"openai_chat\"\nbase_url = \"https://a.example\"\n{more}"))
            .unwrap_err()
    };
    assert!(error("api_version = \"2024&x=y\"").contains("is no version of an API"));
    assert!(error("operations = [\"embedding\"]").contains("did you mean 'embeddings'?"));
    assert!(error("operations = []").contains("is empty"));
    assert!(error("[providers.p.quirks.finish_reasons]\neos = \"done\"").contains("expected 'stop'"));
}

#[test]
fn several_dialects_are_spoken_in_the_order_that_is_given() {
    let spoken = |text: &str| {
        let provider = read(text).unwrap().providers[0].clone();
        let bases = provider.interfaces().map(|one| (one.dialect.as_str(), one.endpoint.base().to_owned()));
        bases.collect::<Vec<_>>()
    };
    let own =
        "[providers.own]\nbase_url = \"http://10.0.0.7:8000/v1\"\ndialects = [\"anthropic_messages\", \"openai_chat\"]";
    let here = "http://10.0.0.7:8000/v1".to_owned();
    assert_eq!(spoken(own), [("anthropic_messages", here.clone()), ("openai_chat", here)]);
    let deepseek = "[providers.deepseek]\nkey = \"env:K\"\ndialects = [\"anthropic_messages\", \"openai_chat\"]";
    let apart = "https://api.deepseek.com/anthropic".to_owned();
    assert_eq!(
        spoken(deepseek),
        [("anthropic_messages", apart), ("openai_chat", "https://api.deepseek.com/v1".to_owned())]
    );
    let error = |text: &str| read(text).unwrap_err();
    assert!(
        error("[providers.groq]\nkey = \"env:K\"\ndialects = [\"openai_chat\", \"anthropic_messages\"]")
            .contains("speaks openai_chat, not anthropic_messages")
    );
    assert!(error(&format!("{own}\ndialect = \"openai_chat\"")).contains("are the same setting"));
    assert!(error(&own.replace("openai_chat", "anthropic_messages")).contains("twice"));
}
