//! Every kind of provider that is known.

use crate::{Known, anthropic, bedrock, cohere, compatible, google, openai};
use std::sync::LazyLock;

static CATALOGUE: LazyLock<Vec<Known>> = LazyLock::new(|| {
    let own = [openai::known(), anthropic::known(), google::known(), cohere::known()];
    own.into_iter().chain(google::vertex::known()).chain(bedrock::known()).chain(compatible::known()).collect()
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
    use crate::{CredentialStyle, Endpoint};
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
                for interface in kind.interfaces() {
                    let base = interface.base_url.as_deref().unwrap_or(base);
                    let base = base.replace("${region}", "region").replace("${project}", "project");
                    Endpoint::new(&base, interface.dialect).unwrap();
                }
            }
            assert!(kind.docs.starts_with("https://"), "{}", kind.name);
            let shows = kind.key_variable.is_some() || kind.style == CredentialStyle::Identity;
            assert_eq!(kind.base_url.is_some(), shows, "{}", kind.name);
            assert!(kind.style != CredentialStyle::Identity || kind.cloud.is_some(), "{}", kind.name);
        }
        for name in ["xai", "groq", "deepseek", "mistral", "openrouter", "together", "llamacpp", "vllm"] {
            assert!(names.contains(&name.to_owned()), "{name}");
        }
    }
}
