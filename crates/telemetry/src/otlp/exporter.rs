//! Who exports: batches, retries as the protocol wants them, and an end within a bound.

use super::messages::{
    Attributes, ExportMetrics, ExportTrace, Exported, Resource, ResourceMetrics, ResourceSpans, Scope, ScopeMetrics,
    ScopeSpans,
};
use super::points::{self, metrics};
use super::spans::spans;
use crate::Telemetry;
use crate::ended::{Ended, Waiting};
use crate::house::{ExportCount, House};
use crate::semconv::Profile;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Uri};
use prost::Message;
use std::future::{Future, poll_fn};
use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime};
use switchtower_domain::{ResponseBody, Transport};
use tokio::time::Instant;

/// The most requests whose spans are sent at once.
const BATCH_MAX: usize = 512;
/// How long the first of a batch waits for others.
const LINGER: Duration = Duration::from_secs(1);
/// How long one batch is tried again and again. What comes meanwhile waits in the queue, as far as there is room.
const RETRY_MAX: Duration = Duration::from_secs(60);
/// The first pause before a batch is tried again; the next one is twice as long, up to a bound.
const PAUSE: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_secs(30);
/// The longest pause that a receiver is believed to want.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(300);
/// How long all that waits may take at the end.
const END_MAX: Duration = Duration::from_secs(5);
/// The largest answer that is read.
const ANSWER_BYTES_MAX: usize = 64 << 10;
const PROTOBUF: HeaderValue = HeaderValue::from_static("application/x-protobuf");

/// Where to export to, and how.
#[derive(Debug, Clone, PartialEq)]
pub struct OtlpSettings {
    /// Where traces go; nowhere where it is nothing.
    pub traces: Option<Uri>,
    /// Where metrics go.
    pub metrics: Option<Uri>,
    /// Headers of each request, such as a key.
    pub headers: HeaderMap,
    /// Whether bodies are compressed.
    pub gzip: bool,
    /// How often metrics are sent.
    pub interval: Duration,
    /// How long one request may take.
    pub timeout: Duration,
    /// Which names are used.
    pub profile: Profile,
    /// What the gateway is called.
    pub service: String,
    /// This one among all of that name.
    pub instance: String,
}

/// An address that cannot be exported to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{address}' is no address of a receiver of OTLP over HTTP, such as http://127.0.0.1:4318")]
pub struct SettingsError {
    address: String,
}

impl OtlpSettings {
    /// Everything to a receiver, by the address that its signals have in common.
    ///
    /// # Errors
    /// [`SettingsError`] for what is no such address.
    pub fn new(base: &str) -> Result<Self, SettingsError> {
        let base = base.trim_end_matches('/');
        Ok(Self {
            traces: Some(Self::address(&format!("{base}/v1/traces"))?),
            metrics: Some(Self::address(&format!("{base}/v1/metrics"))?),
            headers: HeaderMap::new(),
            gzip: true,
            interval: Duration::from_secs(60),
            timeout: Duration::from_secs(10),
            profile: Profile::default(),
            service: "switchtower".to_owned(),
            instance: String::new(),
        })
    }

    /// The address of one signal.
    ///
    /// # Errors
    /// [`SettingsError`] for what is none.
    pub fn address(text: &str) -> Result<Uri, SettingsError> {
        let refused = || SettingsError { address: text.to_owned() };
        let uri: Uri = text.parse().map_err(|_| refused())?;
        let speaks = matches!(uri.scheme_str(), Some("http" | "https"));
        let named = uri.authority().is_some_and(|at| !at.as_str().contains('@'));
        if speaks && named { Ok(uri) } else { Err(refused()) }
    }
}

/// Exports what has ended, and figures now and then.
#[derive(Debug)]
pub struct Exporter {
    settings: OtlpSettings,
    transport: Arc<dyn Transport>,
    telemetry: Arc<Telemetry>,
}

/// What became of one try.
enum Tried {
    Done {
        rejected: u64,
    },
    /// It is worth another try, at the earliest after so long.
    Again {
        after: Option<Duration>,
        why: String,
    },
    Failed {
        why: String,
    },
}

impl Exporter {
    /// An exporter that sends through a transport.
    pub fn new(settings: OtlpSettings, transport: Arc<dyn Transport>, telemetry: Arc<Telemetry>) -> Self {
        Self { settings, transport, telemetry }
    }

    /// Exports until `stopped` is ready, and then what is left, within a bound.
    pub async fn run(self, waiting: Waiting, house: impl Fn() -> House, stopped: impl Future<Output = ()>) {
        let (stop, ended) = tokio::sync::watch::channel(false);
        let stopping = async {
            stopped.await;
            // Who has ended already needs no sign.
            let _ = stop.send(true);
        };
        tokio::join!(stopping, self.export_spans(waiting, ended.clone()), self.export_metrics(house, ended));
    }

