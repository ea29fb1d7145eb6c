//! Answers.

use super::request::{document, written};
use crate::fields::{Fields, wrong_kind};
use crate::openai_chat::usage;
use crate::render::Object;
use crate::{DecodeError, Json};
use serde_json::Value;
use switchtower_domain::{Ranked, RankingAnswer, RankingForm};

pub(super) fn decode(body: Json<'_>) -> Result<RankingAnswer, DecodeError> {
    let mut fields = Fields::tolerant(body, "")?;
    // Half of the vendors say what kind of object it is.
    fields.constant("object", "list");
    let (id, model) = (fields.string("id")?, fields.string("model")?);
    let usage = usage::decode(&mut fields, &crate::Variant::default())?;
    let form = if fields.peek("results").is_none() && fields.peek("data").is_some() {
        RankingForm::Data
    } else {
        RankingForm::Results
    };
    let name = list_name(form);
    let items = match fields.take(name) {
        Some(Json::Array(items)) => items,
        Some(other) => return Err(wrong_kind(name, "a list of results", &other)),
        None => return Err(DecodeError::Missing { path: name.to_owned() }),
    };
    let read = |(place, item)| result(fields.beneath(item, &format!("{name}[{place}]"))?);
    let results = items.into_iter().enumerate().map(read).collect::<Result<_, _>>()?;
    Ok(RankingAnswer { id, model, results, form, usage, extras: fields.rest() })
}

fn result(mut fields: Fields) -> Result<Ranked, DecodeError> {
    let missing = |fields: &Fields, key: &str| DecodeError::Missing { path: fields.path_of(key) };
    let index = fields.u64("index")?.ok_or_else(|| missing(&fields, "index"))?;
    let score = fields.number("relevance_score")?.ok_or_else(|| missing(&fields, "relevance_score"))?;
    let document = match fields.take("document").map(document) {
        Some(Ok(document)) => Some(document),
        Some(Err(other)) => {
            fields.put_back("document", other);
            None
        }
        None => None,
    };
    Ok(Ranked { index, score, document, extras: fields.rest() })
}

pub(super) fn encode(answer: &RankingAnswer) -> Value {
    let mut body = Object::new();
    body.constant("object", "list", &answer.extras);
    body.maybe("id", answer.id.clone());
    body.maybe("model", answer.model.clone());
    let results: Vec<Value> = answer.results.iter().map(write).collect();
    body.set(list_name(answer.form), results);
    if let Some(usage) = &answer.usage {
        body.set("usage", usage::encode(usage, true));
    }
    answer.extras.overlay(body.map_mut());
    body.into()
}

fn write(ranked: &Ranked) -> Value {
    let mut object = Object::new().with("index", ranked.index);
    object.set("relevance_score", Value::Number(ranked.score.clone()));
    object.maybe("document", ranked.document.as_ref().map(written));
    ranked.extras.overlay(object.map_mut());
    object.into()
}

const fn list_name(form: RankingForm) -> &'static str {
    match form {
        RankingForm::Results => "results",
        RankingForm::Data => "data",
    }
}
