//! Fixture in, snapshot out.

use serde_json::{Value, json};
use std::fmt::Write as _;
use std::path::PathBuf;
use switchtower_dialect::{ALL, Dialect, Variant, WireEvent, sse};
use switchtower_domain::{AnswerBuilder, DialectId, Event, Extras, Frame, limits};

pub(crate) fn fixture(own: &dyn Dialect, name: &str) -> String {
    let path =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src").join(own.id().as_str()).join("fixtures").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("every dialect has {}: {error}", path.display()))
}

pub(crate) fn value(own: &dyn Dialect, name: &str) -> Value {
    serde_json::from_str(&fixture(own, name)).unwrap()
}

pub(crate) fn events(text: &str) -> Vec<WireEvent> {
    let mut reader = sse::Reader::new(limits::EVENT_BYTES_MAX);
    reader.push(text.as_bytes());
    let mut events = Vec::new();
    while let Some(raw) = reader.next_event().unwrap() {
        events.extend(raw.read().and_then(|parsed| parsed.to_wire()));
    }
    events
}

fn others(own: &dyn Dialect) -> impl Iterator<Item = &'static dyn Dialect> {
    let id = own.id();
    ALL.into_iter().filter(move |other| other.id() != id)
}

/// As JSON text: numbers keep their digits there.
fn snapshot(name: &str, value: &impl serde::Serialize) {
    insta::assert_snapshot!(name, serde_json::to_string_pretty(value).unwrap());
}

fn notices(list: &[switchtower_domain::Notice]) -> Vec<String> {
    list.iter().map(ToString::to_string).collect()
}

#[test]
fn requests() {
    for own in ALL {
        let original = value(own, "request.json");
        let request = own.decode_request(original.clone().into()).unwrap();
        assert_eq!(own.encode_request(&request, &Variant::default()).body, original, "{}", own.id());
        snapshot(&format!("{}_request", own.id()), &request);
        for other in others(own) {
            let sent = other.encode_request(&request, &Variant::default());
            let told = json!({"body": sent.body, "notices": notices(&sent.notices)});
            snapshot(&format!("{}_request_to_{}", own.id(), other.id()), &told);
        }
    }
}

#[test]
fn answers() {
    for own in ALL {
        let original = value(own, "answer.json");
        let answer = own.decode_answer(original.clone().into(), &Variant::default()).unwrap();
        assert_eq!(own.encode_answer(&answer).body, original, "{}", own.id());
        snapshot(&format!("{}_answer", own.id()), &answer);
        for other in others(own) {
            let told = other.encode_answer(&answer);
            let told = json!({"body": told.body, "notices": notices(&told.notices)});
            snapshot(&format!("{}_answer_to_{}", own.id(), other.id()), &told);
        }
    }
}

#[test]
fn streams() {
    for own in ALL {
        let recorded = events(&fixture(own, "stream.sse"));
        let (mut decoder, mut encoder) = (own.stream_decoder(&Variant::default()), own.stream_encoder(true));
        let mut builder = AnswerBuilder::new(own.id());
        let mut frames = Vec::new();
        for event in &recorded {
            let frame = decoder.decode(event).unwrap();
            let written = encoder.encode(&frame).unwrap();
            let parsed = |event: &WireEvent| {
                serde_json::from_str(&event.data).unwrap_or_else(|_| Value::from(event.data.as_str()))
            };
            assert_eq!(written.iter().map(parsed).collect::<Vec<Value>>(), [parsed(event)], "{}", own.id());
            frame.events.iter().for_each(|event| builder.apply(event).unwrap());
            frames.push(frame);
        }
        assert!(decoder.complete());
        if !builder.ended() {
            // Who has no event for the end is given one.
            frames.push(Frame { origin: own.id(), name: None, events: vec![Event::Ended], extras: Extras::none() });
        }
        snapshot(&format!("{}_stream_collected", own.id()), &builder.finish());
        for other in others(own) {
            let mut encoder = other.stream_encoder(true);
            let mut told = String::new();
            for event in frames.iter().flat_map(|frame| encoder.encode(frame).unwrap()) {
                let _ = writeln!(told, "{} {}", event.name.unwrap_or_default(), event.data);
            }
            insta::assert_snapshot!(format!("{}_stream_to_{}", own.id(), other.id()), told);
        }
    }
}

