//! Tokens of Google Cloud. The kinds of credentials are those of Application Default Credentials:
//! <https://cloud.google.com/docs/authentication/application-default-credentials>

use crate::IdentityError;
use crate::exchange::{Answer, Ask, Token, now, read};
use crate::jwt::{Claims, Signer};
use jsonwebtoken::Algorithm;
use serde::Deserialize;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use switchtower_domain::{Secret, Transport, Way};

/// What the models of Google Cloud are asked with.
const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";
/// Where a machine of Google's knows of itself. Source: <https://cloud.google.com/compute/docs/metadata/overview>
const METADATA_HOST: &str = "metadata.google.internal";
/// How long an assertion is good, and how long an impersonated account is asked for, in seconds.
const LIFETIME: u64 = 3600;

/// Where a token of Google comes from.
#[derive(Debug, Clone)]
pub struct Source(Kind);

#[derive(Debug, Clone)]
enum Kind {
    ServiceAccount { email: String, token_uri: String, signer: Box<Signer> },
    AuthorizedUser { client_id: String, client_secret: Secret, refresh_token: Secret, token_uri: String },
    ExternalAccount(Box<External>),
    Metadata { host: String },
}

#[derive(Debug, Clone)]
struct External {
    audience: String,
    subject_token_type: String,
    token_url: String,
    subject: Subject,
    /// The member of a JSON text that is the token, where it is not the text itself.
    field: Option<String>,
    impersonation_url: Option<String>,
}

/// Where the token of another identity provider is.
#[derive(Debug, Clone)]
enum Subject {
    File(PathBuf),
    Url { url: String, headers: Vec<(String, Secret)> },
}

/// A file of credentials, as Google's tools write it.
#[derive(Deserialize)]
struct Written {
    #[serde(rename = "type")]
    kind: String,
    client_email: Option<String>,
    private_key: Option<String>,
    private_key_id: Option<String>,
    token_uri: Option<String>,
    client_id: Option<String>,
    client_secret: Option<String>,
    refresh_token: Option<String>,
    audience: Option<String>,
    subject_token_type: Option<String>,
    token_url: Option<String>,
    credential_source: Option<Value>,
    service_account_impersonation_url: Option<String>,
}

/// Where Google gives tokens unless a file says otherwise.
const TOKEN_URI: &str = "https://oauth2.googleapis.com/token";

impl Source {
    /// The credentials of a file. Paths in it are relative to `folder`.
    ///
    /// # Errors
    /// [`IdentityError::Credentials`] says what is missing; nothing of the file is quoted.
    pub fn of_file(text: &str, folder: &Path) -> Result<Self, IdentityError> {
        let written: Written = serde_json::from_str(text).map_err(|_| {
            lacking("the credentials of Google are no JSON object with a 'type', as Google's tools write it")
        })?;
        let token_uri = written.token_uri.clone().unwrap_or_else(|| TOKEN_URI.to_owned());
        let kind = match written.kind.as_str() {
            "service_account" => {
                let pem = written.private_key.ok_or_else(|| lacking("a service account needs 'private_key'"))?;
                let signer = Signer::rsa(&pem, Algorithm::RS256)?.known_as(written.private_key_id);
                let email = written.client_email.ok_or_else(|| lacking("a service account needs 'client_email'"))?;
                Kind::ServiceAccount { email, token_uri, signer: Box::new(signer) }
            }
            "authorized_user" => {
                let needs = || lacking("an authorized user needs 'client_id', 'client_secret' and 'refresh_token'");
                Kind::AuthorizedUser {
                    client_id: written.client_id.ok_or_else(needs)?,
                    client_secret: Secret::new(written.client_secret.ok_or_else(needs)?),
                    refresh_token: Secret::new(written.refresh_token.ok_or_else(needs)?),
                    token_uri,
                }
            }
            "external_account" => Kind::ExternalAccount(Box::new(External::new(written, folder)?)),
            other => {
                let known = "service_account, authorized_user and external_account are known";
                return Err(lacking(&format!("credentials of Google of type '{other}' are not taken; {known}")));
            }
        };
        Ok(Self(kind))
    }

    /// The account of the machine of Google's that this runs on. `host` stands for the usual address, as in
    /// `GCE_METADATA_HOST`.
    pub fn metadata(host: Option<&str>) -> Self {
        Self(Kind::Metadata { host: host.unwrap_or(METADATA_HOST).to_owned() })
    }

