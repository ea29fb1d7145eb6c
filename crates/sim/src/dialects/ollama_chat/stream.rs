//! An answer of Ollama as lines of JSON: one for each piece, and one for each whole call, made when it is asked for. The last
//! has the reason to finish and the usage.

use super::answer;
use crate::body::{Event, Events};
use crate::said::Said;
use crate::tokens;
use bytes::Bytes;
use serde_json::{Value, json};

pub(super) fn line(data: &Value) -> Bytes {
    format!("{data}\n").into()
}

pub(super) fn events(said: &Said) -> Events {
    let turn = answer::finished(said);
    let message = |content: &str| json!({"role": "assistant", "content": content});
    let told = |said: &Said, message: Value| answer::envelope(said, "message", message, None);
    let end = Event::new(line(&answer::envelope(said, "message", message(""), Some(&turn))), 0);
    let thinking = {
        let said = said.clone();
        pieces(turn.reasoning.clone()).map(move |piece| {
            let message = json!({"role": "assistant", "content": "", "thinking": piece});
            Event::new(line(&told(&said, message)), 1)
        })
    };
    let text = {
        let said = said.clone();
        pieces(turn.text.clone()).map(move |piece| {
            let mut data = told(&said, message(&piece));
            if let (Some(alternatives), Some(data)) = (said.extras.top_logprobs, data.as_object_mut()) {
                data.insert("logprobs".to_owned(), json!([answer::logprob(said.seed, &piece, alternatives)]));
            }
            Event::new(line(&data), 1)
        })
    };
    let calls: Vec<Event> = answer::call_ids(said, &turn)
        .iter()
        .enumerate()
        .map(|(index, id)| {
            let message = json!({"role": "assistant", "content": "", "tool_calls": [answer::call(&turn, index, id)]});
            let counted = turn.calls.get(index).map_or(0, |call| tokens::count(&call.arguments));
            Event::new(line(&told(said, message)), counted)
        })
        .collect();
    Box::new(thinking.chain(text).chain(calls).chain(std::iter::once(end)))
}

/// The same for a text that is continued.
pub(crate) fn generated_events(said: &Said) -> Events {
    let turn = answer::finished(said);
    let end = Event::new(line(&answer::envelope(said, "response", "".into(), Some(&turn))), 0);
    let (thoughts, texts) = (pieces(turn.reasoning), pieces(turn.text));
    let (of_thoughts, of_texts) = (said.clone(), said.clone());
    let thinking = thoughts.map(move |piece| {
        let mut data = answer::envelope(&of_thoughts, "response", "".into(), None);
        if let Some(data) = data.as_object_mut() {
            data.insert("thinking".to_owned(), piece.into());
        }
        Event::new(line(&data), 1)
    });
    let text =
        texts.map(move |piece| Event::new(line(&answer::envelope(&of_texts, "response", piece.into(), None)), 1));
    Box::new(thinking.chain(text).chain(std::iter::once(end)))
}

/// The pieces of a text, one by one.
fn pieces(text: String) -> impl Iterator<Item = String> + Send {
    let mut from = 0;
    std::iter::from_fn(move || {
        let piece = tokens::pieces(text.get(from..)?).next()?.to_owned();
        from += piece.len();
        Some(piece)
    })
}
