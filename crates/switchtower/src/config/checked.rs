//! The second pass: each value is valid in itself. Types of ours stand for the texts of the file; whether the names in
//! them lead anywhere is for the next pass.

use super::facts::Stated;
use super::identity;
use super::leaving::{Leaving, PROJECT, REGION};
use super::ledger;
use super::listening::{self, Listener};
use super::problem::{Findings, Place, quoted};
use super::projection;
use super::quirks::Quirks;
use super::retention;
use super::secrets::{Reference, is_reference, looks_secret, names_secret};
use super::telemetry;
use super::written::{self, At, Named, Section as _, Written};
use crate::upstream::UpstreamSettings;
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Number;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::time::Duration;
use switchtower_domain::{
    AccountName, DeploymentName, DialectId, Effort, ModelName, NameError, ProviderName, TeamName, UseCaseName,
};
use switchtower_gateway::Limits;
use switchtower_providers::{CredentialStyle, Defaults, Endpoint, Operation, RetentionPolicy};

const TIMEOUT_MS: RangeInclusive<u64> = 1..=86_400_000;
pub(super) const OUTPUT_TOKENS: RangeInclusive<u64> = 1..=100_000_000;

/// A configuration whose values are valid in themselves.
#[derive(Debug)]
pub(super) struct Checked {
    pub(super) listeners: Vec<Listener>,
    pub(super) threads: Option<usize>,
    pub(super) shutdown_grace: Duration,
    pub(super) keep_alive: Duration,
    pub(super) header_time_max: Duration,
    pub(super) connections_max: usize,
    pub(super) upstream: UpstreamSettings,
    /// How requests leave for all providers.
    pub(super) leaving: Leaving,
    pub(super) limits: Limits,
    pub(super) command_timeout: Duration,
    pub(super) command_interval: Option<Duration>,
    pub(super) strict: bool,
    /// What seals the ids of what providers keep.
    pub(super) seal: Option<At<Reference>>,
    pub(super) ledger: ledger::Checked,
    pub(super) projection: projection::Checked,
    pub(super) admin: telemetry::Admin,
    pub(super) telemetry: telemetry::Checked,
    pub(super) retention: retention::Checked,
    /// Files of facts about models.
    pub(super) catalogue: Vec<At<String>>,
    pub(super) prices: Vec<At<String>>,
    /// Where `[[keys]]` begins, if there is any.
    pub(super) keys_place: Option<Place>,
    pub(super) keys: Vec<Key>,
    pub(super) providers: Vec<Provider>,
    pub(super) deployments: Vec<Deployment>,
    pub(super) aliases: Vec<(At<String>, Option<DeploymentName>, At<String>)>,
}

#[derive(Debug)]
pub(super) struct Key {
    pub(super) name: Option<At<String>>,
    pub(super) secret: Option<At<Reference>>,
    pub(super) team: Option<TeamName>,
    pub(super) use_case: Option<UseCaseName>,
}

#[derive(Debug)]
pub(super) struct Provider {
    /// As it is written, so that names that lead here are found even if it is no name.
    pub(super) given: At<String>,
    pub(super) name: Option<ProviderName>,
    pub(super) kind: Option<At<String>>,
    pub(super) dialect: Option<At<DialectId>>,
    pub(super) base_url: Option<At<String>>,
    /// Whether a base URL is written, be it valid or not; likewise below.
    pub(super) base_url_given: bool,
    pub(super) dialect_given: bool,
    /// What it speaks besides.
    pub(super) more_dialects: Vec<At<DialectId>>,
    pub(super) key: Option<At<Reference>>,
    pub(super) key_style: Option<At<CredentialStyle>>,
    pub(super) api_version: Option<At<String>>,
    pub(super) operations: Option<Vec<Operation>>,
    pub(super) callers_own: Option<Place>,
    pub(super) key_place: Option<Place>,
    pub(super) retention: RetentionPolicy,
    pub(super) account: Option<AccountName>,
    pub(super) passed_headers: Vec<HeaderName>,
    pub(super) trace_context: bool,
    pub(super) models: Vec<ModelName>,
    pub(super) quirks: Quirks,
    /// Who the gateway is there, where it shows no key.
    pub(super) identity: Option<identity::Written>,
    pub(super) project: Option<At<String>>,
    pub(super) changes: Changes,
}

