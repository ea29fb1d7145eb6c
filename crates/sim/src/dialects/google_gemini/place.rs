//! Addresses, which name the model and what is asked of it.
//!
//! AI Studio has `/v1beta/models/MODEL:METHOD`, Vertex AI `/v1/projects/P/locations/L/publishers/google/models/MODEL:METHOD`, or
//! without a project `/v1beta1/publishers/google/models/MODEL:METHOD`.

use crate::dialects::{Framing, Place, percent_decoded};
use crate::service::Service;

const VERSIONS: [&str; 4] = ["/v1beta/", "/v1/", "/v1beta1/", "/v1alpha/"];
/// What Vertex AI has between the version and the models.
const PUBLISHER: &str = "publishers/google/";

/// A method of a model.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Called {
    pub(super) model: String,
    pub(super) method: &'static str,
}

/// The methods, and what each is here.
const METHODS: [(&str, Place); 5] = [
    ("generateContent", Place::Chat),
    ("streamGenerateContent", Place::Chat),
    ("countTokens", Place::CountTokens),
    ("embedContent", Place::Service(Service::EmbedContent)),
    ("batchEmbedContents", Place::Service(Service::BatchEmbedContents)),
];

/// The part of a path from `models` on.
pub(super) fn of_models(path: &str) -> Option<&str> {
    let rest = VERSIONS.iter().find_map(|version| path.strip_prefix(version))?;
    let rest = match rest.strip_prefix("projects/") {
        Some(rest) => {
            let (project, rest) = rest.split_once("/locations/")?;
            let (location, rest) = rest.split_once('/')?;
            (!project.contains('/') && !location.is_empty()).then_some(rest)?.strip_prefix(PUBLISHER)?
        }
        None => rest.strip_prefix(PUBLISHER).unwrap_or(rest),
    };
    rest.strip_prefix("models").filter(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The method that a path calls.
pub(super) fn called(path: &str) -> Option<Called> {
    let (model, method) = of_models(path)?.strip_prefix('/')?.rsplit_once(':')?;
    let (method, _) = METHODS.iter().find(|(name, _)| *name == method)?;
    Some(Called { model: percent_decoded(model).filter(|model| !model.is_empty())?, method })
}

/// Where a path that is posted to leads.
pub(super) fn posted(path: &str) -> Option<Place> {
    let called = called(path)?;
    METHODS.iter().find(|(name, _)| *name == called.method).map(|(_, place)| place.clone())
}

/// How a path asks for a stream: as events with `alt=sse`, as one array otherwise.
pub(super) fn streamed(path: &str, query: Option<&str>) -> Option<Framing> {
    called(path).filter(|called| called.method == "streamGenerateContent")?;
    let events = query.unwrap_or_default().split('&').any(|pair| pair == "alt=sse");
    Some(if events { Framing::Events } else { Framing::Array })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_and_methods_are_found() {
        let found = |path: &str| called(path).map(|called| (called.model, called.method));
        let is = |model: &str, method: &'static str| Some((model.to_owned(), method));
        assert_eq!(found("/v1beta/models/sim-1:generateContent"), is("sim-1", "generateContent"));
        assert_eq!(
            found("/v1/models/sim-1%3Ffault=cut:after=3:countTokens"),
            is("sim-1?fault=cut:after=3", "countTokens")
        );
        let vertex = "projects/p/locations/global/publishers/google/models/sim-1:streamGenerateContent";
        assert_eq!(found(&format!("/v1/{vertex}")), is("sim-1", "streamGenerateContent"));
        assert_eq!(found(&format!("/v1beta1/{vertex}")), is("sim-1", "streamGenerateContent"));
        assert_eq!(found("/v1beta1/publishers/google/models/sim-1:embedContent"), is("sim-1", "embedContent"));
        for path in
            ["/v1beta/models/sim-1", "/v1beta/models/:generateContent", "/v1/models/a:b", "/models/a:countTokens"]
        {
            assert_eq!(found(path), None, "{path}");
        }
        for path in ["/v1/models/%G0:countTokens", "/v1/projects/p/publishers/google/models/a:countTokens"] {
            assert_eq!(found(path), None, "{path}");
        }
    }

    #[test]
    fn streams_are_events_or_an_array() {
        let path = "/v1beta/models/sim-1:streamGenerateContent";
        assert_eq!(streamed(path, Some("key=a&alt=sse")), Some(Framing::Events));
        assert_eq!(streamed(path, Some("alt=json")), Some(Framing::Array));
        assert_eq!(streamed(path, None), Some(Framing::Array));
        assert_eq!(streamed("/v1beta/models/sim-1:generateContent", Some("alt=sse")), None);
    }
}
