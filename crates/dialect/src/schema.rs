//! JSON Schemas of tools and answers, cut to what a target takes.
//!
//! Vendors take different parts of JSON Schema. What a target would refuse is cut and named; what it takes stays as
//! it was written.

use serde_json::{Map, Value};
use switchtower_domain::{Locus, Notice};

/// What one target takes.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Keywords that are cut wherever they stand.
    cut: &'static [&'static str],
    /// Keywords that are cut at the root.
    cut_at_root: &'static [&'static str],
    /// Whether each object must say `additionalProperties: false`.
    closed_objects: bool,
}

/// Source: <https://platform.openai.com/docs/guides/structured-outputs#supported-schemas>
const OPENAI_STRICT: [&str; 17] = [
    "allOf",
    "not",
    "if",
    "then",
    "else",
    "dependentRequired",
    "dependentSchemas",
    "patternProperties",
    "unevaluatedProperties",
    "propertyNames",
    "minProperties",
    "maxProperties",
    "unevaluatedItems",
    "contains",
    "minContains",
    "maxContains",
    "uniqueItems",
];

/// Source: <https://platform.claude.com/docs/en/build-with-claude/structured-outputs#json-schema-limitations>
const ANTHROPIC_STRICT: [&str; 19] = [
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "maxItems",
    "uniqueItems",
    "minProperties",
    "maxProperties",
    "not",
    "if",
    "then",
    "else",
    "dependentRequired",
    "dependentSchemas",
    "patternProperties",
    "propertyNames",
];

const COMBINATORS: [&str; 3] = ["oneOf", "anyOf", "allOf"];

impl Target {
    /// `OpenAI`: everything where the schema is a description, a part of it where it is kept to strictly.
    pub const fn openai(strict: bool) -> Self {
        Self { cut: if strict { &OPENAI_STRICT } else { &[] }, cut_at_root: &COMBINATORS, closed_objects: strict }
    }

    /// Google: what it does not know it passes over, and a root may be anything that refers to an object.
    /// Source: <https://ai.google.dev/api/generate-content#FIELDS.response_json_schema>
    pub const fn google() -> Self {
        Self { cut: &[], cut_at_root: &[], closed_objects: false }
    }

    /// Cohere: what it does not take it refuses by name, and which of it that is differs from model to model.
    /// Source: <https://docs.cohere.com/docs/structured-outputs>
    pub const fn cohere() -> Self {
        Self { cut: &[], cut_at_root: &COMBINATORS, closed_objects: false }
    }

    /// Anthropic: likewise.
    pub const fn anthropic(strict: bool) -> Self {
        Self { cut: if strict { &ANTHROPIC_STRICT } else { &[] }, cut_at_root: &COMBINATORS, closed_objects: strict }
    }
}

/// Cuts a schema to what a target takes. The root must be an object schema for every target.
pub fn normalise(schema: &Value, path: &str, target: &Target, notices: &mut Vec<Notice>) -> Value {
    let mut root = match schema {
        Value::Object(map) => map.clone(),
        _ => {
            notices.push(Notice::meaning(path, "a schema must be an object; every object is taken in its place"));
            Map::from_iter([("type".to_owned(), "object".into()), ("properties".to_owned(), Map::new().into())])
        }
    };
    resolve_root(&mut root, path, notices);
    for keyword in target.cut_at_root {
        if root.shift_remove(*keyword).is_some() {
            notices.push(Notice::meaning(Locus::join(path, keyword), "not taken at the root of a schema"));
        }
    }
    match root.get("type").and_then(Value::as_str) {
        Some("object") => {}
        Some(_) => {
            notices.push(Notice::meaning(Locus::join(path, "type"), "the root of a schema must be an object"));
            root.insert("type".to_owned(), Value::from("object"));
        }
        None => {
            notices.push(Notice::hint(Locus::join(path, "type"), "the root of a schema is said to be an object"));
            root.insert("type".to_owned(), Value::from("object"));
        }
    }
    let mut schema = Value::Object(root);
    cut(&mut schema, path, target, notices);
    schema
}

/// How many references a root may go through before it is taken to go round in a ring.
const REFERENCES_MAX: usize = 8;

