//! Makes a value that fits a JSON schema, as a model makes arguments and structured answers.
//!
//! Covers what providers accept in tools and structured output: types and lists of types, `enum`, `const`, `required`,
//! nested objects and arrays with their bounds, `anyOf`/`oneOf`/`allOf`, `$ref`, common formats, simple patterns. Strings
//! prefer words of the user's text, so that "the weather in Paris" asks for `{"city": "Paris"}`.

use crate::random::Random;
use crate::schema_pattern;
use crate::text;
use serde_json::{Map, Number, Value, json};

/// Past this depth optional parts are left out, so that recursive schemas end.
const OPTIONAL_DEPTH_MAX: usize = 4;
/// Past this depth every value is null: a schema that requires itself has no finite value.
const DEPTH_MAX: usize = 48;
/// Most items made for one array, and most letters for one string.
const ITEMS_MAX: u64 = 64;
const LETTERS_MAX: u64 = 4_096;
/// Most bytes made for one schema; past it every value is null. A short schema that nests itself twice would otherwise
/// ask for more than any memory holds.
const BYTES_MAX: usize = 1 << 20;
/// What a value without bytes of its own counts for.
const VALUE_BYTES: usize = 16;

/// Words of the user's text that strings prefer.
#[derive(Debug, Clone, Default)]
pub(crate) struct Hints {
    /// Capitalised names, for a city or a person.
    pub(crate) names: Vec<String>,
    /// The whole text, for a query or a message.
    pub(crate) text: String,
}

/// A value that fits `schema`.
pub(crate) fn fill(schema: &Value, hints: &Hints, random: &mut Random) -> Value {
    Filler { root: schema, hints, random, names_used: 0, bytes_left: BYTES_MAX }.value(schema, "", 0)
}

struct Filler<'a> {
    root: &'a Value,
    hints: &'a Hints,
    random: &'a mut Random,
    names_used: usize,
    bytes_left: usize,
}

