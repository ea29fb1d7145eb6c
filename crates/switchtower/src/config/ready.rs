//! The third pass: names are resolved against each other and against the catalogue, secrets are read, and what the
//! gateway needs comes out.

use super::checked::{Changes, Checked, Deployment, Provider};
use super::explain::Explanation;
use super::leaving::{Leaving, REGION};
use super::problem::{Findings, quoted};
use super::projection;
use super::retention::{self, Retention};
use super::secrets::{Outside, Reference};
use super::sources::Sources;
use super::written::At;
use crate::admin::AdminSettings;
use crate::observing::ObservingSettings;
use crate::server::ServerSettings;
use crate::upstream::{UpstreamSettings, WaySettings};
use http::HeaderValue;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use switchtower_catalogue::prices::Prices;
use switchtower_catalogue::{Catalogue, ModelFacts};
use switchtower_domain::{DeploymentName, ModelName, ProviderName, Secret};
use switchtower_gateway::{Access, CallerKey, Directory, Holder, SealKey, Settings};
use switchtower_ledger::LedgerSettings;
use switchtower_projection::{Postgres, Target};
use switchtower_providers as providers;
use switchtower_providers::Gate;

/// The shortest key that seals ids.
const SEAL_KEY_BYTES_MIN: usize = 16;

/// A configuration that can be served.
#[derive(Debug)]
pub struct Ready {
    /// How to listen.
    pub server: ServerSettings,
    /// How many threads serve requests; `None` is one for each core.
    pub threads: Option<usize>,
    /// How to connect to providers.
    pub upstream: UpstreamSettings,
    /// The ways to providers that are not the usual one.
    pub ways: Vec<WaySettings>,
    /// What the gateway is told.
    pub settings: Settings,
    /// Where state is kept, if that is said.
    pub data: Option<PathBuf>,
    /// How the ledger is kept there.
    pub ledger: LedgerSettings,
    /// Whether and where it is kept in tables as well.
    pub projection: Target,
    /// Where operators reach what is theirs, if anywhere.
    pub admin: Option<AdminSettings>,
    /// What is told of requests, and to whom.
    pub telemetry: ObservingSettings,
    /// How content is kept, where a rule of the settings says that any is.
    pub retention: Retention,
    /// How often commands that say secrets are run again; never where it is nothing.
    pub command_interval: Option<Duration>,
    /// Every setting with its value and where that comes from.
    pub explanation: Explanation,
    /// The names of the keys that callers may present.
    pub key_names: Vec<String>,
    /// Every provider, by name.
    pub providers: Vec<Arc<providers::Provider>>,
    /// Every deployment, by name.
    pub deployments: Vec<providers::Deployment>,
    /// Every alias and what it stands for.
    pub aliases: Vec<(DeploymentName, String)>,
    /// What is known of models.
    pub catalogue: Arc<Catalogue>,
    /// What models cost.
    pub prices: Arc<Prices>,
}

impl Ready {
    /// What can be asked for.
    ///
    /// # Errors
    /// [`DirectoryError`](switchtower_gateway::DirectoryError) for names that contradict each other, which a
    /// configuration that was checked does not have.
    pub fn directory(&self) -> Result<Directory, switchtower_gateway::DirectoryError> {
        let (providers, deployments) = (self.providers.clone(), self.deployments.clone());
        Directory::knowing(providers, deployments, self.aliases.clone(), Arc::clone(&self.catalogue))
    }

    /// What is known of the model of a deployment.
    pub fn facts<'a>(&'a self, deployment: &'a providers::Deployment) -> Option<&'a ModelFacts> {
        let known = || self.catalogue.find(deployment.provider.kind.as_deref()?, deployment.model.as_str());
        deployment.facts.as_ref().or_else(known).map(Arc::as_ref)
    }
}

