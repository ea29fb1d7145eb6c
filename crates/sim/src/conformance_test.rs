//! Holds the checks of all dialects against recorded requests that real providers accepted.

use crate::dialects::{ALL, Place, Strictness};
use crate::directives::Directives;
use crate::failure::Failure;
use crate::recording::{Exchange, load_folder};
use crate::service::Service;
use crate::services::{self, Given};
use crate::{Settings, Sim};
use http_body_util::BodyExt as _;
use serde_json::Value;
use serde_json::json;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The recordings, or `None` with a note where they are not at hand.
fn recordings() -> Option<Vec<(PathBuf, Exchange)>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/traffic");
    if !folder.is_dir() {
        eprintln!("skipped: no recordings at {}", folder.display());
        return None;
    }
    Some(load_folder(&folder).unwrap())
}

#[test]
fn all_recordings_parse() {
    let Some(all) = recordings() else { return };
    assert!(all.len() > 1_000, "{}", all.len());
    assert!(all.windows(2).all(|pair| pair[0].0 < pair[1].0));
}

/// The refusals of accepted requests of one API, and how many requests there were.
fn refusals(provider: &str, api: &str, place: &Place) -> Option<(Vec<String>, usize)> {
    // Services are read by the first dialect of their vendor.
    let vendor = match api.split('.').next().unwrap() {
        "google_ai_studio" | "google_vertex" => "gemini",
        other => other,
    };
    let own = ALL.iter().find(|dialect| dialect.name() == api);
    let dialect = own.or_else(|| ALL.iter().find(|dialect| dialect.name().starts_with(vendor))).unwrap_or(&ALL[0]);
    // The signatures in recordings were made by the real provider.
    let strictness = Strictness { lenient_fields: false, signatures_of: None };
    let (mut refused, mut count) = (Vec::new(), 0);
    for (path, exchange) in recordings()? {
        let Some(request) = exchange.request else {
            continue;
        };
        if exchange.provider != provider || exchange.api != api || exchange.response.status != 200 {
            continue;
        }
        // What a vendor takes in the form of another is checked by the dialect of that form.
        if api.starts_with("ollama.") && exchange.dialect != api {
            continue;
        }
        // What other vendors' models take within `InvokeModel` is in their own words.
        if api.starts_with("bedrock.invoke")
            && request.body.as_ref().is_none_or(|body| body.get("anthropic_version").is_none())
        {
            continue;
        }
        let Some(Value::Object(body)) = request.body else {
            continue;
        };
        count += 1;
        let outcome = match place {
            Place::Service(service) => {
                let directives = Directives::default();
                let given = Given { strictness, seed: 0, answer_seed: 0, model: "m", directives: &directives };
                services::serve(*service, &body, &given).map(drop)
            }
            Place::CountTokens => dialect.count_tokens(&body, strictness).map(drop),
            _ => dialect.read_chat(&body, strictness).map(drop),
        };
        // What the real provider kept is not here.
        let kept = |complaint: &crate::failure::Complaint| {
            ["previous_response_id", "cached_content"].contains(&complaint.at.to_string().as_str())
        };
        if let Err(Failure::Invalid(complaint)) = outcome
            && !kept(&complaint)
        {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            refused.push(format!("{name}: {} {:?}", complaint.at, complaint.kind));
        }
    }
    Some((refused, count))
}

#[test]
fn requests_that_were_accepted_are_accepted() {
    for (provider, api, place) in [
        ("openai", "openai.chat", Place::Chat),
        ("openai", "openai.responses", Place::Chat),
        ("azure_openai", "openai.responses", Place::Chat),
        ("openai", "openai.embeddings", Place::Service(Service::Embeddings)),
        ("openai", "openai.completions", Place::Service(Service::Completions)),
        ("openai", "openai.moderations", Place::Service(Service::Moderations)),
        ("openrouter", "openrouter.rerank", Place::Service(Service::Rerank)),
        ("anthropic", "anthropic.messages", Place::Chat),
        ("anthropic", "anthropic.count_tokens", Place::CountTokens),
        ("google_ai_studio", "google_ai_studio.generateContent", Place::Chat),
        ("google_ai_studio", "google_ai_studio.streamGenerateContent", Place::Chat),
        ("google_ai_studio", "google_ai_studio.countTokens", Place::CountTokens),
        ("google_ai_studio", "google_ai_studio.embedContent", Place::Service(Service::EmbedContent)),
        ("google_vertex", "google_vertex.generateContent", Place::Chat),
        ("google_vertex", "google_vertex.streamGenerateContent", Place::Chat),
        ("google_vertex", "google_vertex.countTokens", Place::CountTokens),
        ("google_vertex", "google_vertex.embedContent", Place::Service(Service::EmbedContent)),
        ("aws_bedrock", "bedrock.converse", Place::Chat),
        ("aws_bedrock", "bedrock.converse-stream", Place::Chat),
        ("aws_bedrock", "bedrock.count-tokens", Place::CountTokens),
        ("aws_bedrock", "bedrock.invoke", Place::Chat),
        ("cohere", "cohere.v2_chat", Place::Chat),
        ("cohere", "cohere.v2_embed", Place::Service(Service::EmbedTexts)),
        ("cohere", "cohere.v2_rerank", Place::Service(Service::RerankDocuments)),
        ("ollama", "ollama.chat", Place::Chat),
        ("ollama", "ollama.embed", Place::Service(Service::EmbedInputs)),
        ("ollama", "ollama.generate", Place::Service(Service::Generate)),
    ] {
        let Some((refused, count)) = refusals(provider, api, &place) else {
            return;
        };
        assert!(refused.len() * 20 <= count, "{api}: {} of {count} refused\n{}", refused.len(), refused.join("\n"));
    }
}