impl Filler<'_> {
    fn value(&mut self, schema: &Value, name: &str, depth: usize) -> Value {
        let Some(fields) = schema.as_object() else {
            return Value::String(text::word(self.random).to_owned());
        };
        self.bytes_left = self.bytes_left.saturating_sub(VALUE_BYTES);
        if depth > DEPTH_MAX || self.bytes_left == 0 {
            return Value::Null;
        }
        if let Some(constant) = fields.get("const") {
            return self.copy(constant);
        }
        if let Some(choices) = fields.get("enum").and_then(Value::as_array) {
            let chosen = self.random.pick(choices);
            return chosen.map_or(Value::Null, |chosen| self.copy(chosen));
        }
        if let Some(target) = fields.get("$ref").and_then(Value::as_str) {
            return match resolve(self.root, target).cloned() {
                Some(found) => self.value(&found, name, depth + 1),
                None => Value::Null,
            };
        }
        if let Some(merged) = merged(self.root, fields) {
            return self.value(&Value::Object(merged), name, depth + 1);
        }
        for key in ["anyOf", "oneOf"] {
            if let Some(branches) = fields.get(key).and_then(Value::as_array)
                && let Some(branch) = self.branch(branches, depth)
            {
                return self.value(&with_siblings(fields, key, branch), name, depth + 1);
            }
        }
        match type_of(fields) {
            "object" => self.object(fields, depth),
            "array" => self.array(fields, name, depth),
            "integer" => self.integer(fields),
            "number" => self.number(fields),
            "boolean" => Value::Bool(self.random.chance(0.5)),
            "null" => Value::Null,
            _ => Value::String(self.string(fields, name)),
        }
    }

    /// A copy that counts for what it weighs.
    fn copy(&mut self, value: &Value) -> Value {
        let bytes = value.to_string().len();
        match self.bytes_left.checked_sub(bytes) {
            Some(left) => {
                self.bytes_left = left;
                value.clone()
            }
            None => {
                self.bytes_left = 0;
                Value::Null
            }
        }
    }

    /// The first branch, or where recursion should end the first that does not refer to another schema.
    fn branch<'s>(&self, branches: &'s [Value], depth: usize) -> Option<&'s Value> {
        let flat = |branch: &&Value| !branch.to_string().contains("\"$ref\"");
        match depth > OPTIONAL_DEPTH_MAX {
            true => branches.iter().find(flat).or_else(|| branches.first()),
            false => branches.first(),
        }
    }

    fn object(&mut self, fields: &Map<String, Value>, depth: usize) -> Value {
        let required: Vec<&str> =
            fields.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
        let mut object = Map::new();
        if let Some(properties) = fields.get("properties").and_then(Value::as_object) {
            for (name, schema) in properties {
                let wanted = required.contains(&name.as_str())
                    || (depth <= OPTIONAL_DEPTH_MAX && *schema != Value::Bool(false) && self.random.chance(0.5));
                if wanted {
                    object.insert(name.clone(), self.value(schema, name, depth + 1));
                }
            }
        }
        let open = fields.get("additionalProperties").cloned().unwrap_or(Value::Bool(true));
        for name in required {
            if !object.contains_key(name) {
                object.insert(name.to_owned(), self.value(&open, name, depth + 1));
            }
        }
        let wanted = unsigned(fields, "minProperties").unwrap_or(0).min(ITEMS_MAX);
        if open != Value::Bool(false) {
            for number in 0..wanted {
                if object.len() as u64 >= wanted {
                    break;
                }
                let name = format!("{}_{number}", text::word(self.random));
                let value = self.value(&open, &name, depth + 1);
                object.insert(name, value);
            }
        }
        Value::Object(object)
    }

    fn array(&mut self, fields: &Map<String, Value>, name: &str, depth: usize) -> Value {
        let fewest = unsigned(fields, "minItems").unwrap_or(0);
        let most = unsigned(fields, "maxItems").unwrap_or_else(|| fewest.max(3));
        let room = if depth > OPTIONAL_DEPTH_MAX { 0 } else { most.saturating_sub(fewest).min(2) };
        let length = (fewest + if room == 0 { 0 } else { 1 + self.random.below(room) })
            .min(ITEMS_MAX.max(fewest))
            .min(LETTERS_MAX);
        let first = fields.get("prefixItems").and_then(Value::as_array).cloned().unwrap_or_default();
        let rest = fields.get("items").cloned().unwrap_or_else(|| json!({"type": "string"}));
        let length = if rest == Value::Bool(false) { length.min(first.len() as u64) } else { length };
        let unique = fields.get("uniqueItems") == Some(&Value::Bool(true));
        let mut items: Vec<Value> = Vec::new();
        for at in 0..length {
            let schema = usize::try_from(at).ok().and_then(|at| first.get(at)).unwrap_or(&rest);
            let mut item = self.value(schema, name, depth + 1);
            for _ in 0..if unique { ITEMS_MAX } else { 0 } {
                if !items.contains(&item) {
                    break;
                }
                item = self.value(schema, name, depth + 1);
            }
            if !(unique && items.contains(&item)) {
                items.push(item);
            }
        }
        Value::Array(items)
    }

    fn integer(&mut self, fields: &Map<String, Value>) -> Value {
        let step = fields.get("multipleOf").and_then(Value::as_f64).filter(|step| *step >= 1.0).unwrap_or(1.0);
        let (low, high) = bounds(fields, 1.0);
        let (first, last) = ((low / step).ceil(), (high / step).floor());
        let room = (last - first).clamp(0.0, 1e9);
        let value = (first + (self.random.fraction() * (room + 1.0)).floor().min(room)) * step;
        whole_number(value)
    }

    fn number(&mut self, fields: &Map<String, Value>) -> Value {
        if fields.contains_key("multipleOf") {
            return self.integer(fields);
        }
        let (low, high) = bounds(fields, 1e-6);
        let value = low + self.random.fraction() * (high - low).max(0.0);
        // Two digits read better, where the bounds leave room for them.
        let short = (value * 100.0).round() / 100.0;
        let value = if (low..=high).contains(&short) { short } else { value };
        Number::from_f64(value).map_or(Value::Null, Value::Number)
    }

    fn string(&mut self, fields: &Map<String, Value>, name: &str) -> String {
        let made = self.letters(fields, name);
        self.bytes_left = self.bytes_left.saturating_sub(made.len());
        made
    }

    fn letters(&mut self, fields: &Map<String, Value>, name: &str) -> String {
        if let Some(pattern) = fields.get("pattern").and_then(Value::as_str) {
            return schema_pattern::sample(pattern, self.random);
        }
        if let Some(made) = fields.get("format").and_then(Value::as_str).and_then(|format| self.formatted(format)) {
            return made;
        }
        let fewest = unsigned(fields, "minLength").unwrap_or(0).min(LETTERS_MAX);
        let most = unsigned(fields, "maxLength").unwrap_or(LETTERS_MAX).min(LETTERS_MAX);
        let mut made = self.hinted(name).unwrap_or_else(|| text::word(self.random).to_owned());
        while (made.chars().count() as u64) < fewest {
            made.push(' ');
            made.push_str(text::word(self.random));
        }
        made.chars().take(usize::try_from(most).unwrap_or(usize::MAX)).collect()
    }

    /// Words of the user where the name of the property calls for them.
    fn hinted(&mut self, name: &str) -> Option<String> {
        const NAMED: &[&str] =
            &["city", "location", "place", "country", "town", "region", "name", "person", "destination", "origin"];
        const SPOKEN: &[&str] = &["query", "question", "text", "message", "prompt", "input", "search", "q"];
        let name = name.to_ascii_lowercase();
        let is = |words: &[&str]| name.split(['_', '-', ' ']).any(|part| words.contains(&part));
        if is(NAMED) && !self.hints.names.is_empty() {
            let chosen = self.hints.names.get(self.names_used % self.hints.names.len()).cloned();
            self.names_used += 1;
            return chosen;
        }
        (is(SPOKEN) && !self.hints.text.is_empty()).then(|| self.hints.text.chars().take(120).collect())
    }

    fn formatted(&mut self, format: &str) -> Option<String> {
        const HEX: &[u8] = b"0123456789abcdef";
        let random = &mut *self.random;
        let date = format!("20{:02}-{:02}-{:02}", 20 + random.below(10), 1 + random.below(12), 1 + random.below(28));
        let time = format!("{:02}:{:02}:{:02}Z", random.below(24), random.below(60), random.below(60));
        Some(match format {
            "date" => date,
            "time" => time,
            "date-time" => format!("{date}T{time}"),
            "duration" => format!("PT{}M", 1 + random.below(59)),
            "email" | "idn-email" => format!("{}@example.com", text::word(random)),
            "hostname" | "idn-hostname" => format!("{}.example.com", text::word(random)),
            "uri" | "url" | "iri" | "uri-reference" => {
                format!("https://example.com/{}", text::word(random))
            }
            "ipv4" => format!("192.0.2.{}", 1 + random.below(254)),
            "ipv6" => format!("2001:db8::{:x}", 1 + random.below(65_000)),
            "uuid" => format!(
                "{}-{}-4{}-8{}-{}",
                random.letters(8, HEX),
                random.letters(4, HEX),
                random.letters(3, HEX),
                random.letters(3, HEX),
                random.letters(12, HEX)
            ),
            _ => return None,
        })
    }
}