/// What a provider and a deployment may both set.
#[derive(Debug, Default)]
pub(super) struct Changes {
    pub(super) max_output_tokens: Option<u64>,
    pub(super) first_byte: Option<At<Duration>>,
    pub(super) idle: Option<At<Duration>>,
    pub(super) total: Option<Duration>,
    pub(super) leaving: Leaving,
    pub(super) headers: HeaderMap,
    /// Headers whose value is a secret.
    pub(super) secret_headers: Vec<(HeaderName, At<Reference>)>,
}

#[derive(Debug)]
pub(super) struct Deployment {
    pub(super) given: At<String>,
    pub(super) name: Option<DeploymentName>,
    pub(super) provider: Option<At<String>>,
    pub(super) model: Option<ModelName>,
    pub(super) open_requests_max: Option<usize>,
    pub(super) defaults: Defaults,
    pub(super) facts: Stated,
    pub(super) changes: Changes,
}

/// Checks each value by itself.
pub(super) fn check(written: &Written, instead: Option<SocketAddr>, findings: &mut Findings) -> Checked {
    let upstream = UpstreamSettings::default();
    let limited = written.limits.as_ref().map(|at| at.value.clone()).unwrap_or_default();
    let connections = written.connections.as_ref().map(|at| at.value.clone()).unwrap_or_default();
    let secrets = written.secrets.as_ref().map(|at| at.value.clone()).unwrap_or_default();
    let listen = written.listen.as_ref().map(|at| at.value.clone()).unwrap_or_default();
    let millis = |at: Option<&At<u64>>, range, usual, findings: &mut Findings| {
        Duration::from_millis(whole(at, range, findings).unwrap_or(usual))
    };
    Checked {
        listeners: listening::check(written, instead, findings),
        threads: count(listen.threads.as_ref(), 1..=1024, findings),
        shutdown_grace: millis(listen.shutdown_grace_ms.as_ref(), 0..=3_600_000, 30_000, findings),
        keep_alive: millis(listen.keep_alive_ms.as_ref(), 100..=600_000, 15_000, findings),
        header_time_max: millis(limited.header_time_ms_max.as_ref(), 1..=3_600_000, 30_000, findings),
        connections_max: count(limited.connections_max.as_ref(), 1..=1_000_000, findings).unwrap_or(20_000),
        leaving: Leaving::of_connections(&connections, findings),
        upstream: UpstreamSettings {
            connect: millis(connections.connect_timeout_ms.as_ref(), 1..=600_000, 10_000, findings),
            pool_idle: millis(connections.unused_ms_max.as_ref(), 0..=3_600_000, 60_000, findings),
            pool_idle_per_host_max: count(connections.unused_per_provider_max.as_ref(), 0..=10_000, findings)
                .unwrap_or(upstream.pool_idle_per_host_max),
        },
        limits: limits(&limited, findings),
        command_timeout: millis(secrets.command_timeout_ms.as_ref(), 1..=600_000, 10_000, findings),
        command_interval: Some(millis(secrets.command_interval_ms.as_ref(), 0..=86_400_000, 300_000, findings))
            .filter(|interval| !interval.is_zero()),
        strict: written.translation.as_ref().and_then(|at| at.value.strict.as_ref()).is_some_and(|at| at.value),
        seal: reference(written.state.as_ref().and_then(|at| at.value.key.as_ref()), findings),
        ledger: ledger::check(written.ledger.as_ref().map(|at| &at.value), findings),
        projection: projection::check(written.projection.as_ref().map(|at| &at.value), findings),
        admin: telemetry::admin(written.admin.as_ref().map(|at| &at.value), findings),
        telemetry: telemetry::check(written.telemetry.as_ref().map(|at| &at.value), findings),
        retention: retention::check(written.retention.as_ref().map(|at| &at.value), findings),
        catalogue: each(written.catalogue.as_ref().map(|at| &at.value), Clone::clone),
        prices: each(written.prices.as_ref().map(|at| &at.value), Clone::clone),
        keys_place: written.keys.as_ref().map(|at| at.place.clone()),
        keys: each(written.keys.as_ref().map(|at| &at.value), |written| key(written, findings)),
        providers: each(written.providers.as_ref().map(|at| &at.value), |(name, written)| {
            provider(name, written, findings)
        }),
        deployments: each(written.deployments.as_ref().map(|at| &at.value), |(name, written)| {
            deployment(name, written, findings)
        }),
        aliases: each(written.aliases.as_ref().map(|at| &at.value), |(name, target)| {
            (name.clone(), named(name, DeploymentName::new, findings), name.with(target.clone()))
        }),
    }
}

