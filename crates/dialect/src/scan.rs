//! One structural pass over a JSON body.
//!
//! It checks that the bytes are well-formed JSON in UTF-8, that they nest no deeper than allowed, and that no object
//! names a key twice; and it notes where each top-level field stands. A body that passes is read in the same way by
//! every parser, so that we and the provider can never read the same bytes differently: RFC 8259, section 4, leaves
//! the meaning of a repeated key open.

use crate::{DecodeError, plain};
use std::borrow::Cow;
use std::collections::HashSet;
use std::ops::Range;

/// The depth that [`fields_of`] allows.
const DEPTH_OF_EVENTS: usize = 128;
/// From how many keys on an object's keys are looked up by hash.
const KEYS_COMPARED: usize = 24;

/// No word of a language that is written in ASCII letters is longer.
const WORD_BYTES_MAX: usize = 1000;

/// What one pass found in an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scan<'a> {
    /// The fields of the outermost object, in order.
    pub fields: Vec<Field<'a>>,
    /// How deep the body nests; an object without objects or lists is 1.
    pub depth: usize,
    /// How many bytes its texts have together, without names of fields and without what is no language, such as the bytes of
    /// an image in base64.
    pub text_bytes: usize,
}

impl<'a> Scan<'a> {
    /// A top-level field by name.
    pub fn field(&self, key: &str) -> Option<&Field<'a>> {
        self.fields.iter().find(|field| *field.key == *key.as_bytes())
    }
}

/// A field of the outermost object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field<'a> {
    /// Its name, unescaped.
    pub key: Cow<'a, [u8]>,
    /// Its value as it stands, without white space around it.
    pub value: &'a [u8],
    /// Where name and value stand, from the opening quote on.
    pub member: Range<usize>,
    /// Where the value stands.
    pub place: Range<usize>,
    /// How many elements the value has, if it is a list.
    pub elements: usize,
}

impl Field<'_> {
    /// Its name.
    pub fn name(&self) -> Option<&str> {
        std::str::from_utf8(&self.key).ok()
    }

    /// The value, if it is a string that stands there as it is, without an escape.
    pub fn as_plain(&self) -> Option<&str> {
        let text = self.value.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
        if text.contains(&b'\\') { None } else { std::str::from_utf8(text).ok() }
    }

    /// The value, if it is a string.
    pub fn as_string(&self) -> Option<String> {
        serde_json::from_slice(self.value).ok()
    }
}

/// Why a body did not pass.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScanError {
    /// The bytes are not UTF-8.
    #[error("the body is not UTF-8 (at byte {at})")]
    Utf8 {
        /// Where the first such byte stands.
        at: usize,
    },
    /// The bytes are not JSON.
    #[error("the body is not well-formed JSON: {expected} was expected at byte {at}")]
    Json {
        /// Where it ceases to be.
        at: usize,
        /// What was expected there.
        expected: &'static str,
    },
    /// The body nests too deep.
    #[error("the body nests deeper than {max} levels")]
    Depth {
        /// The bound.
        max: usize,
    },
    /// An object names a key twice.
    #[error("an object of the body names a key twice (at byte {at})")]
    DuplicateKey {
        /// Where the key stands for the second time.
        at: usize,
    },
}

/// Scans a body that must be one object.
///
/// # Errors
/// [`ScanError`] says what is wrong and where; it quotes nothing.
pub fn scan(body: &[u8], depth_max: usize) -> Result<Scan<'_>, ScanError> {
    if let Err(error) = std::str::from_utf8(body) {
        return Err(ScanError::Utf8 { at: error.valid_up_to() });
    }
    let mut scanner = Scanner { keys: Vec::with_capacity(32), ..Scanner::new(body, depth_max) };
    scanner.space();
    let mut fields = Vec::with_capacity(16);
    if scanner.peek() != Some(b'{') {
        return Err(scanner.expected("an object"));
    }
    scanner.object(1, Some(&mut fields))?;
    scanner.space();
    scanner.end()?;
    Ok(Scan { fields, depth: scanner.depth, text_bytes: scanner.text_bytes })
}

/// Whether a text may be language: what begins with a thousand ASCII letters and no space between is data.
fn is_language(text: &[u8]) -> bool {
    text.get(..WORD_BYTES_MAX).is_none_or(|begin| memchr::memchr2(b' ', b'\\', begin).is_some() || !begin.is_ascii())
}

