//! A reverse proxy that keeps what it passes on.

use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::service::service_fn;
use hyper::{HeaderMap, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::json;
use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::thread::JoinHandle;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

/// A proxy on a port of its own, until it is dropped. For each request it writes into its folder
///
/// - `NNNN.json`: `path`, `headers` and `body` of the request, the headers without credentials, the body as JSON, or
///   as text where it is none,
/// - `NNNN.whole` or `NNNN.aborted`, as soon as its answer has ended: of itself, or because nobody wanted the rest.
#[derive(Debug)]
pub struct Capture {
    address: SocketAddr,
    folder: PathBuf,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Capture {
    /// Starts a proxy in front of a server.
    ///
    /// # Errors
    /// Where no port can be listened on.
    pub fn start(upstream: SocketAddr, folder: &Path) -> io::Result<Self> {
        std::fs::create_dir_all(folder)?;
        let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (stop, stopped) = oneshot::channel();
        let keeper = Keeper { upstream, folder: folder.into(), count: Arc::new(AtomicU64::new(0)) };
        let thread = std::thread::spawn(move || {
            runtime.block_on(async {
                let Ok(listener) = TcpListener::from_std(listener) else { return };
                tokio::select! {
                    () = keeper.serve(&listener) => {}
                    _ = stopped => {}
                }
            });
        });
        Ok(Self { address, folder: folder.to_owned(), stop: Some(stop), thread: Some(thread) })
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it keeps what it passed on.
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[derive(Clone)]
struct Keeper {
    upstream: SocketAddr,
    folder: Arc<Path>,
    count: Arc<AtomicU64>,
}

impl Keeper {
    async fn serve(&self, listener: &TcpListener) {
        while let Ok((stream, _)) = listener.accept().await {
            let _ = stream.set_nodelay(true);
            let keeper = self.clone();
            drop(tokio::spawn(async move {
                let service = service_fn(|request| keeper.answer(request));
                let _ =
                    hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
            }));
        }
    }

    async fn answer(&self, request: Request<Incoming>) -> io::Result<Response<BoxBody<Bytes, hyper::Error>>> {
        let (head, body) = request.into_parts();
        let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
        let name = format!("{:04}", self.count.fetch_add(1, Ordering::Relaxed) + 1);
        let value = serde_json::from_slice(&body).unwrap_or_else(|_| json!(String::from_utf8_lossy(&body)));
        let kept = json!({"path": head.uri.path(), "headers": shown(&head.headers), "body": value});
        // Renamed when it is there as a whole, so that a reader never sees half of it.
        let half = self.folder.join(format!("{name}.half"));
        std::fs::write(&half, kept.to_string())?;
        std::fs::rename(&half, self.folder.join(format!("{name}.json")))?;
        let request = Request::from_parts(head, Full::new(body));
        match self.pass_on(request).await {
            Ok(response) => {
                let ending = Ending { folder: Arc::clone(&self.folder), name };
                Ok(response.map(|body| Watched { body, ending }.boxed()))
            }
            Err(_) => {
                let body = Full::new(Bytes::new()).map_err(|never| match never {}).boxed();
                let mut response = Response::new(body);
                *response.status_mut() = StatusCode::BAD_GATEWAY;
                Ok(response)
            }
        }
    }

    async fn pass_on(&self, request: Request<Full<Bytes>>) -> io::Result<Response<Incoming>> {
        let stream = TcpStream::connect(self.upstream).await?;
        stream.set_nodelay(true)?;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
        // It ends with the answer, or when the answer is dropped.
        drop(tokio::spawn(connection));
        sender.send_request(request).await.map_err(io::Error::other)
    }
}

/// Headers by name, without credentials.
fn shown(headers: &HeaderMap) -> BTreeMap<&str, String> {
    let open = headers.iter().filter(|(name, _)| !matches!(name.as_str(), "authorization" | "x-api-key" | "cookie"));
    open.map(|(name, value)| (name.as_str(), String::from_utf8_lossy(value.as_bytes()).into_owned())).collect()
}

/// Says how an answer ended.
struct Ending {
    folder: Arc<Path>,
    name: String,
}

/// The body of an answer on its way.
struct Watched {
    body: Incoming,
    ending: Ending,
}

impl Body for Watched {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        let how = if self.body.is_end_stream() { "whole" } else { "aborted" };
        let _ = std::fs::write(self.ending.folder.join(format!("{}.{how}", self.ending.name)), "");
    }
}
