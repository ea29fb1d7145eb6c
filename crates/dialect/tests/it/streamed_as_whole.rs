//! What a client reads from a stream is what it reads from the whole answer, whoever answers and whoever asks.
//!
//! Two differences are meant. A text that goes on after something else comes in two blocks of a stream, because the
//! first one was told already. And a call whose arguments broke off in the middle of an object has these very arguments
//! in a stream of Messages, where the whole answer has them as text within an object: what was sent cannot be wrapped.

#![expect(clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

mod converse;

use crate::told_at_once::event;
use crate::told_by_vendors::{cohere, ollama};
use converse::converse;
use proptest::prelude::*;
use serde_json::{Value, json};
use switchtower_dialect::{ALL, Dialect, Variant, WireEvent, dialect};
use switchtower_domain::{Answer, AnswerBuilder, DialectId, Event, Extras, Frame, PartKind, StopReason};

/// An answer, free of any wire format.
#[derive(Debug, Clone)]
pub(crate) struct Said {
    pub(crate) thought: String,
    pub(crate) text: String,
    refusal: String,
    pub(crate) calls: Vec<Called>,
    pub(crate) cut_off: bool,
    pub(crate) declined: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct Called {
    pub(crate) name: &'static str,
    pub(crate) arguments: String,
}

/// How a server of Chat Completions tells which call a piece belongs to.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Numbers {
    Each,
    AllAlike,
    AllAlikeWithoutIds,
    NoneButIds,
}

/// How a stream is cut and in which turns it comes.
#[derive(Debug, Clone)]
pub(crate) struct Manner {
    numbers: Numbers,
    names_late: bool,
    ids_late: bool,
    turns: bool,
    text_last: bool,
    pub(crate) choices: Vec<u8>,
}

/// A source of arbitrary small numbers.
pub(crate) struct Dice<'a>(pub(crate) std::iter::Cycle<std::slice::Iter<'a, u8>>);

impl Dice<'_> {
    fn below(&mut self, bound: usize) -> usize {
        usize::from(*self.0.next().unwrap()) % bound
    }

    pub(crate) fn cut(&mut self, text: &str) -> Vec<String> {
        let mut pieces = vec![String::new()];
        for letter in text.chars() {
            if self.below(4) == 0 {
                pieces.push(String::new());
            }
            pieces.last_mut().unwrap().push(letter);
        }
        pieces
    }
}

fn said() -> impl Strategy<Value = Said> {
    let words = || prop_oneof![Just(String::new()), "[a-zß\"\\\\ ]{1,12}"];
    let arguments = prop_oneof![
        4 => "[a-z\"{}\\\\ ]{0,8}".prop_map(|text| json!({"at": text, "n": [1, {}]}).to_string()),
        1 => Just("{}".to_owned()),
        1 => Just(String::new()),
        1 => Just("null".to_owned()),
        1 => Just("[1]".to_owned()),
        1 => Just("by the sea".to_owned()),
        1 => Just(" {\"at\": \"sea\"} ".to_owned()),
        1 => Just("{\"at\": \"se".to_owned()),
        1 => Just("{\"at\": }".to_owned()),
    ];
    let call = (prop_oneof![Just("look"), Just("find")], arguments);
    let calls = prop::collection::vec(call.prop_map(|(name, arguments)| Called { name, arguments }), 0..4);
    (words(), words(), words(), calls, any::<bool>(), any::<bool>()).prop_map(
        |(thought, text, refusal, calls, cut_off, declined)| Said { thought, text, refusal, calls, cut_off, declined },
    )
}

fn manner() -> impl Strategy<Value = Manner> {
    let numbers = prop_oneof![
        Just(Numbers::Each),
        Just(Numbers::AllAlike),
        Just(Numbers::AllAlikeWithoutIds),
        Just(Numbers::NoneButIds)
    ];
    (numbers, any::<[bool; 4]>(), prop::collection::vec(any::<u8>(), 61)).prop_map(|(numbers, flags, choices)| {
        let [names_late, ids_late, turns, text_last] = flags;
        Manner { numbers, names_late, ids_late, turns, text_last, choices }
    })
}

