//! What the variables of AWS's own tools say: the region, and keys that requests are signed with.
//! Source: <https://docs.aws.amazon.com/sdkref/latest/guide/environment-variables.html>

use super::ready::Resolver;
use std::sync::Arc;
use switchtower_domain::{RegionName, Secret};
use switchtower_providers::Credential;
use switchtower_providers::aws::AwsCredentials;

impl Resolver<'_> {
    /// The region that is meant where none is said.
    pub(super) fn aws_region(&self) -> Option<RegionName> {
        let named = ["AWS_REGION", "AWS_DEFAULT_REGION"].into_iter().find_map(|name| self.outside.variable(name));
        RegionName::new(named?).ok()
    }

    /// Keys of an account, unless there is a key of Bedrock's own, which needs no signature.
    pub(super) fn aws_keys(&self, key_variable: Option<&str>) -> Option<Credential> {
        let said = |name: &str| self.outside.variable(name).filter(|text| !text.trim().is_empty());
        if key_variable.and_then(said).is_some() {
            return None;
        }
        let (id, secret) = (said("AWS_ACCESS_KEY_ID")?, said("AWS_SECRET_ACCESS_KEY")?);
        let token = said("AWS_SESSION_TOKEN").map(|token| Secret::new(token.trim()));
        let credentials = AwsCredentials::new(id.trim(), Secret::new(secret.trim()), token);
        Some(Credential::Aws(Arc::new(credentials)))
    }
}
