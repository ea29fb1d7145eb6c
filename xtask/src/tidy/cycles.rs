//! Modules of a crate form no ring, and dialects never mention each other.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::Violation;
use super::source::{self, Mention};
use super::tree::Tree;

/// Where a module first mentions another.
#[derive(Debug, Clone)]
struct Place {
    file: String,
    line: usize,
}

/// Which top-level module mentions which, and where.
type Graph = BTreeMap<String, BTreeMap<String, Place>>;

pub(super) fn check_rings(tree: &Tree) -> Vec<Violation> {
    let crates = tree.folders_in("crates").into_iter().map(|folder| format!("crates/{folder}/src"));
    crates
        .chain(["xtask/src".to_owned()])
        .flat_map(|sources| rings(&graph(tree, &sources)))
        .map(|ring| violation(&ring))
        .collect()
}

pub(super) fn check_siblings(tree: &Tree) -> Vec<Violation> {
    const SOURCES: &str = "crates/dialect/src";
    let dialects: BTreeSet<_> = tree
        .folders_in(SOURCES)
        .into_iter()
        .filter(|folder| tree.text(&format!("{SOURCES}/{folder}/request.rs")).is_some())
        .collect();
    let mut violations = Vec::new();
    for module in Module::all(tree, SOURCES) {
        let own = module.top();
        if !dialects.contains(own) {
            continue;
        }
        for mention in source::mentions(&source::product_tokens(module.text)) {
            let Some(other) = module.named_at_top(&mention) else {
                continue;
            };
            if other != own && dialects.contains(other) {
                violations.push(Violation {
                    file: format!("{SOURCES}/{}", module.rest),
                    line: Some(mention.line),
                    problem: format!("dialect `{own}` mentions dialect `{other}`"),
                    remedy: "a dialect knows the canonical form only; move what both need beside the dialects"
                        .to_owned(),
                });
            }
        }
    }
    violations
}

/// A source file below a `src` folder.
struct Module<'a> {
    /// Path below the `src` folder.
    rest: &'a str,
    text: &'a str,
    /// Names of the modules that lead to it, from the crate root.
    path: Vec<&'a str>,
}

impl<'a> Module<'a> {
    fn all(tree: &'a Tree, sources: &str) -> Vec<Self> {
        tree.below(sources).filter_map(|(rest, text)| Self::of(rest, text)).collect()
    }

    /// Nothing for a crate root, for tests and for what is not Rust.
    fn of(rest: &'a str, text: &'a str) -> Option<Self> {
        let mut path: Vec<_> = rest.strip_suffix(".rs")?.split('/').collect();
        if path.last() == Some(&"mod") {
            path.pop();
        }
        let first = *path.first()?;
        let outside = matches!(first, "lib" | "main" | "bin" | "tests");
        let for_tests = path.iter().any(|part| matches!(*part, "tests" | "fixtures"));
        (!outside && !for_tests).then_some(Self { rest, text, path })
    }

    fn top(&self) -> &'a str {
        self.path.first().copied().unwrap_or_default()
    }

    /// The name at the crate root that a path leads through, if it leads there at all.
    fn named_at_top<'m>(&self, mention: &'m Mention) -> Option<&'m str> {
        let climbs = mention.path.iter().take_while(|part| *part == "super").count();
        let from_root = mention.path.first().is_some_and(|part| part == "crate");
        if from_root {
            mention.path.get(1)
        } else if climbs == self.path.len() {
            mention.path.get(climbs)
        } else {
            None
        }
        .map(String::as_str)
    }
}

fn graph(tree: &Tree, sources: &str) -> Graph {
    let modules = Module::all(tree, sources);
    let names: BTreeSet<_> = modules.iter().map(Module::top).collect();
    let exported = exports(tree, sources, &names);
    let mut graph = Graph::new();
    for module in &modules {
        for mention in source::mentions(&source::product_tokens(module.text)) {
            let Some(name) = module.named_at_top(&mention) else {
                continue;
            };
            let target = names.get(name).copied().or_else(|| exported.get(name).copied());
            let Some(target) = target.filter(|target| *target != module.top()) else {
                continue;
            };
            let place = Place { file: format!("{sources}/{}", module.rest), line: mention.line };
            graph.entry(module.top().to_owned()).or_default().entry(target.to_owned()).or_insert(place);
        }
    }
    graph
}

/// Names that the crate root takes from one of its modules: through them a ring could hide.
fn exports<'a>(tree: &Tree, sources: &str, names: &BTreeSet<&'a str>) -> BTreeMap<String, &'a str> {
    let mut found = BTreeMap::new();
    for root in ["lib.rs", "main.rs"] {
        let Some(text) = tree.text(&format!("{sources}/{root}")) else {
            continue;
        };
        for mention in source::uses(&source::product_tokens(text)) {
            let parts = mention.path.iter().map(String::as_str);
            let mut parts = parts.skip_while(|part| matches!(*part, "crate" | "self"));
            let module = parts.next().and_then(|first| names.get(first).copied());
            let name = mention.alias.as_deref().or_else(|| parts.last());
            if let (Some(module), Some(name)) = (module, name) {
                found.insert(name.to_owned(), module);
            }
        }
    }
    found
}

