//! The arguments of a call as they come.

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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value;

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
