//! From a provider's trouble to our answer "no".

use http::HeaderMap;
use std::time::SystemTime;
use switchtower_dialect::{Found, dialect};
use switchtower_domain::{
    DialectId, Failure, FailureClass, Refusal, RefusalCode, Secret, TransportError, mask_secrets,
};
use switchtower_identity::IdentityError;
use switchtower_providers::{Credential, Deployment, provider_request_id, retry_after};

/// The failure that an answer with an error status is.
pub(crate) fn of_answer(
    deployment: &Deployment,
    client: DialectId,
    status: u16,
    headers: &HeaderMap,
    body: &[u8],
) -> Failure {
    let interface = deployment.provider.interface(client);
    let mut failure = dialect(interface.dialect).decode_failure(status, body);
    let stated = retry_after(interface, status, headers, SystemTime::now());
    failure.retry_after = stated.or(failure.retry_after);
    if let Some(id) = request_id(deployment, client, headers) {
        failure.request_id = Some(id);
    }
    failure
}

/// The failure that a broken exchange is.
pub(crate) fn of_transport(error: &TransportError) -> Failure {
    Failure::new(class_of(error))
}

/// The class of a broken exchange.
pub(crate) const fn class_of(error: &TransportError) -> FailureClass {
    match error {
        TransportError::Connect { .. } | TransportError::Broken { .. } => FailureClass::Unreachable,
        TransportError::Malformed { .. } => FailureClass::Malformed,
        TransportError::TimedOut { .. } => FailureClass::TimedOut,
    }
}

/// The refusal that a client gets for a failure.
pub(crate) fn refusal(failure: &Failure, deployment: &Deployment) -> Refusal {
    let (code, happened) = words(failure.class, deployment);
    let said = failure.message.as_deref().map(|message| masked(message, deployment)).filter(|said| !said.is_empty());
    let message = match (&said, failure.class) {
        // What the request lacks is said best in the provider's own words.
        (Some(said), FailureClass::Invalid | FailureClass::Filtered) => said.clone(),
        (Some(said), _) => format!("{happened}: {said}"),
        (None, _) => happened,
    };
    let mut refusal = Refusal::new(code, message);
    match (failure.class, failure.status) {
        (FailureClass::Denied, Some(status @ (401 | 403))) => refusal.status = status,
        (FailureClass::Invalid | FailureClass::Filtered, Some(status @ 400..=499)) => refusal.status = status,
        _ => {}
    }
    refusal.param = failure.param.as_deref().map(|param| masked(param, deployment));
    refusal.failure = Some(failure.class);
    refusal.retry_after = failure.retry_after;
    refusal.provider_request_id = failure.request_id.as_deref().and_then(|id| masked_id(id, deployment));
    let status = failure.status.map_or_else(|| "none".to_owned(), |status| status.to_string());
    refusal.detail(format!("class {}, provider's status {status}", failure.class))
}

/// The same refusal, where the provider says that it does not know what the request refers to, as one that says why: what
/// an account made or took is known to no other. `sent` is the body that the provider refused.
pub(crate) fn explained(
    refusal: Refusal,
    failure: &Failure,
    sent: &[u8],
    client: DialectId,
    deployment: &Deployment,
) -> Refusal {
    let said = failure.message.as_deref().filter(|_| failure.status.is_some_and(|status| (400..500).contains(&status)));
    let Some(said) = said else { return refusal };
    let interface = deployment.provider.interface(client);
    let owned = dialect(interface.dialect).owned();
    let is_named = |found: &Found| {
        let value = sent.get(found.place.clone()).and_then(|value| std::str::from_utf8(value).ok());
        let id = value.and_then(|value| value.rsplit('/').next()).filter(|id| !id.is_empty());
        id.is_some_and(|id| said.contains(id))
    };
    let (named, what) = if owned.is_complaint(said) {
        (owned.of_request(sent).into_iter().next(), "made; what was made there goes back there")
    } else {
        let Some(file) = owned.files_of(sent).into_iter().find(is_named) else { return refusal };
        (Some(file), "took in; what was uploaded elsewhere is to be uploaded here too")
    };
    let path = named.map(|found| found.path).filter(|_| interface.dialect == client);
    let field = path.as_deref().map_or_else(|| "the request".to_owned(), |path| format!("'{path}'"));
    let message = format!(
        "{field} refers to what the account of deployment '{}' does not know, since it is not what that account {what}; the provider said: {}",
        deployment.name,
        masked(said, deployment)
    );
    Refusal { code: RefusalCode::StateElsewhere, message, param: path.or(refusal.param), ..refusal }
}

