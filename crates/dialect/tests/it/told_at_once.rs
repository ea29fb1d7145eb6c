//! Servers tell of a Responses answer in pieces, at the end of an item, or at the end of all: what clients of other
//! dialects read from the stream is what they read from the whole.

use serde_json::{Value, json};
use switchtower_dialect::{ALL, Dialect, Variant, WireEvent, dialect};
use switchtower_domain::{Answer, AnswerBuilder, DialectId, PartKind};

fn message(text: &str) -> Value {
    let cited =
        json!({"type": "url_citation", "url": "https://a.example", "title": "A", "start_index": 0, "end_index": 3});
    json!({"type": "message", "id": "msg_1", "status": "completed", "role": "assistant",
        "content": [{"type": "output_text", "text": text, "annotations": [cited], "logprobs": []}]})
}

fn reasoning() -> Value {
    let summary = |text: &str| json!({"type": "summary_text", "text": text});
    json!({"type": "reasoning", "id": "rs_1", "summary": [summary("one"), summary("two")], "encrypted_content": "gAAA"})
}

fn call(id: &str, arguments: &str) -> Value {
    json!({"type": "function_call", "id": "fc_1", "status": "completed", "call_id": id, "name": "look", "arguments": arguments})
}

fn custom(input: &str) -> Value {
    json!({"type": "custom_tool_call", "id": "ctc_1", "status": "completed", "call_id": "call_3", "name": "run", "input": input})
}

fn answer(status: &str, output: &[Value]) -> Value {
    json!({"id": "resp_1", "object": "response", "created_at": 1, "status": status, "model": "m", "output": output,
        "usage": {"input_tokens": 1, "output_tokens": 2, "total_tokens": 3}})
}

/// The stream of an answer whose items are told by these events.
fn stream(told: Vec<Value>, output: &[Value]) -> Vec<WireEvent> {
    let created = json!({"type": "response.created", "response": answer("in_progress", &[])});
    let completed = json!({"type": "response.completed", "response": answer("completed", output)});
    [vec![created], told, vec![completed]].concat().iter().map(event).collect()
}

pub(crate) fn event(data: &Value) -> WireEvent {
    WireEvent { name: None, data: data.to_string() }
}

fn added(number: usize, item: &Value, key: &str) -> Value {
    let mut item = item.clone();
    let told = item.get_mut(key).unwrap();
    *told = if told.is_array() { json!([]) } else { json!("") };
    json!({"type": "response.output_item.added", "output_index": number, "item": item})
}

fn done(number: usize, item: &Value) -> Value {
    json!({"type": "response.output_item.done", "output_index": number, "item": item})
}

fn piece(kind: &str, number: usize, more: &Value) -> Value {
    let mut event = json!({"type": format!("response.{kind}"), "output_index": number, "item_id": "i"});
    event.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    event
}

/// What a client has in its hands, apart from where its parts stand.
fn content(client: &dyn Dialect, answer: &Answer) -> Vec<String> {
    let mut told: Vec<String> = Vec::new();
    for part in answer.choices.iter().flat_map(|choice| &choice.parts) {
        match &part.kind {
            PartKind::Text { text, .. } if text.is_empty() => {}
            PartKind::Text { text, citations } => told.push(format!("text {text} {}", citations.len())),
            PartKind::Refusal { text } => told.push(format!("refusal {text}")),
            PartKind::Reasoning(thought) => {
                let seal = thought.signature.as_ref().or(thought.sealed.as_ref());
                told.push(format!("{:?} {seal:?}", thought.text.as_ref().or(thought.summary.as_ref())));
            }
            PartKind::ToolCall(call) => {
                // A stream of Messages has no piece of an input that is empty.
                let none = call.arguments.is_empty() && client.id() == DialectId::AnthropicMessages;
                let arguments = if none { "{}" } else { call.arguments.as_str() };
                let arguments = serde_json::from_str(arguments).unwrap_or_else(|_| Value::from(arguments));
                told.push(format!("call {} {} {arguments}", call.id, call.name));
            }
            other => told.push(format!("{other:?}")),
        }
    }
    told.sort();
    told
}

