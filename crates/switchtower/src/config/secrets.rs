//! References to secrets. A configuration never holds a secret itself, and no message ever shows one.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;
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
    /// What a command says: a program and its arguments.
    Command(Vec<String>),
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
        if let Some(line) = text.strip_prefix("cmd:") {
            if looks_secret(line) {
                return Err("has what looks like a credential in its command line");
            }
            return match words(line) {
                None => Err("has a quote after 'cmd:' that does not end"),
                Some(words) if words.is_empty() => Err("names no program after 'cmd:'"),
                Some(words) => Ok(Self::Command(words)),
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
    pub(super) fn read(&self, outside: &dyn Outside, folder: &Path, within: Duration) -> Result<Secret, String> {
        let text = match self {
            Self::Env(name) => outside.variable(name).ok_or("is not set")?,
            Self::File(path) => {
                let text = outside.file(&folder.join(path), SECRET_BYTES_MAX);
                text.map_err(|error| format!("cannot be read ({})", error.kind()))?
            }
            Self::Command(words) => outside.command(words, folder, SECRET_BYTES_MAX, within)?,
        };
        let text = text.trim();
        if text.is_empty() { Err("is empty".to_owned()) } else { Ok(Secret::new(text)) }
    }
}

/// Whether a text begins like a reference, be it a valid one or not.
pub(super) fn is_reference(text: &str) -> bool {
    ["env:", "file:", "cmd:"].iter().any(|kind| text.starts_with(kind))
}

/// The words of a command line: white space is between them, quotes of either kind keep what is within, and nothing
/// else has a meaning. `None` where a quote does not end.
fn words(line: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for c in line.chars() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '"' | '\'') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    quote.is_none().then_some(words)
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
            // Arguments may say more than a message should.
            Self::Command(words) => write!(f, "cmd:{}", words.first().map_or("", String::as_str)),
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

    /// What a command writes, at most so many bytes and within a time. A program with a slash in its name is found
    /// from the folder on, which is also where it runs; no shell is between.
    ///
    /// # Errors
    /// The reason, without a word of what the command wrote.
    fn command(&self, words: &[String], folder: &Path, bytes_max: u64, within: Duration) -> Result<String, String>;

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
    fn command_lines_are_cut_into_words() {
        let words = |line: &str| words(line).map(|words| words.join("|"));
        assert_eq!(words(" pass  show 'my key' a\"b c\"d '' $X ").unwrap(), "pass|show|my key|ab cd||$X");
        assert_eq!(words("a 'b"), None);
        assert!(Reference::parse("cmd:").is_err() && Reference::parse("cmd:echo 'x").is_err());
        assert!(Reference::parse("cmd:echo sk-live-0123456789").unwrap_err().contains("looks like a credential"));
        assert_eq!(Reference::parse("cmd:vault read x").unwrap().to_string(), "cmd:vault");
    }

    #[test]
    fn commands_are_run_within_bounds() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("key"), "secret-value\n").unwrap();
        let read = |line: &str, millis: u64| {
            let within = Duration::from_millis(millis);
            Reference::parse(line).unwrap().read(&Environment::default(), folder.path(), within)
        };
        assert_eq!(read("cmd:cat key", 5000).unwrap().expose(), "secret-value");
        assert_eq!(read("cmd:sh -c 'echo secret; exit 3'", 5000).unwrap_err(), "ended with exit status: 3");
        assert_eq!(read("cmd:sleep 60", 50).unwrap_err(), "took longer than 50 ms");
        assert_eq!(read("cmd:sh -c 'sleep 60 & echo a'", 50).unwrap_err(), "took longer than 50 ms");
        assert_eq!(read("cmd:yes", 5000).unwrap_err(), "wrote more than 65536 bytes");
        assert_eq!(read("cmd:true", 5000).unwrap_err(), "is empty");
        assert_eq!(read("cmd:./none", 5000).unwrap_err(), "cannot be run (entity not found)");
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
        let read = |name: &str| {
            Reference::File(PathBuf::from(name)).read(&Environment::default(), folder.path(), Duration::from_secs(5))
        };
        assert_eq!(read("key").unwrap().expose(), "abc");
        assert_eq!(read("large").unwrap_err(), "cannot be read (file too large)");
        assert!(read("missing").unwrap_err().starts_with("cannot be read ("));
    }
}
