//! What a translation could not carry, said aloud.

use std::fmt;

/// How much a notice weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NoticeClass {
    /// Cost, latency, bookkeeping or layout changed; the model sees and does the same.
    Hint,
    /// The model sees or does something else, or the caller gets less than was asked for.
    Meaning,
}

impl NoticeClass {
    /// The word in headers and reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hint => "hint",
            Self::Meaning => "meaning",
        }
    }
}

/// One thing that a target could not express, at one path of the original message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// The JSON path in the original message, such as `messages[2].content[0].cache_control`.
    pub path: String,
    /// How much it weighs.
    pub class: NoticeClass,
    /// What became of it, in a few words that quote nothing of the message.
    pub reason: &'static str,
}

impl Notice {
    /// A notice that the model will see or do something else.
    pub fn meaning(path: impl Into<String>, reason: &'static str) -> Self {
        Self { path: path.into(), class: NoticeClass::Meaning, reason }
    }

    /// A notice about cost, latency, bookkeeping or layout.
    pub fn hint(path: impl Into<String>, reason: &'static str) -> Self {
        Self { path: path.into(), class: NoticeClass::Hint, reason }
    }
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}): {}", self.path, self.class.as_str(), self.reason)
    }
}
