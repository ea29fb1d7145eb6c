//! A provider's trouble, classified.

use crate::Extras;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fmt;
use std::time::Duration;

/// What went wrong at a provider, and what it said.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Failure {
    /// The class, which decides about retry and fallback.
    pub class: FailureClass,
    /// The status that the provider answered with, if it answered.
    pub status: Option<u16>,
    /// The provider's own words. They may quote a secret: see [`crate::mask_secrets`].
    pub message: Option<String>,
    /// The provider's own name for the error.
    pub kind: Option<String>,
    /// The provider's own code for the error.
    pub code: Option<String>,
    /// The field of the request that the provider blames.
    pub param: Option<String>,
    /// When the provider wants to be asked again.
    pub retry_after: Option<Duration>,
    /// The provider's id for the request.
    pub request_id: Option<String>,
    /// How the dialect wrote it.
    pub form: FailureForm,
    /// What else its body says.
    pub extras: Extras,
}

/// How the body of an error was written.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub enum FailureForm {
    /// As the dialect's own vendor writes it.
    #[default]
    Usual,
    /// Without the object that the dialect has around it.
    Flat,
    /// In a chunk that says other things as well, and keeps it.
    Beside,
    /// In a way of the vendor's own, whole.
    Native(Value),
}

impl Failure {
    /// A failure of which only the class is known.
    pub const fn new(class: FailureClass) -> Self {
        Self {
            class,
            status: None,
            message: None,
            kind: None,
            code: None,
            param: None,
            retry_after: None,
            request_id: None,
            form: FailureForm::Usual,
            extras: Extras::none(),
        }
    }
}

/// The classes of trouble.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum FailureClass {
    /// Too many requests or tokens for the account.
    RateLimited,
    /// The provider has no capacity now.
    Overloaded,
    /// No answer in time.
    TimedOut,
    /// No connection, or it broke.
    Unreachable,
    /// The credential was not accepted.
    Denied,
    /// The request was not accepted.
    Invalid,
    /// A content filter of the provider refused.
    Filtered,
    /// The answer could not be read.
    Malformed,
    /// Anything else.
    Unknown,
}

impl FailureClass {
    /// The word in logs and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RateLimited => "rate_limited",
            Self::Overloaded => "overloaded",
            Self::TimedOut => "timed_out",
            Self::Unreachable => "unreachable",
            Self::Denied => "denied",
            Self::Invalid => "invalid",
            Self::Filtered => "filtered",
            Self::Malformed => "malformed",
            Self::Unknown => "unknown",
        }
    }
}

impl fmt::Display for FailureClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
