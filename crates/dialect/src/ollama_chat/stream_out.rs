//! Streams: encoding.

use super::{failure, parts, response};
use crate::in_turn::weight;
use crate::render::Object;
use crate::{StreamEncoder, WireEvent, call_id, logprobs};
use serde_json::{Value, json};
use switchtower_domain::{
    AnswerHead, Delta, DialectId, Event, Failure, Frame, LogProbs, OutOfPlace, Part, PartKind, Reasoning, Refusal,
    Stop, StopReason, Usage, limits,
};

/// Writes pieces of an answer. A frame of this dialect becomes the one piece that it was; frames of another become
/// pieces as a client of Ollama expects them: words as they come, calls whole, and the end with what was counted.
#[derive(Default)]
pub(super) struct Encoder {
    head: AnswerHead,
    parts: Vec<Known>,
    usage: Option<Usage>,
    stop: Option<Stop>,
    /// What was kept until now, in bytes.
    kept: usize,
    ended: bool,
}

/// A part that began.
struct Known {
    part: u32,
    content: Part,
    told: bool,
}

impl Encoder {
    fn known(&mut self, choice: u32, part: u32) -> Result<&mut Known, OutOfPlace> {
        let found = self.parts.iter_mut().find(|known| choice == 0 && known.part == part);
        found.ok_or(OutOfPlace { choice, part })
    }

    fn begin(&mut self, choice: u32, part: u32, content: &Part) -> Result<(), OutOfPlace> {
        if choice != 0 || self.parts.len() != part as usize {
            return Err(OutOfPlace { choice, part });
        }
        self.parts.push(Known { part, content: content.clone(), told: false });
        Ok(())
    }

    fn same(&mut self, frame: &Frame) -> Result<WireEvent, OutOfPlace> {
        let extras = &frame.extras;
        let mut said: Vec<Part> = Vec::new();
        let (mut stop, mut usage, mut told, mut done) = (None, None, None, false);
        for event in &frame.events {
            match event {
                Event::Started(head) => self.head = head.clone(),
                Event::PartStarted { choice, part, content } => {
                    self.begin(*choice, *part, content)?;
                    said.push(content.clone());
                }
                Event::PartGrew { choice, part, delta } => {
                    let mut content = match &self.known(*choice, *part)?.content.kind {
                        PartKind::Text { .. } => Part::text(""),
                        kind => Part::new(match kind {
                            PartKind::Reasoning(_) => PartKind::Reasoning(Reasoning::default()),
                            _ => return Err(OutOfPlace { choice: *choice, part: *part }),
                        }),
                    };
                    if !content.grow(delta) {
                        return Err(OutOfPlace { choice: *choice, part: *part });
                    }
                    said.push(content);
                }
                Event::PartEnded { choice, part } => {
                    self.known(*choice, *part)?;
                }
                Event::LogProbs { choice: 0, logprobs } => told = logprobs.content.as_ref(),
                Event::Stopped { choice: 0, stop: reason } => stop = Some(reason),
                Event::Usage(report) => usage = Some(report),
                Event::Failed(failure) => {
                    let data = failure::encode_failure(failure, true).to_string();
                    return Ok(WireEvent { name: frame.name.clone(), data });
                }
                Event::Ended => done = true,
                Event::LogProbs { choice, .. } | Event::Stopped { choice, .. } | Event::Filtered { choice, .. } => {
                    return Err(OutOfPlace { choice: *choice, part: 0 });
                }
                Event::PromptFiltered(_) | Event::KeepAlive | Event::Native { .. } => {}
            }
        }
        let mut body = response::begun(&self.head, true);
        let mut message = response::own(said.iter());
        if !extras.lacks("role") && response::lies_bare(extras) {
            message.set("role", "assistant");
        }
        body.nested("message", message);
        body.maybe("logprobs", told.map(|content| logprobs::encode_tokens(content)));
        if !extras.lacks("done") {
            body.set("done", done);
        }
        body.maybe("done_reason", stop.map(|stop| response::word(stop, &[], true)));
        response::write_usage(&mut body, usage);
        extras.overlay(body.map_mut());
        Ok(WireEvent { name: frame.name.clone(), data: body.into_text() })
    }

    fn other(&mut self, frame: &Frame, out: &mut Vec<WireEvent>) -> Result<(), OutOfPlace> {
        for event in &frame.events {
            if let Event::PartStarted { part, .. } | Event::PartGrew { part, .. } = event {
                // Many small pieces weigh more than their texts.
                self.kept += size_of::<Event>() + weight(event);
                if self.kept > limits::ANSWER_BYTES_MAX {
                    return Err(OutOfPlace { choice: 0, part: *part });
                }
            }
            match event {
                Event::Started(head) => self.head.update(head),
                Event::Usage(report) => self.usage.get_or_insert_default().update(report),
                Event::PartStarted { choice: 0, part, content } => {
                    self.begin(0, *part, content)?;
                    match &content.kind {
                        PartKind::Text { text, .. } | PartKind::Refusal { text } => self.say("content", text, out),
                        PartKind::Reasoning(reasoning) => {
                            self.say("thinking", response::words(reasoning).unwrap_or_default(), out);
                        }
                        _ => {}
                    }
                }
                Event::PartGrew { choice: 0, part, delta } => self.grow(*part, delta, out)?,
                Event::PartEnded { choice: 0, part } => self.tell(*part, out)?,
                Event::LogProbs { choice: 0, logprobs } => self.probable(logprobs, out),
                Event::Stopped { choice: 0, stop } => self.stop = Some(stop.clone()),
                Event::Failed(failure) => {
                    if !std::mem::replace(&mut self.ended, true) {
                        out.push(self.broken(failure));
                    }
                }
                Event::Ended => self.end(out)?,
                // A client of this dialect knows one choice only.
                Event::PartStarted { .. }
                | Event::PartGrew { .. }
                | Event::PartEnded { .. }
                | Event::Stopped { .. }
                | Event::LogProbs { .. }
                | Event::Filtered { .. }
                | Event::PromptFiltered(_)
                | Event::KeepAlive
                | Event::Native { .. } => {}
            }
        }
        Ok(())
    }

