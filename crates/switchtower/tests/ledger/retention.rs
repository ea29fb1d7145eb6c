//! What is kept of prompts and answers: only by a rule, sealed, on record, and gone in its time.

use crate::*;
use serde_json::Value;

/// A rule that keeps everything, and a master key for it.
pub(crate) fn everything(folder: &Path, rest: &str) -> String {
    std::fs::write(folder.join("master"), MASTER).unwrap();
    format!("[retention]\nkey = \"file:master\"\n[[retention.rules]]\nname = \"everything\"\ncontent = \"all\"\n{rest}")
}

const MASTER: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const OTHER_MASTER: &str = "ff02030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20";

pub(crate) fn retention(folder: &Path, arguments: &[&str]) -> Output {
    let (config, data) = (folder.join("switchtower.toml"), data(folder));
    binary().arg("retention").args(arguments).arg("--config").arg(config).arg("--data").arg(data).output().unwrap()
}

/// Waits until so many parts are kept, by reports that find nothing wrong.
fn kept(folder: &Path, parts: u64) {
    for _ in 0..200 {
        let output = retention(folder, &["report", "--json"]);
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert!(output.status.success() && report.get("proved") == Some(&Value::Bool(true)), "{report:#}");
        let rows = report.get("kept").and_then(Value::as_array).unwrap();
        if rows.iter().map(|row| row.get("parts").and_then(Value::as_u64).unwrap()).sum::<u64>() == parts {
            return;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    unreachable!("not {parts} parts: {}", text(&retention(folder, &["report"])));
}

fn shown(folder: &Path, id: &str) -> Vec<Value> {
    let output = retention(folder, &["show", id, "--json"]);
    if !output.status.success() {
        return Vec::new();
    }
    serde_json::from_slice(&output.stdout).unwrap()
}

fn ask(gateway: &Running, said: &str, stream: bool) -> (String, String) {
    let answer = exchange(gateway.address(), "/v1/chat/completions", "", &asked("sim/sim-1", said, stream)).unwrap();
    (request_id(&answer).unwrap(), answer)
}

fn of_kind<'a>(entries: &'a [Value], kind: &str) -> Vec<&'a Value> {
    entries.iter().filter(|entry| entry.get("kind").and_then(Value::as_str) == Some(kind)).collect()
}

#[test]
fn what_is_kept_comes_back_as_it_was_beside_a_gateway_that_serves() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let gateway = serve(folder, &everything(folder, "keep_days = 2\n"));
    let (whole, _) = ask(&gateway, "echo: one", false);
    let (streamed, answer) = ask(&gateway, "echo: two", true);
    kept(folder, 4);
    let parts = shown(folder, &whole);
    assert_eq!(parts[0]["part"], "request");
    assert_eq!(parts[0]["text"], asked("sim/sim-1", "echo: one", false));
    assert!(parts[1]["text"].as_str().unwrap().contains("\"content\":\"one\""), "{}", parts[1]);
    // Each event as the client got it, whatever chunks they came in.
    let parts = shown(folder, &streamed);
    let events =
        |text: &str| text.lines().filter(|line| line.starts_with("data: ")).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(events(parts[1]["text"].as_str().unwrap()), events(&answer));
    // A tenant is gone at once, also where a gateway has its keys.
    let shredded = retention(folder, &["shred", "--tenant", "default"]);
    assert!(
        shredded.status.success() && text(&shredded).contains("destroyed: 4 parts, with their "),
        "{}",
        text(&shredded)
    );
    assert!(shown(folder, &whole).is_empty() && shown(folder, &streamed).is_empty());
    ask(&gateway, "echo: three", false);
    kept(folder, 2);
    // Nobody is told that something of somebody was destroyed who never was, and nothing of it is on record.
    let nobodys = retention(folder, &["shred", "--tenant", "defualt"]);
    assert!(!nobodys.status.success() && text(&nobodys).contains("there is no tenant 'defualt'"), "{}", text(&nobodys));
    assert!(!retention(folder, &["shred"]).status.success());
    let nothing = retention(folder, &["expire"]);
    assert!(nothing.status.success() && text(&nothing).contains("nothing was to be kept"), "{}", text(&nothing));
    // What lies beside it and nobody kept is found.
    let note = data(folder).join("content/default/notes.txt");
    std::fs::write(&note, "a prompt").unwrap();
    let report = retention(folder, &["report"]);
    assert!(!report.status.success() && text(&report).contains("default/notes.txt: it is no part of what is kept"));
    std::fs::remove_file(note).unwrap();
    stop(&gateway);
    let all = entries(folder);
    let opened = of_kind(&all, "opened");
    assert!(opened.iter().all(|entry| entry["retention"] == "everything" && entry["keeps_content"] == true));
    assert_eq!((of_kind(&all, "kept").len(), of_kind(&all, "shown").len(), of_kind(&all, "shredded").len()), (6, 2, 1));
    assert_eq!(of_kind(&all, "shredded")[0]["items"], 4);
    assert!(ledger(folder, &["verify"]).status.success());
}

