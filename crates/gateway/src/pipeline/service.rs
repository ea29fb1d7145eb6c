//! What is asked for besides answers: embeddings, rankings, completions of text, moderations.
//!
//! Bytes are forwarded as those of answers are. Where the provider lacks what the caller asks of embeddings or rankings
//! (an encoding, a name, a list of that length), the request goes through its typed values, and so does the answer.

use super::accept::Place;
use super::decode::{Decoded, undecodable};
use super::plan::{Carriage, Draft};
use super::resolve::Resolved;
use crate::Directory;
use crate::tokens::BYTES_OF_TOKEN;
use bytes::Bytes;
use http::Uri;
use serde_json::Value;
use std::collections::BTreeMap;
use switchtower_dialect::scan::Scan;
use switchtower_dialect::services::openai_embeddings::{self, Elements, EmbeddingVariant};
use switchtower_dialect::services::rerank::{self, RankingVariant, Rerank};
use switchtower_dialect::services::{EmbeddingForm, Service as _, Unsayable};
use switchtower_dialect::{DecodeError, Encoded, Form, Json, json, json_text};
use switchtower_domain::{
    DialectId, DimensionsField, ModelInput, Notice, RankingRequest, Refusal, RefusalCode, Usage, VectorEncoding,
};
use switchtower_providers::{Deployment, Interface, Operation};

/// What is done with the answer of a service that is not forwarded.
#[derive(Debug)]
pub(super) enum Job {
    /// Vectors are put together and written as the caller asked.
    Embeddings {
        /// How many inputs each request had.
        counts: Vec<usize>,
        /// How vectors are to be written.
        wanted: VectorEncoding,
        /// How they come.
        from: EmbeddingVariant,
        /// The form that the client expects.
        form: EmbeddingForm,
        /// How many tokens the inputs have, roughly, for clients that have to be told.
        tokens: u64,
    },
    /// Documents are named and ordered as the caller asked.
    Rerank(RankingRequest),
}

/// What leaves for a service.
pub(super) struct Prepared {
    pub(super) body: Bytes,
    /// Further bodies that belong to the same answer.
    pub(super) more: Vec<Bytes>,
    pub(super) carriage: Carriage,
    /// Where it goes, if that is not where the operation usually is.
    pub(super) at: Option<Uri>,
}

/// What is spoken in another form of a dialect is forwarded to a provider that has that form; elsewhere it is translated.
pub(super) fn settle(resolved: &mut Resolved<'_>) {
    let deployment = &resolved.deployment;
    let operation = match resolved.decoded.asked.form {
        Some(Form::Generate) => Operation::Generate,
        // What a profile is of its name does not tell; Converse serves every model.
        Some(Form::Nova) if deployment.model.as_str().contains("nova") => Operation::Invoke,
        Some(Form::Nova) | None => return,
    };
    if deployment.provider.offers.has(operation) {
        resolved.decoded.asked.place = Place::Service(operation);
    }
}

/// A provider that lacks the operation is told apart here, with those that have it.
pub(super) fn check_offered(directory: &Directory, resolved: &Resolved<'_>) -> Result<(), Refusal> {
    let operation = match resolved.decoded.asked.place {
        Place::Service(operation) => operation,
        _ => Operation::Answer,
    };
    let provider = &resolved.deployment.provider;
    if provider.offers.has(operation) {
        return Ok(());
    }
    let offered: Vec<&str> = provider.offers.operations().map(Operation::as_str).collect();
    let able = directory.providers().filter(|other| other.offers.has(operation)).map(|other| other.name.as_str());
    let able: Vec<&str> = able.collect();
    let advice = if able.is_empty() {
        "no provider here has them".to_owned()
    } else {
        format!("these providers have: {}", able.join(", "))
    };
    let message = format!(
        "provider '{}' has {}, and no {operation}; {advice}",
        provider.name,
        if offered.is_empty() { "nothing".to_owned() } else { offered.join(", ") }
    );
    Err(Refusal::new(RefusalCode::NotImplemented, message).param("model"))
}

