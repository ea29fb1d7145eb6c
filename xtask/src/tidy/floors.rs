//! A crate depends only on floors beneath it, never on a sibling on its own floor.

use super::Violation;
use super::manifest::{self, Dependency, Kind, Manifest};
use super::tree::Tree;

/// Folder under `crates`, and its floor.
const FLOORS: [(&str, u8); 20] = [
    ("domain", 1),
    ("dialect", 2),
    ("catalogue", 2),
    ("identity", 2),
    ("tokenizer", 2),
    ("policy", 2),
    ("guardrails", 2),
    ("storage", 2),
    ("ledger", 2),
    ("providers", 3),
    ("sim", 3),
    ("retrieval", 3),
    ("vault", 3),
    ("gateway", 4),
    ("telemetry", 4),
    ("evals", 4),
    ("governance", 4),
    ("portfolio", 4),
    ("projection", 4),
    (ROOF, 5),
];

const ROOF: &str = "switchtower";
/// For tests only, and therefore on no floor.
const TESTKIT: &str = "testkit";
const TASK_RUNNER: &str = "xtask";

pub(super) fn check(tree: &Tree) -> Vec<Violation> {
    manifest::members(tree).iter().flat_map(check_member).collect()
}

fn check_member(member: &Manifest) -> Vec<Violation> {
    let mut violations = Vec::new();
    if let Some(message) = &member.broken {
        violations.push(violation(member, None, format!("is not TOML: {message}"), "repair the manifest"));
    }
    if ![TESTKIT, TASK_RUNNER].contains(&member.folder.as_str()) && floor(&member.folder).is_none() {
        violations.push(violation(
            member,
            None,
            format!("crate `{}` is on no floor", member.folder),
            "give it a floor in xtask/src/tidy/floors.rs and a line in ARCHITECTURE.md",
        ));
    }
    let wrong = member
        .dependencies
        .iter()
        .filter(|dependency| dependency.kind != Kind::Development)
        .filter_map(|dependency| check_dependency(member, dependency));
    violations.extend(wrong);
    violations
}

fn check_dependency(member: &Manifest, dependency: &Dependency) -> Option<Violation> {
    let target = folder_of(&dependency.package)?;
    let refuse = |problem: String, remedy: &str| Some(violation(member, dependency.line, problem, remedy));
    if member.folder == TASK_RUNNER {
        return refuse(
            format!("the task runner depends on `{target}`"),
            "start the built binary instead, so that the task runner builds without the product",
        );
    }
    if target == TESTKIT {
        return refuse("`testkit` is for tests only".to_owned(), "move it to [dev-dependencies]");
    }
    let Some(below) = floor(target) else {
        return refuse(format!("`{target}` is on no floor"), "give it a floor in xtask/src/tidy/floors.rs");
    };
    if member.folder == TESTKIT {
        return (target == ROOF).then(|| {
            violation(
                member,
                dependency.line,
                format!("`{TESTKIT}` depends on the roof"),
                "start the built binary instead",
            )
        });
    }
    let own = floor(&member.folder)?;
    if below < own {
        return None;
    }
    let relation = if below == own { "its own" } else { "the higher" };
    refuse(
        format!("`{}` (floor {own}) depends on `{target}` on {relation} floor {below}", member.folder),
        "move what both need to a lower floor, or pass it in through a port that the roof supplies",
    )
}

fn floor(folder: &str) -> Option<u8> {
    FLOORS.iter().find(|(name, _)| *name == folder).map(|(_, floor)| *floor)
}

/// The folder of one of our own crates, from the name of its package.
fn folder_of(package: &str) -> Option<&str> {
    if package == ROOF { Some(ROOF) } else { package.strip_prefix("switchtower-") }
}

fn violation(member: &Manifest, line: Option<usize>, problem: String, remedy: &str) -> Violation {
    Violation { file: member.path.clone(), line, problem, remedy: remedy.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(tree: &Tree) -> Vec<String> {
        check(tree).into_iter().map(|violation| violation.problem).collect()
    }

    #[test]
    fn a_lower_floor_may_be_used() {
        let tree = Tree::of([(
            "crates/gateway/Cargo.toml",
            "[dependencies]\nswitchtower-domain.workspace = true\nbytes.workspace = true\n",
        )]);
        assert_eq!(check(&tree), []);
    }

    #[test]
    fn a_sibling_is_refused_with_its_line() {
        let tree = Tree::of([(
            "crates/sim/Cargo.toml",
            "[package]\nname = \"switchtower-sim\"\n\n[dependencies]\nswitchtower-providers.workspace = true\n",
        )]);
        let violations = check(&tree);
        assert_eq!(violations.len(), 1);
        assert_eq!(violations[0].line, Some(5));
        assert_eq!(violations[0].problem, "`sim` (floor 3) depends on `providers` on its own floor 3");
    }

    #[test]
    fn a_higher_floor_is_refused_also_when_it_is_renamed_or_for_one_target() {
        let tree = Tree::of([
            (
                "crates/domain/Cargo.toml",
                "[dependencies]\ng = { workspace = true, package = \"switchtower-gateway\" }\n",
            ),
            ("crates/dialect/Cargo.toml", "[target.'cfg(unix)'.dependencies]\nswitchtower.workspace = true\n"),
            ("crates/policy/Cargo.toml", "[build-dependencies.switchtower-sim]\nworkspace = true\n"),
        ]);
        assert_eq!(
            problems(&tree),
            [
                "`dialect` (floor 2) depends on `switchtower` on the higher floor 5",
                "`domain` (floor 1) depends on `gateway` on the higher floor 4",
                "`policy` (floor 2) depends on `sim` on the higher floor 3",
            ]
        );
        assert!(check(&tree).iter().all(|violation| violation.line.is_some()));
    }

    #[test]
    fn development_dependencies_are_free() {
        let tree = Tree::of([(
            "crates/domain/Cargo.toml",
            "[dev-dependencies]\nswitchtower-testkit.workspace = true\nswitchtower.workspace = true\n",
        )]);
        assert_eq!(check(&tree), []);
    }

    #[test]
    fn the_testkit_is_never_a_normal_dependency_and_never_uses_the_roof() {
        let tree = Tree::of([
            ("crates/domain/Cargo.toml", "[dependencies]\nswitchtower-testkit.workspace = true\n"),
            (
                "crates/testkit/Cargo.toml",
                "[dependencies]\nswitchtower-gateway.workspace = true\nswitchtower.workspace = true\n",
            ),
        ]);
        assert_eq!(problems(&tree), ["`testkit` is for tests only", "`testkit` depends on the roof"]);
    }

    #[test]
    fn the_task_runner_uses_no_product_crate() {
        let tree = Tree::of([("xtask/Cargo.toml", "[dependencies]\nswitchtower-domain.workspace = true\n")]);
        assert_eq!(problems(&tree), ["the task runner depends on `domain`"]);
    }

    #[test]
    fn an_unknown_crate_is_refused_on_both_sides() {
        let tree = Tree::of([
            ("crates/attic/Cargo.toml", "[dependencies]\n"),
            ("crates/gateway/Cargo.toml", "[dependencies]\nswitchtower-attic.workspace = true\n"),
        ]);
        assert_eq!(problems(&tree), ["crate `attic` is on no floor", "`attic` is on no floor"]);
    }

    #[test]
    fn a_broken_manifest_is_told() {
        let tree = Tree::of([("crates/domain/Cargo.toml", "[dependencies\n")]);
        assert!(problems(&tree)[0].starts_with("is not TOML"));
    }
}
