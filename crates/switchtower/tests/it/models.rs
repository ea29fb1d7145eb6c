//! `switchtower models`, as people and scripts run it.

use serde_json::Value;
use std::process::{Command, Output};

fn models(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_switchtower"));
    command.arg("models").args(arguments).env_clear().env("RUST_LOG", "off").output().unwrap()
}

#[test]
fn the_simulator_lists_its_models_in_each_dialect_that_has_lists() {
    for provider in ["sim", "sim-responses", "sim-messages", "sim-gemini", "sim-cohere", "sim-ollama"] {
        let output = models(&["--at", provider, "--json"]);
        assert!(output.status.success(), "{provider}: {}", String::from_utf8_lossy(&output.stderr));
        let listed: Value = serde_json::from_slice(&output.stdout).unwrap();
        let listed = listed.as_array().unwrap();
        let named = |name: &str| listed.iter().find(|one| one["model"] == name).unwrap();
        assert_eq!(named("sim-1")["deployed"], true, "{provider}");
        assert!(listed.len() == 4 && listed.iter().all(|one| one["state"] == "known"), "{provider}: {listed:?}");
    }
    let elsewhere = models(&["--at", "sim-bedrock"]);
    let said = String::from_utf8_lossy(&elsewhere.stderr).into_owned();
    assert!(!elsewhere.status.success() && said.contains("'switchtower models --known' has what is known"), "{said}");
}
