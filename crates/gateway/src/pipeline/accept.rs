//! Which endpoint is meant, and whether the head of the request may come in at all.

use super::{bedrock, gemini};
use crate::Settings;
use crate::holder::Holder;
use crate::reply::Refused;
use crate::signature::{SignatureError, Signed};
use crate::stream::Framing;
use crate::timeline;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HOST, ORIGIN, TRANSFER_ENCODING};
use http::request::Parts;
use http::{HeaderMap, Method};
use std::sync::Arc;
use switchtower_dialect::services::EmbeddingForm;
use switchtower_dialect::{Form, dialect};
use switchtower_domain::{DialectId, Refusal, RefusalCode};
use switchtower_providers::{Operation, Within};

/// A request whose head may come in.
#[derive(Debug)]
pub(super) struct Accepted {
    pub(super) place: Place,
    /// What the client speaks.
    pub(super) client: DialectId,
    /// The API within which the client speaks it, where that is not its own.
    pub(super) within: Option<Within>,
    pub(super) headers: HeaderMap,
    /// The holder of the key that the caller presents, once it is known.
    pub(super) caller: Option<Arc<Holder>>,
    /// How it is signed, where it is signed as requests to AWS are.
    pub(super) signed: Option<Box<Result<Signed, SignatureError>>>,
    /// What the address says in place of the body, in dialects where it does.
    pub(super) addressed: Option<Addressed>,
    /// In which other form of its dialect the client speaks, if it does.
    pub(super) form: Option<Form>,
    /// Whose form of embeddings the client uses, where it asks for some.
    pub(super) embeddings: EmbeddingForm,
}

/// What an address says of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Addressed {
    /// The model that is asked for.
    pub(super) model: String,
    /// Whether the answer is to be streamed.
    pub(super) streamed: bool,
    /// How the pieces of a streamed answer are told apart.
    pub(super) framing: Framing,
}

impl Accepted {
    pub(super) fn framing(&self) -> Framing {
        match (&self.place, self.form) {
            (Place::Answer(_), Some(Form::Generate)) => return Framing::Generate,
            (Place::Answer(_), Some(Form::Nova)) => return Framing::Nova,
            (Place::Service(Operation::Invoke), _) => return Framing::Invoked,
            (Place::Service(Operation::FirstChat), _) => return Framing::FirstChat,
            _ => {}
        }
        let usual = if dialect(self.client).streams_lines() { Framing::Lines } else { Framing::Events };
        self.addressed.as_ref().map_or(usual, |addressed| addressed.framing)
    }

    /// Whether the answer is streamed where the request does not say.
    pub(super) fn streams_unsaid(&self) -> bool {
        let can = match self.place {
            Place::Service(operation) => operation.streams(),
            _ => true,
        };
        can && dialect(self.client).streams_lines()
    }
}

/// The endpoints.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    Answer(DialectId),
    CountTokens(DialectId),
    /// What is asked for besides answers.
    Service(Operation),
    Models,
    Model(String),
    Health,
    Ready,
}

/// What works, for the answer to who asks for what does not yet.
pub(super) const BUILT: &str = "POST /v1/chat/completions, /v1/responses, /v1/responses/input_tokens, /v1/messages, /v1/messages/count_tokens, /v1/embeddings, /v1/rerank, /v1/completions, /v1/fim/completions and /v1/moderations, POST /v1beta/models/MODEL:generateContent, :streamGenerateContent, :countTokens, :embedContent and :batchEmbedContents, :predict (of embeddings), :rawPredict and :streamRawPredict of Vertex AI, POST /model/MODEL/converse, /converse-stream, /invoke, /invoke-with-response-stream and /count-tokens, POST /v2/chat, /v2/embed, /v2/rerank, /v1/chat (of Cohere) and /v1/embed, POST /api/chat, /api/generate, /api/embed and /api/embeddings, GET /api/tags, and GET /v1/models";

