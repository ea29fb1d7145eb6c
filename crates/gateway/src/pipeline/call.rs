//! The exchange with the provider, up to the head of its answer, or to the end of a whole one.

use super::plan::{Carriage, Planned};
use crate::Settings;
use crate::failure;
use crate::owner::Sealing;
use crate::recording::{Marks, Recording};
use crate::tag::Tagging;
use bytes::{Bytes, BytesMut};
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Request};
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, SystemTime};
use switchtower_domain::{
    DialectId, Failure, FailureClass, Notice, Refusal, ResponseBody, Transport, TransportError, limits,
};
use switchtower_providers::aws::{AwsCredentials, region_of};
use switchtower_providers::{Credential, Deployment};
use tokio::time::Instant;

/// An answer that has begun.
pub(super) struct Answering {
    pub(super) client: DialectId,
    pub(super) deployment: Arc<Deployment>,
    pub(super) carriage: Carriage,
    pub(super) sealing: Option<Sealing>,
    pub(super) tagging: Option<Tagging>,
    pub(super) notices: Vec<Notice>,
    /// The provider's own id for the request.
    pub(super) provider_request_id: Option<HeaderValue>,
    pub(super) content: Content,
}

/// What there is of it.
pub(super) enum Content {
    /// All of it.
    Whole(Bytes),
    /// All of it, in several answers.
    Several(Vec<Bytes>),
    /// Events that are still to come, until a moment at the latest.
    Events(ResponseBody, Instant),
}

/// Dropping the future ends the exchange. Only what is on record is sent.
pub(super) async fn call(
    settings: &Settings,
    transport: &dyn Transport,
    planned: Planned,
    recording: &mut Recording,
) -> Result<Answering, Refusal> {
    let Planned { client, deployment, mut outgoing, mut more, carriage, streamed, sealing, tagging, notices } = planned;
    // Who is behind a request is nobody's business unless the operator says so.
    if let Some(attempted) = recording.attempted.as_ref().filter(|_| deployment.provider.trace_context) {
        std::iter::once(&mut outgoing).chain(&mut more).for_each(|request| attempted.tell(request.headers_mut()));
    }
    if deployment.provider.credential.is_of_cloud() {
        Box::pin(show_token(transport, &deployment, std::iter::once(&mut outgoing).chain(&mut more))).await?;
    }
    let ends_at = Instant::now() + deployment.provider.timeouts.total;
    let marks = recording.marks();
    let asking = Asking { settings, transport, deployment: &deployment, client, streamed, ends_at, marks };
    let exchanged =
        if more.is_empty() { asking.exchange(outgoing).await } else { asking.together(outgoing, more).await };
    let (provider_request_id, content) = exchanged.inspect_err(|refusal| {
        recording.identified(refusal.provider_request_id.as_deref());
    })?;
    recording.identified(provider_request_id.as_ref().and_then(|id| id.to_str().ok()));
    match &content {
        Content::Whole(bytes) => recording.meter.received(bytes.len()),
        Content::Several(answers) => recording.meter.received(answers.iter().map(Bytes::len).sum()),
        Content::Events(..) => {}
    }
    Ok(Answering { client, deployment, carriage, sealing, tagging, notices, provider_request_id, content })
}

/// Shows a token of the provider's cloud, where that is what it takes.
async fn show_token(
    transport: &dyn Transport,
    deployment: &Deployment,
    requests: impl Iterator<Item = &mut Request<Bytes>>,
) -> Result<(), Refusal> {
    let identity = match &deployment.provider.credential {
        Credential::Identity(identity) => identity,
        Credential::Aws(identity) => {
            let keys = identity.keys(transport, deployment.provider.way).await;
            let keys = keys.map_err(|error| failure::without_token(&error, identity.kind(), deployment))?;
            return signed(&AwsCredentials::from(keys), deployment, requests);
        }
        Credential::None | Credential::Key { .. } | Credential::Caller(_) | Credential::Missing { .. } => return Ok(()),
    };
    let token = identity.token(transport, deployment.provider.way).await;
    let token = token.map_err(|error| failure::without_token(&error, identity.kind(), deployment))?;
    let value = HeaderValue::try_from(format!("Bearer {}", token.expose()));
    let mut value = value.map_err(|_| failure::refusal(&Failure::new(FailureClass::Denied), deployment))?;
    value.set_sensitive(true);
    for request in requests {
        request.headers_mut().insert(AUTHORIZATION, value.clone());
    }
    Ok(())
}

