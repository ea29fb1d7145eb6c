//! AWS event streams: binary messages with headers and two checksums.
//! Source: <https://smithy.io/2.0/aws/amazon-eventstream.html>
//!
//! ```text
//! total length  u32 ┐
//! headers       u32 ├ prelude, and its CRC-32 (u32)
//!                   ┘
//! headers           name length u8, name, type u8, value
//! payload
//! CRC-32 of all     u32
//! ```
//!
//! The reader keeps each message's bytes beside what they say, so that a stream can be forwarded as it came.

use crate::WireEvent;
use bytes::{Buf, Bytes, BytesMut};

/// Lengths and their checksum.
const PRELUDE: usize = 12;
/// What a message has besides headers and payload.
const FRAME: usize = PRELUDE + 4;
/// The most bytes of headers. Source: <https://smithy.io/2.0/aws/amazon-eventstream.html>
const HEADER_BYTES_MAX: usize = 128 * 1024;
/// The longest value of a header of text or bytes.
const VALUE_BYTES_MAX: usize = 32_767;

/// Why bytes are no message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EventStreamError {
    /// A message is larger than allowed.
    #[error("a message is larger than {max} bytes")]
    TooLarge {
        /// The bound.
        max: usize,
    },
    /// The lengths contradict each other, or the format.
    #[error("the lengths of a message do not fit together")]
    Lengths,
    /// A checksum is not that of the bytes.
    #[error("the checksum of {of} does not match")]
    Checksum {
        /// Of what.
        of: &'static str,
    },
    /// A header cannot be read.
    #[error("a header of a message cannot be read")]
    Header,
    /// The message does not say what it is.
    #[error("a message does not say what it is: '{header}' is missing or unknown")]
    Kind {
        /// The header that should say it.
        header: &'static str,
    },
    /// The payload is not text.
    #[error("the payload of a message is not UTF-8")]
    Text,
}

/// Cuts a stream of bytes into messages, wherever the bytes were cut.
#[derive(Debug)]
pub struct Reader {
    buffer: BytesMut,
    /// Whether the prelude of the message that the buffer begins with was checked.
    checked: bool,
    message_bytes_max: usize,
}

impl Reader {
    /// A reader of messages up to a size in bytes.
    pub fn new(message_bytes_max: usize) -> Self {
        Self { buffer: BytesMut::new(), checked: false, message_bytes_max }
    }

    /// Takes bytes as they come.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// How many bytes of an unfinished message are held.
    pub fn held(&self) -> usize {
        self.buffer.len()
    }

    /// The next whole message, if there is one.
    ///
    /// # Errors
    /// [`EventStreamError`] for what is no message or exceeds the bound, as soon as that is certain. Nothing that
    /// follows can be read then.
    pub fn next_message(&mut self) -> Result<Option<Message>, EventStreamError> {
        let Some(prelude) = self.buffer.get(..PRELUDE) else { return Ok(None) };
        let mut fields = prelude;
        let (total, headers, checksum) = (fields.get_u32() as usize, fields.get_u32() as usize, fields.get_u32());
        if !self.checked {
            if crc32fast::hash(prelude.get(..8).unwrap_or_default()) != checksum {
                return Err(EventStreamError::Checksum { of: "a message's lengths" });
            }
            if total < FRAME || headers > total - FRAME || headers > HEADER_BYTES_MAX {
                return Err(EventStreamError::Lengths);
            }
            if total > self.message_bytes_max {
                return Err(EventStreamError::TooLarge { max: self.message_bytes_max });
            }
            self.checked = true;
        }
        if self.buffer.len() < total {
            return Ok(None);
        }
        self.checked = false;
        Message::of(self.buffer.split_to(total).freeze(), headers).map(Some)
    }
}

/// One message as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    bytes: Bytes,
    headers: Vec<(String, HeaderValue)>,
    payload: Bytes,
}

