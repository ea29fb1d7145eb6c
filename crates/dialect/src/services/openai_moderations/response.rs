//! Answers.

use crate::fields::{Fields, wrong_kind};
use crate::openai_chat::usage;
use crate::render::Object;
use crate::{DecodeError, Json};
use serde_json::{Number, Value};
use switchtower_domain::{ModerationAnswer, ModerationVerdict};

const CATEGORIES: &str = "categories";
const SCORES: &str = "category_scores";

pub(super) fn decode(body: Json<'_>) -> Result<ModerationAnswer, DecodeError> {
    let mut fields = Fields::tolerant(body, "")?;
    let (id, model) = (fields.string("id")?, fields.string("model")?);
    let usage = usage::decode(&mut fields, &crate::Variant::default())?;
    let items = match fields.take("results") {
        Some(Json::Array(items)) => items,
        Some(other) => return Err(wrong_kind("results", "a list of verdicts", &other)),
        None => return Err(DecodeError::Missing { path: "results".to_owned() }),
    };
    let read = |(place, item)| verdict(fields.beneath(item, &format!("results[{place}]"))?);
    let results = items.into_iter().enumerate().map(read).collect::<Result<_, _>>()?;
    Ok(ModerationAnswer { id, model, results, usage, extras: fields.rest() })
}

fn verdict(mut fields: Fields) -> Result<ModerationVerdict, DecodeError> {
    let categories = fields.nested(CATEGORIES, |named| {
        let told = named.take_each(|applies| applies.as_bool().is_some()).into_iter();
        Ok(told.filter_map(|(name, applies)| Some((name.into_owned(), applies.as_bool()?))).collect())
    })?;
    let scores = fields.nested(SCORES, |named| {
        let told = named.take_each(Json::is_number).into_iter();
        Ok(told.filter_map(|(name, score)| Some((name.into_owned(), score.as_number()?))).collect())
    })?;
    Ok(ModerationVerdict { flagged: fields.bool("flagged")?, categories, scores, extras: fields.rest() })
}

pub(super) fn encode(answer: &ModerationAnswer) -> Value {
    let mut body = Object::new();
    body.maybe("id", answer.id.clone());
    body.maybe("model", answer.model.clone());
    let results: Vec<Value> = answer.results.iter().map(write).collect();
    body.set("results", results);
    if let Some(usage) = &answer.usage {
        body.set("usage", usage::encode(usage, true));
    }
    answer.extras.overlay(body.map_mut());
    body.into()
}

fn write(verdict: &ModerationVerdict) -> Value {
    let mut object = Object::new();
    object.maybe("flagged", verdict.flagged);
    let mut categories = Object::new();
    verdict.categories.iter().for_each(|(name, applies)| categories.set(name, *applies));
    object.nested(CATEGORIES, categories);
    let mut scores = Object::new();
    let number = |score: &Number| Value::Number(score.clone());
    verdict.scores.iter().for_each(|(name, score)| scores.set(name, number(score)));
    object.nested(SCORES, scores);
    verdict.extras.overlay(object.map_mut());
    object.into()
}
