//! Plain HTTP/1.1 to providers on one's own network, such as vLLM or llama.cpp.
//!
//! The general client keeps a task, a channel and two buffers for each connection. Here a connection belongs to the one
//! exchange that uses it, and is read when the client asks for more: fewer wake-ups for each chunk, and less than half
//! of the memory for each open stream. A connection is used again only after an answer that was whole.

use super::UpstreamSettings;
use super::framing::{Framing, FramingError, head};
use super::proxy::Proxy;
use bytes::{Buf as _, Bytes, BytesMut};
use http::header::{CONTENT_LENGTH, HOST};
use http::uri::Authority;
use http::{HeaderMap, Request, Response};
use http_body::{Body, Frame, SizeHint};
use std::collections::HashMap;
use std::io::{self, IoSlice, Write as _};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use switchtower_domain::{ResponseBody, TransportError};
use tokio::io::{AsyncReadExt as _, Interest};
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_util::io::poll_read_buf;

/// How much is read at once, to begin with and at most.
const READ_BYTES_MIN: usize = 4 * 1024;
const READ_BYTES_MAX: usize = 64 * 1024;
/// Connections that nobody uses are looked for no more often than this.
const SWEEP_INTERVAL_MIN: Duration = Duration::from_millis(100);

/// Connections that wait for their next use, by host and port.
#[derive(Debug)]
pub(super) struct Plain {
    settings: UpstreamSettings,
    proxy: Option<Proxy>,
    idle: Arc<Mutex<Pool>>,
}

#[derive(Debug, Default)]
struct Pool {
    waiting: HashMap<Box<str>, Vec<Idle>>,
    /// Whether somebody closes what nobody uses any more.
    is_swept: bool,
}

#[derive(Debug)]
struct Idle {
    stream: TcpStream,
    since: Instant,
}

impl Plain {
    pub(super) fn new(settings: UpstreamSettings, proxy: Option<Proxy>) -> Self {
        Self { settings, proxy, idle: Arc::default() }
    }

    /// Sends a request; dropping the future, or the body of the answer, closes the connection.
    pub(super) async fn send(&self, request: Request<Bytes>) -> Result<Response<ResponseBody>, TransportError> {
        let authority = request.uri().authority().cloned().ok_or_else(|| connect_error("the address has no host"))?;
        let (parts, body) = request.into_parts();
        let path = parts.uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
        let head =
            request_head(parts.method.as_str(), path, &authority, &parts.headers, body.len(), self.proxy.as_ref());
        while let Some(stream) = self.waiting(&authority) {
            match exchange(stream, &head, &body).await {
                Ok(answer) => return Ok(self.answered(answer, authority)),
                // The provider closed the connection before anything was sent on it.
                Err(Trouble::Stale) => {}
                Err(Trouble::Final(error)) => return Err(error),
            }
        }
        let stream = self.connect(&authority).await?;
        match exchange(stream, &head, &body).await {
            Ok(answer) => Ok(self.answered(answer, authority)),
            Err(Trouble::Stale) => {
                Err(TransportError::Broken { reason: "closed before the request was sent".to_owned() })
            }
            Err(Trouble::Final(error)) => Err(error),
        }
    }

    fn answered(&self, answer: Answered, authority: Authority) -> Response<ResponseBody> {
        let Answered { response, framing, reusable, stream, buffer } = answer;
        let mut body = PlainBody {
            open: Some(Open { stream, buffer, read_size: READ_BYTES_MIN }),
            framing,
            reusable,
            authority,
            pool: Arc::clone(&self.idle),
            settings: self.settings,
        };
        if framing == Framing::Done {
            body.finish();
        }
        response.map(|()| -> ResponseBody { Box::pin(body) })
    }

    /// A connection that waits and is still open.
    fn waiting(&self, authority: &Authority) -> Option<TcpStream> {
        let mut pool = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let waiting = pool.waiting.get_mut(authority.as_str())?;
        while let Some(idle) = waiting.pop() {
            // Nothing is expected on it: what can be read is its end, or something that belongs to nobody.
            let quiet =
                matches!(idle.stream.try_read(&mut [0]), Err(error) if error.kind() == io::ErrorKind::WouldBlock);
            if quiet && idle.since.elapsed() < self.settings.pool_idle {
                return Some(idle.stream);
            }
        }
        None
    }