/// Settles what leaves, and how the answer comes back.
pub(super) fn prepare(
    draft: &mut Draft<'_>,
    decoded: &Decoded<'_>,
    deployment: &Deployment,
    operation: Operation,
) -> Result<Prepared, Refusal> {
    if decoded.streamed && !operation.streams() {
        let message = format!("'stream' is true, and {operation} are not streamed");
        return Err(Refusal::new(RefusalCode::InvalidRequest, message).param("stream"));
    }
    let offers = &deployment.provider.offers;
    match operation {
        Operation::Embeddings => embeddings(draft, decoded, deployment),
        Operation::Rerank if !rerank_fits(&decoded.scan, &offers.rerank) => ranking(draft, decoded, deployment),
        Operation::Rerank => Ok(forward(draft, decoded, deployment, &BTreeMap::new(), &offers.rerank.forbidden)),
        Operation::Completions | Operation::Fim => {
            let variant = &draft.interface.variant;
            draft.fit_stream_usage(decoded);
            Ok(forward(draft, decoded, deployment, &variant.renamed, &variant.forbidden))
        }
        // Whatever it says is the model's own.
        Operation::Invoke => Ok(Prepared {
            body: decoded.body.clone(),
            more: Vec::new(),
            carriage: Carriage::Forward { usage_unasked: false },
            at: None,
        }),
        Operation::Moderations
        | Operation::Generate
        | Operation::FirstChat
        | Operation::Answer
        | Operation::CountTokens => Ok(forward(draft, decoded, deployment, &BTreeMap::new(), &[])),
    }
}

/// The caller's own bytes, with names changed.
fn forward(
    draft: &mut Draft<'_>,
    decoded: &Decoded<'_>,
    deployment: &Deployment,
    renamed: &BTreeMap<String, String>,
    forbidden: &[String],
) -> Prepared {
    draft.fit_names(decoded, deployment, renamed, forbidden);
    Prepared {
        body: draft.spliced(decoded),
        more: Vec::new(),
        carriage: Carriage::Forward { usage_unasked: false },
        at: None,
    }
}

fn value<'a>(scan: &Scan<'a>, name: &str) -> Option<&'a [u8]> {
    scan.field(name).map(|field| field.value).filter(|value| *value != b"null")
}

/// How the provider is spoken to for a service: as the form speaks in which it is asked.
pub(super) fn interface<'p>(
    decoded: &Decoded<'_>,
    deployment: &'p Deployment,
    operation: Operation,
) -> Option<&'p Interface> {
    if operation != Operation::Embeddings {
        return None;
    }
    let (variant, _) = deployment.provider.offers.embeddings_in(decoded.asked.embeddings, &deployment.model)?;
    let dialect = match variant.form {
        EmbeddingForm::Openai => return None,
        EmbeddingForm::Cohere | EmbeddingForm::CohereFirst => DialectId::CohereChat,
        EmbeddingForm::Gemini | EmbeddingForm::GeminiBatch | EmbeddingForm::Predict => DialectId::GoogleGemini,
        EmbeddingForm::Ollama | EmbeddingForm::OllamaFirst => DialectId::OllamaChat,
    };
    Some(deployment.provider.interface(dialect))
}

/// The name that the provider does not have for the number of dimensions.
fn dimensions(variant: &EmbeddingVariant) -> BTreeMap<String, String> {
    let (from, to) = match variant.dimensions_field {
        None => return BTreeMap::new(),
        Some(DimensionsField::Dimensions) => ("output_dimension", "dimensions"),
        Some(DimensionsField::OutputDimension) => ("dimensions", "output_dimension"),
    };
    BTreeMap::from([(from.to_owned(), to.to_owned())])
}

/// Whether the provider answers as the caller asked when it is asked in the caller's own bytes.
fn embeddings_fit(scan: &Scan<'_>, variant: &EmbeddingVariant) -> bool {
    let encoding = match value(scan, "encoding_format") {
        None | Some(b"\"float\"") => variant.floats,
        Some(b"\"base64\"") => variant.base64 && variant.elements == Elements::Float32,
        // A word of the vendor's own is the vendor's to understand.
        Some(_) => true,
    };
    let mut lists = INPUTS.iter().filter_map(|name| scan.field(name));
    let Some(input) = lists.next() else { return encoding };
    let as_tokens = input.value.starts_with(b"[")
        && input
            .value
            .iter()
            .skip(1)
            .find(|byte| !byte.is_ascii_whitespace())
            .is_some_and(|byte| !b"\"{".contains(byte));
    let short = variant.inputs_max.is_none_or(|max| input.elements <= max);
    encoding && short && (variant.token_inputs || !as_tokens)
}

