//! Reads JSON as Google's services read it: by the messages of [`super::messages`], with either spelling of a name, with
//! numbers that are written as text, and with one value where a list is meant.
//!
//! What comes out has names in lower camel case, enums by their names and bytes in standard base64.
//! Source: <https://protobuf.dev/programming-guides/json/>

use crate::check::{Object, type_name};
use crate::failure::{Complaint, Place, Wrong};
use base64::Engine as _;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::general_purpose::STANDARD as BASE64;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde_json::Value;

/// Deepest nesting that is read.
const DEPTH_MAX: usize = 100;
/// Most letters of a value that a complaint quotes.
const QUOTED_MAX: usize = 80;
/// The code of complaints that are told with the field they are about.
pub(super) const FIELD: &str = "field";

const EITHER_PADDING: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);
const PLAIN: GeneralPurpose = GeneralPurpose::new(&STANDARD, EITHER_PADDING);
const WEB: GeneralPurpose = GeneralPurpose::new(&URL_SAFE, EITHER_PADDING);

/// The fields of an object, by their names in lower camel case.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) name: &'static str,
    pub(super) fields: &'static [(&'static str, Type)],
}

/// What a field may hold.
#[derive(Debug)]
pub(super) enum Type {
    Any,
    /// An object of whatever fields.
    Struct,
    Bool,
    Text,
    /// Base64 of either alphabet, padded or not.
    Bytes,
    Number,
    /// A whole number; the word is how Google calls its kind.
    Integer(&'static str),
    /// The name of the enum, and its words in the order of their numbers.
    Enum(&'static str, &'static [&'static str]),
    Message(&'static Message),
    List(&'static Type),
    Map(&'static Type),
}

/// Reads an object; a name that the message lacks is refused unless `open`.
pub(super) fn read(at: &Place, object: &Object, message: &Message, open: bool) -> Result<Object, Complaint> {
    let mut read = Object::new();
    for (written, value) in object {
        let known = message.fields.iter().find(|(name, _)| name == written || snake(name) == *written);
        let Some((name, kind)) = known else {
            if open {
                continue;
            }
            return Err(at.key(written).wrong(Wrong::Unknown));
        };
        if value.is_null() {
            continue;
        }
        if at.0.len() > DEPTH_MAX {
            return Err(at.clone().says("Message too deep. Max recursion depth reached."));
        }
        read.insert((*name).to_owned(), typed(&at.key(&snake(name)), value, kind)?);
    }
    Ok(read)
}

fn typed(at: &Place, value: &Value, kind: &'static Type) -> Result<Value, Complaint> {
    if value.is_array() && !matches!(kind, Type::List(_) | Type::Any) {
        return Err(misplaced(at, "Proto field is not repeating, cannot start list."));
    }
    let scalar =
        matches!(kind, Type::Bool | Type::Text | Type::Bytes | Type::Number | Type::Integer(_) | Type::Enum(..));
    if scalar && value.is_object() {
        return Err(misplaced(at, "Starting an object on a scalar field."));
    }
    match kind {
        Type::Any => Ok(value.clone()),
        Type::Struct => match value {
            Value::Object(_) => Ok(value.clone()),
            _ => Err(invalid(at, "type.googleapis.com/google.protobuf.Struct", value)),
        },
        Type::Bool => match value {
            Value::Bool(_) => Ok(value.clone()),
            _ => Err(invalid(at, "TYPE_BOOL", value)),
        },
        Type::Text => match value {
            Value::String(_) => Ok(value.clone()),
            _ => Err(invalid(at, "TYPE_STRING", value)),
        },
        Type::Bytes => match value.as_str().map(bytes) {
            Some(Some(bytes)) => Ok(Value::String(BASE64.encode(bytes))),
            Some(None) => {
                let message = format!("Invalid value at '{}' (TYPE_BYTES), Base64 decoding failed", at.bracketed());
                Err(at.clone().says_with_code(FIELD, format!("{message} for {}", quoted(value))))
            }
            None => Err(invalid(at, "TYPE_BYTES", value)),
        },
        Type::Number => match number(value) {
            Some(number) => Ok(number),
            None => Err(invalid(at, "TYPE_FLOAT", value)),
        },
        Type::Integer(name) => {
            let whole = number(value).filter(|number| number.as_f64().is_some_and(|number| number.fract() == 0.0));
            // A whole number may be written with a point, `5.0`.
            let whole =
                whole.and_then(|number| number.as_i64().or_else(|| format!("{:.0}", number.as_f64()?).parse().ok()));
            let whole = whole.filter(|number| *name == "TYPE_INT64" || i32::try_from(*number).is_ok());
            whole.map(Value::from).ok_or_else(|| invalid(at, name, value))
        }
        Type::Enum(name, words) => match word(value, words) {
            Some(word) => Ok(Value::from(word)),
            None => Err(invalid(at, &of_api(name), value)),
        },
        Type::Message(message) => match value.as_object() {
            Some(object) => read(at, object, message, false).map(Value::Object),
            None => Err(invalid(at, &of_api(message.name), value)),
        },
        Type::List(kind) => match value {
            Value::Array(items) => {
                let read = items.iter().enumerate().map(|(index, item)| typed(&at.index(index), item, kind));
                read.collect::<Result<Vec<_>, _>>().map(Value::Array)
            }
            // One value is taken for a list of it.
            one => Ok(Value::Array(vec![typed(at, one, kind)?])),
        },
        Type::Map(kind) => {
            let Some(entries) = value.as_object() else {
                return Err(invalid(at, "Map", value));
            };
            let read = entries.iter().enumerate().map(|(index, (key, entry))| {
                typed(&at.index(index).key("value"), entry, kind).map(|entry| (key.clone(), entry))
            });
            read.collect::<Result<Object, _>>().map(Value::Object)
        }
    }
}

/// `maxOutputTokens` is `max_output_tokens`.
fn snake(name: &str) -> String {
    name.chars().fold(String::with_capacity(name.len() + 4), |mut snake, letter| {
        if letter.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
        snake
    })
}

fn bytes(text: &str) -> Option<Vec<u8>> {
    PLAIN.decode(text).or_else(|_| WEB.decode(text)).ok()
}

/// A number, which may be written as text.
fn number(value: &Value) -> Option<Value> {
    match value {
        Value::Number(_) => Some(value.clone()),
        Value::String(text) => serde_json::from_str::<Value>(text).ok().filter(Value::is_number),
        _ => None,
    }
}

fn word(value: &Value, words: &[&'static str]) -> Option<&'static str> {
    match value {
        Value::String(written) => words.iter().find(|word| word.eq_ignore_ascii_case(written)).copied(),
        other => words.get(usize::try_from(other.as_u64()?).ok()?).copied(),
    }
}

fn of_api(name: &str) -> String {
    format!("type.googleapis.com/google.ai.generativelanguage.v1beta.{name}")
}

fn invalid(at: &Place, expected: &str, value: &Value) -> Complaint {
    let message = format!("Invalid value at '{}' ({expected}), {}", at.bracketed(), quoted(value));
    at.clone().says_with_code(FIELD, message)
}

/// A list or an object where something else should be: told as a name that is not known there.
fn misplaced(at: &Place, why: &str) -> Complaint {
    let (outer, name) = at.split_last();
    let inside = outer.bracketed();
    let inside = if inside.is_empty() { String::new() } else { format!(" at '{inside}'") };
    at.clone().says_with_code(FIELD, format!("Invalid JSON payload received. Unknown name \"{name}\"{inside}: {why}"))
}

fn quoted(value: &Value) -> String {
    match value {
        Value::String(text) => format!("\"{}\"", text.chars().take(QUOTED_MAX).collect::<String>()),
        Value::Array(_) | Value::Object(_) => type_name(value).to_owned(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::messages::GENERATE;
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn reads(body: &Value) -> Result<Value, Complaint> {
        read(&Place::root(), body.as_object().unwrap(), &GENERATE, false).map(Value::Object)
    }

    #[test]
    fn either_spelling_and_loose_values_are_read() {
        let loose = json!({
            "system_instruction": {"parts": {"text": "a"}},
            "generation_config": {"max_output_tokens": "5", "topK": 40.0, "seed": 7.0, "response_schema": {"type": "object", "min_items": "2"}},
            "safetySettings": [{"category": 7, "threshold": 3}],
            "contents": [{"parts": [{"inline_data": {"mime_type": "image/png", "data": "-_8"}, "thought_signature": null}]}],
            "tool_config": {"function_calling_config": {"mode": "any"}},
        });
        let strict = json!({
            "systemInstruction": {"parts": [{"text": "a"}]},
            "generationConfig": {"maxOutputTokens": 5, "topK": 40.0, "seed": 7, "responseSchema": {"type": "OBJECT", "minItems": 2}},
            "safetySettings": [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_ONLY_HIGH"}],
            "contents": [{"parts": [{"inlineData": {"mimeType": "image/png", "data": "+/8="}}]}],
            "toolConfig": {"functionCallingConfig": {"mode": "ANY"}},
        });
        assert_eq!(reads(&loose).unwrap(), strict);
        assert_eq!(reads(&strict).unwrap(), strict);
    }

    fn says(body: &Value) -> String {
        match reads(body).unwrap_err().kind {
            Wrong::Said { message, .. } => message,
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let unknown = reads(&json!({"generationConfig": {"x": 1}})).unwrap_err();
        assert_eq!((unknown.at.bracketed().as_str(), unknown.kind), ("generation_config.x", Wrong::Unknown));
        let config = |field: Value| says(&json!({"generationConfig": field}));
        assert_eq!(
            config(json!({"temperature": "hot"})),
            "Invalid value at 'generation_config.temperature' (TYPE_FLOAT), \"hot\""
        );
        assert!(config(json!({"seed": 1.5})).contains("(TYPE_INT32), 1.5"));
        assert!(config(json!({"seed": 3_000_000_000_u64})).contains("(TYPE_INT32)"));
        assert!(
            config(json!({"responseModalities": ["SMELL"]})).contains("'generation_config.response_modalities[0]'")
        );
        assert_eq!(
            config(json!({"responseSchema": {"properties": {"a": {"type": ["STRING", "NULL"]}}}})),
            "Invalid JSON payload received. Unknown name \"type\" at 'generation_config.response_schema.properties[0].value': Proto field is not repeating, cannot start list."
        );
        assert!(
            says(&json!({"contents": [{"parts": [{"text": {}}]}]})).ends_with("Starting an object on a scalar field.")
        );
        assert!(says(&json!({"contents": "hi"})).starts_with("Invalid value at 'contents' (type.googleapis.com/"));
        assert!(
            says(&json!({"contents": [{"parts": [{"inlineData": {"data": "?"}}]}]})).contains("Base64 decoding failed")
        );
    }

    #[test]
    fn endless_nesting_ends() {
        let mut schema = json!({});
        for _ in 0..400 {
            schema = json!({"items": schema});
        }
        assert!(says(&json!({"generationConfig": {"responseSchema": schema}})).contains("too deep"));
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            "\\PC{0,8}".prop_map(Value::from),
            Just(Value::Null)
        ];
        let name = "contents|parts|text|tools|inlineData|generation_config|response_schema|properties|type|enum|data";
        leaf.prop_recursive(5, 40, 4, move |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
                proptest::collection::vec((name, inner), 0..4)
                    .prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn foreign_json_never_panics_and_reading_twice_changes_nothing(fields in proptest::collection::vec(("contents|tools|generationConfig|system_instruction", any_json()), 0..3)) {
            let body = Value::Object(fields.into_iter().collect());
            if let Ok(once) = reads(&body) {
                prop_assert_eq!(reads(&once).unwrap(), once);
            }
        }
    }
}
