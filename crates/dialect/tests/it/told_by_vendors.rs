//! Answers as Cohere and Ollama tell them, whole and in pieces.

#![expect(clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

use crate::streamed_as_whole::{Dice, Manner, Said, Told, named};
use crate::told_at_once::event;
use serde_json::{Value, json};
use switchtower_dialect::WireEvent;

pub(crate) fn cohere(said: &Said, manner: &Manner) -> Told {
    let mut dice = Dice(manner.choices.iter().cycle());
    let word = match (said.declined, said.cut_off, said.calls.is_empty()) {
        (true, ..) => "ERROR_TOXIC",
        (_, true, _) => "MAX_TOKENS",
        (.., false) => "TOOL_CALL",
        (.., true) => "COMPLETE",
    };
    let (mut content, mut calls) = (Vec::new(), Vec::new());
    let mut stream = vec![json!({"type": "message-start", "id": "a1", "delta": {"message": {"role": "assistant",
        "content": [], "tool_plan": "", "tool_calls": [], "citations": []}}})];
    let event =
        |kind: &str, index: usize, message: Value| json!({"type": kind, "index": index, "delta": {"message": message}});
    for (kind, text) in [("thinking", &said.thought), ("text", &said.text)] {
        if text.is_empty() {
            continue;
        }
        let index = content.len();
        content.push(json!({"type": kind, kind: text}));
        stream.push(event("content-start", index, json!({"content": {"type": kind, kind: ""}})));
        let delta = |piece| event("content-delta", index, json!({"content": {kind: piece}}));
        stream.extend(dice.cut(text).into_iter().map(delta));
        stream.push(json!({"type": "content-end", "index": index}));
    }
    for (index, call) in said.calls.iter().enumerate() {
        let whole = |arguments: &str| {
            json!({"id": format!("call_{index}"), "type": "function",
                "function": {"name": call.name, "arguments": arguments}})
        };
        calls.push(whole(&call.arguments));
        stream.push(event("tool-call-start", index, json!({"tool_calls": whole("")})));
        let delta = |piece| event("tool-call-delta", index, json!({"tool_calls": {"function": {"arguments": piece}}}));
        stream.extend(dice.cut(&call.arguments).into_iter().map(delta));
        stream.push(json!({"type": "tool-call-end", "index": index}));
    }
    let usage = json!({"tokens": {"input_tokens": 3, "output_tokens": 5}});
    let mut message = json!({"role": "assistant", "content": content});
    if !calls.is_empty() {
        message["tool_calls"] = json!(calls);
    }
    stream.push(json!({"type": "message-end", "delta": {"finish_reason": word, "usage": usage}}));
    let mut stream: Vec<WireEvent> = stream.iter().map(named).collect();
    stream.push(WireEvent { name: None, data: "[DONE]".to_owned() });
    (json!({"id": "a1", "message": message, "finish_reason": word, "usage": usage}), stream)
}

pub(crate) fn ollama(said: &Said, manner: &Manner) -> Told {
    let mut dice = Dice(manner.choices.iter().cycle());
    let word = if said.cut_off { "length" } else { "stop" };
    let around =
        |message: Value| json!({"model": "m", "created_at": "2026-11-21T09:00:00Z", "message": message, "done": false});
    let mut message = json!({"role": "assistant", "content": said.text});
    let mut stream = Vec::new();
    for (key, text) in [("thinking", &said.thought), ("content", &said.text)] {
        let piece = |text: String| {
            let mut piece = json!({"role": "assistant", "content": ""});
            piece[key] = json!(text);
            around(piece)
        };
        stream.extend(dice.cut(text).into_iter().map(piece));
    }
    if !said.thought.is_empty() {
        message["thinking"] = json!(said.thought);
    }
    let mut calls = Vec::new();
    for (place, call) in said.calls.iter().enumerate() {
        let arguments =
            serde_json::from_str::<Value>(&call.arguments).ok().filter(Value::is_object).unwrap_or(json!({}));
        let call = json!({"id": format!("call_{place}"), "function": {"index": place, "name": call.name, "arguments": arguments}});
        stream.push(around(json!({"role": "assistant", "content": "", "tool_calls": [call]})));
        calls.push(call);
    }
    if !calls.is_empty() {
        message["tool_calls"] = json!(calls);
    }
    let end = |mut body: Value| {
        (body["done"], body["done_reason"]) = (json!(true), json!(word));
        (body["prompt_eval_count"], body["eval_count"]) = (json!(3), json!(5));
        body
    };
    stream.push(end(around(json!({"role": "assistant", "content": ""}))));
    (end(around(message)), stream.iter().map(event).collect())
}
