//! What is there for operators and not for applications: figures, and whether the gateway is well and ready.
//!
//! It has an address, a thread and a runtime of its own, so that no load of requests keeps an operator out.

use crate::observing::Insight;
use anyhow::{Context as _, Result};
use bytes::Bytes;
use http::header::{ACCEPT, ALLOW, AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, HOST, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::{Map, Value, json};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use switchtower_gateway::{Access, is_local_authority};
use switchtower_telemetry::Format;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

/// How long a client may take to send the head of a request, and how long its connection may be unused.
const HEAD_TIME_MAX: Duration = Duration::from_secs(30);
/// The most connections that are open at once; more wait.
const CONNECTIONS_MAX: usize = 64;
/// The most bytes of the head of a request.
const HEAD_BYTES_MAX: usize = 16 << 10;

/// Where operators reach what is theirs.
#[derive(Debug, Clone)]
pub struct AdminSettings {
    /// The address.
    pub address: SocketAddr,
    /// Who may see figures.
    pub access: Access,
}

/// A listener for operators that is bound and serves nobody yet.
#[derive(Debug)]
pub(crate) struct Bound {
    listener: std::net::TcpListener,
    access: Access,
    address: SocketAddr,
}

impl Bound {
    /// Binds the address.
    ///
    /// # Errors
    /// Where that cannot be listened on.
    pub(crate) fn bind(settings: &AdminSettings) -> Result<Self> {
        let taken = || format!("failed to listen on {} (admin.address)", settings.address);
        let listener = std::net::TcpListener::bind(settings.address).with_context(taken)?;
        listener.set_nonblocking(true).with_context(taken)?;
        let address = listener.local_addr().with_context(taken)?;
        Ok(Self { listener, access: settings.access.clone(), address })
    }

    /// The address, with the port that was found.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves on a thread of its own for as long as the process lives.
    ///
    /// # Errors
    /// Where that cannot be started.
    pub(crate) fn serve(self, insight: Arc<Insight>) -> Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let listener = {
            let _guard = runtime.enter();
            TcpListener::from_std(self.listener)?
        };
        let desk = Arc::new(Desk { insight, access: self.access });
        let thread = std::thread::Builder::new().name("admin".to_owned());
        drop(thread.spawn(move || runtime.block_on(accept(listener, desk))).context("failed to start a thread")?);
        Ok(())
    }
}

async fn accept(listener: TcpListener, desk: Arc<Desk>) {
    /// Pause after a failed accept, so that a machine without file handles is not kept busy.
    const PAUSE: Duration = Duration::from_millis(100);
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        let desk = Arc::clone(&desk);
        drop(tokio::spawn(async move {
            let service = service_fn(|request| {
                let answer = desk.answer(&request);
                async move { Ok::<_, Infallible>(answer) }
            });
            let mut http = http1::Builder::new();
            http.timer(TokioTimer::new()).header_read_timeout(HEAD_TIME_MAX).max_buf_size(HEAD_BYTES_MAX);
            // A connection that breaks is its client's affair.
            drop(http.serve_connection(TokioIo::new(stream), service).await);
            drop(place);
        }));
    }
}

/// Who answers operators.
#[derive(Debug)]
struct Desk {
    insight: Arc<Insight>,
    access: Access,
}

impl Desk {
    fn answer<B>(&self, request: &Request<B>) -> Response<Full<Bytes>> {
        let headers = request.headers();
        if self.access.is_keyless() && !is_local(headers) {
            // A page of a foreign site must not read this, not even after rebinding its name to this machine.
            return told(StatusCode::FORBIDDEN, &json!({"error": "the Host header names another machine"}));
        }
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            let mut answer = told(StatusCode::METHOD_NOT_ALLOWED, &json!({"error": "only GET and HEAD are answered"}));
            answer.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            return answer;
        }
        match request.uri().path() {
            "/healthz" => told(StatusCode::OK, &json!({"alive": true})),
            "/readyz" => self.ready(),
            "/metrics" if self.may_see(headers) => self.metrics(headers),
            "/metrics" => {
                let mut answer = told(StatusCode::UNAUTHORIZED, &json!({"error": "the key of [admin] is asked for"}));
                answer.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
                answer
            }
            _ => {
                let error = "there is nothing at this path; what works: /metrics, /healthz and /readyz";
                told(StatusCode::NOT_FOUND, &json!({"error": error}))
            }
        }
    }

    fn may_see(&self, headers: &HeaderMap) -> bool {
        let presented = || headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ');
        self.access.is_keyless()
            || presented().is_some_and(|(scheme, key)| {
                scheme.eq_ignore_ascii_case("bearer") && self.access.admits(key.trim()).is_some()
            })
    }

    fn ready(&self) -> Response<Full<Bytes>> {
        let checks = self.insight.checks();
        let ready = checks.iter().all(|check| check.holds);
        let details: Map<String, Value> = checks
            .into_iter()
            .map(|check| {
                let why = Insight::why(check);
                let mut said = json!({"ok": check.holds});
                if let (Some(said), Some(why)) = (said.as_object_mut(), why) {
                    said.insert("why".to_owned(), why.into());
                }
                (check.name.to_owned(), said)
            })
            .collect();
        let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        told(status, &json!({"ready": ready, "checks": details}))
    }

    fn metrics(&self, headers: &HeaderMap) -> Response<Full<Bytes>> {
        let accept = headers.get(ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
        let format = Format::for_accept(accept);
        let mut answer = Response::new(Full::from(format.write(&self.insight.families())));
        answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(format.content_type()));
        answer
    }
}

fn is_local(headers: &HeaderMap) -> bool {
    headers.get(HOST).and_then(|host| host.to_str().ok()).is_some_and(is_local_authority)
}

fn told(status: StatusCode, body: &Value) -> Response<Full<Bytes>> {
    let mut answer = Response::new(Full::from(format!("{body}\n")));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}
