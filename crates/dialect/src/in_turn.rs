//! The parts of a stream, one after the other.
//!
//! Chat Completions may tell of several calls in turns, and name a call after it began. Clients of other dialects are
//! used to streams in which a part has ended when the next begins, and in which a call begins with its name. What comes
//! too early waits here.

use crate::arguments::Progress;
use std::collections::VecDeque;
use switchtower_domain::{Delta, Event, OutOfPlace, Part, PartKind, ToolCall, limits};

/// Puts the events of the first choice in the order in which they can be told.
#[derive(Debug, Default)]
pub(crate) struct InTurn {
    telling: Option<Call>,
    waiting: VecDeque<Waiting>,
    /// What ever waited, in bytes.
    bytes: usize,
}

/// The call that is being told.
#[derive(Debug)]
struct Call {
    part: u32,
    /// All of it, as long as it lacks what it must begin with.
    held: Option<Part>,
    progress: Progress,
    ended: bool,
}

/// What came of a part while another was being told.
#[derive(Debug)]
struct Waiting {
    part: u32,
    events: Vec<Event>,
}

impl InTurn {
    /// Takes the events of a frame; gives those whose turn it is.
    ///
    /// # Errors
    /// [`OutOfPlace`] where more waits than a whole answer may hold, or a part grows in a way that it cannot.
    pub(crate) fn take(&mut self, events: &[Event]) -> Result<Vec<Event>, OutOfPlace> {
        let mut out = Vec::with_capacity(events.len());
        for event in events {
            match (event, part_of(event)) {
                (_, Some(part)) if self.is_blocked(part) => self.wait(part, event)?,
                (_, Some(_)) => {
                    self.tell(event.clone(), &mut out)?;
                    self.go_on(&mut out)?;
                }
                // Probabilities belong to the text before them.
                (Event::LogProbs { choice: 0, .. }, None) if !self.waiting.is_empty() => {
                    let part = self.waiting.back().map_or(0, |last| last.part);
                    self.wait(part, event)?;
                }
                (Event::Stopped { choice: 0, .. } | Event::Ended, None) => {
                    self.release(&mut out)?;
                    out.push(event.clone());
                }
                (_, None) => out.push(event.clone()),
            }
        }
        Ok(out)
    }

    /// Whether a part has to wait for the end of another.
    fn is_blocked(&self, part: u32) -> bool {
        self.telling.as_ref().is_some_and(|call| call.part != part && !call.is_whole())
    }

    fn wait(&mut self, part: u32, event: &Event) -> Result<(), OutOfPlace> {
        self.count(part, event)?;
        match self.waiting.iter_mut().rev().find(|waiting| waiting.part == part) {
            Some(waiting) => waiting.events.push(event.clone()),
            None => self.waiting.push_back(Waiting { part, events: vec![event.clone()] }),
        }
        Ok(())
    }

    fn count(&mut self, part: u32, event: &Event) -> Result<(), OutOfPlace> {
        // Many small pieces weigh more than their texts.
        self.bytes += size_of::<Event>() + weight(event);
        if self.bytes > limits::ANSWER_BYTES_MAX {
            return Err(OutOfPlace { choice: 0, part });
        }
        Ok(())
    }

    /// Tells what waited, until there is another call that is not whole.
    fn go_on(&mut self, out: &mut Vec<Event>) -> Result<(), OutOfPlace> {
        while self.telling.as_ref().is_none_or(Call::is_whole)
            && let Some(next) = self.waiting.pop_front()
        {
            for event in next.events {
                self.tell(event, out)?;
            }
        }
        Ok(())
    }

    /// Nothing more comes: what waited is told as it is.
    fn release(&mut self, out: &mut Vec<Event>) -> Result<(), OutOfPlace> {
        loop {
            if let Some(Call { part, held: Some(content), .. }) = self.telling.take() {
                out.push(Event::PartStarted { choice: 0, part, content });
            }
            let Some(next) = self.waiting.pop_front() else { return Ok(()) };
            for event in next.events {
                self.tell(event, out)?;
            }
        }
    }