    async fn connect(&self, authority: &Authority) -> Result<TcpStream, TransportError> {
        let authority = self.proxy.as_ref().map_or(authority, Proxy::address);
        let host = authority.host().trim_start_matches('[').trim_end_matches(']');
        let connecting = TcpStream::connect((host, authority.port_u16().unwrap_or(80)));
        let stream = match tokio::time::timeout(self.settings.connect, connecting).await {
            Ok(connected) => connected.map_err(|error| connect_error(error.to_string()))?,
            Err(_) => {
                return Err(connect_error(format!("no connection within {} ms", self.settings.connect.as_millis())));
            }
        };
        // Requests are written at once and must not wait for the answer to earlier bytes.
        let _ = stream.set_nodelay(true);
        Ok(stream)
    }
}

fn connect_error(reason: impl Into<String>) -> TransportError {
    TransportError::Connect { reason: reason.into() }
}

fn request_head(
    method: &str,
    path: &str,
    authority: &Authority,
    headers: &HeaderMap,
    length: usize,
    proxy: Option<&Proxy>,
) -> Vec<u8> {
    let mut head = Vec::with_capacity(512);
    // A proxy is told the whole address. Writing into memory does not fail.
    let (scheme, host) = if proxy.is_some() { ("http://", authority.as_str()) } else { ("", "") };
    let _ =
        write!(head, "{method} {scheme}{host}{path} HTTP/1.1\r\n{HOST}: {authority}\r\n{CONTENT_LENGTH}: {length}\r\n");
    if let Some(value) = proxy.and_then(Proxy::authorization) {
        head.extend_from_slice(b"proxy-authorization: ");
        head.extend_from_slice(value.as_bytes());
        head.extend_from_slice(b"\r\n");
    }
    for (name, value) in headers {
        if name == HOST || name == CONTENT_LENGTH {
            continue;
        }
        head.extend_from_slice(name.as_str().as_bytes());
        head.extend_from_slice(b": ");
        head.extend_from_slice(value.as_bytes());
        head.extend_from_slice(b"\r\n");
    }
    head.extend_from_slice(b"\r\n");
    head
}

struct Answered {
    response: Response<()>,
    framing: Framing,
    reusable: bool,
    stream: TcpStream,
    buffer: BytesMut,
}

enum Trouble {
    /// Nothing was sent; another connection may be tried.
    Stale,
    Final(TransportError),
}

impl Trouble {
    fn broken(reason: impl Into<String>) -> Self {
        Self::Final(TransportError::Broken { reason: reason.into() })
    }
}

impl From<FramingError> for Trouble {
    fn from(error: FramingError) -> Self {
        Self::Final(TransportError::Malformed { reason: error.to_string() })
    }
}

async fn exchange(mut stream: TcpStream, request_head: &[u8], body: &Bytes) -> Result<Answered, Trouble> {
    let mut buffer = BytesMut::with_capacity(READ_BYTES_MIN);
    let sent = write(&stream, request_head, body, &mut buffer).await?;
    loop {
        if let Some(head) = head(&mut buffer)? {
            return Ok(Answered {
                response: head.response,
                framing: head.body,
                reusable: head.reusable && sent,
                stream,
                buffer,
            });
        }
        buffer.reserve(READ_BYTES_MIN);
        match stream.read_buf(&mut buffer).await {
            Ok(0) => return Err(Trouble::broken("closed before the answer")),
            Ok(_) => {}
            Err(error) => return Err(Trouble::broken(error.to_string())),
        }
    }
}

/// Writes a request; says whether all of it. A provider that answers before it has read everything is listened to.
async fn write(stream: &TcpStream, head: &[u8], body: &[u8], early: &mut BytesMut) -> Result<bool, Trouble> {
    let (mut head, mut body) = (head, body);
    let mut any = false;
    while !head.is_empty() || !body.is_empty() {
        match stream.try_write_vectored(&[IoSlice::new(head), IoSlice::new(body)]) {
            Ok(0) => return Err(Trouble::broken("nothing more can be written")),
            Ok(written) => {
                any = true;
                let of_head = written.min(head.len());
                head.advance(of_head);
                body.advance(written - of_head);
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                let ready = stream.ready(Interest::READABLE | Interest::WRITABLE).await;
                if ready.is_ok_and(|ready| ready.is_readable()) {
                    match stream.try_read_buf(early) {
                        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                        _ => return Ok(false),
                    }
                }
            }
            Err(_) if !any => return Err(Trouble::Stale),
            // What the provider said before it closed is read next.
            Err(_) => return Ok(false),
        }
    }
    Ok(true)
}

/// The body of an answer, read from its own connection.
struct PlainBody {
    open: Option<Open>,
    framing: Framing,
    reusable: bool,
    authority: Authority,
    pool: Arc<Mutex<Pool>>,
    settings: UpstreamSettings,
}

struct Open {
    stream: TcpStream,
    buffer: BytesMut,
    read_size: usize,
}

