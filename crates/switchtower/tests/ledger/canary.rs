//! Unique words in everything that a caller and a provider say are found in nothing that is written.

use crate::*;
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

const CANARY: &str = "zq7canary";

#[test]
fn nothing_of_what_is_said_is_written_anywhere() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let receiver = Receiver::start();
    let settings = settings(folder, &receiver, "");
    let gateway = serve(folder, &settings);
    say_everything(&gateway, &receiver);
    // In the middle of everything the process is gone.
    signal(gateway.id(), "-KILL");
    wait_for_end(gateway.id());
    // What is refused is in its log, under the names that are on record. The next process begins a log of its own.
    let log = std::fs::read_to_string(folder.join("log")).unwrap();
    assert!(log.contains("\"refused\"") || log.contains("refused request="), "{log}");
    assert!(log.contains("deployment=\"sim/#") && log.contains("a stream broke"), "{log}");
    assert!(!log.contains(CANARY) && !log.contains("k-zq7-secret"), "{log}");
    stop(&serve(folder, &settings));
    let searched = searched(folder);
    assert!(searched.iter().any(|path| path.ends_with(".seg")) && searched.len() > 6, "{searched:?}");
    assert!(!searched.iter().any(|path| path.contains("/content/")), "{searched:?}");
    nothing_is_told(folder);
}

#[test]
fn what_a_rule_keeps_is_written_sealed_and_nothing_is_left_of_it_when_its_time_is_over() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let receiver = Receiver::start();
    let settings = settings(folder, &receiver, &retention::everything(folder, "keep_days = 2\n"));
    let gateway = serve(folder, &settings);
    let answers = say_everything(&gateway, &receiver);
    let id = request_id(answers.first().unwrap()).unwrap();
    // While it is being kept, the process is gone.
    signal(gateway.id(), "-KILL");
    wait_for_end(gateway.id());
    let in_the_middle = searched(folder);
    assert!(in_the_middle.iter().any(|path| path.ends_with(".items")), "{in_the_middle:?}");
    stop(&serve(folder, &settings));
    searched(folder);
    nothing_is_told(folder);
    let reported = retention::retention(folder, &["report"]);
    assert!(reported.status.success() && !text(&reported).contains(CANARY), "{}", text(&reported));
    assert!(text(&retention::retention(folder, &["show", &id])).contains(CANARY), "the key opens it");
    // That it was shown leaves nothing either.
    searched(folder);
    let expired = retention::retention(folder, &["expire", "--at", "2999-01-01T00:00:00Z"]);
    assert!(expired.status.success(), "{}", text(&expired));
    let left = searched(folder);
    assert!(!left.iter().any(|path| path.contains("/content/")), "{left:?}");
    let reported = retention::retention(folder, &["report"]);
    assert!(reported.status.success() && text(&reported).contains("nothing is kept"), "{}", text(&reported));
    assert!(!text(&retention::retention(folder, &["show", &id])).contains(CANARY));
    nothing_is_told(folder);
}

/// Operators who are told everything that there is to tell, a key for callers, and a provider that is not there.
fn settings(folder: &Path, receiver: &Receiver, rest: &str) -> String {
    std::fs::write(folder.join("key"), "k-zq7-secret-of-the-caller").unwrap();
    format!(
        "[admin]\naddress = \"127.0.0.1:0\"\n[telemetry]\notlp = \"http://{}\"\ncompression = \"none\"\ninterval_ms = 200\n[[keys]]\nname = \"team\"\nsecret = \"file:key\"\n[providers.gone]\ndialect = \"openai_chat\"\nbase_url = \"http://127.0.0.1:1/v1\"\n{rest}",
        receiver.address
    )
}

