//! Changing single fields of a body and leaving every other byte as it is.

use crate::scan::Scan;

/// Changes to the top-level fields of one body.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Splice {
    edits: Vec<(String, Edit)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Edit {
    Set(String),
    Remove,
    Rename(String),
}

impl Splice {
    /// Writes a value, given as JSON text, in place of the field's, or adds the field.
    pub fn set(&mut self, key: &str, json: impl Into<String>) {
        self.edits.push((key.to_owned(), Edit::Set(json.into())));
    }

    /// What was last said to write in place of the field's value.
    pub fn value(&self, key: &str) -> Option<&str> {
        match self.edits.iter().rev().find(|(name, _)| name == key) {
            Some((_, Edit::Set(json))) => Some(json),
            _ => None,
        }
    }

    /// Leaves the field out, if it is there.
    pub fn remove(&mut self, key: &str) {
        self.edits.push((key.to_owned(), Edit::Remove));
    }

    /// Calls the field by another name, if it is there.
    pub fn rename(&mut self, key: &str, to: &str) {
        self.edits.push((key.to_owned(), Edit::Rename(to.to_owned())));
    }

    /// Whether nothing is to be changed.
    pub fn is_empty(&self) -> bool {
        self.edits.is_empty()
    }

    /// Applies the changes to the body that was scanned.
    pub fn apply(&self, body: &[u8], scan: &Scan<'_>) -> Vec<u8> {
        let mut out = Vec::with_capacity(body.len() + 64);
        let slice = |from: usize, to: usize| body.get(from..to).unwrap_or_default();
        let (Some(first), Some(last)) = (scan.fields.first(), scan.fields.last()) else {
            return self.apply_to_empty(body);
        };
        out.extend_from_slice(slice(0, first.member.start));
        let mut any = false;
        let mut before = first.member.start;
        for field in &scan.fields {
            let separator = slice(before, field.member.start);
            before = field.member.end;
            let edit = self.edits.iter().rev().find(|(key, _)| *key.as_bytes() == *field.key).map(|(_, edit)| edit);
            if edit == Some(&Edit::Remove) {
                continue;
            }
            if any {
                out.extend_from_slice(if separator.is_empty() { b"," } else { separator });
            }
            any = true;
            match edit {
                Some(Edit::Set(json)) => {
                    out.extend_from_slice(slice(field.member.start, field.place.start));
                    out.extend_from_slice(json.as_bytes());
                }
                Some(Edit::Rename(to)) => {
                    push_key(&mut out, to);
                    out.extend_from_slice(field.value);
                }
                Some(Edit::Remove) | None => out.extend_from_slice(slice(field.member.start, field.member.end)),
            }
        }
        for (key, edit) in &self.edits {
            if let Edit::Set(json) = edit
                && scan.field(key).is_none()
            {
                if any {
                    out.push(b',');
                }
                any = true;
                push_key(&mut out, key);
                out.extend_from_slice(json.as_bytes());
            }
        }
        out.extend_from_slice(slice(last.member.end, body.len()));
        out
    }

    fn apply_to_empty(&self, body: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(body.len() + 64);
        let open = body.iter().position(|byte| *byte == b'{').map_or(body.len(), |at| at + 1);
        out.extend_from_slice(body.get(..open).unwrap_or_default());
        for (place, (key, json)) in self
            .edits
            .iter()
            .filter_map(|(key, edit)| if let Edit::Set(json) = edit { Some((key, json)) } else { None })
            .enumerate()
        {
            if place > 0 {
                out.push(b',');
            }
            push_key(&mut out, key);
            out.extend_from_slice(json.as_bytes());
        }
        out.extend_from_slice(body.get(open..).unwrap_or_default());
        out
    }
}

fn push_key(out: &mut Vec<u8>, key: &str) {
    out.extend_from_slice(serde_json::Value::from(key).to_string().as_bytes());
    out.push(b':');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scan::scan;
    use proptest::prelude::*;
    use serde_json::{Map, Value};

    fn check(body: &str, edit: impl FnOnce(&mut Splice), expected: &str) {
        let mut splice = Splice::default();
        edit(&mut splice);
        let spliced = splice.apply(body.as_bytes(), &scan(body.as_bytes(), 64).unwrap());
        assert_eq!(String::from_utf8(spliced).unwrap(), expected);
    }

    #[test]
    fn only_what_is_named_changes() {
        let body = "{ \"model\" : \"a\",\n  \"x\": 1e2, \"z\": [ 1 ] }";
        check(body, |s| s.set("model", "\"b\""), "{ \"model\" : \"b\",\n  \"x\": 1e2, \"z\": [ 1 ] }");
        check(body, |s| s.remove("model"), "{ \"x\": 1e2, \"z\": [ 1 ] }");
        check(body, |s| s.remove("x"), "{ \"model\" : \"a\", \"z\": [ 1 ] }");
        check(body, |s| s.remove("z"), "{ \"model\" : \"a\",\n  \"x\": 1e2 }");
        check(body, |s| s.rename("x", "y"), "{ \"model\" : \"a\",\n  \"y\":1e2, \"z\": [ 1 ] }");
        check(body, |s| s.set("n", "2"), "{ \"model\" : \"a\",\n  \"x\": 1e2, \"z\": [ 1 ],\"n\":2 }");
        check("{ }", |s| s.set("n", "2"), "{\"n\":2 }");
        check("{\"a\":1}", |s| s.remove("a"), "{}");
    }

    proptest! {
        #[test]
        fn it_does_what_a_parser_would_do(
            keys in prop::collection::btree_set("[a-e]", 0..5),
            sets in prop::collection::btree_map("[a-g]", 0u8..9, 0..3),
            removes in prop::collection::btree_set("[a-g]", 0..3),
        ) {
            let body: Map<String, Value> = keys.iter().map(|key| (key.clone(), Value::from(100))).collect();
            let text = serde_json::to_string_pretty(&body).unwrap();
            let mut splice = Splice::default();
            let mut expected = body;
            for key in removes.difference(&sets.keys().cloned().collect()) {
                splice.remove(key);
                expected.remove(key);
            }
            for (key, value) in &sets {
                splice.set(key, value.to_string());
                expected.insert(key.clone(), Value::from(*value));
            }
            let out = splice.apply(text.as_bytes(), &scan(text.as_bytes(), 9).unwrap());
            prop_assert_eq!(serde_json::from_slice::<Map<String, Value>>(&out).unwrap(), expected);
        }
    }
}
