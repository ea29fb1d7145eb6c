//! How requests leave for a provider or a deployment: from which region they are served, through which proxy, under
//! which roots of trust, with which certificate.

use super::checked::{choice, named, reference, timeout};
use super::problem::Findings;
use super::secrets::{Reference, looks_secret};
use super::written::{self, At};
use crate::upstream::{HttpVersion, Proxy};
use std::path::PathBuf;
use std::time::Duration;
use switchtower_domain::RegionName;

/// What stands in the base URL for the region.
pub(super) const REGION: &str = "${region}";
/// What stands there for the project.
pub(super) const PROJECT: &str = "${project}";

/// Both sections have the same settings and are types of their own.
macro_rules! check {
    ($written:ident, $findings:ident) => {
        Self {
            region: $written.region.as_ref().and_then(|at| named(at, RegionName::new, $findings)),
            connect: timeout($written.connect_timeout_ms.as_ref(), 1..=600_000, $findings).map(|at| at.value),
            version: version($written.http_version.as_ref(), $findings),
            proxy: proxy($written.proxy.as_ref(), $findings),
            proxy_credential: reference($written.proxy_credential.as_ref(), $findings),
            ca_bundle: path($written.ca_bundle.as_ref(), $findings),
            client_certificate: path($written.client_certificate.as_ref(), $findings),
            client_key: reference($written.client_key.as_ref(), $findings),
        }
    };
}
/// What a provider or a deployment says of it; what it leaves out is as at its provider, or as usual.
#[derive(Debug, Clone, Default)]
pub(super) struct Leaving {
    pub(super) region: Option<RegionName>,
    pub(super) connect: Option<Duration>,
    pub(super) version: Option<HttpVersion>,
    /// Nothing where it is said that there is none.
    pub(super) proxy: Option<At<Option<Proxy>>>,
    pub(super) proxy_credential: Option<At<Reference>>,
    pub(super) ca_bundle: Option<At<PathBuf>>,
    pub(super) client_certificate: Option<At<PathBuf>>,
    pub(super) client_key: Option<At<Reference>>,
}

impl Leaving {
    pub(super) fn of_provider(written: &written::Provider, findings: &mut Findings) -> Self {
        check!(written, findings)
    }

    /// What holds for all providers.
    pub(super) fn of_connections(written: &written::Connections, findings: &mut Findings) -> Self {
        Self {
            proxy: proxy(written.proxy.as_ref(), findings),
            proxy_credential: reference(written.proxy_credential.as_ref(), findings),
            ..Self::default()
        }
    }

    pub(super) fn of_deployment(written: &written::Deployment, findings: &mut Findings) -> Self {
        check!(written, findings)
    }

    /// What holds where both a deployment and its provider, or a provider and all of them, say something.
    pub(super) fn over(&self, provider: &Self) -> Self {
        let or = |ours: &Option<At<PathBuf>>, other: &Option<At<PathBuf>>| ours.clone().or_else(|| other.clone());
        let mut both = Self {
            region: self.region.clone().or_else(|| provider.region.clone()),
            connect: self.connect.or(provider.connect),
            version: self.version.or(provider.version),
            proxy: self.proxy.clone().or_else(|| provider.proxy.clone()),
            proxy_credential: self.proxy_credential.clone(),
            ca_bundle: or(&self.ca_bundle, &provider.ca_bundle),
            client_certificate: self.client_certificate.clone(),
            client_key: self.client_key.clone(),
        };
        // A credential belongs to its proxy and a key to its certificate: whoever names another one names both.
        if self.proxy.is_none() && both.proxy_credential.is_none() {
            both.proxy_credential.clone_from(&provider.proxy_credential);
        }
        if self.client_certificate.is_none() && self.client_key.is_none() {
            both.client_certificate.clone_from(&provider.client_certificate);
            both.client_key.clone_from(&provider.client_key);
        }
        both
    }

    /// Whether anything is said.
    pub(super) const fn is_any(&self) -> bool {
        let Self { region, connect, version, proxy, proxy_credential, ca_bundle, client_certificate, client_key } =
            self;
        region.is_some()
            || connect.is_some()
            || version.is_some()
            || proxy.is_some()
            || proxy_credential.is_some()
            || ca_bundle.is_some()
            || client_certificate.is_some()
            || client_key.is_some()
    }
}

fn version(at: Option<&At<String>>, findings: &mut Findings) -> Option<HttpVersion> {
    let known = [("agreed", HttpVersion::Agreed), ("1.1", HttpVersion::One), ("2", HttpVersion::Two)];
    choice(at, &known, findings)
}

fn proxy(at: Option<&At<String>>, findings: &mut Findings) -> Option<At<Option<Proxy>>> {
    let at = at?;
    if at.value == "none" {
        return Some(at.with(None));
    }
    if looks_secret(&at.value) {
        let message = format!("'{}' holds what looks like a credential", at.place.key);
        findings.add_with(&at.place, message, "refer to it in 'proxy_credential'");
        return None;
    }
    match Proxy::new(&at.value) {
        Ok(proxy) => Some(at.with(Some(proxy))),
        Err(error) => {
            findings.add(&at.place, format!("'{}' {error}", at.place.key));
            None
        }
    }
}

/// The path of a file that is no secret.
pub(super) fn path(at: Option<&At<String>>, findings: &mut Findings) -> Option<At<PathBuf>> {
    let at = at?;
    if at.value.trim().is_empty() {
        findings.add(&at.place, format!("'{}' names no file", at.place.key));
        return None;
    }
    if at.value.contains("-----BEGIN") {
        let message = format!("'{}' holds a text in PEM form", at.place.key);
        findings.add_with(&at.place, message, "write the path of the file that holds it");
        return None;
    }
    Some(at.with(PathBuf::from(&at.value)))
}
