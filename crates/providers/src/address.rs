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
    fn what_is_no_address_is_refused() {
        for text in ["https://{model}.example/x", "no {model}", "https://a b/{model}"] {
            assert!(Address::new(text).is_err(), "{text}");
        }
    }
}
