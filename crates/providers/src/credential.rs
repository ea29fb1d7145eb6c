//! What a provider is shown so that it knows who asks.

use http::header::{AUTHORIZATION, HeaderName, HeaderValue};
use std::fmt;
use std::sync::Arc;
use switchtower_domain::Secret;
use switchtower_identity::{Identity, aws};

/// The header in which a provider expects a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CredentialStyle {
    /// `Authorization: Bearer KEY`.
    Bearer,
    /// `x-api-key: KEY`.
    XApiKey,
    /// `api-key: KEY`.
    ApiKey,
    /// `x-goog-api-key: KEY`.
    XGoogApiKey,
    /// `Authorization: Bearer TOKEN`, with a token of its cloud unless a key is given.
    Identity,
    /// None is expected.
    None,
}

/// A cloud that gives tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cloud {
    /// Google Cloud.
    Google,
    /// Azure, by Microsoft Entra ID.
    Azure,
    /// Amazon Web Services, to which requests are signed.
    Aws,
}

impl CredentialStyle {
    /// Every style in which a key is shown, and none.
    pub const ALL: [Self; 5] = [Self::Bearer, Self::XApiKey, Self::ApiKey, Self::XGoogApiKey, Self::None];

    /// The word in configuration, in the catalogue and in messages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bearer => "bearer",
            Self::XApiKey => "x-api-key",
            Self::ApiKey => "api-key",
            Self::XGoogApiKey => "x-goog-api-key",
            Self::Identity => "identity",
            Self::None => "none",
        }
    }
}

/// The header of [`CredentialStyle::XApiKey`].
pub(crate) const X_API_KEY: HeaderName = HeaderName::from_static("x-api-key");
/// The header of [`CredentialStyle::ApiKey`].
const API_KEY: HeaderName = HeaderName::from_static("api-key");
/// The header of [`CredentialStyle::XGoogApiKey`].
pub const X_GOOG_API_KEY: HeaderName = HeaderName::from_static("x-goog-api-key");

/// The credential of a provider. It never prints its key.
#[derive(Clone)]
pub enum Credential {
    /// None is shown.
    None,
    /// The key that the operator gave, as a header that is ready to be sent.
    Key {
        /// The header.
        header: HeaderName,
        /// Its value, marked sensitive.
        value: HeaderValue,
        /// The key alone, so that it can be masked in what the provider says.
        secret: Secret,
    },
    /// A token of a cloud, as `Authorization: Bearer TOKEN`. It is had when a request leaves.
    Identity(Arc<Identity>),
    /// A signature of each request, by keys of AWS. It is made when a request leaves.
    Aws(Arc<aws::Identity>),
    /// The caller's own, in this style.
    Caller(CredentialStyle),
    /// One is needed and could not be read.
    Missing {
        /// Where it should have been, such as `env:OPENAI_API_KEY`.
        reference: String,
    },
}

impl Credential {
    /// Whether it is had from a cloud when a request leaves.
    pub const fn is_of_cloud(&self) -> bool {
        matches!(self, Self::Identity(_) | Self::Aws(_))
    }
}

/// Why a text is no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CredentialError {
    /// There is nothing.
    #[error("the key is empty")]
    Empty,
    /// It has characters that no header may have.
    #[error("the key has characters that an HTTP header cannot carry, such as a line end in its middle")]
    Characters,
}

impl Credential {
    /// A key in a style; white space around it is left out, as files end in a line feed.
    ///
    /// # Errors
    /// [`CredentialError`] where the text is no key.
    pub fn key(style: CredentialStyle, key: &str) -> Result<Self, CredentialError> {
        let key = key.trim();
        if key.is_empty() {
            return Err(CredentialError::Empty);
        }
        match header(style, key)? {
            Some((header, value)) => Ok(Self::Key { header, value, secret: Secret::new(key) }),
            None => Ok(Self::None),
        }
    }

    /// The key that must not be seen in what the provider says.
    pub fn secret(&self) -> Option<Secret> {
        match self {
            Self::Key { secret, .. } => Some(secret.clone()),
            Self::Identity(identity) => identity.last(),
            Self::Aws(identity) => identity.last().map(|keys| keys.secret_access_key),
            Self::None | Self::Caller(_) | Self::Missing { .. } => None,
        }
    }
}

/// The header that shows a key.
pub(crate) fn header(style: CredentialStyle, key: &str) -> Result<Option<(HeaderName, HeaderValue)>, CredentialError> {
    let (name, value) = match style {
        CredentialStyle::Bearer | CredentialStyle::Identity => {
            (AUTHORIZATION, HeaderValue::try_from(format!("Bearer {key}")))
        }
        CredentialStyle::XApiKey => (X_API_KEY, HeaderValue::try_from(key)),
        CredentialStyle::ApiKey => (API_KEY, HeaderValue::try_from(key)),
        CredentialStyle::XGoogApiKey => (X_GOOG_API_KEY, HeaderValue::try_from(key)),
        CredentialStyle::None => return Ok(None),
    };
    let mut value = value.map_err(|_| CredentialError::Characters)?;
    value.set_sensitive(true);
    Ok(Some((name, value)))
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("None"),
            Self::Key { header, .. } => write!(f, "Key({header}: ***)"),
            Self::Identity(identity) => write!(f, "{identity:?}"),
            Self::Aws(identity) => write!(f, "{identity:?}"),
            Self::Caller(style) => write!(f, "Caller({style:?})"),
            Self::Missing { reference } => write!(f, "Missing({reference})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_sent_and_never_printed() {
        let key = Credential::key(CredentialStyle::Bearer, "sk-verysecret\n").unwrap();
        let Credential::Key { value, .. } = &key else { panic!("a key") };
        assert_eq!(value.as_bytes(), b"Bearer sk-verysecret");
        assert!(!format!("{key:?} {value:?}").contains("verysecret"));
    }

    #[test]
    fn what_is_no_key_is_refused() {
        assert_eq!(Credential::key(CredentialStyle::Bearer, " \n").err(), Some(CredentialError::Empty));
        assert_eq!(Credential::key(CredentialStyle::XApiKey, "a\nb").err(), Some(CredentialError::Characters));
    }
}