/// The value of a header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HeaderValue {
    /// True or false.
    Bool(bool),
    /// One byte.
    Byte(i8),
    /// A number of 16 bits.
    Short(i16),
    /// A number of 32 bits.
    Int(i32),
    /// A number of 64 bits.
    Long(i64),
    /// Bytes, up to 32,767.
    Bytes(Bytes),
    /// Text, up to 32,767 bytes of UTF-8.
    Text(String),
    /// A point in time, in milliseconds since 1970.
    Timestamp(i64),
    /// A UUID.
    Uuid([u8; 16]),
}

/// What a message is. Source: <https://smithy.io/2.0/spec/streaming.html#eventstream-message-serialization>
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind<'a> {
    /// An event of this type.
    Event(&'a str),
    /// An error that the service's model knows, of this type.
    Exception(&'a str),
    /// Any other error.
    Error {
        /// Its code.
        code: &'a str,
        /// Its words.
        message: &'a str,
    },
}

impl Message {
    fn of(bytes: Bytes, header_bytes: usize) -> Result<Self, EventStreamError> {
        let checked = bytes.len() - 4;
        let mut checksum = bytes.get(checked..).unwrap_or_default();
        if crc32fast::hash(bytes.get(..checked).unwrap_or_default()) != checksum.get_u32() {
            return Err(EventStreamError::Checksum { of: "a message" });
        }
        let headers = read_headers(bytes.slice(PRELUDE..PRELUDE + header_bytes))?;
        let payload = bytes.slice(PRELUDE + header_bytes..checked);
        Ok(Self { bytes, headers, payload })
    }

    /// Its bytes, lengths and checksums included.
    pub const fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// What it carries.
    pub const fn payload(&self) -> &Bytes {
        &self.payload
    }

    /// Its headers, in order.
    pub fn headers(&self) -> &[(String, HeaderValue)] {
        &self.headers
    }

    /// A header of text by name.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.headers.iter().find_map(|(found, value)| match value {
            HeaderValue::Text(text) if found == name => Some(text.as_str()),
            _ => None,
        })
    }

    /// What it is.
    ///
    /// # Errors
    /// [`EventStreamError::Kind`] where its headers do not say it.
    pub fn kind(&self) -> Result<Kind<'_>, EventStreamError> {
        let said = |header: &'static str| self.text(header).ok_or(EventStreamError::Kind { header });
        match said(":message-type")? {
            "event" => said(":event-type").map(Kind::Event),
            "exception" => said(":exception-type").map(Kind::Exception),
            "error" => {
                Ok(Kind::Error { code: said(":error-code")?, message: self.text(":error-message").unwrap_or_default() })
            }
            _ => Err(EventStreamError::Kind { header: ":message-type" }),
        }
    }

    /// The message as the dialects read it: its type is the name. An error that no model knows is named `error`.
    ///
    /// # Errors
    /// [`EventStreamError`] where it does not say what it is, or its payload is no text.
    pub fn to_wire(&self) -> Result<WireEvent, EventStreamError> {
        let data = || std::str::from_utf8(&self.payload).map(str::to_owned).map_err(|_| EventStreamError::Text);
        Ok(match self.kind()? {
            Kind::Event(name) | Kind::Exception(name) => WireEvent { name: Some(name.to_owned()), data: data()? },
            Kind::Error { code, message } => {
                let data = serde_json::json!({"message": message, "__type": code}).to_string();
                WireEvent { name: Some(ERROR.to_owned()), data }
            }
        })
    }
}

/// The name of an error that no model knows.
pub const ERROR: &str = "error";

/// Whether an event of this name is told as an exception.
pub fn is_exception(name: &str) -> bool {
    name.ends_with("Exception")
}

fn read_headers(mut rest: Bytes) -> Result<Vec<(String, HeaderValue)>, EventStreamError> {
    let mut headers = Vec::new();
    while !rest.is_empty() {
        let length = usize::from(rest.get_u8());
        let name = take(&mut rest, length)?;
        let name = std::str::from_utf8(&name).ok().filter(|name| !name.is_empty()).ok_or(EventStreamError::Header)?;
        let value = read_value(&mut rest)?;
        headers.push((name.to_owned(), value));
    }
    Ok(headers)
}

