//! Streams: encoding.

use super::parts::Writer;
use super::stream::{NO_INDEX, REFUSED};
use super::{grounding, response, usage, wire};
use crate::in_turn::weight;
use crate::render::{ExtrasWriter, Object};
use crate::{StreamEncoder, WireEvent};
use serde_json::Value;
use switchtower_domain::{
    AnswerHead, Delta, DialectId, Event, Extras, Failure, FilterVerdict, Frame, LogProbs, OutOfPlace, Part, PartKind,
    Reasoning, Refusal, Stop, Usage, limits,
};

/// Writes pieces of an answer. A frame of this dialect becomes the one piece that it was; frames of another become
/// pieces as a client of Gemini expects them: text as it comes, calls whole, the reasons for stopping with the usage.
#[derive(Default)]
pub(super) struct Encoder {
    head: AnswerHead,
    parts: Vec<Known>,
    usage: Option<Usage>,
    stops: Vec<(u32, Stop)>,
    logprobs: Vec<(u32, LogProbs)>,
    /// What was kept until now, in bytes.
    kept: usize,
    ended: bool,
}

/// A part that began.
struct Known {
    choice: u32,
    part: u32,
    content: Part,
    told: bool,
}

/// A candidate of one piece.
#[derive(Default)]
struct Candidate {
    index: u32,
    parts: Vec<Part>,
    stop: Option<Stop>,
    filters: Vec<FilterVerdict>,
    logprobs: Option<LogProbs>,
}

impl Encoder {
    fn known(&mut self, choice: u32, part: u32) -> Result<&mut Known, OutOfPlace> {
        let found = self.parts.iter_mut().find(|known| (known.choice, known.part) == (choice, part));
        found.ok_or(OutOfPlace { choice, part })
    }

    fn begin(&mut self, choice: u32, part: u32, content: &Part) -> Result<(), OutOfPlace> {
        if self.parts.iter().filter(|known| known.choice == choice).count() != part as usize {
            return Err(OutOfPlace { choice, part });
        }
        self.parts.push(Known { choice, part, content: content.clone(), told: false });
        Ok(())
    }

    fn same(&mut self, frame: &Frame) -> Result<WireEvent, OutOfPlace> {
        let mut candidates: Vec<Candidate> = Vec::new();
        let mut usage = None;
        for event in &frame.events {
            match event {
                Event::Started(head) => self.head = head.clone(),
                Event::PartStarted { choice, part, content } => {
                    self.begin(*choice, *part, content)?;
                    of(&mut candidates, *choice).parts.push(content.clone());
                }
                // What an answer rests on is told by the metadata itself.
                Event::PartGrew { choice, part, delta: Delta::Citation(_) } | Event::PartEnded { choice, part } => {
                    self.known(*choice, *part)?;
                }
                Event::PartGrew { choice, part, delta } => {
                    if !self.known(*choice, *part)?.content.clone().grow(delta) {
                        return Err(OutOfPlace { choice: *choice, part: *part });
                    }
                    let parts = &mut of(&mut candidates, *choice).parts;
                    match (delta, parts.last_mut().map(|part| &mut part.kind)) {
                        (Delta::Signature(signature), Some(PartKind::Reasoning(thought))) => {
                            thought.signature = Some(signature.clone());
                        }
                        (Delta::Text(text), _) => parts.push(Part::text(text.as_str())),
                        (Delta::Reasoning(text), _) => {
                            let thought = Reasoning { text: Some(text.clone()), ..Reasoning::default() };
                            parts.push(Part::new(PartKind::Reasoning(thought)));
                        }
                        _ => return Err(OutOfPlace { choice: *choice, part: *part }),
                    }
                }
                Event::Stopped { stop, .. }
                    if frame.extras.lacks(REFUSED) && !stop.reason.eq(&switchtower_domain::StopReason::EndTurn) => {}
                Event::Stopped { choice, stop } => of(&mut candidates, *choice).stop = Some(stop.clone()),
                Event::Filtered { choice, verdicts } => of(&mut candidates, *choice).filters.clone_from(verdicts),
                Event::LogProbs { choice, logprobs } => of(&mut candidates, *choice).logprobs = Some(logprobs.clone()),
                Event::Usage(report) => usage = Some(report),
                Event::Failed(failure) => return Ok(error_event(failure, true, frame.name.clone())),
                Event::PromptFiltered(_) | Event::KeepAlive | Event::Ended | Event::Native { .. } => {}
            }
        }
        let mut out = ExtrasWriter { from: frame.origin, same: true, hints: &[], notices: Vec::new() };
        let written: Vec<Value> =
            candidates.into_iter().map(|candidate| candidate.same(&frame.extras, &mut out)).collect();
        let mut body = Object::new();
        if !written.is_empty() {
            body.set("candidates", written);
        }
        body.maybe("usageMetadata", usage.map(|report| usage::encode(report, true)));
        body.maybe("modelVersion", self.head.model.clone());
        body.maybe("responseId", self.head.id.clone());
        frame.extras.overlay(body.map_mut());
        Ok(WireEvent { name: frame.name.clone(), data: body.into_text() })
    }

