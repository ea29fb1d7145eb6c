//! What a request needs, held against what is known of the model. Only a fact that says "no" refuses: what nobody stated
//! is left to the provider.

use super::accept::Place;
use super::decode::Decoded;
use memchr::memmem;
use switchtower_catalogue::{Modality, ModelFacts, Serves};
use switchtower_dialect::{dialect, json};
use switchtower_domain::{
    DialectId, Effort, MediaKind, OutputFormat, Param, Part, PartKind, ReasoningMode, Refusal, RefusalCode, Request,
    Source, ToolKind,
};
use switchtower_providers::{Deployment, Operation};

pub(super) fn check(decoded: &Decoded<'_>, deployment: &Deployment) -> Result<(), Refusal> {
    let Some(facts) = deployment.facts.as_deref() else { return Ok(()) };
    let refuse = |path: &str, needs: &str| Err(refusal(deployment, facts, path, needs));
    if let (Some(serves), Some(asked)) = (facts.serves, asked(&decoded.asked.place))
        && serves != asked
    {
        return refuse("model", &format!("gives {}, not {}", serves.as_str(), asked.as_str()));
    }
    let Place::Answer(client) = decoded.asked.place else { return Ok(()) };
    for bound in ["max_tokens", "max_completion_tokens", "max_output_tokens"] {
        let asked =
            decoded.scan.field(bound).and_then(|field| std::str::from_utf8(field.value).ok()?.parse::<u64>().ok());
        if let (Some(asked), Some(most)) = (asked, facts.output_tokens_max)
            && asked > most
        {
            return refuse(bound, &format!("gives at most {most} tokens, and {asked} are asked for"));
        }
    }
    if !may_need(decoded.body, facts) {
        return Ok(());
    }
    // Only now is it worth reading the request whole. One that cannot be read is refused where it is decoded.
    let Ok(value) = json::parse(decoded.body) else { return Ok(()) };
    let value = match decoded.asked.form {
        Some(form) => form.request(value.into_value()).map(json::Json::from),
        None => Ok(value),
    };
    let Ok(request) = value.and_then(|value| dialect(client).decode_request(value)) else { return Ok(()) };
    match lacking(&request, client, facts) {
        Some((path, needs)) => refuse(&path, needs),
        None => Ok(()),
    }
}

const fn asked(place: &Place) -> Option<Serves> {
    match place {
        Place::Answer(_) | Place::CountTokens(_) => Some(Serves::Answers),
        Place::Service(Operation::Embeddings) => Some(Serves::Embeddings),
        Place::Service(Operation::Rerank) => Some(Serves::Rerank),
        // Models that continue text often answer conversations too, and moderate.
        Place::Service(_) | Place::Models | Place::Model(_) | Place::Health | Place::Ready => None,
    }
}

/// Whether the bytes hold a word of something that the model cannot do. Within a text such a word stands between
/// escaped quotes, so hardly any other request is read whole.
fn may_need(body: &[u8], facts: &ModelFacts) -> bool {
    const THOUGHTS: &[&str] = &[r#""reasoning_effort""#, r#""reasoning""#, r#""thinking""#, r#""effort""#];
    const IMAGES: &[&str] = &[r#""image_url""#, r#""input_image""#, r#""image""#];
    const DOCUMENTS: &[&str] = &[r#""file""#, r#""input_file""#, r#""document""#, r#""document_url""#];
    let words: [(bool, &[&str]); 7] = [
        (facts.tools == Some(false), &[r#""tools""#]),
        (facts.structured_output == Some(false), &[r#""json_schema""#]),
        (facts.reasoning == Some(false), THOUGHTS),
        (facts.takes(Modality::Image) == Some(false), IMAGES),
        (facts.takes(Modality::Audio) == Some(false), &[r#""input_audio""#]),
        (facts.takes(Modality::Video) == Some(false), &[r#""video_url""#]),
        (facts.takes(Modality::Document) == Some(false), DOCUMENTS),
    ];
    let holds = |word: &&str| memmem::find(body, word.as_bytes()).is_some();
    words.iter().any(|(lacks, words)| *lacks && words.iter().any(holds))
}

/// The first need that the model cannot meet, and where it stands.
fn lacking(request: &Request, client: DialectId, facts: &ModelFacts) -> Option<(String, &'static str)> {
    let path = |param| dialect(client).param_path(param).to_owned();
    let functions = request.tools.iter().any(|tool| matches!(tool.kind, ToolKind::Function(_)));
    if facts.tools == Some(false) && functions {
        return Some((path(Param::Tools), "calls no tools"));
    }
    if facts.structured_output == Some(false) && matches!(request.output, OutputFormat::Structured(_)) {
        return Some((path(Param::Output), "keeps to no schema"));
    }
    let spec = &request.reasoning;
    let off = spec.mode == Some(ReasoningMode::Disabled) || spec.effort == Some(Effort::None);
    if facts.reasoning == Some(false) && !spec.is_unstated() && !off {
        return Some((path(Param::ReasoningEffort), "does not think"));
    }
    let said = request.instructions.iter().chain(&request.turns).flat_map(|turn| &turn.parts);
    let within = |part: &'_ Part| match &part.kind {
        PartKind::ToolResult(result) => result.content.clone().unwrap_or_default(),
        _ => Vec::new(),
    };
    said.flat_map(|part| within(part).into_iter().chain(std::iter::once(part.clone()))).find_map(|part| {
        let (modality, needs) = content(&part)?;
        (facts.takes(modality) == Some(false)).then(|| (part.at.path().to_owned(), needs))
    })
}

const fn content(part: &Part) -> Option<(Modality, &'static str)> {
    match &part.kind {
        PartKind::Media(media) => Some(match media.kind {
            MediaKind::Image => (Modality::Image, "takes no images"),
            MediaKind::Audio => (Modality::Audio, "takes no sound"),
            MediaKind::Video => (Modality::Video, "takes no film"),
        }),
        // A document of text is text.
        PartKind::Document(document) => match document.source {
            Source::Text { .. } | Source::Parts { .. } => None,
            Source::Url(_) | Source::Base64 { .. } | Source::File(_) => {
                Some((Modality::Document, "takes no documents"))
            }
        },
        _ => None,
    }
}

fn refusal(deployment: &Deployment, facts: &ModelFacts, path: &str, needs: &str) -> Refusal {
    let message = format!(
        "the model of deployment '{}' {needs} ({}, {}); ask another model, or let its operator correct the facts",
        deployment.name, facts.source, facts.date
    );
    let refusal = Refusal::new(RefusalCode::CapabilityMissing, message);
    if path.is_empty() { refusal } else { refusal.param(path) }
}