/// An answer as a provider tells it: whole, and in pieces.
pub(crate) type Told = (Value, Vec<WireEvent>);

pub(crate) fn named(data: &Value) -> WireEvent {
    WireEvent { name: data.get("type").and_then(Value::as_str).map(str::to_owned), data: data.to_string() }
}

/// Takes one piece of some list at a time, or one list after the other.
fn in_turns(mut lists: Vec<Vec<Value>>, turns: bool, dice: &mut Dice<'_>) -> Vec<Value> {
    let mut all = Vec::new();
    if !turns {
        return lists.concat();
    }
    lists.retain(|list| !list.is_empty());
    while !lists.is_empty() {
        let at = dice.below(lists.len());
        all.push(lists[at].remove(0));
        lists.retain(|list| !list.is_empty());
    }
    all
}

fn chat(said: &Said, manner: &Manner) -> Told {
    let ids = manner.numbers != Numbers::AllAlikeWithoutIds;
    let mut dice = Dice(manner.choices.iter().cycle());
    let word = match (said.cut_off, said.calls.is_empty()) {
        (true, _) => "length",
        (false, false) => "tool_calls",
        (false, true) => "stop",
    };
    let mut calls = Vec::new();
    let mut lists = Vec::new();
    for (place, call) in said.calls.iter().enumerate() {
        let id = format!("call_{place}");
        let mut whole = json!({"type": "function", "function": {"name": call.name, "arguments": call.arguments}});
        let mut entries: Vec<Value> =
            dice.cut(&call.arguments).into_iter().map(|piece| json!({"function": {"arguments": piece}})).collect();
        if manner.numbers == Numbers::AllAlikeWithoutIds {
            // A name without arguments may be the name of the call that was told, once more.
            entries.retain(|entry| entry["function"]["arguments"] != "");
        }
        let (mut id_at, mut name_at) = (0, 0);
        if manner.numbers == Numbers::Each {
            // An id that comes after arguments is taken for none: many servers give none.
            entries.insert(0, json!({"function": {}}));
            id_at = usize::from(manner.ids_late);
            name_at = if manner.names_late { dice.below(entries.len()) } else { 0 };
        }
        entries[0]["type"] = json!("function");
        if ids {
            whole["id"] = json!(id);
            entries[id_at]["id"] = json!(id);
        }
        entries[name_at]["function"]["name"] = json!(call.name);
        for entry in &mut entries {
            match manner.numbers {
                Numbers::Each => entry["index"] = json!(place),
                Numbers::AllAlike | Numbers::AllAlikeWithoutIds => entry["index"] = json!(0),
                Numbers::NoneButIds => {}
            }
        }
        let delta = |entry: Value| json!({"tool_calls": [entry]});
        lists.push(entries.into_iter().map(delta).collect());
        calls.push(whole);
    }
    let mut message = json!({"role": "assistant", "content": said.text});
    let mut deltas = Vec::new();
    if !said.thought.is_empty() {
        message["reasoning_content"] = json!(said.thought);
        deltas.extend(dice.cut(&said.thought).into_iter().map(|piece| json!({"reasoning_content": piece})));
    }
    let mut texts: Vec<Value> = dice.cut(&said.text).into_iter().map(|piece| json!({"content": piece})).collect();
    if !said.refusal.is_empty() {
        message["refusal"] = json!(said.refusal);
        texts.extend(dice.cut(&said.refusal).into_iter().map(|piece| json!({"refusal": piece})));
    }
    if !calls.is_empty() {
        message["tool_calls"] = json!(calls);
    }
    let turns = manner.turns && manner.numbers == Numbers::Each;
    let called = in_turns(lists, turns, &mut dice);
    // Ids that are made up are made of the place, which is another one then.
    if manner.text_last && ids {
        deltas.extend(called);
        deltas.extend(texts);
    } else {
        deltas.extend(texts);
        deltas.extend(called);
    }
    let usage = json!({"prompt_tokens": 3, "completion_tokens": 5, "total_tokens": 8});
    let body = json!({"id": "c1", "object": "chat.completion", "created": 1, "model": "m", "usage": usage,
        "choices": [{"index": 0, "message": message, "finish_reason": word}]});
    let chunk = |delta: Value, word: Value| {
        json!({"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m",
            "choices": [{"index": 0, "delta": delta, "finish_reason": word}]})
    };
    let mut stream: Vec<WireEvent> = deltas.into_iter().map(|delta| event(&chunk(delta, Value::Null))).collect();
    stream.push(event(&chunk(json!({}), json!(word))));
    let mut last = chunk(json!({}), Value::Null);
    (last["choices"], last["usage"]) = (json!([]), usage);
    stream.push(event(&last));
    stream.push(WireEvent { name: None, data: "[DONE]".to_owned() });
    (body, stream)
}

