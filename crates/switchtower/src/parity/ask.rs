//! Asking through the gateway, as a client of Chat Completions.

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt as _, Full};
use serde_json::{Value, json};
use std::sync::LazyLock;
use std::time::{Duration, Instant};
use switchtower_dialect::sse::Reader;
use switchtower_gateway::Gateway;

/// The largest event of a stream that is read.
const EVENT_BYTES_MAX: usize = 4 << 20;

/// One deployment, to be asked.
pub(super) struct Asker {
    gateway: Gateway,
    name: String,
}

/// A whole answer.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) body: Value,
    /// What the gateway could not carry, as its header lists it.
    pub(super) notices: String,
}

/// A streamed answer.
#[derive(Debug, Clone, Default)]
pub(super) struct Streamed {
    pub(super) text: String,
    pub(super) usage: Option<Value>,
    /// Until the first text.
    pub(super) first: Option<Duration>,
    /// From the first text to the last.
    pub(super) rest: Duration,
}

/// A request that is made once, when it is first asked.
pub(super) type Probe = LazyLock<Value>;

impl Asker {
    pub(super) const fn new(gateway: Gateway, name: String) -> Self {
        Self { gateway, name }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    fn request(&self, probe: &Value, streamed: bool) -> Result<Request<Full<Bytes>>, String> {
        let mut body = probe.clone();
        if let Value::Object(map) = &mut body {
            map.insert("model".to_owned(), json!(self.name));
            if streamed {
                map.insert("stream".to_owned(), json!(true));
                map.insert("stream_options".to_owned(), json!({"include_usage": true}));
            }
        }
        let request = Request::post("/v1/chat/completions")
            .header("host", "127.0.0.1")
            .header("content-type", "application/json")
            .body(Full::from(body.to_string()));
        request.map_err(|error| error.to_string())
    }

    /// Asks for a whole answer.
    ///
    /// # Errors
    /// The code of a refusal, and its words.
    pub(super) async fn whole(&self, probe: &Value) -> Result<Answer, String> {
        let response = self.gateway.handle(self.request(probe, false)?).await;
        let notices = response.headers().get("x-switchtower-notices").and_then(|value| value.to_str().ok());
        let notices = notices.unwrap_or_default().to_owned();
        let is_answer = response.status().is_success();
        let bytes = response.into_body().collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
        let body: Value = serde_json::from_slice(&bytes).map_err(|_| "what came is no JSON".to_owned())?;
        if is_answer { Ok(Answer { body, notices }) } else { Err(words(&body)) }
    }

    /// Asks for a stream, and reads it to its end.
    ///
    /// # Errors
    /// As [`Self::whole`].
    pub(super) async fn streamed(&self, probe: &Value) -> Result<Streamed, String> {
        let begun = Instant::now();
        let response = self.gateway.handle(self.request(probe, true)?).await;
        if !response.status().is_success() {
            let bytes =
                response.into_body().collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
            return Err(words(&serde_json::from_slice(&bytes).unwrap_or_default()));
        }
        let mut body = response.into_body();
        let mut reader = Reader::new(EVENT_BYTES_MAX);
        let mut told = Streamed::default();
        while let Some(Ok(frame)) = body.frame().await {
            let Ok(data) = frame.into_data() else { continue };
            reader.push(&data);
            while let Ok(Some(event)) = reader.next_event() {
                let Some(parsed) = event.read() else { continue };
                let Ok(chunk) = serde_json::from_slice::<Value>(parsed.data()) else { continue };
                if chunk.get("error").is_some_and(|error| !error.is_null()) {
                    return Err(words(&chunk));
                }
                told.take(&chunk, begun);
            }
        }
        Ok(told)
    }
}

impl Streamed {
    fn take(&mut self, chunk: &Value, begun: Instant) {
        let piece = chunk.pointer("/choices/0/delta/content").and_then(Value::as_str).unwrap_or_default();
        if !piece.is_empty() {
            let first = *self.first.get_or_insert_with(|| begun.elapsed());
            self.rest = begun.elapsed().saturating_sub(first);
            self.text.push_str(piece);
        }
        if let Some(usage) = chunk.get("usage").filter(|usage| !usage.is_null()) {
            self.usage = Some(usage.clone());
        }
    }
}

/// The code of a refusal, and its words.
fn words(body: &Value) -> String {
    let error = |key: &str| body.get("error").and_then(|error| error.get(key)).and_then(Value::as_str);
    [error("code"), error("message")].into_iter().flatten().collect::<Vec<_>>().join(": ")
}