fn each<T, U>(list: Option<&Vec<T>>, of: impl FnMut(&T) -> U) -> Vec<U> {
    list.into_iter().flatten().map(of).collect()
}

fn limits(written: &written::Limits, findings: &mut Findings) -> Limits {
    let usual = Limits::default();
    let size = |at: &Option<At<u64>>, usual: usize| {
        at.as_ref().map_or(usual, |at| usize::try_from(at.value).unwrap_or(usize::MAX))
    };
    let body_time = whole(written.body_time_ms_max.as_ref(), 1..=3_600_000, findings);
    let limits = Limits {
        body_bytes_max: size(&written.body_bytes_max, usual.body_bytes_max),
        body_time_max: body_time.map_or(usual.body_time_max, Duration::from_millis),
        header_bytes_max: size(&written.header_bytes_max, usual.header_bytes_max),
        headers_max: size(&written.headers_max, usual.headers_max),
        event_bytes_max: size(&written.event_bytes_max, usual.event_bytes_max),
        answer_bytes_max: size(&written.answer_bytes_max, usual.answer_bytes_max),
        depth_max: size(&written.depth_max, usual.depth_max),
        tools_max: size(&written.tools_max, usual.tools_max),
        open_requests_max: size(&written.open_requests_max, usual.open_requests_max),
    };
    for error in limits.check() {
        let name = error.setting.strip_prefix("limits.").unwrap_or(error.setting);
        findings.add(&written.place(name).cloned().unwrap_or_default(), error.to_string());
    }
    limits
}

fn key(written: &At<written::Key>, findings: &mut Findings) -> Key {
    let At { place, value } = written;
    let name = required(value.name.as_ref(), "name", place, findings);
    if let Some(at) = name
        && (at.value.trim().is_empty() || at.value.len() > 256 || at.value.chars().any(char::is_control))
    {
        findings.add(&at.place, "the name of a key has 1 to 256 characters and none that cannot be seen");
    }
    let secret = required(value.secret.as_ref(), "secret", place, findings);
    let team = written.value.team.as_ref().and_then(|at| named(at, TeamName::new, findings));
    let use_case = written.value.use_case.as_ref().and_then(|at| named(at, UseCaseName::new, findings));
    Key { name: name.cloned(), secret: reference(secret, findings), team, use_case }
}