fn messages(said: &Said, manner: &Manner) -> Told {
    let mut dice = Dice(manner.choices.iter().cycle());
    let word = match (said.declined, said.cut_off, said.calls.is_empty()) {
        (true, ..) => "refusal",
        (_, true, _) => "max_tokens",
        (.., false) => "tool_use",
        (.., true) => "end_turn",
    };
    let mut blocks = Vec::new();
    if !said.thought.is_empty() {
        let pieces =
            dice.cut(&said.thought).into_iter().map(|piece| json!({"type": "thinking_delta", "thinking": piece}));
        let mut pieces: Vec<Value> = pieces.collect();
        pieces.push(json!({"type": "signature_delta", "signature": "c2ln"}));
        let whole = json!({"type": "thinking", "thinking": said.thought, "signature": "c2ln"});
        blocks.push((whole, json!({"type": "thinking", "thinking": "", "signature": ""}), pieces));
    }
    if !said.text.is_empty() {
        let pieces =
            dice.cut(&said.text).into_iter().map(|piece| json!({"type": "text_delta", "text": piece})).collect();
        blocks.push((json!({"type": "text", "text": said.text}), json!({"type": "text", "text": ""}), pieces));
    }
    for (place, call) in said.calls.iter().enumerate() {
        // A provider of Messages has objects only.
        let input = serde_json::from_str::<Value>(&call.arguments).ok().filter(Value::is_object).unwrap_or(json!({}));
        let text = if input == json!({}) { String::new() } else { input.to_string() };
        let pieces =
            dice.cut(&text).into_iter().map(|piece| json!({"type": "input_json_delta", "partial_json": piece}));
        let begun = json!({"type": "tool_use", "id": format!("toolu_{place}"), "name": call.name, "input": {}});
        let mut whole = begun.clone();
        whole["input"] = input;
        blocks.push((whole, begun, pieces.collect()));
    }
    let content: Vec<Value> = blocks.iter().map(|(whole, ..)| whole.clone()).collect();
    let usage = json!({"input_tokens": 3, "output_tokens": 5});
    let body = json!({"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": content,
        "stop_reason": word, "stop_sequence": null, "usage": usage});
    let mut begun = body.clone();
    (begun["content"], begun["stop_reason"]) = (json!([]), Value::Null);
    let mut stream = vec![named(&json!({"type": "message_start", "message": begun}))];
    for (index, (_, begun, pieces)) in blocks.into_iter().enumerate() {
        stream.push(named(&json!({"type": "content_block_start", "index": index, "content_block": begun})));
        let delta = |piece| named(&json!({"type": "content_block_delta", "index": index, "delta": piece}));
        stream.extend(pieces.into_iter().map(delta));
        stream.push(named(&json!({"type": "content_block_stop", "index": index})));
    }
    let delta = json!({"stop_reason": word, "stop_sequence": null});
    stream.push(named(&json!({"type": "message_delta", "delta": delta, "usage": usage})));
    stream.push(named(&json!({"type": "message_stop"})));
    (body, stream)
}