/// Signs requests to AWS, for the region of their address.
fn signed<'r>(
    credentials: &AwsCredentials,
    deployment: &Deployment,
    requests: impl Iterator<Item = &'r mut Request<Bytes>>,
) -> Result<(), Refusal> {
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(crate::clock::seconds_since_1970());
    for request in requests {
        let named = request.uri().host().and_then(region_of).map(str::to_owned);
        let stated = || deployment.provider.region.as_ref().map(|region| region.as_str().to_owned());
        let region = named.or_else(stated).unwrap_or_else(|| USUAL_REGION.to_owned());
        credentials.sign(request, &region, now).map_err(|error| {
            failure::refusal(&Failure::new(FailureClass::Denied), deployment).detail(error.to_string())
        })?;
    }
    Ok(())
}

/// The region of an address that names none, where the operator says none either.
const USUAL_REGION: &str = "us-east-1";

/// How many requests that belong to one answer are open at once.
const TOGETHER_MAX: usize = 4;

/// What the exchanges of one request have in common.
struct Asking<'a> {
    settings: &'a Settings,
    transport: &'a dyn Transport,
    deployment: &'a Deployment,
    client: DialectId,
    streamed: bool,
    ends_at: Instant,
    marks: &'a Marks,
}

/// The provider's own id for a request, and what it answered.
type Exchanged = Result<(Option<HeaderValue>, Content), Refusal>;

/// An exchange that is under way.
type Exchange<'a> = Pin<Box<dyn Future<Output = Exchanged> + Send + 'a>>;

impl Asking<'_> {
    /// Several exchanges, a few at a time; their answers stand in the order of the requests. The first failure ends all.
    async fn together(&self, first: Request<Bytes>, more: Vec<Request<Bytes>>) -> Exchanged {
        let mut waiting = std::iter::once(first).chain(more).enumerate();
        let mut open: Vec<(usize, Exchange<'_>)> = Vec::new();
        let mut answers = Vec::new();
        let mut id = None;
        let mut bytes = 0;
        loop {
            while open.len() < TOGETHER_MAX
                && let Some((place, request)) = waiting.next()
            {
                open.push((place, Box::pin(self.exchange(request))));
            }
            if open.is_empty() {
                break;
            }
            let (at, outcome) = poll_fn(|cx| {
                for (at, (_, exchange)) in open.iter_mut().enumerate() {
                    if let Poll::Ready(outcome) = exchange.as_mut().poll(cx) {
                        return Poll::Ready((at, outcome));
                    }
                }
                Poll::Pending
            })
            .await;
            let (place, _) = open.remove(at);
            // Of what came before a failure no answer is made.
            let (of_first, content) = outcome.inspect_err(|_| self.marks.unused(bytes))?;
            if place == 0 {
                id = of_first;
            }
            if let Content::Whole(answer) = content {
                bytes += answer.len();
                answers.push((place, answer));
            }
            // What one answer may not be, several together may not be either.
            if bytes > self.settings.limits.answer_bytes_max {
                self.marks.unused(bytes);
                return Err(failure::refusal(&Failure::new(FailureClass::Malformed), self.deployment));
            }
        }
        answers.sort_by_key(|(place, _)| *place);
        Ok((id, Content::Several(answers.into_iter().map(|(_, answer)| answer).collect())))
    }

    async fn exchange(&self, outgoing: Request<Bytes>) -> Exchanged {
        let Self { settings, transport, deployment, client, streamed, ends_at, marks } = *self;
        let failed = |failure: &Failure| failure::refusal(failure, deployment);
        let timeouts = deployment.provider.timeouts;
        let head_within = timeouts.first_byte.min(timeouts.total);
        let sent = outgoing.body().clone();
        marks.sent();
        let response = within(head_within, transport.send(outgoing)).await.and_then(|sent| sent).map_err(|error| {
            if matches!(error, TransportError::Connect { .. }) {
                marks.unconnected();
            }
            let refusal = failed(&failure::of_transport(&error));
            let detail = format!("{}; {error}", refusal.detail.as_deref().unwrap_or_default());
            refusal.detail(detail)
        })?;
        let (head, body) = response.into_parts();
        let mut reading = Reading { body, idle: timeouts.idle, ends_at, read: 0 };
        let status = head.status.as_u16();
        marks.headed(status);
        if !(200..300).contains(&status) {
            // What was given may have been revoked before its time.
            match (status, &deployment.provider.credential) {
                (401, Credential::Identity(identity)) => identity.forget(),
                (401 | 403, Credential::Aws(identity)) => identity.forget(),
                _ => {}
            }
            // An error that breaks off is still the error that its status says.
            let body = reading.collect(limits::ERROR_BYTES_MAX, &head.headers).await.unwrap_or_default();
            marks.unused(reading.read);
            let failure = failure::of_answer(deployment, client, status, &head.headers, &body);
            return Err(failure::explained(failed(&failure), &failure, &sent, client, deployment));
        }
        let framing = deployment.provider.interface(client).framing();
        let content = match (streamed, is_event_stream(&head.headers, framing.media_type())) {
            (true, true) => Content::Events(reading.body, ends_at),
            (true, false) => {
                let body = reading.collect(limits::ERROR_BYTES_MAX, &head.headers).await.unwrap_or_default();
                marks.unused(reading.read);
                return Err(failed(&instead_of_events(deployment, client, &head.headers, &body)));
            }
            (false, true) => return Err(failed(&Failure::new(FailureClass::Malformed))),
            (false, false) => {
                let max = settings.limits.answer_bytes_max;
                let whole = reading.collect(max, &head.headers).await;
                Content::Whole(whole.map_err(|failure| {
                    marks.unused(reading.read);
                    failed(&failure)
                })?)
            }
        };
        let provider_request_id =
            failure::request_id(deployment, client, &head.headers).and_then(|id| HeaderValue::try_from(id).ok());
        Ok((provider_request_id, content))
    }
}

