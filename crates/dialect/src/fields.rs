//! Reading an object field by field, so that what has no typed place is left over and never lost.

use crate::DecodeError;
use serde_json::{Map, Number, Value};
use switchtower_domain::{Extras, Locus, Turn};

/// The fields of one object that nobody has taken yet.
///
/// A `null` is never taken: it says no more than an absent field, and stays with what is left. In a *tolerant*
/// object a value of an unexpected kind stays too; in a strict one it is an error. Requests are read strictly, so
/// that a caller learns of a slip; answers are read tolerantly, so that a vendor's novelty breaks nobody.
pub(crate) struct Fields {
    map: Map<String, Value>,
    path: String,
    tolerant: bool,
    lacks: Vec<String>,
}

impl Fields {
    /// The fields of a value of a request.
    pub(crate) fn strict(value: Value, path: &str) -> Result<Self, DecodeError> {
        Self::new(value, path, false)
    }

    /// The fields of a value of an answer.
    pub(crate) fn tolerant(value: Value, path: &str) -> Result<Self, DecodeError> {
        Self::new(value, path, true)
    }

    fn new(value: Value, path: &str, tolerant: bool) -> Result<Self, DecodeError> {
        match value {
            Value::Object(map) => Ok(Self { map, path: path.to_owned(), tolerant, lacks: Vec::new() }),
            other => Err(wrong_kind(path, "an object", &other)),
        }
    }

    /// The fields of an element beneath this object, read as this one is.
    pub(crate) fn beneath(&self, value: Value, path: &str) -> Result<Self, DecodeError> {
        Self::new(value, path, self.tolerant)
    }

    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    pub(crate) fn path_of(&self, key: &str) -> String {
        Locus::join(&self.path, key)
    }

    pub(crate) fn keys(&self) -> Vec<String> {
        self.map.keys().cloned().collect()
    }

    pub(crate) fn peek(&self, key: &str) -> Option<&Value> {
        self.map.get(key)
    }

    pub(crate) fn peek_str(&self, key: &str) -> Option<&str> {
        self.map.get(key).and_then(Value::as_str)
    }

    pub(crate) fn put_back(&mut self, key: &str, value: Value) {
        self.map.insert(key.to_owned(), value);
    }

    /// Takes a value of whatever kind, unless it is `null`.
    pub(crate) fn any(&mut self, key: &str) -> Option<Value> {
        if self.map.get(key).is_none_or(Value::is_null) { None } else { self.map.swap_remove(key) }
    }

    fn taken<T>(
        &mut self,
        key: &str,
        expected: &'static str,
        convert: impl FnOnce(Value) -> Result<T, Value>,
    ) -> Result<Option<T>, DecodeError> {
        let Some(value) = self.any(key) else {
            return Ok(None);
        };
        match convert(value) {
            Ok(converted) => Ok(Some(converted)),
            Err(value) if self.tolerant => {
                self.put_back(key, value);
                Ok(None)
            }
            Err(value) => Err(wrong_kind(&self.path_of(key), expected, &value)),
        }
    }

    pub(crate) fn string(&mut self, key: &str) -> Result<Option<String>, DecodeError> {
        self.taken(key, "a string", |value| match value {
            Value::String(text) => Ok(text),
            other => Err(other),
        })
    }

    /// A string that says something; an empty one stays with what is left.
    pub(crate) fn text(&mut self, key: &str) -> Result<Option<String>, DecodeError> {
        if self.peek_str(key) == Some("") { Ok(None) } else { self.string(key) }
    }

    pub(crate) fn required_string(&mut self, key: &str) -> Result<String, DecodeError> {
        self.string(key)?.ok_or_else(|| DecodeError::Missing { path: self.path_of(key) })
    }

    /// A string that the dialect always writes; where this one lacks it, it is empty and its absence is noted.
    pub(crate) fn expected_string(&mut self, key: &str) -> Result<String, DecodeError> {
        Ok(self.string(key)?.unwrap_or_else(|| {
            self.lacks.push(key.to_owned());
            String::new()
        }))
    }

    pub(crate) fn bool(&mut self, key: &str) -> Result<Option<bool>, DecodeError> {
        self.taken(key, "true or false", |value| value.as_bool().ok_or(value))
    }

