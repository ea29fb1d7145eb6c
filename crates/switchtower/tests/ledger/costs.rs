//! What calls cost, from the built binary: the same in every export, and beside a bill.

use crate::*;
use serde_json::Value;
use std::collections::BTreeMap;

const PRICES: &str = "currency = \"EUR\"
source = \"a contract\"
date = 2026-11-21
contract = true
[prices.sim]
\"sim-1\" = { input = 0.8, cache_read = 0.1, output = 4.5 }
[[egress]]
kind = \"sim\"
gigabyte = 0.09
";
const SETTINGS: &str = "[deployments.fast]\nprovider = \"sim\"\nmodel = \"sim-1\"\n";
const CHAT: &str = "/v1/chat/completions";

/// A gateway that has answered eight requests, whole and streamed, of one model by contract and one by list.
fn spent(folder: &Path) {
    std::fs::write(folder.join("contract.toml"), PRICES).unwrap();
    let file = folder.join("switchtower.toml");
    let settings = format!("prices = [\"contract.toml\"]\n[listen]\naddress = \"127.0.0.1:0\"\n{SETTINGS}");
    std::fs::write(&file, settings).unwrap();
    let mut command = binary();
    command.arg("serve").arg("--config").arg(&file).arg("--data").arg(data(folder));
    let gateway = Running::start(&mut command, &folder.join("log")).unwrap();
    for number in 0..8 {
        let model = if number < 6 { "fast" } else { "sim/sim-1-mini" };
        let (path, streamed) = (if number % 3 == 0 { "/v1/messages" } else { CHAT }, number % 2 == 0);
        let answer = exchange(gateway.address(), path, "", &asked(model, "echo: one two three", streamed)).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
    assert!(exchange(gateway.address(), CHAT, "", &asked("nobody/has-this", "x", false)).unwrap().contains("404"));
    stop(&gateway);
}

#[test]
fn a_reader_who_has_seen_enough_is_no_failure() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    spent(folder);
    let of_data = |arguments: &[&str]| {
        let mut command = binary();
        command.args(arguments).arg("--data").arg(data(folder));
        command
    };
    let mut commands = vec![
        of_data(&["ledger", "export"]),
        of_data(&["ledger", "export", "--format", "csv"]),
        of_data(&["ledger", "export", "--format", "parquet"]),
        of_data(&["ledger", "export", "--format", "focus"]),
        of_data(&["ledger", "tail", "-n", "100"]),
        of_data(&["cost", "--format", "csv"]),
        of_data(&["cost", "--format", "json"]),
        of_data(&["cost"]),
    ];
    for arguments in [&["models", "--known"][..], &["prices", "show", "gpt-4o"], &["config", "schema"]] {
        let mut command = binary();
        command.args(arguments);
        commands.push(command);
    }
    for mut command in commands {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = command.stdout(writer).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && !said.contains("rror"), "{command:?}: {said}");
    }
}

