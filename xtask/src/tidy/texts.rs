//! What no file may contain: paths of one machine, and too many lines.

use super::Violation;
use super::tree::{Tree, is_fixture};

const LINES_MAX: usize = 700;

pub(super) fn check_paths(tree: &Tree) -> Vec<Violation> {
    let mut violations = Vec::new();
    for (path, text) in tree.files() {
        for folder in MachineFolder::all() {
            if folder.name_follows && is_fixture(path) {
                // What others captured may speak of their own homes.
                continue;
            }
            for (index, line) in text.lines().enumerate() {
                if folder.is_in(line) {
                    violations.push(Violation {
                        file: path.to_owned(),
                        line: Some(index + 1),
                        problem: format!("names a path of one machine below {}", folder.prefix),
                        remedy: "write it relative to the repository, or leave it out".to_owned(),
                    });
                }
            }
        }
    }
    violations
}

/// A folder that only means something on the machine where it is.
struct MachineFolder {
    prefix: String,
    name_follows: bool,
}

impl MachineFolder {
    /// Put together from pieces, so that this file passes its own check.
    fn all() -> [Self; 4] {
        let below = |name: &str, name_follows| Self { prefix: ["/", name, "/"].concat(), name_follows };
        [below("work", false), below("root", false), below("home", true), below("Users", true)]
    }

    fn is_in(&self, line: &str) -> bool {
        line.match_indices(&self.prefix).any(|(at, _)| {
            let before = line.get(..at).and_then(|before| before.chars().next_back());
            let after = line.get(at + self.prefix.len()..).and_then(|after| after.chars().next());
            // In the middle of a longer path or address it is another folder of that name.
            let is_absolute = !before.is_some_and(|before| before.is_alphanumeric() || "._-*})~".contains(before));
            is_absolute && (!self.name_follows || after.is_some_and(char::is_alphanumeric))
        })
    }
}

pub(super) fn check_lengths(tree: &Tree) -> Vec<Violation> {
    let sources = tree.files().filter(|(path, _)| path.ends_with(".rs") && !is_fixture(path));
    sources
        .map(|(path, text)| (path, text.lines().count()))
        .filter(|(_, lines)| *lines > LINES_MAX)
        .map(|(path, lines)| Violation {
            file: path.to_owned(),
            line: None,
            problem: format!("has {lines} lines, more than {LINES_MAX}"),
            remedy: "split it by subject; long tests go into a tests.rs beside it".to_owned(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_a_machine_are_found_wherever_they_stand() {
        let home = ["see ", "/home", "/ada/notes"].concat();
        let work = ["fine\n\"", "/work", "/main\"\n"].concat();
        let url = ["file://", "/root", "/x"].concat();
        let tree = Tree::of([("docs/a.md", home.as_str()), ("justfile", work.as_str()), ("x.toml", url.as_str())]);
        let found: Vec<_> = check_paths(&tree).into_iter().map(|found| (found.file, found.line)).collect();
        assert_eq!(
            found,
            [("docs/a.md".to_owned(), Some(1)), ("justfile".to_owned(), Some(2)), ("x.toml".to_owned(), Some(1)),]
        );
    }

    #[test]
    fn other_folders_of_the_same_name_are_fine() {
        let text = ["https://example.com", "/work", "/a src", "/root", "/b ", "/home", "/$USER"].concat();
        let captured = ["\"", "/home", "/oai/share\""].concat();
        let tree = Tree::of([("README.md", text.as_str()), ("crates/x/fixtures/a.json", captured.as_str())]);
        assert_eq!(check_paths(&tree), []);
    }

    #[test]
    fn long_sources_are_refused_and_long_fixtures_are_not() {
        let long = "\n".repeat(LINES_MAX + 1);
        let full = "\n".repeat(LINES_MAX);
        let tree = Tree::of([
            ("crates/x/src/long.rs", long.as_str()),
            ("crates/x/src/full.rs", full.as_str()),
            ("crates/x/fixtures/long.rs", long.as_str()),
            ("docs/long.md", long.as_str()),
        ]);
        let violations = check_lengths(&tree);
        assert_eq!(violations.len(), 1);
        assert_eq!(violations[0].problem, "has 701 lines, more than 700");
    }
}