fn provider(given: &At<String>, written: &written::Provider, findings: &mut Findings) -> Provider {
    let callers_own = choice(written.credential.as_ref(), &[("deployment", false), ("caller", true)], findings)
        .unwrap_or_default()
        .then(|| written.credential.as_ref().map(|at| at.place.clone()))
        .flatten();
    let retention =
        [("off", RetentionPolicy::Off), ("refuse", RetentionPolicy::Refuse), ("allow", RetentionPolicy::Allow)];
    let styles = CredentialStyle::ALL.map(|style| (style.as_str(), style));
    let quirks = written.quirks.as_ref().map(|at| Quirks::check(&at.value, findings)).unwrap_or_default();
    if let (Some(bound), Some(same)) =
        (&written.max_output_tokens, written.quirks.as_ref().and_then(|at| at.value.default_max_tokens.as_ref()))
    {
        let hint = format!("leave out '{}'", same.place.key);
        findings.add_with(
            &bound.place,
            format!("'{}' and '{}' are the same setting", bound.place.key, same.place.key),
            hint,
        );
    }
    let (headers, secret_headers) = headers(written.headers.as_ref(), &[], findings);
    let dialects = each(written.dialects.as_ref().map(|at| &at.value), |at| dialect(Some(at), findings));
    let dialects: Vec<At<DialectId>> = dialects.into_iter().flatten().collect();
    if let (Some(one), Some(several)) = (&written.dialect, &written.dialects) {
        let message = format!("'{}' and '{}' are the same setting", one.place.key, several.place.key);
        findings.add_with(&one.place, message, format!("leave out '{}'", one.place.key));
    }
    for (place, twice) in dialects.iter().enumerate() {
        if dialects.iter().take(place).any(|before| before.value == twice.value) {
            findings.add(&twice.place, format!("'{}' names {} twice", twice.place.key, twice.value));
        }
    }
    Provider {
        given: given.clone(),
        name: named(given, ProviderName::new, findings),
        kind: written.kind.clone(),
        dialect: dialect(written.dialect.as_ref(), findings).or_else(|| dialects.first().cloned()),
        more_dialects: dialects.iter().skip(1).cloned().collect(),
        base_url: base_url(written.base_url.as_ref(), findings),
        base_url_given: written.base_url.is_some(),
        dialect_given: written.dialect.is_some() || written.dialects.is_some(),
        key: reference(written.key.as_ref(), findings),
        key_style: choice(written.key_style.as_ref(), &styles, findings)
            .zip(written.key_style.as_ref())
            .map(|(style, at)| at.with(style)),
        api_version: written.api_version.as_ref().and_then(|at| api_version(at, findings)),
        operations: operations(written.operations.as_ref(), findings),
        callers_own,
        key_place: written.key.as_ref().map(|at| at.place.clone()),
        retention: choice(written.retention.as_ref(), &retention, findings).unwrap_or_default(),
        account: written.account.as_ref().and_then(|at| named(at, AccountName::new, findings)),
        trace_context: written.trace_context.as_ref().is_some_and(|at| at.value),
        passed_headers: each(written.passed_headers.as_ref().map(|at| &at.value), |at| header_name(at, &[], findings))
            .into_iter()
            .flatten()
            .collect(),
        models: each(written.models.as_ref().map(|at| &at.value), |at| named(at, ModelName::new, findings))
            .into_iter()
            .flatten()
            .collect(),
        quirks,
        identity: written.identity.as_ref().map(|at| identity::Written::check(at, findings)),
        project: written.project.as_ref().and_then(|at| project(at, findings)),
        changes: Changes {
            max_output_tokens: whole(written.max_output_tokens.as_ref(), OUTPUT_TOKENS, findings),
            first_byte: timeout(written.first_byte_timeout_ms.as_ref(), TIMEOUT_MS, findings),
            idle: timeout(written.idle_timeout_ms.as_ref(), TIMEOUT_MS, findings),
            total: timeout(written.total_timeout_ms.as_ref(), TIMEOUT_MS, findings).map(|at| at.value),
            leaving: Leaving::of_provider(written, findings),
            headers,
            secret_headers,
        },
    }
}

/// A version stands in the query of an address, so it holds nothing that an address gives a meaning to.
fn api_version(at: &At<String>, findings: &mut Findings) -> Option<At<String>> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    if (1..=64).contains(&at.value.len()) && at.value.bytes().all(plain) {
        return Some(at.clone());
    }
    let message = format!("'{}' is no version of an API, such as '2024-10-21'", at.place.key);
    findings.add(&at.place, message);
    None
}

/// A project stands in the path of an address. Older ones have the domain of their owner before a colon.
fn project(at: &At<String>, findings: &mut Findings) -> Option<At<String>> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b':');
    if (1..=63).contains(&at.value.len()) && at.value.bytes().all(plain) {
        return Some(at.clone());
    }
    findings.add(&at.place, format!("'{}' is no project, such as 'my-project-17'", at.place.key));
    None
}

fn operations(written: Option<&At<Vec<At<String>>>>, findings: &mut Findings) -> Option<Vec<Operation>> {
    let known: Vec<(&str, Operation)> = std::iter::once(Operation::Answer)
        .chain(Operation::SERVICES)
        .map(|operation| (operation.as_str(), operation))
        .collect();
    let written = written?;
    if written.value.is_empty() {
        findings.add(&written.place, format!("'{}' is empty; a provider has at least one", written.place.key));
    }
    Some(each(Some(&written.value), |at| choice(Some(at), &known, findings)).into_iter().flatten().collect())
}

fn deployment(given: &At<String>, written: &written::Deployment, findings: &mut Findings) -> Deployment {
    let provider = required(written.provider.as_ref(), "provider", &given.place, findings).cloned();
    let model = required(written.model.as_ref(), "model", &given.place, findings);
    let (headers, secret_headers) = headers(written.headers.as_ref(), &[], findings);
    Deployment {
        given: given.clone(),
        name: named(given, DeploymentName::new, findings),
        provider,
        model: model.and_then(|at| named(at, ModelName::new, findings)),
        open_requests_max: count(
            written.limits.as_ref().and_then(|at| at.value.open_requests_max.as_ref()),
            1..=1_000_000,
            findings,
        ),
        defaults: written.defaults.as_ref().map(|at| defaults(&at.value, findings)).unwrap_or_default(),
        facts: Stated::check(written, findings),
        changes: Changes {
            max_output_tokens: whole(written.max_output_tokens.as_ref(), OUTPUT_TOKENS, findings),
            first_byte: timeout(written.first_byte_timeout_ms.as_ref(), TIMEOUT_MS, findings),
            idle: timeout(written.idle_timeout_ms.as_ref(), TIMEOUT_MS, findings),
            total: timeout(written.total_timeout_ms.as_ref(), TIMEOUT_MS, findings).map(|at| at.value),
            leaving: Leaving::of_deployment(written, findings),
            headers,
            secret_headers,
        },
    }
}