impl PlainBody {
    /// Lets the connection wait for its next use, if it may have one.
    fn finish(&mut self) {
        let Some(open) = self.open.take() else { return };
        // Bytes after the end belong to nobody.
        if !self.reusable || !open.buffer.is_empty() {
            return;
        }
        let now = Instant::now();
        let mut pool = self.pool.lock().unwrap_or_else(PoisonError::into_inner);
        let idle = Idle { stream: open.stream, since: now };
        match pool.waiting.get_mut(self.authority.as_str()) {
            Some(waiting) => {
                // The longest unused stand first.
                let expired = waiting.iter().take_while(|idle| now - idle.since >= self.settings.pool_idle).count();
                waiting.drain(..expired);
                if waiting.len() < self.settings.pool_idle_per_host_max {
                    waiting.push(idle);
                }
            }
            None if self.settings.pool_idle_per_host_max > 0 => {
                pool.waiting.insert(self.authority.as_str().into(), vec![idle]);
            }
            None => {}
        }
        // Without further traffic nobody else would close what waits.
        if !pool.is_swept
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            pool.is_swept = true;
            runtime.spawn(sweep(Arc::downgrade(&self.pool), self.settings.pool_idle));
        }
    }

    fn broken(&mut self, reason: impl Into<String>) -> Poll<Option<Result<Frame<Bytes>, TransportError>>> {
        self.open = None;
        Poll::Ready(Some(Err(TransportError::Broken { reason: reason.into() })))
    }
}

/// Closes connections that nobody has used for so long; ends when none is left.
async fn sweep(pool: Weak<Mutex<Pool>>, unused_max: Duration) {
    loop {
        tokio::time::sleep(unused_max.max(SWEEP_INTERVAL_MIN)).await;
        let Some(pool) = pool.upgrade() else { return };
        let now = Instant::now();
        let mut pool = pool.lock().unwrap_or_else(PoisonError::into_inner);
        pool.waiting.retain(|_, waiting| {
            waiting.retain(|idle| now - idle.since < unused_max);
            !waiting.is_empty()
        });
        if pool.waiting.is_empty() {
            pool.is_swept = false;
            return;
        }
    }
}

impl Body for PlainBody {
    type Data = Bytes;
    type Error = TransportError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, TransportError>>> {
        let this = self.get_mut();
        loop {
            let Some(open) = &mut this.open else { return Poll::Ready(None) };
            match this.framing.next(&mut open.buffer) {
                Ok(Some(piece)) => {
                    if this.framing == Framing::Done {
                        this.finish();
                    }
                    return Poll::Ready(Some(Ok(Frame::data(piece))));
                }
                Ok(None) if this.framing == Framing::Done => {
                    this.finish();
                    return Poll::Ready(None);
                }
                Ok(None) => {}
                Err(error) => {
                    this.open = None;
                    return Poll::Ready(Some(Err(TransportError::Malformed { reason: error.to_string() })));
                }
            }
            match ready!(open.poll_read(cx)) {
                Ok(0) if this.framing.may_end() => {
                    this.open = None;
                    return Poll::Ready(None);
                }
                Ok(0) => return this.broken("closed in the middle of the answer"),
                Ok(_) => {}
                Err(error) => return this.broken(error.to_string()),
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.open.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        match self.framing {
            Framing::Length(left) => SizeHint::with_exact(left),
            Framing::Done => SizeHint::with_exact(0),
            Framing::Chunked(_) | Framing::UntilClose => SizeHint::default(),
        }
    }
}

impl Open {
    /// Reads what there is; a provider that fills the buffer gets a larger one.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if self.buffer.capacity() - self.buffer.len() < self.read_size / 2 {
            self.buffer.reserve(self.read_size);
        }
        let room = self.buffer.capacity() - self.buffer.len();
        let read = ready!(poll_read_buf(Pin::new(&mut self.stream), cx, &mut self.buffer))?;
        if read == room {
            self.read_size = (self.read_size * 2).min(READ_BYTES_MAX);
        }
        Poll::Ready(Ok(read))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt as _;
    use tokio::io::AsyncWriteExt as _;
    use tokio::net::TcpListener;

    /// A provider that answers each request with the next text, on whatever connections come, and counts those.
    async fn provider(answers: Vec<(&'static str, bool)>) -> (String, tokio::task::JoinHandle<usize>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let task = tokio::spawn(async move {
            let mut connections = 0;
            let mut answers = answers.into_iter().peekable();
            while answers.peek().is_some() {
                let (mut stream, _) = listener.accept().await.unwrap();
                connections += 1;
                let mut request = vec![0; 4096];
                loop {
                    let read = stream.read(&mut request).await.unwrap();
                    if read == 0 {
                        break;
                    }
                    assert!(request.starts_with(b"POST /v1/x HTTP/1.1\r\nhost: 127.0.0.1:"));
                    let Some((answer, closes)) = answers.next() else { break };
                    stream.write_all(answer.as_bytes()).await.unwrap();
                    if closes {
                        break;
                    }
                }
            }
            connections
        });
        (format!("http://{address}/v1/x"), task)
    }

