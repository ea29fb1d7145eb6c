//! What can be asked of a provider.

/// What is asked of a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// An answer, whole or streamed.
    Answer,
    /// The number of tokens of a prompt.
    CountTokens,
}
