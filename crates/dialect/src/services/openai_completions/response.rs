//! Answers, and chunks of streams, which have the same form.

use crate::fields::Fields;
use crate::openai_chat::{filters, usage, wire};
use crate::render::Object;
use crate::{DecodeError, Json};
use serde_json::Value;
use switchtower_domain::{AnswerHead, CompletionAnswer, Continuation, Stop};

const OBJECT: &str = "text_completion";

pub(super) fn decode(body: Json<'_>) -> Result<CompletionAnswer, DecodeError> {
    let mut fields = Fields::tolerant(body, "")?;
    fields.constant("object", OBJECT);
    let head = AnswerHead {
        id: fields.string("id")?,
        model: fields.string("model")?,
        created: fields.u64("created")?,
        service_tier: fields.string("service_tier")?,
        fingerprint: fields.string("system_fingerprint")?,
    };
    let usage = usage::decode(&mut fields, &crate::Variant::default())?;
    let prompt_filters = filters::prompts(&mut fields)?;
    if !fields.peek("choices").is_some_and(Json::is_array) {
        return Err(DecodeError::Missing { path: "choices".to_owned() });
    }
    let items = fields.list("choices")?.unwrap_or_default();
    let read = |(place, item)| choice(fields.beneath(item, &format!("choices[{place}]"))?);
    let choices = items.into_iter().enumerate().map(read).collect::<Result<_, _>>()?;
    Ok(CompletionAnswer { head, choices, usage, prompt_filters, extras: fields.rest() })
}

fn choice(mut fields: Fields) -> Result<Continuation, DecodeError> {
    Ok(Continuation {
        index: fields.u64("index")?,
        text: fields.string("text")?,
        stop: fields.string("finish_reason")?.map(|word| Stop::new(wire::stop_reason(&word))),
        filters: filters::verdicts(&mut fields)?,
        extras: fields.rest(),
    })
}

pub(super) fn encode(answer: &CompletionAnswer) -> Value {
    let mut body = Object::new();
    let head = &answer.head;
    body.maybe("id", head.id.clone());
    body.constant("object", OBJECT, &answer.extras);
    body.maybe("created", head.created);
    body.maybe("model", head.model.clone());
    body.maybe("service_tier", head.service_tier.clone());
    body.maybe("system_fingerprint", head.fingerprint.clone());
    // An empty list stays among what is left.
    if !answer.choices.is_empty() {
        let choices: Vec<Value> = answer.choices.iter().map(write).collect();
        body.set("choices", choices);
    }
    if let Some(usage) = &answer.usage {
        body.set("usage", usage::encode(usage, true));
    }
    filters::write_prompts(&mut body, &answer.prompt_filters);
    answer.extras.overlay(body.map_mut());
    body.into()
}

fn write(choice: &Continuation) -> Value {
    let mut object = Object::new();
    object.maybe("text", choice.text.clone());
    object.maybe("index", choice.index);
    object.maybe("finish_reason", choice.stop.as_ref().map(|stop| wire::stop_word(&stop.reason).to_owned()));
    filters::write(&mut object, &choice.filters);
    choice.extras.overlay(object.map_mut());
    object.into()
}
