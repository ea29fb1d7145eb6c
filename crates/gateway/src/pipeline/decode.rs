//! The body: read once, scanned once.

use super::accept::{Accepted, Addressed, too_large};
use crate::Settings;
use bytes::{Bytes, BytesMut};
use http_body::Body;
use std::borrow::Cow;
use std::future::poll_fn;
use std::pin::Pin;
use switchtower_dialect::DecodeError;
use switchtower_dialect::scan::{Field, Scan, ScanError, scan};
use switchtower_domain::{Refusal, RefusalCode};

/// A request whose body everybody reads in the same way.
#[derive(Debug)]
pub(super) struct Decoded<'a> {
    pub(super) asked: Accepted,
    pub(super) body: &'a Bytes,
    pub(super) scan: Scan<'a>,
    pub(super) model: Cow<'a, str>,
    pub(super) streamed: bool,
}

/// Reads the whole body. Dropping the future reads no further.
pub(super) async fn read<B>(settings: &Settings, _: &Accepted, body: B) -> Result<Bytes, Refusal>
where
    B: Body<Data = Bytes> + Unpin,
{
    let limit = settings.limits.body_time_max;
    match tokio::time::timeout(limit, collect(settings, body)).await {
        Ok(read) => read,
        Err(_) => Err(Refusal::new(
            RefusalCode::RequestTimeout,
            format!("the body was not whole within {} ms (limits.body_time_ms_max)", limit.as_millis()),
        )),
    }
}

async fn collect<B>(settings: &Settings, mut body: B) -> Result<Bytes, Refusal>
where
    B: Body<Data = Bytes> + Unpin,
{
    let max = settings.limits.body_bytes_max;
    let expected = body.size_hint().lower();
    let mut first = Bytes::new();
    let mut all: Option<BytesMut> = None;
    while let Some(frame) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
        let frame =
            frame.map_err(|_| Refusal::new(RefusalCode::InvalidRequest, "the body broke off before its end"))?;
        let Ok(data) = frame.into_data() else { continue };
        let so_far = all.as_ref().map_or(first.len(), BytesMut::len);
        if so_far + data.len() > max {
            return Err(too_large(settings));
        }
        match &mut all {
            Some(all) => all.extend_from_slice(&data),
            None if first.is_empty() => first = data,
            None => {
                // A length that is only claimed reserves no more than it has shown to need.
                let claimed = usize::try_from(expected).unwrap_or(max).min(max).min(1 << 20);
                let mut joined = BytesMut::with_capacity(claimed.max(first.len() + data.len()));
                joined.extend_from_slice(&first);
                joined.extend_from_slice(&data);
                all = Some(joined);
            }
        }
    }
    Ok(all.map_or(first, BytesMut::freeze))
}

/// Scans the body, and reads what decides about its way.
pub(super) fn decode<'a>(settings: &Settings, asked: Accepted, body: &'a Bytes) -> Result<Decoded<'a>, Refusal> {
    let limits = &settings.limits;
    let scan = scan(body, limits.depth_max).map_err(|error| unreadable(&error))?;
    for name in ["tools", "functions"] {
        if scan.field(name).is_some_and(|field| field.elements > limits.tools_max) {
            let message = format!("the request offers more than {} tools (limits.tools_max)", limits.tools_max);
            return Err(Refusal::new(RefusalCode::TooManyTools, message).param(name));
        }
    }
    if let Some(addressed) = asked.addressed.clone() {
        let Addressed { model, streamed, .. } = addressed;
        return Ok(Decoded { asked, body, scan, model: Cow::Owned(model), streamed });
    }
    let model = match scan.field("model") {
        Some(field) => text(field).ok_or_else(|| invalid("model", "must be a string"))?,
        None => return Err(invalid("model", "is missing; it names a deployment, an alias, or provider/model")),
    };
    let streamed = match scan.field("stream").map(|field| field.value) {
        None | Some(b"null") => asked.streams_unsaid(),
        Some(b"false") => false,
        Some(b"true") => true,
        Some(_) => return Err(invalid("stream", "must be true or false")),
    };
    Ok(Decoded { asked, body, scan, model, streamed })
}

/// The refusal of a body that is not what its dialect says it should be.
pub(super) fn undecodable(error: &DecodeError) -> Refusal {
    let refusal = Refusal::new(RefusalCode::InvalidRequest, error.to_string());
    match error.path() {
        Some(path) => refusal.param(path),
        None => refusal,
    }
}

fn text<'a>(field: &Field<'a>) -> Option<Cow<'a, str>> {
    let inner = field.value.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
    if memchr::memchr(b'\\', inner).is_none() {
        return std::str::from_utf8(inner).ok().map(Cow::Borrowed);
    }
    field.as_string().map(Cow::Owned)
}

fn invalid(param: &str, what: &str) -> Refusal {
    Refusal::new(RefusalCode::InvalidRequest, format!("'{param}' {what}")).param(param)
}

fn unreadable(error: &ScanError) -> Refusal {
    let code = match error {
        ScanError::Utf8 { .. } | ScanError::Json { .. } => RefusalCode::MalformedJson,
        ScanError::Depth { .. } => RefusalCode::TooDeep,
        ScanError::DuplicateKey { .. } => RefusalCode::DuplicateKey,
    };
    let setting = if code == RefusalCode::TooDeep { " (limits.depth_max)" } else { "" };
    Refusal::new(code, format!("{error}{setting}"))
}
