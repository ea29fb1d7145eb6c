//! The rooms that a request walks through, in their order. Each takes what the one before it made; any may answer with
//! a refusal instead.

mod accept;
mod authenticate;
mod bedrock;
mod call;
mod count;
mod decode;
mod defaults;
mod encode;
mod gemini;
mod kept;
mod listing;
mod needs;
mod owned;
mod plan;
mod record;
mod resolve;
mod service;
mod within;

pub use accept::is_local_authority;

use crate::reply::{self, GatewayBody, Refused};
use crate::request_id::RequestId;
use crate::shared::{Permit, Shared};
use crate::trace::Traced;
use accept::Place;
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body::Body;
use record::{Asked, Standing};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use switchtower_domain::{Refusal, RefusalCode, Transport};
use switchtower_ledger::Ledger;
use switchtower_providers::{Deployment, Entered};

/// Answers one request.
pub(crate) async fn run<B>(
    shared: &Arc<Shared>,
    (transport, ledger): (&dyn Transport, &Ledger),
    request: Request<B>,
) -> Response<GatewayBody>
where
    B: Body<Data = Bytes> + Unpin,
{
    let traced = Traced::of(request.headers(), shared.settings.sample);
    let id = RequestId::new(traced.as_ref().map(|traced| traced.trace.id));
    let client = accept::dialect_of(request.uri().path(), request.headers());
    let mut standing = Standing::begin(traced, request.headers());
    match walk(shared, (transport, ledger), request, &id, &mut standing).await {
        Ok(response) => response,
        Err(mut refused) => {
            let recorded = Box::pin(record::refuse((shared, ledger), standing, &id, &mut refused)).await;
            reply::refused(&refused, client, &id, recorded)
        }
    }
}

async fn walk<B>(
    shared: &Arc<Shared>,
    (transport, ledger): (&dyn Transport, &Ledger),
    request: Request<B>,
    id: &RequestId,
    standing: &mut Standing,
) -> Result<Response<GatewayBody>, Refused>
where
    B: Body<Data = Bytes> + Unpin,
{
    let settings = &shared.settings;
    let (head, body) = request.into_parts();
    // First what costs nothing to check and needs no trust: address, method, host, size.
    let accepted = accept::accept(settings, head)?;
    standing.passed("accept");
    match accepted.place {
        Place::Health => return Ok(reply::word(StatusCode::OK, "ok\n")),
        Place::Ready if shared.ledger.gauges().failing.load(Ordering::Relaxed) => {
            return Ok(reply::word(StatusCode::SERVICE_UNAVAILABLE, "not ready\n"));
        }
        Place::Ready => return Ok(reply::word(StatusCode::OK, "ok\n")),
        Place::Answer(_) | Place::CountTokens(_) | Place::Service(_) | Place::Models | Place::Model(_) => {}
    }
    // A stranger is turned away before a byte of the body is read.
    let authenticated = authenticate::authenticate(settings, accepted)?;
    standing.passed("authenticate");
    let lists = matches!(authenticated.place, Place::Models | Place::Model(_));
    // Who signs is known once the body is there.
    if lists || authenticated.signed.is_none() {
        standing.known(shared, &authenticated);
    }
    if lists {
        let list = listing::list(&shared.directory, &authenticated)?;
        let recorded = Box::pin(record::told((shared, ledger), standing, id)).await?;
        return Ok(reply::json(&list, authenticated.client, id, recorded));
    }
    let permit = Permit::take(shared)?;
    let bytes = decode::read(settings, &authenticated, body).await?;
    // Who signs a request signs its body too.
    authenticate::verify(settings, &authenticated, &bytes)?;
    standing.known(shared, &authenticated);
    // The name of the model, whether to stream, and whether everybody will read the same in these bytes.
    let mut decoded = decode::decode(settings, authenticated, &bytes)?;
    within::settle(&mut decoded)?;
    standing.passed("decode");
    let mut resolved = resolve::resolve(&shared.directory, decoded)?;
    let name = standing.chosen(shared, &resolved.deployment);
    standing.passed("resolve");
    service::settle(&mut resolved);
    let framing = resolved.decoded.asked.framing();
    let label = resolved.deployment.label().clone();
    let at_deployment = |refusal: Refusal| Refused {
        refusal: Box::new(refusal),
        deployment: Some(label.clone()),
        name: Some(name.clone()),
        allow: None,
        close: false,
    };
    service::check_offered(&shared.directory, &resolved).map_err(at_deployment)?;
    standing.passed("service");
    // What the model cannot do is refused before anybody is asked.
    needs::check(&resolved.decoded, &resolved.deployment).map_err(at_deployment)?;
    standing.passed("needs");
    if let Some(estimated) = count::estimated(&resolved).await.map_err(at_deployment)? {
        let recorded = Box::pin(record::told((shared, ledger), standing, id)).await.map_err(at_deployment)?;
        return Ok(estimated.reply(id, recorded));
    }
    // What leaves is settled here, so that a strict caller is refused before a provider hears of the request.
    let asked = Asked::of(shared, &resolved.decoded);
    let planned = plan::plan(settings, &shared.directory, resolved).map_err(at_deployment)?;
    let entered = enter(&planned.deployment).map_err(at_deployment)?;
    standing.passed("plan");
    // Nothing is sent that is not on record.
    let recording = record::open((shared, ledger), standing, &planned, asked, id).await.map_err(at_deployment)?;
    let answering = call::call(settings, transport, planned, recording).await.map_err(at_deployment)?;
    standing.passed("call");
    let mut response = encode::encode(settings, answering, framing, id, standing).await.map_err(at_deployment)?;
    response.body_mut().hold(permit, entered);
    Ok(response)
}

/// Lets a request through to its deployment, unless as many are open there as its operator allows.
fn enter(deployment: &Deployment) -> Result<Option<Entered>, Refusal> {
    let Some(gate) = &deployment.gate else { return Ok(None) };
    gate.enter().map(Some).ok_or_else(|| {
        let message = format!(
            "deployment '{}' has {} open requests, which is its limit (deployments.{0}.limits.open_requests_max); try again shortly",
            deployment.name,
            gate.max()
        );
        Refusal { retry_after: Some(Duration::from_secs(1)), ..Refusal::new(RefusalCode::DeploymentFull, message) }
    })
}