fn responses(said: &Said, manner: &Manner) -> Told {
    let mut dice = Dice(manner.choices.iter().cycle());
    let mut output = Vec::new();
    let mut lists: Vec<Vec<Value>> = Vec::new();
    let mut item = |begun: Value, whole: Value, pieces: Vec<Value>| {
        let number = output.len();
        let mut list = vec![json!({"type": "response.output_item.added", "output_index": number, "item": begun})];
        list.extend(pieces.into_iter().map(|mut piece| {
            piece["output_index"] = json!(number);
            piece
        }));
        list.push(json!({"type": "response.output_item.done", "output_index": number, "item": whole}));
        lists.push(list);
        output.push(whole);
    };
    if !said.thought.is_empty() {
        let pieces = dice
            .cut(&said.thought)
            .into_iter()
            .map(|piece| json!({"type": "response.reasoning_summary_text.delta", "summary_index": 0, "delta": piece}));
        let begun = json!({"type": "reasoning", "id": "rs_1", "summary": []});
        let mut whole = begun.clone();
        whole["summary"] = json!([{"type": "summary_text", "text": said.thought}]);
        item(begun, whole, pieces.collect());
    }
    let mut content = Vec::new();
    let mut pieces = Vec::new();
    for (kind, key, text) in [("output_text", "text", &said.text), ("refusal", "refusal", &said.refusal)] {
        if text.is_empty() {
            continue;
        }
        let number = content.len();
        let mut part = json!({"type": kind, key: ""});
        pieces.push(json!({"type": "response.content_part.added", "content_index": number, "part": part}));
        let delta = format!("response.{kind}.delta");
        pieces.extend(
            dice.cut(text).into_iter().map(|piece| json!({"type": delta, "content_index": number, "delta": piece})),
        );
        part[key] = json!(text);
        pieces.push(json!({"type": "response.content_part.done", "content_index": number, "part": part}));
        content.push(part);
    }
    if !content.is_empty() {
        let begun =
            json!({"type": "message", "id": "msg_1", "status": "in_progress", "role": "assistant", "content": []});
        let mut whole = begun.clone();
        (whole["status"], whole["content"]) = (json!("completed"), json!(content));
        item(begun, whole, pieces);
    }
    for (place, call) in said.calls.iter().enumerate() {
        let begun = json!({"type": "function_call", "id": format!("fc_{place}"), "status": "in_progress",
            "call_id": format!("call_{place}"), "name": call.name, "arguments": ""});
        let mut whole = begun.clone();
        (whole["status"], whole["arguments"]) = (json!("completed"), json!(call.arguments));
        let pieces = dice.cut(&call.arguments).into_iter();
        let delta = |piece| json!({"type": "response.function_call_arguments.delta", "delta": piece});
        item(begun, whole, pieces.map(delta).collect());
    }
    let mut body = json!({"id": "resp_1", "object": "response", "created_at": 1, "model": "m", "status": "completed",
        "output": output, "usage": {"input_tokens": 3, "output_tokens": 5, "total_tokens": 8}});
    let mut begun = body.clone();
    (begun["output"], begun["status"], begun["usage"]) = (json!([]), json!("in_progress"), Value::Null);
    let mut kind = "response.completed";
    if said.cut_off {
        kind = "response.incomplete";
        (body["status"], body["incomplete_details"]) = (json!("incomplete"), json!({"reason": "max_output_tokens"}));
    }
    let mut stream = vec![named(&json!({"type": "response.created", "response": begun}))];
    stream.extend(in_turns(lists, manner.turns, &mut dice).iter().map(named));
    stream.push(named(&json!({"type": kind, "response": body})));
    (body, stream)
}

