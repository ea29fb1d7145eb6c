//! Where in the original message a canonical value came from.

use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, OnceLock};

/// A JSON path into the original message, such as `messages[2].content[0]`; empty for the whole message.
///
/// Every part of a message has one and few are ever read, so that the path is written out only when it is asked for.
/// It is no content: two values that differ only in their locus are equal.
#[derive(Clone, Default)]
pub struct Locus(Option<Arc<Place>>);

struct Place {
    parent: Locus,
    step: Step,
    path: OnceLock<Box<str>>,
}

enum Step {
    Path(Box<str>),
    Field(Cow<'static, str>),
    Item(usize),
}

impl Locus {
    /// The whole message.
    pub const fn const_default() -> Self {
        Self(None)
    }

    /// The locus at a path; at the empty one stands the whole message.
    pub fn at(path: impl Into<Box<str>>) -> Self {
        let path = path.into();
        if path.is_empty() { Self(None) } else { Self::const_default().step(Step::Path(path)) }
    }

    fn step(&self, step: Step) -> Self {
        Self(Some(Arc::new(Place { parent: self.clone(), step, path: OnceLock::new() })))
    }

    /// The path, empty for the whole message.
    pub fn path(&self) -> &str {
        let Some(place) = &self.0 else { return "" };
        match &place.step {
            Step::Path(path) => path,
            Step::Field(name) => place.path.get_or_init(|| Self::join(place.parent.path(), name).into()),
            Step::Item(index) => place.path.get_or_init(|| format!("{}[{index}]", place.parent.path()).into()),
        }
    }

    /// The path of a field beneath this one.
    pub fn field(&self, name: &str) -> String {
        Self::join(self.path(), name)
    }

    /// The path of what stands beneath this one at a path of its own, such as `functionCall.id`.
    pub fn beneath(&self, path: &str) -> String {
        if self.path().is_empty() { path.to_owned() } else { format!("{}.{path}", self.path()) }
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

    /// The locus of a field beneath this one.
    #[must_use]
    pub fn child(&self, name: impl Into<Cow<'static, str>>) -> Self {
        self.step(Step::Field(name.into()))
    }

    /// The locus of an element of this list.
    #[must_use]
    pub fn item(&self, index: usize) -> Self {
        self.step(Step::Item(index))
    }

    /// The locus of an element of a list field beneath this one.
    #[must_use]
    pub fn element(&self, field: impl Into<Cow<'static, str>>, index: usize) -> Self {
        self.child(field).item(index)
    }
}

/// Writes the path out: whoever may not need it takes the locus in its place.
impl AsRef<str> for Locus {
    fn as_ref(&self) -> &str {
        self.path()
    }
}

impl From<&Locus> for String {
    fn from(locus: &Locus) -> Self {
        locus.path().to_owned()
    }
}

impl PartialEq for Locus {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl fmt::Display for Locus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.path())
    }
}

impl fmt::Debug for Locus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_written_step_by_step() {
        let turn = Locus::const_default().child("messages").item(2);
        assert_eq!(turn.path(), "messages[2]");
        assert_eq!(turn.child("content").item(0).path(), "messages[2].content[0]");
        assert_eq!(Locus::at("system").child("a.b").path(), "system[\"a.b\"]");
        assert_eq!(Locus::const_default().element("tools", 1).path(), Locus::at("tools[1]").path());
        assert_eq!(Locus::at("").path(), "");
    }
}
