//! The names that figures are kept by, bounded: whoever invents names cannot fill our memory, or that of who reads.

use std::borrow::Cow;
use std::collections::HashSet;
use switchtower_ledger::record::{Opened, Text};

/// What stands for every deployment beyond the bound.
const OTHER: &str = "other";

/// The deployments that have series of their own.
#[derive(Debug)]
pub(super) struct Names {
    known: HashSet<String>,
    max: usize,
}

impl Names {
    pub(super) fn new(max: usize) -> Self {
        Self { known: HashSet::new(), max }
    }

    /// Whether a deployment with a model has series of its own, from now on if there is room.
    pub(super) fn admit(&mut self, deployment: &str, model: &str) -> bool {
        let name = format!("{deployment}\u{1f}{model}");
        if self.known.contains(&name) {
            return true;
        }
        self.known.len() < self.max && self.known.insert(name)
    }
}

/// What a call is counted by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Labels {
    pub(crate) deployment: Text,
    pub(crate) provider: Text,
    pub(crate) model: Text,
    pub(crate) client: Text,
    pub(crate) operation: Text,
}

impl Labels {
    pub(super) fn of(opened: &Opened) -> Self {
        Self {
            deployment: deployment(&opened.deployment).into_owned().into(),
            provider: opened.provider.clone(),
            model: model(&opened.model).to_owned().into(),
            client: opened.client.clone(),
            operation: opened.operation.clone(),
        }
    }

    /// The same for a deployment beyond the bound.
    pub(super) fn other(self) -> Self {
        Self { deployment: OTHER.into(), model: OTHER.into(), ..self }
    }

    /// Writes what tells one from all others.
    pub(super) fn key(opened: &Opened, key: &mut String) {
        key.clear();
        let (deployment, model) = (deployment(&opened.deployment), model(&opened.model));
        for part in [&deployment, &*opened.provider, model, &opened.client, &opened.operation] {
            key.push_str(part);
            key.push('\u{1f}');
        }
    }

    pub(super) fn to_key(&self) -> String {
        let parts = [&self.deployment, &self.provider, &self.model, &self.client, &self.operation];
        parts.iter().flat_map(|part| [part.as_ref(), "\u{1f}"]).collect()
    }
}

/// A deployment's name for figures: all models of a provider that only callers name are one. On record they are digests,
/// of which there is no end.
pub(super) fn deployment(name: &str) -> Cow<'_, str> {
    match name.split_once("/#") {
        Some((provider, _)) => Cow::Owned(format!("{provider}/#")),
        None => Cow::Borrowed(name),
    }
}

fn model(name: &str) -> &str {
    if name.starts_with('#') { "#" } else { name }
}
