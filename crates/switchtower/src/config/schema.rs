//! A JSON Schema of the configuration, for editors. It is made of the list that the reader itself uses.

use super::written::{Row, rows};
use serde_json::{Map, Value, json};

/// The schema, as in JSON Schema 2020-12.
pub fn schema() -> Value {
    let mut root = Node::default();
    for row in rows() {
        let path: Vec<&str> = row.key.split('.').collect();
        root.add(&path, &row);
    }
    let mut schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "The configuration of Switchtower",
    });
    if let (Some(schema), Value::Object(rest)) = (schema.as_object_mut(), root.into_schema()) {
        schema.extend(rest);
    }
    schema
}

/// A section in the making.
#[derive(Default)]
struct Node {
    sections: Vec<(String, Self)>,
    settings: Vec<(String, Value)>,
    required: Vec<String>,
}

/// Stands in a key for a name that the operator gives.
const ANY_NAME: &str = "NAME";

impl Node {
    fn add(&mut self, path: &[&str], row: &Row) {
        match path {
            [] => {}
            [setting] => {
                if row.default == "required" {
                    self.required.push((*setting).to_owned());
                }
                self.settings.push(((*setting).to_owned(), of_row(row)));
            }
            [section, rest @ ..] => {
                let known = self.sections.iter().position(|(name, _)| name == section);
                let at = known.unwrap_or_else(|| {
                    self.sections.push(((*section).to_owned(), Self::default()));
                    self.sections.len() - 1
                });
                if let Some((_, section)) = self.sections.get_mut(at) {
                    section.add(rest, row);
                }
            }
        }
    }

    fn into_schema(self) -> Value {
        let mut properties = Map::new();
        let mut others = Value::Bool(false);
        let sections = self.sections.into_iter().map(|(name, node)| (name, node.into_schema()));
        for (name, schema) in self.settings.into_iter().chain(sections) {
            match name.strip_suffix("[]") {
                _ if name == ANY_NAME => others = schema,
                Some(list) => {
                    properties.insert(list.to_owned(), json!({"type": "array", "items": schema}));
                }
                None => {
                    properties.insert(name, schema);
                }
            }
        }
        let mut schema = Map::new();
        let mut say = |name: &str, value: Value| schema.insert(name.to_owned(), value);
        say("type", json!("object"));
        if !properties.is_empty() {
            say("properties", properties.into());
        }
        if !self.required.is_empty() {
            say("required", self.required.into());
        }
        say("additionalProperties", others);
        schema.into()
    }
}

fn of_row(row: &Row) -> Value {
    let mut schema = Map::new();
    let mut say = |name: &str, value: Value| schema.insert(name.to_owned(), value);
    say(
        "type",
        json!(match row.kind {
            "whole number" => "integer",
            "number" => "number",
            "true or false" => "boolean",
            "list of texts" => "array",
            _ => "string",
        }),
    );
    let is_list = row.kind == "list of texts";
    if is_list {
        let words = (!row.words.is_empty()).then(|| json!({"enum": row.words}));
        say("items", words.unwrap_or_else(|| json!({"type": "string"})));
    }
    if let Some((min, max)) = range(row.meaning) {
        say("minimum", min);
        say("maximum", max);
    } else if row.kind == "whole number" {
        say("minimum", json!(0));
    }
    if !is_list && !row.words.is_empty() {
        say("enum", json!(row.words));
    }
    if row.meaning.starts_with("A reference to") {
        say("pattern", json!("^(env|file|cmd):."));
    }
    if let Some(default) = literal(row.default) {
        say("default", default);
    }
    say("description", json!(row.meaning));
    schema.into()
}

/// The range that a meaning names; a test sees to it that the reader keeps it.
fn range(meaning: &str) -> Option<(Value, Value)> {
    let (_, after) = meaning.rsplit_once("from ").or_else(|| meaning.rsplit_once("From "))?;
    let mut words = after.split([' ', ';', ',']);
    let (min, to, max) = (words.next()?, words.next()?, words.next()?.trim_end_matches('.'));
    let number = |text: &str| serde_json::from_str::<Value>(text).ok().filter(Value::is_number);
    if to == "to" { number(min).zip(number(max)) } else { None }
}

