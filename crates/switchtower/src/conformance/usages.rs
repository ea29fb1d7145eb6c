//! What recorded answers say that they used: as it was recorded, and as it is read here.

use super::framing::{self, Cutter};
use super::rows::{self, Row};
use super::services::Claimed;
use super::{claimed, events_of_list, streams};
use serde_json::Value;
use std::path::Path;
use switchtower_dialect::services::Service;
use switchtower_dialect::services::cohere_embed::CohereEmbed;
use switchtower_dialect::services::openai_completions::Completions;
use switchtower_dialect::services::openai_embeddings::Embeddings;
use switchtower_dialect::services::rerank::Rerank;
use switchtower_dialect::{StreamEnding, Variant, dialect};
use switchtower_domain::{DialectId, Usage};
use switchtower_sim::recording::{self, Exchange, FolderError};

/// The usage of one recorded answer.
#[derive(Debug, Clone, PartialEq)]
pub struct RecordedUsage {
    /// The recording, by its path in the folder.
    pub file: String,
    /// The kind of provider.
    pub kind: String,
    /// The wire format, such as `openai.chat`.
    pub dialect: String,
    /// The model that answered, as the answer names it, or else as it was asked for.
    pub model: String,
    /// The usage as it is read here.
    pub usage: Usage,
    /// The usage as it was recorded; of a stream all reports, the later over the earlier.
    pub recorded: Value,
}

/// Every usage of a folder of recordings.
///
/// # Errors
/// [`FolderError`] where the folder or one of its files cannot be read.
pub fn usages(folder: &Path) -> Result<Vec<RecordedUsage>, FolderError> {
    let mut found = Vec::new();
    for (path, exchange) in recording::load_folder(folder)? {
        if exchange.response.status >= 300 {
            continue;
        }
        let read = match (claimed(&exchange), Claimed::of(&exchange)) {
            (Some(id), _) => answer(&exchange, id),
            (None, Some(service)) if !exchange.streaming => serve(&exchange, service),
            _ => None,
        };
        let Some(Read { model, usage, recorded }) = read else { continue };
        let Some(model) = model.or_else(|| asked_for(&exchange)) else { continue };
        let file = path.strip_prefix(folder).unwrap_or(&path).display().to_string();
        let kind = kind(&exchange).to_owned();
        found.push(RecordedUsage { file, kind, dialect: exchange.dialect.clone(), model, usage, recorded });
    }
    Ok(found)
}

struct Read {
    model: Option<String>,
    usage: Usage,
    recorded: Value,
}

fn answer(exchange: &Exchange, id: DialectId) -> Option<Read> {
    let own = dialect(id);
    let variant = Row::of(exchange).variant(id);
    let (framing, body) = framing::of(exchange, id, exchange.response.body.to_bytes());
    let body = events_of_list(body);
    let (answer, recorded) = if exchange.streaming && !body.trim_ascii_start().starts_with(b"{") {
        let lenient = Variant { stream_ending: StreamEnding::StopReason, ..variant };
        let read = streams::read(own, &lenient, framing, &[&body]).ok()?;
        (read.answer, reports(Cutter::new(framing), &body))
    } else {
        let value: Value = serde_json::from_slice(&body).ok()?;
        let recorded = rows::usage_in(id, &value).clone();
        (own.decode_answer(value.into(), &variant).ok()?, recorded)
    };
    let mut usage = answer.usage?;
    if usage.service_tier.is_none() {
        usage.service_tier = answer.head.service_tier;
    }
    Some(Read { model: answer.head.model, usage, recorded })
}

/// The reports of usage in a stream, the later over the earlier.
fn reports(mut cutter: Cutter, body: &[u8]) -> Value {
    let mut whole = serde_json::Map::new();
    cutter.push(body);
    let mut take = |data: &str| {
        let Ok(event) = serde_json::from_str::<Value>(data) else { return };
        if event.get("usageMetadata").is_some() {
            // Each of Gemini's reports is a whole one.
            whole.clear();
        }
        let places = ["/message/usage", "/response/usage", "/usageMetadata", "/delta/usage", "/usage"];
        let own = event.get("prompt_eval_count").map(|_| &event);
        for report in places.iter().filter_map(|place| event.pointer(place)).chain(own) {
            for (key, value) in report.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null()) {
                whole.insert(key.clone(), value.clone());
            }
        }
    };
    while let Ok(Some(cut)) = cutter.next() {
        cut.wire.iter().for_each(|wire| take(&wire.data));
    }
    if let Ok(Some(cut)) = cutter.rest() {
        cut.wire.iter().for_each(|wire| take(&wire.data));
    }
    Value::Object(whole)
}

fn serve(exchange: &Exchange, service: Claimed) -> Option<Read> {
    let value: Value = serde_json::from_slice(&exchange.response.body.to_bytes()).ok()?;
    let usage = match service {
        Claimed::Embeddings => Embeddings::decode_answer(value.clone().into()).ok()?.usage,
        Claimed::CohereEmbed => CohereEmbed::decode_answer(value.clone().into()).ok()?.usage,
        Claimed::Rerank => Rerank::decode_answer(value.clone().into()).ok()?.usage,
        Claimed::Completions => Completions::decode_answer(value.clone().into()).ok()?.usage,
        // Neither project has a formula for what these report.
        Claimed::GeminiEmbed
        | Claimed::GeminiBatchEmbed
        | Claimed::VertexPredict
        | Claimed::OllamaEmbed
        | Claimed::OllamaEmbeddings
        | Claimed::Moderations => None,
    };
    let text = |field: &str| value.get(field).and_then(Value::as_str).map(str::to_owned);
    let recorded = value.get("usage").or_else(|| value.get("meta")).cloned().unwrap_or_default();
    Some(Read { model: text("model"), usage: usage?, recorded })
}

/// The model of a request: in its body, or in its address, where it is between `/models/` or `/model/` and a method.
fn asked_for(exchange: &Exchange) -> Option<String> {
    let request = exchange.request.as_ref();
    let said = request.and_then(|request| request.body.as_ref()?.get("model")?.as_str().map(str::to_owned));
    let hint = exchange.request_hint.as_ref().map(|hint| hint.url.as_str());
    let url = request.map(|request| request.url.as_str()).or(hint);
    said.or_else(|| {
        let rest = ["/models/", "/model/"].into_iter().find_map(|place| url?.split_once(place))?.1;
        let model = rest.split(['/', '?']).next()?.replace("%3A", ":");
        let method = model.rsplit_once(':').filter(|(_, method)| method.ends_with("ontent"));
        Some(method.map_or(model.as_str(), |(model, _)| model).to_owned())
    })
}

/// The kind of a recording's provider.
fn kind(exchange: &Exchange) -> &str {
    match exchange.provider.as_str() {
        "google_ai_studio" => "google",
        "google_vertex" if exchange.dialect.starts_with("anthropic") => "google_vertex_anthropic",
        "aws_bedrock" => "bedrock",
        other => other,
    }
}
