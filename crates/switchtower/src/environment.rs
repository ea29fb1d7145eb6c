//! The environment's variables, read in one place, and the files that a configuration names.

use crate::config::Outside;
use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The variables that a process was started with.
#[derive(Clone, Default)]
pub struct Environment(HashMap<String, String>);

impl Environment {
    /// Those of this process.
    pub fn of_process() -> Self {
        let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        Self(std::env::vars_os().filter_map(text).collect())
    }

    /// One variable; one that is empty stands for one that is not set.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.trim().is_empty())
    }
}

impl Outside for Environment {
    fn variable(&self, name: &str) -> Option<String> {
        self.get(name).map(str::to_owned)
    }

    fn file(&self, path: &Path, bytes_max: u64) -> io::Result<String> {
        let mut text = String::new();
        File::open(path)?.take(bytes_max.saturating_add(1)).read_to_string(&mut text)?;
        if text.len() as u64 > bytes_max {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        Ok(text)
    }

    fn command(&self, words: &[String], folder: &Path, bytes_max: u64, within: Duration) -> Result<String, String> {
        let (program, arguments) = words.split_first().ok_or("names no program")?;
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        let program = if program.contains('/') { folder.join(program) } else { program.into() };
        let program = if program.is_relative() && program.components().count() > 1 {
            program.canonicalize().map_err(|error| format!("cannot be run ({})", error.kind()))?
        } else {
            program
        };
        let mut command = Command::new(program);
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut child = command
            .args(arguments)
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            // What it complains about may hold what it was about to say.
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("cannot be run ({})", error.kind()))?;
        let outcome = said(&mut child, bytes_max, within);
        if outcome.is_err() {
            kill_with_all_it_started(&mut child);
        }
        let ended = child.wait();
        let text = outcome?;
        match ended {
            Ok(status) if status.success() => String::from_utf8(text).map_err(|_| "wrote what is no text".to_owned()),
            Ok(status) => Err(format!("ended with {status}")),
            Err(error) => Err(format!("cannot be waited for ({})", error.kind())),
        }
    }

    fn names(&self, folder: &Path) -> io::Result<Vec<String>> {
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        std::fs::read_dir(folder)?
            .map(|entry| entry.map(|entry| entry.file_name().to_string_lossy().into_owned()))
            .collect()
    }
}

/// Kills a process that nobody waited for yet, and what it started: that may hold the output open.
fn kill_with_all_it_started(child: &mut Child) {
    #[cfg(unix)]
    if let Some(group) = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw) {
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    }
    let _ = child.kill();
}

/// What a process writes until it closes its output and ends.
fn said(child: &mut Child, bytes_max: u64, within: Duration) -> Result<Vec<u8>, String> {
    const PAUSE: Duration = Duration::from_millis(5);
    let output = child.stdout.take().ok_or("has no output")?;
    let begun = Instant::now();
    let too_slow = || format!("took longer than {} ms", within.as_millis());
    let (sender, receiver) = std::sync::mpsc::sync_channel(1);
    // Whoever keeps the output open keeps this thread, and is killed for it.
    std::thread::spawn(move || {
        let mut text = Vec::new();
        let read = output.take(bytes_max.saturating_add(1)).read_to_end(&mut text);
        let _ = sender.send(read.map(|_| text));
    });
    let text = receiver.recv_timeout(within).map_err(|_| too_slow())?;
    let text = text.map_err(|error| format!("cannot be read ({})", error.kind()))?;
    if text.len() as u64 > bytes_max {
        return Err(format!("wrote more than {bytes_max} bytes"));
    }
    while child.try_wait().is_ok_and(|ended| ended.is_none()) {
        if begun.elapsed() > within {
            return Err(too_slow());
        }
        std::thread::sleep(PAUSE);
    }
    Ok(text)
}

impl<const N: usize> From<[(&str, &str); N]> for Environment {
    fn from(variables: [(&str, &str); N]) -> Self {
        Self(variables.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }
}

impl std::fmt::Debug for Environment {
    /// Names only: values are keys more often than not.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Environment({} variables)", self.0.len())
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_command_that_is_given_up_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let words = ["sh", "-c", "sleep 300 & echo $! > number; echo said"].map(str::to_owned);
        let said = Environment::default().command(&words, folder.path(), 100, Duration::from_millis(500));
        assert_eq!(said, Err("took longer than 500 ms".to_owned()));
        let number = std::fs::read_to_string(folder.path().join("number")).unwrap();
        let status = format!("/proc/{}/stat", number.trim());
        let is_there = || std::fs::read_to_string(&status).is_ok_and(|status| !status.contains(") Z "));
        let given_up = Instant::now() + Duration::from_secs(10);
        while is_there() && Instant::now() < given_up {
            std::thread::sleep(Duration::from_millis(5));
        }
        assert!(!is_there(), "the process that it started is still there");
    }
}