/// A root that only refers to one of its own definitions takes that definition's place.
fn resolve_root(root: &mut Map<String, Value>, path: &str, notices: &mut Vec<Notice>) {
    for _ in 0..REFERENCES_MAX {
        let Some(reference) = root.get("$ref") else { return };
        let pointer = reference.as_str().and_then(|reference| reference.strip_prefix('#'));
        let definition = pointer.and_then(|pointer| Value::Object(root.clone()).pointer(pointer).cloned());
        let Some(Value::Object(definition)) = definition else { break };
        root.shift_remove("$ref");
        for (key, value) in definition {
            root.entry(key).or_insert(value);
        }
        notices.push(Notice::hint(path, "the definition that the root refers to is written out"));
    }
    if root.shift_remove("$ref").is_some() {
        notices.push(Notice::meaning(Locus::join(path, "$ref"), "the root refers to nothing that can be written out"));
    }
}

fn cut(schema: &mut Value, path: &str, target: &Target, notices: &mut Vec<Notice>) {
    let Value::Object(map) = schema else { return };
    for keyword in target.cut {
        if map.shift_remove(*keyword).is_some() {
            notices.push(Notice::meaning(Locus::join(path, keyword), "this keyword of JSON Schema is not taken"));
        }
    }
    let is_object = map.contains_key("properties") || map.get("type").and_then(Value::as_str) == Some("object");
    if target.closed_objects && is_object && map.get("additionalProperties") != Some(&Value::Bool(false)) {
        notices.push(Notice::hint(Locus::join(path, "additionalProperties"), "an object must be closed"));
        map.insert("additionalProperties".to_owned(), Value::Bool(false));
    }
    for (keyword, value) in map.iter_mut() {
        let here = Locus::join(path, keyword);
        match (keyword.as_str(), value) {
            ("properties" | "$defs" | "definitions" | "patternProperties", Value::Object(members)) => {
                for (name, member) in members.iter_mut() {
                    cut(member, &Locus::join(&here, name), target, notices);
                }
            }
            ("anyOf" | "oneOf" | "allOf" | "prefixItems", Value::Array(members)) => {
                for (index, member) in members.iter_mut().enumerate() {
                    cut(member, &format!("{here}[{index}]"), target, notices);
                }
            }
            ("items" | "additionalProperties" | "contains" | "not" | "if" | "then" | "else", member) => {
                cut(member, &here, target, notices);
            }
            _ => {}
        }
    }
}

/// The schema with something required by each of its objects, as Cohere wants it: where one requires nothing, its first
/// property. What fits it then fits the schema that was asked for. Nothing where an object has no property that it could
/// require.
/// Source: <https://docs.cohere.com/docs/structured-outputs#specifying-a-schema>
pub fn requiring_something(mut schema: Value, path: &str, notices: &mut Vec<Notice>) -> Option<Value> {
    let mut said = Vec::new();
    let fits = require_something(&mut schema, path, &mut said);
    // Of a schema that is left out only why is said, which came last.
    notices.extend(said.split_off(if fits { 0 } else { said.len().saturating_sub(1) }));
    fits.then_some(schema)
}

fn require_something(schema: &mut Value, path: &str, notices: &mut Vec<Notice>) -> bool {
    let Value::Object(map) = schema else { return true };
    let is_object = match map.get("type") {
        Some(Value::Array(words)) => words.iter().any(|word| word == "object"),
        word => map.contains_key("properties") || word.is_some_and(|word| word == "object"),
    };
    let requires = map.get("required").and_then(Value::as_array).is_some_and(|required| !required.is_empty());
    if is_object && !requires {
        let first = map.get("properties").and_then(Value::as_object).and_then(|properties| properties.keys().next());
        let Some(first) = first.cloned() else {
            notices.push(Notice::meaning(
                path,
                "an object must require something, and has nothing: JSON alone is asked for",
            ));
            return false;
        };
        notices.push(Notice::meaning(
            Locus::join(path, "required"),
            "an object must require something: its first property is required",
        ));
        map.insert("required".to_owned(), Value::Array(vec![first.into()]));
    }
    map.iter_mut().all(|(keyword, value)| {
        let here = Locus::join(path, keyword);
        match (keyword.as_str(), value) {
            ("properties" | "$defs" | "definitions" | "patternProperties", Value::Object(members)) => {
                members.iter_mut().all(|(name, member)| require_something(member, &Locus::join(&here, name), notices))
            }
            ("anyOf" | "oneOf" | "allOf" | "prefixItems", Value::Array(members)) => members
                .iter_mut()
                .enumerate()
                .all(|(index, member)| require_something(member, &format!("{here}[{index}]"), notices)),
            ("items" | "additionalProperties", member) => require_something(member, &here, notices),
            _ => true,
        }
    })
}

