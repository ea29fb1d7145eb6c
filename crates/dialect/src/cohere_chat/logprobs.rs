//! Log-probabilities: of each piece of text the tokens by their numbers, and their logarithms.
//! Source: <https://docs.cohere.com/reference/chat>

use crate::fields::Fields;
use crate::render::Object;
use crate::{DecodeError, Json};
use serde_json::Value;
use switchtower_domain::{LogProbs, TokenLogProb};

/// Whether an entry is one token with its text.
fn is_readable(entry: &Json<'_>) -> bool {
    let one = entry
        .get("logprobs")
        .and_then(Json::as_array)
        .is_some_and(|list| matches!(list.as_slice(), [only] if only.is_number()));
    one && entry.get("text").is_some_and(Json::is_string)
}

/// Reads those of a whole answer, if all of them can be read.
pub(super) fn decode(fields: &mut Fields) -> Result<Option<LogProbs>, DecodeError> {
    if !fields.peek("logprobs").and_then(Json::as_array).is_some_and(|list| list.iter().all(is_readable)) {
        return Ok(None);
    }
    let Some(items) = fields.list("logprobs")? else { return Ok(None) };
    let read = items.into_iter().map(|item| token(fields.beneath(item, "logprobs")?));
    Ok(Some(LogProbs { content: Some(read.collect::<Result<_, _>>()?), ..LogProbs::default() }))
}

/// Reads that of one piece of a stream.
pub(super) fn decode_one(fields: &mut Fields) -> Result<Option<LogProbs>, DecodeError> {
    if !fields.peek("logprobs").is_some_and(is_readable) {
        return Ok(None);
    }
    let Some(item) = fields.take("logprobs") else { return Ok(None) };
    let token = token(fields.beneath(item, "logprobs")?)?;
    Ok(Some(LogProbs { content: Some(vec![token]), ..LogProbs::default() }))
}

fn token(mut fields: Fields) -> Result<TokenLogProb, DecodeError> {
    let token = fields.required_string("text")?;
    let logprob = fields.list("logprobs")?.and_then(|list| list.first().and_then(Json::as_number));
    let logprob = logprob.unwrap_or_else(|| 0.into());
    Ok(TokenLogProb { token, logprob, bytes: None, top: None, extras: fields.rest().restating(&["token_ids"]) })
}

/// Writes those of a whole answer.
pub(super) fn encode(logprobs: &LogProbs, same: bool) -> Option<Value> {
    let content = logprobs.content.as_ref()?;
    Some(content.iter().map(|token| entry(token, same)).collect())
}

/// Writes one token. Another vendor's tokens have no numbers here.
pub(super) fn entry(token: &TokenLogProb, same: bool) -> Value {
    let mut object = Object::new().with("text", token.token.as_str());
    object.set("logprobs", vec![Value::Number(token.logprob.clone())]);
    if same {
        token.extras.overlay(object.map_mut());
    } else {
        object.set("token_ids", Vec::<Value>::new());
    }
    object.into()
}
