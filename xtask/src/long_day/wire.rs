//! Requests as the clients of each dialect send them.

use std::time::Duration;

use hyper::Method;
use serde_json::{Value, json};

use super::case::{Answer, Asked, Case, Dialect, Listing, Manner, Service, Wrong};
use super::stage::{BODY_BYTES_MAX, CALLER_KEY};
use super::words::Words;

/// Deeper than the gateway reads.
const TOO_DEEP: usize = 200;
/// The name of the tool, and what makes the simulator call it.
pub(super) const TOOL: &str = "lookup_weather";
const TOOL_PROMPT: &str = "What is the weather in Paris?";
/// The headers that hold a client's key.
const KEYS: [&str; 3] = ["authorization", "x-api-key", "x-goog-api-key"];
/// Dimensions of the vectors that are asked for.
pub(super) const DIMENSIONS: usize = 8;

/// A request that is ready to be sent.
#[derive(Debug, Clone)]
pub(super) struct Outgoing {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: String,
    pub(super) pace: SendPace,
    pub(super) reading: ReadPace,
}

/// How the body is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SendPace {
    AtOnce,
    /// In so many pieces with a pause before each.
    Pieces(usize, Duration),
    /// Half of it, and never the rest.
    HalfAndWait,
    /// Half of it, and then the connection is closed.
    HalfAndLeave,
}

/// How the answer is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ReadPace {
    AtOnce,
    /// With a pause after each of the first pieces.
    Pausing(Duration, u64),
    /// So many pieces, and then the connection is closed.
    Leaving(u64),
}

impl Outgoing {
    pub(super) fn of(case: &Case) -> Self {
        match &case.asked {
            Asked::Answer(answer) => of_answer(answer),
            Asked::Service { service, words, count, fault } => {
                let fault = fault.map(|fault| format!("?fault={fault}")).unwrap_or_default();
                let model = format!("chat/sim-embed{fault}");
                post(Dialect::Chat, service.path(), &of_service(*service, &model, words, *count))
            }
            Asked::CountTokens { client, provider, words } => {
                let model = format!("{}/sim-1", provider.word());
                let client = client.counts_in();
                let mut body = question(client, &model, &words.prompt());
                if let Some(body) = body.as_object_mut() {
                    body.shift_remove("max_tokens");
                }
                match client {
                    Dialect::Responses => post(client, "/v1/responses/input_tokens", &body),
                    Dialect::Gemini => post(client, &addressed(client, &model, "countTokens"), &body),
                    Dialect::Converse => {
                        let body = json!({"input": {"converse": body}});
                        post(client, &addressed(client, &model, "count-tokens"), &body)
                    }
                    _ => post(client, "/v1/messages/count_tokens", &body),
                }
            }
            Asked::Listing(listing) => {
                let path = match listing {
                    Listing::Models => "/v1/models",
                    Listing::Model => "/v1/models/via-chat",
                    Listing::Health => "/healthz",
                };
                Self { method: Method::GET, body: String::new(), ..post(Dialect::Chat, path, &Value::Null) }
            }
            Asked::Wrong { wrong, client, words } => of_wrong(*wrong, *client, words),
        }
    }

    /// A request for a count that the gateway estimates.
    pub(super) fn estimated() -> Self {
        let words = Words { text: "once".to_owned(), tokens: 1 };
        let asked = Asked::CountTokens { client: Dialect::Messages, provider: Dialect::Chat, words };
        Self::of(&Case { number: 0, fresh: true, asked })
    }

    /// A short question to a model by its name, with a key.
    pub(super) fn probe(model: &str, key: &str, words: &Words) -> Self {
        let path = path(Dialect::Chat, model, false);
        let mut probe = post(Dialect::Chat, &path, &question(Dialect::Chat, model, &words.prompt()));
        for (name, value) in &mut probe.headers {
            if *name == "authorization" {
                *value = format!("Bearer {key}");
            }
        }
        probe
    }
}