#[test]
fn a_commitment_stands_beside_what_was_spent_and_is_no_part_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    spent(folder);
    let terms = "contract = true\ncurrency = \"EUR\"\nsource = \"annex C\"\ndate = 2026-11-21\n[[commitments]]\nkind = \"sim\"\namount = 1000\nfrom = 2020-01-01\nuntil = 2120-01-01\n[[commitments]]\nkind = \"bedrock\"\namount = 5\nfrom = 2020-01-01\nuntil = 2120-01-01\n";
    std::fs::write(folder.join("terms.toml"), terms).unwrap();
    std::fs::write(folder.join("costs.toml"), "prices = [\"terms.toml\"]\n").unwrap();
    let config = folder.join("costs.toml");
    let json = |arguments: &[&str]| -> Value {
        serde_json::from_slice(&cost(folder, &[arguments, &["--format", "json"]].concat()).stdout).unwrap()
    };
    let without = json(&[]);
    assert_eq!(without["commitments"], Value::Null, "nobody asked a contract");
    let told = json(&["--config", config.to_str().unwrap()]);
    assert_eq!(told["whole"], without["whole"]);
    let [sim, bedrock] = [&told["commitments"][0], &told["commitments"][1]];
    assert_eq!([&sim["to"], &sim["amount"], &sim["currency"], &sim["by"]], ["sim", "1000", "EUR", "terms.toml"]);
    assert_eq!(sim["spent"]["sums"], told["whole"]["cost"]["sums"], "{told:#}");
    assert_eq!((&bedrock["spent"]["exact"], &bedrock["spent"]["sums"]), (&0.into(), &serde_json::json!({})));
    let table = text(&cost(folder, &["--config", config.to_str().unwrap()]));
    let row: Vec<&str> = table
        .lines()
        .find(|line| line.starts_with("sim ") && line.contains("terms.toml"))
        .unwrap()
        .split_whitespace()
        .collect();
    let euros = sim["spent"]["sums"]["EUR"]["exact"].as_str().unwrap();
    assert_eq!(row, ["sim", "2020-01-01", "2120-01-01", "EUR", "1000", euros, "-", "-", "terms.toml"], "{table}");
    assert!(table.contains("what 'sim' cost in USD is not in the row of its commitment"), "{table}");
    // A commitment of other days than those that are asked for is not told.
    let before = json(&["--config", config.to_str().unwrap(), "--until", "2019-01-01"]);
    assert_eq!(before["commitments"], serde_json::json!([]));
}

#[test]
fn a_span_without_a_day_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    spent(folder);
    std::fs::write(folder.join("bill.csv"), "cost\n0\n").unwrap();
    let bill = folder.join("bill.csv");
    for command in [&[][..], &["reconcile", bill.to_str().unwrap()]] {
        for (from, until) in [("2027-01-01", "2026-01-01"), ("2026-11-30", "2026-11-30")] {
            let refused = cost(folder, &[command, &["--from", from, "--until", until]].concat());
            assert_eq!(refused.status.code(), Some(2), "{}", text(&refused));
            assert!(text(&refused).contains(&format!("no day is from {from} on and before {until}")));
        }
    }
    assert!(cost(folder, &["--from", "2026-11-30", "--until", "2026-12-01"]).status.success());
}

#[test]
fn a_bill_is_refused_for_what_it_leaves_open() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    spent(folder);
    let told: Value = serde_json::from_slice(&cost(folder, &["--by", "model", "--format", "json"]).stdout).unwrap();
    let sum = |group: usize, currency: &str| told["groups"][group]["cost"]["sums"][currency]["exact"].as_str().unwrap();
    let (euros, dollars) = (sum(0, "EUR").to_owned(), sum(1, "USD").to_owned());
    let bill = folder.join("bill.csv");
    let reconciled = |text: &str, more: &[&str]| {
        std::fs::write(&bill, text).unwrap();
        cost(folder, &[&["reconcile", bill.to_str().unwrap()], more].concat())
    };
    let open = reconciled(&format!("Cost\n{euros}\n"), &[]);
    assert!(open.status.code() == Some(2) && text(&open).contains("give --currency"), "{}", text(&open));
    let differs = reconciled(&format!("Cost\n{euros}\n"), &["--currency", "EUR"]);
    assert_eq!(differs.status.code(), Some(1));
    assert!(text(&differs).contains(&format!("{dollars} USD")), "{}", text(&differs));
    let agrees = reconciled(&format!("Cost;Currency\n{euros};EUR\n{dollars};USD\n"), &["--provider", "sim"]);
    assert!(agrees.status.success(), "{}", text(&agrees));
    let nobody = reconciled("Cost\n1\n", &["--provider", "openai"]);
    assert!(text(&nobody).contains("no provider 'openai'; those that it has: sim"), "{}", text(&nobody));
    let fine = reconciled("Cost\n$0.00000000000000000049\n", &[]);
    assert!(text(&fine).contains("rounded") && text(&fine).contains("cells"), "{}", text(&fine));
}

