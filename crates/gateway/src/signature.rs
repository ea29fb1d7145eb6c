//! Requests that are signed as those to AWS are, version 4: the key's name is the access key id, the key itself the secret.
//! Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>
//!
//! The head says what was signed; whether the signature holds is known once the body is there.

use hmac::{Hmac, KeyInit as _, Mac as _};
use http::header::{AUTHORIZATION, HOST};
use http::request::Parts;
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;
use subtle::ConstantTimeEq as _;
use switchtower_domain::Secret;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// How far the clock of a client may be off, in seconds.
const SKEW_SECONDS_MAX: u64 = 15 * 60;
const PAYLOAD: &str = "x-amz-content-sha256";
const DATE: &str = "x-amz-date";
/// What SDKs sign in place of the host where they speak HTTP/2, as AWS's for JavaScript does. Source:
/// <https://github.com/smithy-lang/smithy-typescript/blob/main/packages/signature-v4/src/SignatureV4.ts>
const AUTHORITY: &str = ":authority";

/// What the head of a signed request says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Signed {
    /// The name of the key.
    pub(crate) key: String,
    /// When it was signed, as it is written.
    date: String,
    /// The day, the region, the service and the kind of request that the signature holds for.
    scope: String,
    /// What was signed, up to the hash of the body.
    head: String,
    payload: Payload,
    signature: [u8; 32],
}

/// What is said of the body.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Payload {
    /// It is signed.
    Signed,
    /// It is signed, and its hash stands in a header as well.
    Hashed(String),
    /// It is not signed.
    Unsigned,
}

/// Why a signature does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SignatureError {
    #[error(
        "the signature of the request cannot be read; it must be one of AWS Signature Version 4 with host (or :authority) and x-amz-date signed"
    )]
    Unreadable,
    #[error(
        "a body that is signed in pieces is not taken; sign it as a whole, or say UNSIGNED-PAYLOAD in x-amz-content-sha256"
    )]
    Streamed,
    #[error("the signature is older or newer than 15 minutes; set the clock of the client")]
    Skewed,
    #[error(
        "the access key id is no name of a key of this gateway; the name of a key is its access key id, and the key its secret access key"
    )]
    UnknownKey,
    #[error(
        "the signature does not match the request; the name of a key is its access key id, and the key its secret access key"
    )]
    Mismatch,
}

impl Signed {
    /// Reads the head of a request; nothing where it is not signed so.
    pub(crate) fn read(head: &Parts) -> Option<Result<Self, SignatureError>> {
        let said = head.headers.get(AUTHORIZATION)?.to_str().ok()?.trim().strip_prefix(ALGORITHM)?;
        Some(Self::of(said, head))
    }

    fn of(said: &str, head: &Parts) -> Result<Self, SignatureError> {
        let field = |name: &str| said.split(',').find_map(|field| field.trim().strip_prefix(name)?.strip_prefix('='));
        let unreadable = SignatureError::Unreadable;
        let (key, scope) = field("Credential").and_then(|text| text.split_once('/')).ok_or(unreadable)?;
        let signed_headers = field("SignedHeaders").ok_or(unreadable)?;
        let signature = field("Signature").and_then(unhex).ok_or(unreadable)?;
        let names: Vec<&str> = signed_headers.split(';').collect();
        let places = [HOST.as_str(), AUTHORITY];
        if !places.iter().any(|place| names.contains(place)) || !names.contains(&DATE) || scope.split('/').count() != 4
        {
            return Err(unreadable);
        }
        let text = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok());
        let date = text(DATE).ok_or(unreadable)?.to_owned();
        let payload = match text(PAYLOAD) {
            None => Payload::Signed,
            Some("UNSIGNED-PAYLOAD") => Payload::Unsigned,
            Some(streamed) if streamed.starts_with("STREAMING-") => return Err(SignatureError::Streamed),
            Some(hash) => Payload::Hashed(hash.to_owned()),
        };
        let mut canonical = format!("{}\n{}\n{}\n", head.method, path(head.uri.path()), query(head.uri.query()));
        for name in &names {
            let _ = writeln!(canonical, "{name}:{}", header(head, name).ok_or(unreadable)?);
        }
        let _ = write!(canonical, "\n{signed_headers}\n");
        Ok(Self { key: key.to_owned(), date, scope: scope.to_owned(), head: canonical, payload, signature })
    }

    /// Whether the signature was made about now, in seconds since 1970.
    pub(crate) fn check_date(&self, now: u64) -> Result<(), SignatureError> {
        let made = seconds(&self.date).ok_or(SignatureError::Unreadable)?;
        let day = self.scope.split('/').next().unwrap_or_default();
        if made.abs_diff(now) > SKEW_SECONDS_MAX || !self.date.starts_with(day) {
            return Err(SignatureError::Skewed);
        }
        Ok(())
    }

    /// Whether the signature is the one that the key makes of the request with this body. It takes the same time for
    /// every wrong one.
    pub(crate) fn check(&self, secret: &Secret, body: &[u8]) -> Result<(), SignatureError> {
        let hash = match &self.payload {
            Payload::Unsigned => "UNSIGNED-PAYLOAD".to_owned(),
            Payload::Signed => hex(&Sha256::digest(body)),
            Payload::Hashed(said) => {
                let hash = hex(&Sha256::digest(body));
                if *said != hash {
                    return Err(SignatureError::Mismatch);
                }
                hash
            }
        };
        let expected = self.signature_of(secret, &hash);
        if bool::from(expected.ct_eq(&self.signature)) { Ok(()) } else { Err(SignatureError::Mismatch) }
    }

    /// The signature that a key makes of the request, given what is said of its body.
    fn signature_of(&self, secret: &Secret, hash: &str) -> Vec<u8> {
        let request = hex(&Sha256::digest(format!("{}{hash}", self.head)));
        let signed = format!("{ALGORITHM}\n{}\n{}\n{request}", self.date, self.scope);
        let mut key = [b"AWS4", secret.expose().trim().as_bytes()].concat();
        for step in self.scope.split('/') {
            key = mac(&key, step.as_bytes());
        }
        mac(&key, signed.as_bytes())
    }
}