    fn tell(&mut self, event: Event, out: &mut Vec<Event>) -> Result<(), OutOfPlace> {
        if let Event::PartStarted { part, content, .. } = &event {
            self.telling = Call::begun(*part, content);
            if self.telling.as_ref().is_some_and(|call| call.held.is_some()) {
                return self.count(*part, &event);
            }
        }
        let of = part_of(&event);
        let Some(call) = self.telling.as_mut().filter(|call| Some(call.part) == of) else {
            out.push(event);
            return Ok(());
        };
        match &event {
            Event::PartGrew { part, delta, .. } => {
                if let Delta::Arguments(text) = delta {
                    call.progress.feed(text);
                }
                if let Some(content) = &mut call.held {
                    if !content.grow(delta) {
                        return Err(OutOfPlace { choice: 0, part: *part });
                    }
                    let part = *part;
                    if let Some(content) = call.held.take_if(|content| is_named(content)) {
                        out.push(Event::PartStarted { choice: 0, part, content });
                    }
                    return self.count(part, &event);
                }
            }
            Event::PartEnded { part, .. } => {
                call.ended = true;
                if let Some(content) = call.held.take() {
                    out.push(Event::PartStarted { choice: 0, part: *part, content });
                }
            }
            _ => {}
        }
        out.push(event);
        Ok(())
    }
}

impl Call {
    fn begun(part: u32, content: &Part) -> Option<Self> {
        let PartKind::ToolCall(call) = &content.kind else { return None };
        let mut progress = Progress::default();
        progress.feed(&call.arguments);
        let held = (!is_named(content)).then(|| content.clone());
        Some(Self { part, held, progress, ended: false })
    }

    const fn is_whole(&self) -> bool {
        self.ended || (self.held.is_none() && self.progress.whole())
    }
}

/// Whether a call can begin. Servers that give no id at all show it by going on to the arguments.
fn is_named(content: &Part) -> bool {
    let PartKind::ToolCall(ToolCall { id, name, arguments, .. }) = &content.kind else { return true };
    !name.is_empty() && (!id.is_empty() || !arguments.is_empty())
}

const fn part_of(event: &Event) -> Option<u32> {
    match event {
        Event::PartStarted { choice: 0, part, .. }
        | Event::PartGrew { choice: 0, part, .. }
        | Event::PartEnded { choice: 0, part } => Some(*part),
        _ => None,
    }
}

/// How much an event adds to what is kept, in bytes.
pub(crate) fn weight(event: &Event) -> usize {
    match event {
        Event::PartGrew { delta, .. } => match delta {
            Delta::Text(text)
            | Delta::Reasoning(text)
            | Delta::Summary(text)
            | Delta::Signature(text)
            | Delta::Sealed(text)
            | Delta::Arguments(text)
            | Delta::CallId(text)
            | Delta::CallName(text)
            | Delta::Refusal(text) => text.len(),
            Delta::Citation(citation) => citation.cited_text.as_ref().map_or(0, String::len),
        },
        Event::PartStarted { content: Part { kind: PartKind::ToolCall(call), .. }, .. } => {
            call.id.len() + call.name.len() + call.arguments.len()
        }
        Event::LogProbs { logprobs, .. } => {
            logprobs.content.as_ref().map_or(0, |tokens| size_of_val(tokens.as_slice()))
        }
        _ => 0,
    }
}

/// What a part of another dialect holds already when it begins. Clients look for it in the pieces that follow the
/// beginning of a block.
pub(crate) fn brought(content: &mut Part) -> Vec<Delta> {
    let mut brought = Vec::new();
    match &mut content.kind {
        PartKind::Text { text, citations } => {
            brought.push(Delta::Text(std::mem::take(text)));
            brought.extend(std::mem::take(citations).into_iter().map(Delta::Citation));
        }
        PartKind::Refusal { text } => brought.push(Delta::Refusal(std::mem::take(text))),
        PartKind::ToolCall(call) => brought.push(Delta::Arguments(std::mem::take(&mut call.arguments))),
        PartKind::Reasoning(reasoning) => {
            let words = reasoning.text.take().or_else(|| reasoning.summary.take());
            brought.extend(words.map(Delta::Reasoning));
            brought.extend(reasoning.signature.take().map(Delta::Signature));
            brought.extend(reasoning.sealed.take().map(Delta::Sealed));
        }
        _ => {}
    }
    brought.retain(|delta| match delta {
        Delta::Text(text)
        | Delta::Refusal(text)
        | Delta::Reasoning(text)
        | Delta::Summary(text)
        | Delta::Signature(text)
        | Delta::Sealed(text)
        | Delta::CallId(text)
        | Delta::CallName(text)
        | Delta::Arguments(text) => !text.is_empty(),
        Delta::Citation(_) => true,
    });
    brought
}
