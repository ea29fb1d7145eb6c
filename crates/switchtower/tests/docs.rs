//! The documents say what is so.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use switchtower_domain::{Actor, RefusalCode};
use switchtower_ledger::record::{KINDS, Kind, VALUES};
use switchtower_providers::compatible::facts;
use switchtower_providers::{Operation, catalogue};
use switchtower_telemetry::metric;

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

/// `SWITCHTOWER_UPDATE_DOCS=1` rewrites them.
#[test]
fn the_references_are_what_the_code_says() {
    let pages =
        [("providers.md", providers()), ("ledger.md", records()), ("tables.md", tables()), ("metrics.md", metrics())];
    for (file, wanted) in pages {
        compare(&root().join("docs/reference").join(file), &wanted);
    }
}

fn metrics() -> String {
    format!(
        "# Metrics\n\nMade of `crates/telemetry/src/metric.rs`; a test holds this page against it. How to see them is in the [guide](../guides/observability.md).\n\n\
         What is of requests is counted of the [records](ledger.md) that are written, and of nothing else. `deployment` is the name of the configuration, or `PROVIDER/MODEL`; \
         all models of a provider that neither the configuration nor the catalogue knows are `PROVIDER/#`, and what is beyond `telemetry.deployments_max` is `other`. \
         `code` is that of a [refusal](refusals.md). Over OTLP each has the same labels as attributes, and its second name.\n\n{}",
        metric::reference()
    )
}

fn compare(path: &Path, wanted: &str) {
    if std::env::var_os("SWITCHTOWER_UPDATE_DOCS").is_some() {
        std::fs::write(path, wanted).unwrap();
    } else {
        assert_eq!(read(path), wanted, "stale; run the test with SWITCHTOWER_UPDATE_DOCS=1");
    }
}

fn records() -> String {
    let mut text = "<!-- written by a test from the code, do not edit -->\n# Records\n\nWhat stands in the \
        [ledger](../guides/ledger.md): an array of the number of its kind, microseconds since 1970, and a map with the \
        numbers of its fields. `switchtower ledger export` writes the names. A reader passes over numbers that it does not \
        know; a field that is missing is unsaid.\n"
        .to_owned();
    let mut tell = |kind: &Kind, number: String| {
        let about = kind.about.concat();
        let _ = write!(
            text,
            "\n## {}{number}\n\n{}\n\n| Number | Name | What it says |\n| ---: | --- | --- |\n",
            kind.word,
            about.trim()
        );
        for field in kind.fields {
            let about = field.about.concat();
            let _ = writeln!(text, "| {} | `{}` | {} |", field.number, field.name, about.trim());
        }
    };
    KINDS.iter().for_each(|kind| tell(kind, format!(" ({})", kind.number)));
    VALUES.iter().for_each(|kind| tell(kind, String::new()));
    text
}

fn tables() -> String {
    let mut text = "<!-- written by a test from the code, do not edit -->\n# Tables\n\nWhat a \
        [projection](../guides/queries.md) of the ledger has. The first columns find a row; `log` is the name of the ledger, \
        and `record` the number of the entry in it.\n\n\
        | Values | In SQLite | In PostgreSQL |\n| --- | --- | --- |\n\
        | text | `TEXT` | `TEXT` |\n| number | `INTEGER` | `BIGINT` |\n| flag | `INTEGER`, 0 or 1 | `BOOLEAN` |\n\
        | moment | `INTEGER`, microseconds since 1970 | `TIMESTAMPTZ` |\n\
        | money | `TEXT`, the exact decimal; beside it `…_units`, `…_nanos` and `…_attos`, whole numbers for units + \
        nanos·10⁻⁹ + attos·10⁻¹⁸: sums of each are exact | `NUMERIC` |\n"
        .to_owned();
    for table in switchtower_projection::TABLES {
        let _ = write!(text, "\n## {}\n\n{}.\n\n| Column | Values |\n| --- | --- |\n", table.name, table.about);
        for column in table.columns {
            let _ = writeln!(text, "| `{}` | {} |", column.name, column.holds.as_str());
        }
    }
    for view in switchtower_projection::VIEWS {
        let _ = write!(text, "\n## {} (a view)\n\n{}.\n\n```sql\n{}\n```\n", view.name, view.about, view.query);
    }
    text
}

fn providers() -> String {
    let mut text = "<!-- written by a test from the catalogue, do not edit -->\n# Providers\n\nKinds that a \
        configuration can name. Where no base URL is given, it is wherever you run the server. *Unread* marks an address \
        that is believed to say so and that nobody has checked.\n\n\
        | Kind | Base URL | Key | Dialects | Operations |\n| --- | --- | --- | --- | --- |\n"
        .to_owned();
    for kind in catalogue() {
        let style = kind.style.as_str();
        let key =
            kind.key_variable.as_ref().map_or_else(|| style.to_owned(), |variable| format!("`{variable}`, {style}"));
        let base = kind.base_url.as_ref().map_or(String::new(), |base| format!("`{base}`"));
        let dialects: Vec<String> = kind.interfaces().map(|interface| interface.dialect.to_string()).collect();
        let operations: Vec<&str> = kind.offers.operations().map(Operation::as_str).collect();
        let (dialects, operations) = (dialects.join(", "), operations.join(", "));
        let _ = writeln!(text, "| [{}]({}) | {base} | {key} | {dialects} | {operations} |", kind.name, kind.docs);
    }
    let facts = facts();
    let mut kinds: Vec<&str> = facts.iter().map(|fact| fact.kind.as_str()).collect();
    kinds.dedup();
    for kind in kinds {
        let _ = write!(text, "\n## {kind}\n\n| What | Is | Source |\n| --- | --- | --- |\n");
        for fact in facts.iter().filter(|fact| fact.kind == kind) {
            let _ = writeln!(text, "| {} | `{}` | {} |", fact.subject, fact.value.replace('|', "\\|"), fact.source);
        }
    }
    text
}
