//! The arguments of a call as they come.

use serde_json::{Map, Value};
use switchtower_domain::limits;

/// Watches pieces of JSON text for the end of the value that they began.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    depth: usize,
    begun: bool,
    quoted: bool,
    escaped: bool,
}

impl Progress {
    pub(crate) fn feed(&mut self, text: &str) {
        for byte in text.bytes() {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' if self.quoted => self.escaped = true,
                b'"' => self.quoted = !self.quoted,
                b'{' | b'[' if !self.quoted => {
                    self.begun = true;
                    self.depth += 1;
                }
                b'}' | b']' if !self.quoted => self.depth = self.depth.saturating_sub(1),
                _ => {}
            }
        }
    }

    /// Whether an object or a list began and ended. Of other values nobody knows whether more of them comes.
    pub(crate) const fn whole(&self) -> bool {
        self.begun && self.depth == 0 && !self.quoted
    }
}

/// What is known of the input of a call, which is an object here and any text elsewhere.
#[derive(Default)]
pub(crate) enum Input {
    #[default]
    Unknown,
    /// It begins as an object, and goes out as it comes.
    Object,
    /// It is none, and waits for its end: only then is it clear what stands in its place.
    Held(String),
}

impl Input {
    /// What goes out of a piece; `None` where more is held back than a whole answer may hold.
    pub(crate) fn take(&mut self, piece: &str) -> Option<String> {
        match self {
            Self::Object => return Some(piece.to_owned()),
            Self::Unknown => match piece.trim_start() {
                "" => {}
                text if text.starts_with('{') => {
                    *self = Self::Object;
                    return Some(text.to_owned());
                }
                text => *self = Self::Held(text.to_owned()),
            },
            Self::Held(text) if text.len() + piece.len() > limits::ANSWER_BYTES_MAX => return None,
            Self::Held(text) => text.push_str(piece),
        }
        Some(String::new())
    }
}

/// The key under which the vendor advises to carry a call's arguments that are no JSON.
/// Source: <https://docs.claude.com/en/docs/agents-and-tools/tool-use/fine-grained-tool-streaming>
const INVALID: &str = "INVALID_JSON";

/// Arguments as the object that they are, or as text within one. `null` is what some servers write for none.
pub(crate) fn input_of(arguments: &str) -> Value {
    match input_value(arguments) {
        Some(Value::Null) => Value::Object(Map::new()),
        Some(input) if input.is_object() => input,
        _ => serde_json::json!({INVALID: arguments.trim()}),
    }
}

/// Arguments as a value; none at all are an empty object.
pub(crate) fn input_value(arguments: &str) -> Option<Value> {
    if arguments.trim().is_empty() {
        return Some(Value::Object(Map::new()));
    }
    serde_json::from_str(arguments).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn an_object_is_whole_with_its_last_byte_and_not_before(key in ".{0,12}", text in ".{0,12}", deep: bool) {
            let inner = if deep { serde_json::json!({ key.clone(): [text, {}] }) } else { Value::from(text) };
            let written = serde_json::json!({ key: inner }).to_string();
            let mut progress = Progress::default();
            for (at, piece) in written.char_indices() {
                prop_assert!(!progress.whole(), "{written} at {at}");
                progress.feed(piece.encode_utf8(&mut [0; 4]));
            }
            prop_assert!(progress.whole());
        }
    }

    #[test]
    fn what_is_no_object_is_never_whole() {
        for text in ["", " ", "null", "7", "\"{}\"", "{\"a\":\"}", "{\"a\":\"\\\"}"] {
            let mut progress = Progress::default();
            progress.feed(text);
            assert!(!progress.whole(), "{text}");
        }
    }
}
