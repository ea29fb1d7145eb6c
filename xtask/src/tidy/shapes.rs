//! Folders of one kind have the same files, and names say a subject.

use super::Violation;
use super::tree::{Tree, is_fixture};

/// A folder of `parent` that has `mark` has all of `files`; a name that ends in `/` is a folder.
struct Shape {
    kind: &'static str,
    parent: &'static str,
    mark: &'static str,
    files: &'static [&'static str],
}

const SHAPES: [Shape; 3] = [
    Shape {
        kind: "dialect",
        parent: "crates/dialect/src",
        mark: "request.rs",
        files: &["mod.rs", "wire.rs", "request.rs", "response.rs", "stream.rs", "request.schema.json", "fixtures/"],
    },
    Shape {
        kind: "service",
        parent: "crates/dialect/src/services",
        mark: "request.rs",
        files: &["mod.rs", "request.rs", "response.rs", "request.schema.json", "fixtures/"],
    },
    Shape {
        kind: "provider",
        parent: "crates/providers/src",
        mark: "connect.rs",
        files: &["mod.rs", "connect.rs", "quirks.rs", "failures.rs"],
    },
];

/// Names that attract everything and tell nothing.
const EMPTY_NAMES: [&str; 7] = ["utils", "util", "helpers", "helper", "common", "core", "misc"];

pub(super) fn check(tree: &Tree) -> Vec<Violation> {
    let mut violations: Vec<_> = SHAPES.iter().flat_map(|shape| check_shape(tree, shape)).collect();
    violations.extend(check_names(tree));
    violations.extend(check_overviews(tree));
    violations
}

fn check_shape(tree: &Tree, shape: &Shape) -> Vec<Violation> {
    let mut violations = Vec::new();
    for folder in tree.folders_in(shape.parent) {
        let folder = format!("{}/{folder}", shape.parent);
        if tree.text(&format!("{folder}/{}", shape.mark)).is_none() {
            continue;
        }
        for file in shape.files {
            let exists = match file.strip_suffix('/') {
                Some(inner) => tree.below(&format!("{folder}/{inner}")).next().is_some(),
                None => tree.text(&format!("{folder}/{file}")).is_some(),
            };
            if !exists {
                violations.push(Violation {
                    file: folder.clone(),
                    line: None,
                    problem: format!("{} without {file}", shape.kind),
                    remedy: format!("add it; every {} has {}", shape.kind, shape.files.join(", ")),
                });
            }
        }
    }
    violations
}

fn check_names(tree: &Tree) -> Vec<Violation> {
    let named = tree.files().filter(|(path, _)| !is_fixture(path)).filter_map(|(path, _)| {
        let name = path.split('/').find_map(|part| {
            let stem = part.split('.').next().unwrap_or(part);
            EMPTY_NAMES.contains(&stem).then_some(stem)
        })?;
        Some(Violation {
            file: path.to_owned(),
            line: None,
            problem: format!("`{name}` names no subject"),
            remedy: "name the file or folder after what a reader looks for in it".to_owned(),
        })
    });
    named.collect()
}

fn check_overviews(tree: &Tree) -> Vec<Violation> {
    let silent = tree.files().filter(|(path, _)| opens_with_overview(path) && !is_fixture(path));
    silent
        .filter(|(_, text)| !text.trim_start().starts_with("//!"))
        .map(|(path, _)| Violation {
            file: path.to_owned(),
            line: Some(1),
            problem: "does not begin with `//!`".to_owned(),
            remedy: "say what it is for, what it never does and where to begin".to_owned(),
        })
        .collect()
}

fn opens_with_overview(path: &str) -> bool {
    let is_root = ["/src/lib.rs", "/src/main.rs"].iter().any(|root| path.ends_with(root));
    is_root || path.ends_with("/mod.rs")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(tree: &Tree) -> Vec<String> {
        check(tree).into_iter().map(|violation| format!("{}: {}", violation.file, violation.problem)).collect()
    }

    #[test]
    fn a_dialect_lacks_nothing() {
        let tree = Tree::of([
            ("crates/dialect/src/gemini/request.rs", ""),
            ("crates/dialect/src/gemini/mod.rs", "//! Gemini.\n"),
            ("crates/dialect/src/gemini/fixtures/a.json", "{}"),
            ("crates/dialect/src/sse/frames.rs", ""),
        ]);
        assert_eq!(
            problems(&tree),
            ["wire.rs", "response.rs", "stream.rs", "request.schema.json"]
                .map(|file| format!("crates/dialect/src/gemini: dialect without {file}"))
        );
    }

    #[test]
    fn a_provider_lacks_nothing() {
        let tree = Tree::of([
            ("crates/providers/src/groq/connect.rs", ""),
            ("crates/providers/src/groq/mod.rs", "//! Groq.\n"),
            ("crates/providers/src/groq/quirks.rs", ""),
        ]);
        assert_eq!(problems(&tree), ["crates/providers/src/groq: provider without failures.rs"]);
    }

    #[test]
    fn empty_names_are_refused_outside_of_fixtures() {
        let tree = Tree::of([
            ("crates/domain/src/utils.rs", ""),
            ("crates/sim/tests/common/server.rs", ""),
            ("crates/dialect/src/fixtures/core/a.json", ""),
            ("crates/domain/src/commons.rs", ""),
        ]);
        assert_eq!(
            problems(&tree),
            [
                "crates/domain/src/utils.rs: `utils` names no subject",
                "crates/sim/tests/common/server.rs: `common` names no subject",
            ]
        );
    }

    #[test]
    fn roots_and_folders_open_with_an_overview() {
        let tree = Tree::of([
            ("crates/domain/src/lib.rs", "\n//! Words.\n"),
            ("crates/sim/src/lib.rs", "mod a;\n"),
            ("crates/sim/src/a/mod.rs", "// A.\n"),
            ("crates/sim/src/a/b.rs", "fn b() {}\n"),
        ]);
        assert_eq!(
            problems(&tree),
            ["crates/sim/src/a/mod.rs: does not begin with `//!`", "crates/sim/src/lib.rs: does not begin with `//!`",]
        );
    }
}
