//! The request that leaves.

use crate::credential::{X_API_KEY, X_GOOG_API_KEY, header};
use crate::{Credential, CredentialError, Interface, Operation, Provider};
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri};
use switchtower_domain::ModelName;

/// Why no request could be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// The dialect of the provider has no such operation.
    #[error("the provider's dialect has no such operation")]
    NoSuchOperation,
    /// The provider's credential could not be read.
    #[error("the credential at '{reference}' could not be read")]
    CredentialMissing {
        /// Where it should have been.
        reference: String,
    },
    /// The caller's own credential is to be forwarded, and there is none.
    #[error("the deployment forwards the caller's own key, and the caller presented none")]
    CallerWithoutKey,
    /// The caller's own credential cannot be forwarded.
    #[error(transparent)]
    CallerKey(#[from] CredentialError),
}

/// Where an operation is called for a model: a service where the provider has it, everything else where its dialect does.
///
/// # Errors
/// [`RequestError::NoSuchOperation`] where there is no such place.
pub fn address(
    provider: &Provider,
    interface: &Interface,
    operation: Operation,
    model: &ModelName,
    streamed: bool,
) -> Result<Uri, RequestError> {
    let found = match operation {
        Operation::Answer | Operation::CountTokens => interface.endpoint.address(operation, model, streamed),
        service if streamed => provider.offers.streamed_address(service, model),
        service => provider.offers.address(service, model),
    };
    found.ok_or(RequestError::NoSuchOperation)
}

/// A request to an address, in the way of one of the dialects that the provider speaks.
///
/// It carries the body, the provider's own headers and credential, and of the caller's headers only those that the
/// provider lists: never the caller's credential, unless the credential is [`Credential::Caller`].
///
/// # Errors
/// [`RequestError`] where a credential is missing.
pub fn request(
    provider: &Provider,
    interface: &Interface,
    address: Uri,
    body: Bytes,
    streamed: bool,
    caller: &HeaderMap,
) -> Result<Request<Bytes>, RequestError> {
    let mut request = Request::new(body);
    *request.method_mut() = Method::POST;
    *request.uri_mut() = address;
    if let Some(way) = provider.way {
        request.extensions_mut().insert(way);
    }
    let headers = request.headers_mut();
    headers.reserve(8);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let accept = if streamed { interface.framing().media_type() } else { "application/json" };
    headers.insert(ACCEPT, HeaderValue::from_static(accept));
    for (name, value) in interface.headers.iter().chain(&provider.headers) {
        headers.insert(name.clone(), value.clone());
    }
    for name in interface.passed_headers.iter().chain(&provider.passed_headers) {
        let mut first = true;
        for value in caller.get_all(name) {
            if first {
                headers.insert(name.clone(), value.clone());
            } else {
                headers.append(name.clone(), value.clone());
            }
            first = false;
        }
    }
    match &provider.credential {
        // A token is shown, and a signature made, by whoever sends the request.
        Credential::None | Credential::Identity(_) | Credential::Aws(_) => {}
        Credential::Key { header, value, .. } => {
            headers.insert(header.clone(), value.clone());
        }
        Credential::Caller(style) => {
            let key = caller_key(caller).ok_or(RequestError::CallerWithoutKey)?;
            if let Some((name, value)) = header(*style, key)? {
                headers.insert(name, value);
            }
        }
        Credential::Missing { reference } => {
            return Err(RequestError::CredentialMissing { reference: reference.clone() });
        }
    }
    Ok(request)
}

/// The key that a caller presents, in any of the usual headers.
fn caller_key(headers: &HeaderMap) -> Option<&str> {
    caller_keys(headers).next()
}

/// Every key that a caller presents; SDKs may send one of their own in one header and a placeholder in the other.
pub fn caller_keys(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    [bare_key(headers, &X_API_KEY), bare_key(headers, &X_GOOG_API_KEY), bearer_key(headers)].into_iter().flatten()
}

fn bare_key<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let key = headers.get(name)?.to_str().ok()?.trim();
    (!key.is_empty()).then_some(key)
}

fn bearer_key(headers: &HeaderMap) -> Option<&str> {
    let (scheme, key) = headers.get(AUTHORIZATION)?.to_str().ok()?.trim().split_once(' ')?;
    let key = key.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !key.is_empty()).then_some(key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CredentialStyle, known};
    use switchtower_domain::ProviderName;

    fn provider(kind: &str, credential: Credential) -> Provider {
        let kind = known(kind).unwrap();
        Provider::of_kind(ProviderName::new("p").unwrap(), kind, "https://a.example/v1", credential).unwrap()
    }

    fn caller() -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("authorization", "Bearer callers-own"),
            ("cookie", "a=b"),
            ("connection", "keep-alive"),
            ("x-forwarded-for", "10.0.0.1"),
            ("openai-organization", "org"),
            ("anthropic-beta", "one"),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        headers.append("anthropic-beta", HeaderValue::from_static("two"));
        headers
    }

    fn answers(provider: &Provider) -> Uri {
        let model = ModelName::new("m").unwrap();
        address(provider, &provider.main, Operation::Answer, &model, false).unwrap()
    }

    fn sent(provider: &Provider) -> HeaderMap {
        let request =
            request(provider, &provider.main, answers(provider), Bytes::from_static(b"{}"), true, &caller()).unwrap();
        request.headers().clone()
    }

    #[test]
    fn only_what_may_leave_leaves() {
        let headers = sent(&provider("openai", Credential::key(CredentialStyle::Bearer, "ours").unwrap()));
        assert_eq!(headers["authorization"], "Bearer ours");
        assert_eq!(headers.len(), 3);
    }

    #[test]
    fn versions_and_betas_are_passed_to_who_knows_them() {
        let headers = sent(&provider("anthropic", Credential::key(CredentialStyle::XApiKey, "ours").unwrap()));
        assert_eq!(headers["x-api-key"], "ours");
        assert_eq!(headers["anthropic-version"], "2023-06-01");
        assert_eq!(headers.get_all("anthropic-beta").iter().count(), 2);
        assert!(!headers.contains_key("authorization"));
    }

    #[test]
    fn the_callers_key_is_forwarded_only_where_the_deployment_says_so() {
        assert!(!sent(&provider("groq", Credential::None)).contains_key("authorization"));
        let headers = sent(&provider("anthropic", Credential::Caller(CredentialStyle::XApiKey)));
        assert_eq!(headers["x-api-key"], "callers-own");
    }

    #[test]
    fn a_missing_key_is_an_error() {
        let provider = provider("openai", Credential::Missing { reference: "env:X".to_owned() });
        let error = request(&provider, &provider.main, answers(&provider), Bytes::new(), false, &caller()).unwrap_err();
        assert_eq!(error, RequestError::CredentialMissing { reference: "env:X".to_owned() });
    }

    #[test]
    fn services_are_found_where_the_provider_has_them() {
        let provider = provider("openai", Credential::None);
        let model = ModelName::new("m").unwrap();
        let at = |operation| address(&provider, &provider.main, operation, &model, false);
        assert_eq!(at(Operation::Embeddings).unwrap(), "https://a.example/v1/embeddings");
        for absent in [Operation::CountTokens, Operation::Rerank] {
            assert_eq!(at(absent), Err(RequestError::NoSuchOperation));
        }
    }
}