/// Where services are asked for.
const SERVICES: [(&str, Operation); 11] = [
    ("/v1/chat", Operation::FirstChat),
    ("/v1/embeddings", Operation::Embeddings),
    ("/v1/embed", Operation::Embeddings),
    ("/v1/rerank", Operation::Rerank),
    ("/v2/embed", Operation::Embeddings),
    ("/api/embed", Operation::Embeddings),
    ("/api/embeddings", Operation::Embeddings),
    ("/v2/rerank", Operation::Rerank),
    ("/v1/completions", Operation::Completions),
    ("/v1/fim/completions", Operation::Fim),
    ("/v1/moderations", Operation::Moderations),
];

/// The forms of embeddings that are not those of `OpenAI`, by where they are asked for.
const EMBEDDING_FORMS: [(&str, EmbeddingForm); 4] = [
    ("/v1/embed", EmbeddingForm::CohereFirst),
    ("/v2/embed", EmbeddingForm::Cohere),
    ("/api/embed", EmbeddingForm::Ollama),
    ("/api/embeddings", EmbeddingForm::OllamaFirst),
];

/// Where Ollama is asked for an answer to one prompt.
const GENERATE: &str = "/api/generate";

/// Endpoints of the dialects that are not built yet, with everything beneath them.
const UNBUILT: [&str; 36] = [
    "/v1/responses",
    "/v1/files",
    "/v1/batches",
    "/v1/images",
    "/v1/audio",
    "/v1/uploads",
    "/v1/vector_stores",
    "/v1/assistants",
    "/v1/threads",
    "/v1/realtime",
    "/v1/conversations",
    "/v1/videos",
    "/v1/containers",
    "/v1/evals",
    "/v1/fine_tuning",
    "/v1/messages/batches",
    "/v1/complete",
    "/v1/organizations",
    "/v1/skills",
    "/v1/agents",
    "/v1/sessions",
    "/v1/environments",
    "/v1/organization",
    "/v1/chatkit",
    "/v1/fine-tunes",
    "/v1/edits",
    "/v1/ocr",
    "/v1/chat/moderations",
    "/v1/chat/completions",
    "/v1/classify",
    "/v1/tokenize",
    "/v1/detokenize",
    "/api/show",
    "/api/version",
    "/api/ps",
    "/api/pull",
];

const STRICT: &str = "x-switchtower-strict";

pub(super) fn accept(settings: &Settings, head: Parts) -> Result<Accepted, Refused> {
    check_framing(&head.headers)?;
    check_size(settings, &head)?;
    if settings.access.is_keyless() {
        check_local(&head)?;
    }
    let client = dialect_of(head.uri.path(), &head.headers);
    let of_model = gemini::method(head.uri.path());
    let of_bedrock = bedrock::called(head.uri.path());
    let within = of_model.as_ref().and_then(gemini::Called::within);
    let within = within.or_else(|| of_bedrock.as_ref().and_then(bedrock::Called::within));
    let embeddings = of_model.as_ref().and_then(gemini::Called::embeddings);
    let embeddings = embeddings.unwrap_or_else(|| embedding_form(head.uri.path()));
    let form = (head.uri.path().trim_end_matches('/') == GENERATE).then_some(Form::Generate);
    let (place, method) = match (&of_model, &of_bedrock) {
        (Some(called), _) => (called.place()?, Method::POST),
        (None, Some(called)) => (called.place()?, Method::POST),
        (None, None) => place(head.uri.path())?,
    };
    let mut head = head;
    let signed = Signed::read(&head).map(Box::new);
    if client == DialectId::GoogleGemini {
        gemini::take_key(&mut head);
    }
    let addressed = of_model.and_then(|called| called.addressed(head.uri.query()));
    let addressed = addressed.or_else(|| of_bedrock.map(bedrock::Called::addressed));
    if head.method != method && !(method == Method::GET && head.method == Method::HEAD) {
        let allow = if method == Method::GET { "GET, HEAD" } else { "POST" };
        let message = format!("{} takes {allow}, not {}", head.uri.path(), head.method);
        let refusal = Refusal::new(RefusalCode::MethodNotAllowed, message);
        return Err(Refused {
            refusal: Box::new(refusal),
            deployment: None,
            name: None,
            allow: Some(allow),
            close: false,
        });
    }
    if method == Method::POST {
        check_media_type(&head.headers, within)?;
        check_length(settings, &head.headers)?;
        check_strict(&head.headers)?;
        timeline::check(settings, &head.headers)?;
    }
    Ok(Accepted { place, client, within, headers: head.headers, caller: None, signed, addressed, form, embeddings })
}