/// Rows of comma-separated values by the names of their columns.
fn rows(csv: &[u8]) -> Vec<BTreeMap<String, String>> {
    let mut reader = csv::Reader::from_reader(csv);
    let head = reader.headers().unwrap().clone();
    let named = |row: csv::StringRecord| head.iter().map(str::to_owned).zip(row.iter().map(str::to_owned)).collect();
    reader.records().map(|row| named(row.unwrap())).collect()
}

/// Billionths of a billionth: decimals without their point, for adding them up apart from the product's own arithmetic.
fn atto(decimal: &str) -> i128 {
    let (whole, fraction) = decimal.split_once('.').unwrap_or((decimal, ""));
    format!("{whole}{fraction:0<18}").parse().unwrap()
}

#[test]
fn costs_are_the_same_in_every_export_and_beside_a_bill() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    spent(folder);
    let told: Value = serde_json::from_slice(&cost(folder, &["--by", "model", "--format", "json"]).stdout).unwrap();
    let whole = &told["whole"];
    let models: Vec<&Value> = told["groups"].as_array().unwrap().iter().map(|group| &group["model"]).collect();
    assert_eq!(models, ["sim-1", "sim-1-mini"]);
    assert_eq!((&whole["cost"]["exact"], &whole["cost"]["unknown"]), (&8.into(), &0.into()), "{told:#}");

    // The entries themselves, added up by hand.
    let mut by_hand: BTreeMap<String, i128> = BTreeMap::new();
    for entry in entries(folder).iter().filter(|entry| entry["kind"] == "closed") {
        for line in entry["attempts"][0]["cost"]["lines"].as_array().unwrap() {
            let sum = by_hand.entry(line["currency"].as_str().unwrap().to_owned()).or_default();
            *sum += atto(line["amount"].as_str().unwrap());
        }
    }
    assert_eq!(by_hand.keys().collect::<Vec<_>>(), ["EUR", "USD"]);
    let sums = |of: &str| -> BTreeMap<String, i128> {
        let sums = whole["cost"]["sums"].as_object().unwrap();
        sums.iter().map(|(currency, sums)| (currency.clone(), atto(sums[of].as_str().unwrap()))).collect()
    };
    assert_eq!(sums("exact"), by_hand);

    // Of a group in two currencies each call is counted once.
    let csv = rows(&cost(folder, &["--by", "tenant", "--format", "csv"]).stdout);
    let of = |name: &str| csv.iter().map(|row| row[name].clone()).collect::<Vec<_>>();
    assert_eq!(of("currency"), ["EUR", "USD"]);
    assert_eq!([of("calls"), of("exact_calls")], [["8", ""], ["8", ""]], "{csv:#?}");
    assert_eq!(of("input_tokens"), [whole["input_tokens"].to_string(), String::new()]);
    assert_eq!(of("exact").iter().filter(|amount| !amount.is_empty()).count(), 2);

    // FOCUS: the same sums, the list price beside that of the contract, and egress apart, as an estimate.
    let exported = ledger(folder, &["export", "--format", "focus"]);
    let rows_of_focus = rows(&exported.stdout);
    let mut focus: BTreeMap<String, i128> = BTreeMap::new();
    for row in rows_of_focus.iter().filter(|row| row["x_CostStatus"] == "exact") {
        *focus.entry(row["BillingCurrency"].clone()).or_default() += atto(&row["BilledCost"]);
    }
    assert_eq!(focus, by_hand);
    let egress = rows_of_focus.iter().find(|row| row["ServiceCategory"] == "Networking").unwrap();
    assert_eq!((egress["x_CostStatus"].as_str(), egress["PricingUnit"].as_str()), ("estimated", "GB"));
    std::fs::write(folder.join("focus.csv"), &exported.stdout).unwrap();
    validated(&folder.join("focus.csv"));
    let even = cost(folder, &["reconcile", folder.join("focus.csv").to_str().unwrap()]);
    assert!(even.status.success() && text(&even).contains("model 'x_Model'"), "{}", text(&even));

    // Comma-separated values and Parquet have every entry.
    let count = entries(folder).len();
    let csv = rows(&ledger(folder, &["export", "--format", "csv"]).stdout);
    assert_eq!(csv.len(), count);
    let closed: Vec<_> = csv.iter().filter(|row| row["kind"] == "closed").collect();
    assert!(closed.iter().all(|row| row["cost_status"] == "exact" && row["usage_input"].parse::<u64>().is_ok()));
    let parquet = ledger(folder, &["export", "--format", "parquet"]).stdout;
    assert!(parquet.starts_with(b"PAR1") && parquet.ends_with(b"PAR1"));
    assert_eq!(rows_of(parquet), i64::try_from(count).unwrap());

    // A bill that agrees, and one that does not.
    let group = &told["groups"][0];
    let (input, output) = (&group["input_tokens"], &group["output_tokens"]);
    let amount = group["cost"]["sums"]["EUR"]["exact"].as_str().unwrap();
    let bill = |requests: u8| {
        let file = folder.join("bill.csv");
        std::fs::write(&file, format!("Model,Requests,Input tokens,Output tokens,Cost\nsim-1,{requests},{input},{output},{amount}\nsim-1-mini,2,{},{},{}\n",
            told["groups"][1]["input_tokens"], told["groups"][1]["output_tokens"],
            told["groups"][1]["cost"]["sums"]["USD"]["exact"].as_str().unwrap())).unwrap();
        cost(folder, &["reconcile", file.to_str().unwrap(), "--provider", "sim"])
    };
    let agrees = bill(6);
    assert!(agrees.status.success(), "{}", text(&agrees));
    let differs = bill(7);
    assert_eq!(differs.status.code(), Some(1));
    assert!(text(&differs).contains("sim-1  requests  7     6       1"), "{}", text(&differs));
}

