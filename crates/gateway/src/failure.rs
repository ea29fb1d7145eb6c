//! From a provider's trouble to our answer "no".

use http::HeaderMap;
use std::time::SystemTime;
use switchtower_dialect::dialect;
use switchtower_domain::{Failure, FailureClass, Refusal, RefusalCode, TransportError, mask_secrets};
use switchtower_providers::{Credential, Deployment, provider_request_id, retry_after};

/// The failure that an answer with an error status is.
pub(crate) fn of_answer(deployment: &Deployment, status: u16, headers: &HeaderMap, body: &[u8]) -> Failure {
    let provider = &deployment.provider;
    let mut failure = dialect(provider.dialect).decode_failure(status, body);
    let stated = retry_after(provider, status, headers, SystemTime::now());
    failure.retry_after = stated.or(failure.retry_after);
    if let Some(id) = provider_request_id(provider, headers) {
        failure.request_id = Some(id.to_owned());
    }
    failure
}

/// The failure that a broken exchange is.
pub(crate) fn of_transport(error: &TransportError) -> Failure {
    let class = match error {
        TransportError::Connect { .. } | TransportError::Broken { .. } => FailureClass::Unreachable,
        TransportError::TimedOut { .. } => FailureClass::TimedOut,
    };
    Failure::new(class)
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
    refusal.param.clone_from(&failure.param);
    refusal.retry_after = failure.retry_after;
    refusal.provider_request_id.clone_from(&failure.request_id);
    let status = failure.status.map_or_else(|| "none".to_owned(), |status| status.to_string());
    refusal.detail(format!("class {}, provider's status {status}", failure.class))
}

/// A provider's words with every secret masked.
pub(crate) fn masked(message: &str, deployment: &Deployment) -> String {
    let known: Vec<_> = deployment.provider.credential.secret().into_iter().collect();
    mask_secrets(message, &known)
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
        Credential::None | Credential::Key { .. } | Credential::Missing { .. } => "the gateway's own credential",
    };
    format!("{whose} for deployment '{}' was not accepted by provider '{}'", deployment.name, deployment.provider.name)
}
