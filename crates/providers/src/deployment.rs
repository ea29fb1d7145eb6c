//! A provider as it is configured, and one model there.

use crate::aws::region_of;
use crate::{
    Base, Credential, CredentialStyle, Defaults, Endpoint, EndpointError, Gate, Known, KnownInterface, Offers,
    Operation, Within,
};
use http::{HeaderMap, HeaderName, HeaderValue};
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;
use switchtower_catalogue::ModelFacts;
use switchtower_dialect::Variant;
use switchtower_domain::{AccountName, DeploymentName, DialectId, ModelName, ProviderName, RegionName, Way};

/// One endpoint with one credential.
#[derive(Debug, Clone)]
pub struct Provider {
    /// The name that clients write before a model.
    pub name: ProviderName,
    /// The kind of provider that it is, by its name in the catalogue; nothing for what no row describes.
    pub kind: Option<String>,
    /// How it speaks the dialect that it speaks best.
    pub main: Interface,
    /// How it speaks others.
    pub others: Vec<Interface>,
    /// What it has besides.
    pub offers: Offers,
    /// What it is shown.
    pub credential: Credential,
    /// How long it may take.
    pub timeouts: Timeouts,
    /// Whether it may keep what it is sent.
    pub retention: RetentionPolicy,
    /// Headers that each request carries, on top of those of the interface.
    pub headers: HeaderMap,
    /// Headers of the caller that are passed on, on top of those of the interface.
    pub passed_headers: Vec<HeaderName>,
    /// Models that listings show; others can be asked for all the same.
    pub models: Vec<ModelName>,
    /// The way by which requests leave, where it is not the usual one.
    pub way: Option<Way>,
    /// The account that it is, where that is said: what one provider of an account made, each other can read.
    pub account: Option<AccountName>,
    /// Where it runs, if that was said.
    pub region: Option<RegionName>,
    /// Whether it is told to which trace a request belongs.
    pub trace_context: bool,
}

impl Provider {
    /// A provider of a known kind at a base URL, with the limits that are usual. What a kind speaks at an address apart
    /// is known only where the base URL is the usual one.
    ///
    /// # Errors
    /// [`EndpointError`] says what is wrong with the URL.
    pub fn of_kind(
        name: ProviderName,
        kind: &Known,
        base_url: &str,
        credential: Credential,
    ) -> Result<Self, EndpointError> {
        let usual = kind.base_url.as_deref() == Some(base_url);
        let interface = |known: &KnownInterface| {
            let base = known.base_url.as_deref().filter(|_| usual).unwrap_or(base_url);
            Interface::new(known, base)
        };
        let others = kind.others.iter().filter(|known| usual || known.base_url.is_none());
        Ok(Self {
            name,
            kind: (!kind.name.is_empty()).then(|| kind.name.clone()),
            main: interface(&kind.main)?,
            others: others.map(interface).collect::<Result<_, _>>()?,
            offers: Offers::new(&kind.offers, base_url, usual)?,
            credential,
            timeouts: Timeouts::default(),
            retention: RetentionPolicy::default(),
            headers: HeaderMap::new(),
            passed_headers: Vec::new(),
            models: Vec::new(),
            way: None,
            account: None,
            region: None,
            trace_context: false,
        })
    }

    /// The names under which prices are stated for it: its own, unless a kind of the catalogue has that name, and that of
    /// its kind. One without a kind has its own alone.
    pub fn priced_as(&self) -> (Option<&str>, &str) {
        let name = self.name.as_str();
        let Some(kind) = self.kind.as_deref() else { return (None, name) };
        ((name != kind && crate::known(name).is_none()).then_some(name), kind)
    }

    /// Names a version of its API in every address beneath its base URL.
    ///
    /// # Errors
    /// [`EndpointError`] where that makes no address.
    pub fn set_version(&mut self, version: &str) -> Result<(), EndpointError> {
        let base = self.main.endpoint.base().to_owned();
        self.move_from(&base.clone(), &base, Some(version))
    }

