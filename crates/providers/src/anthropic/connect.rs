//! Where it is and how it knows who asks. Source: <https://platform.claude.com/docs/en/api/overview#authentication>

use crate::CredentialStyle;
use http::{HeaderMap, HeaderName, HeaderValue};

pub(super) const BASE_URL: &str = "https://api.anthropic.com";
pub(super) const KEY_VARIABLE: &str = "ANTHROPIC_API_KEY";
/// The variable that its own SDKs read.
pub(super) const BASE_URL_VARIABLE: &str = "ANTHROPIC_BASE_URL";
pub(super) const STYLE: CredentialStyle = CredentialStyle::XApiKey;

const VERSION: HeaderName = HeaderName::from_static("anthropic-version");

/// The caller's version and betas decide how the body is read, so they travel with it.
/// Source: <https://platform.claude.com/docs/en/api/versioning>, <https://platform.claude.com/docs/en/api/beta-headers>
pub(super) const PASSED: [HeaderName; 2] = [VERSION, HeaderName::from_static("anthropic-beta")];

/// A version is required; this one stands where the caller named none.
pub(super) fn headers() -> HeaderMap {
    HeaderMap::from_iter([(VERSION, HeaderValue::from_static("2023-06-01"))])
}