    pub(crate) const fn kind(&self) -> &'static str {
        match &self.0 {
            Kind::ServiceAccount { .. } => "service account of Google",
            Kind::AuthorizedUser { .. } => "authorized user of Google",
            Kind::ExternalAccount(_) => "workload identity federation of Google",
            Kind::Metadata { .. } => "metadata server of Google",
        }
    }

    pub(crate) async fn ask(&self, transport: &dyn Transport, way: Option<Way>) -> Result<Token, IdentityError> {
        match &self.0 {
            Kind::ServiceAccount { email, token_uri, signer } => {
                let iat = now();
                let claims = Claims {
                    iss: email,
                    sub: None,
                    aud: token_uri,
                    scope: Some(SCOPE),
                    jti: None,
                    iat,
                    nbf: iat,
                    exp: iat + LIFETIME,
                };
                let assertion = signer.sign(&claims)?;
                let fields =
                    [("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"), ("assertion", assertion.as_str())];
                Ask::form(token_uri, &fields)?.answered(transport, way).await?.token()
            }
            Kind::AuthorizedUser { client_id, client_secret, refresh_token, token_uri } => {
                let fields = [
                    ("grant_type", "refresh_token"),
                    ("client_id", client_id),
                    ("client_secret", client_secret.expose()),
                    ("refresh_token", refresh_token.expose()),
                ];
                Ask::form(token_uri, &fields)?.answered(transport, way).await?.token()
            }
            Kind::ExternalAccount(external) => external.ask(transport, way).await,
            Kind::Metadata { host } => {
                let path = "computeMetadata/v1/instance/service-accounts/default/token";
                let ask = Ask::get(&format!("http://{host}/{path}"))?.header("metadata-flavor", "Google");
                ask.answered(transport, None).await?.token()
            }
        }
    }
}

impl External {
    fn new(written: Written, folder: &Path) -> Result<Self, IdentityError> {
        let needs = || {
            lacking("an external account needs 'audience', 'subject_token_type', 'token_url' and 'credential_source'")
        };
        let source = written.credential_source.ok_or_else(needs)?;
        let text = |key: &str| source.get(key).and_then(Value::as_str);
        let subject = if let Some(path) = text("file") {
            Subject::File(folder.join(path))
        } else if let (Some(url), None) = (text("url"), text("environment_id")) {
            let headers = source.get("headers").and_then(Value::as_object).into_iter().flatten();
            let headers = headers.filter_map(|(name, value)| Some((name.clone(), Secret::new(value.as_str()?))));
            Subject::Url { url: url.to_owned(), headers: headers.collect() }
        } else {
            return Err(lacking(
                "of an external account, 'credential_source' must have 'file' or 'url'; commands and AWS are not taken",
            ));
        };
        let format = |key: &str| source.get("format").and_then(|format| format.get(key)).and_then(Value::as_str);
        let field = (format("type") == Some("json"))
            .then(|| format("subject_token_field_name").unwrap_or("access_token").to_owned());
        Ok(Self {
            audience: written.audience.ok_or_else(needs)?,
            subject_token_type: written.subject_token_type.ok_or_else(needs)?,
            token_url: written.token_url.ok_or_else(needs)?,
            subject,
            field,
            impersonation_url: written.service_account_impersonation_url,
        })
    }

    async fn ask(&self, transport: &dyn Transport, way: Option<Way>) -> Result<Token, IdentityError> {
        let subject = self.subject_token(transport).await?;
        let fields = [
            ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
            ("requested_token_type", "urn:ietf:params:oauth:token-type:access_token"),
            ("audience", self.audience.as_str()),
            ("scope", SCOPE),
            ("subject_token_type", self.subject_token_type.as_str()),
            ("subject_token", subject.expose()),
        ];
        let exchanged = Ask::form(&self.token_url, &fields)?.answered(transport, way).await?.token()?;
        let Some(url) = &self.impersonation_url else { return Ok(exchanged) };
        let body = json!({"scope": [SCOPE], "lifetime": format!("{LIFETIME}s")});
        let bearer = format!("Bearer {}", exchanged.value.expose());
        let answer = Ask::json(url, &body)?.header("authorization", &bearer).answered(transport, way).await?;
        impersonated(&answer)
    }

    async fn subject_token(&self, transport: &dyn Transport) -> Result<Secret, IdentityError> {
        let (text, who) = match &self.subject {
            Subject::File(path) => (read(path)?, path.display().to_string()),
            Subject::Url { url, headers } => {
                let mut ask = Ask::get(url)?;
                for (name, value) in headers {
                    ask = ask.named_header(name, value.expose());
                }
                let answer = ask.answered(transport, None).await?;
                (answer.text, answer.who)
            }
        };
        let Some(field) = &self.field else { return Ok(Secret::new(text.trim())) };
        let token = serde_json::from_str::<Value>(&text).ok();
        let token = token.as_ref().and_then(|body| body.get(field)).and_then(Value::as_str);
        token
            .map(Secret::new)
            .ok_or(IdentityError::Malformed { who, reason: "its token is not where the credentials say" })
    }
}

/// The token of an account that is impersonated. Source:
/// <https://cloud.google.com/iam/docs/reference/credentials/rest/v1/projects.serviceAccounts/generateAccessToken>
fn impersonated(answer: &Answer) -> Result<Token, IdentityError> {
    let body = answer.json()?;
    let text = |key: &str| body.get(key).and_then(Value::as_str);
    let value = text("accessToken").ok_or_else(|| answer.malformed("'accessToken' is missing"))?;
    let until = text("expireTime").and_then(|until| until.parse::<jiff::Timestamp>().ok());
    let lifetime =
        until.and_then(|until| u64::try_from(until.as_second()).ok()).map_or(300, |at| at.saturating_sub(now()));
    Ok(Token { value: Secret::new(value), lifetime })
}

fn lacking(what: &str) -> IdentityError {
    IdentityError::Credentials(what.to_owned())
}
