//! A witness that is not ours signs each checkpoint, after it has checked by itself that the ledger only grew.

use crate::*;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};
use std::time::Instant;

struct Witness(Child);

impl Drop for Witness {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_witness_signs_what_only_grew() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    // Begun and stopped once, for its key.
    stop(&serve(folder, ""));
    let key = text(&ledger(folder, &["key"]));
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let port_file = folder.join("port");
    let mut python = Command::new("python3");
    python.arg(here.join("tests/ledger/witness.py")).arg(here.join("../../docs/guides"));
    let child = python.arg(key.trim()).arg(&port_file).stdout(Stdio::piped()).spawn().unwrap();
    let mut witness = Witness(child);
    let mut said = BufReader::new(witness.0.stdout.take().unwrap()).lines();
    let witness_key = said.next().unwrap().unwrap();
    let port = wait_for("the witness", || std::fs::read_to_string(&port_file).ok());
    let settings = format!(
        "[ledger]\ncheckpoint_interval_ms = 100\nsegment_bytes = 65536\nwitnesses = [\"http://127.0.0.1:{port}/log {witness_key}\"]\n"
    );
    let mut sizes = Vec::new();
    for round in 0..2 {
        let gateway = serve(folder, &settings);
        for _ in 0..2 {
            for _ in 0..(5 + 40 * round) {
                exchange(gateway.address(), "/v1/chat/completions", "", &asked("sim/sim-1", "echo: x", false)).unwrap();
            }
            // The origin, the size that it knew, and the one that it signed.
            let line = said.next().unwrap().unwrap();
            let numbers: Vec<u64> = line.split(' ').skip(1).map(|number| number.parse().unwrap()).collect();
            sizes.push((numbers[0], numbers[1]));
        }
        stop(&gateway);
    }
    // Each goes on where the one before ended, also over a start, after which the gateway knows of nothing.
    assert!(sizes.windows(2).all(|pair| pair[1].0 >= pair[0].1 && pair[1].1 > pair[0].1), "{sizes:?}");
    assert!(sizes[0].0 == 0 && sizes.iter().skip(1).all(|(old, _)| *old > 0), "{sizes:?}");
    let log = std::fs::read_to_string(folder.join("log")).unwrap();
    assert!(!log.contains("not signed by a witness"), "{log}");
    // Its signature is kept with the checkpoint, and proofs have it.
    let checkpoints = std::fs::read_to_string(data(folder).join("ledger/checkpoints")).unwrap();
    assert!(checkpoints.contains("\u{2014} witness.example "), "{checkpoints}");
    assert!(ledger(folder, &["verify"]).status.success());

    // A ledger that was rolled back gets no signature, and its operator is told.
    let elsewhere = folder.join("elsewhere");
    std::fs::create_dir(&elsewhere).unwrap();
    let copy = folder.join("copy");
    assert!(ledger(folder, &["backup", copy.to_str().unwrap()]).status.success());
    let gateway = serve(folder, &settings);
    for _ in 0..30 {
        exchange(gateway.address(), "/v1/chat/completions", "", &asked("sim/sim-1", "echo: x", false)).unwrap();
    }
    // The first one is what was signed last before the copy was made.
    let copied = sizes.last().unwrap().1;
    let size_of = |line: String| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap();
    while size_of(said.next().unwrap().unwrap()) < copied + 30 {}
    stop(&gateway);
    assert!(ledger(&elsewhere, &["restore", copy.to_str().unwrap()]).status.success());
    let rolled_back = serve(&elsewhere, &settings);
    exchange(rolled_back.address(), "/v1/chat/completions", "", &asked("sim/sim-1", "echo: x", false)).unwrap();
    wait_for("the refusal", || {
        let log = std::fs::read_to_string(elsewhere.join("log")).ok()?;
        log.contains("this ledger was rolled back, or its name is another's").then_some(())
    });
    stop(&rolled_back);
}

fn wait_for<T>(what: &str, found: impl Fn() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = found() {
            return found;
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "{what} does not come");
        std::thread::sleep(Duration::from_millis(20));
    }
}
