//! One exchange with whoever gives tokens.

use crate::IdentityError;
use crate::keeper::Given;
use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderName, HeaderValue, Method, Request, Uri};
use http_body::Body;
use serde_json::Value;
use std::future::poll_fn;
use std::path::Path;
use std::pin::Pin;
use switchtower_domain::{Secret, Transport, Way, mask_secrets};

/// The largest answer that is read.
const ANSWER_BYTES_MAX: usize = 256 * 1024;

/// A token and how long it is good.
pub(crate) type Token = Given<Secret>;

/// A request for a token, by the way of the provider or, for what only this machine has, by none but the direct one.
pub(crate) struct Ask {
    request: Request<Bytes>,
}

impl Ask {
    pub(crate) fn get(uri: &str) -> Result<Self, IdentityError> {
        Self::new(Method::GET, uri, Bytes::new())
    }

    pub(crate) fn form(uri: &str, fields: &[(&str, &str)]) -> Result<Self, IdentityError> {
        let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        Ok(Self::new(Method::POST, uri, form.into())?.header("content-type", "application/x-www-form-urlencoded"))
    }

    pub(crate) fn json(uri: &str, body: &Value) -> Result<Self, IdentityError> {
        Ok(Self::new(Method::POST, uri, body.to_string().into())?.header("content-type", "application/json"))
    }

    pub(crate) fn put(uri: &str) -> Result<Self, IdentityError> {
        Self::new(Method::PUT, uri, Bytes::new())
    }

    fn new(method: Method, uri: &str, body: Bytes) -> Result<Self, IdentityError> {
        let absolute = |uri: &Uri| uri.scheme().is_some() && uri.authority().is_some();
        let parsed = uri.parse::<Uri>().ok().filter(absolute);
        let parsed = parsed.ok_or_else(|| IdentityError::Credentials(format!("'{uri}' is no absolute URL")))?;
        let mut request = Request::new(body);
        *request.method_mut() = method;
        *request.uri_mut() = parsed;
        request.headers_mut().insert(ACCEPT, HeaderValue::from_static("application/json"));
        Ok(Self { request })
    }

    pub(crate) fn header(mut self, name: &'static str, value: &str) -> Self {
        if let Ok(mut value) = HeaderValue::try_from(value) {
            value.set_sensitive(name != CONTENT_TYPE.as_str());
            self.request.headers_mut().insert(name, value);
        }
        self
    }

    /// A header by a name of somebody else's; one that is none is left out.
    pub(crate) fn named_header(mut self, name: &str, value: &str) -> Self {
        if let (Ok(name), Ok(mut value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            value.set_sensitive(true);
            self.request.headers_mut().insert(name, value);
        }
        self
    }

    /// Asks by a way, and gives what was answered.
    pub(crate) async fn answered(
        mut self,
        transport: &dyn Transport,
        way: Option<Way>,
    ) -> Result<Answer, IdentityError> {
        let who = self.request.uri().host().unwrap_or_default().to_owned();
        if let Some(way) = way {
            self.request.extensions_mut().insert(way);
        }
        let unreachable = |reason: String| IdentityError::Unreachable { who: who.clone(), reason };
        let response = transport.send(self.request).await.map_err(|error| unreachable(error.to_string()))?;
        let (head, mut body) = response.into_parts();
        let mut bytes = Vec::new();
        while let Some(frame) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
            let frame = frame.map_err(|error| unreachable(error.to_string()))?;
            if let Ok(data) = frame.into_data() {
                bytes.extend_from_slice(&data);
            }
            if bytes.len() > ANSWER_BYTES_MAX {
                return Err(IdentityError::Malformed { who, reason: "it is too large" });
            }
        }
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if !head.status.is_success() {
            return Err(IdentityError::Refused { reason: words(&text), who, status: head.status.as_u16() });
        }
        Ok(Answer { who, text })
    }
}

/// The seconds since 1970.
pub(crate) fn now() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// A file in which a platform puts its token, or what leads to one.
pub(crate) fn read(path: &Path) -> Result<String, IdentityError> {
    std::fs::read_to_string(path)
        .map_err(|error| IdentityError::File { path: path.display().to_string(), reason: error.kind().to_string() })
}

/// What a token service says went wrong: the fields of OAuth (RFC 6749, 5.2) where they are, else the beginning.
fn words(text: &str) -> String {
    let said = serde_json::from_str::<Value>(text).ok().and_then(|body| {
        let error = body.get("error")?;
        let message = error.get("message").or_else(|| body.get("error_description")).and_then(Value::as_str);
        let kind = error.as_str().or_else(|| error.get("status")?.as_str());
        Some([kind, message].into_iter().flatten().collect::<Vec<_>>().join(": "))
    });
    let said = said.unwrap_or_else(|| text.lines().next().unwrap_or_default().to_owned());
    let short: String = said.chars().filter(|c| !c.is_control()).take(300).collect();
    mask_secrets(&short, &[])
}

/// An answer with a status of success.
pub(crate) struct Answer {
    pub(crate) who: String,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Result<Value, IdentityError> {
        serde_json::from_str(&self.text).map_err(|_| self.malformed("it is not JSON"))
    }

    pub(crate) fn malformed(&self, reason: &'static str) -> IdentityError {
        IdentityError::Malformed { who: self.who.clone(), reason }
    }

    /// The token of an answer of OAuth. Some services write the number of seconds as a text.
    pub(crate) fn token(&self) -> Result<Token, IdentityError> {
        let body = self.json()?;
        let value = body.get("access_token").and_then(Value::as_str).filter(|token| !token.is_empty());
        let value = value.ok_or_else(|| self.malformed("'access_token' is missing"))?;
        let seconds = |key: &str| match body.get(key)? {
            Value::String(digits) => digits.parse().ok(),
            other => other.as_u64(),
        };
        // Whoever does not say is asked again soon.
        Ok(Token { value: Secret::new(value), lifetime: seconds("expires_in").unwrap_or(300) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_service_says_is_told_without_secrets() {
        let oauth = r#"{"error": "invalid_client", "error_description": "AADSTS7000215: Invalid client secret eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.c2ln"}"#;
        let told = words(oauth);
        assert!(told.starts_with("invalid_client: AADSTS7000215") && !told.contains("eyJhbGci"), "{told}");
        let google = r#"{"error": {"code": 403, "status": "PERMISSION_DENIED", "message": "no"}}"#;
        assert_eq!(words(google), "PERMISSION_DENIED: no");
        assert_eq!(words("<html>\nno"), "<html>");
    }
}
