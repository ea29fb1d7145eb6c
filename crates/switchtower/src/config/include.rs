//! Further files that a file includes, all of them read into one.
//!
//! Included files add to each other and never overrule each other: what stands in two of them is a mistake, so that the
//! order of files means nothing.

use super::problem::{Findings, Place};
use super::secrets::Outside;
use super::sources::Sources;
use super::written::{self, At, Section as _, Written};
use super::{Around, FILE_BYTES_MAX};
use std::path::{Component, Path, PathBuf};

/// The most files of one configuration.
pub(super) const FILES_MAX: usize = 256;

/// What was read.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    pub(super) sources: Sources,
    /// What is not TOML at all.
    pub(super) syntax: Findings,
    pub(super) findings: Findings,
    pub(super) written: Written,
    /// Whether a file is missing, so that half of the names may be.
    pub(super) lacks_files: bool,
}

/// Reads a text and every file that it includes.
pub(super) fn gather(file: &str, text: &str, around: &Around<'_>) -> Gathered {
    let mut gathering = Gathering { outside: around.outside, gathered: Gathered::default(), files: Vec::new() };
    let path = normal(&around.folder.join(Path::new(file).file_name().unwrap_or_default()));
    gathering.files.push((path, None));
    gathering.take(file.to_owned(), around.folder, text.to_owned());
    gathering.gathered
}

struct Gathering<'a> {
    outside: &'a dyn Outside,
    gathered: Gathered,
    /// Every file so far and where it is included.
    files: Vec<(PathBuf, Option<Place>)>,
}

impl Gathering<'_> {
    fn take(&mut self, name: String, folder: &Path, text: String) {
        let gathered = &mut self.gathered;
        let file = gathered.sources.len();
        let (syntax, findings, mut written) = written::read(file, &text);
        gathered.sources.add(name, folder.to_owned(), text);
        gathered.syntax.extend(syntax);
        gathered.findings.extend(findings);
        let included = written.include.take();
        gathered.written.join(written, &mut gathered.findings);
        for at in included.into_iter().flat_map(|at| at.value) {
            self.include(&at, folder);
        }
    }

    fn include(&mut self, at: &At<String>, folder: &Path) {
        let given = Path::new(&at.value);
        if at.value.is_empty() || given.file_name().is_none() {
            return self.lacks(&at.place, format!("'{}' names no file", at.value));
        }
        let path = folder.join(given);
        let pattern = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        let parent = path.parent().unwrap_or_else(|| Path::new(""));
        if at.value.strip_suffix(&pattern).is_some_and(|before| before.contains('*')) {
            let message = format!("'{}' has a '*' in the name of a folder; only that of a file may", at.value);
            return self.lacks(&at.place, message);
        }
        if !pattern.contains('*') {
            return self.include_file(&path, at);
        }
        match self.outside.names(parent) {
            Ok(mut names) => {
                names.retain(|name| matches(&pattern, name));
                names.sort_unstable();
                for name in names {
                    self.include_file(&parent.join(name), at);
                }
            }
            Err(error) => self.lacks(&at.place, format!("'{}' cannot be read: {error}", parent.display())),
        }
    }

    fn include_file(&mut self, path: &Path, at: &At<String>) {
        let normal = normal(path);
        if let Some((_, first)) = self.files.iter().find(|(known, _)| *known == normal) {
            let findings = &mut self.gathered.findings;
            let name = path.display();
            match first {
                Some(first) => findings.add_again(&at.place, format!("'{name}' is included twice"), first),
                None => findings.add(&at.place, format!("'{name}' is the file that everything begins with")),
            }
            return;
        }
        if self.files.len() >= FILES_MAX {
            return self.lacks(
                &at.place,
                format!("a configuration has at most {FILES_MAX} files; '{}' is one too many", path.display()),
            );
        }
        self.files.push((normal, Some(at.place.clone())));
        match self.outside.file(path, FILE_BYTES_MAX) {
            Ok(text) => self.take(path.display().to_string(), path.parent().unwrap_or_else(|| Path::new("")), text),
            Err(error) => self.lacks(&at.place, format!("'{}' cannot be read: {error}", path.display())),
        }
    }

    /// Notes that something is missing.
    fn lacks(&mut self, place: &Place, message: String) {
        self.gathered.lacks_files = true;
        self.gathered.findings.add(place, message);
    }
}

/// A path without detours, so that a file is known by whatever way it is named.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if normal.file_name().is_some() => {
                normal.pop();
            }
            other => normal.push(other),
        }
    }
    normal
}