fn mac(key: &[u8], text: &[u8]) -> Vec<u8> {
    // A key may be of any length.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return Vec::new() };
    mac.update(text);
    mac.finalize().into_bytes().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let bytes: Option<Vec<u8>> = text
        .trim()
        .as_bytes()
        .chunks(2)
        .map(|pair| match pair {
            [high, low] => Some(digit(*high)? * 16 + digit(*low)?),
            _ => None,
        })
        .collect();
    bytes?.try_into().ok()
}

/// The path as it was sent, with each of its segments encoded once more.
fn path(sent: &str) -> String {
    sent.bytes().fold(String::with_capacity(sent.len()), |mut out, byte| {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b'/' => out.push(char::from(byte)),
            other => {
                let _ = write!(out, "%{other:02X}");
            }
        }
        out
    })
}

fn query(sent: Option<&str>) -> String {
    let pairs = sent.into_iter().flat_map(|query| query.split('&')).filter(|pair| !pair.is_empty());
    let mut pairs: Vec<String> =
        pairs.map(|pair| if pair.contains('=') { pair.to_owned() } else { format!("{pair}=") }).collect();
    pairs.sort_unstable();
    pairs.join("&")
}

/// The values of a header, each without white space around it and with single spaces within.
fn header(head: &Parts, name: &str) -> Option<String> {
    let authority = || head.uri.authority().map(|authority| authority.as_str().to_owned());
    if name == AUTHORITY {
        return authority();
    }
    let mut values = Vec::new();
    for value in head.headers.get_all(name) {
        values.push(value.to_str().ok()?.split_whitespace().collect::<Vec<_>>().join(" "));
    }
    if values.is_empty() && name == HOST.as_str() {
        return authority();
    }
    (!values.is_empty()).then(|| values.join(","))
}

