//! What is answered, in terms that all dialects share. Each dialect writes this in its own form, whole or streamed.

/// A whole answer.
#[derive(Debug, Clone)]
pub(crate) struct Said {
    /// The model name as asked for, directives and all.
    pub(crate) model: String,
    /// The seed of ids and of everything else a dialect makes up.
    pub(crate) seed: u64,
    pub(crate) turns: Vec<Turn>,
    pub(crate) usage: Usage,
    pub(crate) extras: crate::ask::Extras,
    /// The seed of the settings: whose signatures these are.
    pub(crate) owner: u64,
}

/// One answer of a choice.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Turn {
    pub(crate) reasoning: String,
    /// Part of the reasoning is withheld.
    pub(crate) redacted: bool,
    pub(crate) text: String,
    pub(crate) calls: Vec<Call>,
    pub(crate) stop: Stop,
}

/// A call of a tool.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Call {
    pub(crate) name: String,
    /// JSON; cut short when the answer ran into its limit.
    pub(crate) arguments: String,
}

/// Why an answer ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum Stop {
    #[default]
    End,
    Length,
    Sequence(String),
    Tools,
}

/// Tokens, with what the cache did. `input` includes what was read from and written to the cache.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Usage {
    pub(crate) input: u64,
    pub(crate) cache_read: u64,
    pub(crate) cache_write_5m: u64,
    pub(crate) cache_write_1h: u64,
    /// Includes reasoning.
    pub(crate) output: u64,
    pub(crate) reasoning: u64,
}

/// 2025-01-01 in seconds: `created` is counted from here by seed, never by a clock.
const EPOCH: u64 = 1_735_689_600;

impl Said {
    /// The moment that this answer claims to be made at.
    pub(crate) fn created(&self) -> u64 {
        EPOCH + self.seed % 31_000_000
    }
}
