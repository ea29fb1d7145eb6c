//! Amazon Bedrock, which speaks Converse for every model, and for Anthropic's also Messages, within `InvokeModel`.
//! Source: <https://docs.aws.amazon.com/bedrock/latest/userguide/inference-api.html>

use crate::{Cloud, CredentialStyle, Known, KnownInterface, KnownOffers, Operation, Within, anthropic};
use http::{HeaderMap, HeaderName};
use switchtower_dialect::{StreamEnding, Thinking, Variant};
use switchtower_domain::DialectId;

/// Converse.
const CONVERSE: &str = "bedrock";
/// Messages, within `InvokeModel`.
const ANTHROPIC: &str = "bedrock_anthropic";
const BASE_URL: &str = "https://bedrock-runtime.${region}.amazonaws.com";
/// The variable that AWS's own SDKs read.
/// Source: <https://docs.aws.amazon.com/bedrock/latest/userguide/api-keys-use.html>
const KEY_VARIABLE: &str = "AWS_BEARER_TOKEN_BEDROCK";
const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");

pub(crate) fn known() -> [Known; 2] {
    let converse = Known {
        name: CONVERSE.to_owned(),
        base_url: Some(BASE_URL.to_owned()),
        key_variable: Some(KEY_VARIABLE.to_owned()),
        base_url_variable: Some("AWS_ENDPOINT_URL_BEDROCK_RUNTIME".to_owned()),
        style: CredentialStyle::Bearer,
        cloud: Some(Cloud::Aws),
        main: KnownInterface {
            dialect: DialectId::BedrockConverse,
            base_url: None,
            within: None,
            variant: variant(),
            headers: HeaderMap::new(),
            passed_headers: Vec::new(),
            request_id_header: REQUEST_ID,
        },
        others: Vec::new(),
        // Source: <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_InvokeModel.html>
        offers: KnownOffers::usual(&[Operation::Invoke]),
        docs: "https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html".to_owned(),
    };
    let messages = anthropic::unlisted().main;
    let anthropic = Known {
        name: ANTHROPIC.to_owned(),
        main: KnownInterface {
            within: Some(Within::InvokeModel),
            variant: Variant { thinking: Thinking::Budget, ..messages.variant },
            headers: HeaderMap::new(),
            passed_headers: Vec::new(),
            request_id_header: REQUEST_ID,
            ..messages
        },
        offers: KnownOffers::usual(&[]),
        docs: "https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-anthropic-claude-messages.html"
            .to_owned(),
        ..converse.clone()
    };
    [converse, anthropic]
}

/// A stream's last event is about its usage; it ends with the reason for stopping. Every Claude that thinks takes a
/// budget. Source: <https://docs.aws.amazon.com/bedrock/latest/userguide/claude-messages-extended-thinking.html>
fn variant() -> Variant {
    Variant { thinking: Thinking::Budget, stream_ending: StreamEnding::StopReason, ..Variant::default() }
}

/// What a provider of Converse is that no row describes.
pub fn unlisted() -> Known {
    let [converse, _] = known();
    Known { name: String::new(), base_url: None, key_variable: None, base_url_variable: None, cloud: None, ..converse }
}