    fn other(&mut self, frame: &Frame, out: &mut Vec<WireEvent>) -> Result<(), OutOfPlace> {
        let mut failed = None;
        for event in &frame.events {
            if let Event::PartStarted { choice, part, .. } | Event::PartGrew { choice, part, .. } = event {
                // Many small pieces weigh more than their texts.
                self.kept += size_of::<Event>() + weight(event);
                if self.kept > limits::ANSWER_BYTES_MAX {
                    return Err(OutOfPlace { choice: *choice, part: *part });
                }
            }
            match event {
                Event::Started(head) => self.head.update(head),
                Event::PartStarted { choice, part, content } => {
                    self.begin(*choice, *part, content)?;
                    // What grows is told as it grows, from what it brought on.
                    if let PartKind::Text { text, .. } | PartKind::Refusal { text } = &content.kind
                        && !text.is_empty()
                    {
                        out.push(self.piece(*choice, vec![Object::new().with("text", text.as_str()).into()]));
                    }
                    if let PartKind::Reasoning(thought) = &content.kind {
                        let words = thought.text.as_deref().or(thought.summary.as_deref()).unwrap_or_default();
                        out.extend(self.thought(*choice, thought.restated, words));
                    }
                }
                Event::PartGrew { choice, part, delta } => self.grow(*choice, *part, delta, out)?,
                Event::PartEnded { choice, part } => self.tell(*choice, *part, frame.origin, out)?,
                Event::Stopped { choice, stop } => self.stops.push((*choice, stop.clone())),
                Event::LogProbs { choice, logprobs } => match self.logprobs.iter_mut().find(|(of, _)| of == choice) {
                    Some((_, told)) => told.append(logprobs),
                    None => self.logprobs.push((*choice, logprobs.clone())),
                },
                Event::Usage(report) => self.usage.get_or_insert_default().update(report),
                Event::Failed(failure) => failed = Some(failure),
                Event::Ended => self.end(frame.origin, out)?,
                Event::Filtered { .. } | Event::PromptFiltered(_) | Event::KeepAlive | Event::Native { .. } => {}
            }
        }
        if let Some(failure) = failed {
            // What is known until then is told as well; nothing comes after the failure.
            if !std::mem::replace(&mut self.ended, true) && (self.usage.is_some() || !self.stops.is_empty()) {
                out.push(self.last());
            }
            out.push(error_event(failure, false, None));
        }
        Ok(())
    }

    fn grow(&mut self, choice: u32, part: u32, delta: &Delta, out: &mut Vec<WireEvent>) -> Result<(), OutOfPlace> {
        let known = self.known(choice, part)?;
        if !known.content.grow(delta) {
            return Err(OutOfPlace { choice, part });
        }
        let restated = matches!(&known.content.kind, PartKind::Reasoning(Reasoning { restated: true, .. }));
        match delta {
            Delta::Text(text) | Delta::Refusal(text) if !text.is_empty() => {
                out.push(self.piece(choice, vec![Object::new().with("text", text.as_str()).into()]));
            }
            Delta::Reasoning(text) | Delta::Summary(text) => out.extend(self.thought(choice, restated, text)),
            _ => {}
        }
        Ok(())
    }

    fn thought(&self, choice: u32, restated: bool, words: &str) -> Option<WireEvent> {
        if restated || words.is_empty() {
            return None;
        }
        Some(self.piece(choice, vec![Object::new().with("text", words).with("thought", true).into()]))
    }

    /// Tells what is told whole: calls, media, and what a thought's dialect needs to take it back.
    fn tell(&mut self, choice: u32, part: u32, origin: DialectId, out: &mut Vec<WireEvent>) -> Result<(), OutOfPlace> {
        let known = self.known(choice, part)?;
        if std::mem::replace(&mut known.told, true) {
            return Ok(());
        }
        let mut content = known.content.clone();
        match &mut content.kind {
            PartKind::Text { .. } | PartKind::Refusal { .. } => return Ok(()),
            // Its words were told.
            PartKind::Reasoning(thought) => {
                thought.text = None;
                thought.summary = None;
            }
            _ => {}
        }
        let mut writer = ExtrasWriter { from: origin, same: false, hints: &[], notices: Vec::new() };
        let parts = response::said(&content, origin, &mut writer);
        if !parts.is_empty() {
            out.push(self.piece(choice, parts));
        }
        Ok(())
    }

