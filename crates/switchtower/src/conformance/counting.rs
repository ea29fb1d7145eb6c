//! Counts of tokens: what is counted is taken through its typed values like a request for an answer, and the count is
//! read, told, and told to clients of every dialect that counts.

use super::mutation::Mutations;
use super::semantic::differences;
use super::{Findings, answers, forward, listed, requests};
use serde_json::Value;
use switchtower_dialect::{ALL, Counted, Counting, DecodeError, Variant, dialect};
use switchtower_domain::DialectId;
use switchtower_sim::recording::Exchange;

/// The dialect whose count an exchange asks for.
pub(super) fn claimed(exchange: &Exchange) -> Option<DialectId> {
    match exchange.dialect.as_str() {
        "anthropic.count_tokens" => Some(DialectId::AnthropicMessages),
        "gemini.countTokens" => Some(DialectId::GoogleGemini),
        "bedrock.count-tokens" => Some(DialectId::BedrockConverse),
        _ => None,
    }
}

pub(super) fn check(exchange: &Exchange, id: DialectId, schemas: &requests::Schemas, findings: &mut Findings) {
    let Some(counting) = dialect(id).counting() else {
        return findings.push(("request decodes", format!("{id} does not count")));
    };
    let status = exchange.response.status;
    if let Some(body) = exchange.request.as_ref().and_then(|request| request.body.as_ref()) {
        forward::request(body, findings);
        match counted(counting, body) {
            Ok(counted) => {
                let refused = (400..500).contains(&status);
                // A call for counting has no place for what bounds an answer, unless it holds a whole request.
                let whole = counted.0 != id;
                let within = |request: Value| if whole { request } else { held(counting, request) };
                requests::check_within(dialect(counted.0), &counted.1, refused, schemas, &within, findings);
                asked_again(counting, id, &counted, findings);
            }
            Err(error) => findings.push(("request decodes", error.to_string())),
        }
    }
    let bytes = exchange.response.body.to_bytes();
    if status >= 400 {
        return answers::failure(dialect(id), status, &bytes, findings);
    }
    let Ok(answer) = serde_json::from_slice::<Value>(&bytes) else {
        return findings.push(("answer decodes", "the recorded body is not JSON".to_owned()));
    };
    let Some(tokens) = counting.counted(&answer) else {
        return findings.push(("answer decodes", "no count was read".to_owned()));
    };
    // Google breaks its count down besides; the count itself is told as it was.
    let told = counting.tell(tokens);
    let paths = differences(&narrowed(&answer, &told), &told);
    if !paths.is_empty() {
        findings.push(("count told", format!("differs at {}", listed(&paths))));
    }
    for other in ALL.iter().filter_map(|other| other.counting()) {
        if other.counted(&other.tell(tokens)) != Some(tokens) {
            findings.push(("count told", format!("{}: another count came back", other.dialect())));
        }
    }
}

/// What a call for counting holds of a request for an answer.
fn held(counting: &dyn Counting, request: Value) -> Value {
    match counted(counting, &counting.ask(request, &Variant::default())) {
        Ok((_, held)) => held,
        Err(_) => Value::Null,
    }
}

/// The request within a call for counting, in its own dialect.
fn counted(counting: &dyn Counting, body: &Value) -> Result<(DialectId, Value), DecodeError> {
    let Counted { dialect, body } = counting.counted_request(body.clone().into())?;
    Ok((dialect, body.into_value()))
}

/// A call for counting that is written anew holds all that was to be counted.
fn asked_again(counting: &dyn Counting, id: DialectId, whole: &(DialectId, Value), findings: &mut Findings) {
    if whole.0 != id {
        // In the words of another dialect it goes out as that dialect's call, or as it came.
        return;
    }
    for labels in [false, true] {
        let variant = Variant { labels, ..Variant::default() };
        match counted(counting, &counting.ask(whole.1.clone(), &variant)) {
            Ok(again) => {
                let paths = differences(&whole.1, &again.1);
                if !paths.is_empty() {
                    findings.push(("request round trip", format!("asked anew it differs at {}", listed(&paths))));
                }
            }
            Err(error) => findings.push(("request round trip", error.to_string())),
        }
    }
}

/// The fields of an answer that another one has.
fn narrowed(answer: &Value, to: &Value) -> Value {
    match (answer, to) {
        (Value::Object(answer), Value::Object(to)) => {
            let kept = answer.iter().filter(|(key, _)| to.contains_key(*key));
            Value::Object(kept.map(|(key, value)| (key.clone(), value.clone())).collect())
        }
        (answer, _) => answer.clone(),
    }
}

/// Changes each typed value of the request and the count.
pub(super) fn mutate(exchange: &Exchange, id: DialectId, mutations: &mut Mutations) {
    let Some(counting) = dialect(id).counting() else { return };
    if let Some(body) = exchange.request.as_ref().and_then(|request| request.body.as_ref())
        && let Ok((of, body)) = counted(counting, body)
    {
        mutations.request(&body, of);
    }
    if let Ok(answer) = serde_json::from_slice::<Value>(&exchange.response.body.to_bytes())
        && let Some(tokens) = counting.counted(&answer)
    {
        mutations.each(&format!("{id} count"), &tokens, |changed: &u64| {
            let told = counting.tell(*changed);
            !differences(&narrowed(&answer, &told), &told).is_empty()
        });
    }
}