fn take(rest: &mut Bytes, length: usize) -> Result<Bytes, EventStreamError> {
    if rest.len() < length { Err(EventStreamError::Header) } else { Ok(rest.split_to(length)) }
}

fn read_value(rest: &mut Bytes) -> Result<HeaderValue, EventStreamError> {
    let kind = rest.try_get_u8().map_err(|_| EventStreamError::Header)?;
    let mut whole = |length: usize| take(rest, length);
    Ok(match kind {
        0 => HeaderValue::Bool(true),
        1 => HeaderValue::Bool(false),
        2 => HeaderValue::Byte(whole(1)?.get_i8()),
        3 => HeaderValue::Short(whole(2)?.get_i16()),
        4 => HeaderValue::Int(whole(4)?.get_i32()),
        5 => HeaderValue::Long(whole(8)?.get_i64()),
        6 | 7 => {
            let length = usize::from(whole(2)?.get_u16());
            let bytes = whole(length)?;
            if kind == 6 {
                HeaderValue::Bytes(bytes)
            } else {
                let text = std::str::from_utf8(&bytes).map_err(|_| EventStreamError::Header)?;
                HeaderValue::Text(text.to_owned())
            }
        }
        8 => HeaderValue::Timestamp(whole(8)?.get_i64()),
        9 => HeaderValue::Uuid(whole(16)?.as_ref().try_into().map_err(|_| EventStreamError::Header)?),
        _ => return Err(EventStreamError::Header),
    })
}

/// Writes one message. Names longer than 255 bytes and values longer than 32,767 are cut at their ends, since no message
/// could carry them.
pub fn write(headers: &[(&str, HeaderValue)], payload: &[u8], out: &mut Vec<u8>) {
    let mut block = Vec::new();
    for (name, value) in headers {
        let name = name.get(..name.floor_char_boundary(usize::from(u8::MAX))).unwrap_or_default();
        block.push(u8::try_from(name.len()).unwrap_or(u8::MAX));
        block.extend_from_slice(name.as_bytes());
        write_value(value, &mut block);
    }
    let start = out.len();
    let length = |length: usize| u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes();
    out.extend_from_slice(&length(FRAME + block.len() + payload.len()));
    out.extend_from_slice(&length(block.len()));
    let prelude = crc32fast::hash(out.get(start..).unwrap_or_default());
    out.extend_from_slice(&prelude.to_be_bytes());
    out.extend_from_slice(&block);
    out.extend_from_slice(payload);
    let all = crc32fast::hash(out.get(start..).unwrap_or_default());
    out.extend_from_slice(&all.to_be_bytes());
}

fn write_value(value: &HeaderValue, out: &mut Vec<u8>) {
    let mut sized = |kind: u8, bytes: &[u8]| {
        out.push(kind);
        out.extend_from_slice(&u16::try_from(bytes.len()).unwrap_or(u16::MAX).to_be_bytes());
        out.extend_from_slice(bytes);
    };
    match value {
        HeaderValue::Bytes(bytes) => sized(6, bytes.get(..bytes.len().min(VALUE_BYTES_MAX)).unwrap_or_default()),
        HeaderValue::Text(text) => {
            sized(7, text.get(..text.floor_char_boundary(VALUE_BYTES_MAX)).unwrap_or_default().as_bytes());
        }
        HeaderValue::Bool(value) => out.push(u8::from(!value)),
        HeaderValue::Byte(value) => out.extend_from_slice(&[&[2][..], &value.to_be_bytes()].concat()),
        HeaderValue::Short(value) => out.extend_from_slice(&[&[3][..], &value.to_be_bytes()].concat()),
        HeaderValue::Int(value) => out.extend_from_slice(&[&[4][..], &value.to_be_bytes()].concat()),
        HeaderValue::Long(value) => out.extend_from_slice(&[&[5][..], &value.to_be_bytes()].concat()),
        HeaderValue::Timestamp(value) => out.extend_from_slice(&[&[8][..], &value.to_be_bytes()].concat()),
        HeaderValue::Uuid(value) => out.extend_from_slice(&[&[9][..], value].concat()),
    }
}

