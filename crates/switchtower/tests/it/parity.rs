//! `switchtower parity` against the built-in models.

use serde_json::Value;
use std::process::Command;

fn parity(arguments: &[&str]) -> (bool, String, String) {
    let output =
        Command::new(env!("CARGO_BIN_EXE_switchtower")).env_clear().arg("parity").args(arguments).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.success(), text(output.stdout), text(output.stderr))
}

#[test]
fn one_model_is_compared_at_each_of_its_providers() {
    let (fine, told, _) = parity(&["sim-1", "--runs", "1", "--json"]);
    let told: Value = serde_json::from_str(&told).unwrap();
    let names: Vec<&str> =
        told["deployments"].as_array().unwrap().iter().filter_map(|one| one["deployment"].as_str()).collect();
    assert!(fine && names.contains(&"sim/sim-1") && names.contains(&"sim-gemini/sim-1"), "{names:?}");
    assert!(names.iter().all(|name| name.ends_with("/sim-1")), "{names:?}");
    for deployment in told["deployments"].as_array().unwrap() {
        for feature in ["tool", "parallel tools", "structured output", "reasoning", "bound on tokens"] {
            assert_eq!(deployment["features"][feature]["works"], true, "{feature}: {deployment:#}");
        }
        assert_eq!(deployment["usage_arithmetic"], "adds up", "{deployment:#}");
        assert!(deployment["first_token_ms"].is_number(), "{deployment:#}");
    }
    // Messages has no log-probabilities, and that is told.
    let messages = &told["deployments"][names.iter().position(|name| *name == "sim-messages/sim-1").unwrap()];
    assert_eq!(messages["features"]["log-probabilities"]["why"], "gives none");
    assert_eq!(told["alike"], false);
}

#[test]
fn a_failing_deployment_is_told_beside_a_sound_one() {
    let (fine, told, _) = parity(&["sim/sim-1", "sim/sim-1?fault=overloaded", "--runs", "1"]);
    assert!(
        fine && told.contains("refused [1]") && told.contains("[1] sim/sim-1?fault=overloaded, answers: "),
        "{told}"
    );
    let (fine, _, said) = parity(&["no-such-model"]);
    assert!(!fine && said.contains("no deployment serves 'no-such-model'"), "{said}");
}