fn of_answer(answer: &Answer) -> Outgoing {
    let prompt = if answer.tool { TOOL_PROMPT.to_owned() } else { answer.words.prompt() };
    let model = answer.model();
    let mut body = question(answer.client, &model, &prompt);
    if answer.streamed && !answer.client.is_addressed() {
        set(&mut body, "stream", json!(true));
        if answer.client == Dialect::Chat {
            set(&mut body, "stream_options", json!({"include_usage": true}));
        }
    }
    if answer.tool {
        let (name, tools) = match answer.client {
            Dialect::Converse => ("toolConfig", json!({"tools": [tool(answer.client)]})),
            client => ("tools", json!([tool(client)])),
        };
        set(&mut body, name, tools);
    }
    let mut outgoing = post(answer.client, &path(answer.client, &model, answer.streamed), &body);
    match answer.manner {
        Manner::Usual => {}
        Manner::Leaves(pieces) => outgoing.reading = ReadPace::Leaving(pieces),
        Manner::LeavesEarly => outgoing.pace = SendPace::HalfAndLeave,
        Manner::SendsSlowly => outgoing.pace = SendPace::Pieces(4, Duration::from_millis(25)),
        Manner::NeverSends => outgoing.pace = SendPace::HalfAndWait,
        Manner::ReadsSlowly => outgoing.reading = ReadPace::Pausing(Duration::from_millis(5), 40),
    }
    outgoing
}

fn of_service(service: Service, model: &str, words: &Words, count: u64) -> Value {
    let texts: Vec<String> = (0..count).map(|index| format!("{} {index}", words.text)).collect();
    match service {
        Service::Embeddings => json!({"model": model, "input": texts, "dimensions": DIMENSIONS}),
        Service::Rerank => json!({"model": model, "query": words.text, "documents": texts}),
        Service::Completions => json!({"model": model, "prompt": words.text, "max_tokens": 5}),
        Service::Fim => json!({"model": model, "prompt": words.text, "suffix": "end", "max_tokens": 5}),
        Service::Moderations => json!({"model": model, "input": texts}),
    }
}

fn of_wrong(wrong: Wrong, client: Dialect, words: &Words) -> Outgoing {
    let model = match wrong {
        Wrong::Model => "nobody-knows-this",
        Wrong::Provider => "nobody/sim-1",
        _ => "chat/sim-1",
    };
    let mut body = question(client, model, &words.prompt());
    match wrong {
        Wrong::NoModel => {
            if let Some(body) = body.as_object_mut() {
                body.shift_remove("model");
            }
        }
        Wrong::StreamWord => set(&mut body, "stream", json!("yes")),
        _ => {}
    }
    let mut outgoing = post(client, &path(client, model, false), &body);
    match wrong {
        Wrong::Json => outgoing.body.truncate(outgoing.body.len() - 1),
        Wrong::DuplicateKey => outgoing.body.insert_str(1, "\"twice\":1,\"twice\":1,"),
        Wrong::Depth => {
            let nested = "[".repeat(TOO_DEEP) + &"]".repeat(TOO_DEEP);
            outgoing.body.insert_str(1, &format!("\"metadata\":{nested},"));
        }
        Wrong::Size => {
            let padding = " ".repeat(BODY_BYTES_MAX);
            outgoing.body.push_str(&padding);
        }
        Wrong::Key => {
            for (name, value) in &mut outgoing.headers {
                if KEYS.contains(name) {
                    value.push('x');
                }
            }
        }
        Wrong::NoKey => outgoing.headers.retain(|(name, _)| !KEYS.contains(name)),
        Wrong::MediaType => {
            for (name, value) in &mut outgoing.headers {
                if *name == "content-type" {
                    "text/plain".clone_into(value);
                }
            }
        }
        Wrong::Path => nowhere(client).clone_into(&mut outgoing.path),
        Wrong::Method => outgoing.method = Method::DELETE,
        Wrong::NoModel | Wrong::StreamWord | Wrong::Model | Wrong::Provider => {}
    }
    outgoing
}

