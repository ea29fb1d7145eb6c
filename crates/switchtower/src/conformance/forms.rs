//! Other forms of a dialect, and what is passed on as it is.
//!
//! What is spoken in another form is written in the dialect's own, held against a look at the recording, and taken
//! through all checks of the dialect; its answers are told in the form again. What only one vendor understands is
//! forwarded, so that its bytes are checked and nothing else.

use super::framing::Framing;
use super::mutation::Mutations;
use super::semantic::differences;
use super::{Findings, answers, events_of_list, forward, listed, requests};
use serde_json::{Map, Value, json};
use switchtower_dialect::bedrock_converse::nova;
use switchtower_dialect::{FirstChatWatch, Form, InvokedWatch, StreamWatch, Variant, chunks, dialect, event_stream};
use switchtower_domain::{DialectId, limits};
use switchtower_sim::recording::{Body, Exchange};

/// What claims an exchange that is in no dialect's own form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spoken {
    /// Another form of a dialect.
    Form(Form),
    /// Words of a model of Bedrock that only it understands.
    Invoked,
    /// The first version of Cohere's chat.
    FirstChat,
}

impl Spoken {
    pub(super) fn of(exchange: &Exchange) -> Option<Self> {
        let body = exchange.request.as_ref()?.body.as_ref()?;
        match exchange.dialect.as_str() {
            "ollama.generate" => Some(Self::Form(Form::Generate)),
            "cohere.v1.chat" => Some(Self::FirstChat),
            // Bodies of Messages are claimed by Messages.
            "bedrock.invoke" | "bedrock.invoke-with-response-stream" if body.get("anthropic_version").is_none() => {
                Some(if nova::is_spoken(body) { Self::Form(Form::Nova) } else { Self::Invoked })
            }
            _ => None,
        }
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Form(Form::Generate) => "ollama_generate",
            Self::Form(Form::Nova) => "bedrock_nova",
            Self::Invoked => "bedrock_invoke",
            Self::FirstChat => "cohere_first_chat",
        }
    }

    const fn dialect(self) -> DialectId {
        match self {
            Self::Form(form) => form.dialect(),
            Self::Invoked => DialectId::BedrockConverse,
            Self::FirstChat => DialectId::CohereChat,
        }
    }

    pub(super) fn check(self, exchange: &Exchange, schemas: &requests::Schemas, findings: &mut Findings) {
        let body = exchange.request.as_ref().and_then(|request| request.body.as_ref());
        if let Some(body) = body {
            forward::request(body, findings);
        }
        match self {
            Self::Form(form) => {
                if let Some(body) = body {
                    reshaped(form, body, findings);
                }
                told_again(form, exchange, findings);
                super::check(&in_own_form(exchange, form), form.dialect(), schemas, findings);
                if exchange.streaming && exchange.response.status < 300 {
                    self.forwarded(exchange, findings);
                }
            }
            Self::Invoked | Self::FirstChat => self.forwarded(exchange, findings),
        }
    }

    pub(super) fn mutate(self, exchange: &Exchange, mutations: &mut Mutations) {
        // What is passed on as it is has no typed values.
        if let Self::Form(form) = self {
            mutations.exchange(&in_own_form(exchange, form), form.dialect());
        }
    }

    /// The answer, as it is passed on.
    fn forwarded(self, exchange: &Exchange, findings: &mut Findings) {
        let own = dialect(self.dialect());
        let bytes = exchange.response.body.to_bytes();
        if exchange.response.status >= 400 {
            return answers::failure(own, exchange.response.status, &bytes, findings);
        }
        if !exchange.streaming {
            // Of a whole answer only that is looked at which would make it an error in disguise.
            let whole = serde_json::from_slice::<Map<String, Value>>(&bytes);
            if !whole.is_ok_and(|whole| whole.get("error").is_none_or(Value::is_null)) {
                findings.push(("answer decodes", "it is no object, or an error".to_owned()));
            }
            return;
        }
        let watch: Box<dyn StreamWatch> = match self {
            Self::Form(Form::Generate) => own.stream_watch(&Variant::default()),
            Self::Form(Form::Nova) | Self::Invoked => Box::new(InvokedWatch::default()),
            Self::FirstChat => Box::new(FirstChatWatch::default()),
        };
        let framing = if own.id() == DialectId::BedrockConverse { Framing::Messages } else { Framing::Events };
        forward::watched(watch, framing, &events_of_list(bytes), findings);
    }
}

/// The request says in the dialect's own form what a look at the recording finds.
fn reshaped(form: Form, body: &Value, findings: &mut Findings) {
    match form.request(body.clone()) {
        Ok(own) => {
            let paths = differences(&expected(form, body), &own);
            if !paths.is_empty() {
                findings.push(("request reshaped", format!("differs at {}", listed(&paths))));
            }
        }
        Err(error) => findings.push(("request reshaped", error.to_string())),
    }
}

