//! What AWS's own tools would find: the region, and where keys come from that requests are signed with.
//! Source: <https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html>

use super::ready::Resolver;
use std::path::PathBuf;
use std::sync::Arc;
use switchtower_domain::{RegionName, Secret};
use switchtower_identity::aws::{CONTAINER, Derived, IMDS, Identity, Keys, Profile, Source, profile};
use switchtower_providers::Credential;

/// The largest file of profiles that is read.
const FILE_BYTES_MAX: u64 = 1 << 20;
/// The region of a service that is asked for keys, where nobody names one.
const USUAL_REGION: &str = "us-east-1";

impl Resolver<'_> {
    /// The region that is meant where none is said.
    pub(super) fn aws_region(&self) -> Option<RegionName> {
        let named = ["AWS_REGION", "AWS_DEFAULT_REGION"].into_iter().find_map(|name| self.aws_says(name));
        let named = named.or_else(|| Some(self.aws_profile(None)?.get("region")?.to_owned()));
        RegionName::new(named?).ok()
    }

    /// Where keys come from, in the order of AWS's own tools: the environment, a web identity, a profile and its single
    /// sign-on, the container, the instance. A profile that is `named` goes first.
    ///
    /// # Errors
    /// Why a profile cannot be used.
    pub(super) fn aws_keys(&self, named: Option<&str>) -> Result<Credential, String> {
        let source = match named {
            Some(name) => {
                let profile = self.aws_profile(Some(name)).ok_or_else(|| format!("there is no profile '{name}'"))?;
                let found = self.aws_of_profile(&profile)?;
                found.ok_or_else(|| format!("profile '{name}' has no keys and no single sign-on"))?
            }
            None => self.aws_found()?,
        };
        Ok(Credential::Aws(Arc::new(Identity::new(source))))
    }

    fn aws_found(&self) -> Result<Source, String> {
        let said = |name: &str| self.aws_says(name);
        if let (Some(id), Some(secret)) = (said("AWS_ACCESS_KEY_ID"), said("AWS_SECRET_ACCESS_KEY")) {
            return Ok(Source::Given(keys(id, secret, said("AWS_SESSION_TOKEN"))));
        }
        if let (Some(role_arn), Some(file)) = (said("AWS_ROLE_ARN"), said("AWS_WEB_IDENTITY_TOKEN_FILE")) {
            let session_name = said("AWS_ROLE_SESSION_NAME").unwrap_or_else(|| "switchtower".to_owned());
            let region = self.aws_region().map_or_else(|| USUAL_REGION.to_owned(), |region| region.to_string());
            let usual = || format!("https://sts.{region}.amazonaws.com");
            let sts = said("AWS_ENDPOINT_URL_STS").unwrap_or_else(usual);
            return Ok(Source::WebIdentity { role_arn, session_name, token_file: PathBuf::from(file), sts });
        }
        if let Some(profile) = self.aws_profile(None)
            && let Some(source) = self.aws_of_profile(&profile)?
        {
            return Ok(source);
        }
        let relative = said("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI").map(|path| format!("{CONTAINER}{path}"));
        if let Some(url) = relative.or_else(|| said("AWS_CONTAINER_CREDENTIALS_FULL_URI")) {
            return Ok(Source::Container {
                url,
                shown: said("AWS_CONTAINER_AUTHORIZATION_TOKEN").map(Secret::new),
                shown_file: said("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE").map(PathBuf::from),
            });
        }
        let endpoint = said("AWS_EC2_METADATA_SERVICE_ENDPOINT").unwrap_or_else(|| IMDS.to_owned());
        Ok(Source::Instance { endpoint: endpoint.trim_end_matches('/').to_owned() })
    }

    /// The profile of a name, or the one that is meant without one.
    fn aws_profile(&self, named: Option<&str>) -> Option<Profile> {
        let name = named.map(str::to_owned).or_else(|| self.aws_says("AWS_PROFILE"));
        let name = name.unwrap_or_else(|| "default".to_owned());
        let text = |variable: &str, usual: &str| {
            let path =
                self.aws_says(variable).map(PathBuf::from).or_else(|| self.aws_home().map(|home| home.join(usual)));
            path.and_then(|path| self.outside.file(&path, FILE_BYTES_MAX).ok()).unwrap_or_default()
        };
        profile(&text("AWS_CONFIG_FILE", "config"), &text("AWS_SHARED_CREDENTIALS_FILE", "credentials"), &name)
    }

    fn aws_of_profile(&self, profile: &Profile) -> Result<Option<Source>, String> {
        let of = |name: &str| profile.get(name).map(str::to_owned);
        if let (Some(id), Some(secret)) = (of("aws_access_key_id"), of("aws_secret_access_key")) {
            return Ok(Some(Source::Given(keys(id, secret, of("aws_session_token")))));
        }
        if let (Some(account_id), Some(role_name)) = (of("sso_account_id"), of("sso_role_name")) {
            let session = of("sso_session").or_else(|| of("sso_start_url"));
            let session = session.ok_or("a profile of single sign-on needs 'sso_session' or 'sso_start_url'")?;
            let region = of("sso_region").unwrap_or_else(|| USUAL_REGION.to_owned());
            let usual = || format!("https://portal.sso.{region}.amazonaws.com");
            let portal = self.aws_says("AWS_ENDPOINT_URL_SSO").unwrap_or_else(usual);
            let cache =
                self.aws_home().ok_or("HOME is not set, where the tools of AWS keep what they got")?.join("sso/cache");
            return Ok(Some(Source::SingleSignOn { session, account_id, role_name, portal, cache }));
        }
        for other in ["role_arn", "credential_process"] {
            if profile.get(other).is_some() {
                let message = "write its keys into 'key' of a provider in front, or use a web identity";
                return Err(format!("a profile with '{other}' is not taken; {message}"));
            }
        }
        Ok(None)
    }

    fn aws_home(&self) -> Option<PathBuf> {
        self.outside.variable("HOME").map(|home| PathBuf::from(home).join(".aws"))
    }

    fn aws_says(&self, name: &str) -> Option<String> {
        self.outside.variable(name).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
    }
}

fn keys(id: String, secret: String, token: Option<String>) -> Keys {
    Keys {
        access_key_id: id,
        secret_access_key: Secret::new(secret),
        session_token: token.map(Secret::new),
        derived: Derived::default(),
    }
}
