//! Addresses of Gemini, which name the model and what is asked of it.
//!
//! AI Studio has `/v1beta/models/MODEL:METHOD`, Vertex AI `/v1/projects/P/locations/L/publishers/google/models/MODEL:METHOD`.
//! `rawPredict` and `streamRawPredict` take bodies of Messages there, beneath the publisher `anthropic`. Here MODEL is a
//! deployment, an alias or `provider/model`; where a client of Vertex cuts the latter into publisher and
//! model, it is put together again.

use super::accept::{Addressed, BUILT, Place, percent_decoded};
use crate::stream::Framing;
use http::request::Parts;
use http::{HeaderMap, HeaderValue};
use switchtower_dialect::services::EmbeddingForm;
use switchtower_domain::{DialectId, Refusal, RefusalCode};
use switchtower_providers::{Operation, Within, X_GOOG_API_KEY};

/// Versions of the API, as addresses begin with them.
const VERSIONS: [&str; 4] = ["/v1beta/", "/v1/", "/v1beta1/", "/v1alpha/"];

/// Methods of models. Source: <https://ai.google.dev/api>
const METHODS: [&str; 10] = [
    "generateContent",
    "streamGenerateContent",
    "countTokens",
    "computeTokens",
    "embedContent",
    "batchEmbedContents",
    "batchGenerateContent",
    "predict",
    "rawPredict",
    "streamRawPredict",
];

/// A method of a model.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Called {
    model: String,
    method: String,
}

impl Called {
    /// The endpoint that it is.
    pub(super) fn place(&self) -> Result<Place, Refusal> {
        match self.method.as_str() {
            "generateContent" | "streamGenerateContent" => Ok(Place::Answer(DialectId::GoogleGemini)),
            "countTokens" => Ok(Place::CountTokens(DialectId::GoogleGemini)),
            _ if self.embeddings().is_some() => Ok(Place::Service(Operation::Embeddings)),
            _ if self.counts_messages() => Ok(Place::CountTokens(DialectId::AnthropicMessages)),
            _ if self.within().is_some() => Ok(Place::Answer(DialectId::AnthropicMessages)),
            _ => {
                let message = format!("this method of a model is not served yet; what works: {BUILT}");
                Err(Refusal::new(RefusalCode::NotImplemented, message))
            }
        }
    }

    /// What the address says of the request, which for counts of Messages is nothing.
    pub(super) fn addressed(self, query: Option<&str>) -> Option<Addressed> {
        let streamed = self.method.starts_with("stream");
        let framing = if self.within().is_some() { Framing::Events } else { framing(query) };
        (!self.counts_messages()).then_some(Addressed { model: self.model, streamed, framing })
    }

    /// The API within which the dialect of the model's vendor is spoken, which is Messages.
    pub(super) fn within(&self) -> Option<Within> {
        matches!(self.method.as_str(), "rawPredict" | "streamRawPredict").then_some(Within::RawPredict)
    }

    /// The form in which embeddings are asked for.
    pub(super) fn embeddings(&self) -> Option<EmbeddingForm> {
        match self.method.as_str() {
            "embedContent" => Some(EmbeddingForm::Gemini),
            "batchEmbedContents" => Some(EmbeddingForm::GeminiBatch),
            "predict" => Some(EmbeddingForm::Predict),
            _ => None,
        }
    }

    /// Tokens of Messages are counted by what looks like a model. Source:
    /// <https://cloud.google.com/vertex-ai/generative-ai/docs/partner-models/claude/count-tokens>
    fn counts_messages(&self) -> bool {
        self.method == "rawPredict" && self.model == "count-tokens"
    }
}

/// The method that a path calls, if it is one of a model.
pub(super) fn method(path: &str) -> Option<Called> {
    let rest = VERSIONS.iter().find_map(|version| path.strip_prefix(version))?;
    let (publisher, named) = match rest.strip_prefix("projects/") {
        Some(rest) => {
            let (_, rest) = rest.split_once("/publishers/")?;
            rest.split_once("/models/")?
        }
        None => match rest.strip_prefix("publishers/") {
            Some(rest) => rest.split_once("/models/")?,
            None => ("google", rest.strip_prefix("models/")?),
        },
    };
    let (model, method) = named.rsplit_once(':')?;
    // Names of models may have a colon of their own.
    if !METHODS.contains(&method) {
        return None;
    }
    let model = percent_decoded(model).filter(|model| !model.is_empty())?;
    let called = Called { model, method: method.to_owned() };
    let own = if called.within().is_some() { "anthropic" } else { "google" };
    if publisher == own {
        return Some(called);
    }
    Some(Called { model: format!("{publisher}/{}", called.model), ..called })
}

/// How a streamed answer is asked for: events have to be, or the answer is one list of its pieces.
fn framing(query: Option<&str>) -> Framing {
    let events =
        query.into_iter().flat_map(|query| query.split('&')).any(|pair| pair == "alt=sse" || pair == "$alt=sse");
    if events { Framing::Events } else { Framing::List { begun: false } }
}

/// The dialect in which a client expects its answer, where the path is one of Google's or the key is.
pub(super) fn spoken(path: &str, headers: &HeaderMap) -> Option<DialectId> {
    let called = method(path);
    if called.as_ref().is_some_and(|called| called.within().is_some()) {
        return Some(DialectId::AnthropicMessages);
    }
    let gemini = path.starts_with("/v1beta") || called.is_some() || headers.contains_key(X_GOOG_API_KEY);
    gemini.then_some(DialectId::GoogleGemini)
}

/// A key in the query is as good as one in the header, where readers of logs do not see it.
pub(super) fn take_key(head: &mut Parts) {
    if head.headers.contains_key(X_GOOG_API_KEY) {
        return;
    }
    let mut pairs = head.uri.query().into_iter().flat_map(|query| query.split('&'));
    let key = pairs.find_map(|pair| pair.strip_prefix("key=")).and_then(percent_decoded);
    let value = key.filter(|key| !key.is_empty()).and_then(|key| HeaderValue::try_from(key).ok());
    if let Some(mut value) = value {
        value.set_sensitive(true);
        head.headers.insert(X_GOOG_API_KEY, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_of_models_are_found() {
        let found = |path: &str| method(path).map(|called| (called.model, called.method));
        let called = |model: &str, method: &str| Some((model.to_owned(), method.to_owned()));
        assert_eq!(found("/v1beta/models/sim/sim-1:generateContent"), called("sim/sim-1", "generateContent"));
        assert_eq!(found("/v1/models/fast:streamGenerateContent"), called("fast", "streamGenerateContent"));
        assert_eq!(found("/v1beta/models/a%2Fb:latest:countTokens"), called("a/b:latest", "countTokens"));
        let vertex = "/v1beta1/projects/p/locations/global/publishers/google/models/gemini-2.5-pro:generateContent";
        assert_eq!(found(vertex), called("gemini-2.5-pro", "generateContent"));
        let vertex = "/v1/projects/p/locations/l/publishers/sim/models/sim-1:generateContent";
        assert_eq!(found(vertex), called("sim/sim-1", "generateContent"));
        assert_eq!(found("/v1beta1/publishers/sim/models/sim-1:countTokens"), called("sim/sim-1", "countTokens"));
        for path in [
            "/v1/models/fast",
            "/v1/models/llama3:latest",
            "/v1/models/:generateContent",
            "/v1/chat/completions",
            "/models/x:y",
        ] {
            assert_eq!(found(path), None, "{path}");
        }
    }
}
