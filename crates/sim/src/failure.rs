//! Everything a provider says no to, in neutral terms; each dialect words it in its own way.

use crate::fault::Fault;
use std::fmt;

/// Why a request gets no answer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Failure {
    /// The request is wrong in itself.
    Invalid(Complaint),
    /// The body is not JSON; says why.
    NotJson(String),
    /// The content type is not JSON.
    MediaType(String),
    /// The key is missing (`None`) or is not the right one (masked).
    Unauthorized(Option<String>),
    /// The model is not on offer.
    UnknownModel(String),
    /// Nothing is served at this place.
    NoSuchPlace { method: String, path: String },
    /// Only recordings are served and none matches.
    NoRecording { path: String },
    /// The body is larger than the server reads.
    TooLarge { max: usize },
    /// A fault that was asked for.
    Injected(Fault),
}

impl From<Complaint> for Failure {
    fn from(complaint: Complaint) -> Self {
        Self::Invalid(complaint)
    }
}

/// One thing wrong with a request, and where.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Complaint {
    pub(crate) at: Place,
    pub(crate) kind: Wrong,
}

/// What is wrong.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Wrong {
    Missing,
    Unknown,
    Type {
        expected: &'static str,
        found: &'static str,
    },
    Below {
        min: f64,
        found: f64,
        whole: bool,
    },
    Above {
        max: f64,
        found: f64,
        whole: bool,
    },
    NotOneOf {
        allowed: &'static [&'static str],
        found: String,
    },
    EmptyArray,
    TooMany {
        max: usize,
        found: usize,
    },
    Pattern {
        pattern: &'static str,
    },
    /// A sentence of the vendor's own, complete as it is.
    Said {
        message: String,
        code: Option<&'static str>,
    },
}

/// Where in the body, from the root inwards.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Place(pub(crate) Vec<Step>);

/// One step of a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    Key(String),
    Index(usize),
}

impl Place {
    pub(crate) fn root() -> Self {
        Self::default()
    }

    pub(crate) fn key(&self, key: &str) -> Self {
        let mut steps = self.0.clone();
        steps.push(Step::Key(key.to_owned()));
        Self(steps)
    }

    pub(crate) fn index(&self, index: usize) -> Self {
        let mut steps = self.0.clone();
        steps.push(Step::Index(index));
        Self(steps)
    }

    pub(crate) fn wrong(self, kind: Wrong) -> Complaint {
        Complaint { at: self, kind }
    }

    pub(crate) fn says(self, message: impl Into<String>) -> Complaint {
        self.wrong(Wrong::Said { message: message.into(), code: None })
    }

    pub(crate) fn says_with_code(self, code: &'static str, message: impl Into<String>) -> Complaint {
        self.wrong(Wrong::Said { message: message.into(), code: Some(code) })
    }

    /// The place around this one, and the name of its last step.
    pub(crate) fn split_last(&self) -> (Self, String) {
        let mut steps = self.0.clone();
        let last = match steps.pop() {
            Some(Step::Key(key)) => key,
            Some(Step::Index(index)) => index.to_string(),
            None => String::new(),
        };
        (Self(steps), last)
    }

    /// `messages[0].content`, as OpenAI writes it.
    pub(crate) fn bracketed(&self) -> String {
        let mut text = String::new();
        for step in &self.0 {
            match step {
                Step::Key(key) if text.is_empty() => text.push_str(key),
                Step::Key(key) => {
                    text.push('.');
                    text.push_str(key);
                }
                Step::Index(index) => {
                    text.push('[');
                    text.push_str(&index.to_string());
                    text.push(']');
                }
            }
        }
        text
    }
}

/// `messages.0.content`, as Anthropic writes it.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, step) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_str(".")?;
            }
            match step {
                Step::Key(key) => f.write_str(key)?,
                Step::Index(index) => write!(f, "{index}")?,
            }
        }
        Ok(())
    }
}
