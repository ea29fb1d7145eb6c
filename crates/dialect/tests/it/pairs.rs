//! What each dialect carries to each other one, as a table made of the code: each row is a message with one thing in it,
//! written in a client's dialect, read there, and written in a provider's.
//!
//! `SWITCHTOWER_UPDATE_DOCS=1` rewrites `docs/reference/pairs.md`.

use serde_json::{Value, json};
use std::fmt::Write as _;
use switchtower_dialect::{ALL, Dialect, Variant, dialect};
use switchtower_domain::{DialectId, Notice, NoticeClass};

/// What becomes of one thing between two dialects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// It is there as it was.
    Carried,
    /// It is there with a loss that the model does not see.
    Approximated,
    /// The model sees or does something else; a strict caller is refused.
    Refused,
    /// Who writes has no way to say it.
    Unsayable,
}

impl Fate {
    /// The fate of what is lost beyond what every message loses.
    fn of(notices: &[Notice], always: &[Notice]) -> Self {
        match notices.iter().filter(|notice| !always.contains(notice)).map(|notice| notice.class).max() {
            None => Self::Carried,
            Some(NoticeClass::Hint) => Self::Approximated,
            Some(NoticeClass::Meaning) => Self::Refused,
        }
    }

    const fn mark(self) -> &'static str {
        match self {
            Self::Carried => "=",
            Self::Approximated => "≈",
            Self::Refused => "✗",
            Self::Unsayable => "",
        }
    }
}

/// One thing that a message may have, in a dialect that has a word for it, beside what every message has.
struct Probe {
    what: &'static str,
    said_in: DialectId,
    fields: Value,
}

fn probe(what: &'static str, said_in: DialectId, fields: Value) -> Probe {
    Probe { what, said_in, fields }
}

const CHAT: DialectId = DialectId::OpenaiChat;
const MESSAGES: DialectId = DialectId::AnthropicMessages;
const GEMINI: DialectId = DialectId::GoogleGemini;
const PICTURE: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

/// The last turn of the user in Chat Completions, with these parts.
fn chat_parts(parts: &Value) -> Value {
    json!({"messages": [{"role": "user", "content": parts}]})
}

fn messages_parts(parts: &Value) -> Value {
    json!({"messages": [{"role": "user", "content": parts}]})
}

fn tool() -> Value {
    json!({"type": "function", "function": {"name": "look", "description": "looks", "parameters":
        {"type": "object", "properties": {"q": {"type": "string"}}, "required": ["q"], "additionalProperties": false}}})
}

fn called(result: &Value) -> Value {
    json!({"tools": [{"name": "look", "description": "looks", "input_schema": {"type": "object", "properties": {"q": {"type": "string"}}}}],
        "messages": [{"role": "user", "content": "look"},
            {"role": "assistant", "content": [{"type": "tool_use", "id": "toolu_1", "name": "look", "input": {"q": "a"}}]},
            {"role": "user", "content": [result]}]})
}