/// The top-level fields of one event's data.
pub(crate) fn fields_of(data: &[u8]) -> Result<Vec<EventField<'_>>, DecodeError> {
    match scan(data, DEPTH_OF_EVENTS) {
        Ok(scan) => Ok(scan
            .fields
            .into_iter()
            .map(|field| EventField {
                key: match field.key {
                    Cow::Borrowed(key) => key,
                    // No name that we look for needs an escape.
                    Cow::Owned(_) => b"",
                },
                value: field.value,
            })
            .collect()),
        Err(error) => Err(DecodeError::Json { reason: error.to_string() }),
    }
}

/// A top-level field of an event's data.
pub(crate) struct EventField<'a> {
    pub(crate) key: &'a [u8],
    pub(crate) value: &'a [u8],
}

/// A place in a body that is looked at piece by piece.
pub(crate) struct Scanner<'a> {
    body: &'a [u8],
    at: usize,
    depth_max: usize,
    depth: usize,
    text_bytes: usize,
    /// The keys of all open objects; each object knows where its own begin.
    keys: Vec<Cow<'a, [u8]>>,
}

impl<'a> Scanner<'a> {
    pub(crate) const fn new(body: &'a [u8], depth_max: usize) -> Self {
        Self { body, at: 0, depth_max, depth: 0, text_bytes: 0, keys: Vec::new() }
    }

    pub(crate) const fn at(&self) -> usize {
        self.at
    }

    pub(crate) fn end(&self) -> Result<(), ScanError> {
        if self.at < self.body.len() { Err(self.expected("the end")) } else { Ok(()) }
    }

    /// Goes past a byte, if it stands here.
    #[inline]
    pub(crate) fn skip(&mut self, byte: u8) -> bool {
        if self.peek() != Some(byte) {
            return false;
        }
        self.at += 1;
        true
    }

    /// Sees that a key begins here.
    pub(crate) fn quote(&self) -> Result<(), ScanError> {
        if self.peek() == Some(b'"') { Ok(()) } else { Err(self.expected("a key")) }
    }

    /// Goes past the colon between a key and its value.
    #[inline]
    pub(crate) fn colon(&mut self) -> Result<(), ScanError> {
        self.space();
        if !self.skip(b':') {
            return Err(self.expected("a colon"));
        }
        self.space();
        Ok(())
    }

    /// Goes past what stands behind an element: says whether another follows.
    #[inline]
    pub(crate) fn more(&mut self, end: u8, expected: &'static str) -> Result<bool, ScanError> {
        self.space();
        match self.peek() {
            Some(b',') => {
                self.at += 1;
                self.space();
                Ok(true)
            }
            Some(byte) if byte == end => {
                self.at += 1;
                Ok(false)
            }
            _ => Err(self.expected(expected)),
        }
    }

    pub(crate) fn peek(&self) -> Option<u8> {
        self.body.get(self.at).copied()
    }

    fn expected(&self, expected: &'static str) -> ScanError {
        ScanError::Json { at: self.at, expected }
    }

