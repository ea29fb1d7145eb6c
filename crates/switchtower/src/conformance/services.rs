//! Embeddings, rankings, completions of text and moderations: through their typed values, and as `Forward` treats them.

use super::mutation::Mutations;
use super::rows::{self, Row};
use super::semantic::differences;
use super::{Findings, answers, forward, listed};
use serde_json::Value;
use switchtower_dialect::services::Service;
use switchtower_dialect::services::cohere_embed::CohereEmbed;
use switchtower_dialect::services::openai_completions::Completions;
use switchtower_dialect::services::openai_embeddings::{Elements, EmbeddingVariant, Embeddings, join, rewritten};
use switchtower_dialect::services::openai_moderations::Moderations;
use switchtower_dialect::services::rerank::{Rerank, settle};
use switchtower_dialect::{dialect, sse};
use switchtower_domain::{DialectId, EmbeddingAnswer, Usage, Vector, VectorEncoding, limits};
use switchtower_sim::recording::Exchange;

/// The service that claims an exchange's wire format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Claimed {
    Embeddings,
    CohereEmbed,
    Rerank,
    Completions,
    Moderations,
}

impl Claimed {
    pub(super) fn of(exchange: &Exchange) -> Option<Self> {
        if exchange.request.as_ref().is_some_and(|request| request.method != "POST") {
            // Reports about a service are no part of it.
            return None;
        }
        match exchange.dialect.as_str() {
            "openai.embeddings" | "voyage.embeddings" => Some(Self::Embeddings),
            "cohere.v2.embed" => Some(Self::CohereEmbed),
            "openai.rerank" | "voyage.rerank" | "cohere.v2.rerank" => Some(Self::Rerank),
            "openai.completions" => Some(Self::Completions),
            "openai.moderations" => Some(Self::Moderations),
            _ => None,
        }
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Embeddings => Embeddings::NAME,
            Self::CohereEmbed => CohereEmbed::NAME,
            Self::Rerank => Rerank::NAME,
            Self::Completions => Completions::NAME,
            Self::Moderations => Moderations::NAME,
        }
    }

    pub(super) fn check(self, exchange: &Exchange, findings: &mut Findings) {
        match self {
            Self::Embeddings => {
                let variant = Row::of(exchange).embeddings();
                if let Some(body) = accepted(exchange) {
                    rows::fits_request(body, &variant.forbidden, None, findings);
                }
                check::<Embeddings>(exchange, findings, |answer, request, findings| {
                    vectors(answer, request, &variant, findings);
                });
            }
            Self::CohereEmbed => check::<CohereEmbed>(exchange, findings, |answer, request, findings| {
                vectors(answer, request, &Row::of(exchange).embeddings(), findings);
            }),
            Self::Rerank => check::<Rerank>(exchange, findings, |answer, request, findings| {
                carried(answer.usage.as_ref(), exchange, findings);
                if let Some(request) = request
                    && let Err(error) = settle(answer.clone(), &request)
                {
                    findings.push(("answer fits its request", error.to_string()));
                }
            }),
            Self::Completions => check::<Completions>(exchange, findings, |answer, _, findings| {
                carried(answer.usage.as_ref(), exchange, findings);
            }),
            Self::Moderations => check::<Moderations>(exchange, findings, |answer, request, findings| {
                let parts =
                    request.is_some_and(|request| request.inputs.len() != answer.results.len() && request.single);
                if parts {
                    findings.push(("answer fits its request", "another number of verdicts".to_owned()));
                }
            }),
        }
    }

    pub(super) fn mutate(self, exchange: &Exchange, mutations: &mut Mutations) {
        match self {
            Self::Embeddings => mutate::<Embeddings>(exchange, mutations),
            Self::CohereEmbed => mutate::<CohereEmbed>(exchange, mutations),
            Self::Rerank => mutate::<Rerank>(exchange, mutations),
            Self::Completions => mutate::<Completions>(exchange, mutations),
            Self::Moderations => mutate::<Moderations>(exchange, mutations),
        }
    }
}

fn check<S: Service>(
    exchange: &Exchange,
    findings: &mut Findings,
    fits: impl Fn(&S::Answer, Option<S::Request>, &mut Findings),
) {
    let status = exchange.response.status;
    let body = exchange.request.as_ref().and_then(|request| request.body.as_ref());
    let request = body.and_then(|body| request::<S>(body, (400..500).contains(&status), findings));
    let chat = dialect(DialectId::OpenaiChat);
    let bytes = exchange.response.body.to_bytes();
    if status >= 400 {
        return answers::failure(chat, status, &bytes, findings);
    }
    if exchange.streaming {
        stream::<S>(&bytes, findings);
        let variant = Row::of(exchange).variant(DialectId::OpenaiChat);
        return forward::stream(chat, &variant, super::framing::Framing::Events, &bytes, findings);
    }
    let Ok(value) = serde_json::from_slice::<Value>(&bytes) else {
        return findings.push(("answer decodes", "the recorded body is not JSON".to_owned()));
    };
    if let Some(answer) = answer::<S>(&value, "answer decodes", "answer round trip", findings) {
        fits(&answer, request, findings);
    }
}

/// The body of a request that its provider answered.
fn accepted(exchange: &Exchange) -> Option<&Value> {
    exchange.request.as_ref().filter(|_| exchange.response.status < 300)?.body.as_ref()
}

