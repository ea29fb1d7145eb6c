//! Counting the tokens of a request: by the provider where it counts in one of its dialects, by an estimate of ours where
//! it does not.

use super::accept::Place;
use super::decode::undecodable;
use super::resolve::Resolved;
use crate::notices;
use crate::recorded::Recorded;
use crate::reply::{self, DEPLOYMENT, GatewayBody, NOTICES};
use crate::request_id::RequestId;
use crate::tokens::apart;
use http::{HeaderName, HeaderValue, Response};
use serde_json::Value;
use switchtower_dialect::{Counting, dialect, json};
use switchtower_domain::{DialectId, Notice, Refusal, RefusalCode};
use switchtower_providers::{Interface, Operation, Provider};
use switchtower_tokenizer::{Estimate, of_request};

/// The name of the tokenizer that made an estimate.
const ESTIMATED_BY: HeaderName = HeaderName::from_static("x-switchtower-estimated-by");

/// How a provider is asked to count for a client: in the client's own dialect where that can be, in another one of its
/// own otherwise.
pub(super) fn interface(provider: &Provider, client: DialectId) -> Option<&Interface> {
    let counts = |interface: &&Interface| {
        dialect(interface.dialect).counting().is_some() && interface.endpoint.has(Operation::CountTokens)
    };
    let own = provider.interfaces().find(|interface| interface.dialect == client).filter(counts);
    own.or_else(|| provider.interfaces().find(counts))
}

/// Estimates the count, where it is asked for and the provider of the deployment does not count.
pub(super) async fn estimated(resolved: &Resolved<'_>) -> Result<Option<Estimated>, Refusal> {
    let Place::CountTokens(client) = resolved.decoded.asked.place else { return Ok(None) };
    let Resolved { decoded, deployment } = resolved;
    if interface(&deployment.provider, client).is_some() {
        return Ok(None);
    }
    let counting = counting(client)?;
    let body = json::parse(decoded.body)
        .map_err(|_| Refusal::new(RefusalCode::MalformedJson, "the body is not JSON that can be read"))?;
    let counted = counting.counted_request(body).map_err(|error| undecodable(&error))?;
    let request = dialect(counted.dialect).decode_request(counted.body).map_err(|error| undecodable(&error))?;
    let model = deployment.model.clone();
    let counted = apart(move || of_request(&request, model.as_str())).await;
    let failed = || Refusal::new(RefusalCode::Internal, "the tokens could not be counted");
    let estimate = counted.ok_or_else(failed)?;
    let uncounted =
        estimate.uncounted.iter().cloned().map(|path| Notice::meaning(path, "is no text, and was not counted"));
    let notices = uncounted.collect();
    let (body, label) = (counting.tell(estimate.tokens), deployment.label().clone());
    Ok(Some(Estimated { client, body, label, estimate, notices }))
}

/// An estimated count, for its client.
#[derive(Debug)]
pub(super) struct Estimated {
    client: DialectId,
    body: Value,
    label: HeaderValue,
    estimate: Estimate,
    notices: Vec<Notice>,
}

impl Estimated {
    pub(super) fn reply(self, id: &RequestId, recorded: Recorded) -> Response<GatewayBody> {
        let mut response = reply::json(&self.body, self.client, id, recorded);
        let headers = response.headers_mut();
        headers.insert(DEPLOYMENT, self.label);
        let words = if self.estimate.own { "" } else { "; not the model's own" };
        if let Ok(value) = HeaderValue::try_from(format!("{}{words}", self.estimate.tokenizer)) {
            headers.insert(ESTIMATED_BY, value);
        }
        if let Some(value) = notices::header(&self.notices) {
            headers.insert(NOTICES, value);
        }
        response
    }
}

/// How a client's dialect counts.
pub(super) fn counting(client: DialectId) -> Result<&'static dyn Counting, Refusal> {
    let none = || Refusal::new(RefusalCode::NotImplemented, "tokens are not counted in this dialect");
    dialect(client).counting().ok_or_else(none)
}
