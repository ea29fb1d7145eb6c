//! JSON as it stands in a body: texts that need no unescaping are borrowed from it, an object is the list of its
//! members, a number is its text.
//!
//! What is translated is read into this form, which costs one list for each object, where a tree of owned values costs
//! a map, a hash and two texts for each field. Members are looked up one after the other, so a reader asks for the few
//! names that it knows, and walks over the members once where names are not its own.

use crate::DecodeError;
use crate::scan::{ScanError, Scanner};
use serde_json::{Map, Number, Value};
use std::borrow::Cow;
use std::collections::HashMap;

/// The depth that [`parse`] allows, which is that of the parser by which everything else is read.
const DEPTH_MAX: usize = 127;
/// From how many members on an object's keys are looked up by hash while it is read.
const KEYS_COMPARED: usize = 24;

/// A value as it was read.
#[derive(Debug, Clone, PartialEq)]
pub enum Json<'a> {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number, as it was written.
    Number(Cow<'a, str>),
    /// A text, unescaped.
    String(Cow<'a, str>),
    /// A list.
    Array(Vec<Self>),
    /// An object.
    Object(Members<'a>),
}

/// The members of an object, in order; no name comes twice.
pub type Members<'a> = Vec<(Cow<'a, str>, Json<'a>)>;

/// Reads a JSON text. Of a name that comes twice in an object the last value holds, as with other parsers.
///
/// # Errors
/// [`ScanError`] says what is wrong and where; it quotes nothing.
pub fn parse(body: &[u8]) -> Result<Json<'_>, ScanError> {
    let text = std::str::from_utf8(body).map_err(|error| ScanError::Utf8 { at: error.valid_up_to() })?;
    let mut reader = Reader { text, scanner: Scanner::new(body, DEPTH_MAX) };
    reader.scanner.space();
    let value = reader.value(1)?;
    reader.scanner.space();
    reader.scanner.end()?;
    Ok(value)
}

/// Reads the data of one event.
pub(crate) fn parse_event(data: &str) -> Result<Json<'_>, DecodeError> {
    parse(data.as_bytes()).map_err(|error| DecodeError::Json { reason: error.to_string() })
}

struct Reader<'a> {
    text: &'a str,
    scanner: Scanner<'a>,
}

impl<'a> Reader<'a> {
    fn value(&mut self, depth: usize) -> Result<Json<'a>, ScanError> {
        match self.scanner.peek() {
            Some(b'"') => self.string().map(Json::String),
            Some(b'{') => self.object(depth).map(Json::Object),
            Some(b'[') => self.list(depth).map(Json::Array),
            Some(b't') => self.scanner.word(b"true").map(|()| Json::Bool(true)),
            Some(b'f') => self.scanner.word(b"false").map(|()| Json::Bool(false)),
            Some(b'n') => self.scanner.word(b"null").map(|()| Json::Null),
            _ => {
                let from = self.scanner.at();
                self.scanner.number()?;
                Ok(Json::Number(Cow::Borrowed(self.since(from, 0))))
            }
        }
    }

    /// The text from a place on, without as many bytes at both ends.
    fn since(&self, from: usize, margin: usize) -> &'a str {
        self.text.get(from + margin..self.scanner.at() - margin).unwrap_or_default()
    }

    fn string(&mut self) -> Result<Cow<'a, str>, ScanError> {
        let from = self.scanner.at();
        if !self.scanner.string()? {
            return Ok(Cow::Borrowed(self.since(from, 1)));
        }
        // A lone surrogate is no text.
        serde_json::from_str(self.since(from, 0))
            .map(Cow::Owned)
            .map_err(|_| ScanError::Json { at: from, expected: "text without lone surrogates" })
    }

    fn object(&mut self, depth: usize) -> Result<Members<'a>, ScanError> {
        let mut members = Members::new();
        let mut places = None;
        self.scanner.enter(depth)?;
        self.scanner.space();
        if self.scanner.skip(b'}') {
            return Ok(members);
        }
        loop {
            self.scanner.quote()?;
            let key = self.string()?;
            self.scanner.colon()?;
            let value = self.value(depth + 1)?;
            match place_of(&key, &members, &mut places).and_then(|place| members.get_mut(place)) {
                Some((_, former)) => *former = value,
                None => members.push((key, value)),
            }
            if !self.scanner.more(b'}', "a comma or the end of an object")? {
                return Ok(members);
            }
        }
    }

    fn list(&mut self, depth: usize) -> Result<Vec<Json<'a>>, ScanError> {
        let mut items = Vec::new();
        self.scanner.enter(depth)?;
        self.scanner.space();
        if self.scanner.skip(b']') {
            return Ok(items);
        }
        loop {
            items.push(self.value(depth + 1)?);
            if !self.scanner.more(b']', "a comma or the end of a list")? {
                return Ok(items);
            }
        }
    }
}

