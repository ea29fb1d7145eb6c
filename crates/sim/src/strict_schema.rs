//! What OpenAI demands of schemas that it keeps to.

use crate::check::items;
use serde_json::Value;

/// What strict mode demands of a schema: closed objects with every property required.
pub(crate) fn check(schema: &Value, context: &str) -> Result<(), String> {
    let Some(fields) = schema.as_object() else {
        return Ok(());
    };
    if let Some(properties) = fields.get("properties").and_then(Value::as_object) {
        if fields.get("additionalProperties") != Some(&Value::Bool(false)) {
            return Err(format!(
                "In context={context}, 'additionalProperties' is required to be supplied and to be false."
            ));
        }
        let required = items(fields, "required");
        for (name, property) in properties {
            if !required.iter().any(|one| one == name) {
                return Err(format!(
                    "In context={context}, 'required' is required to be supplied and to be an array including every key in properties. Missing '{name}'."
                ));
            }
            check(property, &format!("('properties', '{name}')"))?;
        }
    }
    if let Some(inner) = fields.get("items") {
        check(inner, "('items',)")?;
    }
    for key in ["anyOf", "$defs", "definitions"] {
        match fields.get(key) {
            Some(Value::Array(branches)) => branches.iter().try_for_each(|branch| check(branch, context))?,
            Some(Value::Object(named)) => named.values().try_for_each(|branch| check(branch, context))?,
            _ => {}
        }
    }
    Ok(())
}
