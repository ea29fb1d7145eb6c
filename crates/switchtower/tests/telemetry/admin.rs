//! What is there for operators.

use crate::*;
use serde_json::Value;

const ADMIN: &str = "[admin]\naddress = \"127.0.0.1:0\"\n";
const SLOW: &str = "sim/sim-1?latency_ms=3000";

fn body(answer: &str) -> Value {
    serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
}

/// The value of a series, by the start of its line.
fn value(metrics: &str, series: &str) -> Option<f64> {
    metrics.lines().find_map(|line| line.strip_prefix(series)?.trim().parse().ok())
}

#[test]
fn figures_say_what_the_ledger_says() {
    let folder = tempfile::tempdir().unwrap();
    let gateway = serve(folder.path(), ADMIN);
    let admin = admin_of(&gateway);
    for (model, stream) in
        [("sim/sim-1", false), ("sim/sim-1", true), ("sim/sim-1?fault=overloaded", false), ("nobody", false)]
    {
        drop(ask(&gateway, model, stream, ""));
    }
    let metrics = get(admin, "/metrics", "");
    assert!(metrics.starts_with("HTTP/1.1 200") && metrics.contains("text/plain; version=0.0.4"), "{metrics}");
    let call = r#"{deployment="sim/sim-1",provider="sim",model="sim-1",client="openai_chat",operation="answers""#;
    assert_eq!(value(&metrics, &format!("switchtower_requests_total{call},outcome=\"answered\"}}")), Some(2.0));
    assert!(metrics.contains("outcome=\"refused\",code=\"unknown_model\"} 1"), "{metrics}");
    assert!(metrics.contains("outcome=\"refused\",code=\"provider_overloaded\"} 1"), "{metrics}");
    assert!(metrics.contains("failure=\"overloaded\"} 1"), "{metrics}");
    // A fault is a part of the name of a model that only a caller knows.
    assert!(!metrics.contains("fault="), "{metrics}");
    let exported = Command::new(env!("CARGO_BIN_EXE_switchtower"))
        .args(["ledger", "export", "--data"])
        .arg(folder.path().join("data"))
        .output()
        .unwrap();
    let entries: Vec<Value> =
        String::from_utf8(exported.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let closed: Vec<&Value> = entries.iter().filter(|entry| entry["kind"] == "closed").collect();
    let sum = |field: &str| closed.iter().filter_map(|entry| entry["usage"][field].as_f64()).sum::<f64>();
    for (kind, field) in [("input", "input"), ("output", "output")] {
        let tokens = value(&metrics, &format!("switchtower_tokens_total{call},kind=\"{kind}\",counted=\"reported\"}}"));
        assert_eq!(tokens, Some(sum(field)), "{kind}");
    }
    let duration: f64 = closed.iter().filter_map(|entry| entry["total_us"].as_f64()).sum();
    let sums: f64 = metrics
        .lines()
        .filter(|line| line.starts_with("switchtower_request_duration_seconds_sum"))
        .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
        .sum();
    assert!((sums * 1e6 - duration).abs() < 1.0, "{sums} {duration}");
    assert_eq!(value(&metrics, "switchtower_ledger_records"), Some(entries.len() as f64));
}

#[test]
fn the_tool_of_prometheus_finds_nothing_wrong() {
    let Some(promtool) = installed("promtool") else { return };
    let folder = tempfile::tempdir().unwrap();
    let gateway = serve(folder.path(), ADMIN);
    drop(ask(&gateway, "sim/sim-1", true, ""));
    let metrics = get(admin_of(&gateway), "/metrics", "");
    let (well, said) = fed(&promtool, &["check", "metrics"], metrics.split_once("\r\n\r\n").unwrap().1);
    assert!(well && said.is_empty(), "{said}");
}

#[test]
fn ready_means_that_it_can_serve() {
    let folder = tempfile::tempdir().unwrap();
    let gateway = serve(folder.path(), &format!("{ADMIN}[aliases]\nslow = \"{SLOW}\"\n"));
    let admin = admin_of(&gateway);
    let ready = get(admin, "/readyz", "");
    assert!(ready.starts_with("HTTP/1.1 200") && body(&ready)["ready"] == true, "{ready}");
    assert!(get(gateway.address(), "/readyz", "").starts_with("HTTP/1.1 200"));
    assert_eq!(body(&get(admin, "/healthz", ""))["alive"], true);
    // Applications see no figures.
    assert!(get(gateway.address(), "/metrics", "").starts_with("HTTP/1.1 404"));
    // An answer that is under way keeps it alive, and it is not ready any more.
    let address = gateway.address();
    let under_way = std::thread::spawn(move || {
        let body = r#"{"model":"slow","messages":[{"role":"user","content":"Hello"}]}"#;
        exchange(address, "POST /v1/chat/completions", "", body).unwrap()
    });
    assert!(eventually(|| get(admin, "/metrics", "").contains("\nswitchtower_open_requests 1\n")));
    signal(gateway.id(), "-TERM");
    assert!(eventually(|| get(admin, "/readyz", "").starts_with("HTTP/1.1 503")));
    let told = body(&get(admin, "/readyz", ""));
    assert_eq!((&told["ready"], &told["checks"]["serving"]["ok"]), (&Value::Bool(false), &Value::Bool(false)));
    assert!(told["checks"]["serving"]["why"].is_string() && told["checks"]["ledger"]["ok"] == true);
    assert!(get(admin, "/healthz", "").starts_with("HTTP/1.1 200"));
    assert!(under_way.join().unwrap().starts_with("HTTP/1.1 200"));
    wait_for_end(gateway.id());
}

#[test]
fn figures_are_for_operators() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("key"), "operators-own").unwrap();
    let gateway = serve(folder.path(), "[admin]\naddress = \"0.0.0.0:0\"\nkey = \"file:key\"\n");
    let admin = SocketAddr::from(([127, 0, 0, 1], admin_of(&gateway).port()));
    assert!(get(admin, "/metrics", "").starts_with("HTTP/1.1 401"));
    assert!(get(admin, "/metrics", "authorization: Bearer another\r\n").starts_with("HTTP/1.1 401"));
    assert!(get(admin, "/metrics", "authorization: Bearer operators-own\r\n").starts_with("HTTP/1.1 200"));
    assert!(get(admin, "/readyz", "").starts_with("HTTP/1.1 200"));
    assert!(exchange(admin, "POST /metrics", "", "").unwrap().starts_with("HTTP/1.1 405"));
}

