//! Where it differs from the default reading of its dialect.

use switchtower_dialect::Variant;

/// `max_tokens` is required; other dialects leave it out, so a bound is chosen that every model takes.
/// Source: <https://platform.claude.com/docs/en/api/messages#body-max-tokens>
pub(super) fn variant() -> Variant {
    Variant { default_max_tokens: 8192, ..Variant::default() }
}
