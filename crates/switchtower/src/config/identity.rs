//! Who the gateway is at a cloud that takes no key: what `[providers.NAME.identity]` says, and where it says nothing,
//! what the cloud's own tools would find.

use super::checked::{choice, reference};
use super::leaving::path;
use super::problem::{Findings, Place};
use super::ready::{Resolver, Secrets};
use super::secrets::Reference;
use super::written::{self, At};
use std::path::PathBuf;
use std::sync::Arc;
use switchtower_identity::azure::{AUTHORITY, Application};
use switchtower_identity::{Identity, IdentityError, Source, azure, google};
use switchtower_providers::Cloud;

/// An identity whose values are valid in themselves.
#[derive(Debug)]
pub(super) struct Written {
    place: Place,
    cloud: Option<Cloud>,
    credentials: Option<At<Reference>>,
    tenant: Option<String>,
    client: Option<String>,
    secret: Option<At<Reference>>,
    certificate: Option<At<Reference>>,
    token_file: Option<At<PathBuf>>,
    authority: Option<String>,
    metadata: Option<String>,
    profile: Option<String>,
}

impl Written {
    /// The cloud, where it is said.
    pub(super) const fn cloud(&self) -> Option<Cloud> {
        self.cloud
    }

    /// The profile of AWS, where one is named.
    pub(super) fn profile(&self) -> Option<&str> {
        self.profile.as_deref()
    }

    pub(super) const fn place(&self) -> &Place {
        &self.place
    }

    pub(super) fn check(at: &At<written::Identity>, findings: &mut Findings) -> Self {
        let At { place, value } = at;
        let text = |at: &Option<At<String>>| at.as_ref().map(|at| at.value.trim().to_owned());
        let shown = [&value.secret, &value.certificate, &value.token_file];
        if let [first, second, ..] = shown.into_iter().flatten().collect::<Vec<_>>().as_slice() {
            let message = format!("'{}' and '{}' both say what is shown", first.place.key, second.place.key);
            findings.add_with(&second.place, message, "leave one of them out");
        }
        Self {
            place: place.clone(),
            cloud: choice(
                value.kind.as_ref(),
                &[("google", Cloud::Google), ("azure", Cloud::Azure), ("aws", Cloud::Aws)],
                findings,
            ),
            credentials: reference(value.credentials.as_ref(), findings),
            tenant: text(&value.tenant),
            client: text(&value.client),
            secret: reference(value.secret.as_ref(), findings),
            certificate: reference(value.certificate.as_ref(), findings),
            token_file: path(value.token_file.as_ref(), findings),
            authority: text(&value.authority),
            metadata: text(&value.metadata),
            profile: text(&value.profile),
        }
    }
}

