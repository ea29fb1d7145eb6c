//! What the environment offers: providers whose usual variables are set, and the simulator.

use crate::environment::Environment;
use anyhow::{Context as _, Result};
use http::HeaderName;
use std::sync::Arc;
use switchtower_dialect::Variant;
use switchtower_domain::{DialectId, ModelName, ProviderName};
use switchtower_providers::{
    Credential, Known, Operation, Provider, anthropic, bedrock, catalogue, cohere, google, ollama, openai,
};

/// The providers that the environment has keys for.
///
/// # Errors
/// For a variable that holds what cannot be a key or a base URL.
pub fn providers(environment: &Environment) -> Result<Vec<Arc<Provider>>> {
    let mut found = Vec::new();
    for kind in catalogue() {
        let Some((variable, key)) = variable(environment, kind) else { continue };
        let (base_url, from) = base_url(environment, kind)?;
        let region = environment.get("AWS_REGION").or_else(|| environment.get("AWS_DEFAULT_REGION"));
        let base_url = match region {
            Some(region) => base_url.replace("${region}", region),
            // Who has a key and no region has not chosen where to ask.
            None if base_url.contains("${region}") => continue,
            None => base_url.to_owned(),
        };
        let credential = Credential::key(kind.style, key).with_context(|| format!("failed to use {variable}"))?;
        let name = ProviderName::new(kind.name.clone())?;
        let provider = Provider::of_kind(name, kind, &base_url, credential);
        found.push(Arc::new(provider.with_context(|| format!("failed to use {from}"))?));
    }
    Ok(found)
}

fn variable<'a>(environment: &'a Environment, kind: &'a Known) -> Option<(&'a str, &'a str)> {
    let variable = kind.key_variable.as_deref()?;
    Some((variable, environment.get(variable)?))
}

/// The base URL of a kind, and where it is said.
fn base_url<'a>(environment: &'a Environment, kind: &'a Known) -> Result<(&'a str, &'a str)> {
    if let Some(variable) = &kind.base_url_variable
        && let Some(url) = environment.get(variable)
    {
        return Ok((url, variable));
    }
    let url = kind.base_url.as_deref().context("a provider without a base URL needs a configuration")?;
    Ok((url, "the catalogue"))
}

/// The simulator as a provider: once in each dialect, so that every way through the gateway can be tried offline.
///
/// # Errors
/// Never in practice: its names are constant.
pub fn sim_providers() -> Result<Vec<Arc<Provider>>> {
    let of = |name: &str, mut kind: Known, variant: Variant| -> Result<Arc<Provider>> {
        "sim".clone_into(&mut kind.name);
        // It speaks each dialect as the dialect's own vendor does.
        kind.main.variant = variant;
        let models = switchtower_sim::Settings::default().models;
        // What speaks Messages has no embeddings.
        let embeds = kind.offers.paths.iter().any(|(operation, _)| *operation == Operation::Embeddings);
        let models = models.into_iter().filter(|model| embeds || !model.contains("embed")).map(ModelName::new);
        // The addresses of two begin with what they are, and none with a version before it.
        let base_url = match kind.main.dialect {
            DialectId::BedrockConverse | DialectId::CohereChat => "sim://local",
            DialectId::GoogleGemini => "sim://local/v1beta",
            _ => "sim://local/v1",
        };
        let mut provider = Provider::of_kind(ProviderName::new(name)?, &kind, base_url, Credential::None)?;
        provider.passed_headers = passed_to_sim();
        provider.models = models.collect::<Result<_, _>>()?;
        Ok(Arc::new(provider))
    };
    let of_its_own = |name: &str, kind: Known| {
        let variant = kind.main.variant.clone();
        of(name, kind, variant)
    };
    Ok(vec![
        of("sim", openai::unlisted(), Variant::default())?,
        of("sim-responses", openai::unlisted_responses(), Variant::default())?,
        of("sim-messages", anthropic::unlisted(), Variant::default())?,
        of_its_own("sim-gemini", google::unlisted())?,
        of_its_own("sim-bedrock", bedrock::unlisted())?,
        of_its_own("sim-cohere", cohere::unlisted())?,
        of_its_own("sim-ollama", ollama::unlisted())?,
    ])
}

/// What steers the simulator, and the two headers that belong to a body of Messages.
fn passed_to_sim() -> Vec<HeaderName> {
    [
        "x-sim-fault",
        "x-sim-latency-ms",
        "x-sim-tokens-per-second",
        "x-sim-seed",
        "x-sim-output-tokens",
        "x-sim-reasoning-tokens",
        "anthropic-version",
        "anthropic-beta",
    ]
    .map(HeaderName::from_static)
    .to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_in_the_environment_become_providers() {
        let environment = Environment::from([
            ("OPENAI_API_KEY", "sk-1"),
            ("OPENAI_BASE_URL", "http://127.0.0.1:9/v1"),
            ("GROQ_API_KEY", "gsk"),
            ("MISTRAL_API_KEY", "  "),
        ]);
        let found = providers(&environment).unwrap();
        let names: Vec<(&str, &str)> =
            found.iter().map(|provider| (provider.name.as_str(), provider.main.endpoint.base())).collect();
        assert_eq!(names, [("openai", "http://127.0.0.1:9/v1"), ("groq", "https://api.groq.com/openai/v1")]);
        assert!(!format!("{found:?} {environment:?}").contains("sk-1"));
    }

    #[test]
    fn a_broken_base_url_is_named() {
        let environment = Environment::from([("ANTHROPIC_API_KEY", "k"), ("ANTHROPIC_BASE_URL", "nowhere")]);
        assert!(format!("{:#}", providers(&environment).unwrap_err()).contains("ANTHROPIC_BASE_URL"));
    }

    #[test]
    fn the_simulator_is_there_in_each_dialect() {
        assert_eq!(sim_providers().unwrap().len(), 7);
    }
}