    async fn export_spans(&self, mut waiting: Waiting, mut stopped: Stopped) {
        let Some(address) = &self.settings.traces else { return };
        let counts = &self.telemetry.exported_spans;
        let mut batch = Vec::new();
        loop {
            let more = tokio::select! {
                more = waiting.0.recv_many(&mut batch, BATCH_MAX) => more,
                () = asked(&mut stopped) => 0,
            };
            if more > 0 && batch.len() < BATCH_MAX && !*stopped.borrow() {
                gather(&mut waiting, &mut batch, &mut stopped).await;
            }
            let over = *stopped.borrow() || more == 0;
            if over {
                break;
            }
            self.send_spans(address, &mut batch, None, &mut stopped).await;
        }
        let until = Instant::now() + END_MAX;
        loop {
            while batch.len() < BATCH_MAX
                && let Ok(ended) = waiting.0.try_recv()
            {
                batch.push(ended);
            }
            if batch.is_empty() {
                return;
            }
            if Instant::now() >= until {
                ExportCount::add(&counts.stopped, batch.iter().map(Ended::spans).sum());
                batch.clear();
                continue;
            }
            self.send_spans(address, &mut batch, Some(until), &mut stopped).await;
        }
    }

    async fn send_spans(&self, address: &Uri, batch: &mut Vec<Ended>, until: Option<Instant>, stopped: &mut Stopped) {
        let counts = &self.telemetry.exported_spans;
        counts.sending.store(batch.len() as u64, Ordering::Relaxed);
        let spans: Vec<_> = batch.drain(..).flat_map(|ended| spans(&ended, self.settings.profile)).collect();
        let count = spans.len() as u64;
        let schema_url = self.settings.profile.schema_url().to_owned();
        let scope_spans = vec![ScopeSpans { scope: Some(scope()), spans, schema_url: schema_url.clone() }];
        let resource_spans = vec![ResourceSpans { resource: Some(self.resource()), scope_spans, schema_url }];
        let message = ExportTrace { resource_spans };
        self.send(address, &message, (count, counts), until, stopped).await;
        counts.sending.store(0, Ordering::Relaxed);
    }

    async fn export_metrics(&self, house: impl Fn() -> House, mut stopped: Stopped) {
        let Some(address) = &self.settings.metrics else { return };
        loop {
            tokio::select! {
                () = tokio::time::sleep(self.settings.interval) => {}
                () = asked(&mut stopped) => {}
            }
            let over = *stopped.borrow();
            let until = over.then(|| Instant::now() + END_MAX);
            let message = self.collected(&house());
            self.send(address, &message, (1, &self.telemetry.exported_metrics), until, &mut stopped).await;
            if over {
                return;
            }
        }
    }

    fn collected(&self, house: &House) -> ExportMetrics {
        let span = points::Span { started_us: house.started_us, now_us: now_us() };
        let families = self.telemetry.families(house);
        let metrics = metrics(&families, &self.telemetry.snapshot(), self.settings.profile, span);
        let schema_url = self.settings.profile.schema_url().to_owned();
        let scope_metrics = vec![ScopeMetrics { scope: Some(scope()), metrics, schema_url: schema_url.clone() }];
        ExportMetrics {
            resource_metrics: vec![ResourceMetrics { resource: Some(self.resource()), scope_metrics, schema_url }],
        }
    }

    fn resource(&self) -> Resource {
        let mut attributes = Attributes::default();
        attributes.text("service.name", &self.settings.service);
        attributes.text("service.version", env!("CARGO_PKG_VERSION"));
        attributes.text("service.instance.id", &self.settings.instance);
        Resource { attributes: attributes.0 }
    }

