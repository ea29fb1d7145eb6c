//! Names that stand for several models.

use arc_swap::ArcSwap;
use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::Arc;

/// How many models are remembered with the name that stands for them. Callers may ask for models that nobody has.
const KNOWN_MAX: usize = 1_000;

/// The names with a `*` of one kind of provider. There may be hundreds, and the same few models are asked for again and
/// again: what was found is remembered, without a lock.
#[derive(Debug, Default)]
pub(crate) struct Alike {
    /// Those that say most first.
    names: Vec<Arc<str>>,
    known: ArcSwap<HashMap<String, Option<Arc<str>>>>,
}

impl Alike {
    pub(super) fn add(&mut self, name: &str) {
        let before = |other: &str| (Reverse(other.len()), other) < (Reverse(name.len()), name);
        let at = self.names.partition_point(|other| before(other));
        self.names.insert(at, name.into());
        self.known = ArcSwap::default();
    }

    /// The name that stands for a model: of several the longest one, and of these the first.
    pub(super) fn name_of(&self, model: &str) -> Option<Arc<str>> {
        let known = self.known.load();
        if let Some(found) = known.get(model) {
            return found.clone();
        }
        let found = self.names.iter().find(|name| stands_for(name, model)).cloned();
        let mut more = if known.len() < KNOWN_MAX { HashMap::clone(&known) } else { HashMap::new() };
        more.insert(model.to_owned(), found.clone());
        // What somebody else found at the same time is found again.
        self.known.store(Arc::new(more));
        found
    }
}

impl Clone for Alike {
    fn clone(&self) -> Self {
        Self { names: self.names.clone(), known: ArcSwap::default() }
    }
}

impl PartialEq for Alike {
    fn eq(&self, other: &Self) -> bool {
        self.names == other.names
    }
}

impl Eq for Alike {}

/// Whether a name with a `*` stands for a model. A `*` is any text, also none.
pub(crate) fn stands_for(name: &str, model: &str) -> bool {
    let Some((first, rest)) = name.split_once('*') else { return name == model };
    let Some(mut left) = model.strip_prefix(first) else { return false };
    let mut parts: Vec<&str> = rest.split('*').collect();
    let last = parts.pop().unwrap_or_default();
    for part in parts {
        match left.split_once(part) {
            Some((_, behind)) => left = behind,
            None => return false,
        }
    }
    left.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_is_any_text() {
        for (name, model) in [
            ("a", "a"),
            ("*", ""),
            ("a*", "a"),
            ("a*", "abc"),
            ("*c", "abc"),
            ("a*b*c", "a1b2c"),
            ("*b*", "abc"),
            ("a**c", "abc"),
        ] {
            assert!(stands_for(name, model), "{name} {model}");
        }
        for (name, model) in
            [("a", "ab"), ("a*", "ba"), ("*c", "ca"), ("ab*ba", "aba"), ("a*b*c", "acb"), ("*b*b", "ab")]
        {
            assert!(!stands_for(name, model), "{name} {model}");
        }
    }

    #[test]
    fn the_name_that_says_most_is_found_and_remembered() {
        let mut alike = Alike::default();
        for name in ["a*", "*", "ab*", "aa*", "*b*"] {
            alike.add(name);
        }
        for _ in 0..2 {
            for (model, name) in [("abc", "*b*"), ("aa", "aa*"), ("ac", "a*"), ("x", "*")] {
                assert_eq!(alike.name_of(model).as_deref(), Some(name), "{model}");
            }
        }
        assert_eq!(alike.known.load().len(), 4);
        // Another name may say more than what was found.
        alike.add("abc*");
        assert_eq!(alike.name_of("abc").as_deref(), Some("abc*"));
        for model in 0..2 * KNOWN_MAX {
            assert_eq!(alike.name_of(&format!("x{model}")).as_deref(), Some("*"));
        }
        assert!(alike.known.load().len() <= KNOWN_MAX);
    }
}
