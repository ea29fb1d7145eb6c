//! What is known of each kind of provider before anything is configured.

use crate::{CredentialStyle, anthropic, compatible, openai};
use http::{HeaderMap, HeaderName};
use std::sync::LazyLock;
use switchtower_dialect::Variant;
use switchtower_domain::DialectId;

/// A kind of provider.
#[derive(Debug, Clone)]
pub struct Known {
    /// The name of the kind, which is also the usual name of a provider of it.
    pub name: String,
    /// What it speaks.
    pub dialect: DialectId,
    /// Where it is, unless it is wherever the operator runs it.
    pub base_url: Option<String>,
    /// The environment variable that usually holds its key.
    pub key_variable: Option<String>,
    /// The environment variable that usually holds another base URL.
    pub base_url_variable: Option<String>,
    /// How its key is shown.
    pub style: CredentialStyle,
    /// How it differs from its dialect.
    pub variant: Variant,
    /// Headers that each request carries.
    pub headers: HeaderMap,
    /// Headers of the caller that are passed on.
    pub passed_headers: Vec<HeaderName>,
    /// The header in which it names its own id for a request.
    pub request_id_header: HeaderName,
    /// Its public reference.
    pub docs: String,
}

static CATALOGUE: LazyLock<Vec<Known>> = LazyLock::new(|| {
    let own = [openai::known(), anthropic::known()];
    own.into_iter().chain(compatible::known()).collect()
});

/// Every kind of provider that is known, in the order in which documents list them.
pub fn catalogue() -> &'static [Known] {
    &CATALOGUE
}

/// The kind of that name.
pub fn known(name: &str) -> Option<&'static Known> {
    catalogue().iter().find(|kind| kind.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Endpoint;
    use std::collections::HashSet;
    use switchtower_domain::ProviderName;

    #[test]
    fn every_kind_can_be_reached_and_read_about() {
        let mut names = HashSet::new();
        for kind in catalogue() {
            assert!(names.insert(&kind.name), "{} is there twice", kind.name);
            ProviderName::new(kind.name.clone()).unwrap();
            if let Some(base) = &kind.base_url {
                assert!(base.starts_with("https://"), "{}: {base}", kind.name);
                Endpoint::new(base, kind.dialect).unwrap();
            }
            assert!(kind.docs.starts_with("https://"), "{}", kind.name);
            assert_eq!(kind.base_url.is_some(), kind.key_variable.is_some(), "{}", kind.name);
        }
        for name in ["xai", "groq", "deepseek", "mistral", "openrouter", "together", "llamacpp", "vllm"] {
            assert!(names.contains(&name.to_owned()), "{name}");
        }
    }
}