/// The dialect in which a client expects its answer, even if it is "no".
pub(super) fn dialect_of(path: &str, headers: &HeaderMap) -> DialectId {
    if path.starts_with("/anthropic/") {
        return DialectId::AnthropicMessages;
    }
    if bedrock::is_spoken(path) {
        return DialectId::BedrockConverse;
    }
    if let Some(spoken) = gemini::spoken(path, headers) {
        return spoken;
    }
    if path == "/api" || path.starts_with("/api/") {
        return DialectId::OllamaChat;
    }
    let first_of_cohere = |path: &str| ["/v1/chat", "/v1/embed"].contains(&path.trim_end_matches('/'));
    if path.starts_with("/cohere/") || path == "/v2" || path.starts_with("/v2/") || first_of_cohere(path) {
        return DialectId::CohereChat;
    }
    let responses = |path: &str| path == "/v1/responses" || path.starts_with("/v1/responses/");
    if responses(path) || path.strip_prefix("/openai").is_some_and(responses) {
        return DialectId::OpenaiResponses;
    }
    let service = SERVICES
        .iter()
        .any(|(service, _)| path.strip_prefix(service).is_some_and(|rest| rest.trim_end_matches('/').is_empty()));
    if service || path.starts_with("/openai/") || path.starts_with("/v1/chat/") {
        return DialectId::OpenaiChat;
    }
    let messages = path.starts_with("/v1/messages");
    if messages || headers.contains_key("anthropic-version") || headers.contains_key("x-api-key") {
        DialectId::AnthropicMessages
    } else {
        DialectId::OpenaiChat
    }
}

/// The path without the name of the vendor whose SDK it was written by.
fn bare(path: &str) -> &str {
    let vendors = ["/openai/v1/", "/anthropic/v1/", "/cohere/v1/", "/cohere/v2/"];
    let found = vendors.iter().find_map(|prefix| path.starts_with(prefix).then(|| path.get(prefix.len() - 4..)));
    found.flatten().unwrap_or(path)
}

/// Whose form of embeddings is spoken at a path.
fn embedding_form(path: &str) -> EmbeddingForm {
    let path = bare(path).trim_end_matches('/');
    EMBEDDING_FORMS.iter().find(|(at, _)| *at == path).map_or(EmbeddingForm::Openai, |(_, form)| *form)
}

