//! The configuration: from a file to what the gateway is told, with every mistake at once.
//!
//! ```text
//! text ──► Written   as in the files: every value with its place      unknown settings, values of another shape
//!      ──► Checked   valid in itself: types of ours                   ranges, names, URLs, references
//!      ──► Ready     names resolved, secrets read                     dangling names, conflicts, missing secrets
//! ```
//!
//! A pass goes on after a mistake, and the next one runs with what is left, so that one look shows all of them. Only a
//! file that is not TOML at all stops before names are resolved: half of them may be missing. It never writes a secret
//! into a message. Begin with [`load`]; the settings themselves are listed in `written.rs`.

mod aws;
mod checked;
mod explain;
mod facts;
mod identity;
mod include;
mod leaving;
mod ledger;
mod listening;
mod problem;
mod projection;
mod providing;
mod quirks;
mod ready;
#[cfg(test)]
mod reference;
mod retention;
mod schema;
mod secrets;
mod seen;
mod sources;
mod summary;
mod telemetry;

#[cfg(test)]
mod tests;
mod ways;
mod written;

pub use explain::Explanation;
pub(crate) use facts::today;
use include::Gathered;
pub use problem::{Problem, Problems};
pub use ready::{Around, Ready, Secrets};
pub use retention::Retention;
pub use schema::schema;
pub use secrets::Outside;
pub use seen::{Seen, Stamp};
pub use summary::summary;
pub(crate) use summary::{columns, dialects};
pub(crate) use telemetry::observing_of_environment;

use seen::Recorder;
use std::path::Path;

/// The largest configuration that is read.
const FILE_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// Reads a file with all that it includes, and checks it whole. Relative paths in it begin in its folder, whatever `around` says.
///
/// # Errors
/// [`Problems`] lists every mistake with its line.
pub fn load(path: &Path, around: &Around<'_>) -> Result<Ready, Problems> {
    let file = path.display().to_string();
    let text = around.outside.file(path, FILE_BYTES_MAX).map_err(|error| Problems {
        list: vec![Problem {
            file: file.clone(),
            line: 0,
            column: 0,
            key: String::new(),
            message: format!("cannot be read: {error}"),
            hint: None,
        }],
    })?;
    parse(&file, &text, &Around { folder: path.parent().unwrap_or_else(|| Path::new("")), ..*around })
}

/// The same, with what was read: it is worth knowing also where there are mistakes.
pub fn read(path: &Path, around: &Around<'_>) -> (Result<Ready, Problems>, Seen) {
    let recorder = Recorder::new(around.outside);
    let outcome = load(path, &Around { outside: &recorder, ..*around });
    (outcome, recorder.seen())
}

/// Checks a text whole; `file` is its name for messages.
///
/// # Errors
/// [`Problems`] lists every mistake with its line.
pub fn parse(file: &str, text: &str, around: &Around<'_>) -> Result<Ready, Problems> {
    let Gathered { sources, syntax, mut findings, written, lacks_files } = include::gather(file, text, around);
    let checked = checked::check(&written, around.listen, &mut findings);
    if lacks_files || !syntax.is_empty() {
        findings.leave_out_lines_of(&syntax, &sources);
        findings.extend(syntax);
        return Err(findings.into_problems(&sources));
    }
    match ready::resolve(&checked, &sources, around, &mut findings) {
        Some(mut ready) => {
            ready.explanation = Explanation::of(&written, &sources, &ready);
            Ok(ready)
        }
        None => Err(findings.into_problems(&sources)),
    }
}