fn requests() -> Vec<Probe> {
    let schema = json!({"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": false});
    let text = json!({"type": "text", "text": "what is this?"});
    let pdf = "JVBERi0xLjQKJSVFT0YK";
    vec![
        probe("text", CHAT, json!({})),
        probe(
            "instructions",
            CHAT,
            json!({"messages": [{"role": "system", "content": "be brief"}, {"role": "user", "content": "hi"}]}),
        ),
        probe(
            "a developer's turn in the middle",
            CHAT,
            json!({"messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "yes"}, {"role": "developer", "content": "be brief"}, {"role": "user", "content": "hi"}]}),
        ),
        probe("a speaker's name", CHAT, json!({"messages": [{"role": "user", "name": "ann", "content": "hi"}]})),
        probe(
            "a picture, its bytes",
            MESSAGES,
            messages_parts(
                &json!([{"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PICTURE}}, text]),
            ),
        ),
        probe(
            "a picture, its address",
            MESSAGES,
            messages_parts(
                &json!([{"type": "image", "source": {"type": "url", "url": "https://a.example/a.png"}}, text]),
            ),
        ),
        probe(
            "sound",
            CHAT,
            chat_parts(&json!([text, {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}}])),
        ),
        probe(
            "a PDF, its bytes",
            MESSAGES,
            messages_parts(
                &json!([{"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": pdf}}, text]),
            ),
        ),
        probe(
            "a PDF, its address",
            MESSAGES,
            messages_parts(
                &json!([{"type": "document", "source": {"type": "url", "url": "https://a.example/a.pdf"}}, text]),
            ),
        ),
        probe(
            "a document of text, with a title",
            MESSAGES,
            messages_parts(
                &json!([{"type": "document", "title": "t", "source": {"type": "text", "media_type": "text/plain", "data": "words"}}, text]),
            ),
        ),
        probe(
            "a document to be cited",
            MESSAGES,
            messages_parts(
                &json!([{"type": "document", "citations": {"enabled": true}, "source": {"type": "text", "media_type": "text/plain", "data": "words"}}, text]),
            ),
        ),
        probe("function tools", CHAT, json!({"tools": [tool()]})),
        probe("strict tools", CHAT, {
            let mut strict = tool();
            merge(&mut strict, &json!({"function": {"strict": true}}));
            json!({"tools": [strict]})
        }),
        probe("a tool must be called", CHAT, json!({"tools": [tool()], "tool_choice": "required"})),
        probe(
            "one tool must be called",
            CHAT,
            json!({"tools": [tool()], "tool_choice": {"type": "function", "function": {"name": "look"}}}),
        ),
        probe("no tool may be called", CHAT, json!({"tools": [tool()], "tool_choice": "none"})),
        probe("one call at a time", CHAT, json!({"tools": [tool()], "parallel_tool_calls": false})),
        probe(
            "a call and its result",
            MESSAGES,
            called(&json!({"type": "tool_result", "tool_use_id": "toolu_1", "content": "found"})),
        ),
        probe(
            "a result that failed",
            MESSAGES,
            called(&json!({"type": "tool_result", "tool_use_id": "toolu_1", "is_error": true, "content": "no"})),
        ),
        probe(
            "a picture in a result",
            MESSAGES,
            called(
                &json!({"type": "tool_result", "tool_use_id": "toolu_1", "content": [{"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PICTURE}}]}),
            ),
        ),
        probe(
            "a schema for the answer",
            CHAT,
            json!({"response_format": {"type": "json_schema", "json_schema": {"name": "n", "strict": true, "schema": schema}}}),
        ),
        probe("any JSON object as the answer", CHAT, json!({"response_format": {"type": "json_object"}})),
        probe("how hard to think", CHAT, json!({"reasoning_effort": "high"})),
        probe(
            "a budget for thinking",
            MESSAGES,
            json!({"max_tokens": 4096, "thinking": {"type": "enabled", "budget_tokens": 2048}}),
        ),
        probe(
            "signed thoughts of an earlier turn",
            MESSAGES,
            json!({"max_tokens": 4096, "thinking": {"type": "enabled", "budget_tokens": 2048}, "messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": [{"type": "thinking", "thinking": "hm", "signature": "c2ln"}, {"type": "text", "text": "yes"}]}, {"role": "user", "content": "and?"}]}),
        ),
        probe("a bound on tokens", CHAT, json!({"max_completion_tokens": 9})),
        probe("temperature", CHAT, json!({"temperature": 0.5})),
        probe("temperature above 1", CHAT, json!({"temperature": 1.5})),
        probe("top-p", CHAT, json!({"top_p": 0.5})),
        probe("top-k", MESSAGES, json!({"top_k": 5})),
        probe("penalties", CHAT, json!({"presence_penalty": 0.5, "frequency_penalty": 0.5})),
        probe("a seed", CHAT, json!({"seed": 7})),
        probe("stop texts", CHAT, json!({"stop": ["END"]})),
        probe("several answers", CHAT, json!({"n": 2})),
        probe("log-probabilities", CHAT, json!({"logprobs": true, "top_logprobs": 2})),
        probe("weights of tokens", CHAT, json!({"logit_bias": {"50256": -100}})),
        probe(
            "markers for the cache",
            MESSAGES,
            messages_parts(&json!([{"type": "text", "text": "long", "cache_control": {"type": "ephemeral"}}])),
        ),
        probe("the end user", CHAT, json!({"user": "u-1"})),
        probe("labels", CHAT, json!({"metadata": {"a": "b"}})),
        probe("a service tier", CHAT, json!({"service_tier": "flex"})),
        probe(
            "a search that the provider runs",
            MESSAGES,
            json!({"tools": [{"type": "web_search_20250305", "name": "web_search"}]}),
        ),
    ]
}

fn answers() -> Vec<Probe> {
    let chat = |message: Value, rest: Value| {
        let mut said = json!({"role": "assistant", "content": "hi"});
        merge(&mut said, &message);
        let mut answer = json!({"choices": [{"index": 0, "message": said, "finish_reason": "stop"}]});
        merge(&mut answer, &rest);
        answer
    };
    let messages = |content: Value, rest: Value| {
        let mut answer = json!({"content": content});
        merge(&mut answer, &rest);
        answer
    };
    let text = json!([{"type": "text", "text": "hi"}]);
    vec![
        probe("text", CHAT, chat(json!({}), json!({}))),
        probe(
            "calls of tools",
            CHAT,
            json!({"choices": [{"index": 0, "finish_reason": "tool_calls", "message": {"role": "assistant", "content": null, "tool_calls": [{"id": "call_1", "type": "function", "function": {"name": "look", "arguments": "{\"q\":1}"}}, {"id": "call_2", "type": "function", "function": {"name": "look", "arguments": "{\"q\":2}"}}]}}]}),
        ),
        probe(
            "arguments that are no JSON",
            CHAT,
            json!({"choices": [{"index": 0, "finish_reason": "tool_calls", "message": {"role": "assistant", "content": null, "tool_calls": [{"id": "call_1", "type": "function", "function": {"name": "look", "arguments": "{\"q\":"}}]}}]}),
        ),
        probe(
            "signed thoughts",
            MESSAGES,
            messages(
                json!([{"type": "thinking", "thinking": "hm", "signature": "c2ln"}, {"type": "text", "text": "hi"}]),
                json!({}),
            ),
        ),
        probe(
            "sealed thoughts",
            MESSAGES,
            messages(
                json!([{"type": "redacted_thinking", "data": "c2VhbGVk"}, {"type": "text", "text": "hi"}]),
                json!({}),
            ),
        ),
        probe("a refusal in words", CHAT, chat(json!({"content": null, "refusal": "no"}), json!({}))),
        probe(
            "log-probabilities",
            CHAT,
            json!({"choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "hi"}, "logprobs": {"content": [{"token": "hi", "logprob": -0.5, "bytes": [104, 105], "top_logprobs": []}], "refusal": null}}]}),
        ),
        probe(
            "several answers",
            CHAT,
            json!({"choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "a"}}, {"index": 1, "finish_reason": "stop", "message": {"role": "assistant", "content": "b"}}]}),
        ),
        probe("stopped at the bound", MESSAGES, messages(text.clone(), json!({"stop_reason": "max_tokens"}))),
        probe(
            "stopped at a text",
            MESSAGES,
            messages(text, json!({"stop_reason": "stop_sequence", "stop_sequence": "END"})),
        ),
        probe(
            "stopped by a filter",
            GEMINI,
            json!({"candidates": [{"index": 0, "content": {"role": "model", "parts": [{"text": "hi"}]}, "finishReason": "SAFETY"}]}),
        ),
        probe(
            "tokens read from a cache",
            CHAT,
            chat(
                json!({}),
                json!({"usage": {"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11, "prompt_tokens_details": {"cached_tokens": 4}}}),
            ),
        ),
        probe(
            "tokens of thoughts",
            CHAT,
            chat(
                json!({}),
                json!({"usage": {"prompt_tokens": 9, "completion_tokens": 5, "total_tokens": 14, "completion_tokens_details": {"reasoning_tokens": 3}}}),
            ),
        ),
    ]
}

fn merge(into: &mut Value, from: &Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (key, value) in from {
                merge(into.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
        (into, from) => into.clone_from(from),
    }
}

/// What every message has, in the dialects that probes are written in.
fn plain_request(said_in: DialectId) -> Value {
    let turn = json!([{"role": "user", "content": "hi"}]);
    match said_in {
        DialectId::AnthropicMessages => json!({"model": "m", "max_tokens": 100, "messages": turn}),
        _ => json!({"model": "m", "max_completion_tokens": 100, "messages": turn}),
    }
}

fn plain_answer(said_in: DialectId) -> Value {
    match said_in {
        DialectId::AnthropicMessages => json!({"id": "msg_1", "type": "message", "role": "assistant", "model": "m",
            "stop_reason": "end_turn", "stop_sequence": null, "usage": {"input_tokens": 9, "output_tokens": 2}}),
        DialectId::GoogleGemini => json!({"responseId": "r", "modelVersion": "m",
            "usageMetadata": {"promptTokenCount": 9, "candidatesTokenCount": 2, "totalTokenCount": 11}}),
        _ => json!({"id": "c1", "object": "chat.completion", "created": 1, "model": "m",
            "usage": {"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11}}),
    }
}

fn with(mut plain: Value, probe: &Probe) -> Value {
    let map = plain.as_object_mut().unwrap();
    for (key, value) in probe.fields.as_object().unwrap() {
        map.insert(key.clone(), value.clone());
    }
    plain
}

/// The fate of what a request has, from a client's dialect to a provider's.
fn asked(probe: &Probe, client: &dyn Dialect, provider: &dyn Dialect) -> Fate {
    let always = lost_by_request(&plain(probe), client, provider).unwrap_or_default();
    lost_by_request(probe, client, provider).map_or(Fate::Unsayable, |lost| Fate::of(&lost, &always))
}

/// The fate of what an answer has, from a provider's dialect to a client's.
fn answered(probe: &Probe, provider: &dyn Dialect, client: &dyn Dialect) -> Fate {
    let plain = Probe { fields: json!({"content": [{"type": "text", "text": "hi"}]}), ..probe_of(MESSAGES) };
    let always = lost_by_answer(&plain, provider, client).unwrap_or_default();
    lost_by_answer(probe, provider, client).map_or(Fate::Unsayable, |lost| Fate::of(&lost, &always))
}

fn probe_of(said_in: DialectId) -> Probe {
    probe("plain", said_in, json!({}))
}

/// A message with nothing in it but what every message has.
fn plain(probe: &Probe) -> Probe {
    probe_of(probe.said_in)
}

/// What a request loses; nothing where the client cannot say it.
fn lost_by_request(probe: &Probe, client: &dyn Dialect, provider: &dyn Dialect) -> Option<Vec<Notice>> {
    let variant = Variant::default();
    let said = with(plain_request(probe.said_in), probe);
    let request = dialect(probe.said_in).decode_request(said.into()).unwrap();
    let written = client.encode_request(&request, &variant);
    if client.id() != probe.said_in && !written.notices.is_empty() {
        return None;
    }
    let mut read = client.decode_request(written.body.into()).unwrap();
    if read.model.is_empty() {
        "m".clone_into(&mut read.model);
    }
    Some(provider.encode_request(&read, &variant).notices)
}

fn lost_by_answer(probe: &Probe, provider: &dyn Dialect, client: &dyn Dialect) -> Option<Vec<Notice>> {
    let variant = Variant::default();
    let said = with(plain_answer(probe.said_in), probe);
    let answer = dialect(probe.said_in).decode_answer(said.into(), &variant).unwrap();
    let written = provider.encode_answer(&answer);
    if provider.id() != probe.said_in && !written.notices.is_empty() {
        return None;
    }
    let read = provider.decode_answer(written.body.into(), &variant).unwrap();
    Some(client.encode_answer(&read).notices)
}

fn page() -> String {
    let mut text = "<!-- written by a test from the code, do not edit -->\n# What is carried between dialects\n\n\
        Each row is a message with one thing in it, written in the dialect at the head of its table and read there; the columns \
        are the dialects that it is written in then. `=` it is carried; `≈` it is carried with a loss that the model does not see (a notice of class \
        `hint`); `✗` the model would see or do something else: a notice of class `meaning`, and a strict caller is refused by the path. \
        What every message of a dialect loses on its way (fields about the request itself) is left out. Empty: the dialect at the head has no way to say it. Vendors' own variants of a dialect (a provider's [row](providers.md)) may differ. \
        Why, part by part: [the loss matrix](../decisions/0001-canonical-form.md).\n"
        .to_owned();
    for (title, probes, fate) in [
        ("Requests, from clients of", requests(), asked as fn(&Probe, &dyn Dialect, &dyn Dialect) -> Fate),
        ("Answers, from providers of", answers(), answered),
    ] {
        for from in &ALL {
            let _ = write!(text, "\n## {title} `{}`\n\n| |", from.id().as_str());
            for to in ALL {
                let _ = write!(text, " {} |", to.id().as_str());
            }
            let _ = write!(text, "\n| --- |{}\n", " :-: |".repeat(ALL.len()));
            for probe in &probes {
                let fates: Vec<Fate> = ALL.iter().map(|to| fate(probe, *from, *to)).collect();
                if fates.iter().all(|fate| *fate == Fate::Unsayable) {
                    continue;
                }
                let marks: Vec<&str> = fates.iter().map(|fate| fate.mark()).collect();
                let _ = writeln!(text, "| {} | {} |", probe.what, marks.join(" | "));
            }
        }
    }
    text
}

#[test]
fn the_table_of_pairs_is_what_the_code_does() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference/pairs.md");
    let wanted = page();
    if std::env::var_os("SWITCHTOWER_UPDATE_DOCS").is_some() {
        std::fs::write(path, &wanted).unwrap();
    }
    let found = std::fs::read_to_string(path).unwrap_or_default();
    assert!(found == wanted, "docs/reference/pairs.md is stale; run the test with SWITCHTOWER_UPDATE_DOCS=1");
}

#[test]
fn within_a_dialect_everything_that_it_can_say_is_carried() {
    for own in &ALL {
        for probe in requests() {
            let fate = asked(&probe, *own, *own);
            assert!(matches!(fate, Fate::Carried | Fate::Unsayable), "{} in {:?}: {fate:?}", probe.what, own.id());
        }
        for probe in answers() {
            let fate = answered(&probe, *own, *own);
            assert!(matches!(fate, Fate::Carried | Fate::Unsayable), "{} in {:?}: {fate:?}", probe.what, own.id());
        }
    }
}