fn defaults(written: &written::DeploymentDefaults, findings: &mut Findings) -> Defaults {
    let efforts = [
        ("none", Effort::None),
        ("minimal", Effort::Minimal),
        ("low", Effort::Low),
        ("medium", Effort::Medium),
        ("high", Effort::High),
        ("xhigh", Effort::ExtraHigh),
        ("max", Effort::Max),
    ];
    Defaults {
        temperature: number(written.temperature.as_ref(), 2.0, findings),
        top_p: number(written.top_p.as_ref(), 1.0, findings),
        max_output_tokens: whole(written.max_output_tokens.as_ref(), OUTPUT_TOKENS, findings),
        reasoning_effort: choice(written.reasoning_effort.as_ref(), &efforts, findings),
        seed: written.seed.as_ref().map(|at| at.value),
        stop: written.stop.as_ref().map(|list| list.value.iter().map(|at| at.value.clone()).collect()),
    }
}

/// A number from 0 to a bound, as it was written.
pub(super) fn number(at: Option<&At<Number>>, max: f64, findings: &mut Findings) -> Option<Number> {
    let at = at?;
    if at.value.as_f64().is_some_and(|value| (0.0..=max).contains(&value)) {
        return Some(at.value.clone());
    }
    findings.add(&at.place, format!("'{}' is {}; it must be from 0 to {max}", at.place.key, at.value));
    None
}

pub(super) fn required<'a, T>(
    at: Option<&'a At<T>>,
    name: &str,
    section: &Place,
    findings: &mut Findings,
) -> Option<&'a At<T>> {
    if at.is_none() {
        findings.add(section, format!("'{}' lacks '{name}', which is required", section.key));
    }
    at
}

/// Notes a text that is no name.
pub(super) fn named<T>(at: &At<String>, new: fn(String) -> Result<T, NameError>, findings: &mut Findings) -> Option<T> {
    new(at.value.clone()).map_err(|error| findings.add(&at.place, format!("'{}': {error}", at.place.key))).ok()
}

const HOW_TO_REFER: &str = "write 'env:NAME' for an environment variable, 'file:PATH' for a file, or 'cmd:PROGRAM ARGUMENTS' for what a command says";

pub(super) fn reference(at: Option<&At<String>>, findings: &mut Findings) -> Option<At<Reference>> {
    let at = at?;
    match Reference::parse(&at.value) {
        Ok(reference) => Some(at.with(reference)),
        Err(reason) => {
            findings.add_with(&at.place, format!("'{}' {reason}", at.place.key), HOW_TO_REFER);
            None
        }
    }
}

fn dialect(at: Option<&At<String>>, findings: &mut Findings) -> Option<At<DialectId>> {
    let known: Vec<(&str, DialectId)> =
        switchtower_dialect::ALL.iter().map(|one| (one.id().as_str(), one.id())).collect();
    choice(at, &known, findings).zip(at).map(|(id, at)| at.with(id))
}

fn base_url(at: Option<&At<String>>, findings: &mut Findings) -> Option<At<String>> {
    let at = at?;
    let authority = at.value.split_once("://").map_or(at.value.as_str(), |(_, rest)| rest);
    if looks_secret(&at.value) || authority.split(['/', '?', '#']).next().is_some_and(|host| host.contains('@')) {
        let message = format!("'{}' holds what looks like a credential", at.place.key);
        findings.add_with(&at.place, message, "secrets do not belong in this file; refer to one in 'key' or 'headers'");
        return None;
    }
    match Endpoint::new(&at.value.replace(REGION, "region").replace(PROJECT, "project"), DialectId::OpenaiChat) {
        Ok(_) => Some(at.clone()),
        Err(error) => {
            findings.add(&at.place, format!("'{}': {error}", at.place.key));
            None
        }
    }
}