/// A default that is written as a value; others are words about where the value comes from.
pub(super) fn literal(default: &str) -> Option<Value> {
    let plain = default.starts_with(|c: char| c.is_ascii_digit() || c == '"') || matches!(default, "true" | "false");
    if !plain {
        return None;
    }
    Some(serde_json::from_str(default).unwrap_or_else(|_| Value::from(default)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Around, Secrets, parse};
    use crate::environment::Environment;
    use std::path::Path;

    const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference/configuration.schema.json");

    fn validates(text: &str) -> Result<(), String> {
        let validator = jsonschema::validator_for(&schema()).unwrap();
        let value: Value = toml::from_str(text).unwrap();
        validator.validate(&value).map_err(|error| format!("{}: {error}", error.instance_path()))
    }

    /// `SWITCHTOWER_UPDATE_DOCS=1` rewrites it.
    #[test]
    fn the_committed_schema_is_this_one() {
        let wanted = serde_json::to_string_pretty(&schema()).unwrap() + "\n";
        if std::env::var_os("SWITCHTOWER_UPDATE_DOCS").is_some() {
            std::fs::write(FILE, wanted).unwrap();
        } else {
            let text = std::fs::read_to_string(FILE).unwrap_or_default();
            assert!(text == wanted, "stale; run the test with SWITCHTOWER_UPDATE_DOCS=1");
        }
        assert!(jsonschema::meta::is_valid(&schema()));
    }

    #[test]
    fn the_examples_of_the_documents_are_valid() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
        let mut count = 0;
        for page in ["reference/configuration.md", "guides/providers.md", "guides/configuration.md", "../README.md"] {
            let text = std::fs::read_to_string(folder.join(page)).unwrap_or_default();
            for example in text.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next()) {
                validates(example).unwrap_or_else(|error| panic!("{page}: {error}\n{example}"));
                count += 1;
            }
        }
        assert!(count > 4);
    }

    #[test]
    fn what_is_wrong_is_known_to_editors_too() {
        for wrong in [
            "adress = 1",
            "[listen]\nadress = \"a\"",
            "[listen]\nthreads = 0",
            "[listen]\nthreads = \"1\"",
            "[[keys]]\nname = \"a\"",
            "[[keys]]\nname = \"a\"\nsecret = \"literal\"",
            "[providers.a]\ndialect = \"openai\"",
            "[providers.a.quirks]\nfast = true",
            "[deployments.a]\nprovider = \"p\"\nmodel = \"m\"\ndefaults.temperature = 3",
            "[aliases]\na = 1",
        ] {
            assert!(validates(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn words_are_those_that_the_reader_takes() {
        for row in rows().into_iter().filter(|row| row.kind.contains("text")) {
            let key = row.key.replace("[]", "").replace("NAME", "openai");
            let (section, name) = key.rsplit_once('.').unwrap_or(("", &key));
            let head = if row.key.contains("[]") { format!("[[{section}]]") } else { format!("[{section}]") };
            let outside = Environment::default();
            let around = Around {
                outside: &outside,
                folder: Path::new(""),
                built_in: &[],
                listen: None,
                secrets: Secrets::Read,
            };
            let (open, close) = if row.kind == "text" { ("", "") } else { ("[", "]") };
            let text = format!("{head}\n{name} = {open}\"no-such-word\"{close}");
            let told = parse("c.toml", &text, &around).err().map(|problems| problems.to_string()).unwrap_or_default();
            let listed = told.split("is 'no-such-word'; expected ").nth(1).filter(|rest| rest.starts_with('\''));
            let listed = listed.and_then(|rest| rest.split([';', '\n']).next()).unwrap_or_default();
            let words: Vec<String> = row.words.iter().map(|word| format!("'{word}'")).collect();
            assert_eq!(words.join(" or "), listed, "{}", row.key);
        }
    }
}
