//! Providers as the configuration has them: of a kind, in a dialect, at an address, with a credential.

use super::checked::Provider;
use super::leaving::{PROJECT, REGION};
use super::ready::Resolver;
use super::secrets::Reference;
use super::written::At;
use switchtower_domain::{DialectId, RegionName};
use switchtower_providers as providers;
use switchtower_providers::{Credential, CredentialStyle, Endpoint, Known};

impl Resolver<'_> {
    /// A provider as it is in a region, where its base URL names one.
    pub(super) fn provider(
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
}