fn gemini(said: &Said, manner: &Manner) -> Told {
    let mut dice = Dice(manner.choices.iter().cycle());
    let word = match (said.declined, said.cut_off) {
        (true, _) => "SAFETY",
        (_, true) => "MAX_TOKENS",
        _ => "STOP",
    };
    let (mut parts, mut pieces) = (Vec::new(), Vec::new());
    let thought = |text: &str| json!({"text": text, "thought": true});
    if !said.thought.is_empty() {
        parts.push(thought(&said.thought));
        pieces.extend(dice.cut(&said.thought).iter().map(|piece| thought(piece)));
    }
    if !said.text.is_empty() {
        parts.push(json!({"text": said.text}));
        pieces.extend(dice.cut(&said.text).into_iter().map(|piece| json!({"text": piece})));
    }
    for (place, call) in said.calls.iter().enumerate() {
        let args = serde_json::from_str::<Value>(&call.arguments).ok().filter(Value::is_object).unwrap_or(json!({}));
        let mut part = json!({"functionCall": {"id": format!("call_{place}"), "name": call.name, "args": args}});
        if place == 0 {
            part["thoughtSignature"] = json!("c2ln");
        }
        parts.push(part.clone());
        pieces.push(part);
    }
    let usage = json!({"promptTokenCount": 3, "candidatesTokenCount": 5, "totalTokenCount": 8});
    let answer = |parts: &[Value]| {
        json!({"candidates": [{"content": {"parts": parts, "role": "model"}, "index": 0}], "modelVersion": "m",
            "responseId": "r1"})
    };
    let mut body = answer(&parts);
    // Several come at once now and then.
    let mut told: Vec<Vec<Value>> = vec![Vec::new()];
    for piece in pieces {
        if dice.below(3) > 0 {
            told.push(Vec::new());
        }
        told.last_mut().unwrap().push(piece);
    }
    let mut told: Vec<Value> = told.iter().map(|parts| answer(parts)).collect();
    told.push(answer(&[json!({"text": ""})]));
    for last in [&mut body, told.last_mut().unwrap()] {
        (last["candidates"][0]["finishReason"], last["usageMetadata"]) = (json!(word), usage.clone());
    }
    (body, told.iter().map(event).collect())
}

/// What a client has in its hands.
fn read(answer: &Answer) -> Value {
    let (mut thought, mut text, mut refusal, mut calls) = (String::new(), String::new(), String::new(), Vec::new());
    let mut seals = Vec::new();
    let choice = &answer.choices[0];
    for part in &choice.parts {
        match &part.kind {
            PartKind::Text { text: more, .. } => text.push_str(more),
            PartKind::Refusal { text: more } => refusal.push_str(more),
            PartKind::Reasoning(reasoning) => {
                thought.push_str(reasoning.text.as_deref().or(reasoning.summary.as_deref()).unwrap_or_default());
                seals.extend(
                    [&reasoning.signature, &reasoning.sealed].into_iter().flatten().filter(|seal| !seal.is_empty()),
                );
            }
            PartKind::ToolCall(call) => {
                calls.push(json!([call.id, call.name, arguments(answer.origin, &call.arguments)]))
            }
            other => panic!("{other:?}"),
        }
    }
    // Items of one kind may come in another order than they were numbered in.
    calls.sort_by_key(Value::to_string);
    let usage = answer.usage.clone().unwrap();
    json!({"thought": thought, "text": text, "refusal": refusal, "calls": calls, "seals": seals,
        "stop": choice.stop.as_ref().map(|stop| format!("{:?}", stop.reason)),
        "usage": [usage.input, usage.output]})
}

fn arguments(client: DialectId, text: &str) -> Value {
    let nothing = text.is_empty() && matches!(client, DialectId::AnthropicMessages | DialectId::BedrockConverse);
    match serde_json::from_str::<Value>(if nothing { "{}" } else { text }) {
        Ok(Value::Object(map)) if map.contains_key("INVALID_JSON") => map["INVALID_JSON"].clone(),
        Ok(value) => value,
        Err(_) => json!(text.trim()),
    }
}

