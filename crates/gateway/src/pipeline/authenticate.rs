//! Who is calling.

use super::accept::{Accepted, Place};
use crate::Settings;
use crate::clock::seconds_since_1970;
use crate::signature::SignatureError;
use std::sync::Arc;
use switchtower_domain::{Refusal, RefusalCode};
use switchtower_providers::caller_keys;

/// Lets those in who present a key that is known. Either usual header is taken in any dialect, since SDKs differ. Who
/// signs with such a key is let in to be read; [`verify`] has the last word.
pub(super) fn authenticate(settings: &Settings, accepted: Accepted) -> Result<Accepted, Refusal> {
    if settings.access.is_keyless() {
        return Ok(accepted);
    }
    let admitted = caller_keys(&accepted.headers).find_map(|key| settings.access.admits(key)).cloned();
    if admitted.is_some() {
        return Ok(Accepted { signed: None, caller: admitted, ..accepted });
    }
    if let Some(signed) = accepted.signed.as_deref() {
        let signed = signed.as_ref().map_err(|error| unsigned(*error))?;
        signed.check_date(seconds_since_1970()).map_err(unsigned)?;
        let known = settings.access.key_named(&signed.key).map(|(_, holder)| Arc::clone(holder));
        let caller = Some(known.ok_or_else(|| unsigned(SignatureError::UnknownKey))?);
        if matches!(accepted.place, Place::Models | Place::Model(_)) {
            // Nothing more comes.
            verify(settings, &accepted, b"")?;
        }
        return Ok(Accepted { caller, ..accepted });
    }
    let message = match caller_keys(&accepted.headers).next() {
        Some(_) => "the key that was presented is not known to this gateway",
        None => "a key is needed: send it as 'Authorization: Bearer KEY' or as 'x-api-key: KEY'",
    };
    Err(Refusal::new(RefusalCode::Unauthenticated, message))
}

/// Checks the signature of a request whose body is there, where it is signed.
pub(super) fn verify(settings: &Settings, accepted: &Accepted, body: &[u8]) -> Result<(), Refusal> {
    let Some(Ok(signed)) = accepted.signed.as_deref() else { return Ok(()) };
    if settings.access.is_keyless() {
        return Ok(());
    }
    let (secret, _) = settings.access.key_named(&signed.key).ok_or_else(|| unsigned(SignatureError::UnknownKey))?;
    signed.check(secret, body).map_err(unsigned)
}

fn unsigned(error: SignatureError) -> Refusal {
    Refusal::new(RefusalCode::Unauthenticated, error.to_string())
}
