//! Reading an object field by field, so that what has no typed place is left over and never lost.

use crate::DecodeError;
use crate::json::{self, Json, Members};
use serde_json::{Map, Number, Value};
use std::borrow::Cow;
use switchtower_domain::{Extras, Locus, Turn};

/// The fields of one object that nobody has taken yet.
///
/// A `null` is never taken: it says no more than an absent field, and stays with what is left. In a *tolerant*
/// object a value of an unexpected kind stays too; in a strict one it is an error. Requests are read strictly, so
/// that a caller learns of a slip; answers are read tolerantly, so that a vendor's novelty breaks nobody.
pub(crate) struct Fields<'a> {
    members: Members<'a>,
    at: Locus,
    tolerant: bool,
    lacks: Vec<String>,
}

impl<'a> Fields<'a> {
    /// The fields of a value of a request.
    pub(crate) fn strict(value: impl Into<Json<'a>>, path: &str) -> Result<Self, DecodeError> {
        Self::new(value.into(), Locus::at(path), false)
    }

    /// The fields of a value of an answer.
    pub(crate) fn tolerant(value: impl Into<Json<'a>>, path: &str) -> Result<Self, DecodeError> {
        Self::new(value.into(), Locus::at(path), true)
    }

    fn new(value: Json<'a>, at: Locus, tolerant: bool) -> Result<Self, DecodeError> {
        match value {
            Json::Object(members) => Ok(Self { members, at, tolerant, lacks: Vec::new() }),
            other => Err(wrong_kind(at.path(), "an object", &other)),
        }
    }

    /// The fields of an element beneath this object, read as this one is.
    pub(crate) fn beneath(&self, value: impl Into<Json<'a>>, path: &str) -> Result<Self, DecodeError> {
        self.beneath_at(value, Locus::at(path))
    }

    /// The same, where the place is known already.
    pub(crate) fn beneath_at(&self, value: impl Into<Json<'a>>, at: Locus) -> Result<Self, DecodeError> {
        Self::new(value.into(), at, self.tolerant)
    }

    pub(crate) fn at(&self) -> &Locus {
        &self.at
    }

    pub(crate) fn path_of(&self, key: &str) -> String {
        self.at.field(key)
    }