    /// Sends until it is there, or not worth another try.
    async fn send(
        &self,
        address: &Uri,
        message: &impl Message,
        (count, counts): (u64, &ExportCount),
        until: Option<Instant>,
        stopped: &mut Stopped,
    ) {
        let body = self.body(message);
        let begun = Instant::now();
        let mut pause = PAUSE;
        let mut told = false;
        loop {
            let within = until.map_or(self.settings.timeout, |until| until.saturating_duration_since(Instant::now()));
            let within = within.min(self.settings.timeout);
            let tried = tokio::time::timeout(within, self.try_once(address, body.clone())).await;
            let tried = tried.unwrap_or_else(|_| Tried::Again { after: None, why: "nothing came in time".to_owned() });
            let (after, why) = match tried {
                Tried::Done { rejected } => {
                    let rejected = rejected.min(count);
                    ExportCount::add(&counts.rejected, rejected);
                    return ExportCount::add(&counts.exported, count - rejected);
                }
                Tried::Failed { why } => {
                    tracing::warn!(count, why, "the receiver of OTLP does not take what was sent; it is dropped");
                    return ExportCount::add(&counts.failed, count);
                }
                Tried::Again { after, why } => (after, why),
            };
            let wait = after.unwrap_or_else(|| pause.mul_f64(0.5 + fastrand::f64() / 2.0));
            pause = (pause * 2).min(PAUSE_MAX);
            let over = until.is_some() || *stopped.borrow();
            if over {
                return ExportCount::add(&counts.stopped, count);
            }
            if begun.elapsed().saturating_add(wait) > RETRY_MAX {
                tracing::warn!(count, why, "the receiver of OTLP cannot be reached; what was to be sent is dropped");
                return ExportCount::add(&counts.failed, count);
            }
            // Once for all that is sent together, which may be tried for a minute.
            if !std::mem::replace(&mut told, true) {
                tracing::warn!(
                    count,
                    why,
                    "the receiver of OTLP cannot be reached; it is tried again, and requests go on"
                );
            }
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = asked(stopped) => {}
            }
        }
    }

    fn body(&self, message: &impl Message) -> Bytes {
        let bytes = message.encode_to_vec();
        if !self.settings.gzip {
            return bytes.into();
        }
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        // Writing to memory cannot fail.
        let _ = encoder.write_all(&bytes);
        encoder.finish().unwrap_or_default().into()
    }

    async fn try_once(&self, address: &Uri, body: Bytes) -> Tried {
        let mut request = Request::new(body);
        *request.method_mut() = Method::POST;
        *request.uri_mut() = address.clone();
        *request.headers_mut() = self.settings.headers.clone();
        request.headers_mut().insert(CONTENT_TYPE, PROTOBUF);
        if self.settings.gzip {
            request.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        let response = match self.transport.send(request).await {
            Ok(response) => response,
            Err(error) => return Tried::Again { after: None, why: error.to_string() },
        };
        let (head, body) = response.into_parts();
        let why = || format!("it answered with {}", head.status.as_u16());
        if head.status.is_success() {
            return done(&head.headers, &read(body).await);
        }
        match head.status {
            StatusCode::TOO_MANY_REQUESTS
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT => Tried::Again { after: retry_after(&head.headers), why: why() },
            _ => Tried::Failed { why: why() },
        }
    }
}

/// Whether the exporter is asked to stop.
type Stopped = tokio::sync::watch::Receiver<bool>;

/// Ready once that is so; also where nobody could say so any more.
async fn asked(stopped: &mut Stopped) {
    let _ = stopped.wait_for(|stopped| *stopped).await;
}

/// Waits a little for more of a batch.
async fn gather(waiting: &mut Waiting, batch: &mut Vec<Ended>, stopped: &mut Stopped) {
    let until = Instant::now() + LINGER;
    while batch.len() < BATCH_MAX {
        let room = BATCH_MAX - batch.len();
        let more = tokio::select! {
            more = waiting.0.recv_many(batch, room) => more,
            () = tokio::time::sleep_until(until) => 0,
            () = asked(stopped) => 0,
        };
        if more == 0 {
            return;
        }
    }
}

/// A receiver may have taken a part only. What else it answers is not read.
fn done(headers: &HeaderMap, body: &[u8]) -> Tried {
    let is_protobuf = headers.get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(PROTOBUF.as_bytes()));
    let partial = Exported::decode(body).ok().filter(|_| is_protobuf).and_then(|exported| exported.partial_success);
    let rejected = partial.map_or(0, |partial| u64::try_from(partial.rejected).unwrap_or(0));
    if rejected > 0 {
        // Its message is not ours to repeat.
        tracing::warn!(rejected, "the receiver of OTLP rejected a part of what was sent");
    }
    Tried::Done { rejected }
}

async fn read(mut body: ResponseBody) -> Vec<u8> {
    let mut all = Vec::new();
    while let Some(Ok(frame)) = poll_fn(|cx| body.as_mut().poll_frame(cx)).await {
        if let Ok(data) = frame.into_data()
            && all.len() + data.len() <= ANSWER_BYTES_MAX
        {
            all.extend_from_slice(&data);
        }
    }
    all
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds).min(RETRY_AFTER_MAX))
}

fn scope() -> Scope {
    Scope { name: "switchtower".to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() }
}

fn now_us() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