/// The names in a value, each with those around it; what a tool is given is nobody's name.
fn names(value: &Value, around: &str, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            for (name, inner) in fields {
                let name = format!("{around}.{name}");
                if !name.ends_with(".args") {
                    names(inner, &name, found);
                }
                found.insert(name);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| names(item, around, found)),
        _ => {}
    }
}

/// The whole answers and the data of events in a body, whatever form it has.
fn told(body: &[u8]) -> Vec<Value> {
    if let Ok(whole) = serde_json::from_slice(body) {
        return vec![whole];
    }
    let Ok(text) = std::str::from_utf8(body) else {
        return messages(body);
    };
    let data = |line: &str| serde_json::from_str(line.strip_prefix("data:").unwrap_or(line)).ok();
    text.lines().filter_map(data).collect()
}

/// The payloads of an event stream of AWS, each within the name of its event.
fn messages(body: &[u8]) -> Vec<Value> {
    let (mut left, mut found) = (body, Vec::new());
    while !left.is_empty() {
        let number = |at: usize| u32::from_be_bytes(left[at..at + 4].try_into().unwrap()) as usize;
        let (total, from) = (number(0), 12 + number(4));
        let headers = String::from_utf8_lossy(&left[12..from]).into_owned();
        let name = headers.split(":event-type").nth(1).and_then(|rest| rest.get(3..)).unwrap_or_default();
        let name = name.split(|letter: char| !letter.is_ascii_alphanumeric()).next().unwrap_or_default();
        let payload: Value = serde_json::from_slice(&left[from..total - 4]).unwrap();
        found.push(json!({name: payload}));
        left = &left[total..];
    }
    found
}

/// The names in all recorded answers of some dialects, and those in what is answered to these requests.
async fn known_and_made(dialects: &str, asked: Vec<(String, Value)>) -> Option<(BTreeSet<String>, BTreeSet<String>)> {
    let (mut known, mut made) = (BTreeSet::new(), BTreeSet::new());
    for (_, exchange) in recordings()?.iter().filter(|(_, exchange)| exchange.dialect.starts_with(dialects)) {
        told(&exchange.response.body.to_bytes()).iter().for_each(|value| names(value, "", &mut known));
    }
    let sim = Sim::new(Settings::default());
    for (path, body) in asked {
        let request = match &body {
            Value::Null => http::Request::get(path).body(bytes::Bytes::new()),
            body => http::Request::post(path).header("content-type", "application/json").body(body.to_string().into()),
        };
        let answer = sim.answer(request.unwrap()).await.into_body().collect().await.unwrap().to_bytes();
        told(&answer).iter().for_each(|value| names(value, "", &mut made));
    }
    Some((known, made))
}

/// Nothing is answered that no recording has.
fn none_unknown((known, made): &(BTreeSet<String>, BTreeSet<String>), least: usize) {
    assert!(made.len() >= least, "{made:?}");
    assert_eq!(made.difference(known).collect::<Vec<_>>(), Vec::<&String>::new());
}