#[test]
fn a_page_of_a_foreign_site_sees_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let gateway = serve(folder.path(), ADMIN);
    let admin = admin_of(&gateway);
    let mut socket = TcpStream::connect(admin).unwrap();
    write!(socket, "GET /metrics HTTP/1.1\r\nhost: rebound.example\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
}

#[test]
fn reloads_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let gateway = serve(folder.path(), ADMIN);
    let admin = admin_of(&gateway);
    let file = folder.path().join("switchtower.toml");
    let before = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, format!("{before}[aliases]\na = \"nowhere\"\n")).unwrap();
    assert!(eventually(|| get(admin, "/metrics", "").contains("\nswitchtower_config_last_reload_successful 0")));
    // The last good one is in force.
    assert!(get(admin, "/readyz", "").starts_with("HTTP/1.1 200"));
    std::fs::write(&file, format!("{before}[aliases]\na = \"sim/sim-1\"\n")).unwrap();
    assert!(eventually(|| get(admin, "/metrics", "").contains("\nswitchtower_config_last_reload_successful 1")));
    let metrics = get(admin, "/metrics", "");
    assert_eq!(value(&metrics, "switchtower_config_reloads_total{outcome=\"ok\"}"), Some(1.0));
    assert_eq!(value(&metrics, "switchtower_config_reloads_total{outcome=\"failed\"}"), Some(1.0));
}

#[test]
fn a_timeline_is_drawn_of_a_call_that_asked_for_it() {
    let folder = tempfile::tempdir().unwrap();
    let gateway = serve(folder.path(), "[telemetry]\ntimelines = true\n");
    let answer = ask(&gateway, "sim/sim-1?tokens_per_second=400", true, "x-switchtower-trace: tokens\r\n");
    assert!(answer.contains("data: [DONE]"), "{answer}");
    let id = answer.lines().find_map(|line| line.strip_prefix("x-request-id: ")).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_switchtower"));
    let output =
        command.args(["ledger", "show", "--timeline", id, "--data"]).arg(folder.path().join("data")).output().unwrap();
    let chart = String::from_utf8(output.stdout).unwrap();
    for word in ["accept", "plan", "record", "call", "attempt 1", "bytes in", "bytes out", "between pieces: median"] {
        assert!(chart.contains(word), "{word}: {chart}");
    }
    assert!(!chart.contains("Hello"));
}

#[test]
fn the_log_is_an_object_a_line_with_the_request_and_its_trace() {
    let folder = tempfile::tempdir().unwrap();
    let settings = "[providers.gone]\ndialect = \"openai_chat\"\nbase_url = \"http://127.0.0.1:1/v1\"\n";
    let gateway = serve(folder.path(), settings);
    let traced = "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n";
    let answer = ask(&gateway, "gone/m", false, traced);
    let id = answer.lines().find_map(|line| line.strip_prefix("x-request-id: ")).unwrap();
    let log = std::fs::read_to_string(folder.path().join("log")).unwrap();
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let line = lines.iter().find(|line| line["request"] == id).unwrap();
    assert_eq!((&line["code"], &line["level"]), (&Value::from("provider_unreachable"), &Value::from("WARN")));
    assert_eq!(line["trace"], "4bf92f3577b34da6a3ce929d0e0e4736");
}
