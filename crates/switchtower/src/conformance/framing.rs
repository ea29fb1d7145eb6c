//! How the events of a recorded stream are told apart.

use bytes::Bytes;
use serde_json::Value;
use switchtower_dialect::{WireEvent, chunks, event_stream, sse};
use switchtower_domain::{DialectId, limits};
use switchtower_sim::recording::Exchange;

/// The framings that recordings have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    /// Server-sent events.
    Events,
    /// Messages of an AWS event stream.
    Messages,
    /// The same, each with an event of another dialect in it.
    Chunks,
}

/// The framing of an exchange's answer, and the answer in it.
pub(super) fn of(exchange: &Exchange, id: DialectId, body: Bytes) -> (Framing, Bytes) {
    let said =
        exchange.response.headers.iter().find(|(name, _)| name == "content-type").map(|(_, value)| value.as_str());
    match said {
        Some("application/vnd.amazon.eventstream") if id == DialectId::BedrockConverse => (Framing::Messages, body),
        Some("application/vnd.amazon.eventstream") => (Framing::Chunks, body),
        Some("application/x-event-payloads+ndjson") => (Framing::Messages, messages_of_lines(&body)),
        _ => (Framing::Events, body),
    }
}

/// Recorded payloads, one to a line under the type of its event, as messages.
fn messages_of_lines(body: &[u8]) -> Bytes {
    let mut out = Vec::new();
    for line in body.split(|byte| *byte == b'\n') {
        let Ok(Value::Object(event)) = serde_json::from_slice(line) else { continue };
        for (name, data) in event {
            event_stream::write_event(&WireEvent { name: Some(name), data: data.to_string() }, &mut out);
        }
    }
    out.into()
}

/// Cuts a stream into events.
pub(super) enum Cutter {
    Events(sse::Reader),
    Messages(event_stream::Reader, Framing),
}

/// One event: its bytes, and what it says if it says anything.
pub(super) struct Cut {
    pub(super) bytes: Bytes,
    pub(super) wire: Option<WireEvent>,
    /// Whether it holds what its framing does not have.
    pub(super) foreign: bool,
}

impl Cutter {
    pub(super) fn new(framing: Framing) -> Self {
        match framing {
            Framing::Events => Self::Events(sse::Reader::new(limits::EVENT_BYTES_MAX)),
            other => Self::Messages(event_stream::Reader::new(limits::EVENT_BYTES_MAX), other),
        }
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        match self {
            Self::Events(reader) => reader.push(bytes),
            Self::Messages(reader, _) => reader.push(bytes),
        }
    }

    pub(super) fn next(&mut self) -> Result<Option<Cut>, String> {
        match self {
            Self::Events(reader) => {
                let raw = reader.next_event().map_err(|error| error.to_string())?;
                raw.map(|raw| cut(&raw)).transpose()
            }
            Self::Messages(reader, framing) => {
                let Some(message) = reader.next_message().map_err(|error| error.to_string())? else { return Ok(None) };
                let wire = if *framing == Framing::Chunks { chunks::read(&message) } else { message.to_wire() };
                let wire = wire.map_err(|error| error.to_string())?;
                Ok(Some(Cut { bytes: message.bytes().clone(), wire: Some(wire), foreign: false }))
            }
        }
    }

    /// What is left at the end.
    pub(super) fn rest(&mut self) -> Result<Option<Cut>, String> {
        match self {
            Self::Events(reader) => reader.rest().map(|raw| cut(&raw)).transpose(),
            Self::Messages(reader, _) if reader.held() > 0 => Err("a message breaks off".to_owned()),
            Self::Messages(..) => Ok(None),
        }
    }
}

fn cut(raw: &sse::RawEvent) -> Result<Cut, String> {
    let wire = raw.read().map(|parsed| parsed.to_wire().ok_or("an event is not UTF-8")).transpose()?;
    Ok(Cut { bytes: raw.bytes.clone(), wire, foreign: raw.is_foreign() })
}
