//! Answers from recordings.

use crate::body::Event;
use crate::random::digest_of;
use crate::recording::{Exchange, FolderError, load_folder};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde_json::Value;
use std::collections::HashMap;
use std::path::Path;

/// Recordings by the digest of their body.
#[derive(Debug, Default)]
pub(crate) struct Replay {
    by_body: HashMap<u64, Vec<Recorded>>,
}

/// What is kept of one recording.
#[derive(Debug)]
pub(crate) struct Recorded {
    path: String,
    form: Vec<String>,
    request: Value,
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) streaming: bool,
}

impl Replay {
    pub(crate) fn load(folder: &Path) -> Result<Self, FolderError> {
        let mut replay = Self::default();
        for (_, exchange) in load_folder(folder)? {
            replay.add(exchange);
        }
        Ok(replay)
    }

    fn add(&mut self, exchange: Exchange) {
        let Some(request) = exchange.request else {
            return;
        };
        let response = exchange.response;
        let body = response.body.to_bytes();
        let headers = safe_headers(&response.headers);
        let events = headers
            .get("content-type")
            .and_then(|kind| kind.to_str().ok())
            .is_some_and(|kind| kind.contains("event-stream"));
        let asked = request.body.unwrap_or_default();
        let recorded = Recorded {
            path: path_of(&request.url).to_owned(),
            form: form_of(request.url.split_once('?').map(|(_, query)| query)),
            status: StatusCode::from_u16(response.status).unwrap_or(StatusCode::OK),
            headers,
            body,
            streaming: exchange.streaming && events,
            request: asked,
        };
        self.by_body.entry(digest_of(&recorded.request)).or_default().push(recorded);
    }

    /// The first recording of the same body at the same place, in the same form; either path may have a prefix that the
    /// other lacks.
    pub(crate) fn find(&self, path: &str, query: Option<&str>, body: &Value) -> Option<&Recorded> {
        let candidates = self.by_body.get(&digest_of(body))?;
        let form = form_of(query);
        let same_place = |one: &&Recorded| (one.path.ends_with(path) || path.ends_with(&one.path)) && one.form == form;
        candidates.iter().filter(same_place).find(|one| one.request == *body)
    }
}

/// The path of an address, without host and query.
fn path_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let path = rest.find('/').and_then(|at| rest.get(at..)).unwrap_or("/");
    path.split(['?', '#']).next().unwrap_or("/")
}

/// What a query says about the form of an answer, as Google's services have it: `alt=sse`.
fn form_of(query: Option<&str>) -> Vec<String> {
    let pairs = query.unwrap_or_default().split(['&', '#']);
    let mut form: Vec<String> = pairs
        .filter(|pair| ["alt=", "$alt=", "%24alt="].iter().any(|name| pair.starts_with(name)))
        .map(str::to_owned)
        .collect();
    form.sort();
    form
}

/// The headers without those that belong to the connection or to how the body was packed.
fn safe_headers(recorded: &[(String, String)]) -> HeaderMap {
    const NOT_OURS: &[&str] = &[
        "connection",
        "content-encoding",
        "content-length",
        "date",
        "keep-alive",
        "proxy-authenticate",
        "server",
        "set-cookie",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "alt-svc",
        "strict-transport-security",
    ];
    let kept = recorded.iter().filter(|(name, _)| !NOT_OURS.contains(&name.as_str()));
    kept.filter_map(|(name, value)| Some((name.parse::<HeaderName>().ok()?, value.parse::<HeaderValue>().ok()?)))
        .collect()
}

/// The events of a recorded stream, each with its end.
pub(crate) fn events(body: Bytes) -> impl Iterator<Item = Event> + Send {
    let mut left = body;
    std::iter::from_fn(move || {
        if left.is_empty() {
            return None;
        }
        let ends = ["\n\n", "\r\n\r\n", "\r\r"].iter().filter_map(|end| {
            let at = left.windows(end.len()).position(|window| window == end.as_bytes())?;
            Some(at + end.len())
        });
        let length = ends.min().unwrap_or(left.len());
        Some(Event::new(left.split_to(length), 1))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_events() {
        assert_eq!(path_of("https://api.example.com/v1/chat?x=1"), "/v1/chat");
        assert_eq!(path_of("recorded://v1/chat"), "/chat");
        assert_eq!(form_of(Some("key=a&alt=sse")), ["alt=sse"]);
        assert!(form_of(Some("api-version=2024&default=1")).is_empty());
        let parts: Vec<_> = events(Bytes::from_static(b"a\n\nb\r\n\r\nc")).map(|event| event.bytes).collect();
        assert_eq!(parts, [&b"a\n\n"[..], b"b\r\n\r\n", b"c"]);
    }
}
