//! Whether and where the ledger is kept in tables as well.

use super::checked::{choice, reference};
use super::problem::Findings;
use super::secrets::Reference;
use super::written::{self, At};
use switchtower_projection::Target;

/// The section with values that are valid in themselves.
#[derive(Debug, Clone)]
pub(super) enum Checked {
    Into(Target),
    /// Into PostgreSQL, whose address is still to be read.
    Postgresql(At<Reference>),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Store {
    None,
    Sqlite,
    Postgresql,
}

pub(super) fn check(written: Option<&written::Projection>, findings: &mut Findings) -> Checked {
    let Some(written) = written else { return Checked::Into(Target::Nowhere) };
    let words = [("none", Store::None), ("sqlite", Store::Sqlite), ("postgresql", Store::Postgresql)];
    let store = choice(written.store.as_ref(), &words, findings).unwrap_or(Store::None);
    let url = reference(written.url.as_ref(), findings);
    match (store, &written.store, &written.url) {
        (Store::Postgresql, Some(at), None) => {
            findings.add_with(
                &at.place,
                "'projection.store' is 'postgresql', and 'projection.url' is missing".to_owned(),
                "add url = \"env:DATABASE_URL\"".to_owned(),
            );
        }
        (Store::None | Store::Sqlite, _, Some(at)) => {
            findings.add(&at.place, "'projection.url' is for projection.store = \"postgresql\"".to_owned());
        }
        _ => {}
    }
    match (store, url) {
        (Store::Postgresql, Some(url)) => Checked::Postgresql(url),
        (Store::Sqlite, _) => Checked::Into(Target::Sqlite),
        (Store::None | Store::Postgresql, _) => Checked::Into(Target::Nowhere),
    }
}
