//! Embeddings, rankings, completions of text and moderations: through their typed values, and as `Forward` treats them.

use super::mutation::Mutations;
use super::rows::{self, Row};
use super::semantic::differences;
use super::{Findings, answers, forward, listed};
use serde_json::Value;
use switchtower_dialect::services::cohere_embed::CohereEmbed;
use switchtower_dialect::services::gemini_batch_embed::GeminiBatchEmbed;
use switchtower_dialect::services::gemini_embed::GeminiEmbed;
use switchtower_dialect::services::ollama_embed::OllamaEmbed;
use switchtower_dialect::services::ollama_embeddings::OllamaEmbeddings;
use switchtower_dialect::services::openai_completions::Completions;
use switchtower_dialect::services::openai_embeddings::{Elements, EmbeddingVariant, Embeddings, join, rewritten};
use switchtower_dialect::services::openai_moderations::Moderations;
use switchtower_dialect::services::rerank::{Rerank, settle};
use switchtower_dialect::services::vertex_predict::VertexPredict;
use switchtower_dialect::services::{EmbeddingForm, Service};
use switchtower_dialect::{dialect, sse};
use switchtower_domain::{DialectId, EmbeddingAnswer, EmbeddingRequest, Usage, Vector, VectorEncoding, limits};
use switchtower_sim::recording::Exchange;

/// The service that claims an exchange's wire format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Claimed {
    Embeddings,
    CohereEmbed,
    GeminiEmbed,
    GeminiBatchEmbed,
    VertexPredict,
    OllamaEmbed,
    OllamaEmbeddings,
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
            "cohere.v1.embed" | "cohere.v2.embed" => Some(Self::CohereEmbed),
            "gemini.embedContent" => Some(Self::GeminiEmbed),
            "gemini.batchEmbedContents" => Some(Self::GeminiBatchEmbed),
            "gemini.predict" => Some(Self::VertexPredict),
            "ollama.embed" => Some(Self::OllamaEmbed),
            "ollama.embeddings" => Some(Self::OllamaEmbeddings),
            "openai.rerank" | "voyage.rerank" | "cohere.v1.rerank" | "cohere.v2.rerank" => Some(Self::Rerank),
            "openai.completions" => Some(Self::Completions),
            "openai.moderations" => Some(Self::Moderations),
            _ => None,
        }
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Embeddings => Embeddings::NAME,
            Self::CohereEmbed => CohereEmbed::NAME,
            Self::GeminiEmbed => GeminiEmbed::NAME,
            Self::GeminiBatchEmbed => GeminiBatchEmbed::NAME,
            Self::VertexPredict => VertexPredict::NAME,
            Self::OllamaEmbed => OllamaEmbed::NAME,
            Self::OllamaEmbeddings => OllamaEmbeddings::NAME,
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
            Self::CohereEmbed => own_form::<CohereEmbed>(exchange, EmbeddingForm::Cohere, findings),
            Self::GeminiEmbed => own_form::<GeminiEmbed>(exchange, EmbeddingForm::Gemini, findings),
            Self::GeminiBatchEmbed => own_form::<GeminiBatchEmbed>(exchange, EmbeddingForm::GeminiBatch, findings),
            Self::VertexPredict => own_form::<VertexPredict>(exchange, EmbeddingForm::Predict, findings),
            Self::OllamaEmbed => own_form::<OllamaEmbed>(exchange, EmbeddingForm::Ollama, findings),
            Self::OllamaEmbeddings => own_form::<OllamaEmbeddings>(exchange, EmbeddingForm::OllamaFirst, findings),
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

    /// The dialect of the errors that stand beside it.
    const fn dialect(self) -> DialectId {
        match self {
            Self::CohereEmbed => DialectId::CohereChat,
            Self::GeminiEmbed | Self::GeminiBatchEmbed | Self::VertexPredict => DialectId::GoogleGemini,
            Self::OllamaEmbed | Self::OllamaEmbeddings => DialectId::OllamaChat,
            Self::Embeddings | Self::Rerank | Self::Completions | Self::Moderations => DialectId::OpenaiChat,
        }
    }

    pub(super) fn mutate(self, exchange: &Exchange, mutations: &mut Mutations) {
        match self {
            Self::Embeddings => mutate::<Embeddings>(exchange, mutations),
            Self::CohereEmbed => mutate::<CohereEmbed>(exchange, mutations),
            Self::GeminiEmbed => mutate::<GeminiEmbed>(exchange, mutations),
            Self::GeminiBatchEmbed => mutate::<GeminiBatchEmbed>(exchange, mutations),
            Self::VertexPredict => mutate::<VertexPredict>(exchange, mutations),
            Self::OllamaEmbed => mutate::<OllamaEmbed>(exchange, mutations),
            Self::OllamaEmbeddings => mutate::<OllamaEmbeddings>(exchange, mutations),
            Self::Rerank => mutate::<Rerank>(exchange, mutations),
            Self::Completions => mutate::<Completions>(exchange, mutations),
            Self::Moderations => mutate::<Moderations>(exchange, mutations),
        }
    }
}

/// Embeddings in a form of a vendor's own: as the others, and told in each other form and back.
fn own_form<S>(exchange: &Exchange, form: EmbeddingForm, findings: &mut Findings)
where
    S: Service<Request = EmbeddingRequest, Answer = EmbeddingAnswer>,
{
    check::<S>(exchange, findings, |answer, request, findings| {
        let variant = Row::of(exchange).embeddings();
        if let Some(request) = &request {
            told_elsewhere(form, request, findings);
        }
        counted(answer, form, exchange, findings);
        answered_elsewhere(form, answer, findings);
        if answer.embeddings.is_empty() && form == EmbeddingForm::Cohere {
            return of_other_types(answer, request.as_ref(), findings);
        }
        vectors(answer, request, &variant, findings);
    });
}

