//! What can go wrong on the way to a token.

/// Why there is no token.
#[derive(Debug, Clone, thiserror::Error)]
pub enum IdentityError {
    /// What was given is none of the kinds of credentials that are known.
    #[error("{0}")]
    Credentials(String),
    /// A file in which a platform puts its token cannot be read.
    #[error("the token file '{path}' cannot be read ({reason})")]
    File {
        /// The file.
        path: String,
        /// What the system said.
        reason: String,
    },
    /// Whoever gives tokens cannot be reached.
    #[error("{who} cannot be reached: {reason}")]
    Unreachable {
        /// Whoever it is, by the host of the address.
        who: String,
        /// What the network said.
        reason: String,
    },
    /// Whoever gives tokens refused.
    #[error("{who} answered with {status}: {reason}")]
    Refused {
        /// Whoever it is.
        who: String,
        /// The status.
        status: u16,
        /// Its words, with what looks like a secret masked.
        reason: String,
    },
    /// What came is no token.
    #[error("the answer of {who} holds no token ({reason})")]
    Malformed {
        /// Whoever it is.
        who: String,
        /// What is missing.
        reason: &'static str,
    },
}