/// Looks a local reference up, such as `#/$defs/item`.
pub(crate) fn resolve<'a>(root: &'a Value, target: &str) -> Option<&'a Value> {
    let pointer = target.strip_prefix('#')?;
    root.pointer(pointer)
}

/// The schema with its `allOf` folded in, or `None` when there is none.
fn merged(root: &Value, fields: &Map<String, Value>) -> Option<Map<String, Value>> {
    let parts = fields.get("allOf")?.as_array()?;
    let mut whole = fields.clone();
    whole.shift_remove("allOf");
    for part in parts {
        let part = part.get("$ref").and_then(Value::as_str).and_then(|target| resolve(root, target)).unwrap_or(part);
        for (key, value) in part.as_object().into_iter().flatten() {
            match (whole.get_mut(key), value) {
                (Some(Value::Object(old)), Value::Object(new)) => old.extend(new.clone()),
                (Some(Value::Array(old)), Value::Array(new)) if key == "required" => old.extend(new.iter().cloned()),
                _ => drop(whole.insert(key.clone(), value.clone())),
            }
        }
    }
    Some(whole)
}

/// A branch of `anyOf` together with what stands beside the `anyOf`.
fn with_siblings(fields: &Map<String, Value>, key: &str, branch: &Value) -> Value {
    let Some(branch_fields) = branch.as_object().filter(|branch| !branch.contains_key("$ref")) else {
        return branch.clone();
    };
    let mut whole = fields.clone();
    whole.shift_remove(key);
    whole.extend(branch_fields.clone());
    Value::Object(whole)
}

/// The type to make: of several the first that is not null; of none what the keywords suggest.
fn type_of(fields: &Map<String, Value>) -> &str {
    match fields.get("type") {
        Some(Value::String(only)) => only,
        Some(Value::Array(several)) => {
            let mut names = several.iter().filter_map(Value::as_str);
            names.clone().find(|name| *name != "null").or_else(|| names.next()).unwrap_or("string")
        }
        _ if fields.contains_key("properties") => "object",
        _ if fields.contains_key("items") || fields.contains_key("prefixItems") => "array",
        _ if fields.contains_key("minimum") || fields.contains_key("maximum") => "number",
        _ => "string",
    }
}

fn unsigned(fields: &Map<String, Value>, key: &str) -> Option<u64> {
    fields.get(key).and_then(Value::as_u64)
}

/// The lowest and the highest value allowed; `nudge` keeps away from an exclusive bound.
fn bounds(fields: &Map<String, Value>, nudge: f64) -> (f64, f64) {
    let number = |key: &str| fields.get(key).and_then(Value::as_f64);
    let above = |bound: f64| {
        if nudge < 1.0 { bound + nudge } else { bound.floor() + 1.0 }
    };
    let below = |bound: f64| {
        if nudge < 1.0 { bound - nudge } else { bound.ceil() - 1.0 }
    };
    let low = number("minimum").into_iter().chain(number("exclusiveMinimum").map(above)).reduce(f64::max);
    let high = number("maximum").into_iter().chain(number("exclusiveMaximum").map(below)).reduce(f64::min);
    match (low, high) {
        (Some(low), Some(high)) => (low, high),
        (Some(low), None) => (low, low + 100.0),
        (None, Some(high)) => ((high - 100.0).max(0.0).min(high), high),
        (None, None) => (1.0, 100.0),
    }
}

