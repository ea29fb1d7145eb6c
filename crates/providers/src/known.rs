//! What is known of one kind of provider before anything is configured.

use crate::{Cloud, CredentialStyle, KnownOffers, Within};
use http::{HeaderMap, HeaderName};
use switchtower_dialect::Variant;
use switchtower_domain::DialectId;

/// A kind of provider.
#[derive(Debug, Clone)]
pub struct Known {
    /// The name of the kind, which is also the usual name of a provider of it; empty for what no row describes.
    pub name: String,
    /// Where it is, unless it is wherever the operator runs it.
    pub base_url: Option<String>,
    /// The environment variable that usually holds its key.
    pub key_variable: Option<String>,
    /// The environment variable that usually holds another base URL.
    pub base_url_variable: Option<String>,
    /// How its key is shown.
    pub style: CredentialStyle,
    /// The cloud whose tokens it takes.
    pub cloud: Option<Cloud>,
    /// The dialect that it speaks best.
    pub main: KnownInterface,
    /// Further dialects that it speaks.
    pub others: Vec<KnownInterface>,
    /// What it has besides.
    pub offers: KnownOffers,
    /// Its public reference.
    pub docs: String,
}

impl Known {
    /// Every dialect that it speaks, the best one first.
    pub fn interfaces(&self) -> impl Iterator<Item = &KnownInterface> {
        std::iter::once(&self.main).chain(&self.others)
    }

    /// How it speaks one dialect, with the address where that is, if it speaks it.
    pub fn interface(&self, dialect: DialectId) -> Option<KnownInterface> {
        let interface = self.interfaces().find(|interface| interface.dialect == dialect)?.clone();
        let base_url = interface.base_url.clone().or_else(|| self.base_url.clone());
        Some(KnownInterface { base_url, ..interface })
    }

    /// The kind with one of its dialects alone, if it speaks it.
    pub fn only(&self, dialect: DialectId) -> Option<Self> {
        let main = self.interfaces().find(|interface| interface.dialect == dialect)?.clone();
        let base_url = main.base_url.clone().or_else(|| self.base_url.clone());
        Some(Self { main, base_url, others: Vec::new(), ..self.clone() })
    }
}

/// How a kind of provider speaks one dialect.
#[derive(Debug, Clone)]
pub struct KnownInterface {
    /// The dialect.
    pub dialect: DialectId,
    /// Where it is spoken, if not at the provider's base URL.
    pub base_url: Option<String>,
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
