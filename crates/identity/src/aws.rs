//! Keys of AWS that are good for a time. The sources are those of its own SDKs:
//! <https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html>

mod profile;

pub use profile::{Profile, profile};

use crate::IdentityError;
use crate::exchange::{Answer, Ask, now, read};
use crate::keeper::{Given, Keeper};
use serde_json::Value;
use sha1::{Digest as _, Sha1};
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use switchtower_domain::{Secret, Transport, Way};

/// Where an instance knows of itself.
pub const IMDS: &str = "http://169.254.169.254";
/// Where a container of ECS does.
pub const CONTAINER: &str = "http://169.254.170.2";

/// How long keys hold that nobody takes back, in seconds.
const FOR_GOOD: u64 = 100 * 365 * 24 * 3600;

/// Keys of an account. They never print.
#[derive(Clone)]
pub struct Keys {
    /// The id by which the secret is known.
    pub access_key_id: String,
    /// What signs.
    pub secret_access_key: Secret,
    /// What is shown beside it, of keys that were lent.
    pub session_token: Option<Secret>,
    /// What was derived of the secret last.
    pub derived: Derived,
}

/// The key that was derived of a secret last, with what it is for, so that whoever signs derives it once a day. Clones
/// hold the same one.
#[derive(Clone, Default)]
pub struct Derived(Arc<Mutex<Option<ForScope>>>);

/// A scope and the key for it.
type ForScope = (String, [u8; 32]);

impl Derived {
    /// The key for a scope. Nobody waits for it: where another is at it, it is derived anew.
    pub fn of(&self, scope: &str, derive: impl FnOnce() -> [u8; 32]) -> [u8; 32] {
        let Ok(mut held) = self.0.try_lock() else { return derive() };
        match &*held {
            Some((known, key)) if known == scope => *key,
            _ => {
                let key = derive();
                *held = Some((scope.to_owned(), key));
                key
            }
        }
    }
}

impl fmt::Debug for Derived {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Derived(***)")
    }
}

/// Where keys come from.
#[derive(Debug, Clone)]
pub enum Source {
    /// They were given.
    Given(Keys),
    /// A role is taken on with a token that the platform writes into a file, as EKS does.
    WebIdentity {
        /// The role.
        role_arn: String,
        /// What the session is called.
        session_name: String,
        /// The file, read anew each time.
        token_file: PathBuf,
        /// Where the token service is, as `https://sts.eu-central-1.amazonaws.com`.
        sts: String,
    },
    /// A container asks its agent.
    Container {
        /// Where.
        url: String,
        /// What it shows, and the file that it is in, of which the file is read anew each time.
        shown: Option<Secret>,
        /// The file.
        shown_file: Option<PathBuf>,
    },
    /// Somebody signed in with `aws sso login`.
    SingleSignOn {
        /// The session by its name, or the address where it began.
        session: String,
        /// The account.
        account_id: String,
        /// The role there.
        role_name: String,
        /// Where the portal is, as `https://portal.sso.eu-central-1.amazonaws.com`.
        portal: String,
        /// The folder in which the tools keep what they got.
        cache: PathBuf,
    },
    /// An instance asks the machine that it runs on (`IMDSv2`).
    Instance {
        /// Where, as [`IMDS`].
        endpoint: String,
    },
}

/// Who the gateway is at AWS.
pub struct Identity {
    source: Source,
    keeper: Keeper<Keys>,
}

impl Identity {
    /// An identity that has asked for nothing yet.
    pub fn new(source: Source) -> Self {
        Self { source, keeper: Keeper::new() }
    }

    /// What kind of credentials it shows, for people.
    pub const fn kind(&self) -> &'static str {
        match &self.source {
            Source::Given(_) => "keys of AWS",
            Source::WebIdentity { .. } => "web identity of AWS",
            Source::Container { .. } => "container role of AWS",
            Source::SingleSignOn { .. } => "single sign-on of AWS",
            Source::Instance { .. } => "instance role of AWS",
        }
    }

    /// Keys that are good now, as [`crate::Identity::token`] gives tokens.
    ///
    /// # Errors
    /// [`IdentityError`] where none are held and none can be had.
    pub async fn keys(&self, transport: &dyn Transport, way: Option<Way>) -> Result<Keys, IdentityError> {
        if let Source::Given(keys) = &self.source {
            return Ok(keys.clone());
        }
        self.keeper.good(self.kind(), self.source.ask(transport, way)).await
    }

    /// The last keys that were given, good or not, to be masked in what a provider says.
    pub fn last(&self) -> Option<Keys> {
        match &self.source {
            Source::Given(keys) => Some(keys.clone()),
            _ => self.keeper.last(),
        }
    }

    /// Forgets keys that their provider refused.
    pub fn forget(&self) {
        self.keeper.forget();
    }
}

