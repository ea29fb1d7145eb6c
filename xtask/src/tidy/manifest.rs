//! Dependencies as the manifests of the members write them.

use toml::{Table, Value};

use super::tree::Tree;

/// The manifest of one member of the workspace.
#[derive(Debug)]
pub(super) struct Manifest {
    pub(super) path: String,
    /// Name of its folder, which is what the floor table knows it by.
    pub(super) folder: String,
    pub(super) dependencies: Vec<Dependency>,
    pub(super) broken: Option<String>,
}

#[derive(Debug)]
pub(super) struct Dependency {
    /// The crate that is meant, also when the manifest renames it.
    pub(super) package: String,
    pub(super) kind: Kind,
    pub(super) line: Option<usize>,
    pub(super) written: Value,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Normal,
    Build,
    Development,
}

const SECTIONS: [(&str, Kind); 3] =
    [("dependencies", Kind::Normal), ("build-dependencies", Kind::Build), ("dev-dependencies", Kind::Development)];

/// Every crate under `crates`, and the task runner.
pub(super) fn members(tree: &Tree) -> Vec<Manifest> {
    let crates = tree.folders_in("crates").into_iter().map(|folder| ("crates/", folder));
    crates
        .chain([("", "xtask")])
        .filter_map(|(parent, folder)| {
            let path = format!("{parent}{folder}/Cargo.toml");
            let text = tree.text(&path)?;
            Some(read(path.clone(), folder.to_owned(), text))
        })
        .collect()
}

fn read(path: String, folder: String, text: &str) -> Manifest {
    let (table, broken) = match text.parse::<Table>() {
        Ok(table) => (table, None),
        Err(error) => (Table::new(), Some(error.message().to_owned())),
    };
    let mut dependencies = collect(&table, text, "");
    for (target, specific) in table.get("target").and_then(Value::as_table).into_iter().flatten() {
        if let Some(specific) = specific.as_table() {
            dependencies.extend(collect(specific, text, target));
        }
    }
    Manifest { path, folder, dependencies, broken }
}

fn collect(table: &Table, text: &str, target: &str) -> Vec<Dependency> {
    let mut found = Vec::new();
    for (section, kind) in SECTIONS {
        for (name, written) in table.get(section).and_then(Value::as_table).into_iter().flatten() {
            let package = written.get("package").and_then(Value::as_str).unwrap_or(name);
            found.push(Dependency {
                package: package.to_owned(),
                kind,
                line: line_of(text, target, section, name),
                written: written.clone(),
            });
        }
    }
    found
}

/// The line on which a section mentions a name, counted from one.
fn line_of(text: &str, target: &str, section: &str, name: &str) -> Option<usize> {
    let mut inside = false;
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if let Some(header) = line.strip_prefix('[') {
            let header = header.trim_end_matches(']');
            let own_table = header.strip_suffix(name).is_some_and(|rest| rest.ends_with(&format!("{section}.")));
            inside = header.ends_with(section)
                && header.contains(target)
                && (section != "dependencies" || !header.ends_with("-dependencies"));
            if own_table && header.contains(target) {
                return Some(index + 1);
            }
        } else if inside
            && line
                .trim_start_matches('"')
                .strip_prefix(name)
                .is_some_and(|rest| rest.starts_with(['.', ' ', '=', '"']))
        {
            return Some(index + 1);
        }
    }
    None
}
