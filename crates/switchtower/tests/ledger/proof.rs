//! A proof is checked by who has neither the ledger nor this program; what was changed is found.

use crate::*;
use switchtower_ledger::upkeep::prune;
use switchtower_ledger::{Ledger, LedgerSettings, home};

#[test]
fn a_third_party_checks_a_proof_and_a_changed_byte_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let gateway = serve(folder, "");
    let mut ids = Vec::new();
    for number in 0..9 {
        let answer = exchange(
            gateway.address(),
            "/v1/chat/completions",
            "",
            &asked("sim/sim-1", "echo: hello", number % 2 == 0),
        );
        ids.push(request_id(&answer.unwrap()).unwrap());
    }
    stop(&gateway);
    let verified = ledger(folder, &["verify"]);
    assert!(verified.status.success(), "{}", text(&verified));
    let shown = text(&ledger(folder, &["show", &ids[4]]));
    assert!(shown.contains("\"opened\"") && shown.contains("\"answered\""), "{shown}");
    let key = text(&ledger(folder, &["key"]));
    let of_fifth = entries(folder).into_iter().find(|entry| entry["kind"] == "closed" && entry["request"] == ids[4]);
    let record = of_fifth.unwrap()["record"].to_string();
    let (proof, bytes) = (folder.join("proof"), folder.join("record"));
    let proved = ledger(folder, &["prove", &record, "--record-out", bytes.to_str().unwrap()]);
    assert!(proved.status.success(), "{}", text(&proved));
    std::fs::write(&proof, &proved.stdout).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/guides/verify_proof.py");
    let check = || {
        let mut python = Command::new("python3");
        python.arg(&script).arg(&proof).arg(&bytes).arg(key.trim()).output().unwrap()
    };
    let checked = check();
    assert!(
        checked.status.success() && text(&checked).contains(&format!("record {record} is in")),
        "{}",
        text(&checked)
    );
    let mut other = std::fs::read(&bytes).unwrap();
    let last = other.len() - 1;
    other[last] ^= 1;
    std::fs::write(&bytes, other).unwrap();
    assert!(text(&check()).contains("not the one of the proof"));

    // The checkpoint was kept elsewhere; then somebody changes a byte in the middle, and cuts the end.
    let checkpoint = folder.join("kept");
    std::fs::copy(data(folder).join("ledger/checkpoint"), &checkpoint).unwrap();
    let arguments = ["verify", "--checkpoint", checkpoint.to_str().unwrap(), "--key", key.trim()];
    assert!(ledger(folder, &arguments).status.success());
    let segment = data(folder).join("ledger/00000000000000000000.seg");
    let whole = std::fs::read(&segment).unwrap();
    let mut changed = whole.clone();
    let middle = whole.len() - 700;
    changed[middle] ^= 1;
    std::fs::write(&segment, changed).unwrap();
    let found = ledger(folder, &arguments);
    assert!(found.status.code() == Some(1) && text(&found).contains("FAULT"), "{}", text(&found));
    std::fs::write(&segment, &whole[..whole.len() - 300]).unwrap();
    assert_eq!(ledger(folder, &arguments).status.code(), Some(1));
    // What was cut off is no crash, and nothing is written after it.
    let mut command = binary();
    command.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(data(folder));
    let refused = command.output().unwrap();
    assert!(!refused.status.success() && text(&refused).contains("its end was cut off"), "{}", text(&refused));
}

#[test]
fn two_gateways_do_not_share_a_ledger() {
    let folder = tempfile::tempdir().unwrap();
    let _gateway = serve(folder.path(), "");
    let mut command = binary();
    command.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(data(folder.path()));
    let refused = command.output().unwrap();
    assert!(!refused.status.success() && text(&refused).contains("--data"), "{}", text(&refused));
}

#[test]
fn without_a_folder_for_state_it_says_how_to_name_one() {
    let refused = binary().args(["serve", "--listen", "127.0.0.1:0"]).output().unwrap();
    assert!(!refused.status.success() && text(&refused).contains("--data DIR"), "{}", text(&refused));
}

#[test]
fn a_ledger_is_copied_restored_pruned_and_signed_by_another_key() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let settings = "[ledger]\nsegment_bytes = 65536\ncheckpoint_interval_ms = 100\nkeep_days = 3\n";
    let gateway = serve(folder, settings);
    let ask = |count: usize| {
        for _ in 0..count {
            exchange(gateway.address(), "/v1/chat/completions", "", &asked("sim/sim-1", "echo: x", false)).unwrap();
        }
    };
    ask(60);
    let key = text(&ledger(folder, &["key"]));
    let copy = folder.join("copy");
    let copied = ledger(folder, &["backup", copy.to_str().unwrap()]);
    assert!(copied.status.success() && text(&copied).contains("are copied and verified"), "{}", text(&copied));
    ask(5);
    // Who writes is asked to stop first.
    assert_eq!(ledger(folder, &["rotate-key"]).status.code(), Some(2));
    stop(&gateway);
    let kept = folder.join("kept");
    std::fs::copy(data(folder).join("ledger/checkpoint"), &kept).unwrap();
    let verify =
        |folder: &Path| ledger(folder, &["verify", "--key", key.trim(), "--checkpoint", kept.to_str().unwrap()]);
    for upkeep in [["rotate-key"].as_slice(), &["prune", "--before", "2020-01-01"], &["rotate-key"]] {
        let done = ledger(folder, upkeep);
        assert!(done.status.success(), "{}", text(&done));
        if upkeep.contains(&"prune") {
            // No day that has begun is after what was written just now.
            let settings = LedgerSettings::new(data(folder));
            let (opened, keeping, _) = Ledger::open(&settings, &|_, _| Default::default()).unwrap();
            assert!(prune(&home::journal_of(&data(folder)), &opened, u64::MAX).unwrap().segments > 0);
            keeping.stop(&opened, 0).unwrap();
        }
        let verified = verify(folder);
        assert!(verified.status.success(), "{upkeep:?}: {}", text(&verified));
    }
    assert!(!data(folder).join("ledger/00000000000000000000.seg").exists());
    assert!(text(&verify(folder)).contains(" known by their hashes only"));
    // Tables that are made again have what is left, and that is said.
    let again = [ledger(folder, &["project"]), ledger(folder, &["project", "--rebuild"])];
    let warned = again.map(|done| text(&done).contains("what was before it was pruned, and is in no table now"));
    assert_eq!(warned, [false, true]);
    // Out of the copy, and told from a rollback.
    let elsewhere = folder.join("elsewhere");
    std::fs::create_dir(&elsewhere).unwrap();
    let arguments = ["restore", copy.to_str().unwrap(), "--checkpoint", kept.to_str().unwrap()];
    let restored = ledger(&elsewhere, &arguments);
    assert!(restored.status.success() && text(&restored).contains("are lost"), "{}", text(&restored));
    let verified = verify(&elsewhere);
    assert_eq!(verified.status.code(), Some(1));
    assert!(text(&verified).contains("were lost when the journal was restored from a copy"), "{}", text(&verified));
    assert!(!ledger(&elsewhere, &arguments).status.success(), "nothing is written over");
    // A gateway goes on where the copy ended.
    let gateway = serve(&elsewhere, "");
    exchange(gateway.address(), "/v1/chat/completions", "", &asked("sim/sim-1", "echo: x", false)).unwrap();
    stop(&gateway);
    assert!(ledger(&elsewhere, &["verify"]).status.success());
}
