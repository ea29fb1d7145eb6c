//! The names of fields that vendors document, as opposed to those that callers make up.

use crate::ALL;
use serde_json::Value;
use std::collections::HashSet;
use std::fmt::Write as _;
use std::sync::LazyLock;

/// The names in the schemas of all dialects' requests.
static DOCUMENTED: LazyLock<HashSet<String>> = LazyLock::new(|| {
    let mut names = HashSet::new();
    for dialect in ALL {
        if let Ok(schema) = serde_json::from_str(dialect.request_schema()) {
            gather(&schema, &mut names);
        }
    }
    names.extend(["answer", "content", "input", "messages", "tools", "choices"].map(str::to_owned));
    names
});

fn gather(schema: &Value, names: &mut HashSet<String>) {
    match schema {
        Value::Object(map) => {
            if let Some(Value::Object(properties)) = map.get("properties") {
                names.extend(properties.keys().cloned());
            }
            map.values().for_each(|value| gather(value, names));
        }
        Value::Array(items) => items.iter().for_each(|item| gather(item, names)),
        _ => {}
    }
}

/// The path of a notice with `*` in the place of each name that no vendor documents, since a caller may have put
/// anything there.
pub fn documented_path(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for (place, segment) in path.split('.').enumerate() {
        if place > 0 {
            out.push('.');
        }
        let (name, rest) = segment.split_at(segment.find('[').unwrap_or(segment.len()));
        out.push_str(if name.is_empty() || DOCUMENTED.contains(name) { name } else { "*" });
        for index in rest.split('[').skip(1) {
            let number = index.strip_suffix(']').and_then(|number| number.parse::<u64>().ok());
            // Writing to a text cannot fail.
            let _ = match number {
                Some(number) => write!(out, "[{number}]"),
                None => write!(out, "[*]"),
            };
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_vendors_document_stays_and_what_callers_make_up_does_not() {
        for (path, told) in [
            ("top_k", "top_k"),
            ("messages[2].content[0].cache_control", "messages[2].content[0].cache_control"),
            ("metadata.my secret", "metadata.*"),
            ("generationConfig.topK", "generationConfig.topK"),
            ("answer.choices[1]", "answer.choices[1]"),
            ("tools[x y].zq-canary", "tools[*].*"),
        ] {
            assert_eq!(documented_path(path), told);
        }
    }

    proptest! {
        #[test]
        fn nothing_of_a_made_up_name_is_left(name in "[a-z]{3}[0-9]{6}[a-z ]{0,9}") {
            let told = documented_path(&format!("metadata.{name}[0].{name}"));
            prop_assert!(!told.contains(name.trim()), "{}", told);
        }
    }
}
