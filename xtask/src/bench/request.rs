//! Requests of a given size, prepared as bytes before anything is measured.

use bytes::Bytes;
use serde_json::{Value, json};

use super::mock::Script;
use super::subject::Target;

/// The dialect that a client speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wire {
    Chat,
    Messages,
    Responses,
}

const SENTENCE: &str = "Pallid clerks count forty ledgers by the window, and nobody hurries them. ";
/// About the length of one turn of a conversation.
const TURN_BYTES: usize = 1000;

/// A whole HTTP request, whose body has about `body_bytes`; a streamed answer follows `script`.
pub(super) fn prepare(target: &Target, body_bytes: usize, script: Option<Script>) -> Bytes {
    let body = sized(target.wire, target.model, body_bytes, script);
    let path = match target.wire {
        Wire::Chat => "/v1/chat/completions",
        Wire::Messages => "/v1/messages",
        Wire::Responses => "/v1/responses",
    };
    let version = match target.wire {
        Wire::Chat | Wire::Responses => "",
        Wire::Messages => "anthropic-version: 2023-06-01\r\n",
    };
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: {}\r\naccept: */*\r\nuser-agent: switchtower-bench\r\n\
         content-type: application/json\r\n{version}content-length: {}\r\n\r\n",
        target.address,
        body.len()
    );
    Bytes::from(head + &body)
}

fn sized(wire: Wire, model: &str, body_bytes: usize, script: Option<Script>) -> String {
    let marker = script.map(Script::marker).unwrap_or_default();
    // An odd number of turns, so that the last one is the user's.
    let turns = (body_bytes / (TURN_BYTES + 80)) | 1;
    let bare = render(wire, model, &marker, &vec![String::new(); turns], script.is_some()).len();
    let length = body_bytes.saturating_sub(bare) / turns;
    let text: String = SENTENCE.chars().cycle().take(length).collect();
    render(wire, model, &marker, &vec![text; turns], script.is_some())
}

fn render(wire: Wire, model: &str, marker: &str, texts: &[String], streamed: bool) -> String {
    let turns = texts.iter().enumerate().map(|(index, text)| {
        let role = if index % 2 == 0 { "user" } else { "assistant" };
        json!({ "role": role, "content": format!("{text}.") })
    });
    let instruction = format!("Answer briefly. {marker}");
    let body = match wire {
        Wire::Chat => {
            let first = json!({ "role": "system", "content": instruction });
            let messages: Vec<Value> = std::iter::once(first).chain(turns).collect();
            json!({
                "model": model, "messages": messages, "max_tokens": 512, "temperature": 0.5, "stream": streamed,
            })
        }
        Wire::Responses => {
            let input: Vec<Value> = turns.collect();
            json!({
                "model": model, "instructions": instruction, "input": input, "max_output_tokens": 512, "temperature": 0.5,
                "stream": streamed,
            })
        }
        Wire::Messages => {
            let messages: Vec<Value> = turns.collect();
            json!({
                "model": model, "max_tokens": 512, "system": instruction, "messages": messages, "temperature": 0.5,
                "stream": streamed,
            })
        }
    };
    body.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_has_the_size_that_was_asked_for() {
        for wire in [Wire::Chat, Wire::Messages, Wire::Responses] {
            for bytes in [2 * 1024, 64 * 1024] {
                let body = sized(wire, "bench", bytes, None);
                assert!(body.len().abs_diff(bytes) < 100, "{} for {bytes}", body.len());
            }
        }
    }
}
