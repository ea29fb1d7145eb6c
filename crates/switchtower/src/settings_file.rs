//! The configuration file, read into a [`Plan`].

use crate::environment::Environment;
use crate::findings;
use crate::serve::{ADDRESS, Plan};
use crate::server::ServerSettings;
use crate::upstream::UpstreamSettings;
use anyhow::{Context as _, Result, bail};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use switchtower_domain::{DeploymentName, DialectId, ModelName, ProviderName, Secret};
use switchtower_gateway::{Access, CallerKey, Directory, Limits, Settings};
use switchtower_providers::{
    Credential, CredentialStyle, Deployment, Endpoint, Known, Provider, RetentionPolicy, anthropic, known, openai,
};

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct File {
    listen: Listen,
    strict: bool,
    limits: LimitsTable,
    /// Callers by name, each with a reference to its key.
    keys: BTreeMap<String, String>,
    providers: BTreeMap<String, ProviderTable>,
    deployments: BTreeMap<String, DeploymentTable>,
    aliases: BTreeMap<String, String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Listen {
    address: Option<SocketAddr>,
    threads: Option<usize>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct LimitsTable {
    body_bytes_max: Option<usize>,
    header_bytes_max: Option<usize>,
    headers_max: Option<usize>,
    event_bytes_max: Option<usize>,
    answer_bytes_max: Option<usize>,
    depth_max: Option<usize>,
    tools_max: Option<usize>,
    open_requests_max: Option<usize>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ProviderTable {
    kind: Option<String>,
    dialect: Option<Dialect>,
    base_url: Option<String>,
    key: Option<String>,
    #[serde(default)]
    credential: Whose,
    #[serde(default)]
    retention: Retention,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Dialect {
    OpenaiChat,
    AnthropicMessages,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Whose {
    #[default]
    Deployment,
    Caller,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Retention {
    #[default]
    Refuse,
    Allow,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct DeploymentTable {
    provider: String,
    model: String,
}

/// Reads a configuration.
///
/// # Errors
/// For the first thing that is wrong with it.
pub fn read(path: &Path, environment: &Environment, listen: Option<SocketAddr>) -> Result<Plan> {
    let text = std::fs::read_to_string(path).with_context(|| format!("failed to read {}", path.display()))?;
    plan(&text, environment, listen).with_context(|| format!("failed to use {}", path.display()))
}

fn plan(text: &str, environment: &Environment, listen: Option<SocketAddr>) -> Result<Plan> {
    let file: File = toml::from_str(text)?;
    let address = listen.or(file.listen.address).unwrap_or(ADDRESS);
    let mut keys = Vec::new();
    for (name, reference) in &file.keys {
        let key = resolve(reference, environment)?.with_context(|| format!("nothing at {reference} for key '{name}'"))?;
        keys.push(CallerKey::new(name, &Secret::new(key)));
    }
    let access = if keys.is_empty() { Access::keyless(address)? } else { Access::keys(keys)? };
    let mut providers = BTreeMap::new();
    for (name, table) in &file.providers {
        let provider = provider(name, table, environment).with_context(|| format!("provider '{name}'"))?;
        providers.insert(name.clone(), Arc::new(provider));
    }
    for provider in findings::sim_providers()? {
        providers.entry(provider.name.to_string()).or_insert(provider);
    }
    let mut deployments = Vec::new();
    for (name, table) in file.deployments {
        let provider = providers
            .get(&table.provider)
            .with_context(|| format!("deployment '{name}' names provider '{}', which is not there", table.provider))?;
        deployments.push(Deployment::new(DeploymentName::new(name)?, Arc::clone(provider), ModelName::new(table.model)?));
    }
    let aliases = file.aliases.into_iter().map(|(name, to)| Ok((DeploymentName::new(name)?, to))).collect::<Result<_>>()?;
    Ok(Plan {
        server: ServerSettings::new(address),
        threads: file.listen.threads,
        upstream: UpstreamSettings::default(),
        gateway: Settings { limits: file.limits.over(Limits::default()), strict: file.strict, ..Settings::new(access) },
        directory: Directory::new(providers.into_values().collect(), deployments, aliases)?,
        sim: switchtower_sim::Settings::default(),
        from_environment: false,
    })
}

impl LimitsTable {
    fn over(&self, mut limits: Limits) -> Limits {
        macro_rules! take {
            ($($field:ident),*) => { $(if let Some(value) = self.$field { limits.$field = value; })* };
        }
        take!(
            body_bytes_max, header_bytes_max, headers_max, event_bytes_max, answer_bytes_max, depth_max, tools_max,
            open_requests_max
        );
        limits
    }
}

fn provider(name: &str, table: &ProviderTable, environment: &Environment) -> Result<Provider> {
    let kind = kind(table)?;
    let base = table.base_url.as_deref().or(kind.base_url.as_deref()).context("'base_url' is missing")?;
    let endpoint = Endpoint::new(base, kind.dialect)?;
    let style = match kind.style {
        CredentialStyle::None => Provider::usual_style(kind.dialect),
        stated => stated,
    };
    let credential = match (table.credential, &table.key) {
        (Whose::Caller, None) => Credential::Caller(style),
        (Whose::Caller, Some(_)) => bail!("'key' and credential = \"caller\" exclude each other"),
        (Whose::Deployment, None) => Credential::None,
        (Whose::Deployment, Some(reference)) => match resolve(reference, environment)? {
            Some(key) => Credential::key(style, &key)?,
            None => Credential::Missing { reference: reference.clone() },
        },
    };
    let mut provider = Provider::of_kind(ProviderName::new(name)?, &kind, endpoint, credential);
    provider.retention = match table.retention {
        Retention::Refuse => RetentionPolicy::Refuse,
        Retention::Allow => RetentionPolicy::Allow,
    };
    Ok(provider)
}

fn kind(table: &ProviderTable) -> Result<Known> {
    match (&table.kind, table.dialect) {
        (Some(kind), None) => known(kind).cloned().with_context(|| format!("kind '{kind}' is not known")),
        (None, Some(Dialect::OpenaiChat)) => Ok(openai::unlisted()),
        (None, Some(Dialect::AnthropicMessages)) => Ok(anthropic::unlisted()),
        (Some(kind), Some(stated)) => {
            let kind = known(kind).cloned().with_context(|| format!("kind '{kind}' is not known"))?;
            let same = matches!(
                (stated, kind.dialect),
                (Dialect::OpenaiChat, DialectId::OpenaiChat) | (Dialect::AnthropicMessages, DialectId::AnthropicMessages)
            );
            if same { Ok(kind) } else { bail!("kind '{}' speaks {}", kind.name, kind.dialect) }
        }
        (None, None) => bail!("'kind' or 'dialect' is missing"),
    }
}

/// What a reference to a secret leads to, if anything is there.
fn resolve(reference: &str, environment: &Environment) -> Result<Option<String>> {
    match reference.split_once(':') {
        Some(("env", name)) => Ok(environment.get(name).map(str::to_owned)),
        Some(("file", path)) => Ok(std::fs::read_to_string(path).ok().filter(|text| !text.trim().is_empty())),
        // The text is not repeated: it may be the key itself.
        _ => bail!("a key is a reference, 'env:NAME' or 'file:PATH', never the key itself"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configuration_becomes_a_plan() {
        let text = r#"
            [listen]
            address = "127.0.0.1:0"
            [limits]
            depth_max = 32
            [keys]
            team = "env:TEAM_KEY"
            [providers.mock]
            dialect = "openai_chat"
            base_url = "http://127.0.0.1:9000/v1"
            key = "env:MOCK_KEY"
            [providers.deepseek]
            kind = "deepseek"
            credential = "caller"
            [deployments.bench]
            provider = "mock"
            model = "bench"
            [aliases]
            smart = "bench"
        "#;
        let environment = Environment::from([("TEAM_KEY", "k"), ("MOCK_KEY", "sk-mock-secret")]);
        let plan = plan(text, &environment, None).unwrap();
        assert_eq!(plan.gateway.limits.depth_max, 32);
        assert_eq!(plan.directory.find("smart").unwrap().model.as_str(), "bench");
        assert!(plan.directory.find("sim/sim-1").is_some());
        assert!(!plan.gateway.access.is_keyless());
        assert!(!format!("{plan:?}").contains("sk-mock-secret"));
    }

    #[test]
    fn a_key_in_the_open_is_refused_and_not_repeated() {
        let text = "[providers.a]\nkind = \"openai\"\nkey = \"sk-very-secret\"";
        let error = format!("{:#}", plan(text, &Environment::default(), None).unwrap_err());
        assert!(error.contains("reference") && !error.contains("very-secret"), "{error}");
    }
}
