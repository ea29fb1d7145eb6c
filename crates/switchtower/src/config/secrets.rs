//! References to secrets. A configuration never holds a secret itself, and no message ever shows one.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use switchtower_domain::{Secret, mask_secrets};

/// The largest file that is read as a secret.
const SECRET_BYTES_MAX: u64 = 64 * 1024;

/// Where a secret is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reference {
    /// In an environment variable.
    Env(String),
    /// In a file, white space at its end left out.
    File(PathBuf),
}

impl Reference {
    /// Reads a reference. The error never shows the text, which may be a secret that was pasted in.
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        if let Some(name) = text.strip_prefix("env:") {
            let name = name.trim();
            let wordlike = |c: char| c.is_ascii_alphanumeric() || c == '_';
            return match name.chars().next() {
                None => Err("names no variable after 'env:'"),
                Some(first) if first.is_ascii_digit() || !name.chars().all(wordlike) => {
                    Err("has something after 'env:' that is no name of a variable (letters, digits and '_')")
                }
                Some(_) => Ok(Self::Env(name.to_owned())),
            };
        }
        match text.strip_prefix("file:") {
            Some(path) if path.trim().is_empty() => Err("names no path after 'file:'"),
            Some(path) => Ok(Self::File(PathBuf::from(path.trim()))),
            None => Err("is not a reference; secrets do not belong in this file"),
        }
    }

    /// Reads the secret itself.
    ///
    /// # Errors
    /// The reason, without a word of the secret.
    pub(super) fn read(&self, outside: &dyn Outside, folder: &Path) -> Result<Secret, String> {
        let text = match self {
            Self::Env(name) => outside.variable(name).ok_or("is not set")?,
            Self::File(path) => {
                let text = outside.file(&folder.join(path), SECRET_BYTES_MAX);
                text.map_err(|error| format!("cannot be read ({})", error.kind()))?
            }
        };
        let text = text.trim();
        if text.is_empty() { Err("is empty".to_owned()) } else { Ok(Secret::new(text)) }
    }
}

/// Whether a text begins like a reference, be it a valid one or not.
pub(super) fn is_reference(text: &str) -> bool {
    text.starts_with("env:") || text.starts_with("file:")
}

/// Whether a text holds what looks like a credential, also as a part of a path or after an equals sign.
pub(super) fn looks_secret(text: &str) -> bool {
    mask_secrets(text, &[]) != text || text.split(['/', '=', ':', '@']).any(|part| mask_secrets(part, &[]) != part)
}

/// Whether a header by this name is likely to carry a credential.
pub(super) fn names_secret(header: &str) -> bool {
    ["key", "token", "secret", "auth", "cookie", "password", "credential"].iter().any(|word| header.contains(word))
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "env:{name}"),
            Self::File(path) => write!(f, "file:{}", path.display()),
        }
    }
}

/// What references lead to.
pub trait Outside: fmt::Debug {
    /// The value of an environment variable, if it is set and is text.
    fn variable(&self, name: &str) -> Option<String>;

    /// The text of a file of at most so many bytes.
    ///
    /// # Errors
    /// As the file system has it; a file that is larger, or that is no text, is an error too.
    fn file(&self, path: &Path, bytes_max: u64) -> io::Result<String>;

    /// The names of what is in a folder, in any order.
    ///
    /// # Errors
    /// As the file system has it.
    fn names(&self, folder: &Path) -> io::Result<Vec<String>>;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment::Environment;

    #[test]
    fn references_are_read() {
        assert_eq!(Reference::parse("env:A_1"), Ok(Reference::Env("A_1".to_owned())));
        assert_eq!(Reference::parse("file:keys/a"), Ok(Reference::File(PathBuf::from("keys/a"))));
        for wrong in ["env:", "env:1A", "env:sk-secret", "file: ", "sk-secret", ""] {
            let error = Reference::parse(wrong).unwrap_err();
            assert!(!error.contains("sk-"), "{error}");
        }
    }

    #[test]
    fn what_looks_like_a_credential_is_known() {
        let secret =
            ["sk-live-0123456789", "Bearer abcdefgh", "k=sk-live-0123456789", "https://h.com/sk-live-0123456789/v1"];
        assert!(secret.into_iter().all(looks_secret));
        assert!(!["blue", "https://api.openai.com/v1", "2023-06-01", ""].into_iter().any(looks_secret));
        assert!(["x-goog-api-key", "x-auth", "set-cookie2", "x-token"].into_iter().all(names_secret));
        assert!(!["x-team", "openai-organization", "anthropic-beta"].into_iter().any(names_secret));
    }

    #[test]
    fn files_are_read_within_bounds() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("key"), "  abc\n").unwrap();
        std::fs::write(folder.path().join("large"), "x".repeat(70_000)).unwrap();
        let read = |name: &str| Reference::File(PathBuf::from(name)).read(&Environment::default(), folder.path());
        assert_eq!(read("key").unwrap().expose(), "abc");
        assert_eq!(read("large").unwrap_err(), "cannot be read (file too large)");
        assert!(read("missing").unwrap_err().starts_with("cannot be read ("));
    }
}
