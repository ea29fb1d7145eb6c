//! The standard output of commands that report. Who reads it may have seen enough, as `head` has: that is no failure.

use std::io::{self, Stdout, Write};
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether nobody reads any more. The process has one standard output, and so one of these.
static UNREAD: AtomicBool = AtomicBool::new(false);

/// The standard output, which remembers that nobody reads it any more: whatever carries the error further, an export or a
/// table, is told apart so from an error of another pipe.
#[derive(Debug)]
pub(crate) struct Output(Stdout);

/// The standard output.
pub(crate) fn output() -> Output {
    Output(io::stdout())
}

/// Whether nobody reads the standard output any more.
pub(crate) fn is_unread() -> bool {
    UNREAD.load(Ordering::Relaxed)
}

fn noted<T>(written: io::Result<T>) -> io::Result<T> {
    written.inspect_err(|error| {
        if error.kind() == io::ErrorKind::BrokenPipe {
            UNREAD.store(true, Ordering::Relaxed);
        }
    })
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        noted(self.0.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        noted(self.0.flush())
    }
}