/// Where the forms of embeddings have their texts.
const INPUTS: [&str; 4] = ["input", "texts", "requests", "instances"];

/// Whether the provider has the names that the caller used, and takes the documents as they are.
fn rerank_fits(scan: &Scan<'_>, variant: &RankingVariant) -> bool {
    let named = variant.form.is_none_or(|form| form == rerank::form_of(scan));
    let plain = variant.document_objects || rerank::is_plain(scan);
    let returned = variant.return_documents || value(scan, "return_documents") != Some(b"true");
    named && plain && returned
}

/// The body with what asks the provider to keep it left out already.
fn parsed(body: &[u8]) -> Result<Json<'_>, Refusal> {
    json::parse(body).map_err(|_| Refusal::new(RefusalCode::MalformedJson, "the body is not JSON that can be read"))
}

fn written(draft: &mut Draft<'_>, encoded: Encoded, size: usize) -> Bytes {
    for notice in encoded.notices {
        // Pieces of one request lose the same.
        if !draft.notices.contains(&notice) {
            draft.notices.push(notice);
        }
    }
    json_text::write(&encoded.body, size + 256).into()
}

fn embeddings(draft: &mut Draft<'_>, decoded: &Decoded<'_>, deployment: &Deployment) -> Result<Prepared, Refusal> {
    let form = decoded.asked.embeddings;
    let Some((variant, at)) = deployment.provider.offers.embeddings_in(form, &deployment.model) else {
        return Err(Refusal::new(RefusalCode::NotImplemented, "the provider has no embeddings of this model"));
    };
    let prepared = if form == variant.form && embeddings_fit(&decoded.scan, &variant) {
        let renamed = dimensions(&variant);
        if !variant.float_word && value(&decoded.scan, "encoding_format") == Some(b"\"float\"") {
            draft.splice.remove("encoding_format");
        }
        let forwarded = forward(draft, decoded, deployment, &renamed, &variant.forbidden);
        match form {
            EmbeddingForm::GeminiBatch => Prepared { body: named(&forwarded.body, deployment)?, ..forwarded },
            EmbeddingForm::Predict => {
                // Other models are asked so too, and what they make is no vector.
                form.decode_request(parsed(&forwarded.body)?).map_err(|error| undecodable(&error))?;
                forwarded
            }
            _ => forwarded,
        }
    } else {
        rewritten_embeddings(draft, decoded, deployment, &variant)?
    };
    Ok(Prepared { at: Some(at), ..prepared })
}

/// The requests of a batch name the model of its address.
fn named(body: &Bytes, deployment: &Deployment) -> Result<Bytes, Refusal> {
    let mut value = parsed(body)?.into_value();
    let name = Value::from(format!("models/{}", deployment.model));
    let mut changed = false;
    for request in value.get_mut("requests").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Value::Object(request) = request {
            changed |= request.get("model") != Some(&name);
            request.insert("model".to_owned(), name.clone());
        }
    }
    Ok(if changed { json_text::write(&value, body.len() + 256).into() } else { body.clone() })
}

