//! The conformance command, as people run it: the built binary over folders of recordings.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use serde_json::{Value, json};
use std::path::Path;
use std::process::{Command, Output};

fn conformance(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_switchtower")).arg("conformance").arg(folder).args(arguments).output().unwrap()
}

fn recording(api: &str, dialect: &str, request: &Value, response: &str, streaming: bool) -> String {
    json!({
        "source": "tests", "index": 0, "licence": "Apache-2.0", "provider": "test", "api": api, "dialect": dialect,
        "fidelity": "wire", "streaming": streaming, "features": [],
        "request": {"method": "POST", "url": "https://example.com/v1", "headers": {}, "body": request},
        "response": {"status": 200, "headers": {"content-type": "application/json"}, "body_text": response},
    })
    .to_string()
}

fn good() -> String {
    let request = json!({"model": "m", "messages": [{"role": "user", "content": "hello"}], "logit_bias": {"50": 1}});
    let answer = json!({
        "id": "c", "object": "chat.completion", "created": 1, "model": "m",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4}
    });
    recording("test.chat", "openai.chat", &request, &answer.to_string(), false)
}

#[test]
fn what_conforms_passes_and_what_nobody_claims_is_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("good.json"), good()).unwrap();
    let unclaimed = recording("test.embed", "nobody.embed", &json!({}), "{}", false);
    std::fs::write(folder.path().join("unclaimed.json"), unclaimed).unwrap();
    let output = conformance(folder.path(), &["--json"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        report,
        json!({
            "exchanges": 2, "passed": 1, "failed": 0, "not_covered": 1,
            "by_api": {
                "test.chat": {"exchanges": 1, "passed": 1, "failed": 0, "not_covered": 0},
                "test.embed": {"exchanges": 1, "passed": 0, "failed": 0, "not_covered": 1}
            },
            "by_provider": {"test": {"exchanges": 2, "passed": 1, "failed": 0, "not_covered": 1}},
            "failures": []
        })
    );
}

#[test]
fn a_stream_that_does_not_end_fails_with_a_reason_and_exit_code_1() {
    let folder = tempfile::tempdir().unwrap();
    let request = json!({"model": "m", "messages": [{"role": "user", "content": "hello"}], "stream": true});
    let cut = "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"h\"},\"finish_reason\":null}]}\n\n";
    std::fs::write(folder.path().join("cut.json"), recording("test.chat", "openai.chat", &request, cut, true)).unwrap();
    let output = conformance(folder.path(), &["--failures"]);
    assert_eq!(output.status.code(), Some(1));
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(told.contains("cut.json: stream decodes: the stream does not end"), "{told}");
}

#[test]
fn changes_of_typed_values_are_noticed() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("good.json"), good()).unwrap();
    let output = conformance(folder.path(), &["--mutate", "--json"]);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let text = &report["mutations"]["fields"]["openai_chat answer: .choices.parts.kind.Text.text"];
    assert_eq!(text, &json!({"changed": 1, "noticed": 1}), "{report:#}");
    assert!(output.status.success());
}

#[test]
fn a_folder_that_is_not_there_is_an_error_of_its_own() {
    assert_eq!(conformance(Path::new("no such folder"), &[]).status.code(), Some(2));
}

/// Real traffic, where it is at hand: at least 99 of 100 exchanges pass.
#[test]
fn recorded_traffic_conforms() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/traffic");
    if !folder.is_dir() {
        eprintln!("skipped: there are no recordings beside the checkout");
        return;
    }
    let report: Value = serde_json::from_slice(&conformance(&folder, &["--json"]).stdout).unwrap();
    let count = |key: &str| report[key].as_u64().unwrap();
    let covered = count("passed") + count("failed");
    assert!(covered > 1000 && count("passed") * 100 >= covered * 99, "{:#}", report["failures"]);
    for (provider, counts) in report["by_provider"].as_object().unwrap() {
        let count = |key: &str| counts[key].as_u64().unwrap();
        let covered = count("passed") + count("failed");
        assert!(count("passed") * 100 >= covered * 95, "{provider}: {counts}");
    }
}

/// A row that its provider's recordings contradict is noticed.
#[test]
fn a_row_is_held_against_its_recordings() {
    let folder = tempfile::tempdir().unwrap();
    let request =
        json!({"model": "m", "messages": [{"role": "user", "content": "hello"}], "user": "u", "stream": true});
    let unmarked = "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"h\"},\"finish_reason\":\"stop\"}]}\n\n";
    let write = |provider: &str| {
        let text = recording("test.chat", "openai.chat", &request, unmarked, true);
        std::fs::write(
            folder.path().join(format!("{provider}.json")),
            text.replace("\"test\"", &format!("\"{provider}\"")),
        )
        .unwrap();
    };
    ["mistral", "perplexity"].into_iter().for_each(write);
    let told = String::from_utf8(conformance(folder.path(), &["--failures"]).stdout).unwrap();
    assert!(told.contains("mistral.json: row fits what was accepted: the provider took 'user'"), "{told}");
    assert!(told.contains("mistral.json: stream decodes: the stream does not end"), "{told}");
    assert!(!told.contains("perplexity.json"), "{told}");
}

#[test]
fn what_is_explained_does_not_fail_a_run_and_what_is_explained_for_nothing_does() {
    let folder = tempfile::tempdir().unwrap();
    let request = json!({"model": "m", "messages": [{"role": "user", "content": "hello"}]});
    let bad = recording("test.chat", "openai.chat", &request, "{}", false);
    std::fs::write(folder.path().join("good.json"), good()).unwrap();
    std::fs::write(folder.path().join("bad.json"), bad).unwrap();
    assert_eq!(conformance(folder.path(), &[]).status.code(), Some(1));
    let list = tempfile::NamedTempFile::new().unwrap();
    let with = |text: &str| {
        std::fs::write(list.path(), text).unwrap();
        conformance(folder.path(), &["--explained", list.path().to_str().unwrap()])
    };
    assert_eq!(with("# why\nbad.json: the provider said nothing\n").status.code(), Some(0));
    let stale = with("bad.json: the provider said nothing\ngood.json: it is good\n");
    assert!(
        stale.status.code() == Some(1) && String::from_utf8_lossy(&stale.stderr).contains("good.json is explained")
    );
    assert_eq!(with("").status.code(), Some(1));
    assert_eq!(with("bad.json\n").status.code(), Some(2));
}
