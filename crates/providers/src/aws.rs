//! Signatures of requests to AWS, version 4.
//! Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html>
//!
//! The keys are given once. Where they come from, and when they are renewed, is for whoever makes them.

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use bytes::Bytes;
use http::Request;
use std::fmt;
use std::time::SystemTime;
use switchtower_domain::Secret;
use switchtower_identity::aws::Keys;

/// The name by which Bedrock is signed for.
const SERVICE: &str = "bedrock";

/// Keys of an account. They never print.
#[derive(Clone)]
pub struct AwsCredentials {
    access_key_id: String,
    secret_access_key: Secret,
    session_token: Option<Secret>,
}

/// A request that cannot be signed.
#[derive(Debug, thiserror::Error)]
#[error("the request cannot be signed: {0}")]
pub struct SigningError(String);

impl AwsCredentials {
    /// Keys that hold until somebody changes them.
    pub fn new(access_key_id: impl Into<String>, secret_access_key: Secret, session_token: Option<Secret>) -> Self {
        Self { access_key_id: access_key_id.into(), secret_access_key, session_token }
    }

    /// Signs a request as it leaves, for a region.
    ///
    /// # Errors
    /// [`SigningError`] for a request that has a header which is no text.
    pub fn sign(&self, request: &mut Request<Bytes>, region: &str, now: SystemTime) -> Result<(), SigningError> {
        let failed = |error: &dyn fmt::Display| SigningError(error.to_string());
        let token = self.session_token.as_ref().map(|token| token.expose().to_owned());
        let secret = self.secret_access_key.expose();
        let identity = Credentials::new(self.access_key_id.as_str(), secret, token, None, "switchtower").into();
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(region)
            .name(SERVICE)
            .time(now)
            .settings(SigningSettings::default())
            .build()
            .map_err(|error| failed(&error))?
            .into();
        let uri = request.uri().to_string();
        let headers: Vec<(&str, &str)> = request
            .headers()
            .iter()
            .map(|(name, value)| Ok((name.as_str(), value.to_str().map_err(|error| failed(&error))?)))
            .collect::<Result<_, SigningError>>()?;
        let body = SignableBody::Bytes(request.body());
        let signable = SignableRequest::new(request.method().as_str(), &uri, headers.into_iter(), body)
            .map_err(|error| failed(&error))?;
        let (instructions, _) = sign(signable, &params).map_err(|error| failed(&error))?.into_parts();
        instructions.apply_to_request_http1x(request);
        Ok(())
    }
}

impl From<Keys> for AwsCredentials {
    fn from(keys: Keys) -> Self {
        Self::new(keys.access_key_id, keys.secret_access_key, keys.session_token)
    }
}

/// The region that an address of AWS names.
pub fn region_of(host: &str) -> Option<&str> {
    let mut labels =
        host.split('.').rev().skip_while(|label| matches!(*label, "com" | "cn" | "amazonaws" | "aws" | "api"));
    labels.next().filter(|label| label.contains('-') && host.contains("bedrock") && !label.starts_with("bedrock"))
}

impl fmt::Debug for AwsCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AwsCredentials")
            .field("access_key_id", &self.access_key_id)
            .field("session", &self.session_token.is_some())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    /// The signature is the one that an AWS SDK makes of the same request.
    #[test]
    fn a_request_is_signed_as_an_sdk_signs_it() {
        let mut request = Request::new(Bytes::from_static(b"{\"messages\":[]}"));
        *request.method_mut() = http::Method::POST;
        *request.uri_mut() =
            "https://bedrock-runtime.us-east-1.amazonaws.com/model/amazon.nova-lite-v1%3A0/converse".parse().unwrap();
        request.headers_mut().insert("content-type", "application/json".parse().unwrap());
        let token = Some(Secret::new("session"));
        let keys = AwsCredentials::new("AKIDEXAMPLE", Secret::new("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"), token);
        // 2015-08-30T12:36:00Z
        keys.sign(&mut request, "us-east-1", SystemTime::UNIX_EPOCH + Duration::from_secs(1_440_938_160)).unwrap();
        let header = |name: &str| request.headers()[name].to_str().unwrap().to_owned();
        assert_eq!(header("x-amz-date"), "20150830T123600Z");
        assert_eq!(header("x-amz-security-token"), "session");
        assert_eq!(
            header("authorization"),
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/bedrock/aws4_request, \
             SignedHeaders=content-type;host;x-amz-date;x-amz-security-token, Signature=6900e8eebd662ff81b525777b6f33664bb6f932293c2093559b83b8735240e86"
        );
        assert!(!format!("{keys:?}").contains("wJalr"));
    }

    #[test]
    fn a_host_names_its_region() {
        assert_eq!(region_of("bedrock-runtime.eu-central-1.amazonaws.com"), Some("eu-central-1"));
        assert_eq!(region_of("bedrock-runtime-fips.us-gov-west-1.amazonaws.com"), Some("us-gov-west-1"));
        assert_eq!(region_of("vpce-1.bedrock-runtime.us-east-1.vpce.amazonaws.com"), None);
        assert_eq!(region_of("bedrock-runtime.cn-north-1.amazonaws.com.cn"), Some("cn-north-1"));
        for host in ["localhost", "gateway.example", "bedrock-runtime.amazonaws.com"] {
            assert_eq!(region_of(host), None, "{host}");
        }
    }
}
