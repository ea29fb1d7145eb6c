//! The upstream that every subject forwards to: prebuilt answers, as cheap as possible.
//!
//! What it answers is written in the request itself, as `bench(chunks=200 interval_ms=20)` somewhere
//! in the text of the conversation, because that is the one thing that every proxy and every
//! translation carries through.

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use anyhow::{Context as _, Result};
use bytes::Bytes;
use http_body_util::{BodyExt, Either, Full};
use hyper::body::{Body, Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use memchr::memmem;
use tokio::net::TcpListener;
use tokio::time::{Instant, Interval, interval_at};

use super::answers::Answers;

/// How an answer is streamed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Script {
    pub(super) chunks: usize,
    pub(super) interval_ms: u64,
    /// Never end: the stream stays open until the client leaves.
    pub(super) hold: bool,
}

impl Script {
    /// As it stands in a request.
    pub(super) fn marker(self) -> String {
        let Self { chunks, interval_ms, hold } = self;
        format!("bench(chunks={chunks} interval_ms={interval_ms} hold={})", u8::from(hold))
    }

    fn find(request: &[u8]) -> Self {
        let mut script = Self { chunks: 20, interval_ms: 0, hold: false };
        let words = memmem::find(request, b"bench(").and_then(|at| {
            let after = request.get(at + b"bench(".len()..)?;
            let end = memchr::memchr(b')', after)?;
            std::str::from_utf8(after.get(..end)?).ok()
        });
        for word in words.unwrap_or_default().split(' ') {
            match word.split_once('=') {
                Some(("chunks", value)) => script.chunks = value.parse().unwrap_or(script.chunks),
                Some(("interval_ms", value)) => script.interval_ms = value.parse().unwrap_or(0),
                Some(("hold", value)) => script.hold = value == "1",
                _ => {}
            }
        }
        script
    }
}

type Answer = Either<Full<Bytes>, Streamed>;

pub(super) async fn serve(port: u16) -> Result<()> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let listener = TcpListener::bind(address).await.with_context(|| format!("failed to listen on {address}"))?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::spawn(async move {
            let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(answer));
            // A client that leaves in the middle is part of the measurement.
            let _ = connection.await;
        });
    }
}

async fn answer(request: Request<Incoming>) -> Result<Response<Answer>, hyper::Error> {
    let answers = Answers::at(request.uri().path());
    // Some addresses say in place of the body whether to stream.
    let at_streams =
        ["converse-stream", ":streamGenerateContent"].iter().any(|end| request.uri().path().ends_with(end));
    let body = request.into_body().collect().await?.to_bytes();
    let streamed = at_streams
        || [b"\"stream\":true".as_slice(), b"\"stream\": true"]
            .iter()
            .any(|field| memmem::find(&body, field).is_some());
    let (kind, body) = if streamed {
        (answers.media_type, Either::Right(Streamed::new(answers, Script::find(&body))))
    } else {
        ("application/json", Either::Left(Full::new(answers.whole.clone())))
    };
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::OK;
    response.headers_mut().insert(hyper::header::CONTENT_TYPE, hyper::header::HeaderValue::from_static(kind));
    Ok(response)
}

/// A body that follows a script.
struct Streamed {
    start: Option<Bytes>,
    chunk: Bytes,
    chunks_left: usize,
    is_first: bool,
    end: Option<Bytes>,
    pace: Option<Interval>,
    hold: bool,
}

impl Streamed {
    fn new(answers: &Answers, script: Script) -> Self {
        let pace = (script.interval_ms > 0).then(|| {
            let period = Duration::from_millis(script.interval_ms);
            interval_at(Instant::now() + period, period)
        });
        Self {
            start: Some(answers.start.clone()),
            chunk: answers.chunk.clone(),
            chunks_left: script.chunks,
            is_first: true,
            end: Some(answers.end.clone()),
            pace,
            hold: script.hold,
        }
    }
}

impl Body for Streamed {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if let Some(start) = self.start.take() {
            return Poll::Ready(Some(Ok(Frame::data(start))));
        }
        if self.chunks_left > 0 {
            // The first chunk waits for no timer: what is measured up to it is not the mock's.
            let waits = !self.is_first;
            if let Some(pace) = self.pace.as_mut().filter(|_| waits) {
                ready!(pace.poll_tick(context));
            }
            self.is_first = false;
            self.chunks_left -= 1;
            return Poll::Ready(Some(Ok(Frame::data(self.chunk.clone()))));
        }
        if self.hold {
            // Nothing wakes this task but the client's leaving, which the connection watches for.
            return Poll::Pending;
        }
        Poll::Ready(self.end.take().map(|end| Ok(Frame::data(end))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_survives_being_written_into_a_request() {
        let script = Script { chunks: 7, interval_ms: 20, hold: true };
        let request = format!("{{\"content\":\"{} and more (of it)\"}}", script.marker());
        assert_eq!(Script::find(request.as_bytes()), script);
    }
}