fn rewritten_embeddings(
    draft: &mut Draft<'_>,
    decoded: &Decoded<'_>,
    deployment: &Deployment,
    variant: &EmbeddingVariant,
) -> Result<Prepared, Refusal> {
    let body = draft.spliced(decoded);
    let form = decoded.asked.embeddings;
    let request = form.decode_request(parsed(&body)?).map_err(|error| undecodable(&error))?;
    let asked = request.encoding.clone();
    let typed = asked.is_some();
    let (mut request, lost) = form.told_in(variant, request).map_err(unsayable)?;
    draft.notices.extend(lost);
    let tokens = |input: &ModelInput| matches!(input, ModelInput::Tokens(_));
    if !variant.token_inputs
        && let Some(place) = request.inputs.iter().position(tokens)
    {
        let path = if request.single { "input".to_owned() } else { form.input_path(place) };
        let message = format!(
            "'{path}' is tokens, and provider '{}' takes texts only; tokens of one model mean nothing to another",
            deployment.provider.name
        );
        return Err(Refusal::new(RefusalCode::Untranslatable, message).param(path));
    }
    request.model.clear();
    if !variant.form.is_addressed() {
        request.model.push_str(deployment.model.as_str());
    }
    // A vendor that tells numbers only is not asked for anything else; they are rewritten later.
    let wanted = request.encoding.clone().or(asked).unwrap_or(VectorEncoding::Float);
    if variant.elements == Elements::Int8 && !matches!(wanted, VectorEncoding::Other(_)) {
        draft
            .notices
            .push(Notice::hint("encoding_format", "the provider's numbers have 8 bits; they are written wider"));
    }
    let tokens = request.inputs.iter().map(about_tokens).sum();
    let pieces = openai_embeddings::split(request, variant);
    let size = decoded.body.len() / pieces.len().max(1);
    let counts = pieces.iter().map(|piece| piece.inputs.len()).collect();
    let mut bodies = Vec::with_capacity(pieces.len());
    for piece in &pieces {
        bodies.push(written(draft, variant.form.encode_request(piece, variant), size));
    }
    let more = bodies.split_off(1.min(bodies.len()));
    let body = bodies.pop().unwrap_or_default();
    // Who named a type of numbers gets vectors by their types, also from Cohere's first version.
    let told = if typed && form == EmbeddingForm::CohereFirst { EmbeddingForm::Cohere } else { form };
    let job = Job::Embeddings { counts, wanted, from: variant.clone(), form: told, tokens };
    Ok(Prepared { body, more, carriage: Carriage::Service(Box::new(job)), at: None })
}

/// How many tokens an input has, where nobody counts them.
fn about_tokens(input: &ModelInput) -> u64 {
    match input {
        ModelInput::Text(text) => (text.len() as u64).div_ceil(BYTES_OF_TOKEN),
        ModelInput::Tokens(tokens) => tokens.len() as u64,
    }
}

fn unsayable(error: Unsayable) -> Refusal {
    Refusal::new(RefusalCode::Untranslatable, error.to_string()).param(error.path)
}

fn ranking(draft: &mut Draft<'_>, decoded: &Decoded<'_>, deployment: &Deployment) -> Result<Prepared, Refusal> {
    let variant = &deployment.provider.offers.rerank;
    let body = draft.spliced(decoded);
    let mut request = Rerank::decode_request(parsed(&body)?).map_err(|error| undecodable(&error))?;
    deployment.model.as_str().clone_into(&mut request.model);
    let body = written(draft, Rerank::encode_request(&request, variant), decoded.body.len());
    Ok(Prepared { body, more: Vec::new(), carriage: Carriage::Service(Box::new(Job::Rerank(request))), at: None })
}

impl Job {
    /// The answer as the caller asked for it, from those of all requests in their order, and what they used.
    pub(super) fn answer(
        self,
        answers: Vec<Json<'_>>,
        deployment: &Deployment,
        notices: &mut Vec<Notice>,
    ) -> Result<(Value, Option<Usage>), DecodeError> {
        match self {
            Self::Embeddings { counts, wanted, from: variant, form, tokens } => {
                let answers =
                    answers.into_iter().map(|answer| variant.form.decode_answer(answer)).collect::<Result<_, _>>()?;
                let (whole, lost) = openai_embeddings::join(answers, &counts, &variant, &wanted)?;
                let mut lost = lost;
                let mut whole = variant.form.told_to(form, whole, deployment.model.as_str(), &mut lost);
                let used = whole.usage.clone();
                // Clients of OpenAI read the field without asking whether it is there.
                if form == EmbeddingForm::Openai && used.is_none() {
                    whole.usage = Some(Usage { input: Some(tokens), total: Some(tokens), ..Usage::default() });
                    lost.push(Notice::hint(
                        "usage",
                        "the provider does not count; this is a token for each four bytes",
                    ));
                }
                let told = |notice: Notice| Notice { path: format!("answer.{}", notice.path), ..notice };
                notices.extend(lost.into_iter().map(told));
                Ok((form.encode_answer(&whole), used))
            }
            Self::Rerank(request) => {
                let answer = Rerank::decode_answer(answers.into_iter().next().unwrap_or(Json::Null))?;
                let usage = answer.usage.clone();
                rerank::settle(answer, &request).map(|answer| (Rerank::encode_answer(&answer), usage))
            }
        }
    }
}
