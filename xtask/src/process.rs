//! Processes that are measured: started, watched through `/proc`, and ended again.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

const START_TIMEOUT: Duration = Duration::from_secs(15);
const STOP_TIMEOUT: Duration = Duration::from_secs(5);
/// Unit of the times in `/proc/PID/stat`; Linux tells programs 100 whatever it uses inside.
const TICKS_PER_SECOND: f64 = 100.0;

/// A started process; ends with its tree when dropped.
#[derive(Debug)]
pub(crate) struct Process {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts `command` and waits until it listens on every one of `addresses`.
    pub(crate) fn start(name: &str, mut command: Command, addresses: &[SocketAddr], folder: &Path) -> Result<Self> {
        let log = folder.join(format!("{name}.log"));
        let output = File::create(&log)?;
        let child = command
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()
            .with_context(|| format!("failed to start {name}"))?;
        let mut process = Self { name: name.to_owned(), child, log };
        for address in addresses {
            process.wait_for(*address)?;
        }
        Ok(process)
    }

    fn wait_for(&mut self, address: SocketAddr) -> Result<()> {
        let start = Instant::now();
        while TcpStream::connect(address).is_err() {
            if let Some(status) = self.child.try_wait()? {
                bail!("{} ended instead of listening on {address} ({status}); {}", self.name, self.said());
            }
            ensure!(
                start.elapsed() < START_TIMEOUT,
                "{} does not listen on {address} after {START_TIMEOUT:?}; {}",
                self.name,
                self.said()
            );
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Where what it says on both of its outputs stands.
    pub(crate) fn log(&self) -> &Path {
        &self.log
    }

    fn said(&self) -> String {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        if text.trim().is_empty() { "it said nothing".to_owned() } else { format!("it said:\n{}", text.trim_end()) }
    }

    /// User and system time of the whole tree until now, in seconds.
    pub(crate) fn cpu_seconds(&self) -> f64 {
        self.tree().into_iter().map(cpu_seconds).sum()
    }

    /// The same of threads of these names alone, where the kernel keeps it by thread.
    pub(crate) fn cpu_seconds_of(&self, threads: &[&str]) -> Option<f64> {
        self.tree().into_iter().map(|id| scheduled_seconds(id, |name| threads.contains(&name))).sum()
    }

    /// Resident set of the whole tree, in bytes.
    pub(crate) fn resident_bytes(&self) -> f64 {
        self.tree().into_iter().map(resident_bytes).sum()
    }

    fn tree(&self) -> BTreeSet<u32> {
        let parents = parents();
        let mut tree = BTreeSet::from([self.child.id()]);
        loop {
            let before = tree.len();
            let children = parents.iter().filter(|(_, parent)| tree.contains(parent)).map(|(child, _)| *child);
            let children: Vec<_> = children.collect();
            tree.extend(children);
            if tree.len() == before {
                return tree;
            }
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if !matches!(self.child.try_wait(), Ok(None)) {
            return;
        }
        // Asked to stop first, so that it can stop its own children.
        let asked = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        let start = Instant::now();
        while asked.is_ok() && start.elapsed() < STOP_TIMEOUT {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The parent of every process.
fn parents() -> BTreeMap<u32, u32> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    entries
        .filter_map(|entry| {
            let id = entry.file_name().to_str()?.parse().ok()?;
            let parent = stat_field(id, 4)?.parse().ok()?;
            Some((id, parent))
        })
        .collect()
}

/// A field of `/proc/PID/stat`, counted from one as in its manual.
fn stat_field(id: u32, number: usize) -> Option<String> {
    let text = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // The second field is a name in parentheses and may contain anything.
    let (_, after) = text.rsplit_once(") ")?;
    after.split(' ').nth(number.checked_sub(3)?).map(str::to_owned)
}

fn cpu_seconds(id: u32) -> f64 {
    scheduled_seconds(id, |_| true).unwrap_or_else(|| {
        let ticks = [14, 15].map(|field| stat_field(id, field).and_then(|text| text.parse().ok()).unwrap_or(0.0));
        ticks.iter().sum::<f64>() / TICKS_PER_SECOND
    })
}

/// The same in nanoseconds, where the kernel keeps it by thread, of threads by their names.
fn scheduled_seconds(id: u32, named: impl Fn(&str) -> bool) -> Option<f64> {
    let mut total = 0.0;
    for thread in std::fs::read_dir(format!("/proc/{id}/task")).ok()?.flatten() {
        let name = std::fs::read_to_string(thread.path().join("comm")).unwrap_or_default();
        if !named(name.trim_end()) {
            continue;
        }
        let text = std::fs::read_to_string(thread.path().join("schedstat")).ok()?;
        total += text.split(' ').next()?.parse::<f64>().ok()? / 1e9;
    }
    Some(total)
}

/// Resident set of one process, in bytes.
pub(crate) fn resident_bytes(id: u32) -> f64 {
    let text = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    let kib = text.lines().find_map(|line| {
        let value = line.strip_prefix("VmRSS:")?;
        value.trim().trim_end_matches(" kB").parse::<f64>().ok()
    });
    kib.unwrap_or(0.0) * 1024.0
}

/// An address on this machine that nobody listens on at the moment.
pub(crate) fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}

/// Each open stream takes two descriptors of a proxy and one of everybody else.
pub(crate) fn check_open_files(streams: usize) -> Result<()> {
    let needed = 2 * streams + 500;
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let allowed = limits.lines().find_map(|line| {
        let values = line.strip_prefix("Max open files")?;
        values.split_whitespace().next()?.parse::<usize>().ok()
    });
    ensure!(
        allowed.is_none_or(|allowed| allowed >= needed),
        "{streams} open streams need {needed} open files, and this shell allows {}; \
         run `ulimit -n {needed}` first, or use `--streams` with fewer",
        allowed.unwrap_or_default()
    );
    Ok(())
}

/// A folder for settings and logs; removed when dropped.
#[derive(Debug)]
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn new(task: &str) -> Result<Self> {
        let folder = std::env::temp_dir().join(format!("switchtower-{task}-{}", std::process::id()));
        std::fs::create_dir_all(&folder)?;
        Ok(Self(folder))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
