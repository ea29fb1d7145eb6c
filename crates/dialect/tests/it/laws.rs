//! Laws that hold for every message, not only for those that somebody thought of.

use crate::golden::{events, fixture, value};
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Value, json};
use switchtower_dialect::{ALL, Dialect, Variant, WireEvent, sse};
use switchtower_domain::{DialectId, Frame, limits};

/// One change of a message: where, and what stands there afterwards.
#[derive(Debug, Clone)]
pub(crate) enum Change {
    Put(Index, Value),
    Drop(Index),
    Add(Index),
    Repeat(Index),
}

pub(crate) fn change() -> impl Strategy<Value = Change> {
    let values = prop_oneof![
        Just(Value::Null),
        Just(json!([])),
        Just(json!({})),
        Just(json!("")),
        Just(json!("word")),
        Just(json!(7)),
        Just(json!(0.5)),
        Just(json!(true)),
        Just(json!({"type": "unheard_of", "x": [1]})),
    ];
    prop_oneof![
        4 => (any::<Index>(), values).prop_map(|(at, value)| Change::Put(at, value)),
        2 => any::<Index>().prop_map(Change::Drop),
        1 => any::<Index>().prop_map(Change::Add),
        1 => any::<Index>().prop_map(Change::Repeat),
    ]
}

fn pointers(value: &Value, at: String, all: &mut Vec<String>) {
    match value {
        Value::Object(map) => map.iter().for_each(|(key, value)| {
            pointers(value, format!("{at}/{}", key.replace('~', "~0").replace('/', "~1")), all);
        }),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, value)| pointers(value, format!("{at}/{index}"), all));
        }
        _ => {}
    }
    all.push(at);
}

pub(crate) fn apply(value: &mut Value, change: &Change) {
    let mut all = Vec::new();
    pointers(value, String::new(), &mut all);
    all.pop();
    let (Change::Put(at, _) | Change::Drop(at) | Change::Add(at) | Change::Repeat(at)) = change;
    if all.is_empty() {
        return;
    }
    let pointer = at.get(&all).clone();
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    match change {
        Change::Put(_, new) => *value.pointer_mut(&pointer).unwrap() = new.clone(),
        Change::Drop(_) => match value.pointer_mut(parent).unwrap() {
            Value::Object(map) => {
                map.shift_remove(&key.replace("~1", "/").replace("~0", "~"));
            }
            Value::Array(items) => {
                items.remove(key.parse().unwrap());
            }
            _ => {}
        },
        Change::Add(_) => {
            if let Value::Object(map) = value.pointer_mut(&pointer).unwrap() {
                map.insert("unheard_of".to_owned(), json!([1, {"a": null}]));
            }
        }
        Change::Repeat(_) => {
            if let Value::Array(items) = value.pointer_mut(&pointer).unwrap()
                && let Some(last) = items.last().cloned()
            {
                items.push(last);
            }
        }
    }
}

