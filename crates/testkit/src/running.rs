//! A binary that runs beside a test.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::{Duration, Instant};

/// How long a binary may take until it listens.
const START_MAX: Duration = Duration::from_secs(30);
/// Where programs keep their state.
const STATE: &str = "XDG_STATE_HOME";
const LISTENING: &str = "listening on ";

/// A process that serves; it is ended when this is dropped.
#[derive(Debug)]
pub struct Running {
    child: Child,
    address: SocketAddr,
    listening: Listening,
}

/// Every place where a process said that it listens.
type Listening = Arc<Mutex<Vec<String>>>;

impl Running {
    /// Starts a binary and waits until it says where it listens. What it writes to standard error goes to `log`.
    ///
    /// # Errors
    /// Where it cannot be started, ends before it listens, or takes too long.
    pub fn start(command: &mut Command, log: &Path) -> io::Result<Self> {
        // A gateway keeps a ledger; that of a test lies beside its log.
        if !command.get_envs().any(|(name, _)| name == STATE)
            && let Some(folder) = log.parent().and_then(|folder| folder.canonicalize().ok())
        {
            command.env(STATE, folder.join("state"));
        }
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(File::create(log)?).spawn()?;
        let listening = Listening::default();
        match first_address(&mut child, &listening) {
            Ok(address) => Ok(Self { child, address, listening }),
            Err(error) => {
                end(&mut child);
                let log = std::fs::read_to_string(log).unwrap_or_default();
                Err(io::Error::other(format!("{error}; it said: {log}")))
            }
        }
    }

    /// Where it listens first of all.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// So many places where it says that it listens, as it writes them.
    pub fn listening(&self, count: usize) -> Vec<String> {
        let begun = Instant::now();
        loop {
            let found = self.listening.lock().unwrap_or_else(PoisonError::into_inner).clone();
            if found.len() >= count || begun.elapsed() > START_MAX {
                return found;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// The number of the process.
    pub fn id(&self) -> u32 {
        self.child.id()
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

fn first_address(child: &mut Child, listening: &Listening) -> io::Result<SocketAddr> {
    let stdout = child.stdout.take().ok_or_else(|| io::Error::other("no standard output"))?;
    let (found, told) = mpsc::channel();
    let listening = Arc::clone(listening);
    // It reads to the end, so that the process is never held up by a full pipe.
    std::thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            let Some(place) = line.strip_prefix(LISTENING) else { continue };
            listening.lock().unwrap_or_else(PoisonError::into_inner).push(place.to_owned());
            if let Some((_, address)) = place.split_once("://") {
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
