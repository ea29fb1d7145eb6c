//! Signatures of requests to AWS, version 4.
//! Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html>
//!
//! The keys are given once. Where they come from, and when they are renewed, is for whoever makes them.

use aws_lc_rs::{digest, hmac};
use bytes::Bytes;
use http::header::{AUTHORIZATION, HOST, TRANSFER_ENCODING, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Uri};
use jiff::Timestamp;
use jiff::tz::Offset;
use std::borrow::Cow;
use std::fmt::{self, Write as _};
use std::time::SystemTime;
use switchtower_domain::Secret;
use switchtower_identity::aws::{Derived, Keys};

/// The name by which Bedrock is signed for.
const SERVICE: &str = "bedrock";
const ALGORITHM: &str = "AWS4-HMAC-SHA256";
const DATE: HeaderName = HeaderName::from_static("x-amz-date");
const TOKEN: HeaderName = HeaderName::from_static("x-amz-security-token");
const TRACE: HeaderName = HeaderName::from_static("x-amzn-trace-id");

/// Headers that change on their way, which AWS's SDKs do not sign either. Source:
/// <https://github.com/aws/aws-sdk-go/blob/v1.44.289/aws/signer/v4/v4.go#L92>
const UNSIGNED: [HeaderName; 4] = [AUTHORIZATION, USER_AGENT, TRACE, TRANSFER_ENCODING];

/// Keys of an account. They never print.
#[derive(Clone)]
pub struct AwsCredentials {
    access_key_id: String,
    secret_access_key: Secret,
    session_token: Option<Secret>,
    /// The key of the day, which most requests have in common.
    derived: Derived,
}

/// A request that cannot be signed.
#[derive(Debug, thiserror::Error)]
#[error("the request cannot be signed: {0}")]
pub struct SigningError(String);

impl AwsCredentials {
    /// Keys that hold until somebody changes them.
    pub fn new(access_key_id: impl Into<String>, secret_access_key: Secret, session_token: Option<Secret>) -> Self {
        let derived = Derived::default();
        Self { access_key_id: access_key_id.into(), secret_access_key, session_token, derived }
    }

    /// Signs a request as it leaves, for a region.
    ///
    /// # Errors
    /// [`SigningError`] for a request that has a header which is no text, or no host.
    pub fn sign(&self, request: &mut Request<Bytes>, region: &str, now: SystemTime) -> Result<(), SigningError> {
        let failed = |error: &dyn fmt::Display| SigningError(error.to_string());
        let moment = moment(now).map_err(|error| failed(&error))?;
        let day = moment.get(..DAY_BYTES).unwrap_or_default();
        let headers = request.headers_mut();
        headers.insert(DATE, HeaderValue::try_from(&moment).map_err(|error| failed(&error))?);
        if let Some(token) = &self.session_token {
            let mut token = HeaderValue::from_str(token.expose()).map_err(|error| failed(&error))?;
            token.set_sensitive(true);
            headers.insert(TOKEN, token);
        }
        let (canonical, signed) = canonical(request).map_err(|error| failed(&error))?;
        let scope = format!("{day}/{region}/{SERVICE}/aws4_request");
        let mut text = format!("{ALGORITHM}\n{moment}\n{scope}\n");
        hex(digest::digest(&digest::SHA256, canonical.as_bytes()).as_ref(), &mut text);
        let key = self.derived.of(&scope, || derive(&self.secret_access_key, &scope));
        let mut value =
            format!("{ALGORITHM} Credential={}/{scope}, SignedHeaders={signed}, Signature=", self.access_key_id);
        hex(&mac(&key, text.as_bytes()), &mut value);
        let mut value = HeaderValue::try_from(value).map_err(|error| failed(&error))?;
        value.set_sensitive(true);
        request.headers_mut().insert(AUTHORIZATION, value);
        Ok(())
    }
}

impl From<Keys> for AwsCredentials {
    fn from(keys: Keys) -> Self {
        let Keys { access_key_id, secret_access_key, session_token, derived } = keys;
        Self { access_key_id, secret_access_key, session_token, derived }
    }
}

/// How much of a moment is its day.
const DAY_BYTES: usize = "20150830".len();

