//! Killed at random points under load: the ledger verifies, nothing that a client was told is missing, and nothing is
//! there twice, in the ledger and in its tables; what was told costs exactly that, and what a crash left is an estimate.

use crate::projection::found;
use crate::*;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// How often the gateway is killed; `SWITCHTOWER_CRASHES` says it for a longer look.
const CRASHES: u64 = 8;
const CLIENTS: usize = 6;
/// The tables are killed as well.
const PROJECTED: &str = "[projection]\nstore = \"sqlite\"\n";

#[test]
fn a_killed_gateway_has_recorded_what_it_told() {
    let crashes = std::env::var("SWITCHTOWER_CRASHES").ok().and_then(|number| number.parse().ok()).unwrap_or(CRASHES);
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    // What clients have seen to its end, by the id of the request: the tokens that they were told of.
    let mut told: BTreeMap<String, u64> = BTreeMap::new();
    for crash in 0..crashes {
        let fsync = if crash % 2 == 0 { "always" } else { "interval" };
        let gateway = serve(folder, &format!("{PROJECTED}[ledger]\nfsync = \"{fsync}\"\nsegment_bytes = 65536\n"));
        let (address, over, number) = (gateway.address(), AtomicBool::new(false), AtomicU64::new(0));
        let seen = std::thread::scope(|scope| {
            let (over, number) = (&over, &number);
            let clients = (0..CLIENTS).map(|client| {
                scope.spawn(move || {
                    let mut seen = Vec::new();
                    while !over.load(Ordering::SeqCst) {
                        let model = ["sim/sim-1", "sim-messages/sim-1", "sim-gemini/sim-1"][client % 3];
                        let streamed = number.fetch_add(1, Ordering::SeqCst) % 2 == 0;
                        let body = asked(model, "echo: one two three", streamed);
                        let body = body
                            .replace("\"stream\":true", "\"stream\":true,\"stream_options\":{\"include_usage\":true}");
                        let Ok(answer) = exchange(address, "/v1/chat/completions", "", &body) else { continue };
                        let whole =
                            answer.contains("\"completion_tokens\":") && (!streamed || answer.contains("data: [DONE]"));
                        if let Some(id) = request_id(&answer).filter(|_| whole) {
                            seen.push((id, output_tokens(&answer)));
                        }
                    }
                    seen
                })
            });
            let clients: Vec<_> = clients.collect();
            // A point that differs from crash to crash.
            std::thread::sleep(Duration::from_millis(40 + (crash * 7919) % 260));
            signal(gateway.id(), "-KILL");
            wait_for_end(gateway.id());
            over.store(true, Ordering::SeqCst);
            clients.into_iter().flat_map(|client| client.join().unwrap()).collect::<Vec<_>>()
        });
        told.extend(seen);
        drop(gateway);
        let verified = ledger(folder, &["verify"]);
        // A record that was being written when the process ended is the only thing that may be wrong by now.
        let said = text(&verified);
        assert!(verified.status.success() || said.contains("it breaks off"), "{said}");
    }
    // One more start mends what the last crash left.
    stop(&serve(folder, PROJECTED));
    let verified = ledger(folder, &["verify"]);
    assert!(verified.status.success(), "{}", text(&verified));
    assert!(told.len() as u64 > crashes, "{} answers were seen", told.len());
    let all = entries(folder);
    let of_kind = |kind: &str| all.iter().filter(|entry| entry["kind"] == kind).collect::<Vec<_>>();
    let (opened, closed) = (of_kind("opened"), of_kind("closed"));
    let numbers: BTreeSet<u64> = closed.iter().map(|entry| entry["opened"].as_u64().unwrap()).collect();
    assert_eq!(numbers.len(), closed.len(), "no call is closed twice");
    let begun: BTreeSet<u64> = opened.iter().map(|entry| entry["record"].as_u64().unwrap()).collect();
    assert_eq!(begun, numbers, "every call that was opened is closed");
    let by_id: BTreeMap<&str, &serde_json::Value> =
        closed.iter().map(|entry| (entry["request"].as_str().unwrap(), *entry)).collect();
    for (id, tokens) in &told {
        let entry = by_id[id.as_str()];
        assert_eq!(entry["outcome"], "answered", "{entry}");
        assert_eq!(entry["usage"]["output"].as_u64(), Some(*tokens), "{entry}");
        assert!(entry["usage"]["estimated"].is_null(), "{entry}");
        assert_eq!(entry["cost"]["status"], "exact", "{entry}");
    }
    let crashed = closed.iter().filter(|entry| entry["outcome"] == "crashed");
    assert!(crashed.clone().all(|entry| entry["usage"]["estimated"] == "crashed"));
    // Each was bounded, so that its cost is at most that; it is never taken for exact.
    assert!(crashed.clone().all(|entry| entry["cost"]["reasons"][0] == "reserved"));
    let output: u64 = closed.iter().filter_map(|entry| entry["usage"]["output"].as_u64()).sum();
    let (begun, ended) = (opened.len(), closed.len());
    let sums = "SELECT (SELECT count(*) FROM opens), count(*), sum(output) FROM ends";
    assert_eq!(found(folder, sums), format!("[({begun}, {ended}, {output})]"));
    eprintln!("{} answers seen, {} calls closed, {} of them crashed", told.len(), closed.len(), crashed.count());
}

fn output_tokens(answer: &str) -> u64 {
    let (_, rest) = answer.rsplit_once("\"completion_tokens\":").unwrap();
    rest.chars().take_while(char::is_ascii_digit).collect::<String>().parse().unwrap()
}