#[test]
fn directives_cost_nothing_bytes_of_errors_came_and_several_answers_are_bounded_together() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let gateway = serve(folder, SETTINGS);
    let ask = |model: &str, more: &str| {
        let body = asked(model, "echo: one two three", false).replacen('{', &format!("{{{more}"), 1);
        exchange(gateway.address(), CHAT, "", &body).unwrap()
    };
    assert!(ask("sim/sim-1?latency_ms=0", "").starts_with("HTTP/1.1 200"));
    assert!(!ask("sim/sim-1?fault=bad_request", "").starts_with("HTTP/1.1 200"));
    ask("sim/sim-1", "\"n\":3,");
    let google =
        r#"{"contents":[{"parts":[{"text":"hi"}]}],"generationConfig":{"maxOutputTokens":40,"candidateCount":2}}"#;
    let answer = exchange(gateway.address(), "/v1beta/models/fast:generateContent", "", google).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    stop(&gateway);
    let entries = entries(folder);
    let of = |kind: &str| entries.iter().filter(|entry| entry["kind"] == kind).collect::<Vec<_>>();
    let (opened, closed) = (of("opened"), of("closed"));
    assert_eq!(closed[0]["cost"]["status"], "exact", "{}", closed[0]);
    assert_eq!(closed[1]["outcome"], "refused");
    assert!(closed[1]["attempts"][0]["bytes_received"].as_u64() > Some(20), "{}", closed[1]);
    let bounds = opened.iter().map(|entry| entry["output_max"].as_u64()).collect::<Vec<_>>();
    assert_eq!(bounds, [Some(40), Some(40), Some(120), Some(80)]);
}

fn rows_of(parquet: Vec<u8>) -> i64 {
    use parquet::file::reader::{FileReader as _, SerializedFileReader};
    SerializedFileReader::new(bytes::Bytes::from(parquet)).unwrap().metadata().file_metadata().num_rows()
}

/// The one rule that the export does not satisfy: it is about charges of an invoice, and a gateway issues none.
const EXPLAINED: &str = "InvoiceId-C-005-C";