/// A point in time such as `20150830T123600Z`.
fn moment(now: SystemTime) -> Result<String, jiff::Error> {
    let at = Offset::UTC.to_datetime(Timestamp::try_from(now)?);
    let (year, month, day) = (at.year(), at.month(), at.day());
    Ok(format!("{year:04}{month:02}{day:02}T{:02}{:02}{:02}Z", at.hour(), at.minute(), at.second()))
}

/// What is signed of a request, and the names of its headers in it.
fn canonical(request: &Request<Bytes>) -> Result<(String, String), &'static str> {
    let uri = request.uri();
    let mut headers = signed_headers(request.headers())?;
    if !request.headers().contains_key(HOST) {
        headers.push((HOST.as_str(), Cow::Borrowed(host(uri).ok_or("it has no host")?)));
    }
    // Several values of one name stay in their order.
    headers.sort_by_key(|(name, _)| *name);
    let mut out = String::with_capacity(1024);
    out.push_str(request.method().as_str());
    out.push('\n');
    path(uri.path(), &mut out);
    out.push('\n');
    query(uri.query(), &mut out);
    let mut names = String::with_capacity(64);
    let mut last = None;
    for (name, value) in headers {
        if last == Some(name) {
            out.push(',');
        } else {
            if last.is_some() {
                names.push(';');
            }
            names.push_str(name);
            out.push('\n');
            out.push_str(name);
            out.push(':');
        }
        out.push_str(&value);
        last = Some(name);
    }
    let _ = write!(out, "\n\n{names}\n");
    hex(digest::digest(&digest::SHA256, request.body()).as_ref(), &mut out);
    Ok((out, names))
}

fn signed_headers(headers: &HeaderMap) -> Result<Vec<(&str, Cow<'_, str>)>, &'static str> {
    let mut signed = Vec::with_capacity(headers.len() + 1);
    for (name, value) in headers {
        if !UNSIGNED.contains(name) {
            let value = value.to_str().map_err(|_| "it has a header that is no text")?.trim_matches(' ');
            signed.push((name.as_str(), single_spaced(value)));
        }
    }
    Ok(signed)
}

fn single_spaced(value: &str) -> Cow<'_, str> {
    if !value.contains("  ") {
        return Cow::Borrowed(value);
    }
    let mut out = String::with_capacity(value.len());
    for letter in value.chars() {
        if letter != ' ' || !out.ends_with(' ') {
            out.push(letter);
        }
    }
    Cow::Owned(out)
}

/// What the header says that is written where there is none: no port where it is the usual one.
fn host(uri: &Uri) -> Option<&str> {
    let usual = matches!((uri.scheme_str(), uri.port_u16()), (Some("http"), Some(80)) | (Some("https"), Some(443)));
    if usual { uri.host() } else { uri.authority().map(http::uri::Authority::as_str) }
}

/// A path without segments that say nothing, each of its segments encoded once more.
fn path(sent: &str, out: &mut String) {
    let mut segments: Vec<&str> = Vec::new();
    for segment in sent.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(segments.pop()),
            segment => segments.push(segment),
        }
    }
    for segment in &segments {
        out.push('/');
        encode(segment.bytes(), out);
    }
    if segments.is_empty() || ["/", "/.", "/.."].iter().any(|end| sent.ends_with(end)) {
        out.push('/');
    }
}

fn query(sent: Option<&str>, out: &mut String) {
    let Some(sent) = sent else { return };
    let mut pairs: Vec<(String, String)> = form_urlencoded::parse(sent.as_bytes())
        .map(|(name, value)| {
            let (mut encoded_name, mut encoded_value) = (String::new(), String::new());
            encode(name.bytes(), &mut encoded_name);
            encode(value.bytes(), &mut encoded_value);
            (encoded_name, encoded_value)
        })
        .collect();
    pairs.sort_unstable();
    for (place, (name, value)) in pairs.iter().enumerate() {
        let and = if place > 0 { "&" } else { "" };
        let _ = write!(out, "{and}{name}={value}");
    }
}

fn encode(bytes: impl Iterator<Item = u8>, out: &mut String) {
    for byte in bytes {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(char::from(byte)),
            other => {
                let _ = write!(out, "%{other:02X}");
            }
        }
    }
}

/// The key of a day, a region and a service. Source:
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html#calculate-signature>
fn derive(secret: &Secret, scope: &str) -> [u8; 32] {
    let first = [b"AWS4", secret.expose().as_bytes()].concat();
    let mut steps = scope.split('/').map(str::as_bytes);
    let day = mac(&first, steps.next().unwrap_or_default());
    steps.fold(day, |key, step| mac(&key, step))
}

