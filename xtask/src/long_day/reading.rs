//! Answers, streams and errors, read as a client of each dialect reads them.

use serde_json::Value;

use super::case::Dialect;

/// What an answer says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) text: String,
    pub(super) input_tokens: Option<u64>,
    pub(super) output_tokens: Option<u64>,
    /// Why it ended.
    pub(super) stop: String,
    /// Name and arguments of the calls.
    pub(super) calls: Vec<(String, String)>,
}

/// What a stream says.
#[derive(Debug, Default)]
pub(super) struct Streamed {
    pub(super) said: Said,
    /// How many ends of the dialect there were.
    pub(super) ends: usize,
    pub(super) errors: Vec<Value>,
    /// Events that came after an end or an error.
    pub(super) late: usize,
}

/// The words for an answer that ended by itself, and for one that calls.
pub(super) const fn stops(client: Dialect) -> (&'static str, &'static str) {
    match client {
        Dialect::Chat => ("stop", "tool_calls"),
        Dialect::Responses => ("completed", "completed"),
        Dialect::Messages => ("end_turn", "tool_use"),
    }
}

fn text(value: &Value, path: &str) -> String {
    value.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn list<'a>(value: &'a Value, path: &str) -> &'a [Value] {
    value.pointer(path).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

impl Said {
    /// A whole answer.
    pub(super) fn read(client: Dialect, body: &Value) -> Self {
        let mut said = Self::default();
        match client {
            Dialect::Chat => {
                said.text = text(body, "/choices/0/message/content");
                said.stop = text(body, "/choices/0/finish_reason");
                for call in list(body, "/choices/0/message/tool_calls") {
                    said.calls.push((text(call, "/function/name"), text(call, "/function/arguments")));
                }
                said.count(client, body.get("usage"));
            }
            Dialect::Responses => said.read_response(body),
            Dialect::Messages => {
                for block in list(body, "/content") {
                    match text(block, "/type").as_str() {
                        "text" => said.text.push_str(&text(block, "/text")),
                        "tool_use" => {
                            let input = block.get("input").map(Value::to_string).unwrap_or_default();
                            said.calls.push((text(block, "/name"), input));
                        }
                        _ => {}
                    }
                }
                said.stop = text(body, "/stop_reason");
                said.count(client, body.get("usage"));
            }
        }
        said
    }

    fn read_response(&mut self, body: &Value) {
        for item in list(body, "/output") {
            match text(item, "/type").as_str() {
                "message" => {
                    list(item, "/content").iter().for_each(|part| self.text.push_str(&text(part, "/text")));
                }
                "function_call" => self.calls.push((text(item, "/name"), text(item, "/arguments"))),
                _ => {}
            }
        }
        self.stop = text(body, "/status");
        self.count(Dialect::Responses, body.get("usage"));
    }

    fn count(&mut self, client: Dialect, usage: Option<&Value>) {
        let Some(usage) = usage else { return };
        let number = |name: &str| usage.get(name).and_then(Value::as_u64);
        let (input, output) = match client {
            Dialect::Chat => (number("prompt_tokens"), number("completion_tokens")),
            Dialect::Responses => (number("input_tokens"), number("output_tokens")),
            Dialect::Messages => {
                let cached =
                    ["cache_read_input_tokens", "cache_creation_input_tokens"].map(|name| number(name).unwrap_or(0));
                (number("input_tokens").map(|input| input + cached.iter().sum::<u64>()), number("output_tokens"))
            }
        };
        self.input_tokens = input.or(self.input_tokens);
        self.output_tokens = output.or(self.output_tokens);
    }
}

/// An event of a stream.
struct Event<'a> {
    name: Option<&'a str>,
    data: String,
}

/// The events of a stream; says what of it is none.
fn events(body: &str) -> Result<Vec<Event<'_>>, String> {
    let mut events = Vec::new();
    for block in body.split("\n\n") {
        let mut event = Event { name: None, data: String::new() };
        for line in block.lines() {
            if let Some(name) = line.strip_prefix("event:") {
                event.name = Some(name.trim());
            } else if let Some(data) = line.strip_prefix("data:") {
                event.data.push_str(data.strip_prefix(' ').unwrap_or(data));
            } else if !line.is_empty() && !line.starts_with(':') {
                return Err(format!("a line of the stream is no field of an event ({} bytes)", line.len()));
            }
        }
        if !event.data.is_empty() {
            events.push(event);
        }
    }
    Ok(events)
}