/// Whether a name is one of those that a pattern means: `*` stands for any characters, but not for a dot at the
/// beginning, since such files are hidden (and those of volumes that are swapped as a whole).
fn matches(pattern: &str, name: &str) -> bool {
    if name.starts_with('.') && !pattern.starts_with('.') {
        return false;
    }
    let mut pieces = pattern.split('*');
    let first = pieces.next().unwrap_or_default();
    let Some(mut rest) = name.strip_prefix(first) else { return false };
    let mut pieces: Vec<&str> = pieces.collect();
    let Some(last) = pieces.pop() else { return rest.is_empty() };
    for piece in pieces {
        let Some((_, after)) = rest.split_once(piece) else { return false };
        rest = after;
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment::Environment;

    /// Files in a folder of their own, read from `main.toml`; gives every problem without the folder's name.
    fn told(files: &[(&str, &str)]) -> Result<crate::config::Ready, String> {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let outside = Environment::from([("KEY", "secret-value")]);
        let around = Around {
            outside: &outside,
            folder: Path::new(""),
            built_in: &[],
            listen: None,
            secrets: crate::config::Secrets::Read,
        };
        let place = format!("{}/", folder.path().display());
        crate::config::load(&folder.path().join("main.toml"), &around)
            .map_err(|problems| problems.to_string().replace(&place, ""))
    }

    const LOCAL: &str = "dialect = \"openai_chat\"\nbase_url = \"http://127.0.0.1:9/v1\"\n";

    #[test]
    fn files_add_to_each_other() {
        let ready = told(&[
            ("main.toml", "include = [\"providers/*.toml\", \"more.toml\", \"none/../x*.toml\"]\n[limits]\ntools_max = 3"),
            ("providers/a.toml", &format!("[providers.a]\nkey = \"file:a.key\"\n{LOCAL}")),
            ("providers/b.toml", &format!("[providers.b]\n{LOCAL}\n[aliases]\nsmart = \"a/m\"")),
            ("providers/.hidden.toml", "nonsense"),
            ("providers/a.key", "secret-value"),
            ("more.toml", "include = [\"keys.toml\"]\n[deployments.fast]\nprovider = \"b\"\nmodel = \"m\"\n[aliases]\nquick = \"fast\""),
            ("keys.toml", "[[keys]]\nname = \"app\"\nsecret = \"env:KEY\""),
            ("none/x", ""),
        ])
        .unwrap();
        assert_eq!(ready.settings.limits.tools_max, 3);
        let directory = ready.directory().unwrap();
        for name in ["fast", "quick", "smart", "a/m"] {
            assert!(directory.find(name).is_some(), "{name}");
        }
        assert_eq!(ready.key_names, ["app"]);
    }

    #[test]
    fn what_stands_in_two_files_is_named_with_both_places() {
        let error = told(&[
            ("main.toml", &format!("include = [\"b.toml\"]\n[limits]\n\n[providers.a]\n{LOCAL}[aliases]\nx = \"a/m\"")),
            ("b.toml", &format!("[limits]\ntools_maxx = 1\n[providers.a]\n{LOCAL}[aliases]\nx = \"a/n\"\ny = \"c/n\"")),
        ])
        .unwrap_err();
        let lines: Vec<&str> = error.lines().collect();
        assert_eq!(
            lines,
            [
                "b.toml:1:2: 'limits' stands in two files, first at main.toml:2:2",
                "b.toml:2:1: unknown setting 'tools_maxx' in [limits]; did you mean 'tools_max'?",
                "b.toml:3:12: 'providers.a' stands in two files, first at main.toml:4:12",
                "b.toml:7:1: 'aliases.x' stands in two files, first at main.toml:8:1",
                "b.toml:8:1: there is no provider 'c' in this configuration; did you mean 'a'?",
            ]
        );
    }

    #[test]
    fn files_that_cannot_be_included_are_told_at_once() {
        let error = told(&[
            (
                "main.toml",
                "include = [\"none.toml\", \"a.toml\", \"./a.toml\", \"*/b.toml\", \"\", \"nowhere/*.toml\"]",
            ),
            ("a.toml", "include = [\"sub/../main.toml\", \"a.toml\"]\n[limits]\ntools_max = -1\n[aliases]\nx = \"y\""),
        ])
        .unwrap_err();
        let lines: Vec<&str> = error.lines().collect();
        assert_eq!(
            lines,
            [
                "main.toml:1:12: 'none.toml' cannot be read: No such file or directory (os error 2)",
                "main.toml:1:35: './a.toml' is included twice, first at main.toml:1:25",
                "main.toml:1:47: '*/b.toml' has a '*' in the name of a folder; only that of a file may",
                "main.toml:1:59: '' names no file",
                "main.toml:1:63: 'nowhere' cannot be read: No such file or directory (os error 2)",
                "a.toml:1:12: 'sub/../main.toml' is the file that everything begins with",
                "a.toml:1:32: 'a.toml' is included twice, first at main.toml:1:25",
                "a.toml:3:13: 'limits.tools_max' is -1; expected a whole number from 0 upwards",
            ]
        );
    }

    #[test]
    fn files_are_counted() {
        let many: Vec<(String, String)> = (0..=FILES_MAX).map(|n| (format!("f/{n:03}.toml"), String::new())).collect();
        let mut files = vec![("main.toml", "include = [\"f/*.toml\"]")];
        files.extend(many.iter().map(|(name, text)| (name.as_str(), text.as_str())));
        let error = told(&files).unwrap_err();
        assert!(error.starts_with("main.toml:1:12: a configuration has at most 256 files; 'f/255.toml'"), "{error}");
    }

    #[test]
    fn patterns_mean_names() {
        for (pattern, name) in [("*.toml", "a.toml"), ("a*", "a"), ("a*b*c", "axxbyyc"), ("a", "a"), (".*", ".x")] {
            assert!(matches(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in
            [("*.toml", "a.tom"), ("*.toml", ".a.toml"), ("*", "..data"), ("a*b*c", "acb"), ("a", "ab"), ("ab*b", "ab")]
        {
            assert!(!matches(pattern, name), "{pattern} {name}");
        }
    }

    #[test]
    fn detours_are_left_out() {
        assert_eq!(normal(Path::new("conf/./x/../a.toml")), Path::new("conf/a.toml"));
        assert_eq!(normal(Path::new("../a/../../b")), Path::new("../../b"));
    }
}
