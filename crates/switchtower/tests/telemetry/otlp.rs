//! A receiver of OTLP that is not ours gets what records say, and nothing else.

use crate::*;
use serde_json::Value;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n";
const UNSAMPLED: &str = "traceparent: 00-5bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00\r\n";

/// The receiver; nothing where it is not installed, which is said.
pub(crate) fn receiver(folder: &Path) -> Option<(Running, PathBuf)> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let python = here.join("../../.tools/otlp/bin/python");
    if !python.exists() {
        let message = "oteltest is not installed; `scripts/test.sh` installs it";
        assert!(std::env::var("CI").as_deref() != Ok("true"), "{message}");
        eprintln!("SKIPPED: {message}");
        return None;
    }
    let file = folder.join("received");
    std::fs::write(&file, "").unwrap();
    let mut command = Command::new(python);
    command.arg(here.join("tests/telemetry/receiver.py")).arg(&file);
    Some((Running::start(&mut command, &folder.join("receiver.log")).unwrap(), file))
}

fn received(file: &Path, signal: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(file).unwrap();
    let all = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    all.filter(|one| one["signal"] == signal).collect()
}

/// All that is beneath these names, one after another.
fn beneath<'a>(all: &'a [Value], names: &[&str]) -> Vec<&'a Value> {
    let mut found: Vec<&Value> = all.iter().map(|one| &one["message"]).collect();
    for name in names {
        found = found.into_iter().filter_map(|one| one[*name].as_array()).flatten().collect();
    }
    found
}

fn attribute<'a>(of: &'a Value, key: &str) -> Option<&'a Value> {
    let found = of["attributes"].as_array()?.iter().find(|attribute| attribute["key"] == key)?;
    found["value"].as_object()?.values().next()
}

fn spans(file: &Path) -> Vec<Value> {
    let all = received(file, "traces");
    beneath(&all, &["resourceSpans", "scopeSpans", "spans"]).into_iter().cloned().collect()
}

#[test]
fn spans_and_metrics_arrive_as_the_conventions_name_them() {
    let folder = tempfile::tempdir().unwrap();
    let Some((receiver, file)) = receiver(folder.path()) else { return };
    std::fs::write(folder.path().join("receivers-key"), "key-of-the-receiver").unwrap();
    let settings = format!(
        "[telemetry]\notlp = \"http://{}\"\ninterval_ms = 300\nservice = \"tower\"\n\
         [telemetry.headers]\nauthorization = \"file:receivers-key\"\n\
         [deployments.fast]\nprovider = \"sim\"\nmodel = \"sim-1\"\n",
        receiver.address()
    );
    let gateway = serve(folder.path(), &settings);
    let answer = ask(&gateway, "fast", true, PARENT);
    assert!(answer.contains(&format!("x-switchtower-trace-id: {TRACE}")), "{answer}");
    drop(ask(&gateway, "sim/sim-1?fault=overloaded", false, PARENT));
    drop(ask(&gateway, "nobody", false, PARENT));
    drop(ask(&gateway, "fast", false, UNSAMPLED));
    let of_our_own = ask(&gateway, "fast", false, "");
    assert!(of_our_own.contains("x-switchtower-trace-id: "));
    // What waits is sent before the end.
    signal(gateway.id(), "-TERM");
    wait_for_end(gateway.id());
    let spans = spans(&file);
    let ours: Vec<&Value> = spans.iter().filter(|span| hexadecimal(&span["traceId"]) == TRACE).collect();
    let (requests, attempts): (Vec<&Value>, Vec<&Value>) =
        ours.into_iter().partition(|span| span["kind"] == "SPAN_KIND_SERVER");
    assert_eq!((requests.len(), attempts.len(), spans.len()), (3, 2, 7), "{spans:#?}");
    assert!(requests.iter().all(|span| hexadecimal(&span["parentSpanId"]) == "00f067aa0ba902b7"));
    let request = requests.iter().find(|span| span["name"] == "chat fast").unwrap();
    let attempt = attempts.iter().find(|span| span["parentSpanId"] == request["spanId"]).unwrap();
    assert_eq!(attempt["name"], "chat sim-1");
    for (key, wanted) in
        [("gen_ai.operation.name", "chat"), ("gen_ai.request.model", "sim-1"), ("switchtower.deployment", "fast")]
    {
        assert_eq!(attribute(attempt, key), Some(&Value::from(wanted)), "{key}");
    }
    assert!(attribute(attempt, "gen_ai.usage.output_tokens").is_some(), "{attempt:#}");
    assert_eq!(attribute(request, "switchtower.outcome"), Some(&Value::from("answered")));
    let failed = attempts.iter().find(|span| span["status"]["code"] == "STATUS_CODE_ERROR").unwrap();
    assert_eq!(attribute(failed, "error.type"), Some(&Value::from("overloaded")));
    // The name that only the caller knew is a digest.
    assert!(!failed.to_string().contains("fault="), "{failed:#}");
    let all = received(&file, "traces");
    assert_eq!(all[0]["headers"]["authorization"], "key-of-the-receiver");
    let resources = beneath(&all, &["resourceSpans"]);
    assert_eq!(attribute(&resources[0]["resource"], "service.name"), Some(&Value::from("tower")));
    metrics_arrived(&file);
    // The record has the same spans.
    let exported = Command::new(env!("CARGO_BIN_EXE_switchtower"))
        .args(["ledger", "export", "--data"])
        .arg(folder.path().join("data"))
        .output()
        .unwrap();
    let ledger = String::from_utf8(exported.stdout).unwrap();
    for span in &spans {
        assert!(ledger.contains(&hexadecimal(&span["spanId"])), "{span:#}");
    }
}