/// Some providers say with status 200 that they failed; what else comes instead of events cannot be read.
fn instead_of_events(deployment: &Deployment, client: DialectId, headers: &HeaderMap, body: &[u8]) -> Failure {
    let mut failure = failure::of_answer(deployment, client, 500, headers, body);
    if failure.message.is_none() {
        failure = Failure { request_id: failure.request_id, ..Failure::new(FailureClass::Malformed) };
    }
    failure.status = None;
    failure
}

fn is_event_stream(headers: &HeaderMap, media_type: &str) -> bool {
    let stated = headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
    stated.get(..media_type.len()).is_some_and(|start| start.eq_ignore_ascii_case(media_type.as_bytes()))
}

async fn within<T>(limit: Duration, future: impl Future<Output = T>) -> Result<T, TransportError> {
    let waited_ms = u64::try_from(limit.as_millis()).unwrap_or(u64::MAX);
    tokio::time::timeout(limit, future).await.map_err(|_| TransportError::TimedOut { waited_ms })
}

/// A whole answer on its way in.
struct Reading {
    body: ResponseBody,
    idle: Duration,
    ends_at: Instant,
    /// How many bytes came.
    read: usize,
}

impl Reading {
    async fn collect(&mut self, max: usize, headers: &HeaderMap) -> Result<Bytes, Failure> {
        let mut first = Bytes::new();
        let mut all = BytesMut::new();
        loop {
            let left = self.ends_at.saturating_duration_since(Instant::now()).min(self.idle);
            let frame = match within(left, poll_fn(|cx| self.body.as_mut().poll_frame(cx))).await {
                Ok(Some(Ok(frame))) => frame,
                Ok(None) => break,
                Ok(Some(Err(error))) | Err(error) => return Err(failure::of_transport(&error)),
            };
            let Ok(data) = frame.into_data() else { continue };
            self.read += data.len();
            if first.len() + all.len() + data.len() > max {
                return Err(Failure::new(FailureClass::Malformed));
            }
            if first.is_empty() && all.is_empty() {
                first = data;
                continue;
            }
            if all.is_empty() {
                all.reserve(stated_length(headers).min(max).max(first.len() + data.len()));
                all.extend_from_slice(&first);
                first.clear();
            }
            all.extend_from_slice(&data);
        }
        Ok(if all.is_empty() { first } else { all.freeze() })
    }
}

/// What the provider says that it will send; no more than a megabyte is believed beforehand.
fn stated_length(headers: &HeaderMap) -> usize {
    let stated = headers.get(http::header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    stated.unwrap_or(0).min(1 << 20)
}