/// Seconds since 1970 of a point in time such as `20150830T123600Z`.
fn seconds(date: &str) -> Option<u64> {
    let digits: Vec<u64> = date.bytes().filter(u8::is_ascii_digit).map(|digit| u64::from(digit - b'0')).collect();
    let shape = date.len() == 16 && date.get(8..9) == Some("T") && date.ends_with('Z') && digits.len() == 14;
    let number = |from: usize, to: usize| {
        digits.get(from..to).map(|digits| digits.iter().fold(0, |number, digit| number * 10 + digit))
    };
    let (year, month, day) = (number(0, 4)?, number(4, 6)?, number(6, 8)?);
    if !shape || !(1970..=9999).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    // Days since 0000-03-01, with years that begin in March. Source: <https://howardhinnant.github.io/date_algorithms.html>
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1;
    let days = days.checked_sub(719_468)?;
    Some(days * 86_400 + number(8, 10)? * 3600 + number(10, 12)? * 60 + number(12, 14)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use http::Request;
    use std::time::{Duration, SystemTime};
    use switchtower_providers::aws::AwsCredentials;

    const NOW: u64 = 1_440_938_160;

    fn signed(uri: &str, body: &'static str, change: impl Fn(&mut Request<Bytes>)) -> Result<(), SignatureError> {
        let mut request = Request::new(Bytes::from_static(body.as_bytes()));
        *request.method_mut() = http::Method::POST;
        *request.uri_mut() = uri.parse().unwrap();
        request.headers_mut().insert("content-type", "application/json".parse().unwrap());
        let keys = AwsCredentials::new("team", Secret::new("the-key"), None);
        keys.sign(&mut request, "us-east-1", SystemTime::UNIX_EPOCH + Duration::from_secs(NOW)).unwrap();
        change(&mut request);
        let (head, body) = request.into_parts();
        let signed = Signed::read(&head).unwrap()?;
        assert_eq!(signed.key, "team");
        signed.check_date(NOW + 60)?;
        signed.check(&Secret::new("the-key\n"), &body)
    }

    const URI: &str = "https://gateway.example:8443/model/sim%2Fsim-1%3A0/converse?b=2&a";

    #[test]
    fn what_an_sdk_signs_is_accepted() {
        assert_eq!(signed(URI, "{}", |_| {}), Ok(()));
        assert_eq!(signed("http://localhost/v1/models", "", |_| {}), Ok(()));
    }

    #[test]
    fn over_http_2_the_authority_is_signed_in_place_of_the_host() {
        let of_http_2 = |uri: &str| {
            let mut request = Request::new(());
            *request.method_mut() = http::Method::POST;
            *request.uri_mut() = uri.parse().unwrap();
            let headers = request.headers_mut();
            headers.insert(DATE, "20150830T123600Z".parse().unwrap());
            let scope = "20150830/us-east-1/bedrock/aws4_request";
            let head = format!(
                "POST\n/model/x/converse\n\n:authority:one.example\n{DATE}:20150830T123600Z\n\n:authority;{DATE}\n"
            );
            let signed = Signed {
                key: "team".to_owned(),
                date: "20150830T123600Z".to_owned(),
                scope: scope.to_owned(),
                head,
                payload: Payload::Signed,
                signature: [0; 32],
            };
            let signature = hex(&signed.signature_of(&Secret::new("the-key"), &hex(&Sha256::digest(b"{}"))));
            let said =
                format!("{ALGORITHM} Credential=team/{scope}, SignedHeaders=:authority;{DATE}, Signature={signature}");
            headers.insert(AUTHORIZATION, said.parse().unwrap());
            Signed::read(&request.into_parts().0).unwrap()?.check(&Secret::new("the-key"), b"{}")
        };
        assert_eq!(of_http_2("http://one.example/model/x/converse"), Ok(()));
        assert_eq!(of_http_2("http://other.example/model/x/converse"), Err(SignatureError::Mismatch));
        assert_eq!(of_http_2("/model/x/converse"), Err(SignatureError::Unreadable));
    }

    #[test]
    fn what_was_changed_is_refused() {
        let changed = |change: &dyn Fn(&mut Request<Bytes>)| signed(URI, "{}", change);
        let mismatch = Err(SignatureError::Mismatch);
        assert_eq!(changed(&|request| *request.body_mut() = Bytes::from_static(b"{ }")), mismatch);
        assert_eq!(
            changed(&|request| *request.uri_mut() = URI.replace("converse", "invoke").parse().unwrap()),
            mismatch
        );
        assert_eq!(changed(&|request| *request.method_mut() = http::Method::GET), mismatch);
        let header = |name: &'static str, value: &'static str| {
            changed(&move |request| drop(request.headers_mut().insert(name, value.parse().unwrap())))
        };
        assert_eq!(header("content-type", "text/plain"), mismatch);
        assert_eq!(header("x-amz-date", "20150830T123601Z"), mismatch);
        assert_eq!(header("x-amz-date", "20150830T125300Z"), Err(SignatureError::Skewed));
        assert_eq!(header("x-amz-date", "yesterday"), Err(SignatureError::Unreadable));
        assert_eq!(header(PAYLOAD, "00"), mismatch);
        assert_eq!(header(PAYLOAD, "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"), Err(SignatureError::Streamed));
        assert_eq!(header("authorization", "AWS4-HMAC-SHA256 Credential=team"), Err(SignatureError::Unreadable));
    }

    #[test]
    fn points_in_time_are_read() {
        assert_eq!(seconds("19700101T000000Z"), Some(0));
        assert_eq!(seconds("20150830T123600Z"), Some(NOW));
        assert_eq!(seconds("20000229T235959Z"), Some(951_868_799));
        for text in ["", "20150830T123600", "2015-08-30T12:36Z", "00000101T000000Z", "20151330T123600Z"] {
            assert_eq!(seconds(text), None, "{text}");
        }
    }
}
