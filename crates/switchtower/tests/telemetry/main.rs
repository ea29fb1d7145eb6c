//! What the built binary tells of itself and of requests: to operators, to a real Prometheus, and to a receiver of OTLP
//! that is not ours.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

mod admin;
mod deploy;
mod otlp;
mod prometheus;

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;
use switchtower_testkit::Running;

/// A gateway with its files in a folder, its ledger among them.
fn serve(folder: &Path, settings: &str) -> Running {
    let file = folder.join("switchtower.toml");
    std::fs::write(&file, format!("[listen]\naddress = \"127.0.0.1:0\"\nthreads = 2\n{settings}")).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_switchtower"));
    command.env_clear().args(["--log-format", "json", "serve", "--config"]).arg(&file);
    command.arg("--data").arg(folder.join("data"));
    Running::start(&mut command, &folder.join("log")).unwrap()
}

/// Where operators reach it.
fn admin_of(gateway: &Running) -> SocketAddr {
    let listening = gateway.listening(2);
    let place = listening.last().and_then(|place| place.split(' ').next()).unwrap();
    place.strip_prefix("http://").unwrap().parse().unwrap()
}

/// An exchange on a connection of its own.
fn exchange(address: SocketAddr, head: &str, headers: &str, body: &str) -> std::io::Result<String> {
    let mut socket = TcpStream::connect(address)?;
    socket.set_read_timeout(Some(Duration::from_secs(20)))?;
    let length = body.len();
    write!(
        socket,
        "{head} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-type: application/json\r\n{headers}content-length: {length}\r\n\r\n{body}"
    )?;
    let mut answer = String::new();
    socket.read_to_string(&mut answer)?;
    Ok(answer)
}

fn get(address: SocketAddr, path: &str, headers: &str) -> String {
    exchange(address, &format!("GET {path}"), headers, "").unwrap()
}

fn ask(gateway: &Running, model: &str, stream: bool, headers: &str) -> String {
    let body = serde_json::json!({"model": model, "stream": stream, "max_tokens": 40,
        "messages": [{"role": "user", "content": "Hello"}]});
    exchange(gateway.address(), "POST /v1/chat/completions", headers, &body.to_string()).unwrap()
}

fn signal(process: u32, signal: &str) {
    assert!(Command::new("kill").args([signal, &process.to_string()]).status().unwrap().success());
}

fn wait_for_end(process: u32) {
    let ended = || std::fs::read_to_string(format!("/proc/{process}/stat")).map_or(true, |stat| stat.contains(") Z "));
    assert!(eventually(ended), "the process goes on");
}

/// Looks again and again until something is so, for a minute at most.
fn eventually(mut is_so: impl FnMut() -> bool) -> bool {
    for _ in 0..1200 {
        if is_so() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    false
}

/// A program of Debian's package `prometheus`; nothing where it is not installed, which is said.
fn installed(program: &str) -> Option<PathBuf> {
    let found = ["/usr/bin", "/usr/local/bin"].iter().map(|folder| Path::new(folder).join(program));
    let found = found.into_iter().find(|path| path.exists());
    if found.is_none() {
        let message = format!("{program} is not installed; `scripts/tools.sh` installs Debian's package prometheus");
        assert!(std::env::var("CI").as_deref() != Ok("true"), "{message}");
        eprintln!("SKIPPED: {message}");
    }
    found
}

/// What a program says of a text that it is given.
fn fed(program: &Path, arguments: &[&str], text: &str) -> (bool, String) {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    (output.status.success(), said)
}
