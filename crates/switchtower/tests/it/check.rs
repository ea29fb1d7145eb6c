//! `switchtower check`, as people and scripts run it.

use std::process::{Command, Output};

fn check(text: &str) -> Output {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("switchtower.toml"), text).unwrap();
    Command::new(env!("CARGO_BIN_EXE_switchtower"))
        .arg("check")
        .current_dir(folder.path())
        .env("RUST_LOG", "off")
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn a_configuration_that_can_be_served_is_told_in_short() {
    let output = check("[deployments.fast]\nprovider = \"sim\"\nmodel = \"sim-1\"\n[aliases]\nsmart = \"fast\"\n");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let told = text(&output.stdout);
    assert!(told.starts_with("switchtower.toml is valid; it listens on 127.0.0.1:8080"), "{told}");
    assert!(told.contains("fast") && told.contains("sim/sim-1") && told.contains("smart"), "{told}");
}

#[test]
fn every_mistake_is_told_and_nothing_else() {
    let output = check("[listen]\nadress = \"127.0.0.1:1\"\n[aliases]\nsmart = \"fast\"\n");
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty());
    assert_eq!(
        text(&output.stderr),
        "switchtower.toml:2:1: unknown setting 'adress' in [listen]; did you mean 'address'?\n\
         switchtower.toml:4:1: there is no deployment 'fast'\n"
    );
}

#[test]
fn the_resolved_whole_is_explained() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("switchtower.toml"), "include = [\"more.toml\"]\n").unwrap();
    let more = "[providers.openai]\nkey = \"env:MY_KEY\"\n[deployments.fast]\nprovider = \"openai\"\nmodel = \"m\"\n";
    std::fs::write(folder.path().join("more.toml"), more).unwrap();
    let run = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_switchtower"));
        let output =
            command.args(arguments).current_dir(folder.path()).env("MY_KEY", "sk-secret-value").output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        text(&output.stdout)
    };
    let told = run(&["check", "--explain"]);
    assert!(told.contains("key = \"env:MY_KEY\"") && told.contains("# more.toml:2\n"), "{told}");
    assert!(told.contains("# catalogue: openai\n") && !told.contains("sk-secret-value"), "{told}");
    std::fs::write(folder.path().join("again.toml"), told.replace("include = [", "# include = [")).unwrap();
    run(&["check", "again.toml"]);
    let list: Vec<serde_json::Value> = serde_json::from_str(&run(&["check", "--explain", "--json"])).unwrap();
    let key = list.iter().find(|entry| entry["path"] == serde_json::json!(["providers", "openai", "key"])).unwrap();
    assert_eq!(key["origin"], serde_json::json!({"kind": "file", "file": "more.toml", "line": 2}));
    let schema: serde_json::Value = serde_json::from_str(&run(&["config", "schema"])).unwrap();
    assert_eq!(schema["properties"]["listen"]["properties"]["threads"]["maximum"], 1024);
}

#[test]
fn a_file_that_is_not_there_is_told() {
    let output = Command::new(env!("CARGO_BIN_EXE_switchtower")).args(["check", "nowhere.toml"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("nowhere.toml: cannot be read"), "{}", text(&output.stderr));
}
