//! Where a provider is.

use crate::{Address, Base, EndpointError, Operation, Within};
use http::Uri;
use switchtower_domain::{DialectId, ModelName};

/// The addresses of a provider, ready to be called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    base: Base,
    answer: Address,
    /// Where streams are asked for, if that is elsewhere.
    streamed: Option<Address>,
    count_tokens: Option<Address>,
}

impl Endpoint {
    /// The endpoint at a base URL, written as the vendor's own SDK has it: with `/v1` for the dialects of
    /// `OpenAI`, without it for Messages and `/v2` for Cohere (where both are taken), and up to what stands before `/models` for Gemini
    /// and before `/model` for Converse.
    ///
    /// # Errors
    /// [`EndpointError`] says what is wrong with the URL.
    pub fn new(base: &str, dialect: DialectId) -> Result<Self, EndpointError> {
        Self::versioned(base, None, dialect)
    }

    /// The endpoint of an API whose addresses name its version.
    ///
    /// # Errors
    /// [`EndpointError`] says what is wrong with the URL.
    pub fn versioned(base: &str, version: Option<&str>, dialect: DialectId) -> Result<Self, EndpointError> {
        Self::of(base, version, dialect, None)
    }

    /// The endpoint of a dialect that is spoken by itself, or within another API.
    pub(crate) fn of(
        base: &str,
        version: Option<&str>,
        dialect: DialectId,
        within: Option<Within>,
    ) -> Result<Self, EndpointError> {
        let url = base.trim_end_matches('/');
        check(url)?;
        let base = Base { url: url.to_owned(), version: version.map(str::to_owned) };
        let uri = |path: &str| base.at(path);
        let (answer, streamed, count_tokens) = match dialect {
            _ if within == Some(Within::InvokeModel) => {
                (uri("/model/{model}/invoke")?, Some(uri("/model/{model}/invoke-with-response-stream")?), None)
            }
            _ if within == Some(Within::RawPredict) => (
                uri("/models/{model}:rawPredict")?,
                Some(uri("/models/{model}:streamRawPredict")?),
                // The model whose tokens are counted is named in the body.
                Some(uri("/models/count-tokens:rawPredict")?),
            ),
            DialectId::BedrockConverse => (
                uri("/model/{model}/converse")?,
                Some(uri("/model/{model}/converse-stream")?),
                Some(uri("/model/{model}/count-tokens")?),
            ),
            DialectId::OpenaiChat => (uri("/chat/completions")?, None, None),
            DialectId::OpenaiResponses => (uri("/responses")?, None, Some(uri("/responses/input_tokens")?)),
            DialectId::AnthropicMessages if url.ends_with("/v1") => {
                (uri("/messages")?, None, Some(uri("/messages/count_tokens")?))
            }
            DialectId::AnthropicMessages => (uri("/v1/messages")?, None, Some(uri("/v1/messages/count_tokens")?)),
            DialectId::OllamaChat => {
                // What it has for clients of `OpenAI` stands beside its own.
                let own = url.strip_suffix("/v1").unwrap_or(url);
                (Base { url: own.to_owned(), ..base.clone() }.at("/api/chat")?, None, None)
            }
            DialectId::CohereChat if url.ends_with("/v2") => (uri("/chat")?, None, None),
            DialectId::CohereChat => (uri("/v2/chat")?, None, None),
            DialectId::GoogleGemini => (
                uri("/models/{model}:generateContent")?,
                Some(uri("/models/{model}:streamGenerateContent?alt=sse")?),
                Some(uri("/models/{model}:countTokens")?),
            ),
        };
        Ok(Self { answer, streamed, count_tokens, base })
    }

    /// The base URL.
    pub fn base(&self) -> &str {
        &self.base.url
    }

    /// The version that addresses name, where they name one.
    pub fn version(&self) -> Option<&str> {
        self.base.version.as_deref()
    }

    /// Whether the dialect has an operation there.
    pub const fn has(&self, operation: Operation) -> bool {
        match operation {
            Operation::Answer => true,
            Operation::CountTokens => self.count_tokens.is_some(),
            _ => false,
        }
    }

    /// The address of an operation for a model, if the dialect has it.
    pub fn address(&self, operation: Operation, model: &ModelName, streamed: bool) -> Option<Uri> {
        match operation {
            Operation::Answer => self.streamed.as_ref().filter(|_| streamed).unwrap_or(&self.answer).of(model),
            Operation::CountTokens => self.count_tokens.as_ref()?.of(model),
            // Services are no part of a dialect.
            Operation::Embeddings
            | Operation::Rerank
            | Operation::Completions
            | Operation::Fim
            | Operation::Moderations
            | Operation::Generate
            | Operation::FirstChat
            | Operation::Invoke => None,
        }
    }
}

fn check(base: &str) -> Result<(), EndpointError> {
    let absolute =
        || EndpointError::NotAbsolute { url: if base.contains('@') { "***".to_owned() } else { base.to_owned() } };
    for (character, part) in [('?', "query"), ('#', "fragment")] {
        if base.contains(character) {
            return Err(EndpointError::Surplus { part });
        }
    }
    let uri: Uri = base.parse().map_err(|_| absolute())?;
    let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else { return Err(absolute()) };
    if !matches!(scheme, "http" | "https" | "sim") {
        return Err(EndpointError::Scheme { scheme: scheme.to_owned() });
    }
    if authority.as_str().contains('@') {
        return Err(EndpointError::Surplus { part: "user or password" });
    }
    if authority.host().is_empty() { Err(absolute()) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(base: &str, dialect: DialectId) -> String {
        let model = ModelName::new("m").unwrap();
        Endpoint::new(base, dialect).unwrap().address(Operation::Answer, &model, true).unwrap().to_string()
    }

    #[test]
    fn addresses_follow_the_sdks() {
        use DialectId::{AnthropicMessages, OpenaiChat};
        assert_eq!(address("http://[::1]:9/v1/", OpenaiChat), "http://[::1]:9/v1/chat/completions");
        assert_eq!(address("https://api.anthropic.com", AnthropicMessages), "https://api.anthropic.com/v1/messages");
        assert_eq!(address("https://a.example/x/v1", AnthropicMessages), "https://a.example/x/v1/messages");
        assert_eq!(address("https://api.cohere.com", DialectId::CohereChat), "https://api.cohere.com/v2/chat");
        assert_eq!(address("https://a.example/v2", DialectId::CohereChat), "https://a.example/v2/chat");
        assert_eq!(
            address("https://a.example/v1beta", DialectId::GoogleGemini),
            "https://a.example/v1beta/models/m:streamGenerateContent?alt=sse"
        );
    }

    #[test]
    fn what_is_no_base_url_is_refused() {
        let error = |base: &str| Endpoint::new(base, DialectId::OpenaiChat).unwrap_err();
        assert!(matches!(error("api.example.com/v1"), EndpointError::NotAbsolute { .. }));
        assert!(matches!(error("/v1"), EndpointError::NotAbsolute { .. }));
        assert!(matches!(
            error("file:///etc/passwd"),
            EndpointError::NotAbsolute { .. } | EndpointError::Scheme { .. }
        ));
        assert!(matches!(error("ftp://a.example"), EndpointError::Scheme { .. }));
        assert_eq!(error("https://key@a.example"), EndpointError::Surplus { part: "user or password" });
        assert_eq!(error("https://a.example?key=1"), EndpointError::Surplus { part: "query" });
    }
}