/// Where a key stands among the members so far. `places` is made once there are many of them.
fn place_of(key: &str, members: &Members<'_>, places: &mut Option<HashMap<String, usize>>) -> Option<usize> {
    if members.len() < KEYS_COMPARED {
        return members.iter().position(|(other, _)| other == key);
    }
    let places = places
        .get_or_insert_with(|| members.iter().enumerate().map(|(place, (key, _))| (key.to_string(), place)).collect());
    let place = places.get(key).copied();
    if place.is_none() {
        places.insert(key.to_owned(), members.len());
    }
    place
}

impl<'a> Json<'a> {
    /// The value as a tree that owns its texts.
    pub fn into_value(self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Bool(word) => Value::Bool(word),
            // Whatever is written as a number has a value of any precision.
            Self::Number(_) => self.as_number().map_or(Value::Null, Value::Number),
            Self::String(text) => Value::String(text.into_owned()),
            Self::Array(items) => Value::Array(items.into_iter().map(Json::into_value).collect()),
            Self::Object(members) => Value::Object(into_map(members)),
        }
    }

    /// A member of an object.
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.as_object()?.iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    /// A member of an object, to change it.
    pub(crate) fn get_mut(&mut self, key: &str) -> Option<&mut Self> {
        let Self::Object(members) = self else { return None };
        members.iter_mut().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    /// The text, of a string.
    pub fn as_str(&self) -> Option<&str> {
        if let Self::String(text) = self { Some(text) } else { None }
    }

    /// The elements, of a list.
    pub fn as_array(&self) -> Option<&Vec<Self>> {
        if let Self::Array(items) = self { Some(items) } else { None }
    }

    /// The members, of an object.
    pub fn as_object(&self) -> Option<&Members<'a>> {
        if let Self::Object(members) = self { Some(members) } else { None }
    }

    /// The value, of `true` and `false`.
    pub const fn as_bool(&self) -> Option<bool> {
        if let Self::Bool(word) = self { Some(*word) } else { None }
    }

    /// A number, with the digits that it was written with.
    pub fn as_number(&self) -> Option<Number> {
        if let Self::Number(text) = self { text.parse().ok() } else { None }
    }

    /// The value, of a whole number from 0.
    pub fn as_u64(&self) -> Option<u64> {
        if let Self::Number(text) = self { text.parse().ok() } else { None }
    }

    /// The nearest value, of a number.
    pub fn as_f64(&self) -> Option<f64> {
        if let Self::Number(text) = self { text.parse().ok().filter(|number: &f64| number.is_finite()) } else { None }
    }

    /// Whether it is `null`.
    pub const fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// Whether it is a string.
    pub const fn is_string(&self) -> bool {
        matches!(self, Self::String(_))
    }

    /// Whether it is a list.
    pub const fn is_array(&self) -> bool {
        matches!(self, Self::Array(_))
    }

    /// Whether it is an object.
    pub const fn is_object(&self) -> bool {
        matches!(self, Self::Object(_))
    }

    /// Whether it is a number.
    pub const fn is_number(&self) -> bool {
        matches!(self, Self::Number(_))
    }

    /// Whether it is a whole number from 0.
    pub fn is_u64(&self) -> bool {
        self.as_u64().is_some()
    }
}

/// The members as a map that owns its texts.
pub(crate) fn into_map(members: Members<'_>) -> Map<String, Value> {
    members.into_iter().map(|(key, value)| (key.into_owned(), value.into_value())).collect()
}

impl From<Value> for Json<'_> {
    fn from(value: Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(word) => Self::Bool(word),
            Value::Number(number) => Self::Number(Cow::Owned(number.to_string())),
            Value::String(text) => Self::String(Cow::Owned(text)),
            Value::Array(items) => Self::Array(items.into_iter().map(Self::from).collect()),
            Value::Object(map) => {
                Self::Object(map.into_iter().map(|(key, value)| (Cow::Owned(key), Self::from(value))).collect())
            }
        }
    }
}

impl PartialEq<str> for Json<'_> {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == Some(other)
    }
}

