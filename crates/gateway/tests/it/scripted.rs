//! A provider that does what a test says, and remembers what it was sent.

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame};
use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use switchtower_domain::{ResponseBody, Transport, TransportError, TransportFuture, Way};

/// One step of an answer.
#[derive(Debug, Clone)]
pub(crate) enum Piece {
    /// Bytes come.
    Bytes(Vec<u8>),
    /// The connection breaks.
    Cut,
    /// Nothing comes any more.
    Stall,
}

/// What the provider answers.
#[derive(Debug, Clone)]
pub(crate) enum Script {
    /// A head and the pieces of a body.
    Answer { status: u16, headers: Vec<(&'static str, String)>, pieces: Vec<Piece> },
    /// No connection.
    Unreachable,
    /// No head.
    Silence,
    /// One after the other, the last one again and again.
    InTurn(Vec<Script>),
}

/// The provider.
#[derive(Debug, Clone)]
pub(crate) struct Provider {
    script: Script,
    sent: Arc<Mutex<Vec<Request<Bytes>>>>,
    dropped: Arc<AtomicBool>,
}

impl Script {
    pub(crate) fn json(status: u16, body: &str) -> Self {
        let headers = vec![("content-type", "application/json".to_owned())];
        Self::Answer { status, headers, pieces: vec![Piece::Bytes(body.into())] }
    }

    pub(crate) fn events(pieces: Vec<Piece>) -> Self {
        Self::Answer { status: 200, headers: vec![("content-type", "text/event-stream".to_owned())], pieces }
    }

    pub(crate) fn with(self, name: &'static str, value: &str) -> Self {
        match self {
            Self::Answer { status, mut headers, pieces } => {
                headers.push((name, value.to_owned()));
                Self::Answer { status, headers, pieces }
            }
            other => other,
        }
    }
}

impl Provider {
    pub(crate) fn new(script: Script) -> Self {
        Self { script, sent: Arc::default(), dropped: Arc::default() }
    }

    /// The requests that came, as text.
    pub(crate) fn bodies(&self) -> Vec<String> {
        let sent = self.sent.lock().unwrap();
        sent.iter().map(|request| String::from_utf8(request.body().to_vec()).unwrap()).collect()
    }

    pub(crate) fn headers(&self) -> http::HeaderMap {
        self.sent.lock().unwrap().last().unwrap().headers().clone()
    }

    pub(crate) fn addresses(&self) -> Vec<String> {
        self.sent.lock().unwrap().iter().map(|request| request.uri().to_string()).collect()
    }

    /// The ways by which the requests came.
    pub(crate) fn ways(&self) -> Vec<Option<Way>> {
        self.sent.lock().unwrap().iter().map(|request| request.extensions().get().copied()).collect()
    }

    /// Whether the body of the answer was let go.
    pub(crate) fn let_go(&self) -> bool {
        self.dropped.load(Ordering::SeqCst)
    }
}

impl Transport for Provider {
    fn send(&self, request: Request<Bytes>) -> TransportFuture<'_> {
        let mut sent = self.sent.lock().unwrap();
        sent.push(request);
        let dropped = Arc::clone(&self.dropped);
        let script = match &self.script {
            Script::InTurn(scripts) => scripts[(sent.len() - 1).min(scripts.len() - 1)].clone(),
            script => script.clone(),
        };
        Box::pin(async move {
            match script {
                Script::Unreachable => Err(TransportError::Connect { reason: "refused".to_owned() }),
                Script::Silence | Script::InTurn(_) => std::future::pending().await,
                Script::Answer { status, headers, pieces } => {
                    let mut response = Response::builder().status(status);
                    for (name, value) in headers {
                        response = response.header(name, value);
                    }
                    let body: ResponseBody = Box::pin(Scripted { pieces: pieces.into(), dropped });
                    Ok(response.body(body).unwrap())
                }
            }
        })
    }
}

struct Scripted {
    pieces: VecDeque<Piece>,
    dropped: Arc<AtomicBool>,
}

impl Body for Scripted {
    type Data = Bytes;
    type Error = TransportError;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, TransportError>>> {
        match self.pieces.front() {
            None => Poll::Ready(None),
            Some(Piece::Stall) => Poll::Pending,
            Some(Piece::Cut) => Poll::Ready(Some(Err(TransportError::Broken { reason: "cut".to_owned() }))),
            Some(Piece::Bytes(_)) => {
                let Some(Piece::Bytes(bytes)) = self.pieces.pop_front() else { unreachable!() };
                Poll::Ready(Some(Ok(Frame::data(bytes.into()))))
            }
        }
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.dropped.store(true, Ordering::SeqCst);
    }
}