    pub(crate) fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn slice(&self, range: Range<usize>) -> &'a [u8] {
        self.body.get(range).unwrap_or_default()
    }

    pub(crate) fn enter(&mut self, depth: usize) -> Result<(), ScanError> {
        if depth > self.depth_max {
            return Err(ScanError::Depth { max: self.depth_max });
        }
        self.depth = self.depth.max(depth);
        self.at += 1;
        Ok(())
    }

    /// Scans a value; gives the number of elements if it is a list.
    pub(crate) fn value(&mut self, depth: usize) -> Result<usize, ScanError> {
        match self.peek() {
            Some(b'"') => self.text().map(|()| 0),
            Some(b'{') => self.object(depth, None).map(|()| 0),
            Some(b'[') => self.list(depth),
            Some(b't') => self.word(b"true").map(|()| 0),
            Some(b'f') => self.word(b"false").map(|()| 0),
            Some(b'n') => self.word(b"null").map(|()| 0),
            Some(b'-' | b'0'..=b'9') => self.number().map(|()| 0),
            _ => Err(self.expected("a value")),
        }
    }

    fn object(&mut self, depth: usize, mut top: Option<&mut Vec<Field<'a>>>) -> Result<(), ScanError> {
        self.enter(depth)?;
        let mark = self.keys.len();
        let mut seen = None;
        self.space();
        if self.skip(b'}') {
            return Ok(());
        }
        loop {
            self.quote()?;
            let start = self.at;
            let key = self.key()?;
            if !self.is_new(&key, mark, &mut seen) {
                return Err(ScanError::DuplicateKey { at: start });
            }
            self.colon()?;
            let from = self.at;
            let elements = self.value(depth + 1)?;
            if let Some(fields) = &mut top {
                let place = from..self.at;
                let value = self.slice(place.clone());
                fields.push(Field { key: key.clone(), value, member: start..self.at, place, elements });
            }
            self.keys.push(key);
            if !self.more(b'}', "a comma or the end of an object")? {
                self.keys.truncate(mark);
                return Ok(());
            }
        }
    }

    /// Whether an object has no such key yet. `seen` is made once it has many of them.
    fn is_new(&self, key: &[u8], mark: usize, seen: &mut Option<HashSet<Cow<'a, [u8]>>>) -> bool {
        let before = self.keys.get(mark..).unwrap_or_default();
        if before.len() < KEYS_COMPARED {
            return !before.iter().any(|other| **other == *key);
        }
        seen.get_or_insert_with(|| before.iter().cloned().collect()).insert(Cow::Owned(key.to_vec()))
    }

    fn list(&mut self, depth: usize) -> Result<usize, ScanError> {
        self.enter(depth)?;
        self.space();
        if self.skip(b']') {
            return Ok(0);
        }
        let mut elements = 0;
        loop {
            self.value(depth + 1)?;
            elements += 1;
            if !self.more(b']', "a comma or the end of a list")? {
                return Ok(elements);
            }
        }
    }

    /// Scans a key; gives its text without quotes, unescaped.
    pub(crate) fn key(&mut self) -> Result<Cow<'a, [u8]>, ScanError> {
        let start = self.at;
        let escaped = self.string()?;
        let raw = self.slice(start + 1..self.at - 1);
        if !escaped {
            return Ok(Cow::Borrowed(raw));
        }
        let quoted = self.slice(start..self.at);
        // A lone surrogate has no text; such keys are compared as they stand.
        Ok(serde_json::from_slice::<String>(quoted).map_or(Cow::Borrowed(raw), |text| Cow::Owned(text.into_bytes())))
    }

    /// Scans a string that is a value.
    fn text(&mut self) -> Result<(), ScanError> {
        let from = self.at + 1;
        self.string()?;
        let text = self.slice(from..self.at - 1);
        if is_language(text) {
            self.text_bytes += text.len();
        }
        Ok(())
    }

    /// Scans a string; says whether it has escapes.
    pub(crate) fn string(&mut self) -> Result<bool, ScanError> {
        self.at += 1;
        let mut escaped = false;
        loop {
            self.at += plain::prefix(self.body.get(self.at..).unwrap_or_default());
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(escaped);
                }
                Some(b'\\') => {
                    escaped = true;
                    self.at += 1;
                    self.escape()?;
                }
                Some(_) => return Err(self.expected("an escape for a control character")),
                None => return Err(self.expected("the end of a string")),
            }
        }
    }

    fn escape(&mut self) -> Result<(), ScanError> {
        match self.peek() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
                self.at += 1;
                Ok(())
            }
            Some(b'u') => {
                let digits = self.slice(self.at + 1..(self.at + 5).min(self.body.len()));
                if digits.len() == 4 && digits.iter().all(u8::is_ascii_hexdigit) {
                    self.at += 5;
                    Ok(())
                } else {
                    Err(self.expected("four hexadecimal digits"))
                }
            }
            _ => Err(self.expected("an escape")),
        }
    }

    pub(crate) fn word(&mut self, word: &'static [u8]) -> Result<(), ScanError> {
        if self.slice(self.at..(self.at + word.len()).min(self.body.len())) == word {
            self.at += word.len();
            Ok(())
        } else {
            Err(self.expected("a value"))
        }
    }

    fn digits(&mut self) -> Result<(), ScanError> {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        if self.at == start { Err(self.expected("a digit")) } else { Ok(()) }
    }

    pub(crate) fn number(&mut self) -> Result<(), ScanError> {
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        if self.peek() == Some(b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value;

    #[test]
    fn fields_and_depth_are_found() {
        let found = scan(br#" {"model": "m", "tools":[1,{"a":[]}], "x":null} "#, 9).unwrap();
        let fields: Vec<_> = found.fields.iter().map(|field| (&*field.key, field.value, field.elements)).collect();
        assert_eq!(
            fields,
            vec![
                (&b"model"[..], &b"\"m\""[..], 0),
                (&b"tools"[..], &br#"[1,{"a":[]}]"#[..], 2),
                (&b"x"[..], &b"null"[..], 0)
            ]
        );
        assert_eq!(found.depth, 4);
    }

    #[test]
    fn texts_are_counted_and_data_is_not() {
        let count = |body: &Value| scan(body.to_string().as_bytes(), 9).unwrap().text_bytes;
        let said = serde_json::json!({"model": "m", "messages": [{"role": "user", "content": "Hello"}], "n": 12});
        assert_eq!(count(&said), "m".len() + "user".len() + "Hello".len());
        // The same whether it is streamed.
        let mut streamed = said.clone();
        streamed["stream"] = Value::Bool(true);
        streamed["stream_options"] = serde_json::json!({"include_usage": true});
        assert_eq!(count(&streamed), count(&said));
        let image = format!("data:image/png;base64,{}", "iVBORw0KGgo".repeat(1000));
        for (text, counts) in [(image, false), ("a line\n".repeat(400), true), ("\u{3042}".repeat(900), true)] {
            let bytes = if counts { serde_json::to_string(&text).unwrap().len() - 2 } else { 0 };
            assert_eq!(count(&serde_json::json!({"x": text})), bytes);
        }
    }

    #[test]
    fn keys_that_come_twice_are_found_however_they_are_written() {
        for body in [r#"{"a":1,"a":2}"#, r#"{"model":1,"mo\u0064el":2}"#, r#"{"x":[{"b":1,"c":{},"b":2}]}"#] {
            assert!(matches!(scan(body.as_bytes(), 9), Err(ScanError::DuplicateKey { .. })), "{body}");
        }
        assert!(scan(br#"{"a":{"a":1},"b":{"a":1}}"#, 9).is_ok());
    }

    #[test]
    fn large_objects_are_checked_as_well() {
        let members: Vec<String> = (0..2000).map(|n| format!("\"k{n}\":{n}")).collect();
        assert!(scan(format!("{{{}}}", members.join(",")).as_bytes(), 9).is_ok());
        assert!(scan(format!("{{{},\"k7\":0}}", members.join(",")).as_bytes(), 9).is_err());
    }

    #[test]
    fn depth_is_bounded() {
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(20), "]".repeat(20));
        assert_eq!(scan(deep.as_bytes(), 10), Err(ScanError::Depth { max: 10 }));
    }

    #[test]
    fn what_is_not_json_is_refused() {
        for body in [
            "",
            "[]",
            "{",
            "{\"a\"}",
            "{\"a\":}",
            "{\"a\":1,}",
            "{\"a\":01}",
            "{\"a\":1.}",
            "{\"a\":\"\u{1}\"}",
            "{} x",
            "{\"a\":tru}",
            "{\"a\":\"\\x\"}",
            "{\"a\":\"\\u12g4\"}",
            "{'a':1}",
            "{\"a\":NaN}",
        ] {
            assert!(scan(body.as_bytes(), 9).is_err(), "{body}");
        }
        assert_eq!(scan(b"{\"a\":\"\xff\"}", 9), Err(ScanError::Utf8 { at: 6 }));
    }

    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_filter("finite", |f| f.is_finite()).prop_map(Value::from),
            ".{0,12}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 40, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::btree_map(".{0,6}", inner, 0..5)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn it_agrees_with_the_parser(value in json()) {
            let body = serde_json::json!({"v": value}).to_string();
            let found = scan(body.as_bytes(), 64).unwrap();
            prop_assert_eq!(serde_json::from_slice::<Value>(found.fields[0].value).unwrap(), value);
        }

        #[test]
        fn damage_is_judged_as_the_parser_judges_it(value in json(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
            let mut body = serde_json::json!({"v": value}).to_string().into_bytes();
            let at = at.index(body.len());
            body[at] = byte;
            let ours = scan(&body, 64);
            let theirs = serde_json::from_slice::<Value>(&body);
            match ours {
                Ok(_) => prop_assert!(theirs.is_ok() || lone_surrogate(&body)),
                Err(ScanError::DuplicateKey { .. }) => {}
                Err(_) => prop_assert!(theirs.is_err() || !theirs.unwrap().is_object()),
            }
        }
    }

    /// Escapes that stand for half a character are well-formed by the grammar, and no text.
    fn lone_surrogate(body: &[u8]) -> bool {
        memchr::memmem::find(body, b"\\u").is_some()
    }
}