fn place(path: &str) -> Result<(Place, Method), Refusal> {
    let bare = bare(path);
    // Clients that join addresses leave a slash at the end, which means nothing anywhere here but in a model's name.
    let trimmed = bare.trim_end_matches('/');
    if let Some((_, operation)) = SERVICES.iter().find(|(path, _)| *path == trimmed) {
        return Ok((Place::Service(*operation), Method::POST));
    }
    let found = match trimmed {
        "/v1/chat/completions" => (Place::Answer(DialectId::OpenaiChat), Method::POST),
        "/v1/responses" => (Place::Answer(DialectId::OpenaiResponses), Method::POST),
        "/v1/responses/input_tokens" => (Place::CountTokens(DialectId::OpenaiResponses), Method::POST),
        "/v1/messages" => (Place::Answer(DialectId::AnthropicMessages), Method::POST),
        "/v1/messages/count_tokens" => (Place::CountTokens(DialectId::AnthropicMessages), Method::POST),
        "/v2/chat" => (Place::Answer(DialectId::CohereChat), Method::POST),
        "/api/chat" | GENERATE => (Place::Answer(DialectId::OllamaChat), Method::POST),
        "/api/tags" => (Place::Models, Method::GET),
        "/v1/models" => (Place::Models, Method::GET),
        "/healthz" => (Place::Health, Method::GET),
        "/readyz" => (Place::Ready, Method::GET),
        "/v1beta/models" | "/v1beta1/publishers/google/models" => (Place::Models, Method::GET),
        _ => match ["/v1/models/", "/v1beta/models/", "/v1beta1/publishers/google/models/"]
            .iter()
            .find_map(|models| bare.strip_prefix(models))
            .and_then(percent_decoded)
        {
            Some(name) if !name.is_empty() => (Place::Model(name), Method::GET),
            _ => return Err(no_such_place(trimmed)),
        },
    };
    Ok(found)
}

fn no_such_place(path: &str) -> Refusal {
    if path.split('/').any(|part| part == "cachedContents") {
        let message = format!(
            "cachedContents asks the provider to keep what is sent, which no request here may; send it with each request, of which providers cache the beginning by themselves; what works: {BUILT}"
        );
        return Refusal::new(RefusalCode::NotImplemented, message);
    }
    let beneath =
        |prefix: &&str| path.strip_prefix(*prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    match UNBUILT.iter().find(|prefix| beneath(prefix)) {
        // Only what was stored there is missing.
        Some(prefix @ (&"/v1/chat/completions" | &"/v1/responses")) => {
            let message = format!("nothing beneath {prefix} is served yet; what works: {BUILT}");
            Refusal::new(RefusalCode::NotImplemented, message)
        }
        Some(prefix) => {
            Refusal::new(RefusalCode::NotImplemented, format!("{prefix} is not served yet; what works: {BUILT}"))
        }
        None => Refusal::new(RefusalCode::UnknownPath, format!("there is nothing at this path; what works: {BUILT}")),
    }
}

pub(super) fn percent_decoded(text: &str) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            out.push(byte);
            continue;
        }
        let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        out.push(digit(bytes.next()?)? * 16 + digit(bytes.next()?)?);
    }
    String::from_utf8(out).ok()
}

/// Where a body ends must be said once and in one way; otherwise a proxy before us may have found another end, and what
/// follows on this connection may be a request that nobody meant to send.
fn check_framing(headers: &HeaderMap) -> Result<(), Refused> {
    let mut codings = headers.get_all(TRANSFER_ENCODING).iter();
    let Some(coding) = codings.next() else { return Ok(()) };
    let message = if codings.next().is_some() || !coding.as_bytes().eq_ignore_ascii_case(b"chunked") {
        "the transfer-encoding of a request must be 'chunked', said once, or left out"
    } else if headers.contains_key(CONTENT_LENGTH) {
        "a request must not have both a content-length and a transfer-encoding"
    } else {
        return Ok(());
    };
    let refusal = Refusal::new(RefusalCode::InvalidRequest, message);
    Err(Refused { refusal: Box::new(refusal), deployment: None, name: None, allow: None, close: true })
}

/// The HTTP server refuses heads that are larger still before they come here; this is the exact bound.
fn check_size(settings: &Settings, head: &Parts) -> Result<(), Refusal> {
    let limits = &settings.limits;
    let refuse = |message: String| {
        let mut refusal = Refusal::new(RefusalCode::TooLarge, message);
        refusal.status = 431;
        Err(refusal)
    };
    if head.headers.len() > limits.headers_max {
        return refuse(format!("the request has more than {} headers (limits.headers_max)", limits.headers_max));
    }
    let size: usize = head.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    let target = head.uri.path_and_query().map_or(0, |target| target.as_str().len());
    if size + target > limits.header_bytes_max {
        let max = limits.header_bytes_max;
        return refuse(format!("the head of the request is larger than {max} bytes (limits.header_bytes_max)"));
    }
    Ok(())
}