    fn grow(&mut self, part: u32, delta: &Delta, out: &mut Vec<WireEvent>) -> Result<(), OutOfPlace> {
        let known = self.known(0, part)?;
        if known.told && matches!(delta, Delta::CallName(_) | Delta::CallId(_)) || !known.content.grow(delta) {
            return Err(OutOfPlace { choice: 0, part });
        }
        let restated = matches!(&known.content.kind, PartKind::Reasoning(Reasoning { restated: true, .. }));
        match delta {
            Delta::Text(text) | Delta::Refusal(text) => self.say("content", text, out),
            Delta::Reasoning(text) | Delta::Summary(text) if !restated => self.say("thinking", text, out),
            _ => {}
        }
        Ok(())
    }

    /// Tells words.
    fn say(&self, key: &str, words: &str, out: &mut Vec<WireEvent>) {
        if !words.is_empty() {
            let mut message = Object::new().with("role", "assistant").with("content", "");
            message.set(key, words);
            out.push(self.piece(message));
        }
    }

    /// Tells a call, which is told whole.
    fn tell(&mut self, part: u32, out: &mut Vec<WireEvent>) -> Result<(), OutOfPlace> {
        let is_call = |known: &&Known| matches!(known.content.kind, PartKind::ToolCall(_));
        let number = self.parts.iter().filter(is_call).take_while(|known| known.part != part).count();
        let answer = self.head.id.clone().unwrap_or_default();
        let known = self.known(0, part)?;
        let PartKind::ToolCall(call) = &known.content.kind else { return Ok(()) };
        if std::mem::replace(&mut known.told, true) {
            return Ok(());
        }
        let Some(call) = parts::foreign_call(call, &call_id::told(call, &answer, number)) else { return Ok(()) };
        let message = Object::new().with("role", "assistant").with("content", "");
        out.push(self.piece(message.with("tool_calls", vec![Value::from(call)])));
        Ok(())
    }

    fn probable(&self, logprobs: &LogProbs, out: &mut Vec<WireEvent>) {
        if let Some(content) = &logprobs.content {
            let message = json!({"role": "assistant", "content": ""});
            let body = response::begun(&self.head, false).with("message", message).with("done", false);
            out.push(event(body.with("logprobs", logprobs::encode_tokens(content))));
        }
    }

    fn piece(&self, message: Object) -> WireEvent {
        event(response::begun(&self.head, false).with("message", message).with("done", false))
    }

    /// The end of an answer that broke off, with what is known until then.
    fn broken(&self, failure: &Failure) -> WireEvent {
        let mut body = Object::new();
        body.maybe("done_reason", self.stop.as_ref().map(|stop| response::word(stop, &[], false)));
        response::write_usage(&mut body, self.usage.as_ref());
        let mut error = failure::encode_failure(failure, false);
        if let Value::Object(error) = &mut error {
            error.append(body.map_mut());
        }
        WireEvent { name: None, data: error.to_string() }
    }

    fn end(&mut self, out: &mut Vec<WireEvent>) -> Result<(), OutOfPlace> {
        if std::mem::replace(&mut self.ended, true) {
            return Ok(());
        }
        let open: Vec<u32> = self.parts.iter().map(|known| known.part).collect();
        for part in open {
            self.tell(part, out)?;
        }
        let parts: Vec<Part> = self.parts.iter().map(|known| known.content.clone()).collect();
        let stop = self.stop.clone().unwrap_or_else(|| Stop::new(StopReason::EndTurn));
        let mut body = response::begun(&self.head, false)
            .with("message", json!({"role": "assistant", "content": ""}))
            .with("done", true)
            .with("done_reason", response::word(&stop, &parts, false));
        response::write_usage(&mut body, self.usage.as_ref());
        out.push(event(body));
        Ok(())
    }
}

impl StreamEncoder for Encoder {
    fn encode(&mut self, frame: &Frame) -> Result<Vec<WireEvent>, OutOfPlace> {
        if frame.origin == DialectId::OllamaChat {
            return Ok(vec![self.same(frame)?]);
        }
        let mut out = Vec::new();
        self.other(frame, &mut out)?;
        Ok(out)
    }

    fn fail(&mut self, refusal: &Refusal, _: &str) -> Vec<WireEvent> {
        vec![WireEvent { name: None, data: failure::encode(refusal).to_string() }]
    }
}

fn event(body: Object) -> WireEvent {
    WireEvent { name: None, data: body.into_text() }
}
