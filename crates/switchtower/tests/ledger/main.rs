//! The ledger of the built binary: proved to others, after a crash, and without a word of what was said.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod canary;
mod costs;
mod crash;
mod damaged;
mod projection;
mod proof;
mod pruned;
mod retention;
mod witness;

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;
use switchtower_testkit::Running;

fn binary() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_switchtower"));
    command.env_clear();
    command
}

fn data(folder: &Path) -> PathBuf {
    folder.join("data")
}

/// A gateway whose ledger is in the folder.
fn serve(folder: &Path, settings: &str) -> Running {
    let file = folder.join("switchtower.toml");
    std::fs::write(&file, format!("[listen]\naddress = \"127.0.0.1:0\"\nthreads = 2\n{settings}")).unwrap();
    let mut command = binary();
    command.env("RUST_LOG", "switchtower=debug,switchtower_gateway=debug");
    command.arg("serve").arg("--config").arg(&file).arg("--data").arg(data(folder));
    Running::start(&mut command, &folder.join("log")).unwrap()
}

fn ledger(folder: &Path, arguments: &[&str]) -> Output {
    binary().arg("ledger").args(arguments).arg("--data").arg(data(folder)).output().unwrap()
}

fn cost(folder: &Path, arguments: &[&str]) -> Output {
    binary().arg("cost").args(arguments).arg("--data").arg(data(folder)).output().unwrap()
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Every entry, as JSON.
fn entries(folder: &Path) -> Vec<serde_json::Value> {
    let exported = ledger(folder, &["export"]);
    assert!(exported.status.success(), "{}", text(&exported));
    String::from_utf8(exported.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Asks the process to stop, and waits until it has.
fn stop(running: &Running) {
    signal(running.id(), "-TERM");
    wait_for_end(running.id());
}

fn signal(process: u32, signal: &str) {
    assert!(Command::new("kill").args([signal, &process.to_string()]).status().unwrap().success());
}

fn wait_for_end(process: u32) {
    let ended = || std::fs::read_to_string(format!("/proc/{process}/stat")).map_or(true, |stat| stat.contains(") Z "));
    for _ in 0..2000 {
        if ended() {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    unreachable!("the process goes on");
}

/// An exchange on a connection of its own; what came of the answer, if it came to its end.
fn exchange(address: SocketAddr, path: &str, headers: &str, body: &str) -> std::io::Result<String> {
    let mut socket = TcpStream::connect(address)?;
    socket.set_read_timeout(Some(Duration::from_secs(20)))?;
    let length = body.len();
    write!(
        socket,
        "POST {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-type: application/json\r\n{headers}content-length: {length}\r\n\r\n{body}"
    )?;
    let mut answer = String::new();
    socket.read_to_string(&mut answer)?;
    Ok(answer)
}

fn asked(model: &str, text: &str, stream: bool) -> String {
    serde_json::json!({"model": model, "stream": stream, "max_tokens": 40, "messages": [{"role": "user", "content": text}]})
        .to_string()
}

fn request_id(answer: &str) -> Option<String> {
    let head = answer.split("\r\n\r\n").next()?;
    head.lines().find_map(|line| line.strip_prefix("x-request-id: ")).map(str::to_owned)
}
