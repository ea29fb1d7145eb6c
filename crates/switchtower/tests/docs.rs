//! The documents say what is so.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

use std::path::{Path, PathBuf};
use switchtower_domain::{Actor, RefusalCode};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn every_refusal_is_in_the_reference() {
    let table = read(&root().join("docs/reference/refusals.md"));
    for code in RefusalCode::ALL {
        let actor = match code.actor() {
            Actor::Caller => "caller",
            Actor::Operator => "operator",
            Actor::Provider => "provider",
            Actor::Switchtower => "switchtower",
        };
        let row = format!("| `{}` | {} | {actor} |", code.as_str(), code.status());
        assert!(table.contains(&row), "docs/reference/refusals.md lacks the row: {row}");
    }
    assert_eq!(table.matches("\n| `").count(), RefusalCode::ALL.len());
}

fn documents(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            documents(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "md") {
            found.push(path);
        }
    }
}

#[test]
fn every_link_between_documents_leads_somewhere() {
    let mut found: Vec<PathBuf> =
        ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"].iter().map(|name| root().join(name)).collect();
    documents(&root().join("docs"), &mut found);
    let mut dead = Vec::new();
    for document in &found {
        let text = read(document);
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let path = target.split('#').next().unwrap_or_default();
            if !path.is_empty() && !path.contains("://") && !document.parent().unwrap().join(path).exists() {
                dead.push(format!("{}: {target}", document.display()));
            }
        }
    }
    assert!(dead.is_empty(), "{dead:#?}");
}