    fn end(&mut self, origin: DialectId, out: &mut Vec<WireEvent>) -> Result<(), OutOfPlace> {
        if std::mem::replace(&mut self.ended, true) {
            return Ok(());
        }
        let open: Vec<(u32, u32)> = self.parts.iter().map(|known| (known.choice, known.part)).collect();
        for (choice, part) in open {
            self.tell(choice, part, origin, out)?;
        }
        if self.stops.is_empty() {
            self.stops.push((0, Stop::new(switchtower_domain::StopReason::EndTurn)));
        }
        out.push(self.last());
        Ok(())
    }

    fn last(&self) -> WireEvent {
        let candidates: Vec<Value> = self.stops.iter().map(|(choice, stop)| self.stopped(*choice, stop)).collect();
        let mut body = self.around(candidates);
        body.maybe("usageMetadata", self.usage.as_ref().map(|report| usage::encode(report, false)));
        event(body)
    }

    fn stopped(&self, choice: u32, stop: &Stop) -> Value {
        let content =
            Object::new().with("parts", vec![Value::from(Object::new().with("text", ""))]).with("role", "model");
        let parts: Vec<Part> =
            self.parts.iter().filter(|known| known.choice == choice).map(|known| known.content.clone()).collect();
        let reason = response::reason(stop, &parts);
        let mut candidate = Object::new().with("content", content).with("finishReason", reason);
        candidate.set("index", choice);
        candidate.maybe("groundingMetadata", grounding::metadata(&parts));
        let logprobs = self.logprobs.iter().find(|(of, _)| *of == choice);
        candidate.maybe("logprobsResult", logprobs.and_then(|(_, told)| response::write_logprobs(told, false)));
        candidate.into()
    }

    fn piece(&self, choice: u32, parts: Vec<Value>) -> WireEvent {
        let content = Object::new().with("parts", parts).with("role", "model");
        event(self.around(vec![Object::new().with("content", content).with("index", choice).into()]))
    }

    fn around(&self, candidates: Vec<Value>) -> Object {
        let mut body = Object::new();
        if !candidates.is_empty() {
            body.set("candidates", candidates);
        }
        body.maybe("modelVersion", self.head.model.clone());
        body.maybe("responseId", self.head.id.clone());
        body
    }
}

impl Candidate {
    fn same(self, extras: &Extras, out: &mut ExtrasWriter<'_>) -> Value {
        let mut candidate = Object::new();
        let mut content = Object::new();
        let parts = Writer { out, called: &[] }.write(self.parts.iter());
        if !parts.is_empty() {
            content.set("parts", parts);
        }
        if !extras.lacks("role") {
            content.set("role", "model");
        }
        candidate.nested("content", content);
        candidate.maybe("finishReason", self.stop.as_ref().map(|stop| wire::stop_word(stop, true)));
        if !extras.lacks(NO_INDEX) {
            candidate.set("index", self.index);
        }
        if !self.filters.is_empty() {
            candidate.set("safetyRatings", response::write_filters(&self.filters));
        }
        candidate.maybe("logprobsResult", self.logprobs.as_ref().and_then(|told| response::write_logprobs(told, true)));
        candidate.into()
    }
}

fn of(candidates: &mut Vec<Candidate>, index: u32) -> &mut Candidate {
    let place = candidates.iter().position(|candidate| candidate.index == index).unwrap_or_else(|| {
        candidates.push(Candidate { index, ..Candidate::default() });
        candidates.len() - 1
    });
    #[expect(clippy::indexing_slicing, reason = "the place was found or made above")]
    &mut candidates[place]
}

impl StreamEncoder for Encoder {
    fn encode(&mut self, frame: &Frame) -> Result<Vec<WireEvent>, OutOfPlace> {
        if frame.origin == DialectId::GoogleGemini {
            // The end is no event of the wire.
            let silent = frame.events.iter().all(|event| matches!(event, Event::Ended)) && !frame.events.is_empty();
            return if silent { Ok(Vec::new()) } else { Ok(vec![self.same(frame)?]) };
        }
        let mut out = Vec::new();
        self.other(frame, &mut out)?;
        Ok(out)
    }

    fn fail(&mut self, refusal: &Refusal, request_id: &str) -> Vec<WireEvent> {
        vec![WireEvent { name: None, data: super::failure::encode(refusal, request_id).to_string() }]
    }
}

fn event(body: Object) -> WireEvent {
    WireEvent { name: None, data: body.into_text() }
}

fn error_event(failure: &Failure, same: bool, name: Option<String>) -> WireEvent {
    WireEvent { name, data: super::failure::encode_failure(failure, same).to_string() }
}
