//! Tokens of Microsoft Entra ID, for the models of Azure: <https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow>

use crate::IdentityError;
use crate::exchange::{Ask, Token, now, read};
use crate::jwt::{Claims, Signer};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::Algorithm;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use std::path::PathBuf;
use switchtower_domain::{Secret, Transport, Way};

/// What the models of Azure are asked with.
const RESOURCE: &str = "https://cognitiveservices.azure.com";
/// Where Entra ID is, but for sovereign clouds.
pub const AUTHORITY: &str = "https://login.microsoftonline.com";
/// Where a machine of Azure knows of itself. Source:
/// <https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token>
const METADATA: &str = "http://169.254.169.254/metadata/identity/oauth2/token";
/// How long an assertion is good, in seconds.
const LIFETIME: u64 = 600;

/// Where a token of Entra ID comes from.
#[derive(Debug, Clone)]
pub struct Source {
    /// What the token is for, as `https://cognitiveservices.azure.com`.
    resource: String,
    kind: Kind,
}

/// An application of a tenant.
#[derive(Debug, Clone)]
pub struct Application {
    /// Where Entra ID is, as [`AUTHORITY`].
    pub authority: String,
    /// The tenant, by its id or its domain.
    pub tenant: String,
    /// The application's (client) id.
    pub client: String,
}

#[derive(Debug, Clone)]
enum Kind {
    Secret(Application, Secret),
    Certificate(Application, Box<Signer>),
    Federated(Application, PathBuf),
    /// The identity of a machine; of several, the one of a client.
    Managed {
        client: Option<String>,
        metadata: String,
    },
    /// That of a service of Azure, which says where to ask and what to show.
    Hosted {
        client: Option<String>,
        endpoint: String,
        header: Secret,
    },
}

impl Source {
    /// An application that shows a secret.
    pub fn secret(application: Application, secret: Secret) -> Self {
        Self::of(Kind::Secret(application, secret))
    }

    /// An application that shows a certificate: certificate and private key (RSA) in one PEM text.
    ///
    /// # Errors
    /// [`IdentityError::Credentials`] where one of the two is missing.
    pub fn certificate(application: Application, pem: &str) -> Result<Self, IdentityError> {
        let der = certificate(pem).ok_or_else(|| {
            IdentityError::Credentials("there is no certificate in PEM form beside the private key".to_owned())
        })?;
        let thumbprint = URL_SAFE_NO_PAD.encode(Sha256::digest(der));
        let signer = Signer::rsa(pem, Algorithm::PS256)?.certified(thumbprint);
        Ok(Self::of(Kind::Certificate(application, Box::new(signer))))
    }

    /// An application whose platform writes a token into a file, as Kubernetes does.
    pub fn federated(application: Application, token_file: PathBuf) -> Self {
        Self::of(Kind::Federated(application, token_file))
    }

    /// The identity of the machine that this runs on. `metadata` stands for the usual address.
    pub fn managed(client: Option<String>, metadata: Option<String>) -> Self {
        Self::of(Kind::Managed { client, metadata: metadata.unwrap_or_else(|| METADATA.to_owned()) })
    }

    /// The identity of the service of Azure that this runs on, by its `IDENTITY_ENDPOINT` and `IDENTITY_HEADER`.
    pub fn hosted(client: Option<String>, endpoint: String, header: Secret) -> Self {
        Self::of(Kind::Hosted { client, endpoint, header })
    }

    fn of(kind: Kind) -> Self {
        Self { resource: RESOURCE.to_owned(), kind }
    }

    pub(crate) const fn kind(&self) -> &'static str {
        match &self.kind {
            Kind::Secret(..) => "client secret of Entra ID",
            Kind::Certificate(..) => "client certificate of Entra ID",
            Kind::Federated(..) => "workload identity of Entra ID",
            Kind::Managed { .. } | Kind::Hosted { .. } => "managed identity of Azure",
        }
    }

    pub(crate) async fn ask(&self, transport: &dyn Transport, way: Option<Way>) -> Result<Token, IdentityError> {
        match &self.kind {
            Kind::Secret(application, secret) => {
                self.application(application, &[("client_secret", secret.expose())], transport, way).await
            }
            Kind::Certificate(application, signer) => {
                let (iat, aud) = (now(), application.token_url());
                let claims = Claims {
                    iss: &application.client,
                    sub: Some(&application.client),
                    aud: &aud,
                    scope: None,
                    jti: Some(uuid::Uuid::now_v7().to_string()),
                    iat,
                    nbf: iat,
                    exp: iat + LIFETIME,
                };
                let assertion = signer.sign(&claims)?;
                self.application(application, &asserting(&assertion), transport, way).await
            }
            Kind::Federated(application, path) => {
                let assertion = Secret::new(read(path)?.trim());
                self.application(application, &asserting(assertion.expose()), transport, way).await
            }
            Kind::Managed { client, metadata } => {
                let mut query = vec![("api-version", "2018-02-01"), ("resource", self.resource.as_str())];
                query.extend(client.as_deref().map(|client| ("client_id", client)));
                let ask = Ask::get(&with_query(metadata, &query))?.header("metadata", "true");
                ask.answered(transport, None).await?.token()
            }
            Kind::Hosted { client, endpoint, header } => {
                let mut query = vec![("api-version", "2019-08-01"), ("resource", self.resource.as_str())];
                query.extend(client.as_deref().map(|client| ("client_id", client)));
                let ask = Ask::get(&with_query(endpoint, &query))?.header("x-identity-header", header.expose());
                let answer = ask.answered(transport, None).await?;
                let until = answer.json()?.get("expires_on").and_then(|until| match until {
                    Value::String(digits) => digits.parse::<u64>().ok(),
                    other => other.as_u64(),
                });
                let token = answer.token()?;
                Ok(Token { lifetime: until.map_or(token.lifetime, |until| until.saturating_sub(now())), ..token })
            }
        }
    }

    async fn application(
        &self,
        application: &Application,
        shown: &[(&str, &str)],
        transport: &dyn Transport,
        way: Option<Way>,
    ) -> Result<Token, IdentityError> {
        let scope = format!("{}/.default", self.resource);
        let mut fields = vec![
            ("grant_type", "client_credentials"),
            ("client_id", application.client.as_str()),
            ("scope", scope.as_str()),
        ];
        fields.extend_from_slice(shown);
        Ask::form(&application.token_url(), &fields)?.answered(transport, way).await?.token()
    }
}

impl Application {
    fn token_url(&self) -> String {
        format!("{}/{}/oauth2/v2.0/token", self.authority.trim_end_matches('/'), self.tenant)
    }
}

const fn asserting(assertion: &str) -> [(&str, &str); 2] {
    [
        ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
        ("client_assertion", assertion),
    ]
}

fn with_query(url: &str, fields: &[(&str, &str)]) -> String {
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    let join = if url.contains('?') { '&' } else { '?' };
    format!("{url}{join}{query}")
}

/// The first certificate of a PEM text, in DER form.
fn certificate(pem: &str) -> Option<Vec<u8>> {
    let (_, rest) = pem.split_once("-----BEGIN CERTIFICATE-----")?;
    let (body, _) = rest.split_once("-----END CERTIFICATE-----")?;
    STANDARD.decode(body.split_ascii_whitespace().collect::<String>()).ok()
}
