//! `POST /v1/moderations`: categories by the words that name them.

use super::Given;
use crate::check::{Field, Kind, Object, fields, is_web_address, items, may, must, object, text, type_name};
use crate::failure::{Complaint, Failure, Place, Wrong};
use crate::random::Random;
use serde_json::{Map, Value, json};

const FIELDS: &[Field] = &[may("model", Kind::Text), must("input", Kind::TextOrArray)];

/// The categories, each with words that the simulator takes for a sign of it.
const CATEGORIES: [(&str, &[&str]); 13] = [
    ("harassment", &["idiot", "loser"]),
    ("harassment/threatening", &["threaten"]),
    ("hate", &["hate"]),
    ("hate/threatening", &[]),
    ("illicit", &["burglary"]),
    ("illicit/violent", &["bomb"]),
    ("self-harm", &["suicide"]),
    ("self-harm/intent", &[]),
    ("self-harm/instructions", &[]),
    ("sexual", &["porn"]),
    ("sexual/minors", &[]),
    ("violence", &["kill", "stab"]),
    ("violence/graphic", &["gore"]),
];

pub(super) fn answer(body: &Object, given: &Given<'_>) -> Result<Value, Failure> {
    fields(&Place::root(), body, FIELDS, given.strictness.lenient_fields)?;
    let results: Vec<Value> = inputs(body)?.iter().map(|input| verdict(input, given)).collect();
    let id = Random::for_purpose(given.answer_seed, "moderation").id("modr-", 24);
    let model = if given.model.is_empty() { "omni-moderation-latest" } else { given.model };
    Ok(json!({"id": id, "model": model, "results": results}))
}

/// The texts that each get a verdict: parts of several kinds are one input together.
fn inputs(body: &Object) -> Result<Vec<String>, Complaint> {
    if let Some(one) = text(body, "input") {
        return Ok(vec![one.to_owned()]);
    }
    let at = Place::root().key("input");
    let list = items(body, "input");
    if list.is_empty() {
        return Err(at.wrong(Wrong::EmptyArray));
    }
    if list.iter().all(Value::is_string) {
        return Ok(list.iter().filter_map(Value::as_str).map(str::to_owned).collect());
    }
    let mut words = String::new();
    for (index, part) in list.iter().enumerate() {
        let at = at.index(index);
        if part.is_string() {
            return Err(at.wrong(Wrong::Type { expected: "object", found: type_name(part) }));
        }
        let part = object(&at, part)?;
        const PART: &[Field] = &[
            must("type", Kind::OneOf(&["text", "image_url"])),
            may("text", Kind::Text),
            may("image_url", Kind::Object),
        ];
        fields(&at, part, PART, false)?;
        match text(part, "type") {
            Some("text") => {
                words.push(' ');
                words.push_str(text(part, "text").ok_or_else(|| at.key("text").wrong(Wrong::Missing))?);
            }
            _ => {
                let url = part.get("image_url").and_then(|image| image.get("url")).and_then(Value::as_str);
                let url = url.ok_or_else(|| at.key("image_url").key("url").wrong(Wrong::Missing))?;
                if !is_web_address(url) && !url.starts_with("data:image/") {
                    return Err(at.key("image_url").key("url").says("Invalid image URL."));
                }
            }
        }
    }
    Ok(vec![words])
}

fn verdict(input: &str, given: &Given<'_>) -> Value {
    let input = input.to_lowercase();
    let (mut applies, mut scores, mut types) = (Map::new(), Map::new(), Map::new());
    for (category, words) in CATEGORIES {
        let found = words.iter().any(|word| input.contains(word));
        let drawn = Random::for_purpose(given.seed, &format!("{category} {input}")).fraction();
        applies.insert(category.into(), found.into());
        scores.insert(category.into(), if found { 0.5 + drawn / 2.0 } else { drawn / 1_000.0 }.into());
        types.insert(category.into(), json!(["text"]));
    }
    let flagged = applies.values().any(|applies| applies == true);
    json!({
        "flagged": flagged,
        "categories": applies,
        "category_scores": scores,
        "category_applied_input_types": types,
    })
}
