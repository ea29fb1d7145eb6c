//! What the environment offers: providers whose usual variables are set, and the simulator.

use crate::environment::Environment;
use anyhow::{Context as _, Result};
use http::HeaderName;
use std::sync::Arc;
use switchtower_dialect::Variant;
use switchtower_domain::{DialectId, ModelName, ProviderName};
use switchtower_providers::{Credential, Endpoint, Known, Provider, RetentionPolicy, Timeouts, catalogue, openai};

/// The providers that the environment has keys for.
///
/// # Errors
/// For a variable that holds what cannot be a key or a base URL.
pub fn providers(environment: &Environment) -> Result<Vec<Arc<Provider>>> {
    let mut found = Vec::new();
    for kind in catalogue() {
        let Some((variable, key)) = variable(environment, kind) else { continue };
        let endpoint = endpoint(environment, kind)?;
        let credential = Credential::key(kind.style, key).with_context(|| format!("failed to use {variable}"))?;
        let name = ProviderName::new(kind.name.clone())?;
        found.push(Arc::new(Provider::of_kind(name, kind, endpoint, credential)));
    }
    Ok(found)
}

fn variable<'a>(environment: &'a Environment, kind: &'a Known) -> Option<(&'a str, &'a str)> {
    let variable = kind.key_variable.as_deref()?;
    Some((variable, environment.get(variable)?))
}

fn endpoint(environment: &Environment, kind: &Known) -> Result<Endpoint> {
    if let Some(variable) = &kind.base_url_variable
        && let Some(url) = environment.get(variable)
    {
        return Endpoint::new(url, kind.dialect).with_context(|| format!("failed to use {variable}"));
    }
    let url = kind.base_url.as_deref().context("a provider without a base URL needs a configuration")?;
    Ok(Endpoint::new(url, kind.dialect)?)
}

/// The simulator as a provider: once in each dialect, so that every way through the gateway can be tried offline.
///
/// # Errors
/// Never in practice: its names are constant.
pub fn sim_providers() -> Result<Vec<Arc<Provider>>> {
    let of = |name: &str, dialect, base: &str| -> Result<Arc<Provider>> {
        let models = switchtower_sim::Settings::default().models;
        Ok(Arc::new(Provider {
            name: ProviderName::new(name)?,
            dialect,
            endpoint: Endpoint::new(base, dialect)?,
            credential: Credential::None,
            variant: Variant::default(),
            timeouts: Timeouts::default(),
            retention: RetentionPolicy::default(),
            headers: match dialect {
                DialectId::AnthropicMessages => switchtower_providers::anthropic::unlisted().headers,
                DialectId::OpenaiChat => openai::unlisted().headers,
            },
            passed_headers: passed_to_sim(),
            request_id_header: match dialect {
                DialectId::AnthropicMessages => switchtower_providers::anthropic::unlisted().request_id_header,
                DialectId::OpenaiChat => openai::unlisted().request_id_header,
            },
            models: models
                .into_iter()
                .filter(|model| !model.contains("embed"))
                .map(ModelName::new)
                .collect::<Result<_, _>>()?,
        }))
    };
    Ok(vec![
        of("sim", DialectId::OpenaiChat, "sim://local/v1")?,
        of("sim-messages", DialectId::AnthropicMessages, "sim://local")?,
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
            found.iter().map(|provider| (provider.name.as_str(), provider.endpoint.base())).collect();
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
        assert_eq!(sim_providers().unwrap().len(), 2);
    }
}
