//! What is known of one kind of provider before anything is configured.

use crate::CredentialStyle;
use http::{HeaderMap, HeaderName};
use switchtower_dialect::Variant;
use switchtower_domain::DialectId;

/// A kind of provider.
#[derive(Debug, Clone)]
pub struct Known {
    /// The name of the kind, which is also the usual name of a provider of it.
    pub name: String,
    /// What it speaks.
    pub dialect: DialectId,
    /// Where it is, unless it is wherever the operator runs it.
    pub base_url: Option<String>,
    /// The environment variable that usually holds its key.
    pub key_variable: Option<String>,
    /// The environment variable that usually holds another base URL.
    pub base_url_variable: Option<String>,
    /// How its key is shown.
    pub style: CredentialStyle,
    /// How it differs from its dialect.
    pub variant: Variant,
    /// Headers that each request carries.
    pub headers: HeaderMap,
    /// Headers of the caller that are passed on.
    pub passed_headers: Vec<HeaderName>,
    /// The header in which it names its own id for a request.
    pub request_id_header: HeaderName,
    /// Its public reference.
    pub docs: String,
}