/// Whether each block or item ends before the next begins.
fn one_after_the_other(told: &[WireEvent]) -> bool {
    let mut open = 0_i32;
    told.iter().all(|event| {
        match event.name.as_deref() {
            Some("content_block_start" | "response.output_item.added") => open += 1,
            Some("content_block_stop" | "response.output_item.done") => open -= 1,
            // Of blocks only those of calls say that they begin.
            Some("contentBlockStart") => open = 1,
            Some("contentBlockStop") => open = 0,
            _ => {}
        }
        (0..=1).contains(&open)
    })
}

fn retold(own: &dyn Dialect, client: &dyn Dialect, stream: &[WireEvent]) -> Vec<WireEvent> {
    let (mut decoder, mut encoder) = (own.stream_decoder(&Variant::default()), client.stream_encoder(true));
    let mut told: Vec<WireEvent> = Vec::new();
    let mut ended = false;
    for event in stream {
        let frame: Frame = decoder.decode(event).unwrap();
        ended |= frame.events.contains(&Event::Ended);
        told.extend(encoder.encode(&frame).unwrap());
    }
    if !ended && decoder.complete() {
        let end = Frame { origin: own.id(), name: None, events: vec![Event::Ended], extras: Extras::none() };
        told.extend(encoder.encode(&end).unwrap());
    }
    told
}

/// What events say, whatever the order of their fields.
fn bodies(events: &[WireEvent]) -> Vec<Option<Value>> {
    events.iter().map(|event| serde_json::from_str(&event.data).ok()).collect()
}

fn folded(own: &dyn Dialect, events: &[WireEvent]) -> Answer {
    let (mut decoder, mut builder) = (own.stream_decoder(&Variant::default()), AnswerBuilder::new(own.id()));
    for event in events {
        decoder.decode(event).unwrap().events.iter().for_each(|event| builder.apply(event).unwrap());
    }
    assert!(decoder.complete());
    // Gemini has no event for the end.
    assert!(builder.ended() || own.id() == DialectId::GoogleGemini);
    builder.finish()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_client_reads_the_same_from_a_stream_and_from_the_whole(mut said in said(), manner in manner()) {
        if manner.numbers == Numbers::AllAlikeWithoutIds {
            // Nothing shows where such a call ends but an object that is whole.
            said.calls.iter_mut().for_each(|call| call.arguments = json!({"at": call.arguments}).to_string());
        }
        let providers = [
            (DialectId::OpenaiChat, chat(&said, &manner)),
            (DialectId::AnthropicMessages, messages(&said, &manner)),
            (DialectId::OpenaiResponses, responses(&said, &manner)),
            (DialectId::GoogleGemini, gemini(&said, &manner)),
            (DialectId::CohereChat, cohere(&said, &manner)),
            (DialectId::BedrockConverse, converse(&said, &manner)),
            (DialectId::OllamaChat, ollama(&said, &manner)),
        ];
        for (own, (body, stream)) in providers {
            let own = dialect(own);
            let whole = own.decode_answer(body.into(), &Variant::default()).unwrap();
            for client in ALL {
                let expected = client.decode_answer(client.encode_answer(&whole).body.into(), &Variant::default()).unwrap();
                let told = retold(own, client, &stream);
                prop_assert_eq!(read(&folded(client, &told)), read(&expected), "{} for {}", own.id(), client.id());
                if own.id() == client.id() {
                    prop_assert_eq!(bodies(&told), bodies(&stream), "{}", own.id());
                } else {
                    prop_assert!(one_after_the_other(&told), "{} for {}", own.id(), client.id());
                }
            }
        }
    }
}