    /// Moves what is beneath its base URL to another one.
    ///
    /// # Errors
    /// [`EndpointError`] where that makes no address.
    pub fn move_to(&mut self, base: &str) -> Result<(), EndpointError> {
        let (from, version) = (self.main.endpoint.base().to_owned(), self.main.endpoint.version().map(str::to_owned));
        self.move_from(&from, base, version.as_deref())
    }

    fn move_from(&mut self, from: &str, base: &str, version: Option<&str>) -> Result<(), EndpointError> {
        for interface in self.interfaces_mut().filter(|interface| interface.endpoint.base() == from) {
            interface.endpoint = Endpoint::of(base, version, interface.dialect, interface.within)?;
        }
        self.offers.move_to(base, version)
    }

    /// Says what is really there; services that the kind does not have are found where they usually are.
    ///
    /// # Errors
    /// [`EndpointError`] where that makes no address.
    pub fn offer_only(&mut self, operations: &[Operation]) -> Result<(), EndpointError> {
        let endpoint = &self.main.endpoint;
        let base = Base { url: endpoint.base().to_owned(), version: endpoint.version().map(str::to_owned) };
        self.offers.keep_only(operations, &base)
    }

    /// Where it runs: as was said, or as an address of AWS names it.
    pub fn place(&self) -> Option<&str> {
        let of_address = || {
            let (_, behind) = self.main.endpoint.base().split_once("://")?;
            behind.split(['/', ':']).next().and_then(region_of)
        };
        self.region.as_ref().map(RegionName::as_str).or_else(of_address)
    }

    /// How to speak with it for a client: in the client's own dialect where it has that, in its best one otherwise.
    pub fn interface(&self, client: DialectId) -> &Interface {
        self.others.iter().find(|interface| interface.dialect == client).unwrap_or(&self.main)
    }

    /// Every dialect that it speaks, the best one first.
    pub fn interfaces(&self) -> impl Iterator<Item = &Interface> {
        std::iter::once(&self.main).chain(&self.others)
    }

    /// The same, to be changed.
    pub fn interfaces_mut(&mut self) -> impl Iterator<Item = &mut Interface> {
        std::iter::once(&mut self.main).chain(&mut self.others)
    }

    /// The style of key that a dialect's own vendor expects.
    pub const fn usual_style(dialect: DialectId) -> CredentialStyle {
        match dialect {
            DialectId::OpenaiChat | DialectId::OpenaiResponses | DialectId::CohereChat | DialectId::OllamaChat => {
                CredentialStyle::Bearer
            }
            DialectId::AnthropicMessages => CredentialStyle::XApiKey,
            DialectId::GoogleGemini => CredentialStyle::XGoogApiKey,
            DialectId::BedrockConverse => CredentialStyle::Bearer,
        }
    }
}

/// One dialect as a provider speaks it: where, and with which differences.
#[derive(Debug, Clone)]
pub struct Interface {
    /// The dialect.
    pub dialect: DialectId,
    /// Where it is spoken.
    pub endpoint: Endpoint,
    /// The API within which it is spoken, where that is not its own.
    pub within: Option<Within>,
    /// How it differs from the dialect as its own vendor documents it.
    pub variant: Variant,
    /// Headers that each request carries.
    pub headers: HeaderMap,
    /// Headers of the caller that are passed on.
    pub passed_headers: Vec<HeaderName>,
    /// The header in which the provider names its own id for a request.
    pub request_id_header: HeaderName,
}

impl Interface {
    /// How its streams come.
    pub fn framing(&self) -> StreamFraming {
        match self.dialect {
            _ if self.within == Some(Within::InvokeModel) => StreamFraming::Chunks,
            DialectId::BedrockConverse => StreamFraming::Messages,
            DialectId::OllamaChat => StreamFraming::Lines,
            _ => StreamFraming::Events,
        }
    }

    /// What is known of a kind, at a base URL.
    ///
    /// # Errors
    /// [`EndpointError`] says what is wrong with the URL.
    pub fn new(known: &KnownInterface, base_url: &str) -> Result<Self, EndpointError> {
        Ok(Self {
            dialect: known.dialect,
            endpoint: Endpoint::of(base_url, None, known.dialect, known.within)?,
            within: known.within,
            variant: known.variant.clone(),
            headers: known.headers.clone(),
            passed_headers: known.passed_headers.clone(),
            request_id_header: known.request_id_header.clone(),
        })
    }
}