fn changed(own: &dyn Dialect, name: &str, changes: &[Change]) -> Value {
    let mut message = value(own, name);
    changes.iter().for_each(|change| apply(&mut message, change));
    message
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_request_that_is_read_is_written_back_as_it_was(changes in prop::collection::vec(change(), 0..4)) {
        for own in ALL {
            let message = changed(own, "request.json", &changes);
            if let Ok(request) = own.decode_request(message.clone().into()) {
                let same = own.encode_request(&request, &Variant::default());
                prop_assert_eq!(same.body, message, "{}", own.id());
                prop_assert!(same.notices.is_empty());
            }
        }
    }

    #[test]
    fn an_answer_that_is_read_is_written_back_as_it_was(changes in prop::collection::vec(change(), 0..4)) {
        for own in ALL {
            let message = changed(own, "answer.json", &changes);
            if let Ok(answer) = own.decode_answer(message.clone().into(), &Variant::default()) {
                prop_assert_eq!(own.encode_answer(&answer).body, message, "{}", own.id());
            }
        }
    }

    #[test]
    fn an_error_is_always_read_and_written_back_as_it_was(changes in prop::collection::vec(change(), 0..4)) {
        for own in ALL {
            let message = changed(own, "error.json", &changes);
            let failure = own.decode_failure(500, message.to_string().as_bytes());
            prop_assert_eq!(own.encode_failure(&failure, own.id()), message, "{}", own.id());
        }
    }

    #[test]
    fn what_a_translation_drops_it_names(changes in prop::collection::vec(change(), 1..4)) {
        // A field that nobody has heard of is the plainest loss there is.
        for own in ALL {
            let mut message = changed(own, "request.json", &changes);
            message.as_object_mut().unwrap().insert("never_heard".to_owned(), json!("of"));
            if let Ok(request) = own.decode_request(message.into()) {
                for other in ALL.into_iter().filter(|other| other.id() != own.id()) {
                    let sent = other.encode_request(&request, &Variant::default());
                    prop_assert!(sent.notices.iter().any(|notice| notice.path == "never_heard"));
                }
            }
        }
    }

    #[test]
    fn every_cut_of_a_stream_gives_the_same_frames(cuts in prop::collection::vec(any::<Index>(), 0..12)) {
        for own in ALL {
            let text = fixture(own, "stream.sse");
            let bytes = text.as_bytes();
            let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
            places.extend([0, bytes.len()]);
            places.sort_unstable();
            let pieces: Vec<&[u8]> = places.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect();
            prop_assert_eq!(frames(own, &pieces), frames(own, &[bytes]));
        }
    }

    #[test]
    fn a_damaged_stream_never_panics_and_never_ends_twice(
        changes in prop::collection::vec((any::<Index>(), change()), 0..5),
    ) {
        for own in ALL {
            let mut stream = events(&fixture(own, "stream.sse"));
            for (which, change) in &changes {
                let event = which.index(stream.len());
                if let Ok(mut body) = serde_json::from_str::<Value>(&stream[event].data) {
                    apply(&mut body, change);
                    stream[event].data = body.to_string();
                }
            }
            for other in ALL {
                let mut ends = 0;
                let (mut decoder, mut encoder) = (own.stream_decoder(&Variant::default()), other.stream_encoder(true));
                for event in &stream {
                    let Ok(frame) = decoder.decode(event) else { break };
                    let Ok(written) = encoder.encode(&frame) else { break };
                    ends += written.iter().filter(|event| is_end(other.id(), event)).count();
                }
                prop_assert!(ends <= 1);
            }
        }
    }
}

/// Whether a client of a dialect takes an event for the end; events of others mean nothing to it.
fn is_end(client: DialectId, event: &WireEvent) -> bool {
    let body = serde_json::from_str::<Value>(&event.data).unwrap_or_default();
    let kind = body.get("type").and_then(Value::as_str);
    match client {
        DialectId::OpenaiChat => event.data == "[DONE]" && event.name.is_none(),
        DialectId::OpenaiResponses => matches!(kind, Some("response.completed" | "response.incomplete")),
        DialectId::AnthropicMessages => kind == Some("message_stop"),
        DialectId::CohereChat => event.data == "[DONE]",
        DialectId::OllamaChat => body.get("done") == Some(&json!(true)),
        DialectId::GoogleGemini => body.pointer("/candidates/0/finishReason").is_some(),
        DialectId::BedrockConverse => event.name.as_deref() == Some("messageStop"),
    }
}

fn frames(own: &dyn Dialect, pieces: &[&[u8]]) -> Vec<Frame> {
    let mut reader = sse::Reader::new(limits::EVENT_BYTES_MAX);
    let mut decoder = own.stream_decoder(&Variant::default());
    let mut frames = Vec::new();
    for piece in pieces {
        reader.push(piece);
        while let Some(raw) = reader.next_event().unwrap() {
            if let Some(event) = raw.read().and_then(|parsed| parsed.to_wire()) {
                frames.push(decoder.decode(&event).unwrap());
            }
        }
    }
    frames
}
