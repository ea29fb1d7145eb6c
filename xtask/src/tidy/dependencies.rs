//! Versions and features of dependencies are declared once, in the manifest of the workspace.

use toml::Value;

use super::Violation;
use super::manifest;
use super::tree::Tree;

/// What a member may say about a dependency besides `workspace = true`.
const OWN_WORDS: [&str; 3] = ["workspace", "features", "optional"];

pub(super) fn check(tree: &Tree) -> Vec<Violation> {
    let mut violations = Vec::new();
    for member in manifest::members(tree) {
        for dependency in &member.dependencies {
            if is_from_workspace(&dependency.written) {
                continue;
            }
            violations.push(Violation {
                file: member.path.clone(),
                line: dependency.line,
                problem: format!("`{}` is declared here", dependency.package),
                remedy: format!(
                    "declare it in [workspace.dependencies] and write `{}.workspace = true`",
                    dependency.package
                ),
            });
        }
    }
    violations
}

fn is_from_workspace(written: &Value) -> bool {
    written.get("workspace").and_then(Value::as_bool) == Some(true)
        && written.as_table().is_some_and(|table| table.keys().all(|word| OWN_WORDS.contains(&word.as_str())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_of_writing_are_fine() {
        let tree = Tree::of([(
            "crates/domain/Cargo.toml",
            "[dependencies]\nbytes.workspace = true\nserde = { workspace = true, features = [\"rc\"] }\n",
        )]);
        assert_eq!(check(&tree), []);
    }

    #[test]
    fn a_version_a_path_and_a_switch_are_refused() {
        let tree = Tree::of([(
            "xtask/Cargo.toml",
            "[dependencies]\nbytes = \"1\"\nown = { path = \"../own\" }\n\n[dev-dependencies]\n\
             serde = { workspace = true, default-features = false }\n",
        )]);
        let found: Vec<_> = check(&tree).into_iter().map(|found| (found.line, found.problem)).collect();
        assert_eq!(
            found,
            [
                (Some(2), "`bytes` is declared here".to_owned()),
                (Some(3), "`own` is declared here".to_owned()),
                (Some(6), "`serde` is declared here".to_owned()),
            ]
        );
    }
}