/// Resolves names and reads secrets; nothing where a mistake was noted, in this pass or before it.
pub(super) fn resolve(
    checked: &Checked,
    sources: &Sources,
    around: &Around<'_>,
    findings: &mut Findings,
) -> Option<Ready> {
    let mut resolver = Resolver {
        outside: around.outside,
        secrets: around.secrets,
        unread: 0,
        sources,
        findings,
        usual: &checked.leaving,
        command_timeout: checked.command_timeout,
        ways: Vec::new(),
    };
    let (access, key_names) = resolver.access(checked);
    let seal = checked.seal.as_ref().and_then(|reference| resolver.seal(reference));
    let projection = resolver.projection(&checked.projection);
    let catalogue = resolver.catalogue(&checked.catalogue);
    // Also where no provider is there to use it.
    drop(resolver.proxy(&checked.leaving));
    let mut made = BTreeMap::new();
    for provider in &checked.providers {
        let region = provider.changes.leaving.region.as_ref();
        let provider_made = resolver.provider(provider, region, checked.keys_place.is_some());
        made.insert(provider.given.value.as_str(), provider_made.map(Arc::new));
    }
    for provider in around.built_in {
        if let Some(taken) = checked.providers.iter().find(|one| one.given.value == provider.name.as_str()) {
            let names: Vec<&str> = around.built_in.iter().map(|one| one.name.as_str()).collect();
            let message = format!("the name '{}' is taken by a provider that is built in", provider.name);
            let hint = format!("choose a name other than {}", quoted(&names, " and "));
            resolver.findings.add_with(&taken.given.place, message, hint);
        }
        made.entry(provider.name.as_str()).or_insert_with(|| Some(Arc::clone(provider)));
    }
    let prices = resolver.prices(&checked.prices, made.keys().copied());
    let deployments: Vec<_> =
        checked.deployments.iter().filter_map(|one| resolver.deployment(one, checked, &made, &catalogue)).collect();
    let aliases = resolver.aliases(checked, &made);
    let names = retention::Names {
        keys: &key_names,
        teams: &checked.keys.iter().filter_map(|key| Some(key.team.as_ref()?.as_str())).collect::<Vec<_>>(),
        use_cases: &checked.keys.iter().filter_map(|key| Some(key.use_case.as_ref()?.as_str())).collect::<Vec<_>>(),
        deployments: &checked.deployments.iter().map(|one| one.given.value.as_str()).collect::<Vec<_>>(),
        providers: &made.keys().copied().collect::<Vec<_>>(),
    };
    let kept = checked.retention.resolve(&mut resolver, &names, checked.ledger.keep());
    let listeners: Vec<_> = checked.listeners.iter().filter_map(|listener| resolver.listener(listener)).collect();
    let admin = resolver.admin(&checked.admin);
    let telemetry = resolver.telemetry(&checked.telemetry);
    let ways = resolver.ways;
    if !findings.is_empty() {
        return None;
    }
    let mut settings = Settings::new(access?);
    settings.limits = checked.limits;
    settings.strict = checked.strict;
    settings.keep_alive = checked.keep_alive;
    settings.prices = Arc::clone(&prices);
    if let Some(seal) = seal {
        settings.seal = seal;
    }
    settings.sample = telemetry.sample();
    settings.timelines = checked.telemetry.timelines;
    let (rules, retention) = kept?;
    settings.retention = rules;
    let (data, ledger) = checked.ledger.resolve(sources);
    Some(Ready {
        data,
        ledger,
        projection: projection?,
        admin,
        telemetry,
        retention,
        server: ServerSettings {
            header_time_max: checked.header_time_max,
            connections_max: checked.connections_max,
            grace: checked.shutdown_grace,
            listeners,
        },
        threads: checked.threads,
        upstream: checked.upstream,
        ways,
        settings,
        explanation: Explanation::default(),
        command_interval: checked.command_interval,
        key_names,
        providers: made.into_values().flatten().collect(),
        deployments,
        aliases,
        catalogue,
        prices,
    })
}

/// What a configuration is read among.
#[derive(Debug, Clone, Copy)]
pub struct Around<'a> {
    /// What references to secrets lead to.
    pub outside: &'a dyn Outside,
    /// Where relative paths of the first file begin.
    pub folder: &'a Path,
    /// Providers that are there without being configured.
    pub built_in: &'a [Arc<providers::Provider>],
    /// Where to listen, in place of what the file says.
    pub listen: Option<std::net::SocketAddr>,
    /// Whether secrets are read.
    pub secrets: Secrets,
}

/// Whether the secrets that a configuration refers to are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Secrets {
    /// Each of them, and one that is missing is a mistake.
    Read,
    /// None. Whoever asks what is on record has no business with keys of providers, and no command is run for them. What
    /// comes of it is not to be served with: words stand in for secrets, and what has to be understood is left out.
    Unread,
}

/// Providers by their written names; nothing for one that has a mistake of its own.
type Made<'a> = BTreeMap<&'a str, Option<Arc<providers::Provider>>>;

pub(super) struct Resolver<'a> {
    pub(super) outside: &'a dyn Outside,
    pub(super) secrets: Secrets,
    /// How many secrets were not read.
    unread: usize,
    pub(super) sources: &'a Sources,
    pub(super) findings: &'a mut Findings,
    /// How requests leave for all providers.
    pub(super) usual: &'a Leaving,
    /// How long a command may take.
    pub(super) command_timeout: Duration,
    /// The ways so far.
    pub(super) ways: Vec<WaySettings>,
}