    pub(crate) fn u64(&mut self, key: &str) -> Result<Option<u64>, DecodeError> {
        self.taken(key, "a whole number from 0", |value| value.as_u64().ok_or(value))
    }

    pub(crate) fn number(&mut self, key: &str) -> Result<Option<Number>, DecodeError> {
        self.taken(key, "a number", |value| match value {
            Value::Number(number) => Ok(number),
            other => Err(other),
        })
    }

    pub(crate) fn map(&mut self, key: &str) -> Result<Option<Map<String, Value>>, DecodeError> {
        self.taken(key, "an object", |value| match value {
            Value::Object(map) => Ok(map),
            other => Err(other),
        })
    }

    /// A list that says something; an empty one stays with what is left.
    pub(crate) fn list(&mut self, key: &str) -> Result<Option<Vec<Value>>, DecodeError> {
        if self.map.get(key).is_some_and(|value| value.as_array().is_some_and(Vec::is_empty)) {
            return Ok(None);
        }
        self.taken(key, "a list", |value| match value {
            Value::Array(items) => Ok(items),
            other => Err(other),
        })
    }

    /// Reads each element of a list, with its place.
    pub(crate) fn elements<T>(
        &mut self,
        key: &str,
        read: fn(Self, Locus) -> Result<T, DecodeError>,
    ) -> Result<Vec<T>, DecodeError> {
        let items = self.list(key)?.unwrap_or_default();
        let parent = Locus::at(self.path());
        items
            .into_iter()
            .enumerate()
            .map(|(index, item)| {
                let at = parent.element(key, index);
                read(self.beneath(item, at.path())?, at)
            })
            .collect()
    }

    /// The turns of a conversation, which every request needs.
    pub(crate) fn turns(
        &mut self,
        read: fn(Self, Locus) -> Result<Turn, DecodeError>,
    ) -> Result<Vec<Turn>, DecodeError> {
        if self.peek("messages").is_none_or(Value::is_null) {
            return Err(DecodeError::Missing { path: "messages".to_owned() });
        }
        self.elements("messages", read)
    }

    /// A list of strings.
    pub(crate) fn strings(&mut self, key: &str) -> Result<Option<Vec<String>>, DecodeError> {
        self.taken(key, "a list of strings", |value| match value {
            Value::Array(items) if items.iter().all(Value::is_string) => Ok(items
                .into_iter()
                .filter_map(|item| if let Value::String(text) = item { Some(text) } else { None })
                .collect()),
            other => Err(other),
        })
    }

    /// Reads an object beneath this one in place: what is not taken from it stays where it was.
    pub(crate) fn nested<T: Default>(
        &mut self,
        key: &str,
        read: impl FnOnce(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<T, DecodeError> {
        let Some(map) = self.map(key)? else {
            return Ok(T::default());
        };
        let before = map.len();
        let mut inner =
            Self { map, path: self.path_of(key), tolerant: self.tolerant, lacks: std::mem::take(&mut self.lacks) };
        let read = read(&mut inner)?;
        self.lacks = inner.lacks;
        if !inner.map.is_empty() || before == 0 {
            self.put_back(key, Value::Object(inner.map));
        }
        Ok(read)
    }

    /// Takes a field that the dialect always writes with the same value. Another value stays; absence is noted.
    pub(crate) fn constant(&mut self, key: &str, expected: &str) {
        match self.map.get(key) {
            Some(Value::String(found)) if found == expected => {
                self.map.swap_remove(key);
            }
            Some(_) => {}
            None => self.lack(key),
        }
    }

    /// Notes that something is not there that the dialect would write.
    pub(crate) fn lack(&mut self, key: &str) {
        self.lacks.push(key.to_owned());
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.map.is_empty()
    }

    /// What nobody took.
    pub(crate) fn rest(self) -> Extras {
        Extras::new(self.map, self.lacks)
    }

    /// What nobody took, and what was not there.
    pub(crate) fn rest_parts(self) -> (Map<String, Value>, Vec<String>) {
        (self.map, self.lacks)
    }

    /// What nobody took, as a bare object.
    pub(crate) fn rest_map(self) -> Map<String, Value> {
        self.map
    }
}

pub(crate) fn wrong_kind(path: &str, expected: &'static str, found: &Value) -> DecodeError {
    let found = match found {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    };
    let path = if path.is_empty() { "the message" } else { path };
    DecodeError::Kind { path: path.to_owned(), expected, found }
}