fn streamed(own: &dyn Dialect, client: &dyn Dialect, events: &[WireEvent]) -> Answer {
    let (mut decoder, mut encoder) = (own.stream_decoder(&Variant::default()), client.stream_encoder(true));
    let (mut reader, mut builder) = (client.stream_decoder(&Variant::default()), AnswerBuilder::new(client.id()));
    let mut again = own.stream_encoder(true);
    for event in events {
        let frame = decoder.decode(event).unwrap();
        let [written] = &again.encode(&frame).unwrap()[..] else { panic!("one event is one event") };
        let parsed = |data: &str| serde_json::from_str::<Value>(data).unwrap();
        assert_eq!(parsed(&written.data), parsed(&event.data));
        for told in encoder.encode(&frame).unwrap() {
            reader.decode(&told).unwrap().events.iter().for_each(|event| builder.apply(event).unwrap());
        }
    }
    builder.finish()
}

#[test]
fn what_comes_late_comes_all_the_same() {
    let (text, thought, look) = (message("hello"), reasoning(), call("call_1", r#"{"at":"sea"}"#));
    let (bare, none, quoted) = (call("call_2", ""), call("call_4", "{}"), custom("a \"b\"\\\n"));
    let empty = json!({"type": "output_text", "text": "", "annotations": [], "logprobs": []});
    let begun = || {
        let part = piece("content_part.added", 0, &json!({"content_index": 0, "part": empty}));
        vec![added(0, &text, "content"), part]
    };
    let hel = || piece("output_text.delta", 0, &json!({"content_index": 0, "delta": "hel"}));
    let part = || piece("content_part.done", 0, &json!({"content_index": 0, "part": text["content"][0]}));
    let summary = |number: u64, delta: &str| {
        piece("reasoning_summary_text.delta", 0, &json!({"summary_index": number, "delta": delta}))
    };
    let cases: [(&str, Vec<Value>, Vec<Value>); 11] = [
        ("at the end of the item", vec![done(0, &text)], vec![text.clone()]),
        ("at the end of an item that began", [begun(), vec![done(0, &text)]].concat(), vec![text.clone()]),
        ("at the end of the part", [begun(), vec![part()]].concat(), vec![text.clone()]),
        ("the rest with the item", [begun(), vec![hel(), done(0, &text)]].concat(), vec![text.clone()]),
        ("citations with the part", [begun(), vec![hel(), part(), done(0, &text)]].concat(), vec![text.clone()]),
        ("at the end of all", Vec::new(), vec![thought.clone(), text.clone(), look.clone()]),
        (
            "thoughts and calls at the end of their items",
            vec![done(0, &thought), done(1, &look)],
            vec![thought.clone(), look.clone()],
        ),
        (
            "summaries told apart by their numbers",
            vec![added(0, &thought, "summary"), summary(0, "one"), summary(1, "two"), done(0, &thought)],
            vec![thought.clone()],
        ),
        ("no arguments", vec![added(0, &bare, "arguments"), done(0, &bare)], vec![bare.clone()]),
        ("empty arguments", vec![added(0, &none, "arguments"), done(0, &none)], vec![none.clone()]),
        (
            "a custom tool",
            vec![
                added(0, &quoted, "input"),
                piece("custom_tool_call_input.delta", 0, &json!({"delta": "a \""})),
                done(0, &quoted),
            ],
            vec![quoted.clone()],
        ),
    ];
    let own = dialect(DialectId::OpenaiResponses);
    for (case, told, output) in cases {
        let whole = own.decode_answer(answer("completed", &output).into(), &Variant::default()).unwrap();
        let events = stream(told, &output);
        for client in ALL.into_iter().filter(|client| client.id() != own.id()) {
            let body = client.encode_answer(&whole).body;
            let expected = client.decode_answer(body.into(), &Variant::default()).unwrap();
            let found = streamed(own, client, &events);
            assert_eq!(content(client, &found), content(client, &expected), "{case}, for {}", client.id());
            let stops = |answer: &Answer| answer.choices[0].stop.clone().map(|stop| stop.reason);
            assert_eq!(stops(&found), stops(&expected), "{case}, for {}", client.id());
        }
    }
}
