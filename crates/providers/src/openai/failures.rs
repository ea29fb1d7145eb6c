//! What the heads of its failed answers say, and those of vendors that took its headers over.
//! Source: <https://platform.openai.com/docs/guides/rate-limits#rate-limits-in-headers>

use http::HeaderName;

pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// When limits are renewed. The last is what `OpenRouter` and Together send.
pub(crate) const RENEWAL_HEADERS: &[&str] =
    &["x-ratelimit-reset-requests", "x-ratelimit-reset-tokens", "x-ratelimit-reset"];
