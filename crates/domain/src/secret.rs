//! Secrets, and texts that may hold one.

use secrecy::{ExposeSecret, SecretString};
use std::fmt;

/// A credential. It prints as a mask and is wiped from memory when dropped.
#[derive(Clone)]
pub struct Secret(SecretString);

impl Secret {
    /// Takes a text into custody.
    pub fn new(text: impl Into<String>) -> Self {
        Self(SecretString::from(text.into()))
    }

    /// The text, for the one place that must send or compare it.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(***)")
    }
}

/// A text from elsewhere with everything masked that looks like a credential: long words that begin like a known
/// kind of key, words after `Bearer`, and each of the given secrets.
///
/// Providers quote keys back in their messages, some of them whole.
pub fn mask_secrets(text: &str, known: &[&Secret]) -> String {
    let mut masked = text.to_owned();
    for secret in known {
        if secret.expose().len() >= 4 {
            masked = masked.replace(secret.expose(), "***");
        }
    }
    let mut out = String::with_capacity(masked.len());
    let mut after_bearer = false;
    for piece in masked.split_inclusive(|c: char| !is_key_character(c)) {
        let word = piece.trim_end_matches(|c: char| !is_key_character(c));
        if looks_like_key(word) || (after_bearer && word.len() >= 8) {
            out.push_str("***");
            out.push_str(piece.strip_prefix(word).unwrap_or_default());
        } else {
            out.push_str(piece);
        }
        if !word.is_empty() {
            after_bearer = word.eq_ignore_ascii_case("bearer");
        }
    }
    out
}

fn is_key_character(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '*' | '.' | '+' | '/' | '=')
}

fn looks_like_key(word: &str) -> bool {
    const PREFIXES: [&str; 16] = [
        "sk-", "sk_", "pk-", "rk-", "xai-", "gsk_", "hf_", "pplx-", "csk-", "AIza", "AKIA", "ASIA", "ya29.", "eyJ",
        "ghp_", "r8_",
    ];
    word.len() >= 12 && PREFIXES.iter().any(|prefix| word.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_masked_wherever_they_stand() {
        let secret = Secret::new("my-own-token");
        assert_eq!(
            mask_secrets("Incorrect API key provided: sk-proj-abcdef123456, see docs.", &[]),
            "Incorrect API key provided: ***, see docs."
        );
        assert_eq!(mask_secrets("Authorization: Bearer abcdefghijk", &[]), "Authorization: Bearer ***");
        assert_eq!(mask_secrets("token=my-own-token!", &[&secret]), "token=***!");
        assert_eq!(mask_secrets("the model `gpt-5` is busy", &[]), "the model `gpt-5` is busy");
    }

    #[test]
    fn a_secret_prints_as_a_mask() {
        assert_eq!(format!("{:?}", Secret::new("hidden")), "Secret(***)");
    }
}
