//! Counting the tokens of a request: by the provider where it counts in one of its dialects, by an estimate of ours where
//! it does not.

use super::accept::Place;
use super::decode::undecodable;
use super::resolve::Resolved;
use crate::notices;
use crate::reply::{self, DEPLOYMENT, GatewayBody, NOTICES};
use crate::request_id::RequestId;
use http::{HeaderName, HeaderValue, Response};
use switchtower_dialect::{Counting, dialect, json};
use switchtower_domain::{DialectId, ModelName, Notice, Refusal, RefusalCode, Request};
use switchtower_providers::{Interface, Operation, Provider};
use switchtower_tokenizer::{Estimate, of_request};
use tokio::sync::Semaphore;

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
pub(super) async fn estimated(
    resolved: &Resolved<'_>,
    id: &RequestId,
) -> Result<Option<Response<GatewayBody>>, Refusal> {
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
    let estimate = estimate(request, deployment.model.clone()).await?;
    let uncounted = estimate.uncounted.into_iter().map(|path| Notice::meaning(path, "is no text, and was not counted"));
    let mut response = reply::json(&counting.tell(estimate.tokens), client, id);
    let headers = response.headers_mut();
    headers.insert(DEPLOYMENT, deployment.label().clone());
    let words = if estimate.own { "" } else { "; not the model's own" };
    if let Ok(value) = HeaderValue::try_from(format!("{}{words}", estimate.tokenizer)) {
        headers.insert(ESTIMATED_BY, value);
    }
    if let Some(value) = notices::header(&uncounted.collect::<Vec<_>>()) {
        headers.insert(NOTICES, value);
    }
    Ok(Some(response))
}

/// A vocabulary is unpacked when it is first used, and long texts take their time: both on a thread apart, and one after
/// the other, so that callers who count much take one core from those who do not, and no more threads.
async fn estimate(request: Request, model: ModelName) -> Result<Estimate, Refusal> {
    static TURN: Semaphore = Semaphore::const_new(1);
    let failed = || Refusal::new(RefusalCode::Internal, "the tokens could not be counted");
    let turn = TURN.acquire().await.map_err(|_| failed())?;
    let counted = tokio::task::spawn_blocking(move || of_request(&request, model.as_str())).await;
    drop(turn);
    counted.map_err(|_| failed())
}

/// How a client's dialect counts.
pub(super) fn counting(client: DialectId) -> Result<&'static dyn Counting, Refusal> {
    let none = || Refusal::new(RefusalCode::NotImplemented, "tokens are not counted in this dialect");
    dialect(client).counting().ok_or_else(none)
}
