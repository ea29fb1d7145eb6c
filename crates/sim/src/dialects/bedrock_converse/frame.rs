//! Messages of an event stream of AWS: lengths, headers, a payload, and a checksum of each.
//! Source: <https://smithy.io/2.0/aws/amazon-eventstream.html>

use bytes::{BufMut as _, Bytes};
use serde_json::Value;

/// The type of a header that is text.
const TEXT: u8 = 7;
/// The bytes before the headers, and those after the payload.
const PRELUDE_BYTES: usize = 12;
const CHECKSUM_BYTES: usize = 4;

/// A message that is an event.
pub(super) fn event(name: &str, payload: &Value) -> Bytes {
    message(
        &[(":event-type", name), (":content-type", "application/json"), (":message-type", "event")],
        payload.to_string().as_bytes(),
    )
}

/// A message that ends a stream with an error.
pub(super) fn exception(name: &str, payload: &Value) -> Bytes {
    message(
        &[(":exception-type", name), (":content-type", "application/json"), (":message-type", "exception")],
        payload.to_string().as_bytes(),
    )
}

/// The same message with two thirds of its payload, its lengths and checksums as they must be.
pub(super) fn halved(whole: &Bytes) -> Bytes {
    let number = |at: usize| {
        let bytes = whole.get(at..at + 4).and_then(|bytes| bytes.try_into().ok());
        bytes.map_or(0, |bytes| u32::from_be_bytes(bytes) as usize)
    };
    let from = PRELUDE_BYTES + number(4);
    let headers = whole.get(PRELUDE_BYTES..from).unwrap_or_default();
    let payload = whole.get(from..whole.len().saturating_sub(CHECKSUM_BYTES)).unwrap_or_default();
    framed(headers, payload.get(..payload.len() * 2 / 3).unwrap_or_default())
}

fn message(headers: &[(&str, &str)], payload: &[u8]) -> Bytes {
    let mut written = Vec::with_capacity(96);
    for (name, value) in headers {
        // Names and values are those of this folder, far below the bounds of their lengths.
        written.put_u8(u8::try_from(name.len()).unwrap_or(u8::MAX));
        written.put_slice(name.as_bytes());
        written.put_u8(TEXT);
        written.put_u16(u16::try_from(value.len()).unwrap_or(u16::MAX));
        written.put_slice(value.as_bytes());
    }
    framed(&written, payload)
}

fn framed(headers: &[u8], payload: &[u8]) -> Bytes {
    let total = PRELUDE_BYTES + headers.len() + payload.len() + CHECKSUM_BYTES;
    let mut bytes = Vec::with_capacity(total);
    // A payload is bounded by the longest text and the largest padding that can be asked for.
    bytes.put_u32(u32::try_from(total).unwrap_or(u32::MAX));
    bytes.put_u32(u32::try_from(headers.len()).unwrap_or(u32::MAX));
    bytes.put_u32(crc32fast::hash(&bytes));
    bytes.put_slice(headers);
    bytes.put_slice(payload);
    bytes.put_u32(crc32fast::hash(&bytes));
    bytes.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// A message as the public description has it, written out by hand.
    #[test]
    fn a_message_is_laid_out_as_described() {
        let bytes = event("a", &json!(1));
        let headers = b"\x0b:event-type\x07\x00\x01a\x0d:content-type\x07\x00\x10application/json\x0d:message-type\x07\x00\x05event";
        assert_eq!(bytes[..8], [0, 0, 0, 88, 0, 0, 0, 71]);
        assert_eq!(bytes[8..12], crc32fast::hash(&bytes[..8]).to_be_bytes());
        assert_eq!(&bytes[12..83], headers);
        assert_eq!(&bytes[83..84], b"1");
        assert_eq!(bytes[84..], crc32fast::hash(&bytes[..84]).to_be_bytes());
    }

    #[test]
    fn half_a_message_keeps_its_frame() {
        let half = halved(&event("a", &json!("0123456789")));
        assert_eq!(&half[83..91], b"\"0123456");
        assert_eq!(half[half.len() - 4..], crc32fast::hash(&half[..half.len() - 4]).to_be_bytes());
    }
}
