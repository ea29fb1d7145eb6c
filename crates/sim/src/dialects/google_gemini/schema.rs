//! Schemas in the subset of `OpenAPI`: what the vendor refuses about them, and the same as JSON Schema.
//! Source: <https://ai.google.dev/gemini-api/docs/structured-output>

use super::check::told;
use crate::check::{Object, items, object, text};
use crate::failure::{Complaint, Place};
use serde_json::{Map, Value, json};

/// Names that mean the same in JSON Schema.
const SAME: [&str; 12] = [
    "format",
    "title",
    "description",
    "enum",
    "minProperties",
    "maxProperties",
    "minLength",
    "maxLength",
    "pattern",
    "minimum",
    "maximum",
    "required",
];

/// Checks a schema and gives it as JSON Schema.
pub(super) fn json_schema(at: &Place, schema: &Object) -> Result<Value, Complaint> {
    let kind = text(schema, "type").filter(|kind| *kind != "TYPE_UNSPECIFIED");
    let properties = schema.get("properties").and_then(Value::as_object);
    if kind == Some("ARRAY") && !schema.contains_key("items") {
        return Err(told(&at.key("items"), "missing field."));
    }
    if kind.is_some_and(|kind| kind != "STRING") && !items(schema, "enum").is_empty() {
        return Err(told(&at.key("enum"), "only allowed for STRING type"));
    }
    if kind.is_some_and(|kind| kind != "OBJECT") && properties.is_some_and(|properties| !properties.is_empty()) {
        return Err(told(&at.key("properties"), "only allowed for OBJECT type"));
    }
    for (index, required) in items(schema, "required").iter().enumerate() {
        let defined = required.as_str().is_some_and(|name| properties.is_some_and(|list| list.contains_key(name)));
        if !defined {
            return Err(told(&at.key("required").index(index), "property is not defined"));
        }
    }
    let mut whole = Map::new();
    for name in SAME {
        if let Some(value) = schema.get(name) {
            whole.insert(name.to_owned(), value.clone());
        }
    }
    if let Some(kind) = kind {
        let kind = kind.to_ascii_lowercase();
        let nullable = schema.get("nullable") == Some(&Value::Bool(true));
        whole.insert("type".to_owned(), if nullable { json!([kind, "null"]) } else { kind.into() });
    }
    for name in ["minItems", "maxItems"] {
        whole.extend(schema.get(name).map(|value| (name.to_owned(), value.clone())));
    }
    if let Some(properties) = properties {
        let at = at.key("properties");
        let read = properties.iter().map(|(name, inner)| {
            let at = at.key(name);
            Ok((name.clone(), json_schema(&at, object(&at, inner)?)?))
        });
        whole.insert("properties".to_owned(), Value::Object(read.collect::<Result<_, Complaint>>()?));
    }
    if let Some(inner) = schema.get("items") {
        let at = at.key("items");
        whole.insert("items".to_owned(), json_schema(&at, object(&at, inner)?)?);
    }
    let branches = items(schema, "anyOf");
    if !branches.is_empty() {
        let at = at.key("any_of");
        let read = branches.iter().enumerate().map(|(index, branch)| {
            let at = at.index(index);
            json_schema(&at, object(&at, branch)?)
        });
        whole.insert("anyOf".to_owned(), Value::Array(read.collect::<Result<_, Complaint>>()?));
    }
    Ok(Value::Object(whole))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(schema: &Value) -> Result<Value, Complaint> {
        json_schema(&Place::root().key("s"), schema.as_object().unwrap())
    }

    #[test]
    fn a_schema_becomes_json_schema() {
        let schema = json!({"type": "OBJECT", "propertyOrdering": ["a"], "required": ["a"], "properties": {
            "a": {"type": "STRING", "nullable": true, "enum": ["x"]},
            "b": {"type": "ARRAY", "minItems": 2, "items": {"anyOf": [{"type": "INTEGER"}, {"type": "NULL"}]}},
        }});
        let same = json!({"required": ["a"], "type": "object", "properties": {
            "a": {"enum": ["x"], "type": ["string", "null"]},
            "b": {"type": "array", "minItems": 2, "items": {"anyOf": [{"type": "integer"}, {"type": "null"}]}},
        }});
        assert_eq!(read(&schema).unwrap(), same);
    }

    #[test]
    fn what_the_vendor_refuses_is_refused() {
        for (schema, at) in [
            (json!({"type": "ARRAY"}), "s.items"),
            (json!({"type": "INTEGER", "enum": ["1"]}), "s.enum"),
            (json!({"type": "STRING", "properties": {"a": {}}}), "s.properties"),
            (json!({"type": "OBJECT", "required": ["a"]}), "s.required[0]"),
            (json!({"properties": {"a": {"type": "ARRAY"}}}), "s.properties.a.items"),
        ] {
            assert_eq!(read(&schema).unwrap_err().at.bracketed(), at);
        }
    }
}