impl PartialEq<&str> for Json<'_> {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == Some(other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    /// JSON as a stranger may write it: names that come twice, escapes of every kind and halves of surrogate pairs,
    /// numbers beyond every type, white space.
    fn written() -> impl Strategy<Value = String> {
        let space = || r"[ \t\r\n]{0,2}";
        let text = || r#""([a-zü😀 ]|\\["\\/bfnrt]|\\u[0-9a-fA-F]{4}|\\u00[0-7][0-9a-f]|\\ud83d\\ude00){0,6}""#;
        let key = move || prop_oneof![3 => "\"[a-c]\"", 1 => text()];
        let leaf =
            prop_oneof!["null|true|false", r"-?(0|[1-9][0-9]{0,24})(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,4})?", text(),];
        leaf.prop_recursive(4, 60, 6, move |inner| {
            let item = (space(), inner.clone(), space()).prop_map(|(before, item, after)| before + &item + &after);
            let member = (space(), key(), space(), inner, space())
                .prop_map(|(first, key, second, value, third)| first + &key + &second + ":" + &value + &third);
            prop_oneof![
                prop::collection::vec(item, 0..5).prop_map(|items| format!("[{}]", items.join(","))),
                // Now and then more than are compared one by one.
                prop_oneof![3 => prop::collection::vec(member.clone(), 0..5), 1 => prop::collection::vec(member, 20..40)]
                    .prop_map(|members| format!("{{{}}}", members.join(","))),
            ]
        })
    }

    fn both_read_the_same(bytes: &[u8]) {
        let other = serde_json::from_slice::<Value>(bytes).ok();
        let own = parse(bytes).ok().map(Json::into_value);
        // Maps are equal in whatever order their members stand.
        let texts = [&own, &other].map(|value| value.as_ref().map(Value::to_string));
        assert_eq!(texts[0], texts[1], "{}", String::from_utf8_lossy(bytes));
        assert_eq!(own, other);
    }

    proptest! {
        #[test]
        fn it_reads_what_another_parser_reads(text in written()) {
            both_read_the_same(text.as_bytes());
        }

        #[test]
        fn it_refuses_what_another_parser_refuses(
            text in written(),
            at: prop::sample::Index,
            byte in prop_oneof![prop::sample::select(b"[]{}:,\"\\\n0-.eu".to_vec()), any::<u8>()],
        ) {
            let mut bytes = text.into_bytes();
            let at = at.index(bytes.len());
            let cut = bytes[..at].to_vec();
            bytes[at] = byte;
            both_read_the_same(&bytes);
            both_read_the_same(&cut);
        }

        #[test]
        fn a_tree_of_its_own_comes_back_the_same(text in written()) {
            if let Ok(read) = parse(text.as_bytes()) {
                let value = read.into_value();
                prop_assert_eq!(Json::from(value.clone()).into_value(), value);
            }
        }
    }

    #[test]
    fn texts_without_escapes_are_borrowed() {
        let Json::Object(members) = parse(br#"{"a": "long", "b": "\u00fc"}"#).unwrap() else { panic!("an object") };
        assert!(matches!(
            members.as_slice(),
            [
                (Cow::Borrowed("a"), Json::String(Cow::Borrowed("long"))),
                (Cow::Borrowed("b"), Json::String(Cow::Owned(_))),
            ]
        ));
    }

    #[test]
    fn of_a_name_that_comes_twice_the_last_value_holds() {
        assert_eq!(parse(br#"{"a":1,"b":2,"a":3}"#).unwrap().into_value(), json!({"a": 3, "b": 2}));
        let many: Vec<String> = (0..100).chain(0..100).map(|n| format!("\"k{}\":{n}", n % 60)).collect();
        let text = format!("{{{}}}", many.join(","));
        assert_eq!(parse(text.as_bytes()).unwrap().into_value(), serde_json::from_str::<Value>(&text).unwrap());
    }

    #[test]
    fn numbers_keep_their_digits() {
        let text = "[1e+400,1.50,12345678901234567890123,-0,1e+2]";
        assert_eq!(parse(text.as_bytes()).unwrap().into_value().to_string(), text);
    }

    #[test]
    fn depth_is_bounded() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(parse(nested(DEPTH_MAX).as_bytes()).is_ok());
        assert_eq!(parse(nested(DEPTH_MAX + 1).as_bytes()), Err(ScanError::Depth { max: DEPTH_MAX }));
        assert!(serde_json::from_str::<Value>(&nested(DEPTH_MAX)).is_ok());
        assert!(serde_json::from_str::<Value>(&nested(DEPTH_MAX + 1)).is_err());
    }

    #[test]
    fn a_lone_surrogate_is_no_text() {
        assert!(parse(br#"["\ud800"]"#).is_err());
        assert!(parse(b"[\"\xff\"]").is_err());
    }
}