/// Checks an export with the validator of the specification's own project, where Python 3.12 is at hand.
fn validated(export: &Path) {
    let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.tools/focus");
    let Ok(validator) = tools.join("bin/focus-validator").canonicalize() else {
        eprintln!("skipped: focus-validator, which needs Python 3.12");
        return;
    };
    // It looks for its own list of currencies beneath the folder that it runs in.
    let packages = std::fs::read_dir(tools.join("lib")).unwrap().next().unwrap().unwrap().path().join("site-packages");
    let arguments = ["--validate-version", "1.2", "--block-download", "--data-file"];
    let checked = Command::new(validator).args(arguments).arg(export).current_dir(packages).output().unwrap();
    let told = text(&checked);
    // It ends with success also where rules failed, so that what it says is read.
    let failed: Vec<&str> = told.lines().filter(|line| line.contains(": FAIL")).collect();
    assert!(told.contains("Total: "), "{told}");
    assert!(failed.len() == 1 && failed.iter().all(|line| line.contains(EXPLAINED)), "{failed:#?}");
}

#[test]
fn what_is_spent_is_told_by_team_and_use_case() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    for name in ["a", "b", "c", "d"] {
        std::fs::write(folder.join(name), format!("key-{name}")).unwrap();
    }
    let keys = "[[keys]]\nname = \"a\"\nsecret = \"file:a\"\nteam = \"search\"\nuse_case = \"answers\"
[[keys]]\nname = \"b\"\nsecret = \"file:b\"\nteam = \"search\"\nuse_case = \"drafts\"
[[keys]]\nname = \"c\"\nsecret = \"file:c\"\nteam = \"ads\"\n[[keys]]\nname = \"d\"\nsecret = \"file:d\"\n";
    let gateway = serve(folder, &format!("{keys}{SETTINGS}"));
    for (name, calls) in [("a", 3), ("b", 2), ("c", 1), ("d", 1)] {
        for _ in 0..calls {
            let header = format!("authorization: Bearer key-{name}\r\n");
            let answer = exchange(gateway.address(), CHAT, &header, &asked("fast", "echo: one", false)).unwrap();
            assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        }
    }
    let header = "authorization: Bearer key-a\r\n";
    assert!(exchange(gateway.address(), CHAT, header, &asked("no/model", "x", false)).unwrap().contains("404"));
    stop(&gateway);
    let told = |by: &str| -> BTreeMap<String, u64> {
        let told: Value = serde_json::from_slice(&cost(folder, &["--by", by, "--format", "json"]).stdout).unwrap();
        let groups = told["groups"].as_array().unwrap().iter();
        let name = |group: &Value| -> Vec<String> {
            by.split(',').map(|by| group[by].as_str().unwrap_or("-").to_owned()).collect()
        };
        groups.map(|group| (name(group).join("/"), group["cost"]["exact"].as_u64().unwrap_or(99))).collect()
    };
    let want = |groups: &[(&str, u64)]| groups.iter().map(|(name, calls)| ((*name).to_owned(), *calls)).collect();
    assert_eq!(told("team"), want(&[("search", 5), ("ads", 1), ("-", 1)]));
    assert_eq!(told("team,use-case"), want(&[("search/answers", 3), ("search/drafts", 2), ("ads/-", 1), ("-/-", 1)]));
    let exported = ledger(folder, &["export", "--format", "focus"]);
    let tags: Vec<Value> =
        rows(&exported.stdout).iter().map(|row| serde_json::from_str(&row["Tags"]).unwrap()).collect();
    assert!(tags.iter().any(|tags| tags["team"] == "search" && tags["use_case"] == "drafts"), "{tags:?}");
    assert!(tags.iter().any(|tags| tags["team"] == "ads" && tags.get("use_case").is_none()), "{tags:?}");
    let refused: Vec<Value> = entries(folder).into_iter().filter(|entry| entry["kind"] == "refused").collect();
    assert!(matches!(&*refused, [one] if one["team"] == "search" && one["use_case"] == "answers"), "{refused:?}");
}
