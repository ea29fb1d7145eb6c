//! Writing JSON, for the long texts of which conversations are made: a text without escapes is copied as a whole, after
//! one look at all of it, where the usual serializer looks up each byte by itself.

use crate::plain;
use serde_json::{Map, Value};
use std::io::Write as _;

/// The value as JSON text.
pub fn write(value: &Value, expected_bytes: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(expected_bytes);
    append(value, &mut out);
    out
}

/// As many bytes as most events have at most.
const EVENT_BYTES: usize = 256;

/// An object as JSON text.
pub(crate) fn of_object(fields: &Map<String, Value>) -> String {
    let mut out = Vec::with_capacity(EVENT_BYTES);
    append_fields(fields, &mut out);
    // What is written are texts and what stands between them.
    String::from_utf8(out).unwrap_or_default()
}

fn append(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(true) => out.extend_from_slice(b"true"),
        Value::Bool(false) => out.extend_from_slice(b"false"),
        // Writing into memory does not fail.
        Value::Number(number) => drop(write!(out, "{number}")),
        Value::String(text) => append_text(text, out),
        Value::Array(items) => {
            out.push(b'[');
            for (place, item) in items.iter().enumerate() {
                if place > 0 {
                    out.push(b',');
                }
                append(item, out);
            }
            out.push(b']');
        }
        Value::Object(fields) => append_fields(fields, out),
    }
}

fn append_fields(fields: &Map<String, Value>, out: &mut Vec<u8>) {
    out.push(b'{');
    for (place, (key, field)) in fields.iter().enumerate() {
        if place > 0 {
            out.push(b',');
        }
        append_text(key, out);
        out.push(b':');
        append(field, out);
    }
    out.push(b'}');
}

fn append_text(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    let mut rest = text.as_bytes();
    loop {
        // What stands between two escapes is copied as a whole.
        let (plain, special) = rest.split_at(plain::prefix(rest));
        out.extend_from_slice(plain);
        let Some((byte, after)) = special.split_first() else { break };
        append_byte(*byte, out);
        rest = after;
    }
    out.push(b'"');
}

fn append_byte(byte: u8, out: &mut Vec<u8>) {
    let short = match byte {
        b'"' => b'"',
        b'\\' => b'\\',
        b'\n' => b'n',
        b'\r' => b'r',
        b'\t' => b't',
        0x08 => b'b',
        0x0c => b'f',
        0..0x20 => return drop(write!(out, "\\u{byte:04x}")),
        plain => return out.push(plain),
    };
    out.extend_from_slice(&[b'\\', short]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn it_writes_what_the_usual_serializer_writes() {
        let controls: String = (0..0x80).map(char::from).collect();
        let long = format!("{}\"{}\n{}ü€😀", "a".repeat(255), "b".repeat(300), "c".repeat(513));
        let numbers: Value = serde_json::from_str("[0, -1, 1e400, 1.50, 12345678901234567890123, 1E+2]").unwrap();
        let value = json!({"a\"b": [null, true, false, {}, [], {"": controls}], "long": long, "numbers": numbers, "😀": "\u{7f}\u{2028}"});
        assert_eq!(write(&value, 0), serde_json::to_vec(&value).unwrap());
        assert_eq!(of_object(value.as_object().unwrap()), value.to_string());
    }
}