/// A page of a foreign site must not be able to use a gateway that asks for no key: neither with a request of its own
/// origin nor after rebinding its name to this machine.
fn check_local(head: &Parts) -> Result<(), Refusal> {
    let host = match head.headers.get(HOST) {
        Some(host) => host.to_str().ok(),
        None => head.uri.authority().map(http::uri::Authority::as_str),
    };
    if head.headers.get_all(HOST).iter().count() > 1 || !host.is_some_and(is_local_authority) {
        return Err(foreign("Host header"));
    }
    // The target of the request may name a machine too, and readers differ in which of the two they believe.
    let target = head.uri.authority().map(http::uri::Authority::as_str);
    if target.is_some_and(|target| !host.is_some_and(|host| host.eq_ignore_ascii_case(target))) {
        return Err(foreign("target of the request"));
    }
    if head.headers.get_all(ORIGIN).iter().all(|origin| origin.to_str().is_ok_and(is_local_origin)) {
        Ok(())
    } else {
        Err(foreign("Origin header"))
    }
}

fn foreign(what: &str) -> Refusal {
    Refusal::new(
        RefusalCode::ForeignOrigin,
        format!(
            "a gateway without keys serves this machine only, and the {what} names another; configure keys to serve others"
        ),
    )
}

fn is_local_origin(origin: &str) -> bool {
    origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://")).is_some_and(is_local_authority)
}

/// Whether an authority names this machine, by a name that no foreign site can have.
pub fn is_local_authority(authority: &str) -> bool {
    ["localhost", "127.0.0.1", "[::1]"].iter().any(|local| {
        let rest = authority
            .get(..local.len())
            .filter(|host| host.eq_ignore_ascii_case(local))
            .and_then(|_| authority.get(local.len()..));
        rest.is_some_and(|rest| {
            rest.is_empty()
                || rest
                    .strip_prefix(':')
                    .is_some_and(|port| port.len() <= 5 && port.bytes().all(|byte| byte.is_ascii_digit()))
        })
    })
}

fn check_media_type(headers: &HeaderMap, within: Option<Within>) -> Result<(), Refusal> {
    let essence = |value: &str| value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let plain = |name| headers.get(name).and_then(|value| value.to_str().ok());
    match plain(CONTENT_TYPE) {
        // Spelt out, because every request says exactly this.
        Some("application/json") => {}
        Some(value) if essence(value) == "application/json" => {}
        // SDKs of Bedrock leave the media type of such bodies to their callers.
        None if within == Some(Within::InvokeModel) => {}
        Some(value) if within == Some(Within::InvokeModel) && essence(value) == "application/octet-stream" => {}
        _ => {
            return Err(Refusal::new(
                RefusalCode::UnsupportedMediaType,
                "the body must be declared with content-type: application/json",
            ));
        }
    }
    match headers.get(CONTENT_ENCODING) {
        Some(encoding) if !encoding.as_bytes().eq_ignore_ascii_case(b"identity") => Err(Refusal::new(
            RefusalCode::UnsupportedMediaType,
            "a compressed body is not taken; send it without content-encoding",
        )),
        _ => Ok(()),
    }
}

/// A caller who misspells the wish must not believe that it was heard.
fn check_strict(headers: &HeaderMap) -> Result<(), Refusal> {
    let mut values = headers.get_all(STRICT).iter().map(|value| match value.as_bytes() {
        value if value.eq_ignore_ascii_case(b"true") => Some(true),
        value if value.eq_ignore_ascii_case(b"false") => Some(false),
        _ => None,
    });
    let Some(first) = values.next() else { return Ok(()) };
    if first.is_none() || values.any(|value| value != first) {
        let message = format!("the header {STRICT} must be 'true' or 'false', and one of them only");
        return Err(Refusal::new(RefusalCode::InvalidRequest, message));
    }
    Ok(())
}

