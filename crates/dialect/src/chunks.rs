//! Streams of `InvokeModelWithResponseStream`: messages of an event stream, each of which carries an event of the model's
//! own dialect in base64. Source:
//! <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_PayloadPart.html>
//!
//! Messages is spoken so, and Nova's form of Converse ([`nova`](crate::bedrock_converse::nova)); other models speak as
//! they like. Errors come as exceptions.

use crate::WireEvent;
use crate::event_stream::{EventStreamError, Kind, Message, write_event};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// The type of such messages.
const CHUNK: &str = "chunk";

/// The classes of error that both have a word for.
const ERRORS: [(&str, &str); 6] = [
    ("throttlingException", "rate_limit_error"),
    ("serviceUnavailableException", "overloaded_error"),
    ("validationException", "invalid_request_error"),
    ("modelTimeoutException", "timeout_error"),
    ("modelStreamErrorException", "api_error"),
    ("internalServerException", "api_error"),
];

/// The event that a message carries.
///
/// # Errors
/// [`EventStreamError`] where it carries none.
pub fn read(message: &Message) -> Result<WireEvent, EventStreamError> {
    let told = message.to_wire()?;
    let body: Value = serde_json::from_str(&told.data).unwrap_or_default();
    let name = match message.kind()? {
        Kind::Event(CHUNK) => {
            let data = decoded(&body);
            let data = data.and_then(|bytes| String::from_utf8(bytes).ok()).ok_or(EventStreamError::Text)?;
            // Clients that get it as a server-sent event go by its name.
            let kind = serde_json::from_str::<Value>(&data).ok();
            let name = kind.and_then(|body| body.get("type")?.as_str().map(str::to_owned));
            return Ok(WireEvent { name, data });
        }
        Kind::Event(_) => return Err(EventStreamError::Kind { header: ":event-type" }),
        Kind::Exception(name) => name,
        Kind::Error { code, .. } => code,
    };
    let kind = ERRORS.iter().find(|(exception, _)| *exception == name).map_or("api_error", |(_, kind)| kind);
    let words = body.get("message").cloned().unwrap_or_default();
    let data = json!({"type": "error", "error": {"type": kind, "message": words}}).to_string();
    Ok(WireEvent { name: Some("error".to_owned()), data })
}

/// The bytes that the data of a message carries.
pub(crate) fn carried(data: &[u8]) -> Option<Vec<u8>> {
    decoded(&serde_json::from_slice(data).ok()?)
}

fn decoded(body: &Value) -> Option<Vec<u8>> {
    STANDARD.decode(body.get("bytes")?.as_str()?).ok()
}

/// Writes an event of Messages, and an exception for one that tells of an error.
pub fn write(event: &WireEvent, out: &mut Vec<u8>) {
    if event.name.as_deref() != Some("error") {
        let data = json!({"bytes": STANDARD.encode(&event.data)}).to_string();
        return write_event(&WireEvent { name: Some(CHUNK.to_owned()), data }, out);
    }
    let body: Value = serde_json::from_str(&event.data).unwrap_or_default();
    let kind = body.pointer("/error/type").and_then(Value::as_str).unwrap_or_default();
    let name = ERRORS.iter().find(|(_, word)| *word == kind).map_or("modelStreamErrorException", |(name, _)| name);
    let words = body.pointer("/error/message").cloned().unwrap_or_default();
    write_event(&WireEvent { name: Some(name.to_owned()), data: json!({"message": words}).to_string() }, out);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event_stream::Reader;

    #[test]
    fn events_and_errors_come_back() {
        let event = |name: Option<&str>, data: &str| WireEvent { name: name.map(str::to_owned), data: data.to_owned() };
        for (sent, received) in [
            (
                event(Some("message_stop"), "{\"type\":\"message_stop\"}"),
                event(Some("message_stop"), "{\"type\":\"message_stop\"}"),
            ),
            (
                event(
                    Some("error"),
                    "{\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"no\"}}",
                ),
                event(
                    Some("error"),
                    "{\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"no\"}}",
                ),
            ),
        ] {
            let mut bytes = Vec::new();
            write(&sent, &mut bytes);
            let mut reader = Reader::new(1 << 20);
            reader.push(&bytes);
            let message = reader.next_message().unwrap().unwrap();
            assert_eq!(read(&message), Ok(received));
        }
    }

    #[test]
    fn what_carries_nothing_is_refused() {
        for (name, data) in [("chunk", "{}"), ("chunk", "{\"bytes\":\"!\"}"), ("metadata", "{}")] {
            let mut bytes = Vec::new();
            write_event(&WireEvent { name: Some(name.to_owned()), data: data.to_owned() }, &mut bytes);
            let mut reader = Reader::new(1 << 20);
            reader.push(&bytes);
            assert!(read(&reader.next_message().unwrap().unwrap()).is_err(), "{name} {data}");
        }
    }
}