pub(super) fn timeout(
    at: Option<&At<u64>>,
    range: RangeInclusive<u64>,
    findings: &mut Findings,
) -> Option<At<Duration>> {
    whole(at, range, findings).zip(at).map(|(millis, at)| at.with(Duration::from_millis(millis)))
}

pub(super) fn count(at: Option<&At<u64>>, range: RangeInclusive<u64>, findings: &mut Findings) -> Option<usize> {
    whole(at, range, findings).and_then(|count| usize::try_from(count).ok())
}

/// A number within a range.
pub(super) fn whole(at: Option<&At<u64>>, range: RangeInclusive<u64>, findings: &mut Findings) -> Option<u64> {
    let at = at?;
    if range.contains(&at.value) {
        return Some(at.value);
    }
    let message = format!("'{}' is {}; it must be from {} to {}", at.place.key, at.value, range.start(), range.end());
    findings.add(&at.place, message);
    None
}

/// One of several words.
pub(super) fn choice<T: Clone>(at: Option<&At<String>>, known: &[(&str, T)], findings: &mut Findings) -> Option<T> {
    let at = at?;
    if let Some((_, value)) = known.iter().find(|(word, _)| *word == at.value) {
        return Some(value.clone());
    }
    let words: Vec<&str> = known.iter().map(|(word, _)| *word).collect();
    let message = format!("'{}' is '{}'; expected {}", at.place.key, at.value, quoted(&words, " or "));
    match switchtower_domain::nearest(&at.value, words).as_slice() {
        [] => findings.add(&at.place, message),
        near => findings.add_with(&at.place, message, format!("did you mean {}?", quoted(near, " or "))),
    }
    None
}

/// The name of a field on the wire.
pub(super) fn field_name(at: &At<String>, findings: &mut Findings) -> Option<String> {
    if at.value.is_empty() || at.value.chars().any(|c| c.is_control() || c.is_whitespace()) {
        findings.add(&at.place, format!("'{}' is not the name of a field", at.value));
        return None;
    }
    Some(at.value.clone())
}

/// Headers that belong to a connection or to the message on it, that carry a credential, or that we write ourselves.
const RESERVED: [&str; 17] = [
    "accept",
    "accept-encoding",
    "authorization",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "cookie",
    "host",
    "keep-alive",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "x-api-key",
    "expect",
];

/// A header that may be set. Of those that are usually ours, some may be `permitted`.
fn header_name(at: &At<String>, permitted: &[&str], findings: &mut Findings) -> Option<HeaderName> {
    let Ok(name) = HeaderName::try_from(at.value.as_str()) else {
        findings.add(&at.place, format!("'{}' is not the name of a header", at.value));
        return None;
    };
    if RESERVED.contains(&name.as_str()) && !permitted.contains(&name.as_str()) {
        let hint = match name.as_str() {
            "authorization" | "x-api-key" => "a credential belongs in 'key'",
            _ => "leave it out",
        };
        findings.add_with(&at.place, format!("the header '{name}' is written by the gateway alone"), hint);
        return None;
    }
    Some(name)
}

/// Headers with their values, and those whose values are secrets elsewhere.
pub(super) fn headers(
    written: Option<&At<Named<String>>>,
    permitted: &[&str],
    findings: &mut Findings,
) -> (HeaderMap, Vec<(HeaderName, At<Reference>)>) {
    let mut plain = HeaderMap::new();
    let mut secret: Vec<(HeaderName, At<Reference>)> = Vec::new();
    for (name, text) in written.into_iter().flat_map(|at| &at.value) {
        let Some(header) = header_name(name, permitted, findings) else { continue };
        if plain.contains_key(&header) || secret.iter().any(|(known, _)| *known == header) {
            findings.add(&name.place, format!("the header '{header}' is given twice"));
            continue;
        }
        if is_reference(text) {
            secret.extend(reference(Some(&name.with(text.clone())), findings).map(|reference| (header, reference)));
            continue;
        }
        if looks_secret(text) || names_secret(header.as_str()) {
            let message = format!("'{}' looks like a credential and is not a reference", name.place.key);
            findings.add_with(&name.place, message, HOW_TO_REFER);
            continue;
        }
        let Ok(value) = HeaderValue::try_from(text.as_str()) else {
            findings.add(&name.place, format!("'{}' has characters that no header can carry", name.place.key));
            continue;
        };
        plain.insert(header, value);
    }
    (plain, secret)
}
