//! A bill beside the ledger: what is the same says nothing, every difference is told.

use crate::{cost, line, spent};
use switchtower_domain::Charge;
use switchtower_ledger::record::Counts;
use switchtower_portfolio::reconcile::{Bill, BillError, Columns, Difference, Reading, Reconciliation};
use switchtower_portfolio::{Breakdown, By, Span, Spent};

fn attempt(model: &'static str) -> Spent {
    let lines = vec![line(Charge::Input, 100, "3", None, "USD"), line(Charge::Output, 80, "15", None, "USD")];
    spent(model, Some(cost(lines, 0)))
}

fn reading(columns: &[&str]) -> Result<Reading, BillError> {
    let columns: Vec<String> = columns.iter().map(|text| (*text).to_owned()).collect();
    Ok(Reading { columns: Columns::named(&columns)?, ..Reading::default() })
}

fn compared(bill: &str, columns: &[&str], attempts: &[Spent]) -> Vec<Difference> {
    compared_as(bill, &reading(columns).unwrap(), attempts).unwrap()
}

fn compared_as(bill: &str, reading: &Reading, attempts: &[Spent]) -> Result<Vec<Difference>, BillError> {
    let bill = Bill::read(bill.as_bytes(), reading)?;
    let mut reconciliation = Reconciliation::new(bill);
    attempts.iter().for_each(|attempt| reconciliation.add(attempt).unwrap());
    reconciliation.differences()
}

fn told(difference: &Difference) -> String {
    let side = |side: &Option<String>| side.clone().unwrap_or_else(|| "-".to_owned());
    let Difference { what, field, bill, ledger, less } = difference;
    format!("{what} {field}: {} / {} ({})", side(bill), side(ledger), side(less))
}

#[test]
fn exports_of_vendors_are_read_by_the_names_of_their_columns() {
    let attempts = [attempt("gpt-x"), attempt("gpt-x")];
    for bill in [
        // As OpenAI's usage export names them.
        "start_time_iso,model,num_model_requests,input_tokens,input_cached_tokens,output_tokens\n2026-11-21T00:00:00+00:00,gpt-x,2,240,40,160\n",
        // As Anthropic's, with writes of two lifetimes.
        "usage_date_utc,model_version,usage_input_tokens_no_cache,usage_input_tokens_cache_write_5m,usage_input_tokens_cache_write_1h,usage_input_tokens_cache_read,usage_output_tokens\n2026-11-21,gpt-x,200,0,0,40,160\n",
        // Rows are summed, and spaces and signs passed over.
        "Date,Model,Requests,Cost\n2026-11-21,gpt-x,1, $0.0015\n2026-11-21,gpt-x,1.0,1.5e-3\n",
    ] {
        assert_eq!(compared(bill, &[], &attempts), [], "{bill}");
    }
    let own = "Tag,Modell,Betrag (USD)\n2026-11-21,gpt-x,0.003\n";
    assert_eq!(compared(own, &["day=Tag", "model=Modell", "cost=Betrag (USD)"], &attempts), []);
}

#[test]
fn every_difference_is_told_on_either_side() {
    let bill = "day,model,requests,input_tokens,output_tokens,cost\n2026-11-21,gpt-x,2,120,80,0.0016\n2026-11-22,gpt-x,1,5,5,1\n";
    let found: Vec<String> = compared(bill, &[], &[attempt("gpt-x"), attempt("gpt-y")]).iter().map(told).collect();
    assert_eq!(
        found,
        [
            "2026-11-21 gpt-x requests: 2 / 1 (1)",
            "2026-11-21 gpt-x cost: 0.0016 / 0.0015 (0.0001)",
            "2026-11-21 gpt-y row: - / there (-)",
            "2026-11-22 gpt-x row: there / - (-)",
        ]
    );
}

#[test]
fn a_request_is_found_by_the_providers_id_and_an_unknown_cost_is_a_difference() {
    let bill = "request_id,model,cost\nreq-1,any,0.0015\nreq-2,any,0.01\n";
    let unknown = Spent { provider_request_id: Some("req-2".into()), ..spent("gpt-x", Some(cost(Vec::new(), 2))) };
    let estimated = cost(vec![line(Charge::Input, 100, "3", None, "USD")], 1);
    let estimated = Spent { provider_request_id: Some("req-1".into()), ..spent("gpt-x", Some(estimated)) };
    assert_eq!(compared(bill, &[], &[attempt("gpt-x"), unknown.clone()]).len(), 1);
    let found: Vec<String> = compared(bill, &[], &[estimated, unknown]).iter().map(told).collect();
    assert_eq!(found, ["req-1 cost: 0.0015 / 0.0003, 1 estimated (0.0012)", "req-2 cost: 0.01 / 0 and 1 unknown (-)"]);
    // What was not charged for is on no bill.
    assert_eq!(compared("day,cost\n", &[], &[spent("gpt-x", None)]), []);
}