impl Resolver<'_> {
    pub(super) fn secret(&mut self, reference: &At<Reference>) -> Option<Secret> {
        if self.secrets == Secrets::Unread {
            // Another one for each, as long as any has to be, and of the form of those with a form of one line.
            self.unread += 1;
            return Some(Secret::new(format!("unread:{:0SEAL_KEY_BYTES_MIN$}", self.unread)));
        }
        let read = reference.value.read(self.outside, self.sources.folder(&reference.place), self.command_timeout);
        let refused = |reason| {
            self.findings.add(&reference.place, format!("'{}': '{}' {reason}", reference.place.key, reference.value));
        };
        read.map_err(refused).ok()
    }

    fn projection(&mut self, checked: &projection::Checked) -> Option<Target> {
        match checked {
            projection::Checked::Into(projected) => Some(projected.clone()),
            projection::Checked::Postgresql(_) if self.secrets == Secrets::Unread => Some(Target::Nowhere),
            projection::Checked::Postgresql(url) => {
                let address = self.secret(url)?;
                let postgres = Postgres::at(&address.expose().to_owned().into());
                match postgres {
                    Ok(postgres) => Some(Target::Postgresql(postgres)),
                    Err(error) => {
                        self.findings.add(&url.place, format!("'{}': {error}", url.place.key));
                        None
                    }
                }
            }
        }
    }

    /// A key that could be guessed would seal nothing.
    fn seal(&mut self, reference: &At<Reference>) -> Option<SealKey> {
        let secret = self.secret(reference)?;
        if secret.expose().len() < SEAL_KEY_BYTES_MIN {
            let message = format!(
                "'{}': '{}' has fewer than {SEAL_KEY_BYTES_MIN} characters",
                reference.place.key, reference.value
            );
            self.findings.add(&reference.place, message);
            return None;
        }
        Some(SealKey::new(&secret))
    }

    fn access(&mut self, checked: &Checked) -> (Option<Access>, Vec<String>) {
        let mut names: Vec<&str> = Vec::new();
        let mut secrets: Vec<(Holder, Secret)> = Vec::new();
        for key in &checked.keys {
            if let Some(name) = &key.name {
                if names.contains(&name.value.as_str()) {
                    self.findings.add(&name.place, format!("two keys are called '{}'", name.value));
                }
                names.push(&name.value);
            }
            let Some(reference) = &key.secret else { continue };
            let name = key.name.as_ref().map_or("?", |name| name.value.as_str());
            let Some(secret) = self.secret(reference) else { continue };
            if let Some((other, _)) = secrets.iter().find(|(_, known)| known.expose() == secret.expose()) {
                let other = &other.name;
                let message = format!("'{}' leads to the same secret as that of key '{other}'", reference.value);
                self.findings.add(&reference.place, message);
            }
            let (team, use_case) = (key.team.clone(), key.use_case.clone());
            secrets.push((Holder { name: name.to_owned(), team, use_case }, secret));
        }
        let access = match &checked.keys_place {
            Some(place) if checked.keys.is_empty() => {
                self.findings.add(place, "'keys' is empty, so nobody could ask");
                None
            }
            Some(_) => {
                let keys = secrets.into_iter().map(|(holder, secret)| CallerKey::held_by(holder, &secret));
                Access::keys(keys.collect()).ok()
            }
            None => self.keyless(&checked.listeners),
        };
        (access, names.into_iter().map(str::to_owned).collect())
    }

    fn deployment(
        &mut self,
        written: &Deployment,
        checked: &Checked,
        made: &Made<'_>,
        catalogue: &Catalogue,
    ) -> Option<providers::Deployment> {
        let at = written.provider.as_ref()?;
        let Some(provider) = made.get(at.value.as_str()) else {
            self.no_such_provider(at, &at.value, made);
            return None;
        };
        let leaving = &written.changes.leaving;
        let of_provider = checked.providers.iter().find(|one| one.given.value == at.value);
        let above = of_provider.map(|one| one.changes.leaving.over(self.usual)).unwrap_or_default();
        let both = leaving.is_any().then(|| leaving.over(&above));
        let way = both.as_ref().map(|both| self.way(both));
        let mut provider = Arc::clone(provider.as_ref()?);
        let is_elsewhere = |one: &&Provider| one.base_url.as_ref().is_some_and(|at| at.value.contains(REGION));
        if let (Some(region), Some(of_provider)) = (&leaving.region, of_provider.filter(is_elsewhere)) {
            // The same provider at the addresses of another region.
            provider = Arc::new(self.provider(of_provider, Some(region), checked.keys_place.is_some())?);
        }
        if written.changes.are_any() {
            self.change(Arc::make_mut(&mut provider), &written.changes);
        }
        if let (Some(both), Some(way)) = (both, way) {
            let provider = Arc::make_mut(&mut provider);
            provider.way = way;
            provider.region = both.region;
        }
        let model = written.model.clone()?;
        let facts = self.facts(&written.facts, &provider, model.as_str(), catalogue);
        let mut deployment = providers::Deployment::new(written.name.clone()?, provider, model).knowing(facts);
        deployment.defaults = written.defaults.clone();
        deployment.gate = written.open_requests_max.map(Gate::new);
        Some(deployment)
    }

    pub(super) fn change(&mut self, provider: &mut providers::Provider, changes: &Changes) {
        changes.over(provider);
        let total = provider.timeouts.total;
        for at in [&changes.first_byte, &changes.idle].into_iter().flatten().filter(|at| at.value > total) {
            let (key, millis) = (&at.place.key, at.value.as_millis());
            let message = format!("'{key}' is {millis}, but the whole answer may take {} only", total.as_millis());
            self.findings.add_with(&at.place, message, "raise 'total_timeout_ms' or lower this");
        }
        for (name, reference) in &changes.secret_headers {
            let Some(secret) = self.secret(reference) else { continue };
            let Ok(mut value) = HeaderValue::try_from(secret.expose()) else {
                let At { place, value } = reference;
                let message = format!("'{}': '{value}' has characters that no header can carry", place.key);
                self.findings.add(place, message);
                continue;
            };
            value.set_sensitive(true);
            provider.headers.insert(name.clone(), value);
        }
    }

    fn no_such_provider(&mut self, at: &At<String>, name: &str, made: &Made<'_>) {
        let message = format!("there is no provider '{name}' in this configuration");
        if providers::known(name).is_some() && ProviderName::new(name).is_ok() {
            self.findings.add_with(&at.place, message, format!("add [providers.{name}]"));
        } else {
            self.findings.unknown(&at.place, message, name, made.keys().copied());
        }
    }

    fn aliases(&mut self, checked: &Checked, made: &Made<'_>) -> Vec<(DeploymentName, String)> {
        let deployments: Vec<&str> = checked.deployments.iter().map(|one| one.given.value.as_str()).collect();
        let mut aliases = Vec::new();
        for (given, name, target) in &checked.aliases {
            if deployments.contains(&given.value.as_str()) {
                self.findings.add(&given.place, format!("'{}' is a deployment already", given.value));
            }
            if self.leads_somewhere(target, &deployments, checked, made)
                && let Some(name) = name
            {
                aliases.push((name.clone(), target.value.clone()));
            }
        }
        aliases
    }

    fn leads_somewhere(
        &mut self,
        target: &At<String>,
        deployments: &[&str],
        checked: &Checked,
        made: &Made<'_>,
    ) -> bool {
        let text = target.value.as_str();
        if deployments.contains(&text) {
            return true;
        }
        if checked.aliases.iter().any(|(given, ..)| given.value == text) {
            let message = format!("'{}' leads to the alias '{text}'", target.place.key);
            self.findings.add_with(&target.place, message, "name the deployment, or PROVIDER/MODEL");
            return false;
        }
        let Some((provider, model)) = text.split_once('/') else {
            let message = format!("there is no deployment '{text}'");
            self.findings.unknown(&target.place, message, text, deployments.iter().copied());
            return false;
        };
        if !made.contains_key(provider) {
            self.no_such_provider(target, provider, made);
            return false;
        }
        if let Err(error) = ModelName::new(model) {
            let message = format!("'{}': the name of the model after '{provider}/': {error}", target.place.key);
            self.findings.add(&target.place, message);
            return false;
        }
        true
    }
}

impl Changes {
    fn are_any(&self) -> bool {
        let Self { max_output_tokens, first_byte, idle, total, leaving: _, headers, secret_headers } = self;
        let any_timeout = first_byte.is_some() || idle.is_some() || total.is_some();
        max_output_tokens.is_some() || any_timeout || !headers.is_empty() || !secret_headers.is_empty()
    }

    /// Sets them at a provider, all but the headers that are secrets.
    fn over(&self, provider: &mut providers::Provider) {
        let Self { max_output_tokens, first_byte, idle, total, leaving: _, headers, secret_headers: _ } = self;
        if let Some(bound) = max_output_tokens {
            for interface in provider.interfaces_mut() {
                interface.variant.default_max_tokens = *bound;
            }
        }
        let timeouts = &mut provider.timeouts;
        timeouts.first_byte = first_byte.as_ref().map_or(timeouts.first_byte, |at| at.value);
        timeouts.idle = idle.as_ref().map_or(timeouts.idle, |at| at.value);
        timeouts.total = total.unwrap_or(timeouts.total);
        for (name, value) in headers {
            provider.headers.insert(name.clone(), value.clone());
        }
    }
}