/// Vectors of numbers that only Cohere has stay as they came: as many of each type as there are inputs.
fn of_other_types(answer: &EmbeddingAnswer, request: Option<&EmbeddingRequest>, findings: &mut Findings) {
    let by_type = answer.extras.get("embeddings").and_then(Value::as_object);
    let counts = by_type.into_iter().flat_map(|by_type| by_type.values()).map(|list| list.as_array().map(Vec::len));
    let counts: Vec<usize> = counts.flatten().filter(|count| *count > 0).collect();
    let wanted = request.map(|request| request.inputs.len());
    if counts.is_empty() || counts.iter().any(|count| wanted.is_some_and(|wanted| wanted != *count)) {
        findings.push(("answer fits its request", "another number of vectors".to_owned()));
    }
}

/// Every form of embeddings.
const FORMS: [EmbeddingForm; 8] = [
    EmbeddingForm::Openai,
    EmbeddingForm::Cohere,
    EmbeddingForm::CohereFirst,
    EmbeddingForm::Gemini,
    EmbeddingForm::GeminiBatch,
    EmbeddingForm::Predict,
    EmbeddingForm::Ollama,
    EmbeddingForm::OllamaFirst,
];

/// A request that is told in another form asks for the same texts, and for vectors of the same length; for the same use
/// unless a notice says that it does not.
fn told_elsewhere(form: EmbeddingForm, request: &EmbeddingRequest, findings: &mut Findings) {
    for other in FORMS.into_iter().filter(|other| *other != form && !(other.is_of_one() && request.inputs.len() > 1)) {
        let vendor = EmbeddingVariant { form: other, input_type: true, ..EmbeddingVariant::default() };
        let mut wrong = |what: &str| findings.push(("translated request returns", format!("{other:?}: {what}")));
        let (told, notices) = match form.told_in(&vendor, request.clone()) {
            Ok(told) => told,
            // What cannot be said is refused by name: numbers of 8 bits are known to Cohere alone, and a length to all but
            // Ollama's first form.
            Err(unsayable) if unsayable.path == "embedding_types" => continue,
            Err(_) if other == EmbeddingForm::OllamaFirst && request.dimensions.is_some() => continue,
            Err(unsayable) => {
                wrong(&unsayable.to_string());
                continue;
            }
        };
        let received = match other.decode_request(other.encode_request(&told, &vendor).body.into()) {
            Ok(received) => received,
            Err(error) => {
                wrong(&error.to_string());
                continue;
            }
        };
        if received.inputs != request.inputs || received.dimensions != request.dimensions {
            wrong("other texts, or vectors of another length");
        }
        let back = EmbeddingVariant { form, input_type: true, ..EmbeddingVariant::default() };
        let lost = !notices.is_empty();
        match other.told_in(&back, received) {
            Ok((returned, _)) if returned.input_type != request.input_type && !lost && request.input_type.is_some() => {
                wrong("another use of the vectors");
            }
            Ok(_) => {}
            Err(unsayable) => wrong(&unsayable.to_string()),
        }
    }
}

/// A client of each other form reads the same vectors.
fn answered_elsewhere(form: EmbeddingForm, answer: &EmbeddingAnswer, findings: &mut Findings) {
    let numbers = answer.embeddings.iter().all(|embedding| matches!(embedding.vector, Vector::Floats(_)));
    for other in FORMS.into_iter().filter(|other| numbers && !(other.is_of_one() && answer.embeddings.len() != 1)) {
        let told = form.told_to(other, answer.clone(), "m", &mut Vec::new());
        let received = other.decode_answer(other.encode_answer(&told).into());
        let same = |received: &EmbeddingAnswer| {
            let vectors = |answer: &EmbeddingAnswer| {
                answer.embeddings.iter().map(|embedding| embedding.vector.clone()).collect::<Vec<_>>()
            };
            vectors(received) == vectors(answer)
        };
        if !received.as_ref().is_ok_and(same) {
            findings.push(("answer translated", format!("{other:?}: other vectors came back")));
        }
    }
}

/// The count is looked up in the recording itself.
fn counted(answer: &EmbeddingAnswer, form: EmbeddingForm, exchange: &Exchange, findings: &mut Findings) {
    let value: Value = serde_json::from_slice(&exchange.response.body.to_bytes()).unwrap_or_default();
    let number = |path: &str| value.pointer(path).and_then(Value::as_u64);
    let recorded = match form {
        EmbeddingForm::Openai => number("/usage/prompt_tokens"),
        EmbeddingForm::Cohere | EmbeddingForm::CohereFirst => number("/meta/billed_units/input_tokens"),
        EmbeddingForm::Gemini | EmbeddingForm::GeminiBatch => number("/usageMetadata/promptTokenCount"),
        EmbeddingForm::Predict => {
            let predictions = value.get("predictions").and_then(Value::as_array).into_iter().flatten();
            let counts = predictions.map(|one| one.pointer("/embeddings/statistics/token_count")?.as_u64());
            counts.sum::<Option<u64>>()
        }
        EmbeddingForm::Ollama => number("/prompt_eval_count"),
        EmbeddingForm::OllamaFirst => None,
    };
    if answer.usage.as_ref().and_then(|usage| usage.input) != recorded {
        findings.push(("usage carried", "the count is not that of the recording".to_owned()));
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
    let chat = dialect(Claimed::of(exchange).map_or(DialectId::OpenaiChat, Claimed::dialect));
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
