//! Where it is and how it knows who asks. Source: <https://platform.openai.com/docs/api-reference/authentication>

use crate::CredentialStyle;

pub(super) const BASE_URL: &str = "https://api.openai.com/v1";
pub(super) const KEY_VARIABLE: &str = "OPENAI_API_KEY";
/// The variable that its own SDKs read.
pub(super) const BASE_URL_VARIABLE: &str = "OPENAI_BASE_URL";
pub(super) const STYLE: CredentialStyle = CredentialStyle::Bearer;
