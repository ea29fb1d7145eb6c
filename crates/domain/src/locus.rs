//! Where in the original message a canonical value came from.

use std::fmt;
use std::sync::Arc;

/// A JSON path into the original message, such as `messages[2].content[0]`; empty for the whole message.
///
/// It is no content: two values that differ only in their locus are equal.
#[derive(Clone, Default)]
pub struct Locus(Option<Arc<str>>);

impl Locus {
    /// The whole message.
    pub const fn const_default() -> Self {
        Self(None)
    }

    /// The locus at a path.
    pub fn at(path: impl Into<Arc<str>>) -> Self {
        Self(Some(path.into()))
    }

    /// The path, empty for the whole message.
    pub fn path(&self) -> &str {
        self.0.as_deref().unwrap_or_default()
    }

    /// The path of a field beneath this one.
    pub fn field(&self, name: &str) -> String {
        Self::join(self.path(), name)
    }

    /// The path of a field beneath a path; a name with other than letters, digits, `_`, `-` and `$` is quoted.
    pub fn join(path: &str, name: &str) -> String {
        let plain = !name.is_empty()
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'$') || !b.is_ascii());
        match (path.is_empty(), plain) {
            (true, true) => name.to_owned(),
            (false, true) => format!("{path}.{name}"),
            (_, false) => format!("{path}[{name:?}]"),
        }
    }

    /// The locus of an element of a list field beneath this one.
    pub fn element(&self, field: &str, index: usize) -> Self {
        Self::at(format!("{}[{index}]", self.field(field)))
    }
}

impl PartialEq for Locus {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl fmt::Debug for Locus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.path())
    }
}
