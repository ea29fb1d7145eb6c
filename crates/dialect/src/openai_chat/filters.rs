//! Verdicts of content filters, as Azure `OpenAI` reports them.
//! Source: <https://learn.microsoft.com/azure/ai-foundry/openai/concepts/content-filter>

use crate::fields::Fields;
use crate::render::Object;
use crate::{DecodeError, Json};
use serde_json::Value;
use switchtower_domain::{FilterVerdict, PromptFilter};

const VERDICTS: &str = "content_filter_results";

/// Reads the verdicts on one choice.
pub(crate) fn verdicts(fields: &mut Fields) -> Result<Vec<FilterVerdict>, DecodeError> {
    fields.nested(VERDICTS, read)
}

fn read(results: &mut Fields) -> Result<Vec<FilterVerdict>, DecodeError> {
    let mut verdicts = Vec::new();
    for (category, result) in results.take_each(|result| result.as_object().is_some_and(|said| !said.is_empty())) {
        let mut result = results.beneath(result, &category)?;
        verdicts.push(FilterVerdict {
            category: category.into_owned(),
            filtered: result.bool("filtered")?,
            severity: result.string("severity")?,
            detected: result.bool("detected")?,
            extras: result.rest(),
        });
    }
    Ok(verdicts)
}

pub(crate) fn encode(verdicts: &[FilterVerdict]) -> Object {
    let mut results = Object::new();
    for verdict in verdicts {
        let mut result = Object::new();
        result.maybe("filtered", verdict.filtered);
        result.maybe("severity", verdict.severity.clone());
        result.maybe("detected", verdict.detected);
        verdict.extras.overlay(result.map_mut());
        results.set(&verdict.category, result);
    }
    results
}

/// Writes the verdicts on one choice, if there are any.
pub(crate) fn write(object: &mut Object, verdicts: &[FilterVerdict]) {
    object.nested(VERDICTS, encode(verdicts));
}

/// Reads the verdicts on the prompts, if they have the usual form.
pub(crate) fn prompts(fields: &mut Fields) -> Result<Vec<PromptFilter>, DecodeError> {
    let usual = |item: &Json<'_>| item.get("prompt_index").is_some_and(Json::is_u64);
    let readable = |list: &Json<'_>| list.as_array().is_some_and(|list| list.iter().all(usual));
    if !fields.peek("prompt_filter_results").is_some_and(readable) {
        return Ok(Vec::new());
    }
    let items = fields.list("prompt_filter_results")?.unwrap_or_default();
    items
        .into_iter()
        .map(|item| {
            let mut item = fields.beneath(item, "prompt_filter_results")?;
            let prompt = item.u64("prompt_index")?.unwrap_or_default();
            let verdicts = verdicts(&mut item)?;
            Ok(PromptFilter { prompt, verdicts, extras: item.rest() })
        })
        .collect()
}

/// Writes the verdicts on the prompts, if there are any.
pub(crate) fn write_prompts(object: &mut Object, prompts: &[PromptFilter]) {
    if prompts.is_empty() {
        return;
    }
    let items: Vec<Value> = prompts
        .iter()
        .map(|prompt| {
            let mut item = Object::new().with("prompt_index", prompt.prompt);
            write(&mut item, &prompt.verdicts);
            prompt.extras.overlay(item.map_mut());
            item.into()
        })
        .collect();
    object.set("prompt_filter_results", items);
}