#[tokio::test]
async fn gemini_answers_have_no_names_but_recorded_ones() {
    let said = |text: &str| json!([{"parts": [{"text": text}]}]);
    let thinking = json!({"thinkingConfig": {"includeThoughts": true}, "responseLogprobs": true, "logprobs": 2});
    let tools = json!([{"functionDeclarations": [{"name": "get_weather"}]}]);
    let long = "word ".repeat(1_500);
    let mut asked = Vec::new();
    for body in [
        json!({"contents": said("hi"), "generationConfig": thinking}),
        json!({"contents": said("weather"), "tools": tools, "generationConfig": thinking}),
        json!({"contents": said("prohibited")}),
        json!({"contents": said(&long)}),
        json!({"contents": said(&long)}),
        json!({"contents": [{"role": "nobody", "parts": [{"text": "a"}]}]}),
    ] {
        for method in ["generateContent", "streamGenerateContent?alt=sse", "streamGenerateContent", "countTokens"] {
            let counts = method == "countTokens";
            let body = if counts { json!({"contents": body["contents"]}) } else { body.clone() };
            asked.push((format!("/v1beta/models/sim-1:{method}"), body));
        }
    }
    let Some(found) = known_and_made("gemini.", asked).await else { return };
    none_unknown(&found, 26);
}

#[tokio::test]
async fn converse_answers_have_no_names_but_recorded_ones() {
    let said = |text: &str| json!([{"role": "user", "content": [{"text": text}]}]);
    let spec = json!({"name": "get_weather", "inputSchema": {"json": {"type": "object"}}});
    let tools = json!({"tools": [{"toolSpec": spec}]});
    let thinking = json!({"thinking": {"type": "enabled", "budget_tokens": 2048}});
    let long = json!([{"text": "word ".repeat(1_500)}, {"cachePoint": {"type": "default"}}]);
    let mut asked = Vec::new();
    for body in [
        json!({"messages": said("redact it"), "additionalModelRequestFields": thinking}),
        json!({"messages": said("weather"), "toolConfig": tools, "additionalModelRequestFields": thinking}),
        json!({"messages": said("hi"), "system": long}),
        json!({"messages": said("hi"), "additionalModelResponseFieldPaths": ["/delta/stop_sequence"]}),
        json!({"messages": []}),
    ] {
        for operation in ["converse", "converse-stream"] {
            asked.push((format!("/model/sim-1/{operation}"), body.clone()));
        }
        let counted = json!({"input": {"converse": {"messages": body["messages"]}}});
        asked.push(("/model/sim-1/count-tokens".to_owned(), counted));
    }
    let Some(mut found) = known_and_made("bedrock.co", asked).await else { return };
    // Recorded in the deltas of whole streams only, and in answers of streams that thought.
    let elsewhere = |name: &String| name.starts_with(".additionalModelResponseFields.");
    found.1.retain(|name| !elsewhere(name));
    none_unknown(&found, 40);
}

#[tokio::test]
async fn cohere_answers_have_no_names_but_recorded_ones() {
    let parameters = json!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]});
    let tools = json!([{"type": "function", "function": {"name": "get_weather", "parameters": parameters}}]);
    let said = |text: &str| json!([{"role": "user", "content": text}]);
    let mut asked = vec![
        ("/v2/embed".to_owned(), json!({"model": "m", "input_type": "clustering", "texts": ["a"]})),
        ("/v2/rerank".to_owned(), json!({"model": "m", "query": "a", "documents": ["a", "b"]})),
        ("/v2/chat".to_owned(), json!({"model": "m", "messages": []})),
    ];
    for body in [
        json!({"model": "m", "messages": said("hi"), "thinking": {"type": "enabled"}}),
        json!({"model": "m", "messages": said("explain the weather"), "tools": tools}),
    ] {
        for streamed in [false, true] {
            let mut body = body.clone();
            body["stream"] = streamed.into();
            asked.push(("/v2/chat".to_owned(), body));
        }
    }
    let Some(found) = known_and_made("cohere.v2", asked).await else { return };
    none_unknown(&found, 50);
}

#[tokio::test]
async fn ollama_answers_have_no_names_but_recorded_ones() {
    let tools = json!([{"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object"}}}]);
    let said = |text: &str| json!([{"role": "user", "content": text}]);
    let mut asked = vec![
        ("/api/tags".to_owned(), Value::Null),
        ("/api/embed".to_owned(), json!({"model": "m", "input": ["a", "b"]})),
        ("/api/chat".to_owned(), json!({"messages": []})),
    ];
    for (path, body) in [
        ("/api/chat", json!({"model": "m", "messages": said("hi"), "think": true})),
        ("/api/chat", json!({"model": "m", "messages": said("weather"), "tools": tools})),
        ("/api/chat", json!({"model": "m", "messages": []})),
        ("/api/generate", json!({"model": "m", "prompt": "Once upon"})),
    ] {
        for streamed in [false, true] {
            let mut body = body.clone();
            body["stream"] = streamed.into();
            asked.push((path.to_owned(), body));
        }
    }
    let Some(found) = known_and_made("ollama.", asked).await else { return };
    none_unknown(&found, 35);
}
