//! What the client gets: heads and bodies.

use crate::recorded::Recorded;
use crate::request_id::RequestId;
use crate::shared::Permit;
use crate::stream::EventStream;
use bytes::Bytes;
use http::header::{ALLOW, CONNECTION, CONTENT_TYPE, HeaderName, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use std::convert::Infallible;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};
use switchtower_dialect::dialect;
use switchtower_domain::{Actor, DialectId, Refusal, RefusalCode};
use switchtower_ledger::record::Text;
use switchtower_providers::Entered;

pub(crate) const DEPLOYMENT: HeaderName = HeaderName::from_static("x-switchtower-deployment");
pub(crate) const NOTICES: HeaderName = HeaderName::from_static("x-switchtower-notices");
pub(crate) const PROVIDER_REQUEST_ID: HeaderName = HeaderName::from_static("x-switchtower-provider-request-id");
/// Names the trace, where the request belongs to one.
const TRACE_ID: HeaderName = HeaderName::from_static("x-switchtower-trace-id");
const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The name that Messages has for the same.
const REQUEST_ID: HeaderName = HeaderName::from_static("request-id");
/// The name that AWS has for the same.
const X_AMZN_REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");
/// Where AWS tells the type of an error.
const ERROR_TYPE: HeaderName = HeaderName::from_static("x-amzn-errortype");
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// The body of an answer. Dropping it ends the exchange with the provider at once.
pub struct GatewayBody {
    kind: Kind,
    /// Keeps the request among the open ones until its answer is out.
    permit: Option<Permit>,
    /// Keeps it among those of its deployment, likewise.
    entered: Option<Entered>,
}

enum Kind {
    Whole(Option<Bytes>),
    Stream(Box<EventStream>),
}

impl GatewayBody {
    /// A whole answer, which is on record.
    pub(crate) fn whole(bytes: Bytes, _recorded: Recorded) -> Self {
        Self::of_bytes(bytes)
    }

    const fn of_bytes(bytes: Bytes) -> Self {
        Self { kind: Kind::Whole(Some(bytes)), permit: None, entered: None }
    }

    pub(crate) fn stream(stream: EventStream) -> Self {
        Self { kind: Kind::Stream(Box::new(stream)), permit: None, entered: None }
    }

    pub(crate) fn hold(&mut self, permit: Permit, entered: Option<Entered>) {
        self.permit = Some(permit);
        self.entered = entered;
    }
}

impl Body for GatewayBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match &mut self.kind {
            Kind::Whole(bytes) => {
                Poll::Ready(bytes.take().filter(|bytes| !bytes.is_empty()).map(|bytes| Ok(Frame::data(bytes))))
            }
            Kind::Stream(stream) => stream.poll_bytes(cx).map(|bytes| bytes.map(|bytes| Ok(Frame::data(bytes)))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.kind {
            Kind::Whole(bytes) => bytes.as_ref().is_none_or(Bytes::is_empty),
            Kind::Stream(stream) => stream.is_over(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            Kind::Whole(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64)),
            Kind::Stream(_) => SizeHint::default(),
        }
    }
}

impl fmt::Debug for GatewayBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            Kind::Whole(_) => "GatewayBody(whole)",
            Kind::Stream(_) => "GatewayBody(stream)",
        })
    }
}

/// A refusal on its way out.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) refusal: Box<Refusal>,
    /// The deployment that was chosen before.
    pub(crate) deployment: Option<HeaderValue>,
    /// What records call it: the log says no more of it than they do.
    pub(crate) name: Option<Text>,
    /// The method that the endpoint takes.
    pub(crate) allow: Option<&'static str>,
    /// Whether nothing more is taken from the connection, because it is not certain where the request ends.
    pub(crate) close: bool,
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        // Of these the body was not read to its end; who keeps the connection would find it closed by the next request.
        let close = matches!(refusal.code, RefusalCode::TooLarge | RefusalCode::RequestTimeout);
        Self { refusal: Box::new(refusal), deployment: None, name: None, allow: None, close }
    }
}

/// The answer "no" in the client's dialect, which is on record.
pub(crate) fn refused(
    refused: &Refused,
    client: DialectId,
    id: &RequestId,
    _recorded: Recorded,
) -> Response<GatewayBody> {
    let refusal = &refused.refusal;
    log(refused, id);
    let dialect = dialect(client);
    let body = dialect.encode_refusal(refusal, id.as_str()).to_string();
    let mut response = Response::new(GatewayBody::of_bytes(body.into()));
    *response.status_mut() =
        StatusCode::from_u16(dialect.refusal_status(refusal)).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, JSON);
    identify(headers, client, id);
    if let Some(kind) = dialect.refusal_type(refusal) {
        headers.insert(ERROR_TYPE, HeaderValue::from_static(kind));
    }
    if let Some(wait) = refusal.retry_after {
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    if let Some(value) = refusal.provider_request_id.as_deref().and_then(|id| HeaderValue::from_str(id).ok()) {
        headers.insert(PROVIDER_REQUEST_ID, value);
    }
    if let Some(label) = &refused.deployment {
        headers.insert(DEPLOYMENT, label.clone());
    }
    if let Some(method) = refused.allow {
        headers.insert(ALLOW, HeaderValue::from_static(method));
    }
    if refused.close {
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// Says who must act, and nothing that the caller or the provider said.
fn log(refused: &Refused, id: &RequestId) {
    let refusal = &refused.refusal;
    let (code, status) = (refusal.code.as_str(), refusal.status);
    let deployment = refused.name.as_deref().unwrap_or_default();
    let detail = refusal.detail.as_deref().unwrap_or_default();
    let (request, trace) = (id.as_str(), id.trace().map(tracing::field::display));
    match refusal.code.actor() {
        Actor::Caller => tracing::debug!(request, trace, code, status, deployment, detail, "refused"),
        Actor::Operator | Actor::Provider => {
            tracing::warn!(request, trace, code, status, deployment, detail, "refused");
        }
        Actor::Switchtower => tracing::error!(request, trace, code, status, deployment, detail, "refused"),
    }
}

/// A small answer of our own, which is on record.
pub(crate) fn json(
    body: &serde_json::Value,
    client: DialectId,
    id: &RequestId,
    _recorded: Recorded,
) -> Response<GatewayBody> {
    let mut response = Response::new(GatewayBody::of_bytes(body.to_string().into()));
    response.headers_mut().insert(CONTENT_TYPE, JSON);
    identify(response.headers_mut(), client, id);
    response
}

/// One word, for probes.
pub(crate) fn word(status: StatusCode, word: &'static str) -> Response<GatewayBody> {
    let mut response = Response::new(GatewayBody::of_bytes(Bytes::from_static(word.as_bytes())));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

/// Names our own id of the request, by the names that the client's SDK looks for.
pub(crate) fn identify(headers: &mut HeaderMap, client: DialectId, id: &RequestId) {
    let value = id.header();
    if client == DialectId::AnthropicMessages {
        headers.insert(REQUEST_ID, value.clone());
    }
    if client == DialectId::BedrockConverse {
        headers.insert(X_AMZN_REQUEST_ID, value.clone());
    }
    headers.insert(X_REQUEST_ID, value);
    if let Some(trace) = id.trace().and_then(|trace| HeaderValue::try_from(trace.to_string()).ok()) {
        headers.insert(TRACE_ID, trace);
    }
}