/// How the events of a stream are told apart on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamFraming {
    /// Server-sent events.
    Events,
    /// One JSON text a line.
    Lines,
    /// Messages of an AWS event stream.
    Messages,
    /// The same, each with an event of another dialect in it.
    Chunks,
}

impl StreamFraming {
    /// The media type of such a stream.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Events => "text/event-stream",
            Self::Lines => "application/x-ndjson",
            Self::Messages | Self::Chunks => "application/vnd.amazon.eventstream",
        }
    }
}

/// How long a provider may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// Until the head of the answer is there. A whole answer is made before its head is sent, hence minutes.
    pub first_byte: Duration,
    /// Between two pieces of an answer.
    pub idle: Duration,
    /// For the whole answer.
    pub total: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { first_byte: Duration::from_secs(300), idle: Duration::from_secs(120), total: Duration::from_secs(3600) }
    }
}

/// What happens to fields that ask the provider to keep what is sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum RetentionPolicy {
    /// They are changed to what does not ask for it, or the request is refused where the caller is strict.
    #[default]
    Off,
    /// A request that has one is refused.
    Refuse,
    /// They are passed on.
    Allow,
}

/// One callable model.
#[derive(Debug, Clone)]
pub struct Deployment {
    /// The name that clients ask for.
    pub name: DeploymentName,
    /// Where it is served.
    pub provider: Arc<Provider>,
    /// The provider's name for the model.
    pub model: ModelName,
    /// What is asked for where the caller said nothing.
    pub defaults: Defaults,
    /// What the model can do, as far as it is known.
    pub facts: Option<Arc<ModelFacts>>,
    /// How many requests may be open at once, if there is a bound.
    pub gate: Option<Gate>,
    /// The model as JSON text.
    model_json: String,
    /// The name as the value of a header.
    label: HeaderValue,
}

impl Deployment {
    /// A model at a provider.
    pub fn new(name: DeploymentName, provider: Arc<Provider>, model: ModelName) -> Self {
        let model_json = json_string(model.as_str());
        let label =
            HeaderValue::from_str(&percent_encoded(name.as_str())).unwrap_or_else(|_| HeaderValue::from_static("?"));
        Self { name, provider, model, defaults: Defaults::default(), facts: None, gate: None, model_json, label }
    }

    /// The same with what is known of its model, unless that is said already.
    #[must_use]
    pub fn knowing(mut self, facts: Option<Arc<ModelFacts>>) -> Self {
        self.facts = self.facts.or(facts);
        self
    }

    /// Goes on where another stands: requests that are open there count here.
    pub fn continue_from(&mut self, other: &Self) {
        if let (Some(gate), Some(before)) = (&mut self.gate, &other.gate) {
            *gate = gate.clone().continuing(before);
        }
    }

    /// The provider's name for the model as JSON text.
    pub fn model_json(&self) -> &str {
        &self.model_json
    }

    /// The name as the value of a header; what a header cannot carry is percent-encoded.
    pub const fn label(&self) -> &HeaderValue {
        &self.label
    }
}

/// Encodes what the paths of notices encode as well.
fn percent_encoded(text: &str) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut out, byte| {
        match byte {
            b'%' | b';' | b',' | b'"' | 0..=0x20 | 0x7f.. => {
                let _ = write!(out, "%{byte:02X}");
            }
            plain => out.push(char::from(plain)),
        }
        out
    })
}

/// Names hold no control characters, so two characters need an escape.
fn json_string(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_holds_what_a_header_can() {
        assert_eq!(percent_encoded("groß; 50%/m-1:x"), "gro%C3%9F%3B%2050%25/m-1:x");
    }

    #[test]
    fn a_model_is_written_as_json() {
        assert_eq!(json_string("meta/llama-3:free"), "\"meta/llama-3:free\"");
        assert_eq!(json_string("a\"b\\c"), "\"a\\\"b\\\\c\"");
    }
}