impl Streamed {
    /// A stream from its first byte to its last.
    ///
    /// # Errors
    /// Where it is not made of events, or one of them is not JSON.
    pub(super) fn read(client: Dialect, body: &[u8]) -> Result<Self, String> {
        let body = std::str::from_utf8(body).map_err(|_| "the stream is not UTF-8".to_owned())?;
        let mut streamed = Self::default();
        for event in events(body)? {
            if streamed.ends + streamed.errors.len() > 0 {
                streamed.late += 1;
            }
            if client == Dialect::Chat && event.data == "[DONE]" {
                streamed.ends += 1;
                continue;
            }
            let data: Value =
                serde_json::from_str(&event.data).map_err(|_| "an event of the stream is not JSON".to_owned())?;
            match client {
                Dialect::Chat => streamed.chunk(data),
                Dialect::Responses => streamed.response(data),
                Dialect::Messages => streamed.message(event.name, data),
            }
        }
        Ok(streamed)
    }

    fn chunk(&mut self, data: Value) {
        if data.get("error").is_some_and(|error| !error.is_null()) {
            self.errors.push(data);
            return;
        }
        let said = &mut self.said;
        said.text.push_str(&text(&data, "/choices/0/delta/content"));
        for call in list(&data, "/choices/0/delta/tool_calls") {
            let name = text(call, "/function/name");
            if !name.is_empty() {
                said.calls.push((name, String::new()));
            }
            if let Some((_, arguments)) = said.calls.last_mut() {
                arguments.push_str(&text(call, "/function/arguments"));
            }
        }
        let stop = text(&data, "/choices/0/finish_reason");
        if !stop.is_empty() {
            said.stop = stop;
        }
        said.count(Dialect::Chat, data.get("usage"));
    }

    fn response(&mut self, data: Value) {
        match text(&data, "/type").as_str() {
            "error" | "response.failed" => self.errors.push(data),
            "response.output_text.delta" => self.said.text.push_str(&text(&data, "/delta")),
            "response.completed" | "response.incomplete" => {
                self.ends += 1;
                let mut whole = Said::default();
                if let Some(response) = data.get("response") {
                    whole.read_response(response);
                }
                // The pieces and the whole at the end say the same.
                if whole.text != self.said.text {
                    self.errors.push(Value::from("the deltas are not the text of the completed response"));
                }
                self.said = whole;
            }
            _ => {}
        }
    }

    fn message(&mut self, name: Option<&str>, data: Value) {
        let kind = text(&data, "/type");
        if kind == "error" || name == Some("error") {
            self.errors.push(data);
            return;
        }
        let said = &mut self.said;
        match kind.as_str() {
            "message_start" => said.count(Dialect::Messages, data.pointer("/message/usage")),
            "content_block_start" if text(&data, "/content_block/type") == "tool_use" => {
                said.calls.push((text(&data, "/content_block/name"), String::new()));
            }
            "content_block_delta" => {
                said.text.push_str(&text(&data, "/delta/text"));
                if let Some((_, arguments)) = said.calls.last_mut() {
                    arguments.push_str(&text(&data, "/delta/partial_json"));
                }
            }
            "message_delta" => {
                said.stop = text(&data, "/delta/stop_reason");
                said.count(Dialect::Messages, data.get("usage"));
            }
            "message_stop" => self.ends += 1,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_of_each_dialect_is_read_to_its_end() {
        let chat = b"data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\ndata: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";
        let read = Streamed::read(Dialect::Chat, chat).unwrap();
        assert_eq!((read.said.text.as_str(), read.said.stop.as_str(), read.ends, read.late), ("a", "stop", 1, 0));
        let messages = b"event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"delta\":{\"text\":\"a\"}}\n\n: still here\n\nevent: error\ndata: {\"type\":\"error\",\"error\":{}}\n\n";
        let read = Streamed::read(Dialect::Messages, messages).unwrap();
        assert_eq!((read.said.text.as_str(), read.ends, read.errors.len()), ("a", 0, 1));
        let responses = b"data: {\"type\":\"response.output_text.delta\",\"delta\":\"a\"}\n\ndata: {\"type\":\"response.completed\",\"response\":{\"status\":\"completed\",\"output\":[{\"type\":\"message\",\"content\":[{\"text\":\"a\"}]}]}}\n\ndata: {\"type\":\"error\"}\n\n";
        let read = Streamed::read(Dialect::Responses, responses).unwrap();
        assert_eq!((read.said.text.as_str(), read.ends, read.errors.len(), read.late), ("a", 1, 1, 1));
        assert!(Streamed::read(Dialect::Chat, b"\x00garbage\n\n").is_err());
        assert!(Streamed::read(Dialect::Chat, b"data: {\"half\n\n").is_err());
    }
}
