//! A client: one connection, kept or fresh, that sends a request in its manner and tells what it heard.

use std::collections::VecDeque;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::{HeaderMap, Request};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::{Sleep, sleep};

use super::wire::{Outgoing, ReadPace, SendPace};

/// Nothing that the gateway does takes as long as this.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// What a client heard.
#[derive(Debug)]
pub(super) struct Heard {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
    pub(super) end: End,
    pub(super) took: Duration,
}

/// How an exchange ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum End {
    /// As HTTP has it.
    Whole,
    /// The client left, as it meant to.
    Left,
    /// The connection broke.
    Broken(String),
    /// Nothing came for longer than anybody waits.
    Hung,
}

/// A client that keeps its connection for as long as the gateway does.
#[derive(Debug)]
pub(super) struct Client {
    address: SocketAddr,
    link: Option<Link>,
}

#[derive(Debug)]
struct Link {
    /// What the last request on it was, where it was kept.
    after: Option<String>,
    sender: SendRequest<Sending>,
    /// Reads and writes; ends with the link.
    driver: JoinHandle<()>,
}

impl Drop for Link {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

impl Link {
    async fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).await.context("failed to connect to the gateway")?;
        stream.set_nodelay(true)?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        let driver = tokio::spawn(async move {
            // What goes wrong is told to whoever waits for the answer.
            let _ = connection.await;
        });
        Ok(Self { after: None, sender, driver })
    }
}

impl Client {
    pub(super) const fn new(address: SocketAddr) -> Self {
        Self { address, link: None }
    }

    /// Sends a request and hears its answer out, or leaves.
    ///
    /// # Errors
    /// Where there is no connection to be had.
    pub(super) async fn exchange(&mut self, outgoing: &Outgoing, fresh: bool) -> Result<Heard> {
        let kept = if fresh { None } else { self.link.take() };
        let mut link = match kept {
            Some(link) => link,
            None => Link::open(self.address).await?,
        };
        // A kept one that the gateway has closed meanwhile is found out before anything is sent on it.
        if link.sender.ready().await.is_err() {
            link = Link::open(self.address).await?;
        }
        let start = Instant::now();
        let heard = match tokio::time::timeout(PATIENCE, converse(&mut link, outgoing)).await {
            Ok(Ok(heard)) => heard,
            Ok(Err(error)) => {
                let kept = link.after.as_deref().map_or_else(String::new, |after| format!(", kept after {after}"));
                Heard::nothing(End::Broken(told(&error) + &kept))
            }
            Err(_) => Heard::nothing(End::Hung),
        };
        let closes = heard.headers.get("connection").is_some_and(|value| value == "close");
        if heard.end == End::Whole && !closes && !fresh {
            link.after = Some(format!("{} {} {}", outgoing.method, outgoing.path, heard.status));
            self.link = Some(link);
        }
        Ok(Heard { took: start.elapsed(), ..heard })
    }
}

impl Heard {
    fn nothing(end: End) -> Self {
        Self { status: 0, headers: HeaderMap::new(), body: Vec::new(), end, took: Duration::ZERO }
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

async fn converse(link: &mut Link, outgoing: &Outgoing) -> hyper::Result<Heard> {
    let mut request = Request::new(Sending::of(outgoing));
    *request.method_mut() = outgoing.method.clone();
    // Paths are our own words, so they are addresses.
    *request.uri_mut() = outgoing.path.parse().unwrap_or_default();
    let headers = request.headers_mut();
    headers.insert("host", hyper::header::HeaderValue::from_static("localhost"));
    for (name, value) in &outgoing.headers {
        if let Ok(value) = value.parse() {
            headers.insert(*name, value);
        }
    }
    let answering = link.sender.send_request(request);
    if outgoing.pace == SendPace::HalfAndLeave {
        // Long enough for the first half to arrive.
        let _ = tokio::time::timeout(Duration::from_millis(10), answering).await;
        return Ok(Heard::nothing(End::Left));
    }
    let (head, body) = answering.await?.into_parts();
    let mut heard = Heard { status: head.status.as_u16(), headers: head.headers, ..Heard::nothing(End::Whole) };
    heard.read(body, outgoing.reading).await;
    Ok(heard)
}

impl Heard {
    async fn read(&mut self, mut body: Incoming, pace: ReadPace) {
        let mut pieces = 0;
        while let Some(frame) = body.frame().await {
            match frame {
                Ok(frame) => self.body.extend_from_slice(frame.data_ref().map_or(&[][..], |data| data)),
                Err(error) => {
                    self.end = End::Broken(told(&error));
                    return;
                }
            }
            pieces += 1;
            match pace {
                ReadPace::AtOnce => {}
                ReadPace::Pausing(pause, most) if pieces <= most => sleep(pause).await,
                ReadPace::Pausing(..) => {}
                ReadPace::Leaving(most) if pieces >= most => {
                    self.end = End::Left;
                    return;
                }
                ReadPace::Leaving(_) => {}
            }
        }
    }
}

/// An error with its causes.
fn told(error: &hyper::Error) -> String {
    let cause = std::error::Error::source(error).map(|cause| format!(": {cause}")).unwrap_or_default();
    format!("{error}{cause}")
}

/// The body of a request on its way.
#[derive(Debug)]
pub(super) struct Sending {
    pieces: VecDeque<Bytes>,
    /// What is promised, also of what never comes.
    left: u64,
    pause: Duration,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Sending {
    fn of(outgoing: &Outgoing) -> Self {
        let body = Bytes::from(outgoing.body.clone());
        let left = body.len() as u64;
        let (pieces, pause) = match outgoing.pace {
            SendPace::AtOnce => (VecDeque::from([body]), Duration::ZERO),
            SendPace::HalfAndWait | SendPace::HalfAndLeave => {
                (VecDeque::from([body.slice(..body.len() / 2)]), Duration::ZERO)
            }
            SendPace::Pieces(count, pause) => {
                let size = body.len().div_ceil(count).max(1);
                let starts = (0..body.len()).step_by(size);
                (starts.map(|start| body.slice(start..body.len().min(start + size))).collect(), pause)
            }
        };
        Self { pieces, left, pause, sleep: None }
    }
}

impl Body for Sending {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let this = self.get_mut();
        if this.left == 0 {
            return Poll::Ready(None);
        }
        if this.pieces.is_empty() {
            // The rest never comes; the answer or the client's leaving ends it.
            return Poll::Pending;
        }
        if !this.pause.is_zero() {
            let sleeping = this.sleep.get_or_insert_with(|| Box::pin(sleep(this.pause)));
            ready!(sleeping.as_mut().poll(cx));
            this.sleep = None;
        }
        Poll::Ready(this.pieces.pop_front().map(|piece| {
            this.left -= piece.len() as u64;
            Ok(Frame::data(piece))
        }))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}
