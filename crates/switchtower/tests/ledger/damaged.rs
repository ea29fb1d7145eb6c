//! Who reads a damaged ledger is told where it is damaged, and what to do next.

use crate::*;

#[test]
fn each_command_names_the_file_and_the_next_step() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let gateway = serve(folder, "");
    let answer =
        exchange(gateway.address(), "/v1/chat/completions", "", &asked("sim/sim-1", "echo: x", false)).unwrap();
    stop(&gateway);
    assert!(answer.contains("200"), "{answer}");
    let name = "00000000000000000000.seg";
    let segment = data(folder).join("ledger").join(name);
    let mut bytes = std::fs::read(&segment).unwrap();
    let middle = bytes.len() / 2;
    if let Some(byte) = bytes.get_mut(middle) {
        *byte ^= 1;
    }
    std::fs::write(&segment, bytes).unwrap();
    let id = "01010101-0101-0101-0101-010101010101";
    let said = [
        ledger(folder, &["show", id]),
        ledger(folder, &["show", id, "--timeline"]),
        ledger(folder, &["tail"]),
        ledger(folder, &["export"]),
        ledger(folder, &["export", "--format", "focus"]),
        ledger(folder, &["prove", "1"]),
        cost(folder, &[]),
    ];
    for output in said {
        let text = text(&output);
        assert_eq!(output.status.code(), Some(2), "{text}");
        for part in [data(folder).to_str().unwrap(), name, "its checksum is wrong", "`switchtower ledger verify`"] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }
}