/// Writes an event, or an exception where its name is that of one.
pub fn write_event(event: &WireEvent, out: &mut Vec<u8>) {
    let name = event.name.as_deref().unwrap_or_default();
    let text = |text: &str| HeaderValue::Text(text.to_owned());
    let (kind, word) = if is_exception(name) { (":exception-type", "exception") } else { (":event-type", "event") };
    let headers = [(kind, text(name)), (":content-type", text("application/json")), (":message-type", text(word))];
    write(&headers, event.data.as_bytes(), out);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(pieces: &[&[u8]]) -> Result<Vec<Message>, EventStreamError> {
        let mut reader = Reader::new(1 << 20);
        let mut found = Vec::new();
        for piece in pieces {
            reader.push(piece);
            while let Some(message) = reader.next_message()? {
                found.push(message);
            }
        }
        assert_eq!(reader.held(), 0);
        Ok(found)
    }

    /// The message without headers of the specification's examples: 16 bytes, both checksums known.
    #[test]
    fn an_empty_message_is_written_as_the_specification_has_it() {
        let mut out = Vec::new();
        write(&[], b"", &mut out);
        assert_eq!(out, [0, 0, 0, 16, 0, 0, 0, 0, 0x05, 0xc2, 0x48, 0xeb, 0x7d, 0x98, 0xc8, 0xff]);
        let mut out = Vec::new();
        write(&[], b"{'foo':'bar'}", &mut out);
        assert_eq!(out.get(8..12), Some(&[0xfd, 0x52, 0x8c, 0x5a][..]));
        assert_eq!(out.get(25..), Some(&[0xc3, 0x65, 0x39, 0x36][..]));
    }

    #[test]
    fn a_message_says_what_it_is() {
        let kind = |headers: &[(&str, &str)]| {
            let headers: Vec<_> =
                headers.iter().map(|(name, text)| (*name, HeaderValue::Text((*text).into()))).collect();
            let mut out = Vec::new();
            write(&headers, b"{\"message\":\"no\"}", &mut out);
            let message = read(&[&out]).unwrap().remove(0);
            message.to_wire().map(|wire| (wire.name.unwrap(), wire.data))
        };
        let named = |name: &str| Ok((name.to_owned(), "{\"message\":\"no\"}".to_owned()));
        assert_eq!(kind(&[(":message-type", "event"), (":event-type", "metadata")]), named("metadata"));
        let exception = [(":message-type", "exception"), (":exception-type", "throttlingException")];
        assert_eq!(kind(&exception), named("throttlingException"));
        let error = [(":message-type", "error"), (":error-code", "Odd"), (":error-message", "why")];
        assert_eq!(kind(&error), Ok(("error".into(), "{\"message\":\"why\",\"__type\":\"Odd\"}".into())));
        assert_eq!(kind(&[(":event-type", "x")]), Err(EventStreamError::Kind { header: ":message-type" }));
        assert_eq!(kind(&[(":message-type", "y")]), Err(EventStreamError::Kind { header: ":message-type" }));
        assert_eq!(kind(&[(":message-type", "event")]), Err(EventStreamError::Kind { header: ":event-type" }));
    }

    #[test]
    fn large_messages_are_refused_before_they_are_whole() {
        let mut out = Vec::new();
        write(&[], &[b' '; 100], &mut out);
        let mut reader = Reader::new(64);
        reader.push(&out[..PRELUDE]);
        assert_eq!(reader.next_message(), Err(EventStreamError::TooLarge { max: 64 }));
    }

    #[test]
    fn lengths_that_do_not_fit_are_refused() {
        for (total, headers) in [(15_u32, 0_u32), (16, 1), (1 << 20, 200_000)] {
            let mut bytes = [total.to_be_bytes(), headers.to_be_bytes()].concat();
            bytes.extend_from_slice(&crc32fast::hash(&bytes).to_be_bytes());
            let mut reader = Reader::new(1 << 24);
            reader.push(&bytes);
            assert_eq!(reader.next_message(), Err(EventStreamError::Lengths));
        }
    }

    #[test]
    fn headers_that_break_off_are_refused() {
        for block in [
            &[1][..],
            &[1, b'a'],
            &[1, b'a', 7, 0],
            &[1, b'a', 7, 0, 9, b'x'],
            &[1, b'a', 10],
            &[0, 0],
            &[1, b'a', 5, 0],
        ] {
            let mut out = Vec::new();
            write(&[], &vec![0; block.len()], &mut out);
            // What was written as payload becomes headers.
            out[4..8].copy_from_slice(&u32::try_from(block.len()).unwrap().to_be_bytes());
            out[PRELUDE..PRELUDE + block.len()].copy_from_slice(block);
            let prelude = crc32fast::hash(&out[..8]).to_be_bytes();
            out[8..12].copy_from_slice(&prelude);
            let end = out.len() - 4;
            let all = crc32fast::hash(&out[..end]).to_be_bytes();
            out[end..].copy_from_slice(&all);
            assert_eq!(read(&[&out]), Err(EventStreamError::Header), "{block:?}");
        }
    }

    fn value() -> impl Strategy<Value = HeaderValue> {
        prop_oneof![
            any::<bool>().prop_map(HeaderValue::Bool),
            any::<i8>().prop_map(HeaderValue::Byte),
            any::<i16>().prop_map(HeaderValue::Short),
            any::<i32>().prop_map(HeaderValue::Int),
            any::<i64>().prop_map(HeaderValue::Long),
            prop::collection::vec(any::<u8>(), 0..9).prop_map(|bytes| HeaderValue::Bytes(bytes.into())),
            ".{0,9}".prop_map(HeaderValue::Text),
            any::<i64>().prop_map(HeaderValue::Timestamp),
            any::<[u8; 16]>().prop_map(HeaderValue::Uuid),
        ]
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_wherever_it_is_cut(
            messages in prop::collection::vec(
                (prop::collection::vec(("[a-z:]{1,9}", value()), 0..4), prop::collection::vec(any::<u8>(), 0..40)), 0..5),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
        ) {
            let mut bytes = Vec::new();
            for (headers, payload) in &messages {
                let headers: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
                write(&headers, payload, &mut bytes);
            }
            let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
            places.extend([0, bytes.len()]);
            places.sort_unstable();
            let pieces: Vec<&[u8]> = places.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect();
            let single: Vec<&[u8]> = bytes.chunks(1).collect();
            for pieces in [pieces, single] {
                let found = read(&pieces).unwrap();
                let said: Vec<_> = found.iter().map(|it| (it.headers().to_vec(), it.payload().to_vec())).collect();
                prop_assert_eq!(&said, &messages);
                let whole: Vec<u8> = found.iter().flat_map(|it| it.bytes().to_vec()).collect();
                prop_assert_eq!(&whole, &bytes);
            }
        }

        #[test]
        fn a_damaged_byte_is_noticed(
            payload in prop::collection::vec(any::<u8>(), 0..40), place: prop::sample::Index, change in 1..=255_u8,
        ) {
            let mut bytes = Vec::new();
            write(&[(":event-type", HeaderValue::Text("x".into()))], &payload, &mut bytes);
            let place = place.index(bytes.len());
            bytes[place] ^= change;
            let mut reader = Reader::new(1 << 20);
            reader.push(&bytes);
            prop_assert!(reader.next_message().is_err());
        }
    }
}
