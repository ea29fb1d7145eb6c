//! What is given to operators: rules that hold, and no figure that is not there.

use crate::*;
use serde_json::Value;
use switchtower_telemetry::metric;

fn deploy() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy")
}

#[test]
fn the_rules_are_valid_and_ring_when_they_should() {
    let Some(promtool) = installed("promtool") else { return };
    let folder = deploy().join("prometheus");
    for arguments in
        [["check", "rules", "alerts.yml"], ["test", "rules", "alerts_test.yml"], ["check", "config", "prometheus.yml"]]
    {
        let output = Command::new(&promtool).args(arguments).current_dir(&folder).output().unwrap();
        let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{arguments:?}: {said}");
    }
    let (rules, tests) = (read("prometheus/alerts.yml"), read("prometheus/alerts_test.yml"));
    for name in rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")) {
        assert!(tests.contains(&format!("alertname: {name}\n")), "{name} has no test");
    }
}

fn read(file: &str) -> String {
    std::fs::read_to_string(deploy().join(file)).unwrap()
}

/// The names of our figures in a text.
fn named(text: &str) -> Vec<String> {
    let words = text.split(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_'));
    words
        .filter(|word| word.starts_with("switchtower_") || *word == "process_start_time_seconds")
        .map(str::to_owned)
        .collect()
}

fn is_there(name: &str) -> bool {
    metric::ALL.iter().any(|metric| {
        let parts = ["_bucket", "_sum", "_count"].iter().filter_map(|part| name.strip_suffix(part));
        metric.name == name
            || metric.kind == metric::Kind::Histogram && parts.into_iter().any(|family| family == metric.name)
    })
}

#[test]
fn every_figure_that_rules_and_dashboard_name_is_there() {
    let dashboard: Value = serde_json::from_str(&read("grafana/switchtower.json")).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let asked: Vec<&str> = panels
        .iter()
        .filter_map(|panel| panel["targets"].as_array())
        .flatten()
        .map(|target| target["expr"].as_str().unwrap())
        .collect();
    let rules = read("prometheus/alerts.yml");
    let named_somewhere = named(&format!("{rules} {}", asked.join(" ")));
    for name in &named_somewhere {
        assert!(is_there(name), "{name} is no figure of ours");
    }
    // A figure that nobody looks at is worth a thought.
    let unseen = [
        "switchtower_build_info",
        "process_start_time_seconds",
        "switchtower_ledger_records",
        "switchtower_open_calls",
    ];
    for metric in metric::ALL.iter().filter(|metric| !unseen.contains(&metric.name)) {
        assert!(named_somewhere.iter().any(|name| name.starts_with(metric.name)), "{} is shown nowhere", metric.name);
    }
    let Some(promtool) = installed("promtool") else { return };
    for expression in asked {
        let plain = expression.replace("$__rate_interval", "5m").replace("$__range", "1h");
        let plain = plain.replace("=~\"$deployment\"", "=~\".*\"").replace("=~\"$instance\"", "=~\".*\"");
        let rules = format!(
            "groups:\n- name: a\n  rules:\n  - record: b\n    expr: {}\n",
            serde_json::to_string(&plain).unwrap()
        );
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("rules.yml");
        std::fs::write(&file, rules).unwrap();
        let output = Command::new(&promtool).args(["check", "rules"]).arg(&file).output().unwrap();
        assert!(output.status.success(), "{expression}: {}", String::from_utf8_lossy(&output.stderr));
    }
}
