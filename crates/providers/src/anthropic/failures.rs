//! What the heads of its failed answers say. Source: <https://platform.claude.com/docs/en/api/rate-limits#response-headers>

use http::HeaderName;

pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("request-id");

/// When limits are renewed, as RFC 3339 dates.
pub(crate) const RENEWAL_HEADERS: &[&str] = &[
    "anthropic-ratelimit-requests-reset",
    "anthropic-ratelimit-input-tokens-reset",
    "anthropic-ratelimit-output-tokens-reset",
];