fn chunks(deltas: &[Value]) -> Vec<WireEvent> {
    let chunk = |delta: &Value, word: &Value| {
        event(&json!({"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m",
            "choices": [{"index": 0, "delta": delta, "finish_reason": word}]}))
    };
    let mut stream: Vec<WireEvent> = deltas.iter().map(|delta| chunk(delta, &Value::Null)).collect();
    stream.push(chunk(&json!({}), &json!("tool_calls")));
    stream.push(WireEvent { name: None, data: "[DONE]".to_owned() });
    stream
}

/// The calls that each client reads from such chunks: id, name and arguments.
fn calls(entries: &[Value]) -> Vec<Vec<[String; 3]>> {
    let own = dialect(DialectId::OpenaiChat);
    let deltas: Vec<Value> = entries.iter().map(|entry| json!({"tool_calls": [entry]})).collect();
    let read = |client: &&'static dyn Dialect| {
        let answer = folded(*client, &retold(own, *client, &chunks(&deltas)));
        let parts = answer.choices.into_iter().flat_map(|choice| choice.parts);
        let call = parts.filter_map(|part| match part.kind {
            PartKind::ToolCall(call) => Some([call.id, call.name, call.arguments]),
            _ => None,
        });
        call.collect()
    };
    ALL.iter().map(read).collect()
}

#[test]
fn a_call_that_is_named_late_has_its_name() {
    let told = calls(&[
        json!({"index": 0, "type": "function", "function": {"arguments": "{\"a\":"}}),
        json!({"index": 0, "id": "call_1", "function": {"name": "look", "arguments": "1}"}}),
    ]);
    let expected = vec![["call_1", "look", "{\"a\":1}"].map(str::to_owned)];
    assert_eq!(told, vec![expected; ALL.len()]);
}

#[test]
fn calls_under_one_number_are_told_apart_by_ids_by_names_and_by_their_ends() {
    let whole = |name: &str, arguments: &str| json!({"index": 0, "function": {"name": name, "arguments": arguments}});
    let read = |entries: &[Value]| -> Vec<Vec<String>> {
        let names = |calls: Vec<[String; 3]>| calls.iter().map(|call| format!("{} {}", call[1], call[2])).collect();
        calls(entries).into_iter().map(names).collect()
    };
    let expect = |told: &[&str]| vec![told.iter().map(|call| (*call).to_owned()).collect::<Vec<String>>(); ALL.len()];
    assert_eq!(read(&[whole("look", "{}"), whole("find", "{}")]), expect(&["look {}", "find {}"]));
    assert_eq!(
        read(&[whole("look", "{\"a\":1}"), whole("look", "{\"a\":2}")]),
        expect(&["look {\"a\":1}", "look {\"a\":2}"])
    );
    // Some servers say the name with each piece.
    assert_eq!(read(&[whole("look", "{\"a\""), whole("look", ":1}"), whole("look", "")]), expect(&["look {\"a\":1}"]));
    let with_id = |id: &str, name: &str| json!({"index": 0, "id": id, "function": {"name": name, "arguments": "{}"}});
    assert_eq!(read(&[with_id("a", "look"), with_id("b", "look")]), expect(&["look {}", "look {}"]));
}

#[test]
fn a_call_that_cannot_be_renamed_any_more_ends_the_stream() {
    let own = dialect(DialectId::OpenaiChat);
    let entry = |name: &str| json!({"tool_calls": [{"index": 0, "id": "call_1", "function": {"name": name}}]});
    let stream = chunks(&[entry("look"), entry("_up")]);
    for client in ALL.into_iter().filter(|client| client.id() != own.id()) {
        if matches!(client.id(), DialectId::GoogleGemini | DialectId::OllamaChat) {
            // Calls are told whole there, when their names are whole.
            let answer = folded(client, &retold(own, client, &stream));
            assert!(matches!(&answer.choices[0].parts[0].kind, PartKind::ToolCall(call) if call.name == "look_up"));
            continue;
        }
        let (mut decoder, mut encoder) = (own.stream_decoder(&Variant::default()), client.stream_encoder(true));
        encoder.encode(&decoder.decode(&stream[0]).unwrap()).unwrap();
        assert!(encoder.encode(&decoder.decode(&stream[1]).unwrap()).is_err(), "{}", client.id());
    }
}

