//! Anthropic, which speaks Messages as it documents it: <https://platform.claude.com/docs/en/api/overview>.

mod connect;
pub(crate) mod failures;
mod quirks;

use crate::{Known, KnownInterface, KnownOffers};
use switchtower_domain::DialectId;

/// The name of the kind.
pub const NAME: &str = "anthropic";

pub(crate) fn known() -> Known {
    Known {
        name: NAME.to_owned(),
        base_url: Some(connect::BASE_URL.to_owned()),
        key_variable: Some(connect::KEY_VARIABLE.to_owned()),
        base_url_variable: Some(connect::BASE_URL_VARIABLE.to_owned()),
        style: connect::STYLE,
        cloud: None,
        main: KnownInterface {
            dialect: DialectId::AnthropicMessages,
            base_url: None,
            within: None,
            variant: quirks::variant(),
            headers: connect::headers(),
            passed_headers: connect::PASSED.to_vec(),
            request_id_header: failures::REQUEST_ID,
        },
        others: Vec::new(),
        offers: KnownOffers::usual(&[]),
        docs: "https://platform.claude.com/docs/en/api/messages".to_owned(),
    }
}

/// What a provider of Messages is that no row describes.
pub fn unlisted() -> Known {
    Known { name: String::new(), base_url: None, key_variable: None, base_url_variable: None, ..known() }
}
