//! Why a message could not be read.

/// A message, or one event of a stream, that is not what its dialect says it should be.
///
/// It names places and kinds, and never quotes what stood there: that may be a prompt.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// A required field is not there.
    #[error("'{path}' is missing")]
    Missing {
        /// Where it should be.
        path: String,
    },
    /// A value is of another kind.
    #[error("'{path}' must be {expected}, but is {found}")]
    Kind {
        /// Where it stands.
        path: String,
        /// What it should be.
        expected: &'static str,
        /// What it is.
        found: &'static str,
    },
    /// A value is none of those that are known.
    #[error("'{path}' must be one of {expected}")]
    Value {
        /// Where it stands.
        path: String,
        /// What is known.
        expected: &'static str,
    },
    /// The text is not JSON.
    #[error("not JSON: {reason}")]
    Json {
        /// What the parser says, without the text.
        reason: String,
    },
    /// An event came that cannot come here.
    #[error("the stream has an event out of place: {what}")]
    Sequence {
        /// Which.
        what: &'static str,
    },
}

impl DecodeError {
    /// The path that is at fault, where there is one.
    pub fn path(&self) -> Option<&str> {
        match self {
            Self::Missing { path } | Self::Kind { path, .. } | Self::Value { path, .. } => Some(path),
            Self::Json { .. } | Self::Sequence { .. } => None,
        }
    }
}
