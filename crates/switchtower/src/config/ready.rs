//! The third pass: names are resolved against each other and against the catalogue, secrets are read, and what the
//! gateway needs comes out.

use super::checked::{Changes, Checked, Deployment, Provider};
use super::explain::Explanation;
use super::leaving::{Leaving, PROJECT, REGION};
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
use switchtower_domain::{DeploymentName, DialectId, ModelName, ProviderName, RegionName, Secret};
use switchtower_gateway::{Access, CallerKey, Directory, Holder, SealKey, Settings};
use switchtower_ledger::LedgerSettings;
use switchtower_projection::{Postgres, Target};
use switchtower_providers as providers;
use switchtower_providers::{Credential, CredentialStyle, Endpoint, Gate, Known};

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
    usual: &'a Leaving,
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

    /// A provider as it is in a region, where its base URL names one.
    fn provider(
        &mut self,
        written: &Provider,
        region: Option<&RegionName>,
        has_keys: bool,
    ) -> Option<providers::Provider> {
        let way = self.way(&written.changes.leaving.over(self.usual));
        let kind = self.kind(written)?;
        let dialect = self.dialect(written, kind);
        let base_url = self.base_url(written, kind, dialect, region);
        let credential = self.credential(written, kind, dialect, has_keys);
        let unlisted = |dialect| match dialect {
            DialectId::OpenaiChat => providers::openai::unlisted(),
            DialectId::OpenaiResponses => providers::openai::unlisted_responses(),
            DialectId::AnthropicMessages => providers::anthropic::unlisted(),
            DialectId::GoogleGemini => providers::google::unlisted(),
            DialectId::CohereChat => providers::cohere::unlisted(),
            DialectId::BedrockConverse => providers::bedrock::unlisted(),
            DialectId::OllamaChat => providers::ollama::unlisted(),
        };
        let chosen = written.dialect.as_ref().and_then(|at| kind?.only(at.value));
        let mut made = chosen.or_else(|| kind.cloned()).or_else(|| dialect.map(unlisted))?;
        for more in &written.more_dialects {
            let known = kind.map_or_else(|| Some(unlisted(more.value).main), |kind| kind.interface(more.value));
            match known {
                Some(interface) => made.others.push(interface),
                None => self.not_spoken(more, kind),
            }
        }
        let kind = &made;
        let provider = providers::Provider::of_kind(written.name.clone()?, kind, &base_url?, credential?);
        let mut provider = provider.map_err(|error| self.findings.add(&written.given.place, error.to_string())).ok()?;
        let fits = written.api_version.as_ref().map_or(Ok(()), |at| provider.set_version(&at.value));
        let fits = fits.and_then(|()| written.operations.as_ref().map_or(Ok(()), |list| provider.offer_only(list)));
        if let Err(error) = fits {
            self.findings.add(&written.given.place, error.to_string());
        }
        provider.retention = written.retention;
        provider.account.clone_from(&written.account);
        provider.trace_context = written.trace_context;
        provider.passed_headers.extend(written.passed_headers.iter().cloned());
        provider.models.clone_from(&written.models);
        for interface in provider.interfaces_mut() {
            written.quirks.over(&mut interface.variant);
        }
        self.change(&mut provider, &written.changes);
        provider.way = way;
        provider.region = region.cloned();
        Some(provider)
    }

    /// The row of the catalogue, if there is one. `None` is a mistake, `Some(None)` a provider of no known kind.
    fn kind(&mut self, written: &Provider) -> Option<Option<&'static Known>> {
        let Some(kind) = &written.kind else { return Some(providers::known(&written.given.value)) };
        let found = providers::known(&kind.value);
        if found.is_none() {
            let known = providers::catalogue().iter().map(|kind| kind.name.as_str());
            self.findings.unknown(&kind.place, format!("'{}' is not in the catalogue", kind.value), &kind.value, known);
            return None;
        }
        Some(found)
    }

    fn not_spoken(&mut self, at: &At<DialectId>, kind: Option<&Known>) {
        let Some(kind) = kind else { return };
        let spoken: Vec<&str> = kind.interfaces().map(|interface| interface.dialect.as_str()).collect();
        let spoken = spoken.join(" and ");
        let message = format!("a provider of kind '{}' speaks {spoken}, not {}", kind.name, at.value);
        let setting = at.place.key.rsplit('.').next().unwrap_or_default();
        let setting = setting.split('[').next().unwrap_or_default();
        let hint = format!("leave '{setting}' out, or give the provider a name of its own");
        self.findings.add_with(&at.place, message, hint);
    }

    fn dialect(&mut self, written: &Provider, kind: Option<&Known>) -> Option<DialectId> {
        match (&written.dialect, kind) {
            (Some(at), Some(known)) if known.only(at.value).is_none() => {
                self.not_spoken(at, kind);
                None
            }
            (Some(at), _) => Some(at.value),
            (None, Some(kind)) => Some(kind.main.dialect),
            (None, None) => {
                if !written.dialect_given {
                    let given = &written.given;
                    let known = providers::catalogue().iter().map(|kind| kind.name.as_str());
                    let near = switchtower_domain::nearest(&given.value, known);
                    let message = format!("'{}' is not in the catalogue and says no 'dialect'", given.value);
                    let hint = match near.first() {
                        Some(near) => {
                            format!("did you mean '{near}'? otherwise set 'dialect' and 'base_url', or 'kind'")
                        }
                        None => "set 'dialect' and 'base_url', or 'kind'".to_owned(),
                    };
                    self.findings.add_with(&given.place, message, hint);
                }
                None
            }
        }
    }

    fn base_url(
        &mut self,
        written: &Provider,
        kind: Option<&Known>,
        dialect: Option<DialectId>,
        region: Option<&RegionName>,
    ) -> Option<String> {
        let spoken = kind.zip(dialect).and_then(|(kind, dialect)| kind.interface(dialect));
        let usual = spoken.as_ref().map_or_else(|| kind?.base_url.as_deref(), |spoken| spoken.base_url.as_deref());
        let (place, base) = match &written.base_url {
            Some(at) => (&at.place, at.value.as_str()),
            None if written.base_url_given => return None,
            None => (
                &written.given.place,
                usual.or_else(|| {
                    // A missing dialect is told already and comes with the same advice.
                    if kind.is_some() || dialect.is_some() {
                        let message = format!("'{}' lacks 'base_url', which is required", written.given.place.key);
                        self.findings.add(&written.given.place, message);
                    }
                    None
                })?,
            ),
        };
        let usual_region = match region {
            None if kind.and_then(|kind| kind.cloud) == Some(providers::Cloud::Aws) => self.aws_region(),
            _ => None,
        };
        let base = match region.or(usual_region.as_ref()) {
            Some(region) => base.replace(REGION, region.as_str()),
            None if base.contains(REGION) => {
                self.findings.add_with(
                    place,
                    format!("'{}' has {REGION}, and no region is said", place.key),
                    "add 'region'",
                );
                return None;
            }
            None => base.to_owned(),
        };
        let project = written.project.as_ref().map(|at| at.value.clone());
        let project = project.or_else(|| self.outside.variable("GOOGLE_CLOUD_PROJECT"));
        let base = match project {
            Some(project) => base.replace(PROJECT, &project),
            None if base.contains(PROJECT) => {
                let message = format!("'{}' has {PROJECT}, and no project is said", place.key);
                self.findings.add_with(place, message, "add 'project'");
                return None;
            }
            None => base,
        };
        let base = providers::google::vertex::at_its_place(&base);
        match Endpoint::new(&base, dialect?) {
            Ok(_) => Some(base),
            Err(error) => {
                self.findings.add(place, error.to_string());
                None
            }
        }
    }

    fn credential(
        &mut self,
        written: &Provider,
        kind: Option<&Known>,
        dialect: Option<DialectId>,
        has_keys: bool,
    ) -> Option<Credential> {
        if let Some(place) = &written.callers_own {
            if let Some(key) = &written.key_place {
                self.findings.add_with(
                    key,
                    "a provider that is shown the caller's own key has none here",
                    "leave out 'key' or 'credential'",
                );
            }
            if has_keys {
                let message = "the caller's own key cannot be forwarded where callers present keys of this gateway";
                self.findings.add_with(place, message, "leave out [[keys]] or 'credential'");
            }
        }
        let cloud = kind.and_then(|kind| kind.cloud);
        let stated = written.key_place.is_some() || written.callers_own.is_some() || written.identity.is_some();
        let said = |name: &str| self.outside.variable(name).is_some_and(|text| !text.trim().is_empty());
        // A key of Bedrock's own needs no signature.
        let has_own = kind.and_then(|kind| kind.key_variable.as_deref()).is_some_and(said);
        let meant = written.identity.as_ref().and_then(|identity| identity.cloud()).or(cloud);
        if meant == Some(providers::Cloud::Aws) && (written.identity.is_some() || !(stated || has_own)) {
            let profile = written.identity.as_ref().and_then(|identity| identity.profile());
            let place = written.identity.as_ref().map_or(&written.given.place, |identity| identity.place());
            return match self.aws_keys(profile) {
                Ok(credential) => Some(credential),
                Err(reason) => {
                    self.findings.add(place, format!("'{}': {reason}", place.key));
                    None
                }
            };
        }
        let only = kind.is_some_and(|kind| kind.style == CredentialStyle::Identity);
        if written.identity.is_some() || (only && written.key_place.is_none() && written.callers_own.is_none()) {
            if let Some(key) = written.identity.as_ref().and(written.key_place.as_ref()) {
                let message = format!("'{}' is set beside an identity, which is shown in its place", key.key);
                self.findings.add_with(key, message, "leave one of them out");
            }
            let identity = self.cloud_identity(written.identity.as_ref(), cloud, &written.given.place)?;
            return Some(Credential::Identity(identity));
        }
        let given = written.key.as_ref().map(|reference| (reference.clone(), self.secret(reference)));
        let style = written
            .key_style
            .as_ref()
            .map(|at| at.value)
            .or_else(|| kind.map(|kind| kind.style))
            .or_else(|| dialect.map(providers::Provider::usual_style))?;
        self.key_style(written, style, kind);
        if written.callers_own.is_some() {
            return Some(Credential::Caller(style));
        }
        if style == CredentialStyle::None {
            return Some(Credential::None);
        }
        let (reference, secret) = match given {
            Some((reference, secret)) => (reference, secret?),
            None if written.key_place.is_some() => return None,
            None => {
                let Some(variable) = kind.and_then(|kind| kind.key_variable.clone()) else {
                    return Some(Credential::None);
                };
                let reference = written.given.with(Reference::Env(variable));
                let secret = self.secret(&reference)?;
                (reference, secret)
            }
        };
        let refused = |error| {
            self.findings.add(&reference.place, format!("'{}': '{}': {error}", reference.place.key, reference.value));
        };
        Credential::key(style, secret.expose()).map_err(refused).ok()
    }

    /// Notes a way to show a key where there is none, and a key with no way to show it.
    fn key_style(&mut self, written: &Provider, style: CredentialStyle, kind: Option<&Known>) {
        let callers_own = written.callers_own.as_ref();
        let has_key = callers_own.is_some()
            || written.key_place.is_some()
            || kind.is_some_and(|kind| kind.key_variable.is_some());
        match (style, &written.key_style) {
            (CredentialStyle::None, _) => {
                if let Some(place) = written.key_place.as_ref().or(callers_own) {
                    let message = format!("'{}' is set, but 'key_style' is 'none', so no key is shown", place.key);
                    self.findings.add_with(place, message, "leave one of them out");
                }
            }
            (_, Some(at)) if !has_key => {
                let message = format!("'{}' says how to show a key, and there is none", at.place.key);
                self.findings.add_with(&at.place, message, "add 'key', or leave this out");
            }
            _ => {}
        }
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

    fn change(&mut self, provider: &mut providers::Provider, changes: &Changes) {
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
