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
        Dialect::Messages | Dialect::Converse => ("end_turn", "tool_use"),
        Dialect::Gemini => ("STOP", "STOP"),
        Dialect::Cohere => ("COMPLETE", "TOOL_CALL"),
        Dialect::Ollama => ("stop", "stop"),
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
            Dialect::Gemini => said.read_gemini(body),
            Dialect::Converse => {
                for block in list(body, "/output/message/content") {
                    said.text.push_str(&text(block, "/text"));
                    if let Some(call) = block.get("toolUse") {
                        let input = call.get("input").map(Value::to_string).unwrap_or_default();
                        said.calls.push((text(call, "/name"), input));
                    }
                }
                said.stop = text(body, "/stopReason");
                said.count(client, body.get("usage"));
            }
            Dialect::Cohere => {
                list(body, "/message/content").iter().for_each(|part| said.text.push_str(&text(part, "/text")));
                for call in list(body, "/message/tool_calls") {
                    said.calls.push((text(call, "/function/name"), text(call, "/function/arguments")));
                }
                said.stop = text(body, "/finish_reason");
                said.count(client, body.pointer("/usage/tokens"));
            }
            Dialect::Ollama => said.read_ollama(body),
        }
        said
    }

    /// A whole answer, or a piece of one.
    fn read_gemini(&mut self, body: &Value) {
        for part in list(body, "/candidates/0/content/parts") {
            if part.get("thought") != Some(&Value::Bool(true)) {
                self.text.push_str(&text(part, "/text"));
            }
            if let Some(call) = part.get("functionCall") {
                let arguments = call.get("args").map(Value::to_string).unwrap_or_default();
                self.calls.push((text(call, "/name"), arguments));
            }
        }
        let stop = text(body, "/candidates/0/finishReason");
        if !stop.is_empty() {
            self.stop = stop;
        }
        self.count(Dialect::Gemini, body.get("usageMetadata"));
    }

    /// A whole answer, or a line of one.
    fn read_ollama(&mut self, body: &Value) {
        self.text.push_str(&text(body, "/message/content"));
        for call in list(body, "/message/tool_calls") {
            let arguments = call.pointer("/function/arguments").map(Value::to_string).unwrap_or_default();
            self.calls.push((text(call, "/function/name"), arguments));
        }
        self.stop = text(body, "/done_reason");
        self.count(Dialect::Ollama, Some(body));
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
            Dialect::Gemini => {
                let thoughts = number("thoughtsTokenCount").unwrap_or(0);
                (number("promptTokenCount"), number("candidatesTokenCount").map(|output| output + thoughts))
            }
            Dialect::Converse => {
                let cached = ["cacheReadInputTokens", "cacheWriteInputTokens"].map(|name| number(name).unwrap_or(0));
                (number("inputTokens").map(|input| input + cached.iter().sum::<u64>()), number("outputTokens"))
            }
            Dialect::Cohere => (number("input_tokens"), number("output_tokens")),
            Dialect::Ollama => (number("prompt_eval_count"), number("eval_count")),
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
    // Google ends lines as HTTP does.
    for block in body.split("\n\n").flat_map(|block| block.split("\r\n\r\n")) {
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

/// A message of an event stream of AWS.
struct Message<'a> {
    is_event: bool,
    name: &'a str,
    payload: &'a [u8],
}

impl<'a> Message<'a> {
    /// The first message of a stream and what follows it, if the checksums are right.
    fn read(body: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let number = |at: usize| Some(u32::from_be_bytes(body.get(at..at + 4)?.try_into().ok()?));
        let total = usize::try_from(number(0)?).ok()?;
        let payload_at = 12 + usize::try_from(number(4)?).ok()?;
        let checked = crc32fast::hash(body.get(..8)?) == number(8)?
            && crc32fast::hash(body.get(..total.checked_sub(4)?)?) == number(total - 4)?;
        if !checked {
            return None;
        }
        let mut headers = body.get(12..payload_at)?;
        let mut message = Self { is_event: true, name: "", payload: body.get(payload_at..total - 4)? };
        while let Some((length, rest)) = headers.split_first() {
            let (name, rest) = rest.split_at_checked(usize::from(*length))?;
            let length = usize::from(u16::from_be_bytes(rest.get(1..3)?.try_into().ok()?));
            let value = std::str::from_utf8(rest.get(3..3 + length)?).ok()?;
            match name {
                b":event-type" | b":exception-type" | b":error-code" => message.name = value,
                b":message-type" => message.is_event = value == "event",
                _ => {}
            }
            headers = rest.get(3 + length..)?;
        }
        Some((message, body.get(total..)?))
    }
}

impl Streamed {
    /// A stream from its first byte to its last.
    ///
    /// # Errors
    /// Where it is not made of events, or one of them is not JSON.
    pub(super) fn read(client: Dialect, body: &[u8]) -> Result<Self, String> {
        if client == Dialect::Converse {
            return Self::messages(body);
        }
        let body = std::str::from_utf8(body).map_err(|_| "the stream is not UTF-8".to_owned())?;
        let mut streamed = Self::default();
        if client == Dialect::Ollama {
            for line in body.lines() {
                streamed.late += usize::from(streamed.ends + streamed.errors.len() > 0);
                let line = serde_json::from_str(line).map_err(|_| "a line of the stream is not JSON".to_owned())?;
                streamed.line(line);
            }
            return Ok(streamed);
        }
        for event in events(body)? {
            // What comes after the last event of Cohere is no part of its dialect.
            if client == Dialect::Cohere && event.data == "[DONE]" {
                continue;
            }
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
                Dialect::Gemini => streamed.piece(data),
                Dialect::Cohere => streamed.part(data),
                Dialect::Converse | Dialect::Ollama => {}
            }
        }
        Ok(streamed)
    }

    /// An event stream of AWS, to its last byte.
    fn messages(mut body: &[u8]) -> Result<Self, String> {
        let mut streamed = Self::default();
        while !body.is_empty() {
            let (message, rest) = Message::read(body).ok_or("the stream is not made of messages")?;
            body = rest;
            streamed.late += usize::from(streamed.ends + streamed.errors.len() > 0);
            let data: Value =
                serde_json::from_slice(message.payload).map_err(|_| "a message is not JSON".to_owned())?;
            match (message.is_event, message.name) {
                (false, _) => streamed.errors.push(data),
                (true, "contentBlockStart") => {
                    let name = text(&data, "/start/toolUse/name");
                    if !name.is_empty() {
                        streamed.said.calls.push((name, String::new()));
                    }
                }
                (true, "contentBlockDelta") => {
                    streamed.said.text.push_str(&text(&data, "/delta/text"));
                    if let Some((_, arguments)) = streamed.said.calls.last_mut() {
                        arguments.push_str(&text(&data, "/delta/toolUse/input"));
                    }
                }
                (true, "messageStop") => streamed.said.stop = text(&data, "/stopReason"),
                (true, "metadata") => {
                    streamed.said.count(Dialect::Converse, data.get("usage"));
                    streamed.ends += 1;
                }
                (true, _) => {}
            }
        }
        Ok(streamed)
    }

    /// A piece of Gemini; the one with the reason to finish is the end.
    fn piece(&mut self, data: Value) {
        if data.get("error").is_some() {
            self.errors.push(data);
            return;
        }
        self.said.read_gemini(&data);
        self.ends += usize::from(!text(&data, "/candidates/0/finishReason").is_empty());
    }

    /// An event of Cohere.
    fn part(&mut self, data: Value) {
        let said = &mut self.said;
        match text(&data, "/type").as_str() {
            "content-delta" => said.text.push_str(&text(&data, "/delta/message/content/text")),
            "tool-call-start" => {
                said.calls.push((text(&data, "/delta/message/tool_calls/function/name"), String::new()));
            }
            "tool-call-delta" => {
                if let Some((_, arguments)) = said.calls.last_mut() {
                    arguments.push_str(&text(&data, "/delta/message/tool_calls/function/arguments"));
                }
            }
            "message-end" if text(&data, "/delta/finish_reason") == "ERROR" => self.errors.push(data),
            "message-end" => {
                said.stop = text(&data, "/delta/finish_reason");
                said.count(Dialect::Cohere, data.pointer("/delta/usage/tokens"));
                self.ends += 1;
            }
            _ => {}
        }
    }

    /// A line of Ollama.
    fn line(&mut self, data: Value) {
        if data.get("error").is_some() {
            self.errors.push(data);
            return;
        }
        self.said.read_ollama(&data);
        self.ends += usize::from(data.get("done") == Some(&Value::Bool(true)));
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