/// The same request in the dialect's own form, put together from single places.
fn expected(form: Form, body: &Value) -> Value {
    let mut own = body.clone();
    let Value::Object(map) = &mut own else { return own };
    match form {
        Form::Nova => {
            map.shift_remove("schemaVersion");
            if let Some(bound) = body.pointer("/inferenceConfig/max_new_tokens") {
                set(map, &["inferenceConfig", "maxTokens"], bound);
                unset(map, "inferenceConfig", "max_new_tokens");
            }
            if let Some(count) = body.pointer("/inferenceConfig/topK") {
                set(map, &["additionalModelRequestFields", "inferenceConfig", "topK"], count);
                unset(map, "inferenceConfig", "topK");
            }
        }
        Form::Generate => {
            let text = |key: &str| body.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
            let system = text("system").map(|text| json!({"role": "system", "content": text}));
            let prompt = text("prompt").unwrap_or_default();
            let user = match body.get("images").and_then(Value::as_array).filter(|images| !images.is_empty()) {
                Some(images) => json!({"role": "user", "content": prompt, "images": images}),
                None => json!({"role": "user", "content": prompt}),
            };
            for key in ["prompt", "system", "images", "raw", "suffix", "context"] {
                map.shift_remove(key);
            }
            if text("template").is_none() {
                map.shift_remove("template");
            }
            map.insert("messages".to_owned(), system.into_iter().chain([user]).collect());
        }
    }
    own
}

fn set(map: &mut Map<String, Value>, path: &[&str], value: &Value) {
    match path {
        [key] => drop(map.insert((*key).to_owned(), value.clone())),
        [key, rest @ ..] => {
            let inner = map.entry(*key).or_insert_with(|| json!({}));
            if let Value::Object(inner) = inner {
                set(inner, rest, value);
            }
        }
        [] => {}
    }
}

fn unset(map: &mut Map<String, Value>, key: &str, field: &str) {
    if let Some(Value::Object(inner)) = map.get_mut(key) {
        inner.shift_remove(field);
    }
}

/// Each answer and each piece of a stream comes back when it is told in the form again.
fn told_again(form: Form, exchange: &Exchange, findings: &mut Findings) {
    if exchange.response.status >= 400 {
        return;
    }
    for (place, (told, again)) in told_and_again(form, exchange).into_iter().enumerate() {
        let paths = differences(&told, &again);
        if !paths.is_empty() {
            findings.push(("answer told again", format!("piece {place} differs at {}", listed(&paths))));
        }
    }
}

fn told_and_again(form: Form, exchange: &Exchange) -> Vec<(Value, Value)> {
    let bytes = exchange.response.body.to_bytes();
    let parsed = |data: &[u8]| serde_json::from_slice::<Value>(data).unwrap_or_default();
    if form == Form::Nova && exchange.streaming {
        let carried = |message: &event_stream::Message| chunks::read(message).map(|wire| parsed(wire.data.as_bytes()));
        let again = |message: &event_stream::Message| {
            let mut out = Vec::new();
            nova::write_message(&nova::read_message(message).ok()?, &mut out);
            messages(&out).first().and_then(|message| carried(message).ok())
        };
        return messages(&bytes)
            .iter()
            .map(|message| (carried(message).unwrap_or_default(), again(message).unwrap_or_default()))
            .collect();
    }
    let pieces: Vec<Value> = match exchange.streaming {
        true => bytes.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty()).map(parsed).collect(),
        false => vec![parsed(&bytes)],
    };
    pieces.into_iter().map(|piece| (piece.clone(), form.told(form.read(piece)))).collect()
}

fn messages(bytes: &[u8]) -> Vec<event_stream::Message> {
    let mut reader = event_stream::Reader::new(limits::EVENT_BYTES_MAX);
    reader.push(bytes);
    std::iter::from_fn(|| reader.next_message().ok().flatten()).collect()
}

/// The exchange as if the dialect had been spoken in its own form.
fn in_own_form(exchange: &Exchange, form: Form) -> Exchange {
    let mut own = exchange.clone();
    if let Some(body) = own.request.as_mut().and_then(|request| request.body.as_mut())
        && let Ok(reshaped) = form.request(body.clone())
    {
        *body = reshaped;
    }
    if exchange.response.status >= 400 {
        return own;
    }
    let bytes = exchange.response.body.to_bytes();
    let read = |data: &[u8]| serde_json::from_slice::<Value>(data).map(|piece| form.read(piece)).ok();
    own.response.body = if form == Form::Nova && exchange.streaming {
        let mut out = Vec::new();
        for event in messages(&bytes).iter().filter_map(|message| nova::read_message(message).ok()) {
            event_stream::write_event(&event, &mut out);
        }
        Body::Bytes(out.into())
    } else if exchange.streaming {
        let lines = bytes.split(|byte| *byte == b'\n').filter_map(read);
        Body::Text(lines.map(|line| format!("{line}\n")).collect())
    } else {
        read(&bytes).map_or_else(|| exchange.response.body.clone(), |whole| Body::Text(whole.to_string()))
    };
    own
}
