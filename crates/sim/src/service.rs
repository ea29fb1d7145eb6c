//! Which services there are besides answers, and where.

/// A service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Service {
    Embeddings,
    Rerank,
    Completions,
    /// Completions with a gap, answered in the form of a conversation, as Mistral has it.
    Fim,
    Moderations,
    /// One vector, as Google has it.
    EmbedContent,
    BatchEmbedContents,
    /// Vectors in several forms, as Cohere has it.
    EmbedTexts,
    /// Rankings, as Cohere has it.
    RerankDocuments,
    /// Vectors, as Ollama has it.
    EmbedInputs,
    /// A text that is continued, as Ollama has it.
    Generate,
}

/// Where those are that bodies tell the model of, with and without the version.
const PLACES: [(&str, Service); 5] = [
    ("/embeddings", Service::Embeddings),
    ("/rerank", Service::Rerank),
    ("/completions", Service::Completions),
    ("/fim/completions", Service::Fim),
    ("/moderations", Service::Moderations),
];

impl Service {
    /// The service at a path.
    pub(crate) fn at(path: &str) -> Option<Self> {
        let bare = path.strip_prefix("/v1").unwrap_or(path);
        PLACES.iter().find(|(place, _)| *place == bare).map(|(_, service)| *service)
    }
}
