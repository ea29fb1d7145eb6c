//! What a dialect said that has no typed place.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The rest of a JSON object after every typed value was taken out of it.
///
/// Extras belong to the dialect that the message was decoded from. The encoder of the same dialect lays them back
/// over what it wrote ([`Extras::overlay`]); the encoder of another dialect names each of them in a notice. A typed
/// value always wins over an extra of the same name, so that changing a typed value changes the message.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Extras(Option<Box<Inner>>);

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Inner {
    fields: Map<String, Value>,
    lacks: Vec<String>,
    /// Fields that only restate what is told elsewhere.
    #[serde(skip)]
    silent: &'static [&'static str],
}

impl Extras {
    /// Nothing beyond the typed values.
    pub const fn none() -> Self {
        Self(None)
    }

    /// Keeps what is left of an object, and which constants of the dialect (`object`, `type`, …) it lacked.
    pub fn new(fields: Map<String, Value>, lacks: Vec<String>) -> Self {
        if fields.is_empty() && lacks.is_empty() {
            Self(None)
        } else {
            Self(Some(Box::new(Inner { fields, lacks, silent: &[] })))
        }
    }

    /// The same, with fields that only restate what is told elsewhere: they go back into their own dialect, and say
    /// nothing to another.
    #[must_use]
    pub fn restating(mut self, silent: &'static [&'static str]) -> Self {
        if let Some(inner) = &mut self.0 {
            inner.silent = silent;
        }
        self
    }

    /// Whether there is nothing here.
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// The fields that were left.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().flat_map(|inner| inner.fields.iter()).map(|(key, value)| (key.as_str(), value))
    }

    /// One field by name.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.0.as_ref().and_then(|inner| inner.fields.get(key))
    }

    /// Takes one field out, where a reader of the quirk has a typed place for it after all.
    pub fn take(&mut self, key: &str) -> Option<Value> {
        let inner = self.0.as_mut()?;
        let value = inner.fields.shift_remove(key);
        if inner.fields.is_empty() && inner.lacks.is_empty() {
            self.0 = None;
        }
        value
    }

    /// Whether the original lacked a constant that its dialect always writes.
    pub fn lacks(&self, constant: &str) -> bool {
        self.0.as_ref().is_some_and(|inner| inner.lacks.iter().any(|name| name == constant))
    }

    /// Fields that say something: a `null` and an empty list stand for their default and carry nothing into another
    /// dialect. An empty object may be a switch (`web_search_options`), so it says something.
    pub fn meaningful(&self) -> impl Iterator<Item = (&str, &Value)> {
        let silent = self.0.as_ref().map_or(&[][..], |inner| inner.silent);
        self.fields().filter(|(key, value)| !silent.contains(key) && says_something(value))
    }

    /// Lays the extras over an encoded object: missing fields are filled in, objects are merged, lists are merged
    /// place by place, and what the encoder wrote stays.
    pub fn overlay(&self, encoded: &mut Map<String, Value>) {
        if let Some(inner) = &self.0 {
            overlay_map(&inner.fields, encoded);
        }
    }
}

fn says_something(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Array(items) => !items.is_empty(),
        Value::Object(fields) => fields.is_empty() || fields.values().any(says_something),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
    }
}

fn overlay_map(extra: &Map<String, Value>, encoded: &mut Map<String, Value>) {
    for (key, value) in extra {
        match encoded.get_mut(key) {
            Some(written) => overlay_value(value, written),
            None => {
                encoded.insert(key.clone(), value.clone());
            }
        }
    }
}

fn overlay_value(extra: &Value, written: &mut Value) {
    match (extra, written) {
        (Value::Object(extra), Value::Object(written)) => overlay_map(extra, written),
        (Value::Array(extra), Value::Array(written)) => {
            for (place, item) in extra.iter().enumerate() {
                match written.get_mut(place) {
                    Some(target) => overlay_value(item, target),
                    None => written.push(item.clone()),
                }
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn laid(extra: Value, encoded: Value) -> Value {
        let (Value::Object(extra), Value::Object(mut encoded)) = (extra, encoded) else { panic!("objects") };
        Extras::new(extra, Vec::new()).overlay(&mut encoded);
        Value::Object(encoded)
    }

    #[test]
    fn missing_fields_are_filled_and_written_ones_stay() {
        assert_eq!(
            laid(json!({"a": 9, "b": null, "c": {"y": 2}}), json!({"a": 1, "c": {"x": 1}})),
            json!({"a": 1, "c": {"x": 1, "y": 2}, "b": null})
        );
    }

    #[test]
    fn lists_are_merged_place_by_place() {
        assert_eq!(
            laid(json!({"l": [{}, {"b": 2}, {"c": 3}]}), json!({"l": [{"a": 1}, {"a": 2}]})),
            json!({"l": [{"a": 1}, {"a": 2, "b": 2}, {"c": 3}]})
        );
    }
}