#[test]
fn what_cannot_be_read_is_named() {
    let read = |text: &str, columns: &[&str]| {
        reading(columns).and_then(|reading| Bill::read(text.as_bytes(), &reading)).unwrap_err()
    };
    assert!(matches!(read("model,day\n", &[]), BillError::Nothing));
    assert_eq!(read("a,b\n", &["cost=c"]).to_string(), "it has no column 'c'");
    assert!(read("a\n", &["price=a"]).to_string().contains("what can be said: request, day, model"));
    assert_eq!(
        read("day,cost\n2026-11-21,1\n21.11.2026,2\n", &[]).to_string(),
        "line 3, column 'day': '21.11.2026' is no day such as 2026-11-21"
    );
    assert!(read("cost\n1.2.3\n", &[]).to_string().contains("is no amount such as 12.5"));
    assert!(read("requests\n1.5\n", &[]).to_string().contains("is no whole number"));
    assert!(read("requests\n250.000\n", &[]).to_string().contains("'250.000' is no whole number that is clear"));
    assert!(read("day,cost\n2026-11-21,1,2\n", &[]).to_string().contains("line: 2"));
    assert!(read("cost,amount\n1,2\n", &[]).to_string().contains("(cost, amount): say which one with --columns"));
    assert!(read("cost,cost\n1,2\n", &[]).to_string().contains("--columns"));
    assert!(read("cost,cost\n1,2\n", &["cost=cost"]).to_string().contains("two columns are called 'cost'"));
    assert!(read("cost,currency\n1,XYZ\n", &[]).to_string().contains("is no code of a currency"));
    assert!(read("cost,currency\n€1,USD\n", &[]).to_string().contains("another currency than its row says"));
    let most = u64::MAX;
    assert_eq!(
        read(&format!("requests\n{most}\n1\n"), &[]).to_string(),
        "line 3: the sum of what column 'requests' counts is too large"
    );
}

#[test]
fn a_cost_in_another_currency_is_a_difference() {
    let attempts = [attempt("gpt-x")];
    for same in ["cost\n$0.0015\n", "cost_usd\n0.0015\n", "Cost,Currency\n0.0015,usd\n", "cost\n0.0015 USD\n"] {
        assert_eq!(compared(same, &[], &attempts), [], "{same}");
    }
    for other in ["cost\n€0.0015\n", "Cost,Billing Currency\n0.0015,EUR\n", "cost_eur\n0.0015\n"] {
        let columns: &[&str] = if other.starts_with("cost_eur") { &["cost=cost_eur"] } else { &[] };
        let found: Vec<String> = compared(other, columns, &attempts).iter().map(told).collect();
        assert_eq!(found, ["all cost: 0.0015 EUR / - (-)", "all cost: - / 0.0015 USD (-)"], "{other}");
    }
    let stated = Reading { currency: Some("EUR".parse().unwrap()), ..Reading::default() };
    assert_eq!(compared_as("cost\n0.0015\n", &stated, &attempts).unwrap().len(), 2);
}

#[test]
fn several_currencies_want_the_bills() {
    let euros = spent("gpt-y", Some(cost(vec![line(Charge::Input, 100, "3", None, "EUR")], 0)));
    let attempts = [attempt("gpt-x"), euros];
    let refused = compared_as("cost\n0.0018\n", &Reading::default(), &attempts).unwrap_err();
    assert!(refused.to_string().contains("give --currency"), "{refused}");
    assert_eq!(compared("model,cost\ngpt-x,0.0015\ngpt-y,0.0003\n", &[], &attempts), [], "a currency a row");
    assert_eq!(compared("cost,currency\n0.0015,USD\n0.0003,EUR\n", &[], &attempts), []);
    let dollars = Reading { currency: Some("USD".parse().unwrap()), ..Reading::default() };
    let found = compared_as("cost\n0.0015\n", &dollars, &attempts).unwrap();
    assert_eq!(found.iter().map(told).collect::<Vec<_>>(), ["all cost: - / 0.0003 EUR (-)"]);
}

#[test]
fn days_that_do_not_count_are_passed_over_and_files_of_spreadsheets_are_read() {
    let attempts = [attempt("gpt-x")];
    let span = Span { from: Some("2026-11-21".parse().unwrap()), until: Some("2026-11-22".parse().unwrap()) };
    let reading = Reading { span, ..Reading::default() };
    let bill = "day,cost\n2026-11-20,1\n20261121,0.0015\n2026-11-22,1\n";
    assert_eq!(compared_as(bill, &reading, &attempts).unwrap(), []);
    assert_eq!(compared("\u{feff}Day;Cost;Model\n2026-11-20T23:00:00-05:00;0.0015;gpt-x\n", &[], &attempts), []);
    let refund = "cost\n0.002\n(0.0004)\n-$0.0001\n0.00000000000000000049\n";
    assert_eq!(compared(refund, &[], &attempts), []);
    assert_eq!(Bill::read(refund.as_bytes(), &Reading::default()).unwrap().rounded(), 1);
}

#[test]
fn absurd_counts_of_the_ledger_are_differences() {
    let counts = || Counts {
        input: Some(u64::MAX),
        cache_write_5m: Some(u64::MAX),
        cache_write_1h: Some(u64::MAX),
        ..Counts::default()
    };
    let absurd = || Spent { usage: Some(counts()), ..attempt("gpt-x") };
    let found: Vec<String> = compared("input_tokens\n1\n", &[], &[absurd(), absurd()]).iter().map(told).collect();
    assert_eq!(found, ["all input: 1 / 18446744073709551615 (-18446744073709551614)"]);
    let mut breakdown = Breakdown::new(vec![By::Model]);
    breakdown.add(&absurd()).unwrap();
    breakdown.add(&absurd()).unwrap();
    assert_eq!(breakdown.whole().input_tokens, u64::MAX);
}