impl Source {
    async fn ask(&self, transport: &dyn Transport, way: Option<Way>) -> Result<Given<Keys>, IdentityError> {
        match self {
            Self::Given(keys) => Ok(Given { value: keys.clone(), lifetime: FOR_GOOD }),
            Self::WebIdentity { role_arn, session_name, token_file, sts } => {
                let token = Secret::new(read(token_file)?.trim());
                let fields = [
                    ("Action", "AssumeRoleWithWebIdentity"),
                    ("Version", "2011-06-15"),
                    ("RoleArn", role_arn),
                    ("RoleSessionName", session_name),
                    ("WebIdentityToken", token.expose()),
                ];
                of_xml(&Ask::form(&format!("{sts}/"), &fields)?.answered(transport, way).await?)
            }
            Self::Container { url, shown, shown_file } => {
                let of_file = shown_file.as_ref().map(|path| read(path)).transpose()?;
                let of_file = of_file.map(|text| Secret::new(text.trim()));
                let ask = Ask::get(url)?;
                let ask = match of_file.as_ref().or(shown.as_ref()) {
                    Some(shown) => ask.header("authorization", shown.expose()),
                    None => ask,
                };
                of_metadata(&ask.answered(transport, None).await?)
            }
            Self::SingleSignOn { session, account_id, role_name, portal, cache } => {
                let token = signed_in(cache, session)?;
                let query = form_urlencoded::Serializer::new(String::new())
                    .append_pair("role_name", role_name)
                    .append_pair("account_id", account_id)
                    .finish();
                let ask = Ask::get(&format!("{portal}/federation/credentials?{query}"))?;
                let ask = ask.header("x-amz-sso_bearer_token", token.expose());
                of_portal(&ask.answered(transport, way).await?)
            }
            Self::Instance { endpoint } => {
                let ask = Ask::put(&format!("{endpoint}/latest/api/token"))?;
                let ask = ask.header("x-aws-ec2-metadata-token-ttl-seconds", "21600");
                let token = Secret::new(ask.answered(transport, None).await?.text);
                let at = |path: &str| {
                    let ask = Ask::get(&format!("{endpoint}/latest/meta-data/iam/security-credentials/{path}"))?;
                    Ok::<_, IdentityError>(ask.header("x-aws-ec2-metadata-token", token.expose()))
                };
                let roles = at("")?.answered(transport, None).await?;
                let role = roles.text.lines().next().unwrap_or_default().trim();
                if role.is_empty() {
                    return Err(roles.malformed("the instance has no role"));
                }
                of_metadata(&at(role)?.answered(transport, None).await?)
            }
        }
    }
}

/// The token that `aws sso login` left, if it is good.
fn signed_in(cache: &std::path::Path, session: &str) -> Result<Secret, IdentityError> {
    let name: String = Sha1::digest(session).iter().map(|byte| format!("{byte:02x}")).collect();
    let text = read(&cache.join(format!("{name}.json")))?;
    let body: Value = serde_json::from_str(&text).unwrap_or_default();
    let until = body.get("expiresAt").and_then(Value::as_str).and_then(|until| until.parse::<jiff::Timestamp>().ok());
    let good = until.and_then(|until| u64::try_from(until.as_second()).ok()).is_some_and(|until| until > now());
    let token = body.get("accessToken").and_then(Value::as_str).filter(|_| good);
    let over = || IdentityError::Credentials("the single sign-on is over; run `aws sso login`".to_owned());
    token.map(Secret::new).ok_or_else(over)
}

fn keys(answer: &Answer, fields: [Option<&str>; 3], until: Option<u64>) -> Result<Given<Keys>, IdentityError> {
    let [Some(id), Some(secret), token] = fields else { return Err(answer.malformed("keys are missing")) };
    let value = Keys {
        access_key_id: id.to_owned(),
        secret_access_key: Secret::new(secret),
        session_token: token.map(Secret::new),
        derived: Derived::default(),
    };
    Ok(Given { value, lifetime: until.map_or(300, |until| until.saturating_sub(now())) })
}

fn moment(text: &str) -> Option<u64> {
    u64::try_from(text.parse::<jiff::Timestamp>().ok()?.as_second()).ok()
}

/// Keys as instances and containers get them.
fn of_metadata(answer: &Answer) -> Result<Given<Keys>, IdentityError> {
    let body = answer.json()?;
    let text = |key: &str| body.get(key).and_then(Value::as_str);
    keys(answer, [text("AccessKeyId"), text("SecretAccessKey"), text("Token")], text("Expiration").and_then(moment))
}

/// Keys as the portal of single sign-on gives them. Source:
/// <https://docs.aws.amazon.com/singlesignon/latest/PortalAPIReference/API_GetRoleCredentials.html>
fn of_portal(answer: &Answer) -> Result<Given<Keys>, IdentityError> {
    let body = answer.json()?;
    let lent = body.get("roleCredentials").unwrap_or(&Value::Null);
    let text = |key: &str| lent.get(key).and_then(Value::as_str);
    let until = lent.get("expiration").and_then(Value::as_u64).map(|millis| millis / 1000);
    keys(answer, [text("accessKeyId"), text("secretAccessKey"), text("sessionToken")], until)
}

/// Keys as the token service gives them, in XML. Source:
/// <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html>
fn of_xml(answer: &Answer) -> Result<Given<Keys>, IdentityError> {
    // Keys and times have no character that XML would write otherwise.
    let text = |tag: &str| {
        let (_, rest) = answer.text.split_once(&format!("<{tag}>"))?;
        Some(rest.split_once(&format!("</{tag}>"))?.0)
    };
    keys(
        answer,
        [text("AccessKeyId"), text("SecretAccessKey"), text("SessionToken")],
        text("Expiration").and_then(moment),
    )
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keys({})", self.access_key_id)
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identity({})", self.kind())
    }
}
