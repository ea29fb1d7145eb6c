//! An address that is called, which may name the model.

use http::Uri;
use http::uri::PathAndQuery;
use std::fmt::Write as _;
use switchtower_domain::ModelName;

/// What stands for the model in an address.
pub(crate) const MODEL: &str = "{model}";

/// An address, ready to be called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// The same for every model.
    Fixed(Uri),
    /// With the model in its path.
    OfModel {
        /// The address without path and query.
        host: Uri,
        /// The path before the model.
        before: String,
        /// The path and the query after it.
        after: String,
    },
}

/// Why a text is not the base URL of a provider.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// It is no URL.
    #[error("'{url}' is not an absolute URL such as 'https://api.example.com/v1'")]
    NotAbsolute {
        /// The text.
        url: String,
    },
    /// It has a scheme that is not spoken.
    #[error("'{scheme}' is not spoken; use https, or http for a provider on your own network")]
    Scheme {
        /// The scheme.
        scheme: String,
    },
    /// It holds more than scheme, host and path.
    #[error("a base URL has no {part}; a key belongs in 'key'")]
    Surplus {
        /// What it has.
        part: &'static str,
    },
}

/// A base URL, and how addresses beneath it are made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Base {
    /// The URL, without a slash at its end.
    pub(crate) url: String,
    /// The version of the API that addresses name, where they name one.
    pub(crate) version: Option<String>,
}

impl Base {
    /// The address of a path.
    ///
    /// A versioned API has an address for each deployment, `BASE/openai/deployments/DEPLOYMENT/PATH?api-version=VERSION`,
    /// unless the base URL ends in `/v1` or `/models`, beneath which the deployment is the model of the body.
    /// Source: <https://learn.microsoft.com/azure/ai-foundry/openai/reference>, and recorded addresses of all three kinds.
    pub(crate) fn at(&self, path: &str) -> Result<Address, EndpointError> {
        let url = self.url.as_str();
        match &self.version {
            None => Address::new(&format!("{url}{path}")),
            Some(version) if url.ends_with("/v1") || url.ends_with("/models") => {
                Address::new(&format!("{url}{path}?api-version={version}"))
            }
            // Responses name the deployment in their body, at any base.
            Some(version) if path.starts_with("/responses") => Address::new(&format!(
                "{}/openai{path}?api-version={version}",
                url.strip_suffix("/openai").unwrap_or(url)
            )),
            Some(version) => {
                let root = url.strip_suffix("/openai").unwrap_or(url);
                Address::new(&format!("{root}/openai/deployments/{MODEL}{path}?api-version={version}"))
            }
        }
    }
}

impl Address {
    /// An address as text, in which `{model}` may stand for the model.
    ///
    /// # Errors
    /// [`EndpointError::NotAbsolute`] where it is none.
    pub fn new(text: &str) -> Result<Self, EndpointError> {
        let broken = || EndpointError::NotAbsolute { url: text.to_owned() };
        let Some((before, after)) = text.split_once(MODEL) else {
            return text.parse().map(Self::Fixed).map_err(|_| broken());
        };
        // The address has to hold with any model, so it is tried with one.
        let whole: Uri = format!("{before}m{after}").parse().map_err(|_| broken())?;
        let mut parts = whole.into_parts();
        parts.path_and_query = Some(PathAndQuery::from_static("/"));
        let host = Uri::from_parts(parts).map_err(|_| broken())?;
        let host_length = host.to_string().len().saturating_sub(1);
        let before = before.get(host_length..).filter(|before| before.starts_with('/')).ok_or_else(broken)?;
        Ok(Self::OfModel { host, before: before.to_owned(), after: after.to_owned() })
    }

    /// The address for a model; nothing where the model's name makes it longer than an address can be.
    pub fn of(&self, model: &ModelName) -> Option<Uri> {
        match self {
            Self::Fixed(uri) => Some(uri.clone()),
            Self::OfModel { host, before, after } => {
                let path = format!("{before}{}{after}", path_segment(model.as_str()));
                let mut parts = host.clone().into_parts();
                parts.path_and_query = Some(path.parse().ok()?);
                Uri::from_parts(parts).ok()
            }
        }
    }
}

/// A text as one segment of a path: what could end the segment, or mean its parent, is encoded.
fn path_segment(text: &str) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut out, byte| {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'~' => out.push(char::from(byte)),
            b'.' if text.bytes().any(|other| other != b'.') => out.push('.'),
            other => {
                let _ = write!(out, "%{other:02X}");
            }
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn called(address: &str, model: &str) -> String {
        Address::new(address).unwrap().of(&ModelName::new(model).unwrap()).unwrap().to_string()
    }

    #[test]
    fn a_model_is_one_segment_of_the_path() {
        let azure = "https://r.example:8443/openai/deployments/{model}/chat/completions?api-version=2024-10-21";
        assert_eq!(called(azure, "gpt-4.1"), azure.replace("{model}", "gpt-4.1"));
        assert_eq!(called(azure, "a/../b?c"), azure.replace("{model}", "a%2F..%2Fb%3Fc"));
        assert_eq!(called(azure, ".."), azure.replace("{model}", "%2E%2E"));
        assert_eq!(called("sim://local/v1/x", "m"), "sim://local/v1/x");
    }

    #[test]
    fn a_versioned_api_names_the_deployment() {
        let at = |url: &str, version: Option<&str>| {
            let base = Base { url: url.to_owned(), version: version.map(str::to_owned) };
            base.at("/embeddings").unwrap().of(&ModelName::new("d").unwrap()).unwrap().to_string()
        };
        let deployment = "https://r.example/openai/deployments/d/embeddings?api-version=2024-10-21";
        for base in ["https://r.example", "https://r.example/openai"] {
            assert_eq!(at(base, Some("2024-10-21")), deployment);
        }
        assert_eq!(at("https://r.example/openai/v1", None), "https://r.example/openai/v1/embeddings");
        assert_eq!(
            at("https://r.example/openai/v1", Some("preview")),
            "https://r.example/openai/v1/embeddings?api-version=preview"
        );
        assert_eq!(at("https://r.example/models", Some("x")), "https://r.example/models/embeddings?api-version=x");
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in ["https://{model}.example/x", "no {model}", "https://a b/{model}"] {
            assert!(Address::new(text).is_err(), "{text}");
        }
    }
}
