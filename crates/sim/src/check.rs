//! Tables of fields, and the checks that all dialects share.
//!
//! A dialect lists the fields of each object once, with kind and bounds; this module walks the list. It never uses the
//! encoders of the gateway: what a client library or a gateway sends is judged from the public descriptions alone.

use crate::failure::{Complaint, Place, Wrong};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Map, Value};

/// A JSON object.
pub(crate) type Object = Map<String, Value>;

/// What a field may hold.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    Any,
    Bool,
    Text,
    Array,
    Object,
    Number(f64, f64),
    Integer(i64, i64),
    OneOf(&'static [&'static str]),
    TextOrArray,
    TextOrObject,
}

/// One field of an object. Null is taken as absent, as the vendors do for optional fields.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) required: bool,
}

/// An optional field.
pub(crate) const fn may(name: &'static str, kind: Kind) -> Field {
    Field { name, kind, required: false }
}

/// A required field.
pub(crate) const fn must(name: &'static str, kind: Kind) -> Field {
    Field { name, kind, required: true }
}

/// Checks the fields of `object`; a field that is not listed is refused unless `open`.
pub(crate) fn fields(at: &Place, object: &Object, list: &[Field], open: bool) -> Result<(), Complaint> {
    for field in list.iter().filter(|field| field.required) {
        if object.get(field.name).is_none_or(Value::is_null) {
            return Err(at.key(field.name).wrong(Wrong::Missing));
        }
    }
    for (name, value) in object {
        match list.iter().find(|field| field.name == name) {
            Some(_) if value.is_null() => {}
            Some(field) => kind(|| at.key(name), value, field.kind)?,
            None if open => {}
            None => return Err(at.key(name).wrong(Wrong::Unknown)),
        }
    }
    Ok(())
}

fn kind(at: impl Fn() -> Place, value: &Value, kind: Kind) -> Result<(), Complaint> {
    let wrong = |expected| Err(at().wrong(Wrong::Type { expected, found: type_name(value) }));
    match kind {
        Kind::Any => Ok(()),
        Kind::Bool if !value.is_boolean() => wrong("boolean"),
        Kind::Text if !value.is_string() => wrong("string"),
        Kind::Array if !value.is_array() => wrong("array"),
        Kind::Object if !value.is_object() => wrong("object"),
        Kind::TextOrArray if !value.is_string() && !value.is_array() => wrong("string or array"),
        Kind::TextOrObject if !value.is_string() && !value.is_object() => wrong("string or object"),
        Kind::Bool | Kind::Text | Kind::Array | Kind::Object | Kind::TextOrArray | Kind::TextOrObject => Ok(()),
        Kind::Number(min, max) => match value.as_f64() {
            Some(found) => range(at, found, min, max, false),
            None => wrong("decimal"),
        },
        Kind::Integer(min, max) => match value.as_f64().filter(|found| found.fract() == 0.0) {
            Some(found) => range(at, found, min as f64, max as f64, true),
            None => wrong("integer"),
        },
        Kind::OneOf(allowed) => match value.as_str() {
            Some(found) if allowed.contains(&found) => Ok(()),
            Some(found) => Err(at().wrong(Wrong::NotOneOf { allowed, found: found.to_owned() })),
            None => wrong("string"),
        },
    }
}

fn range(at: impl Fn() -> Place, found: f64, min: f64, max: f64, whole: bool) -> Result<(), Complaint> {
    if found < min {
        return Err(at().wrong(Wrong::Below { min, found, whole }));
    }
    if found > max {
        return Err(at().wrong(Wrong::Above { max, found, whole }));
    }
    Ok(())
}

pub(crate) fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "decimal",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// The value as an object.
pub(crate) fn object<'a>(at: &Place, value: &'a Value) -> Result<&'a Object, Complaint> {
    value.as_object().ok_or_else(|| at.clone().wrong(Wrong::Type { expected: "object", found: type_name(value) }))
}

/// The field as text, if it is there.
pub(crate) fn text<'a>(object: &'a Object, name: &str) -> Option<&'a str> {
    object.get(name).and_then(Value::as_str)
}

/// The field as items; none when it is absent.
pub(crate) fn items<'a>(object: &'a Object, name: &str) -> &'a [Value] {
    object.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// True if `name` is made of `a-z A-Z 0-9 _ -` and has 1 to `max` letters.
pub(crate) fn is_tool_name(name: &str, max: usize) -> bool {
    (1..=max).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
}

/// True if `data` is standard base64 and not empty.
pub(crate) fn is_base64(data: &str) -> bool {
    !data.is_empty() && BASE64.decode(data).is_ok()
}

/// True if `url` is an absolute http or https address.
pub(crate) fn is_web_address(url: &str) -> bool {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    rest.is_some_and(|rest| {
        rest.starts_with(|first: char| first.is_alphanumeric() || first == '[') && !rest.contains(char::is_whitespace)
    })
}

/// The media type and the data of a `data:` address in base64.
pub(crate) fn data_address(url: &str) -> Option<(&str, &str)> {
    let (head, data) = url.strip_prefix("data:")?.split_once(',')?;
    Some((head.strip_suffix(";base64")?, data))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const LIST: &[Field] = &[
        must("model", Kind::Text),
        may("temperature", Kind::Number(0.0, 2.0)),
        may("n", Kind::Integer(1, 8)),
        may("tier", Kind::OneOf(&["auto", "default"])),
    ];

    fn check(body: &Value) -> Option<Wrong> {
        fields(&Place::root(), body.as_object().unwrap(), LIST, false).err().map(|complaint| complaint.kind)
    }

    #[test]
    fn each_way_to_be_wrong() {
        assert_eq!(check(&json!({"model": "m", "temperature": 1, "n": 2.0, "tier": null})), None);
        assert_eq!(check(&json!({})), Some(Wrong::Missing));
        assert_eq!(check(&json!({"model": "m", "x": 1})), Some(Wrong::Unknown));
        assert_eq!(check(&json!({"model": 3})), Some(Wrong::Type { expected: "string", found: "integer" }));
        assert_eq!(
            check(&json!({"model": "m", "temperature": 3})),
            Some(Wrong::Above { max: 2.0, found: 3.0, whole: false })
        );
        assert_eq!(check(&json!({"model": "m", "n": 0})), Some(Wrong::Below { min: 1.0, found: 0.0, whole: true }));
        assert!(matches!(check(&json!({"model": "m", "tier": "x"})), Some(Wrong::NotOneOf { .. })));
    }

    #[test]
    fn addresses() {
        assert!(is_web_address("https://example.com/a.png"));
        assert!(!is_web_address("ftp://example.com") && !is_web_address("https://") && !is_web_address("example.com"));
        assert_eq!(data_address("data:image/png;base64,AAAA"), Some(("image/png", "AAAA")));
        assert!(is_base64("AAAA") && !is_base64("A$") && !is_base64(""));
    }
}