fn request<S: Service>(body: &Value, refused: bool, findings: &mut Findings) -> Option<S::Request> {
    forward::request(body, findings);
    let request = match S::decode_request(body.clone().into()) {
        Ok(request) => request,
        Err(_) if refused => return None,
        Err(error) => {
            findings.push(("request decodes", error.to_string()));
            return None;
        }
    };
    let same = S::encode_request(&request, &S::Variant::default());
    let paths = differences(body, &same.body);
    if !paths.is_empty() {
        findings.push(("request round trip", format!("differs at {}", listed(&paths))));
    }
    if !same.notices.is_empty() {
        findings.push(("request round trip", "a notice was given within one service".to_owned()));
    }
    let schema =
        serde_json::from_str(S::REQUEST_SCHEMA).ok().and_then(|schema| jsonschema::validator_for(&schema).ok());
    if !refused && !schema.is_some_and(|schema| schema.is_valid(&same.body)) {
        findings.push(("request validates", format!("{}: it breaks the schema of its requests", S::NAME)));
    }
    Some(request)
}

fn answer<S: Service>(
    value: &Value,
    decodes: &'static str,
    returns: &'static str,
    findings: &mut Findings,
) -> Option<S::Answer> {
    match S::decode_answer(value.clone().into()) {
        Ok(answer) => {
            let paths = differences(value, &S::encode_answer(&answer));
            if !paths.is_empty() {
                findings.push((returns, format!("differs at {}", listed(&paths))));
            }
            Some(answer)
        }
        Err(error) => {
            findings.push((decodes, error.to_string()));
            None
        }
    }
}

/// Each chunk has the form of an answer.
fn stream<S: Service>(bytes: &[u8], findings: &mut Findings) {
    let mut reader = sse::Reader::new(limits::EVENT_BYTES_MAX);
    reader.push(bytes);
    let mut events = Vec::new();
    while let Ok(Some(raw)) = reader.next_event() {
        events.push(raw);
    }
    events.extend(reader.rest());
    for parsed in events.iter().filter_map(sse::RawEvent::read) {
        if parsed.data().trim_ascii() == b"[DONE]" {
            continue;
        }
        match serde_json::from_slice::<Value>(parsed.data()) {
            Ok(value) => drop(answer::<S>(&value, "stream decodes", "stream round trip", findings)),
            Err(_) => findings.push(("stream decodes", "an event is not JSON".to_owned())),
        }
    }
}

/// The counts are looked up in the recording itself.
fn carried(usage: Option<&Usage>, exchange: &Exchange, findings: &mut Findings) {
    let value: Value = serde_json::from_slice(&exchange.response.body.to_bytes()).unwrap_or_default();
    let number = |path: &str| value.pointer(path).and_then(Value::as_u64);
    let recorded = ["/usage/prompt_tokens", "/usage/completion_tokens", "/usage/total_tokens"].map(number);
    let usage = usage.cloned().unwrap_or_default();
    if recorded != [usage.input, usage.output, usage.total] {
        findings.push(("usage carried", "the counts are not those of the recording".to_owned()));
    }
}

/// As many vectors as inputs, and each survives the way into the other encoding and back.
fn vectors(
    answer: &EmbeddingAnswer,
    request: Option<<Embeddings as Service>::Request>,
    variant: &EmbeddingVariant,
    findings: &mut Findings,
) {
    let count = request.map_or(answer.embeddings.len(), |request| request.inputs.len());
    let as_it_is = VectorEncoding::Other(String::new());
    if let Err(error) = join(vec![answer.clone()], &[count], variant, &as_it_is) {
        findings.push(("answer fits its request", error.to_string()));
    }
    for (place, embedding) in answer.embeddings.iter().enumerate() {
        let path = format!("data[{place}].embedding");
        let there = rewritten(embedding.vector.clone(), variant.elements, &VectorEncoding::Base64, &path);
        let turn = |vector: Vector, wanted| rewritten(vector, Elements::Float32, &wanted, &path);
        let back = there.and_then(|vector| Ok((turn(vector.clone(), VectorEncoding::Float)?, vector)));
        let again = back.and_then(|(floats, first)| Ok((turn(floats, VectorEncoding::Base64)?, first)));
        match again {
            Ok((second, first)) if second == first => {}
            Ok(_) => findings.push(("vectors survive", format!("{path}: other numbers came back"))),
            Err(error) => findings.push(("vectors survive", error.to_string())),
        }
    }
}

fn mutate<S: Service>(exchange: &Exchange, mutations: &mut Mutations) {
    if let Some(body) = exchange.request.as_ref().and_then(|request| request.body.as_ref())
        && let Ok(request) = S::decode_request(body.clone().into())
    {
        mutations.each(&format!("{} request", S::NAME), &request, |changed: &S::Request| {
            !differences(body, &S::encode_request(changed, &S::Variant::default()).body).is_empty()
        });
    }
    if exchange.response.status < 400
        && let Ok(value) = serde_json::from_slice::<Value>(&exchange.response.body.to_bytes())
        && let Ok(answer) = S::decode_answer(value.clone().into())
    {
        mutations.each(&format!("{} answer", S::NAME), &answer, |changed: &S::Answer| {
            !differences(&value, &S::encode_answer(changed)).is_empty()
        });
    }
}