fn whole_number(value: f64) -> Value {
    // Through text, since no cast from a float to an integer says when it did not fit.
    format!("{value:.0}").parse::<i64>().map_or_else(|_| Value::from(0), Value::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn fits(schema: &Value, seed: u64) {
        let made =
            fill(schema, &Hints { names: vec!["Paris".into()], text: "what is it".into() }, &mut Random::new(seed));
        if let Err(error) = jsonschema::validate(schema, &made) {
            panic!("{made} does not fit {schema}: {error}");
        }
    }

    #[test]
    fn common_schemas_are_filled() {
        let schemas = [
            json!({"type": "object", "properties": {"city": {"type": "string"}, "unit": {"enum": ["c", "f"]}}, "required": ["city"]}),
            json!({"type": "object", "properties": {"when": {"type": "string", "format": "date"}}, "required": ["when"], "additionalProperties": false}),
            json!({"$defs": {"node": {"type": "object", "properties": {"next": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]}}, "required": ["next"]}}, "$ref": "#/$defs/node"}),
            json!({"type": "array", "items": {"type": "integer", "exclusiveMinimum": 3, "multipleOf": 7}, "minItems": 4, "uniqueItems": true}),
            json!({"type": ["null", "number"], "minimum": 0.25, "maximum": 0.5}),
            json!({"allOf": [{"type": "object", "properties": {"a": {"const": 3}}}, {"required": ["a"]}]}),
            json!({"type": "string", "pattern": "^[A-Z]{3}-\\d{2,4}(x|yz)?$"}),
            json!({"type": "string", "minLength": 30, "maxLength": 31}),
            json!({"oneOf": [{"type": "boolean"}, {"type": "string"}]}),
            json!({"type": "object", "additionalProperties": {"type": "integer"}, "minProperties": 2, "required": ["k"]}),
        ];
        for schema in &schemas {
            (0..40).for_each(|seed| fits(schema, seed));
        }
    }

    #[test]
    fn names_of_the_user_are_preferred() {
        let schema = json!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]});
        let hints = Hints { names: vec!["Paris".into()], text: String::new() };
        assert_eq!(fill(&schema, &hints, &mut Random::new(3)), json!({"city": "Paris"}));
    }

    #[test]
    fn a_schema_without_end_still_ends() {
        let endless = json!({"type": "object", "properties": {"me": {"$ref": "#"}}, "required": ["me"]});
        let _ = fill(&endless, &Hints::default(), &mut Random::new(1));
        let twice = json!({"type": "array", "minItems": 4096, "items": {"$ref": "#"}});
        let _ = fill(&twice, &Hints::default(), &mut Random::new(1));
        let heavy = json!({"type": "array", "minItems": 4096, "items": {"const": "x".repeat(10_000)}});
        assert!(fill(&heavy, &Hints::default(), &mut Random::new(1)).to_string().len() < 2 * BYTES_MAX);
    }

    fn any_schema() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            (0_u64..20, 0_u64..20)
                .prop_map(|(min, more)| json!({"type": "string", "minLength": min, "maxLength": min + more})),
            (-50_i64..50, 0_i64..100)
                .prop_map(|(min, more)| json!({"type": "integer", "minimum": min, "maximum": min + more})),
            (-50_i64..50, 1_i64..100)
                .prop_map(|(min, more)| json!({"type": "number", "minimum": min, "exclusiveMaximum": min + more})),
            Just(json!({"type": "boolean"})),
            Just(json!({"type": ["string", "null"]})),
            Just(json!({"enum": ["a", 2, null]})),
            Just(json!({"type": "string", "format": "date-time"})),
        ];
        leaf.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                (proptest::collection::btree_map("[a-z]{1,6}", inner.clone(), 0..4), any::<bool>(), any::<bool>()).prop_map(
                    |(properties, closed, all)| {
                        let required: Vec<_> = properties.keys().filter(|_| all).cloned().collect();
                        json!({"type": "object", "properties": properties, "required": required, "additionalProperties": !closed})
                    }
                ),
                (inner.clone(), 0_u64..4).prop_map(|(items, min)| json!({"type": "array", "items": items, "minItems": min})),
                proptest::collection::vec(inner, 1..3).prop_map(|branches| json!({"anyOf": branches})),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_made_fits(schema in any_schema(), seed: u64) {
            fits(&schema, seed);
        }
    }
}
