//! The facts of one model.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Kinds of content, and for each whether a model has to do with it; one that is missing is one that nobody spoke of.
pub type Modalities = BTreeMap<Modality, bool>;

/// What a model at a kind of provider can do, as far as somebody stated it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelFacts {
    /// What it is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub serves: Option<Serves>,
    /// What it takes.
    #[serde(default, skip_serializing_if = "Modalities::is_empty")]
    pub input: Modalities,
    /// What it gives.
    #[serde(default, skip_serializing_if = "Modalities::is_empty")]
    pub output: Modalities,
    /// Whether it calls tools.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tools: Option<bool>,
    /// Whether it calls several in one turn.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parallel_tools: Option<bool>,
    /// Whether it keeps to a JSON Schema.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub structured_output: Option<bool>,
    /// Whether it thinks before it answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasoning: Option<bool>,
    /// The most tokens of a prompt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context_tokens: Option<u64>,
    /// The most tokens of an answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_tokens_max: Option<u64>,
    /// Who says so.
    pub source: String,
    /// When that was read, as an RFC 3339 date.
    pub date: String,
}

impl ModelFacts {
    /// These facts with those of another laid over them; what the other does not state stays.
    #[must_use]
    pub fn corrected(&self, by: &Self) -> Self {
        let over = |ours: &Modalities, by: &Modalities| ours.iter().chain(by).map(|(one, has)| (*one, *has)).collect();
        Self {
            serves: by.serves.or(self.serves),
            input: over(&self.input, &by.input),
            output: over(&self.output, &by.output),
            tools: by.tools.or(self.tools),
            parallel_tools: by.parallel_tools.or(self.parallel_tools),
            structured_output: by.structured_output.or(self.structured_output),
            reasoning: by.reasoning.or(self.reasoning),
            context_tokens: by.context_tokens.or(self.context_tokens),
            output_tokens_max: by.output_tokens_max.or(self.output_tokens_max),
            source: by.source.clone(),
            date: by.date.clone(),
        }
    }

    /// Whether it takes a modality; `None` where nobody stated what it takes.
    pub fn takes(&self, modality: Modality) -> Option<bool> {
        self.input.get(&modality).copied()
    }
}

/// What a model is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Serves {
    /// Answers to conversations.
    Answers,
    /// Vectors of texts.
    Embeddings,
    /// Documents in the order in which they answer a question.
    Rerank,
    /// The continuation of bare text.
    Completions,
}

impl Serves {
    /// The word in files and messages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Answers => "answers",
            Self::Embeddings => "embeddings",
            Self::Rerank => "rerank",
            Self::Completions => "completions",
        }
    }
}

/// A kind of content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Modality {
    /// Text.
    Text,
    /// Pictures.
    Image,
    /// Recordings of sound.
    Audio,
    /// Films.
    Video,
    /// Documents, such as PDF.
    Document,
}

impl Modality {
    /// Every kind of content.
    pub const ALL: [Self; 5] = [Self::Text, Self::Image, Self::Audio, Self::Video, Self::Document];

    /// The word in files and messages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Image => "image",
            Self::Audio => "audio",
            Self::Video => "video",
            Self::Document => "document",
        }
    }
}
