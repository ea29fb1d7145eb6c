//! A binary that runs beside a test.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

/// How long a binary may take until it listens.
const START_MAX: Duration = Duration::from_secs(30);
const LISTENING: &str = "listening on http://";

/// A process that serves; it is ended when this is dropped.
#[derive(Debug)]
pub struct Running {
    child: Child,
    address: SocketAddr,
}

impl Running {
    /// Starts a binary and waits until it says where it listens. What it writes to standard error goes to `log`.
    ///
    /// # Errors
    /// Where it cannot be started, ends before it listens, or takes too long.
    pub fn start(command: &mut Command, log: &Path) -> io::Result<Self> {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(File::create(log)?).spawn()?;
        let address = listening(&mut child);
        match address {
            Ok(address) => Ok(Self { child, address }),
            Err(error) => {
                end(&mut child);
                let log = std::fs::read_to_string(log).unwrap_or_default();
                Err(io::Error::other(format!("{error}; it said: {log}")))
            }
        }
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

fn end(child: &mut Child) {
    let _ = child.kill();
    let _ = child.wait();
}

fn listening(child: &mut Child) -> io::Result<SocketAddr> {
    let stdout = child.stdout.take().ok_or_else(|| io::Error::other("no standard output"))?;
    let (found, told) = mpsc::channel();
    // It reads to the end, so that the process is never held up by a full pipe.
    std::thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            if let Some(address) = line.strip_prefix(LISTENING) {
                let _ = found.send(address.parse());
            }
        }
    });
    match told.recv_timeout(START_MAX) {
        Ok(Ok(address)) => Ok(address),
        Ok(Err(error)) => Err(io::Error::other(error)),
        Err(_) => Err(io::Error::other("the process did not say where it listens")),
    }
}
