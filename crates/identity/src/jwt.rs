//! Assertions that we sign (RFC 7523).

use crate::IdentityError;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde::Serialize;

/// What an assertion says.
#[derive(Debug, Serialize)]
pub(crate) struct Claims<'a> {
    pub(crate) iss: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) sub: Option<&'a str>,
    pub(crate) aud: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) scope: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) jti: Option<String>,
    pub(crate) iat: u64,
    pub(crate) nbf: u64,
    pub(crate) exp: u64,
}

/// A key that signs, and what it is known by.
#[derive(Clone)]
pub(crate) struct Signer {
    key: EncodingKey,
    header: Header,
}

impl Signer {
    /// A private key of RSA in PEM form.
    pub(crate) fn rsa(pem: &str, algorithm: Algorithm) -> Result<Self, IdentityError> {
        let key = EncodingKey::from_rsa_pem(pem.as_bytes())
            .map_err(|_| IdentityError::Credentials("the private key is no RSA key in PEM form".to_owned()))?;
        Ok(Self { key, header: Header::new(algorithm) })
    }

    pub(crate) fn known_as(mut self, key_id: Option<String>) -> Self {
        self.header.kid = key_id;
        self
    }

    /// By the thumbprint of a certificate: SHA-256 of its DER form, in base64 for URLs.
    pub(crate) fn certified(mut self, thumbprint: String) -> Self {
        self.header.x5t_s256 = Some(thumbprint);
        self
    }

    pub(crate) fn sign(&self, claims: &Claims<'_>) -> Result<String, IdentityError> {
        jsonwebtoken::encode(&self.header, claims, &self.key)
            .map_err(|_| IdentityError::Credentials("the private key cannot sign".to_owned()))
    }
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Signer(***)")
    }
}