    /// The names of what nobody has taken yet.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.members.iter().map(|(name, _)| &**name)
    }

    pub(crate) fn peek(&self, key: &str) -> Option<&Json<'a>> {
        self.members.iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    pub(crate) fn peek_str(&self, key: &str) -> Option<&str> {
        self.peek(key).and_then(Json::as_str)
    }

    pub(crate) fn put_back(&mut self, key: &str, value: impl Into<Json<'a>>) {
        let value = value.into();
        match self.members.iter_mut().find(|(name, _)| name == key) {
            Some((_, former)) => *former = value,
            None => self.members.push((Cow::Owned(key.to_owned()), value)),
        }
    }

    /// Takes every value that is wanted, in one pass, however many there are.
    pub(crate) fn take_each(&mut self, wanted: fn(&Json<'a>) -> bool) -> Members<'a> {
        let (taken, left) = std::mem::take(&mut self.members).into_iter().partition(|(_, value)| wanted(value));
        self.members = left;
        taken
    }

    /// Takes a value of whatever kind as a tree of its own, unless it is `null`.
    pub(crate) fn any(&mut self, key: &str) -> Option<Value> {
        self.take(key).map(Json::into_value)
    }

    /// Takes a value of whatever kind, unless it is `null`.
    pub(crate) fn take(&mut self, key: &str) -> Option<Json<'a>> {
        let place = self.members.iter().position(|(name, value)| name == key && !value.is_null())?;
        Some(self.members.swap_remove(place).1)
    }

    fn taken<T>(
        &mut self,
        key: &str,
        expected: &'static str,
        convert: impl FnOnce(Json<'a>) -> Result<T, Json<'a>>,
    ) -> Result<Option<T>, DecodeError> {
        let Some(value) = self.take(key) else {
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
            Json::String(text) => Ok(text.into_owned()),
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
        self.taken(key, "a number", |value| value.as_number().ok_or(value))
    }

    pub(crate) fn map(&mut self, key: &str) -> Result<Option<Map<String, Value>>, DecodeError> {
        self.taken(key, "an object", |value| match value {
            Json::Object(members) => Ok(json::into_map(members)),
            other => Err(other),
        })
    }

    /// A list that says something; an empty one stays with what is left.
    pub(crate) fn list(&mut self, key: &str) -> Result<Option<Vec<Json<'a>>>, DecodeError> {
        if self.peek(key).is_some_and(|value| value.as_array().is_some_and(Vec::is_empty)) {
            return Ok(None);
        }
        self.taken(key, "a list", |value| match value {
            Json::Array(items) => Ok(items),
            other => Err(other),
        })
    }

    /// Reads each element of a list, with its place.
    pub(crate) fn elements<T>(
        &mut self,
        key: &'static str,
        read: fn(Self, Locus) -> Result<T, DecodeError>,
    ) -> Result<Vec<T>, DecodeError> {
        let items = self.list(key)?.unwrap_or_default();
        let parent = self.at.child(key);
        items
            .into_iter()
            .enumerate()
            .map(|(index, item)| {
                let at = parent.item(index);
                read(self.beneath_at(item, at.clone())?, at)
            })
            .collect()
    }

    /// The turns of a conversation, which every request needs.
    pub(crate) fn turns(
        &mut self,
        read: fn(Self, Locus) -> Result<Turn, DecodeError>,
    ) -> Result<Vec<Turn>, DecodeError> {
        if self.peek("messages").is_none_or(Json::is_null) {
            return Err(DecodeError::Missing { path: "messages".to_owned() });
        }
        self.elements("messages", read)
    }

    /// A list of strings.
    pub(crate) fn strings(&mut self, key: &str) -> Result<Option<Vec<String>>, DecodeError> {
        self.taken(key, "a list of strings", |value| match value {
            Json::Array(items) if items.iter().all(Json::is_string) => Ok(items
                .into_iter()
                .filter_map(|item| if let Json::String(text) = item { Some(text.into_owned()) } else { None })
                .collect()),
            other => Err(other),
        })
    }

    /// Reads an object beneath this one in place: what is not taken from it stays where it was.
    pub(crate) fn nested<T: Default>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<T, DecodeError> {
        let taken = self.taken(key, "an object", |value| match value {
            Json::Object(members) => Ok(members),
            other => Err(other),
        });
        let Some(members) = taken? else {
            return Ok(T::default());
        };
        let before = members.len();
        let lacks = std::mem::take(&mut self.lacks);
        let mut inner = Self { members, at: self.at.child(key), tolerant: self.tolerant, lacks };
        let read = read(&mut inner)?;
        self.lacks = inner.lacks;
        if !inner.members.is_empty() || before == 0 {
            self.put_back(key, Json::Object(inner.members));
        }
        Ok(read)
    }

    /// Takes a field that the dialect always writes with the same value. Another value stays; absence is noted.
    pub(crate) fn constant(&mut self, key: &str, expected: &str) {
        match self.peek(key) {
            Some(Json::String(found)) if found == expected => {
                self.take(key);
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
        self.members.is_empty()
    }

    /// What nobody took.
    pub(crate) fn rest(self) -> Extras {
        if self.members.is_empty() && self.lacks.is_empty() {
            return Extras::none();
        }
        Extras::new(json::into_map(self.members), self.lacks)
    }

    /// What nobody took, and what was not there.
    pub(crate) fn rest_parts(self) -> (Json<'a>, Vec<String>) {
        (Json::Object(self.members), self.lacks)
    }

    /// What nobody took, to be put back.
    pub(crate) fn rest_json(self) -> Json<'a> {
        Json::Object(self.members)
    }

    /// What nobody took, as a bare object.
    pub(crate) fn rest_map(self) -> Map<String, Value> {
        json::into_map(self.members)
    }
}

pub(crate) fn wrong_kind(path: &str, expected: &'static str, found: &Json<'_>) -> DecodeError {
    let found = match found {
        Json::Null => "null",
        Json::Bool(_) => "true or false",
        Json::Number(_) => "a number",
        Json::String(_) => "a string",
        Json::Array(_) => "a list",
        Json::Object(_) => "an object",
    };
    let path = if path.is_empty() { "the message" } else { path };
    DecodeError::Kind { path: path.to_owned(), expected, found }
}