/// One ring, the shortest, for each set of modules that can all reach each other.
fn rings(graph: &Graph) -> Vec<Vec<(String, Place)>> {
    let mut told = BTreeSet::new();
    let mut found = Vec::new();
    for start in graph.keys() {
        if told.contains(start) {
            continue;
        }
        let Some(ring) = ring_through(graph, start) else {
            continue;
        };
        let reached = reach(graph, start);
        told.extend(reached.into_iter().filter(|other| reach(graph, other).contains(start)));
        found.push(ring);
    }
    found
}

fn reach(graph: &Graph, start: &str) -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    let mut waiting = VecDeque::from([start]);
    while let Some(module) = waiting.pop_front() {
        for next in graph.get(module).into_iter().flat_map(BTreeMap::keys) {
            if seen.insert(next.clone()) {
                waiting.push_back(next);
            }
        }
    }
    seen
}

/// The shortest way from `start` back to itself: each module with the place where it mentions the next.
fn ring_through(graph: &Graph, start: &str) -> Option<Vec<(String, Place)>> {
    let mut seen = BTreeSet::new();
    let mut waiting = VecDeque::from([(start, Vec::new())]);
    while let Some((module, way)) = waiting.pop_front() {
        for (next, place) in graph.get(module)? {
            let mut way: Vec<(String, Place)> = way.clone();
            way.push((module.to_owned(), place.clone()));
            if next == start {
                return Some(way);
            }
            if graph.contains_key(next) && seen.insert(next) {
                waiting.push_back((next, way));
            }
        }
    }
    None
}

fn violation(ring: &[(String, Place)]) -> Violation {
    let names: Vec<_> = ring.iter().chain(ring.first()).map(|(module, _)| module.as_str()).collect();
    let places: Vec<_> =
        ring.iter().map(|(module, place)| format!("`{module}` at {}:{}", place.file, place.line)).collect();
    let first = ring.first().map(|(_, place)| place.clone());
    Violation {
        problem: format!("modules form a ring: {}", names.join(" -> ")),
        remedy: format!("break one of: {}", places.join(", ")),
        line: first.as_ref().map(|place| place.line),
        file: first.map(|place| place.file).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(tree: &Tree) -> Vec<String> {
        check_rings(tree).into_iter().map(|violation| violation.problem).collect()
    }

    #[test]
    fn a_ring_is_told_once_with_its_way_and_places() {
        let tree = Tree::of([
            ("crates/domain/src/lib.rs", "mod a;\nmod b;\nmod c;\n"),
            ("crates/domain/src/a.rs", "use crate::b::B;\n"),
            ("crates/domain/src/b/mod.rs", "mod inner;\n"),
            ("crates/domain/src/b/inner.rs", "\nfn f() -> crate::c::C {}\n"),
            ("crates/domain/src/c.rs", "use crate::{a::A, Other};\n"),
        ]);
        let violations = check_rings(&tree);
        assert_eq!(violations.len(), 1);
        assert_eq!(violations[0].problem, "modules form a ring: a -> b -> c -> a");
        assert_eq!((violations[0].file.as_str(), violations[0].line), ("crates/domain/src/a.rs", Some(1)));
        assert!(violations[0].remedy.contains("`b` at crates/domain/src/b/inner.rs:2"));
    }

    #[test]
    fn a_line_of_modules_and_tests_are_no_ring() {
        let tree = Tree::of([
            ("crates/domain/src/lib.rs", "mod a;\nmod b;\n"),
            ("crates/domain/src/a.rs", "use crate::b::B;\n"),
            ("crates/domain/src/b.rs", "#[cfg(test)]\nmod tests { use crate::a::A; }\n"),
            ("crates/domain/src/b/tests.rs", "use crate::a::A;\n"),
        ]);
        assert_eq!(check_rings(&tree), []);
    }

    #[test]
    fn a_ring_cannot_hide_behind_super_or_the_crate_root() {
        let tree = Tree::of([
            ("crates/domain/src/lib.rs", "mod a;\nmod b;\npub use b::{Beta as B};\n"),
            ("crates/domain/src/a.rs", "use crate::B;\n"),
            ("crates/domain/src/b.rs", "use super::a::A;\n"),
            ("xtask/src/main.rs", "mod a;\nmod b;\n"),
            ("xtask/src/a/deep.rs", "use super::super::b::B;\n"),
            ("xtask/src/b.rs", "use crate::a::A;\n"),
        ]);
        assert_eq!(problems(&tree), ["modules form a ring: a -> b -> a", "modules form a ring: a -> b -> a"]);
    }

    #[test]
    fn dialects_do_not_know_each_other() {
        let tree = Tree::of([
            ("crates/dialect/src/sse.rs", "use crate::gemini::wire;\n"),
            ("crates/dialect/src/gemini/request.rs", "use crate::sse::Reader;\nuse super::wire::X;\n"),
            ("crates/dialect/src/openai_chat/request.rs", "use super::wire;\n"),
            ("crates/dialect/src/openai_chat/stream.rs", "\nuse super::super::gemini::wire::X;\n"),
        ]);
        let violations = check_siblings(&tree);
        assert_eq!(violations.len(), 1);
        assert_eq!(violations[0].problem, "dialect `openai_chat` mentions dialect `gemini`");
        assert_eq!(
            (violations[0].file.as_str(), violations[0].line),
            ("crates/dialect/src/openai_chat/stream.rs", Some(2))
        );
    }
}
