//! Bare input: a text, tokens, or a list of either.

use crate::fields::{Fields, wrong_kind};
use crate::{DecodeError, Json};
use serde_json::Value;
use switchtower_domain::ModelInput;

const EXPECTED: &str = "a string, a list of strings, or lists of tokens";

/// Reads input, and says whether the one piece stood without a list around it.
pub(super) fn read(fields: &mut Fields, key: &str) -> Result<(Vec<ModelInput>, bool), DecodeError> {
    let path = fields.path_of(key);
    let missing = || DecodeError::Missing { path: path.clone() };
    match fields.take(key).ok_or_else(missing)? {
        Json::String(text) => Ok((vec![ModelInput::Text(text.into_owned())], true)),
        Json::Array(items) => match tokens(&items) {
            Some(tokens) => Ok((vec![ModelInput::Tokens(tokens)], true)),
            None => Ok((elements(items, &path)?, false)),
        },
        other => Err(wrong_kind(&path, EXPECTED, &other)),
    }
}

/// Reads texts, of which one may stand without a list around it.
pub(super) fn read_texts(fields: &mut Fields, key: &str) -> Result<(Vec<ModelInput>, bool), DecodeError> {
    let path = fields.path_of(key);
    let (inputs, single) = read(fields, key)?;
    match inputs.iter().any(|input| matches!(input, ModelInput::Tokens(_))) {
        true => Err(DecodeError::Value { path, expected: "a string or a list of strings" }),
        false => Ok((inputs, single)),
    }
}

fn elements(items: Vec<Json<'_>>, path: &str) -> Result<Vec<ModelInput>, DecodeError> {
    let read = items.into_iter().enumerate().map(|(place, item)| match item {
        Json::String(text) => Ok(ModelInput::Text(text.into_owned())),
        Json::Array(list) if list.is_empty() => Ok(ModelInput::Tokens(Vec::new())),
        Json::Array(list) => tokens(&list)
            .map(ModelInput::Tokens)
            .ok_or_else(|| wrong_kind(&format!("{path}[{place}]"), "a string or a list of tokens", &Json::Array(list))),
        other => Err(wrong_kind(&format!("{path}[{place}]"), "a string or a list of tokens", &other)),
    });
    read.collect()
}

/// The numbers of a list that holds nothing but them.
fn tokens(items: &[Json<'_>]) -> Option<Vec<u64>> {
    if items.is_empty() { None } else { items.iter().map(Json::as_u64).collect() }
}

/// Writes input as it was read.
pub(super) fn write(inputs: &[ModelInput], single: bool) -> Value {
    let one = |input: &ModelInput| match input {
        ModelInput::Text(text) => Value::from(text.as_str()),
        ModelInput::Tokens(tokens) => Value::from(tokens.clone()),
    };
    match inputs {
        [input] if single => one(input),
        inputs => inputs.iter().map(one).collect(),
    }
}
