//! Schemas as `parameters` and `responseSchema` have them: a part of `OpenAPI` 3.0, read as JSON Schema.
//! Source: <https://ai.google.dev/api/caching#Schema>

use serde_json::{Map, Value};

/// Keywords whose whole numbers Google writes as text.
const COUNTS: [&str; 6] = ["minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties"];

/// The JSON Schema that says the same.
pub fn json_schema(schema: &Value) -> Value {
    let Value::Object(fields) = schema else { return schema.clone() };
    let nullable = fields.get("nullable") == Some(&Value::Bool(true));
    let mut read = Map::new();
    for (key, value) in fields {
        let value = match (key.as_str(), value) {
            ("nullable", Value::Bool(_)) => continue,
            ("type", Value::String(_) | Value::Number(_)) => {
                let word = type_word(value);
                if nullable { Value::Array(vec![word, Value::from("null")]) } else { word }
            }
            ("properties" | "$defs" | "defs", Value::Object(members)) => {
                members.iter().map(|(name, member)| (name.clone(), json_schema(member))).collect()
            }
            ("anyOf" | "prefixItems", Value::Array(members)) => members.iter().map(json_schema).collect(),
            ("items" | "additionalProperties", member) => json_schema(member),
            (count, Value::String(digits)) if COUNTS.contains(&count) => {
                digits.parse::<u64>().map_or_else(|_| value.clone(), Value::from)
            }
            _ => value.clone(),
        };
        read.insert(key.clone(), value);
    }
    Value::Object(read)
}

/// The word of JSON Schema for a type. Some clients give the number of Google's word.
fn type_word(written: &Value) -> Value {
    const NUMBERED: [&str; 8] = ["", "string", "number", "integer", "boolean", "array", "object", "null"];
    let place = written.as_u64().and_then(|number| usize::try_from(number).ok());
    match (written, place.and_then(|place| NUMBERED.get(place)).filter(|word| !word.is_empty())) {
        (Value::String(word), _) => Value::from(word.to_ascii_lowercase()),
        (_, Some(word)) => Value::from(*word),
        _ => written.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_written_for_openapi_is_read_as_json_schema() {
        let written = json!({"type": "OBJECT", "properties": {"a": {"type": 1, "nullable": true, "minLength": "2"},
            "nullable": {"type": "ARRAY", "items": {"type": "INTEGER"}}}, "required": ["a"], "propertyOrdering": ["a"]});
        let read = json!({"type": "object", "properties": {"a": {"type": ["string", "null"], "minLength": 2},
            "nullable": {"type": "array", "items": {"type": "integer"}}}, "required": ["a"], "propertyOrdering": ["a"]});
        assert_eq!(json_schema(&written), read);
        assert_eq!(json_schema(&read), read, "JSON Schema stays as it is");
    }
}
