//! The provider's bytes, cut into events in the framing that it has.

use super::Broken;
use bytes::{Bytes, BytesMut};
use switchtower_dialect::sse::{self, Parsed, RawEvent};
use switchtower_dialect::{WireEvent, chunks, event_stream};
use switchtower_providers::StreamFraming;

/// Cuts the bytes of a stream into events.
pub(super) enum Incoming {
    Events(sse::Reader),
    Messages(event_stream::Reader),
    /// Messages, each with an event of another dialect in it.
    Chunks(event_stream::Reader),
}

/// One event as it came.
pub(super) enum Arrived {
    Event(RawEvent),
    Message {
        bytes: Bytes,
        /// What it says.
        wire: WireEvent,
    },
}

impl Incoming {
    pub(super) fn new(framing: StreamFraming, event_bytes_max: usize) -> Self {
        match framing {
            StreamFraming::Events => Self::Events(sse::Reader::new(event_bytes_max)),
            StreamFraming::Lines => Self::Events(sse::Reader::of_lines(event_bytes_max)),
            StreamFraming::Messages => Self::Messages(event_stream::Reader::new(event_bytes_max)),
            StreamFraming::Chunks => Self::Chunks(event_stream::Reader::new(event_bytes_max)),
        }
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        match self {
            Self::Events(reader) => reader.push(bytes),
            Self::Messages(reader) | Self::Chunks(reader) => reader.push(bytes),
        }
    }

    /// The next whole event, if there is one. What is no event of the framing cannot be passed over.
    pub(super) fn next(&mut self) -> Result<Option<Arrived>, Broken> {
        let (message, wire) = match self {
            Self::Events(reader) => return Ok(reader.next_event()?.map(Arrived::Event)),
            Self::Messages(reader) => {
                let Some(message) = reader.next_message()? else { return Ok(None) };
                let wire = message.to_wire()?;
                (message, wire)
            }
            Self::Chunks(reader) => {
                let Some(message) = reader.next_message()? else { return Ok(None) };
                let wire = chunks::read(&message)?;
                (message, wire)
            }
        };
        Ok(Some(Arrived::Message { bytes: message.bytes().clone(), wire }))
    }

    /// What is left when no more bytes come.
    pub(super) fn rest(&mut self) -> Result<Option<Arrived>, Broken> {
        match self {
            Self::Events(reader) => Ok(reader.rest().map(|rest| {
                // The empty line that the last event lacks is added, so that clients take it for one.
                let mut whole = BytesMut::from(&*rest.bytes);
                whole.extend_from_slice(b"\n\n");
                Arrived::Event(RawEvent { bytes: whole.freeze() })
            })),
            Self::Messages(reader) | Self::Chunks(reader) if reader.held() > 0 => {
                Err(Broken::malformed("a message breaks off"))
            }
            Self::Messages(_) | Self::Chunks(_) => Ok(None),
        }
    }
}

impl Arrived {
    pub(super) const fn bytes(&self) -> &Bytes {
        match self {
            Self::Event(event) => &event.bytes,
            Self::Message { bytes, .. } => bytes,
        }
    }

    /// The event's name and data; `None` for what is no event.
    pub(super) fn read(&self) -> Option<Parsed<'_>> {
        match self {
            Self::Event(event) => event.read(),
            Self::Message { wire, .. } => {
                Some(Parsed::new(wire.name.as_deref().map(str::as_bytes), wire.data.as_bytes()))
            }
        }
    }

    /// Whether it holds what its framing does not have.
    pub(super) fn is_foreign(&self) -> bool {
        match self {
            Self::Event(event) => event.is_foreign(),
            Self::Message { .. } => false,
        }
    }
}
