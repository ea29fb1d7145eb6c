//! `OpenAI` itself, which speaks Chat Completions and Responses as it documents them: <https://platform.openai.com/docs/api-reference>.

mod connect;
pub(crate) mod failures;
mod quirks;

use crate::{Known, KnownInterface, KnownOffers, Operation};
use switchtower_dialect::Variant;
use switchtower_domain::DialectId;

/// The name of the kind.
pub const NAME: &str = "openai";

pub(crate) fn known() -> Known {
    Known {
        name: NAME.to_owned(),
        base_url: Some(connect::BASE_URL.to_owned()),
        key_variable: Some(connect::KEY_VARIABLE.to_owned()),
        base_url_variable: Some(connect::BASE_URL_VARIABLE.to_owned()),
        style: connect::STYLE,
        cloud: None,
        main: interface(DialectId::OpenaiChat, quirks::variant()),
        others: vec![interface(DialectId::OpenaiResponses, Variant::default())],
        offers: quirks::offers(),
        docs: "https://platform.openai.com/docs/api-reference/chat".to_owned(),
    }
}

/// A dialect of `OpenAI` in a vendor's variant.
pub(crate) fn interface(dialect: DialectId, variant: Variant) -> KnownInterface {
    KnownInterface {
        dialect,
        base_url: None,
        within: None,
        variant,
        headers: http::HeaderMap::new(),
        passed_headers: Vec::new(),
        request_id_header: failures::REQUEST_ID,
    }
}

/// What a provider of Chat Completions is that no row describes.
pub fn unlisted() -> Known {
    let main = interface(DialectId::OpenaiChat, quirks::unlisted());
    // What is really there the operator knows, and says so where it matters.
    let offers = KnownOffers::usual(&Operation::SHARED);
    Known {
        name: String::new(),
        base_url: None,
        key_variable: None,
        base_url_variable: None,
        main,
        others: Vec::new(),
        offers,
        ..known()
    }
}

/// What a provider of a dialect is that needs nothing of its own, and that no row describes.
pub(crate) fn unlisted_of(dialect: DialectId) -> Known {
    Known { main: interface(dialect, Variant::default()), ..unlisted() }
}

/// What a provider of Responses is that no row describes.
pub fn unlisted_responses() -> Known {
    Known { main: interface(DialectId::OpenaiResponses, Variant::default()), ..unlisted() }
}