#[test]
fn whose_records_are_is_forgotten_beside_a_gateway_that_keeps_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    std::fs::write(folder.join("secret"), "sk-of-the-bot-0123456789").unwrap();
    let gateway = serve(folder, "[[keys]]\nname = \"bot\"\nsecret = \"file:secret\"\n");
    let ask = || {
        let headers = "authorization: Bearer sk-of-the-bot-0123456789\r\n";
        let body = asked("sim/sim-1", "echo: x", false);
        let answer = exchange(gateway.address(), "/v1/chat/completions", headers, &body).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    };
    let file = data(folder).join("tenants/default.key");
    let key = || std::fs::read(&file).unwrap();
    ask();
    let former = key();
    let nobodys = retention(folder, &["shred", "--tenant", "acme", "--pseudonyms"]);
    assert!(!nobodys.status.success() && text(&nobodys).contains("there is no tenant 'acme'; there is 'default'"));
    let shredded = retention(folder, &["shred", "--tenant", "default", "--pseudonyms"]);
    assert!(shredded.status.success(), "{}", text(&shredded));
    ask();
    let after = key();
    assert_ne!(after, former);
    stop(&gateway);
    assert_eq!(key(), after, "a gateway does not write the former key back");
    let all = entries(folder);
    let callers: Vec<_> = of_kind(&all, "opened").iter().map(|entry| entry["caller"].clone()).collect();
    assert!(callers.len() == 2 && callers[0].is_string() && callers[0] != callers[1], "{callers:?}");
    let shreddeds = of_kind(&all, "shredded");
    assert_eq!((shreddeds.len(), &shreddeds[0]["pseudonyms"]), (1, &Value::Bool(true)));
    // Its name is told of what came later, and that it cannot be told of what came before is said.
    let config = folder.join("switchtower.toml");
    let told = cost(folder, &["--by", "key", "--config", config.to_str().unwrap()]);
    let (table, said) = (String::from_utf8(told.stdout).unwrap(), String::from_utf8(told.stderr).unwrap());
    assert!(table.contains("bot ") && table.contains(callers[0].as_str().unwrap()), "{table}");
    assert!(!table.contains(callers[1].as_str().unwrap()), "{table}");
    let before = format!("record {} says that the key of pseudonyms was destroyed", shreddeds[0]["record"]);
    assert!(said.contains(&before), "{said}");
    // Without a gateway as well.
    assert!(retention(folder, &["shred", "--tenant", "default", "--pseudonyms"]).status.success());
    assert_ne!(key(), after);
    assert!(ledger(folder, &["verify"]).status.success());
    let none_is_kept = retention(folder, &["report", "--json"]);
    assert!(none_is_kept.status.success(), "{}", text(&none_is_kept));
}

#[test]
fn its_time_ends_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let gateway = serve(folder, &everything(folder, "keep_seconds = 1\n"));
    let (id, _) = ask(&gateway, "echo: one", false);
    let gone =
        |entries: &[Value]| of_kind(entries, "deleted").iter().map(|entry| entry["items"].as_u64().unwrap()).sum();
    let mut all = entries(folder);
    for _ in 0..400 {
        if gone(&all) == 2_u64 {
            break;
        }
        std::thread::sleep(Duration::from_millis(50));
        all = entries(folder);
    }
    assert_eq!((of_kind(&all, "kept").len(), gone(&all)), (2, 2));
    assert!(of_kind(&all, "deleted").iter().all(|entry| entry["reason"] == "expired"));
    kept(folder, 0);
    assert!(shown(folder, &id).is_empty());
    assert_eq!(std::fs::read_dir(data(folder).join("content/default")).unwrap().count(), 0);
    // What is still in its time stays, also where somebody asks for what is not.
    drop(gateway);
    let gateway = serve(folder, &everything(folder, "keep_seconds = 3600\n"));
    let (id, _) = ask(&gateway, "echo: two", false);
    kept(folder, 2);
    assert!(retention(folder, &["expire"]).status.success());
    assert_eq!(shown(folder, &id).len(), 2);
}

