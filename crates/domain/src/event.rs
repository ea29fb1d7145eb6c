//! What a streamed answer is made of, and how it becomes a whole one.

use crate::{
    Answer, AnswerHead, Choice, Citation, DialectId, Extras, Failure, FilterVerdict, LogProbs, Part, PartKind,
    PromptFilter, Stop, Usage,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What one event of the wire says: the typed events, and what only its dialect says of it.
///
/// A frame of one dialect encodes to exactly one event of the same dialect, and to none, one or several of another.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Frame {
    /// The dialect that it was decoded from; its extras belong there.
    pub origin: DialectId,
    /// The name that the wire gave it, where its dialect gives none.
    pub name: Option<String>,
    /// What it says, in order.
    pub events: Vec<Event>,
    /// What only the original dialect says.
    pub extras: Extras,
}

/// One thing that happens in a streamed answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Event {
    /// The answer begins, or restates a head that changed.
    Started(AnswerHead),
    /// A part begins; what it holds already is its beginning.
    PartStarted {
        /// The choice it belongs to.
        choice: u32,
        /// Its place within the choice, from 0.
        part: u32,
        /// The part so far.
        content: Part,
    },
    /// A part grows.
    PartGrew {
        /// The choice it belongs to.
        choice: u32,
        /// Its place within the choice.
        part: u32,
        /// By what.
        delta: Delta,
    },
    /// A part is whole.
    PartEnded {
        /// The choice it belongs to.
        choice: u32,
        /// Its place within the choice.
        part: u32,
    },
    /// Log-probabilities of tokens that came.
    LogProbs {
        /// The choice they belong to.
        choice: u32,
        /// The log-probabilities.
        logprobs: LogProbs,
    },
    /// Verdicts of the provider's content filter on what came of a choice.
    Filtered {
        /// The choice.
        choice: u32,
        /// The verdicts; they replace earlier ones of the same category.
        verdicts: Vec<FilterVerdict>,
    },
    /// Verdicts of the provider's content filter on the prompt.
    PromptFiltered(Vec<PromptFilter>),
    /// A choice is whole.
    Stopped {
        /// The choice.
        choice: u32,
        /// Why it stopped.
        stop: Stop,
    },
    /// Usage so far; a later report replaces an earlier one.
    Usage(Usage),
    /// Nothing new; the provider is alive.
    KeepAlive,
    /// The provider failed in the middle of the answer. Nothing comes after it.
    Failed(Failure),
    /// The answer is whole. Nothing comes after it.
    Ended,
    /// An event that only the original dialect knows, whole.
    Native {
        /// The dialect's name for it.
        name: String,
        /// The event as it stood.
        value: Value,
    },
}

/// By what a part grows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Delta {
    /// More text.
    Text(String),
    /// One more citation of the text.
    Citation(Citation),
    /// More reasoning.
    Reasoning(String),
    /// More of a summary of reasoning.
    Summary(String),
    /// The signature of the reasoning, or more of it.
    Signature(String),
    /// More sealed reasoning.
    Sealed(String),
    /// The id of a call that began without one.
    CallId(String),
    /// The name of the tool of a call that began without one, or more of it.
    CallName(String),
    /// More JSON text of the arguments.
    Arguments(String),
    /// More of the words of a refusal.
    Refusal(String),
}

impl Delta {
    /// What the model generated of it, as text.
    pub fn generated(&self) -> &str {
        match self {
            Self::Text(text)
            | Self::Reasoning(text)
            | Self::Summary(text)
            | Self::CallName(text)
            | Self::Arguments(text)
            | Self::Refusal(text) => text,
            Self::Citation(_) | Self::Signature(_) | Self::Sealed(_) | Self::CallId(_) => "",
        }
    }
}

/// An event for a part that did not start, or of a kind that its part cannot take.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an event for choice {choice}, part {part} does not fit what came before it")]
pub struct OutOfPlace {
    /// The choice that was named.
    pub choice: u32,
    /// The part that was named.
    pub part: u32,
}

impl Part {
    /// Grows the part; `false` where a part of its kind cannot grow so.
    pub fn grow(&mut self, delta: &Delta) -> bool {
        match (&mut self.kind, delta) {
            (PartKind::Text { text, .. }, Delta::Text(more)) | (PartKind::Refusal { text }, Delta::Refusal(more)) => {
                text.push_str(more)
            }
            (PartKind::Text { citations, .. }, Delta::Citation(citation)) => citations.push(citation.clone()),
            (PartKind::Reasoning(reasoning), Delta::Reasoning(more)) => push(&mut reasoning.text, more),
            (PartKind::Reasoning(reasoning), Delta::Summary(more)) => push(&mut reasoning.summary, more),
            (PartKind::Reasoning(reasoning), Delta::Signature(more)) => push(&mut reasoning.signature, more),
            (PartKind::Reasoning(reasoning), Delta::Sealed(more)) => push(&mut reasoning.sealed, more),
            (PartKind::ToolCall(call), Delta::Arguments(more)) => call.arguments.push_str(more),
            (PartKind::ToolCall(call), Delta::CallName(more)) => call.name.push_str(more),
            (PartKind::ToolCall(call), Delta::CallId(id)) => call.id.clone_from(id),
            (PartKind::ProviderItem(item), Delta::Arguments(more)) => push(&mut item.input, more),
            _ => return false,
        }
        true
    }
}

