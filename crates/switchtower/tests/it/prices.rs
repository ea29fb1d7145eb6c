//! `switchtower prices`, as people and scripts run it.

use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output};

fn prices(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_switchtower"));
    command.arg("prices").args(arguments).current_dir(folder).env("RUST_LOG", "off").output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

const OWN: &str = "currency = \"EUR\"\nsource = \"us\"\ndate = 2026-11-21\n[prices.vllm]\nm = [\n  { input = 2, until = 2026-07-01 },\n  { input = 1, output = 3, from = 2026-07-01 },\n]\n";

#[test]
fn the_prices_of_a_model_are_told_by_list_and_day() {
    let folder = tempfile::tempdir().unwrap();
    let output = prices(folder.path(), &["show", "sim/sim-1"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let told = text(&output.stdout);
    let row: Vec<&str> = told.lines().nth(1).unwrap().split_whitespace().collect();
    assert_eq!(row[..6], ["sim/sim-1", "shipped:", "the", "simulator", "standard", "USD"], "{told}");
    assert!(told.contains("input 1, cache_read 0.1, cache_write_5m 1.25, cache_write_1h 2, output 5"), "{told}");
    std::fs::write(folder.path().join("own.toml"), OWN).unwrap();
    std::fs::write(folder.path().join("switchtower.toml"), "prices = [\"own.toml\"]\n").unwrap();
    for (day, price) in [("2026-06-30", "2"), ("2026-07-01", "1")] {
        let arguments = ["show", "m", "--config", "switchtower.toml", "--at", day, "--json"];
        let rows: Value = serde_json::from_slice(&prices(folder.path(), &arguments).stdout).unwrap();
        assert_eq!(rows.as_array().unwrap().len(), 1, "{rows:#}");
        assert_eq!(rows[0]["rates"]["input"], serde_json::json!({"amount": price, "per": "million_tokens"}));
        assert_eq!((&rows[0]["by"], &rows[0]["holds"]), (&"own: own.toml".into(), &true.into()));
    }
    let unknown = prices(folder.path(), &["show", "sim/sim-11"]);
    assert_eq!(unknown.status.code(), Some(1));
    assert!(text(&unknown.stderr).contains("did you mean 'sim/sim-1'"), "{}", text(&unknown.stderr));
    assert!(text(&prices(folder.path(), &["show", "m", "--at", "soon"]).stderr).contains("2026-11-21"));
}

#[test]
fn the_prices_of_a_provider_are_those_that_its_calls_are_charged_by() {
    let folder = tempfile::tempdir().unwrap();
    let own = OWN.replace("vllm", "oai").replace("\nm = ", "\n\"gpt-4o\" = ");
    std::fs::write(folder.path().join("own.toml"), own).unwrap();
    let settings = "prices = [\"own.toml\"]\n[providers.oai]\nkind = \"openai\"\nkey = \"env:PATH\"\n";
    std::fs::write(folder.path().join("switchtower.toml"), settings).unwrap();
    let output =
        prices(folder.path(), &["show", "oai/gpt-4o", "--config", "switchtower.toml", "--at", "2026-11-21", "--json"]);
    let rows: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", text(&output.stderr)));
    let told: Vec<(&str, bool)> = rows
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (row["by"].as_str().unwrap(), row["holds"].as_bool().unwrap()))
        .filter(|(by, holds)| *holds || by.ends_with("LiteLLM"))
        .collect();
    assert_eq!(told[0], ("own: own.toml", true), "{rows:#}");
    assert!(told.contains(&("shipped: LiteLLM", false)), "{rows:#}");
}

#[test]
fn what_a_contract_takes_off_and_what_holds_besides_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let contract = "contract = true\ncurrency = \"EUR\"\nsource = \"annex B\"\ndate = 2026-11-21\n[[discounts]]\nkind = \"vllm\"\npercent = 50\n[[egress]]\nkind = \"vllm\"\ngigabyte = 0.09\n[[commitments]]\nkind = \"vllm\"\namount = 1000\nfrom = 2026-01-01\nuntil = 2027-01-01\n";
    std::fs::write(folder.path().join("contract.toml"), contract).unwrap();
    std::fs::write(folder.path().join("own.toml"), OWN).unwrap();
    std::fs::write(folder.path().join("switchtower.toml"), "prices = [\"own.toml\", \"contract.toml\"]\n").unwrap();
    let show = |more: &[&str]| {
        let arguments = ["show", "vllm/m", "--config", "switchtower.toml", "--at", "2026-11-21"];
        text(&prices(folder.path(), &[&arguments, more].concat()).stdout)
    };
    let told = show(&[]);
    for line in [
        "EUR input 1, output 3; less 50 percent: input 0.5, output 1.5",
        "\ndiscount: 50 percent off vllm/m, by contract.toml (annex B, 2026-11-21)\n",
        "\negress: EUR 0.09 for 10⁹ bytes of answers of vllm, by contract.toml (annex B, 2026-11-21)\n",
        "\ncommitment: EUR 1000 to vllm from 2026-01-01 until 2027-01-01, used or not, by contract.toml (annex B, 2026-11-21)\n",
    ] {
        assert!(told.contains(line), "{line}\n{told}");
    }
    let rows: Value = serde_json::from_str(&show(&["--json"])).unwrap();
    let row = &rows[0];
    assert_eq!([&row["rates"]["output"]["amount"], &row["charged"]["output"]["amount"]], ["3", "1.5"], "{rows:#}");
    assert_eq!([&row["discount"]["percent"], &row["egress"][0]["rate"]["amount"]], ["50", "0.09"], "{rows:#}");
    assert_eq!(row["commitments"][0]["amount"], "1000", "{rows:#}");
}

#[test]
fn two_lists_that_disagree_are_told_and_a_wrong_one_is_named_by_line() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("one.toml"), OWN).unwrap();
    std::fs::write(folder.path().join("other.toml"), OWN.replace("input = 1, output = 3", "input = 1.5")).unwrap();
    let diff = |more: &[&str]| {
        let arguments = [&["diff", "one.toml", "other.toml", "--at", "2026-11-21"], more].concat();
        text(&prices(folder.path(), &arguments).stdout)
    };
    let told = diff(&[]);
    let row: Vec<&str> = told.lines().nth(1).unwrap().split_whitespace().collect();
    assert_eq!(row, ["vllm/m", "input", "1", "EUR", "1.5", "EUR"]);
    assert!(
        told.ends_with("1 of the 1 models that one.toml and other.toml both name have another price on 2026-11-21\n"),
        "{told}"
    );
    assert!(!told.contains("not stated") && diff(&["--missing"]).contains("not stated"));
    let report: Value = serde_json::from_str(&diff(&["--json"])).unwrap();
    assert_eq!(report["differences"][0]["other"]["rate"]["amount"], "1.5");
    std::fs::write(folder.path().join("other.toml"), OWN.replace("output", "outptu")).unwrap();
    let output = prices(folder.path(), &["diff", "one.toml", "other.toml"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        text(&output.stderr).contains("line 7: unknown key 'outptu'; did you mean 'output'"),
        "{}",
        text(&output.stderr)
    );
    // Those that ship disagree as well, which is why both do.
    let shipped: Value =
        serde_json::from_slice(&prices(folder.path(), &["diff", "--at", "2026-11-21", "--json"]).stdout).unwrap();
    assert!(shipped["both"].as_u64().unwrap() > 300 && !shipped["differences"].as_array().unwrap().is_empty());
}

#[test]
fn what_is_imported_is_a_list_of_prices() {
    let folder = tempfile::tempdir().unwrap();
    let data = r#"{"groq/m": {"litellm_provider": "groq", "mode": "chat", "input_cost_per_token": 5e-08}, "x": {}}"#;
    std::fs::write(folder.path().join("data.json"), data).unwrap();
    let arguments =
        ["import", "litellm", "data.json", "--source", "theirs", "--date", "2026-11-21", "--out", "list.toml"];
    let output = prices(folder.path(), &arguments);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(text(&output.stderr).starts_with("prices of 1 names of models imported; 1 entries left out"));
    let list = std::fs::read_to_string(folder.path().join("list.toml")).unwrap();
    assert_eq!(
        list,
        "currency = \"USD\"\ndate = 2026-11-21\n\n[sources]\ns1 = \"theirs\"\n\n[prices.groq]\n\"m\" = { input = 0.05, source = \"s1\" }\n"
    );
    let none = prices(folder.path(), &["import", "genai-prices", "data.json"]);
    assert_eq!(none.status.code(), Some(1));
    assert!(text(&none.stderr).contains("must be a list of providers"));
}