/// Says the word in every place that a request has, to providers of every dialect, whole and streamed, with failures.
fn say_everything(gateway: &Running, receiver: &Receiver) -> Vec<String> {
    let key = "authorization: Bearer k-zq7-secret-of-the-caller\r\n";
    let traced = format!(
        "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\ntracestate: a={CANARY}\r\nbaggage: b={CANARY}\r\n"
    );
    let headers = format!("{key}{traced}x-custom: {CANARY}\r\nuser-agent: {CANARY}\r\n");
    let image = format!("https://{CANARY}.example/a.png");
    let tool = serde_json::json!({"type": "function", "function": {"name": format!("f_{CANARY}"),
        "description": CANARY, "parameters": {"type": "object", "properties": {CANARY: {"type": "string"}}}}});
    let mut answers = Vec::new();
    let unlisted = ["", "?fault=cut:after=2", "?fault=bad_request", "?fault=overloaded"];
    let unlisted = unlisted.map(|directives| format!("sim/{CANARY}{directives}"));
    for model in [
        "sim/sim-1",
        "sim-messages/sim-1",
        "sim-gemini/sim-1",
        "sim-responses/sim-1",
        "sim-bedrock/sim-1",
        "sim-cohere/sim-1",
        "sim-ollama/sim-1",
        "gone/m",
        "sim/sim-1?fault=cut:after=2",
        "sim/sim-1?fault=bad_request",
    ]
    .into_iter()
    .chain(unlisted.iter().map(String::as_str))
    {
        for stream in [false, true] {
            let body = serde_json::json!({"model": model, "stream": stream, "user": CANARY, "metadata": {CANARY: CANARY},
                CANARY: {CANARY: [CANARY]}, "tools": [tool], "max_tokens": 60,
                "messages": [{"role": "system", "content": CANARY}, {"role": "user", "name": CANARY, "content": [
                    {"type": "text", "text": format!("echo: {CANARY}"), CANARY: 1}]}]});
            answers.push(exchange(gateway.address(), "/v1/chat/completions", &headers, &body.to_string()).unwrap());
            let messages = serde_json::json!({"model": model, "stream": stream, "max_tokens": 60, CANARY: CANARY,
                "messages": [{"role": "user", "content": [{"type": "text", "text": format!("echo: {CANARY}")},
                    {"type": "image", "source": {"type": "url", "url": image}}]}]});
            answers.push(exchange(gateway.address(), "/v1/messages", &headers, &messages.to_string()).unwrap());
        }
    }
    let broken = format!("{{\"{CANARY}\": \"{CANARY}\"");
    answers.push(exchange(gateway.address(), "/v1/chat/completions", &headers, &broken).unwrap());
    let repeated: usize = answers.iter().map(|answer| answer.matches(CANARY).count()).sum();
    assert!(repeated > 20, "the simulator repeats what it is told");
    told_to_operators(gateway);
    receiver.got_nothing_of(&[CANARY, "k-zq7-secret", "gen_ai.client.token.usage", "chat sim-1"], 2);
    answers
}

fn nothing_is_told(folder: &Path) {
    for output in [ledger(folder, &["export"]), ledger(folder, &["tail", "-n", "1000"])] {
        assert!(!text(&output).contains(CANARY));
        assert!(text(&output).contains("\"abandoned\"") || text(&output).contains("\"answered\""));
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_crash_leaves_no_core() {
    let folder = tempfile::tempdir().unwrap();
    let gateway = serve(folder.path(), "");
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", gateway.id())).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    let limits: Vec<&str> = core.split_whitespace().skip(4).take(2).collect();
    assert_eq!(limits, ["0", "0"], "{core}");
}

/// What operators are told has nothing of it either.
fn told_to_operators(gateway: &Running) {
    let listening = gateway.listening(2);
    let admin = listening.last().and_then(|place| place.strip_prefix("http://")?.split(' ').next()).unwrap();
    for path in ["/metrics", "/readyz", "/healthz", "/zq7canary"] {
        let mut socket = TcpStream::connect(admin).unwrap();
        write!(socket, "GET {path} HTTP/1.1\r\nhost: {admin}\r\nconnection: close\r\nx: {CANARY}\r\naccept: application/openmetrics-text\r\n\r\n").unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).unwrap();
        assert!(!answer.contains(CANARY) && !answer.contains("k-zq7-secret"), "{path}: {answer}");
        assert!(path != "/metrics" || answer.contains("switchtower_requests_total{") && answer.contains("trace_id="));
    }
}

/// Whatever OTLP brings, as its bytes.
struct Receiver {
    address: SocketAddr,
    got: Arc<Mutex<Vec<u8>>>,
}

impl Receiver {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, got) = (listener.local_addr().unwrap(), Arc::<Mutex<Vec<u8>>>::default());
        let kept = Arc::clone(&got);
        std::thread::spawn(move || {
            for mut socket in listener.incoming().map_while(Result::ok) {
                let kept = Arc::clone(&kept);
                std::thread::spawn(move || {
                    let mut bytes = [0; 65536];
                    while let Ok(count) = socket.read(&mut bytes) {
                        if count == 0 {
                            return;
                        }
                        kept.lock().unwrap().extend_from_slice(bytes.get(..count).unwrap());
                        // Said once too often at worst: nothing here reads where a request ends.
                        if socket
                            .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
                            .is_err()
                        {
                            return;
                        }
                    }
                });
            }
        });
        Self { address, got }
    }

    /// The first words are nowhere in what came, once all the others are.
    fn got_nothing_of(&self, words: &[&str], nowhere: usize) {
        let has = |word: &str| {
            let got = self.got.lock().unwrap();
            got.windows(word.len()).any(|window| window == word.as_bytes())
        };
        for word in words.iter().skip(nowhere) {
            let came = (0..600).any(|_| {
                std::thread::sleep(Duration::from_millis(50));
                has(word)
            });
            assert!(came, "{word} never came");
        }
        assert!(words.iter().take(nowhere).all(|word| !has(word)));
    }
}

/// Searches every file, and gives their names.
fn searched(folder: &Path) -> Vec<String> {
    let mut searched = Vec::new();
    search(folder, &mut searched);
    searched
}

/// Every file is read, but for the two that were written by this test.
fn search(folder: &Path, searched: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            search(&path, searched);
            continue;
        }
        let bytes = std::fs::read(&path).unwrap();
        let name = path.display().to_string();
        let has = |word: &str| bytes.windows(word.len()).any(|window| window == word.as_bytes());
        assert!(!has(CANARY), "{name}");
        assert!(name.ends_with("/key") || !has("k-zq7-secret"), "{name}");
        searched.push(name);
    }
}