#[test]
fn errors() {
    for own in ALL {
        let original = fixture(own, "error.json");
        let failure = own.decode_failure(429, original.as_bytes());
        assert_eq!(own.encode_failure(&failure, own.id()), value(own, "error.json"));
        snapshot(&format!("{}_error", own.id()), &failure);
    }
}

#[test]
fn refusals_have_the_shape_of_their_dialect() {
    use switchtower_domain::{Refusal, RefusalCode};
    for own in ALL {
        let told: Vec<Value> = RefusalCode::ALL
            .iter()
            .map(|code| {
                let refusal = Refusal::new(*code, "what happened, and what to do");
                json!({"code": code.as_str(), "status": own.refusal_status(&refusal), "body": own.encode_refusal(&refusal, "req_1")})
            })
            .collect();
        snapshot(&format!("{}_refusals", own.id()), &told);
    }
}

#[test]
fn results_from_before_calls_had_ids_are_written_back_as_they_were() {
    let chat = switchtower_dialect::dialect(DialectId::OpenaiChat);
    let original = json!({"model": "m", "messages": [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": null, "function_call": {"name": "look", "arguments": "{}"}},
        {"role": "function", "name": "look", "content": "nothing"},
    ]});
    let request = chat.decode_request(original.clone().into()).unwrap();
    assert_eq!(chat.encode_request(&request, &Variant::default()).body, original);
    let sent = others(chat).next().unwrap().encode_request(&request, &Variant::default());
    let named: Vec<&str> = sent.notices.iter().map(|notice| notice.path.as_str()).collect();
    assert!(named.contains(&"messages[1].function_call") && named.contains(&"messages[2]"), "{named:?}");
}

