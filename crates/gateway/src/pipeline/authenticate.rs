//! Who is calling.

use super::accept::Accepted;
use crate::Settings;
use switchtower_domain::{Refusal, RefusalCode};
use switchtower_providers::caller_keys;

/// Lets those in who present a key that is known. Either usual header is taken in any dialect, since SDKs differ.
pub(super) fn authenticate(settings: &Settings, accepted: Accepted) -> Result<Accepted, Refusal> {
    if settings.access.is_keyless() {
        return Ok(accepted);
    }
    if caller_keys(&accepted.headers).any(|key| settings.access.admits(Some(key))) {
        return Ok(accepted);
    }
    let message = match caller_keys(&accepted.headers).next() {
        Some(_) => "the key that was presented is not known to this gateway",
        None => "a key is needed: send it as 'Authorization: Bearer KEY' or as 'x-api-key: KEY'",
    };
    Err(Refusal::new(RefusalCode::Unauthenticated, message))
}
