//! Where it differs from the default reading of its dialect.

use crate::{KnownOffers, Operation};
use switchtower_dialect::Variant;
use switchtower_domain::{DimensionsField, MaxTokensField};

/// `max_tokens` is deprecated, and models that reason refuse it.
/// Source: <https://platform.openai.com/docs/api-reference/chat/create#chat_create-max_tokens>
pub(super) fn variant() -> Variant {
    Variant { max_tokens_field: Some(MaxTokensField::MaxCompletionTokens), ..Variant::default() }
}

/// Vendors that took the dialect over know the older names best, and what they took over from whom is theirs to say. A
/// request that is forwarded keeps its own.
pub(super) fn unlisted() -> Variant {
    let max_tokens_field = Some(MaxTokensField::MaxTokens);
    Variant { max_tokens_field, developer_role: false, mistral_words: true, ..Variant::default() }
}

/// The most inputs of one request for embeddings.
/// Source: <https://platform.openai.com/docs/api-reference/embeddings/create#embeddings_create-input>
const EMBEDDING_INPUTS_MAX: usize = 2048;

/// Embeddings, completions of text and moderations. Of other vendors' fields it says "unrecognized request argument".
pub(super) fn offers() -> KnownOffers {
    let services = [Operation::Embeddings, Operation::Completions, Operation::Moderations];
    let mut offers = KnownOffers::usual(&services);
    offers.embeddings.dimensions_field = Some(DimensionsField::Dimensions);
    offers.embeddings.inputs_max = Some(EMBEDDING_INPUTS_MAX);
    offers.embeddings.forbidden = ["input_type", "truncation"].map(str::to_owned).to_vec();
    offers
}