fn mac(key: &[u8], text: &[u8]) -> [u8; 32] {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text);
    let mut out = [0; 32];
    out.iter_mut().zip(tag.as_ref()).for_each(|(to, from)| *to = *from);
    out
}

fn hex(bytes: &[u8], out: &mut String) {
    let digit = |half: u8| char::from(if half < 10 { b'0' + half } else { b'a' - 10 + half });
    for byte in bytes {
        out.push(digit(byte >> 4));
        out.push(digit(byte & 15));
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
    use aws_credential_types::Credentials;
    use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
    use aws_sigv4::sign::v4;
    use proptest::prelude::*;
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

    /// AWS's own signer of the same request, which the product does not have.
    fn signed_by_aws(
        mut request: Request<Bytes>,
        token: Option<&str>,
        region: &str,
        now: SystemTime,
    ) -> Request<Bytes> {
        let secret = "a secret of theirs";
        let identity = Credentials::new("AKID", secret, token.map(str::to_owned), None, "test").into();
        let params = v4::SigningParams::builder().identity(&identity).region(region).name(SERVICE).time(now);
        let params = params.settings(SigningSettings::default()).build().unwrap().into();
        let uri = request.uri().to_string();
        let headers: Vec<(&str, &str)> =
            request.headers().iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
        let body = SignableBody::Bytes(request.body());
        let signable = SignableRequest::new(request.method().as_str(), &uri, headers.into_iter(), body).unwrap();
        let (instructions, _) = sign(signable, &params).unwrap().into_parts();
        instructions.apply_to_request_http1x(&mut request);
        request
    }

    proptest! {
        #[test]
        fn every_request_is_signed_as_awss_own_signer_does(
            path in "(/([a-z.~_]|%3A|%2F|[A-Z0-9-]){0,3}){0,5}/?",
            query in prop::option::of("([a-c]{0,2}(=([a-z+*.~-]|%2[0-9A-F]){0,5})?&?){0,4}"),
            port in prop::option::of(prop::sample::select(vec![80_u16, 443, 8443])),
            headers in prop::collection::vec(("(x-[a-c]|content-type|user-agent|accept)", "[!-~]([ -~]{0,12}[!-~])?"), 0..6),
            token in prop::option::of("[a-zA-Z0-9/+=]{1,40}"),
            body in prop::collection::vec(any::<u8>(), 0..300),
            seconds in 0_u64..4_000_000_000,
            post in any::<bool>(),
        ) {
            let port = port.map_or_else(String::new, |port| format!(":{port}"));
            let query = query.map_or_else(String::new, |query| format!("?{query}"));
            let uri: Result<Uri, _> = format!("https://bedrock-runtime.eu-west-1.amazonaws.com{port}{path}{query}").parse();
            prop_assume!(uri.is_ok());
            let mut request = Request::new(Bytes::from(body));
            *request.uri_mut() = uri.unwrap();
            *request.method_mut() = if post { http::Method::POST } else { http::Method::GET };
            for (name, value) in headers {
                request.headers_mut().append(HeaderName::try_from(name).unwrap(), value.parse().unwrap());
            }
            let now = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
            let theirs = signed_by_aws(request.clone(), token.as_deref(), "eu-west-1", now);
            let keys = AwsCredentials::new("AKID", Secret::new("a secret of theirs"), token.clone().map(Secret::new));
            let unsigned = request.clone();
            let mut ours = request;
            keys.sign(&mut ours, "eu-west-1", now).unwrap();
            for name in ["authorization", "x-amz-date", "x-amz-security-token"] {
                prop_assert_eq!(ours.headers().get(name), theirs.headers().get(name), "{}", ours.uri());
            }
            // A key that is held for another day or region is not taken for this one.
            for (region, later) in [("eu-west-2", 0), ("eu-west-1", 86_400), ("eu-west-1", 0)] {
                let now = now + Duration::from_secs(later);
                let theirs = signed_by_aws(unsigned.clone(), token.as_deref(), region, now);
                let mut ours = unsigned.clone();
                keys.sign(&mut ours, region, now).unwrap();
                prop_assert_eq!(&ours.headers()[AUTHORIZATION], &theirs.headers()[AUTHORIZATION]);
            }
        }
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
