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

/// The word by which the load generator knows the first token.
pub(super) const TOKEN: &[u8] = b"lorem";

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
    let wire = if request.uri().path().ends_with("/messages") { &MESSAGES } else { &CHAT };
    let body = request.into_body().collect().await?.to_bytes();
    let streamed =
        [b"\"stream\":true".as_slice(), b"\"stream\": true"].iter().any(|field| memmem::find(&body, field).is_some());
    let (kind, body) = if streamed {
        ("text/event-stream", Either::Right(Streamed::new(wire, Script::find(&body))))
    } else {
        ("application/json", Either::Left(Full::new(Bytes::from_static(wire.whole.as_bytes()))))
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
    fn new(wire: &Wire, script: Script) -> Self {
        let pace = (script.interval_ms > 0).then(|| {
            let period = Duration::from_millis(script.interval_ms);
            interval_at(Instant::now() + period, period)
        });
        Self {
            start: Some(Bytes::from_static(wire.start.as_bytes())),
            chunk: Bytes::from_static(wire.chunk.as_bytes()),
            chunks_left: script.chunks,
            is_first: true,
            end: Some(Bytes::from_static(wire.end.as_bytes())),
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

/// Answers in one dialect.
struct Wire {
    whole: &'static str,
    start: &'static str,
    chunk: &'static str,
    end: &'static str,
}

static CHAT: Wire = Wire {
    whole: concat!(
        r#"{"id":"chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT","object":"chat.completion","created":1760000000,"model":"bench","#,
        r#""choices":[{"index":0,"message":{"role":"assistant","content":"lorem ipsum dolor sit amet, consectetur adipiscing elit, "#,
        r"sed do eiusmod tempor incididunt ut labore et dolore magna aliqua. Ut enim ad minim veniam, quis nostrud exercitation ",
        r"ullamco laboris nisi ut aliquip ex ea commodo consequat.\n\nDuis aute irure dolor in reprehenderit in voluptate velit esse ",
        r"cillum dolore eu fugiat nulla pariatur. Excepteur sint occaecat cupidatat non proident, sunt in culpa qui officia deserunt ",
        r#"mollit anim id est laborum. Sed ut perspiciatis unde omnis iste natus error sit voluptatem.","refusal":null,"annotations":[]},"logprobs":null,"finish_reason":"stop"}],"#,
        r#""usage":{"prompt_tokens":412,"completion_tokens":118,"total_tokens":530,"prompt_tokens_details":{"cached_tokens":0,"#,
        r#""audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":0,"audio_tokens":0,"accepted_prediction_tokens":0,"#,
        r#""rejected_prediction_tokens":0}},"service_tier":"default","system_fingerprint":"fp_44709d6fcb"}"#,
    ),
    start: concat!(
        r#"data: {"id":"chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT","object":"chat.completion.chunk","created":1760000000,"model":"bench","#,
        r#""service_tier":"default","system_fingerprint":"fp_44709d6fcb","choices":[{"index":0,"delta":{"role":"assistant","#,
        r#""content":"","refusal":null},"logprobs":null,"finish_reason":null}],"usage":null}"#,
        "\n\n",
    ),
    chunk: concat!(
        r#"data: {"id":"chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT","object":"chat.completion.chunk","created":1760000000,"model":"bench","#,
        r#""service_tier":"default","system_fingerprint":"fp_44709d6fcb","choices":[{"index":0,"delta":{"content":" lorem ipsum"},"#,
        r#""logprobs":null,"finish_reason":null}],"usage":null}"#,
        "\n\n",
    ),
    end: concat!(
        r#"data: {"id":"chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT","object":"chat.completion.chunk","created":1760000000,"model":"bench","#,
        r#""service_tier":"default","system_fingerprint":"fp_44709d6fcb","choices":[{"index":0,"delta":{},"logprobs":null,"#,
        r#""finish_reason":"stop"}],"usage":null}"#,
        "\n\n",
        r#"data: {"id":"chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT","object":"chat.completion.chunk","created":1760000000,"model":"bench","#,
        r#""service_tier":"default","system_fingerprint":"fp_44709d6fcb","choices":[],"usage":{"prompt_tokens":412,"#,
        r#""completion_tokens":118,"total_tokens":530}}"#,
        "\n\ndata: [DONE]\n\n",
    ),
};

static MESSAGES: Wire = Wire {
    whole: concat!(
        r#"{"id":"msg_01XFDUDYJgAACzvnptvVoYEL","type":"message","role":"assistant","model":"bench","content":[{"type":"text","#,
        r#""text":"lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod tempor incididunt ut labore et dolore "#,
        r"magna aliqua. Ut enim ad minim veniam, quis nostrud exercitation ullamco laboris nisi ut aliquip ex ea commodo ",
        r"consequat.\n\nDuis aute irure dolor in reprehenderit in voluptate velit esse cillum dolore eu fugiat nulla pariatur. ",
        r"Excepteur sint occaecat cupidatat non proident, sunt in culpa qui officia deserunt mollit anim id est laborum. ",
        r"Sed ut perspiciatis unde omnis iste natus error sit voluptatem accusantium doloremque laudantium, totam rem aperiam.",
        r#""}],"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":412,"cache_creation_input_tokens":0,"#,
        r#""cache_read_input_tokens":0,"cache_creation":{"ephemeral_5m_input_tokens":0,"ephemeral_1h_input_tokens":0},"#,
        r#""output_tokens":118,"service_tier":"standard"}}"#,
    ),
    start: concat!(
        "event: message_start\n",
        r#"data: {"type":"message_start","message":{"id":"msg_01XFDUDYJgAACzvnptvVoYEL","type":"message","role":"assistant","#,
        r#""model":"bench","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":412,"output_tokens":1}}}"#,
        "\n\nevent: content_block_start\n",
        r#"data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#,
        "\n\n",
    ),
    chunk: concat!(
        "event: content_block_delta\n",
        r#"data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":" lorem ipsum"}}"#,
        "\n\n",
    ),
    end: concat!(
        "event: content_block_stop\n",
        r#"data: {"type":"content_block_stop","index":0}"#,
        "\n\nevent: message_delta\n",
        r#"data: {"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":118}}"#,
        "\n\nevent: message_stop\n",
        r#"data: {"type":"message_stop"}"#,
        "\n\n",
    ),
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_survives_being_written_into_a_request() {
        let script = Script { chunks: 7, interval_ms: 20, hold: true };
        let request = format!("{{\"content\":\"{} and more (of it)\"}}", script.marker());
        assert_eq!(Script::find(request.as_bytes()), script);
    }

    #[test]
    fn prebuilt_answers_are_json_of_the_promised_size() {
        for wire in [&CHAT, &MESSAGES] {
            let _: serde_json::Value = serde_json::from_str(wire.whole).unwrap();
            assert!((900..1400).contains(&wire.whole.len()), "{}", wire.whole.len());
            for events in [wire.start, wire.chunk, wire.end] {
                for line in events.lines().filter_map(|line| line.strip_prefix("data: ")) {
                    assert!(line == "[DONE]" || serde_json::from_str::<serde_json::Value>(line).is_ok(), "{line}");
                }
            }
            assert!(memmem::find(wire.chunk.as_bytes(), TOKEN).is_some());
            assert!(memmem::find(wire.start.as_bytes(), TOKEN).is_none());
        }
        assert!((230..320).contains(&CHAT.chunk.len()), "{}", CHAT.chunk.len());
    }
}
