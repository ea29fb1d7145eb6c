//! A configuration that changes while it is served.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use switchtower_testkit::Running;

struct Gateway {
    running: Running,
    folder: tempfile::TempDir,
}

const LISTEN: &str = "[listen]\naddress = \"127.0.0.1:0\"\nthreads = 2\n";
const KEYED: &str = "[[keys]]\nname = \"app\"\nsecret = \"file:app.key\"\n";

fn aliases(name: &str) -> String {
    format!("[aliases]\n{name} = \"sim/sim-1\"\n")
}

impl Gateway {
    fn start(text: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("app.key"), "first-secret\n").unwrap();
        std::fs::write(folder.path().join("switchtower.toml"), text).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_switchtower"));
        command.arg("serve").arg("--config").arg(folder.path().join("switchtower.toml"));
        let running = Running::start(&mut command, &folder.path().join("log")).unwrap();
        Self { running, folder }
    }

    fn write(&self, name: &str, text: &str) {
        // As editors and deployments do it, and so that a half is never read.
        let beside = self.folder.path().join("beside");
        std::fs::write(&beside, text).unwrap();
        std::fs::rename(beside, self.folder.path().join(name)).unwrap();
    }

    fn hang_up(&self) {
        let sent = Command::new("kill").arg("-HUP").arg(self.running.id().to_string()).status().unwrap();
        assert!(sent.success());
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap()
    }

    #[track_caller]
    fn wait_for(&self, text: &str) {
        self.wait_for_many(text, 1);
    }

    #[track_caller]
    fn wait_for_many(&self, text: &str, count: usize) {
        let begun = Instant::now();
        while self.log().matches(text).count() < count {
            assert!(begun.elapsed() < Duration::from_secs(20), "no '{text}' in {}", self.log());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn connect(&self) -> TcpStream {
        let socket = TcpStream::connect(self.running.address()).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        socket
    }

    /// The status of the answer for a model.
    fn status(&self, model: &str, key: &str) -> u16 {
        let mut socket = self.connect();
        ask(&mut socket, model, key, "connection: close\r\n", "");
        let mut answer = String::new();
        socket.read_to_string(&mut answer).unwrap();
        answer.split(' ').nth(1).unwrap().parse().unwrap()
    }
}

fn ask(socket: &mut TcpStream, model: &str, key: &str, headers: &str, more: &str) {
    let body =
        format!(r#"{{"model":"{model}",{more}"messages":[{{"role":"user","content":"echo: a b c d e f g h"}}]}}"#);
    let length = body.len();
    write!(
        socket,
        "POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {key}\r\n{headers}content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    )
    .unwrap();
}

/// Reads one whole answer from a connection that stays open.
fn whole(socket: &mut TcpStream) -> String {
    let mut text = String::new();
    let mut byte = [0];
    loop {
        socket.read_exact(&mut byte).unwrap();
        text.push(char::from(byte[0]));
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
            if body.len() == length.parse::<usize>().unwrap() {
                return text;
            }
        }
    }
}

#[test]
fn a_change_is_in_force_for_the_next_request_of_an_open_connection() {
    let gateway = Gateway::start(&(LISTEN.to_owned() + &aliases("old")));
    let mut socket = gateway.connect();
    ask(&mut socket, "old", "", "", "");
    assert!(whole(&mut socket).starts_with("HTTP/1.1 200"));
    gateway.write("switchtower.toml", &(LISTEN.to_owned() + &aliases("new")));
    gateway.wait_for("the changed configuration is in force");
    ask(&mut socket, "new", "", "", "");
    assert!(whole(&mut socket).starts_with("HTTP/1.1 200"));
    ask(&mut socket, "old", "", "", "");
    assert!(whole(&mut socket).starts_with("HTTP/1.1 404"));
}

#[test]
fn a_file_with_mistakes_is_told_whole_and_the_last_good_one_stays() {
    let gateway = Gateway::start(&(LISTEN.to_owned() + "[aliases]\nold = \"sim/sim-1\"\n"));
    gateway.write("switchtower.toml", "[listen]\nadress = \"127.0.0.1:0\"\n[aliases]\nnew = \"nobody/x\"\n");
    gateway.wait_for("the last good one stays in force");
    let log = gateway.log();
    assert!(
        log.contains("switchtower.toml:2:1: unknown setting 'adress' in [listen]; did you mean 'address'?"),
        "{log}"
    );
    assert!(log.contains("switchtower.toml:4:1: there is no provider 'nobody' in this configuration"), "{log}");
    assert_eq!((gateway.status("old", ""), gateway.status("new", "")), (200, 404));
    gateway.write("switchtower.toml", &(LISTEN.to_owned() + &aliases("new")));
    gateway.wait_for("the changed configuration is in force");
    assert_eq!((gateway.status("old", ""), gateway.status("new", "")), (404, 200));
}

#[test]
fn included_files_and_secrets_are_looked_at_too() {
    let gateway = Gateway::start(&format!("include = [\"more-*.toml\"]\n{LISTEN}{KEYED}"));
    assert_eq!((gateway.status("sim/sim-1", "first-secret"), gateway.status("added", "first-secret")), (200, 404));
    gateway.write("more-names.toml", &aliases("added"));
    gateway.wait_for_many("is in force", 1);
    assert_eq!(gateway.status("added", "first-secret"), 200);
    gateway.write("app.key", "second-secret");
    gateway.wait_for_many("is in force", 2);
    assert_eq!((gateway.status("added", "first-secret"), gateway.status("added", "second-secret")), (401, 200));
    let log = gateway.log();
    assert!(!log.contains("-secret"), "{log}");
}

#[test]
fn a_hang_up_runs_commands_again() {
    let keyed = KEYED.replace("file:app.key", "cmd:cat app.key");
    let gateway = Gateway::start(&(LISTEN.to_owned() + &keyed));
    assert_eq!(gateway.status("sim/sim-1", "first-secret"), 200);
    gateway.write("app.key", "second-secret");
    gateway.hang_up();
    gateway.wait_for("is in force");
    assert_eq!((gateway.status("sim/sim-1", "first-secret"), gateway.status("sim/sim-1", "second-secret")), (401, 200));
}

#[test]
fn a_hang_up_that_finds_nothing_new_says_so() {
    let gateway = Gateway::start(LISTEN);
    gateway.hang_up();
    gateway.wait_for("the configuration is as it was");
    assert!(!gateway.log().contains("is in force"));
}

#[cfg(unix)]
#[test]
fn without_a_configuration_a_hang_up_ends_the_process() {
    use std::os::unix::process::ExitStatusExt as _;
    let mut command = Command::new(env!("CARGO_BIN_EXE_switchtower"));
    command.args(["serve", "--listen", "127.0.0.1:0"]).stdout(std::process::Stdio::piped());
    let mut process = command.spawn().unwrap();
    let mut told = [0; 9];
    process.stdout.as_mut().unwrap().read_exact(&mut told).unwrap();
    assert_eq!(&told, b"listening");
    assert!(Command::new("kill").arg("-HUP").arg(process.id().to_string()).status().unwrap().success());
    assert_eq!(process.wait().unwrap().signal(), Some(1));
}

#[test]
fn commands_are_run_again_after_their_interval() {
    let keyed = KEYED.replace("file:app.key", "cmd:cat app.key");
    let gateway = Gateway::start(&format!("{LISTEN}[secrets]\ncommand_interval_ms = 100\n{keyed}"));
    gateway.write("app.key", "second-secret");
    gateway.wait_for("is in force");
    assert_eq!(gateway.status("sim/sim-1", "second-secret"), 200);
}

#[test]
fn what_cannot_change_is_told_by_name() {
    let gateway = Gateway::start(&(LISTEN.to_owned() + &aliases("old")));
    let text = LISTEN.replace("threads = 2", "threads = 1").replace("127.0.0.1:0", "127.0.0.1:1");
    gateway.write("switchtower.toml", &(text + "[listeners.more]\naddress = \"127.0.0.1:0\"\n" + &aliases("new")));
    gateway.wait_for("is in force");
    let log = gateway.log();
    assert!(log.contains("switchtower.toml\""), "what changed is named: {log}");
    for setting in ["listen.threads", "listen.address", "listeners.more"] {
        assert!(log.contains(&format!("setting=\"{setting}\"")), "{setting}: {log}");
    }
    assert_eq!(gateway.status("new", ""), 200);
}

#[test]
fn a_port_that_others_reach_never_loses_its_keys() {
    let open = LISTEN.replace("127.0.0.1:0", "0.0.0.0:0");
    let gateway = Gateway::start(&(open + KEYED));
    gateway.write("switchtower.toml", LISTEN);
    gateway.wait_for("is not put in force, the last good one stays: without keys the gateway serves this machine only");
    assert_eq!((gateway.status("sim/sim-1", "none"), gateway.status("sim/sim-1", "first-secret")), (401, 200));
}

#[test]
fn no_request_is_dropped_while_everything_changes() {
    let gateway = Arc::new(Gateway::start(&(LISTEN.to_owned() + &aliases("a0"))));
    let mut streaming = gateway.connect();
    let slow = r#""stream":true,"#;
    ask(&mut streaming, "sim/sim-1", "", "x-sim-tokens-per-second: 4\r\nconnection: close\r\n", slow);
    let (done, asked) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let askers: Vec<_> = (0..4)
        .map(|_| {
            let (gateway, done, asked) = (Arc::clone(&gateway), Arc::clone(&done), Arc::clone(&asked));
            std::thread::spawn(move || {
                let mut socket = gateway.connect();
                while !done.load(Ordering::Relaxed) {
                    ask(&mut socket, "sim/sim-1", "", "", "");
                    assert!(whole(&mut socket).starts_with("HTTP/1.1 200"));
                    asked.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    for round in 1..=8 {
        while asked.load(Ordering::Relaxed) < round * 10 && !askers.iter().any(std::thread::JoinHandle::is_finished) {
            std::thread::yield_now();
        }
        gateway.write("switchtower.toml", &(LISTEN.to_owned() + &aliases(&format!("a{round}"))));
        gateway.hang_up();
        gateway.wait_for_many("is in force", round);
        assert_eq!(gateway.status(&format!("a{round}"), ""), 200);
    }
    done.store(true, Ordering::Relaxed);
    for asker in askers {
        asker.join().unwrap();
    }
    assert!(asked.load(Ordering::Relaxed) >= 80, "{asked:?}");
    let mut events = String::new();
    streaming.read_to_string(&mut events).unwrap();
    assert!(events.contains("data: [DONE]"), "{events}");
}

/// A provider that counts the connections that it gets, and keeps them open.
fn provider() -> (std::net::SocketAddr, Arc<AtomicUsize>) {
    const ANSWER: &str = r#"{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}]}"#;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let connections: Arc<AtomicUsize> = Arc::default();
    let counted = Arc::clone(&connections);
    std::thread::spawn(move || {
        for socket in listener.incoming() {
            counted.fetch_add(1, Ordering::SeqCst);
            let mut socket = socket.unwrap();
            std::thread::spawn(move || {
                let mut request = Vec::new();
                let mut piece = [0; 4096];
                while let Ok(count @ 1..) = socket.read(&mut piece) {
                    request.extend_from_slice(piece.get(..count).unwrap());
                    if request.ends_with(b"]}") {
                        request.clear();
                        let length = ANSWER.len();
                        let head = format!(
                            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n"
                        );
                        socket.write_all((head + ANSWER).as_bytes()).unwrap();
                    }
                }
            });
        }
    });
    (address, connections)
}

#[test]
fn connections_to_providers_stay_while_their_way_does() {
    let (address, connections) = provider();
    let listen = LISTEN.replace("threads = 2", "threads = 1");
    let text = |more: &str, alias: &str| {
        format!(
            "{listen}[providers.p]\ndialect = \"openai_chat\"\nbase_url = \"http://{address}/v1\"\n{more}{}",
            aliases(alias)
        )
    };
    let gateway = Gateway::start(&text("", "a"));
    assert_eq!((gateway.status("p/m", ""), gateway.status("p/m", "")), (200, 200));
    gateway.write("switchtower.toml", &text("", "b"));
    gateway.wait_for_many("is in force", 1);
    assert_eq!((gateway.status("b", ""), gateway.status("p/m", "")), (200, 200));
    assert_eq!(connections.load(Ordering::SeqCst), 1);
    gateway.write("switchtower.toml", &text("connect_timeout_ms = 5000\n", "b"));
    gateway.wait_for_many("is in force", 2);
    assert_eq!(gateway.status("p/m", ""), 200);
    assert_eq!(connections.load(Ordering::SeqCst), 2, "another way has connections of its own");
}