fn metrics_arrived(file: &Path) {
    let all = received(file, "metrics");
    let metrics = beneath(&all, &["resourceMetrics", "scopeMetrics", "metrics"]);
    let last = |name: &str| *metrics.iter().rev().find(|metric| metric["name"] == name).unwrap();
    let usage = last("gen_ai.client.token.usage");
    assert_eq!(
        (&usage["unit"], &usage["histogram"]["aggregationTemporality"]),
        (&Value::from("{token}"), &Value::from("AGGREGATION_TEMPORALITY_CUMULATIVE"))
    );
    let points = usage["histogram"]["dataPoints"].as_array().unwrap();
    let kinds: Vec<_> = points.iter().filter_map(|point| attribute(point, "gen_ai.token.type")).collect();
    assert_eq!(kinds, ["input", "output"]);
    let duration = last("gen_ai.client.operation.duration");
    let points = duration["histogram"]["dataPoints"].as_array().unwrap();
    let errors: Vec<_> = points.iter().filter_map(|point| attribute(point, "error.type")).collect();
    assert_eq!(errors, ["provider_overloaded"]);
    assert_eq!(
        points[0]["explicitBounds"].as_array().unwrap().len() + 1,
        points[0]["bucketCounts"].as_array().unwrap().len()
    );
    let requests = last("switchtower.requests")["sum"]["dataPoints"].as_array().unwrap();
    let count = |point: &Value| point["asInt"].as_str().and_then(|count| count.parse::<u64>().ok()).unwrap_or_default();
    assert_eq!(requests.iter().map(count).sum::<u64>(), 5);
}

/// Bytes as JSON has them, in hexadecimal digits.
fn hexadecimal(base64: &Value) -> String {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let text = base64.as_str().unwrap_or_default();
    let digits = text.bytes().filter_map(|byte| alphabet.iter().position(|known| *known == byte));
    let bits: Vec<bool> = digits.flat_map(|digit| (0..6).rev().map(move |bit| digit >> bit & 1 == 1)).collect();
    let bytes = bits.chunks_exact(8).map(|bits| bits.iter().fold(0_u8, |byte, bit| byte << 1 | u8::from(*bit)));
    bytes.map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn a_receiver_that_is_gone_costs_its_own_drops_alone() {
    let folder = tempfile::tempdir().unwrap();
    let settings = "[admin]\naddress = \"127.0.0.1:0\"\n[telemetry]\notlp = \"http://127.0.0.1:1\"\nqueue_max = 5\ninterval_ms = 100\n";
    let gateway = serve(folder.path(), settings);
    let dropped = "switchtower_otlp_items_total{signal=\"traces\",outcome=\"queue_full\"} ";
    let count = |metrics: &str| metrics.lines().find_map(|line| line.strip_prefix(dropped)?.parse::<u64>().ok());
    // While what was sent first is tried again and again, there is room for five more.
    assert!(eventually(|| {
        assert!(ask(&gateway, "sim/sim-1", false, "").starts_with("HTTP/1.1 200"));
        count(&get(admin_of(&gateway), "/metrics", "")).is_some_and(|count| count > 0)
    }));
    assert!(get(admin_of(&gateway), "/readyz", "").starts_with("HTTP/1.1 200"));
    signal(gateway.id(), "-TERM");
    wait_for_end(gateway.id());
}