fn push(text: &mut Option<String>, more: &str) {
    text.get_or_insert_default().push_str(more);
}

/// Collects the frames of a stream into the whole answer.
#[derive(Debug)]
pub struct AnswerBuilder {
    answer: Answer,
    ended: bool,
    failure: Option<Failure>,
}

impl AnswerBuilder {
    /// An answer of which nothing came yet.
    pub fn new(origin: DialectId) -> Self {
        Self {
            answer: Answer {
                origin,
                head: AnswerHead::default(),
                choices: Vec::new(),
                usage: None,
                prompt_filters: Vec::new(),
                extras: Extras::none(),
            },
            ended: false,
            failure: None,
        }
    }

    /// Takes one event.
    ///
    /// # Errors
    /// [`OutOfPlace`] for a part that did not start or cannot grow so.
    pub fn apply(&mut self, event: &Event) -> Result<(), OutOfPlace> {
        match event {
            Event::Started(head) => self.answer.head.update(head),
            Event::PartStarted { choice, part, content } => {
                let parts = &mut self.choice(*choice).parts;
                if parts.len() != *part as usize {
                    return Err(OutOfPlace { choice: *choice, part: *part });
                }
                parts.push(content.clone());
            }
            Event::PartGrew { choice, part, delta } => {
                let grown = self.part(*choice, *part).is_some_and(|found| found.grow(delta));
                if !grown {
                    return Err(OutOfPlace { choice: *choice, part: *part });
                }
            }
            Event::PartEnded { choice, part } => {
                if self.part(*choice, *part).is_none() {
                    return Err(OutOfPlace { choice: *choice, part: *part });
                }
            }
            Event::LogProbs { choice, logprobs } => {
                self.choice(*choice).logprobs.get_or_insert_default().append(logprobs);
            }
            Event::Filtered { choice, verdicts } => {
                let filters = &mut self.choice(*choice).filters;
                filters.retain(|earlier| verdicts.iter().all(|later| later.category != earlier.category));
                filters.extend(verdicts.iter().cloned());
            }
            Event::PromptFiltered(prompts) => self.answer.prompt_filters.extend(prompts.iter().cloned()),
            Event::Stopped { choice, stop } => self.choice(*choice).stop = Some(stop.clone()),
            Event::Usage(usage) => self.answer.usage.get_or_insert_default().update(usage),
            Event::Failed(failure) => self.failure = Some(failure.clone()),
            Event::Ended => self.ended = true,
            Event::KeepAlive | Event::Native { .. } => {}
        }
        Ok(())
    }

    /// Whether the end came.
    pub const fn ended(&self) -> bool {
        self.ended
    }

    /// The failure that ended the stream, if one did.
    pub const fn failure(&self) -> Option<&Failure> {
        self.failure.as_ref()
    }

    /// The answer as far as it came.
    pub fn finish(self) -> Answer {
        self.answer
    }

    fn choice(&mut self, index: u32) -> &mut Choice {
        let choices = &mut self.answer.choices;
        let place = choices.iter().position(|choice| choice.index == index).unwrap_or_else(|| {
            choices.push(Choice {
                index,
                parts: Vec::new(),
                plain: true,
                stop: None,
                logprobs: None,
                filters: Vec::new(),
                extras: Extras::none(),
            });
            choices.len() - 1
        });
        #[expect(clippy::indexing_slicing, reason = "the place was found or made above")]
        &mut choices[place]
    }

    fn part(&mut self, choice: u32, part: u32) -> Option<&mut Part> {
        self.choice(choice).parts.get_mut(part as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::StopReason;

    #[test]
    fn events_collect_into_an_answer() {
        let mut builder = AnswerBuilder::new(DialectId::OpenaiChat);
        for event in [
            Event::PartStarted { choice: 0, part: 0, content: Part::text("") },
            Event::PartGrew { choice: 0, part: 0, delta: Delta::Text("hello".into()) },
            Event::Stopped { choice: 0, stop: Stop::new(StopReason::EndTurn) },
            Event::Ended,
        ] {
            builder.apply(&event).unwrap();
        }
        assert!(builder.ended());
        assert_eq!(builder.finish().choices[0].parts, vec![Part::text("hello")]);
    }

    #[test]
    fn growth_that_does_not_fit_is_refused() {
        let mut builder = AnswerBuilder::new(DialectId::OpenaiChat);
        let text = Event::PartGrew { choice: 0, part: 0, delta: Delta::Text("x".into()) };
        assert_eq!(builder.apply(&text), Err(OutOfPlace { choice: 0, part: 0 }));
        builder.apply(&Event::PartStarted { choice: 0, part: 0, content: Part::text("") }).unwrap();
        let arguments = Event::PartGrew { choice: 0, part: 0, delta: Delta::Arguments("{}".into()) };
        assert_eq!(builder.apply(&arguments), Err(OutOfPlace { choice: 0, part: 0 }));
    }
}
