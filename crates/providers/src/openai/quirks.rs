//! Where it differs from the default reading of its dialect.

use switchtower_dialect::Variant;
use switchtower_domain::MaxTokensField;

/// `max_tokens` is deprecated, and models that reason refuse it.
/// Source: <https://platform.openai.com/docs/api-reference/chat/create#chat_create-max_tokens>
pub(super) fn variant() -> Variant {
    Variant { max_tokens_field: Some(MaxTokensField::MaxCompletionTokens), ..Variant::default() }
}

/// Vendors that took the dialect over know the older names best. A request that is forwarded keeps its own.
pub(super) fn unlisted() -> Variant {
    Variant { max_tokens_field: Some(MaxTokensField::MaxTokens), developer_role: false, ..Variant::default() }
}