#[test]
fn a_call_is_told_as_it_comes_and_another_when_it_is_whole() {
    let entry = |index: u64, id: &str, arguments: &str| json!({"tool_calls": [{"index": index, "id": id, "function": {"name": "look", "arguments": arguments}}]});
    let stream =
        chunks(&[entry(0, "a", "{\"x\":"), entry(1, "b", "{\"y\":"), entry(0, "a", "1}"), entry(1, "b", "2}")]);
    let own = dialect(DialectId::OpenaiChat);
    for (client, begins, ends) in [
        (DialectId::AnthropicMessages, "content_block_start", "content_block_stop"),
        (DialectId::OpenaiResponses, "response.output_item.added", "response.output_item.done"),
    ] {
        let (mut decoder, mut encoder) =
            (own.stream_decoder(&Variant::default()), dialect(client).stream_encoder(true));
        let told: Vec<Vec<String>> = stream
            .iter()
            .map(|event| encoder.encode(&decoder.decode(event).unwrap()).unwrap())
            .map(|told| told.into_iter().filter_map(|event| event.name).filter(|n| n == begins || n == ends).collect())
            .collect();
        let expected: [&[&str]; 4] = [&[begins], &[], &[ends, begins], &[]];
        assert_eq!(told[..4], expected.map(|names| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()));
    }
}

#[test]
fn more_than_a_whole_answer_may_hold_does_not_wait() {
    let own = dialect(DialectId::OpenaiChat);
    let entry = |index: u64, arguments: &str| json!({"tool_calls": [{"index": index, "id": format!("call_{index}"), "function": {"name": "look", "arguments": arguments}}]});
    let megabytes = "x".repeat(4 << 20);
    let mut deltas = vec![entry(0, "{"), entry(1, "{")];
    deltas.extend((0..17).map(|_| entry(1, &megabytes)));
    let stream = chunks(&deltas);
    for client in ALL.into_iter().filter(|client| client.id() != own.id()) {
        let (mut decoder, mut encoder) = (own.stream_decoder(&Variant::default()), client.stream_encoder(true));
        let outcome: Result<Vec<_>, _> =
            stream.iter().map(|event| encoder.encode(&decoder.decode(event).unwrap())).collect();
        assert!(outcome.is_err(), "{}", client.id());
    }
}

#[test]
fn what_a_model_said_before_it_was_stopped_is_content_streamed_and_whole() {
    let said = Said {
        thought: String::new(),
        text: "It is made of".into(),
        refusal: String::new(),
        calls: Vec::new(),
        cut_off: false,
        declined: true,
    };
    let manner = Manner {
        numbers: Numbers::Each,
        names_late: false,
        ids_late: false,
        turns: false,
        text_last: false,
        choices: vec![1],
    };
    let own = dialect(DialectId::AnthropicMessages);
    let (body, stream) = messages(&said, &manner);
    let chat = dialect(DialectId::OpenaiChat);
    let whole = chat.encode_answer(&own.decode_answer(body.into(), &Variant::default()).unwrap()).body;
    assert_eq!(whole.pointer("/choices/0/message/content"), Some(&json!("It is made of")));
    assert_eq!(whole.pointer("/choices/0/finish_reason"), Some(&json!("content_filter")));
    let streamed = folded(chat, &retold(own, chat, &stream));
    assert!(matches!(&streamed.choices[0].parts[0].kind, PartKind::Text { text, .. } if text == "It is made of"));
    assert_eq!(streamed.choices[0].stop.as_ref().unwrap().reason, StopReason::ContentFilter);
}