#[test]
fn another_master_key_opens_what_was_kept_before() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let settings = everything(folder, "keep_days = 2\n");
    let gateway = serve(folder, &settings);
    let (id, _) = ask(&gateway, "echo: one", false);
    kept(folder, 2);
    assert!(text(&retention(folder, &["rotate-key"])).contains("a gateway holds"));
    stop(&gateway);
    std::fs::write(folder.join("other"), OTHER_MASTER).unwrap();
    let other = settings.replace("file:master", "file:other");
    // Without the former one nobody reads it; with it, it is wrapped anew when the gateway starts.
    stop(&serve(folder, &other));
    assert!(text(&retention(folder, &["show", &id])).contains("is wrapped by the master key"));
    stop(&serve(
        folder,
        &other.replace("key = \"file:other\"", "key = \"file:other\"\nformer_keys = [\"file:master\"]"),
    ));
    stop(&serve(folder, &other));
    assert_eq!(shown(folder, &id).len(), 2);
    let all = entries(folder);
    assert_eq!(of_kind(&all, "rewrapped").len(), 1);
    kept(folder, 2);
    // And back, by the command.
    let back = settings.replace("key = \"file:master\"", "key = \"file:master\"\nformer_keys = [\"file:other\"]");
    std::fs::write(folder.join("switchtower.toml"), back).unwrap();
    let rotated = retention(folder, &["rotate-key"]);
    assert!(rotated.status.success() && text(&rotated).starts_with("1 keys"), "{}", text(&rotated));
    assert_eq!(shown(folder, &id).len(), 2);
}

#[test]
fn what_has_to_be_kept_and_cannot_be_is_refused_by_name_and_otherwise_on_record() {
    for required in [true, false] {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let gateway = serve(folder, &everything(folder, &format!("keep_days = 2\nrequired = {required}\n")));
        // What should be a folder is a file.
        std::fs::create_dir_all(data(folder).join("content")).unwrap();
        std::fs::write(data(folder).join("content/default"), "").unwrap();
        for stream in [false, true] {
            let (_, answer) = ask(&gateway, "echo: one", stream);
            assert_eq!(answer.contains("retention_unavailable"), required, "{answer}");
            assert_eq!(answer.starts_with("HTTP/1.1 503"), required, "{answer}");
        }
        stop(&gateway);
        let all = entries(folder);
        let (closed, failed) = (of_kind(&all, "closed"), of_kind(&all, "deleted"));
        assert_eq!(closed.len(), 2);
        assert!(closed.iter().all(|entry| (entry["code"] == "retention_unavailable") == required), "{closed:?}");
        assert!(closed.iter().all(|entry| entry["attempts"].is_null() == required), "nothing is sent before");
        assert!(failed.len() >= 2 && failed.iter().all(|entry| entry["reason"] == "failed"), "{failed:?}");
        assert!(of_kind(&all, "refused").is_empty());
    }
}

#[test]
fn an_answer_that_has_to_be_kept_and_cannot_be_is_not_told_to_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let gateway = serve(folder, &everything(folder, "keep_days = 2\nrequired = true\nparts = [\"answer\"]\n"));
    std::fs::create_dir_all(data(folder).join("content")).unwrap();
    std::fs::write(data(folder).join("content/default"), "").unwrap();
    let (_, whole) = ask(&gateway, "echo: one", false);
    assert!(whole.starts_with("HTTP/1.1 503") && whole.contains("retention_unavailable"), "{whole}");
    assert!(!whole.contains("\"one\""), "{whole}");
    let (_, streamed) = ask(&gateway, "echo: two", true);
    assert!(streamed.contains("retention_unavailable") && !streamed.contains("[DONE]"), "{streamed}");
    stop(&gateway);
    let all = entries(folder);
    let outcomes: Vec<_> = of_kind(&all, "closed").iter().map(|entry| entry["outcome"].as_str().unwrap()).collect();
    assert_eq!(outcomes, ["refused", "broke_off"]);
    // What was used was used.
    assert!(of_kind(&all, "closed").iter().all(|entry| entry["usage"]["output"].as_u64() > Some(0)));
    assert!(of_kind(&all, "refused").is_empty(), "each request is on record once");
}

#[test]
fn a_changed_file_is_told_and_says_so_by_its_exit_status() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let gateway = serve(folder, &everything(folder, "keep_days = 2\n"));
    let (id, _) = ask(&gateway, "echo: one", false);
    kept(folder, 2);
    stop(&gateway);
    let mut items = std::fs::read_dir(data(folder).join("content/default")).unwrap().map(|entry| entry.unwrap().path());
    let items = items.find(|path| path.extension().unwrap() == "items").unwrap();
    let bytes = std::fs::read(&items).unwrap();
    std::fs::remove_file(&items).unwrap();
    let told = retention(folder, &["report"]);
    assert_eq!(told.status.code(), Some(1));
    assert!(text(&told).contains("WRONG  record") && text(&told).contains(&id), "{}", text(&told));
    std::fs::write(&items, bytes).unwrap();
    kept(folder, 2);
}