fn path(client: Dialect, model: &str, streamed: bool) -> String {
    match client {
        Dialect::Chat => "/v1/chat/completions".to_owned(),
        Dialect::Responses => "/v1/responses".to_owned(),
        Dialect::Messages => "/v1/messages".to_owned(),
        Dialect::Gemini if streamed => addressed(client, model, "streamGenerateContent") + "?alt=sse",
        Dialect::Gemini => addressed(client, model, "generateContent"),
        Dialect::Converse => addressed(client, model, if streamed { "converse-stream" } else { "converse" }),
        Dialect::Cohere => "/v2/chat".to_owned(),
        Dialect::Ollama => "/api/chat".to_owned(),
    }
}

/// An address that names a model and what is asked of it.
fn addressed(client: Dialect, model: &str, asked: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let letter = |byte: u8| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    let model: String = model.bytes().map(letter).collect();
    match client {
        Dialect::Converse => format!("/model/{model}/{asked}"),
        _ => format!("/v1beta/models/{model}:{asked}"),
    }
}

/// Where nothing is, among the addresses of a dialect.
const fn nowhere(client: Dialect) -> &'static str {
    match client {
        Dialect::Chat | Dialect::Responses | Dialect::Messages => "/v1/nowhere-at-all",
        Dialect::Gemini => "/v1beta/nowhere-at-all",
        Dialect::Converse => "/model/nowhere-at-all",
        Dialect::Cohere => "/v2/nowhere-at-all",
        Dialect::Ollama => "/api/nowhere-at-all",
    }
}

fn post(client: Dialect, path: &str, body: &Value) -> Outgoing {
    let mut headers = vec![("content-type", "application/json".to_owned())];
    match client {
        Dialect::Chat | Dialect::Responses | Dialect::Converse | Dialect::Cohere | Dialect::Ollama => {
            headers.push(("authorization", format!("Bearer {CALLER_KEY}")));
        }
        Dialect::Gemini => headers.push(("x-goog-api-key", CALLER_KEY.to_owned())),
        Dialect::Messages => {
            headers.push(("x-api-key", CALLER_KEY.to_owned()));
            headers.push(("anthropic-version", "2023-06-01".to_owned()));
        }
    }
    Outgoing {
        method: Method::POST,
        path: path.to_owned(),
        headers,
        body: body.to_string(),
        pace: SendPace::AtOnce,
        reading: ReadPace::AtOnce,
    }
}

fn question(client: Dialect, model: &str, prompt: &str) -> Value {
    let turns = json!([{"role": "user", "content": prompt}]);
    match client {
        Dialect::Chat => json!({"model": model, "messages": turns}),
        Dialect::Responses => json!({"model": model, "input": prompt, "store": false}),
        Dialect::Messages => json!({"model": model, "max_tokens": 20_000, "messages": turns}),
        Dialect::Gemini => json!({"contents": [{"role": "user", "parts": [{"text": prompt}]}]}),
        Dialect::Converse => json!({"messages": [{"role": "user", "content": [{"text": prompt}]}]}),
        Dialect::Cohere => json!({"model": model, "messages": turns}),
        // It streams unless told otherwise.
        Dialect::Ollama => json!({"model": model, "stream": false, "messages": turns}),
    }
}

fn tool(client: Dialect) -> Value {
    let schema = json!({
        "type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"], "additionalProperties": false,
    });
    let description = "Weather of a city";
    match client {
        Dialect::Chat | Dialect::Cohere | Dialect::Ollama => {
            json!({"type": "function", "function": {"name": TOOL, "description": description, "parameters": schema}})
        }
        Dialect::Responses => {
            json!({"type": "function", "name": TOOL, "description": description, "parameters": schema, "strict": false})
        }
        Dialect::Messages => json!({"name": TOOL, "description": description, "input_schema": schema}),
        Dialect::Gemini => json!({
            "functionDeclarations": [{"name": TOOL, "description": description, "parametersJsonSchema": schema}],
        }),
        Dialect::Converse => {
            json!({"toolSpec": {"name": TOOL, "description": description, "inputSchema": {"json": schema}}})
        }
    }
}

fn set(body: &mut Value, name: &str, value: Value) {
    if let Some(body) = body.as_object_mut() {
        body.insert(name.to_owned(), value);
    }
}