/// The longest text of a provider that is passed on in an error.
const SAID_BYTES_MAX: usize = 4096;
/// The longest id of a request that is passed on.
const ID_BYTES_MAX: usize = 128;

/// A provider's words with every secret masked, and cut where they are long.
pub(crate) fn masked(message: &str, deployment: &Deployment) -> String {
    let mut text = mask(message, deployment);
    if text.len() > SAID_BYTES_MAX {
        text.truncate(text.floor_char_boundary(SAID_BYTES_MAX));
        text.push('…');
    }
    text
}

/// A provider's id of a request with every secret masked, unless it is too long to be one.
pub(crate) fn masked_id(id: &str, deployment: &Deployment) -> Option<String> {
    Some(mask(id, deployment)).filter(|id| id.len() <= ID_BYTES_MAX)
}

/// The provider's id of a request, as its headers say it.
pub(crate) fn request_id(deployment: &Deployment, client: DialectId, headers: &HeaderMap) -> Option<String> {
    masked_id(provider_request_id(deployment.provider.interface(client), headers)?, deployment)
}

fn mask(text: &str, deployment: &Deployment) -> String {
    let provider = &deployment.provider;
    // Some vendors take their key in a header of their own; the configuration marks those.
    let in_headers: Vec<Secret> = provider
        .headers
        .values()
        .filter(|value| value.is_sensitive())
        .filter_map(|value| value.to_str().ok().map(Secret::new))
        .collect();
    let shown = provider.credential.secret();
    let known: Vec<&Secret> = shown.iter().chain(&in_headers).collect();
    mask_secrets(text, &known)
}

/// The refusal where a cloud gives no token for a deployment.
pub(crate) fn without_token(error: &IdentityError, kind: &str, deployment: &Deployment) -> Refusal {
    let name = &deployment.name;
    let message = format!("there is no token for deployment '{name}' ({kind})");
    Refusal::new(RefusalCode::TokenUnavailable, message).detail(mask(&error.to_string(), deployment))
}

fn words(class: FailureClass, deployment: &Deployment) -> (RefusalCode, String) {
    let provider = &deployment.provider.name;
    match class {
        FailureClass::RateLimited => {
            (RefusalCode::RateLimited, format!("provider '{provider}' limits the rate of this account"))
        }
        FailureClass::Overloaded => (RefusalCode::Overloaded, format!("provider '{provider}' has no capacity now")),
        FailureClass::TimedOut => (RefusalCode::TimedOut, format!("provider '{provider}' did not answer in time")),
        FailureClass::Unreachable => {
            (RefusalCode::Unreachable, format!("provider '{provider}' cannot be reached, or its connection broke"))
        }
        FailureClass::Denied => (RefusalCode::Denied, denied(deployment)),
        FailureClass::Invalid => {
            (RefusalCode::ProviderInvalid, format!("provider '{provider}' does not accept the request"))
        }
        FailureClass::Filtered => {
            (RefusalCode::Filtered, format!("a content filter of provider '{provider}' refused the request"))
        }
        FailureClass::Malformed => {
            (RefusalCode::ProviderMalformed, format!("the answer of provider '{provider}' could not be read"))
        }
        FailureClass::Unknown => (RefusalCode::ProviderFailed, format!("provider '{provider}' failed")),
    }
}

fn denied(deployment: &Deployment) -> String {
    let whose = match deployment.provider.credential {
        Credential::Caller(_) => "your own key, which the gateway passed on",
        Credential::None
        | Credential::Aws(_)
        | Credential::Key { .. }
        | Credential::Identity(_)
        | Credential::Missing { .. } => "the gateway's own credential",
    };
    format!("{whose} for deployment '{}' was not accepted by provider '{}'", deployment.name, deployment.provider.name)
}
