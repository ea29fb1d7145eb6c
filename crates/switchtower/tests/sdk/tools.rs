//! Python and Node with the SDKs, where `scripts/test.sh` has put them.

use std::path::{Path, PathBuf};

/// What the drivers need.
pub(crate) struct Tools {
    pub(crate) python: PathBuf,
    pub(crate) node: PathBuf,
    pub(crate) modules: PathBuf,
}

impl Tools {
    /// Nothing where something is missing, which is said; in continuous integration it is a failure.
    pub(crate) fn find() -> Option<Self> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.tools");
        let tools = Self {
            python: folder.join("venv/bin/python"),
            node: folder.join("venv/bin/node"),
            modules: folder.join("js/node_modules"),
        };
        let missing = [&tools.python, &tools.node, &tools.modules].into_iter().find(|path| !path.exists());
        let Some(missing) = missing else { return Some(tools) };
        let name = missing.strip_prefix(&folder).unwrap().display();
        let message = format!("the SDKs are not installed (no .tools/{name}); `scripts/test.sh` installs them");
        assert!(std::env::var("CI").as_deref() != Ok("true"), "{message}");
        eprintln!("SKIPPED: {message}");
        None
    }
}