impl Resolver<'_> {
    /// The identity that a provider has, where it has one: by its own words, or because its kind takes nothing else.
    pub(super) fn cloud_identity(
        &mut self,
        written: Option<&Written>,
        cloud: Option<Cloud>,
        place: &Place,
    ) -> Option<Arc<Identity>> {
        let place = written.map_or(place, |written| &written.place);
        let Some(cloud) = written.and_then(|written| written.cloud).or(cloud) else {
            let message = format!("'{}' does not say which cloud it is at", place.key);
            self.findings.add_with(place, message, "add kind = \"google\", kind = \"azure\" or kind = \"aws\"");
            return None;
        };
        let source = match cloud {
            Cloud::Google => self.google(written).map(|source| source.map(Source::Google)),
            Cloud::Azure => self.azure(written, place).map(|source| source.map(Source::Azure)),
            // Requests to AWS are signed, and its keys come otherwise.
            Cloud::Aws => return None,
        }?;
        let refused = |error: IdentityError| self.findings.add(place, format!("'{}': {error}", place.key));
        source.map_err(refused).ok().map(|source| Arc::new(Identity::new(source)))
    }

    /// In the order of Application Default Credentials:
    /// <https://cloud.google.com/docs/authentication/application-default-credentials#order>. Nothing where a mistake was
    /// noted.
    fn google(&mut self, written: Option<&Written>) -> Option<Result<google::Source, IdentityError>> {
        const VARIABLE: &str = "GOOGLE_APPLICATION_CREDENTIALS";
        const OF_TOOLS: &str = ".config/gcloud/application_default_credentials.json";
        if self.secrets == Secrets::Unread {
            return Some(Ok(google::Source::metadata(None)));
        }
        if let Some(reference) = written.and_then(|written| written.credentials.as_ref()) {
            let text = self.secret(reference)?;
            let folder = self.sources.folder(&reference.place);
            return Some(google::Source::of_file(text.expose(), folder));
        }
        let home = self.outside.variable("HOME").map(|home| PathBuf::from(home).join(OF_TOOLS));
        let named = self.outside.variable(VARIABLE).map(PathBuf::from);
        for (path, must) in [(named, true), (home, false)] {
            let Some(path) = path else { continue };
            match self.outside.file(&path, 64 * 1024) {
                Ok(text) => {
                    let folder = path.parent().map(PathBuf::from).unwrap_or_default();
                    return Some(google::Source::of_file(&text, &folder));
                }
                Err(error) if must => {
                    let what = format!("the file that {VARIABLE} names cannot be read ({})", error.kind());
                    return Some(Err(IdentityError::Credentials(what)));
                }
                Err(_) => {}
            }
        }
        let host = written.and_then(|written| written.metadata.clone());
        let host = host.or_else(|| self.outside.variable("GCE_METADATA_HOST"));
        Some(Ok(google::Source::metadata(host.as_deref())))
    }

    /// What is written, and for the rest the variables that Azure's own tools read:
    /// <https://learn.microsoft.com/dotnet/api/azure.identity.environmentcredential>. Nothing where a mistake was noted.
    fn azure(&mut self, written: Option<&Written>, place: &Place) -> Option<Result<azure::Source, IdentityError>> {
        let or = |said: Option<&String>, variable: &str| said.cloned().or_else(|| self.outside.variable(variable));
        let tenant = or(written.and_then(|written| written.tenant.as_ref()), "AZURE_TENANT_ID");
        let client = or(written.and_then(|written| written.client.as_ref()), "AZURE_CLIENT_ID");
        let authority = or(written.and_then(|written| written.authority.as_ref()), "AZURE_AUTHORITY_HOST");
        let application = tenant.zip(client.clone()).map(|(tenant, client)| Application {
            authority: authority.unwrap_or_else(|| AUTHORITY.to_owned()),
            tenant,
            client,
        });
        let shown = written.map(|written| (&written.secret, &written.certificate, &written.token_file));
        if let Some((secret, certificate, token_file)) = shown
            && (secret.is_some() || certificate.is_some() || token_file.is_some())
        {
            let Some(application) = application else {
                let message = format!("'{}' needs 'tenant' and 'client' beside what is shown", place.key);
                self.findings.add(place, message);
                return None;
            };
            let unread = certificate.as_ref().filter(|_| self.secrets == Secrets::Unread);
            return Some(if let Some(reference) = secret.as_ref().or(unread) {
                Ok(azure::Source::secret(application, self.secret(reference)?))
            } else if let Some(reference) = certificate {
                azure::Source::certificate(application, self.secret(reference)?.expose())
            } else {
                let path = token_file.as_ref()?;
                Ok(azure::Source::federated(application, self.sources.folder(&path.place).join(&path.value)))
            });
        }
        if let Some(application) = application {
            if let Some(secret) = self.outside.variable("AZURE_CLIENT_SECRET") {
                return Some(Ok(azure::Source::secret(application, switchtower_domain::Secret::new(secret))));
            }
            if let Some(path) = self.outside.variable("AZURE_CLIENT_CERTIFICATE_PATH") {
                let text = self.outside.file(&PathBuf::from(path), 64 * 1024);
                let unread = |error: std::io::Error| {
                    let what =
                        format!("the file that AZURE_CLIENT_CERTIFICATE_PATH names cannot be read ({})", error.kind());
                    IdentityError::Credentials(what)
                };
                return Some(text.map_err(unread).and_then(|pem| azure::Source::certificate(application, &pem)));
            }
            if let Some(path) = self.outside.variable("AZURE_FEDERATED_TOKEN_FILE") {
                return Some(Ok(azure::Source::federated(application, PathBuf::from(path))));
            }
        }
        if let (Some(endpoint), Some(header)) =
            (self.outside.variable("IDENTITY_ENDPOINT"), self.outside.variable("IDENTITY_HEADER"))
        {
            return Some(Ok(azure::Source::hosted(client, endpoint, switchtower_domain::Secret::new(header))));
        }
        let metadata = written.and_then(|written| written.metadata.clone());
        Some(Ok(azure::Source::managed(client, metadata)))
    }
}
