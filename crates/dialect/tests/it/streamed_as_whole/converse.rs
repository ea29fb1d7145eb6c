//! An answer as Converse tells it, whole and in a stream.

use super::{Dice, Manner, Said, Told};
use serde_json::{Value, json};
use switchtower_dialect::WireEvent;

pub(super) fn converse(said: &Said, manner: &Manner) -> Told {
    let mut dice = Dice(manner.choices.iter().cycle());
    let word = match (said.declined, said.cut_off, said.calls.is_empty()) {
        (true, ..) => "content_filtered",
        (_, true, _) => "max_tokens",
        (.., false) => "tool_use",
        (.., true) => "end_turn",
    };
    let (mut content, mut blocks) = (Vec::new(), Vec::new());
    if !said.thought.is_empty() {
        content.push(json!({"reasoningContent": {"reasoningText": {"text": said.thought, "signature": "c2ln"}}}));
        let mut pieces: Vec<Value> =
            dice.cut(&said.thought).into_iter().map(|piece| json!({"reasoningContent": {"text": piece}})).collect();
        pieces.push(json!({"reasoningContent": {"signature": "c2ln"}}));
        blocks.push((None, pieces));
    }
    if !said.text.is_empty() {
        content.push(json!({"text": said.text}));
        blocks.push((None, dice.cut(&said.text).into_iter().map(|piece| json!({"text": piece})).collect()));
    }
    for (place, call) in said.calls.iter().enumerate() {
        // A provider of Converse has objects only.
        let input = serde_json::from_str::<Value>(&call.arguments).ok().filter(Value::is_object).unwrap_or(json!({}));
        let text = if input == json!({}) { String::new() } else { input.to_string() };
        let begun = json!({"toolUse": {"toolUseId": format!("tooluse_{place}"), "name": call.name}});
        let mut whole = begun.clone();
        whole["toolUse"]["input"] = input;
        content.push(whole);
        let pieces = dice.cut(&text).into_iter().map(|piece| json!({"toolUse": {"input": piece}}));
        blocks.push((Some(begun), pieces.collect::<Vec<Value>>()));
    }
    let usage = json!({"inputTokens": 3, "outputTokens": 5, "totalTokens": 8});
    let body = json!({"output": {"message": {"role": "assistant", "content": content}}, "stopReason": word,
        "usage": usage, "metrics": {"latencyMs": 7}});
    let event = |name: &str, body: Value| WireEvent { name: Some(name.to_owned()), data: body.to_string() };
    let mut stream = vec![event("messageStart", json!({"role": "assistant"}))];
    for (index, (begun, pieces)) in blocks.into_iter().enumerate() {
        if let Some(start) = begun {
            stream.push(event("contentBlockStart", json!({"start": start, "contentBlockIndex": index})));
        }
        let delta = |delta| event("contentBlockDelta", json!({"delta": delta, "contentBlockIndex": index}));
        stream.extend(pieces.into_iter().map(delta));
        stream.push(event("contentBlockStop", json!({"contentBlockIndex": index})));
    }
    stream.push(event("messageStop", json!({"stopReason": word})));
    stream.push(event("metadata", json!({"usage": usage, "metrics": {"latencyMs": 7}})));
    (body, stream)
}
