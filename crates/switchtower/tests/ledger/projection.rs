//! The ledger in tables: kept near it by the gateway, made again by a command, the same from both.

use crate::*;
use std::time::Instant;
use switchtower_testkit::PostgresServer;

/// What Python's own SQLite finds in the file.
pub(crate) fn found(folder: &Path, query: &str) -> String {
    let script = "import sqlite3, sys\nprint(sqlite3.connect(sys.argv[1]).execute(sys.argv[2]).fetchall())";
    let file = data(folder).join("projection.db");
    text(&Command::new("python3").args(["-c", script]).arg(file).arg(query).output().unwrap()).trim().to_owned()
}

const SUMS: &str =
    "SELECT count(*), sum(input), sum(output), count(DISTINCT request) FROM calls WHERE cost_status = 'exact'";

#[test]
fn tables_follow_the_ledger_and_are_made_again_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let gateway = serve(folder, "[projection]\nstore = \"sqlite\"\n");
    for number in 0..5 {
        let body = asked("sim/sim-1", "echo: a word never kept", number % 2 == 0);
        exchange(gateway.address(), "/v1/chat/completions", "", &body).unwrap();
    }
    let begun = Instant::now();
    while found(folder, "SELECT count(*) FROM ends") != "[(5,)]" {
        assert!(begun.elapsed() < Duration::from_secs(20), "{}", found(folder, "SELECT count(*) FROM ends"));
        std::thread::sleep(Duration::from_millis(50));
    }
    stop(&gateway);
    // What was written last is there too, and money is exact: whole numbers beside the text.
    assert_eq!(found(folder, "SELECT count(*) FROM house WHERE kind = 'stopped'"), "[(1,)]");
    let sums = found(folder, SUMS);
    assert!(sums.starts_with("[(5, ") && sums.ends_with(", 5)]"), "{sums}");
    let money = "SELECT sum(amount_units), sum(amount_nanos), sum(amount_attos), min(currency) FROM charges";
    let by_hand: i64 = entries(folder)
        .iter()
        .filter_map(|entry| entry["attempts"][0]["cost"]["lines"].as_array())
        .flatten()
        .map(|line| {
            format!("{:0<9}", line["amount"].as_str().unwrap().strip_prefix("0.").unwrap()).parse::<i64>().unwrap()
        })
        .sum();
    assert_eq!(found(folder, money), format!("[(0, {by_hand}, 0, 'USD')]"));
    let file = std::fs::read(data(folder).join("projection.db")).unwrap();
    assert!(!file.windows(8).any(|piece| piece == b"a word n"), "a prompt is in the tables");

    assert!(text(&ledger(folder, &["project"])).starts_with("0 records were brought into "));
    let again = ledger(folder, &["project", "--rebuild"]);
    assert!(again.status.success() && !text(&again).starts_with("0 "), "{}", text(&again));
    assert_eq!(found(folder, SUMS), sums);
}

#[test]
fn a_database_that_is_away_fails_no_request() {
    let Some(mut server) = PostgresServer::start().unwrap() else {
        assert!(std::env::var_os("CI").is_none(), "PostgreSQL is not installed");
        eprintln!("skipped: PostgreSQL is not installed");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    std::fs::write(folder.join("url"), server.address()).unwrap();
    server.stop();
    let gateway = serve(folder, "[projection]\nstore = \"postgresql\"\nurl = \"file:url\"\n");
    for _ in 0..3 {
        let answer = exchange(gateway.address(), "/v1/chat/completions", "", &asked("sim/sim-1", "echo: x", false));
        assert!(answer.unwrap().starts_with("HTTP/1.1 200"));
    }
    server.run().unwrap();
    stop(&gateway);
    let config = folder.join("switchtower.toml");
    let brought = ledger(folder, &["project", "--config", config.to_str().unwrap()]);
    assert!(brought.status.success(), "{}", text(&brought));
    let log = std::fs::read_to_string(folder.join("log")).unwrap();
    assert!(!log.contains("switchtower@"), "the address is in the log: {log}");
    let psql = Command::new("psql")
        .args([
            &server.address(),
            "-Atc",
            "SELECT count(*), sum(amount)::text ~ '^[0-9.]+$' FROM calls JOIN charges ON closed = charges.record",
        ])
        .output();
    if let Ok(told) = psql {
        assert_eq!(text(&told).trim(), "6|t");
    }
}
