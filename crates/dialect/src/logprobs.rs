//! Log-probabilities as `OpenAI` writes them in each of its dialects.

use crate::fields::Fields;
use crate::render::Object;
use crate::{DecodeError, Json};
use serde_json::Value;
use switchtower_domain::{LogProbs, TokenLogProb};

/// Reads the log-probabilities of one choice.
pub(crate) fn decode(fields: &mut Fields) -> Result<Option<LogProbs>, DecodeError> {
    Ok(Some(LogProbs {
        content: tokens(fields, "content")?,
        refusal: tokens(fields, "refusal")?,
        reasoning: tokens(fields, "reasoning_content")?,
        extras: switchtower_domain::Extras::none(),
    }))
}

/// Reads a list of tokens, if all of it can be read.
pub(crate) fn tokens(fields: &mut Fields, key: &str) -> Result<Option<Vec<TokenLogProb>>, DecodeError> {
    let readable = |item: &Json<'_>| {
        item.get("token").is_some_and(Json::is_string) && item.get("logprob").is_some_and(Json::is_number)
    };
    if !fields.peek(key).is_some_and(|list| list.as_array().is_some_and(|list| list.iter().all(readable))) {
        return Ok(None);
    }
    let Some(items) = fields.list(key)? else {
        return Ok(None);
    };
    items.into_iter().map(|item| token(fields.beneath(item, key)?)).collect::<Result<_, _>>().map(Some)
}

fn token(mut fields: Fields) -> Result<TokenLogProb, DecodeError> {
    let token = fields.required_string("token")?;
    let logprob = fields.number("logprob")?.unwrap_or_else(|| 0.into());
    let byte = |value: &Json<'_>| value.as_u64().and_then(|byte| u8::try_from(byte).ok());
    let bytes: Option<Vec<u8>> =
        fields.peek("bytes").and_then(Json::as_array).and_then(|items| items.iter().map(byte).collect());
    if bytes.is_some() {
        fields.take("bytes");
    }
    let top = tokens(&mut fields, "top_logprobs")?;
    Ok(TokenLogProb { token, logprob, bytes, top, extras: fields.rest() })
}

/// Writes the log-probabilities of one choice.
pub(crate) fn encode(logprobs: &LogProbs) -> Object {
    let mut object = Object::new();
    for (key, list) in
        [("content", &logprobs.content), ("refusal", &logprobs.refusal), ("reasoning_content", &logprobs.reasoning)]
    {
        object.maybe(key, list.as_ref().map(|list| encode_tokens(list)));
    }
    logprobs.extras.overlay(object.map_mut());
    object
}

/// Writes a list of tokens.
pub(crate) fn encode_tokens(list: &[TokenLogProb]) -> Vec<Value> {
    list.iter()
        .map(|token| {
            let mut object = Object::new().with("token", token.token.as_str());
            object.set("logprob", Value::Number(token.logprob.clone()));
            object.maybe("bytes", token.bytes.clone());
            object.maybe("top_logprobs", token.top.as_ref().map(|top| encode_tokens(top)));
            token.extras.overlay(object.map_mut());
            object.into()
        })
        .collect()
}
