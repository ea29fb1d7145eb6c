//! A provider on a free port and a small client for it.

use bytes::Bytes;
use http::{HeaderMap, Method, Request};
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use std::net::SocketAddr;
use switchtower_sim::{Settings, Sim, serve};
use tokio::net::{TcpListener, TcpStream};

/// A simulated provider that listens on loopback until it is dropped with its runtime.
pub(crate) struct Provider {
    pub(crate) address: SocketAddr,
}

/// What came back, as far as it came.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// The error that ended the body early.
    pub(crate) error: Option<String>,
}

impl Provider {
    pub(crate) async fn start(settings: Settings) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        drop(tokio::spawn(serve(listener, Sim::with_recordings(settings).unwrap(), std::future::pending())));
        Self { address }
    }

    pub(crate) async fn get(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.request(Method::GET, path, headers, "").await.unwrap()
    }

    pub(crate) async fn post(&self, path: &str, body: &str) -> Answer {
        self.send(path, &[], body).await
    }

    pub(crate) async fn send(&self, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        self.request(Method::POST, path, headers, body).await.unwrap()
    }

    /// `Err` when not even a head came back.
    pub(crate) async fn request(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Result<Answer, String> {
        let stream = TcpStream::connect(self.address).await.unwrap();
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        drop(tokio::spawn(connection));
        let mut request = Request::builder().method(method).uri(path).header("host", "sim");
        if !headers.iter().any(|(name, _)| *name == "content-type") {
            request = request.header("content-type", "application/json");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(Bytes::copy_from_slice(body.as_bytes()))).unwrap();
        let response = sender.send_request(request).await.map_err(|error| describe(&error))?;
        let (head, mut incoming) = response.into_parts();
        let (mut body, mut error) = (Vec::new(), None);
        while let Some(frame) = incoming.frame().await {
            match frame {
                Ok(frame) => body.extend_from_slice(frame.data_ref().map_or(&[], |data| data)),
                Err(problem) => {
                    error = Some(describe(&problem));
                    break;
                }
            }
        }
        Ok(Answer { status: head.status.as_u16(), headers: head.headers, body: body.into(), error })
    }
}

/// The error with its causes.
fn describe(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}

impl Answer {
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The data of each event that is JSON, in order.
    pub(crate) fn events(&self) -> Vec<Value> {
        let text = String::from_utf8_lossy(&self.body);
        text.lines()
            .filter_map(|line| line.strip_prefix("data: "))
            .filter_map(|data| serde_json::from_str(data).ok())
            .collect()
    }

    /// The messages of an event stream of AWS, their names with their payloads; each checksum is checked.
    pub(crate) fn messages(&self) -> Vec<(String, Value)> {
        let mut left = &self.body[..];
        let mut found = Vec::new();
        while !left.is_empty() {
            let number = |at: usize| u32::from_be_bytes(left[at..at + 4].try_into().unwrap());
            let (total, headers) = (number(0) as usize, number(4) as usize);
            assert_eq!(crc32fast::hash(&left[..8]), number(8), "the checksum of the lengths");
            assert_eq!(crc32fast::hash(&left[..total - 4]), number(total - 4), "the checksum of the message");
            let mut name = String::new();
            let mut rest = &left[12..12 + headers];
            while let Some((length, after)) = rest.split_first() {
                let (header, after) = after.split_at(usize::from(*length));
                assert_eq!(after[0], 7, "a header that is text");
                let (value, after) = after[3..].split_at(usize::from(u16::from_be_bytes([after[1], after[2]])));
                if header.ends_with(b"-type") && header != b":content-type" && header != b":message-type" {
                    name = String::from_utf8(value.to_vec()).unwrap();
                }
                rest = after;
            }
            found.push((name, serde_json::from_slice(&left[12 + headers..total - 4]).unwrap_or(Value::Null)));
            left = &left[total..];
        }
        found
    }
}