/// Whether every object of a schema requires all of its properties, as `OpenAI`'s strict mode wants it.
pub fn fits_strict(schema: &Value) -> bool {
    match schema {
        Value::Object(map) => {
            let required: Vec<&str> =
                map.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
            let complete = match map.get("properties") {
                Some(Value::Object(properties)) => {
                    properties.keys().all(|name| required.contains(&name.as_str()))
                        && properties.values().all(fits_strict)
                }
                _ => true,
            };
            let open = map.get("additionalProperties").is_some_and(|value| *value != Value::Bool(false));
            complete
                && !open
                && map.iter().filter(|(key, _)| *key != "properties" && *key != "default").all(|(_, v)| fits_strict(v))
        }
        Value::Array(items) => items.iter().all(fits_strict),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(schema: &Value, target: Target) -> (Value, Vec<String>) {
        let mut notices = Vec::new();
        let cut = normalise(schema, "s", &target, &mut notices);
        (cut, notices.into_iter().map(|notice| notice.path).collect())
    }

    #[test]
    fn what_is_taken_stays_as_it_was() {
        let schema = json!({"type": "object", "properties": {"a": {"type": "integer", "minimum": 1}}});
        assert_eq!(check(&schema, Target::openai(false)), (schema, vec![]));
    }

    #[test]
    fn strict_targets_lose_constraints_by_name() {
        let schema = json!({"type": "object", "properties": {"a.b": {"type": "integer", "minimum": 1}},
            "required": ["a.b"], "additionalProperties": false});
        let (cut, paths) = check(&schema, Target::anthropic(true));
        assert_eq!(cut["properties"]["a.b"], json!({"type": "integer"}));
        assert_eq!(paths, vec!["s.properties[\"a.b\"].minimum"]);
    }

    #[test]
    fn a_root_that_refers_is_written_out() {
        let schema = json!({"$ref": "#/$defs/A", "$defs": {"A": {"type": "object", "properties": {}}}});
        let (cut, paths) = check(&schema, Target::anthropic(false));
        assert_eq!(cut["type"], "object");
        assert_eq!(paths, vec!["s"]);
    }

    #[test]
    fn a_root_that_is_no_object_becomes_one() {
        assert_eq!(check(&json!(true), Target::openai(false)).1, vec!["s"]);
        assert_eq!(check(&json!({"type": "string"}), Target::openai(false)).1, vec!["s.type"]);
        assert_eq!(check(&json!({"type": "object", "anyOf": []}), Target::openai(false)).1, vec!["s.anyOf"]);
    }

    #[test]
    fn an_object_that_requires_nothing_requires_its_first_property_by_name() {
        let required = |schema: &Value| {
            let mut notices = Vec::new();
            let fitted = requiring_something(schema.clone(), "s", &mut notices);
            assert!(notices.iter().all(|notice| notice.class == switchtower_domain::NoticeClass::Meaning));
            (fitted, notices.into_iter().map(|notice| notice.path).collect::<Vec<_>>())
        };
        let fits = json!({"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]});
        assert_eq!(required(&fits), (Some(fits), vec![]));
        let inner = |required: &Value| json!({"type": ["object", "null"], "properties": {"z": {}, "b": {}}, "required": required});
        let within = |inner: Value| json!({"type": "object", "properties": {"l": {"type": "array", "items": inner}}, "required": ["l"]});
        assert_eq!(
            required(&within(inner(&json!([])))),
            (Some(within(inner(&json!(["z"])))), vec!["s.properties.l.items.required".to_owned()])
        );
        // A map of anything has no property that it could require.
        let beside = json!({"type": "object", "properties": {"a": {}, "m": {"type": "object"}}});
        for (free, path) in [(json!({"type": "object"}), "s"), (beside, "s.properties.m")] {
            assert_eq!(required(&free), (None, vec![path.to_owned()]));
        }
        // A property may be called as a keyword is.
        let named =
            json!({"type": "object", "properties": {"properties": {"type": "string"}}, "required": ["properties"]});
        assert_eq!(required(&named), (Some(named), vec![]));
    }

    #[test]
    fn optional_properties_do_not_fit_strict() {
        assert!(!fits_strict(&json!({"type": "object", "properties": {"a": {}}, "required": []})));
        assert!(fits_strict(&json!({"type": "object", "properties": {"a": {}}, "required": ["a"]})));
    }
}