    async fn ask(client: &Plain, url: &str) -> Result<String, TransportError> {
        let request = Request::post(url).body(Bytes::from_static(b"{}")).unwrap();
        let response = client.send(request).await?;
        let body = response.into_body().collect().await?.to_bytes();
        Ok(String::from_utf8(body.to_vec()).unwrap())
    }

    const WHOLE: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
    const CHUNKED: &str = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n";

    #[tokio::test]
    async fn a_connection_is_used_again_after_a_whole_answer() {
        let client = Plain::new(UpstreamSettings::default(), None);
        let (url, connections) = provider(vec![(WHOLE, false), (CHUNKED, false), (WHOLE, true)]).await;
        for _ in 0..3 {
            assert_eq!(ask(&client, &url).await.unwrap(), "ok");
        }
        assert_eq!(connections.await.unwrap(), 1);
    }

    #[tokio::test]
    async fn a_connection_that_was_closed_is_not_used_again() {
        let client = Plain::new(UpstreamSettings::default(), None);
        let (url, connections) = provider(vec![(WHOLE, true), (WHOLE, true)]).await;
        assert_eq!(ask(&client, &url).await.unwrap(), "ok");
        while client.idle.lock().unwrap().waiting.values().flatten().any(|idle| idle.stream.try_read(&mut [0]).is_err())
        {
            tokio::task::yield_now().await;
        }
        assert_eq!(ask(&client, &url).await.unwrap(), "ok");
        assert_eq!(connections.await.unwrap(), 2);
    }

    #[tokio::test]
    async fn a_connection_that_nobody_uses_is_closed_without_further_traffic() {
        let settings = UpstreamSettings { pool_idle: Duration::from_millis(1), ..UpstreamSettings::default() };
        let client = Plain::new(settings, None);
        let (url, connections) = provider(vec![(WHOLE, false), (WHOLE, true)]).await;
        assert_eq!(ask(&client, &url).await.unwrap(), "ok");
        assert_eq!(client.idle.lock().unwrap().waiting.len(), 1);
        while !client.idle.lock().unwrap().waiting.is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        // And those that come later as well.
        assert_eq!(ask(&client, &url).await.unwrap(), "ok");
        assert_eq!(connections.await.unwrap(), 2);
    }

    #[tokio::test]
    async fn surplus_bytes_are_nobodys_answer() {
        let client = Plain::new(UpstreamSettings::default(), None);
        let smuggled = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nokHTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil";
        let (url, connections) = provider(vec![(smuggled, false), (WHOLE, true)]).await;
        assert_eq!(ask(&client, &url).await.unwrap(), "ok");
        assert_eq!(ask(&client, &url).await.unwrap(), "ok");
        assert_eq!(connections.await.unwrap(), 2);
    }

    #[tokio::test]
    async fn an_answer_that_breaks_off_is_an_error() {
        let client = Plain::new(UpstreamSettings::default(), None);
        for cut in [
            "",
            "HTTP/1.1 200 OK\r\ncontent-le",
            "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nok",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n",
        ] {
            let (url, _) = provider(vec![(cut, true)]).await;
            assert!(matches!(ask(&client, &url).await, Err(TransportError::Broken { .. })), "{cut}");
        }
        assert!(client.idle.lock().unwrap().waiting.values().all(Vec::is_empty));
    }

    #[tokio::test]
    async fn an_answer_that_could_be_read_as_two_is_malformed() {
        let client = Plain::new(UpstreamSettings::default(), None);
        for answer in [
            "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: 2\n\r\nok",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nokay\r\n0\r\n\r\n",
        ] {
            let (url, _) = provider(vec![(answer, true)]).await;
            assert!(matches!(ask(&client, &url).await, Err(TransportError::Malformed { .. })), "{answer}");
        }
    }

    #[tokio::test]
    async fn nobody_there_is_said_so() {
        let settings = UpstreamSettings { connect: Duration::from_secs(1), ..UpstreamSettings::default() };
        let error = ask(&Plain::new(settings, None), "http://127.0.0.1:1/v1/x").await.unwrap_err();
        assert!(matches!(error, TransportError::Connect { .. }), "{error}");
    }
}