#[test]
fn a_stream_that_ends_before_it_began_or_fails_by_name_is_no_answer() {
    let event = |name: Option<&str>, data: &str| WireEvent { name: name.map(str::to_owned), data: data.to_owned() };
    let chunk = r#"{"id":"c","choices":[{"index":0,"delta":{"content":"a"},"finish_reason":null}]}"#;
    let chat = switchtower_dialect::dialect(DialectId::OpenaiChat);
    assert!(chat.stream_decoder(&Variant::default()).decode(&event(None, "[DONE]")).is_err());
    assert!(chat.stream_watch(&Variant::default()).look(None, b"[DONE]").is_err());
    let mut decoder = chat.stream_decoder(&Variant::default());
    decoder.decode(&event(None, chunk)).unwrap();
    let frame = decoder.decode(&event(Some("error"), r#"{"message":"boom"}"#)).unwrap();
    assert!(
        matches!(frame.events.as_slice(), [switchtower_domain::Event::Failed(failure)] if failure.message.is_some())
    );
    let messages = switchtower_dialect::dialect(DialectId::AnthropicMessages);
    let stop = r#"{"type":"message_stop"}"#;
    assert!(messages.stream_decoder(&Variant::default()).decode(&event(Some("message_stop"), stop)).is_err());
    assert!(messages.stream_watch(&Variant::default()).look(Some(b"message_stop"), stop.as_bytes()).is_err());
}

#[test]
fn calls_without_ids_are_told_apart_for_clients_that_need_ids() {
    let chat = switchtower_dialect::dialect(DialectId::OpenaiChat);
    let call = json!({"type": "function", "function": {"name": "look", "arguments": "{}"}});
    let answer = json!({"id": "c1", "object": "chat.completion", "created": 1, "model": "m", "choices": [
        {"index": 0, "message": {"role": "assistant", "content": null, "tool_calls": [call, call]}, "finish_reason": "tool_calls"}]});
    let answer = chat.decode_answer(answer.into(), &Variant::default()).unwrap();
    let messages = switchtower_dialect::dialect(DialectId::AnthropicMessages);
    let told = messages.encode_answer(&answer).body;
    assert_eq!((&told["content"][0]["id"], &told["content"][1]["id"]), (&json!("call_c1_0"), &json!("call_c1_1")));
}

#[test]
fn the_beginning_of_an_answer_is_not_carried_silently() {
    let turns = json!([{"role": "user", "content": "hi"}, {"role": "assistant", "content": "I think"}]);
    for own in ALL {
        let list = own.param_path(switchtower_domain::Param::Turns);
        let mut body = json!({"model": "m", list: turns});
        if own.id() == DialectId::GoogleGemini {
            let turn = |role: &str, text: &str| json!({"role": role, "parts": [{"text": text}]});
            body[list] = json!([turn("user", "hi"), turn("model", "I think")]);
        }
        if own.id() == DialectId::BedrockConverse {
            let turn = |role: &str, text: &str| json!({"role": role, "content": [{"text": text}]});
            body[list] = json!([turn("user", "hi"), turn("assistant", "I think")]);
        }
        let request = own.decode_request(body.clone().into()).unwrap();
        let sent = others(own).next().unwrap().encode_request(&request, &Variant::default());
        assert!(sent.notices.iter().any(|notice| notice.path == format!("{list}[1]")), "{}", own.id());
    }
}

#[test]
fn a_vendors_own_word_for_stopping_is_known_and_written_back() {
    let chat = switchtower_dialect::dialect(DialectId::OpenaiChat);
    let finish_reasons = [("eos".to_owned(), switchtower_domain::StopReason::EndTurn)].into_iter().collect();
    let variant = Variant { finish_reasons, ..Variant::default() };
    let original = json!({"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [
        {"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "eos"}]});
    let answer = chat.decode_answer(original.clone().into(), &variant).unwrap();
    assert_eq!(chat.encode_answer(&answer).body, original);
    let messages = switchtower_dialect::dialect(DialectId::AnthropicMessages);
    assert_eq!(messages.encode_answer(&answer).body["stop_reason"], "end_turn");
    let chunk = r#"{"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"content":"a"},"finish_reason":"eos"}]}"#;
    let event = WireEvent { name: None, data: chunk.to_owned() };
    let frame = chat.stream_decoder(&variant).decode(&event).unwrap();
    let written = chat.stream_encoder(true).encode(&frame).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&written[0].data).unwrap(), serde_json::from_str::<Value>(chunk).unwrap());
}

#[test]
fn usage_is_asked_for_where_the_vendor_wants_to_be_asked() {
    use switchtower_dialect::StreamUsage;
    let chat = switchtower_dialect::dialect(DialectId::OpenaiChat);
    let body = json!({"model": "m", "max_tokens": 9, "stream": true, "messages": [{"role": "user", "content": "hi"}]});
    let request = others(chat).next().unwrap().decode_request(body.into()).unwrap();
    for (stream_usage, asked) in
        [(StreamUsage::Asked, true), (StreamUsage::Always, false), (StreamUsage::Refused, false)]
    {
        let sent = chat.encode_request(&request, &Variant { stream_usage, ..Variant::default() }).body;
        assert_eq!(sent.get("stream_options").is_some(), asked, "{stream_usage:?}");
    }
}

#[test]
fn how_many_probabilities_says_nothing_to_chat_completions_without_them() {
    let body = json!({"model": "m", "input": "hi", "top_logprobs": 2});
    let request = switchtower_dialect::dialect(DialectId::OpenaiResponses).decode_request(body.into()).unwrap();
    let sent = switchtower_dialect::dialect(DialectId::OpenaiChat).encode_request(&request, &Variant::default());
    assert_eq!(sent.body.get("top_logprobs"), None);
    assert!(sent.notices.iter().any(|notice| notice.path == "top_logprobs"), "{:?}", sent.notices);
}

#[test]
fn no_bound_on_tokens_is_no_loss_where_none_is_required() {
    let chat = switchtower_dialect::dialect(DialectId::OpenaiChat);
    let responses = switchtower_dialect::dialect(DialectId::OpenaiResponses);
    for (own, other) in [(chat, responses), (responses, chat)] {
        let list = own.param_path(switchtower_domain::Param::Turns);
        let body = json!({"model": "m", list: [{"role": "user", "content": "hi"}], "store": false});
        let sent = other.encode_request(&own.decode_request(body.into()).unwrap(), &Variant::default());
        assert_eq!(notices(&sent.notices), [""; 0], "{}", own.id());
    }
}