fn check_length(settings: &Settings, headers: &HeaderMap) -> Result<(), Refusal> {
    let stated = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if stated.is_some_and(|stated| stated > settings.limits.body_bytes_max as u64) {
        return Err(too_large(settings));
    }
    Ok(())
}

pub(super) fn too_large(settings: &Settings) -> Refusal {
    let max = settings.limits.body_bytes_max;
    Refusal::new(RefusalCode::TooLarge, format!("the body is larger than {max} bytes (limits.body_bytes_max)"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_local() {
        for local in ["localhost", "LOCALHOST:8080", "127.0.0.1:1", "[::1]", "[::1]:65535"] {
            assert!(is_local_authority(local), "{local}");
        }
        for foreign in ["", "localhost.evil.example", "127.0.0.1.nip.io", "localhost:80@evil", "evil:8080", "::1"] {
            assert!(!is_local_authority(foreign), "{foreign}");
        }
        assert!(is_local_origin("http://localhost:3000"));
        assert!(!is_local_origin("null"));
        assert!(!is_local_origin("https://evil.example"));
    }

    #[test]
    fn places_are_found() {
        let found = |path: &str| place(path).map(|(place, _)| place);
        assert_eq!(found("/openai/v1/chat/completions"), Ok(Place::Answer(DialectId::OpenaiChat)));
        assert_eq!(found("/anthropic/v1/messages"), Ok(Place::Answer(DialectId::AnthropicMessages)));
        assert_eq!(found("/v1/models/openai%2Fgpt-5"), Ok(Place::Model("openai/gpt-5".to_owned())));
        assert_eq!(found("/v1/models/sim/sim-1"), Ok(Place::Model("sim/sim-1".to_owned())));
        assert_eq!(found("/v1/chat/completions/"), Ok(Place::Answer(DialectId::OpenaiChat)));
        assert_eq!(found("/anthropic/v1/messages/"), Ok(Place::Answer(DialectId::AnthropicMessages)));
        assert_eq!(found("/v2/embed"), Ok(Place::Service(Operation::Embeddings)));
        assert_eq!(found("/cohere/v1/chat"), Ok(Place::Service(Operation::FirstChat)));
        assert_eq!(found("/api/generate"), Ok(Place::Answer(DialectId::OllamaChat)));
        assert_eq!(found("/cohere/v2/chat"), Ok(Place::Answer(DialectId::CohereChat)));
        assert_eq!(found("/v1/responses/"), Ok(Place::Answer(DialectId::OpenaiResponses)));
        assert_eq!(found("/v1/responses/input_tokens"), Ok(Place::CountTokens(DialectId::OpenaiResponses)));
        assert_eq!(found("/v1/models/"), Ok(Place::Models));
        assert_eq!(found("/openai/v1/embeddings"), Ok(Place::Service(Operation::Embeddings)));
        assert_eq!(found("/v1/fim/completions/"), Ok(Place::Service(Operation::Fim)));
        for path in [
            "/v1/responses/resp_1",
            "/v1/responses/resp_1/cancel",
            "/v1/realtime",
            "/v1/audio/speech",
            "/v1/organization/usage/embeddings",
            "/v1/messages/batches",
            "/v1/chat/completions/c1",
            "/v1/tokenize",
            "/v1beta/cachedContents",
            "/v1beta/cachedContents/c1",
            "/v1beta1/projects/p/locations/l/cachedContents",
        ] {
            assert_eq!(found(path).unwrap_err().code, RefusalCode::NotImplemented, "{path}");
        }
        for path in ["/", "/v1", "/v1/embeddingsx", "/v1/models/%zz", "/v2/messages"] {
            assert_eq!(found(path).unwrap_err().code, RefusalCode::UnknownPath, "{path}");
        }
    }
}
